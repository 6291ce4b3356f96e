// Promise: an operation succeeds if nothing stands in its way.
//
// An allocator that refuses everything loses nothing, and would keep most other promises. What the way must be free of
// is stated before each promise; where it is not, the promise is silent. One actor performs all operations.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "allocator/base/gfp.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Returns whether pageblocks of this type are for memory that moves.
constexpr bool holds_movable(Migratetype type) { return type == Migratetype::movable || type == Migratetype::cma; }

// What an operation should find is taken down before it begins: `before(op)`. Afterwards `after(op)` judges it.
class BeforeAndAfter : public Witness {
 public:
  explicit BeforeAndAfter(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    if (machine.booted() && !program_.ops.empty()) before(program_.ops.front());
  }
  void op_performed(Machine&, std::size_t op) override {
    after(program_.ops[op], last_plain_run().world().result(static_cast<Slot>(op)));
    if (machine_->booted() && op + 1 < program_.ops.size()) before(program_.ops[op + 1]);
  }

 protected:
  virtual void before(const Op& op) = 0;
  virtual void after(const Op& op, const Result& result) = 0;

  // Returns whether a page of a process or of shared memory has no references but those of its ptes, its cache and
  // pagevecs, and is on the LRU or on its way there.
  bool is_alone(const Page& page) const {
    if (page.owner == 0 || page.has(kPageLocked | kPageWriteback | kPageTaskList | kPageUnevictable)) return false;
    const Owner& owner = machine_->owners.owner(page.owner);
    if (owner.huge != 0 || (owner.kind != PageKind::anonymous && owner.kind != PageKind::shmem)) return false;
    return owner.pfn != kNoPfn && page.ref == Owners::own_references(owner) + page.pagevecs &&
           (page.has(kPageLru) || page.pagevecs > 0);
  }
  // Returns whether `pages` are free in the zone besides those of areas, of the reserve for atomic requests, and those
  // that must stay free.
  bool has_plenty(const Zone& zone, std::uint64_t pages) const {
    const std::uint64_t lowmem = *std::ranges::max_element(zone.lowmem_reserve);
    const std::uint64_t kept = Watermarks::watermark(zone, Watermark::high) + lowmem + zone.nr_reserved_highatomic;
    return zone.nr_free_pages - zone.nr_free_cma > static_cast<std::int64_t>(kept + pages);
  }

  const Program& program_;
  Machine* machine_ = nullptr;
};

// --- compaction ---

// Looks at each compaction of all memory, and at the first one of the program if that is for an order.
class Compactions final : public BeforeAndAfter {
 public:
  using BeforeAndAfter::BeforeAndAfter;

 private:
  struct Movable {
    OwnerId owner;
    Pfn pfn;
  };
  void before(const Op& op) override {
    movable_.clear();
    order_ = 0;
    const auto* compact = std::get_if<Compact>(&op.body);
    if (compact == nullptr || op.scope != ReclaimScope::none) return;
    order_ = static_cast<unsigned>(compact->order);
    // Other priorities pass over what an earlier scan, or since 5.1 a contiguous range, has marked or left cached.
    if (order_ != 0 && compact->priority != PriorityWord::full) return;
    const bool first = !std::exchange(compacted_, true) && !machine_->scanner.hints().touched();
    if (order_ != 0 && (!first || machine_->buddy.zones() != 1 || !is_in_pieces(machine_->buddy.zone(0)))) return;
    for (std::size_t zone = 0; zone < machine_->buddy.zones(); ++zone) look_at(machine_->buddy.zone(zone));
  }
  void after(const Op&, const Result&) override {
    const bool stay = std::ranges::all_of(
        movable_, [this](const Movable& page) { return machine_->owners.owner(page.owner).pfn == page.pfn; });
    claim(movable_.empty() || !stay,
          fmt::format("a compaction moves none of {} pages that have room above them", movable_.size()));
    movable_.clear();
  }

  // Returns whether no block of the order wanted is free, and most of what is free would do if it were together: the
  // kernel's fragmentation index is above vm.extfrag_threshold.
  bool is_in_pieces(const Zone& zone) const {
    constexpr std::uint64_t kThreshold = 500;
    std::uint64_t blocks = 0;
    std::uint64_t pages = 0;
    for (unsigned order = 0; order <= machine_->buddy.largest_order(); ++order) {
      if (order >= order_ && zone.free_by_order[order].nr_free != 0) return false;
      blocks += zone.free_by_order[order].nr_free;
      pages += zone.free_by_order[order].nr_free * order_pages(order);
    }
    const std::uint64_t thousands = 1000 + 1000 * pages / order_pages(order_);
    return order_ <= machine_->buddy.largest_order() && blocks != 0 && thousands / blocks < 1000 - kThreshold;
  }
  // Returns whether a compaction takes every page in use: one for an order may pass over all that lies in a block of
  // that order with a page that stays.
  bool takes_all(const Zone& zone) const {
    for (Pfn pfn = zone.range.start; pfn < zone.range.end; ++pfn)
      if (machine_->map.present(pfn) && machine_->map.page(pfn).ref > 0 && !is_taken(pfn)) return false;
    return true;
  }
  // Returns whether a compaction takes the page: one for an order, which may not wait, empties no pagevecs and passes
  // over pageblocks of other types.
  bool is_taken(Pfn pfn) const {
    const Page& page = machine_->map.page(pfn);
    if (!is_alone(page)) return false;
    return order_ == 0 || (page.pagevecs == 0 && holds_movable(machine_->map.pageblock_type(pfn)));
  }
  // The scanners meet where the pages to move below need all free pages above.
  void look_at(const Zone& zone) {
    const MemoryMap& map = machine_->map;
    const std::uint64_t step = map.pageblock_pages();
    const std::uint64_t largest = order_pages(machine_->buddy.largest_order());
    if (!has_plenty(zone, 4 * largest) || (order_ != 0 && !takes_all(zone))) return;
    std::uint64_t in_use = 0;
    for (Pfn block = align_up(zone.range.start, step); block + step <= zone.range.end; block += step) {
      // Pageblocks with a hole at an end are passed over.
      const bool scanned = map.present(block) && map.present(block + step - 1);
      std::vector<Movable> here;
      for (Pfn pfn = block; pfn < block + step; ++pfn) {
        if (map.page(pfn).ref > 0) ++in_use;
        if (scanned && is_taken(pfn)) here.push_back({map.page(pfn).owner, pfn});
      }
      if (here.empty()) continue;
      const bool has_room = !movable_.empty() || room_above(zone, block + 4 * step) > in_use + step;
      if (has_room) movable_.insert(movable_.end(), here.begin(), here.end());
      // Pages that are further up may be left to the next compaction. One for an order may begin with them.
      if (order_ == 0 || movable_.empty()) return;
    }
  }
  // Returns the free pages of pageblocks from `from` on that pages may move to: movable ones that are not free as a
  // whole. Nothing is gained by moving to those. Since 5.1 the scanner may look at every 32nd page only.
  std::uint64_t room_above(const Zone& zone, Pfn from) const {
    const MemoryMap& map = machine_->map;
    const std::uint64_t step = map.pageblock_pages();
    const Pfn stride = machine_->release() >= Release::v5_1 ? 32 : 1;
    std::uint64_t room = 0;
    for (Pfn block = from; block + step <= zone.range.end; block += step) {
      const Migratetype type = map.pageblock_type(block);
      const Page& first = map.page(block);
      const bool whole = first.has(kPageBuddy) && first.order >= map.pageblock_order();
      if (whole || !map.present(block) || !map.present(block + step - 1)) continue;
      if (type != Migratetype::movable && type != Migratetype::cma) continue;
      for (Pfn pfn = block; pfn < block + step; pfn += stride)
        if (map.page(pfn).has(kPageBuddy)) room += order_pages(map.page(pfn).order);
    }
    return room;
  }

  unsigned order_ = 0;  // of the compaction; 0: of all memory
  bool compacted_ = false;
  std::vector<Movable> movable_;
};

Programs with_compactions() {
  Programs programs;
  programs.options.min_ops = 20;
  programs.options.kinds = kinds_of<OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>, FreeOwned,
                                    DrainOp<DrainKind::everything>, Compact>();
  programs.options.compaction = true;
  programs.faults = false;
  programs.interleaved = false;
  return programs;
}

// Of a zone: the first pageblock with such pages has one that nothing but its ptes and its cache refers to, and the
// pageblocks well above it have more free pages than there are pages in use up to it.
PROMISE(ProgressPromise, a_compaction_moves_a_page_that_has_room_above_it,
        {.programs = with_compactions(), .planted = {Bug::compaction_idle}}) {
  Compactions compactions(program);
  run_plainly(program, &compactions);
  compactions.assert_all_held();
}

// Puts a page into each largest block, and compacts for such a block, before the program goes on.
void scatter_pages(Random& random, Program& program) {
  const Geometry& machine = program.machine;
  Story story(program);
  for (Pfn block = machine.memory.start; block < machine.memory.end; block += machine.largest_pages()) {
    OwnedPages<PageKind::anonymous> page;
    page.at = Place::of_pfn(block + machine.pageblock_pages() / 2 + random.below(machine.pageblock_pages() / 2));
    story.add(page);
  }
  story.add(DrainOp<DrainKind::lru>{});
  story.add(Compact{.order = machine.largest_order, .priority = PriorityWord::full});
}

Programs with_compactions_for_an_order() {
  Programs programs = with_compactions();
  programs.options.min_ops = 1;
  programs.options.shapes = false;
  programs.prepare = scatter_pages;
  return programs;
}

// No block of the order is free, memory is in pieces, and the room above is as before.
PROMISE(ProgressPromise, a_compaction_for_an_order_moves_a_page_out_of_the_way,
        {.programs = with_compactions_for_an_order(), .planted = {Bug::compact_order_idle, Bug::compaction_idle}}) {
  Compactions compactions(program);
  run_plainly(program, &compactions);
  compactions.assert_all_held();
}

// --- where compaction moves pages ---

// Looks where each compaction puts the pages that it moves.
class PlacesOfMoved final : public BeforeAndAfter {
 public:
  using BeforeAndAfter::BeforeAndAfter;

 private:
  void before(const Op& op) override {
    places_.clear();
    takes_.clear();
    const auto* compact = std::get_if<Compact>(&op.body);
    // The last attempt on behalf of a request takes any pageblock.
    if (compact == nullptr || (compact->order != 0 && compact->priority == PriorityWord::full)) return;
    for (OwnerId id = 1; id <= machine_->owners.size(); ++id) places_.push_back(machine_->owners.owner(id).pfn);
    const PfnRange memory = machine_->map.range();
    for (Pfn block = memory.start; block < memory.end; block = machine_->map.pageblock_start(block) + step())
      takes_[machine_->map.pageblock_start(block)] = takes_pages(block);
  }
  void after(const Op&, const Result&) override {
    for (OwnerId id = 1; id <= places_.size(); ++id) {
      const Pfn now = machine_->owners.owner(id).pfn;
      if (now == kNoPfn || now == places_[id - 1] || places_[id - 1] == kNoPfn) continue;
      claim(takes_[machine_->map.pageblock_start(now)],
            fmt::format("a compaction moves a page from {:#x} to {:#x}, into a pageblock of memory that does not move",
                        places_[id - 1], now));
    }
    places_.clear();
  }
  std::uint64_t step() const { return machine_->map.pageblock_pages(); }
  // Returns whether pages may move to the pageblock. Up to 3.14 also to one that is free as a whole; since 5.1 the
  // search for targets begins with blocks on the lists of movable memory, wherever they are, and takes what is free
  // around them.
  bool takes_pages(Pfn block) const {
    const MemoryMap& map = machine_->map;
    if (holds_movable(map.pageblock_type(block))) return true;
    const bool from_lists = machine_->release() >= Release::v5_1;
    const bool from_whole = machine_->release() < Release::v3_15;
    // A block that begins below may reach into the pageblock.
    const Pfn across = machine_->buddy.free_lists().covering_block(block);
    if (across != kNoPfn && map.page(across).order > map.pageblock_order())
      if (from_whole || (from_lists && holds_movable(map.page(across).list_type))) return true;
    for (Pfn pfn = block; pfn < std::min(map.pageblock_start(block) + step(), map.range().end); ++pfn) {
      const Page& page = map.page(pfn);
      if (!page.has(kPageBuddy)) continue;
      if (from_lists && holds_movable(page.list_type)) return true;
      if (from_whole && page.order >= map.pageblock_order()) return true;
    }
    return false;
  }

  std::vector<Pfn> places_;    // by owner, before
  std::map<Pfn, bool> takes_;  // whether pages may move there, by pageblock
};

// Begins with blocks of kernel memory and pages below them.
void mix_types(Random& random, Program& program) {
  Story story(program);
  const std::uint64_t blocks = 1 + random.below(4);
  for (std::uint64_t i = 0; i < blocks; ++i)
    story.add(AllocPages{.order = random.below(program.machine.pageblock_order), .type = TypeWord::unmovable});
  for (std::uint64_t i = 0; i < blocks; ++i) {
    OwnedPages<PageKind::anonymous> pages;
    pages.at = Place::of_pfn(program.machine.memory.start + random.below(program.machine.memory.pages() / 4));
    pages.pages = 1 + random.below(8);
    story.add(pages);
  }
  story.add(DrainOp<DrainKind::everything>{});
  story.add(Compact{});
}

Programs with_mixed_types() {
  Programs programs = with_compactions();
  programs.options.kinds |= kinds_of<AllocPages, FreePages>();
  programs.prepare = mix_types;
  return programs;
}

PROMISE(ProgressPromise, a_compaction_moves_no_page_among_memory_that_does_not_move,
        {.programs = with_mixed_types(),
         .planted = {{Bug::compacts_to_unmovable, Release::v3_6},
                     {Bug::compacts_to_unmovable, Release::v4_19},
                     {Bug::compacts_to_unmovable, Release::v6_12}}}) {
  PlacesOfMoved places(program);
  run_plainly(program, &places);
  places.assert_all_held();
}

// --- long-term pins ---

// Looks at each long-term pin.
class LongtermPins final : public BeforeAndAfter {
 public:
  using BeforeAndAfter::BeforeAndAfter;

 private:
  void before(const Op& op) override {
    const auto* pin = std::get_if<PinLongterm>(&op.body);
    certain_ = pin != nullptr && is_certain(*pin);
  }
  void after(const Op&, const Result& result) override {
    claim(!certain_ || result.state != Result::State::failed,
          "a long-term pin fails that nothing stands in the way of");
    certain_ = false;
  }
  bool is_certain(const PinLongterm& pin) const {
    const World& world = last_plain_run().world();
    const Processes& processes = machine_->processes;
    const Result* made = world.find(pin.mapping);
    const Result* in = pin.in.id != 0 ? world.find(pin.in) : made;
    if (made == nullptr || made->yields != Yields::mapping || in == nullptr) return false;
    const SpaceId space = in->process;
    if (!processes.alive(space) || !processes.has_mapping(space, made->mapping)) return false;
    if (processes.is_huge(space, made->mapping) || processes.is_shared(space, made->mapping)) return false;
    if (pin.from >= processes.pages_of(space, made->mapping)) return false;
    const OwnerId page = processes.page_at(space, made->mapping, pin.from);
    if (page != 0 && !is_alone(machine_->map.page(machine_->owners.owner(page).pfn))) return false;
    for (std::size_t zone = 0; zone < machine_->buddy.zones(); ++zone)
      if (machine_->buddy.zone(zone).kind != ZoneKind::movable && has_plenty(machine_->buddy.zone(zone), kPlenty))
        return true;
    return false;
  }

  // A pin needs a page for its write and one to move to.
  static constexpr std::uint64_t kPlenty = 32;
  bool certain_ = false;
};

Programs with_longterm_pins() {
  Programs programs;
  programs.options.kinds = kinds_of<Spawn, MmapAnon, Fork, PinLongterm, MappingOp<MappingVerb::munmap>, ExitProcess>();
  programs.faults = false;
  programs.interleaved = false;
  return programs;
}

// The page has no references but those of its ptes, or there is none yet, and memory outside areas is plenty.
PROMISE(ProgressPromise, a_long_term_pin_succeeds_for_a_page_that_can_leave_its_area,
        {.programs = with_longterm_pins(), .planted = {{Bug::pin_gives_up, Release::v6_1}}}) {
  LongtermPins pins(program);
  run_plainly(program, &pins);
  pins.assert_all_held();
}

// --- the pool of huge pages ---

// Looks at each request for a buffer of an area that holds nothing but free memory and free pages of the hugetlb pool.
class BuffersOverThePool final : public Witness {
 public:
  void program_begins(Machine& machine) override { machine_ = &machine; }
  void alloc_begins(AreaId id, std::uint64_t count, unsigned align) override {
    certain_ = is_certain(id, count, align);
  }
  void alloc_failed(AreaId id, std::uint64_t count, unsigned) override {
    if (certain_)
      claim(false,
            fmt::format("area {} is free but for pages of the hugetlb pool, and a buffer of {} fails", id, count));
  }

 private:
  bool is_certain(AreaId id, std::uint64_t count, unsigned align) const {
    const Area& area = machine_->areas.area(id);
    // Up to 5.12 pages of the pool stay.
    if (machine_->release() < Release::v5_13 || !area.active() || count == 0 || count > area.pages) return false;
    const unsigned asked = effective_align(align, machine_->release());
    if (asked >= 64 || !is_aligned(area.base, order_pages(asked))) return false;
    for (std::uint64_t bit = 0; bit < area.bitmap.size(); ++bit)
      if (area.bitmap.test(bit)) return false;
    const std::optional<std::uint64_t> pool = pool_pages(area);
    return pool && *pool > 0 && can_be_replaced(*pool);
  }
  // Returns the huge pages of the pool in an area whose other pages are free, nullopt if it has a page in use.
  std::optional<std::uint64_t> pool_pages(const Area& area) const {
    std::uint64_t pages = 0;
    for (Pfn pfn = area.base; pfn < area.base + area.pages;) {
      const Page& page = machine_->map.page(pfn);
      const bool in_pool = page.has(kPageHugetlb) && page.has(kPageHead) && page.ref == 0;
      if (!in_pool && !page.has(kPageBuddy | kPagePcp)) return std::nullopt;
      if (in_pool) ++pages;
      pfn += order_pages(page.order);
    }
    return pages;
  }
  // Returns whether a zone has blocks outside areas for as many huge pages and two more.
  bool can_be_replaced(std::uint64_t pool) const {
    const unsigned huge = machine_->hugetlb.order();
    for (std::size_t z = 0; z < machine_->buddy.zones(); ++z) {
      const Zone& zone = machine_->buddy.zone(z);
      std::uint64_t huge_pages = 0;
      for (unsigned order = huge; order <= machine_->buddy.largest_order(); ++order)
        for (const Migratetype type : {Migratetype::unmovable, Migratetype::reclaimable, Migratetype::movable})
          for (Frame frame = zone.free_by_order[order].lists[index_of(type)].first; frame != kNil;
               frame = machine_->map.at(frame).next)
            huge_pages += order_pages(order - huge);
      const std::uint64_t lowmem = *std::ranges::max_element(zone.lowmem_reserve);
      const std::uint64_t kept = Watermarks::watermark(zone, Watermark::high) + lowmem + zone.nr_reserved_highatomic;
      if (huge_pages * order_pages(huge) > kept + (pool + 2) * order_pages(huge)) return true;
    }
    return false;
  }

  Machine* machine_ = nullptr;
  bool certain_ = false;
};

Programs with_a_pool() {
  Programs programs;
  programs.options.kinds = kinds_of<HugetlbGrow, AllocPages, FreePages>();
  programs.options.huge_pages = true;
  programs.faults = false;
  programs.interleaved = false;
  return programs;
}

// Since 5.13. No buffer and no page in use is in the area, and memory outside has blocks to replace its pages of the
// pool by.
PROMISE(ProgressPromise, a_buffer_is_got_over_free_pages_of_the_hugetlb_pool,
        {.programs = with_a_pool(), .planted = {{Bug::hugetlb_stays, Release::v6_1}}}) {
  BuffersOverThePool buffers;
  run_plainly(program, &buffers);
  buffers.assert_all_held();
}

}  // namespace
}  // namespace cma
