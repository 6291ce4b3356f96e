// What tells results of one kind apart for the operations that come after: a part of the forecast (forecast.h).
//
// The table of the sorts that each kind of operation applies to stands in forecast_sorts.cc. Look-ups are linear in it.
#pragma once

#include "properties/program/op.h"

namespace cma {

enum class Sort : std::uint8_t {
  plain,
  // Pages.
  unmovable,
  movable,
  anonymous,
  shmem,
  ram_disk,
  hugetlb,
  // Files, and pages of such files.
  ordered,
  journalled,
  block_device,
  // Mappings.
  small,
  huge,
  shared,
};

// Returns the sort of what an operation yields, pages of files aside: these are of their file's.
Sort sort_made_by(const Op& op);
// Returns whether an operation of this kind applies to results of the sort; kinds that the table lacks take any.
bool applies_to(std::size_t kind, Sort sort);

}  // namespace cma
