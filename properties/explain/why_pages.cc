#include "properties/explain/why_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "allocator/pressure/after_attempts.h"
#include "properties/explain/names.h"
#include "properties/explain/zone_holders.h"

namespace cma {
namespace {

// Returns "16 pages (64 kB)", as reports count kB.
std::string with_kbytes(const Machine& machine, std::int64_t pages) {
  const auto kbytes = static_cast<std::int64_t>(machine.geometry().page_size / 1024);
  return fmt::format("{} ({} kB)", pages, pages * kbytes);
}

// What the last attempt at a request may do.
struct LastAttempt {
  Gfp gfp = 0;
  unsigned order = 0;
  std::uint32_t flags = 0;
  std::size_t ceiling = 0;
  WatermarkRequest request() const { return {.order = order, .class_zone = ceiling, .flags = flags, .gfp = gfp}; }
};

// Returns whether the current actor is inside a long-term pin.
bool pins_for_long(const Machine& machine) { return machine.engine.flags().memalloc_pin; }

// Returns the rights that the request has of the current actor, in words; empty if it has none.
std::string task_rights(const Machine& machine, Gfp gfp) {
  constexpr const char* kVictim = "; its task is a victim of the OOM killer";
  const TaskFlags& task = machine.engine.flags();
  if (task.scope != ReclaimScope::noreclaim && task.is_oom_victim()) return kVictim;
  switch (task.scope) {
    case ReclaimScope::none:
    case ReclaimScope::nofs:
    case ReclaimScope::noio: return "";
    case ReclaimScope::noreclaim:
      if ((gfp & kGfpNomemalloc) == 0) return "; its task has PF_MEMALLOC, so no watermark binds it";
      return "; its task has PF_MEMALLOC, of which __GFP_NOMEMALLOC takes the right to the last pages";
    case ReclaimScope::realtime: return "; its task is a real-time task";
    case ReclaimScope::victim: return kVictim;
  }
  return "";
}

// A task that pins for long gets no pages of areas; see Buddy::serve().
LastAttempt last_attempt(const Machine& machine, Gfp gfp, unsigned order) {
  const bool pins = pins_for_long(machine);
  if (pins && machine.release() >= Release::v5_13) gfp &= ~static_cast<Gfp>(kGfpMovable);
  LastAttempt attempt{gfp, order, machine.buddy.requests().last_attempt_flags(gfp, order),
                      machine.buddy.zone_ceiling(gfp)};
  const bool counts_areas = (attempt.flags & kAllocOom) == 0 || machine.release() >= Release::v5_9;
  if (migratetype_of(gfp) == Migratetype::movable && !pins && counts_areas) attempt.flags |= kAllocCma;
  return attempt;
}

// Why a zone gave no block.
class ZoneRefusal {
 public:
  ZoneRefusal(const Machine& machine, std::size_t index, const LastAttempt& attempt)
      : machine_(machine), index_(index), zone_(machine.buddy.zone(index)), attempt_(attempt) {
    terms_ = machine.buddy.watermarks().terms(zone_, mark() + zone_.watermark_boost, attempt.request());
  }

  const WatermarkTerms& terms() const { return terms_; }
  // Returns whether the zone has a free block that is large enough and that the request may use.
  bool has_block() const { return largest_order(false).value_or(0) >= attempt_.order && largest_order(false); }
  // Returns whether the attempt succeeds. Up to 4.3 the watermark depends on the sizes of the free blocks too.
  bool passes() const {
    const bool by_blocks = machine_.release() < Release::v4_4 && binding();
    return enough() && has_block() &&
           (!by_blocks || machine_.buddy.watermarks().zone_watermark_ok(zone_, mark() + zone_.watermark_boost,
                                                                        attempt_.request(), zone_.nr_free_pages));
  }
  std::size_t index() const { return index_; }
  std::string name() const { return machine_.buddy.zone_title(index_); }
  // Returns the short answer: what it has, and what it must keep.
  std::string brief() const;
  Evidence evidence() const;
  // Adds what would have let the request through.
  void add_remedies(std::vector<Evidence>& evidence) const;
  // Returns how many more free pages would let so many requests of this kind through, one after the other, if none of
  // them boosts the watermark.
  std::int64_t pages_short(std::uint64_t requests) const;
  // Returns by how much the watermark could be boosted yet.
  std::int64_t boost_left() const;
  // Adds how many pages more it would take if requests boosted the watermark as far as it goes.
  void add_boost_left(std::string& text, std::vector<Figure>& figures) const;
  // Returns that so many more pages would be free of which the request may take some.
  std::string more_free(std::int64_t pages) const;
  // Adds by how much smaller areas would leave so many more pages, unless they have fewer free ones.
  void add_smaller_area(std::int64_t pages, std::string& text, std::vector<Figure>& figures) const;

 private:
  // Returns whether a watermark binds the attempt; else there are always enough pages.
  bool binding() const { return (attempt_.flags & kAllocNoWatermarks) == 0; }
  bool enough() const { return !binding() || terms_.enough(); }
  bool at_min() const { return (attempt_.flags & kAllocWmarkMask) == kAllocWmarkMin; }
  std::uint64_t mark() const { return zone_.watermark[attempt_.flags & kAllocWmarkMask]; }
  bool may_use(unsigned type) const;
  std::optional<unsigned> largest_order(bool of_any_type) const;
  std::int64_t before_block() const { return terms_.usable() + terms_.block; }
  std::string larger_than_free() const;
  // Returns whether the reserve for atomic requests alone leaves nothing.
  bool reserve_takes_all() const { return terms_.reserved > 0 && before_block() <= 0; }
  std::int64_t free_in_reserve() const;
  std::optional<std::string> lower_mark() const;
  std::int64_t missing_pages() const { return terms_.needed() + 1 - terms_.usable(); }
  std::string remaining() const;
  std::string_view lowered_for() const;
  std::size_t low_zones() const;
  std::string whole_setting() const;
  std::string kept() const;
  std::string blocks() const;

  const Machine& machine_;
  std::size_t index_;
  const Zone& zone_;
  LastAttempt attempt_;
  WatermarkTerms terms_;
};

bool ZoneRefusal::may_use(unsigned type) const {
  if (type == index_of(Migratetype::cma)) return (attempt_.flags & kAllocCma) != 0;
  if (type == index_of(Migratetype::highatomic)) return (attempt_.flags & (kAllocHighatomic | kAllocOom)) != 0;
  return type < kPcpTypes;
}

// Returns the order of the largest free block, of those that the request may use or of all; nullopt if there is none.
std::optional<unsigned> ZoneRefusal::largest_order(bool of_any_type) const {
  for (unsigned order = machine_.buddy.largest_order() + 1; order-- > 0;)
    for (unsigned type = 0; type < kMigratetypes; ++type)
      if ((of_any_type || may_use(type)) && !zone_.free_by_order[order].lists[type].empty()) return order;
  return std::nullopt;
}

// Returns which free pages the request may not use, and how many remain.
std::string ZoneRefusal::remaining() const {
  std::string text = terms_.of_areas == 0
                         ? with_kbytes(machine_, terms_.free) + " free"
                         : fmt::format("{} of {} free pages are not the areas'",
                                       with_kbytes(machine_, terms_.free - terms_.of_areas), terms_.free);
  std::string less;
  if (terms_.reserved > 0 && machine_.release() >= Release::v6_12)
    less = fmt::format("; less {} kept for atomic requests", terms_.reserved);
  else if (terms_.reserved > 0)
    less = fmt::format("; less the reserve for atomic requests, counted whole ({}, of which {} are free)",
                       terms_.reserved, free_in_reserve());
  if (reserve_takes_all()) return text + less + ", none remains";
  if (terms_.usable() < 0) {
    const std::int64_t before = std::max<std::int64_t>(before_block(), 0);
    return fmt::format("{}{}, {}fewer than the {} of the block", text, less,
                       less.empty() ? "" : fmt::format("{} remain, ", before), order_pages(attempt_.order));
  }
  if (terms_.block > 0)
    less += fmt::format("{} the other {} of the block", less.empty() ? "; less" : " and", terms_.block);
  if (less.empty()) return text;
  return text + less +
         fmt::format(", {} remain{}", with_kbytes(machine_, terms_.usable()), terms_.usable() == 1 ? "s" : "");
}

// Requires: terms_.usable() < 0.
std::string ZoneRefusal::larger_than_free() const {
  return fmt::format("{} usable, fewer than the {} of the block", std::max<std::int64_t>(before_block(), 0),
                     order_pages(attempt_.order));
}

// Returns how many of the pages in the reserve for atomic requests are free.
std::int64_t ZoneRefusal::free_in_reserve() const {
  std::int64_t pages = 0;
  for (unsigned order = 0; order <= machine_.buddy.largest_order(); ++order) {
    const PageList& list = zone_.free_by_order[order].lists[index_of(Migratetype::highatomic)];
    for (Frame frame = list.first; frame != kNil; frame = machine_.map.at(frame).next)
      pages += static_cast<std::int64_t>(order_pages(order));
  }
  return pages;
}

// Returns on whose behalf a mark is lowered.
std::string_view ZoneRefusal::lowered_for() const {
  if ((attempt_.flags & kAllocOom) != 0) return "a victim of the OOM killer";
  const bool realtime = machine_.engine.flags().scope == ReclaimScope::realtime;
  return realtime && (attempt_.gfp & (kGfpHigh | kGfpAtomicBit)) == 0 ? "a real-time task" : "an urgent request";
}

// Returns how many zones share vm.min_free_kbytes.
std::size_t ZoneRefusal::low_zones() const {
  std::size_t zones = 0;
  for (std::size_t z = 0; z < machine_.buddy.zones(); ++z) {
    const Zone& zone = machine_.buddy.zone(z);
    if (zone.managed != 0 && zone.kind != ZoneKind::high_mem && zone.kind != ZoneKind::movable) ++zones;
  }
  return zones;
}

// Returns that the zone keeps all of the setting, where others would keep their parts of it if they were low memory;
// empty if it does not, or the setting is the kernel's own.
std::string ZoneRefusal::whole_setting() const {
  const std::optional<std::uint64_t> setting = machine_.geometry().min_free_kbytes;
  const bool alone = low_zones() == 1 && zone_.kind != ZoneKind::high_mem && zone_.kind != ZoneKind::movable;
  if (!setting || !alone || !at_min() || machine_.buddy.zones() == 1) return {};
  return fmt::format(": all of vm.min_free_kbytes={}, as zone {} is the only zone of low memory", *setting, name());
}

// Returns what the zone must keep, and of what that is made.
std::string ZoneRefusal::kept() const {
  if (!binding()) return "no watermark binds the request";
  const auto whole = static_cast<std::int64_t>(mark() + zone_.watermark_boost);
  const bool boosted = zone_.watermark_boost > 0;
  std::string sum;
  const bool highest = zone_.watermark_boost == machine_.buddy.watermark_setup().most_boost(zone_);
  if (boosted) sum += fmt::format(" + boost {}{}", zone_.watermark_boost, highest ? " (the highest possible)" : "");
  if (terms_.mark != whole) sum += fmt::format(", lowered by {} for {}", whole - terms_.mark, lowered_for());
  if (terms_.lowmem_reserve > 0)
    sum += fmt::format(" + {} kept from requests that can use higher zones", terms_.lowmem_reserve);
  const std::string_view watermark = at_min() ? "min" : "low";
  const std::string made_of = sum.empty() ? fmt::format(", the {} watermark{}", watermark, whole_setting())
                                          : fmt::format(": {} watermark {}{}", watermark, mark(), sum);
  const bool remain = terms_.usable() >= 0 && !reserve_takes_all();
  return fmt::format("{} {}{}{}{}",
                     !remain                ? "more than"
                     : terms_.usable() == 1 ? "it must exceed"
                                            : "they must exceed",
                     with_kbytes(machine_, terms_.needed()), remain ? "" : " must stay", made_of,
                     boosted ? "; requests that take from another type's pageblock raise the boost" : "");
}

std::string ZoneRefusal::blocks() const {
  const std::optional<unsigned> usable = largest_order(false);
  const std::optional<unsigned> any = largest_order(true);
  std::string text = usable ? fmt::format("its largest free block that the request may use is of order {}", *usable)
                            : std::string("it has no free block that the request may use");
  if (any && (!usable || *any > *usable)) text += fmt::format(" (of order {} for other requests)", *any);
  return text;
}

std::string ZoneRefusal::brief() const {
  if (!enough() && reserve_takes_all())
    return fmt::format(
        "zone {} has {} free, less a reserve of {} for atomic requests: not more than the {} that must stay", name(),
        plural(static_cast<std::uint64_t>(terms_.free - terms_.of_areas), "page"), terms_.reserved, terms_.needed());
  if (!enough() && terms_.usable() < 0) return fmt::format("zone {} has {}", name(), larger_than_free());
  if (!enough() && terms_.block > 0)
    return fmt::format(
        "zone {} has {} that the request may use, {} without the other {} of the block, and more than "
        "{} must stay",
        name(), plural(static_cast<std::uint64_t>(before_block()), "page"), terms_.usable(), terms_.block,
        terms_.needed());
  if (!enough())
    return fmt::format("zone {} has {} that the request may use, and more than {} must stay", name(),
                       plural(static_cast<std::uint64_t>(terms_.usable()), "page"), terms_.needed());
  return fmt::format("zone {} has enough pages, but {}", name(), blocks());
}

Evidence ZoneRefusal::evidence() const {
  std::string text = fmt::format("{}: {}; {}", name(), remaining(), kept());
  if (attempt_.order > 0 || enough()) text += "; " + blocks();
  std::vector<Figure> figures = {{"zone", name()},
                                 {"free_pages", terms_.free},
                                 {"free_pages_of_areas", zone_.nr_free_cma},
                                 {"reserved", terms_.reserved},
                                 {"usable", terms_.usable()},
                                 {"must_keep", terms_.needed()},
                                 {"min", mark()},
                                 {"boost", zone_.watermark_boost},
                                 {"lowmem_reserve", terms_.lowmem_reserve}};
  if (const auto order = largest_order(false)) figures.push_back({"largest_order", std::uint64_t{*order}});
  return {About::zone, std::move(text), std::move(figures)};
}

// Returns the vm.min_free_kbytes that would do; nullopt if none would, or the zone's mark does not come from it. A
// write of the setting clears the boost (__setup_per_zone_wmarks, since 5.0).
std::optional<std::string> ZoneRefusal::lower_mark() const {
  const std::int64_t below = terms_.usable() - terms_.lowmem_reserve;
  const bool plain = terms_.mark == static_cast<std::int64_t>(mark() + zone_.watermark_boost);
  // A setting below an eighth of what it is would be no remedy.
  const bool worth_it = below > 0 && static_cast<std::uint64_t>(below) >= mark() / 8;
  if (!worth_it || !plain || !at_min() || zone_.kind == ZoneKind::high_mem || zone_.kind == ZoneKind::movable)
    return std::nullopt;
  // The setting is divided among the zones of low memory by their size.
  std::uint64_t lowmem = 0;
  std::uint64_t marks = 0;
  bool one = true;
  for (std::size_t z = 0; z < machine_.buddy.zones(); ++z) {
    const Zone& zone = machine_.buddy.zone(z);
    if (zone.managed == 0 || zone.kind == ZoneKind::high_mem || zone.kind == ZoneKind::movable) continue;
    one = one && (z == index_);
    lowmem += zone.managed;
    marks += zone.watermark[0];
  }
  const std::uint64_t kbytes = machine_.geometry().page_size / 1024;
  const std::uint64_t limit = static_cast<std::uint64_t>(below) * lowmem / zone_.managed * kbytes;
  if (below > static_cast<std::int64_t>(mark()))
    return fmt::format("a write of vm.min_free_kbytes, even of {}{} as now: that clears the boost until the next one",
                       one ? "" : "about ", marks * kbytes);
  if (!one && limit == marks * kbytes)
    return fmt::format("vm.min_free_kbytes a little lower than now (about {})", limit);
  return fmt::format("vm.min_free_kbytes below {}{} (now {}{})", one ? "" : "about ", limit, one ? "" : "about ",
                     marks * kbytes);
}

void ZoneRefusal::add_remedies(std::vector<Evidence>& evidence) const {
  if (enough()) return;
  const auto boost = static_cast<std::int64_t>(zone_.watermark_boost);
  const WatermarkTerms plain = machine_.buddy.watermarks().terms(zone_, mark(), attempt_.request());
  if (boost > 0 && plain.enough() && has_block())
    evidence.push_back({About::would,
                        fmt::format("pass in zone {} without the boost of its watermarks: {} usable, "
                                    "{} to stay (vm.watermark_boost_factor=0 prevents further boosts)",
                                    name(), plain.usable(), plain.needed()),
                        {{"remedy", std::string("no boost")}},
                        /*of_request=*/true});
  if (terms_.reserved > 0 && terms_.usable() + terms_.reserved > terms_.needed() && has_block())
    evidence.push_back({About::would,
                        fmt::format("pass in zone {} without its reserve for atomic requests, {}", name(),
                                    plural(static_cast<std::uint64_t>(terms_.reserved), "page")),
                        {{"remedy", std::string("no reserve")}},
                        /*of_request=*/true});
  const std::int64_t missing = missing_pages();
  std::string text = "pass if " + more_free(missing);
  if (!has_block() && attempt_.order > 0) text += fmt::format(", and made a block of order {}", attempt_.order);
  std::vector<Figure> figures = {{"remedy", std::string("more free pages")}, {"pages_short", missing}};
  if (has_block() || attempt_.order == 0) add_smaller_area(missing, text, figures);
  if (const auto lower = has_block() ? lower_mark() : std::nullopt) text += ", or with " + *lower;
  evidence.push_back({About::would, std::move(text), std::move(figures), /*of_request=*/true});
  const Gfp movable = (attempt_.gfp & ~static_cast<Gfp>(kGfpReclaimable)) | kGfpMovable;
  if (terms_.of_areas > 0 && !pins_for_long(machine_) &&
      ZoneRefusal(machine_, index_, last_attempt(machine_, movable, attempt_.order)).passes())
    evidence.push_back({About::would,
                        fmt::format("pass in zone {} if it were movable: the {} free pages of areas would count",
                                    name(), terms_.of_areas),
                        {{"remedy", std::string("movable")}},
                        /*of_request=*/true});
}

std::string ZoneRefusal::more_free(std::int64_t pages) const {
  return fmt::format("{}{} were free in zone {}", plural(static_cast<std::uint64_t>(pages), "more page"),
                     terms_.of_areas > 0 ? " outside areas" : "", name());
}

void ZoneRefusal::add_smaller_area(std::int64_t pages, std::string& text, std::vector<Figure>& figures) const {
  const std::uint64_t less = align_up(static_cast<std::uint64_t>(pages), machine_.geometry().isolation_unit());
  if (terms_.of_areas <= 0 || less > static_cast<std::uint64_t>(terms_.of_areas)) return;
  text += fmt::format(", as with an area that is {} smaller", size_text(less << machine_.geometry().page_shift()));
  figures.push_back({"area_smaller", less});
}

// Each request takes its pages, and none of them may find too little. Of what is free now, only single pages count as
// part of the sum: larger blocks are wanted whole. On their way pages of a batch go to a per-CPU list, which the zone
// does not count as free.
std::int64_t ZoneRefusal::pages_short(std::uint64_t requests) const {
  CMA_ASSERT(requests > 0);
  const PerCpuPages& pcp = zone_.pcp[static_cast<unsigned>(machine_.engine.cpu())];
  // Since 6.7 each refill in a row is twice the one before, up to 2^5 batches.
  const int refill =
      machine_.release() >= Release::v6_7 ? std::min(32 * pcp.batch, std::max(pcp.high, pcp.high_max)) : pcp.batch;
  const std::uint64_t block = order_pages(attempt_.order);
  const std::int64_t slack = std::max(refill, 1);
  if (attempt_.order == 0) return missing_pages() + static_cast<std::int64_t>(requests - 1) + slack;
  const std::uint64_t refilled = machine_.buddy.per_cpu().allowed_order(attempt_.order) ? 2 * block : 0;
  return static_cast<std::int64_t>(requests * block + refilled) + slack +
         std::max<std::int64_t>(terms_.needed() + 1 - before_block(), 0);
}

std::int64_t ZoneRefusal::boost_left() const {
  const std::uint64_t most = machine_.buddy.watermark_setup().most_boost(zone_);
  return most > zone_.watermark_boost ? static_cast<std::int64_t>(most - zone_.watermark_boost) : 0;
}

// Only a request that takes from another type's pageblock boosts it, by less at a time than it can be in the end.
void ZoneRefusal::add_boost_left(std::string& text, std::vector<Figure>& figures) const {
  const std::int64_t more = boost_left();
  if (more == 0) return;
  text += fmt::format(
      "; should requests take from another type's pageblock meanwhile, which boosts the watermark, up "
      "to {} more",
      more);
  figures.push_back({"more_if_boosted", more});
}

// Adds the largest order at which the request would pass, if it fails at the order that it has.
void add_smaller_order(const Machine& machine, Gfp gfp, unsigned order, std::vector<Evidence>& evidence) {
  for (unsigned smaller = order; smaller-- > 0;) {
    const LastAttempt attempt = last_attempt(machine, gfp, smaller);
    for (std::size_t z = attempt.ceiling + 1; z-- > 0;) {
      if (machine.buddy.zone(z).managed == 0 || !ZoneRefusal(machine, z, attempt).passes()) continue;
      evidence.push_back({About::would,
                          fmt::format("pass at order {}, in zone {}", smaller, machine.buddy.zone_title(z)),
                          {{"remedy", std::string("smaller order")}, {"order", std::uint64_t{smaller}}},
                          /*of_request=*/true});
      return;
    }
  }
}

// Returns whether the request stays on its node, which is that of all CPUs, and the zone is of another one.
bool on_other_node(const Machine& machine, std::size_t index, Gfp gfp) {
  return (gfp & kGfpThisnode) != 0 && machine.geometry().several_nodes() && machine.buddy.zone(index).node != 0;
}

// Adds that the request would pass in a zone that it may not use, if it may not because of its flags.
void add_without_ceiling(const Machine& machine, Gfp gfp, unsigned order, std::vector<Evidence>& evidence) {
  const Gfp flags = gfp & (kGfpDma | kGfpDma32);
  const std::size_t ceiling = machine.buddy.zone_ceiling(gfp);
  const LastAttempt attempt = last_attempt(machine, gfp & ~flags, order);
  for (std::size_t z = attempt.ceiling + 1; flags != 0 && z-- > ceiling + 1;) {
    const Zone& zone = machine.buddy.zone(z);
    if (zone.managed == 0 || on_other_node(machine, z, gfp)) continue;
    if (!ZoneRefusal(machine, z, attempt).passes()) continue;
    evidence.push_back(
        {About::would,
         fmt::format("pass without {}: zone {} has {} pages free, but the device may not reach them",
                     gfp_text(flags, machine.release()), machine.buddy.zone_title(z), zone.nr_free_pages),
         {{"remedy", std::string("no ceiling")}},
         /*of_request=*/true});
    return;
  }
}

// Returns the flags of the request in words, and what a long-term pin takes from them.
std::string wanted_text(const Machine& machine, Gfp gfp, unsigned order) {
  std::string text = gfp_text(gfp, machine.release());
  const bool ends = (gfp & kGfpNofail) == 0 && !machine.page_allocator.gave_up(machine.engine.current());
  if (order > kCostlyOrder && order <= machine.buddy.largest_order() && ends)
    text += "; a costly order: the kernel does not retry without end";
  text += task_rights(machine, gfp);
  if (!pins_for_long(machine) || migratetype_of(gfp) != Migratetype::movable) return text;
  if (machine.release() >= Release::v5_13) text += " less __GFP_MOVABLE";
  return text + ": a long-term pin may not have an area's page";
}

// Returns what the kernel has done for a request that it then fails, though it may reclaim.
std::string_view given_up_because(Gfp gfp, unsigned order) {
  // Compaction makes blocks, and needs __GFP_IO.
  if (order == 0 || (gfp & kGfpIo) == 0) return "it has reclaimed what it could";
  if ((gfp & kGfpNoretry) != 0) return "with __GFP_NORETRY it compacts and reclaims once at most";
  return "it has reclaimed and compacted what it could";
}

// Says what becomes of a request for which the kernel kills. `killed`: as in explain_request().
Evidence next_kill(const Machine& machine, std::uint64_t killed) {
  const bool kills = machine.geometry().oom_kills;
  const bool has_process = machine.oom_killer.worst().has_value();
  if (!kills && has_process)
    return {About::next,
            "the kernel would kill a process, as machines with oom_killer=on do",
            {{"next", std::string("kill")}}};
  std::string text = "the kernel would kill a process, and as there is none it would panic";
  if (kills) text = "the kernel panics: there is no process that it could kill";
  if (kills && killed != 0)
    text = fmt::format(
        "the kernel panics: since the operation began it has killed {}, which freed too little of what the request may "
        "use, and no other is left",
        killed == 1 ? std::string("a process") : fmt::format("{} processes", killed));
  return {About::next, std::move(text), {{"next", std::string("panic")}, {"killed", killed}}};
}

// Says what the kernel does next with the request. Requires: all attempts have failed that do not reclaim.
Evidence next_step(const Machine& machine, Gfp gfp, unsigned order, std::uint64_t killed) {
  const auto says = [](std::string text, const char* next) -> Evidence {
    return {About::next, std::move(text), {{"next", std::string(next)}}};
  };
  switch (after_attempts(gfp, machine.engine.flags(), machine.geometry())) {
    case AfterAttempts::fails: return says("the kernel fails the request: it must not reclaim", "fail");
    case AfterAttempts::tries_again:
      return says("the kernel tries again until another task frees a block", "try again");
    case AfterAttempts::reclaims: break;
  }
  const bool without_end = machine.page_allocator.gave_up(machine.engine.current());
  const bool of_large_block = without_end && order > kCostlyOrder && (gfp & kGfpNofail) == 0;
  if (of_large_block && machine.release() >= Release::v5_10)
    return says(
        "the kernel compacts without end: it finds a pageblock again and again that a driver's page does not leave "
        "(since 6.3)",
        "try again");
  // The scope that forbade I/O may have ended.
  if (of_large_block)
    return says(
        "the kernel tries again without end: reclaim leaves a large block to a compaction, which is never made "
        "without __GFP_IO (4.8 to 6.8)",
        "try again");
  if (without_end)
    return says("the kernel tries again without end: nothing that it could reclaim is left", "try again");
  if (victim_gives_up(gfp, machine.engine.flags(), machine.release()))
    return says("the kernel fails the request: its task is about to die, and has no more of the reserves", "fail");
  if (kernel_gives_up(gfp, order, machine.buddy.gfp_zone(gfp), machine.release()))
    return says(fmt::format("the kernel fails the request: {}", given_up_because(gfp, order)), "fail");
  return next_kill(machine, killed);
}

Evidence zone_out_of_reach(const Machine& machine, std::size_t index, std::size_t ceiling) {
  const Zone& zone = machine.buddy.zone(index);
  return {
      About::zone,
      fmt::format("{}: {} pages free, of no use to this request, which {}", machine.buddy.zone_title(index),
                  zone.nr_free_pages,
                  index > ceiling ? "reaches up to zone " + machine.buddy.zone_title(ceiling) : "has __GFP_THISNODE"),
      {{"zone", machine.buddy.zone_title(index)}, {"free_pages", zone.nr_free_pages}}};
}

}  // namespace

RefusedRequest explain_request(const Machine& machine, Gfp gfp, unsigned order, std::uint64_t killed) {
  RefusedRequest refused;
  refused.gfp = gfp;
  refused.order = order;
  const std::string request =
      order == 0 ? "a page" : fmt::format("a block of order {} ({} pages)", order, order_pages(order));
  refused.evidence.push_back({About::wanted,
                              fmt::format("{} for {}", request, wanted_text(machine, gfp, order)),
                              {{"order", std::uint64_t{order}}, {"gfp", gfp_text(gfp, machine.release())}}});
  if (order > machine.buddy.largest_order()) {
    refused.brief =
        fmt::format("order {} is above the largest one, {}: not tried, {}", order, machine.buddy.largest_order(),
                    (gfp & kGfpNowarn) != 0 ? "without a WARNING because of __GFP_NOWARN" : "with a WARNING");
    add_smaller_order(machine, gfp, machine.buddy.largest_order() + 1, refused.evidence);
    return refused;
  }
  const LastAttempt attempt = last_attempt(machine, gfp, order);
  refused.may_use_areas = (attempt.flags & kAllocCma) != 0;
  std::optional<ZoneRefusal> preferred;
  std::optional<ZoneRefusal> nearest;
  for (std::size_t z = machine.buddy.zones(); z-- > 0;) {
    if (machine.buddy.zone(z).managed == 0) continue;
    if (z > attempt.ceiling || on_other_node(machine, z, gfp)) {
      refused.evidence.push_back(zone_out_of_reach(machine, z, attempt.ceiling));
      continue;
    }
    const ZoneRefusal zone(machine, z, attempt);
    refused.evidence.push_back(zone.evidence());
    if (!preferred) preferred.emplace(zone);
    const auto short_of = [](const ZoneRefusal& of) { return of.terms().needed() - of.terms().usable(); };
    if (!nearest || short_of(zone) < short_of(*nearest)) nearest.emplace(zone);
  }
  if (!nearest) {
    refused.brief = "no zone that it may use has memory";
    return refused;
  }
  refused.brief = "no zone can give " + request + ": " + nearest->brief();
  refused.zones = {preferred->index()};
  preferred->add_remedies(refused.evidence);
  if (nearest->index() != preferred->index()) {
    refused.zones.push_back(nearest->index());
    nearest->add_remedies(refused.evidence);
  }
  add_without_ceiling(machine, gfp, order, refused.evidence);
  add_smaller_order(machine, gfp, order, refused.evidence);
  refused.evidence.push_back(next_step(machine, gfp, order, killed));
  return refused;
}

namespace {

// Returns the zone of these in which so many requests would need the fewest further pages, and how many; the current
// actor makes them.
std::pair<std::size_t, std::int64_t> fewest_short(const Machine& machine, const RefusedRequest& refused,
                                                  std::uint64_t requests) {
  const LastAttempt attempt = last_attempt(machine, refused.gfp, refused.order);
  std::pair<std::size_t, std::int64_t> fewest;
  for (const std::size_t index : refused.zones) {
    const std::int64_t missing = ZoneRefusal(machine, index, attempt).pages_short(requests);
    if (index == refused.zones.front() || missing < fewest.second) fewest = {index, missing};
  }
  return fewest;
}

// Makes remedies of a request those of the next one that the operation makes.
void tell_of_next(std::string_view noun, std::vector<Evidence>& evidence) {
  constexpr std::string_view kPass = "pass if ";
  for (Evidence& found : evidence) {
    if (!found.of_request) continue;
    found.as_request = found.text;
    found.text = found.text.starts_with(kPass)
                     ? fmt::format("give one more {} if {}", noun, found.text.substr(kPass.size()))
                     : fmt::format("let the next {} {}", noun, found.text);
  }
}

// Adds what pages of files would be worth once they were written: `written` of the zone.
void add_written(const Machine& machine, const RefusedRequest& refused, std::size_t zone, std::uint64_t written,
                 std::uint64_t requests, std::vector<Evidence>& evidence) {
  const bool may_reclaim = (refused.gfp & kGfpDirectReclaim) != 0;
  if (written == 0 || !may_reclaim) return;
  const ZoneRefusal refusal(machine, zone, last_attempt(machine, refused.gfp, refused.order));
  const auto freed = static_cast<std::int64_t>(written);
  const auto only_unboosted = [&](std::int64_t wanted) {
    return freed >= wanted + refusal.boost_left() ? "" : ", unless the watermark is boosted meanwhile";
  };
  const std::string title = machine.buddy.zone_title(zone);
  const std::string once = fmt::format("once {} of files in zone {} are written, which reclaim can drop then",
                                       plural(written, "page"), title);
  std::string text = "leave reclaim more to free " + once;
  if (refused.order == 0 && requests > 0 && freed >= refusal.pages_short(requests))
    text = "pass " + once + only_unboosted(refusal.pages_short(requests));
  else if (refused.order == 0 && freed >= refusal.pages_short(1))
    text = "let the next page pass " + once + only_unboosted(refusal.pages_short(1));
  evidence.push_back({About::would,
                      text + ": a kernel writes them meanwhile, here `writeback` or `kswapd` does",
                      {{"remedy", std::string("write")}, {"zone", title}, {"pages", written}}});
}

// Says of the kernel's next step that it may come otherwise if pages are written by then.
void tell_of_writing(std::vector<Evidence>& evidence) {
  const auto next = std::ranges::find(evidence, About::next, &Evidence::about);
  if (next != evidence.end()) next->text += ", unless enough pages of files have been written by then";
}

}  // namespace

void explain_refused(const World& world, const RefusedRequest& refused, std::uint64_t left, Answer& answer) {
  const Machine& machine = world.machine();
  std::vector<Evidence> evidence = refused.evidence;
  const std::string_view noun = refused.order == 0 ? "page" : "block";
  if (left != 1) tell_of_next(noun, evidence);
  std::vector<Evidence> more;
  if (left > 1 && !refused.zones.empty()) {
    const auto [zone, lacking] = fewest_short(machine, refused, left);
    const std::int64_t missing = std::max<std::int64_t>(lacking, 1);
    const ZoneRefusal refusal(machine, zone, last_attempt(machine, refused.gfp, refused.order));
    std::string text =
        fmt::format("pass for all {} that it lacks if {}", plural(left, noun), refusal.more_free(missing));
    std::vector<Figure> figures = {
        {"remedy", std::string("more free pages for all")}, {"lacks", left}, {"pages_short", missing}};
    if (refused.order > 0)
      text += fmt::format(", in blocks of order {}", refused.order);
    else
      refusal.add_smaller_area(missing, text, figures);
    refusal.add_boost_left(text, figures);
    more.push_back(
        {.about = About::would, .text = std::move(text), .figures = std::move(figures), .of_operation = true});
  }
  std::vector<Evidence> holders;
  bool writes = false;
  for (const std::size_t zone : refused.zones) {
    const std::uint64_t written = add_zone_holders(world, zone, refused.may_use_areas, holders);
    const std::size_t before = more.size();
    add_written(machine, refused, zone, written, left, more);
    writes = writes || more.size() > before;
  }
  if (writes) tell_of_writing(evidence);
  evidence.insert(std::ranges::find(evidence, About::next, &Evidence::about), more.begin(), more.end());
  evidence.insert(evidence.end(), holders.begin(), holders.end());
  answer.evidence.insert(answer.evidence.end(), evidence.begin(), evidence.end());
}

void explain_no_target(const World& world, const RefusedRequest& refused, const MovesLeft& moves, Answer& answer) {
  std::vector<Evidence> evidence = refused.evidence;
  const std::string_view noun = refused.order == 0 ? "page" : "block";
  if (moves.pages > 1) tell_of_next(noun, evidence);
  if (moves.pages > 1 && refused.order == 0 && !refused.zones.empty()) {
    const auto [zone, missing] = fewest_short(world.machine(), refused, moves.pages);
    // What is free in the window now is isolated when it is tried again.
    const std::int64_t all = std::max<std::int64_t>(missing + static_cast<std::int64_t>(moves.isolated), 1);
    Evidence sum{About::would,
                 fmt::format("have a page to move each of the {} to with {} free in zone {}, outside the window",
                             moves.pages, plural(all, "more page"), world.machine().buddy.zone_title(zone)),
                 {{"remedy", std::string("more free pages for all")}, {"lacks", moves.pages}, {"pages_short", all}}};
    ZoneRefusal(world.machine(), zone, last_attempt(world.machine(), refused.gfp, refused.order))
        .add_boost_left(sum.text, sum.figures);
    evidence.insert(std::ranges::find(evidence, About::next, &Evidence::about), sum);
  }
  answer.add(About::found, "no page to move to: " + refused.brief);
  answer.evidence.insert(answer.evidence.end(), evidence.begin(), evidence.end());
}

void RefusedRequests::watch(Machine& machine) {
  machine_ = &machine;
  machine.trace.watch_allocations(this);
  last_.clear();
  remedies_.clear();
  killed_before_.clear();
}

const RefusedRequest* RefusedRequests::last(ActorId actor) const {
  const auto found = last_.find(actor);
  return found == last_.end() ? nullptr : &found->second;
}

void RefusedRequests::allocation_begins(Gfp, unsigned, unsigned) {
  remedies_.erase(machine_->engine.current());
  killed_before_.try_emplace(machine_->engine.current(), machine_->oom_killer.kills());
}

void RefusedRequests::attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned /*node*/) {
  attempt_ = attempt;
  gfp_ = gfp;
  order_ = order;
}

void RefusedRequests::attempt_ended(Pfn pfn) {
  const ActorId self = machine_->engine.current();
  if (pfn != kNoPfn || attempt_ != AllocAttempt::min || remedies_.contains(self)) return;
  std::vector<Evidence> evidence = explain_request(*machine_, gfp_, order_).evidence;
  std::erase_if(evidence, [](const Evidence& found) { return found.about != About::would; });
  remedies_[self] = std::move(evidence);
}

void RefusedRequests::allocation_ended(Gfp gfp, unsigned order, Pfn pfn) {
  const ActorId self = machine_->engine.current();
  if (pfn != kNoPfn) return;
  const auto before = killed_before_.find(self);
  const std::uint64_t killed = before == killed_before_.end() ? 0 : machine_->oom_killer.kills() - before->second;
  RefusedRequest refused = explain_request(*machine_, gfp, order, killed);
  if (const auto remedies = remedies_.find(self); remedies != remedies_.end()) {
    std::vector<Evidence>& evidence = refused.evidence;
    std::erase_if(evidence, [](const Evidence& found) { return found.about == About::would; });
    const auto next = std::ranges::find(evidence, About::next, &Evidence::about);
    evidence.insert(next, remedies->second.begin(), remedies->second.end());
  }
  last_[self] = std::move(refused);
}

}  // namespace cma
