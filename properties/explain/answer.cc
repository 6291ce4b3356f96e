#include "properties/explain/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "allocator/base/error.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

// Pages of one window, or groups of them, that are printed.
constexpr std::size_t kPrintedGroups = 8;

std::string window_error(int error) {
  if (error == -kEINTR) return "-EINTR, a fatal signal";
  if (error == -kENOMEM) return "-ENOMEM, no page to move to";
  return std::string(errno_name(error));
}

// Returns the window as the kernel's log has it, so that it can be found there.
std::string log_form(const PfnRange& range) { return fmt::format("[{:x}, {:x})", range.start, range.end); }

std::string page_text(const StoppedPage& page, std::size_t more, Pfn last) {
  std::string text = fmt::format("    {:#x}", page.pfn);
  if (more > 0) text += fmt::format(", and {} more up to {:#x}", more, last);
  text += fmt::format("  {}\n", page.what);
  for (const std::string& holder : page.holders) text += fmt::format("      held by  {}\n", holder);
  return text + fmt::format("      refused  {}\n", page.refused);
}

// Merges neighbours with equal facts.
std::string pages_text(const std::vector<StoppedPage>& pages) {
  std::string text;
  std::size_t next = 0;
  for (std::size_t i = 0, groups = 0; i < pages.size() && groups < kPrintedGroups; i = next, ++groups) {
    next = i + 1;
    while (next < pages.size() && pages[next].same_facts(pages[i])) ++next;
    text += page_text(pages[i], next - i - 1, pages[next - 1].pfn);
  }
  return next < pages.size() ? text + fmt::format("    and {} more\n", pages.size() - next) : text;
}

// Returns how many windows, from the one at `first` on, are to be merged.
std::size_t equal_windows(const std::vector<FailedWindow>& failed, std::size_t first) {
  std::size_t next = first + 1;
  while (next < failed.size() && failed[next].error == failed[first].error && failed[next].pages == failed[first].pages)
    ++next;
  return next - first;
}

std::string in_the_way(const std::vector<StoppedPage>& pages) {
  if (pages.empty()) return {};
  const bool blocks = std::all_of(pages.begin(), pages.end(), [](const StoppedPage& page) { return page.pageblock; });
  return fmt::format(", {} in the way", plural(pages.size(), blocks ? "pageblock" : "page"));
}

std::string windows_text(const std::vector<FailedWindow>& windows) {
  std::string text;
  for (std::size_t i = 0; i < windows.size();) {
    const FailedWindow& window = windows[i];
    const std::size_t equal = equal_windows(windows, i);
    text += "  window " + log_form(window.range);
    if (equal > 1) text += fmt::format(", and {} more up to {}", equal - 1, log_form(windows[i + equal - 1].range));
    text += fmt::format(": {}{}\n", window_error(window.error), in_the_way(window.pages));
    text += pages_text(window.pages);
    i += equal;
  }
  return text;
}

nlohmann::json window_json(const FailedWindow& window) {
  nlohmann::json pages = nlohmann::json::array();
  for (const StoppedPage& page : window.pages)
    pages.push_back({{"pfn", page.pfn},
                     {"pageblock", page.pageblock},
                     {"what", page.what},
                     {"holders", page.holders},
                     {"refused", page.refused}});
  return {{"start", window.range.start},
          {"end", window.range.end},
          {"error", errno_name(window.error)},
          {"pages", std::move(pages)}};
}

}  // namespace

std::string_view word_of(About about) {
  switch (about) {
    case About::wanted: return "wanted";
    case About::found: return "found";
    case About::got: return "got";
    case About::run: return "run";
    case About::held: return "held";
    case About::zone: return "zone";
    case About::page: return "page";
    case About::window: return "window";
    case About::moved: return "moved";
    case About::would: return "would";
    case About::area: return "area";
  }
  return "?";
}

std::string_view word_of(Ending ending) {
  switch (ending) {
    case Ending::failed: return "failed";
    case Ending::succeeded: return "ok";
    case Ending::skipped: return "skipped";
    case Ending::not_ended: return "not ended";
  }
  return "?";
}

std::string answer_text(const Answer& answer, const std::function<std::string(Slot)>& op_text) {
  std::string text = op_text(answer.op) + "\n  answer " + std::string(word_of(answer.ending));
  if (answer.ending == Ending::failed) text += fmt::format(", {}", errno_name(answer.error));
  text += answer.brief.empty() ? "\n" : fmt::format(": {}\n", answer.brief);
  for (const Evidence& evidence : answer.evidence)
    text += fmt::format("  {:<6} {}\n", word_of(evidence.about), evidence.text);
  return text + windows_text(answer.windows);
}

nlohmann::json answer_json(const Answer& answer) {
  nlohmann::json evidence = nlohmann::json::array();
  for (const Evidence& piece : answer.evidence) {
    nlohmann::json object = {{"kind", word_of(piece.about)}, {"text", piece.text}};
    for (const Figure& figure : piece.figures)
      std::visit([&](const auto& value) { object[std::string(figure.name)] = value; }, figure.value);
    evidence.push_back(std::move(object));
  }
  nlohmann::json windows = nlohmann::json::array();
  for (const FailedWindow& window : answer.windows) windows.push_back(window_json(window));
  return {{"op", answer.op},        {"ending", word_of(answer.ending)}, {"error", errno_name(answer.error)},
          {"answer", answer.brief}, {"evidence", std::move(evidence)},  {"windows", std::move(windows)}};
}

}  // namespace cma
