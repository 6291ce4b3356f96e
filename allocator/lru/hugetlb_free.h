// Takes back a huge page of the hugetlb pool with its last reference: the pool belongs to the layer owners/. An upward
// call of this layer, made without a spinlock held.
#pragma once

#include "allocator/base/pfn.h"
#include "allocator/engine/task.h"

namespace cma {

class HugetlbFree {
 public:
  virtual ~HugetlbFree() = default;
  // Takes the page back into the pool, or frees it if it was lent for a migration (free_huge_page). `head` is its first
  // frame. Requires: it has no reference and no mapping.
  virtual Task<void> free_huge_page(Pfn head) = 0;
};

}  // namespace cma
