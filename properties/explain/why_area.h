// Why an area gave no buffer: it was never searched, no run of free bits was long enough, or each window that was tried
// had pages in the way. And what a request that succeeded got.
//
// Bits are not pages: a free bit means that no buffer has its pages, which others may still use. Part of the
// explanations (why_kinds.h). Cost: linear in the bits of the area and the results of the program.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "properties/explain/answer.h"
#include "properties/explain/windows.h"
#include "properties/program/world.h"

namespace cma {

// What is free in an area at one moment.
struct AreaCount {
  std::uint64_t bits = 0;     // free bits
  std::uint64_t runs = 0;     // of them
  std::uint64_t pages = 0;    // free pages under free bits
  std::uint64_t lent = 0;     // pages under free bits that others use
  std::uint64_t cached = 0;   // of them, those of files and of shared memory: page cache
  std::uint64_t staying = 0;  // of them, those that cannot move as they are
  std::string first_staying;  // the first of these: "0x4050, unmovable page of u"
  friend bool operator==(const AreaCount&, const AreaCount&) = default;
};
// Counts what is free in an active area now. O(pages of the area).
AreaCount count_area(const World& world, AreaId id);
// Counts what is free in a range of pages now, bits aside. O(its pages).
AreaCount count_range(const World& world, const PfnRange& range);

// A request to an area.
struct AskedArea {
  AreaRequest request;
  std::size_t first_record = 0;  // of the trace, since it began
  AreaCount before;              // what was free then
};
// By actor, the requests to areas of the operation that it is inside, in their order.
using AskedAreas = std::map<ActorId, std::vector<AskedArea>>;

// What an explanation of a request sees besides it.
struct AreaSight {
  const World& world;
  const WindowRecorder& windows;
  const AskedAreas& asked;
  const std::vector<PfnRange>& declared;  // by area: its range before its activation
};

// Explains a request of the operation answer.op, which has failed just now. answer.windows has the windows that it
// tried, answer.sweep_error the error of the last sweep. `before` is what was free when it began; nullptr if that is
// not known.
void explain_area_request(const AreaSight& sight, const AreaRequest& request, const AreaCount* before, Answer& answer);

// Explains what the operation answer.op got: its windows, and what made room for them.
void explain_given(const World& world, const GivenWindows* given, Answer& answer);

}  // namespace cma
