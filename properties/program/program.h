// A program: a machine, actors, and the operations that they perform. Nothing else decides what a run does: the same
// program gives the same trace everywhere.
//
// Made by the text form (text.h), the byte form (byte_form.h) and the generator; changed by mutators and the minimiser,
// which call settle() afterwards; performed by the interpreter. Plain data, copied and compared as a value.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/geometry.h"
#include "properties/program/op.h"

namespace cma {

struct ActorSpec {
  std::string name;
  int cpu = 0;
  friend bool operator==(const ActorSpec&, const ActorSpec&) = default;
};

// When laws are checked.
enum class Audit : std::uint8_t { ops, points };

struct Program {
  Geometry machine = default_small_geometry(Release::v6_1);
  Audit audit = Audit::ops;
  // The areas whose bitmap cannot be allocated: indices into machine.areas, ascending.
  std::vector<std::uint16_t> failing_bitmaps;
  std::vector<ActorSpec> actors;
  std::vector<Op> ops;
  // The names of identifiers that differ from the default ones.
  std::map<OpId, std::string> names;

  friend bool operator==(const Program&, const Program&) = default;

  // Returns the name of an operation's result; empty if it has no identifier.
  std::string name_of(const Op& op) const;
  // Returns the operation with this identifier; nullptr if there is none. Linear.
  const Op* find(OpId id) const;
  // Returns the smallest identifier that no operation has and no operand names.
  OpId unused_id() const;
  // Repairs a program that was put together by hand or changed by mutation. Afterwards identifiers are unique (the
  // first operation with one keeps it), names are unique, and performers and areas exist. Default names keep their
  // numbers; then identifiers that get a new default name, and last those with given names, get the smallest free
  // numbers in the order of the program. No operand names another operation than before. Both forms reproduce
  // settled programs.
  void settle();
};

inline constexpr std::size_t kMaxNameLength = 64;
// Returns whether areas, zones, actors and results may have the name: a letter or "_", then letters, digits and "_,-".
bool is_name(std::string_view text);
// Returns whether the text form needs the word where a result could be named.
bool is_reserved_word(std::string_view text, const OpInfo& info);
// Returns whether the word is a flag of an operation that names itself: it stands where the name could.
bool is_own_flag(std::string_view text);
// Returns whether it names the actor of a CPU: "cpu0" to "cpu7".
bool is_actor_word(std::string_view text);
// Returns the identifier whose default name this is, for kinds with that letter.
std::optional<OpId> default_id(std::string_view name, char letter);
// Returns the value, or the one in the field's range that it is mapped to.
std::uint64_t fold(std::uint64_t value, const NumberSpec& spec);

}  // namespace cma
