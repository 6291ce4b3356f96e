#include "allocator/buffers/device.h"

namespace cma {

Task<void> Device::submit(Io io, bool slow) {
  if (io.kind == Io::Kind::read_page) locks_.give_to_device(io.pfn);
  if (io.kind == Io::Kind::write_page) writebacks_.give_to_device(io.pfn);
  if (io.buffer != 0) buffers_.locks().give_to_device(io.buffer);
  if (!slow) {
    co_await finish(io);
    co_return;
  }
  pending_.push_back(io);
  co_await at(core_.engine, Point::io_submitted);
}

Task<bool> Device::complete_one() {
  if (pending_.empty()) co_return false;
  const Io io = pending_.front();
  pending_.pop_front();
  co_await finish(io);
  co_return true;
}

// Ends a request (end_buffer_async_read, end_buffer_async_write, mpage_end_io): first the buffer, then the page.
Task<void> Device::finish(Io io) {
  if (io.buffer != 0) buffers_.locks().unlock(io.buffer);
  if (io.kind == Io::Kind::read_page) {
    core_.map.edit(io.pfn).flags |= kPageUptodate;
    locks_.unlock(io.pfn);
  }
  if (io.kind == Io::Kind::write_page) {
    // end_page_writeback.
    const bool reclaim = core_.map.page(io.pfn).has(kPageReclaim);
    core_.map.edit(io.pfn).flags &= ~kPageReclaim;
    if (reclaim) co_await lru_.pagevecs().rotate_reclaimable(io.pfn);
    writebacks_.unlock(io.pfn);
  }
  if (io.kind == Io::Kind::read_buffer) core_.map.edit(io.pfn).flags |= kPageUptodate;
}

}  // namespace cma
