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
#include "properties/logs/short_answer.h"
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

// Returns the lines that the range of versions rests on: one for each end, or one for both.
std::vector<Narrowing> deciding(const Kernel& kernel) {
  const ReleaseRange& range = kernel.range;
  const bool has_first = range.first != Release::v3_5;
  const auto is_first = [&](const Narrowing& one) { return has_first && one.range.first == range.first; };
  const auto is_last = [&](const Narrowing& one) { return range.last && one.range.last == range.last; };
  for (const Narrowing& one : kernel.narrowing)
    if ((is_first(one) || !has_first) && (is_last(one) || !range.last)) return {one};
  std::vector<Narrowing> lines;
  const auto first = std::ranges::find_if(kernel.narrowing, is_first);
  const auto last = std::ranges::find_if(kernel.narrowing, is_last);
  if (first != kernel.narrowing.end()) lines.push_back(*first);
  if (last != kernel.narrowing.end()) lines.push_back(*last);
  return lines;
}

// Tells which versions print lines like those of the log.
void tell_versions(const Kernel& kernel, Certainty certainty, Section& section) {
  const std::vector<Narrowing> lines = deciding(kernel);
  if (lines.size() == 1) {
    section.add(certainty,
                fmt::format("{}, unless a vendor changed the line: {}", range_text(kernel.range), lines[0].what),
                {lines[0].line});
    return;
  }
  section.add(certainty,
              fmt::format("{}, by the form of its lines, unless a vendor changed them", range_text(kernel.range)));
  for (const Narrowing& line : lines)
    section.add(Certainty::follows, fmt::format("{}: {}", range_text(line.range), line.what), {line.line});
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
  if (!kernel.named && !kernel.too_old && narrowed) tell_versions(kernel, answer.versions_certainty, section);
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
  // A request for one page, whichever, tries all that are free.
  const auto failed = std::ranges::find_if(answer.requests, &RequestSummary::of_single_page);
  if (failed != answer.requests.end())
    section.add(Certainty::fits,
                "it is of other moments than the failure: a request for one page fails only while none is free",
                {failed->last_line, context.first_free_line, context.last_free_line});
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
  facts.context.area_files = facts.pasted.areas;
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
  for (const KnownBuffer& buffer : context.buffers) shown.lowest(buffer.base >> context.page_shift);
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
