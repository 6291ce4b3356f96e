#include "properties/explain/why_boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "allocator/base/error.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

std::uint64_t bytes_of(const Machine& machine, std::uint64_t pages) { return pages << machine.geometry().page_shift(); }

std::string range_text(const Machine& machine, const PfnRange& range) {
  return fmt::format("[{:#x}, {:#x})", bytes_of(machine, range.start), bytes_of(machine, range.end));
}

// A declaration, rounded as the kernel does it.
class Declared {
 public:
  Declared(const World& world, const DeclareRequest& asked, Answer& answer)
      : world_(world), machine_(world.machine()), asked_(asked), answer_(answer) {
    const std::uint64_t unit = bytes_of(machine_, machine_.geometry().isolation_unit());
    const bool power = asked.alignment != 0 && is_power_of_two(asked.alignment);
    alignment_ = power && machine_.release() >= Release::v3_17 ? std::max(asked.alignment, unit) : unit;
    base_ = align_up(asked.base, alignment_);
    size_ = align_up(asked.size, alignment_);
    limit_ = align_down(asked.limit, alignment_);
    const std::uint64_t end = bytes_of(machine_, machine_.memblock.memory().end);
    if (limit_ == 0 || limit_ > end) limit_ = end;
    fixed_ = base_ != 0 && (asked.fixed || machine_.release() < Release::v3_17);
  }

  void explain();
  // Explains the place that it got.
  void explain_place(const PfnRange& place);

 private:
  void add_wanted();
  void add_remedies();
  std::string limits() const;
  // A range that was searched for free memory: from its end downwards, or from its start upwards.
  struct Searched {
    PfnRange range;
    bool upwards = false;
  };
  std::vector<Searched> searched(const PfnRange& place) const;
  void add_passed(const Searched& where, const PfnRange& place);
  std::string invalid() const;
  std::string across_border() const;
  std::string place_invalid() const;
  std::uint64_t highmem() const;
  void taken();
  void no_memory();
  void add_beyond_limit();
  std::string end_of_run(const PfnRange& range) const;

  const World& world_;
  const Machine& machine_;
  const DeclareRequest& asked_;
  Answer& answer_;
  std::uint64_t alignment_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t limit_ = 0;
  bool fixed_ = false;
};

std::string no_slot(const Machine& machine) {
  std::string names;
  for (AreaId id = 0; id < machine.areas.size(); ++id) names += (id == 0 ? "" : ", ") + machine.areas.area(id).name;
  return fmt::format("the kernel has room for {} areas (MAX_CMA_AREAS) and has them all: {}",
                     machine.geometry().max_areas, names);
}

// Returns the address at which high memory begins; the end of memory without any.
std::uint64_t Declared::highmem() const {
  for (std::size_t zone = 0; zone < machine_.buddy.zones(); ++zone)
    if (machine_.buddy.zone_name(zone) == "HighMem") return bytes_of(machine_, machine_.buddy.zone(zone).range.start);
  return bytes_of(machine_, machine_.memblock.memory().end);
}

// Returns that the area would have lain on both sides of the address at which high memory begins. A kernel without any
// takes the end of memory for it.
std::string Declared::across_border() const {
  const std::uint64_t border = highmem();
  if (border != bytes_of(machine_, machine_.memblock.memory().end))
    return fmt::format("[{:#x}, {:#x}) would lie in low and in high memory, which meet at {:#x}", base_, base_ + size_,
                       border);
  return fmt::format(
      "it ends at {:#x}, {} beyond the end of memory, {:#x} (the kernel's line calls that the "
      "low/high memory boundary)",
      base_ + size_, size_text(base_ + size_ - border), border);
}

// Returns which rule about the place of a fixed area is broken.
std::string Declared::place_invalid() const {
  const bool checks = machine_.release() >= Release::v4_19;
  if (checks && fixed_ && !is_aligned(asked_.base, alignment_))
    return no_multiple_text("base", asked_.base, alignment_, /*zero_does=*/true);
  if (!is_aligned(size_ >> machine_.geometry().page_shift(), order_pages(asked_.order_per_bit)))
    return fmt::format("size {} is not a whole number of bits of 2^{} pages", size_text(size_), asked_.order_per_bit);
  if (fixed_ && base_ < highmem() && base_ + size_ > highmem()) return across_border();
  if (checks && (base_ + size_ > limit_ || base_ + size_ < base_))
    return fmt::format("[{:#x}, {:#x}) ends after the limit {:#x}", base_, base_ + size_, limit_);
  return "its place cannot be an area";
}

std::string Declared::invalid() const {
  if (asked_.size == 0) return "size 0";
  if (machine_.release() < Release::v3_17) return "the range cannot be an area";
  if (asked_.order_per_bit >= 64) return fmt::format("order_per_bit {} is not below 64", asked_.order_per_bit);
  if (asked_.alignment != 0 && !is_power_of_two(asked_.alignment))
    return fmt::format("alignment {:#x} is no power of two", asked_.alignment);
  const std::string place = place_invalid();
  const std::uint64_t unit = machine_.geometry().isolation_unit();
  if (place == "its place cannot be an area" && !is_aligned(unit, order_pages(asked_.order_per_bit)))
    return fmt::format("a bit of 2^{} pages is larger than the unit of {} pages", asked_.order_per_bit, unit);
  return place;
}

// Returns the name of what has a reserved range.
std::string reserver(const World& world, const PfnRange& range) {
  const Areas& areas = world.machine().areas;
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  for (AreaId id = 0; id < areas.size(); ++id)
    if (PfnRange{areas.area(id).base, areas.area(id).base + areas.area(id).pages}.overlaps(range))
      add("area " + areas.area(id).name);
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const auto* reserve = std::get_if<Reserve>(&world.program().ops[slot].body);
    if (reserve == nullptr || world.result(slot).state != Result::State::done) continue;
    if (PfnRange{reserve->base, reserve->base + reserve->pages}.overlaps(range))
      add(name_or_text(world.program(), slot));
  }
  return names.empty() ? "boot" : names;
}

// Explains that a fixed place is reserved.
void Declared::taken() {
  const PfnRange wanted{base_ >> machine_.geometry().page_shift(), (base_ + size_) >> machine_.geometry().page_shift()};
  answer_.brief = fmt::format("{} is not free: a part of it is reserved already", range_text(machine_, wanted));
  if (base_ + size_ < base_) answer_.brief = "base and size together are more than an address can hold";
  for (const PfnRange& reserved : machine_.memblock.reserved()) {
    if (!reserved.overlaps(wanted)) continue;
    const PfnRange common{std::max(reserved.start, wanted.start), std::min(reserved.end, wanted.end)};
    answer_.add(About::held, fmt::format("{} by {}", range_text(machine_, common), reserver(world_, common)),
                {{"start", bytes_of(machine_, common.start)},
                 {"end", bytes_of(machine_, common.end)},
                 {"name", reserver(world_, common)}});
  }
}

// Adds where the area would lie if no limit were asked for.
void Declared::add_beyond_limit() {
  DeclareRequest unlimited = asked_;
  unlimited.limit = 0;
  const std::optional<PfnRange> place = asked_.limit == 0 ? std::nullopt : machine_.areas.boot().place_of(unlimited);
  if (place)
    answer_.add(About::would, fmt::format("fit without the limit, at {}", range_text(machine_, *place)),
                {{"start", bytes_of(machine_, place->start)}});
}

// Returns what ends a free range, if it is neither the limit nor something that is reserved.
std::string Declared::end_of_run(const PfnRange& range) const {
  const PfnRange& memory = machine_.memblock.memory();
  if (range.end == memory.end) return ", up to the end of memory";
  if (bytes_of(machine_, range.end) == limit_) return ", up to the limit";
  for (const PfnRange& hole : machine_.geometry().holes)
    if (hole.start == range.end)
      return fmt::format(", where there is no memory up to {:#x}", bytes_of(machine_, hole.end));
  return "";
}

// Explains that no free range is long enough: lists those there are, within the limits and cut where
// high memory begins.
void Declared::no_memory() {
  struct Room {
    PfnRange range;
    std::uint64_t counts = 0;  // bytes, from an aligned address on
  };
  std::vector<Room> rooms;
  const Pfn border = highmem() >> machine_.geometry().page_shift();
  const Pfn low = base_ >> machine_.geometry().page_shift();
  const Pfn high = limit_ >> machine_.geometry().page_shift();
  const auto add = [&](Pfn start, Pfn end) {
    start = std::max(start, low);
    end = std::min(end, high);
    if (start >= end) return;
    // Boot gives nothing away from the first page of all.
    const std::uint64_t first = align_up(bytes_of(machine_, std::max(start, Pfn{1})), alignment_);
    rooms.push_back({{start, end}, bytes_of(machine_, end) > first ? bytes_of(machine_, end) - first : 0});
  };
  for (const PfnRange& range : machine_.memblock.free_ranges()) {
    add(range.start, std::min(range.end, std::max(range.start, border)));
    add(std::max(range.start, std::min(range.end, border)), range.end);
  }
  std::ranges::sort(rooms, [](const Room& a, const Room& b) {
    return std::tie(b.counts, a.range.start) < std::tie(a.counts, b.range.start);
  });
  const std::uint64_t most = rooms.empty() ? 0 : rooms.front().counts;
  const std::string within = fmt::format("from {:#x} up to the limit {:#x}", base_, limit_);
  answer_.brief = fmt::format("no free range of {} {}; the longest has {} after alignment: {} short", size_text(size_),
                              within, size_text(most), size_text(size_ - std::min(size_, most)));
  DeclareRequest smaller = asked_;
  smaller.size = align_down(most, alignment_);
  if (smaller.size != 0 && machine_.areas.boot().place_of(smaller))
    answer_.add(About::would, fmt::format("fit with {} at most", size_text(smaller.size)), {{"size", smaller.size}});
  add_beyond_limit();
  for (std::size_t i = 0; i < std::min(rooms.size(), kListed); ++i)
    answer_.add(About::run,
                fmt::format("{} free, {} of them after alignment{}", range_text(machine_, rooms[i].range),
                            size_text(rooms[i].counts), end_of_run(rooms[i].range)),
                {{"start", bytes_of(machine_, rooms[i].range.start)},
                 {"end", bytes_of(machine_, rooms[i].range.end)},
                 {"counts", rooms[i].counts}});
  for (const PfnRange& reserved : machine_.memblock.reserved()) {
    const std::string name = reserver(world_, reserved);
    answer_.add(
        About::held, fmt::format("{} by {}", range_text(machine_, reserved), name),
        {{"start", bytes_of(machine_, reserved.start)}, {"end", bytes_of(machine_, reserved.end)}, {"name", name}});
  }
}

// Adds a smaller size and another place with which the declaration would succeed; each is tried on copies.
void Declared::add_remedies() {
  const std::uint64_t highest = base_ < highmem() ? std::min(limit_, highmem()) : limit_;
  DeclareRequest smaller = asked_;
  smaller.size = fixed_ && highest > base_ ? align_down(highest - base_, alignment_) : 0;
  if (smaller.size != 0 && smaller.size < size_ && machine_.areas.boot().place_of(smaller))
    answer_.add(About::would, fmt::format("fit there with {} at most", size_text(smaller.size)),
                {{"size", smaller.size}});
  DeclareRequest anywhere = asked_;
  anywhere.base = 0;
  anywhere.fixed = false;
  const std::optional<PfnRange> place = fixed_ ? machine_.areas.boot().place_of(anywhere) : std::nullopt;
  if (place)
    answer_.add(About::would, fmt::format("fit without a base, at {}", range_text(machine_, *place)),
                {{"base", bytes_of(machine_, place->start)}});
}

// Returns the limit, and where it comes from if it is not the one that was asked for.
std::string Declared::limits() const {
  const std::uint64_t end = bytes_of(machine_, machine_.memblock.memory().end);
  std::string text = fmt::format("below {:#x}", limit_);
  if (asked_.limit == 0) return text + " (the end of memory: no limit is asked for)";
  if (asked_.limit < alignment_)
    return text + fmt::format(" (the end of memory: limit {:#x} rounds down to 0, which means none)", asked_.limit);
  if (limit_ == end && asked_.limit > end) return text + " (the end of memory)";
  return limit_ == asked_.limit ? text : text + fmt::format(" (limit {:#x} rounded down)", asked_.limit);
}

void Declared::add_wanted() {
  std::string text = size_text(asked_.size);
  if (size_ != asked_.size) text = fmt::format("{} (rounded up from {})", size_text(size_), text);
  text += " aligned to " + size_text(alignment_);
  if (asked_.base != 0) text += fmt::format(", {} {:#x}", fixed_ ? "at" : "from", asked_.base);
  // A base that was refused for its alignment was never rounded.
  if (asked_.base != 0 && base_ != asked_.base && answer_.error != -kEINVAL)
    text += fmt::format(" (rounded up to {:#x})", base_);
  answer_.add(About::wanted, text + ", " + limits(),
              {{"size", size_}, {"alignment", alignment_}, {"base", asked_.base}, {"limit", limit_}});
}

// Returns the ranges that were searched, in their order; the area lies in the last one.
std::vector<Declared::Searched> Declared::searched(const PfnRange& place) const {
  const unsigned shift = machine_.geometry().page_shift();
  const Pfn low = base_ >> shift;
  const Pfn border = highmem() >> shift;
  Pfn high = limit_ >> shift;
  const Pfn four_gib = (std::uint64_t{4} << 30) >> shift;
  const bool reaches_beyond =
      machine_.release() >= Release::v5_12 && machine_.memblock.memory().end >= four_gib + place.pages();
  std::vector<Searched> ranges;
  // Returns whether the area lies in the range that is searched next.
  const auto search = [&](const Searched& where) {
    ranges.push_back(where);
    return where.range.start <= place.start && place.end <= where.range.end;
  };
  const auto search_beyond = [&] { return high > four_gib && search({{four_gib, high}, /*upwards=*/true}); };
  if (reaches_beyond && machine_.release() >= Release::v6_6 && search_beyond()) return ranges;
  if (low < border && high > border) {
    if (search({{border, high}})) return ranges;
    high = border;
  }
  if (reaches_beyond && machine_.release() < Release::v6_6 && search_beyond()) return ranges;
  ranges.push_back({{low, high}});
  return ranges;
}

// Adds what has the memory that the search went past before it came to `place`, or in which it found none.
void Declared::add_passed(const Searched& where, const PfnRange& place) {
  const bool found = where.range.start <= place.start && place.end <= where.range.end;
  PfnRange passed = where.range;
  if (found && where.upwards) passed.end = place.start;
  if (found && !where.upwards) passed.start = place.end;
  if (!found)
    answer_.add(About::run, fmt::format("{} was searched first, and no {} in a row are free there",
                                        range_text(machine_, passed), size_text(size_)));
  std::size_t listed = 0;
  const auto add = [&](const PfnRange& range) {
    const PfnRange common{std::max(range.start, passed.start), std::min(range.end, passed.end)};
    if (common.start >= common.end || listed++ >= kListed) return;
    const std::string name = reserver(world_, common);
    answer_.add(About::held, fmt::format("{} by {}", range_text(machine_, common), name),
                {{"start", bytes_of(machine_, common.start)}, {"end", bytes_of(machine_, common.end)}, {"name", name}});
  };
  // Reserved ranges that touch are one: the area itself is cut out.
  for (const PfnRange& reserved : machine_.memblock.reserved()) {
    add({reserved.start, std::min(reserved.end, std::max(place.start, reserved.start))});
    add({std::max(reserved.start, std::min(place.end, reserved.end)), reserved.end});
  }
  for (const PfnRange& free : machine_.memblock.free_ranges()) {
    const PfnRange common{std::max(free.start, passed.start), std::min(free.end, passed.end)};
    if (found && common.start < common.end)
      answer_.add(About::run, fmt::format("{} is free, and too short after alignment", range_text(machine_, common)));
  }
}

void Declared::explain_place(const PfnRange& place) {
  const std::string where =
      fmt::format("{} at {}", size_text(bytes_of(machine_, place.pages())), range_text(machine_, place));
  if (fixed_) {
    answer_.brief = where + ", the place that was asked for, which was free";
    add_wanted();
    return;
  }
  const std::vector<Searched> ranges = searched(place);
  answer_.brief = fmt::format("{}, the {} free place in {}", where, ranges.back().upwards ? "lowest" : "highest",
                              range_text(machine_, ranges.back().range));
  if (ranges.back().upwards) answer_.brief += ": this release looks from 4 GiB on first, upwards";
  add_wanted();
  const std::uint64_t border = highmem();
  if (border != bytes_of(machine_, machine_.memblock.memory().end) && bytes_of(machine_, place.end) <= border)
    answer_.add(About::found, fmt::format("high memory from {:#x} on{}", border,
                                          limit_ <= border ? ", which the limit leaves out"
                                                           : ": an area lies in low or in high memory, not in both"));
  for (const Searched& range : ranges) add_passed(range, place);
}

void Declared::explain() {
  add_wanted();
  if (answer_.error == -kENOSPC) {
    answer_.brief = no_slot(machine_);
  } else if (answer_.error == -kEINVAL) {
    answer_.brief = invalid();
    add_remedies();
  } else if (fixed_) {
    taken();
    add_remedies();
  } else {
    no_memory();
  }
}

// The page that breaks the rule that an area lies in one zone.
struct OutsideZone {
  Pfn pfn = kNoPfn;
  std::string why;
};

// Returns the first page that breaks it; nullopt if none does.
std::optional<OutsideZone> outside_zone(const Machine& machine, const PfnRange& range) {
  const auto zone_of = [&](Pfn pfn) { return machine.buddy.zone_title(machine.map.page(pfn).zone); };
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    if (!machine.map.present(pfn))
      return OutsideZone{pfn, fmt::format("page {:#x} does not exist: an area must have no hole", pfn)};
    if (machine.map.page(pfn).zone != machine.map.page(range.start).zone)
      return OutsideZone{
          pfn,
          fmt::format("its pages from {:#x} on lie in zone {}, those before in zone {}: an area must lie in one zone",
                      pfn, zone_of(pfn), zone_of(range.start))};
  }
  return std::nullopt;
}

// Returns why the activation of this area itself failed; empty if it did not fail.
std::string failed_by_itself(const Machine& machine, AreaId id, const std::vector<PfnRange>& declared) {
  if (machine.areas.area(id).fail_bitmap) return "its bitmap could not be allocated";
  if (id >= declared.size()) return {};
  const std::optional<OutsideZone> outside = outside_zone(machine, declared[id]);
  return outside ? outside->why : std::string();
}

// Adds where an area that does not lie in one zone would have had to end.
void add_end_in_zone(const Machine& machine, const PfnRange& range, Answer& answer) {
  const std::optional<OutsideZone> outside = outside_zone(machine, range);
  if (!outside) return;
  const Pfn end = align_down(outside->pfn, machine.geometry().isolation_unit());
  if (end <= range.start) return;
  answer.add(
      About::would,
      fmt::format("be active if it ended at page {:#x} ({})", end, size_text(bytes_of(machine, end - range.start))),
      {{"end", end}, {"pages", end - range.start}});
}

// Returns what became of the memory of an area that failed to be activated.
std::string memory_left(const Machine& machine, const PfnRange& range) {
  if (machine.release() >= Release::v5_12)
    return fmt::format("its {} are ordinary memory now", plural(range.pages(), "page"));
  std::uint64_t converted = 0;
  for (Pfn pfn = range.start; pfn < range.end; ++pfn)
    if (machine.map.present(pfn) && machine.map.pageblock_type(pfn) == Migratetype::cma) ++converted;
  return fmt::format(
      "{} of its {} were given to the allocator as CMA before that, for movable requests only; the "
      "others stay reserved",
      converted, plural(range.pages(), "page"));
}

// Returns that the unit of areas is that of the release, and what it is in others.
std::string unit_of_release(const Machine& machine) {
  const std::string other = other_unit_text(machine.geometry());
  return other.empty() ? "the unit of areas" : "the unit of this release; " + other;
}

}  // namespace

void explain_declaration(const World& world, const DeclareRequest& asked, Answer& answer) {
  Declared(world, asked, answer).explain();
}

void explain_declared(const World& world, const DeclareRequest& asked, Answer& answer) {
  const Area& area = world.machine().areas.area(world.result(answer.op).area);
  explain_place(world, asked, {area.base, area.base + area.pages}, answer);
}

void explain_place(const World& world, const DeclareRequest& asked, const PfnRange& place, Answer& answer) {
  Declared(world, asked, answer).explain_place(place);
}

void explain_reserved_place(const World& world, std::uint64_t base, std::uint64_t size, Answer& answer) {
  const Machine& machine = world.machine();
  const std::uint64_t unit = bytes_of(machine, machine.geometry().isolation_unit());
  answer.brief =
      fmt::format("{} at [{:#x}, {:#x}), memory that was reserved before", size_text(size), base, base + size);
  answer.add(About::found,
             fmt::format("both ends at multiples of {} ({}): {} and {} of them; its size need not be a power of two",
                         size_text(unit), unit_of_release(machine), base / unit, (base + size) / unit),
             {{"base", base}, {"size", size}, {"unit", unit}});
}

void explain_reserved_area(const World& world, std::uint64_t base, std::uint64_t size, unsigned order_per_bit,
                           Answer& answer) {
  const Machine& machine = world.machine();
  const std::uint64_t unit = machine.geometry().isolation_unit();
  answer.add(About::wanted,
             fmt::format("[{:#x}, {:#x}), both ends at multiples of {} ({}), reserved before", base, base + size,
                         size_text(bytes_of(machine, unit)), unit_of_release(machine)),
             {{"base", base}, {"size", size}, {"unit", bytes_of(machine, unit)}});
  const PfnRange range{base >> machine.geometry().page_shift(), (base + size) >> machine.geometry().page_shift()};
  if (answer.error == -kENOSPC) {
    answer.brief = no_slot(machine);
  } else if (size == 0 || base + size < base || range.start == range.end) {
    answer.brief = size == 0 ? "size 0" : "base and size make no range of pages";
  } else if (!machine.memblock.is_region_reserved(range)) {
    Pfn pfn = range.start;
    while (pfn < range.end && machine.memblock.is_region_reserved({pfn, pfn + 1})) ++pfn;
    answer.brief = fmt::format("memory from {:#x} on is not reserved", bytes_of(machine, pfn));
  } else if (order_per_bit >= 64 || !is_aligned(unit, order_pages(order_per_bit))) {
    answer.brief = fmt::format("a bit of 2^{} pages does not divide the unit of {} pages", order_per_bit, unit);
  } else if (!is_aligned(base, bytes_of(machine, unit))) {
    answer.brief = no_multiple_text("base", base, bytes_of(machine, unit), /*zero_does=*/true);
  } else {
    answer.brief = no_multiple_text("size", size, bytes_of(machine, unit), /*zero_does=*/false);
  }
}

void explain_inactive_area(const Machine& machine, AreaId id, const std::vector<PfnRange>& declared, Answer& answer) {
  const std::string& name = machine.areas.area(id).name;
  const auto add = [&](std::string text) { answer.add(About::area, std::move(text), {{"area", name}}); };
  const std::string own = failed_by_itself(machine, id, declared);
  if (!own.empty()) {
    add(fmt::format("{} could not be activated: {}", name, own));
    if (id >= declared.size()) return;
    add(fmt::format("{}: {}", name, memory_left(machine, declared[id])));
    if (!machine.areas.area(id).fail_bitmap) add_end_in_zone(machine, declared[id], answer);
    return;
  }
  // From 3.17 to 5.8 the first failure ends the initcall.
  for (AreaId earlier = 0; earlier < id; ++earlier) {
    const std::string failed = failed_by_itself(machine, earlier, declared);
    if (failed.empty()) continue;
    const std::string& first = machine.areas.area(earlier).name;
    const bool above = std::ranges::any_of(answer.evidence, [&](const Evidence& evidence) {
      return evidence.text.starts_with(first + " could not be activated: ");
    });
    add(
        fmt::format("{} was never activated: this release ends at the first area that fails, which is {}{}; since 5.9 "
                    "the kernel goes on to the other areas",
                    name, first, above ? std::string(" (above)") : ": " + failed));
    return;
  }
  add(name + " is not active");
}

}  // namespace cma
