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
// Fields without a name are positional, in the order of the text. A visitor is any class that satisfies FieldVisitor
// below, passed to visit_fields() (op.h), which calls its members in the order of fields().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"
#include "properties/program/op_info.h"

namespace cma {

// Identifier of an operation within its program. 0 is none: nothing can refer to the operation.
using OpId = std::uint16_t;

// The actor that performs an operation: either the built-in actor of a CPU (code = CPU number, below kMaxCpus; default
// CPU 0) or an actor of the program (code = kFirstActor + index).
struct Performer {
  static constexpr std::uint8_t kFirstActor = kMaxCpus;
  std::uint8_t code = 0;
  static Performer on_cpu(int cpu) { return {static_cast<std::uint8_t>(cpu)}; }
  static Performer actor(std::size_t index) { return {static_cast<std::uint8_t>(kFirstActor + index)}; }
  bool is_actor() const { return code >= kFirstActor; }
  // Returns the index of an actor of the program. Requires: is_actor().
  std::size_t index() const { return code - std::size_t{kFirstActor}; }
  friend bool operator==(const Performer&, const Performer&) = default;
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
// A number of `gfp` is a set of allocation flags, written in the words of the kernel's source.
enum class Scale : std::uint8_t { plain, pages, order, pfn, bytes, microseconds, times, gfp };

inline constexpr std::uint64_t kAnyNumber = ~std::uint64_t{0};

// How a number is written, and the values that it may have.
struct NumberSpec {
  std::string_view name = {};  // empty: positional
  bool required = false;       // otherwise left out of the text when equal to `fallback`
  std::uint64_t fallback = 0;  // may lie outside [min, max]
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
  bool required = true;  // otherwise id 0 is left out of the text
};

// How a place is written, and which places fit.
struct PlaceSpec {
  std::string_view name = {};  // empty: positional
  bool required = true;        // otherwise Place::Kind::none is left out of the text
  bool decimal = false;        // a bare number is a count, not a frame number, and is printed in decimal
  bool aligned = false;  // a hint for the generator: the operation fails unless the place is aligned to a huge page
};

// How a choice of one of a few words is written; the value is the word's index.
struct ChoiceSpec {
  std::string_view name = {};  // empty: the word stands alone
  std::span<const std::string_view> words = {};
  bool required = true;  // otherwise value 0 is left out of the text
  bool joined = false;   // to the operand before it by a dot, as in `b.failed`: it has no name, and is always written,
                         // whatever `required`
};

// How a text is written, and which texts are allowed. A text is always required.
struct TextSpec {
  std::string_view name = {};                    // empty: positional
  bool quoted = true;                            // otherwise a bare word is accepted, and printed if possible
  std::span<const std::string_view> words = {};  // those allowed; empty: any
};

// A field as a visitor gets it: a constant if the operation is one.
template <class Field, bool kConst>
using ShownField = std::conditional_t<kConst, const Field&, Field&>;

// A class with a member for every type of field, which may change the value unless `kConst`. A choice is shown as the
// index of its word.
template <class Visitor, bool kConst>
concept FieldVisitor =
    requires(Visitor& visit, ShownField<AreaRef, kConst> area, ShownField<OpRef, kConst> operand,
             ShownField<Place, kConst> place, ShownField<std::uint64_t, kConst> number, ShownField<bool, kConst> flag,
             ShownField<std::uint8_t, kConst> choice, ShownField<std::string, kConst> text,
             ShownField<Performer, kConst> performer, std::string_view name, const OperandSpec& operand_spec,
             const PlaceSpec& place_spec, const NumberSpec& number_spec, const ChoiceSpec& choice_spec,
             const TextSpec& text_spec) {
      visit.area(area);
      visit.operand(operand, operand_spec);
      visit.place(place, place_spec);
      visit.number(number, number_spec);
      visit.flag(flag, name);
      visit.choice(choice, choice_spec);
      visit.text(text, text_spec);
      visit.actor(performer);
    };

}  // namespace cma
