// Why a request for pages failed, as far as a memory report tells: the zone that decides, the test with its figures,
// and which setting decides it.
//
// Used by the explanation of requests for pages and its short answer. Cost: linear in the zones of the report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/memory_report.h"
#include "properties/logs/page_grant.h"

namespace cma::logs {

struct Judged {
  const PageFailure* failure = nullptr;
  const PageFailure* report = nullptr;  // whose zones are looked at
  PageRequest request;
  bool flags_known = false;
  Verdict verdict = Verdict::no_report;
  const ZoneReport* zone = nullptr;  // the one that decides: the largest of those that come nearest to a grant
  GrantTest test;                    // of it
  bool boost_decides = false;        // without the boost of its watermark the zone would grant it
  bool min_decides = false;          // with the default of vm.min_free_kbytes it would
  MinFree min_free;
  const MinFreeSetting* setting = nullptr;  // the line with that number, if the log has one
  bool size_decides = false;                // the verdict depends on the size of pages, which the log does not tell
  bool by_driver = false;                   // what a driver's line says is all that the log has of the request

  // Returns whether the report is one from before the failure, whose own is not in the log.
  bool borrowed() const { return failure != report; }
  // Returns whether zones decide about it: not about vmalloc, nor in a control group.
  bool about_zones() const { return failure->kind != PageFailure::Kind::vmalloc && !failure->of_cgroup; }
};

// Judges a failure by a report: its own, or the one before it if it has none. Keeps pointers to all three.
Judged judge_failure(const PageFailure& failure, const PageFailure& report, const Context& context);
// Returns whether the flags of the request keep it out of high memory, of which the machine has some.
bool lacks_high_memory(const Judged& judged);
// Returns what the request lacks yet once the watermark lets it pass: "", or the block of its order, in words that go
// on a sentence.
std::string besides_watermark(const Judged& judged);
// Returns whether the DMA layer made the request, after it had asked an area, as it does if it may sleep and needs more
// than one page.
bool is_after_area(const Judged& judged);
// Returns whether the report has no other zone of low memory than this one.
bool is_only_low_zone(const PageFailure& report, const ZoneReport& zone);

}  // namespace cma::logs
