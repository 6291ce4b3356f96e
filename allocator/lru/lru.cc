#include "allocator/lru/lru.h"

namespace cma {

Lru::Lru(const Core& core, Buddy& buddy, SlotCache& slots, HugetlbFree& hugetlb)
    : lists_(core),
      references_(core, buddy, lists_, hugetlb),
      pagevecs_(core, references_, lists_),
      mlock_(core, references_, pagevecs_, lists_),
      drain_(core, pagevecs_, mlock_, slots),
      listed_(core, references_, pagevecs_, lists_) {}

void Lru::copy_from(const Lru& other) {
  lists_.copy_from(other.lists_);
  pagevecs_.copy_from(other.pagevecs_);
  mlock_.copy_from(other.mlock_);
  drain_.copy_from(other.drain_);
}

}  // namespace cma
