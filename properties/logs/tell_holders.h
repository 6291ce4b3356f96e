// Tells who holds the pages in the way of a contiguous request, as far as the log has it: what migration reported, who
// was given the page that a test stopped at, and how the kernel described pages. Used by the explanation of requests
// and by explain_log. Cost: for output only.
#pragma once

#include <string>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/reading.h"
#include "properties/logs/request_groups.h"
#include "properties/logs/requests.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Adds what is known of the pages in the way of a request that found windows busy.
void tell_holders(const Request& request, const Reading& reading, const Context& context, Shown& shown,
                  Section& section);
// Returns a page in the way that the log describes, for the short answer: "page 0x9a123 (anonymous, ...)"; empty if it
// describes none that can be in the way of these requests, by its place and by the lines between.
std::string described_holder(const Group& group, const Context& context, const Shown& shown);
// Adds a section about the pages that the kernel described, if there are some.
void tell_described(const Context& context, Shown& shown, LogAnswer& answer);

}  // namespace cma::logs
