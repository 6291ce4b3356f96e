// Processes: anonymous memory that is touched, written to, shared by fork, unmapped in batches and locked; mapped files
// and shared memory (mm/memory.c). Programs' operations call it; it stands above owners/ and files/.
//
// CMA depends on when references and map counts differ: a fault maps a page before it is on the LRU; unmapping drops
// the map count at once and the reference when its batch is flushed; fork takes the reference first and the map count
// after. Each of these intervals is a point.
//
// Cost: O(1) per page; O(entries of the page) for each that is unmapped; a fault in huge memory is linear in the pages
// of the huge page.
//
// Requires of all calls: a process is a number below count(). Of those that act on one: it is alive; of those that take
// a mapping too: has_mapping(), and indices inside its pages_of().
//
// Locks: faults take the page-table lock of their process. Unmapping and mlock() take it for one page of ptes at a
// time, madv_free() for its whole range, fork() the parent's for four copied ptes; where memory is mapped by pmds, for
// one of them. Up to 5.17 locked memory is unlocked first, pte by pte. A page's lock is taken before a page-table lock,
// never under one.
#pragma once

#include <algorithm>
#include <vector>

#include "allocator/files/files.h"
#include "allocator/frames/core.h"
#include "allocator/migration/migration.h"
#include "allocator/owners/owner_moves.h"
#include "allocator/owners/owners.h"
#include "allocator/owners/page_cache.h"
#include "allocator/owners/reverse_map.h"
#include "allocator/pressure/page_allocator.h"

namespace cma {

// A mapping of a process by its place in the order of mmap calls; a forked child has its parent's.
using MappingId = std::uint32_t;

class Processes {
 public:
  // Refers to the layers, which outlive it.
  Processes(const Core& core, Buddy& buddy, PageAllocator& page_allocator, Lru& lru, PageLocks& locks,
            AddressSpaces& spaces, ReverseMap& reverse_map, PageCache& page_cache, Owners& owners, OwnerMoves& moves,
            Files& files, Migration& migration);

  // --- processes; each is its address space ---
  // Returns a new process without mappings.
  SpaceId spawn();
  // Returns a child. It shares every page of private memory, but since 5.9, if the process has pinned, gets copies of
  // those with as many references as a pin counts. Its shared mappings are untouched, its memory is not locked. 0 if
  // there was no memory for the copies, or the process was condemned meanwhile: the child is dead again.
  Task<SpaceId> fork(SpaceId process);
  // Unmaps everything in one gather; the process is dead.
  // Requires: the process is idle.
  Task<void> exit(SpaceId process);
  bool alive(SpaceId process) const { return processes_[process].alive; }
  // Returns whether no call on behalf of the process is under way, but for exit() and the fork() that makes it.
  bool idle(SpaceId process) const { return processes_[process].tasks.empty(); }
  // Returns the actors inside such calls, one for each.
  const std::vector<ActorId>& tasks_inside(SpaceId process) const { return processes_[process].tasks; }
  // Returns the process that forked it; 0 if none did.
  SpaceId parent_of(SpaceId process) const { return processes_[process].parent; }
  // Returns whether the fork() that makes it is under way.
  bool being_forked(SpaceId process) const { return processes_[process].being_forked; }
  // Returns one more than the last process's number; dead ones keep theirs, and 0 is none.
  std::size_t count() const { return processes_.size(); }

  // --- for the OOM killer ---
  // Marks a process that ends once no call on its behalf is under way. Callers begin none from then on.
  void condemn(SpaceId process) { processes_[process].dying = true; }
  // Returns whether it is so marked, dead or not.
  bool dying(SpaceId process) const { return processes_[process].dying; }
  // Returns whether a task of the process may go on in it, or begin to.
  bool usable(SpaceId process) const { return alive(process) && !dying(process); }
  // What a process has mapped, in pages (total_vm, and the parts of its rss).
  struct Resident {
    std::uint64_t total = 0;  // touched or not
    std::uint64_t anonymous = 0;
    std::uint64_t file = 0;
    std::uint64_t shared = 0;  // shared memory
  };
  // Counts it. Pages under migration count. O(entries of the process).
  Resident resident(SpaceId process) const;
  // Unmaps all private memory (__oom_reap_task_mm), mapping by mapping; up to 5.17 none that is locked. Unlike munmap()
  // it empties no pagevec first.
  Task<void> reap(SpaceId process);

  // Sets whether exec's stack is set up but not yet in its final place. As long as it is, migration does not unmap
  // anonymous pages of the process, and so cannot move them.
  void set_temporary_stack(SpaceId process, bool on) { spaces_.set_temporary_stack(process, on); }

  // --- mappings ---
  // Maps anonymous pages; none is touched yet.
  // Requires: pages > 0.
  MappingId mmap_anon(SpaceId process, std::uint64_t pages);
  bool has_mapping(SpaceId process, MappingId mapping) const { return mapping < processes_[process].mappings.size(); }
  std::uint64_t pages_of(SpaceId process, MappingId mapping) const {
    return processes_[process].mappings[mapping].pages;
  }
  // Returns the page's owner record, 0 if nothing is mapped there.
  OwnerId page_at(SpaceId process, MappingId mapping, std::uint64_t index) const;
  // Unmaps pages [from, from + pages) of a mapping: zap, gather, flush. The mapping stays as it is: a page that is
  // touched again comes in anew. In locked memory that one is locked too since 5.18, and is not up to 5.17.
  Task<void> munmap(SpaceId process, MappingId mapping, std::uint64_t from, std::uint64_t pages);

  // --- private memory ---
  // Writes to a page: allocates an untouched one (or uses `frame`, just allocated), copies one that fork shares, waits
  // for one under migration; then changes its content. Returns 0 or -ENOMEM. Takes `frame` over in any case: frees it
  // if another fault made it needless. Requires: the mapping is not shared; with `frame`, not huge either.
  Task<int> write(SpaceId process, MappingId mapping, std::uint64_t index, Pfn frame = kNoPfn);
  // Locks the mapping (mlock2 with MLOCK_ONFAULT): touched pages move to the unevictable list, but for those under
  // migration and up to 5.17 those that are locked (PG_locked) at this moment; later ones go there too. Leaves a
  // mapping that is locked as it is. Requires: the mapping is neither huge nor shared, here and in madv_free().
  Task<void> mlock(SpaceId process, MappingId mapping);
  bool locked(SpaceId process, MappingId mapping) const { return processes_[process].mappings[mapping].locked; }
  // Lets touched pages that only this process maps be dropped until they are written to again (MADV_FREE); up to 4.11
  // they only stop being active. Passes over pages that at this moment are under migration, locked (PG_locked), off the
  // LRU or unevictable. Requires: 4.5, and the mapping is not locked.
  Task<void> madv_free(SpaceId process, MappingId mapping, std::uint64_t from, std::uint64_t pages);

  // --- huge memory (huge_mappings.cc) ---
  // Maps `huge_pages` aligned huge pages of memory that madvise(MADV_HUGEPAGE) named: faults bring huge pages where
  // they can. None is touched yet.
  // Requires: huge_pages > 0, and the machine has transparent huge pages.
  MappingId mmap_huge(SpaceId process, std::uint64_t huge_pages);
  bool is_huge(SpaceId process, MappingId mapping) const {
    return processes_[process].mappings[mapping].first_pmd != 0;
  }
  unsigned huge_order() const { return huge_order_; }
  // Brings huge page `which` of the mapping in with `head`, a compound page just allocated. Frees `head` if another
  // fault was faster.
  // Requires: the mapping is huge, and has more than `which` huge pages.
  Task<void> fault_in_huge(SpaceId process, MappingId mapping, std::uint64_t which, Pfn head);
  // Splits each huge page of the mapping, as reclaim and the deferred split do it (split_huge_page). Returns 0, or
  // of the first one that stays whole -EBUSY, since 6.1 -EAGAIN if other references keep it.
  // Requires: the mapping is huge.
  Task<int> split_huge(SpaceId process, MappingId mapping);

  // --- shared mappings (shared_mappings.cc) ---
  // Returns whether mmap_shared can map a page: one of a regular file or of shared memory, cached now.
  bool can_be_shared(OwnerId page) const;
  // Maps these pages (MAP_SHARED); none is touched yet. Reclaim spares pages that are used by `executable` mappings.
  // Requires: there is at least one, and can_be_shared() of each.
  MappingId mmap_shared(SpaceId process, const std::vector<OwnerId>& pages, bool executable = false);
  bool is_shared(SpaceId process, MappingId mapping) const { return processes_[process].mappings[mapping].shared; }
  // Reads from a page of such a mapping, or writes to it. Reads a dropped page of a file again. Returns 0, -ENOMEM, or
  // -EFAULT where shared memory was truncated.
  // Requires: the mapping is shared.
  Task<int> touch_shared(SpaceId process, MappingId mapping, std::uint64_t index, bool write);

  // --- long-term pins (pins.cc) ---
  // Pins one page for a device, which writes to it (pin_user_pages with FOLL_LONGTERM | FOLL_WRITE). Since 5.1 a page
  // in an area moves out of it first (since 5.13 out of a Movable zone too, since 5.19 out of isolated pageblocks). Up
  // to 5.12 one that cannot be isolated or moved is pinned there. Later releases try again, a millisecond later, while
  // it cannot be isolated, and give up if it cannot be moved. Returns 0, or -ENOMEM: then `pinned` means nothing.
  // Requires: the mapping is neither huge nor shared.
  Task<int> pin_longterm(SpaceId process, MappingId mapping, std::uint64_t index, Pfn* pinned);
  // Undoes one pin (unpin_user_page).
  // Requires: the page has a pin of the caller's.
  Task<void> unpin_longterm(Pfn pfn);
  // Returns what such a pin counts on the page: since 5.7 its number distinguishes it from other references.
  int longterm_references() const { return release_ >= Release::v5_7 ? 1024 : 1; }

  // Makes the processes those of `other`, of a machine of the same geometry. Address spaces and owner records are
  // copied apart. Requires: no call is under way in either.
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
  // A page of shared memory, or the place in a file whose cached page is mapped.
  struct SharedPage {
    OwnerId page = 0;
    FileId file = 0;
    std::uint64_t index = 0;
  };
  struct Process {
    bool alive = true;
    bool dying = false;
    bool being_forked = false;
    bool has_pinned = false;  // some of its pages were pinned (MMF_HAS_PINNED)
    SpaceId parent = 0;
    std::vector<ActorId> tasks;  // those inside calls, one for each
    std::vector<Mapping> mappings;
  };
  // struct mmu_gather: pages whose references are still to be dropped.
  struct Gather {
    std::vector<Pfn> pages;
    std::vector<Pfn> batch_pages;  // pages that hold further slots
    std::size_t batches_used = 0;  // of them
    std::size_t room = 0;          // of the batch in use
  };

  // Scope of a call on behalf of a process, which must not exit meanwhile.
  class Inside {
   public:
    Inside(Processes& processes, SpaceId process)
        : processes_(processes), process_(process), task_(processes.core_.engine.current()) {
      processes_.processes_[process_].tasks.push_back(task_);
    }
    ~Inside() {
      std::vector<ActorId>& tasks = processes_.processes_[process_].tasks;
      tasks.erase(std::ranges::find(tasks, task_));
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Processes& processes_;
    SpaceId process_;
    ActorId task_;
  };

  // --- faults ---
  Task<int> fault_in(SpaceId process, PteId pte, Pfn frame);
  Task<bool> may_reuse(PteId pte);
  Task<int> copy_on_write(SpaceId process, PteId pte);
  Task<int> copy_page(SpaceId process, PteId pte, OwnerId shared);
  Task<void> munlock_replaced(Pfn pfn);
  Task<void> wait_for_migration(PteId pte);
  void change_content(OwnerId id);

  // --- unmapping ---
  Task<void> zap_mapping(SpaceId process, const Mapping& where, std::uint64_t from, std::uint64_t pages,
                         Gather& gather);
  Task<void> zap_range(SpaceId process, PteId first, std::uint64_t pages, Gather& gather);
  bool next_batch(Gather& gather);
  Task<void> flush(Gather& gather);
  Task<void> finish(Gather& gather);
  Task<void> munlock_range_v3_5(SpaceId process, PteId first, std::uint64_t pages);

  // --- fork ---
  Task<int> copy_ptes(SpaceId parent, PteId from, PteId to, std::uint64_t pages);
  bool must_not_be_shared(SpaceId parent, OwnerId page) const;

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
  Task<int> copy_huge_range(SpaceId parent, const Mapping& from, const Mapping& to);
  Task<bool> copy_pmd(SpaceId parent, PteId from, PteId to);
  OwnerId huge_page_in(PteId pmd) const;
  Task<int> split_page(Pfn head, bool wait);

  // --- shared mappings (shared_mappings.cc) ---
  Task<int> find_and_lock(const SharedPage& shared, OwnerId* page);
  Task<int> fault_in_shared(SpaceId process, const Mapping& where, std::uint64_t index, bool write);

  // --- long-term pins (pins.cc) ---
  Task<int> pin_outside_areas(SpaceId process, MappingId mapping, std::uint64_t index, Pfn* pinned);
  bool may_stay(Pfn pfn) const;
  Task<void> drain_for_pin(OwnerId id, Pfn pfn);
  Task<void> wait_to_isolate(OwnerId id, Pfn pfn);
  Task<bool> move_out(Pfn pfn);

  Release release_;
  unsigned huge_order_;
  std::uint64_t ptes_per_table_;  // of one page-table page: the lock is dropped between two of them
  std::size_t gather_batch_;      // slots of a page of an unmapping batch
  Core core_;
  Buddy& buddy_;
  PageAllocator& page_allocator_;
  Lru& lru_;
  PageLocks& locks_;
  AddressSpaces& spaces_;
  ReverseMap& reverse_map_;
  PageCache& page_cache_;
  Owners& owners_;
  OwnerMoves& moves_;
  Files& files_;
  Migration& migration_;
  std::vector<Process> processes_;
  std::vector<SharedPage> shared_;
};

}  // namespace cma
