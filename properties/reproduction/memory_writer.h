// Writes the program for a request for pages that failed and whose report the log has: a machine with the zones, the
// watermarks, the areas and the free blocks of the report, which makes the request once more.
//
// Used by memory_run.h where a log has no request to an area. Cost: linear in the free blocks, of which a
// program holds kMostBlocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "allocator/base/release.h"
#include "properties/logs/memory_report.h"
#include "properties/reproduction/program_writer.h"

namespace cma::reproduction {

inline constexpr std::size_t kMostBlocks = 1500;
// The name of the request in the program.
inline constexpr std::string_view kMemoryRequest = "request";

// A change of the machine or of its request, to see whether the request would get its pages.
struct MemoryVariation {
  bool without_boost = false;
  bool half_area = false;  // the other half is ordinary memory, and free as far as the area was
  std::optional<std::uint64_t> min_free_kbytes{};
  std::optional<unsigned> order{};
};

// Returns the program for a failure; its text is empty, and `left_out` says why, if a program cannot show it.
// `area_pages`: those of all areas, 0 if the log does not tell.
WrittenProgram memory_program(const logs::PageFailure& failure, std::uint64_t area_pages, Release version,
                              Release release, const MemoryVariation& variation = {});

}  // namespace cma::reproduction
