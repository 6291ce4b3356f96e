#include "allocator/trace/trace.h"

#include <array>

#include "allocator/base/assert.h"
#include "allocator/base/gfp.h"

namespace cma {
namespace {

// Stands for the line's pointer until format() puts it there. No name of an area has it.
constexpr const char* kPointer = "\x01";

std::string dec(std::uint64_t value) { return std::to_string(value); }
std::string hex0x(std::uint64_t value) { return "0x" + hex(value); }

// --- fields ---

// %p of NULL. Since 5.7 all its digits; before, "(null)", which the log pads to the width of a pointer and tracepoints
// do not. (5.2 to 5.6 print a hash instead; none of them is modelled.)
std::string null_pointer(Release release, unsigned bits) {
  return release >= Release::v5_7 ? std::string(bits / 4, '0') : "(null)";
}
std::string log_pointer(Pfn pfn, Release release, unsigned bits) {
  if (pfn != kNoPfn) return kPointer;
  const std::string null = null_pointer(release, bits);
  return std::string(bits / 4 - null.size(), ' ') + null;
}
std::string trace_pointer(Pfn pfn, Release release, unsigned bits) {
  return pfn != kNoPfn ? kPointer : null_pointer(release, bits);
}

const char* reason_text(MigrateReason reason, Release release) {
  switch (reason) {
    case MigrateReason::compaction: return "compaction";
    case MigrateReason::longterm_pin:
      if (release >= Release::v5_13) return "longterm_pin";
      break;
    case MigrateReason::contig_range: break;
  }
  return release >= Release::v4_17 ? "contig_range" : "cma";
}

constexpr std::array<const char*, 4> kModes = {"MIGRATE_ASYNC", "MIGRATE_SYNC_LIGHT", "MIGRATE_SYNC",
                                               "MIGRATE_SYNC_NO_COPY"};

// Huge pages in mm_migrate_pages: counted since 5.9. nr_split also counts other large folios, of which there are none.
std::string huge_text(std::uint64_t counts, Release release) {
  if (release < Release::v5_9) return {};
  const HugeResults huge = HugeResults::unpack(counts);
  const std::string split = dec(huge.split);
  std::string text =
      " nr_thp_succeeded=" + dec(huge.succeeded) + " nr_thp_failed=" + dec(huge.failed) + " nr_thp_split=" + split;
  if (release >= Release::v6_7) text += " nr_split=" + split;
  return text;
}

// --- log lines of areas, by release ---

// Areas belonged to the DMA layer before 3.17.
std::string alloc_function(Release release) {
  return release >= Release::v3_17 ? "cma: cma_alloc" : "cma: dma_alloc_from_contiguous";
}

// Debugging lines name area and frame since 6.2 (recalled; 6.6 read).
std::string alloc_line(const Record& r, const std::string& area, Release release) {
  return alloc_function(release) + "(cma " + kPointer + (release >= Release::v6_2 ? ", name: " + area : "") +
         ", count " + dec(r.b) + ", align " + dec(r.c) + ")";
}
std::string busy_retrying_line(const Record& r, Release release) {
  return alloc_function(release) + "(): memory range at " +
         (release >= Release::v6_2 ? "pfn " + hex0x(r.a) + " " : "") + kPointer + " is busy, retrying";
}

std::string release_line_v3_5() { return std::string("cma: dma_release_from_contiguous(page ") + kPointer + ")"; }
std::string release_line_v3_17() { return std::string("cma: cma_release(page ") + kPointer + ")"; }
std::string release_line_v5_11(const Record& r) {
  return std::string("cma: cma_release(page ") + kPointer + ", count " + dec(r.b) + ")";
}
std::string release_line(const Record& r, Release release) {
  if (release >= Release::v5_11) return release_line_v5_11(r);
  return release >= Release::v3_17 ? release_line_v3_17() : release_line_v3_5();
}

// 5.12 began to name the area; vendors do on older releases. The function that prints it has another name since 6.12.
std::string alloc_failed_line(const Record& r, const std::string& area, Release release) {
  const bool named = release >= Release::v5_12 || r.d != 0;
  const std::string error = std::to_string(static_cast<std::int64_t>(r.c));
  return std::string(release >= Release::v6_12 ? "cma: __cma_alloc: " : "cma: cma_alloc: ") +
         (named ? area + ": " : "") + "alloc failed, req-size: " + dec(r.b) + " pages, ret: " + error;
}

std::string pfns_busy_line_v3_5(const Record& r) {
  return "alloc_contig_range test_pages_isolated(" + hex(r.a) + ", " + hex(r.b) + ") failed";
}
// Since 3.18, recalled.
std::string pfns_busy_line_v3_18(const Record& r) {
  return "alloc_contig_range: [" + hex(r.a) + ", " + hex(r.b) + ") PFNs busy";
}

// --- tracepoints of areas, by release ---

std::string cma_alloc_v4_1(const Record& r, Release release, unsigned bits) {
  return "cma_alloc: pfn=" + hex(r.a) + " page=" + trace_pointer(r.d != 0 ? r.a : kNoPfn, release, bits) +
         " count=" + dec(r.b) + " align=" + dec(r.c);
}

// All tracepoints print frame numbers alike since 5.14.
std::string area_pfn(Pfn pfn, Release release) { return release >= Release::v5_14 ? hex0x(pfn) : hex(pfn); }

std::string cma_alloc_start_v5_13(const Record& r, const std::string& area) {
  return "cma_alloc_start: name=" + area + " count=" + dec(r.b) + " align=" + dec(r.c);
}
std::string cma_alloc_busy_retry_v5_13(const Record& r, const std::string& area, Release release) {
  return "cma_alloc_busy_retry: name=" + area + " pfn=" + area_pfn(r.b, release) + " page=" + kPointer +
         " count=" + dec(r.c) + " align=" + dec(r.d);
}
std::string cma_alloc_finish_v5_13(const Record& r, const std::string& area, Release release, unsigned bits) {
  const FinishedAlloc finished = FinishedAlloc::unpack(r.d);
  return "cma_alloc_finish: name=" + area + " pfn=" + area_pfn(r.b, release) +
         " page=" + trace_pointer(finished.success ? r.b : kNoPfn, release, bits) + " count=" + dec(r.c) +
         " align=" + dec(finished.align) +
         (release >= Release::v6_3 ? " errorno=" + (finished.error != 0 ? "-" : std::string()) + dec(finished.error)
                                   : "");
}

std::string cma_release_v4_1(const Record& r) {
  return "cma_release: pfn=" + hex(r.b) + " page=" + kPointer + " count=" + dec(r.c);
}
std::string cma_release_v5_13(const Record& r, const std::string& area, Release release) {
  return "cma_release: name=" + area + " pfn=" + area_pfn(r.b, release) + " page=" + kPointer + " count=" + dec(r.c);
}

// --- tracepoints of the contiguous path ---

std::string test_pages_isolated_text(const Record& r) {
  return "test_pages_isolated: start_pfn=" + hex0x(r.a) + " end_pfn=" + hex0x(r.b) + " fin_pfn=" + hex0x(r.c) +
         " ret=" + (r.b <= r.c ? "success" : "fail");
}

std::string migrate_pages_text(const Record& r, Release release) {
  const MigrateCause cause = MigrateCause::unpack(r.c);
  return "mm_migrate_pages: nr_succeeded=" + dec(r.a) + " nr_failed=" + dec(r.b) + huge_text(r.d, release) +
         " mode=" + kModes[cause.mode] + " reason=" + reason_text(cause.reason, release);
}

std::string compaction_text_v3_5(const Record& r) { return "nr_scanned=" + dec(r.c) + " nr_taken=" + dec(r.d); }
std::string compaction_text_v4_0(const Record& r) {
  return "range=(" + hex0x(r.a) + " ~ " + hex0x(r.b) + ") " + compaction_text_v3_5(r);
}
std::string compaction_text(const Record& r, Release release) {
  return release >= Release::v4_0 ? compaction_text_v4_0(r) : compaction_text_v3_5(r);
}

// --- tracepoints of single pages ---

// The fields that all of them begin with. No page is frame 0.
std::string page_fields(const Record& r, Release release, unsigned bits) {
  const Pfn shown = r.a == kNoPfn ? 0 : r.a;
  return "page=" + trace_pointer(r.a, release, bits) +
         " pfn=" + (release >= Release::v5_14 ? hex0x(shown) : dec(shown));
}

std::string page_alloc_text(const Record& r, Release release, unsigned bits) {
  const std::string flags = gfp_text(static_cast<Gfp>(r.d), release);
  return "mm_page_alloc: " + page_fields(r, release, bits) + " order=" + dec(r.b) + " migratetype=" + dec(r.c) +
         " gfp_flags=" + (flags.empty() ? "none" : flags);
}

std::string page_alloc_extfrag_text(const Record& r, Release release, unsigned bits, unsigned pageblock_order) {
  const AskedAndSource order = AskedAndSource::unpack(r.b);
  const AskedAndSource type = AskedAndSource::unpack(r.c);
  return "mm_page_alloc_extfrag: " + page_fields(r, release, bits) + " alloc_order=" + dec(order.asked) +
         " fallback_order=" + dec(order.source) + " pageblock_order=" + dec(pageblock_order) +
         " alloc_migratetype=" + dec(type.asked) + " fallback_migratetype=" + dec(type.source) +
         " fragmenting=" + (order.source < pageblock_order ? "1" : "0") + " change_ownership=" + dec(r.d);
}

// Cuts what is an unsigned long or a size_t in the kernel to its width: counts and frame numbers.
Record with_longs_of_32_bits(Record r) {
  const auto cut = [](std::uint64_t& value) { value &= 0xffffffff; };
  switch (r.event) {
    case Event::log_cma_alloc:
    case Event::log_cma_pages_valid:
    case Event::log_cma_alloc_failed:
    case Event::cma_alloc_start: cut(r.b); break;
    case Event::cma_alloc: cut(r.a); break;
    case Event::cma_alloc_busy_retry:
    case Event::cma_alloc_finish:
      cut(r.b);
      cut(r.c);
      break;
    case Event::log_text:
    case Event::log_cma_busy_retrying:
    case Event::log_cma_returned:
    case Event::log_cma_release:
    case Event::log_pfns_busy:
    case Event::log_still_in_use:
    case Event::log_suppressed:
    case Event::log_memory:
    case Event::cma_release:
    case Event::test_pages_isolated:
    case Event::mm_migrate_pages:
    case Event::isolate_migratepages:
    case Event::isolate_freepages:
    case Event::mm_page_alloc:
    case Event::mm_page_free:
    case Event::mm_page_pcpu_drain:
    case Event::mm_page_alloc_zone_locked:
    case Event::mm_page_alloc_extfrag: break;
  }
  return r;
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
  for (char c : text) hash_step(hash_, static_cast<unsigned char>(c));
  texts_.push_back(std::move(text));
  return texts_.size() - 1;
}

void Trace::log(std::string text) {
  if (!recording_) return;
  emit(Event::log_text, add_text(std::move(text)));
}

std::uint64_t Trace::add_message(std::shared_ptr<const LazyLines> message) {
  messages_.push_back(std::move(message));
  return messages_.size() - 1;
}

void Trace::log_memory(std::shared_ptr<const LazyLines> message, std::size_t lines, std::uint64_t digest) {
  if (recording_) log_memory_part(add_message(std::move(message)), 0, lines, digest);
}

void Trace::log_memory_part(std::uint64_t message, std::size_t first, std::size_t lines, std::uint64_t digest) {
  for (std::size_t line = first; line < first + lines; ++line) emit(Event::log_memory, message, line, 0, digest);
}

void Trace::limited(RateLimit& limit, const char* function, Event event, std::uint64_t a, std::uint64_t b,
                    std::uint64_t c) {
  if (admits(limit, function)) emit(event, a, b, c);
}

bool Trace::admits(RateLimit& limit, const char* function) {
  if (!rate_limits_) return true;
  const RateLimit::Verdict verdict = limit.ask(engine_.now());
  if (verdict.suppressed != 0 && recording_) emit(Event::log_suppressed, add_text(function), verdict.suppressed);
  return verdict.print;
}

// The two of reports on memory (mm/page_alloc.c): a warning in 10 seconds since 5.4, and a report in a second where
// those have a limit of their own.
void Trace::reset_limits() {
  pfns_busy_limit = {};
  alloc_failed_limit = {};
  warn_alloc_limit = release_ >= Release::v5_4 ? RateLimit(10'000 * kMillisecond, 1) : RateLimit();
  show_mem_limit = RateLimit(1000 * kMillisecond, 1);
}

void Trace::clear() {
  records_.clear();
  texts_.clear();
  messages_.clear();
  hash_ = kHashSeed;
  reset_limits();
}

void Trace::copy_from(const Trace& other) {
  rate_limits_ = other.rate_limits_;
  recording_ = other.recording_;
  page_events_ = other.page_events_;
  hash_ = other.hash_;
  records_ = other.records_;
  texts_ = other.texts_;
  messages_ = other.messages_;
  area_names_ = other.area_names_;
  pfns_busy_limit = other.pfns_busy_limit;
  alloc_failed_limit = other.alloc_failed_limit;
  warn_alloc_limit = other.warn_alloc_limit;
  show_mem_limit = other.show_mem_limit;
}

// --- pointers ---

// Returns the address of a page's descriptor. With 64 bits that is vmemmap (x86-64, where it does not move), else an
// array in low memory (mem_map). Descriptors have 64 and 32 bytes.
std::uint64_t Trace::page_address(Pfn pfn) const {
  if (pointers_.bits == 64) return 0xffffea0000000000 + pfn * 64;
  return (0xc1000000 + (pfn - pointers_.first_frame) * 32) & 0xffffffff;
}

// Returns the address of a struct cma: up to 3.16 each is allocated (kmalloc), since 3.17 they are an array.
std::uint64_t Trace::area_address(std::uint64_t area) const {
  const bool array = release_ >= Release::v3_17;
  if (pointers_.bits == 64) return array ? 0xffffffff81e00000 + area * 96 : 0xffff88003e000000 + area * 32;
  return array ? 0xc0e00000 + area * 64 : 0xc5e00000 + area * 64;
}

// Returns the address that a line prints; nullopt if it has no pointer, or NULL.
std::optional<std::uint64_t> Trace::address_in(const Record& r) const {
  const auto page = [&](Pfn pfn) { return pfn == kNoPfn ? std::nullopt : std::optional(page_address(pfn)); };
  switch (r.event) {
    case Event::log_cma_alloc: return area_address(r.a);
    case Event::log_cma_busy_retrying:
    case Event::log_cma_returned:
    case Event::log_cma_release:
    case Event::log_cma_pages_valid:
    case Event::mm_page_alloc:
    case Event::mm_page_free:
    case Event::mm_page_pcpu_drain:
    case Event::mm_page_alloc_zone_locked:
    case Event::mm_page_alloc_extfrag: return page(r.a);
    case Event::cma_alloc: return page(r.d != 0 ? r.a : kNoPfn);
    case Event::cma_alloc_busy_retry:
    case Event::cma_release: return page(r.b);
    case Event::cma_alloc_finish: return page(FinishedAlloc::unpack(r.d).success ? r.b : kNoPfn);
    case Event::log_text:
    case Event::log_cma_alloc_failed:
    case Event::log_pfns_busy:
    case Event::log_still_in_use:
    case Event::log_suppressed:
    case Event::log_memory:
    case Event::cma_alloc_start:
    case Event::test_pages_isolated:
    case Event::mm_migrate_pages:
    case Event::isolate_migratepages:
    case Event::isolate_freepages: break;
  }
  return std::nullopt;
}

std::string Trace::format(const Record& record, std::optional<PrintedPointer>* pointer) const {
  std::string line = text_of(pointers_.bits == 32 ? with_longs_of_32_bits(record) : record);
  if (pointer != nullptr) *pointer = std::nullopt;
  const std::optional<std::uint64_t> address = address_in(record);
  if (!address) return line;
  const std::size_t begin = line.find(kPointer);
  CMA_ASSERT(begin != std::string::npos);
  std::string shown = "(ptrval)";
  if (release_ < Release::v4_15) {
    shown = hex(*address);
    shown.insert(0, pointers_.bits / 4 - shown.size(), '0');
  }
  line.replace(begin, 1, shown);
  if (pointer != nullptr) *pointer = {.begin = begin, .end = begin + shown.size(), .address = *address};
  return line;
}

// --- lines ---

// Returns the line with kPointer where its pointer belongs.
std::string Trace::text_of(const Record& r) const {
  const unsigned bits = pointers_.bits;
  switch (r.event) {
    case Event::log_text: return texts_[r.a];
    case Event::log_memory: return messages_[r.a]->line(r.b);
    case Event::log_cma_alloc: return alloc_line(r, area_names_[r.a], release_);
    case Event::log_cma_busy_retrying: return busy_retrying_line(r, release_);
    case Event::log_cma_returned: return alloc_function(release_) + "(): returned " + log_pointer(r.a, release_, bits);
    case Event::log_cma_release: return release_line(r, release_);
    case Event::log_cma_pages_valid:
      return std::string("cma: cma_pages_valid(page ") + kPointer + ", count " + dec(r.b) + ")";
    case Event::log_cma_alloc_failed: return alloc_failed_line(r, area_names_[r.a], release_);
    case Event::log_pfns_busy: return release_ >= Release::v3_18 ? pfns_busy_line_v3_18(r) : pfns_busy_line_v3_5(r);
    case Event::log_still_in_use: return dec(r.a) + " pages are still in use!";
    case Event::log_suppressed: return texts_[r.a] + ": " + dec(r.b) + " callbacks suppressed";
    case Event::cma_alloc: return cma_alloc_v4_1(r, release_, bits);
    case Event::cma_alloc_start: return cma_alloc_start_v5_13(r, area_names_[r.a]);
    case Event::cma_alloc_busy_retry: return cma_alloc_busy_retry_v5_13(r, area_names_[r.a], release_);
    case Event::cma_alloc_finish: return cma_alloc_finish_v5_13(r, area_names_[r.a], release_, bits);
    case Event::cma_release:
      return release_ >= Release::v5_13 ? cma_release_v5_13(r, area_names_[r.a], release_) : cma_release_v4_1(r);
    case Event::test_pages_isolated: return test_pages_isolated_text(r);
    case Event::mm_migrate_pages: return migrate_pages_text(r, release_);
    case Event::isolate_migratepages: return "mm_compaction_isolate_migratepages: " + compaction_text(r, release_);
    case Event::isolate_freepages: return "mm_compaction_isolate_freepages: " + compaction_text(r, release_);
    case Event::mm_page_alloc: return page_alloc_text(r, release_, bits);
    case Event::mm_page_free: return "mm_page_free: " + page_fields(r, release_, bits) + " order=" + dec(r.b);
    case Event::mm_page_pcpu_drain:
      return "mm_page_pcpu_drain: " + page_fields(r, release_, bits) + " order=" + dec(r.b) +
             " migratetype=" + dec(r.c);
    case Event::mm_page_alloc_zone_locked:
      return "mm_page_alloc_zone_locked: " + page_fields(r, release_, bits) + " order=" + dec(r.b) +
             " migratetype=" + dec(r.c) + " percpu_refill=" + dec(r.d);
    case Event::mm_page_alloc_extfrag: return page_alloc_extfrag_text(r, release_, bits, pageblock_order_);
  }
  CMA_ASSERT(false && "an event has a text");
  return {};
}

}  // namespace cma
