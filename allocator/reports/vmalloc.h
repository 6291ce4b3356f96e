// What vmalloc asks the page allocator for, and the warnings of its own that it prints by warn_alloc (mm/vmalloc.c,
// __vmalloc_node_range and __vmalloc_area_node; mm/sparse-vmemmap.c, vmemmap_alloc_block).
//
// Arithmetic and text only: the operation `vmalloc` of programs takes the pages. Such a warning speaks of an allocation
// that failed, and is not always about pages: a size of 0 is refused while memory is free.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/base/gfp.h"

namespace cma {

// Single pages that vmalloc takes, one after the other, with these flags.
struct VmallocStep {
  std::uint64_t pages = 0;
  std::uint64_t bytes = 0;  // asked for
  Gfp gfp = 0;              // as a warning prints them
};

// Returns whether a size is refused before a page is asked for: 0, or more than the `total` pages of the machine.
bool vmalloc_refuses(std::uint64_t bytes, std::uint64_t total, std::uint64_t page_size);

// Returns the steps of a request: its own pages are the last one. Before them come those of the array of their
// addresses, if that is larger than a page, and before those the array of theirs. Requires: 0 < bytes < 2^62.
std::vector<VmallocStep> vmalloc_steps(std::uint64_t bytes, Gfp gfp, const Geometry& geometry);
// Returns the flags with which the pages of a step are asked for.
Gfp vmalloc_page_gfp(Gfp gfp, Release release);

// Returns what is said of a size that is refused; nullopt if nothing is.
std::optional<std::string> vmalloc_refusal(std::uint64_t bytes, Release release);
// Returns what is said of a step that got `allocated` of its pages, and no more.
std::string vmalloc_shortage(const VmallocStep& step, std::uint64_t allocated, const Geometry& geometry);
// Returns what is said of a block of the memory map that memory which is added needs (4.14); nullopt: before, the
// request for the block warned itself.
std::optional<std::string> vmemmap_shortage(unsigned order, Release release);

}  // namespace cma
