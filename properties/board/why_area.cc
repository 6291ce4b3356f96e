#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/board/explainer.h"
#include "properties/board/words.h"
#include "properties/explain/names.h"
#include "properties/explain/region_rule.h"

namespace cma {
namespace {

// Returns where high memory begins; nullopt on a machine without.
std::optional<std::uint64_t> high_memory_of(const Machine& machine) {
  for (const ZoneSpec& zone : machine.geometry().effective_zones())
    if (zone.name == "HighMem") return bytes_of(machine, zone.range).start;
  return std::nullopt;
}

}  // namespace

// Returns which rule about places refused the declaration, in the kernel's order (cma_declare_contiguous_nid).
std::string Explainer::place_rule(const AreaAttempt& attempt) const {
  const DeclareRequest& request = attempt.request;
  const Machine& machine = run_.machine();
  const std::uint64_t unit = unit_of(machine);
  const std::uint64_t base = align_up(request.base, unit);
  const ByteRange wanted = range_from(base, align_up(request.size, unit));
  const std::uint64_t memory_end = bytes_of(machine, machine.memblock.memory()).end;
  if (wanted.size() == 0) return "its size is 0, rounded up to whole units";
  if (request.fixed && !is_aligned(request.base, unit))
    return fmt::format("the base {:#x} is no multiple of {}", request.base, size_text(unit));
  const std::optional<std::uint64_t> high = high_memory_of(machine);
  if (request.fixed && high && wanted.start < *high && wanted.end > *high)
    return fmt::format("{} would lie in low and in high memory, which meet at {:#x}", addresses_text(wanted), *high);
  if (wanted.end > memory_end && request.fixed) {
    // A kernel without high memory takes the end of memory for its border.
    const bool border = machine.release() >= Release::v3_18 && !high && wanted.start < memory_end;
    return fmt::format("{} ends after the end of memory, {:#x}{}", addresses_text(wanted), memory_end,
                       border ? " (the kernel's line calls that the low/high memory boundary)" : "");
  }
  const std::uint64_t limit = std::min(request.limit < unit ? memory_end : align_down(request.limit, unit), memory_end);
  if (wanted.start >= limit && limit < memory_end)
    return fmt::format("the range {} is empty", addresses_text({base, request.limit}));
  if (wanted.start >= limit) return fmt::format("there is no memory from {:#x} on", base);
  return fmt::format("{} from {:#x} on end after the limit, {:#x}", size_text(wanted.size()), base, limit);
}

// Returns the rule that refused the declaration.
std::string Explainer::attempt_rule(const AreaAttempt& attempt) const {
  const DeclareRequest& request = attempt.request;
  const std::string size = size_text(request.size);
  if (attempt.error == -kENOSPC) return no_slots_text(run_.machine().geometry());
  if (attempt.error == -kEBUSY) return fmt::format("{} at {:#x}: a part of it is reserved already", size, request.base);
  if (attempt.error != -kENOMEM) return place_rule(attempt);
  return request.node ? fmt::format("no place for {} on node {}", size, *request.node)
                      : fmt::format("no place for {}", size);
}

void Explainer::explain_attempt(const AreaAttempt& attempt) {
  const DeclareRequest& request = attempt.request;
  const bool is_default = request.name == "reserved";
  answers_.push_back({is_default ? "default area" : request.name, attempt_rule(attempt), {}, {}});
  if (attempt.error == -kENOSPC)
    return add_slot_remedy("area " + request.name, is_default ? Trials::Place(place_of_default) : nullptr);
  const ByteRange memory = bytes_of(run_.machine(), run_.machine().memblock.memory());
  ByteRange window{request.base, request.limit == 0 ? memory.end : request.limit};
  if (request.fixed) window = range_from(request.base, request.size);
  add_places(window, attempt.free_before, unit_of(run_.machine()));
  if (!is_default) return;
  add_attempt_remedies(attempt, window);
  if (answers_.back().remedies.empty())
    answers_.back().evidence.emplace_back("no cma= that was tried fits without a loss elsewhere");
}

void Explainer::add_attempt_remedies(const AreaAttempt& attempt, const ByteRange& window) {
  const DeclareRequest& request = attempt.request;
  const std::string& cmdline = run_.board().cmdline;
  const auto with_cma = [&](const std::string& value) {
    return try_change(
        "with cma=" + value, "area " + request.name, [&](Board& b) { b.cmdline = with_word(cmdline, "cma", value); },
        place_of_default);
  };
  const std::uint64_t unit = unit_of(run_.machine());
  std::vector<ByteRange> rooms = attempt.free_before;
  // A fixed place is used from its base on.
  if (request.fixed) std::erase_if(rooms, [&](const ByteRange& room) { return room.start > window.start; });
  const std::uint64_t most = most_free(window, rooms, unit);
  std::string window_word;
  if (request.fixed) window_word = fmt::format("@{:#x}", request.base);
  if (!request.fixed && request.base != 0) window_word = fmt::format("@{:#x}-{:#x}", request.base, request.limit);
  if (most != 0 && most < request.size) with_cma(size_word(most) + window_word);
  if (window_word.empty()) return;
  if (request.size <= most_for_an_area(run_.machine())) with_cma(size_word(request.size));
  if (request.fixed && !is_aligned(request.base, unit)) {
    with_cma(size_word(request.size) + fmt::format("@{:#x}", align_down(request.base, unit)));
    with_cma(size_word(request.size) + fmt::format("@{:#x}", align_up(request.base, unit)));
  }
}

}  // namespace cma
