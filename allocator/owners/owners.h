// Who holds a page, and what it takes to move it: pages a driver holds, pages a driver knows how to move, anonymous
// pages of a process, pages of shared memory.
//
// An owner is a numbered record; a page names its owner. Pages that can move are found through their record, so a
// program that holds a handle follows the data wherever it goes. Every owned page carries a token that stands for its
// content. Cost: O(1) an operation; records are never reused within a run, so a number means one thing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/page_kinds.h"
#include "allocator/owners/address_spaces.h"
#include "allocator/owners/buffers.h"

namespace cma {

enum class PageKind : std::uint8_t {
  none,
  unmovable,     // a driver's page that nobody can move: one reference, no owner the kernel knows
  movable_ops,   // a non-LRU page whose driver moves it, or refuses
  anonymous,     // private memory, mapped by one pte or, after fork, by several; on the LRU
  shmem,         // page cache of shared memory: unmapped, swap-backed, on the LRU
  block_device,  // page cache of a RAM disk (writes complete at once), with a buffer head once it was looked up
};

std::string_view name_of(PageKind kind);

struct Owner {
  PageKind kind = PageKind::none;
  Pfn pfn = kNoPfn;           // where the page is now; kNoPfn once the owner has let go
  std::uint32_t token = 0;    // the content the page must have
  PteId first_pte = 0;        // of the ptes and migration entries that name it
  std::uint32_t mapped = 0;   // anonymous: a pte maps it (not a migration entry)
  std::int64_t refusals = 0;  // movable_ops: how many attempts to move are refused; negative: all
  int refusal_error = 0;      // with this error
  bool handed_out = true;     // a program holds it by a handle of its own
  Pfn moving_from = kNoPfn;   // while migration entries stand for its ptes: the page they point at
  BufferId buffer = 0;        // block_device: its buffer head, 0 for none
  friend bool operator==(const Owner&, const Owner&) = default;
};

// Sees every attempt to move a movable-ops page at the moment its driver is asked: what a real driver would see.
class MoveWatcher {
 public:
  virtual ~MoveWatcher() = default;
  // `error` is the driver's answer: 0, or why it refuses.
  virtual void move_tried(Pfn pfn, int error) = 0;
};

class Owners final : public PageKinds {
 public:
  Owners(const Geometry& geometry, Engine& engine, MemoryMap& map, Lru& lru, PageLocks& locks, Buffers& buffers,
         AddressSpaces& spaces);

  // Makes a freshly allocated single page (one reference, no list) a page of `kind`. LRU kinds go through this CPU's
  // pagevec. The caller's reference becomes the owner's.
  // Anonymous pages are mapped by `pte`; without one, by a pte of their own that no process has.
  Task<OwnerId> adopt(Pfn pfn, PageKind kind, PteId pte = 0);
  // The owner lets go: unmaps, drops from the cache, or just puts its reference. The page may live on by other
  // references.
  Task<void> release(OwnerId id);
  // The record is a process's or a file's affair: programs hold no handle of it.
  void leave_to_kernel(OwnerId id) { record(id).handed_out = false; }
  // The page's data changes.
  void write_content(OwnerId id);
  bool released(OwnerId id) const { return owner(id).pfn == kNoPfn; }
  // The next `times` attempts to move the page answer `error` (-EAGAIN, or a permanent one); negative: all.
  void refuse(OwnerId id, std::int64_t times, int error);

  // --- page tables; the lock of the pte's space is held ---
  // The pte maps the page from now on; its reference has been taken before.
  void map_pte(PteId pte, OwnerId id);
  // A migration entry is copied to another pte: neither references nor mappings change.
  void copy_migration_entry(PteId pte, OwnerId id);
  // The pte is cleared and the page's map count falls; the pte's reference passes to the caller. kNoPfn: it held none.
  Pfn zap_pte(PteId pte);

  void set_move_watcher(MoveWatcher* watcher) { watcher_ = watcher; }

  // The buffer of a block-device page, made when it is looked up first.
  BufferId buffer_of(OwnerId id);
  // The page's data and its buffer become dirty.
  void make_dirty(OwnerId id);

  const Owner& owner(OwnerId id) const { return owners_[id - 1]; }
  std::size_t size() const { return owners_.size(); }
  // References the owner itself accounts for: ptes, page cache or driver.
  // The reference of attached buffers comes on top, and stays when the owner lets go of a page whose buffer is busy.
  static int own_references(const Owner& owner) {
    return static_cast<int>(owner.mapped) + (owner.kind == PageKind::anonymous ? 0 : 1);
  }

  // --- PageKinds ---
  bool has_mapping(Pfn pfn) const override;
  bool isolate_movable(Pfn pfn) override;
  Task<void> unmap(Pfn pfn) override;
  Task<void> remap(Pfn old, Pfn target) override;
  bool reclaim_clean(Pfn pfn) override;
  void drop_orphaned_buffers(Pfn pfn) override;
  int move(Pfn old, Pfn target) override;

  void copy_from(const Owners& other) { owners_ = other.owners_; }

 private:
  Owner& record(OwnerId id) { return owners_[id - 1]; }
  int move_movable_ops(Owner& owner, Pfn old, Pfn target);
  void take_over(Owner& owner, Pfn old, Pfn target);
  int move_block_device_v4(Owner& owner, Pfn old);
  int move_block_device_v5_3(Owner& owner, Pfn old, Pfn target);
  bool free_buffer(Owner& owner);
  Task<void> unmap_for_good(OwnerId id);
  void unlink_pte(PteId id);
  // The first pte of the page in this state that unmapping or remapping may touch; 0 for none.
  PteId find_pte(OwnerId id, Pte::State state) const;

  Release release_;
  Engine& engine_;
  MemoryMap& map_;
  Lru& lru_;
  PageLocks& locks_;
  Buffers& buffers_;
  AddressSpaces& spaces_;
  MoveWatcher* watcher_ = nullptr;
  std::vector<Owner> owners_;
};

}  // namespace cma
