#include "properties/program/ops_files.h"

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/program/frames.h"
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

// Results of pages that are to come, as an operation that yields pages has them.
std::uint32_t begin_pages(World& world, Slot self, std::uint64_t pages) {
  const auto index = static_cast<std::uint32_t>(world.owner_of.size());
  world.owner_of.resize(index + pages, 0);
  world.result(self).yields = Yields::pages;
  world.result(self).first_owner = index;
  return index;
}

// On an LRU list, or on its way to one.
bool is_lru_page(const Machine& machine, Pfn pfn) {
  const Page& page = machine.map.page(pfn);
  return page.ref > 0 && (page.has(kPageLru) || page.pagevecs > 0);
}

// The frame for a page that is not cached: kNoPfn leaves it to the allocator.
Task<int> choose_frame(World& world, const Place& at, FileId file, std::uint64_t index, Pfn first, std::uint64_t i,
                       Pfn* frame) {
  *frame = kNoPfn;
  if (at.kind == Place::Kind::none || world.machine().files.cached(file, index) != 0) co_return 0;
  const int error = co_await take_frame(world.machine(), first + i);
  if (error == 0) *frame = first + i;
  co_return error;
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
  const std::optional<Pfn> first = world.first_chosen(self, at);
  if (!first) co_return;
  Files& files = world.machine().files;
  const FileId id = opened->file;
  const std::uint32_t index = begin_pages(world, self, pages);
  for (std::uint64_t i = 0; i < pages; ++i) {
    Pfn frame = kNoPfn;
    int error = co_await choose_frame(world, at, id, from + i, *first, i, &frame);
    Files::Read read;
    if (error == 0) {
      read = co_await files.read(id, from + i, readahead, frame);
      error = read.error;
    }
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.owner_of[index + i] = read.page;
    world.result(self).pages = i + 1;
  }
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
  const std::optional<Pfn> first = world.first_chosen(self, at);
  if (!first) co_return;
  const std::uint32_t index = begin_pages(world, self, pages);
  for (std::uint64_t i = 0; i < pages; ++i) {
    Pfn frame = kNoPfn;
    int error = co_await choose_frame(world, at, id, from + i, *first, i, &frame);
    Files::Read read;
    if (error == 0) {
      read = co_await files.bread(id, from + i, unmovable, frame);
      error = read.error;
    }
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.owner_of[index + i] = read.page;
    world.result(self).pages = i + 1;
    if (keep)
      world.keep_count(read.buffer);
    else
      world.machine().buffers.put(read.buffer);
  }
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
  else
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
  for (std::uint64_t i = 0; i < held->pages; ++i) {
    const OwnerId page = world.owner_of[held->first_owner + i];
    if (page == 0 || machine.owners.released(page) || machine.owners.owner(page).kind != PageKind::file) continue;
    if constexpr (Verb == FilePagesVerb::journal) {
      any = machine.files.journal(page) || any;
    } else {
      any = true;
      co_await machine.files.writeback(page);
    }
  }
  if (!any) world.skip(self, "none of the pages is a page of a file that it could apply to");
}

template struct FilePagesOp<FilePagesVerb::writeback>;
template struct FilePagesOp<FilePagesVerb::journal>;

Task<void> IoDone::perform(World& world, Slot self) const {
  Device& device = world.machine().device;
  if (device.pending().empty()) {
    world.skip(self, "no I/O is under way");
    co_return;
  }
  // What is submitted from now on is not meant.
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
    co_await lru.mark_accessed(frame);
  else if constexpr (Verb == LruVerb::deactivate)
    co_await lru.deactivate(frame);
  else
    co_await lru.deactivate_file(frame);
}

template struct LruOp<LruVerb::mark_accessed>;
template struct LruOp<LruVerb::deactivate>;
template struct LruOp<LruVerb::deactivate_file>;

Task<void> CachesOff::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  if (machine.release() < Release::v6_1) {
    world.skip(self, "the release has no lru_cache_disable");
    co_return;
  }
  co_await machine.lru.cache_disable();
  machine.lru.cache_enable();
}

}  // namespace cma
