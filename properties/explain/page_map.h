// A picture of the owners of pages, for people: one character per page if pageblocks are small, runs with their lengths
// if they are large. Equal rows are folded; 1024 pages take at most 16 rows.
//
//   0x200  C AAA............. C ................ C ................ C ................
//   ...    3 rows like this
//
// The letter before each pageblock is its type (U M E H C I, as in the kernel's memory report). Under a row, `+` marks
// pages whose bit in the area's bitmap is set though no buffer has them (an allocation or release is under way, or
// something is wrong), and `-` pages of buffers whose bit is clear.
//
// A PageMap is a snapshot, which can be compared with a later one. Used by `run`. Cost: O(pages); for output only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "properties/program/world.h"

namespace cma {

class PageMap {
 public:
  // Draws the machine as it is now. Requires that the program and the world are those of the current or the last run.
  PageMap(const Program& program, const World& world);

  // Returns the rows that overlap the range.
  std::string draw(const PfnRange& range) const;
  // Returns all of memory if that is small, else the areas.
  std::string draw() const;
  // Returns the rows that differ from those in `before`; empty if none does.
  std::string draw_changes(const PageMap& before) const;
  // Returns the meaning of each letter of this picture, one line per letter.
  std::string legend() const;

  // The picture as data, for pictures of another form: the pages of the machine, and of each page its letter and its
  // mark of the bitmap ('+', '-' or ' '); of each pageblock its type. In the order of the frames.
  const PfnRange& memory() const { return memory_; }
  unsigned pageblock_order() const { return pageblock_order_; }
  const std::vector<char>& letters() const { return letters_; }
  const std::vector<char>& bits() const { return bits_; }
  const std::vector<char>& block_types() const { return block_types_; }

 private:
  struct Row {
    Pfn start;
    std::string cells;
    std::string bits;  // empty if all bits are as expected
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
