// Writes a program that does what a log shows: the smallest machine, and the shortest history, that explain its lines.
//
// Each request of the log is an episode. The program takes the whole area, gives back the bits that the request must
// have found free, puts pages into the way, and performs the request as the actor `task`, whose lines are those to be
// compared. What the log does not tell is assumed, and said so in comments. Used by reproduce.h. Cost: linear in the
// windows; requests beyond kMostEpisodes are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/release.h"
#include "properties/logs/explain_log.h"

namespace cma::reproduction {

inline constexpr std::size_t kMostEpisodes = 32;
// The largest area and the largest machine that are made: 4 GiB and a little more, with pages of 4 KiB.
inline constexpr std::uint64_t kMostAreaPages = std::uint64_t{1} << 20;

struct WrittenProgram {
  std::string text;                   // empty if the log has nothing that a program can do
  std::vector<std::string> assumed;   // what the log does not tell
  std::vector<std::string> left_out;  // what the program does not do, with the reason
};

// A change of the program, to see what it makes of a request.
struct Variation {
  std::uint64_t only_line = 0;         // of the request that alone is performed; 0: all
  std::uint64_t more_pages = 0;        // the area is larger by these, which are free; a multiple of 4 MiB
  std::optional<std::uint64_t> pages;  // that the request asks for
  std::optional<unsigned> align;       // and its alignment
  bool again = false;                  // the request is made a second time
  bool let_go = false;                 // before that the pages in the way are freed
};
// The name of the last request that a varied program performs.
inline constexpr std::string_view kLastRequest = "last";

// Returns the program for what a log holds, on a modelled release.
WrittenProgram write_program(const logs::LogFacts& facts, Release release, const Variation& variation = {});

}  // namespace cma::reproduction
