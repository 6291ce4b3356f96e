// The words of the kernel's command line that speak of areas, read as the kernel reads them.
//
// Boot reads them once, before any memory is reserved (boot.h); the command line of `cmacheck boot` and tests write
// them. Cost: linear in the text. No locks; it stands on base/ and trace/.
//
// Sources: lib/cmdline.c (memparse, next_arg), early_cma, early_cma_pernuma and early_numa_cma of
// kernel/dma/contiguous.c (up to 4.19 drivers/base/dma-contiguous.c), read at 3.4, 4.9, 5.10, 6.1 and 6.12.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/trace/trace.h"

namespace cma {

// A number, and how many characters of the text it took.
struct ParsedSize {
  std::uint64_t bytes = 0;
  std::size_t length = 0;
};

// Reads a number as simple_strtoull does with base 0: decimal, 0x hexadecimal or 0 octal. It wraps at 2^64, has no
// sign, and is 0 of length 0 where there are no digits.
ParsedSize parse_integer(std::string_view text);

// Reads a number with an optional K, M or G, and since 3.16 T, P or E (memparse): decimal, 0x hexadecimal or 0 octal.
// What follows is left. It wraps at 2^64, has no sign, and is 0 where there are no digits: "-1" is 0 and takes nothing,
// "M" is 0 and takes one character.
ParsedSize memparse(std::string_view text, Release release);

// A word of a command line: `name`, or `name=value`.
struct ParameterWord {
  std::string name;
  std::optional<std::string> value;
};

// Splits a command line into words (next_arg): at blanks outside double quotes, which stay in the word unless they
// begin the word or its value.
std::vector<ParameterWord> words_of(std::string_view cmdline);

// MAX_NUMNODES with CONFIG_NODES_SHIFT of 4, as arm64 has it.
inline constexpr std::size_t kMaxNodesOfKernel = 16;

// What the words say. Sizes and addresses are in bytes, cut to the width of phys_addr_t.
struct BootParameters {
  // cma=SIZE[@BASE[-LIMIT]]. nullopt: not given, or the one number that means so: all bits set. A later cma= replaces
  // the parts that it has, and leaves the others.
  std::optional<std::uint64_t> size;
  std::uint64_t base = 0;   // since 3.16, as the limit
  std::uint64_t limit = 0;  // 0: none; BASE + SIZE where BASE is given alone
  // cma_pernuma=SIZE, since 5.10: an area of this size on each node.
  std::uint64_t pernuma_size = 0;
  // numa_cma=NODE:SIZE[,NODE:SIZE], since 6.6: areas on these nodes. Nodes that no machine has are left out.
  std::array<std::uint64_t, kMaxNodes> node_sizes{};
  // hugetlb_cma=SIZE, since 5.7; since 5.16 also NODE:SIZE[,NODE:SIZE], whose sum the size is then. All are cut to an
  // unsigned long.
  std::uint64_t hugetlb_size = 0;
  std::array<std::uint64_t, kMaxNodesOfKernel> hugetlb_node_sizes{};
  // The parameter that has no value where the kernel follows the pointer to one, and stops; empty if none.
  std::string null_pointer;
};

// Reads all words of a command line, and reports what the kernel does: since 4.19 a `cma` without a value, and sizes of
// zones without one (movable_zones.h reads those; since 4.6 a bare `kernelcore` is a null pointer). `numa`: the kernel
// has areas for each node (CONFIG_DMA_PERNUMA_CMA, since 6.6 CONFIG_DMA_NUMA_CMA), and so the words for them.
BootParameters read_parameters(std::string_view cmdline, const Geometry& geometry, bool numa, Trace& trace);

}  // namespace cma
