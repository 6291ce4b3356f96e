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
// Fields without a name are positional, in the order of the text. A visitor has the members area, operand, place,
// number, flag, choice, text and actor; `Self` is const for visitors that only read. Plain data, without cost.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"
#include "allocator/engine/point.h"

namespace cma {

// Identifier of an operation within its program. 0 is none: nothing can refer to the operation.
using OpId = std::uint16_t;
// Programs longer than this are refused.
inline constexpr std::size_t kMaxOps = 4096;
inline constexpr std::size_t kMaxActors = 16;

// What an operation hands to later ones.
enum class Yields : std::uint8_t { nothing, buffer, block, pages, pin, area, process, mapping, file, range };
// Returns the noun for it in messages and in the reference; "result" for an operand of any kind.
constexpr std::string_view noun_of(Yields yields) {
  switch (yields) {
    case Yields::nothing: return "result";
    case Yields::buffer: return "buffer";
    case Yields::block: return "block";
    case Yields::pages: return "pages";
    case Yields::pin: return "pin";
    case Yields::area: return "area";
    case Yields::process: return "process";
    case Yields::mapping: return "mapping";
    case Yields::file: return "file";
    case Yields::range: return "range";
  }
  return {};
}

// The actor that performs an operation: one that a CPU has of its own (codes 0 to 7, CPU 0 unless the program names
// another), or one of the program (kFirstActor + its index).
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

struct NumberSpec {
  std::string_view name = {};  // empty: positional
  bool required = false;       // otherwise left out of the text when equal to `fallback`
  std::uint64_t fallback = 0;
  std::uint64_t min = 0;
  std::uint64_t max = kAnyNumber;
  Scale scale = Scale::plain;
  std::string_view all = {};  // the word for the largest value, as in `times=all`
};

struct OperandSpec {
  std::string_view name = {};       // empty: positional
  Yields wanted = Yields::nothing;  // what the operation needs; it is skipped when the result is another; nothing: any
  bool required = true;
};

struct PlaceSpec {
  std::string_view name = {};
  bool required = true;
  bool decimal = false;  // a plain number is a count here, no frame
  bool aligned = false;  // fails unless aligned to a huge page
};

// One of a few words; the value is its index. Without a name the word stands alone. The name "." joins it to the
// operand before it, as in `b.failed`.
struct ChoiceSpec {
  std::string_view name = {};
  std::span<const std::string_view> words = {};
  bool required = true;  // otherwise value 0 is left out of the text
};

struct TextSpec {
  std::string_view name = {};                    // empty: positional
  bool quoted = true;                            // otherwise a bare word is accepted, and printed if possible
  std::span<const std::string_view> words = {};  // those allowed; empty: any
};

// How two figures are compared in an expectation.
enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge };
inline constexpr std::string_view kCompareWords[] = {"==", "!=", "<", "<=", ">", ">="};

// How an operation is performed.
enum class Performed : std::uint8_t {
  by_actor,       // by a task that may wait and be suspended
  without_actor,  // it only looks, or happens to the machine from outside
  resuming,       // resumes the operation that its actor is inside
};

// What is known of a kind of operation.
struct OpInfo {
  std::string_view verb = {};
  char letter = 'r';  // the default name of the result with identifier 7 is the letter and "7"
  Yields yields = Yields::nothing;
  Performed performed = Performed::by_actor;
  bool boot = false;          // makes sense only before boot has finished
  bool any_time = false;      // does not finish boot: an expectation
  bool names_itself = false;  // `declare NAME ...`: the first word is the name of the result
  std::string_view help;      // one sentence for the reference
};

class World;
// Index of an operation in its program, and of its result.
using Slot = std::uint32_t;

}  // namespace cma
