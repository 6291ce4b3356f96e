// Checks of one page or block, with its neighbours on lists.

#include <fmt/format.h>

#include <algorithm>

#include "properties/laws/audit_pages.h"
#include "properties/laws/page_lanes.h"

namespace cma {
namespace {

constexpr bool is_special(Migratetype type) { return type == Migratetype::cma || type == Migratetype::isolate; }

}  // namespace

bool PageChecks::interior_is_clean(Frame frame, std::uint64_t pages, std::uint32_t flags) const {
  const Ledger::Entry* const entry = &entry_at(frame);
  // A block in use has a holder, and its head may have references of its own.
  constexpr std::uint64_t kReferences = ~std::uint64_t{0} << 32;
  const bool in_use = page_at(frame).ref > 0;
  const std::uint64_t known =
      in_use ? PageLanes::known(entry + 1, entry + pages) & kReferences : PageLanes::known(entry, entry + pages);
  return (PageLanes::differences(&page_at(frame) + 1, &page_at(frame) + pages, 0, flags) | known) == 0;
}

void PageChecks::dirty_interior(Frame frame, std::uint64_t pages, std::uint32_t flags) const {
  const Page& head = page_at(frame);
  const bool in_use = head.ref > 0;
  const char* what = in_use ? "a block in use" : head.has(kPageBuddy) ? "a free block" : "a block on its way to a list";
  for (Frame f = frame; f < frame + pages; ++f) {
    const Page& page = page_at(f);
    if (!in_use && entry_at(f).known())
      broken(Law::exclusive, fmt::format("page {:#x} is held by a program and lies in {} at {:#x} (order {})", pfn(f),
                                         what, pfn(frame), head.order));
    if (f == frame) continue;
    if (page.has(kPageBuddy))
      broken(Law::exclusive, fmt::format("the free block at {:#x} lies inside {} at {:#x} (order {})", pfn(f), what,
                                         pfn(frame), head.order));
    if (page.ref != 0 || page.flags != flags || page.owner != 0)
      broken(Law::conserved, fmt::format("page {:#x} inside {} at {:#x} (order {}) has {} references and flags {:#x}",
                                         pfn(f), what, pfn(frame), head.order, page.ref, page.flags));
  }
  broken(Law::lists,
         fmt::format("a page inside {} at {:#x} (order {}) is linked into a list", what, pfn(frame), head.order));
}

// --- free blocks ---

void PageChecks::check_free_block(const Stretch& stretch, Frame frame, bool& loose) const {
  const Page& page = page_at(frame);
  if (page.order > machine().buddy.largest_order() || !is_aligned(pfn(frame), order_pages(page.order)) ||
      frame + order_pages(page.order) > stretch.end)
    broken(Law::lists, fmt::format("the free block at {:#x} has order {}: misaligned, too large or across a zone's end",
                                   pfn(frame), page.order));
  if ((static_cast<std::uint32_t>(page.ref | page.map) | (page.flags ^ kPageBuddy) | page.owner | page.pagevecs) != 0)
    broken(Law::conserved, fmt::format("the free block at {:#x} has {} references, flags {:#x}, owner {}", pfn(frame),
                                       page.ref, page.flags, page.owner));
  if (!interior_is_clean(frame, order_pages(page.order), 0)) dirty_interior(frame, order_pages(page.order), 0);
  check_free_links(frame, page);
  check_list_type(frame, page, loose);
  if (page.order > machine().map.pageblock_order()) check_block_types(frame, page, loose);
  check_merge(stretch, frame, page, loose);
}

void PageChecks::check_free_links(Frame frame, const Page& page) const {
  const PageList& list = machine().buddy.zone(page.zone).free_by_order[page.order].lists[index_of(page.list_type)];
  const std::size_t frames = machine().map.pages().size();
  const auto alike = [&](Frame other) {
    if (other >= frames) return false;
    const Page& neighbour = page_at(other);
    return neighbour.has(kPageBuddy) && neighbour.order == page.order && neighbour.list_type == page.list_type &&
           neighbour.zone == page.zone;
  };
  const bool next = page.next == kNil ? list.last == frame : alike(page.next) && page_at(page.next).prev == frame;
  const bool prev = page.prev == kNil ? list.first == frame : alike(page.prev) && page_at(page.prev).next == frame;
  if (!next || !prev)
    broken(Law::lists, fmt::format("the free block at {:#x} (order {}, {}) is not linked into its list", pfn(frame),
                                   page.order, name_of(page.list_type)));
}

// Checks that list and pageblock agree where either is CMA or Isolate; since 6.10, for every type. Up to 6.9 there is
// an exception inside operations: pageblocks are given back one by one, so a block that covers several is on the
// restored list first, and pieces of it may begin in a pageblock that is still Isolate.
void PageChecks::check_list_type(Frame frame, const Page& page, bool& loose) const {
  const Migratetype block = machine().map.pageblock_type(pfn(frame));
  if (block == page.list_type) return;
  const bool typed = has_typed_lists(machine().release());
  if (!typed && !is_special(block) && !is_special(page.list_type)) return;
  const bool area = layout().area_block[(pfn(frame) >> machine().map.pageblock_order()) - layout().first_block] != 0;
  const bool own_type = area == (page.list_type == Migratetype::cma);
  if (typed || strict() || block != Migratetype::isolate || !own_type)
    broken(Law::lists, fmt::format("the free block at {:#x} (order {}) of a {} pageblock is on a list of type {}",
                                   pfn(frame), page.order, name_of(block), name_of(page.list_type)));
  loose = true;
}

// Checks that the pageblocks of one block agree if one of them is CMA or Isolate; since 6.10, always. Up to 6.9 some
// may be Isolate while isolation is under way.
void PageChecks::check_block_types(Frame frame, const Page& page, bool& loose) const {
  const MemoryMap& map = machine().map;
  const bool typed = has_typed_lists(machine().release());
  bool isolated = false;
  Migratetype other = Migratetype::isolate;
  for (Pfn block = pfn(frame); block < pfn(frame) + order_pages(page.order); block += map.pageblock_pages()) {
    const Migratetype type = map.pageblock_type(block);
    const bool differs = type != other && other != Migratetype::isolate && type != Migratetype::isolate;
    if (differs && (typed || type == Migratetype::cma || other == Migratetype::cma))
      broken(Law::lists, fmt::format("the free block at {:#x} (order {}) covers pageblocks of type {} and {}",
                                     pfn(frame), page.order, name_of(other), name_of(type)));
    isolated = isolated || type == Migratetype::isolate;
    if (type != Migratetype::isolate) other = type;
  }
  if (!isolated || other == Migratetype::isolate) return;
  if (typed || strict())
    broken(Law::lists, fmt::format("the free block at {:#x} (order {}) covers pageblocks of type Isolate and {}",
                                   pfn(frame), page.order, name_of(other)));
  loose = true;
}

// Returns whether a pageblock of the block was of the reserve for atomic requests before.
bool PageChecks::has_left_reserve(std::size_t zone, Pfn block, unsigned order) const {
  return std::ranges::any_of(machine().buddy.zone(zone).left_highatomic,
                             [&](Pfn left) { return left >= block && left < block + order_pages(order); });
}

// Checks that two free buddies have merged. Below the pageblock order they always do. From there on they may stay apart
// where their types forbid merging (since 5.18), where one has left the reserve since, and where one or both are
// Isolate: they became so one after the other.
void PageChecks::check_merge(const Stretch& stretch, Frame frame, const Page& page, bool& loose) const {
  const unsigned order = page.order;
  if (order >= machine().buddy.largest_order()) return;
  const Pfn here = pfn(frame);
  const Pfn other = buddy_pfn(here, order);
  // Both lie in one stretch if they lie in one zone; each pair is checked once, from below.
  if (other < here || other - here >= stretch.end - frame) return;
  const Page& buddy = page_at(frame + static_cast<Frame>(other - here));
  if (!buddy.has(kPageBuddy) || buddy.order != order) return;
  if (order >= machine().map.pageblock_order()) {
    const Migratetype mine = machine().map.pageblock_type(here);
    const Migratetype its = machine().map.pageblock_type(other);
    const bool one_isolated = (mine == Migratetype::isolate) != (its == Migratetype::isolate);
    const bool both_isolated = mine == Migratetype::isolate && its == Migratetype::isolate;
    const bool types_forbid =
        machine().release() >= Release::v5_18 && mine != its && (!is_mergeable(mine) || !is_mergeable(its));
    if (has_left_reserve(stretch.zone, here, order) || has_left_reserve(stretch.zone, other, order)) return;
    if (types_forbid || (!strict() && (one_isolated || both_isolated))) {
      loose = loose || one_isolated || both_isolated;
      return;
    }
  }
  broken(Law::lists, fmt::format("the free blocks at {:#x} and {:#x} (order {}) have not merged", here, other, order));
}

// --- per-CPU lists ---

void PageChecks::check_cached(Frame frame, const Page& page) const {
  if (page.ref != 0 || page.map != 0 || page.flags != kPagePcp || page.owner != 0 || page.pagevecs != 0)
    broken(Law::conserved, fmt::format("page {:#x} on a per-CPU list has {} references, flags {:#x}, owner {}",
                                       pfn(frame), page.ref, page.flags, page.owner));
  if (!machine().buddy.per_cpu().allowed_order(page.order))
    broken(Law::lists, fmt::format("a block of order {} at {:#x} is on a per-CPU list", page.order, pfn(frame)));
  // The cached type may be older than the pageblock's, but never where areas are concerned.
  const Migratetype block = machine().map.pageblock_type(pfn(frame));
  const bool agree = page.list_type == Migratetype::isolate ? false
                     : page.list_type == Migratetype::cma   ? is_special(block)
                                                            : block != Migratetype::cma;
  if (!agree)
    broken(Law::lists, fmt::format("page {:#x} of a {} pageblock is cached as {}", pfn(frame), name_of(block),
                                   name_of(page.list_type)));
  check_links(frame, page, kPagePcp);
}

void PageChecks::check_links(Frame frame, const Page& page, std::uint32_t flag) const {
  const std::size_t frames = machine().map.pages().size();
  const auto fits = [&](Frame other) { return other < frames && (flag == 0 || page_at(other).has(flag)); };
  const bool next = page.next == kNil || (fits(page.next) && page_at(page.next).prev == frame);
  const bool prev = page.prev == kNil || (fits(page.prev) && page_at(page.prev).next == frame);
  if (!next || !prev) broken(Law::lists, fmt::format("page {:#x} is not linked into the list it is on", pfn(frame)));
}

void PageChecks::check_lru_links(Frame frame, const Page& page, unsigned list) const {
  const PageList& ends = machine().lru.lists().list(static_cast<LruList>(list));
  check_links(frame, page, kPageLru);
  if ((page.next == kNil && ends.last != frame) || (page.prev == kNil && ends.first != frame))
    broken(Law::lists, fmt::format("page {:#x} is not linked into its LRU list", pfn(frame)));
}

// --- pages in use ---

std::int64_t PageChecks::check_owner(Frame frame, const Page& page, Walk& walk) const {
  const Owners& owners = machine().owners;
  if (page.owner == 0) {
    if (page.map != 0)
      broken(Law::content, fmt::format("page {:#x} is mapped {} times and has no owner", pfn(frame), page.map));
    return 0;
  }
  if (page.owner > owners.size())
    broken(Law::content, fmt::format("page {:#x} names an owner that never was", pfn(frame)));
  const Owner& owner = owners.owner(page.owner);
  if (page.token != owner.token)
    broken(Law::content, fmt::format("page {:#x} does not carry its owner's data (token {:#x}, should be {:#x})",
                                     pfn(frame), page.token, owner.token));
  const bool here = owner.pfn == pfn(frame);
  if (!here && owner.pfn != kNoPfn)
    broken(Law::content, fmt::format("page {:#x} names an owner whose page is {:#x}", pfn(frame), owner.pfn));
  // An owner that lets go unmaps its page at once.
  const std::int32_t mapped = here ? static_cast<std::int32_t>(owner.mapped) : 0;
  if (page.map != mapped)
    broken(Law::content, fmt::format("page {:#x} is mapped {} times instead of {}", pfn(frame), page.map, mapped));
  if (!here) return 0;
  if (owner.buffer != 0 && machine().buffers.buffer(owner.buffer).pfn != pfn(frame)) {
    walk.loose = true;
    if (strict())
      broken(Law::content, fmt::format("page {:#x} has moved, and its buffer is under page {:#x}", pfn(frame),
                                       machine().buffers.buffer(owner.buffer).pfn));
  }
  check_writes(frame, page, owner);
  if (owner.handed_out && !is_file(owner.kind)) ++walk.tallies[Counted::owned];
  if (owner.handed_out && !ledger().owner_lives(page.owner)) {
    walk.loose = true;
    if (strict())
      broken(Law::conserved, fmt::format("page {:#x} still belongs to an owner that has let go", pfn(frame)));
  }
  return Owners::own_references(owner);
}

// Checks that no write is lost or seen by others: the page of a dirty buffer is dirty, and a private page that several
// ptes or migration entries lead to is writable through none of them.
void PageChecks::check_writes(Frame frame, const Page& page, const Owner& owner) const {
  if (owner.buffer != 0) {
    const Buffer& buffer = machine().buffers.buffer(owner.buffer);
    if (buffer.pfn == pfn(frame) && buffer.dirty && !page.has(kPageDirty))
      broken(Law::content, fmt::format("page {:#x} is clean, and its buffer is dirty", pfn(frame)));
  }
  const AddressSpaces& spaces = machine().spaces;
  const bool may_be_shared = owner.kind == PageKind::anonymous && owner.huge == 0 && owner.first_pte != 0;
  if (!may_be_shared || spaces.pte(owner.first_pte).next == 0) return;
  for (PteId id = owner.first_pte; id != 0; id = spaces.pte(id).next)
    if (spaces.pte(id).writable)
      broken(Law::content, fmt::format("page {:#x} is shared, and process {} writes to it without a copy", pfn(frame),
                                       spaces.pte(id).space));
}

void PageChecks::check_references(Frame frame, const Page& page, std::int64_t known, bool& loose) const {
  if (page.ref == known) return;
  if (page.ref < known)
    broken(Law::content,
           fmt::format("page {:#x} has {} references, but {} are accounted for", pfn(frame), page.ref, known));
  loose = true;
  if (!strict()) return;
  if (known == 0)
    broken(Law::conserved,
           fmt::format("page {:#x} is in use ({} references) and has no known holder", pfn(frame), page.ref));
  broken(Law::content,
         fmt::format("page {:#x} has {} references, but only {} are accounted for", pfn(frame), page.ref, known));
}

// Returns whether every pte of the owner is present, none a migration entry.
bool PageChecks::all_mapped(const Owner& owner) const {
  const AddressSpaces& spaces = machine().spaces;
  for (PteId id = owner.first_pte; id != 0; id = spaces.pte(id).next)
    if (spaces.pte(id).state != Pte::State::present) return false;
  return true;
}

bool PageChecks::certain_to_move(const Page& page, const Ledger::Entry& entry) const {
  if (page.owner == 0 || entry.known() || page.has(kPageLocked | kPageWriteback | kPageTaskList | kPageIsolated))
    return false;
  const Owner& owner = machine().owners.owner(page.owner);
  if (owner.huge != 0) return huge_page_can_go(page, machine().owners.huge_page(owner.huge));
  const int own = Owners::own_references(owner) + (page.has(kPagePrivate) ? 1 : 0);
  if (owner.pfn == kNoPfn || page.ref != own + page.pagevecs) return false;
  const bool lru = page.has(kPageLru) || page.pagevecs > 0;
  switch (owner.kind) {
    case PageKind::anonymous:
      return lru && owner.mapped > 0 && page.map == static_cast<std::int32_t>(owner.mapped) && all_mapped(owner);
    case PageKind::shmem: return lru && all_mapped(owner);
    case PageKind::block_device:
    case PageKind::file: return lru && !page.has(kPageDirty) && all_mapped(owner);
    case PageKind::movable_ops: return true;
    case PageKind::none:
    case PageKind::unmovable:
    case PageKind::hugetlb: break;
  }
  return false;
}

}  // namespace cma
