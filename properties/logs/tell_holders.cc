#include "properties/logs/tell_holders.h"

#include <fmt/format.h>

#include <algorithm>

namespace cma::logs {
namespace {

constexpr std::size_t kMostDescribed = 16;
// From the description of a page to the first line of its request, which may be the one with its error.
constexpr std::uint64_t kMostLinesBefore = 400;
// References that a page of a file has besides its mappings: isolation, page cache, buffers.
constexpr std::int64_t kUsualOfFile = 3;
// That of an anonymous page which is not in the swap cache: isolation.
constexpr std::int64_t kUsualOfAnonymous = 1;

std::string counts_text(const DescribedPage& page) {
  const std::string kind = page.kind.empty() ? "" : page.kind + ", ";
  return fmt::format("{}{} reference{}, {} mapping{}", kind, page.references, page.references == 1 ? "" : "s",
                     page.mappings, page.mappings == 1 ? "" : "s");
}

// Returns whether more hold the page than the kernel itself and those that have it mapped.
bool is_held(const DescribedPage& page) {
  if (page.kind.empty() || !page.failed_to_move) return false;
  const std::int64_t usual = page.kind.starts_with("anonymous") ? kUsualOfAnonymous : kUsualOfFile;
  return page.mappings >= 0 && page.references > page.mappings + usual;
}

// Returns the line of the first window whose test stopped at the page.
std::uint64_t line_of_stop(const Request& request, Pfn pfn) {
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows)
      if (window.stopped_at == pfn) return window.line;
  return 0;
}

}  // namespace

void tell_holders(const Request& request, const Reading& reading, const Context& context, Shown& shown,
                  Section& section) {
  if (request.not_moved != 0)
    section.add(Certainty::follows,
                fmt::format("migration moved {} for it, and could not move {}: something held them, or had them locked",
                            counted(request.moved, "page"), counted(request.not_moved, "page")),
                {request.moved_line});
  for (const Pfn pfn : reading.stopped_at) {
    const std::uint64_t line = line_of_stop(request, pfn);
    const auto use = context.uses.at(pfn, line);
    if (!use) continue;
    const std::string by = use->task.empty() ? "" : " by " + shown.name("task", use->task);
    section.add(Certainty::follows,
                fmt::format("page {} was allocated{} (order {}, {}) and not freed before", shown.pfn(pfn), by,
                            use->order, use->flags),
                {use->line, line});
  }
}

std::string described_holder(const Group& group, const Context& context, const Shown& shown) {
  const Reading& reading = group.reading;
  const auto places = possible_places(group, context);
  PfnRange range{0, ~Pfn{0}};
  if (reading.windows != 0)
    range = reading.span;
  else if (places && places->area != nullptr && places->of_runs)
    range = {places->first, places->last + reading.pages};
  for (const DescribedPage& page : context.immovable) {
    if (!page.failed_to_move || page.pfn < range.start || page.pfn >= range.end) continue;
    // The kernel describes pages while it tries the window that they are in.
    const bool before = page.line < std::max(group.last->end_line, group.last->last_line);
    if (before && page.line + kMostLinesBefore >= group.first->first_line)
      return fmt::format("page {} ({})", shown.pfn(page.pfn), counts_text(page));
  }
  return {};
}

void tell_described(const Context& context, Shown& shown, LogAnswer& answer) {
  if (context.immovable.empty()) return;
  Section section{"pages that could not be moved", {}};
  for (const DescribedPage& page : context.immovable) {
    if (section.statements.size() >= kMostDescribed) break;
    section.add(Certainty::seen,
                fmt::format("{}: {}{}", shown.pfn(page.pfn), counts_text(page),
                            page.failed_to_move ? "" : "; its block was to be isolated, and it is no movable page"),
                {page.line});
    if (is_held(page))
      section.add(Certainty::fits,
                  "it has more references than isolation and mappings explain: something holds it, such as "
                  "get_user_pages, a batch of the kernel or a driver",
                  {page.line});
    if (page.owner_line == 0) continue;
    const std::string by = page.owner.empty() ? "" : " by " + shown.name("task", page.owner);
    section.add(Certainty::seen,
                fmt::format("it was allocated{} with order {}, as {}", by, page.owner_order, page.owner_type),
                {page.owner_line});
  }
  answer.sections.push_back(std::move(section));
}

}  // namespace cma::logs
