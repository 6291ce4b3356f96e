// A program: a machine, actors, and the operations they perform. The whole truth about a run: the same program gives
// the same trace, everywhere.
//
// Made by the text form (text.h), the byte form (byte_form.h) and the generator; changed by mutators and minimisers,
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
  // Areas (indices into machine.areas, ascending) whose bitmap cannot be allocated.
  std::vector<std::uint16_t> failing_bitmaps;
  std::vector<ActorSpec> actors;
  std::vector<Op> ops;
  // Names of identifiers that are not the default ones.
  std::map<OpId, std::string> names;

  friend bool operator==(const Program&, const Program&) = default;

  // The name of an operation's result; empty if it has no identifier.
  std::string name_of(const Op& op) const;
  // The operation with this identifier, nullptr if there is none. Linear.
  const Op* find(OpId id) const;
  // The smallest identifier that neither an operation has nor an operand names.
  OpId unused_id() const;
  // Makes what was put together by hand or mutation a program again, without binding any operand to another operation:
  // identifiers unique (the first operation with one keeps it), names unique, identifiers behind given names numbered
  // canonically, performers and areas ones that exist. Both forms give back settled programs unchanged.
  void settle();
};

inline constexpr std::size_t kMaxNameLength = 64;
// Letters, digits and "_,-", beginning with a letter or "_": names of areas, zones, actors and results.
bool is_name(std::string_view text);
// Words that the text form needs for itself where a result could be named.
bool is_reserved_word(std::string_view text);
// "cpu0" to "cpu7": the actors that CPUs have of their own.
bool is_actor_word(std::string_view text);
// The identifier whose default name this is, for kinds with that letter.
std::optional<OpId> default_id(std::string_view name, char letter);
// The value itself, or one in the field's range that it is mapped to.
std::uint64_t fold(std::uint64_t value, const NumberSpec& spec);

}  // namespace cma
