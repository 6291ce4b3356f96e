#include "properties/explain/why_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "properties/explain/names.h"

namespace cma {
namespace {

// Holders of a zone's pages that are listed.
constexpr std::size_t kHoldersListed = 6;

// What the last attempt at a request may do.
struct LastAttempt {
  Gfp gfp = 0;
  unsigned order = 0;
  std::uint32_t flags = 0;
  std::size_t ceiling = 0;
  WatermarkRequest request() const { return {.order = order, .class_zone = ceiling, .flags = flags, .gfp = gfp}; }
};

// A task that pins for long gets no pages of areas; see Buddy::serve().
LastAttempt last_attempt(const Machine& machine, Gfp gfp, unsigned order) {
  const bool pins = machine.engine.flags().memalloc_pin;
  if (pins && machine.release() >= Release::v5_13) gfp &= ~static_cast<Gfp>(kGfpMovable);
  LastAttempt attempt{gfp, order, machine.buddy.last_attempt_flags(gfp, order), machine.buddy.zone_ceiling(gfp)};
  if (migratetype_of(gfp) == Migratetype::movable && !pins) attempt.flags |= kAllocCma;
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
  std::string name() const { return machine_.buddy.zone_title(index_); }
  // Returns the short answer: what it has, and what it must keep.
  std::string brief() const;
  Evidence evidence() const;
  // Adds what would have let the request through.
  void add_remedies(std::vector<Evidence>& evidence) const;

 private:
  std::uint64_t mark() const { return zone_.watermark[attempt_.flags & kAllocWmarkMask]; }
  bool may_use(unsigned type) const;
  std::optional<unsigned> largest_order(bool of_any_type) const;
  std::string subtracted() const;
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
      if ((of_any_type || may_use(type)) && !zone_.area[order].lists[type].empty()) return order;
  return std::nullopt;
}

// Returns what the request may not use of the free pages.
std::string ZoneRefusal::subtracted() const {
  std::string text;
  if (terms_.of_areas > 0)
    text += fmt::format(", {} of them of areas, which this request may not have", terms_.of_areas);
  if (terms_.reserved > 0) text += fmt::format(", {} kept for atomic requests", terms_.reserved);
  if (terms_.block > 0) text += fmt::format(", {} more for the block itself", terms_.block);
  return text.empty() ? text : text + fmt::format(": {} usable", terms_.usable());
}

// Returns what the zone must keep, and of what that is made.
std::string ZoneRefusal::kept() const {
  std::string sum = fmt::format("min watermark {}", mark());
  if (zone_.watermark_boost > 0) sum += fmt::format(" + boost {}", zone_.watermark_boost);
  const auto whole = static_cast<std::int64_t>(mark() + zone_.watermark_boost);
  if (terms_.mark != whole) sum += fmt::format(", lowered by {} for an urgent request", whole - terms_.mark);
  if (terms_.lowmem_reserve > 0)
    sum += fmt::format(" + {} kept from requests that can use higher zones", terms_.lowmem_reserve);
  return fmt::format("more than {} must stay ({})", terms_.needed(), sum);
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
  const std::string usable = terms_.usable() < 0 ? std::string("fewer pages than the block")
                                                 : plural(static_cast<std::uint64_t>(terms_.usable()), "page");
  if (!terms_.enough())
    return fmt::format("zone {} has {} that the request may use, and more than {} must stay", name(), usable,
                       terms_.needed());
  return fmt::format("zone {} has enough pages, but {}", name(), blocks());
}

Evidence ZoneRefusal::evidence() const {
  std::string text = fmt::format("{}: {} pages free{}; {}", name(), terms_.free, subtracted(), kept());
  if (attempt_.order > 0 || terms_.enough()) text += "; " + blocks();
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

void ZoneRefusal::add_remedies(std::vector<Evidence>& evidence) const {
  if (terms_.enough()) return;
  const auto boost = static_cast<std::int64_t>(zone_.watermark_boost);
  const WatermarkTerms plain = machine_.buddy.watermarks().terms(zone_, mark(), attempt_.request());
  if (boost > 0 && plain.enough())
    evidence.push_back({About::would,
                        fmt::format("pass in zone {} without the boost of its watermarks: {} usable, "
                                    "{} to stay (vm.watermark_boost_factor=0)",
                                    name(), plain.usable(), plain.needed()),
                        {{"remedy", std::string("no boost")}}});
  if (terms_.of_areas > 0 && terms_.usable() + terms_.of_areas > terms_.needed())
    evidence.push_back({About::would,
                        fmt::format("pass in zone {} if it were movable: the {} free pages of areas would count",
                                    name(), terms_.of_areas),
                        {{"remedy", std::string("movable")}}});
  const std::int64_t missing = terms_.needed() + 1 - terms_.usable();
  std::string text = fmt::format("pass in zone {} with {} free that it may use", name(),
                                 plural(static_cast<std::uint64_t>(missing), "more page"));
  std::vector<Figure> figures = {{"remedy", std::string("more free pages")}, {"pages_short", missing}};
  // The mark that would do, where nothing lowers or raises it.
  const std::int64_t below = terms_.usable() - terms_.lowmem_reserve;
  if (below > 0 && terms_.mark == static_cast<std::int64_t>(mark())) {
    text += fmt::format(", or with a min watermark below {} (vm.min_free_kbytes sets it)", below);
    figures.push_back({"min_below", below});
  }
  evidence.push_back({About::would, std::move(text), std::move(figures)});
}

Evidence zone_out_of_reach(const Machine& machine, std::size_t index, std::size_t ceiling) {
  const Zone& zone = machine.buddy.zone(index);
  return {About::zone,
          fmt::format("{}: {} pages free, of no use to this request, which reaches up to zone {}",
                      machine.buddy.zone_title(index), zone.nr_free_pages, machine.buddy.zone_title(ceiling)),
          {{"zone", machine.buddy.zone_title(index)}, {"free_pages", zone.nr_free_pages}}};
}

}  // namespace

RefusedRequest explain_request(const Machine& machine, Gfp gfp, unsigned order) {
  RefusedRequest refused{gfp, order, std::nullopt, {}, {}};
  const std::string request =
      order == 0 ? "a page" : fmt::format("a block of order {} ({} pages)", order, order_pages(order));
  refused.evidence.push_back({About::wanted,
                              fmt::format("{} for {}", request, gfp_text(gfp, machine.release())),
                              {{"order", std::uint64_t{order}}, {"gfp", gfp_text(gfp, machine.release())}}});
  if (order > machine.buddy.largest_order()) {
    refused.brief = fmt::format("order {} is above the largest one, {}", order, machine.buddy.largest_order());
    return refused;
  }
  const LastAttempt attempt = last_attempt(machine, gfp, order);
  std::optional<ZoneRefusal> nearest;
  for (std::size_t z = machine.buddy.zones(); z-- > 0;) {
    if (machine.buddy.zone(z).managed == 0) continue;
    if (z > attempt.ceiling) {
      refused.evidence.push_back(zone_out_of_reach(machine, z, attempt.ceiling));
      continue;
    }
    const ZoneRefusal zone(machine, z, attempt);
    refused.evidence.push_back(zone.evidence());
    const auto short_of = [](const ZoneRefusal& of) { return of.terms().needed() - of.terms().usable(); };
    if (nearest && short_of(zone) >= short_of(*nearest)) continue;
    nearest.emplace(zone);
    refused.zone = z;
  }
  if (!nearest) {
    refused.brief = "no zone that it may use has memory";
    return refused;
  }
  refused.brief = "no zone can give " + request + ": " + nearest->brief();
  nearest->add_remedies(refused.evidence);
  return refused;
}

namespace {

// Returns the results that hold pages, by their ranges: buffers, blocks and ranges, which have no owner records.
std::map<Pfn, std::pair<Pfn, Slot>> held_ranges(const World& world) {
  std::map<Pfn, std::pair<Pfn, Slot>> ranges;
  for (const World::Piece& piece : world.pieces) ranges[piece.start] = {piece.start + piece.pages, piece.slot};
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const Result& result = world.result(slot);
    const bool held = result.yields == Yields::block || result.yields == Yields::range;
    if (held && !result.gone && result.pfn != kNoPfn) ranges[result.pfn] = {result.pfn + result.pages, slot};
  }
  return ranges;
}

}  // namespace

void add_holders(const World& world, std::size_t zone, std::vector<Evidence>& evidence) {
  const Machine& machine = world.machine();
  const std::map<OwnerId, Slot> owners = results_by_owner(world);
  const std::map<Pfn, std::pair<Pfn, Slot>> ranges = held_ranges(world);
  std::map<std::string, std::uint64_t> pages;
  const PfnRange range = machine.buddy.zone(zone).range;
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    if (!machine.map.present(pfn)) continue;
    const Page& head = machine.map.page(machine.map.compound_head(pfn));
    if (head.has(kPageReserved)) {
      ++pages["boot"];
      continue;
    }
    if (head.ref == 0) continue;
    const auto owner = owners.find(head.owner);
    const auto after = ranges.upper_bound(pfn);
    const bool ranged = after != ranges.begin() && pfn < std::prev(after)->second.first;
    if (owner != owners.end())
      ++pages[name_or_text(world.program(), owner->second)];
    else if (ranged)
      ++pages[name_or_text(world.program(), std::prev(after)->second.second)];
    else
      ++pages["processes, files and others without a name"];
  }
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [name, count] : pages) sorted.emplace_back(count, name);
  std::ranges::sort(
      sorted, [](const auto& a, const auto& b) { return std::tie(b.first, a.second) < std::tie(a.first, b.second); });
  for (std::size_t i = 0; i < std::min(sorted.size(), kHoldersListed); ++i)
    evidence.push_back({About::held,
                        fmt::format("{} of zone {} by {}", plural(sorted[i].first, "page"),
                                    machine.buddy.zone_name(zone), sorted[i].second),
                        {{"pages", sorted[i].first}, {"name", sorted[i].second}}});
}

void RefusedRequests::watch(Machine& machine) {
  machine_ = &machine;
  machine.trace.watch_allocations(this);
  last_.clear();
}

const RefusedRequest* RefusedRequests::last(ActorId actor) const {
  const auto found = last_.find(actor);
  return found == last_.end() ? nullptr : &found->second;
}

void RefusedRequests::allocation_begins(Gfp, unsigned, unsigned) {}

void RefusedRequests::allocation_ended(Gfp gfp, unsigned order, Pfn pfn) {
  if (pfn == kNoPfn) last_[machine_->engine.current()] = explain_request(*machine_, gfp, order);
}

}  // namespace cma
