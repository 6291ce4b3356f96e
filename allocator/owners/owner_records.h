// The owner records of a machine, by number. They are written inside owners/ only: Machine passes this store to the
// parts of the layer, and all others read the records through Owners. Cost: O(1). No locks: a caller that changes a
// record holds those of its entries and its page.
#pragma once

#include <cstddef>
#include <vector>

#include "allocator/owners/owner.h"

namespace cma {

class OwnerRecords {
 public:
  // Return a record, valid until the next add().
  // Require: 1 <= id <= size().
  const Owner& owner(OwnerId id) const { return owners_[id - 1]; }
  Owner& edit(OwnerId id) { return owners_[id - 1]; }
  std::size_t size() const { return owners_.size(); }
  // Adds a record; returns its number, which is size() then.
  OwnerId add(const Owner& owner) {
    owners_.push_back(owner);
    return static_cast<OwnerId>(owners_.size());
  }

  // Return a huge page, valid until the next add_huge().
  // Require: `id` was returned by add_huge().
  const HugePage& huge_page(HugeId id) const { return huge_[id - 1]; }
  HugePage& edit_huge(HugeId id) { return huge_[id - 1]; }
  // Adds a huge page; returns its number.
  HugeId add_huge(const HugePage& page) {
    huge_.push_back(page);
    return static_cast<HugeId>(huge_.size());
  }

 private:
  std::vector<Owner> owners_;
  std::vector<HugePage> huge_;
};

}  // namespace cma
