// What the windows of a request say together: how many pages it asked for and at which alignment, where each window
// really began, which pages can be the ones in the way.
//
// A line of the log names the end of a window and the head of the free block that covers its start, so the starts have
// to be computed. Used by the explanation of requests. Cost: linear in the windows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "allocator/base/pfn.h"
#include "properties/logs/requests.h"

namespace cma::logs {

// Whether a free run of an area has room for a request.
enum class Room : std::uint8_t {
  none,               // no run is long enough
  none_at_alignment,  // none is, from a multiple of the alignment on
  some,
};

struct Reading {
  std::uint64_t pages = 0;   // 0: nothing says how many
  bool pages_named = false;  // a line of the request names them; else these are the most that fit all windows
  std::optional<unsigned> align;
  bool align_named = false;
  bool align_stepped = false;                // windows that follow each other are so far apart
  bool gigantic = false;                     // windows lie at multiples of their size, as gigantic pages do
  unsigned most_align = 0;                   // the largest that all starts have
  std::uint64_t windows = 0;                 // that the log has
  std::vector<std::vector<PfnRange>> swept;  // the windows as they were asked for, by sweep
  std::uint64_t misplaced = 0;               // printed starts that are another page than the one asked for
  std::vector<PfnRange> free_blocks;         // blocks that must have been free when a window was tried
  // Windows that lie between the first and the last of a sweep and have no line.
  std::uint64_t without_line = 0;
  bool windows_loose = false;      // windows may be of another request
  bool single_step = false;        // windows that follow each other by one alignment are among those that the log has
  PfnRange span;                   // of all windows
  std::optional<PfnRange> common;  // the pages that all windows have in common
  std::vector<PfnRange> suspects;  // of those, without the free blocks
  // What the free runs of the bitmap say, as they were when the request had failed; nullopt if the log has none.
  std::optional<Room> room;
  std::uint64_t most_room = 0;  // the most pages that a run has from a multiple of the alignment on
  std::vector<Pfn> stopped_at;  // pages at which a test ended, each once
};

// Returns the reading of a request. Without windows only what its lines name is filled in.
Reading read_request(const Request& request);

}  // namespace cma::logs
