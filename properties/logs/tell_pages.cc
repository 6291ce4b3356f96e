#include "properties/logs/tell_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "properties/logs/page_grant.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

constexpr std::size_t kMostFailuresTold = 12;
// A zone's share of areas from which on it is worth a sentence: a half.
constexpr std::uint64_t kLargeShare = 2;
// A request does not wait for so many milliseconds.
constexpr std::uint64_t kMostWait = std::uint64_t{1} << 32;
// What no zone has: figures of damaged lines.
constexpr std::uint64_t kMostKb = std::uint64_t{1} << 44;

struct Judged {
  const PageFailure* failure = nullptr;
  const PageFailure* report = nullptr;  // whose zones are looked at
  PageRequest request;
  bool flags_known = false;
  Verdict verdict = Verdict::no_report;
  const ZoneReport* zone = nullptr;  // the one that decides: the largest of those that come nearest to a grant
  GrantTest test;                    // of it
  bool boost_decides = false;
  bool size_decides = false;  // the verdict depends on the size of pages, which the log does not tell
};

PageRequest request_of(const PageFailure& failure, const Kernel& kernel, bool& flags_known) {
  PageRequest request;
  const ReleaseRange versions = kernel.versions();
  request.release = kernel.named ? *kernel.named : versions.last.value_or(versions.first);
  request.order = failure.order;
  flags_known = false;
  if (!failure.mode) return request;
  // Numbers of a vendor's kernel can be those of another version.
  std::optional<Gfp> flags = flags_of(*failure.mode, request.release);
  if (const auto printers = versions_of(*failure.mode); printers && !printers->contains(request.release)) {
    flags = flags_of(*failure.mode, printers->first);
  }
  flags_known = flags.has_value();
  if (flags) request.flags = *flags;
  return request;
}

Verdict verdict_on(const GrantTest& test, const PageRequest& request) {
  if (!test.enough) return Verdict::refused;
  if (test.block_order || (request.order == 0 && !test.blocks_known))
    return test.at_most ? Verdict::not_known : Verdict::granted;
  return test.blocks_known ? Verdict::no_block : Verdict::not_known;
}

// Returns how near a verdict is to a grant: a zone that grants decides.
int rank_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::not_about_pages:
    case Verdict::of_cgroup:
    case Verdict::no_report: return 0;
    case Verdict::refused: return 1;
    case Verdict::no_block: return 2;
    case Verdict::not_known: return 3;
    case Verdict::granted: return 4;
  }
  return 0;
}

// Returns whether larger pages than the request has would change the verdict: what is kept back is counted in pages.
bool depends_on_size(const ZoneReport& zone, PageRequest request, bool high_memory) {
  const bool enough = test_grant(zone, request, high_memory).enough;
  for (const std::uint64_t page_kb : {4, 16, 64}) {
    request.page_kb = page_kb;
    if (test_grant(zone, request, high_memory).enough != enough) return true;
  }
  return false;
}

// Judges a failure by a report: its own, or the one before it if it has none.
Judged judge_failure(const PageFailure& failure, const PageFailure& report, const Context& context) {
  Judged judged;
  judged.failure = &failure;
  judged.report = &report;
  judged.request = request_of(failure, context.kernel, judged.flags_known);
  const bool has_blocks =
      std::ranges::any_of(report.zones, [](const ZoneReport& zone) { return !zone.blocks.empty(); });
  judged.request.page_kb = has_blocks ? report.page_kb : context.page_kb();
  const bool size_known = has_blocks || context.page_shift_line != 0;
  for (const ZoneReport& zone : report.zones) {
    if (!zone.has_state || !may_use_zone(judged.request.flags, zone.name)) continue;
    if (!may_use_node(failure, zone)) continue;
    const GrantTest test = test_grant(zone, judged.request, report.has_high_memory);
    const Verdict verdict = verdict_on(test, judged.request);
    // Of zones that are alike the largest one says most.
    const auto key = [](Verdict of, const ZoneReport& one) { return std::pair(rank_of(of), one.managed.value_or(0)); };
    if (judged.zone != nullptr && key(verdict, zone) <= key(judged.verdict, *judged.zone)) continue;
    judged.verdict = verdict;
    judged.zone = &zone;
    judged.test = test;
    ZoneReport unboosted = zone;
    unboosted.min -= std::min(zone.min, zone.boost.value_or(0));
    judged.boost_decides =
        verdict == Verdict::refused && test_grant(unboosted, judged.request, report.has_high_memory).enough;
    judged.size_decides = !size_known && depends_on_size(zone, judged.request, report.has_high_memory);
  }
  if (judged.size_decides) judged.verdict = Verdict::not_known;
  if (failure.kind == PageFailure::Kind::vmalloc) judged.verdict = Verdict::not_about_pages;
  if (failure.of_cgroup) judged.verdict = Verdict::of_cgroup;
  return judged;
}

// --- evidence ---

void tell_request(const Judged& judged, Section& section) {
  const PageFailure& failure = *judged.failure;
  if (failure.kind == PageFailure::Kind::report_only) {
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
  if (failure.order > kCostlyOrder)
    section.add(Certainty::follows, "above order 3 the kernel gives up after a few attempts", {failure.line});
}

void tell_test(const ZoneReport& zone, const GrantTest& test, const PageRequest& request, Section& section) {
  std::string text = fmt::format("zone {}: {} pages free", zone.name, test.free);
  if (test.of_areas != 0) text += fmt::format(" - {} of areas, which it may not use", test.of_areas);
  if (test.highatomic != 0) text += fmt::format(" - {} kept for urgent requests", test.highatomic);
  if (test.block != 0) text += fmt::format(" - {} of the block itself", test.block);
  text += fmt::format(" = {}{}; must be more than {}", test.at_most ? "at most " : "", test.usable(), test.mark);
  const auto min = static_cast<std::int64_t>(zone.min / request.page_kb);
  text += test.mark == min ? " (min)" : fmt::format(" (min {}, lowered for an urgent request)", min);
  if (test.reserve != 0) text += fmt::format(" + {} kept for requests that cannot use higher zones", test.reserve);
  text += !test.enough   ? ": refused"
          : test.at_most ? ": perhaps enough, as the line does not have all that is kept back"
                         : ": enough";
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
  else
    section.add(Certainty::follows,
                "the line of the free blocks is cut, or has no letters: it does not tell whether a block would do",
                {zone.blocks_line});
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
                    judged.boost_decides && judged.zone == &zone ? ". Without that the request would pass" : ""),
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
void tell_min(const PageFailure& report, Section& section) {
  const MinFree free = min_free_of(report);
  if (!free.is_raised()) return;
  section.add(Certainty::fits,
              fmt::format("min is {} kB in all zones together, and would be about {} kB by default: "
                          "vm.min_free_kbytes was raised, by a setting or by khugepaged",
                          free.min, free.usual),
              free.lines);
}

// Tells what a line of free blocks that was cut says of those that are missing.
void tell_cut_blocks(const ZoneReport& zone, std::uint64_t page_kb, Section& section) {
  if (!zone.has_state || zone.blocks.empty() || zone.blocks_sum) return;
  std::uint64_t sum = 0;
  for (std::size_t order = 0; order < zone.blocks.size(); ++order) sum += zone.blocks[order].count * (page_kb << order);
  if (sum > zone.free) return;
  section.add(
      Certainty::fits,
      fmt::format(
          "the line of the free blocks is cut: those of up to {} kB sum up to {} kB, so some {} kB are in larger ones",
          page_kb << (zone.blocks.size() - 1), sum, zone.free - sum),
      {zone.line, zone.blocks_line});
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
      if (!figure || *figure > kMostKb) return;
    managed += *zone.managed;
    anonymous += *zone.anonymous;
    of_files += *zone.of_files;
    lines.push_back(zone.line);
  }
  if (managed == 0) return;
  section.add(Certainty::follows,
              fmt::format("of {} kB tasks have {} kB as anonymous memory ({} %), files {} kB ({} %)", managed,
                          anonymous, anonymous * 100 / managed, of_files, of_files * 100 / managed),
              lines);
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
                  : judged.failure->kind == PageFailure::Kind::report_only
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
    case PageFailure::Kind::report_only: return "memory report";
    case PageFailure::Kind::failure: return "request for pages" + by + ": failed";
    case PageFailure::Kind::out_of_memory: return "request for pages" + by + ": out of memory";
    case PageFailure::Kind::vmalloc: return fmt::format("vmalloc of {} bytes{}: failed", failure.bytes.value_or(0), by);
    case PageFailure::Kind::stalled: return "request for pages" + by + ": waiting";
    case PageFailure::Kind::vmemmap: return "request for a block of descriptors of pages" + by + ": failed";
  }
  return {};
}

void tell_failure(const Judged& judged, Shown& shown, LogAnswer& answer) {
  Section section{page_failure_title(judged, shown), {}};
  const PageFailure& failure = *judged.failure;
  const PageFailure& report = *judged.report;
  if (failure.kind != PageFailure::Kind::vmalloc && !failure.of_cgroup) {
    tell_request(judged, section);
    if (&report != &failure)
      section.add(Certainty::fits, "its own report is not in the log; what follows is for the report before it",
                  {failure.line, report.line});
    for (const ZoneReport& zone : report.zones) {
      if (!zone.has_state || !may_use_zone(judged.request.flags, zone.name)) continue;
      if (!may_use_node(failure, zone)) {
        section.add(Certainty::follows, fmt::format("zone {} is of a node that the task may not use", zone.name),
                    {failure.nodes_line, zone.line});
        continue;
      }
      tell_test(zone, test_grant(zone, judged.request, report.has_high_memory), judged.request, section);
      tell_settings(judged, zone, section);
      tell_cut_blocks(zone, report.page_kb, section);
    }
    tell_min(report, section);
    if (judged.verdict == Verdict::refused) tell_users(report, section);
  }
  if (&report == &failure)
    for (const ZoneReport& zone : report.zones) tell_consistency(zone, report.page_kb, section);
  tell_verdict(judged, section);
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
  summary.order = judged.failure->order;
  if (judged.failure->mode) summary.flags = judged.failure->mode->number;
  summary.verdict = judged.verdict;
  summary.own_report = judged.report == judged.failure;
  if (judged.zone == nullptr) return summary;
  summary.zone = judged.zone->name;
  summary.usable = judged.test.usable();
  summary.needed = judged.test.needed();
  summary.at_most = judged.test.at_most;
  return summary;
}

// --- the short answer ---

std::string what_failed(const Judged& judged, Shown& shown) {
  const PageFailure& failure = *judged.failure;
  const std::string by = failure.task.empty() ? "" : " by " + shown.name("task", failure.task);
  switch (failure.kind) {
    case PageFailure::Kind::report_only:
      return failure.asked ? "A memory report that was asked for; it shows no failure."
                           : "A memory report, without the line of the request that failed.";
    case PageFailure::Kind::failure:
      return fmt::format("A request for {} in a row (order {}){} failed.", shown.pages(order_pages(failure.order)),
                         failure.order, by);
    case PageFailure::Kind::out_of_memory:
      return fmt::format("Memory ran out for a request of order {}{}: the kernel looked for a task to kill.",
                         failure.order, by);
    case PageFailure::Kind::vmalloc: return fmt::format("vmalloc of {} bytes{} failed.", failure.bytes.value_or(0), by);
    case PageFailure::Kind::stalled:
      return fmt::format("A request for {} in a row (order {}){} had waited for {} and not failed.",
                         shown.pages(order_pages(failure.order)), failure.order, by,
                         time_text(static_cast<std::int64_t>(std::min(failure.waited_ms, kMostWait) * 1000)));
    case PageFailure::Kind::vmemmap:
      return fmt::format("A block of order {} for descriptors of pages{} was not had; single pages are taken then.",
                         failure.order, by);
  }
  return {};
}

std::string page_blame(const Judged& judged) {
  const GrantTest& test = judged.test;
  switch (judged.verdict) {
    case Verdict::not_about_pages:
      if (judged.failure->bytes == 0) return "It was asked for nothing, and refused; no page was missing.";
      return judged.failure->lacked_pages ? "Memory ran out on the way; it is not about a block of pages."
                                          : "That is about address space, not about pages.";
    case Verdict::of_cgroup: return "A control group reached its limit; the machine's free memory does not matter.";
    case Verdict::no_report: return "The log has no report of a zone that it may use: not enough to tell why.";
    case Verdict::refused:
      return fmt::format("In zone {} only {} of {} free pages are usable for it{}; it needs more than {}{}.",
                         judged.zone->name, test.usable(), test.free,
                         test.of_areas != 0 ? fmt::format(" ({} belong to areas)", test.of_areas) : "", test.needed(),
                         judged.boost_decides ? ", as min is boosted" : "");
    case Verdict::no_block:
      return fmt::format("Enough pages are free in zone {}, but no block of order {} or more that it may take: {}.",
                         judged.zone->name, judged.request.order,
                         test.blocks_of_areas != 0 ? fmt::format("the {} of that size belong to areas",
                                                                 counted(test.blocks_of_areas, "block"))
                                                   : "memory is in pieces");
    case Verdict::granted:
      if (judged.failure->kind == PageFailure::Kind::report_only)
        return fmt::format("One page of the kernel's own would be granted: usable are {} of {} free pages{}.",
                           test.usable(), test.free,
                           test.of_areas != 0 ? fmt::format("; {} belong to areas", test.of_areas) : "");
      return fmt::format(
          "The state printed after it would grant it: at the failure less was free. Usable are {} of {} free pages{}.",
          test.usable(), test.free, test.of_areas != 0 ? fmt::format("; {} belong to areas", test.of_areas) : "");
    case Verdict::not_known:
      if (judged.size_decides)
        return "Whether enough pages are free depends on their size, which the log does not tell.";
      if (test.at_most)
        return fmt::format(
            "At most {} of {} free pages are usable for it, and it needs more than {}: not enough to tell "
            "whether the printed state would refuse it.",
            test.usable(), test.free, test.needed());
      return "Enough pages are free; whether a block was large enough the log does not tell.";
  }
  return {};
}

std::string page_remedy(const Judged& judged) {
  const PageFailure& failure = *judged.failure;
  if (failure.kind == PageFailure::Kind::report_only && judged.verdict == Verdict::granted) return "";
  if (failure.kind == PageFailure::Kind::vmalloc && !failure.lacked_pages && failure.bytes.value_or(0) != 0)
    return "On 32 bits vmalloc=SIZE on the command line makes room; /proc/vmallocinfo shows who has it.";
  const bool areas = judged.test.of_areas > judged.test.free / 2;
  switch (judged.verdict) {
    case Verdict::refused:
      if (judged.boost_decides)
        return "vm.watermark_boost_factor=0, or a smaller area, so that more memory is ordinary.";
      if (areas)
        return "A smaller area, so that more memory is ordinary; or a smaller vm.min_free_kbytes, if that was raised.";
      return "More memory, fewer users of it, or a smaller vm.min_free_kbytes, if that was raised.";
    case Verdict::no_block:
    case Verdict::not_known:
      return areas ? "A smaller area, or requests of a smaller order."
                   : "Requests of a smaller order, or a larger vm.min_free_kbytes.";
    case Verdict::granted:
      return areas ? "A smaller area leaves more for such requests, a larger vm.min_free_kbytes for urgent ones."
                   : "A larger vm.min_free_kbytes keeps more for urgent requests.";
    case Verdict::of_cgroup: return "A larger limit (memory.max), or less in the group.";
    case Verdict::not_about_pages:
    case Verdict::no_report: return "";
  }
  return {};
}

std::uint64_t failure_weight(const PageFailure& failure) {
  switch (failure.kind) {
    case PageFailure::Kind::report_only: return failure.asked ? 1 : kSuspicious;
    case PageFailure::Kind::stalled:
    case PageFailure::Kind::vmemmap: return kSuspicious + 1;
    case PageFailure::Kind::failure:
    case PageFailure::Kind::out_of_memory:
    case PageFailure::Kind::vmalloc: return kFailed;
  }
  return 0;
}

}  // namespace

std::optional<Finding> tell_page_failures(const std::vector<PageFailure>& failures, const Context& context,
                                          Shown& shown, LogAnswer& answer) {
  std::optional<Finding> finding;
  std::size_t told = 0;
  bool ran_out_told = false;
  const PageFailure* report = nullptr;
  for (const PageFailure& failure : failures) {
    const bool empty =
        failure.kind == PageFailure::Kind::report_only && std::ranges::none_of(failure.zones, &ZoneReport::has_state);
    if (empty) continue;
    const bool has_report = std::ranges::any_of(failure.zones, &ZoneReport::has_state);
    if (has_report) report = &failure;
    const Judged judged = judge_failure(failure, report == nullptr ? failure : *report, context);
    answer.failures.push_back(summary_of(judged));
    if (told++ < kMostFailuresTold) tell_failure(judged, shown, answer);
    const std::uint64_t weight = failure_weight(failure);
    const bool ran_out = failure.kind == PageFailure::Kind::out_of_memory;
    if (finding && finding->weight >= weight) {
      // That a task was killed is worth a sentence, whatever else failed.
      if (ran_out && !ran_out_told) finding->besides.push_back(what_failed(judged, shown));
      ran_out_told = ran_out_told || ran_out;
      continue;
    }
    ran_out_told = ran_out;
    finding = Finding{weight, what_failed(judged, shown), page_blame(judged), page_remedy(judged), {}, {}};
    if (judged.verdict == Verdict::no_report)
      finding->collect.emplace_back("dmesg    (from the line \"page allocation failure\" to \"pages cma reserved\")");
  }
  if (told > kMostFailuresTold)
    answer.sections.push_back(
        {fmt::format("{} more requests for pages are left out here", told - kMostFailuresTold), {}});
  return finding;
}

}  // namespace cma::logs
