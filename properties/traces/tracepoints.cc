// How each release prints the tracepoints that the model has: format_of() of run_trace.h.

#include <string>

#include "allocator/base/assert.h"
#include "properties/traces/run_trace.h"

namespace cma {
namespace {

// All tracepoints print frame numbers alike since 5.14.
std::string area_pfn(Release release) { return release >= Release::v5_14 ? "pfn=0x%lx" : "pfn=%lx"; }
std::string page_pfn(Release release) { return release >= Release::v5_14 ? "pfn=0x%lx" : "pfn=%lu"; }

std::string migrate_pages(Release release) {
  std::string print = "nr_succeeded=%lu nr_failed=%lu";
  if (release >= Release::v5_9) print += " nr_thp_succeeded=%lu nr_thp_failed=%lu nr_thp_split=%lu";
  if (release >= Release::v6_7) print += " nr_split=%lu";
  return print + " mode=%s reason=%s";
}

std::string compaction(Release release) {
  return std::string(release >= Release::v4_0 ? "range=(0x%lx ~ 0x%lx) " : "") + "nr_scanned=%lu nr_taken=%lu";
}

std::string page(Release release, const std::string& rest) { return "page=%s " + page_pfn(release) + " " + rest; }

}  // namespace

TraceFormat format_of(Event event, Release release) {
  const std::string attempt = "name=%s " + area_pfn(release) + " page=%s count=%lu align=%lu";
  switch (event) {
    case Event::log_text:
    case Event::log_cma_alloc:
    case Event::log_cma_busy_retrying:
    case Event::log_cma_returned:
    case Event::log_cma_release:
    case Event::log_cma_pages_valid:
    case Event::log_cma_alloc_failed:
    case Event::log_pfns_busy:
    case Event::log_still_in_use:
    case Event::log_suppressed:
    case Event::log_memory: return {"printk", "console", "%s"};
    case Event::cma_alloc: return {"cma", "cma_alloc", "pfn=%lx page=%s count=%lu align=%lu"};
    case Event::cma_alloc_start: return {"cma", "cma_alloc_start", "name=%s count=%lu align=%lu"};
    case Event::cma_alloc_busy_retry: return {"cma", "cma_alloc_busy_retry", attempt};
    case Event::cma_alloc_finish:
      return {"cma", "cma_alloc_finish", attempt + (release >= Release::v6_3 ? " errorno=%ld" : "")};
    case Event::cma_release:
      return {
          "cma", "cma_release",
          (release >= Release::v5_13 ? "name=%s " + area_pfn(release) : std::string("pfn=%lx")) + " page=%s count=%lu"};
    case Event::test_pages_isolated:
      return {"page_isolation", "test_pages_isolated", "start_pfn=0x%lx end_pfn=0x%lx fin_pfn=0x%lx ret=%s"};
    case Event::mm_migrate_pages: return {"migrate", "mm_migrate_pages", migrate_pages(release)};
    case Event::isolate_migratepages: return {"compaction", "mm_compaction_isolate_migratepages", compaction(release)};
    case Event::isolate_freepages: return {"compaction", "mm_compaction_isolate_freepages", compaction(release)};
    case Event::mm_page_alloc:
      return {"kmem", "mm_page_alloc", page(release, "order=%lu migratetype=%lu gfp_flags=%s")};
    case Event::mm_page_free: return {"kmem", "mm_page_free", page(release, "order=%lu")};
    case Event::mm_page_pcpu_drain: return {"kmem", "mm_page_pcpu_drain", page(release, "order=%lu migratetype=%lu")};
    case Event::mm_page_alloc_zone_locked:
      return {"kmem", "mm_page_alloc_zone_locked", page(release, "order=%lu migratetype=%lu percpu_refill=%lu")};
    case Event::mm_page_alloc_extfrag:
      return {"kmem", "mm_page_alloc_extfrag",
              page(release,
                   "alloc_order=%lu fallback_order=%lu pageblock_order=%lu alloc_migratetype=%lu "
                   "fallback_migratetype=%lu fragmenting=%lu change_ownership=%lu")};
  }
  CMA_ASSERT(false && "an event has a format");
  return {};
}

}  // namespace cma
