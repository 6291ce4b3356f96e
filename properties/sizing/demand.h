// What is asked of an area: the requests of a program, or of lines that name them. Input of area_size.h; made by
// `cmacheck fit`. Linear in the input.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "properties/program/program.h"

namespace cma::sizing {

// The most requests that one input may hold: each is an operation of the program that checks the answer.
inline constexpr std::size_t kMostRequests = 20'000;
// The most pages that a machine's memory map holds (geometry.cc).
inline constexpr std::uint64_t kMostPages = std::uint64_t{1} << 26;

// A request for pages aligned to 2^align pages.
struct Request {
  std::uint64_t pages = 1;
  unsigned align = 0;
  int line = 0;  // of the input; 0 if unknown
};

// A request or a release of a program, in the order of its lines. A release without pages is of all from `from` on.
struct Step {
  enum class Kind : std::uint8_t { request, debugfs_request, release, debugfs_release };
  Kind kind = Kind::request;
  std::size_t request = 0;  // index; unused by debugfs_release
  std::uint64_t from = 0;
  std::uint64_t pages = 0;
};

// What one area is asked for.
struct Demand {
  std::string area;         // its name; empty for lines
  std::optional<Pfn> base;  // its first page, if that is known
  unsigned order_per_bit = 0;
  int bits_line = 0;  // the line that gives order_per_bit; 0 if none does
  std::vector<Request> requests;
  std::vector<Step> steps;  // the requests and releases of a program; empty for lines
  bool releases = false;    // whether any step is a release
  std::size_t others = 0;   // operations of the program that are neither
};

// Why an input holds no demand.
struct BadDemand {
  int line = 0;  // 0: the input as a whole
  std::string reason;
};

// Returns whether a text is lines of requests: its first line that is no comment begins with a digit.
bool looks_like_requests(std::string_view text);
// Reads lines `COUNT [xN] [align A] [order_per_bit B]`; `#` begins a comment. Fails at the first line that is none,
// that asks for no pages, or whose order_per_bit is not that of an earlier line.
std::expected<Demand, BadDemand> read_requests(std::string_view text);
// Returns what the program asks of each area that it has requests for, in the order of the areas. `lines` holds the
// line of each operation, or nothing. Fails if there is no request, or one for no pages.
std::expected<std::vector<Demand>, BadDemand> demands_of(const Program& program, std::span<const int> lines);

}  // namespace cma::sizing
