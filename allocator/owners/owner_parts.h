// The parts of this folder that Owners, OwnerReclaim and OwnerMoves work with: page tables, records, the reverse map,
// page caches.
#pragma once

#include "allocator/owners/address_spaces.h"
#include "allocator/owners/owner_records.h"
#include "allocator/owners/page_cache.h"
#include "allocator/owners/reverse_map.h"

namespace cma {

struct OwnerParts {
  AddressSpaces& spaces;
  OwnerRecords& records;
  ReverseMap& reverse_map;
  PageCache& page_cache;
};

}  // namespace cma
