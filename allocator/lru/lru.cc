#include "allocator/lru/lru.h"

namespace cma {

Lru::Lru(const Core& core, Buddy& buddy)
    : lists_(core),
      references_(core, buddy, lists_),
      pagevecs_(core, references_, lists_),
      mlock_(core, references_, pagevecs_, lists_),
      drain_(core, pagevecs_, mlock_),
      listed_(core, references_, pagevecs_, lists_) {}

void Lru::set_callbacks(SlotCache& slots, HugetlbFree& hugetlb) {
  drain_.set_slots(slots);
  references_.set_hugetlb_free(hugetlb);
}

void Lru::copy_from(const Lru& other) {
  lists_.copy_from(other.lists_);
  pagevecs_.copy_from(other.pagevecs_);
  mlock_.copy_from(other.mlock_);
  drain_.copy_from(other.drain_);
}

}  // namespace cma
