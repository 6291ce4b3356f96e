// What is known of each kind of operation: how it is written and performed, and what it yields.
//
// Every kind has a static member kInfo. Used by the text form, the interpreter, the generator and the reference.
#pragma once

#include <cstdint>
#include <string_view>

namespace cma {

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

}  // namespace cma
