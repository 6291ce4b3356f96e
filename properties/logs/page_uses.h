// Who was given which page, as the tracepoints of the page allocator have it (mm_page_alloc, mm_page_free).
//
// Kept while a log is read, for the pages that later turn out to be in the way of a contiguous request. Keeps the last
// kMostPageUses uses by their first page, which do not overlap: what was given again is another use. Used by the
// context. Cost: a few searches in maps for each such line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

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
  using Uses = std::map<Pfn, PageUse>;
  // Which use gives way to another: those that were freed before those that were not, then those of the oldest lines.
  using Age = std::tuple<bool, std::uint64_t, Pfn>;

  static Age age_of(const PageUse& use) { return {use.freed_line == 0, use.line, use.pfn}; }
  // Returns the first use that ends behind a page.
  Uses::iterator first_behind(Pfn pfn);
  void free(const PfnRange& pages, std::uint64_t line);
  Uses::iterator erase(Uses::iterator use);

  Uses uses_;
  std::set<Age> ages_;
};

}  // namespace cma::logs
