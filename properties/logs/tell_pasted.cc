#include "properties/logs/tell_pasted.h"

#include <fmt/format.h>

#include <algorithm>

namespace cma::logs {
namespace {

constexpr std::uint64_t kMostCount = std::uint64_t{1} << 40;

// Returns the last request that failed and can be of this area; nullptr if none did.
const Request* failed_request(const AreaFiles& area, const std::vector<Request>& requests) {
  for (auto request = requests.rbegin(); request != requests.rend(); ++request)
    if (request->outcome == Outcome::failed && request->pages && !request->pages_loose &&
        (request->area.empty() || request->area == area.name))
      return &*request;
  return nullptr;
}

// Tells whether the longest free run has room for a request that failed.
void tell_run(const AreaFiles& area, const Request& request, const Shown& shown, Section& section) {
  const std::uint64_t run = area.longest_run->value;
  const std::vector<std::uint64_t> lines = {area.longest_run->line, request.pages_line};
  if (run < *request.pages)
    section.add(Certainty::fits,
                fmt::format("no run has room for the {} of the request that failed, if the area was then as it is here",
                            shown.pages(*request.pages)),
                lines);
  else
    section.add(Certainty::fits,
                fmt::format("a run is long enough for the {} of the request that failed: either its alignment fits no "
                            "such run, or a page was in the way, or buffers were given back since",
                            shown.pages(*request.pages)),
                lines);
}

void tell_area_files(const AreaFiles& area, const std::vector<Request>& requests, Shown& shown, Section& section) {
  const std::string name = "area " + shown.name("area", area.name) + ": ";
  if (area.count) {
    std::string text = name + shown.pages(area.count->value);
    if (area.base) text += " from frame " + shown.pfn(area.base->value);
    section.add(Certainty::seen, text, {area.count->line, area.base ? area.base->line : 0});
  }
  if (area.used) {
    std::string text = name + fmt::format("buffers have {}", shown.pages(area.used->value));
    if (area.count && area.count->value >= area.used->value)
      text += fmt::format(", {} are without a buffer", shown.pages(area.count->value - area.used->value));
    section.add(Certainty::seen, text, {area.used->line, area.count ? area.count->line : 0});
  }
  if (area.longest_run) {
    section.add(Certainty::seen, name + "the longest run without a buffer has " + shown.pages(area.longest_run->value),
                {area.longest_run->line});
    if (const Request* request = failed_request(area, requests)) tell_run(area, *request, shown, section);
  }
  if (area.order_per_bit && area.order_per_bit->value != 0)
    section.add(
        Certainty::seen,
        name + fmt::format("a bit stands for {} pages: each buffer is rounded up to so many",
                           order_pages(static_cast<unsigned>(std::min<std::uint64_t>(area.order_per_bit->value, 20)))),
        {area.order_per_bit->line});
  if (area.pages_refused)
    section.add(Certainty::seen,
                name + fmt::format("since boot requests for {} pages together failed", area.pages_refused->value),
                {area.pages_refused->line});
}

// Tells the free blocks of areas, and of zones without a table by type the largest.
void tell_blocks(const FreeBlocks& blocks, const Shown& shown, Section& section) {
  if (!blocks.type.empty() && blocks.type != "CMA") return;
  std::uint64_t pages = 0;
  std::optional<std::size_t> largest;
  for (std::size_t order = 0; order < blocks.counts.size(); ++order) {
    if (blocks.counts[order] == 0) continue;
    pages += std::min(blocks.counts[order], kMostCount) << order;
    largest = order;
  }
  const std::string of = blocks.type.empty() ? "" : " of areas";
  if (!largest) {
    section.add(Certainty::seen, fmt::format("zone {}: no free block{}", blocks.zone, of), {blocks.line});
    return;
  }
  section.add(Certainty::seen,
              fmt::format("zone {}: {} are free in blocks{}, the largest have order {} ({} of them)", blocks.zone,
                          shown.pages(pages), of, *largest, blocks.counts[*largest]),
              {blocks.line});
}

}  // namespace

std::optional<Finding> tell_pasted(const PastedFiles& files, const std::vector<Request>& requests,
                                   const Context& context, Shown& shown, LogAnswer& answer) {
  Section section{"files of debugfs, sysfs and /proc", {}};
  for (const AreaFiles& area : files.areas) tell_area_files(area, requests, shown, section);
  for (const FreeBlocks& blocks : files.blocks) tell_blocks(blocks, shown, section);
  std::optional<Finding> finding;
  if (files.failed && files.failed->value != 0) {
    const std::string done =
        files.succeeded ? fmt::format(", {} got their pages", files.succeeded->value) : std::string();
    section.add(Certainty::seen,
                fmt::format("since boot {} to areas failed{}", counted(files.failed->value, "request"), done),
                {files.failed->line, files.succeeded ? files.succeeded->line : 0});
    finding.emplace();
    finding->weight = kSuspicious;
    finding->what = fmt::format("Since boot {} to areas failed{}.", counted(files.failed->value, "request"), done);
    finding->blame = "The counters do not tell why, nor for how many pages.";
    finding->collect.emplace_back("dmesg | grep -e cma -e alloc_contig_range    (a line for each failure)");
  }
  if (context.first_free && !files.areas.empty())
    section.add(
        Certainty::follows,
        "CmaFree counts free pages, maxchunk runs without a buffer: pages lent to others are in the latter only",
        {context.last_free_line});
  if (!section.statements.empty()) answer.sections.push_back(std::move(section));
  return finding;
}

}  // namespace cma::logs
