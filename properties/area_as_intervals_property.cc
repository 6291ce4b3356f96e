// An area is a set of intervals: cma_alloc takes the lowest aligned gap whose pages can be had, cma_release gives any
// part of it back, and several requests take turns window by window.

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

#include <fmt/format.h>

#include "allocator/machine_testing.h"
#include "properties/arbitrary/behaviour_testing.h"
#include "properties/arbitrary/state_testing.h"

namespace cma::area_as_intervals {
namespace {

constexpr unsigned kActors = 3;
constexpr std::uint64_t kOtherPages = 8;  // of the buffer of another area

// Disjoint intervals [first, end), by first.
class Intervals {
 public:
  bool free(std::uint64_t first, std::uint64_t end) const {
    const auto next = taken_.lower_bound(first);
    return (next == taken_.end() || end <= next->first) && (next == taken_.begin() || std::prev(next)->second <= first);
  }
  void take(std::uint64_t first, std::uint64_t end) { taken_[first] = end; }
  // Requires: one interval covers [first, end).
  void give_back(std::uint64_t first, std::uint64_t end) {
    const auto covering = std::prev(taken_.upper_bound(first));
    const auto [low, high] = *covering;
    taken_.erase(covering);
    if (low < first) taken_[low] = first;
    if (end < high) taken_[end] = high;
  }
  const std::map<std::uint64_t, std::uint64_t>& all() const { return taken_; }

 private:
  std::map<std::uint64_t, std::uint64_t> taken_;
};

// Pages [first, end), counted from the area's base.
struct Part {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  friend bool operator==(const Part&, const Part&) = default;
};

// What an actor is doing.
struct Doing {
  enum class What : std::uint8_t { nothing, allocating, releasing };
  What what = What::nothing;
  bool stopped = false;
  bool entered = false;  // allocating, and has not looked at the bitmap yet
  std::uint64_t pages = 0;
  unsigned align = 0;
  std::uint64_t window = 0;  // first bit of the window that it tries
  Part part;                 // what it releases
};

// The area as its callers see it.
struct Model {
  explicit Model(const Geometry& machine)
      : release(machine.release), area(machine.areas[0]), order(area.order_per_bit), bits(area.pages >> order) {}

  // Before 3.16 cma_mutex protects the bitmap too: a request keeps it for all its windows, and marks what it got.
  bool one_lock() const { return release < Release::v3_16; }
  std::uint64_t bits_of(std::uint64_t pages) const { return (pages + order_pages(order) - 1) >> order; }

  // Returns the lowest bit, from `from` on, of a gap for the request.
  std::optional<std::uint64_t> gap(const Doing& request, std::uint64_t from) const {
    // Up to 3.16 the DMA layer, which is the allocator, aligned to 2^8 pages at most.
    constexpr unsigned kMostAlign = 8;
    const unsigned align = release < Release::v3_17 ? std::min(request.align, kMostAlign) : request.align;
    const std::uint64_t aligned = order_pages(align);
    const std::uint64_t count = bits_of(request.pages);
    for (std::uint64_t bit = from; bit + count <= bits; ++bit)
      if ((area.base + (bit << order)) % aligned == 0 && marked.free(bit, bit + count)) return bit;
    return std::nullopt;
  }
  // Returns whether all pages of the window can be had.
  bool can_be_had(const Doing& request) const {
    const auto next = stuck.lower_bound(request.window << order);
    return next == stuck.end() || *next >= (request.window << order) + request.pages;
  }
  void end_alloc(ActorId actor, std::optional<Part> answer) {
    answers.push_back(answer);
    if (answer) buffers.push_back(*answer);
    actors[actor] = {};
  }
  // Moves a request on to the next gap, which it marks as its window; without one it ends.
  bool next_window(ActorId actor, std::uint64_t from) {
    Doing& request = actors[actor];
    const auto bit = gap(request, from);
    if (!bit) return end_alloc(actor, std::nullopt), false;
    request.window = *bit;
    marked.take(*bit, *bit + bits_of(request.pages));
    return true;
  }
  void wait_for_mutex(ActorId actor) {
    if (actors[actor].entered && !one_lock() && !next_window(actor, 0)) return;
    actors[actor].entered = false;
    queue.push_back(actor);
  }
  // The request's window is had. Or it is given up, and the next one is tried after those of all who wait.
  void take_turn(ActorId actor) {
    Doing& request = actors[actor];
    if (one_lock() && !next_window(actor, 0)) return;
    while (!can_be_had(request)) {
      marked.give_back(request.window, request.window + bits_of(request.pages));
      if (!next_window(actor, request.window + 1)) return;
      if (!one_lock()) return queue.push_back(actor);
    }
    const std::uint64_t first = request.window << order;
    end_alloc(actor, Part{first, first + request.pages});
  }
  void unmark(ActorId actor) {
    const Part part = actors[actor].part;
    marked.give_back(part.first >> order, bits_of(part.end));
    actors[actor] = {};
  }
  // Lets all who wait for the mutex have their turns, until one stops inside.
  void take_turns() {
    while (!queue.empty() && !actors[queue.front()].stopped) {
      const ActorId actor = queue.front();
      queue.pop_front();
      if (actors[actor].what == Doing::What::releasing)
        unmark(actor);
      else
        take_turn(actor);
    }
  }

  Release release;
  AreaSpec area;
  unsigned order;
  std::uint64_t bits;
  Intervals marked;               // the bitmap
  std::set<std::uint64_t> stuck;  // pages that something else holds, and that do not move
  std::vector<Part> buffers;
  std::vector<std::optional<Part>> answers;  // of all requests, in the order in which they ended
  std::array<Doing, kActors + 1> actors;
  std::deque<ActorId> queue;  // for cma_mutex; the first holds it
};

// The machine, and what its requests answered.
class Real {
 public:
  explicit Real(const Geometry& geometry) : machine(geometry, kActors) {
    kernel_page_ = machine->buddy.alloc_pages(kGfpKernel, 0);
    other_buffer_ = run_now(machine->areas.cma_alloc(1, kOtherPages, 0, Warn::no));
    RC_ASSERT(kernel_page_ != kNoPfn && other_buffer_ != kNoPfn);
  }

  Task<void> alloc(std::uint64_t pages, unsigned align) {
    const Pfn pfn = co_await machine->areas.cma_alloc(0, pages, align, Warn::no);
    const std::uint64_t first = pfn - base();
    answers.push_back(pfn == kNoPfn ? std::nullopt : std::optional(Part{first, first + pages}));
  }
  Task<void> release(Part part) {
    const bool released = co_await machine->areas.cma_release(0, base() + part.first, part.end - part.first);
    RC_ASSERT(released);
  }
  // Asks the area for the release of a range that does not begin in it: the kernel's page, a buffer of another area,
  // the frames next to the area.
  void release_foreign(unsigned which, std::uint64_t count) {
    const Pfn end = base() + machine->areas.area(0).pages;
    const Pfn pfn = std::array{kernel_page_, other_buffer_, base() - 1, end}[which];
    machine.assume(kMainActor);
    const Behaviour before = state_of(*machine, {});
    RC_ASSERT(!run_now(machine->areas.cma_release(0, pfn, count)));
    const std::string differs = difference(before, state_of(*machine, {}));
    if (!differs.empty()) RC_FAIL("a release of what is not the area's changes the machine: " + differs);
  }
  Pfn base() const { return machine->areas.area(0).base; }

  void compare(const Model& model) const {
    RC_ASSERT(answers == model.answers);
    const Area& area = machine->areas.area(0);
    Bitmap expected(model.bits);
    for (const auto& [first, end] : model.marked.all()) expected.set_range(first, end - first);
    RC_ASSERT(area.bitmap == expected);
    for (ActorId actor = 1; actor <= kActors; ++actor)
      RC_ASSERT(machine.idle(actor) == (model.actors[actor].what == Doing::What::nothing));
    compare_pages(model);
  }

  ActingMachine machine;

 private:
  // A page is in one buffer, stuck, or free. One of a window that is being tried may be in between.
  void compare_pages(const Model& model) const {
    std::vector<int> used(model.area.pages);
    for (const std::uint64_t page : model.stuck) ++used[page];
    for (const Part& buffer : model.buffers)
      for (std::uint64_t page = buffer.first; page < buffer.end; ++page) ++used[page];
    for (std::uint64_t page = 0; page < model.area.pages; ++page) {
      const Page& real = machine->map.page(base() + page);
      if (used[page] > 0)
        RC_ASSERT(used[page] == 1 && real.ref == 1 && !real.has(kPageBuddy | kPagePcp | kPageInFlight));
      if (used[page] == 0 && model.queue.empty()) RC_ASSERT(real.ref == 0 && !real.has(kPageInFlight));
    }
  }

  std::vector<std::optional<Part>> answers;
  Pfn kernel_page_ = kNoPfn;
  Pfn other_buffer_ = kNoPfn;  // of the area after the first
};

// --- steps ---

// Draws an actor that is idle.
ActorId idle_actor(const Model& model) {
  const ActorId actor = *rc::gen::inRange<ActorId>(1, kActors + 1);
  RC_PRE(model.actors[actor].what == Doing::What::nothing);
  return actor;
}

class Alloc final : public Step<Model, Real> {
 public:
  explicit Alloc(const Model& model) : actor_(idle_actor(model)) {
    pages_ = *rc::gen::inRange<std::uint64_t>(1, 40);
    align_ = *rc::gen::inRange(0U, 10U);
    std::vector<Point> points = {Point::kCount, Point::kCount, Point::kCount, Point::cma_alloc_entry};
    if (!model.one_lock()) points.push_back(Point::cma_bitmap_marked);
    if (model.queue.empty()) points.push_back(Point::cma_mutex_taken);
    if (model.queue.empty() && !model.one_lock())
      points.insert(points.end(), {Point::isolate_block, Point::contig_migrated});
    until_ = *rc::gen::elementOf(points);
  }
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_].what == Doing::What::nothing);
    RC_PRE(!stops_inside() || model.queue.empty());
  }
  void apply(Model& model) const override {
    Doing& request = model.actors[actor_];
    request.what = Doing::What::allocating;
    request.pages = pages_;
    request.align = align_;
    request.entered = true;
    request.stopped = until_ != Point::kCount;
    if (until_ == Point::cma_alloc_entry) return;
    if (until_ != Point::cma_bitmap_marked)
      model.wait_for_mutex(actor_);
    else if (model.next_window(actor_, 0))
      request.entered = false;
    model.take_turns();
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: alloc pages={} align={}{}", actor_, pages_, align_, until(until_));
  }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.start(actor_, real.alloc(pages_, align_), until_);
  }

 private:
  bool stops_inside() const {
    return until_ != Point::kCount && until_ != Point::cma_alloc_entry && until_ != Point::cma_bitmap_marked;
  }

  ActorId actor_;
  std::uint64_t pages_;
  unsigned align_;
  Point until_;
};

// Releases a buffer, or some bits of it.
class GiveBack final : public Step<Model, Real> {
 public:
  explicit GiveBack(const Model& model) : actor_(idle_actor(model)) {
    RC_PRE(!model.buffers.empty());
    buffer_ = *rc::gen::inRange<std::size_t>(0, model.buffers.size());
    const Part whole = model.buffers[buffer_];
    const std::uint64_t bits = model.bits_of(whole.end - whole.first);
    from_ = *rc::gen::weightedOneOf<std::uint64_t>(
        {{1, rc::gen::just<std::uint64_t>(0)}, {1, rc::gen::inRange<std::uint64_t>(0, bits)}});
    count_ = *rc::gen::weightedOneOf<std::uint64_t>(
        {{1, rc::gen::just(bits - from_)}, {1, rc::gen::inRange<std::uint64_t>(1, bits - from_ + 1)}});
    stops_ = !model.one_lock() && *rc::gen::inRange(0, 4) == 3;
  }
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_].what == Doing::What::nothing && buffer_ < model.buffers.size());
    const Part part = part_of(model);
    RC_PRE(part.first < part.end);
  }
  void apply(Model& model) const override {
    const Part part = part_of(model);
    const Part whole = model.buffers[buffer_];
    model.buffers.erase(model.buffers.begin() + static_cast<std::ptrdiff_t>(buffer_));
    if (whole.first < part.first) model.buffers.push_back({whole.first, part.first});
    if (part.end < whole.end) model.buffers.push_back({part.end, whole.end});
    Doing& releasing = model.actors[actor_];
    releasing.what = Doing::What::releasing;
    releasing.part = part;
    releasing.stopped = stops_;
    if (model.one_lock())
      model.wait_for_mutex(actor_);
    else if (!stops_)
      model.unmark(actor_);
    model.take_turns();
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: release buffer={} from={} bits={}{}", actor_, buffer_, from_, count_,
                       until(stops_ ? Point::cma_release_pages_freed : Point::kCount));
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    real.machine.start(actor_, real.release(part_of(model)), stops_ ? Point::cma_release_pages_freed : Point::kCount);
  }

 private:
  Part part_of(const Model& model) const {
    const Part whole = model.buffers[buffer_];
    const std::uint64_t first = whole.first + (from_ << model.order);
    return {first, std::min(first + (count_ << model.order), whole.end)};
  }

  ActorId actor_;
  std::size_t buffer_;
  std::uint64_t from_;
  std::uint64_t count_;
  bool stops_;
};

class Resume final : public Step<Model, Real> {
 public:
  explicit Resume(const Model&) : actor_(*rc::gen::inRange<ActorId>(1, kActors + 1)) {}
  void checkPreconditions(const Model& model) const override { RC_PRE(model.actors[actor_].stopped); }
  void apply(Model& model) const override {
    Doing& stopped = model.actors[actor_];
    stopped.stopped = false;
    if (stopped.what == Doing::What::releasing)
      model.unmark(actor_);
    else if (model.queue.empty() || model.queue.front() != actor_)
      model.wait_for_mutex(actor_);
    model.take_turns();
  }
  void show(std::ostream& out) const override { out << actor_ << ": resume"; }

 protected:
  void perform(const Model&, Real& real) const override { real.machine.resume(actor_); }

 private:
  ActorId actor_;
};

// A driver takes a free page of the area for itself, or gives it back.
class Obstruct final : public Step<Model, Real> {
 public:
  explicit Obstruct(const Model& model) : page_(*rc::gen::inRange<std::uint64_t>(0, model.area.pages)) {}
  void checkPreconditions(const Model& model) const override {
    const std::uint64_t bit = page_ >> model.order;
    RC_PRE(model.queue.empty() && model.marked.free(bit, bit + 1) && model.stuck.size() < 4);
  }
  void apply(Model& model) const override {
    if (!model.stuck.insert(page_).second) model.stuck.erase(page_);
  }
  void show(std::ostream& out) const override { out << "page " << page_ << " gets stuck, or is no longer"; }

 protected:
  void perform(const Model& model, Real& real) const override {
    Machine& machine = *real.machine;
    real.machine.assume(kMainActor);
    const Pfn pfn = real.base() + page_;
    if (model.stuck.contains(page_)) return run_now(machine.buddy.free_pages(pfn, 0));
    run_now(machine.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    claim_frame(machine, pfn);
  }

 private:
  std::uint64_t page_;
};

// A range that is not the area's is to be released, whatever goes on in the area.
class ReleaseForeign final : public Step<Model, Real> {
 public:
  explicit ReleaseForeign(const Model&) {}
  void show(std::ostream& out) const override { out << fmt::format("release foreign {} pages={}", which_, count_); }

 protected:
  void perform(const Model&, Real& real) const override { real.release_foreign(which_, count_); }

 private:
  unsigned which_ = *rc::gen::inRange(0U, 4U);
  std::uint64_t count_ = *rc::gen::inRange<std::uint64_t>(1, kOtherPages);
};

// --- the property ---

// An area of 128 pages anywhere, and another before all places that it may have; a bit is up to four pages where a
// release has such areas.
void first_fit(const Geometry& small) {
  Geometry machine = small;
  const Pfn base = 512 + machine.largest_pages() * *rc::gen::inRange<Pfn>(0, 6);
  const unsigned order = machine.release >= Release::v3_17 ? *rc::gen::inRange(0U, 3U) : 0U;
  machine.areas = {{"a", base, 128, order}, {"b", 256, 64, 0}};
  Real real(machine);
  rc::state::check(Model(machine), real, any_step<Alloc, Alloc, GiveBack, ReleaseForeign, Resume, Obstruct>());
}

const Stateful kFirstFit = {"AreaAsIntervals.first_fit",
                            first_fit,
                            {Bug::bitmap_forgets_bit,
                             Bug::retry_step_short,
                             Bug::release_clears_more,
                             Bug::foreign_release_frees,
                             {Bug::waiter_gives_back, Release::v4_19},
                             {Bug::mask_exponent, Release::v4_9},
                             {Bug::offset_upward, Release::v4_9},
                             {Bug::region_relative, Release::v3_6}}};
TEST(AreaAsIntervals, first_fit) { keep(kFirstFit); }
TEST(AreaAsIntervalsBroken, first_fit) { notice_planted(kFirstFit); }

}  // namespace
}  // namespace cma::area_as_intervals
