// Why an operation was skipped: which of its operands, places or actors was not there for it, and since when.
//
// Reads the fields of the operation (visit_fields), so that a new kind needs no code here. Part of the recorder
// (why.h). Cost: O(operations) for each operand.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "properties/explain/answer.h"
#include "properties/program/world.h"

namespace cma {

// By result that is gone: the operation in which it was given back.
using GivenBack = std::map<Slot, Slot>;

// What has happened before that an operation may be skipped for.
struct SkipHistory {
  GivenBack given_back;
  std::optional<Slot> booted_in;  // the operation in which boot finished
};

// Fills in why the operation answer.op was skipped just now.
void explain_skip(const World& world, const SkipHistory& history, Answer& answer);

// Returns why boot has not read this region or tree: it was skipped, or there was none.
std::string why_not_read(const World& world, Slot region);

// Returns why no page is at a frame: it lies in a hole or outside memory. Requires: it is not present.
std::string no_such_page(const Machine& machine, Pfn pfn);

}  // namespace cma
