// A set of short texts, one of which a line must hold to matter: the filter before anything else looks at a log.
//
// Used by the line reader, which passes over gigabytes of lines that are about something else. Each text has an anchor,
// two of its characters that are rare in logs. A search looks up two characters a position in a table, and compares
// texts only at anchors: about a nanosecond a character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cma::logs {

// A text, and where in it the two characters stand that are looked for first.
struct Needle {
  std::string_view text;
  std::size_t anchor = 0;
};

class NeedleSet {
 public:
  // Refers to the needles, which must outlive it. Requires: at most 255 needles, each with two characters from its
  // anchor on.
  explicit NeedleSet(std::span<const Needle> needles);

  // Returns where the first needle of the text lies, as the position of its anchor; npos if there is none.
  std::size_t find(std::string_view text) const;
  bool found_in(std::string_view text) const { return find(text) != std::string_view::npos; }

 private:
  bool is_at(std::string_view text, std::size_t anchor, std::uint8_t first) const;

  std::span<const Needle> needles_;
  std::vector<std::uint8_t> first_;  // by two characters: one more than the first needle with this anchor; 0: none
  std::vector<std::uint8_t> next_;   // by needle: one more than the next needle with the same anchor
};

// Returns the needles of all forms of lines (forms.h).
std::span<const Needle> log_needles();

}  // namespace cma::logs
