// Promise: a request for pages is granted exactly if the arithmetic of its release grants it, given the zone's counters
// and the scope that its task is in. A compaction takes free pages by the same arithmetic.

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Operations that ask for pages, where watermarks are near what is free.
Programs on_scarce_memory() {
  Programs programs;
  programs.options.kinds = kinds_of<AllocPages, FreePages, OwnedPages<PageKind::anonymous>, FreeOwned, Spawn, MmapAnon,
                                    DrainOp<DrainKind::pages>>();
  programs.options.min_ops = 60;
  programs.scarce = true;
  return programs;
}

// --- what must stay free ---

// Requires: the product has 64 bits.
std::uint64_t part_of(std::uint64_t whole, std::uint64_t parts, std::uint64_t of) { return whole * parts / of; }

// What each zone must keep free, from settings and the sizes of zones alone (Documentation/admin-guide/sysctl/vm.rst):
// no mark is read from the allocator.
class Marks {
 public:
  explicit Marks(const Machine& machine) : geometry_(machine.geometry()) {
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
      zones_.push_back({machine.buddy.zone(z).kind, machine.buddy.zone(z).node, machine.buddy.zone(z).managed});
  }
  std::uint64_t min(std::size_t zone) const {
    return high_memory(zone) ? min_of_high(zone) : share_of(zone, min_free());
  }
  std::uint64_t low(std::size_t zone) const { return min(zone) + extra(zone) + gap(zone); }
  std::uint64_t high(std::size_t zone) const { return min(zone) + extra(zone) + 2 * gap(zone); }
  // Returns by how much a boost raises them at most: 1.5 times the high one, at least a pageblock. Nothing in a zone of
  // fewer than four pageblocks, or where vm.watermark_boost_factor is 0.
  std::uint64_t most_boost(std::size_t zone) const {
    const std::uint64_t most = part_of(high(zone), geometry_.watermark_boost_factor, 10000);
    const bool none = most == 0 || zones_[zone].managed < 4 * geometry_.pageblock_pages();
    return none ? 0 : std::max(most, geometry_.pageblock_pages());
  }
  // Returns what a zone keeps back from requests that could use zones up to `highest`, of the same node: a part of what
  // lies in the zones above it.
  std::uint64_t kept_from(std::size_t zone, std::size_t highest) const {
    std::uint64_t above = 0;
    for (std::size_t z = zone + 1; z <= highest; ++z)
      if (zones_[z].node == zones_[zone].node) above += zones_[z].managed;
    const bool same_node = zones_[highest].node == zones_[zone].node;
    const std::uint64_t ratio = reserve_ratio(zones_[zone].kind);
    return ratio == 0 || highest <= zone || !same_node ? 0 : above / ratio;
  }

 private:
  struct Size {
    ZoneKind kind{};
    unsigned node = 0;
    std::uint64_t managed = 0;
  };

  bool since(Release release) const { return geometry_.release >= release; }
  // Returns whether a zone has no share in min_free_kbytes: high memory, and a Movable zone where that is made of it;
  // since 6.5 any.
  bool high_memory(std::size_t zone) const {
    const auto is_high = [](const Size& other) { return other.kind == ZoneKind::high_mem; };
    const bool high_machine = std::ranges::any_of(zones_, is_high);
    return is_high(zones_[zone]) || (zones_[zone].kind == ZoneKind::movable && (high_machine || since(Release::v6_5)));
  }
  std::uint64_t min_of_high(std::size_t zone) const {
    return std::clamp<std::uint64_t>(zones_[zone].managed / 1024, 32, 128);
  }
  std::uint64_t page_kbytes() const { return geometry_.page_size / 1024; }
  // Returns vm.min_free_kbytes in pages: by default four times the root of the memory in KiB that is neither high nor
  // movable, between 128 and 64 MiB (since 5.8 256 MiB).
  std::uint64_t min_free() const {
    if (geometry_.min_free_kbytes) return *geometry_.min_free_kbytes / page_kbytes();
    std::uint64_t square = 0;
    for (std::size_t z = 0; z < zones_.size(); ++z)
      if (!high_memory(z) && zones_[z].kind != ZoneKind::movable) square += zones_[z].managed * page_kbytes() * 16;
    std::uint64_t root = 0;
    while ((root + 1) * (root + 1) <= square) ++root;
    const std::uint64_t most = since(Release::v5_8) ? 256 * 1024 : 64 * 1024;
    return std::min(std::max<std::uint64_t>(root, 128), most) / page_kbytes();
  }
  // Returns a zone's share of some pages: by its size, among the zones that have one.
  std::uint64_t share_of(std::size_t zone, std::uint64_t pages) const {
    std::uint64_t all = 0;
    for (std::size_t z = 0; z < zones_.size(); ++z)
      if (!high_memory(z)) all += zones_[z].managed;
    return all == 0 ? 0 : part_of(pages, zones_[zone].managed, all);
  }
  std::uint64_t extra(std::size_t zone) const { return share_of(zone, geometry_.extra_free_kbytes / page_kbytes()); }
  // Returns what lies between two marks: a quarter of the share, since 4.6 at least vm.watermark_scale_factor.
  std::uint64_t gap(std::size_t zone) const {
    const std::uint64_t quarter = share_of(zone, min_free()) / 4;
    if (!since(Release::v4_6)) return quarter;
    return std::max(quarter, part_of(zones_[zone].managed, geometry_.watermark_scale_factor, 10000));
  }
  // Returns vm.lowmem_reserve_ratio of a kind of zone; since 4.16 high memory keeps nothing back, and 0 is nothing.
  std::uint64_t reserve_ratio(ZoneKind kind) const {
    std::uint64_t ratio = 32;
    if (kind == ZoneKind::dma || kind == ZoneKind::dma32) ratio = 256;
    if (kind == ZoneKind::high_mem && since(Release::v4_16)) ratio = 0;
    const auto set = static_cast<std::size_t>(kind);
    if (geometry_.lowmem_reserve_ratio && set < geometry_.lowmem_reserve_ratio->size())
      ratio = (*geometry_.lowmem_reserve_ratio)[set];
    return ratio == 0 && !since(Release::v4_16) ? 1 : ratio;
  }

  const Geometry& geometry_;
  std::vector<Size> zones_;
};

// Compares the marks of each zone with what sizes and settings ask for. Since 5.0 a fallback that breaks a block
// smaller than a pageblock raises all of them by a pageblock, up to a limit. Since 6.10 also an attempt that the
// tracepoint does not show does so. A block of a pageblock that is reserved for atomic requests does not.
class MarksOfZones final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine.trace.set_page_events(true);
    if (machine.booted()) booted(machine);
  }
  void booted(Machine& machine) override {
    const Marks marks(machine);
    seen_ = machine.trace.records().size();
    boost_.clear();
    reserved_.assign(machine.buddy.zones(), false);
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
      boost_.push_back(std::min(machine.geometry().watermark_boost, marks.most_boost(z)));
    compare(machine);
  }
  void op_performed(Machine& machine, std::size_t) override {
    if (machine.booted()) compare(machine);
  }

 private:
  void compare(const Machine& machine) {
    const Marks marks(machine);
    follow_fallbacks(machine, marks);
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      const Zone& zone = machine.buddy.zone(z);
      const std::array<std::uint64_t, 3> expected = {marks.min(z), marks.low(z), marks.high(z)};
      if (zone.watermark != expected)
        claim(false, fmt::format("zone {} has the marks {}, and {} are asked for", z, fmt::join(zone.watermark, ", "),
                                 fmt::join(expected, ", ")));
      for (std::size_t higher = z; higher < machine.buddy.zones(); ++higher)
        claim(zone.lowmem_reserve[higher] == marks.kept_from(z, higher),
              fmt::format("zone {} keeps {} pages back from requests for zone {}, and {} are asked for", z,
                          zone.lowmem_reserve[higher], higher, marks.kept_from(z, higher)));
      reserved_[z] = reserved_[z] || zone.nr_reserved_highatomic != 0;
      const bool exact = machine.release() < Release::v6_10 && !reserved_[z];
      claim(exact ? zone.watermark_boost == boost_[z] : zone.watermark_boost <= marks.most_boost(z),
            fmt::format("the marks of zone {} are boosted by {}, and by {} after the fallbacks so far", z,
                        zone.watermark_boost, boost_[z]));
    }
  }
  void follow_fallbacks(const Machine& machine, const Marks& marks) {
    const std::vector<Record>& records = machine.trace.records();
    for (; seen_ < records.size(); ++seen_) {
      const Record& record = records[seen_];
      if (record.event != Event::mm_page_alloc_extfrag || machine.release() < Release::v5_0) continue;
      if (AskedAndSource::unpack(record.b).source >= machine.geometry().pageblock_order) continue;
      const std::size_t zone = machine.map.page(record.a).zone;
      boost_[zone] = std::min(boost_[zone] + machine.geometry().pageblock_pages(), marks.most_boost(zone));
    }
  }

  std::size_t seen_ = 0;
  std::vector<std::uint64_t> boost_;
  std::vector<bool> reserved_;  // by zone: whether it has had a reserve for atomic requests
};

PROMISE(GrantPromise, keeps_free_what_min_free_kbytes_and_the_other_settings_ask_for,
        {.programs = on_scarce_memory(),
         .planted = {Bug::min_mark_halved,
                     Bug::lowmem_unreserved,
                     {Bug::never_boosted, Release::v5_10},
                     {Bug::never_boosted, Release::v6_1}}}) {
  MarksOfZones marks;
  run_plainly(program, &marks);
  marks.assert_all_held();
}

// --- what is granted ---

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

// A refusal needs a reason: this much, in blocks that are not reserved, and an area's only if the request is movable,
// grants any request in any release. No program asks in a scope that takes areas from it. Up to 4.3 isolated blocks
// were subtracted from free pages of which they were no part. Boost and reserve are read from the zone.
class Refusals final : public FreeMemory {
 public:
  void pages_refused(unsigned order, Gfp gfp) override {
    if (order > machine_->buddy.largest_order()) return;
    const bool isolated_count = machine_->release() < Release::v4_4;
    for (const auto& [z, highest] : machine_->buddy.zonelist(gfp)) {
      const Zone& zone = machine_->buddy.zone(z);
      const std::uint64_t isolated = free_pages(z, 0, [](Migratetype type) { return type == Migratetype::isolate; });
      const Marks marks(*machine_);
      const std::uint64_t must_stay = marks.low(z) + zone.watermark_boost + marks.kept_from(z, highest) +
                                      zone.nr_reserved_highatomic + (isolated_count ? isolated : 0);
      const bool has_areas = migratetype_of(gfp) == Migratetype::movable;
      const std::uint64_t free = free_pages(
          z, order, [&](Migratetype type) { return is_mergeable(type) || (has_areas && type == Migratetype::cma); });
      claim(free <= must_stay + order_pages(order),
            fmt::format("a block of order {} is refused, though blocks as large hold {} pages, and {} must stay", order,
                        free, must_stay));
    }
  }
};

PROMISE(GrantPromise, refuses_no_block_while_free_blocks_as_large_hold_more_than_the_low_watermark,
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
    const Zone& zone = machine_->buddy.zone_of(pfn);
    const std::int64_t left =
        zone.nr_free_pages - zone.nr_free_cma + zone.pcp[static_cast<unsigned>(machine_->engine.cpu())].count;
    const auto must_stay = static_cast<std::int64_t>(Marks(*machine_).min(machine_->map.page(pfn).zone));
    claim(left >= must_stay,
          fmt::format("a block of order {} is granted and leaves {} pages, and {} must stay", order, left, must_stay));
  }
};

// Begins with pages of areas that drivers refer to, and long-term pins that these stand in the way of: since 5.13 they
// fail. Requests follow that only areas can serve.
void ask_after_failed_pins(Random& random, Program& program) {
  if (program.machine.areas.empty()) return;
  Story story(program);
  const std::uint64_t pages = program.machine.areas.front().pages;
  const Place place = Place::of_area({.id = 0}, random.below(pages));
  const OpRef process = story.add(Spawn{});
  const OpRef memory = story.add(MmapAnon{.process = process, .pages = 1, .at = place});
  story.add(GetPage{.page = place});
  story.add(PinLongterm{.mapping = memory, .from = 0, .in = {}});
  for (std::uint64_t block = 0; block < 2 + pages / 32; ++block) story.add(AllocPages{.order = random.below(5)});
}

Programs on_scarce_memory_with_pins() {
  Programs programs = on_scarce_memory();
  programs.options.kinds |= kinds_of<GetPage, PinLongterm>();
  programs.options.min_ops = 20;
  programs.prepare = ask_after_failed_pins;
  return programs;
}

PROMISE(GrantPromise, refuses_no_movable_block_while_areas_have_one_whatever_the_task_did_before,
        {.programs = on_scarce_memory_with_pins(),
         .planted = {{Bug::pin_scope_kept, Release::v6_1}, {Bug::pin_scope_kept, Release::v6_12}}}) {
  Refusals refusals;
  run_plainly(program, &refusals);
  refusals.assert_all_held();
}

PROMISE(GrantPromise, leaves_the_min_watermark_free_outside_areas,
        {.programs = on_scarce_memory(), .planted = {{Bug::watermark_with_areas, Release::v3_6}}}) {
  Grants grants;
  run_plainly(program, &grants);
  grants.assert_all_held();
}

// What a compaction takes off the free lists to move pages to: no more than leaves the min watermark, areas included;
// up to 4.8 the low one. Looks while a compaction is stopped, or is over and has not given back what it took.
class TakenByCompactions final : public Witness {
 public:
  void program_begins(Machine& machine) override { take_down(machine); }
  void op_performed(Machine& machine, std::size_t op) override {
    const World& world = last_plain_run().world();
    const bool compacts = world.program().ops[op].body.index() == kind_of<Compact>();
    if (compacts && world.result(static_cast<Slot>(op)).state == Result::State::inside) compare(machine);
    take_down(machine);
  }

 private:
  void take_down(const Machine& machine) {
    free_.clear();
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) free_.push_back(machine.buddy.zone(z).nr_free_pages);
  }
  void compare(const Machine& machine) {
    const Marks marks(machine);
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      const std::int64_t free = machine.buddy.zone(z).nr_free_pages;
      const std::uint64_t must_stay = machine.release() < Release::v4_9 ? marks.low(z) : marks.min(z);
      claim(free >= free_[z] || free > static_cast<std::int64_t>(must_stay),
            fmt::format("a compaction leaves {} of {} free pages, and more than {} must stay", free, free_[z],
                        must_stay));
    }
  }
  std::vector<std::int64_t> free_;  // by zone, before the operation
};

// Makes a small machine with a page in use in every pageblock, leaves little above the watermark that compactions keep
// to, and stops compactions of all memory before they give back what they took.
void compact_near_the_watermark(Random& random, Program& program) {
  program.ops.clear();
  program.failing_bitmaps.clear();
  Geometry& machine = program.machine;
  machine.areas.clear();
  machine.memory.end = machine.memory.start + 16 * machine.pageblock_pages();
  Story story(program);
  std::uint64_t used = 0;
  for (Pfn block = machine.memory.start; block < machine.memory.end; block += machine.pageblock_pages()) {
    const Pfn page = block + random.below(machine.pageblock_pages());
    story.add(OwnedPages<PageKind::anonymous>{.at = Place::of_pfn(page)});
    // On the LRU it does not stand in the way of the next one.
    story.add(DrainOp<DrainKind::lru>{});
    ++used;
  }
  const std::uint64_t mark = machine.memory.pages() - used - (2 + random.below(16));
  // The low watermark is a quarter higher than the min one.
  const std::uint64_t min = machine.release < Release::v4_9 ? mark * 4 / 5 : mark;
  machine.min_free_kbytes = min * (machine.page_size / 1024);
  for (std::uint64_t times = 1 + random.below(3); times > 0; --times) {
    story.add(DrainOp<DrainKind::everything>{});
    const Point stop = random.chance(50) ? Point::compact_release : Point::migrate_moved;
    story.add(Compact{}, {}, {stop, static_cast<std::uint16_t>(1 + random.below(4))});
    story.add(Resume{});
  }
}

Programs with_compactions_near_the_watermark() {
  Programs programs;
  programs.options.shapes = false;
  programs.faults = false;
  programs.interleaved = false;
  programs.prepare = compact_near_the_watermark;
  return programs;
}

PROMISE(GrantPromise, leaves_the_min_watermark_free_while_memory_is_compacted,
        {.programs = with_compactions_near_the_watermark(),
         .planted = {{Bug::mark_counts_orders, Release::v3_6},
                     {Bug::mark_counts_orders, Release::v4_19},
                     {Bug::mark_counts_orders, Release::v5_10},
                     {Bug::mark_counts_orders, Release::v6_1},
                     {Bug::mark_counts_orders, Release::v6_12}}}) {
  TakenByCompactions compactions;
  run_plainly(program, &compactions);
  compactions.assert_all_held();
}

// Puts requests into scopes that give their tasks rights.
void ask_with_rights(Random& random, Program& program) {
  for (Op& op : program.ops) {
    const bool asks = op.body.index() == kind_of<AllocPages>() || op.body.index() == kind_of<AllocGfp>();
    static constexpr ReclaimScope kRights[] = {ReclaimScope::noreclaim, ReclaimScope::realtime, ReclaimScope::victim};
    if (asks && random.chance(70)) op.scope = kRights[random.below(std::size(kRights))];
  }
}

Programs on_scarce_memory_with_rights() {
  Programs programs = on_scarce_memory();
  programs.options.kinds |= kinds_of<AllocGfp>();
  programs.options.flags = true;
  programs.prepare = ask_with_rights;
  return programs;
}

PROMISE(GrantPromise, gives_a_task_the_rights_that_it_has_in_its_release,
        {.programs = on_scarce_memory_with_rights(),
         .planted = {{Bug::noreclaim_like_others, Release::v3_6},
                     {Bug::noreclaim_like_others, Release::v6_12},
                     {Bug::realtime_like_others, Release::v3_6},
                     {Bug::realtime_like_others, Release::v4_19},
                     {Bug::realtime_like_others, Release::v6_12},
                     {Bug::victim_like_others, Release::v3_6},
                     {Bug::victim_like_others, Release::v4_19},
                     {Bug::victim_like_others, Release::v6_12},
                     {Bug::nomemalloc_ignored, Release::v4_19},
                     {Bug::nomemalloc_ignored, Release::v6_1}}}) {
  assert_laws_hold(program, {Law::granted, Law::policy});
}

// Gives the machine a second node, and has half of the requests for blocks stay on theirs.
void ask_for_a_node(Random& random, Program& program) {
  Geometry& machine = program.machine;
  const std::uint64_t blocks = machine.memory.pages() / machine.pageblock_pages();
  if (blocks < 2) return;
  const Pfn border = machine.memory.start + random.between(1, blocks - 1) * machine.pageblock_pages();
  machine.zones = {{.name = "Normal", .range = {machine.memory.start, border}},
                   {.name = "Normal", .range = {border, machine.memory.end}, .node = 1}};
  for (Op& op : program.ops) {
    const auto* request = std::get_if<AllocPages>(&op.body);
    if (request == nullptr || random.chance(50)) continue;
    AllocGfp stays = with_flags(*request);
    stays.gfp |= kGfpThisnode;
    op.body = stays;
  }
}

Programs on_two_nodes() {
  Programs programs = on_scarce_memory();
  programs.prepare = ask_for_a_node;
  return programs;
}

PROMISE(GrantPromise, keeps_a_request_on_its_node_if_it_asks_for_that,
        {.programs = on_two_nodes(),
         .planted = {{Bug::thisnode_ignored, Release::v3_6}, {Bug::thisnode_ignored, Release::v6_12}}}) {
  assert_laws_hold(program, {Law::granted});
}

// Divides what boot leaves before the areas between two zones.
void divide_scarce_memory(Random& random, Program& program) {
  Geometry& machine = program.machine;
  Pfn first = machine.memory.end;
  for (const AreaSpec& area : machine.areas) first = std::min(first, area.base);
  const Pfn from = machine.reserved.empty() ? machine.memory.start : machine.reserved.back().end;
  if (from + 1 >= first) return;
  const Pfn border = random.between(from + 1, first - 1);
  machine.zones = {{.name = "DMA32", .range = {machine.memory.start, border}},
                   {.name = "Normal", .range = {border, machine.memory.end}}};
}

Programs on_two_scarce_zones() {
  Programs programs = on_scarce_memory();
  programs.prepare = divide_scarce_memory;
  return programs;
}

PROMISE(GrantPromise, tries_every_zone_of_a_node_before_it_mixes_types_in_a_pageblock,
        {.programs = on_two_scarce_zones(),
         .planted = {{Bug::fragments_first, Release::v5_10},
                     {Bug::fragments_first, Release::v6_1},
                     {Bug::fragments_first, Release::v6_12}}}) {
  assert_laws_hold(program, {Law::granted});
}

// Half of the programs begin with urgent requests only: a block that gets a reserve, then single pages down to it.
// Other requests would take the reserve away before they fail.
void ask_urgently(Random& random, Program& program) {
  if (random.chance(50)) return;
  Story story(program);
  story.add(AllocPages{.order = 1, .type = TypeWord::unmovable, .atomic = true});
  for (std::uint64_t page = random.between(8, 60); page > 0; --page)
    story.add(AllocPages{.type = TypeWord::unmovable, .atomic = true});
}

Programs on_scarce_memory_with_urgent_pages() {
  Programs programs = on_scarce_memory();
  programs.options.min_ops = 20;
  programs.prepare = ask_urgently;
  return programs;
}

PROMISE(GrantPromise, decides_every_page_allocation_of_the_kernel_by_the_watermark_test_of_its_release,
        {.programs = on_scarce_memory_with_urgent_pages(),
         .planted = {{Bug::watermark_with_areas, Release::v3_6},
                     {Bug::watermark_areas_twice, Release::v3_6},
                     {Bug::atomic_page_refused, Release::v6_1},
                     Bug::atomic_unlimited}}) {
  assert_laws_hold(program, {Law::granted});
}

}  // namespace
}  // namespace cma
