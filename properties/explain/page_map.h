// A picture of who has which page, for people: one character a page while pageblocks are small, runs with their lengths
// where they are large, equal rows folded. 1024 pages take at most 16 rows.
//
//   0x200  C AAA............. C ................ C ................ C ................
//   ...    3 rows like this
//
// The letter before each pageblock is its type (U M E H C I, as the kernel's memory report has them). Under a row,
// `+` marks pages whose bit in the area's bitmap is set though no buffer has them (an allocation or release is on its
// way, or something is wrong), `-` pages of buffers whose bit is clear.
//
// A PageMap is a snapshot: it can be compared with a later one. Used by `run`. Cost: O(pages); for output only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "properties/program/world.h"

namespace cma {

class PageMap {
 public:
  // What is where now. Both must be those of the run that is going on, or went on last.
  PageMap(const Program& program, const World& world);

  // The rows that overlap the range.
  std::string draw(const PfnRange& range) const;
  // All of memory where that is small, else the areas.
  std::string draw() const;
  // The rows that are not as in `before`; empty if all are.
  std::string draw_changes(const PageMap& before) const;
  // What the letters of this picture mean; one line each.
  std::string legend() const;

 private:
  struct Row {
    Pfn start;
    std::string cells;
    std::string bits;  // empty if there is nothing to say about bits
    friend bool operator==(const Row&, const Row&) = default;
  };

  void mark_pages(const Machine& machine);
  void mark_results(const Program& program, const World& world);
  void mark_bitmaps(const Machine& machine);
  void put(Pfn pfn, char letter);
  std::uint64_t row_pages() const;
  bool compressed() const;
  Row row(Pfn start) const;
  std::vector<Row> rows(const PfnRange& range) const;
  std::string fold(const std::vector<Row>& rows) const;

  PfnRange memory_;
  unsigned pageblock_order_;
  std::vector<PfnRange> areas_;
  std::vector<char> letters_;      // by page
  std::vector<char> bits_;         // by page: '+', '-' or ' '
  std::vector<char> block_types_;  // by pageblock
  std::vector<std::pair<char, std::string>> names_;
};

}  // namespace cma
