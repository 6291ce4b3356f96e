// Reads a log of any size piece by piece, and gives the lines that may matter: those with a needle, and the few lines
// after each of them, since a mail program or a narrow terminal may have broken it there.
//
// Memory is one buffer, whatever the log holds. A line that is longer than kLongestPiece comes in pieces with the same
// number. Used by the fact reader. Cost: that of the search for needles, and of counting line ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "properties/logs/needles.h"

namespace cma::logs {

// Writes the next bytes of a log to `buffer`, `size` at most; returns how many, 0 at the end. Throws if it fails.
using Source = std::function<std::size_t(char* buffer, std::size_t size)>;

// Returns a source of this text, which must outlive it.
Source text_source(std::string_view text);

inline constexpr std::size_t kLongestPiece = 16 * 1024;
// How many lines after one with a needle are given too.
inline constexpr std::uint64_t kLinesAfter = 2;

struct Line {
  std::uint64_t number = 0;  // from 1
  std::string_view text;     // without its end; valid until the next call
  bool matters = false;      // it has a needle; false for the lines after
};

class LineReader {
 public:
  // Refers to the needles, which must outlive it.
  LineReader(Source source, const NeedleSet& needles);
  // Gives the next line that may matter; returns false at the end.
  bool next(Line& line);
  // Returns how many lines there were so far. After the end: how many the log has.
  std::uint64_t lines() const { return number_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void skip_to_needle();
  bool take_line(Line& line);
  bool refill();

  Source source_;
  const NeedleSet& needles_;
  std::string buffer_;
  std::size_t begin_ = 0;      // of the line to come, or of its rest
  std::size_t whole_end_ = 0;  // up to here the buffer has whole lines, or a piece of one
  std::size_t end_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t after_ = 0;   // lines to give for the one with a needle before them
  bool inside_line_ = false;  // a piece of the line that comes was given already
  bool at_end_ = false;
};

}  // namespace cma::logs
