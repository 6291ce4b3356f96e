// The types of the fields of operations, and how an operation shows its fields to a visitor.
//
// An operation is a small struct with a static member template that names each field once:
//
//   template <class Self, class Visitor>
//   static void fields(Self& self, Visitor& visit) {
//     visit.area(self.area);
//     visit.number(self.pages, {.name = "pages", .required = true, .scale = Scale::pages});
//     visit.flag(self.nowarn, "nowarn");
//   }
//
// Parser, printer, byte codec, generator, mutator and minimiser are visitors: a new operation needs no code in them.
// Fields without a name are positional, in the order of the text. A visitor has the members
//
//   area(AreaRef&)                      operand(OpRef&, OperandSpec)    place(Place&, PlaceSpec)
//   number(std::uint64_t&, NumberSpec)  flag(bool&, name)               choice(E&, ChoiceSpec)
//   text(std::string&, TextSpec)        actor(Performer&)
//
// where E is an enumeration whose value is the word's index. They are called in the order of fields(), and may change a
// value unless `Self` is const.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"
#include "allocator/engine/point.h"
#include "properties/program/op_info.h"

namespace cma {

// Identifier of an operation within its program. 0 is none: nothing can refer to the operation.
using OpId = std::uint16_t;
// Programs longer than this are refused.
inline constexpr std::size_t kMaxOps = 4096;
inline constexpr std::size_t kMaxActors = 16;

// The actor that performs an operation: either the built-in actor of a CPU (code = CPU number, 0-7; default CPU 0) or
// an actor of the program (code = kFirstActor + index).
struct Performer {
  static constexpr std::uint8_t kFirstActor = 8;
  std::uint8_t code = 0;
  static Performer on_cpu(int cpu) { return {static_cast<std::uint8_t>(cpu)}; }
  static Performer actor(std::size_t index) { return {static_cast<std::uint8_t>(kFirstActor + index)}; }
  bool is_actor() const { return code >= kFirstActor; }
  std::size_t index() const { return code - std::size_t{kFirstActor}; }
  friend bool operator==(const Performer&, const Performer&) = default;
};

// `until=POINT#n`: the operation is suspended the nth time that it passes the point.
struct Stop {
  Point point = Point::kCount;  // kCount: nowhere
  std::uint16_t nth = 1;
  bool wanted() const { return point != Point::kCount; }
  friend bool operator==(const Stop&, const Stop&) = default;
};

// The result of another operation, by its identifier.
struct OpRef {
  OpId id = 0;
  friend bool operator==(const OpRef&, const OpRef&) = default;
};

// An area: one of the machine, by its index there, or one that an operation declared, by that operation's identifier.
struct AreaRef {
  bool declared = false;
  std::uint16_t id = 0;
  friend bool operator==(const AreaRef&, const AreaRef&) = default;
};

// A page: a frame number, a page of an area, or a page of a result, which follows the data when that moves.
struct Place {
  enum class Kind : std::uint8_t { none, pfn, area, result };
  Kind kind = Kind::none;
  AreaRef area;
  OpRef result;
  std::uint64_t offset = 0;  // pages; the frame number itself for `pfn`
  static Place of_pfn(Pfn pfn) { return {Kind::pfn, {}, {}, pfn}; }
  static Place of_area(AreaRef area, std::uint64_t offset) { return {Kind::area, area, {}, offset}; }
  static Place of_result(OpRef result, std::uint64_t offset) { return {Kind::result, {}, result, offset}; }
  friend bool operator==(const Place&, const Place&) = default;
};

// What a number counts. The generator derives from it where interesting values lie, the printer the base.
enum class Scale : std::uint8_t { plain, pages, order, pfn, bytes, microseconds, times };

inline constexpr std::uint64_t kAnyNumber = ~std::uint64_t{0};

// How a number is written, and the values that it may have.
struct NumberSpec {
  std::string_view name = {};  // empty: positional
  bool required = false;       // otherwise left out of the text when equal to `fallback`
  std::uint64_t fallback = 0;
  std::uint64_t min = 0;
  std::uint64_t max = kAnyNumber;
  Scale scale = Scale::plain;
  std::string_view all = {};  // the word for the largest value, as in `times=all`
};

// How an operand is written, and which results fit it.
struct OperandSpec {
  std::string_view name = {};  // empty: positional
  // The kind of result required; an operation given another kind is skipped; `nothing` accepts any.
  Yields wanted = Yields::nothing;
  bool required = true;
};

// How a place is written, and which places fit.
struct PlaceSpec {
  std::string_view name = {};
  bool required = true;
  bool decimal = false;  // print a bare number in decimal: it is a count, not a frame number
  bool aligned = false;  // fails unless aligned to a huge page
};

// How a choice of one of a few words is written; the value is the word's index. Without a name the word stands alone.
// The name "." joins it to the operand before it, as in `b.failed`.
struct ChoiceSpec {
  std::string_view name = {};
  std::span<const std::string_view> words = {};
  bool required = true;  // otherwise value 0 is left out of the text
};

// How a text is written, and which texts are allowed.
struct TextSpec {
  std::string_view name = {};                    // empty: positional
  bool quoted = true;                            // otherwise a bare word is accepted, and printed if possible
  std::span<const std::string_view> words = {};  // those allowed; empty: any
};

}  // namespace cma
