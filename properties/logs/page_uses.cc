#include "properties/logs/page_uses.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cma::logs {
namespace {

// No block is larger.
constexpr unsigned kLargestUse = 16;
// No machine has this frame: damaged lines.
constexpr Pfn kNoFrame = Pfn{1} << 52;

}  // namespace

PageUses::Uses::iterator PageUses::first_behind(Pfn pfn) {
  auto found = uses_.upper_bound(pfn);
  if (found == uses_.begin()) return found;
  const auto before = std::prev(found);
  return before->first + order_pages(before->second.order) > pfn ? before : found;
}

// Notes that pages were given back. A use that lost a part of its pages has ended: which of the others it still has is
// not known.
void PageUses::free(const PfnRange& pages, std::uint64_t line) {
  for (auto use = first_behind(pages.start); use != uses_.end() && use->first < pages.end; ++use) {
    if (use->second.freed_line != 0) continue;
    ages_.erase(age_of(use->second));
    use->second.freed_line = line;
    ages_.insert(age_of(use->second));
  }
}

PageUses::Uses::iterator PageUses::erase(Uses::iterator use) {
  ages_.erase(age_of(use->second));
  return uses_.erase(use);
}

void PageUses::add(const Fact& fact) {
  if (fact.says() != Says::trace_page_freed && fact.says() != Says::trace_page_given) return;
  const Pfn pfn = fact.number("pfn");
  if (pfn >= kNoFrame) return;
  const auto order = static_cast<unsigned>(std::min<std::uint64_t>(fact.number("order"), kLargestUse));
  const PfnRange pages{pfn, pfn + order_pages(order)};
  if (fact.says() == Says::trace_page_freed) {
    free(pages, fact.line);
    return;
  }
  for (auto use = first_behind(pages.start); use != uses_.end() && use->first < pages.end;) use = erase(use);
  if (uses_.size() == kMostPageUses) erase(uses_.find(std::get<2>(*ages_.begin())));
  PageUse use;
  use.pfn = pfn;
  use.order = order;
  use.flags = fact.text("flags");
  use.line = fact.line;
  use.task = fact.origin.task;
  if (!use.task.empty() && !fact.origin.caller.empty()) use.task += "-" + fact.origin.caller;
  ages_.insert(age_of(use));
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
