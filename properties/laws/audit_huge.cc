// Checks of compound pages, and of huge pages in particular: the first page counts references and mappings for all of
// them, and the others have nothing of their own but their content.

#include <fmt/format.h>

#include "properties/laws/audit_pages.h"

namespace cma {

bool PageChecks::is_huge(const Page& page) const {
  return page.has(kPageHead) && page.owner != 0 && page.owner <= machine().owners.size() &&
         machine().owners.owner(page.owner).huge != 0;
}

void PageChecks::check_interior(Frame frame, const Page& page, std::uint64_t pages) const {
  if (is_huge(page)) {
    check_tails(frame, page);
    return;
  }
  const std::uint32_t tails = page.has(kPageHead) ? std::uint32_t{kPageTail} : 0;
  if (!interior_is_clean(frame, pages, tails)) dirty_interior(frame, pages, tails);
}

void PageChecks::check_tails(Frame frame, const Page& page) const {
  const Owners& owners = machine().owners;
  const std::uint64_t pages = pages_of(page);
  const HugePage& huge = owners.huge_page(owners.owner(page.owner).huge);
  if (huge.first != page.owner || huge.pages() != pages)
    broken(Law::content, fmt::format("the huge page at {:#x} has order {} and belongs to the record of another one",
                                     pfn(frame), page.order));
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto f = static_cast<Frame>(frame + i);
    const Page& one = page_at(f);
    if (entry_at(f).hold() != Ledger::Hold::none)
      broken(Law::exclusive,
             fmt::format("page {:#x} is held by a program and lies in the huge page at {:#x}", pfn(f), pfn(frame)));
    if (i > 0 && (one.ref != 0 || one.map != 0 || one.flags != kPageTail || one.pagevecs != 0))
      broken(Law::conserved, fmt::format("page {:#x} inside the huge page at {:#x} has {} references, {} mappings and "
                                         "flags {:#x}",
                                         pfn(f), pfn(frame), one.ref, one.map, one.flags));
    if (i > 0 && (one.next & one.prev) != kNil)
      broken(Law::lists,
             fmt::format("page {:#x} inside the huge page at {:#x} is linked into a list", pfn(f), pfn(frame)));
    const Owner& owner = owners.owner(static_cast<OwnerId>(huge.first + i));
    if (one.owner != huge.first + i || (owner.pfn != kNoPfn && owner.pfn != pfn(f)))
      broken(Law::content, fmt::format("page {:#x} of the huge page at {:#x} names an owner whose page is elsewhere",
                                       pfn(f), pfn(frame)));
    if (one.token != owner.token)
      broken(Law::content, fmt::format("page {:#x} does not carry its owner's data (token {:#x}, should be {:#x})",
                                       pfn(f), one.token, owner.token));
  }
}

Frame PageChecks::walk_pool_page(Frame frame, Walk& walk) const {
  const Page& page = page_at(frame);
  const std::uint64_t pages = pages_of(page);
  if (page.map != 0 || page.owner != 0 || page.flags != (kPageHead | kPageHugetlb) ||
      pages != order_pages(machine().hugetlb.order()))
    broken(Law::conserved,
           fmt::format("the free page {:#x} of the hugetlb pool has {} mappings, owner {} and flags {:#x}", pfn(frame),
                       page.map, page.owner, page.flags));
  for (Frame f = frame; f < frame + pages; ++f)
    if (entry_at(f).known())
      broken(Law::exclusive,
             fmt::format("page {:#x} is held by a program and lies in a free page of the hugetlb pool", pfn(f)));
  if (!interior_is_clean(frame, pages, kPageTail)) dirty_interior(frame, pages, kPageTail);
  check_links(frame, page, kPageHugetlb);
  walk.tallies[Counted::in_use] += static_cast<std::int32_t>(pages);
  return frame + static_cast<Frame>(pages);
}

void PageChecks::compare_pool() const {
  const HugetlbPool& pool = machine().hugetlb;
  std::uint64_t listed = 0;
  for (Frame frame = pool.free_list().first; frame != kNil && listed <= pool.free_pages();
       frame = page_at(frame).next) {
    ++listed;
    if (!page_at(frame).has(kPageHugetlb) || page_at(frame).ref != 0)
      broken(Law::lists, fmt::format("page {:#x} on the list of the hugetlb pool is no free page of it", pfn(frame)));
  }
  if (listed != pool.free_pages())
    broken(Law::counters, fmt::format("the hugetlb pool has {} free pages and counts {}", listed, pool.free_pages()));
}

std::int64_t PageChecks::check_huge_page(Frame frame, const Page& page) const {
  const Owners& owners = machine().owners;
  const AddressSpaces& spaces = machine().spaces;
  const HugePage& huge = owners.huge_page(owners.owner(page.owner).huge);
  std::int64_t mapped = 0;
  const auto count = [&](PteId id) {
    for (; id != 0; id = spaces.pte(id).next) mapped += spaces.pte(id).state == Pte::State::present ? 1 : 0;
  };
  count(huge.first_pmd);
  if (mapped != huge.pmds)
    broken(Law::content,
           fmt::format("{} pmds map the huge page at {:#x}, and {} are counted", mapped, pfn(frame), huge.pmds));
  for (std::uint64_t i = 0; i < huge.pages(); ++i) count(owners.owner(static_cast<OwnerId>(huge.first + i)).first_pte);
  if (page.map != mapped)
    broken(Law::content,
           fmt::format("the huge page at {:#x} is mapped {} times instead of {}", pfn(frame), page.map, mapped));
  return mapped;
}

// Returns certain_to_move() for a huge page. Since 5.7 it moves whole, or split if there is no target of its size;
// before that it stays where it is.
bool PageChecks::huge_page_can_go(const Page& page, const HugePage& huge) const {
  if (machine().release() < Release::v5_7 || page.map == 0) return false;
  if (page.ref != page.map + page.pagevecs || !(page.has(kPageLru) || page.pagevecs > 0)) return false;
  const AddressSpaces& spaces = machine().spaces;
  const auto all_present = [&](PteId id) {
    for (; id != 0; id = spaces.pte(id).next)
      if (spaces.pte(id).state != Pte::State::present) return false;
    return true;
  };
  bool all = all_present(huge.first_pmd);
  for (std::uint64_t i = 0; i < huge.pages(); ++i)
    all = all && all_present(machine().owners.owner(static_cast<OwnerId>(huge.first + i)).first_pte);
  return all;
}

}  // namespace cma
