#include "properties/program/ops_files.h"

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/program/test_device.h"
#include "properties/program/world.h"

namespace cma {
namespace {

FileMethod method_of(MethodWord word) {
  switch (word) {
    case MethodWord::ordered: return FileMethod::ordered;
    case MethodWord::journalled: return FileMethod::journalled;
    case MethodWord::block_device: return FileMethod::block_device;
  }
  return FileMethod::ordered;
}

// Returns whether the page is on an LRU list, or on its way to one.
bool is_lru_page(const Machine& machine, Pfn pfn) {
  const Page& page = machine.map.page(pfn);
  return page.ref > 0 && (page.has(kPageLru) || page.pagevecs > 0);
}

// Sets `frame` to the one for a page of a file: the frame `chosen` if the page is not cached and `at` names a place,
// else kNoPfn, which leaves it to the allocator. Returns 0 or the error of taking the frame.
Task<int> choose_frame(World& world, const Place& at, FileId file, std::uint64_t index, Pfn chosen, Pfn* frame) {
  *frame = kNoPfn;
  if (at.kind == Place::Kind::none || world.machine().files.cached(file, index) != 0) co_return 0;
  const int error = co_await take_frame(world.machine(), chosen);
  if (error == 0) *frame = chosen;
  co_return error;
}

// Reads the pages that `op` names, one after the other, and yields them; the first error ends it. `read_page(index,
// frame)` returns the task that reads one page, `keep_page(read)` deals with what it brought.
template <class ReadOp, class ReadPage, class KeepPage>
Task<void> read_pages(World& world, Slot self, FileId file, const ReadOp& op, ReadPage read_page, KeepPage keep_page) {
  const std::optional<Pfn> first = world.first_chosen(self, op.at);
  if (!first) co_return;
  const std::uint32_t index = world.begin_pages(self, op.pages);
  for (std::uint64_t i = 0; i < op.pages; ++i) {
    Pfn frame = kNoPfn;
    int error = co_await choose_frame(world, op.at, file, op.from + i, *first + i, &frame);
    Files::Read read;
    if (error == 0) {
      read = co_await read_page(op.from + i, frame);
      error = read.error;
    }
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.owner_of[index + i] = read.page;
    world.result(self).pages = i + 1;
    keep_page(read);
  }
}

}  // namespace

Task<void> OpenFile::perform(World& world, Slot self) const {
  Result& result = world.result(self);
  result.yields = Yields::file;
  result.file = world.machine().files.open(method_of(method), slow);
  co_return;
}

Task<void> ReadFile::perform(World& world, Slot self) const {
  const Result* opened = world.operand(self, file, Yields::file);
  if (opened == nullptr) co_return;
  Files& files = world.machine().files;
  const FileId id = opened->file;
  const auto read_page = [&](std::uint64_t index, Pfn frame) { return files.read(id, index, readahead, frame); };
  const auto keep_page = [](const Files::Read&) {};
  co_await read_pages(world, self, id, *this, read_page, keep_page);
}

Task<void> BufferRead::perform(World& world, Slot self) const {
  const Result* opened = world.operand(self, file, Yields::file);
  if (opened == nullptr) co_return;
  Files& files = world.machine().files;
  const FileId id = opened->file;
  if (files.method(id) != FileMethod::block_device) {
    world.skip(self, "only block devices are read by their buffers");
    co_return;
  }
  const auto read_page = [&](std::uint64_t index, Pfn frame) { return files.bread(id, index, unmovable, frame); };
  const auto keep_page = [&](const Files::Read& read) {
    if (keep)
      world.keep_count(read.buffer, self);
    else
      world.machine().buffers.put(read.buffer);
  };
  co_await read_pages(world, self, id, *this, read_page, keep_page);
}

template <FileVerb Verb>
Task<void> FileOp<Verb>::perform(World& world, Slot self) const {
  const Result* opened = world.operand(self, file, Yields::file);
  if (opened == nullptr) co_return;
  Files& files = world.machine().files;
  const FileId id = opened->file;
  if constexpr (Verb == FileVerb::truncate)
    co_await files.truncate(id, 0);
  else if constexpr (Verb == FileVerb::drop)
    co_await files.drop(id);
  else if constexpr (Verb == FileVerb::commit)
    files.commit(id);
}

template struct FileOp<FileVerb::truncate>;
template struct FileOp<FileVerb::drop>;
template struct FileOp<FileVerb::commit>;

template <FilePagesVerb Verb>
Task<void> FilePagesOp<Verb>::perform(World& world, Slot self) const {
  const Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) co_return;
  Machine& machine = world.machine();
  bool any = false;
  bool unread = false;
  for (std::uint64_t i = 0; i < held->pages; ++i) {
    const OwnerId page = world.owner_of[held->first_owner + i];
    if (page == 0 || machine.owners.released(page) || machine.owners.owner(page).kind != PageKind::file) continue;
    if constexpr (Verb == FilePagesVerb::journal) {
      unread = !machine.map.page(machine.owners.owner(page).pfn).has(kPageUptodate) || unread;
      any = machine.files.journal(page) || any;
    } else {
      any = true;
      co_await machine.files.writeback(page);
    }
  }
  if (any) co_return;
  world.skip(self, unread ? "none of the pages has been read yet: their I/O is under way"
                          : "none of the pages is a page of a file that it applies to");
}

template struct FilePagesOp<FilePagesVerb::writeback>;
template struct FilePagesOp<FilePagesVerb::journal>;

Task<void> IoDone::perform(World& world, Slot self) const {
  Device& device = world.machine().device;
  if (device.pending().empty()) {
    world.skip(self, "no I/O is under way");
    co_return;
  }
  // I/O that is submitted from now on does not count.
  const std::uint64_t count = std::min<std::uint64_t>(times, device.pending().size());
  for (std::uint64_t i = 0; i < count; ++i) co_await device.complete_one();
}

template <LruVerb Verb>
Task<void> LruOp<Verb>::perform(World& world, Slot self) const {
  const std::optional<Pfn> pfn = world.resolve(page);
  Lru& lru = world.machine().lru;
  if (!pfn || !is_lru_page(world.machine(), *pfn)) {
    world.skip(self, pfn ? "no page of the LRU is there" : "the place it names is gone");
    co_return;
  }
  const Pfn frame = *pfn;
  if constexpr (Verb == LruVerb::mark_accessed)
    co_await lru.pagevecs().mark_accessed(frame);
  else if constexpr (Verb == LruVerb::deactivate)
    co_await lru.pagevecs().deactivate(frame);
  else if constexpr (Verb == LruVerb::deactivate_file)
    co_await lru.pagevecs().deactivate_file(frame);
}

template struct LruOp<LruVerb::mark_accessed>;
template struct LruOp<LruVerb::deactivate>;
template struct LruOp<LruVerb::deactivate_file>;

Task<void> MarkAccessedRange::perform(World& world, Slot self) const {
  Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) co_return;
  Machine& machine = world.machine();
  for (std::uint64_t i = from; i < held->pages && i - from < count; ++i) {
    const OwnerId owner = world.owner_of[held->first_owner + i];
    if (owner == 0 || machine.owners.released(owner)) continue;
    const Pfn pfn = machine.owners.owner(owner).pfn;
    if (!is_lru_page(machine, pfn)) continue;
    co_await machine.lru.pagevecs().mark_accessed(pfn);
    ++world.result(self).finished;
  }
  if (world.result(self).finished == 0) world.skip(self, "none of the pages is on the LRU");
}

Task<void> CachesOff::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  if (machine.release() < Release::v5_13) {
    world.skip(self, "the release has no lru_cache_disable");
    co_return;
  }
  co_await machine.lru.drain().cache_disable();
  machine.lru.drain().cache_enable();
}

}  // namespace cma
