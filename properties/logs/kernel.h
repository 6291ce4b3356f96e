// Which kernel a log is from: the version that it names, and those whose lines have the form that its lines have.
//
// Each line narrows the versions; the answer keeps the lines that did. Where lines contradict each other the kernel is
// a vendor's, who carried a line over from another version. Used by explain_log, before any number is read: some mean
// another thing in another version. Cost: a few comparisons a fact.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/release.h"
#include "properties/logs/fact_reader.h"

namespace cma::logs {

// A line that narrows the versions, or contradicts the others.
struct Narrowing {
  ReleaseRange range;
  std::string what;
  std::uint64_t line = 0;
};

struct Kernel {
  std::optional<Release> named;
  std::string named_as;  // the whole version, with a vendor's additions
  std::uint64_t named_line = 0;
  bool too_old = false;                // the version that is named had no areas: before 3.5
  ReleaseRange range{Release::v3_5};   // what the forms of the lines allow
  bool by_backported = false;          // the range rests on lines that vendors print in other versions too
  std::vector<Narrowing> narrowing;    // the lines that `range` rests on
  std::vector<Narrowing> contradicts;  // lines that no version of `range`, or not the named one, prints so

  // Returns the versions that it may be: the named one, or those of the forms.
  ReleaseRange versions() const { return named ? ReleaseRange{*named, *named} : range; }
  // Returns whether all versions that it may be are this one or newer.
  bool all_since(Release version) const { return versions().first >= version; }
  // Returns whether all are older.
  bool all_before(Release version) const { return versions().last && *versions().last < version; }
};

class KernelFinder {
 public:
  void add(const Fact& fact);
  // Returns what the facts so far say.
  Kernel kernel() const;

 private:
  void add_name(const Fact& fact);
  void narrow(const ReleaseRange& range, const std::string& what, std::uint64_t line, bool backported);
  void add_pointers(const Fact& fact);
  void add_burst(const Fact& fact);
  void add_mode(const Fact& fact);

  Kernel kernel_;
  std::vector<Narrowing> soft_;     // of forms that vendors carry over
  std::vector<std::string> modes_;  // of flags that were looked at
  std::deque<Origin> busy_;         // of the last lines about busy windows
};

}  // namespace cma::logs
