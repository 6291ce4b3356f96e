// Buffer heads of pages of files and the per-CPU LRU of recently used ones (fs/buffer.c).
//
// A page has at most one buffer here (blocks of page size). All of a page's buffers together hold one page reference;
// what others hold is the buffer's own count, which page reference counting does not see. Each occupied LRU slot holds
// one count, and in releases before 5.13 nothing on the allocation path empties the slots: that is how a forgotten
// lookup pins a page. A slot array belongs to its CPU (interrupts off). O(slots) a lookup.
#pragma once

#include <array>
#include <vector>

#include "allocator/engine/bit_locks.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru.h"

namespace cma {

// Number of a buffer head; 0 is none.
using BufferId = std::uint32_t;

struct Buffer {
  Pfn pfn = kNoPfn;  // the page it is attached to; kNoPfn once it is freed
  int count = 0;     // b_count: slots and users
  bool dirty = false;
  bool locked = false;  // BH_Lock: under I/O, or in the hands of a migration or truncation
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
  Buffers(const Core& core, const Lru& lru);

  // Gives the page a buffer (create_empty_buffers): the private flag and one reference.
  BufferId attach(Pfn pfn);
  // __find_get_block and brelse: the buffer is looked up, stays in this CPU's LRU, and is let go.
  void touch(BufferId id);
  // The same, but the caller keeps a count / gives it back.
  void hold(BufferId id);
  void put(BufferId id);
  // get_bh: one more count, without looking the buffer up; brelse gives it back as well.
  void get(BufferId id) { ++buffers_[id - 1].count; }
  void set_dirty(BufferId id, bool dirty) { buffers_[id - 1].dirty = dirty; }
  // invalidate_bh_lrus: empties the slots of every CPU.
  void invalidate_all();

  // Used, dirty or locked (buffer_busy).
  bool busy(BufferId id) const {
    const Buffer& buffer = buffers_[id - 1];
    return buffer.count != 0 || buffer.dirty || buffer.locked;
  }
  // drop_buffers (vendors' kernels take a busy buffer out of every CPU's slots first): frees the page's buffer unless
  // it is busy. The page loses its private flag and a reference, which is never its last one.
  bool try_to_free(BufferId id);
  // The buffer follows the data to another page.
  void move_to(BufferId id, Pfn target);

  // lock_buffer and unlock_buffer; they sleep.
  BitLocks<BufferBits>& locks() { return locks_; }
  const BitLocks<BufferBits>& locks() const { return locks_; }

  const Buffer& buffer(BufferId id) const { return buffers_[id - 1]; }
  std::size_t size() const { return buffers_.size(); }
  // BH_LRU_SIZE: 8 up to 3.17.
  std::size_t slots() const { return slots_; }
  const std::vector<BufferId>& lru_slots(int cpu) const { return lru_slots_[static_cast<std::size_t>(cpu)]; }

  // --- SlotCache ---
  bool occupied(int cpu) const override { return !lru_slots_[static_cast<std::size_t>(cpu)].empty(); }
  void invalidate(int cpu) override;

  void copy_from(const Buffers& other);

 private:
  bool find_in_slots(BufferId id);
  void evict(BufferId id);
  void install(BufferId id);

  Release release_;
  std::size_t slots_;
  bool revoke_;
  Core core_;
  const Lru& lru_;
  std::vector<Buffer> buffers_;
  BitLocks<BufferBits> locks_;
  std::vector<std::vector<BufferId>> lru_slots_;  // by CPU, newest first
};

}  // namespace cma
