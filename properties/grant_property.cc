// Promise: a request for pages is granted exactly if the arithmetic of its release grants it.

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Operations that ask for pages, where watermarks are near what is free.
Programs on_scarce_memory() {
  Programs programs;
  programs.options.kinds = kinds_of<AllocPages, FreePages, OwnedPages<PageKind::anonymous>, FreeOwned, Spawn, MmapAnon,
                                    DrainOp<DrainKind::pages>>();
  programs.options.min_ops = 40;
  programs.scarce = true;
  return programs;
}

// Memory as a reader of /proc would add it up.
class FreeMemory : public Witness {
 public:
  void program_begins(Machine& machine) override { machine_ = &machine; }

 protected:
  // Returns the free pages of a zone in blocks of at least this order on the lists that `wanted` names.
  template <class Wanted>
  std::uint64_t free_pages(std::size_t zone, unsigned order, Wanted wanted) const {
    std::uint64_t pages = 0;
    for (const Page& page : machine_->map.pages())
      if (page.has(kPageBuddy) && page.zone == zone && page.order >= order && wanted(page.list_type))
        pages += order_pages(page.order);
    return pages;
  }
  Machine* machine_ = nullptr;
};

// A refusal needs a reason: this much, in blocks that are neither an area's nor reserved, grants any request in any
// release. Up to 4.3 isolated blocks were subtracted from free pages of which they were no part.
class Refusals final : public FreeMemory {
 public:
  void pages_refused(unsigned order, Gfp gfp) override {
    if (order > machine_->buddy.largest_order()) return;
    const bool isolated_count = machine_->release() < Release::v4_4;
    for (const auto& [z, highest] : machine_->buddy.zonelist(gfp)) {
      const Zone& zone = machine_->buddy.zone(z);
      const std::uint64_t isolated = free_pages(z, 0, [](Migratetype type) { return type == Migratetype::isolate; });
      const std::uint64_t must_stay = Watermarks::watermark(zone, Watermark::low) + zone.lowmem_reserve[highest] +
                                      zone.nr_reserved_highatomic + (isolated_count ? isolated : 0);
      const std::uint64_t free = free_pages(z, order, is_mergeable);
      claim(free <= must_stay + order_pages(order),
            fmt::format("a block of order {} is refused, though blocks as large hold {} pages, and {} must stay", order,
                        free, must_stay));
    }
  }
};

PROMISE(GrantPromise, refuses_nothing_while_large_blocks_hold_more_than_must_stay_free,
        {.programs = on_scarce_memory(), .planted = {{Bug::watermark_areas_twice, Release::v3_6}}}) {
  Refusals refusals;
  run_plainly(program, &refusals);
  refusals.assert_all_held();
}

// What a kernel request without privileges leaves: pages of areas do not count, and what the refill of a per-CPU list
// took besides is still there.
class Grants final : public FreeMemory {
 public:
  void pages_allocated(Pfn pfn, unsigned order, Gfp gfp) override {
    if (migratetype_of(gfp) == Migratetype::movable || (gfp & (kGfpHigh | kGfpAtomicBit))) return;
    Zone& zone = machine_->buddy.zone_of(pfn);
    const std::int64_t left = zone.nr_free_pages - zone.nr_free_cma + zone.pcp_of(machine_->engine.cpu()).count;
    const auto must_stay = static_cast<std::int64_t>(zone.watermark[static_cast<unsigned>(Watermark::min)]);
    claim(left >= must_stay,
          fmt::format("a block of order {} is granted and leaves {} pages, and {} must stay", order, left, must_stay));
  }
};

PROMISE(GrantPromise, leaves_the_min_watermark_free_outside_areas,
        {.programs = on_scarce_memory(), .planted = {{Bug::watermark_with_areas, Release::v3_6}}}) {
  Grants grants;
  run_plainly(program, &grants);
  grants.assert_all_held();
}

PROMISE(GrantPromise, follows_the_arithmetic_of_the_release_inside_operations_too,
        {.programs = on_scarce_memory(),
         .planted = {{Bug::watermark_with_areas, Release::v3_6},
                     {Bug::watermark_areas_twice, Release::v3_6},
                     {Bug::atomic_page_refused, Release::v6_1},
                     Bug::atomic_unlimited}}) {
  assert_laws_hold(program, {Law::granted});
}

}  // namespace
}  // namespace cma
