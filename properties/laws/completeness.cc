#include "properties/laws/completeness.h"

#include <algorithm>
#include <bit>

#include "allocator/base/error.h"
#include "properties/laws/alignment.h"

namespace cma {
namespace {

class Sweep {
 public:
  Sweep(const Machine& machine, const Ledger& ledger, const QuietState& before, const Area& area, std::uint64_t count,
        unsigned align)
      : machine_(machine),
        ledger_(ledger),
        before_(before),
        area_(area),
        count_(count),
        align_(align > area.order_per_bit ? align : area.order_per_bit),
        moved_up_to_(area.base) {}

  std::optional<Pfn> certain_window();

 private:
  // Returns the first window at or after `bit`, in bits; kNoPfn if there is none.
  std::uint64_t next_window(std::uint64_t bit) const;
  bool all_can_be_had(Pfn start, Pfn end) const;
  bool targets_suffice(Pfn start, Pfn end);
  std::uint64_t kept_back(const PerCpuPages& pcp, std::uint64_t on_the_move) const;
  bool compound_nearby(Pfn start, Pfn end) const;
  bool begins_in_huge_page(Pfn start) const;
  bool hugetlb_in(Pfn start, Pfn end) const;
  std::uint64_t available_in(Pfn start, Pfn end) const;
  bool bit_of(const std::vector<std::uint64_t>& words, Pfn pfn) const {
    return ((words[(pfn - before_.word_base) / 64] >> ((pfn - before_.word_base) % 64)) & 1) != 0;
  }

  const Machine& machine_;
  const Ledger& ledger_;
  const QuietState& before_;
  const Area& area_;
  std::uint64_t count_;
  unsigned align_;   // windows begin at a multiple of this order
  Pfn moved_up_to_;  // pages below are counted in movers_
  std::uint64_t movers_ = 0;
};

std::uint64_t Sweep::next_window(std::uint64_t bit) const {
  const std::uint64_t bits = area_.pages >> area_.order_per_bit;
  const std::uint64_t needed = (count_ + order_pages(area_.order_per_bit) - 1) >> area_.order_per_bit;
  const std::uint64_t unit = order_pages(align_);
  while (bit + needed <= bits) {
    const Pfn above = (area_.base - pages_above_a_bit(area_) + (bit << area_.order_per_bit)) % unit;
    if (above != 0) {
      bit += (unit - above) >> area_.order_per_bit;
      continue;
    }
    // Searched from the end, so that everything up to the last used bit is skipped at once.
    std::uint64_t last = bit + needed;
    while (last > bit && !area_.bitmap.test(last - 1)) --last;
    if (last == bit) return bit;
    bit = last;
  }
  return kNoPfn;
}

bool Sweep::all_can_be_had(Pfn start, Pfn end) const {
  const auto stays = std::ranges::lower_bound(*before_.immovable, start);
  if (stays != before_.immovable->end() && *stays < end) return false;
  for (Pfn pfn = start; pfn < end;) {
    const std::uint64_t index = pfn - before_.word_base;
    const std::uint64_t n = std::min<std::uint64_t>(64 - index % 64, end - pfn);
    const std::uint64_t mask = (n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1) << (index % 64);
    if ((~((*before_.available)[index / 64] | (*before_.movable)[index / 64]) & mask) != 0) return false;
    pfn += n;
  }
  return true;
}

std::uint64_t Sweep::available_in(Pfn start, Pfn end) const {
  std::uint64_t pages = 0;
  for (Pfn pfn = start; pfn < end; ++pfn) pages += machine_.map.valid(pfn) && bit_of(*before_.available, pfn) ? 1U : 0U;
  return pages;
}

// Returns how many pages the call may move from a zone's free lists to the per-CPU lists of its CPU, where no watermark
// sees them, besides the targets in use. A list is refilled only when it is empty; apart from a refill, what is on it
// and what was taken from it never add up to more. So single pages cost one refill: a batch, since 6.7 as much as
// `high` may become. Huge pages cost one too, of a batch or of two blocks, whatever `high` is; and as a huge page that
// finds no target is split, targets that huge pages have given back may lie there while their pages take single ones.
// No more of these stay than `high`, unless that equals a batch: then an overflow frees nothing. Other CPUs' lists are
// only emptied.
std::uint64_t Sweep::kept_back(const PerCpuPages& pcp, std::uint64_t on_the_move) const {
  const auto batch = static_cast<std::uint64_t>(pcp.batch);
  const auto high = static_cast<std::uint64_t>(std::max(pcp.high, pcp.high_max));
  const std::uint64_t singles = machine_.release() >= Release::v6_7 ? std::max(batch, high) : batch;
  const bool holds_huge_pages = machine_.release() >= Release::v5_14 && before_.huge_pages != 0;
  if (!holds_huge_pages) return singles;
  const std::uint64_t huge = std::max(batch, 2 * order_pages(machine_.geometry().huge_page_order()));
  const std::uint64_t given_back = std::min(on_the_move, before_.huge_pages);
  return singles + huge + (high == batch ? given_back : std::min(given_back, high));
}

// Returns whether every page on the move in this window, and in all before it, finds a target.
bool Sweep::targets_suffice(Pfn start, Pfn end) {
  // Pages in use that no program holds as a buffer or block may move; each takes one target at a time.
  for (; moved_up_to_ < end; ++moved_up_to_)
    if (!bit_of(*before_.available, moved_up_to_) && ledger_.entry(moved_up_to_).hold() == Ledger::Hold::none)
      ++movers_;
  if (movers_ == 0) return true;
  // A huge page moves with its pages that lie after the window.
  const std::uint64_t beyond = before_.huge_pages == 0 ? 0 : order_pages(machine_.geometry().huge_page_order()) - 1;
  const std::uint64_t on_the_move = movers_ + beyond;
  const std::uint64_t unit = machine_.geometry().isolation_unit();
  const std::uint64_t isolated = available_in(align_down(start, unit), align_up(end, unit));
  const Buddy& buddy = machine_.buddy;
  for (std::size_t z = 0; z < buddy.zones(); ++z) {
    // Targets do not come from high or Movable zones.
    if (buddy.zone_name(z) == "HighMem" || buddy.zone_name(z) == "Movable") continue;
    const Zone& zone = buddy.zone(z);
    const Tallies& sum = (*before_.zone_sums)[z];
    // Watermarks leave out the whole reserve, in use or not.
    const auto reserved = static_cast<std::int64_t>(zone.nr_reserved_highatomic);
    std::int64_t free =
        std::int64_t{sum[Counted::free_pages]} - std::max<std::int64_t>(sum[Counted::free_highatomic], reserved);
    if (machine_.map.page(start).zone == z) free -= static_cast<std::int64_t>(isolated);
    const PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(machine_.engine.cpu())];
    const std::uint64_t reserve = *std::max_element(zone.lowmem_reserve.begin(), zone.lowmem_reserve.end());
    const std::uint64_t needed =
        on_the_move + kept_back(pcp, on_the_move) + Watermarks::watermark(zone, Watermark::high) + reserve;
    if (free > static_cast<std::int64_t>(needed)) return true;
  }
  return false;
}

// Returns whether a compound page may cross the end of one of the range's outer pageblocks: isolation refuses such a
// range since 5.19.
bool Sweep::compound_nearby(Pfn start, Pfn end) const {
  if (machine_.release() < Release::v5_19) return false;
  const Pfn unit = order_pages(machine_.buddy.largest_order());
  for (Pfn pfn = align_down(start, unit); pfn < align_up(end, unit); ++pfn)
    if (machine_.map.present(pfn) && machine_.map.page(pfn).has(kPageHead) &&
        machine_.map.page(pfn).order > machine_.map.pageblock_order())
      return true;
  return false;
}

// Returns whether the window begins inside a huge page. Migration takes a huge page by its first page, so the window
// would not get the others. Only an earlier window can have moved the huge page, so the present state is that of then.
bool Sweep::begins_in_huge_page(Pfn start) const {
  return machine_.map.present(start) && machine_.map.page(start).has(kPageTail);
}

// Returns whether a page of the hugetlb pool is in the way. Since 5.13 another huge page must replace it; the sweep
// ends if none is available.
bool Sweep::hugetlb_in(Pfn start, Pfn end) const {
  if (machine_.release() < Release::v5_13) return false;
  const MemoryMap& map = machine_.map;
  for (Pfn pfn = start; pfn < end; ++pfn)
    if (map.present(pfn) && map.page(map.compound_head(pfn)).has(kPageHugetlb)) return true;
  return false;
}

std::optional<Pfn> Sweep::certain_window() {
  if (count_ == 0 || count_ > area_.pages || align_ >= 64) return std::nullopt;
  const std::uint64_t step = order_pages(align_ - area_.order_per_bit);
  for (std::uint64_t bit = next_window(0); bit != kNoPfn; bit = next_window(bit + step)) {
    const Pfn start = area_.base + (bit << area_.order_per_bit);
    const Pfn end = start + count_;
    // Without enough targets the sweep may end here with -ENOMEM.
    if (!targets_suffice(start, end) || hugetlb_in(start, end)) return std::nullopt;
    if (all_can_be_had(start, end) && !begins_in_huge_page(start) && !compound_nearby(start, end)) return start;
  }
  return std::nullopt;
}

// Returns whether a driver refuses more often than a cma_alloc tries. A batch is moved by up to five calls of ten
// passes. A transient refusal uses up a pass; a permanent one ends the page's chances, since 5.11 it uses up a call.
bool driver_refuses(const Owner& owner, Release release) {
  constexpr std::int64_t kAttempts = 50;
  constexpr std::int64_t kCalls = 5;
  if (owner.refusals <= 0) return owner.refusals < 0;
  if (owner.refusal_error == -kEAGAIN) return owner.refusals >= kAttempts;
  return owner.refusals >= (release >= Release::v5_11 ? kCalls : 1);
}

bool on_temporary_stack(PteId first, const AddressSpaces& spaces) {
  for (PteId id = first; id != 0; id = spaces.pte(id).next)
    if (spaces.temporary_stack(spaces.pte(id).space)) return true;
  return false;
}

// Returns whether one of its ptes, or of the pmds of its huge page, maps a temporary stack.
bool on_temporary_stack(const Owner& owner, const Machine& machine) {
  if (on_temporary_stack(owner.first_pte, machine.spaces)) return true;
  return owner.huge != 0 && on_temporary_stack(machine.owners.huge_page(owner.huge).first_pmd, machine.spaces);
}

// Returns whether the page has a busy or dirty buffer. Such a page may move or not, depending on release and holder.
bool buffer_in_use(const Owner& owner, const Buffers& buffers) {
  return owner.buffer != 0 && buffers.busy(owner.buffer);
}

bool has_mapping(PageKind kind) {
  switch (kind) {
    case PageKind::block_device:
    case PageKind::file:
    case PageKind::shmem: return true;
    case PageKind::none:
    case PageKind::unmovable:
    case PageKind::movable_ops:
    case PageKind::anonymous:
    case PageKind::hugetlb: break;
  }
  return false;
}

// Returns whether the current actor's requests pass over pages with a mapping.
bool passes_over_files(const Machine& machine) {
  return machine.release() >= Release::v4_12 && forbids_fs(machine.engine.flags().scope);
}

// Returns whether the owner keeps its page in place although nothing in the page shows it.
bool keeps_its_place(const Owner& owner, const Machine& machine) {
  if (has_mapping(owner.kind) && passes_over_files(machine)) return true;
  switch (owner.kind) {
    // Before 4.8 no driver moves its pages.
    case PageKind::movable_ops: return machine.release() < Release::v4_8 || driver_refuses(owner, machine.release());
    case PageKind::anonymous: return on_temporary_stack(owner, machine);
    case PageKind::block_device:
    case PageKind::file: return buffer_in_use(owner, machine.buffers);
    case PageKind::none:
    case PageKind::unmovable:
    case PageKind::shmem:
    case PageKind::hugetlb: break;
  }
  return false;
}

}  // namespace

void find_immovable(const Machine& machine, std::vector<Pfn>& immovable) {
  for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
    const Owner& owner = machine.owners.owner(id);
    if (owner.pfn == kNoPfn || !keeps_its_place(owner, machine)) continue;
    // An owner that keeps one page of a huge page in place keeps all of it in place.
    const std::uint64_t pages = owner.huge == 0 ? 1 : machine.owners.huge_page(owner.huge).pages();
    const Pfn first = machine.reverse_map.counted_at(owner);
    for (Pfn pfn = first; pfn < first + pages; ++pfn) immovable.push_back(pfn);
  }
  std::ranges::sort(immovable);
}

std::uint64_t pages_in_huge_pages(const Machine& machine) {
  std::uint64_t pages = 0;
  HugeId last = 0;
  for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
    // The records of a huge page's pages lie one after the other; some of them may have let go.
    const Owner& owner = machine.owners.owner(id);
    if (owner.pfn == kNoPfn || owner.huge == 0 || owner.huge == last) continue;
    last = owner.huge;
    pages += machine.owners.huge_page(last).pages();
  }
  return pages;
}

std::optional<Pfn> certain_window(const Machine& machine, const Ledger& ledger, const QuietState& before, AreaId area,
                                  std::uint64_t count, unsigned align) {
  const Area& where = machine.areas.area(area);
  if (!where.active()) return std::nullopt;
  return Sweep(machine, ledger, before, where, count, align).certain_window();
}

}  // namespace cma
