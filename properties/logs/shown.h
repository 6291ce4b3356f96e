// How frames, sizes and names of a log are written in its answer; with --redact so that nothing names the machine.
//
// Redacted, names of tasks and areas become numbers, and frames are moved by whole largest blocks, which keeps their
// order, distances and alignments up to 1024 pages. Used by all that writes answers. Cost: for output only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/pfn.h"

namespace cma::logs {

// Returns "1 page", "1280 pages (5 MiB)"; the size with pages of so many KiB.
std::string pages_text(std::uint64_t pages, std::uint64_t page_kb);

class Shown {
 public:
  explicit Shown(bool redacted) : redacted_(redacted) {}

  // Makes the frame the lowest, unless a lower one is. Redacted frames count from there on.
  void lowest(Pfn pfn);
  // Returns a frame as the answer writes it; redacted, one below the lowest is 0.
  Pfn frame(Pfn pfn) const;
  PfnRange range(const PfnRange& range) const { return {frame(range.start), frame(range.end)}; }
  std::string pfn(Pfn pfn) const;
  // Returns a physical address as the answer writes it.
  std::string address(std::uint64_t bytes) const;
  // Returns a window as the kernel's line has it: "[0xc3400, 0xc51aa)".
  std::string window(const PfnRange& range) const;
  // Returns ranges, at most a few of them.
  std::string windows(const std::vector<PfnRange>& ranges) const;
  // Returns a name of this sort: "task", "area".
  std::string name(std::string_view sort, const std::string& name);
  bool redacted() const { return redacted_; }
  // Sets the size of the machine's pages; 4 KiB if the log does not tell.
  void set_page_kb(std::uint64_t kb) { page_kb_ = kb; }
  std::uint64_t page_kb() const { return page_kb_; }
  // Returns a number of pages as the answer writes it.
  std::string pages(std::uint64_t pages) const { return pages_text(pages, page_kb_); }

 private:
  bool redacted_;
  std::uint64_t page_kb_ = 4;
  Pfn lowest_ = kNoPfn;
  std::vector<std::string> names_;
};

// Returns "1 window", "3 windows".
std::string counted(std::uint64_t count, std::string_view noun);
// Returns "was" of one, "were" of more.
const char* was_or_were(std::uint64_t count);
// Returns "110 ms", "2.4 s".
std::string time_text(std::int64_t micros);

}  // namespace cma::logs
