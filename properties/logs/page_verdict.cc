#include "properties/logs/page_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cma::logs {
namespace {

// The largest block with pages of 4, 16 and 64 KiB, as kernels are configured: 4, 32 and 512 MiB.
unsigned most_order(std::uint64_t page_kb) {
  if (page_kb == 4) return 10;
  return page_kb == 16 ? 11 : 13;
}

// Returns the order of the block that the DMA layer asks for where areas fail; nullopt if there are none so large.
std::optional<unsigned> fallback_order(const PageFailure& failure, std::uint64_t page_kb) {
  if (failure.driver_bytes == 0) return std::nullopt;
  const std::uint64_t pages = (failure.driver_bytes - 1) / (page_kb * 1024) + 1;
  const unsigned order = pages == 1 ? 0 : floor_log2(pages - 1) + 1;
  return order <= most_order(page_kb) ? std::optional(order) : std::nullopt;
}

// Returns the version whose flags and rules are taken: the named one, or the newest that it may be. Up to 4.3 no number
// has the bits that since 4.4 say how a request may reclaim, and few lack both later.
Release version_of(const PageFailure& failure, const Kernel& kernel) {
  const ReleaseRange versions = kernel.versions();
  const Release newest = versions.last.value_or(versions.first);
  if (!failure.mode || kernel.named || versions.first >= Release::v4_4 || newest < Release::v4_4) return newest;
  const bool reclaims = (failure.mode->number & gfp_value(kGfpDirectReclaim | kGfpKswapdReclaim, newest)) != 0;
  return reclaims ? newest : Release::v4_3;
}

PageRequest request_of(const PageFailure& failure, const Kernel& kernel, bool& flags_known) {
  PageRequest request;
  request.release = version_of(failure, kernel);
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

// Returns whether the zone would grant it with another watermark.
bool grants_with_min(ZoneReport zone, std::uint64_t min, const Judged& judged) {
  zone.min = min;
  return test_grant(zone, judged.request, judged.report->has_high_memory).enough;
}

// Fills in which setting decides that the zone refuses it.
void judge_settings(const ZoneReport& zone, Judged& judged) {
  const std::uint64_t plain = zone.min - std::min(zone.min, zone.boost.value_or(0));
  const bool refused = judged.verdict == Verdict::refused;
  judged.boost_decides = refused && grants_with_min(zone, plain, judged);
  const MinFree& free = judged.min_free;
  judged.min_decides = refused && !judged.boost_decides && free.is_raised() && zone.is_low() &&
                       grants_with_min(zone, free.usual_part(plain), judged);
}

// Returns the line that set vm.min_free_kbytes to what the report has; nullptr if there is none.
const MinFreeSetting* setting_of(const MinFree& free, const PageFailure& report, const Context& context) {
  // Each zone has a whole number of pages of it.
  const std::uint64_t rounded = report.page_kb * free.lines.size();
  const MinFreeSetting* found = nullptr;
  for (const MinFreeSetting& setting : context.min_free)
    if (free.min <= setting.kb && setting.kb - free.min <= rounded) found = &setting;
  return found;
}

}  // namespace

Judged judge_failure(const PageFailure& failure, const PageFailure& report, const Context& context) {
  Judged judged;
  judged.failure = &failure;
  judged.report = &report;
  judged.request = request_of(failure, context.kernel, judged.flags_known);
  judged.min_free = min_free_of(report);
  judged.setting = setting_of(judged.min_free, report, context);
  const bool has_blocks =
      std::ranges::any_of(report.zones, [](const ZoneReport& zone) { return !zone.blocks.empty(); });
  judged.request.page_kb = has_blocks ? report.page_kb : context.page_kb();
  if (const auto order = fallback_order(failure, judged.request.page_kb)) {
    judged.by_driver = judged.request.flags_assumed = true;
    judged.request.order = *order;
  }
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
    judge_settings(zone, judged);
    judged.size_decides = !size_known && depends_on_size(zone, judged.request, report.has_high_memory);
  }
  if (judged.size_decides) judged.verdict = Verdict::not_known;
  if (failure.kind == PageFailure::Kind::vmalloc) judged.verdict = Verdict::not_about_pages;
  if (failure.of_cgroup) judged.verdict = Verdict::of_cgroup;
  return judged;
}

bool lacks_high_memory(const Judged& judged) {
  return judged.report->has_high_memory && !may_use_zone(judged.request.flags, "HighMem");
}

bool is_after_area(const Judged& judged) {
  return judged.failure->dma_line != 0 && judged.request.order != 0 && judged.flags_known &&
         (judged.request.flags & kGfpDirectReclaim) != 0;
}

std::string besides_watermark(const Judged& judged) {
  const GrantTest& test = judged.test;
  if (judged.request.order == 0 || test.block_order) return {};
  if (test.blocks_known)
    return fmt::format(", but there is no block of order {} or more that it may take", judged.request.order);
  const bool cut = judged.zone == nullptr || judged.zone->blocks.empty() || !judged.zone->blocks_sum;
  return fmt::format("; the log does not tell whether a block of order {} that it may take is free{}",
                     judged.request.order, cut ? ", as the report is cut" : "");
}

bool is_only_low_zone(const PageFailure& report, const ZoneReport& zone) {
  return std::ranges::none_of(
      report.zones, [&](const ZoneReport& other) { return &other != &zone && other.has_state && other.is_low(); });
}

}  // namespace cma::logs
