// Explains the lines of a boot about areas, and those of drivers that got none: which rule refused an area, with which
// numbers, and what fits instead. Used by explain_log. Cost: linear in such lines, of which it keeps a few.
#pragma once

#include <optional>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/finding.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Collects the facts that tell_boot() explains.
class BootFinder {
 public:
  void add(const Fact& fact);
  const std::vector<Fact>& facts() const { return facts_; }

 private:
  std::vector<Fact> facts_;
};

// Adds a section about the boot, if there is something to say. Returns what can become the short answer; nullopt if
// nothing failed. `drivers`: whether lines of drivers that had no buffer are explained too, as no request's line is.
std::optional<Finding> tell_boot(const std::vector<Fact>& facts, const Context& context, bool drivers,
                                 const Shown& shown, LogAnswer& answer);

}  // namespace cma::logs
