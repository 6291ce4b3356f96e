#include "properties/board/dangers.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/board/words.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

bool hands_out(const Holder& holder) {
  return (holder.kind == Holder::Kind::area || holder.kind == Holder::Kind::pool) && !holder.further;
}

// Returns whether it is dangerous that both have the same memory. `user` comes later, or is the only one of the two
// that hands memory out.
bool must_not_share(const Holder& user, const Holder& other) {
  if (hands_out(user)) return true;
  // Firmware is often named twice: in the header and by a node. But no device may have the kernel's own memory.
  return (user.kind == Holder::Kind::region || user.kind == Holder::Kind::unmapped) && other.kind == Holder::Kind::boot;
}

std::string about(const Holder& holder) {
  switch (holder.kind) {
    case Holder::Kind::area: return "area " + holder.name;
    case Holder::Kind::pool: return holder.name + ", a pool of coherent memory";
    case Holder::Kind::unmapped: return holder.name + ", not mapped";
    case Holder::Kind::region: return holder.name + ", reserved";
    case Holder::Kind::header: return "/memreserve/, kept for firmware";
    case Holder::Kind::boot: return "the kernel's own (--reserved)";
  }
  return "";
}

std::string what_sharing_does(const Holder& user) {
  if (user.kind == Holder::Kind::area)
    return "the kernel hands all of its memory to the page allocator, though a part is not its own alone, which no "
           "kernel checks";
  if (user.kind == Holder::Kind::pool)
    return "devices get buffers in memory that is not its own alone, which no kernel checks";
  return "it is reserved for a device or firmware, and lies over what the kernel has itself, which no kernel checks";
}

Danger danger_of(const Holder& holder, std::string what) {
  return {holder.name, std::move(what), {}, holder.node, holder.area, {}};
}

void add_shared(const std::vector<Holder>& all, std::size_t index, std::vector<Danger>& found) {
  const Holder& user = all[index];
  Danger danger = danger_of(user, what_sharing_does(user));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Holder& other = all[i];
    if (i == index || (hands_out(other) && i > index) || !must_not_share(user, other)) continue;
    const ByteRange common = common_part(user.range, other.range);
    if (common.size() == 0) continue;
    danger.evidence.push_back(fmt::format("{}: {}", addresses_text(common), about(other)));
    danger.others.push_back(other.range);
  }
  if (!danger.evidence.empty()) found.push_back(std::move(danger));
}

// Returns the ranges of memory, with holes cut out.
std::vector<ByteRange> memory_ranges(const Machine& machine) {
  std::vector<ByteRange> ranges;
  PfnRange rest = machine.memblock.memory();
  for (const PfnRange& hole : machine.geometry().holes) {
    if (rest.start < hole.start) ranges.push_back(bytes_of(machine, {rest.start, hole.start}));
    rest.start = hole.end;
  }
  if (rest.start < rest.end) ranges.push_back(bytes_of(machine, rest));
  return ranges;
}

// Adds an area that lies outside memory. (Activation notices holes inside it.)
void add_outside(const Machine& machine, const Holder& area, std::vector<Danger>& found) {
  if (area.kind != Holder::Kind::area) return;
  const ByteRange memory = bytes_of(machine, machine.memblock.memory());
  const ByteRange below = common_part(area.range, {0, memory.start});
  const ByteRange above = common_part(area.range, {memory.end, ~std::uint64_t{0}});
  Danger danger = danger_of(
      area, "a part of it is no memory, which no kernel checks: it follows descriptors of pages that do not exist");
  for (const ByteRange& range : {below, above})
    if (range.size() != 0) danger.evidence.push_back(addresses_text(range) + ": no memory");
  if (!danger.evidence.empty()) found.push_back(std::move(danger));
}

// Returns the names of regions whose memory was given back in this range.
std::string given_back_by(const BoardRun& run, const ByteRange& range) {
  std::string names;
  for (const ReservedRegion& region : regions_of(run))
    if (was_given_back(region) && common_part(range_from(region.base, region.size), range).size() != 0)
      names += (names.empty() ? "" : ", ") + run.board().tree.regions[region.node].name;
  return names;
}

// Adds a holder a part of whose memory is not reserved at the end of boot.
void add_given_back(const BoardRun& run, const Holder& holder, std::vector<Danger>& found) {
  const Machine& machine = run.machine();
  const std::vector<PfnRange> reserved = machine.memblock.reserved();
  Danger danger =
      danger_of(holder, "its memory was given back with another region, and the kernel uses it as any other");
  for (const ByteRange& memory : memory_ranges(machine)) {
    ByteRange left = common_part(holder.range, memory);
    const auto add = [&](const ByteRange& free) {
      const std::string names = given_back_by(run, free);
      if (free.size() != 0 && !names.empty())
        danger.evidence.push_back(fmt::format("{}: given back with {}", addresses_text(free), names));
    };
    for (const PfnRange& pages : reserved) {
      const ByteRange kept = common_part(left, bytes_of(machine, pages));
      if (kept.size() == 0) continue;
      add({left.start, kept.start});
      left.start = kept.end;
    }
    add(left);
  }
  if (!danger.evidence.empty()) found.push_back(std::move(danger));
}

}  // namespace

std::vector<Danger> dangers(const BoardRun& run) {
  std::vector<Danger> found;
  const std::vector<Holder> all = holders(run);
  for (std::size_t i = 0; i < all.size(); ++i) {
    add_outside(run.machine(), all[i], found);
    add_shared(all, i, found);
    add_given_back(run, all[i], found);
  }
  return found;
}

}  // namespace cma
