// Files and their page cache: reading, readahead, writing, writeback, truncation, dropping (mm/filemap.c,
// mm/truncate.c, fs/buffer.c).
//
// What matters to CMA is how long a page of a file is locked, under writeback or referenced, and what holds its buffer:
// a page that is read ahead stays locked until its I/O completes; a journal keeps a count on a buffer for as long as
// its transaction lives; a superblock keeps one for ever. The way such a page moves is its file's (file_pages.cc).
// Pages are owners' records of kind `file`; what drops one from the cache (reclaim, truncation) leaves a record without
// page, and the next reader gets a new one. Cost: O(1) a page.
#pragma once

#include <vector>

#include "allocator/frames/core.h"
#include "allocator/owners/owners.h"

namespace cma {

class Files {
 public:
  Files(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, Buffers& buffers, Device& device, Owners& owners);

  // A file whose I/O completes at once, or (slow) when somebody says so.
  FileId open(FileMethod method, bool slow);
  std::size_t count() const { return files_.size(); }
  FileMethod method(FileId file) const { return files_[file - 1].method; }

  // The page that the cache has at `index`; 0 for none.
  OwnerId cached(FileId file, std::uint64_t index) const;
  // Where the file has this page, which is cached.
  std::uint64_t index_of(FileId file, OwnerId page) const;
  // One more than the highest index that was ever read.
  std::uint64_t size(FileId file) const { return files_[file - 1].pages.size(); }

  struct Read {
    int error = 0;  // -ENOMEM
    OwnerId page = 0;
    BufferId buffer = 0;  // bread: the buffer on which the caller has a count
  };
  // Finds the page in the cache, or adds and reads it; waits until it is there unless this is readahead, which leaves
  // the page locked. `frame`: a page just allocated, to be used instead of asking the allocator.
  Task<Read> read(FileId file, std::uint64_t index, bool readahead, Pfn frame = kNoPfn);
  // __bread of a block of a block device: only the buffer is locked meanwhile. The caller keeps a count on it.
  // `unmovable`: sb_bread_unmovable, for what stays; releases before 3.18 do not know it.
  Task<Read> bread(FileId file, std::uint64_t index, bool unmovable, Pfn frame = kNoPfn);
  // Of a page that is cached: locks it and changes its data; page and buffer are dirty.
  Task<void> write(OwnerId page);
  // write_cache_pages on one page: starts writeback if it is dirty and not being written.
  Task<void> writeback(OwnerId page);
  // truncate_inode_pages from `index` on.
  Task<void> truncate(FileId file, std::uint64_t from);
  // invalidate_mapping_pages (drop_caches): drops what is clean and unused, and deactivates what is not.
  Task<void> drop(FileId file);

  // --- the journal ---
  // The file's running transaction takes the page's buffer: a count for as long as it lives. False: the file has no
  // journal, or the transaction has the buffer already.
  bool journal(OwnerId page);
  // The transaction commits: its buffers are dirty now, and their counts are given back.
  void commit(FileId file);
  // Counts that transactions hold on a buffer.
  int journal_holds(BufferId buffer) const;

  void copy_from(const Files& other) { files_ = other.files_; }

 private:
  struct File {
    FileMethod method = FileMethod::ordered;
    bool slow = false;
    std::vector<OwnerId> pages;         // by index
    std::vector<BufferId> transaction;  // buffers that the running transaction holds
  };

  struct Added {
    OwnerId page = 0;   // 0: no memory
    bool ours = false;  // nobody was quicker
  };
  Task<Added> add_to_cache(FileId file, std::uint64_t index, Gfp gfp, Pfn frame);
  Task<bool> lock_cached(OwnerId page, Pfn& pfn);

  Release release_;
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  Buffers& buffers_;
  Device& device_;
  Owners& owners_;
  std::vector<File> files_;
};

}  // namespace cma
