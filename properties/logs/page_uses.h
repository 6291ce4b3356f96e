// Who was given which page, as the tracepoints of the page allocator have it (mm_page_alloc, mm_page_free).
//
// Kept while a log is read, for the pages that later turn out to be in the way of a contiguous request. Keeps the last
// kMostPageUses uses by their first page. Used by the context. Cost: a search in a map for each such line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "allocator/base/pfn.h"
#include "properties/logs/fact_reader.h"

namespace cma::logs {

struct PageUse {
  Pfn pfn = 0;
  unsigned order = 0;
  std::string task;   // "media-2074"; empty if the trace does not have it
  std::string flags;  // as printed
  std::uint64_t line = 0;
  std::uint64_t freed_line = 0;  // 0: the log does not have that
};

inline constexpr std::size_t kMostPageUses = 65536;

class PageUses {
 public:
  // Takes in a line about a page that was given, or given back; others are ignored.
  void add(const Fact& fact);
  // Returns the use that had a page when the line `line` was printed; nullopt if the log does not tell.
  std::optional<PageUse> at(Pfn pfn, std::uint64_t line) const;

 private:
  std::map<Pfn, PageUse> uses_;
};

}  // namespace cma::logs
