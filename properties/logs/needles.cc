#include "properties/logs/needles.h"

#include <array>

#include "allocator/base/assert.h"

namespace cma::logs {
namespace {

constexpr std::size_t kPairs = 65536;

constexpr std::array kNeedles = {
    Needle{"cma", 0},
    Needle{"CMA", 0},
    Needle{"Cma", 0},
    Needle{"PFNs busy", 1},
    Needle{"alloc_contig_range", 5},
    Needle{"test_pages_isolated", 4},
    Needle{"page dumped because", 5},
    Needle{" mapcount:", 3},
    Needle{"mm_migrate_pages", 2},
    Needle{"mm_page_", 2},
    Needle{"anon flags: ", 8},
    Needle{"aops:", 0},
    Needle{"last allocated via", 14},
    Needle{"page allocation failure", 8},
    Needle{"oom-killer", 2},
    Needle{"tion stalls for", 9},
    Needle{"vmemmap", 0},
    Needle{"Killed process", 0},
    Needle{"mems_allowed", 4},
    Needle{"memory: usage", 5},
    Needle{"Show Memory", 0},
    Needle{" Comm: ", 4},
    Needle{"ommand line: ", 1},
    Needle{"lowmem_reserve", 6},
    Needle{"*4kB", 0},
    Needle{"*16kB", 0},
    Needle{"*64kB", 0},
    Needle{"alloc of size", 5},
    Needle{"dma_alloc_coherent", 3},
    Needle{"allocate buffer with", 14},
    Needle{"Memory cgroup", 7},
    Needle{"CONSTRAINT_MEMCG", 10},
    Needle{"kB min:", 1},
    Needle{"HighMem/MovableOnly", 7},
    Needle{"Linux ", 3},
    Needle{"from_contiguous", 3},
    Needle{"vmalloc", 0},
    Needle{"vmap allocation", 0},
    Needle{", zone ", 2},
    Needle{"Number of blocks", 0},
    Needle{"memory for node '", 15},
    Needle{"OVERLAP DETECTED", 0},
    Needle{"pool for atomic", 0},
    Needle{"HugeTLB: allocating", 4},
    Needle{"Memory: ", 0},
    Needle{"swiotlb", 4},
    Needle{"of_reserved_mem", 2},
    Needle{"phys address", 1},
    Needle{"buffer size", 8},
    Needle{"frame buffer device", 0},
    Needle{"totalpages: ", 4},
    Needle{"min_free_kbytes", 9},
    Needle{"[mem ", 0},
    Needle{"NULL pointer", 2},
    Needle{"dma_direct_alloc", 4},
};

constexpr std::size_t pair_at(std::string_view text, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(text[at])) << 8 | static_cast<unsigned char>(text[at + 1]);
}

}  // namespace

NeedleSet::NeedleSet(std::span<const Needle> needles) : needles_(needles), first_(kPairs), next_(needles.size()) {
  CMA_ASSERT(needles.size() < 256);
  for (std::size_t i = 0; i < needles.size(); ++i) {
    CMA_ASSERT(needles[i].anchor + 2 <= needles[i].text.size());
    std::uint8_t& first = first_[pair_at(needles[i].text, needles[i].anchor)];
    next_[i] = first;
    first = static_cast<std::uint8_t>(i + 1);
  }
}

std::size_t NeedleSet::find(std::string_view text) const {
  if (text.size() < 2) return std::string_view::npos;
  const std::uint8_t* const first = first_.data();
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    const std::uint8_t candidate = first[pair_at(text, at)];
    if (candidate != 0 && is_at(text, at, candidate)) return at;
  }
  return std::string_view::npos;
}

bool NeedleSet::is_at(std::string_view text, std::size_t anchor, std::uint8_t first) const {
  for (std::uint8_t i = first; i != 0; i = next_[i - 1]) {
    const Needle& needle = needles_[i - 1];
    if (anchor >= needle.anchor && text.substr(anchor - needle.anchor).starts_with(needle.text)) return true;
  }
  return false;
}

std::span<const Needle> log_needles() { return kNeedles; }

}  // namespace cma::logs
