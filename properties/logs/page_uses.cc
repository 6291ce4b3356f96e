#include "properties/logs/page_uses.h"

#include <algorithm>

namespace cma::logs {
namespace {

// No block is larger.
constexpr unsigned kLargestUse = 16;

}  // namespace

void PageUses::add(const Fact& fact) {
  const Pfn pfn = fact.number("pfn");
  if (fact.says() == Says::trace_page_freed) {
    const auto found = uses_.find(pfn);
    if (found != uses_.end() && found->second.freed_line == 0) found->second.freed_line = fact.line;
    return;
  }
  if (fact.says() != Says::trace_page_given) return;
  if (uses_.size() >= kMostPageUses && !uses_.contains(pfn)) return;
  PageUse use;
  use.pfn = pfn;
  use.order = static_cast<unsigned>(std::min<std::uint64_t>(fact.number("order"), kLargestUse));
  use.flags = fact.text("flags");
  use.line = fact.line;
  use.task = fact.origin.task;
  if (!use.task.empty() && !fact.origin.caller.empty()) use.task += "-" + fact.origin.caller;
  uses_[pfn] = std::move(use);
}

std::optional<PageUse> PageUses::at(Pfn pfn, std::uint64_t line) const {
  auto found = uses_.upper_bound(pfn);
  if (found == uses_.begin()) return std::nullopt;
  const PageUse& use = (--found)->second;
  if (pfn - use.pfn >= order_pages(use.order) || use.line >= line) return std::nullopt;
  if (use.freed_line != 0 && use.freed_line < line) return std::nullopt;
  return use;
}

}  // namespace cma::logs
