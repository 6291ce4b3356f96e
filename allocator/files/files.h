// Files and their page cache: reading, readahead, writing, writeback, truncation, dropping (mm/filemap.c,
// mm/truncate.c, fs/buffer.c).
//
// CMA depends on how long a page of a file is locked, under writeback or referenced, and on the holders of its buffer:
// a page that is read ahead stays locked until its I/O completes; a journal keeps a count on a buffer for as long as
// its transaction lives; a superblock keeps one without limit. How such a page moves depends on its file
// (owners/owner_moves_file.cc). A page is an owners' record of kind `file`. A page that is dropped from the cache
// (reclaim, truncation) leaves a record without page, and the next reader gets a new one. Cost: O(1) per page;
// index_of() is linear in the file, journal() and journal_holds() in transactions that have not been committed.
#pragma once

#include <vector>

#include "allocator/frames/core.h"
#include "allocator/owners/owners.h"
#include "allocator/owners/page_cache.h"
#include "allocator/owners/reverse_map.h"
#include "allocator/pressure/page_allocator.h"

namespace cma {

class Files {
 public:
  Files(const Core& core, PageAllocator& page_allocator, Lru& lru, PageLocks& locks, Writebacks& writebacks,
        Buffers& buffers, Device& device, ReverseMap& reverse_map, PageCache& page_cache, Owners& owners);

  // Opens a file. Its I/O completes at once, or (slow) when Device::complete_one() is called.
  FileId open(FileMethod method, bool slow);
  std::size_t count() const { return files_.size(); }
  FileMethod method(FileId file) const { return files_[file - 1].method; }

  // Returns the page that the cache has at `index`; 0 for none.
  OwnerId cached(FileId file, std::uint64_t index) const;
  // Returns the index at which the file has this page.
  // Requires: the page is cached.
  std::uint64_t index_of(FileId file, OwnerId page) const;
  // Returns one more than the highest index that was ever read.
  std::uint64_t size(FileId file) const { return files_[file - 1].pages.size(); }

  struct Read {
    int error = 0;  // -ENOMEM
    OwnerId page = 0;
    BufferId buffer = 0;  // bread() only: the buffer on which the caller has a count
  };
  // Finds the page in the cache, or adds and reads it. Waits until it is up to date, and marks it as accessed, unless
  // this is readahead, which leaves the page locked. `frame`: a page just allocated, for which the allocator is not
  // asked then.
  Task<Read> read(FileId file, std::uint64_t index, bool readahead, Pfn frame = kNoPfn) {
    return read_as(readahead ? Reading::ahead : Reading::by_reader, file, index, frame);
  }
  // Does the same for a fault, which marks no page: its pte is young.
  Task<Read> read_by_fault(FileId file, std::uint64_t index) { return read_as(Reading::by_fault, file, index, kNoPfn); }
  // Reads a block of a block device (__bread); only the buffer is locked meanwhile. The caller keeps a count on it.
  // Returns -ENOMEM as read(). Requires: the file is a block device.
  // `unmovable`: for blocks that are kept, such as a superblock's (sb_bread_unmovable); no effect before 3.18.
  Task<Read> bread(FileId file, std::uint64_t index, bool unmovable, Pfn frame = kNoPfn);
  // Locks a cached page and changes its data; page and buffer become dirty. Does nothing, as writeback(), if the page
  // has left the cache.
  Task<void> write(OwnerId page);
  // Starts writeback of a page if it is dirty and not being written (write_cache_pages).
  Task<void> writeback(OwnerId page);
  // Removes all pages from index `from` on, also those that come while it waits (truncate_pagecache). The file ends
  // there until this ends, and has its length again afterwards.
  Task<void> truncate(FileId file, std::uint64_t from);
  // Returns whether the file ends before this page: a fault on it is a bus error.
  bool ends_before(FileId file, std::uint64_t index) const;
  // Drops pages that are clean and unused, and deactivates the others (invalidate_mapping_pages, drop_caches).
  Task<void> drop(FileId file);

  // --- the journal ---
  // Adds the page's buffer to the file's running transaction, which has a count on it until it commits, and changes the
  // page's data. Returns false, and does nothing, if the file has no journal, the page has not been read yet, or the
  // transaction has the buffer already. Requires: the page is in its file's cache.
  bool journal(OwnerId page);
  // Commits the transaction: its buffers are dirty now, and their counts are given back.
  void commit(FileId file);
  // Returns how many counts transactions hold on a buffer.
  int journal_holds(BufferId buffer) const;

  void copy_from(const Files& other) { files_ = other.files_; }

 private:
  struct File {
    FileMethod method = FileMethod::ordered;
    bool slow = false;
    std::vector<OwnerId> pages;         // by index
    std::vector<std::uint64_t> ends;    // where the truncations under way have it end
    std::vector<BufferId> transaction;  // buffers that the running transaction holds
  };

  enum class Reading : std::uint8_t { by_reader, ahead, by_fault };
  Task<Read> read_as(Reading how, FileId file, std::uint64_t index, Pfn frame);

  struct Added {
    OwnerId page = 0;   // 0: no memory
    bool ours = false;  // this caller added it
  };
  Task<Added> add_to_cache(FileId file, std::uint64_t index, Gfp gfp, Pfn frame);
  Task<bool> lock_cached(OwnerId page, Pfn& pfn);
  // A page that a lookup has found, with a reference.
  struct Found {
    OwnerId page = 0;
    Pfn pfn = kNoPfn;
    std::uint64_t index = 0;
    bool locked = false;
  };
  struct Locking {
    bool in_lookup = false;       // a lookup locks all that it finds; else the caller locks one after the other
    bool take_writeback = false;  // pages under writeback too
  };
  std::vector<Found> look_up(FileId file, std::uint64_t& index, Locking how);
  bool try_to_lock(FileId file, const Found& found, Locking how);
  Task<void> release(const std::vector<Found>& found, bool& drained);
  Task<void> remove_locked(const Found& found);
  Task<void> truncate_without_waiting(FileId file, std::uint64_t from, bool& drained);
  Task<void> truncate_waiting(FileId file, std::uint64_t from, bool& drained);

  Release release_;
  Core core_;
  PageAllocator& page_allocator_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  Buffers& buffers_;
  Device& device_;
  ReverseMap& reverse_map_;
  PageCache& page_cache_;
  Owners& owners_;
  std::vector<File> files_;
};

}  // namespace cma
