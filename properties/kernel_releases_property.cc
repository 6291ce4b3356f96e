// Promises: where kernel versions agree. Most properties run a program on its own release and on the others, which have
// no faults, and state what is equal on all of them. The last two say what they compare.
//
// They do not agree on more: where migrated pages go, how free blocks merge and which lists pages lie on changed often.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "allocator/base/error.h"
#include "properties/arbitrary/behaviour_testing.h"
#include "properties/arbitrary/promise_testing.h"
#include "properties/laws/agreement.h"

namespace cma {
namespace {

// Operations of one actor on areas, and pages that are in the way.
Programs on_areas(bool movable) {
  Programs programs;
  programs.interleaved = false;
  programs.faults = false;
  programs.options.kinds = KindSet()
                               .set(kind_of<CmaAlloc>())
                               .set(kind_of<CmaRelease>())
                               .set(kind_of<FreeOwned>())
                               .set(kind_of<DrainOp<DrainKind::everything>>());
  KindSet& kinds = programs.options.kinds;
  if (movable)
    kinds.set(kind_of<OwnedPages<PageKind::anonymous>>()).set(kind_of<OwnedPages<PageKind::shmem>>());
  else
    kinds.set(kind_of<OwnedPages<PageKind::unmovable>>());
  return programs;
}

bool is_simple(const Program& program) {
  return std::ranges::none_of(program.ops, [](const Op& op) { return info_of(op).boot; });
}

void watch_requests(const Program& program, Requests& requests) {
  run_plainly(program, static_cast<Observer*>(&requests));
  requests.stop_watching();
}

void assert_same_requests(const Program& program) {
  Requests here;
  watch_requests(program, here);
  RC_PRE(all_areas_active(last_plain_run().machine().areas));
  for (const Release release : modelled_releases()) {
    const std::optional<Program> other = on_release(program, release);
    if (!other || release == program.machine.release) continue;
    Requests there;
    watch_requests(*other, there);
    if (!all_areas_active(last_plain_run().machine().areas)) continue;
    const std::string differs = difference(here, there);
    if (!differs.empty()) RC_FAIL(fmt::format("on {}: {}", name_of(release), differs));
  }
}

// In areas that are empty but for buffers and pages that cannot move, every release tries the same windows and gets the
// same buffers.
PROMISE(
    KernelReleasesPromise, find_the_same_windows_between_pages_that_cannot_move,
    {.programs = on_areas(false),
     .planted = {
         {Bug::retry_step_short}, {Bug::mask_exponent}, {Bug::offset_upward}, {Bug::region_relative, Release::v3_6}}}) {
  RC_PRE(is_simple(program));
  assert_same_requests(with_pages_in_areas(program));
}

// Returns whether ordinary memory has room for all pages that the program takes and for as many to move them to, above
// the watermarks.
bool has_room_to_move(const Program& program, const Machine& machine) {
  std::uint64_t taken = 0;
  for (const Op& op : program.ops) {
    if (const auto* pages = std::get_if<OwnedPages<PageKind::anonymous>>(&op.body)) taken += pages->pages;
    if (const auto* pages = std::get_if<OwnedPages<PageKind::shmem>>(&op.body)) taken += pages->pages;
  }
  std::uint64_t memory = 0;
  std::uint64_t kept = machine.areas.table().total_pages;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    memory += machine.buddy.zone(z).managed;
    kept += machine.buddy.zone(z).watermark[static_cast<std::size_t>(Watermark::high)];
  }
  return 2 * taken + kept <= memory;
}

// Pages that can move change nothing about that, wherever they lie, as long as there is memory to move them to.
PROMISE(KernelReleasesPromise, find_the_same_windows_between_pages_that_can_move,
        {.programs = on_areas(true), .planted = {Bug::drain_left_out}}) {
  RC_PRE(is_simple(program));
  run_plainly(program);
  RC_PRE(has_room_to_move(program, last_plain_run().machine()));
  assert_same_requests(program);
}

// Which frames are free, pageblock types, and the counts of free pages.
struct FreeFrames {
  std::string frames;
  std::vector<std::uint64_t> counts;
  friend bool operator==(const FreeFrames&, const FreeFrames&) = default;
};
FreeFrames free_frames(const Machine& machine) {
  FreeFrames memory;
  memory.frames.assign(machine.map.range().pages(), '-');
  std::size_t frame = 0;
  for (const Page& page : machine.map.pages()) {
    if (page.has(kPageBuddy | kPagePcp)) {
      const std::uint64_t pages = order_pages(page.order);
      memory.frames.replace(frame, pages, pages, 'f');
    }
    ++frame;
  }
  for (const Migratetype type : machine.map.types()) memory.counts.push_back(index_of(type));
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    const Zone& zone = machine.buddy.zone(z);
    memory.counts.push_back(zone.managed);
    memory.counts.push_back(static_cast<std::uint64_t>(zone.nr_free_pages));
    memory.counts.push_back(static_cast<std::uint64_t>(zone.nr_free_cma));
  }
  return memory;
}

// Requests and releases alone, after which the per-CPU lists are drained.
Programs on_buffers() {
  Programs programs = on_areas(false);
  programs.options.kinds = KindSet().set(kind_of<CmaAlloc>()).set(kind_of<CmaRelease>());
  return programs;
}

PROMISE(KernelReleasesPromise, boot_and_buffers_leave_the_same_memory_free,
        {.programs = on_buffers(), .planted = {{Bug::release_keeps_bit}, {Bug::offset_upward}}}) {
  RC_PRE(is_simple(program));
  Program drained = program;
  Op drain;
  drain.body = DrainOp<DrainKind::everything>{};
  drained.ops.push_back(drain);
  run_plainly(drained);
  RC_PRE(all_areas_active(last_plain_run().machine().areas));
  const FreeFrames here = free_frames(last_plain_run().machine());
  for (const Release release : modelled_releases()) {
    const std::optional<Program> other = on_release(drained, release);
    if (!other) continue;
    run_plainly(*other);
    if (!all_areas_active(last_plain_run().machine().areas)) continue;
    if (free_frames(last_plain_run().machine()) != here)
      RC_FAIL(fmt::format("other memory is free on {}", name_of(release)));
  }
}

// Compares the code in a failure's line with the windows that the request tried.
class CodesOfFailures final : public WindowObserver<Witness> {
 public:
  void alloc_begins(AreaId, std::uint64_t, unsigned) override {
    requests_[machine_->engine.current()] = {-kENOMEM, machine_->trace.records().size()};
  }
  void window_ended(int error) override {
    const auto found = requests_.find(machine_->engine.current());
    if (found != requests_.end()) found->second.first = error;
  }
  void buffer_allocated(AreaId, Pfn, std::uint64_t, unsigned) override { requests_.erase(machine_->engine.current()); }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override {
    const auto [error, first] = requests_[machine_->engine.current()];
    const std::vector<Record>& records = machine_->trace.records();
    for (std::size_t i = first; i < records.size(); ++i) {
      if (records[i].event != Event::log_cma_alloc_failed || records[i].actor != machine_->engine.current()) continue;
      const auto code = static_cast<int>(static_cast<std::int64_t>(records[i].c));
      ++lines;
      claim(code == error, fmt::format("a failure reports {}, and its last window ended with {}", code, error));
    }
    requests_.erase(machine_->engine.current());
  }
  std::uint64_t lines = 0;

 private:
  // By actor: the last window's error, and the trace's length when the request began.
  std::map<ActorId, std::pair<int, std::size_t>> requests_;
};

// Up to 6.14: since 6.15 an area without a free window reports -EBUSY. Before 4.11 only vendors' kernels print a line.
PROMISE(KernelReleasesPromise, report_the_error_of_the_last_window_or_enomem_if_there_was_none,
        {.planted = {Bug::exhausted_is_busy}}) {
  Program printing = program;
  printing.machine.rate_limits = false;
  printing.machine.error_line = true;
  CodesOfFailures codes;
  run_plainly(printing, codes);
  RC_CLASSIFY(codes.lines != 0, "a failure was reported");
  codes.assert_all_held();
}

// Counts the pages of requests that cannot be tried: of no page, or of more than the area has.
class Untried final : public Observer {
 public:
  void program_begins(Machine& machine) override { machine_ = &machine; }
  void alloc_begins(AreaId id, std::uint64_t count, unsigned) override {
    const Area& area = machine_->areas.area(id);
    if (count != 0 && count <= area.pages) return;
    pages[id] += count;
    ++calls;
  }
  std::map<AreaId, std::uint64_t> pages;
  std::uint64_t calls = 0;

 private:
  Machine* machine_ = nullptr;
};

// 6.9 stopped to count requests that cannot be tried; all others are counted alike since 5.13.
PROMISE(KernelReleasesPromise, count_the_same_requests_but_those_that_cannot_be_tried,
        {.programs = on_areas(false), .planted = {Bug::retry_step_short}}) {
  RC_PRE(is_simple(program));
  Program before = program;
  before.machine.release = Release::v6_1;
  Program after = program;
  after.machine.release = Release::v6_12;
  after.machine.bugs = {};
  Untried untried;
  run_plainly(before, &untried);
  const Areas& areas = last_plain_run().machine().areas;
  RC_PRE(all_areas_active(areas));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;
  for (AreaId id = 0; id < areas.size(); ++id)
    counts.emplace_back(areas.area(id).nr_pages_succeeded, areas.area(id).nr_pages_failed - untried.pages[id]);
  const std::uint64_t failed = areas.table().alloc_fail - untried.calls;
  run_plainly(after);
  for (AreaId id = 0; id < counts.size(); ++id) {
    const Area& area = last_plain_run().machine().areas.area(id);
    RC_ASSERT(area.nr_pages_succeeded == counts[id].first);
    RC_ASSERT(area.nr_pages_failed == counts[id].second);
  }
  RC_ASSERT(last_plain_run().machine().areas.table().alloc_fail == failed);
}

}  // namespace
}  // namespace cma
