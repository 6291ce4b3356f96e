#include "properties/logs/explain_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "properties/logs/context.h"
#include "properties/logs/fact_reader.h"
#include "properties/logs/memory_report.h"
#include "properties/logs/page_size.h"
#include "properties/logs/requests.h"
#include "properties/logs/stable_order.h"
#include "properties/logs/tell_boot.h"
#include "properties/logs/tell_holders.h"
#include "properties/logs/tell_pages.h"
#include "properties/logs/tell_pasted.h"
#include "properties/logs/tell_requests.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

// Returns whether the layers of areas print such a line, which a program that reproduces the log has to print too.
bool is_of_areas(Says says) {
  constexpr Says of_areas[] = {
      Says::window_busy,        Says::lines_suppressed,  Says::errors_suppressed, Says::alloc_failed,
      Says::alloc_called,       Says::alloc_retries,     Says::alloc_returned,    Says::bitmap_report,
      Says::trace_alloc,        Says::trace_alloc_start, Says::trace_alloc_retry, Says::trace_alloc_finish,
      Says::trace_tested,       Says::area_reserved,     Says::area_failed,       Says::region_unaligned,
      Says::region_at_boundary, Says::region_over_limit, Says::area_inactive,
  };
  return std::ranges::find(of_areas, says) != std::end(of_areas);
}

void tell_kernel(const Kernel& kernel, const Shown& shown, LogAnswer& answer) {
  Section section{"kernel", {}};
  if (kernel.named || kernel.too_old)
    answer.versions_certainty = Certainty::seen;
  else if (kernel.by_backported)
    answer.versions_certainty = Certainty::fits;
  if (kernel.named || kernel.too_old)
    section.add(Certainty::seen,
                "Linux " + (shown.redacted() && kernel.named ? name_of(*kernel.named) : kernel.named_as),
                {kernel.named_line});
  if (kernel.too_old) section.add(Certainty::follows, "before 3.5 there were no areas", {kernel.named_line});
  const bool narrowed = kernel.range.first != Release::v3_5 || kernel.range.last;
  if (!kernel.named && !kernel.too_old && narrowed)
    section.add(answer.versions_certainty,
                fmt::format("{}, by the form of its lines, unless a vendor changed them", range_text(kernel.range)));
  if (!kernel.named)
    for (const Narrowing& narrowing : kernel.narrowing)
      section.add(Certainty::follows, fmt::format("{}: {}", range_text(narrowing.range), narrowing.what),
                  {narrowing.line});
  for (const Narrowing& narrowing : kernel.contradicts)
    section.add(Certainty::fits,
                fmt::format("a vendor's kernel: this line is one of {} in mainline: {}", range_text(narrowing.range),
                            narrowing.what),
                {narrowing.line});
  if (!kernel.named && !kernel.too_old && !narrowed) {
    answer.versions = "unknown";
    section.add(Certainty::follows, "no line tells the version");
  } else {
    answer.versions = kernel.too_old ? kernel.named_as : range_text(kernel.versions());
    const Release version = kernel.versions().last.value_or(kernel.versions().first);
    answer.model = name_of(nearest_modelled(kernel.named ? *kernel.named : version));
  }
  answer.sections.push_back(std::move(section));
}

void tell_page_size(const Context& context, LogAnswer& answer) {
  answer.page_kb = context.page_kb();
  answer.page_kb_told = context.page_shift_line != 0;
  if (context.page_kb() == 4) return;
  answer.sections.back().add(context.page_size_certain ? Certainty::follows : Certainty::fits,
                             fmt::format("pages have {} KiB: {}", context.page_kb(), context.page_size_why),
                             {context.page_shift_line});
}

void tell_free(const Context& context, LogAnswer& answer) {
  if (!context.first_free) return;
  Section section{"free pages of areas", {}};
  section.add(Certainty::seen,
              fmt::format("CmaFree is {} kB at first, {} kB at last", *context.first_free, context.last_free),
              {context.first_free_line, context.last_free_line});
  section.add(Certainty::follows,
              "pages of an area that no buffer has are lent to movable pages, such as the page cache: a small CmaFree "
              "alone is no leak, and does not mean that buffers have the area",
              {context.last_free_line});
  answer.sections.push_back(std::move(section));
}

// Makes the lowest address that lines of boot have the lowest frame, unless a lower one is.
void lower_to_boot(const std::vector<Fact>& boot, unsigned page_shift, Shown& shown) {
  for (const Fact& fact : boot) {
    for (const char* field : {"base", "from", "limit", "boundary"})
      if (fact.field(field) != nullptr) shown.lowest(fact.number(field) >> page_shift);
    // The base that is said to fit lies below the one that is not aligned.
    if (const std::uint64_t unit = fact.number("alignment"); is_power_of_two(unit))
      shown.lowest(align_down(fact.number("base"), unit) >> page_shift);
  }
}

// Fills in the short answer: the finding with the most weight, and what else failed.
void tell_briefly(std::vector<Finding> findings, LogAnswer& answer) {
  if (findings.empty()) {
    answer.brief.emplace_back(
        answer.facts == 0 ? "Not enough: no line of this log is about contiguous memory."
                          : "Not enough: the log has lines about memory, but none about a request that failed.");
    answer.collect.emplace_back("dmesg | grep -e cma -e alloc_contig_range    (right after the failure)");
    return;
  }
  sort_in_stable_order(findings, [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
  Finding& finding = findings.front();
  std::vector<std::string> besides = finding.besides;
  for (std::size_t i = 1; i < findings.size(); ++i) {
    if (findings[i].weight < kFailed) continue;
    besides.push_back(findings[i].what);
    besides.insert(besides.end(), findings[i].besides.begin(), findings[i].besides.end());
  }
  for (std::size_t i = 0; i < besides.size(); ++i) finding.what += (i == 0 ? " Besides: " : " ") + besides[i];
  for (const std::string& line : {finding.what, finding.blame, finding.next})
    if (!line.empty()) answer.brief.push_back(line);
  answer.collect = finding.collect;
}

}  // namespace

LogFacts read_log(Source source) {
  LogFacts facts;
  FactReader reader(std::move(source));
  ContextReader context;
  RequestFinder requests;
  PageFailureFinder failures;
  BootFinder boot;
  PastedReader pasted;
  Fact fact;
  while (reader.next(fact)) {
    if (++facts.facts > kMostFacts) {
      ++facts.left_out;
      continue;
    }
    context.add(fact);
    requests.add(fact);
    failures.add(fact);
    boot.add(fact);
    pasted.add(fact);
    if (is_of_areas(fact.says()) && facts.area_lines.size() < kMostAreaLines)
      facts.area_lines.push_back({fact.line, fact.says(), printed_text(fact)});
  }
  facts.lines = reader.lines();
  facts.context = context.context();
  facts.requests = requests.take();
  find_page_size(facts.requests, facts.context);
  facts.failures = failures.take();
  facts.boot = boot.facts();
  facts.pasted = pasted.files();
  facts.left_out += requests.left_out() + failures.left_out();
  return facts;
}

LogAnswer explain_facts(const LogFacts& facts, const ExplainOptions& options) {
  LogAnswer answer;
  answer.lines = facts.lines;
  answer.facts = facts.facts;
  const Context& context = facts.context;
  Shown shown(options.redact);
  shown.set_page_kb(context.page_kb());
  for (const KnownArea& area : context.areas) shown.lowest(area.range.start);
  for (const DescribedPage& page : context.immovable) shown.lowest(page.pfn);
  for (const AreaFiles& area : facts.pasted.areas)
    if (area.base) shown.lowest(area.base->value);
  lower_to_boot(facts.boot, context.page_shift, shown);
  tell_kernel(context.kernel, shown, answer);
  tell_page_size(context, answer);
  std::vector<Finding> findings;
  const auto keep = [&](std::optional<Finding> finding) {
    if (finding) findings.push_back(std::move(*finding));
  };
  keep(tell_requests(facts.requests, context, shown, answer));
  tell_described(context, shown, answer);
  tell_free(context, answer);
  keep(tell_page_failures(facts.failures, context, shown, answer));
  keep(tell_pasted(facts.pasted, facts.requests, context, shown, answer));
  keep(tell_boot(facts.boot, context, facts.requests.empty() && facts.failures.empty(), shown, answer));
  for (const KnownArea& area : context.areas) answer.areas.push_back(shown.range(area.range));
  if (facts.left_out != 0)
    answer.sections.push_back(
        {fmt::format("too much for one answer: {} facts or requests were left out", facts.left_out), {}});
  tell_briefly(std::move(findings), answer);
  return answer;
}

LogAnswer explain_log(Source source, const ExplainOptions& options) {
  return explain_facts(read_log(std::move(source)), options);
}

}  // namespace cma::logs
