// The page locks (PG_locked) and the writebacks (PG_writeback) of a machine. The bits lie in the page; holders and
// waiters are kept as engine/bit_locks.h describes.
#pragma once

#include "allocator/engine/bit_locks.h"
#include "allocator/frames/memory_map.h"

namespace cma {

// A flag of pages as the bits of BitLocks.
template <std::uint32_t Flag>
class PageBits {
 public:
  using Key = Pfn;
  static constexpr const char* kName = Flag == kPageLocked ? "a page lock" : "the end of writeback";

  explicit PageBits(MemoryMap& map) : map_(map) {}
  bool test(Pfn pfn) const { return map_.page(pfn).has(Flag); }
  void set(Pfn pfn) { map_.edit(pfn).flags |= Flag; }
  void clear(Pfn pfn) { map_.edit(pfn).flags &= ~Flag; }

 private:
  MemoryMap& map_;
};

// The page locks of a machine (lock_page and the like).
class PageLocks : public BitLocks<PageBits<kPageLocked>> {
 public:
  PageLocks(Engine& engine, MemoryMap& map) : BitLocks(engine, PageBits<kPageLocked>(map)) {}
};

// Writeback of pages: it begins with try_lock() and give_to_device(), and ends with unlock().
class Writebacks : public BitLocks<PageBits<kPageWriteback>> {
 public:
  Writebacks(Engine& engine, MemoryMap& map) : BitLocks(engine, PageBits<kPageWriteback>(map)) {}
};

}  // namespace cma
