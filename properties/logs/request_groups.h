// Requests that look alike as one group, and what the log says around them: how large the area is, what else takes of
// it, what went on after the failure.
//
// Used by the explanation of requests and its short answer. Cost: linear in the requests.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/error_meaning.h"
#include "properties/logs/reading.h"
#include "properties/logs/requests.h"

namespace cma::logs {

// Requests that look alike: what is said of the first is true of all.
struct Group {
  const Request* first = nullptr;
  const Request* last = nullptr;
  Reading reading;
  ErrorMeaning meaning;
  Outcome outcome = Outcome::unknown;
  std::uint64_t count = 0;
  std::vector<std::uint64_t> end_lines;
};

// Returns the requests by what is to be said of them, in the order of the log.
std::vector<Group> groups_of(const std::vector<Request>& requests, const Context& context);

// Returns whether windows failed and nothing tells that the request did.
bool only_windows(const Request& request);
// Returns whether windows of another request may have kept this one from some: since 3.16 the bits of a window are
// marked while it is tried. Up to 3.15 a request lets no other one try until it has ended.
bool may_be_marked(const Request& request, const Context& context);
// Returns whether it is for one page, whichever, and each that buffers do not have could not be moved.
bool is_single_page(const Group& group);

// Returns what pasted files have of the area of the group, which is the only one that they have if the log names none;
// nullptr if they do not have it.
const AreaFiles* files_of_area(const Group& group, const Context& context);

// How many pages the area of a request can have, and the line that tells.
struct AreaSize {
  std::uint64_t pages = 0;
  std::uint64_t line = 0;
  const char* what = "";
  Certainty certainty = Certainty::follows;  // that the area has no more
};

// Returns what the log tells of the size of the area; nullopt if nothing.
std::optional<AreaSize> area_size(const Group& group, const Context& context);
// Returns whether the request asks for more than its area has.
bool is_too_large(const Group& group, const Context& context);
// Returns the pages of the pool for atomic requests, if the area has no room for the request beside them; else 0.
std::uint64_t pool_in_the_way(const Group& group, const Context& context);
// The windows that a request without lines of windows can have tried, as far as its area's size or free runs tell.
struct Places {
  const KnownArea* area = nullptr;  // nullptr: the log does not have it; pages count from its begin then
  bool of_runs = false;             // they lie in the free runs that were printed after it had failed
  std::uint64_t count = 0;
  Pfn first = 0;  // where the first begins, and the last
  Pfn last = 0;
  std::optional<PfnRange> common;  // the pages that all have in common
  std::uint64_t line = 0;
};

// Returns the windows that a request can have tried whose pages were in the way; nullopt if the log has them, or does
// not tell.
std::optional<Places> possible_places(const Group& group, const Context& context);
// Returns the console that went on after the request had failed, with a screen of its size; nullptr if none did.
const KnownConsole* console_after(const Group& group, const Context& context);

}  // namespace cma::logs
