#include "allocator/owners/owners.h"

namespace cma {

std::string_view name_of(PageKind kind) {
  switch (kind) {
    case PageKind::none: return "none";
    case PageKind::unmovable: return "unmovable";
    case PageKind::movable_ops: return "movable-ops";
    case PageKind::anonymous: return "anonymous";
    case PageKind::shmem: return "shmem";
    case PageKind::block_device: return "block-device";
    case PageKind::file: return "file";
    case PageKind::hugetlb: return "hugetlb";
  }
  return "?";
}

Owners::Owners(const Core& core, Lru& lru, PageLocks& locks, Writebacks& writebacks, const OwnerParts& parts)
    : core_(core),
      lru_(lru),
      locks_(locks),
      writebacks_(writebacks),
      spaces_(parts.spaces),
      records_(parts.records),
      reverse_map_(parts.reverse_map),
      page_cache_(parts.page_cache) {}

OwnerId Owners::add_record(Pfn pfn, PageKind kind) {
  Owner owner;
  owner.kind = kind;
  owner.pfn = pfn;
  // Any value that differs from page to page will do for content; zero is a free page's.
  owner.token = static_cast<std::uint32_t>(size() + 1) * 2654435761U | 1U;
  const OwnerId id = records_.add(owner);
  Page& page = core_.map.edit(pfn);
  page.token = owner.token;
  page.owner = id;
  page.order = 0;
  return id;
}

// Makes the record of a freshly allocated single page.
OwnerId Owners::add_fresh(Pfn pfn, PageKind kind, std::uint32_t flags) {
  // Others may have taken references of their own on the way here.
  CMA_ASSERT(core_.map.page(pfn).ref > 0 && core_.map.page(pfn).map == 0 && core_.map.page(pfn).owner == 0);
  const OwnerId id = add_record(pfn, kind);
  core_.map.edit(pfn).flags = flags;
  return id;
}

Task<OwnerId> Owners::adopt_anonymous(Pfn pfn, PteId pte) {
  const OwnerId id = add_fresh(pfn, PageKind::anonymous, kPageSwapbacked | kPageUptodate | kPageAnon);
  const PteId mapped_by = pte != 0 ? pte : spaces_.add_ptes(0, 1);
  reverse_map_.map_pte(mapped_by, id);
  spaces_.pte(mapped_by).young = true;
  if (pte != 0 && spaces_.pte(pte).locked)
    co_await lru_.mlock().mlock_new(pfn);
  else
    co_await lru_.pagevecs().cache_add(pfn);
  co_return id;
}

Task<OwnerId> Owners::adopt(Pfn pfn, PageKind kind) {
  CMA_ASSERT(!is_private(kind) && kind != PageKind::none && kind != PageKind::file);
  if (!is_cached(kind)) co_return add_fresh(pfn, kind, kind == PageKind::movable_ops ? kPageMovableOps : 0U);
  const std::uint32_t swapbacked = kind == PageKind::shmem ? kPageSwapbacked : 0U;
  const OwnerId id = add_fresh(pfn, kind, swapbacked | kPageUptodate);
  co_await lru_.pagevecs().cache_add(pfn);
  co_return id;
}

void Owners::set_use(OwnerId id, KernelUse use) {
  CMA_ASSERT(owner(id).kind == PageKind::unmovable);
  records_.edit(id).use = use;
}

Task<OwnerId> Owners::adopt_file_page(Pfn pfn, FileId file, FileMethod method, bool slow) {
  CMA_ASSERT(core_.map.page(pfn).ref > 0 && core_.map.page(pfn).owner == 0 && core_.map.page(pfn).has(kPageLocked));
  const OwnerId id = add_record(pfn, PageKind::file);
  records_.edit(id).file = file;
  records_.edit(id).method = method;
  records_.edit(id).slow = slow;
  records_.edit(id).handed_out = false;
  core_.map.edit(pfn).flags = kPageLocked;
  co_await lru_.pagevecs().cache_add(pfn);
  co_return id;
}

Task<OwnerId> Owners::adopt_huge(Pfn head, PteId pmd) {
  const Page& fresh = core_.map.page(head);
  CMA_ASSERT(fresh.has(kPageHead) && fresh.ref > 0 && fresh.map == 0 && fresh.owner == 0);
  CMA_ASSERT(is_aligned(head, pages_of(fresh)) && fresh.order <= core_.map.pageblock_order());
  HugePage made;
  made.order = fresh.order;
  made.first = static_cast<OwnerId>(size() + 1);
  const HugeId whole = records_.add_huge(made);
  for (Pfn pfn = head; pfn < head + made.pages(); ++pfn) {
    const OwnerId id = add_record(pfn, PageKind::anonymous);
    records_.edit(id).huge = whole;
    records_.edit(id).handed_out = false;
  }
  Page& page = core_.map.edit(head);
  page.order = static_cast<std::uint8_t>(made.order);
  page.flags = kPageHead | kPageSwapbacked | kPageUptodate | kPageAnon;
  reverse_map_.map_pmd(pmd, made.first);
  co_await lru_.pagevecs().cache_add(head);
  co_return made.first;
}

OwnerId Owners::adopt_hugetlb(Pfn head) {
  CMA_ASSERT(core_.map.page(head).has(kPageHugetlb));
  const std::uint8_t order = core_.map.page(head).order;
  const OwnerId id = add_record(head, PageKind::hugetlb);
  core_.map.edit(head).order = order;
  reverse_map_.map_pte(spaces_.add_ptes(0, 1), id);
  return id;
}

void Owners::write_content(OwnerId id) {
  Owner& owner = records_.edit(id);
  CMA_ASSERT(owner.pfn != kNoPfn);
  // Any different value will do.
  owner.token += 2;
  core_.map.edit(owner.pfn).token = owner.token;
}

Task<void> Owners::release(OwnerId id) {
  CMA_ASSERT(!released(id));
  const PageKind kind = owner(id).kind;
  if (is_private(kind))
    co_await reverse_map_.unmap_for_good(id);
  else if (is_cached(kind))
    co_await release_cached(id);
  else
    co_await release_driver_page(id);
}

// Truncates one page (truncate_inode_pages): takes a reference and the lock, and looks again, as it may have moved.
Task<void> Owners::release_cached(OwnerId id) {
  co_await reverse_map_.unmap_for_good(id);
  while (!released(id)) {
    core_.engine.turn();
    const Pfn pfn = owner(id).pfn;
    lru_.references().get_page(pfn);
    co_await locks_.lock(pfn);
    const bool still_there = owner(id).pfn == pfn;
    if (still_there) {
      co_await at(core_.engine, Point::truncate_locked);
      co_await writebacks_.wait(pfn);
      // Another process may have mapped it again.
      co_await reverse_map_.unmap_for_good(id);
      co_await page_cache_.remove_from_cache(id);
    }
    locks_.unlock(pfn);
    co_await lru_.references().put_page(pfn);
    if (still_there) co_await lru_.references().put_page(pfn);
  }
}

// Lets a driver's page go. A driver that can move it locks it before. Its only reference moves with the data, so it
// must not queue for the lock of a frame that may be freed meanwhile: it waits, and looks again where its page is.
Task<void> Owners::release_driver_page(OwnerId id) {
  const bool locked = owner(id).kind != PageKind::unmovable;
  while (locked && !locks_.try_lock(owner(id).pfn)) {
    core_.engine.turn();
    co_await locks_.wait(owner(id).pfn);
  }
  const Pfn pfn = owner(id).pfn;
  records_.edit(id).pfn = kNoPfn;
  Page& page = core_.map.edit(pfn);
  page.flags &= ~kPageMovableOps;
  page.owner = 0;
  if (locked) locks_.unlock(pfn);
  co_await lru_.references().put_page(pfn);
}

void Owners::refuse(OwnerId id, std::int64_t times, int error) {
  records_.edit(id).refusals = times;
  records_.edit(id).refusal_error = error;
}

}  // namespace cma
