// Buffer heads of pages of files, and the per-CPU LRU of recently used ones (fs/buffer.c).
//
// A page has at most one buffer here (blocks of page size). All buffers of a page share one reference on it;
// users hold the buffer's own count, which page reference counting does not see. Each occupied LRU slot holds one
// count, and before 5.13 nothing on the allocation path empties the slots: so a forgotten lookup pins a page. A slot
// array belongs to its CPU (interrupts off). Cost: O(slots) per lookup.
//
// Requires of all calls that take a buffer: its number is at most size() and not 0; of those that look it up, move or
// free it: it is attached to a page.
#pragma once

#include <array>
#include <vector>

#include "allocator/engine/bit_locks.h"
#include "allocator/frames/core.h"
#include "allocator/lru/slot_cache.h"

namespace cma {

// BH_LRU_SIZE: the slots of each CPU.
inline constexpr std::size_t kBhLruSize = 16;
inline constexpr std::size_t kBhLruSizeUpTo3_17 = 8;

// Number of a buffer head; 0 is none.
using BufferId = std::uint32_t;

struct Buffer {
  Pfn pfn = kNoPfn;  // the page it is attached to; kNoPfn once it is freed
  int count = 0;     // b_count: slots and users
  bool dirty = false;
  bool locked = false;  // BH_Lock: under I/O, or held by a migration or truncation
  friend bool operator==(const Buffer&, const Buffer&) = default;
};

// BH_Lock of the buffers in a table.
class BufferBits {
 public:
  using Key = BufferId;
  static constexpr const char* kName = "a buffer lock";

  explicit BufferBits(std::vector<Buffer>& buffers) : buffers_(buffers) {}
  bool test(BufferId id) const { return buffers_[id - 1].locked; }
  void set(BufferId id) { buffers_[id - 1].locked = true; }
  void clear(BufferId id) { buffers_[id - 1].locked = false; }

 private:
  std::vector<Buffer>& buffers_;
};

class Buffers final : public SlotCache {
 public:
  explicit Buffers(const Core& core);

  // Gives the page a buffer (create_empty_buffers): the private flag and one reference.
  // Requires: the page has a reference and no buffer.
  BufferId attach(Pfn pfn);
  // Looks the buffer up and lets it go (__find_get_block, brelse); it stays in this CPU's LRU.
  void touch(BufferId id);
  // Looks the buffer up; the caller keeps a count until put().
  void hold(BufferId id);
  // Gives a count back, as brelse() does. Requires: the count is the caller's.
  void put(BufferId id);
  // Takes a count without looking the buffer up (get_bh); put() gives it back as well.
  void get(BufferId id) { ++buffers_[id - 1].count; }
  void set_dirty(BufferId id, bool dirty) { buffers_[id - 1].dirty = dirty; }
  // Empties the slots of every CPU (invalidate_bh_lrus).
  void invalidate_all();

  // Returns whether the buffer is used, dirty or locked (buffer_busy).
  bool busy(BufferId id) const {
    const Buffer& buffer = buffers_[id - 1];
    return buffer.count != 0 || buffer.dirty || buffer.locked;
  }
  // Frees the page's buffer (drop_buffers); returns false if it is busy. The page loses its private flag and a
  // reference. Requires: that is not its last one. Vendors' kernels take a busy buffer out of every CPU's slots first.
  bool try_to_free(BufferId id);
  // Attaches the buffer to the page that its data moves to.
  void move_to(BufferId id, Pfn target);

  // Returns the buffer locks (lock_buffer, unlock_buffer). Locking sleeps.
  BitLocks<BufferBits>& locks() { return locks_; }
  const BitLocks<BufferBits>& locks() const { return locks_; }

  const Buffer& buffer(BufferId id) const { return buffers_[id - 1]; }
  std::size_t size() const { return buffers_.size(); }
  // Returns the number of slots of each CPU.
  std::size_t slots() const { return slots_; }
  const std::vector<BufferId>& lru_slots(int cpu) const { return lru_slots_[static_cast<std::size_t>(cpu)]; }

  // --- SlotCache ---
  bool occupied(int cpu) const override { return !lru_slots_[static_cast<std::size_t>(cpu)].empty(); }
  void invalidate(int cpu) override;
  void refuse(bool refuses) override { refuses_ = refuses; }

  void copy_from(const Buffers& other);

 private:
  bool find_in_slots(BufferId id);
  void evict(BufferId id);
  void install(BufferId id);

  Release release_;
  std::size_t slots_;
  bool revoke_;
  Core core_;
  std::vector<Buffer> buffers_;
  BitLocks<BufferBits> locks_;
  std::vector<std::vector<BufferId>> lru_slots_;  // by CPU, newest first
  bool refuses_ = false;                          // the slots take nothing
};

}  // namespace cma
