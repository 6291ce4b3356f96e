#include "allocator/trace/trace.h"

#include <array>

#include "allocator/base/gfp.h"

namespace cma {
namespace {

constexpr const char* kPointer = "(ptrval)";
// %p of NULL. 4.19: padded to the width of a pointer in the log, bare in tracepoints; 5.x and later: its sixteen
// digits.
constexpr const char* kNullPointer = "          (null)";
constexpr const char* kTraceNullPointer = "(null)";
constexpr const char* kDigitsNullPointer = "0000000000000000";

std::string dec(std::uint64_t value) { return std::to_string(value); }
std::string hex0x(std::uint64_t value) { return "0x" + hex(value); }
const char* log_pointer(Pfn pfn, Release release) {
  if (pfn != kNoPfn) return kPointer;
  return release >= Release::v5_10 ? kDigitsNullPointer : kNullPointer;
}
const char* trace_pointer(Pfn pfn, Release release) {
  if (pfn != kNoPfn) return kPointer;
  return release >= Release::v5_10 ? kDigitsNullPointer : kTraceNullPointer;
}

// 4.10 renamed it. Pages that move for a long-term pin have a reason of their own since 5.14.
const char* reason_text(MigrateReason reason, Release release) {
  if (reason == MigrateReason::compaction) return "compaction";
  if (reason == MigrateReason::longterm_pin && release >= Release::v6_1) return "longterm_pin";
  return release >= Release::v4_19 ? "contig_range" : "cma";
}

constexpr std::array<const char*, 4> kModes = {"MIGRATE_ASYNC", "MIGRATE_SYNC_LIGHT", "MIGRATE_SYNC",
                                               "MIGRATE_SYNC_NO_COPY"};

std::string compaction_text(const Record& r, Release release) {
  // 4.0 added the range.
  if (release < Release::v4_9) return "nr_scanned=" + dec(r.c) + " nr_taken=" + dec(r.d);
  return "range=(" + hex0x(r.a) + " ~ " + hex0x(r.b) + ") nr_scanned=" + dec(r.c) + " nr_taken=" + dec(r.d);
}

// What 5.9 and later say of huge pages; 6.8 also counts other large folios that were split, of which there are none.
std::string huge_text(std::uint64_t counts, Release release) {
  if (release < Release::v5_10) return {};
  const std::string split = dec(counts >> 32);
  std::string text = " nr_thp_succeeded=" + dec(counts & 0xffff) + " nr_thp_failed=" + dec((counts >> 16) & 0xffff) +
                     " nr_thp_split=" + split;
  if (release >= Release::v6_12) text += " nr_split=" + split;
  return text;
}

}  // namespace

std::string hex(std::uint64_t value) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdef"[value % 16]);
    value /= 16;
  } while (value != 0);
  return text;
}

std::uint64_t Trace::add_text(std::string text) {
  for (char c : text) hash_step(static_cast<unsigned char>(c));
  texts_.push_back(std::move(text));
  return texts_.size() - 1;
}

void Trace::log(std::string text) {
  if (!recording_) return;
  emit(Event::log_text, add_text(std::move(text)));
}

void Trace::limited(RateLimit& limit, const char* function, Event event, std::uint64_t a, std::uint64_t b,
                    std::uint64_t c) {
  if (!rate_limits_) return emit(event, a, b, c);
  const RateLimit::Verdict verdict = limit.ask(engine_.now());
  if (verdict.suppressed != 0 && recording_) emit(Event::log_suppressed, add_text(function), verdict.suppressed);
  if (verdict.print) emit(event, a, b, c);
}

void Trace::clear() {
  records_.clear();
  texts_.clear();
  hash_ = 0xcbf29ce484222325ULL;
  pfns_busy_limit = {};
  alloc_failed_limit = {};
}

void Trace::copy_from(const Trace& other) {
  rate_limits_ = other.rate_limits_;
  recording_ = other.recording_;
  page_events_ = other.page_events_;
  hash_ = other.hash_;
  records_ = other.records_;
  texts_ = other.texts_;
  area_names_ = other.area_names_;
  pfns_busy_limit = other.pfns_busy_limit;
  alloc_failed_limit = other.alloc_failed_limit;
}

std::string Trace::format_log(const Record& r) const {
  const bool v61 = release_ >= Release::v6_1;
  // Before 3.17 areas were the DMA layer's.
  const bool v3_17 = release_ >= Release::v4_9;
  const std::string alloc = v3_17 ? "cma: cma_alloc" : "cma: dma_alloc_from_contiguous";
  switch (r.event) {
    case Event::log_text: return texts_[r.a];
    case Event::log_cma_alloc: return alloc + "(cma " + kPointer + ", count " + dec(r.b) + ", align " + dec(r.c) + ")";
    case Event::log_cma_busy_retrying: return alloc + "(): memory range at " + kPointer + " is busy, retrying";
    case Event::log_cma_returned: return alloc + "(): returned " + log_pointer(r.a, release_);
    case Event::log_cma_release:
      if (v61) return std::string("cma: cma_release(page ") + kPointer + ", count " + dec(r.b) + ")";
      return std::string(v3_17 ? "cma: cma_release" : "cma: dma_release_from_contiguous") + "(page " + kPointer + ")";
    case Event::log_cma_pages_valid:
      return std::string("cma: cma_pages_valid(page ") + kPointer + ", count " + dec(r.b) + ")";
    case Event::log_cma_alloc_failed: {
      const std::string tail =
          "alloc failed, req-size: " + dec(r.b) + " pages, ret: " + std::to_string(static_cast<std::int64_t>(r.c));
      const char* function = release_ >= Release::v6_12 ? "cma: __cma_alloc: " : "cma: cma_alloc: ";
      return v61 || r.d != 0 ? function + area_names_[r.a] + ": " + tail : "cma: cma_alloc: " + tail;
    }
    case Event::log_pfns_busy:
      if (!v3_17) return "alloc_contig_range test_pages_isolated(" + hex(r.a) + ", " + hex(r.b) + ") failed";
      return "alloc_contig_range: [" + hex(r.a) + ", " + hex(r.b) + ") PFNs busy";
    case Event::log_still_in_use: return dec(r.a) + " pages are still in use!";
    case Event::log_suppressed: return texts_[r.a] + ": " + dec(r.b) + " callbacks suppressed";
    default: return {};
  }
}

std::string Trace::format_page_event(const Record& r) const {
  const Pfn shown = r.a == kNoPfn ? 0 : r.a;
  const std::string pfn = "pfn=" + (release_ >= Release::v6_1 ? hex0x(shown) : dec(shown));
  const std::string head = std::string("page=") + trace_pointer(r.a, release_) + " " + pfn;
  switch (r.event) {
    case Event::mm_page_alloc: {
      const std::string flags = gfp_text(static_cast<Gfp>(r.d), release_);
      return "mm_page_alloc: " + head + " order=" + dec(r.b) + " migratetype=" + dec(r.c) + " gfp_flags=" + flags;
    }
    case Event::mm_page_free: return "mm_page_free: " + head + " order=" + dec(r.b);
    case Event::mm_page_pcpu_drain:
      return "mm_page_pcpu_drain: " + head + " order=" + dec(r.b) + " migratetype=" + dec(r.c);
    case Event::mm_page_alloc_zone_locked:
      return "mm_page_alloc_zone_locked: " + head + " order=" + dec(r.b) + " migratetype=" + dec(r.c) +
             " percpu_refill=" + dec(r.d);
    case Event::mm_page_alloc_extfrag: {
      const std::uint64_t alloc_order = r.b & 0xff;
      const std::uint64_t fallback_order = r.b >> 8;
      return "mm_page_alloc_extfrag: " + head + " alloc_order=" + dec(alloc_order) +
             " fallback_order=" + dec(fallback_order) + " pageblock_order=" + dec(pageblock_order_) +
             " alloc_migratetype=" + dec(r.c & 0xff) + " fallback_migratetype=" + dec(r.c >> 8) +
             " fragmenting=" + (fallback_order < pageblock_order_ ? "1" : "0") + " change_ownership=" + dec(r.d);
    }
    default: return {};
  }
}

std::string Trace::format(const Record& r) const {
  if (is_log(r.event)) return format_log(r);
  switch (r.event) {
    case Event::cma_alloc:
      return "cma_alloc: pfn=" + hex(r.a) + " page=" + trace_pointer(r.d ? r.a : kNoPfn, release_) +
             " count=" + dec(r.b) + " align=" + dec(r.c);
    case Event::cma_alloc_start:
      return "cma_alloc_start: name=" + area_names_[r.a] + " count=" + dec(r.b) + " align=" + dec(r.c);
    case Event::cma_alloc_busy_retry:
      return "cma_alloc_busy_retry: name=" + area_names_[r.a] + " pfn=" + hex0x(r.b) + " page=" + kPointer +
             " count=" + dec(r.c) + " align=" + dec(r.d);
    case Event::cma_alloc_finish: {
      const bool success = (r.d >> 32) != 0;
      return "cma_alloc_finish: name=" + area_names_[r.a] + " pfn=" + hex0x(r.b) +
             " page=" + trace_pointer(success ? r.b : kNoPfn, release_) + " count=" + dec(r.c) +
             " align=" + dec(r.d & 0xffffffff);
    }
    case Event::cma_release:
      if (release_ >= Release::v6_1)
        return "cma_release: name=" + area_names_[r.a] + " pfn=" + hex0x(r.b) + " page=" + kPointer +
               " count=" + dec(r.c);
      return "cma_release: pfn=" + hex(r.b) + " page=" + kPointer + " count=" + dec(r.c);
    case Event::test_pages_isolated:
      return "test_pages_isolated: start_pfn=" + hex0x(r.a) + " end_pfn=" + hex0x(r.b) + " fin_pfn=" + hex0x(r.c) +
             " ret=" + (r.b <= r.c ? "success" : "fail");
    case Event::mm_migrate_pages: {
      return "mm_migrate_pages: nr_succeeded=" + dec(r.a) + " nr_failed=" + dec(r.b) + huge_text(r.d, release_) +
             " mode=" + kModes[r.c & 0xff] + " reason=" + reason_text(static_cast<MigrateReason>(r.c >> 8), release_);
    }
    case Event::isolate_migratepages: return "mm_compaction_isolate_migratepages: " + compaction_text(r, release_);
    case Event::isolate_freepages: return "mm_compaction_isolate_freepages: " + compaction_text(r, release_);
    default: return format_page_event(r);
  }
}

}  // namespace cma
