// Why an operation failed, for each kind of operation: what it needed, what it found, and how far it came.
//
// The one place that knows every kind: a kind without an explanation does not compile. Explanations of one subject
// stand in why_area, why_boot and why_pages. Used by the recorder (why.h). Cost: for output only.
#pragma once

#include <vector>

#include "properties/explain/answer.h"
#include "properties/explain/why_area.h"
#include "properties/explain/why_pages.h"
#include "properties/explain/windows.h"
#include "properties/program/world.h"

namespace cma {

// What an explanation sees besides the operation: the machine and the results as the operation left them, and what the
// recorder saw meanwhile.
struct Sight {
  const World& world;
  const WindowRecorder& windows;
  const RefusedRequest* refused = nullptr;  // the last request for pages that the operation was refused
  const std::vector<PfnRange>& declared;    // by area: its range before its activation
  const AskedAreas& asked;                  // by all actors
  std::size_t first_record = 0;             // of the trace, since the operation began
};

// Fills in why the operation answer.op has failed, just now, or would never end. answer.windows has the windows that it
// tried in vain.
void explain_failure(const Sight& sight, Answer& answer);
// Fills in what the operation answer.op, which has succeeded just now, has got: where it lies and why there.
void explain_success(const Sight& sight, Answer& answer);

}  // namespace cma
