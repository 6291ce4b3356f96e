// A CPU's free pages lie in bags, one a type and order: a freed page goes into the bag of its pageblock's type on the
// CPU that frees it and comes out first, a bag that is empty is filled from the free lists, full bags give back the
// oldest of one bag after the other, and a drain empties all of them.

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include <fmt/format.h>

#include "allocator/machine_testing.h"
#include "properties/arbitrary/state_testing.h"

namespace cma::pcp_as_bags {
namespace {

constexpr int kCpus = 3;
constexpr unsigned kActors = 4;
constexpr auto kRequests = std::to_array<Gfp>({kGfpKernel, kGfpKernel | kGfpReclaimable, kGfpHighuserMovable});
// Few enough that memory never runs out.
constexpr std::uint64_t kMostPages = 256;

// The bags of one CPU, by list: 3 * order + type. Each holds the first pages of blocks, the last to come in first.
class Bags {
 public:
  explicit Bags(const Geometry& machine)
      : release_(machine.release),
        batch_(*machine.pcp_batch),
        high_(*machine.pcp_high),
        lowest_(machine.pcp_high_min.value_or(high_)),
        highest_(machine.pcp_high_max.value_or(high_)) {}

  std::deque<Pfn>& operator[](unsigned list) { return bags_[list]; }
  int pages() const {
    int pages = 0;
    for (unsigned list = 0; list < bags_.size(); ++list)
      pages += static_cast<int>(bags_[list].size() << list / kPcpTypes);
    return pages;
  }
  void empty() { bags_ = {}; }

  // A block is wanted from a bag; returns how many come in first because it is empty.
  int refill(unsigned list) {
    pressure_ /= 2;
    if (!bags_[list].empty()) return 0;
    const unsigned order = list / kPcpTypes;
    if (release_ < Release::v5_14) return batch_;
    if (release_ >= Release::v6_7 && order == 0) return refill_v6_7();
    if (release_ >= Release::v6_7) grow(batch_);
    const int batch = release_ >= Release::v6_7 && high_ < batch_ ? 1 : batch_;
    return batch > 1 ? std::max(batch >> order, 2) : batch;
  }
  // A block comes in, and others go out if that is too many.
  void put(unsigned list, Pfn pfn) {
    bags_[list].push_front(pfn);
    const unsigned order = list / kPcpTypes;
    if (release_ < Release::v5_14) {
      if (pages() >= high_) give_back_in_turns(std::min(batch_, pages()));
    } else if (release_ < Release::v5_18) {
      give_back_in_turns(std::min(too_many_v5_14(order), pages()));
    } else {
      give_back_from(list, release_ < Release::v6_7 ? too_many_v5_14(order) : too_many_v6_7(order));
    }
  }

 private:
  // Overflows in a row double what goes out. Since 5.18 a block of several pages empties all bags after an overflow.
  int too_many_v5_14(unsigned order) {
    if (order > 0 && pressure_ > 0 && release_ >= Release::v5_18) return pages();
    if (pages() < high_) return 0;
    if (high_ < batch_) return 1;
    const int wanted = batch_ << pressure_;
    if (wanted < high_ - batch_) pressure_ = release_ < Release::v6_1 ? pressure_ + 1 : std::min(pressure_ + 1, 5);
    return std::min(wanted, high_ - batch_);
  }
  // As much goes out as came in lately; a second block of several pages in a row empties the bags then.
  int too_many_v6_7(unsigned order) {
    doubling_ /= 2;
    const bool all = order > 0 && pressure_ >= batch_ && block_before_;
    block_before_ = order > 0;
    if (pressure_ < batch_ << 5) pressure_ += 1 << order;
    high_ = std::clamp(high_, lowest_, highest_);
    const int high = high_;
    if (all && high > 0) high_ = std::max(high - (batch_ << 5), lowest_);
    if (all) return std::min(pages(), batch_ << 5);
    if (pages() < high) return 0;
    // What comes in does not fit: there is to be more room.
    if (adapts() && high > 0 && high < pressure_ + batch_) high_ = std::clamp(pressure_ + batch_, lowest_, highest_);
    if (high < batch_) return 1;
    return std::min(std::max(pressure_, batch_), high - batch_);
  }
  // Refills of single pages in a row double, as far as there is room.
  int refill_v6_7() {
    high_ = std::clamp(high_, lowest_, highest_);
    if (high_ < batch_) return 1;
    const int wanted = batch_ << doubling_;
    grow(wanted);
    const int room = std::max(high_ - pages() - batch_, batch_);
    if (wanted <= room) doubling_ = std::min(doubling_ + 1, 5);
    return std::min(wanted, room);
  }
  // Since 6.7 the limit follows what is freed and taken, between two bounds.
  bool adapts() const { return release_ >= Release::v6_7 && lowest_ != highest_; }
  // More is taken than there is: there is to be more room.
  void grow(int pages) {
    high_ = std::clamp(high_, lowest_, highest_);
    if (adapts() && high_ >= batch_) high_ = std::min(high_ + pages, highest_);
  }
  // Takes blocks from the bags in turn, the one after Unmovable first: one more from each bag than from the one before,
  // empty ones counted, and all from the last that is not empty. Up to 5.13 there are bags of single pages only.
  void give_back_in_turns(int count) {
    const auto bags = static_cast<unsigned>(release_ < Release::v5_14 ? kPcpTypes : bags_.size());
    unsigned bag = 0;
    int burst = 0;
    while (count > 0) {
      do {
        bag = (bag + 1) % bags;
        ++burst;
      } while (bags_[bag].empty());
      if (burst == static_cast<int>(bags)) burst = count;
      for (; count > 0 && burst > 0 && !bags_[bag].empty(); --burst) {
        bags_[bag].pop_back();
        count -= 1 << bag / kPcpTypes;
      }
    }
  }
  // Takes whole blocks, beginning with the bag that just got one.
  void give_back_from(unsigned list, int count) {
    count = std::min(count, pages());
    while (count > 0) {
      while (bags_[list].empty()) list = (list + 1) % bags_.size();
      bags_[list].pop_back();
      count -= 1 << list / kPcpTypes;
    }
  }

  Release release_;
  int batch_;
  int high_;
  int lowest_;
  int highest_;
  std::array<std::deque<Pfn>, kPcpTypes*(kPcpLargestOrder + 1)> bags_;
  int pressure_ = 0;  // up to 6.6 overflows in a row, since 6.7 pages that came in; halved by each request
  int doubling_ = 0;
  bool block_before_ = false;
};

enum class Inside : std::uint8_t { nothing, freeing, draining };

// What steps are possible: the orders of the blocks that are held, by name, and what actors do.
struct Model {
  std::map<int, unsigned> held;
  int next = 0;
  std::array<Inside, kActors + 1> actors{};

  std::uint64_t pages() const {
    std::uint64_t pages = 0;
    for (const auto& [name, order] : held) pages += order_pages(order);
    return pages;
  }
  bool draining() const { return std::ranges::find(actors, Inside::draining) != actors.end(); }
};

// The machine, and the bags that its CPUs should have.
class Real {
 public:
  explicit Real(const Geometry& geometry) : machine(geometry, kActors), bags(kCpus, Bags(geometry)) {}

  const PerCpuLists& lists() const { return machine->buddy.per_cpu(); }
  std::deque<Pfn> real_bag(int cpu, unsigned list) const {
    const std::vector<Pfn> pages =
        pfns_of(machine->map, machine->buddy.zone(0).pcp[static_cast<unsigned>(cpu)].lists[list]);
    return {pages.begin(), pages.end()};
  }
  // Returns the bag of a block: pages of areas and of the reserve for atomic requests count as movable.
  static unsigned bag_of(Migratetype type, unsigned order) {
    const bool own = type == Migratetype::unmovable || type == Migratetype::reclaimable;
    return kPcpTypes * order + index_of(own ? type : Migratetype::movable);
  }
  Bags& bags_of(ActorId actor) { return bags[(actor - 1) % kCpus]; }

  void compare(const Model& model) {
    for (int cpu = 0; cpu < kCpus; ++cpu) {
      Bags& expected = bags[static_cast<unsigned>(cpu)];
      for (unsigned list = 0; list < lists().lists_in_use(); ++list) RC_ASSERT(real_bag(cpu, list) == expected[list]);
      RC_ASSERT(machine->buddy.zone(0).pcp[static_cast<unsigned>(cpu)].count == expected.pages());
    }
    for (ActorId actor = 1; actor <= kActors; ++actor)
      RC_ASSERT(machine.idle(actor) == (model.actors[actor] == Inside::nothing));
  }

  ActingMachine machine;
  std::vector<Bags> bags;
  std::map<int, Pfn> places;
  // Where the block that an actor is freeing goes.
  std::array<std::pair<unsigned, Pfn>, kActors + 1> on_the_way{};
};

// --- steps ---

using PcpStep = Step<Model, Real>;

ActorId any_actor() { return *rc::gen::inRange<ActorId>(1, kActors + 1); }

class Alloc final : public PcpStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing && model.pages() < kMostPages);
  }
  void apply(Model& model) const override { model.held[model.next++] = order_; }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: alloc_pages gfp={} order={}", actor_, gfp_text(gfp_), order_);
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    real.machine.assume(actor_);
    const Pfn pfn = real.machine->buddy.alloc_pages(gfp_, order_);
    RC_ASSERT(pfn != kNoPfn);
    real.places[model.next] = pfn;
    if (!real.lists().allowed_order(order_)) return;
    Bags& bags = real.bags_of(actor_);
    const unsigned list = Real::bag_of(migratetype_of(gfp_), order_);
    std::deque<Pfn>& bag = bags[list];
    const int refill = bags.refill(list);
    if (refill > 0) {
      // Which pages come in the free lists decide; the first of them is handed out.
      bag = real.real_bag(real.machine->engine.cpu(), list);
      RC_ASSERT(static_cast<int>(bag.size()) == refill - 1);
      RC_ASSERT(std::ranges::find(bag, pfn) == bag.end());
    } else {
      RC_ASSERT(bag.front() == pfn);
      bag.pop_front();
    }
  }

 private:
  ActorId actor_ = any_actor();
  Gfp gfp_ = *rc::gen::elementOf(kRequests);
  unsigned order_ = *rc::gen::weightedElement<unsigned>({{5, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 4}});
};

class Free final : public PcpStep {
 public:
  explicit Free(const Model& model) {
    RC_PRE(!model.held.empty());
    const auto index = *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(model.held.size()));
    name_ = std::next(model.held.begin(), index)->first;
  }
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing && model.held.contains(name_));
    RC_PRE(!stops_ || model.held.at(name_) == 0);
  }
  void apply(Model& model) const override {
    model.held.erase(name_);
    if (stops_) model.actors[actor_] = Inside::freeing;
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: free_pages {}{}", actor_, name_, until(stops_ ? Point::free_page_prepared : Point::kCount));
  }

 protected:
  void perform(const Model& model, Real& real) const override {
    const Pfn pfn = real.places[name_];
    const unsigned order = model.held.at(name_);
    // The type is that of the moment before the page is on its way.
    const unsigned list = Real::bag_of(real.machine->map.pageblock_type(pfn), order);
    real.machine.start(actor_, real.machine->buddy.free_pages(pfn, order),
                       stops_ ? Point::free_page_prepared : Point::kCount);
    if (stops_)
      real.on_the_way[actor_] = {list, pfn};
    else if (real.lists().allowed_order(order))
      real.bags_of(actor_).put(list, pfn);
  }

 private:
  ActorId actor_ = any_actor();
  int name_ = 0;
  bool stops_ = *rc::gen::inRange(0, 4) == 3;
};

class Drain final : public PcpStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.actors[actor_] == Inside::nothing && !model.draining());
  }
  void apply(Model& model) const override {
    if (stops_) model.actors[actor_] = Inside::draining;
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: drain{}", actor_, until(stops_ ? Point::drain_pcp_begin : Point::kCount));
  }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.start(actor_, real.machine->buddy.per_cpu().drain_all_pages(0),
                       stops_ ? Point::drain_pcp_begin : Point::kCount);
    if (stops_) return;
    for (Bags& bags : real.bags) bags.empty();
  }

 private:
  ActorId actor_ = any_actor();
  bool stops_ = *rc::gen::inRange(0, 4) == 3;
};

class Resume final : public PcpStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(model.actors[actor_] != Inside::nothing); }
  void apply(Model& model) const override { model.actors[actor_] = Inside::nothing; }
  void show(std::ostream& out) const override { out << actor_ << ": resume"; }

 protected:
  void perform(const Model& model, Real& real) const override {
    real.machine.resume(actor_);
    if (model.actors[actor_] == Inside::freeing) {
      const auto [list, pfn] = real.on_the_way[actor_];
      real.bags_of(actor_).put(list, pfn);
    } else {
      for (Bags& bags : real.bags) bags.empty();
    }
  }

 private:
  ActorId actor_ = any_actor();
};

// --- the property ---

void last_in_first_out(const Geometry& small) {
  Geometry machine = small;
  machine.memory = {0, 2048};
  machine.areas.resize(1);
  machine.cpus = kCpus;
  machine.pcp_batch = *rc::gen::inRange(1, 6);
  machine.pcp_high = *rc::gen::inRange(0, 24);
  if (machine.release >= Release::v6_7 && *rc::gen::arbitrary<bool>()) {
    machine.pcp_high_min = *rc::gen::inRange(0, *machine.pcp_high + 1);
    machine.pcp_high_max = *rc::gen::inRange(*machine.pcp_high, 48);
  }
  Real real(machine);
  rc::state::check(Model(), real, any_step<Alloc, Alloc, Alloc, Free, Free, Free, Resume, Drain>());
}

const Stateful kLastInFirstOut = {
    "PcpAsBags.last_in_first_out",
    last_in_first_out,
    {Bug::overflow_late, Bug::drain_misses_cpu, Bug::pcp_list_mixed, {Bug::pcp_high_fixed, Release::v6_12}}};
TEST(PcpAsBags, last_in_first_out) { keep(kLastInFirstOut); }
TEST(PcpAsBagsBroken, last_in_first_out) { notice_planted(kLastInFirstOut); }

}  // namespace
}  // namespace cma::pcp_as_bags
