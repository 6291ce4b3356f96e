// The device that files lie on: I/O that has been submitted, and its completion.
//
// Requests on a fast device complete when they are submitted, as on a RAM disk. Those on a slow one wait for
// complete_one(): until then a page that is being read is locked, one that is being written is under writeback, and
// their buffers are locked. These locks belong to no actor. I/O holds no reference of its own. Completion is an
// interrupt on the CPU of the actor that calls complete_one(). Cost: O(1) a request.
#pragma once

#include <deque>

#include "allocator/buffers/buffers.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"

namespace cma {

struct Io {
  enum class Kind : std::uint8_t {
    read_page,    // the page is locked, and so is its buffer if it has one
    write_page,   // the page is under writeback, its buffer is locked
    read_buffer,  // only the buffer is locked (bread)
  };
  Kind kind = Kind::read_page;
  Pfn pfn = kNoPfn;
  BufferId buffer = 0;  // 0: none
  friend bool operator==(const Io&, const Io&) = default;
};

class Device {
 public:
  Device(const Core& core, Lru& lru, PageLocks& locks, Writebacks& writebacks, Buffers& buffers)
      : core_(core), lru_(lru), locks_(locks), writebacks_(writebacks), buffers_(buffers) {}

  // Submits a request. Its locks (Io::Kind) become the device's.
  // Requires: the caller holds them.
  Task<void> submit(Io io, bool slow);
  // Completes the oldest request; returns false if there is none.
  Task<bool> complete_one();

  // Returns the requests on the slow device that are not complete, oldest first.
  const std::deque<Io>& pending() const { return pending_; }

  void copy_from(const Device& other) { pending_ = other.pending_; }

 private:
  Task<void> finish(Io io);

  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  Buffers& buffers_;
  std::deque<Io> pending_;
};

}  // namespace cma
