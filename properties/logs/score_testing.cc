#include "properties/logs/score_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "allocator/base/error.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

bool is_claim(Certainty certainty) { return certainty == Certainty::seen || certainty == Certainty::follows; }

// Returns the versions of a text such as "4.15 to 5.12".
ReleaseRange versions_in(const std::string& text) {
  ReleaseRange range{all_versions().front()};
  const std::size_t to = text.rfind(' ');
  const std::string last = to == std::string::npos ? text : text.substr(to + 1);
  if (!text.starts_with("up to")) range.first = version_of(text).value_or(range.first);
  if (last != "newer") range.last = version_of(last);
  return range;
}

bool overlaps_any(const std::vector<PfnRange>& some, const PfnRange& range) {
  return std::ranges::any_of(some, [&](const PfnRange& one) { return one.overlaps(range); });
}

// Returns whether one page of these ranges was busy in each of the windows.
bool explains_all(const std::vector<PfnRange>& suspects, const std::vector<const TrueWindow*>& windows) {
  std::vector<PfnRange> left = suspects;
  for (const TrueWindow* window : windows) {
    std::vector<PfnRange> both;
    for (const PfnRange& one : left)
      for (const PfnRange& other : window->busy)
        if (one.overlaps(other)) both.push_back({std::max(one.start, other.start), std::min(one.end, other.end)});
    left = both;
  }
  return !left.empty();
}

class Scorer {
 public:
  Scorer(const KnownLog& log, const LogAnswer& answer, const std::string& name, Score& score)
      : log_(log), answer_(answer), name_(name), score_(score) {}

  void add() {
    if (answer_.versions != "unknown") {
      const bool right = versions_in(answer_.versions).contains(log_.release);
      state("versions", right, is_claim(answer_.versions_certainty),
            answer_.versions + " for " + name_of(log_.release));
    }
    if (answer_.page_kb_told)
      state("page size", answer_.page_kb == log_.page_kb, true, fmt::format("{}", answer_.page_kb));
    for (const RequestSummary& request : answer_.requests) add_request(request);
    for (const PageFailureSummary& failure : answer_.failures) add_failure(failure);
  }

 private:
  void state(const char* kind, bool right, bool claim, const std::string& what) {
    Score::Kind& of_kind = score_.kinds[kind];
    ++of_kind.facts;
    if (right) {
      ++of_kind.right;
      return;
    }
    std::string sentence = fmt::format("{}: {}: {}", name_, kind, what);
    (claim ? score_.wrong_claims : score_.wrong_facts).push_back(std::move(sentence));
  }

  void add_request(const RequestSummary& request) {
    const int owner = log_.request_of_line[request.first_line - 1];
    if (owner < 0) return;
    const TrueRequest& truth = log_.requests[static_cast<std::size_t>(owner)];
    const std::string where = fmt::format(" (line {}, of {} pages at {} in {:x})", request.first_line, truth.pages,
                                          truth.align, truth.area.start);
    if (request.pages != 0)
      state("pages", request.pages == truth.pages, request.pages_certain, fmt::format("{}{}", request.pages, where));
    if (request.align)
      state("align", *request.align == truth.align, is_claim(request.align_certainty),
            fmt::format("{}{}", *request.align, where));
    add_ending(request, truth, where);
    add_culprit(request, truth, where);
    add_windows(request, truth, where);
  }

  void add_ending(const RequestSummary& request, const TrueRequest& truth, const std::string& where) {
    const bool claim = is_claim(request.ending_certainty);
    if (request.failed) state("ending", truth.ended && !truth.got, claim, "failed" + where);
    if (request.culprit == Culprit::none) state("ending", truth.got.has_value(), claim, "got its pages" + where);
    if (request.error) state("error", *request.error == truth.error, claim, fmt::format("{}{}", *request.error, where));
  }

  static bool is_culprit(Culprit culprit, bool failed, const TrueRequest& truth) {
    switch (culprit) {
      case Culprit::no_room: return truth.windows.empty();
      case Culprit::page_in_the_way:
        // Of one whose end the log does not have, windows that were busy.
        return failed ? !truth.windows.empty() && truth.windows.back().error == -kEBUSY
                      : std::ranges::find(truth.windows, -kEBUSY, &TrueWindow::error) != truth.windows.end();
      case Culprit::no_room_or_page: return truth.windows.empty() || truth.windows.back().error == -kEBUSY;
      case Culprit::no_memory_to_move: return !truth.windows.empty() && truth.windows.back().error == -kENOMEM;
      case Culprit::signal:
        // Kernels of vendors also notice it in the sleep after a sweep, whose last window was busy.
        return truth.error == -kEINTR && !truth.windows.empty() &&
               (truth.windows.back().error == -kEINTR || truth.windows.back().error == -kEBUSY);
      case Culprit::unknown:
      case Culprit::none: return true;
    }
    return true;
  }

  void add_culprit(const RequestSummary& request, const TrueRequest& truth, const std::string& where) {
    if (request.culprit == Culprit::unknown || request.culprit == Culprit::none) return;
    state("culprit", is_culprit(request.culprit, request.failed, truth), is_claim(request.culprit_certainty),
          std::string(word_of(request.culprit)) + where);
  }

  void add_windows(const RequestSummary& request, const TrueRequest& truth, const std::string& where) {
    std::vector<const TrueWindow*> windows;
    for (const PfnRange& range : request.tried) {
      const auto tried = std::ranges::find(truth.windows, range, &TrueWindow::range);
      state("window", tried != truth.windows.end(), is_claim(request.tried_certainty),
            fmt::format("[{:x}, {:x}){}", range.start, range.end, where));
      if (tried != truth.windows.end()) windows.push_back(&*tried);
    }
    if (request.unseen != 0)
      state("unseen", truth.windows.size() >= request.windows + request.unseen, is_claim(request.unseen_certainty),
            fmt::format("{} besides {}, of {}{}", request.unseen, request.windows, truth.windows.size(), where));
    for (const Pfn pfn : request.stopped_at)
      state("stopped at",
            std::ranges::any_of(truth.windows,
                                [&](const TrueWindow& window) { return overlaps_any(window.busy, {pfn, pfn + 1}); }),
            true, fmt::format("{:x}{}", pfn, where));
    if (!request.stopped_at.empty() || request.windows == 0) return;
    const bool claim = is_claim(request.suspects_certainty);
    if (!request.suspects.empty())
      state("suspects", windows.size() == request.windows && explains_all(request.suspects, windows), claim,
            fmt::format("[{:x}, {:x}) of {} windows{}", request.suspects.front().start, request.suspects.back().end,
                        request.windows, where));
    else if (windows.size() == request.windows)
      state("suspects", !explains_all({truth.area}, windows), claim, "more than one" + where);
  }

  void add_failure(const PageFailureSummary& failure) {
    if (failure.line == 0 || log_.failure_of_line[failure.line - 1] < 0) return;
    const TrueFailure& truth = log_.failures[static_cast<std::size_t>(log_.failure_of_line[failure.line - 1])];
    const std::string where = fmt::format(" (line {}, order {}, flags {:#x})", failure.line, truth.order, truth.flags);
    // Without the line of the request what is said of it is a guess.
    if (!failure.flags) return;
    state("order", failure.order == truth.order, true, fmt::format("{}{}", failure.order, where));
    state("flags", *failure.flags == truth.flags, true, fmt::format("{:#x}{}", *failure.flags, where));
    if (!failure.own_report || failure.verdict == Verdict::no_report || failure.verdict == Verdict::not_known) return;
    // All lines of the model are of the moment of the failure.
    state("verdict", failure.verdict == Verdict::refused || failure.verdict == Verdict::no_block, true,
          std::string(word_of(failure.verdict)) + where);
    const auto zone =
        std::ranges::find_if(truth.zones, [&](const TrueFailure::Zone& one) { return failure.zone == one.name; });
    if (zone == truth.zones.end()) return;
    const bool usable = failure.at_most ? zone->usable <= failure.usable : zone->usable == failure.usable;
    state("usable", usable, true, fmt::format("{} for {}{}", failure.usable, zone->usable, where));
    state("needed", zone->needed == failure.needed, true,
          fmt::format("{} for {}{}", failure.needed, zone->needed, where));
    if (failure.at_most && failure.verdict == Verdict::no_block) return;
    state("watermark", (zone->usable <= zone->needed) == (failure.verdict == Verdict::refused), true,
          std::string(word_of(failure.verdict)) + where);
  }

  const KnownLog& log_;
  const LogAnswer& answer_;
  const std::string& name_;
  Score& score_;
};

}  // namespace

std::uint64_t Score::facts() const {
  std::uint64_t sum = 0;
  for (const auto& [name, kind] : kinds) sum += kind.facts;
  return sum;
}

std::uint64_t Score::right() const {
  std::uint64_t sum = 0;
  for (const auto& [name, kind] : kinds) sum += kind.right;
  return sum;
}

void add_to_score(const KnownLog& log, const LogAnswer& answer, const std::string& name, Score& score) {
  Scorer(log, answer, name, score).add();
}

}  // namespace cma::logs
