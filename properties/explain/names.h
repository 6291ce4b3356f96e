// What texts for people call the results and operations of a program. Used by the explanations of this folder. Cost:
// linear in the program; for output only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "properties/program/finding.h"
#include "properties/program/world.h"

namespace cma {

// Returns the name of an operation's result; "operation 3" if it has none.
std::string name_or_number(const Program& program, Slot slot);
// Returns the name of an operation's result; its text in backquotes if it has none.
std::string name_or_text(const Program& program, Slot slot);
// Returns whether the program can name the operation's result.
bool has_name(const Program& program, Slot slot);

// Returns the operation that an actor is inside; nullopt if it is inside none.
std::optional<Slot> operation_of(const World& world, ActorId actor);
// Returns the text of that operation; empty if it is inside none.
std::string text_of_operation(const World& world, ActorId actor);

// Returns the operations whose results have owned pages, by the owner of each page.
std::map<OwnerId, Slot> results_by_owner(const World& world);

// Returns in which releases a bug is: "in 3.19 to 4.12", "planted".
std::string shipped_text(const BugInfo& bug);
// Returns the same, and whether none of them is modelled: "in 4.10, between the modelled releases".
std::string presence_text(const BugInfo& bug);
// Returns where a finding was made: after which point, or between operations.
std::string place_text(const Finding& finding);
// Returns "1 page", "2 pages".
std::string plural(std::uint64_t count, std::string_view what);
// Returns "4 MiB", or KiB or bytes where it is no whole number of them.
std::string size_text(std::uint64_t bytes);
// Returns "[0x0, 0x1000)", which leaves its end out.
std::string addresses_text(const ByteRange& range);
// Returns "[0x0, 0x1000)": addresses from `base` on, whose end is left out, and is the largest address at the latest.
std::string addresses_text(std::uint64_t base, std::uint64_t size);
// Returns "page 0x200", "pages 0x200 to 0x23f". Requires: pages > 0.
std::string frames_text(Pfn first, std::uint64_t pages);
// Returns "bit 4", "bits 4 to 7". Requires: bits > 0.
std::string bits_text(std::uint64_t first, std::uint64_t bits);
// Returns how an address or a size in bytes misses a multiple of the unit, and the nearest that would do: "size
// 0x4c0000 is no multiple of 4 MiB; 0x400000 or 0x800000 is". `zero_does`: 0 is one. Requires: it is no multiple.
std::string no_multiple_text(std::string_view what, std::uint64_t bytes, std::uint64_t unit, bool zero_does);
// Returns how large the unit of areas is in the releases that have another one than this machine's, "2 MiB since 5.19";
// empty if none has.
std::string other_unit_text(const Geometry& geometry);

// Returns the first operation whose result `fits`; nullopt if none does.
template <class Fits>
std::optional<Slot> find_result(const World& world, Fits fits) {
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot)
    if (fits(world.result(slot))) return slot;
  return std::nullopt;
}

}  // namespace cma
