#include "properties/logs/tell_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "properties/logs/brief_pages.h"
#include "properties/logs/page_grant.h"
#include "properties/logs/page_verdict.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

constexpr std::size_t kMostFailuresTold = 12;
// A zone's share of areas from which on it is worth a sentence: a half.
constexpr std::uint64_t kLargeShare = 2;
// What no zone has: figures of damaged lines.
constexpr std::uint64_t kMostZoneKb = std::uint64_t{1} << 44;
// A report and a request so far apart are of one shortage of memory; in lines where those have no times.
constexpr std::int64_t kOneShortage = 60'000'000;
constexpr std::uint64_t kLinesOfShortage = 400;
// What has a smaller part of memory, in percent, explains nothing.
constexpr std::uint64_t kLeastShare = 1;

// What earlier sections have: the report of a failure, and that about a request like it.
struct ToldBefore {
  bool report = false;
  bool request = false;
};

// What a line of free blocks that was cut says of those that are missing.
struct CutBlocks {
  std::uint64_t up_to_kb = 0;  // the largest blocks that the line has
  std::uint64_t sum_kb = 0;    // of those that it has
  std::uint64_t left_kb = 0;   // in larger ones
};

// --- evidence ---

void tell_request(const Judged& judged, Section& section) {
  const PageFailure& failure = *judged.failure;
  if (judged.by_driver) {
    section.add(
        Certainty::fits,
        fmt::format("it is the report of the block that a driver then did not get: where areas have no room, the "
                    "DMA layer asks the page allocator for {} in a row (order {})",
                    pages_text(order_pages(judged.request.order), judged.request.page_kb), judged.request.order),
        {failure.line, failure.driver_line});
  } else if (failure.kind == PageFailure::Kind::report_only) {
    const std::string what = failure.asked ? "the report was asked for" : "the line of the request is missing";
    section.add(Certainty::guess, what + "; what follows is for one page of the kernel's own (GFP_KERNEL)");
    return;
  }
  if (failure.mode) {
    const std::uint64_t pages = order_pages(failure.order);
    section.add(Certainty::seen,
                fmt::format("order {}: {}, flags {:#x}{}", failure.order, pages_text(pages, judged.request.page_kb),
                            failure.mode->number, failure.mode->names.empty() ? "" : " = " + failure.mode->names),
                {failure.line, failure.last_line == failure.line ? 0 : failure.line});
    if (failure.mode->names.empty() && judged.flags_known)
      section.add(Certainty::follows,
                  fmt::format("these are {}", gfp_text(judged.request.flags, judged.request.release)), {failure.line});
    if (!judged.flags_known)
      section.add(Certainty::follows, "the flags have bits that no kernel has which the log fits: not decoded",
                  {failure.line});
  }
  if (const std::string_view zone = zone_asked(judged.request.flags); judged.flags_known && !zone.empty()) {
    constexpr const char* kCeiling =
        "GFP_{0}: it may use no zone above {0} (where the kernel has that zone), whatever ";
    section.add(Certainty::follows, fmt::format(kCeiling, zone) + "is free there", {failure.line});
  }
  if (is_after_area(judged))
    section.add(Certainty::follows,
                "the DMA layer asked for it (dma_direct_alloc), which it does where an area gave nothing: there is "
                "none, it had no room, or a page in it could not be moved",
                {failure.line, failure.dma_line});
  const bool may_fail = judged.flags_known && (judged.request.flags & kGfpNofail) == 0;
  if (judged.request.order > kCostlyOrder && may_fail)
    section.add(Certainty::follows,
                (judged.request.flags & kGfpDirectReclaim) != 0
                    ? "above order 3 the kernel gives up after a few attempts"
                    : "it may not reclaim: the kernel takes a block that is free, or fails the request at once",
                {failure.line});
}

// Returns what a line of free blocks that was cut tells; nullopt if it is whole, or contradicts the one before.
std::optional<CutBlocks> cut_blocks(const ZoneReport& zone, std::uint64_t page_kb) {
  if (!zone.has_state || zone.blocks.empty() || zone.blocks_sum) return std::nullopt;
  CutBlocks cut;
  cut.up_to_kb = page_kb << (zone.blocks.size() - 1);
  for (std::size_t order = 0; order < zone.blocks.size(); ++order)
    cut.sum_kb += zone.blocks[order].count * (page_kb << order);
  if (cut.sum_kb > zone.free) return std::nullopt;
  cut.left_kb = zone.free - cut.sum_kb;
  return cut;
}

// Returns how the test ends, where the report leaves out what is kept from the request.
std::string open_end(const GrantTest& test) {
  const std::int64_t most = test.usable() - test.needed();
  const std::string end = ", which the report does not tell";
  if (!test.areas_unknown && !test.highatomic_unknown)
    return ": enough, if the kernel lets it use what is kept for urgent requests, as later ones of 6.1 do";
  if (!test.areas_unknown) return fmt::format(": enough, unless {} or more are kept for urgent requests{}", most, end);
  return fmt::format(": enough, unless areas{} have {} or more of them{}",
                     test.highatomic_unknown ? " and what is kept for urgent requests" : "", most, end);
}

void tell_test(const ZoneReport& zone, const GrantTest& test, const PageRequest& request, Section& section) {
  std::string text = fmt::format("zone {}: {} pages free", zone.name, test.free);
  if (test.of_areas != 0) text += fmt::format(" - {} of areas, which it may not use", test.of_areas);
  if (test.highatomic != 0) text += fmt::format(" - {} kept for urgent requests", test.highatomic);
  if (test.block != 0) text += fmt::format(" - {} of the block itself", test.block);
  if (test.usable() != test.free || test.at_most)
    text += fmt::format(" = {}{}", test.at_most ? "at most " : "", test.usable());
  text += fmt::format("; must be more than {}", test.mark);
  const auto min = static_cast<std::int64_t>(zone.min / request.page_kb);
  text += test.mark == min ? " (min)" : fmt::format(" (min {}, lowered for an urgent request)", min);
  if (test.reserve != 0) text += fmt::format(" + {} kept for requests that cannot use higher zones", test.reserve);
  text += !test.enough ? ": refused" : test.at_most ? open_end(test) : ": enough";
  section.add(Certainty::follows, text, {zone.line, zone.reserve_line});
  if (zone.blocks.empty() || (request.order == 0 && (test.block_order || !test.blocks_known))) return;
  const std::string letters = usable_letters(request);
  if (test.block_order)
    section.add(
        Certainty::follows,
        fmt::format("it may take blocks of the lists {}: the smallest that is large enough has order {} ({}*{}kB {})",
                    letters, *test.block_order, zone.blocks[*test.block_order].count,
                    request.page_kb << *test.block_order, zone.blocks[*test.block_order].letters),
        {zone.blocks_line});
  else if (test.blocks_known)
    section.add(Certainty::follows,
                fmt::format("it may take blocks of the lists {}: none of order {} or more has one of these letters",
                            letters, request.order),
                {zone.blocks_line});
  else if (!cut_blocks(zone, request.page_kb))
    section.add(Certainty::follows,
                "the line of the free blocks is cut, or has no letters: it does not tell whether a block would do",
                {zone.blocks_line});
}

// Returns that the request passes with a lower watermark, as far as the log shows that.
std::string passes_text(const Judged& judged) {
  const std::string rest = besides_watermark(judged);
  return rest.empty() ? "the request would pass" : "the watermark would let the request pass" + rest;
}

// Tells what raised the watermark, or what the machine was set up with.
void tell_settings(const Judged& judged, const ZoneReport& zone, Section& section) {
  const std::uint64_t page_kb = judged.request.page_kb;
  if (zone.boost && *zone.boost != 0) {
    const std::uint64_t plain_high = zone.high - std::min(zone.high, *zone.boost);
    const bool at_cap = *zone.boost / page_kb == plain_high / page_kb * 15000 / 10000;
    section.add(
        Certainty::follows,
        fmt::format("min is raised by {} kB, from {} kB, because blocks of one type were taken for another{}{}",
                    *zone.boost, zone.min - std::min(zone.min, *zone.boost),
                    at_cap ? "; that is the most that vm.watermark_boost_factor=15000 allows" : "",
                    judged.boost_decides && judged.zone == &zone ? ". Without that " + passes_text(judged) : ""),
        {zone.line});
  }
  const std::uint64_t below = zone.low - std::min(zone.low, zone.min);
  const std::uint64_t above = zone.high - std::min(zone.high, zone.low);
  if (below > above + 8)
    section.add(Certainty::fits,
                fmt::format("low - min is {} kB, high - low {} kB: a vendor's extra_free_kbytes gives {} kB of it",
                            below, above, below - above),
                {zone.line});
  if (zone.of_areas && *zone.of_areas > zone.free / kLargeShare)
    section.add(
        Certainty::seen,
        fmt::format("of {} kB free {} kB are of areas: only movable pages may have them", zone.free, *zone.of_areas),
        {zone.line});
}

// Tells whether min_free_kbytes is much more than by default.
void tell_min(const Judged& judged, Section& section) {
  const MinFree& free = judged.min_free;
  if (!free.is_raised()) return;
  const MinFreeSetting* setting = judged.setting;
  std::vector<std::uint64_t> lines = free.lines;
  std::string text =
      fmt::format("min is {} kB in all zones together, and would be about {} kB by default: ", free.min, free.usual);
  if (setting == nullptr) {
    text += "vm.min_free_kbytes was raised, by a setting or by khugepaged";
  } else {
    text += setting->by_khugepaged ? "khugepaged raised vm.min_free_kbytes" : "vm.min_free_kbytes was set to it";
    lines.push_back(setting->line);
  }
  if (judged.min_decides) text += ". With the default " + passes_text(judged);
  section.add(setting == nullptr ? Certainty::fits : Certainty::follows, text, lines);
}

// Tells what a line of free blocks that was cut says of blocks that are large enough for the request.
void tell_cut_blocks(const ZoneReport& zone, const Judged& judged, Section& section) {
  const std::uint64_t page_kb = judged.request.page_kb;
  const auto cut = cut_blocks(zone, page_kb);
  if (!cut) return;
  std::string text = fmt::format(
      "the line of the free blocks is cut: those of up to {} kB sum up to {} kB, so some {} kB are in larger ones",
      cut->up_to_kb, cut->sum_kb, cut->left_kb);
  if (const std::uint64_t block = page_kb << judged.request.order; block > cut->up_to_kb) {
    const std::uint64_t most = cut->left_kb / block;
    text += most == 0 ? fmt::format(": none of {} kB", block) : fmt::format(": at most {} of {} kB", most, block);
    const bool passed = test_grant(zone, judged.request, judged.report->has_high_memory).enough;
    const bool failed = judged.failure->kind != PageFailure::Kind::stalled;
    if (most != 0 && passed && failed) text += ", and none that the request may use, as it failed";
  }
  section.add(Certainty::fits, text, {zone.line, zone.blocks_line});
}

// Tells where figures of one line contradict each other.
void tell_consistency(const ZoneReport& zone, std::uint64_t page_kb, Section& section) {
  if (!zone.blocks_sum) return;
  std::uint64_t sum = 0;
  for (std::size_t order = 0; order < zone.blocks.size(); ++order) sum += zone.blocks[order].count * (page_kb << order);
  if (sum != *zone.blocks_sum)
    section.add(
        Certainty::follows,
        fmt::format("the free blocks sum up to {} kB, the line says {} kB: it is damaged", sum, *zone.blocks_sum),
        {zone.blocks_line});
}

// Tells what has the memory, where memory ran out.
void tell_users(const PageFailure& report, Section& section) {
  std::uint64_t managed = 0;
  std::uint64_t anonymous = 0;
  std::uint64_t of_files = 0;
  std::vector<std::uint64_t> lines;
  for (const ZoneReport& zone : report.zones) {
    if (!zone.has_state) continue;
    for (const auto& figure : {zone.managed, zone.anonymous, zone.of_files})
      if (!figure || *figure > kMostZoneKb) return;
    managed += *zone.managed;
    anonymous += *zone.anonymous;
    of_files += *zone.of_files;
    lines.push_back(zone.line);
  }
  if (managed == 0) return;
  std::string text;
  const auto add_share = [&](const char* what, std::uint64_t kb, const char* as) {
    const std::uint64_t percent = (kb * 100 + managed / 2) / managed;
    if (kb * 100 / managed < kLeastShare) return;
    text += fmt::format("{}{} {} kB{} ({} %)", text.empty() ? "" : ", ", what, kb, as, percent);
  };
  add_share("tasks have", anonymous, " as anonymous memory");
  add_share("files have", of_files, "");
  if (!text.empty()) section.add(Certainty::follows, fmt::format("of {} kB {}", managed, text), lines);
}

// Tells whom the kernel killed, and which limit was reached.
void tell_consequence(const PageFailure& failure, Shown& shown, Section& section) {
  if (failure.limit_kb != 0)
    section.add(Certainty::seen, fmt::format("the group's limit is {} kB", failure.limit_kb), {failure.limit_line});
  if (!failure.killed.empty())
    section.add(Certainty::seen, "the kernel killed " + shown.name("task", failure.killed), {failure.killed_line});
}

std::string vmalloc_text(const PageFailure& failure) {
  if (failure.bytes == 0)
    return "vmalloc was asked for 0 bytes, which it refuses; no page was missing, though the line looks like that";
  if (failure.lacked_pages)
    return "vmalloc had the address space and not all of its pages, which it takes one by one or in small blocks: "
           "memory ran out, no large block was missing";
  return "vmalloc did not have the address space, or asks for more than there is; its line borrows the text for pages, "
         "and order:0 in it means nothing";
}

void tell_verdict(const Judged& judged, Section& section) {
  switch (judged.verdict) {
    case Verdict::not_about_pages:
      section.add(Certainty::follows, vmalloc_text(*judged.failure), {judged.failure->line});
      return;
    case Verdict::granted:
      section.add(Certainty::follows,
                  judged.failure->asked ? "it would be granted"
                  : judged.failure->kind == PageFailure::Kind::report_only && !judged.by_driver
                      ? "it would be granted: the request that failed was for a larger block, or for another zone"
                      : "the printed state would grant it: it is later than the failure",
                  {judged.zone->line, judged.zone->blocks_line});
      return;
    case Verdict::no_report: section.add(Certainty::follows, "the log has no zone that it may use"); return;
    case Verdict::of_cgroup:
      section.add(Certainty::follows,
                  "a control group reached its limit; how much memory the machine has free does not matter",
                  {judged.failure->line});
      return;
    case Verdict::refused:
    case Verdict::no_block:
    case Verdict::not_known: return;
  }
}

std::string page_failure_title(const Judged& judged, Shown& shown) {
  const PageFailure& failure = *judged.failure;
  const std::string by = failure.task.empty() ? "" : " by " + shown.name("task", failure.task);
  switch (failure.kind) {
    case PageFailure::Kind::report_only:
      return judged.by_driver ? "request for pages for a driver's buffer: failed" : "memory report";
    case PageFailure::Kind::failure: return "request for pages" + by + ": failed";
    case PageFailure::Kind::out_of_memory: return "request for pages" + by + ": out of memory";
    case PageFailure::Kind::vmalloc: return fmt::format("vmalloc of {} bytes{}: failed", failure.bytes.value_or(0), by);
    case PageFailure::Kind::stalled: return "request for pages" + by + ": waiting";
    case PageFailure::Kind::vmemmap: return "request for a block of descriptors of pages" + by + ": failed";
  }
  return {};
}

// Tells of a report from before the failure, whose own is not in the log.
void tell_borrowed(const Judged& judged, const ToldBefore& before, Section& section) {
  const auto time = time_between(judged.report->origin, judged.failure->origin);
  const std::string earlier = time ? ", " + time_text(*time) + " earlier" : "";
  section.add(Certainty::fits,
              "its own report is not in the log; " +
                  (before.request ? "by the report before it" + earlier + " the same is true as above"
                                  : "what follows is for the report before it" + earlier),
              {judged.failure->line, judged.report->line});
}

// Tells of the zones of the report: whether each grants the request, and how they are set up.
void tell_zones(const Judged& judged, Section& section) {
  const PageFailure& failure = *judged.failure;
  const PageFailure& report = *judged.report;
  for (const ZoneReport& zone : report.zones) {
    if (!zone.has_state || !may_use_zone(judged.request.flags, zone.name)) continue;
    if (!may_use_node(failure, zone)) {
      section.add(Certainty::follows, fmt::format("zone {} is of a node that the task may not use", zone.name),
                  {failure.nodes_line, zone.line});
      continue;
    }
    tell_test(zone, test_grant(zone, judged.request, report.has_high_memory), judged.request, section);
    tell_settings(judged, zone, section);
    tell_cut_blocks(zone, judged, section);
  }
  tell_min(judged, section);
  if (judged.verdict == Verdict::refused) tell_users(report, section);
}

// Adds the section of a failure.
void tell_failure(const Judged& judged, const ToldBefore& before, Shown& shown, LogAnswer& answer) {
  Section section{page_failure_title(judged, shown), {}};
  const PageFailure& failure = *judged.failure;
  const PageFailure& report = *judged.report;
  const bool told = judged.about_zones() && judged.borrowed() && before.request;
  if (judged.about_zones()) {
    tell_request(judged, section);
    if (judged.borrowed()) tell_borrowed(judged, before, section);
    if (!told) tell_zones(judged, section);
  }
  if (!judged.borrowed() || (judged.about_zones() && !before.report))
    for (const ZoneReport& zone : report.zones) tell_consistency(zone, report.page_kb, section);
  if (!told) tell_verdict(judged, section);
  tell_consequence(failure, shown, section);
  if (failure.kind == PageFailure::Kind::vmemmap)
    section.add(Certainty::follows,
                "descriptors of memory that is added (vmemmap) are put into large blocks where those can be had; where "
                "not, into single pages: the line alone is no failure",
                {failure.line});
  answer.sections.push_back(std::move(section));
}

PageFailureSummary summary_of(const Judged& judged) {
  PageFailureSummary summary;
  summary.line = judged.failure->line;
  summary.order = judged.request.order;
  if (judged.failure->mode) summary.flags = judged.failure->mode->number;
  summary.verdict = judged.verdict;
  summary.own_report = !judged.borrowed();
  if (judged.zone == nullptr) return summary;
  summary.zone = judged.zone->name;
  summary.usable = judged.test.usable();
  summary.needed = judged.test.needed();
  summary.at_most = judged.test.at_most;
  return summary;
}

// Returns whether a report has lost its request, and the one after it its report, about the same shortage of memory:
// then one section tells of both.
bool are_one(const PageFailure& report, const PageFailure& next) {
  if (report.kind != PageFailure::Kind::report_only || report.asked || report.driver_line != 0) return false;
  if (!report.has_report() || next.has_report() || next.of_cgroup) return false;
  if (next.kind == PageFailure::Kind::report_only || next.kind == PageFailure::Kind::vmalloc) return false;
  const auto time = time_between(report.origin, next.origin);
  return time ? *time <= kOneShortage : next.line - report.last_line <= kLinesOfShortage;
}

// Returns what earlier sections, of these failures, have about the report of another.
ToldBefore told_before(const std::vector<Judged>& told, const Judged& judged) {
  ToldBefore before;
  for (const Judged& other : told) {
    if (other.report != judged.report || !other.about_zones()) continue;
    before.report = true;
    before.request =
        before.request || (other.request.order == judged.request.order && other.request.flags == judged.request.flags &&
                           other.zone == judged.zone && other.verdict == judged.verdict);
  }
  return before;
}

// Keeps the finding with more weight. That a task was killed is worth a sentence, whatever else failed.
class HeaviestFinding {
 public:
  void add(const Judged& judged, Shown& shown) {
    Finding next = page_finding(judged, shown);
    const bool ran_out = judged.failure->kind == PageFailure::Kind::out_of_memory;
    if (finding_ && finding_->weight >= next.weight) {
      if (ran_out && !ran_out_told_) finding_->besides.push_back(next.what);
      ran_out_told_ = ran_out_told_ || ran_out;
      return;
    }
    ran_out_told_ = ran_out;
    finding_ = std::move(next);
  }
  std::optional<Finding> take() { return std::move(finding_); }

 private:
  std::optional<Finding> finding_;
  bool ran_out_told_ = false;
};

}  // namespace

std::optional<Finding> tell_page_failures(const std::vector<PageFailure>& failures, const Context& context,
                                          Shown& shown, LogAnswer& answer) {
  HeaviestFinding finding;
  std::vector<Judged> told;
  std::size_t left_out = 0;
  const PageFailure* report = nullptr;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    const PageFailure& failure = failures[i];
    const bool has_report = failure.has_report();
    if (failure.kind == PageFailure::Kind::report_only && !has_report) continue;
    if (has_report) report = &failure;
    if (i + 1 < failures.size() && are_one(failure, failures[i + 1])) continue;
    const Judged judged = judge_failure(failure, report == nullptr ? failure : *report, context);
    answer.failures.push_back(summary_of(judged));
    finding.add(judged, shown);
    if (told.size() == kMostFailuresTold) {
      ++left_out;
      continue;
    }
    tell_failure(judged, told_before(told, judged), shown, answer);
    told.push_back(judged);
  }
  if (left_out != 0)
    answer.sections.push_back({fmt::format("{} more requests for pages are left out here", left_out), {}});
  return finding.take();
}

}  // namespace cma::logs
