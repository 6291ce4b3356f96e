// A zone is a multiset of pages: each page is free, on its way to be free, or held, once. What is handed out was free,
// what comes back was held, and the counters say how many there are.

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "allocator/machine_testing.h"
#include "properties/arbitrary/state_testing.h"

namespace cma::zone_as_multiset {
namespace {

constexpr unsigned kActors = 3;
constexpr auto kRequests = std::to_array<Gfp>({kGfpKernel, kGfpKernel | kGfpReclaimable, kGfpHighuserMovable,
                                               kGfpKernel | kGfpComp, kGfpAtomic, kGfpKernel | kGfpDma});

// A block of pages, or a window of an area, that was asked for. Whether it was had only the machine knows.
struct Asked {
  std::uint64_t pages = 1;
  bool window = false;
  bool compound = false;
  int references = 0;   // of others, on the first page
  bool let_go = false;  // its holder has freed it; others have references still
};

enum class Inside : std::uint8_t { nothing, freeing, draining, claiming };

// What steps are possible.
struct Model {
  bool release_waits = false;  // before 3.16 for cma_mutex, which a request has
  std::map<int, Asked> asked;
  int next = 0;
  std::array<Inside, kActors + 1> actors{};

  bool any_is(Inside inside) const { return std::ranges::find(actors, inside) != actors.end(); }
};

// The multiset: how often each page is there.
using Pages = std::vector<std::uint8_t>;

// The machine, and where each of its pages should be.
class Real {
 public:
  explicit Real(const Geometry& geometry)
      : machine(geometry, kActors), free(geometry.memory.end), held(free), on_the_way(free) {
    free = listed_pages();
  }

  static void move(Pages& from, Pages& to, Pfn first, std::uint64_t count) {
    for (Pfn pfn = first; pfn < first + count; ++pfn) {
      RC_ASSERT(from[pfn] == 1);
      --from[pfn];
      ++to[pfn];
    }
  }
  void handed_out(int name, Pfn first, std::uint64_t count) {
    places[name] = first;
    if (first != kNoPfn) move(free, held, first, count);
  }

  // The block that an actor was freeing is free now; so is, for a moment, the window that one had taken.
  void arrived(ActorId actor) {
    const PfnRange block = std::exchange(flying[actor], {});
    move(on_the_way, free, block.start, block.pages());
  }
  // A request has stopped. If pages have left the lists, they are the window that it will answer with.
  void stopped(ActorId actor, std::uint64_t pages) {
    const Pages listed = listed_pages();
    const auto first = static_cast<Pfn>(std::ranges::mismatch(listed, free).in1 - listed.begin());
    if (first == listed.size()) return;
    RC_ASSERT(first + pages <= listed.size());
    flying[actor] = {first, first + pages};
    move(free, on_the_way, first, pages);
  }
  Task<void> claim(ActorId actor, int name, AreaId area, std::uint64_t pages) {
    const Pfn pfn = co_await machine->areas.cma_alloc(area, pages, 0, Warn::no);
    if (flying[actor].pages() > 0) {
      RC_ASSERT(pfn == flying[actor].start);
      arrived(actor);
    }
    handed_out(name, pfn, pages);
  }
  // Returns the pages kept for atomic requests. Two zones may share a pageblock: it is kept in both, counted in one.
  std::int64_t reserved(std::size_t z) {
    std::uint64_t listed = 0;
    for (unsigned order = 0; order <= machine->buddy.largest_order(); ++order)
      listed += free_list(*machine, order, Migratetype::highatomic, z).size() << order;
    return static_cast<std::int64_t>(std::max<std::uint64_t>(listed, machine->buddy.zone(z).nr_reserved_highatomic));
  }
  // Frees a block that was had. Passes the same point for one that was not.
  Task<void> free_pages(Pfn pfn, unsigned order) {
    if (pfn != kNoPfn)
      co_await machine->buddy.free_pages(pfn, order);
    else
      co_await at(machine->engine, Point::free_page_prepared);
  }

  void compare(const Model&) const {
    RC_ASSERT(listed_pages() == free);
    for (std::size_t z = 0; z < machine->buddy.zones(); ++z) {
      const Zone& zone = machine->buddy.zone(z);
      RC_ASSERT(recount_free(*machine, z) == std::make_pair(zone.nr_free_pages, zone.nr_free_cma));
      std::uint64_t cached = 0;
      for (const PerCpuPages& pcp : zone.pcp) cached += static_cast<std::uint64_t>(pcp.count);
      std::uint64_t isolated = 0;
      for (unsigned order = 0; order <= machine->buddy.largest_order(); ++order)
        isolated += free_list(*machine, order, Migratetype::isolate, z).size() << order;
      std::uint64_t used = 0;
      for (Pfn pfn = zone.range.start; pfn < zone.range.end; ++pfn) used += held[pfn] + on_the_way[pfn];
      RC_ASSERT(static_cast<std::uint64_t>(zone.nr_free_pages) + isolated + cached + used == zone.managed);
    }
  }

  ActingMachine machine;
  Pages free, held, on_the_way;
  std::map<int, Pfn> places;  // of what was asked for
  std::array<PfnRange, kActors + 1> flying{};

 private:
  // Returns the pages on free lists and per-CPU lists.
  Pages listed_pages() const {
    Pages listed(machine->geometry().memory.end);
    const auto add = [&](const PageList& list, unsigned order) {
      for (const Pfn head : pfns_of(machine->map, list))
        for (Pfn pfn = head; pfn < head + order_pages(order); ++pfn) ++listed[pfn];
    };
    const PerCpuLists& per_cpu = machine->buddy.per_cpu();
    for (std::size_t z = 0; z < machine->buddy.zones(); ++z) {
      for (unsigned order = 0; order <= machine->buddy.largest_order(); ++order)
        for (const PageList& list : machine->buddy.zone(z).free_by_order[order].lists) add(list, order);
      for (const PerCpuPages& pcp : machine->buddy.zone(z).pcp)
        for (unsigned list = 0; list < per_cpu.lists_in_use(); ++list) add(pcp.lists[list], per_cpu.list_order(list));
    }
    return listed;
  }
};

// --- steps ---

using ZoneStep = Step<Model, Real>;

ActorId any_actor() { return *rc::gen::inRange<ActorId>(1, kActors + 1); }

// Draws one of the things that were asked for.
int any_asked(const Model& model) {
  RC_PRE(!model.asked.empty());
  const auto index = *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(model.asked.size()));
  return std::next(model.asked.begin(), index)->first;
}

class AllocPages final : public ZoneStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(model.actors[actor_] == Inside::nothing); }
  void apply(Model& model) const override {
    model.asked[model.next++] = {.pages = order_pages(order_), .compound = (gfp_ & kGfpComp) != 0 && order_ > 0};
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: alloc_pages gfp={} order={}", actor_, gfp_text(gfp_), order_);
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    const Buddy& buddy = real.machine->buddy;
    // Single pages without privileges: certainly granted if min watermark, boost and the reserve for atomic requests
    // stay, certainly not where min watermark, boost and lowmem_reserve would not stay.
    std::array<bool, kMaxZones> may_give{};
    std::array<bool, kMaxZones> must_give{};
    const std::size_t ceiling = buddy.zone_ceiling(gfp_);
    for (std::size_t z = 0; z <= ceiling; ++z) {
      const Zone& zone = buddy.zone(z);
      const std::int64_t usable = zone.nr_free_pages - ((gfp_ & kGfpMovable) != 0 ? 0 : zone.nr_free_cma);
      const auto kept =
          static_cast<std::int64_t>(zone.watermark[0] + zone.watermark_boost + zone.lowmem_reserve[ceiling]);
      may_give[z] = usable > kept;
      must_give[z] = usable - real.reserved(z) > kept;
    }
    real.machine.assume(actor_);
    const Pfn pfn = real.machine->buddy.alloc_pages(gfp_, order_);
    real.handed_out(model.next, pfn, order_pages(order_));
    RC_ASSERT(pfn == kNoPfn || is_aligned(pfn, order_pages(order_)));
    if (order_ > 0 || (gfp_ & kGfpHigh) != 0) return;
    if (pfn != kNoPfn) RC_ASSERT(may_give[real.machine->map.page(pfn).zone]);
    for (std::size_t z = 0; pfn == kNoPfn && z <= ceiling; ++z) RC_ASSERT(!must_give[z]);
  }

 private:
  ActorId actor_ = any_actor();
  Gfp gfp_ = *rc::gen::elementOf(kRequests);
  unsigned order_ = *rc::gen::weightedOneOf<unsigned>({{2, rc::gen::inRange(0U, 2U)}, {1, rc::gen::inRange(0U, 7U)}});
};

// The holder of a block frees it. While others have references, its first page stays; a compound page stays whole.
class FreePages final : public ZoneStep {
 public:
  explicit FreePages(const Model& model) : name_(any_asked(model)) {}
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing && model.asked.contains(name_));
    RC_PRE(!model.asked.at(name_).window && !model.asked.at(name_).let_go);
    RC_PRE(!stops_ || model.asked.at(name_).references == 0);
  }
  void apply(Model& model) const override {
    Asked& block = model.asked[name_];
    block.let_go = true;
    if (block.references == 0) model.asked.erase(name_);
    if (stops_) model.actors[actor_] = Inside::freeing;
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: free_pages {}{}", actor_, name_, stops_ ? " until it is on its way" : "");
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    const Asked& block = model.asked.at(name_);
    const unsigned order = floor_log2(block.pages);
    const Pfn pfn = real.places[name_];
    const bool single = pfn == kNoPfn || real.machine->buddy.per_cpu().allowed_order(order);
    const Point on_its_way = single ? Point::free_page_prepared : Point::free_block_typed;
    real.machine.start(actor_, real.free_pages(pfn, order), stops_ ? on_its_way : Point::kCount);
    if (pfn == kNoPfn) return;
    Pages& to = stops_ ? real.on_the_way : real.free;
    if (stops_) real.flying[actor_] = {pfn, pfn + block.pages};
    if (block.references == 0) return real.move(real.held, to, pfn, block.pages);
    if (!block.compound) real.move(real.held, to, pfn + 1, block.pages - 1);
  }

 private:
  ActorId actor_ = any_actor();
  int name_;
  bool stops_ = *rc::gen::inRange(0, 4) == 3;
};

// Another task looks at the first page for a moment, and has a reference meanwhile.
class Reference final : public ZoneStep {
 public:
  explicit Reference(const Model& model) : name_(any_asked(model)) {}
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.asked.contains(name_));
    const Asked& block = model.asked.at(name_);
    RC_PRE(!block.window && (takes_ ? !block.let_go : block.references > 0));
  }
  void apply(Model& model) const override {
    Asked& block = model.asked[name_];
    block.references += takes_ ? 1 : -1;
    if (block.let_go && block.references == 0) model.asked.erase(name_);
  }
  void show(std::ostream& out) const override {
    out << fmt::format("a reference on {} is {}", name_, takes_ ? "taken" : "dropped");
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    const Pfn pfn = real.places[name_];
    if (pfn == kNoPfn) return;
    real.machine.assume(kMainActor);
    if (takes_) return real.machine->lru.references().get_page(pfn);
    run_now(real.machine->lru.references().put_page(pfn));
    const Asked& block = model.asked.at(name_);
    if (block.let_go && block.references == 1) real.move(real.held, real.free, pfn, block.compound ? block.pages : 1);
  }

 private:
  int name_;
  bool takes_ = *rc::gen::inRange(0, 2) == 0;
};

class Drain final : public ZoneStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing && !model.any_is(Inside::draining));
  }
  void apply(Model& model) const override {
    if (stops_) model.actors[actor_] = Inside::draining;
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: drain{}", actor_, until(stops_ ? Point::drain_pcp_begin : Point::kCount));
  }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.start(actor_, real.machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones),
                       stops_ ? Point::drain_pcp_begin : Point::kCount);
  }

 private:
  ActorId actor_ = any_actor();
  bool stops_ = *rc::gen::inRange(0, 4) == 3;
};

class Resume final : public ZoneStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] != Inside::nothing);
    // It would wait for the drain.
    RC_PRE(model.actors[actor_] != Inside::claiming || !model.any_is(Inside::draining));
  }
  void apply(Model& model) const override { model.actors[actor_] = Inside::nothing; }
  void show(std::ostream& out) const override { out << actor_ << ": resume"; }

 protected:
  void perform(const Model& model, Real& real) const override {
    // A request ends at once if no window could be isolated.
    if (model.actors[actor_] != Inside::claiming || !real.machine.idle(actor_)) real.machine.resume(actor_);
    RC_ASSERT(real.machine.idle(actor_));
    if (model.actors[actor_] == Inside::freeing) real.arrived(actor_);
  }

 private:
  ActorId actor_ = any_actor();
};

class CmaAlloc final : public ZoneStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing);
    RC_PRE(!model.any_is(Inside::draining) && !model.any_is(Inside::claiming));
  }
  void apply(Model& model) const override {
    model.asked[model.next++] = {.pages = pages_, .window = true};
    if (until_ != Point::kCount) model.actors[actor_] = Inside::claiming;
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: cma_alloc {} pages={}{}", actor_, area_, pages_, until(until_));
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    real.places[model.next] = kNoPfn;
    real.machine.start(actor_, real.claim(actor_, model.next, area_, pages_), until_);
    if (!real.machine.idle(actor_)) real.stopped(actor_, pages_);
  }

 private:
  ActorId actor_ = any_actor();
  AreaId area_ = *rc::gen::inRange<AreaId>(0, 2);
  std::uint64_t pages_ = *rc::gen::inRange<std::uint64_t>(1, 80);
  // Isolated pages are on lists still, and so are those that are given back one pageblock after the other.
  Point until_ = *rc::gen::element(Point::kCount, Point::kCount, Point::isolate_done, Point::undo_block);
};

class CmaRelease final : public ZoneStep {
 public:
  explicit CmaRelease(const Model& model) : name_(any_asked(model)) {}
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing);
    RC_PRE(model.asked.contains(name_));
    RC_PRE(model.asked.at(name_).window);
    RC_PRE(!model.release_waits || !model.any_is(Inside::claiming));
  }
  void apply(Model& model) const override { model.asked.erase(name_); }
  void show(std::ostream& out) const override { out << fmt::format("{}: cma_release {}", actor_, name_); }

 protected:
  void perform(const Model& model, Real& real) const override {
    const Pfn pfn = real.places[name_];
    const std::uint64_t pages = model.asked.at(name_).pages;
    if (pfn == kNoPfn) return;
    real.machine.assume(actor_);
    const bool released = run_now(real.machine->areas.cma_release(*real.machine->areas.area_of(pfn), pfn, pages));
    RC_ASSERT(released);
    real.move(real.held, real.free, pfn, pages);
  }

 private:
  ActorId actor_ = any_actor();
  int name_;
};

// --- the property ---

// Two zones that meet between two largest blocks, or inside one.
void every_page_once(const Geometry& small) {
  Geometry machine = small;
  machine.cpus = *rc::gen::inRange(1, 4);
  // So little memory outside the areas that it runs out.
  machine.memory.start = 384;
  const Pfn border = *rc::gen::element<Pfn>(448, 424, 390, 512);
  machine.zones = {{"DMA", {machine.memory.start, border}}, {"Normal", {border, machine.memory.end}}};
  machine.pcp_batch = *rc::gen::inRange(1, 5);
  machine.pcp_high = *rc::gen::inRange(0, 12);
  machine.min_free_kbytes = *rc::gen::inRange<std::uint64_t>(0, 200);
  Real real(machine);
  rc::state::check(Model{.release_waits = machine.release < Release::v3_16}, real,
                   any_step<AllocPages, AllocPages, AllocPages, FreePages, FreePages, Reference, Drain, Resume,
                            CmaAlloc, CmaRelease>());
}

const Stateful kEveryPageOnce = {"ZoneAsMultiset.every_page_once",
                                 every_page_once,
                                 {Bug::speculative_leak,
                                  {Bug::merge_into_isolated, Release::v4_9},
                                  {Bug::merge_from_isolated, Release::v3_6},
                                  {Bug::isolated_counted, Release::v3_6},
                                  Bug::watermark_with_areas}};
TEST(ZoneAsMultiset, every_page_once) { keep(kEveryPageOnce); }
TEST(ZoneAsMultisetBroken, every_page_once) { notice_planted(kEveryPageOnce); }

}  // namespace
}  // namespace cma::zone_as_multiset
