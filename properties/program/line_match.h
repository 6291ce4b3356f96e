// Whether a line of the log or a tracepoint contains a text that was copied from a real one, pointers included.
//
// An address is as wide as the machine's addresses; a text that was copied from a machine of another width fits, since
// zeros after 0x do not count.
//
// A pointer in the text never has the value that the model prints, and a hash of 4.15 and later has none that the model
// could. So any pointer fits any other, but the same two each time: equal pointers of a program's texts are equal
// objects of its machine, and different ones are different. Used by `expect log` and `expect trace`. Cost: a search.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "allocator/trace/trace.h"

namespace cma {

// Which object of the machine each pointer in the texts of a program has been found to stand for.
class PointerNames {
 public:
  // Returns whether `line`, whose pointer stands at `pointer`, contains the text. Where the line has a pointer the text
  // may have `(ptrval)`, which fits every pointer, or 8 or 16 hexadecimal digits. These stand for the line's object
  // from now on if they stood for none. NULL is no pointer, and fits only itself.
  bool line_contains(std::string_view line, const std::optional<PrintedPointer>& pointer, std::string_view text);
  // Forgets all.
  void clear();

 private:
  bool fits(std::string_view digits, std::uint64_t address) const;
  bool contains_at(std::string_view line, const PrintedPointer& pointer, std::string_view text, std::size_t at);

  std::map<std::string, std::uint64_t, std::less<>> address_of_;
  std::map<std::uint64_t, std::string> digits_of_;
};

}  // namespace cma
