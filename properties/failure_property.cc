// Promise: a failed request leaves ownership, bitmaps, pageblock types and data as they were.
//
// Pages may have moved, clean ones of files and those of MADV_FREE may have been dropped, huge pages may have been
// split, caches been drained, event counters advanced. Where processes are killed for a request: killing_property.cc.

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>

#include "properties/arbitrary/behaviour_testing.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Operations that fail where memory runs out, besides requests of areas and ranges.
bool may_run_out(const Op& op) {
  static const KindSet kKinds = kinds_of<Fork, PinLongterm, MmapHuge, HugetlbGrow, Compact>();
  return kKinds.test(op.body.index());
}

// What a request must not change.
struct StateBefore {
  struct Owned {
    Owner owner;
    Page page;
    std::uint32_t mappings = 0;  // those of the huge page it is part of included
  };
  std::vector<std::vector<bool>> bits;  // by area
  std::vector<Migratetype> types;
  std::vector<Owned> owners;
  std::vector<Page> pages;
  std::set<Pfn> freed_lazily;   // pages that MADV_FREE has put into a pagevec, and that a drain makes droppable
  std::int64_t free_pages = 0;  // those of the hugetlb pool included
  std::size_t records = 0;      // of the trace
  std::vector<bool> alive;      // by process
};

// Compares the machine before and after each failed cma_alloc, debugfs write and alloc_range, and each failed operation
// that may run out of memory. Of the latter the memory got so far stays, as the part of a mapping or of the pool that
// was made, and a page that a pin writes to may become a copy. Requires: one actor performs the program.
class FailedRequests final : public Witness {
 public:
  explicit FailedRequests(const Program& program) : program_(program) {}

  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.set_page_events(true);  // these name the pageblocks that are claimed
    held_.assign(machine.map.pages().size(), false);
    remember_for(0);
  }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t count, unsigned) override { hold(pfn, count, true); }
  void buffer_releasing(AreaId, Pfn pfn, std::uint64_t count) override { hold(pfn, count, false); }
  void pages_allocated(Pfn pfn, unsigned order, Gfp) override { hold(pfn, order_pages(order), true); }
  void pages_freeing(Pfn pfn, unsigned order) override { hold(pfn, order_pages(order), false); }
  void range_allocated(Pfn pfn, std::uint64_t count) override { hold(pfn, count, true); }
  void range_freeing(Pfn pfn, std::uint64_t count) override { hold(pfn, count, false); }

  void alloc_begins(AreaId, std::uint64_t, unsigned) override { before_ = remember(); }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override {
    if (before_) compare(PfnRange{});
  }
  void op_performed(Machine&, std::size_t op) override {
    const Result& result = last_plain_run().world().result(static_cast<Slot>(op));
    if (result.state == Result::State::failed && before_) {
      for (SpaceId process = 0; may_run_out(program_.ops[op]) && process < machine_->processes.count(); ++process)
        claim(machine_->processes.alive(process) == (process < before_->alive.size() && before_->alive[process]),
              "a failed request leaves a process behind, or ends one");
      compare(asked_);
    }
    remember_for(op + 1);
  }

 private:
  void hold(Pfn pfn, std::uint64_t count, bool held) {
    for (Pfn p = pfn; p < pfn + count; ++p) held_[machine_->map.frame(p)] = held;
  }
  // Remembers the state before an operation that reports no beginning. What happens inside another operation is no part
  // of the comparison.
  void remember_for(std::size_t op) {
    before_.reset();
    next_ = nullptr;
    written_ = 0;
    if (op >= program_.ops.size() || !machine_->booted()) return;
    if (may_run_out(program_.ops[op])) return remember_for_memory(op);
    const auto* range = std::get_if<AllocRange>(&program_.ops[op].body);
    const std::optional<Pfn> first = range != nullptr ? last_plain_run().world().resolve(range->at) : std::nullopt;
    if (!first) return;
    const std::uint64_t unit = machine_->geometry().isolation_unit();
    asked_ = {align_down(*first, unit), align_up(*first + range->pages, unit)};
    before_ = remember();
  }

  void remember_for_memory(std::size_t op) {
    next_ = &program_.ops[op];
    const auto* huge = std::get_if<MmapHuge>(&next_->body);
    const auto* pool = std::get_if<HugetlbGrow>(&next_->body);
    // A test device that cannot take the frames that the program names ends the operation with its own error.
    const Place* at = huge != nullptr ? &huge->at : pool != nullptr ? &pool->at : nullptr;
    if (at != nullptr && at->kind != Place::Kind::none) return;
    asked_ = {};
    if (const auto* pin = std::get_if<PinLongterm>(&next_->body)) written_ = page_of(*pin);
    before_ = remember();
  }
  // Returns the page that a pin names, 0 if there is none.
  OwnerId page_of(const PinLongterm& pin) const {
    const World& world = last_plain_run().world();
    const Processes& processes = machine_->processes;
    const Result* made = world.find(pin.mapping);
    const Result* in = pin.in.id != 0 ? world.find(pin.in) : made;
    if (made == nullptr || made->yields != Yields::mapping || in == nullptr) return 0;
    if (!processes.alive(in->process) || !processes.has_mapping(in->process, made->mapping)) return 0;
    return processes.page_at(in->process, made->mapping, pin.from);
  }

  StateBefore remember() const {
    StateBefore state;
    for (SpaceId process = 0; process < machine_->processes.count(); ++process)
      state.alive.push_back(machine_->processes.alive(process));
    state.free_pages =
        static_cast<std::int64_t>(machine_->hugetlb.free_pages() * order_pages(machine_->hugetlb.order()));
    state.records = machine_->trace.records().size();
    for (AreaId id = 0; id < machine_->areas.size(); ++id) {
      const Bitmap& bitmap = machine_->areas.area(id).bitmap;
      state.bits.emplace_back();
      for (std::uint64_t bit = 0; bit < bitmap.size(); ++bit) state.bits.back().push_back(bitmap.test(bit));
    }
    state.types.assign(machine_->map.types().begin(), machine_->map.types().end());
    state.pages.assign(machine_->map.pages().begin(), machine_->map.pages().end());
    for (OwnerId id = 1; id <= machine_->owners.size(); ++id) {
      const Owner& owner = machine_->owners.owner(id);
      const std::uint32_t as_huge = owner.huge == 0 ? 0 : machine_->owners.huge_page(owner.huge).pmds;
      state.owners.push_back(
          {owner, owner.pfn == kNoPfn ? Page{} : machine_->map.page(owner.pfn), owner.mapped + as_huge});
    }
    for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu)
      for (const Pfn pfn : machine_->lru.pagevecs().pages(cpu, Pagevec::lazyfree)) state.freed_lazily.insert(pfn);
    for (Frame frame = 0; frame < state.pages.size(); ++frame)
      if (state.pages[frame].has(kPageBuddy | kPagePcp))
        state.free_pages += static_cast<std::int64_t>(order_pages(state.pages[frame].order));
    return state;
  }

  void compare(const PfnRange& asked) {
    const StateBefore now = remember();
    claim(now.bits == before_->bits, "a failed request changes a bitmap");
    const std::int64_t added = pages_added(now);
    claim(added == 0 || keeps_pages(), "a failed request leaves a page with a new owner");
    claim(now.free_pages + left_to_pins(now) + added >= before_->free_pages,
          fmt::format("{} pages were free before a failed request, {} are now", before_->free_pages, now.free_pages));
    for (std::size_t block = 0; block < now.types.size(); ++block) compare_type(block, now.types[block], asked);
    for (Frame frame = 0; frame < held_.size(); ++frame)
      if (held_[frame] && !(now.pages[frame] == before_->pages[frame]))
        claim(false, fmt::format("a failed request changes page {:#x}, which is held", machine_->map.pfn(frame)));
    for (std::size_t i = 0; i < before_->owners.size() && i < now.owners.size(); ++i)
      compare_owner(static_cast<OwnerId>(i + 1), before_->owners[i], now.owners[i]);
    before_.reset();
  }

  // Returns whether the operation keeps the memory that it got before it failed.
  bool keeps_pages() const {
    return next_ != nullptr &&
           (std::holds_alternative<MmapHuge>(next_->body) || std::holds_alternative<PinLongterm>(next_->body));
  }
  // Returns how many pages have a new owner.
  std::int64_t pages_added(const StateBefore& now) const {
    std::int64_t added = 0;
    for (std::size_t i = before_->owners.size(); i < now.owners.size(); ++i)
      if (now.owners[i].owner.pfn != kNoPfn) ++added;
    return added;
  }

  // Drivers move pages whatever other references there are. These stay with the page that is left.
  static bool moved_by_driver(const StateBefore::Owned& before, const Owner& now) {
    return before.owner.kind == PageKind::movable_ops && now.pfn != before.owner.pfn;
  }
  // Returns how many such pages stay in use for nothing but those references.
  std::int64_t left_to_pins(const StateBefore& now) const {
    std::int64_t left = 0;
    for (std::size_t i = 0; i < before_->owners.size() && i < now.owners.size(); ++i) {
      const StateBefore::Owned& before = before_->owners[i];
      if (moved_by_driver(before, now.owners[i].owner) && before.page.ref > 1 &&
          machine_->map.page(before.owner.pfn).ref == before.page.ref - 1)
        ++left;
    }
    return left;
  }

  // The kernel gives the pageblocks of a range back as what the caller asked for: a failed alloc_range turns them into
  // Movable ones, unless they are an area's. Memory for pages that move may claim an Unmovable or Reclaimable one.
  void compare_type(std::size_t block, Migratetype now, const PfnRange& asked) {
    const Migratetype before = before_->types[block];
    if (now == before) return;
    const Pfn first = ((machine_->map.range().start >> machine_->map.pageblock_order()) + block)
                      << machine_->map.pageblock_order();
    const bool given_back = asked.contains(first) && before != Migratetype::cma && now == Migratetype::movable;
    const bool claimable = before == Migratetype::unmovable || before == Migratetype::reclaimable;
    const bool claimed = claimable && now == Migratetype::movable && is_claimed(first);
    // A request for pages that would fail ends the reserve for atomic ones: one for targets of a migration, too. The
    // pageblock becomes of the request's type, which for the targets of a long-term pin (GFP_USER) is Unmovable.
    const bool pins = next_ != nullptr && std::holds_alternative<PinLongterm>(next_->body);
    const bool unreserved =
        before == Migratetype::highatomic && (now == Migratetype::movable || (pins && now == Migratetype::unmovable));
    // A compaction makes the pageblocks of large blocks that it takes Movable. The memory that lists the pages to unmap
    // may claim any.
    const bool taken = claimable && now == Migratetype::movable;
    const bool out_of_memory = next_ != nullptr && (taken || (before != Migratetype::cma && is_claimed(first)));
    // Since 6.10 a free pageblock that merges with a block of another ordinary type becomes one of that type.
    const bool merges = machine_->release() >= Release::v6_10 && is_ordinary(before) && is_ordinary(now);
    const bool merged = merges && (is_unused(block, before_->pages) || is_unused(block, machine_->map.pages()));
    if (!given_back && !claimed && !unreserved && !out_of_memory && !merged)
      claim(false, fmt::format("a failed request turns the {} pageblock at {:#x} into {}", name_of(before), first,
                               name_of(now)));
  }

  static bool is_ordinary(Migratetype type) {
    return type == Migratetype::unmovable || type == Migratetype::reclaimable || type == Migratetype::movable;
  }
  bool is_unused(std::size_t block, std::span<const Page> pages) const {
    const auto first = static_cast<std::ptrdiff_t>(block * machine_->map.pageblock_pages());
    const auto count = static_cast<std::ptrdiff_t>(machine_->map.pageblock_pages());
    return std::all_of(pages.begin() + first,
                       pages.begin() + std::min<std::ptrdiff_t>(first + count, std::ssize(pages)),
                       [](const Page& page) { return page.ref == 0; });
  }

  // Returns whether the trace has a fallback to the pageblock since the request began.
  bool is_claimed(Pfn first) const {
    const std::vector<Record>& records = machine_->trace.records();
    return std::any_of(records.begin() + static_cast<std::ptrdiff_t>(before_->records), records.end(),
                       [&](const Record& record) {
                         if (record.event != Event::mm_page_alloc_extfrag) return false;
                         const auto order = static_cast<unsigned>(AskedAndSource::unpack(record.b).source);
                         const Pfn last = record.a + order_pages(order) - 1;
                         return align_down(record.a, machine_->map.pageblock_pages()) <= first && first <= last;
                       });
  }

  void compare_owner(OwnerId id, const StateBefore::Owned& before, const StateBefore::Owned& now) {
    if (id == written_) return;
    if (before.owner.pfn == kNoPfn) {
      claim(now.owner.pfn == kNoPfn, fmt::format("owner {} gets a page back", id));
      return;
    }
    // A page of a huge page that nothing maps any more is freed when that is split.
    const bool unmapped = before.owner.huge != 0 && before.mappings == 0;
    const bool lazy = !before.page.has(kPageSwapbacked) || before_->freed_lazily.contains(before.owner.pfn);
    const bool droppable = unmapped || (is_file(before.owner.kind) ? !before.page.has(kPageDirty)
                                                                   : before.owner.kind == PageKind::anonymous && lazy);
    if (now.owner.pfn == kNoPfn) {
      if (!droppable) claim(false, fmt::format("a failed request drops the page of owner {}", id));
      return;
    }
    const bool same_data = now.page.owner == id && now.page.token == now.owner.token &&
                           now.owner.token == before.owner.token && now.owner.kind == before.owner.kind;
    if (!same_data) claim(false, fmt::format("a failed request loses the data of owner {}", id));
    if (now.mappings != before.mappings)
      claim(false, fmt::format("a failed request leaves owner {} with {} mappings instead of {}", id, now.mappings,
                               before.mappings));
    const int references = moved_by_driver(before, now.owner) ? 1 : references_of(before.page);
    if (now.owner.huge == before.owner.huge && references_of(now.page) != references)
      claim(false, fmt::format("a failed request leaves the page of owner {} with {} references instead of {}", id,
                               references_of(now.page), references));
  }
  // Returns the references without those of caches that may be drained: pagevecs and unused buffers.
  static int references_of(const Page& page) {
    return static_cast<int>(page.ref) - page.pagevecs - (page.has(kPagePrivate) ? 1 : 0);
  }

  const Program& program_;
  Machine* machine_ = nullptr;
  std::vector<bool> held_;  // by frame: by a buffer, block or range
  std::optional<StateBefore> before_;
  PfnRange asked_;            // what the alloc_range that comes next isolates
  const Op* next_ = nullptr;  // the operation that comes next, if it may run out of memory
  OwnerId written_ = 0;       // the page that it writes to
};

// Runs without laws, which would end the run before the request has failed.
void assert_failures_change_nothing(const Program& program) {
  FailedRequests requests(program);
  run_plainly(program, &requests);
  requests.assert_all_held();
}

PROMISE(FailurePromise, leaves_all_as_it_was,
        {.programs = {.options = {}, .interleaved = false, .killing = false},
         .planted = {{Bug::busy_keeps_bit, Release::v6_1}, {Bug::area_given_away, Release::v4_9}}}) {
  assert_failures_change_nothing(program);
}

// The same where ranges fail half-way: at pages that are pinned, or at pageblocks that cannot be isolated.
PROMISE(FailurePromise, leaves_all_as_it_was_after_half_a_range,
        {.programs =
             {.options = {.min_ops = 60,
                          .release = {},
                          .kinds = kinds_of<Pin, GetPage, OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>,
                                            OwnedPages<PageKind::unmovable>, AllocRange>()},
              .interleaved = false,
              .killing = false},
         .planted = {Bug::putback_left_out}}) {
  assert_failures_change_nothing(program);
}

// The same where memory runs out: for the copies that a fork makes of pinned pages, for pins, and for huge pages.
Programs where_memory_runs_out() {
  Programs programs;
  programs.options.min_ops = 30;
  programs.options.kinds = kinds_of<AllocPages, Spawn, MmapAnon, MappingOp<MappingVerb::write>, Fork, PinLongterm,
                                    MmapHuge, HugetlbGrow, Compact>();
  programs.options.huge_pages = true;
  programs.options.compaction = true;
  programs.interleaved = false;
  programs.scarce = true;
  programs.killing = false;
  return programs;
}

// Lets a process take all memory at the end, and all others fork then.
Program with_forks_without_memory(Program program) {
  std::vector<Op> forks;
  for (const Op& op : program.ops)
    if (op.body.index() == kind_of<Spawn>())
      forks.push_back({.id = 0, .performer = {}, .until = {}, .body = Fork{{op.id}}});
  const OpId taker = program.unused_id();
  program.ops.push_back({.id = taker, .performer = {}, .until = {}, .body = Spawn{}});
  program.ops.push_back({.id = program.unused_id(),
                         .performer = {},
                         .until = {},
                         .body = MmapAnon{.process = {taker}, .pages = program.machine.memory.pages(), .at = {}}});
  program.ops.insert(program.ops.end(), forks.begin(), forks.end());
  program.settle();
  return program;
}

PROMISE(FailurePromise, leaves_all_as_it_was_where_memory_runs_out,
        {.programs = where_memory_runs_out(), .planted = {{Bug::fork_keeps_child, Release::v6_1}}}) {
  assert_failures_change_nothing(with_forks_without_memory(program));
}

// Looks at a machine whenever no actor is inside an operation: whatever failed meanwhile, and beside whatever else,
// only what succeeded is left.
class AtRest final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    bits_.clear();
  }
  void buffer_allocated(AreaId id, Pfn, std::uint64_t count, unsigned) override { bits_[id] += bits(id, count); }
  void buffer_released(AreaId id, Pfn, std::uint64_t count) override { bits_[id] -= bits(id, count); }
  void op_performed(Machine& machine, std::size_t) override { check(machine); }
  void program_ended(Machine& machine) override { check(machine); }

 private:
  std::int64_t bits(AreaId id, std::uint64_t pages) const {
    const std::uint64_t pages_per_bit = order_pages(machine_->areas.area(id).order_per_bit);
    return static_cast<std::int64_t>((pages + pages_per_bit - 1) / pages_per_bit);
  }
  void check(Machine& machine) {
    if (!machine.booted() || !machine.engine.at_rest()) return;
    for (const Migratetype type : machine.map.types())
      claim(type != Migratetype::isolate, "a pageblock stays isolated after the requests have ended");
    claim(!machine.areas.table().cma_mutex.held(), "cma_mutex stays held");
    claim(machine.lru.drain().disable_count() == 0, "the LRU caches stay disabled");
    for (AreaId id = 0; id < machine.areas.size(); ++id) check_area(machine, id);
  }
  void check_area(const Machine& machine, AreaId id) {
    const Area& area = machine.areas.area(id);
    if (!area.active()) return;
    std::int64_t set = 0;
    for (std::uint64_t bit = 0; bit < area.bitmap.size(); ++bit) set += area.bitmap.test(bit) ? 1 : 0;
    if (set != bits_[id]) claim(false, fmt::format("area {} has {} bits set, its buffers have {}", id, set, bits_[id]));
    for (Pfn block = area.base; block < area.base + area.pages; block += machine.map.pageblock_pages())
      if (machine.map.pageblock_type(block) != Migratetype::cma)
        claim(false, fmt::format("a pageblock of area {} stays {}", id, name_of(machine.map.pageblock_type(block))));
  }

  Machine* machine_ = nullptr;
  std::map<AreaId, std::int64_t> bits_;  // of the buffers that the program has
};

PROMISE(FailurePromise, leaves_nothing_among_others_once_all_have_ended,
        {.planted = {{Bug::busy_keeps_bit, Release::v6_1}, {Bug::area_given_away, Release::v4_9}}}) {
  AtRest at_rest;
  run_checked(program, &at_rest);
  at_rest.assert_all_held();
}

void assert_others_keep_what_they_have(const Program& program) {
  assert_laws_hold(program, {Law::restored, Law::bitmap, Law::content, Law::balanced, Law::locks, Law::counters});
}

PROMISE(FailurePromise, takes_nothing_from_requests_that_others_have_under_way,
        {.planted = {{Bug::busy_keeps_bit, Release::v6_1}, Bug::undo_stops_short}}) {
  assert_others_keep_what_they_have(program);
}

// The same where ranges and buffers want the same pageblocks.
PROMISE(FailurePromise, takes_nothing_from_others_in_the_same_pageblocks,
        {.programs =
             {.options = {.min_ops = 250, .release = {}, .shapes = false, .kinds = kinds_of<AllocRange, FreeRange>()}},
         .planted = {{Bug::failed_start_undoes, Release::v6_1}}}) {
  assert_others_keep_what_they_have(program);
}

}  // namespace
}  // namespace cma
