#include "allocator/reclaim/kswapd.h"

#include <algorithm>

namespace cma {
namespace {

// HZ / 10: kswapd's short sleep, from which it looks once more before it sleeps for long.
constexpr Time kShortSleep = 100 * kMillisecond;

}  // namespace

Kswapd::Kswapd(const Core& core, Buddy& buddy, NodeReclaim& reclaim, LruVecs& vecs, ReclaimEvents& events)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      reclaim_(reclaim),
      vecs_(vecs),
      events_(events),
      nodes_(buddy.nodes()) {}

// Returns the last zone of a node.
std::size_t Kswapd::last_zone(unsigned node) const {
  std::size_t last = kNoZone;
  for (std::size_t zone = 0; zone < buddy_.zones(); ++zone)
    if (buddy_.zone(zone).node == node) last = zone;
  return last;
}

// --- what is enough ---

// Up to 4.11 a balanced zone also ends what was said of the node.
bool Kswapd::zone_balanced(std::size_t zone, unsigned order, std::size_t ceiling) {
  const Zone& it = buddy_.zone(zone);
  const std::uint64_t mark = Watermarks::watermark(it, Watermark::high);
  const WatermarkRequest request = {.order = order, .class_zone = ceiling};
  bool enough = buddy_.watermarks().zone_watermark_ok(it, mark, request, it.nr_free_pages);
  if (!enough && core_.bugs.fires(Bug::kswapd_counts_areas)) {
    const WatermarkRequest movable = {.order = order, .class_zone = ceiling, .flags = kAllocCma};
    enough = buddy_.watermarks().zone_watermark_ok(it, mark, movable, it.nr_free_pages);
  }
  if (!enough) return false;
  if (release_ < Release::v4_12) {
    NodeState& state = vecs_.state(vecs_.of_zone(zone));
    state.congested = state.dirty = state.writeback = false;
  }
  return true;
}

bool Kswapd::balanced(unsigned node, unsigned order, std::size_t ceiling) {
  bool any = false;
  for (std::size_t zone = 0; zone < buddy_.zones() && zone <= ceiling; ++zone) {
    if (buddy_.zone(zone).node != node || buddy_.zone(zone).managed == 0) continue;
    if (zone_balanced(zone, order, ceiling)) return true;
    any = true;
  }
  // A node without memory needs no balance.
  return !any;
}

// prepare_kswapd_sleep: one zone must be balanced, as balance_pgdat wants it. 4.8 to 4.11 want all, and never sleep
// while a zone cannot be: that is repaired here.
bool Kswapd::ready_to_sleep(unsigned node, unsigned order, std::size_t ceiling) {
  NodeState& state = vecs_.state(vecs_.of_node(node));
  if (state.kswapd_failures >= kMaxReclaimRetries) return true;
  if (!balanced(node, order, ceiling)) return false;
  state.congested = state.dirty = state.writeback = false;
  return true;
}

bool Kswapd::boosted(unsigned node, std::size_t ceiling) const {
  for (std::size_t zone = 0; zone < buddy_.zones() && zone <= ceiling; ++zone)
    if (buddy_.zone(zone).node == node && buddy_.zone(zone).watermark_boost != 0) return true;
  return false;
}

// --- waking and sleeping ---

void Kswapd::wake_kcompactd(unsigned node, unsigned order, std::size_t ceiling) {
  if (kcompactd_ != nullptr) kcompactd_->wakeup_kcompactd(node, order, ceiling);
}

bool Kswapd::wake(std::size_t zone, Gfp gfp, unsigned order, std::size_t ceiling) {
  CMA_ASSERT(release_ >= Release::v4_8 && buddy_.zone(ceiling).node == buddy_.zone(zone).node);
  if (buddy_.zone(zone).managed == 0) return false;
  const unsigned node = buddy_.zone(zone).node;
  Node& it = nodes_[node];
  it.ceiling = it.ceiling == kNoZone ? ceiling : std::max(it.ceiling, ceiling);
  it.order = std::max(it.order, order);
  if (it.awake && !it.dozing) return true;
  const bool hopeless = vecs_.state(vecs_.of_node(node)).kswapd_failures >= kMaxReclaimRetries;
  if (hopeless || (balanced(node, order, ceiling) && !boosted(node, ceiling))) {
    // Enough may be free, and in pieces.
    if ((gfp & kGfpDirectReclaim) == 0) wake_kcompactd(node, order, ceiling);
    return it.awake;
  }
  it.awake = true;
  it.dozing = false;
  return true;
}

// Sleeps for a moment if the node is balanced, and looks again. Returns whether kswapd goes to sleep for long. A
// wake-up in between does not shorten the moment, and leaves to the next run what this one was for.
Task<bool> Kswapd::try_to_sleep(unsigned node, unsigned alloc_order, unsigned order, std::size_t ceiling) {
  co_await at(core_.engine, Point::kswapd_try_to_sleep);
  if (!ready_to_sleep(node, order, ceiling)) co_return false;
  wake_kcompactd(node, alloc_order, ceiling);
  Node& it = nodes_[node];
  it.dozing = true;
  co_await sleep_for(core_.engine, kShortSleep);
  const bool woken = !it.dozing;
  it.dozing = false;
  if (!woken) co_return ready_to_sleep(node, order, ceiling);
  if (it.ceiling == kNoZone) it.ceiling = ceiling;
  it.order = std::max(it.order, order);
  co_return false;
}

Task<void> Kswapd::run(unsigned node, unsigned order) {
  Node& it = nodes_[node];
  CMA_ASSERT(!it.running);
  it.awake = it.running = true;
  it.order = std::max(it.order, order);
  std::size_t ceiling = it.previous == kNoZone ? last_zone(node) : it.previous;
  bool sleeps = false;
  while (!sleeps) {
    core_.engine.turn();
    const unsigned wanted = it.order;
    if (it.ceiling != kNoZone) ceiling = it.ceiling;
    it.previous = ceiling;
    it.order = 0;
    it.ceiling = kNoZone;
    const unsigned reached = co_await balance(node, wanted, ceiling);
    if (reached < wanted) {
      sleeps = co_await try_to_sleep(node, wanted, reached, ceiling);
    } else {
      // What others have asked for meanwhile decides.
      const unsigned asked = it.order;
      if (it.ceiling != kNoZone) ceiling = it.ceiling;
      sleeps = co_await try_to_sleep(node, asked, asked, ceiling);
    }
  }
  it.awake = it.running = false;
}

// --- balancing ---

// Returns the boosts of the watermarks of the node's zones up to the ceiling; 0 for other zones.
std::vector<std::uint64_t> Kswapd::boosts(unsigned node, std::size_t ceiling) const {
  std::vector<std::uint64_t> boosts(buddy_.zones());
  for (std::size_t zone = 0; zone < buddy_.zones() && zone <= ceiling; ++zone)
    if (buddy_.zone(zone).node == node) boosts[zone] = buddy_.zone(zone).watermark_boost;
  return boosts;
}

// Lowers watermarks by the boosts for which pages were freed. Others may have raised them meanwhile.
void Kswapd::take_back(const std::vector<std::uint64_t>& boosts) {
  for (std::size_t zone = 0; zone < boosts.size(); ++zone) {
    SpinGuard zone_lock(core_.engine);
    std::uint64_t& boost = buddy_.zone(zone).watermark_boost;
    boost -= std::min(boost, boosts[zone]);
  }
}

// kswapd_shrink_node: scans the node once. Returns whether so many pages were scanned that all zones would be balanced
// if each were freed. Stops caring for the order once twice its size is free.
Task<bool> Kswapd::shrink(unsigned node, ScanControl& control) {
  control.nr_to_reclaim = 0;
  for (std::size_t zone = 0; zone <= control.ceiling; ++zone) {
    const Zone& it = buddy_.zone(zone);
    if (it.node == node && it.managed != 0)
      control.nr_to_reclaim += std::max(Watermarks::watermark(it, Watermark::high), kSwapClusterMax);
  }
  const std::uint64_t before = control.nr_reclaimed;
  co_await reclaim_.shrink_node(vecs_.of_node(node), control);
  const std::uint64_t gap = compact_gap(control.order);
  if (control.order != 0 && control.nr_reclaimed >= gap) control.order = 0;
  std::uint64_t work = control.nr_scanned;
  // Since 6.3 what slabs gave counts as well.
  if (release_ >= Release::v6_3) work = std::max(work, control.nr_reclaimed - before);
  co_return work >= control.nr_to_reclaim;
}

// Scans with falling priorities until the node is balanced. `boost` is what remains to be freed because watermarks were
// raised; while there is such a rest nothing is written, and a scan without a page ends it. If the node is out of
// balance all the same, forgets the rest, and the caller begins anew.
Task<Kswapd::End> Kswapd::down_the_priorities(unsigned node, ScanControl& control, std::uint64_t& boost) {
  control.priority = kDefPriority;
  while (control.priority >= 1) {
    core_.engine.turn();
    co_await at(core_.engine, Point::kswapd_priority);
    const std::uint64_t before = control.nr_reclaimed;
    const bool is_balanced = balanced(node, control.order, control.ceiling);
    if (!is_balanced && boost != 0) {
      boost = 0;
      co_return End::begin_anew;
    }
    if (is_balanced && boost == 0) co_return End::balanced;
    bool raise = boost == 0 || control.priority != kDefPriority - 2;
    control.may_writepage = boost == 0 || control.priority < kDefPriority - 2;
    control.nr_scanned = 0;
    const bool scanned_enough = co_await shrink(node, control);
    raise = raise && !scanned_enough;
    const std::uint64_t freed = control.nr_reclaimed - before;
    boost -= std::min(boost, freed);
    if (boost != 0 && freed == 0) break;
    if (raise || freed == 0) --control.priority;
  }
  co_return End::exhausted;
}

Task<unsigned> Kswapd::balance(unsigned node, unsigned order, std::size_t ceiling) {
  CMA_ASSERT(release_ >= Release::v4_8 && buddy_.zone(ceiling).node == node);
  ScanControl control;
  control.order = order;
  control.ceiling = ceiling;
  control.kswapd = true;
  ++events_.pageoutrun;
  const std::vector<std::uint64_t> raised = boosts(node, ceiling);
  std::uint64_t boost = 0;
  for (const std::uint64_t pages : raised) boost += pages;
  const bool was_boosted = boost != 0;
  End end = End::begin_anew;
  while (end == End::begin_anew) {
    core_.engine.turn();
    end = co_await down_the_priorities(node, control, boost);
    // Once more if all priorities were in vain because unused pages of files kept others from being scanned (6.10).
    const bool in_vain = control.nr_reclaimed == 0 && control.priority < 1 && control.cache_trim_mode_failed;
    if (release_ < Release::v6_10 || end != End::exhausted || !in_vain || control.no_cache_trim_mode) continue;
    control.no_cache_trim_mode = true;
    end = End::begin_anew;
  }
  if (end == End::exhausted && control.nr_reclaimed == 0) ++vecs_.state(vecs_.of_node(node)).kswapd_failures;
  if (was_boosted) {
    take_back(raised);
    wake_kcompactd(node, core_.map.pageblock_order(), ceiling);
  }
  co_return control.order;
}

}  // namespace cma
