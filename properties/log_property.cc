// Promise: lines of the log, tracepoints and counts of areas say what was asked for, what the bitmap held, what was
// handed out and what was given back.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

constexpr std::string_view kReport = "cma: number of available pages: ";

// Returns the line that reports the holes of an area's bitmap: the pages of each, at its first bit.
std::string report_of(const Area& area) {
  std::string holes;
  std::uint64_t total = 0;
  std::uint64_t bits = 0;  // of the hole that ends here
  for (std::uint64_t bit = 0; bit <= area.bitmap.size(); ++bit) {
    if (bit < area.bitmap.size() && !area.bitmap.test(bit)) {
      ++bits;
      continue;
    }
    const std::uint64_t pages = bits * order_pages(area.order_per_bit);
    if (bits != 0) holes += fmt::format("{}{}@{}", holes.empty() ? "" : "+", pages, bit - bits);
    total += pages;
    bits = 0;
  }
  return fmt::format("{}{}=> {} free of {} total pages", kReport, holes, total, area.pages);
}

// Compares what an actor prints between the beginning and the end of a request, or of a release, with its arguments.
class Reports final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    requests_.clear();
    releases_.clear();
    failures_.clear();
    warnings_ = 0;
    succeeded_ = machine.areas.table().alloc_success;
    failed_ = machine.areas.table().alloc_fail;
  }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    requests_[machine_->engine.current()] = {area, count, effective_align(align, machine_->release()), records()};
  }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t, unsigned) override { check_request(pfn); }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override { check_request(kNoPfn); }
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override {
    Releases& releases = releases_[machine_->engine.current()];
    if (releases.begun.empty()) releases = {{}, 0, records()};
    releases.begun.push_back({area, pfn, count});
  }
  void op_ended(Machine&, std::size_t op) override;
  // A write to debugfs releases several buffers, and reports all of them before the first.
  void buffer_released(AreaId, Pfn, std::uint64_t) override {
    Releases& releases = releases_[machine_->engine.current()];
    if (++releases.ended < releases.begun.size()) return;
    check_releases(releases);
    releases = {};
  }

 private:
  struct Request {
    AreaId area = 0;
    std::uint64_t count = 0;
    unsigned align = 0;
    std::size_t first_record = 0;
  };
  // What a request that failed has printed, until its operation ends, which says whether it wants a warning.
  struct Failure {
    std::uint64_t count = 0;
    bool tried = false;  // it had arguments that a sweep could be made for
    std::size_t lines = 0;
    std::size_t reports = 0;
  };
  struct Part {
    AreaId area = 0;
    Pfn pfn = kNoPfn;
    std::uint64_t count = 0;
  };
  struct Releases {
    std::vector<Part> begun;
    std::size_t ended = 0;
    std::size_t first_record = 0;
  };

  std::size_t records() const { return machine_->trace.records().size(); }
  // Returns the records of one kind that the current actor has emitted from `first` on.
  std::vector<Record> emitted(std::size_t first, Event event) const {
    std::vector<Record> found;
    for (std::size_t i = first; i < records(); ++i) {
      const Record& record = machine_->trace.records()[i];
      if (record.event == event && record.actor == machine_->engine.current()) found.push_back(record);
    }
    return found;
  }
  // CONFIG_CMA_DEBUG went with 6.9.
  bool prints_debug() const { return machine_->geometry().cma_debug && machine_->release() < Release::v6_9; }
  bool since(Release release) const { return machine_->release() >= release; }

  // Checks that a request has emitted a record of this kind so often, each with these values.
  void expect(const Request& request, Event event, bool once, std::array<std::optional<std::uint64_t>, 4> values) {
    const std::vector<Record> found = emitted(request.first_record, event);
    claim(found.size() == (once ? 1U : 0U), fmt::format("a request for {} pages has {} records of event {}",
                                                        request.count, found.size(), static_cast<int>(event)));
    expect_each(request, found, values);
  }
  void expect_each(const Request& request, const std::vector<Record>& found,
                   std::array<std::optional<std::uint64_t>, 4> values) {
    for (const Record& record : found) {
      const std::array<std::uint64_t, 4> had = {record.a, record.b, record.c, record.d};
      for (std::size_t i = 0; i < had.size(); ++i)
        claim(!values[i] || had[i] == *values[i],
              fmt::format("a request of area {} for {} pages, align {}, is reported with {:#x} in place of {:#x}: {}",
                          request.area, request.count, request.align, had[i], values[i].value_or(0),
                          machine_->trace.format(record)));
    }
  }
  void check_request(Pfn got);
  void check_tracepoints(const Request& request, Pfn got, bool exists, bool fits);
  void check_finish(const Request& request, const Record& record, Pfn got);
  void check_failure(const Request& request, bool fits);
  bool wants_warning(std::size_t op) const;
  void check_events(bool fits, bool success);
  void check_releases(const Releases& releases);

  Machine* machine_ = nullptr;
  std::map<ActorId, Request> requests_;
  std::map<ActorId, Releases> releases_;
  std::map<ActorId, Failure> failures_;
  std::size_t warnings_ = 0;  // failures so far that had to be reported
  std::uint64_t succeeded_ = 0;
  std::uint64_t failed_ = 0;
};

void Reports::check_request(Pfn got) {
  const Request& request = requests_[machine_->engine.current()];
  const Area& area = machine_->areas.area(request.area);
  const bool exists = area.pages != 0 && area.active();
  const std::uint64_t bit_pages = order_pages(area.order_per_bit);
  const bool fits = exists && request.count != 0 && request.count <= area.pages &&
                    (request.count + bit_pages - 1) / bit_pages <= area.bitmap.size();
  expect(request, Event::log_cma_alloc, prints_debug() && exists, {request.area, request.count, request.align, {}});
  // Up to 3.16 the line says only what was handed out.
  const bool tells_end = fits && (got != kNoPfn || since(Release::v3_17));
  expect(request, Event::log_cma_returned, prints_debug() && tells_end, {got, {}, {}, {}});
  check_tracepoints(request, got, exists, fits);
  if (got == kNoPfn) check_failure(request, fits);
  check_events(fits, got != kNoPfn);
}

void Reports::check_tracepoints(const Request& request, Pfn got, bool exists, bool fits) {
  const bool two_points = since(Release::v5_13);
  const bool begins = since(Release::v6_10) || (exists && request.count != 0);
  expect(request, Event::cma_alloc_start, two_points && begins, {request.area, request.count, request.align, {}});
  const std::optional<std::uint64_t> pfn = got != kNoPfn ? std::optional<std::uint64_t>(got) : std::nullopt;
  const std::uint64_t success = got != kNoPfn ? 1 : 0;
  expect(request, Event::cma_alloc, since(Release::v4_1) && !two_points && fits,
         {pfn, request.count, request.align, success});
  expect(request, Event::cma_alloc_finish, two_points && fits, {request.area, pfn, request.count, {}});
  for (const Record& record : emitted(request.first_record, Event::cma_alloc_finish))
    check_finish(request, record, got);
  expect_each(request, emitted(request.first_record, Event::cma_alloc_busy_retry),
              {request.area, {}, request.count, request.align});
}

// Checks how a request ended: its error is that of its line, if it has one.
void Reports::check_finish(const Request& request, const Record& record, Pfn got) {
  const FinishedAlloc finished = FinishedAlloc::unpack(record.d);
  const bool fails = got == kNoPfn;
  claim(finished.align == request.align && finished.success != fails &&
            (finished.error != 0) == (fails && since(Release::v6_3)),
        fmt::format("a request for {} pages, align {}, ends with: {}", request.count, request.align,
                    machine_->trace.format(record)));
  if (finished.error == 0) return;
  for (const Record& line : emitted(request.first_record, Event::log_cma_alloc_failed))
    claim(line.c + finished.error == 0, fmt::format("two errors of one request: \"{}\" and \"{}\"",
                                                    machine_->trace.format(record), machine_->trace.format(line)));
}

// Checks what the line of a failure and the report of the bitmap say: nothing has cleared or set a bit since. How many
// there are is checked when the operation ends.
void Reports::check_failure(const Request& request, bool fits) {
  const std::vector<Record> lines = emitted(request.first_record, Event::log_cma_alloc_failed);
  expect_each(request, lines, {request.area, request.count, {}, {}});
  std::vector<std::string> reports;
  for (const Record& record : emitted(request.first_record, Event::log_text))
    if (const std::string text = machine_->trace.format(record); text.starts_with(kReport)) reports.push_back(text);
  for (const std::string& report : reports) {
    const std::string expected = report_of(machine_->areas.area(request.area));
    claim(report == expected, fmt::format("\"{}\" is printed, and \"{}\" is true", report, expected));
  }
  failures_[machine_->engine.current()] = {request.count, fits, lines.size(), reports.size()};
}

// Returns whether an operation that asks for a buffer wants to read of its failure.
bool Reports::wants_warning(std::size_t op) const {
  const auto* request = std::get_if<CmaAlloc>(&last_plain_run().world().program().ops[op].body);
  return request == nullptr || !request->nowarn;
}

// A failure that wants a warning has one line, since 4.11 or where a vendor added it, and with that one report of the
// bitmap: since 6.9 always, before with CONFIG_CMA_DEBUG. The limit of lines, since 5.13, leaves the first ten alone,
// and never binds reports.
void Reports::op_ended(Machine&, std::size_t op) {
  const World& world = last_plain_run().world();
  const auto found = failures_.find(world.actor(world.program().ops[op].performer));
  if (found == failures_.end() || world.result(static_cast<Slot>(op)).state == Result::State::skipped) return;
  const Failure failure = found->second;
  failures_.erase(found);
  constexpr std::size_t kBurst = 10;
  const bool has_line = since(Release::v4_11) || machine_->geometry().error_line;
  const bool warns = failure.tried && wants_warning(op) && has_line;
  const bool limited = since(Release::v5_13) && machine_->geometry().rate_limits && warnings_ >= kBurst;
  if (warns) ++warnings_;
  const std::size_t most = warns ? 1 : 0;
  claim(failure.lines == most || (limited && failure.lines == 0),
        fmt::format("a request for {} pages fails, and has {} lines", failure.count, failure.lines));
  const bool reported = warns && (prints_debug() || since(Release::v6_9));
  claim(failure.reports == (reported ? 1U : 0U),
        fmt::format("a request for {} pages fails, and has {} reports of the bitmap", failure.count, failure.reports));
}

// The vm events cma_alloc_success and cma_alloc_fail count calls: since 5.13 all, since 6.9 those that could be tried.
void Reports::check_events(bool fits, bool success) {
  if (!since(Release::v5_13) || (since(Release::v6_9) && !fits)) return;
  ++(success ? succeeded_ : failed_);
  const AreaTable& table = machine_->areas.table();
  claim(table.alloc_success == succeeded_ && table.alloc_fail == failed_,
        fmt::format("{} requests succeeded and {} failed, and {} and {} are counted", succeeded_, failed_,
                    table.alloc_success, table.alloc_fail));
}

void Reports::check_releases(const Releases& releases) {
  const std::vector<Record> lines = emitted(releases.first_record, Event::log_cma_release);
  const std::vector<Record> traced = emitted(releases.first_record, Event::cma_release);
  const std::size_t count = releases.begun.size();
  claim(lines.size() == (prints_debug() ? count : 0U), fmt::format("{} releases are {} lines", count, lines.size()));
  claim(traced.size() == (since(Release::v3_16) ? count : 0U),
        fmt::format("{} releases are traced {} times", count, traced.size()));
  for (const Part& release : releases.begun) {
    const auto logs = [&](const Record& line) { return line.a == release.pfn && line.b == release.count; };
    const auto traces = [&](const Record& record) {
      return record.a == release.area && record.b == release.pfn && record.c == release.count;
    };
    claim((lines.empty() || std::ranges::count_if(lines, logs) == 1) &&
              (traced.empty() || std::ranges::count_if(traced, traces) == 1),
          fmt::format("a release of {} pages from {:#x} on is not named so", release.count, release.pfn));
  }
}

PROMISE(LogPromise, says_what_was_asked_for_what_was_free_what_was_handed_out_and_what_was_given_back,
        {.planted = {{Bug::release_line_misnamed, Release::v3_6},
                     {Bug::release_line_misnamed, Release::v6_12},
                     {Bug::start_swaps_fields, Release::v6_1},
                     {Bug::finish_align_lost, Release::v6_1},
                     {Bug::finish_align_lost, Release::v6_12},
                     {Bug::report_cuts_holes, Release::v4_19},
                     {Bug::report_cuts_holes, Release::v6_12},
                     {Bug::success_counts_pages, Release::v6_1},
                     {Bug::success_counts_pages, Release::v6_12},
                     {Bug::failure_uncounted, Release::v6_1},
                     {Bug::full_area_is_silent, Release::v6_12}}}) {
  Reports reports;
  run_plainly(program, &reports);
  reports.assert_all_held();
}

}  // namespace
}  // namespace cma
