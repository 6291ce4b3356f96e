// Processes: anonymous memory that is touched, written to, shared by fork, unmapped in batches and locked; mapped files
// and shared memory (mm/memory.c).
//
// What matters to CMA is when references and map counts part: a fault maps a page before it is on the LRU; unmapping
// drops the map count at once and the reference when its batch is flushed; fork takes the reference first and the map
// count after. Each of these intervals is a point. Faults take the page-table lock of their process; unmapping takes it
// a range of 512 ptes at a time. Cost: O(1) a page.
#pragma once

#include <vector>

#include "allocator/files/files.h"
#include "allocator/frames/core.h"
#include "allocator/migration/migration.h"
#include "allocator/owners/owners.h"

namespace cma {

// A mapping of a process by its place in the order of mmap calls; a forked child has its parent's.
using MappingId = std::uint32_t;

class Processes {
 public:
  Processes(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, AddressSpaces& spaces, Owners& owners,
            Files& files, Migration& migration);

  // A process is its address space.
  SpaceId spawn();
  bool alive(SpaceId process) const { return processes_[process].alive; }
  std::size_t count() const { return processes_.size(); }

  // A mapping of anonymous pages; nothing is touched yet.
  MappingId mmap_anon(SpaceId process, std::uint64_t pages);
  // The same for memory that madvise(MADV_HUGEPAGE) named: faults bring huge pages where they can. `huge_pages` of
  // them, aligned.
  MappingId mmap_huge(SpaceId process, std::uint64_t huge_pages);
  unsigned huge_order() const { return huge_order_; }

  // --- shared mappings (shared_mappings.cc) ---
  // Whether a page can be mapped by mmap_shared: one of a regular file or of shared memory, and cached now.
  bool can_be_shared(OwnerId page) const;
  // A mapping (MAP_SHARED) of these pages; nothing is touched yet.
  MappingId mmap_shared(SpaceId process, const std::vector<OwnerId>& pages);
  bool is_shared(SpaceId process, MappingId mapping) const { return processes_[process].mappings[mapping].shared; }
  // Reads from a page of such a mapping, or writes to it; a page of a file is read again where it was dropped. 0,
  // -ENOMEM, or -EFAULT where shared memory was truncated.
  Task<int> touch_shared(SpaceId process, MappingId mapping, std::uint64_t index, bool write);

  bool is_huge(SpaceId process, MappingId mapping) const {
    return processes_[process].mappings[mapping].first_pmd != 0;
  }
  // The first fault of the mapping's huge page `which`, with `head`, a compound page just allocated, which is freed if
  // somebody was quicker.
  Task<void> fault_in_huge(SpaceId process, MappingId mapping, std::uint64_t which, Pfn head);
  // split_huge_page, as reclaim and the deferred split do it, of each huge page of the mapping: 0, or why the first one
  // that stays whole cannot be split.
  Task<int> split_huge(SpaceId process, MappingId mapping);
  // Nobody is inside a call on behalf of the process: only then may it exit.
  bool idle(SpaceId process) const { return processes_[process].inside == 0; }
  bool has_mapping(SpaceId process, MappingId mapping) const { return mapping < processes_[process].mappings.size(); }
  std::uint64_t pages_of(SpaceId process, MappingId mapping) const {
    return processes_[process].mappings[mapping].pages;
  }
  // The page's owner record, 0 if nothing is mapped there.
  OwnerId page_at(SpaceId process, MappingId mapping, std::uint64_t index) const;

  // A write to private memory: an untouched page is allocated (or `frame`, a page just allocated, is used), a shared
  // one copied, a page under migration waited for; then its content changes. 0 or -ENOMEM.
  Task<int> write(SpaceId process, MappingId mapping, std::uint64_t index, Pfn frame = kNoPfn);
  // pin_user_pages(FOLL_LONGTERM | FOLL_WRITE) of one page of memory that is not huge, and the device's write to it
  // (pins.cc). Since 5.1 a page in an area moves out of it first; where that fails 5.10 pins it there, 6.1 gives up.
  // 0 with `pinned`, or -ENOMEM.
  Task<int> pin_longterm(SpaceId process, MappingId mapping, std::uint64_t index, Pfn* pinned);
  // What such a pin counts on the page: 5.6 tells it from other references by their number.
  int longterm_references() const { return release_ >= Release::v5_10 ? 1024 : 1; }
  // unpin_user_page.
  Task<void> unpin_longterm(Pfn pfn);
  // Unmaps pages [from, from + pages) of a mapping: zap, gather, flush.
  Task<void> munmap(SpaceId process, MappingId mapping, std::uint64_t from, std::uint64_t pages);
  // A child that shares every page; since 5.8 it gets copies of those a device may be writing to. 0 if there was no
  // memory for these.
  Task<SpaceId> fork(SpaceId process);
  // Unmaps everything in one gather; the process is dead.
  Task<void> exit(SpaceId process);
  // mlock2 with MLOCK_ONFAULT: the touched pages of the mapping move to the unevictable list; later ones go there too.
  Task<void> mlock(SpaceId process, MappingId mapping);
  bool locked(SpaceId process, MappingId mapping) const { return processes_[process].mappings[mapping].locked; }
  // MADV_FREE: touched pages that only this process maps may be dropped until they are written to again.
  Task<void> madvise_free(SpaceId process, MappingId mapping, std::uint64_t from, std::uint64_t pages);
  // Between the set-up of exec's stack and its final place.
  void set_temporary_stack(SpaceId process, bool on) { spaces_.set_temporary_stack(process, on); }

  void copy_from(const Processes& other) {
    processes_ = other.processes_;
    shared_ = other.shared_;
  }

 private:
  struct Mapping {
    PteId first = 0;
    std::uint64_t pages = 0;
    PteId first_pmd = 0;  // of huge memory: a pmd for each huge page; 0 otherwise
    bool locked = false;
    bool shared = false;
    std::uint32_t first_shared = 0;  // of a shared mapping: place of its first page in shared_
  };
  // What a shared mapping maps: a page of shared memory, or whatever page the cache has of a file.
  struct SharedPage {
    OwnerId page = 0;
    FileId file = 0;
    std::uint64_t index = 0;
  };
  struct Process {
    bool alive = true;
    bool has_pinned = false;  // somebody has pinned pages of it (MMF_HAS_PINNED)
    int inside = 0;           // calls under way
    std::vector<Mapping> mappings;
  };
  // struct mmu_gather: pages whose references are still to be dropped.
  struct Gather {
    std::vector<Pfn> pages;
    std::vector<Pfn> batch_pages;  // pages that hold further slots
    std::size_t batches_used = 0;  // of them
    std::size_t room = 0;          // of the batch in use
  };

  // Scope of a call on behalf of a process: its memory stays while one is under way.
  class Inside {
   public:
    Inside(Processes& processes, SpaceId process) : processes_(processes), process_(process) {
      ++processes_.processes_[process_].inside;
    }
    ~Inside() { --processes_.processes_[process_].inside; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Processes& processes_;
    SpaceId process_;
  };

  Task<int> fault_in(SpaceId process, PteId pte, Pfn frame);
  Task<int> find_and_lock(const SharedPage& shared, OwnerId* page);
  Task<int> fault_in_shared(SpaceId process, const Mapping& where, std::uint64_t index, bool write);
  Task<bool> may_reuse(PteId pte);
  Task<int> copy_on_write(SpaceId process, PteId pte);
  Task<void> wait_for_migration(PteId pte);
  Task<int> pin_outside_areas(SpaceId process, MappingId mapping, std::uint64_t index, Pfn* pinned);
  bool may_stay(Pfn pfn) const;
  bool must_not_be_shared(SpaceId parent, OwnerId page) const;
  Task<void> drain_for_pin(OwnerId id, Pfn pfn);
  Task<void> wait_to_isolate(OwnerId id, Pfn pfn);
  Task<int> move_out(Pfn pfn);
  void change_content(OwnerId id);
  Task<void> zap_range(SpaceId process, PteId first, std::uint64_t pages, Gather& gather);
  Task<void> munlock_range_v3(SpaceId process, PteId first, std::uint64_t pages);
  Task<void> flush(Gather& gather);
  Task<void> finish(Gather& gather);
  bool next_batch(Gather& gather);
  Task<int> copy_ptes(SpaceId parent, PteId from, PteId to, std::uint64_t pages);

  // --- huge memory (huge_mappings.cc) ---
  std::uint64_t huge_pages() const { return order_pages(huge_order_); }
  bool range_untouched(PteId pmd) const;
  Task<void> map_huge(SpaceId process, PteId pmd, Pfn head);
  Task<bool> write_huge(SpaceId process, PteId pmd, std::uint64_t index);
  bool may_reuse_huge(PteId pmd) const;
  Task<void> copy_huge_on_write(SpaceId process, PteId pmd);
  Task<bool> copy_as_pages(SpaceId process, PteId pmd);
  Task<void> split_pmd(SpaceId process, PteId pmd);
  Task<void> zap_huge_range(SpaceId process, const Mapping& where, std::uint64_t from, std::uint64_t pages,
                            Gather& gather);
  Task<bool> zap_huge_pmd(SpaceId process, PteId pmd, Gather& gather);
  Task<void> zap_mapping(SpaceId process, const Mapping& where, std::uint64_t from, std::uint64_t pages,
                         Gather& gather);
  Task<int> copy_huge_range(SpaceId parent, const Mapping& from, const Mapping& to);
  Task<bool> copy_pmd(SpaceId parent, PteId from, PteId to);
  OwnerId huge_page_in(PteId pmd) const;
  Task<int> split_page(Pfn head, bool wait);

  Release release_;
  unsigned huge_order_;
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  AddressSpaces& spaces_;
  Owners& owners_;
  Files& files_;
  Migration& migration_;
  std::vector<Process> processes_;
  std::vector<SharedPage> shared_;
};

}  // namespace cma
