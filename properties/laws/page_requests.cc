#include "properties/laws/page_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "properties/program/law.h"

namespace cma {
namespace {

// One more is 0: a loop from there down has no turn.
constexpr std::size_t kNoZone = ~std::size_t{0};
constexpr const char* kFunction = "__alloc_pages";
constexpr Migratetype kOrdinary[] = {Migratetype::unmovable, Migratetype::movable, Migratetype::reclaimable};

// The kernel's zones from low to high; a name that it does not know comes last.
std::size_t rank_of(std::string_view name) {
  constexpr std::string_view kNames[] = {"DMA", "DMA32", "Normal", "HighMem", "Movable"};
  std::size_t rank = 0;
  while (rank < std::size(kNames) && kNames[rank] != name) ++rank;
  return rank;
}

}  // namespace

void PageRequests::watch(Machine& machine) {
  machine_ = &machine;
  release_ = machine.release();
  if (machine.trace.allocations() != this) next_ = machine.trace.allocations();
  machine.trace.watch_allocations(this);
  open_.clear();
}

// --- the request ---

void PageRequests::allocation_begins(Gfp gfp, unsigned order, unsigned node) {
  if (next_ != nullptr) next_->allocation_begins(gfp, order, node);
  open_.push_back({.actor = machine_->engine.current(), .gfp = gfp, .order = order});
}

// Returns the current actor's latest request; nullptr if it makes none.
PageRequests::Open* PageRequests::open_request() {
  for (std::size_t i = open_.size(); i-- > 0;)
    if (open_[i].actor == machine_->engine.current()) return &open_[i];
  return nullptr;
}

void PageRequests::rights_taken() {
  if (next_ != nullptr) next_->rights_taken();
  Open* const open = open_request();
  if (open == nullptr) return;
  // A turn before may have had no right yet; one that has makes the attempt again.
  constexpr unsigned kReserves = 1U << static_cast<unsigned>(AllocAttempt::reserves);
  const bool missed = open->in_turns && open->entitled && (open->made & kReserves) == 0;
  if (missed) {
    begin(open->gfp, open->order, node_);
    broken("begins again without an attempt at the reserves");
  }
  open->in_turns = true;
  open->made &= ~kReserves;
  open->entitled = has_right_to_reserves(open->gfp);
}

// Takes down what is asked for.
void PageRequests::begin(Gfp gfp, unsigned order, unsigned node) {
  // The scope in which a task pins for long came with 5.1. Since 5.13 it makes requests immovable.
  const bool scope = machine_->engine.flags().memalloc_pin && release_ >= Release::v5_1;
  if (scope && release_ >= Release::v5_13) gfp &= ~static_cast<Gfp>(kGfpMovable);
  gfp_ = gfp;
  order_ = order;
  type_ = migratetype_of(gfp);
  may_have_areas_ = type_ == Migratetype::movable && !scope;
  node_ = node;
  for (unsigned from = 0; from < machine_->buddy.nodes(); ++from) highest_zone_[from] = highest_zone(from);
}

void PageRequests::attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned node) {
  if (next_ != nullptr) next_->attempt_begins(attempt, gfp, order, node);
  begin(gfp, order, node);
  if (Open* const open = open_request()) {
    open->made |= 1U << static_cast<unsigned>(attempt);
    if (attempt == AllocAttempt::low) open->entitled = has_right_to_reserves(gfp);
  }
  // The last three have no flag that lets them have pages of areas, which up to 5.8 served movable requests anyway.
  if (attempt >= AllocAttempt::high && release_ >= Release::v5_9) may_have_areas_ = false;
  expected_ = expected(attempt);
  reserved_.clear();
  for (std::size_t z = 0; z < machine_->buddy.zones(); ++z)
    reserved_.push_back(machine_->buddy.zone(z).nr_reserved_highatomic);
}

bool PageRequests::has_zone(std::string_view name) const {
  for (std::size_t z = 0; z < machine_->buddy.zones(); ++z)
    if (machine_->buddy.zone_name(z) == name) return true;
  return false;
}

// Returns the index of the highest zone of a node that may serve the request; kNoZone if there is none. A machine of
// one node has one: its first. A machine without the zone asked for is one whose kernel takes Normal for it.
std::size_t PageRequests::highest_zone(unsigned node) const {
  std::string_view highest = "Normal";
  if (gfp_ & kGfpDma)
    highest = has_zone("DMA") ? "DMA" : highest;
  else if (gfp_ & kGfpDma32)
    highest = has_zone("DMA32") ? "DMA32" : highest;
  else if (gfp_ & kGfpHighmem)
    highest = gfp_ & kGfpMovable ? "any" : "HighMem";
  std::size_t zone = machine_->geometry().several_nodes() ? kNoZone : 0;
  for (std::size_t z = 0; z < machine_->buddy.zones(); ++z)
    if (machine_->buddy.zone(z).node == node && rank_of(machine_->buddy.zone_name(z)) <= rank_of(highest)) zone = z;
  return zone;
}

// Up to 4.3, and since 6.3, which the long-term series of 6.1 follows here, a request that cannot wait is known by its
// missing right to reclaim; in between it says that it is atomic besides. Since 6.3 it has blocks of the reserve only
// if it is urgent, and an urgent one counts the reserve as free even if it can wait. A real-time task has the rights of
// one that cannot wait up to 6.2, whatever its request says of reserves; since then those of an urgent one if it can.
PageRequests::Attempt PageRequests::second_attempt() const {
  Attempt attempt{.mark = Watermark::min};
  const bool rules_v6_3 = release_ >= Release::v6_1;
  const bool says_so = rules_v6_3 || release_ < Release::v4_4 || (gfp_ & kGfpAtomicBit) != 0;
  const bool atomic = (gfp_ & kGfpDirectReclaim) == 0 && says_so;
  const bool raised = !atomic && machine_->engine.flags().scope == ReclaimScope::realtime;
  attempt.urgent = (gfp_ & kGfpHigh) != 0 || (raised && rules_v6_3);
  attempt.cannot_wait = raised ? !rules_v6_3 : atomic && (gfp_ & kGfpNomemalloc) == 0;
  attempt.counts_reserve = attempt.cannot_wait || (rules_v6_3 && attempt.urgent);
  attempt.has_reserve = attempt.cannot_wait && order_ > 0 && (attempt.urgent || !rules_v6_3);
  attempt.has_reserve_last = attempt.cannot_wait && release_ >= Release::v6_0;
  return attempt;
}

bool PageRequests::has_right_to_reserves(Gfp gfp) const {
  const TaskFlags& task = machine_->engine.flags();
  const bool by_task = task.scope == ReclaimScope::noreclaim || task.is_oom_victim();
  return (gfp & kGfpNomemalloc) == 0 && ((gfp & kGfpMemalloc) != 0 || by_task);
}

// Up to 4.13 a victim of the OOM killer had the last page, as those have that are about to free memory. The flags of
// this attempt took the place of the others' up to 5.8, and lost the right to count areas.
std::optional<PageRequests::Attempt> PageRequests::third_attempt() const {
  if (!has_right_to_reserves(gfp_)) return std::nullopt;
  const ReclaimScope scope = machine_->engine.flags().scope;
  const bool frees_memory = (gfp_ & kGfpMemalloc) != 0 || scope == ReclaimScope::noreclaim;
  Attempt attempt{.mark = Watermark::min};
  attempt.keeps_none = frees_memory || release_ < Release::v4_14;
  attempt.victim = !attempt.keeps_none;
  attempt.counts_no_areas = release_ < Release::v5_9;
  attempt.counts_reserve = attempt.victim;
  attempt.has_reserve_last = attempt.victim && release_ >= Release::v6_0;
  return attempt;
}

// Up to 6.2 the help makes a request atomic, since then urgent.
PageRequests::Attempt PageRequests::helped_attempt() const {
  Attempt attempt{.mark = Watermark::min};
  attempt.counts_no_areas = release_ < Release::v5_9;
  attempt.counts_reserve = true;
  attempt.urgent = release_ >= Release::v6_1;
  attempt.cannot_wait = !attempt.urgent;
  attempt.has_reserve = attempt.cannot_wait && order_ > 0;
  attempt.has_reserve_last = attempt.cannot_wait && release_ >= Release::v6_0;
  return attempt;
}

// Returns what an attempt may do; nullopt if the request has no right to make it.
std::optional<PageRequests::Attempt> PageRequests::rights_of(AllocAttempt attempt) const {
  const bool no_areas = release_ < Release::v5_9;
  switch (attempt) {
    case AllocAttempt::low: return Attempt{};
    case AllocAttempt::min: return second_attempt();
    case AllocAttempt::reserves: return third_attempt();
    case AllocAttempt::high: return Attempt{.mark = Watermark::high, .counts_no_areas = no_areas};
    case AllocAttempt::helped: return helped_attempt();
    case AllocAttempt::last_page: return Attempt{.keeps_none = true, .counts_no_areas = no_areas};
  }
  return std::nullopt;
}

// Returns whether the request stays above the low watermark: up to 4.0 GFP_THISNODE, of slab's.
bool PageRequests::ends_at_first_attempt() const {
  constexpr Gfp kSlabs = kGfpThisnode | kGfpNoretry | kGfpNowarn;
  return machine_->geometry().several_nodes() && release_ < Release::v4_1 && (gfp_ & kSlabs) == kSlabs;
}

std::optional<PageRequests::Grant> PageRequests::expected(AllocAttempt attempt) const {
  const std::optional<Attempt> rights = rights_of(attempt);
  if (order_ > machine_->buddy.largest_order() || !rights) return std::nullopt;
  // The node asked for first, then upwards and round; no others for __GFP_THISNODE.
  const unsigned nodes = machine_->buddy.nodes();
  const bool stays = (gfp_ & kGfpThisnode) != 0 && machine_->geometry().several_nodes();
  const unsigned steps = stays ? 1 : nodes;
  if (const auto first = first_node(steps); first && attempt == AllocAttempt::low && keeps_types_apart_on(*first))
    if (const std::optional<Grant> grant = on_node(*first, {.keeps_types_apart = true})) return grant;
  for (unsigned step = 0; step < steps; ++step)
    if (const std::optional<Grant> grant = on_node((node_ + step) % nodes, *rights)) return grant;
  return std::nullopt;
}

// Returns the first of so many nodes that has a zone for the request.
std::optional<unsigned> PageRequests::first_node(unsigned steps) const {
  for (unsigned step = 0; step < steps; ++step) {
    const unsigned node = (node_ + step) % machine_->buddy.nodes();
    const std::size_t zone = highest_zone_[node];
    if (zone != kNoZone && machine_->buddy.zone(zone).node == node) return node;
  }
  return std::nullopt;
}

// Returns the highest zone of a node that must serve the attempt.
std::optional<PageRequests::Grant> PageRequests::on_node(unsigned node, const Attempt& attempt) const {
  for (std::size_t z = highest_zone_[node] + 1; z-- > 0;) {
    const Zone& zone = machine_->buddy.zone(z);
    if (zone.node == node && leaves_enough(zone, attempt) && can_serve(zone, attempt)) return Grant{z, attempt};
  }
  return std::nullopt;
}

// Returns whether a request tries all zones of a node before it mixes types in a pageblock: since 5.1 if its highest
// zone there is Normal, and DMA32 is below.
bool PageRequests::keeps_types_apart_on(unsigned node) const {
  bool has_dma32 = false;
  for (std::size_t z = 0; z < machine_->buddy.zones(); ++z)
    has_dma32 = has_dma32 || (machine_->buddy.zone(z).node == node && machine_->buddy.zone_name(z) == "DMA32");
  return release_ >= Release::v5_1 && has_dma32 && machine_->buddy.zone_name(highest_zone_[node]) == "Normal";
}

// --- watermarks ---

// Returns how many of a zone's free pages do not count for the attempt, as they are of areas.
std::int64_t PageRequests::free_of_areas(const Zone& zone, const Attempt& attempt) const {
  return may_have_areas_ && !attempt.counts_no_areas ? 0 : zone.nr_free_cma;
}

bool PageRequests::leaves_enough(const Zone& zone, const Attempt& attempt) const {
  if (attempt.keeps_none) return true;
  const std::uint64_t mark = zone.watermark[static_cast<unsigned>(attempt.mark)];
  const std::uint64_t boosted = mark + zone.watermark_boost;
  // Up to 5.8 the test of a single page began without the reserve.
  const std::int64_t usable = zone.nr_free_pages - free_of_areas(zone, attempt);
  const std::uint64_t held_back = zone.lowmem_reserve[highest_zone_[zone.node]];
  if (order_ == 0 && release_ < Release::v5_9 && usable > static_cast<std::int64_t>(boosted + held_back)) return true;
  if (is_above(zone, attempt, boosted)) return true;
  // Single pages that are urgent are not kept from the min watermark by a boost: up to 6.2 atomic ones.
  const bool atomic = (gfp_ & (kGfpAtomicBit | kGfpDirectReclaim)) == kGfpAtomicBit;
  const bool urgent = release_ >= Release::v6_3 ? (gfp_ & kGfpHigh) != 0 : atomic;
  return order_ == 0 && attempt.mark == Watermark::min && urgent && is_above(zone, attempt, mark);
}

// Returns whether the zone stays above a mark if it serves the request, and has a block that is large enough.
bool PageRequests::is_above(const Zone& zone, const Attempt& attempt, std::uint64_t mark) const {
  auto must_stay = static_cast<std::int64_t>(mark);
  if (attempt.urgent || attempt.victim) must_stay -= must_stay / 2;
  if (attempt.cannot_wait && (attempt.urgent || release_ < Release::v6_1)) must_stay -= must_stay / 4;
  // Since 6.13, and in the long-term series of 6.12, only free pages of the reserve are left out.
  const auto reserved =
      release_ >= Release::v6_12 ? zone.nr_free_highatomic : static_cast<std::int64_t>(zone.nr_reserved_highatomic);
  std::int64_t left = zone.nr_free_pages + 1 - static_cast<std::int64_t>(order_pages(order_));
  if (!attempt.counts_reserve) left -= reserved;
  const std::int64_t usable = left - free_of_areas(zone, attempt);
  if (usable <= must_stay + static_cast<std::int64_t>(zone.lowmem_reserve[highest_zone_[zone.node]])) return false;
  if (order_ == 0 || release_ >= Release::v4_4) return order_ == 0 || has_large_block(zone, attempt);
  // Up to 4.3 enough must be left in larger blocks, order by order; of all types, areas included.
  for (unsigned order = 0; order < order_; ++order) {
    left -= static_cast<std::int64_t>(zone.free_by_order[order].nr_free * order_pages(order));
    must_stay /= 2;
    if (left <= must_stay) return false;
  }
  return true;
}

bool PageRequests::has_large_block(const Zone& zone, const Attempt& attempt) const {
  for (const Migratetype type : kOrdinary)
    if (has_block(zone, type)) return true;
  if (may_have_areas_ && !attempt.counts_no_areas && has_block(zone, Migratetype::cma)) return true;
  return (attempt.has_reserve || attempt.victim) && has_block(zone, Migratetype::highatomic);
}

// --- blocks ---

bool PageRequests::has_block(const Zone& zone, Migratetype type, unsigned least) const {
  for (unsigned order = std::max(order_, least); order <= machine_->buddy.largest_order(); ++order)
    if (!zone.free_by_order[order].lists[index_of(type)].empty()) return true;
  return false;
}

// Returns whether the request begins at the per-CPU lists. Between 5.9 and 5.12 a movable one that may not have pages
// of areas does not, as these are on the list of movable pages.
bool PageRequests::asks_per_cpu_lists() const {
  const Geometry& geometry = machine_->geometry();
  bool small = order_ == 0;
  if (release_ >= Release::v5_14)
    small = order_ <= 3 || (geometry.transparent_hugepages && order_ == geometry.pageblock_order);
  return small && (release_ < Release::v5_9 || type_ != Migratetype::movable || may_have_areas_);
}

unsigned PageRequests::per_cpu_list() const {
  if (order_ > 3) return type_ == Migratetype::movable ? 13 : 12;
  return 3 * order_ + static_cast<unsigned>(index_of(type_));
}

// Returns whether the zone has a block for the request, whatever must stay free. Other ordinary types always serve it,
// but for the attempt that keeps types apart.
bool PageRequests::can_serve(const Zone& zone, const Attempt& attempt) const {
  const bool per_cpu = asks_per_cpu_lists();
  const auto cpu = static_cast<unsigned>(machine_->engine.cpu());
  if (per_cpu && !zone.pcp[cpu].lists[per_cpu_list()].empty()) return true;
  const unsigned whole = attempt.keeps_types_apart ? machine_->geometry().pageblock_order : 0;
  for (const Migratetype type : kOrdinary)
    if (has_block(zone, type, type == type_ ? 0 : whole)) return true;
  if (may_have_areas_ && has_block(zone, Migratetype::cma)) return true;
  // Up to 5.19 a request that began at the per-CPU lists ended there.
  const bool reserve = attempt.has_reserve || attempt.has_reserve_last;
  return reserve && !(per_cpu && release_ < Release::v6_0) && has_block(zone, Migratetype::highatomic);
}

// --- verdict ---

void PageRequests::broken(const std::string& what) const {
  throw LawBroken(Law::granted, kFunction,
                  fmt::format("a request of order {} for {} memory {}", order_, name_of(type_), what));
}

void PageRequests::attempt_ended(Pfn pfn) {
  if (next_ != nullptr) next_->attempt_ended(pfn);
  const Buddy& buddy = machine_->buddy;
  if (pfn == kNoPfn) {
    if (expected_) broken(fmt::format("is refused, though zone {} must serve it", buddy.zone_title(expected_->zone)));
    return;
  }
  if (!expected_) broken(fmt::format("is granted page {:#x}, though no zone may serve it", pfn));
  const std::size_t zone = machine_->map.page(pfn).zone;
  if (zone != expected_->zone)
    broken(fmt::format("is granted page {:#x} of zone {}, though zone {} must serve it", pfn, buddy.zone_title(zone),
                       buddy.zone_title(expected_->zone)));
  check_areas(pfn);
  check_reserve(pfn);
  check_reserved(pfn);
}

// A request that fails must have made the attempts that are its own.
void PageRequests::allocation_ended(Gfp gfp, unsigned order, Pfn pfn) {
  if (next_ != nullptr) next_->allocation_ended(gfp, order, pfn);
  Open ended;
  if (const Open* const open = open_request()) {
    ended = *open;
    open_.erase(open_.begin() + (open - open_.data()));
  }
  if (order > machine_->buddy.largest_order()) {
    if (pfn != kNoPfn) broken("is granted, though no block is so large");
    return;
  }
  if (pfn != kNoPfn) return;
  begin(gfp, order, node_);
  const auto due = [&](AllocAttempt attempt) { return (ended.made >> static_cast<unsigned>(attempt) & 1) == 0; };
  if (due(AllocAttempt::low)) broken("is refused before any attempt");
  if (ends_at_first_attempt()) return;
  if (due(AllocAttempt::min)) broken("is refused without an attempt at the min watermark");
  if (ended.entitled && due(AllocAttempt::reserves)) broken("is refused without an attempt at the reserves");
}

// Pageblocks of areas are CMA, or Isolate while a range of them is being emptied.
bool PageRequests::is_of_area(Pfn pfn) const {
  const Migratetype type = machine_->map.pageblock_type(pfn);
  if (type != Migratetype::isolate) return type == Migratetype::cma;
  const auto area = machine_->areas.area_of(pfn);
  return area && machine_->areas.area(*area).active();
}

void PageRequests::check_areas(Pfn pfn) const {
  if (may_have_areas_) return;
  const std::uint64_t step = machine_->map.pageblock_pages();
  for (Pfn p = pfn; p < pfn + order_pages(order_); p = align_down(p, step) + step)
    if (is_of_area(p))
      throw LawBroken(Law::policy, kFunction,
                      fmt::format("page {:#x} of an area is given to a request for {} memory{}", p, name_of(type_),
                                  type_ == Migratetype::movable ? " that may have none" : ""));
}

// Pages of the reserve that were freed one by one wait on the per-CPU lists of movable pages, and serve any movable
// request from there.
void PageRequests::check_reserve(Pfn pfn) const {
  if (machine_->map.page(pfn).list_type != Migratetype::highatomic) return;
  const Attempt& attempt = expected_->attempt;
  if (attempt.has_reserve || attempt.has_reserve_last) return;
  if (type_ == Migratetype::movable && asks_per_cpu_lists()) return;
  throw LawBroken(
      Law::policy, kFunction,
      fmt::format("page {:#x} of the reserve for atomic requests is given to one without a right to it", pfn));
}

// Since 4.4 a block that only an urgent request could get reserves its pageblock, unless that is an area's, isolated or
// reserved, or the reserve has its size: 1 % of the zone, and up to 6.7 a pageblock more. Since 6.8 a zone of which 1 %
// is less than a pageblock has no reserve, and since 6.10 a pageblock that reaches out of its zone joins none.
void PageRequests::check_reserved(Pfn pfn) const {
  if (release_ < Release::v4_4 || !expected_->attempt.has_reserve) return;
  const MemoryMap& map = machine_->map;
  const std::size_t zone = map.page(pfn).zone;
  const std::uint64_t block = map.pageblock_pages();
  const std::uint64_t share = machine_->buddy.zone(zone).managed / 100;
  std::uint64_t limit = share + block;
  if (release_ >= Release::v6_8) limit = share < block ? 0 : align_up(share, block);
  const PfnRange& range = machine_->buddy.zone(zone).range;
  const Pfn start = map.pageblock_start(pfn);
  const bool cut = start < range.start || start + block > range.end;
  if (reserved_[zone] >= limit || (release_ >= Release::v6_10 && cut) || !is_mergeable(map.pageblock_type(pfn))) return;
  throw LawBroken(Law::policy, kFunction,
                  fmt::format("page {:#x} is given to an atomic request, and its pageblock is not reserved, though "
                              "zone {} has reserved {} pages of {}",
                              pfn, machine_->buddy.zone_title(zone), reserved_[zone], limit));
}

}  // namespace cma
