// Checks of compound pages, and of huge pages in particular: the first page counts references and mappings for all of
// them, and the others have nothing of their own but their content.

#include <fmt/format.h>

#include "properties/laws/auditor.h"

namespace cma {

bool Auditor::is_huge(const Page& page) const {
  return page.has(kPageHead) && page.owner != 0 && page.owner <= machine_->owners.size() &&
         machine_->owners.owner(page.owner).huge != 0;
}

// Checks the pages after the first of a block that is in use or on its way to a list.
void Auditor::check_interior(Frame frame, const Page& page, std::uint64_t pages) const {
  if (is_huge(page)) {
    check_tails(frame, page);
    return;
  }
  const std::uint32_t tails = page.has(kPageHead) ? std::uint32_t{kPageTail} : 0;
  if (!interior_is_clean(frame, pages, tails)) dirty_interior(frame, pages, tails);
}

void Auditor::check_tails(Frame frame, const Page& page) const {
  const Owners& owners = machine_->owners;
  const std::uint64_t pages = pages_of(page);
  const HugePage& huge = owners.huge_page(owners.owner(page.owner).huge);
  if (huge.first != page.owner || huge.pages() != pages)
    broken(Law::content, fmt::format("the huge page at {:#x} has order {} and belongs to the record of another one",
                                     pfn(frame), page.order));
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto f = static_cast<Frame>(frame + i);
    const Page& one = pages_[f];
    if (entries_[f].hold() != Ledger::Hold::none)
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

// Checks a free page of the hugetlb pool: it has no other holder, and nothing in it.
Frame Auditor::walk_pool_page(Frame frame, Walk& walk) const {
  const Page& page = pages_[frame];
  const std::uint64_t pages = pages_of(page);
  if (page.map != 0 || page.owner != 0 || page.flags != (kPageHead | kPageHugetlb) ||
      pages != order_pages(machine_->hugetlb.order()))
    broken(Law::conserved,
           fmt::format("the free page {:#x} of the hugetlb pool has {} mappings, owner {} and flags {:#x}", pfn(frame),
                       page.map, page.owner, page.flags));
  for (Frame f = frame; f < frame + pages; ++f)
    if (entries_[f].known())
      broken(Law::exclusive,
             fmt::format("page {:#x} is held by a program and lies in a free page of the hugetlb pool", pfn(f)));
  if (!interior_is_clean(frame, pages, kPageTail)) dirty_interior(frame, pages, kPageTail);
  check_links(frame, page, kPageHugetlb);
  walk.tallies[Counted::in_use] += static_cast<std::int32_t>(pages);
  return frame + static_cast<Frame>(pages);
}

// Checks that the pool's list leads to its free pages, and to as many as it counts.
void Auditor::compare_pool() const {
  const HugetlbPool& pool = machine_->hugetlb;
  std::uint64_t listed = 0;
  for (Frame frame = pool.free_list().first; frame != kNil && listed <= pool.free_pages(); frame = pages_[frame].next) {
    ++listed;
    if (!pages_[frame].has(kPageHugetlb) || pages_[frame].ref != 0)
      broken(Law::lists, fmt::format("page {:#x} on the list of the hugetlb pool is no free page of it", pfn(frame)));
  }
  if (listed != pool.free_pages())
    broken(Law::counters, fmt::format("the hugetlb pool has {} free pages and counts {}", listed, pool.free_pages()));
}

// Counts the pmds and ptes that map any of its pages, compares them with the huge page's counts, and returns their
// number: each holds a reference.
std::int64_t Auditor::check_huge_page(Frame frame, const Page& page) const {
  const Owners& owners = machine_->owners;
  const AddressSpaces& spaces = machine_->spaces;
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
bool Auditor::huge_page_can_go(const Page& page, const HugePage& huge) const {
  if (machine_->release() < Release::v5_7 || page.map == 0) return false;
  if (page.ref != page.map + page.pagevecs || !(page.has(kPageLru) || page.pagevecs > 0)) return false;
  const AddressSpaces& spaces = machine_->spaces;
  const auto all_present = [&](PteId id) {
    for (; id != 0; id = spaces.pte(id).next)
      if (spaces.pte(id).state != Pte::State::present) return false;
    return true;
  };
  bool all = all_present(huge.first_pmd);
  for (std::uint64_t i = 0; i < huge.pages(); ++i)
    all = all && all_present(machine_->owners.owner(static_cast<OwnerId>(huge.first + i)).first_pte);
  return all;
}

}  // namespace cma
