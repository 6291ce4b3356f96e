// The per-CPU pagevecs: pages on their way to the LRU or between its lists, as plain data. Lru fills and drains them.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "allocator/base/pfn.h"
#include "allocator/base/release.h"

namespace cma {

// Returns PAGEVEC_SIZE: the insertion that fills a pagevec drains it.
constexpr std::size_t pagevec_size(Release release) {
  if (release >= Release::v6_8) return 31;
  return release >= Release::v4_15 ? 15 : 14;
}

// The pagevecs of a CPU, in the order in which they are drained. Pages to be added are not on the LRU; pages in the
// others are, and are looked at again when their pagevec is drained.
enum class Pagevec : std::uint8_t {
  add,              // lru_cache_add
  rotate,           // written back and to be reclaimed next: to the tail of its inactive list
  deactivate_file,  // could not be dropped from its cache: to the inactive list
  deactivate,       // from the active to the inactive list (MADV_COLD since 5.4; MADV_FREE up to 4.11)
  lazyfree,         // MADV_FREE: to the inactive file list, as if it were a file's
  activate,         // used again: to the active list
};
inline constexpr unsigned kPagevecs = 6;
// Returns the kernel's name: "lru_add".
std::string_view name_of(Pagevec which);

// The pagevecs of one CPU.
struct CpuPagevecs {
  std::array<std::vector<Pfn>, kPagevecs> of;
  std::size_t parked = 0;  // pages in all of them
};

}  // namespace cma
