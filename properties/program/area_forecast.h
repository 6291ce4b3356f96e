// Which pages of areas a program has probably taken, as far as its text says: buffers and what is left of them, pages
// taken through debugfs, and frames with pages that cannot be moved.
//
// A part of the forecast (forecast.h). The first pages that are free are taken, as the kernel searches its bitmap; a
// window that turns out to be busy is not foreseen. Cost: look-ups are linear in the pieces, some of them quadratic.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "properties/program/op.h"
#include "properties/program/random.h"

namespace cma {

class AreaForecast {
 public:
  // Pages in one run.
  struct Piece {
    OpId owner = 0;  // a buffer, or pages on chosen frames; 0: of debugfs
    AreaRef area;
    std::uint64_t start = 0;  // in the area
    std::uint64_t from = 0;   // in the buffer
    std::uint64_t pages = 0;
    bool sure = true;  // otherwise it may well not be there: others are taken to find the pages free
  };

  // Requires: the machine outlives it.
  explicit AreaForecast(const Geometry& machine) : machine_(&machine) {}

  // Returns where the first `pages` pages from a multiple of 2^align on are free; nullopt if none are. Requires: the
  // area is one of the machine.
  std::optional<std::uint64_t> window(AreaRef area, std::uint64_t pages, std::uint64_t align = 0) const;
  // Returns whether nothing is known to lie in these pages of the area.
  bool is_free(AreaRef area, std::uint64_t start, std::uint64_t pages) const {
    return in_the_way(area, start, pages) == nullptr;
  }
  // Returns the page of an area that lies at the place; nullopt if none does. Places in results lie in none.
  std::optional<Piece> page_at(const Place& place) const;

  void take(const Piece& piece) { pieces_.push_back(piece); }
  // Takes a part of a buffer out of those that are held. One that is not held as a whole stays: the operation is
  // skipped. `pages`: 0 for all from page `from` on. Returns whether anything of the buffer is left.
  bool release(OpId buffer, std::uint64_t from, std::uint64_t pages);
  // Gives back pages of debugfs, the last ones first.
  void free_debugfs(AreaRef area, std::uint64_t pages);
  // Returns whether pages of the area were taken through debugfs and not given back.
  bool has_debugfs(AreaRef area) const;
  // Draws a part of the buffer; nullopt if nothing is left of it.
  std::optional<Piece> piece_of(Random& random, OpId buffer) const;

 private:
  const Piece* in_the_way(AreaRef area, std::uint64_t start, std::uint64_t pages) const;

  const Geometry* machine_;
  std::vector<Piece> pieces_;
};

}  // namespace cma
