#include "properties/explain/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "allocator/base/error.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

// Groups that are printed: of windows, and of the pages of a window.
constexpr std::size_t kPrintedGroups = 8;
// Holders of a group of pages, and starts in the log of a group of windows, that are printed.
constexpr std::size_t kPrintedNames = 4;

std::string window_error(int error) {
  if (error == -kEINTR) return "-EINTR, a fatal signal";
  if (error == -kENOMEM) return "-ENOMEM, no page to move to";
  return std::string(errno_name(error));
}

// Returns the window as the kernel's log has it, so that it can be found there.
std::string log_form(const PfnRange& range) { return fmt::format("[{:x}, {:x})", range.start, range.end); }

// Returns the first names in a list, and how many more there are.
std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kPrintedNames); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() <= kPrintedNames ? text : text + fmt::format(" and {} more", names.size() - kPrintedNames);
}

// Pages of one window that were refused for one reason.
struct PageGroup {
  std::vector<const StoppedPage*> pages;
  const StoppedPage& first() const { return *pages.front(); }
};

std::vector<PageGroup> grouped(const std::vector<StoppedPage>& pages) {
  std::vector<PageGroup> groups;
  for (const StoppedPage& page : pages) {
    const auto known =
        std::ranges::find_if(groups, [&](const PageGroup& group) { return group.first().same_reason(page); });
    (known == groups.end() ? groups.emplace_back() : *known).pages.push_back(&page);
  }
  return groups;
}

// Returns the lines about the holders of a group: a line each if all pages have the same, else one line.
std::string holders_text(const PageGroup& group) {
  const auto same = [&](const StoppedPage* page) { return page->holders == group.first().holders; };
  std::string text;
  if (std::ranges::all_of(group.pages, same)) {
    for (const std::string& holder : group.first().holders) text += fmt::format("      held by  {}\n", holder);
    return text;
  }
  std::vector<std::string> names;
  for (const StoppedPage* page : group.pages)
    for (const std::string& holder : page->holders)
      if (std::ranges::find(names, holder) == names.end()) names.push_back(holder);
  return fmt::format("      held by  {}\n", names_text(names));
}

std::string group_text(const PageGroup& group) {
  std::string text = fmt::format("    {:#x}", group.first().pfn);
  if (group.pages.size() > 1)
    text += fmt::format(", and {} more up to {:#x}", group.pages.size() - 1, group.pages.back()->pfn);
  return text + fmt::format("  {}\n", group.first().what) + holders_text(group) +
         fmt::format("      refused  {}\n", group.first().refused);
}

std::string pages_text(const std::vector<StoppedPage>& pages) {
  std::string text;
  std::size_t printed = 0;
  const std::vector<PageGroup> groups = grouped(pages);
  for (std::size_t i = 0; i < std::min(groups.size(), kPrintedGroups); ++i) {
    text += group_text(groups[i]);
    printed += groups[i].pages.size();
  }
  return printed == pages.size() ? text : text + fmt::format("    and {} more\n", pages.size() - printed);
}

// Returns whether two windows failed on the same pages, or on as many of each kind with the same holders.
bool same_reasons(const FailedWindow& a, const FailedWindow& b) {
  if (a.error != b.error || a.note != b.note || a.pages.size() != b.pages.size()) return false;
  if (a.to_move != b.to_move) return false;
  if (a.pages == b.pages) return true;
  const std::vector<PageGroup> of_a = grouped(a.pages);
  const std::vector<PageGroup> of_b = grouped(b.pages);
  return std::ranges::equal(of_a, of_b, [](const PageGroup& one, const PageGroup& other) {
    return one.first().same_reason(other.first()) &&
           std::ranges::equal(one.pages, other.pages, {}, &StoppedPage::holders, &StoppedPage::holders);
  });
}

std::string in_the_way(const FailedWindow& window, bool same_pages) {
  const std::vector<StoppedPage>& pages = window.pages;
  if (pages.empty()) return window.note.empty() ? "" : ", nothing in the way: " + window.note;
  const auto all = [&](auto fits) { return std::ranges::all_of(pages, fits); };
  std::string_view noun = "page";
  if (all([](const StoppedPage& page) { return page.pageblock; }))
    noun = "pageblock";
  else if (all([](const StoppedPage& page) { return page.pages > 1; }))
    noun = "compound page";
  std::string text = plural(pages.size(), noun) + " in the way";
  if (window.to_move > pages.size())
    text += fmt::format(" when memory ran out, of {} that had yet to move", window.to_move);
  return same_pages ? ", " + text : fmt::format(", in each {}; here those of the first", text);
}

// Returns the line about the starts that the log has, where these are others than those of the windows.
std::string log_starts(const std::vector<const FailedWindow*>& windows, bool limited) {
  std::vector<std::string> starts;
  for (const FailedWindow* window : windows)
    if (window->tested_from != kNoPfn && (starts.empty() || starts.back() != fmt::format("{:x}", window->tested_from)))
      starts.push_back(fmt::format("{:x}", window->tested_from));
  if (starts.empty()) return {};
  return fmt::format("    the log prints another start: that of the free block in which a window begins ({}){}\n",
                     names_text(starts), limited ? "; it shows ten lines in 5 s" : "");
}

// Returns the places of windows that failed for the same reasons. Later sweeps try a window again.
std::string places_text(const std::vector<const FailedWindow*>& windows) {
  std::vector<PfnRange> places;
  for (const FailedWindow* window : windows)
    if (std::ranges::find(places, window->range) == places.end()) places.push_back(window->range);
  std::string text = log_form(places.front());
  if (places.size() > 1) {
    const PfnRange last = *std::ranges::max_element(places, {}, &PfnRange::start);
    text += places.size() == 2 ? fmt::format(" and {}", log_form(places.back()))
                               : fmt::format(", and {} more up to {}", places.size() - 1, log_form(last));
  }
  if (places.size() == windows.size()) return text;
  return places.size() == 1 ? fmt::format("{}, {} times", text, windows.size())
                            : fmt::format("{}, in {} attempts", text, windows.size());
}

std::string windows_text(const std::vector<FailedWindow>& windows, bool limited) {
  std::vector<std::vector<const FailedWindow*>> groups;
  std::size_t others = 0;
  for (const FailedWindow& window : windows) {
    const auto known = std::ranges::find_if(
        groups, [&](const std::vector<const FailedWindow*>& group) { return same_reasons(*group.front(), window); });
    if (known != groups.end())
      known->push_back(&window);
    else if (groups.size() < kPrintedGroups)
      groups.push_back({&window});
    else
      ++others;
  }
  std::string text;
  for (const std::vector<const FailedWindow*>& group : groups) {
    const FailedWindow& first = *group.front();
    const bool same_pages =
        std::ranges::all_of(group, [&](const FailedWindow* window) { return window->pages == first.pages; });
    text += fmt::format("  window {}: {}{}\n", places_text(group), window_error(first.error),
                        in_the_way(first, same_pages));
    text += pages_text(first.pages) + log_starts(group, limited);
  }
  if (others > 0) text += fmt::format("  window and {} more, with other pages in the way (--json has them)\n", others);
  return text;
}

nlohmann::json window_json(const FailedWindow& window) {
  nlohmann::json pages = nlohmann::json::array();
  for (const StoppedPage& page : window.pages)
    pages.push_back({{"pfn", page.pfn},
                     {"pages", page.pages},
                     {"pageblock", page.pageblock},
                     {"what", page.what},
                     {"holders", page.holders},
                     {"refused", page.refused}});
  nlohmann::json json = {{"start", window.range.start},
                         {"end", window.range.end},
                         {"error", errno_name(window.error)},
                         {"pages", std::move(pages)}};
  if (!window.note.empty()) json["note"] = window.note;
  if (window.tested_from != kNoPfn) json["log_start"] = window.tested_from;
  if (window.to_move > 0) json["still_to_move"] = window.to_move;
  return json;
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
    case About::left: return "left";
    case About::log: return "log";
    case About::bug: return "bug";
    case About::next: return "next";
    case About::ended: return "ended";
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

namespace {

// Returns the first words of the answer: how the operation ended.
std::string ending_text(const Answer& answer) {
  std::string text = "  answer " + std::string(word_of(answer.ending));
  if (answer.ending != Ending::failed) return text;
  text += fmt::format(", {}", errno_name(answer.error));
  if (answer.sweep_error != 0 && answer.sweep_error != answer.error)
    text += fmt::format(" (the caller gets NULL; the last window failed with {}{})", errno_name(answer.sweep_error),
                        answer.in_log ? fmt::format(", in the log ret: {}", answer.sweep_error) : "");
  return text;
}

std::string evidence_text(const std::vector<Evidence>& pieces) {
  std::string text;
  for (const Evidence& evidence : pieces) text += fmt::format("  {:<6} {}\n", word_of(evidence.about), evidence.text);
  return text;
}

nlohmann::json evidence_json(const std::vector<Evidence>& pieces) {
  nlohmann::json evidence = nlohmann::json::array();
  for (const Evidence& piece : pieces) {
    nlohmann::json object = {{"kind", word_of(piece.about)}, {"text", piece.text}};
    for (const Figure& figure : piece.figures)
      std::visit([&](const auto& value) { object[std::string(figure.name)] = value; }, figure.value);
    evidence.push_back(std::move(object));
  }
  return evidence;
}

// Returns all that follows these words.
std::string reasons_text(const Answer& answer) {
  std::string text = answer.brief.empty() ? "\n" : fmt::format(": {}\n", answer.brief);
  return text + evidence_text(answer.evidence) + windows_text(answer.windows, answer.busy_is_limited) +
         evidence_text(answer.fallback);
}

}  // namespace

std::string answer_text(const Answer& answer) { return ending_text(answer) + reasons_text(answer); }

namespace {

// An answer that was printed in full.
struct PrintedAnswer {
  const Answer* answer = nullptr;
  std::string op;       // its operation as text
  std::string windows;  // and its windows
};

// Returns what a line says of one request, be it the next of many.
const std::string& of_one(const Evidence& evidence) {
  return evidence.as_request.empty() ? evidence.text : evidence.as_request;
}

// Returns the lines about the request that was refused, whatever else its operation wants.
std::vector<const Evidence*> about_the_request(const Answer& answer) {
  std::vector<const Evidence*> lines;
  for (const Evidence& line : answer.evidence)
    if (!line.of_operation) lines.push_back(&line);
  return lines;
}

// Returns the lines in which an answer differs from an earlier one with the same short answer; nullopt if more than
// half of its lines do.
std::optional<std::vector<Evidence>> differing_lines(const Answer& earlier, const Answer& answer) {
  const std::vector<const Evidence*> known = about_the_request(earlier);
  const std::vector<const Evidence*> lines = about_the_request(answer);
  const auto same_kind = [](const Evidence* a, const Evidence* b) { return a->about == b->about; };
  if (!std::ranges::equal(known, lines, same_kind)) return std::nullopt;
  std::vector<Evidence> differing;
  std::size_t next = 0;
  std::size_t of_request = 0;
  for (const Evidence& line : answer.evidence) {
    const auto equal = [&](const Evidence& other) { return other.of_operation && other.text == line.text; };
    const bool same =
        line.of_operation ? std::ranges::any_of(earlier.evidence, equal) : of_one(*known[next++]) == of_one(line);
    if (same) continue;
    differing.push_back(line);
    if (!line.of_operation) ++of_request;
  }
  return 2 * of_request <= lines.size() ? std::optional(std::move(differing)) : std::nullopt;
}

// Returns a reference to an earlier answer, and where this one differs; empty if none is like it. It is worth its line
// only if it stands for several.
std::string reference_text(const std::vector<PrintedAnswer>& printed, const Answer& answer, std::string_view windows) {
  if (answer.evidence.size() + answer.fallback.size() + windows.size() == 0) return {};
  for (const PrintedAnswer& earlier : printed) {
    if (windows != earlier.windows) continue;
    if (evidence_text(earlier.answer->fallback) != evidence_text(answer.fallback)) continue;
    const std::optional<std::vector<Evidence>> differing = differing_lines(*earlier.answer, answer);
    if (!differing) continue;
    return fmt::format("{}, as above for {}{}\n", ending_text(answer), earlier.op, differing->empty() ? "" : ", but:") +
           evidence_text(*differing);
  }
  return {};
}

}  // namespace

std::string answers_text(const std::vector<Answer>& answers, const std::function<std::string(Slot)>& op_text) {
  std::string text;
  // By subject and short answer: facts about one area do not answer for another.
  std::map<std::pair<std::string, std::string>, std::vector<PrintedAnswer>> printed;
  for (const Answer& answer : answers) {
    const std::string op = op_text(answer.op);
    const std::size_t indent = std::min(op.find_first_not_of(' '), op.size());
    text += op.substr(0, indent) + std::string(answer.heading) + op.substr(indent) + "\n";
    std::vector<PrintedAnswer>& known = printed[{answer.subject, ending_text(answer) + answer.brief}];
    std::string windows = windows_text(answer.windows, answer.busy_is_limited);
    const std::string reference = reference_text(known, answer, windows);
    text += reference.empty() ? answer_text(answer) : reference;
    if (reference.empty()) known.push_back({&answer, op.substr(indent), std::move(windows)});
  }
  return text;
}

nlohmann::json answer_json(const Answer& answer) {
  nlohmann::json windows = nlohmann::json::array();
  for (const FailedWindow& window : answer.windows) windows.push_back(window_json(window));
  nlohmann::json json = {
      {"op", answer.op},        {"ending", word_of(answer.ending)},           {"error", errno_name(answer.error)},
      {"answer", answer.brief}, {"evidence", evidence_json(answer.evidence)}, {"windows", std::move(windows)}};
  if (!answer.fallback.empty()) json["fallback"] = evidence_json(answer.fallback);
  if (!answer.heading.empty()) json["heading"] = answer.heading;
  if (!answer.subject.empty()) json["subject"] = answer.subject;
  if (answer.sweep_error != 0) json["sweep_error"] = errno_name(answer.sweep_error);
  return json;
}

}  // namespace cma
