#include "properties/explain/why_boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "allocator/base/error.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

// Ranges that are listed.
constexpr std::size_t kListed = 8;

std::uint64_t bytes_of(std::uint64_t pages) { return pages << kPageShift; }

// Returns "4 MiB", or KiB where it is no whole number of them.
std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  if (bytes % kMiB == 0) return fmt::format("{} MiB", bytes / kMiB);
  return bytes % 1024 == 0 ? fmt::format("{} KiB", bytes / 1024) : fmt::format("{} bytes", bytes);
}

std::string range_text(const PfnRange& range) {
  return fmt::format("[{:#x}, {:#x})", bytes_of(range.start), bytes_of(range.end));
}

// Returns how an address or a size misses a multiple of the unit.
std::string no_multiple(std::string_view what, std::uint64_t bytes, std::uint64_t unit) {
  return fmt::format("{} {:#x} is no multiple of {}; {:#x} and {:#x} are", what, bytes, size_text(unit),
                     align_down(bytes, unit), align_up(bytes, unit));
}

// A declaration, rounded as the kernel does it.
class Declared {
 public:
  Declared(const World& world, const DeclareRequest& asked, Answer& answer)
      : world_(world), machine_(world.machine()), asked_(asked), answer_(answer) {
    const std::uint64_t unit = bytes_of(machine_.geometry().isolation_unit());
    const bool power = asked.alignment != 0 && is_power_of_two(asked.alignment);
    alignment_ = power && machine_.release() >= Release::v3_17 ? std::max(asked.alignment, unit) : unit;
    base_ = align_up(asked.base, alignment_);
    size_ = align_up(asked.size, alignment_);
    limit_ = align_down(asked.limit, alignment_);
    const std::uint64_t end = bytes_of(machine_.memblock.memory().end);
    if (limit_ == 0 || limit_ > end) limit_ = end;
    fixed_ = base_ != 0 && (asked.fixed || machine_.release() < Release::v3_17);
  }

  void explain();

 private:
  std::string invalid() const;
  std::string place_invalid() const;
  std::uint64_t highmem() const;
  void taken();
  void no_memory();

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
    if (machine_.buddy.zone_name(zone) == "HighMem") return bytes_of(machine_.buddy.zone(zone).range.start);
  return bytes_of(machine_.memblock.memory().end);
}

// Returns which rule about the place of a fixed area is broken.
std::string Declared::place_invalid() const {
  const bool checks = machine_.release() >= Release::v4_19;
  if (checks && fixed_ && !is_aligned(asked_.base, alignment_)) return no_multiple("base", asked_.base, alignment_);
  if (!is_aligned(size_ >> kPageShift, order_pages(asked_.order_per_bit)))
    return fmt::format("size {} is not a whole number of bits of 2^{} pages", size_text(size_), asked_.order_per_bit);
  if (fixed_ && base_ < highmem() && base_ + size_ > highmem())
    return fmt::format(
        "[{:#x}, {:#x}) would lie in low and in high memory, which meet at {:#x}{}", base_, base_ + size_, highmem(),
        highmem() == bytes_of(machine_.memblock.memory().end) ? " (the end of memory: there is no high memory)" : "");
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
  const PfnRange wanted{base_ >> kPageShift, (base_ + size_) >> kPageShift};
  answer_.brief = fmt::format("{} is not free: a part of it is reserved already", range_text(wanted));
  if (base_ + size_ < base_) answer_.brief = "base and size together are more than an address can hold";
  for (const PfnRange& reserved : machine_.memblock.reserved()) {
    if (!reserved.overlaps(wanted)) continue;
    const PfnRange common{std::max(reserved.start, wanted.start), std::min(reserved.end, wanted.end)};
    answer_.add(About::held, fmt::format("{} by {}", range_text(common), reserver(world_, common)),
                {{"start", bytes_of(common.start)}, {"end", bytes_of(common.end)}, {"name", reserver(world_, common)}});
  }
}

// Explains that no free range is long enough: lists those there are, within the limits and cut where
// high memory begins.
void Declared::no_memory() {
  struct Room {
    PfnRange range;
    std::uint64_t counts = 0;  // bytes, from an aligned address on
  };
  std::vector<Room> rooms;
  const Pfn border = highmem() >> kPageShift;
  const Pfn low = base_ >> kPageShift;
  const Pfn high = limit_ >> kPageShift;
  const auto add = [&](Pfn start, Pfn end) {
    start = std::max(start, low);
    end = std::min(end, high);
    if (start >= end) return;
    const std::uint64_t first = align_up(bytes_of(start), alignment_);
    rooms.push_back({{start, end}, bytes_of(end) > first ? bytes_of(end) - first : 0});
  };
  for (const PfnRange& range : machine_.memblock.free_ranges()) {
    add(range.start, std::min(range.end, std::max(range.start, border)));
    add(std::max(range.start, std::min(range.end, border)), range.end);
  }
  std::ranges::sort(rooms, [](const Room& a, const Room& b) {
    return std::tie(b.counts, a.range.start) < std::tie(a.counts, b.range.start);
  });
  const std::uint64_t most = rooms.empty() ? 0 : rooms.front().counts;
  const std::string limits = fmt::format("from {:#x} up to the limit {:#x}", base_, limit_);
  answer_.brief = fmt::format("no free range of {} {}; the longest has {} after alignment: {} short", size_text(size_),
                              limits, size_text(most), size_text(size_ - std::min(size_, most)));
  for (std::size_t i = 0; i < std::min(rooms.size(), kListed); ++i)
    answer_.add(
        About::run,
        fmt::format("{} free, {} of them after alignment", range_text(rooms[i].range), size_text(rooms[i].counts)),
        {{"start", bytes_of(rooms[i].range.start)},
         {"end", bytes_of(rooms[i].range.end)},
         {"counts", rooms[i].counts}});
  for (const PfnRange& reserved : machine_.memblock.reserved()) {
    const std::string name = reserver(world_, reserved);
    answer_.add(About::held, fmt::format("{} by {}", range_text(reserved), name),
                {{"start", bytes_of(reserved.start)}, {"end", bytes_of(reserved.end)}, {"name", name}});
  }
}

void Declared::explain() {
  answer_.add(About::wanted,
              fmt::format("{}{} aligned to {}{}, below {:#x}", size_text(size_),
                          size_ == asked_.size ? "" : fmt::format(" (rounded up from {})", size_text(asked_.size)),
                          size_text(alignment_),
                          base_ == 0 ? "" : fmt::format(", {} {:#x}", fixed_ ? "at" : "from", base_), limit_),
              {{"size", size_}, {"alignment", alignment_}, {"base", base_}, {"limit", limit_}});
  if (answer_.error == -kENOSPC)
    answer_.brief = no_slot(machine_);
  else if (answer_.error == -kEINVAL)
    answer_.brief = invalid();
  else if (fixed_)
    taken();
  else
    no_memory();
}

// Returns which page breaks the rule that an area lies in one zone, and how; empty if none does.
std::string outside_zone(const Machine& machine, const PfnRange& range) {
  const auto zone_of = [&](Pfn pfn) { return machine.buddy.zone_name(machine.map.page(pfn).zone); };
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    if (!machine.map.present(pfn)) return fmt::format("page {:#x} does not exist: an area must have no hole", pfn);
    if (machine.map.page(pfn).zone != machine.map.page(range.start).zone)
      return fmt::format(
          "its pages from {:#x} on lie in zone {}, those before in zone {}: an area must lie in one zone", pfn,
          zone_of(pfn), zone_of(range.start));
  }
  return {};
}

// Returns why the activation of this area itself failed; empty if it did not fail.
std::string failed_by_itself(const Machine& machine, AreaId id, const std::vector<PfnRange>& declared) {
  if (machine.areas.area(id).fail_bitmap) return "its bitmap could not be allocated";
  return id < declared.size() ? outside_zone(machine, declared[id]) : std::string();
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

}  // namespace

void explain_declaration(const World& world, const DeclareRequest& asked, Answer& answer) {
  Declared(world, asked, answer).explain();
}

void explain_reserved_area(const World& world, std::uint64_t base, std::uint64_t size, unsigned order_per_bit,
                           Answer& answer) {
  const Machine& machine = world.machine();
  const std::uint64_t unit = machine.geometry().isolation_unit();
  answer.add(About::wanted,
             fmt::format("[{:#x}, {:#x}), both ends at multiples of {} (the unit of this release), reserved before",
                         base, base + size, size_text(bytes_of(unit))),
             {{"base", base}, {"size", size}, {"unit", bytes_of(unit)}});
  const PfnRange range{base >> kPageShift, (base + size) >> kPageShift};
  if (answer.error == -kENOSPC) {
    answer.brief = no_slot(machine);
  } else if (size == 0 || base + size < base || range.start == range.end) {
    answer.brief = size == 0 ? "size 0" : "base and size make no range of pages";
  } else if (!machine.memblock.is_region_reserved(range)) {
    Pfn pfn = range.start;
    while (pfn < range.end && machine.memblock.is_region_reserved({pfn, pfn + 1})) ++pfn;
    answer.brief = fmt::format("memory from {:#x} on is not reserved", bytes_of(pfn));
  } else if (order_per_bit >= 64 || !is_aligned(unit, order_pages(order_per_bit))) {
    answer.brief = fmt::format("a bit of 2^{} pages does not divide the unit of {} pages", order_per_bit, unit);
  } else if (!is_aligned(base, bytes_of(unit))) {
    answer.brief = no_multiple("base", base, bytes_of(unit));
  } else {
    answer.brief = no_multiple("size", size, bytes_of(unit));
  }
}

void explain_inactive_area(const Machine& machine, AreaId id, const std::vector<PfnRange>& declared, Answer& answer) {
  const std::string& name = machine.areas.area(id).name;
  const auto add = [&](std::string text) { answer.add(About::area, std::move(text), {{"area", name}}); };
  const std::string own = failed_by_itself(machine, id, declared);
  if (!own.empty()) {
    add(fmt::format("{} could not be activated: {}", name, own));
    if (id < declared.size()) add(fmt::format("{}: {}", name, memory_left(machine, declared[id])));
    return;
  }
  // From 3.17 to 5.8 the first failure ends the initcall.
  for (AreaId earlier = 0; earlier < id; ++earlier) {
    const std::string failed = failed_by_itself(machine, earlier, declared);
    if (failed.empty()) continue;
    add(fmt::format("{} was never activated: this release ends at the first area that fails, which is {}: {}", name,
                    machine.areas.area(earlier).name, failed));
    return;
  }
  add(name + " is not active");
}

}  // namespace cma
