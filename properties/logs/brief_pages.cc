#include "properties/logs/brief_pages.h"

#include <fmt/format.h>

#include <algorithm>

namespace cma::logs {
namespace {

// A request does not wait for so many milliseconds.
constexpr std::uint64_t kMostWait = std::uint64_t{1} << 32;

// Returns "; 77 belong to areas", nothing if none do that are closed to the request.
std::string areas_text(const GrantTest& test, const char* link, const char* end = "") {
  return test.of_areas == 0 ? "" : fmt::format("{}{} belong to areas{}", link, test.of_areas, end);
}

// Returns what the request lacks yet where a lower watermark would let it pass, as a sentence.
std::string block_text(const Judged& judged) {
  const std::string rest = besides_watermark(judged);
  return rest.empty() ? "" : " A lower watermark would let it pass" + rest + ".";
}

// Returns why the zone refuses the request, where the default of vm.min_free_kbytes would let it pass.
std::string raised_min(const Judged& judged) {
  const GrantTest& test = judged.test;
  const MinFree& free = judged.min_free;
  const std::string name = "zone " + judged.zone->name;
  std::string text = judged.setting != nullptr
                         ? fmt::format("vm.min_free_kbytes was raised to {} kB", judged.setting->kb)
                         : fmt::format("vm.min_free_kbytes is {} kB (by default about {})", free.min, free.usual);
  if (!is_only_low_zone(*judged.report, *judged.zone))
    text += ", of which " + name + fmt::format(" must keep {} kB", judged.zone->min);
  else
    text += ", and " + name + ", the only zone" + (judged.report->has_high_memory ? " of low memory" : "") +
            ", must keep all of it";
  text += fmt::format(": of its {} free pages {} are usable for the request{}; they must be more than {}.", test.free,
                      test.usable(), areas_text(test, " (", ")"), test.needed());
  text += block_text(judged);
  return lacks_high_memory(judged) ? text + " High memory is of no use here." : text;
}

std::string refused_text(const Judged& judged) {
  const GrantTest& test = judged.test;
  if (judged.min_decides) return raised_min(judged);
  return fmt::format("In zone {} only {} of {} free pages are usable for it{}; it needs more than {}{}.{}",
                     judged.zone->name, test.usable(), test.free, areas_text(test, " (", ")"), test.needed(),
                     judged.boost_decides ? ", as min is boosted" : "", judged.boost_decides ? block_text(judged) : "");
}

std::string not_known_text(const Judged& judged) {
  const GrantTest& test = judged.test;
  if (judged.size_decides) return "Whether enough pages are free depends on their size, which the log does not tell.";
  if (test.at_most)
    return fmt::format(
        "At most {} of {} free pages are usable for it, and it needs more than {}: not enough to tell whether the "
        "printed state would refuse it.",
        test.usable(), test.free, test.needed());
  return "Enough pages are free; whether a block was large enough the log does not tell.";
}

// Returns what is known of a request without a report: what its flags and its stack tell.
std::string no_report_text(const Judged& judged) {
  const std::string_view zone = judged.flags_known ? zone_asked(judged.request.flags) : "";
  if (zone.empty()) return "The log has no report of a zone that it may use: not enough to tell why.";
  return fmt::format(
      "It may use no zone above {}, whatever is free there, and the log has no report of that: not enough to tell why.",
      zone);
}

// Returns which blocks of its size the request may not take.
std::string closed_blocks(const GrantTest& test) {
  const char* kept = "kept for urgent requests for more than a page";
  std::string text;
  const auto add = [&](std::uint64_t blocks, const std::string& what) {
    if (blocks == 0) return;
    text += text.empty() ? fmt::format("the {} of that size {}", counted(blocks, "block"), what)
                         : fmt::format(", {} {}", blocks, what);
  };
  add(test.blocks_of_areas, "belong to areas");
  add(test.blocks_kept, fmt::format("are {}", kept));
  add(test.blocks_of_either, fmt::format("belong to areas or are {}", kept));
  return text.empty() ? "memory is in pieces" : text;
}

std::string page_blame(const Judged& judged) {
  const GrantTest& test = judged.test;
  switch (judged.verdict) {
    case Verdict::not_about_pages:
      if (judged.failure->bytes == 0) return "It was asked for nothing, and refused; no page was missing.";
      return judged.failure->lacked_pages ? "Memory ran out on the way; it is not about a block of pages."
                                          : "That is about address space, not about pages.";
    case Verdict::of_cgroup: return "A control group reached its limit; the machine's free memory does not matter.";
    case Verdict::no_report: return no_report_text(judged);
    case Verdict::refused: return refused_text(judged);
    case Verdict::no_block:
      return fmt::format("Enough pages are free in zone {}, but no block of order {} or more that it may take: {}.",
                         judged.zone->name, judged.request.order, closed_blocks(test));
    case Verdict::granted:
      return fmt::format("{} are {} of {} free pages{}.",
                         judged.failure->kind == PageFailure::Kind::report_only && !judged.by_driver
                             ? "One page of the kernel's own would be granted: usable"
                             : "The state printed after it would grant it: at the failure less was free. Usable",
                         test.usable(), test.free, areas_text(test, "; "));
    case Verdict::not_known: return not_known_text(judged);
  }
  return {};
}

// Returns what helps against a watermark that is too high.
std::string lower_mark(const Judged& judged, bool areas) {
  // Each write of the setting computes the watermarks anew, without a boost.
  if (judged.boost_decides)
    return "A write to vm.min_free_kbytes, even of its present value, ends the boost until blocks are taken for "
           "another type again; vm.watermark_boost_factor=0 prevents that. A smaller area helps too.";
  if (judged.min_decides)
    return areas ? "Lower vm.min_free_kbytes; or make the area smaller." : "Lower vm.min_free_kbytes.";
  // Of a setting that the report shows not to be raised nothing is to be had.
  const bool may_be_raised = judged.min_free.usual == 0 || judged.min_free.is_raised();
  const char* lower = may_be_raised ? "or a smaller vm.min_free_kbytes, if that was raised." : "";
  if (areas)
    return std::string("A smaller area, so that more memory is ordinary") + (may_be_raised ? "; " : ".") + lower;
  return std::string("More memory") + (may_be_raised ? ", " : " or ") + "fewer users of it" +
         (may_be_raised ? ", " : ".") + lower;
}

// Returns what helps where the watermark lets the request pass and no block is large enough.
std::string remedy_of_blocks(const Judged& judged, bool areas) {
  const bool order = judged.request.order != 0;
  const bool urgent = goes_below_mark(judged.request);
  if (areas) return order ? "A smaller area, or requests of a smaller order." : "A smaller area.";
  if (urgent) return std::string(order ? "Requests of a smaller order, or a" : "A") + " larger vm.min_free_kbytes.";
  return order ? "Requests of a smaller order." : "";
}

// Returns what helps where the state that was printed would grant the request.
std::string remedy_of_later_state(const Judged& judged, bool areas) {
  const bool urgent = goes_below_mark(judged.request);
  if (areas)
    return std::string("A smaller area leaves more for such requests") +
           (urgent ? ", a larger vm.min_free_kbytes for urgent ones." : ".");
  return urgent ? "A larger vm.min_free_kbytes keeps more for urgent requests like it."
                : "The log shows a later state: look at what reclaim did before it.";
}

std::string page_remedy(const Judged& judged) {
  const PageFailure& failure = *judged.failure;
  const bool lone = failure.kind == PageFailure::Kind::report_only && !judged.by_driver;
  if (lone && judged.verdict == Verdict::granted) return "";
  if (failure.kind == PageFailure::Kind::vmalloc && !failure.lacked_pages && failure.bytes.value_or(0) != 0)
    return "On 32 bits vmalloc=SIZE on the command line makes room; /proc/vmallocinfo shows who has it.";
  const bool areas = judged.test.of_areas > judged.test.free / 2;
  switch (judged.verdict) {
    case Verdict::refused: return lower_mark(judged, areas);
    case Verdict::no_block:
    case Verdict::not_known: return remedy_of_blocks(judged, areas);
    case Verdict::granted: return remedy_of_later_state(judged, areas);
    case Verdict::of_cgroup: return "A larger limit (memory.max), or less in the group.";
    case Verdict::not_about_pages:
    case Verdict::no_report: return "";
  }
  return {};
}

const char* in_a_row(unsigned order) { return order == 0 ? "" : " in a row"; }

std::uint64_t failure_weight(const Judged& judged) {
  switch (judged.failure->kind) {
    case PageFailure::Kind::report_only:
      if (judged.by_driver) return kFailed;
      return judged.failure->asked ? 1 : kSuspicious;
    case PageFailure::Kind::stalled:
    case PageFailure::Kind::vmemmap: return kSuspicious + 1;
    case PageFailure::Kind::failure:
    case PageFailure::Kind::out_of_memory:
    case PageFailure::Kind::vmalloc: return kFailed;
  }
  return 0;
}

}  // namespace

std::string what_failed(const Judged& judged, Shown& shown) {
  const PageFailure& failure = *judged.failure;
  const std::string by = failure.task.empty() ? "" : " by " + shown.name("task", failure.task);
  switch (failure.kind) {
    case PageFailure::Kind::report_only:
      if (judged.by_driver)
        return fmt::format("The page allocator did not have {} in a row (order {}) for a driver's buffer.",
                           pages_text(order_pages(judged.request.order), judged.request.page_kb), judged.request.order);
      return failure.asked ? "A memory report that was asked for; it shows no failure."
                           : "A memory report, without the line of the request that failed.";
    case PageFailure::Kind::failure:
      return fmt::format("A request for {}{} (order {}){} failed.", shown.pages(order_pages(failure.order)),
                         in_a_row(failure.order), failure.order, by);
    case PageFailure::Kind::out_of_memory:
      return fmt::format("Memory ran out for a request of order {}{}: the kernel looked for a task to kill.",
                         failure.order, by);
    case PageFailure::Kind::vmalloc: return fmt::format("vmalloc of {} bytes{} failed.", failure.bytes.value_or(0), by);
    case PageFailure::Kind::stalled:
      return fmt::format("A request for {}{} (order {}){} had waited for {} and not failed.",
                         shown.pages(order_pages(failure.order)), in_a_row(failure.order), failure.order, by,
                         time_text(static_cast<std::int64_t>(std::min(failure.waited_ms, kMostWait) * 1000)));
    case PageFailure::Kind::vmemmap:
      return fmt::format("There was no block of order {} for descriptors of pages{}; single pages are taken then.",
                         failure.order, failure.task.empty() ? "" : ", asked for" + by);
  }
  return {};
}

Finding page_finding(const Judged& judged, Shown& shown) {
  Finding finding;
  finding.weight = failure_weight(judged);
  finding.what = what_failed(judged, shown);
  finding.blame = page_blame(judged);
  finding.next = page_remedy(judged);
  if (judged.verdict == Verdict::no_report)
    finding.collect.emplace_back("dmesg    (from the line \"page allocation failure\" to \"pages cma reserved\")");
  if (!is_after_area(judged)) return finding;
  const std::string link = finding.next.empty() ? "" : " ";
  finding.next += link + "The DMA layer asks for such a block only where an area gave nothing: look at the area first.";
  finding.collect.emplace_back(
      "grep . /sys/kernel/debug/cma/*/count /sys/kernel/debug/cma/*/used /sys/kernel/debug/cma/*/maxchunk    (is there "
      "an area, and has it room?)");
  return finding;
}

}  // namespace cma::logs
