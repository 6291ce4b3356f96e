#include "properties/explain/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/assert.h"
#include "properties/program/text.h"

namespace cma {

std::string name_or_number(const Program& program, Slot slot) {
  return has_name(program, slot) ? program.name_of(program.ops[slot]) : fmt::format("operation {}", slot + 1);
}

std::string name_or_text(const Program& program, Slot slot) {
  const Op& op = program.ops[slot];
  return has_name(program, slot) ? program.name_of(op) : fmt::format("`{}`", print_op(program, op));
}

bool has_name(const Program& program, Slot slot) { return !program.name_of(program.ops[slot]).empty(); }

std::optional<Slot> operation_of(const World& world, ActorId actor) {
  if (world.machine().engine.look(actor).state == ActorState::idle) return std::nullopt;
  const Program& program = world.program();
  // The last one that it began. That may have failed and go on: a task that is killed ends its process.
  for (Slot slot = static_cast<Slot>(program.ops.size()); slot-- > 0;) {
    const Result::State state = world.result(slot).state;
    const bool begun = state != Result::State::not_performed && state != Result::State::skipped;
    const bool by_actor = info_of(program.ops[slot]).performed == Performed::by_actor;
    if (begun && by_actor && world.actor(program.ops[slot].performer) == actor) return slot;
  }
  return std::nullopt;
}

std::string text_of_operation(const World& world, ActorId actor) {
  const std::optional<Slot> slot = operation_of(world, actor);
  return slot ? print_op(world.program(), world.program().ops[*slot]) : std::string();
}

std::map<OwnerId, Slot> results_by_owner(const World& world) {
  std::map<OwnerId, Slot> slots;
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const Result& result = world.result(slot);
    if (result.yields != Yields::pages) continue;
    for (std::uint64_t i = 0; i < result.pages && result.first_owner + i < world.owner_of.size(); ++i)
      if (const OwnerId owner = world.owner_of[result.first_owner + i]; owner != 0) slots.emplace(owner, slot);
  }
  return slots;
}

namespace {

std::string text_of(const ReleaseRange& range) {
  if (!range.last) return fmt::format("since {}", name_of(range.first));
  if (range.first == *range.last) return fmt::format("in {}", name_of(range.first));
  return fmt::format("in {} to {}", name_of(range.first), name_of(*range.last));
}

}  // namespace

std::string shipped_text(const BugInfo& bug) {
  if (bug.planted()) return "planted";
  std::string text = text_of(*bug.present);
  if (bug.again) text += ", again " + text_of(*bug.again);
  for (const std::optional<Release>& series : bug.repaired)
    if (series) text += ", repaired in " + name_of(*series);
  return text;
}

std::string presence_text(const BugInfo& bug) {
  std::string text = shipped_text(bug);
  if (bug.planted()) return text;
  const auto shipped = [&](Release release) { return bug.shipped_in(release); };
  if (std::ranges::none_of(modelled_releases(), shipped)) text += ", between the modelled releases";
  return text;
}

std::string place_text(const Finding& finding) {
  const auto point = point_from_name(finding.point);
  if (point) return fmt::format("after {} in {}: {}", finding.point, info_of(*point).function, info_of(*point).why);
  const bool in_function = !finding.function.empty() && finding.law != Law::expect;
  return in_function ? "in " + finding.function : "between operations";
}

std::string plural(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  if (bytes % kMiB == 0) return fmt::format("{} MiB", bytes / kMiB);
  return bytes % 1024 == 0 ? fmt::format("{} KiB", bytes / 1024) : plural(bytes, "byte");
}

std::string addresses_text(const ByteRange& range) { return fmt::format("[{:#x}, {:#x})", range.start, range.end); }

std::string addresses_text(std::uint64_t base, std::uint64_t size) {
  return addresses_text({base, base + std::min(size, ~base)});
}

std::string frames_text(Pfn first, std::uint64_t pages) {
  if (pages == 1) return fmt::format("page {:#x}", first);
  return fmt::format("pages {:#x} to {:#x}", first, first + pages - 1);
}

std::string bits_text(std::uint64_t first, std::uint64_t bits) {
  return bits == 1 ? fmt::format("bit {}", first) : fmt::format("bits {} to {}", first, first + bits - 1);
}

std::string no_multiple_text(std::string_view what, std::uint64_t bytes, std::uint64_t unit, bool zero_does) {
  CMA_ASSERT(!is_aligned(bytes, unit));
  const std::uint64_t below = align_down(bytes, unit);
  const std::uint64_t above = align_up(bytes, unit);
  const std::string text = fmt::format("{} {:#x} is no multiple of {}", what, bytes, size_text(unit));
  if (below == 0 && !zero_does) return text + fmt::format("; the next is {:#x}", above);
  return text + fmt::format("; {:#x} or {:#x} is", below, above);
}

std::string other_unit_text(const Geometry& geometry) {
  const bool by_pageblock = geometry.release >= Release::v5_19;
  Geometry other = geometry;
  other.release = by_pageblock ? Release::v5_18 : Release::v5_19;
  if (other.isolation_unit() == geometry.isolation_unit()) return {};
  return fmt::format("{} {}", size_text(other.isolation_unit() << geometry.page_shift()),
                     by_pageblock ? "up to 5.18" : "since 5.19");
}

}  // namespace cma
