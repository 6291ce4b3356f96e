// Promise: a window succeeds if all that is in its way can move, and fails if something cannot. A busy one states what.

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "allocator/base/error.h"
#include "properties/arbitrary/promise_testing.h"
#include "properties/laws/alignment.h"

namespace cma {
namespace {

// What becomes of a page in the way of a window. Huge pages are left to law `complete`. Pages that are locked or under
// I/O are not judged, nor those whose buffers are in use: whether they go depends on devices and on the release.
enum class Fate : std::uint8_t { free, moves, not_judged, stays };

// Returns for each page from `start` on whether it is in a block on a free list or on a per-CPU list.
std::vector<bool> free_pages(const Machine& machine, Pfn start, Pfn end) {
  const MemoryMap& map = machine.map;
  std::vector<bool> free(end - start, false);
  const Pfn first = std::max(map.range().start, align_order(start, machine.buddy.largest_order()));
  for (Pfn head = first; head < end; ++head)
    if (map.page(head).has(kPageBuddy | kPagePcp))
      for (Pfn p = std::max(head, start); p < std::min(end, head + order_pages(map.page(head).order)); ++p)
        free[p - start] = true;
  return free;
}

// Judges each page of each window from the moment before the window is tried, and compares the outcome: of the window
// alone, and of the sweep that it is part of. Silent on a window while another actor is inside an operation. A request
// that waited is judged from the first window that it tries with the others gone.
class Windows final : public Witness, public WindowWatcher {
 public:
  Windows() = default;
  Windows(const Windows&) = delete;
  Windows& operator=(const Windows&) = delete;
  ~Windows() override {
    if (machine_ != nullptr) machine_->trace.watch_windows(nullptr);
  }

  // --- what programs hold ---
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.watch_windows(this);
    asking_.clear();
    window_ = {};
    held_.assign(machine.map.pages().size(), 0);
  }
  void buffer_releasing(AreaId, Pfn pfn, std::uint64_t count) override { hold(pfn, count, -1); }
  void pages_allocated(Pfn pfn, unsigned order, Gfp) override { hold(pfn, order_pages(order), 1); }
  void pages_freeing(Pfn pfn, unsigned order) override { hold(pfn, order_pages(order), -1); }
  void range_allocated(Pfn pfn, std::uint64_t count) override { hold(pfn, count, 1); }
  void range_freeing(Pfn pfn, std::uint64_t count) override { hold(pfn, count, -1); }
  void reference_taken(Pfn pfn, int count, bool) override { hold(pfn, 1, count); }
  void reference_dropping(Pfn pfn, int count) override { hold(pfn, 1, -count); }

  // --- sweeps ---
  void alloc_begins(AreaId id, std::uint64_t count, unsigned align) override {
    sweep_ = {true, id, count, align, machine_->trace.records().size(), windows_of(id, count, align), {}, {}};
    asking_.insert(machine_->engine.current());
    disturbed_ = !others_idle();
  }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override { sweep_ended(kNoPfn); }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t count, unsigned) override {
    sweep_ended(pfn);
    hold(pfn, count, 1);
  }
  void control_changes(Machine&) override { disturb(); }
  void op_performed(Machine&, std::size_t) override { disturb(); }

  // --- windows ---
  void window_begins(Pfn start, Pfn end) override;
  void window_ended(int error) override;
  void page_refused(Pfn pfn, Refusal why, int error) override;
  void isolation_lost(Pfn) override {}
  void test_failed(Pfn, Pfn, Pfn fin) override { window_.named.push_back(fin); }

 private:
  struct RefusedPage {
    Pfn pfn;
    OwnerId owner;
    std::string message;
  };
  struct Window {
    PfnRange range;
    std::size_t first_record = 0;
    std::vector<Fate> pages;
    std::vector<Pfn> named;            // pages that were reported to be in the way
    std::vector<RefusedPage> refused;  // those of them that are free or can move
    bool quiet = false;                // no other actor is inside an operation
    bool by_area = false;
    bool can_be_isolated = false;
    bool targets_suffice = false;  // for the pages that move
    bool memory_suffices = false;  // for as many pages as could be in the way, each on its own
    bool certain = false;          // it must succeed
    bool signalled = false;        // it must fail
  };
  struct Sweep {
    bool open = false;
    AreaId area = 0;
    std::uint64_t count = 0;
    unsigned align = 0;
    std::size_t first_record = 0;
    std::vector<Pfn> expected;
    std::vector<Pfn> tried;
    std::vector<int> errors;
  };

  void disturb() {
    disturbed_ = true;
    window_.quiet = false;
  }
  void hold(Pfn pfn, std::uint64_t count, int change) {
    for (Pfn p = pfn; p < pfn + count; ++p) held_[machine_->map.frame(p)] += change;
  }
  bool others_idle() const;
  std::vector<Pfn> windows_of(AreaId id, std::uint64_t count, unsigned align) const;
  void sweep_ended(Pfn result);
  void check_report(Pfn result);
  Fate fate_of(Pfn pfn) const;
  Fate fate_of_owned(const Page& page, const Owner& owner) const;
  Fate fate_of_file(const Page& page, const Owner& owner) const;
  bool all_mapped(const Owner& owner) const;
  bool passes_over(const Owner& owner) const;
  bool targets_suffice(std::uint64_t movers, std::uint64_t isolated) const;
  bool compound_near(Pfn start, Pfn end) const;
  bool compound_in(Pfn start, Pfn end) const;
  PfnRange isolated_for(const PfnRange& range) const;
  bool surroundings_can_be_isolated(const PfnRange& range) const;
  std::string name_of_window() const;
  void check_signalled(int error);
  void check_named_page(const Window& window);
  void check_busy_lines(const Window& window);

  Machine* machine_ = nullptr;
  std::vector<int> held_;     // by frame: buffers, blocks, ranges and references of the program
  std::set<ActorId> asking_;  // inside cma_alloc
  bool disturbed_ = false;
  Sweep sweep_;
  Window window_;
};

// Returns whether no other actor is inside an operation, where it may hold or isolate pages.
bool Windows::others_idle() const {
  const Engine& engine = machine_->engine;
  for (ActorId actor = 0; actor < engine.actors(); ++actor)
    if (actor != engine.current() && engine.look(actor).state != ActorState::idle) return false;
  return true;
}

// --- a page ---

bool Windows::all_mapped(const Owner& owner) const {
  for (PteId pte = owner.first_pte; pte != 0; pte = machine_->spaces.pte(pte).next)
    if (machine_->spaces.pte(pte).state != Pte::State::present ||
        machine_->spaces.temporary_stack(machine_->spaces.pte(pte).space))
      return false;
  return true;
}

// Returns whether the request passes over the page: since 4.12 one in a scope that may not enter a file system leaves
// pages with a mapping where they are, free blocks and private memory apart.
bool Windows::passes_over(const Owner& owner) const {
  const bool has_mapping = is_file(owner.kind) || owner.kind == PageKind::shmem;
  return has_mapping && machine_->release() >= Release::v4_12 && forbids_fs(machine_->engine.flags().scope);
}

// A page of a file on the LRU that only its cache, its buffer and ptes refer to is dropped, or moves. Its buffer goes
// with it, unless the page has to be written out first: with a file's own method that needs no device.
Fate Windows::fate_of_file(const Page& page, const Owner& owner) const {
  const bool busy = page.has(kPageLocked | kPageWriteback | kPageTaskList | kPageHead | kPageTail);
  const int references = Owners::own_references(owner) + page.pagevecs + (page.has(kPagePrivate) ? 1 : 0);
  if (busy || !page.has(kPageUptodate) || page.ref != references || !(page.has(kPageLru) || page.pagevecs > 0))
    return Fate::not_judged;
  if (!all_mapped(owner)) return Fate::not_judged;
  const Buffer buffer = owner.buffer != 0 ? machine_->buffers.buffer(owner.buffer) : Buffer{};
  const Release release = machine_->release();
  const bool with_buffer = owner.method == FileMethod::ordered ||
                           release >= (owner.method == FileMethod::block_device ? Release::v5_0 : Release::v6_4);
  // A slot lets go of a buffer in time, or not: that is the promise of slots.
  const bool buffer_goes = owner.method == FileMethod::ordered || buffer.count == 0;
  // Without such a method a dirty page is written out. A clean one with a dirty buffer is not, and stays.
  const bool written = page.has(kPageDirty) && !owner.slow;
  const bool buffer_is_clean = with_buffer || written || (!buffer.dirty && !page.has(kPageDirty));
  return buffer.locked || !buffer_goes || !buffer_is_clean ? Fate::not_judged : Fate::moves;
}

Fate Windows::fate_of_owned(const Page& page, const Owner& owner) const {
  if (passes_over(owner)) return Fate::stays;
  if (is_file(owner.kind)) return fate_of_file(page, owner);
  if (owner.kind == PageKind::unmovable) return Fate::stays;
  if (owner.kind == PageKind::movable_ops) {
    // Drivers move pages since 4.8.
    if (machine_->release() < Release::v4_8 || owner.refusals < 0) return Fate::stays;
    // Each batch of pages has five calls of ten passes, whatever the batches before it needed.
    constexpr std::int64_t kAttempts = 50;
    const bool in_time = owner.refusals == 0 || (owner.refusals < kAttempts && owner.refusal_error == -kEAGAIN);
    return in_time && page.ref == 1 ? Fate::moves : Fate::not_judged;
  }
  const bool plain = (owner.kind == PageKind::anonymous || owner.kind == PageKind::shmem) && owner.huge == 0;
  const bool busy = page.has(kPageLocked | kPageWriteback | kPageTaskList | kPageHead | kPageTail);
  const int references = static_cast<int>(owner.mapped) + (owner.kind == PageKind::shmem ? 1 : 0) + page.pagevecs;
  if (!plain || busy || page.ref != references || !(page.has(kPageLru) || page.pagevecs > 0) || !all_mapped(owner))
    return Fate::not_judged;
  return owner.kind == PageKind::shmem || owner.mapped > 0 ? Fate::moves : Fate::not_judged;
}

// Requires: the page is not free.
Fate Windows::fate_of(Pfn pfn) const {
  const Page& page = machine_->map.page(pfn);
  if (held_[machine_->map.frame(pfn)] > 0 || page.has(kPageReserved | kPageHole | kPageLeaked)) return Fate::stays;
  if (page.owner == 0 || page.ref == 0) return Fate::not_judged;
  return fate_of_owned(page, machine_->owners.owner(page.owner));
}

// --- a window ---

// Returns whether one zone has memory for so many pages, with all that the request may set aside meanwhile left out:
// the free pages of the blocks it isolates, full per-CPU lists, areas, and everything below the high watermark.
bool Windows::targets_suffice(std::uint64_t movers, std::uint64_t isolated) const {
  if (movers == 0) return true;
  for (std::size_t z = 0; z < machine_->buddy.zones(); ++z) {
    const Zone& zone = machine_->buddy.zone(z);
    if (zone.kind == ZoneKind::high_mem || zone.kind == ZoneKind::movable) continue;
    std::uint64_t aside = isolated + zone.nr_reserved_highatomic +
                          zone.watermark[static_cast<unsigned>(Watermark::high)] + zone.watermark_boost +
                          *std::ranges::max_element(zone.lowmem_reserve);
    for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu)
      aside += static_cast<std::uint64_t>(zone.pcp[static_cast<unsigned>(cpu)].high + zone.pcp[0].batch);
    if (zone.nr_free_pages - zone.nr_free_cma > static_cast<std::int64_t>(aside + movers)) return true;
  }
  return false;
}

// Returns whether a compound page larger than a pageblock may reach into the pageblocks at the range's ends: since 5.19
// these cannot be isolated then.
bool Windows::compound_near(Pfn start, Pfn end) const {
  if (machine_->release() < Release::v5_19) return false;
  const MemoryMap& map = machine_->map;
  const Pfn unit = order_pages(machine_->buddy.largest_order());
  for (Pfn pfn = align_down(start, unit); pfn < align_up(end, unit); ++pfn)
    if (map.present(pfn) && map.page(pfn).has(kPageHead) && map.page(pfn).order > map.pageblock_order()) return true;
  return false;
}

// Returns whether a huge page, or another compound one, reaches into the range: it may ask for a target of its size.
bool Windows::compound_in(Pfn start, Pfn end) const {
  for (Pfn pfn = start; pfn < end; ++pfn)
    if (machine_->map.page(pfn).has(kPageHead | kPageTail)) return true;
  return false;
}

// Returns the pageblocks that a request for the range isolates; up to 5.18 whole blocks of the largest order.
PfnRange Windows::isolated_for(const PfnRange& range) const {
  const std::uint64_t unit = machine_->geometry().isolation_unit();
  return {align_down(range.start, unit), align_up(range.end, unit)};
}

// Returns whether another caller than an area gets the pageblocks of the range isolated: they lie in one zone and in no
// area, and all that is in them is free or on the LRU.
bool Windows::surroundings_can_be_isolated(const PfnRange& range) const {
  const MemoryMap& map = machine_->map;
  const PfnRange all = isolated_for(range);
  if (!map.valid(all.start) || !map.valid(all.end - 1)) return false;
  const std::vector<bool> free = free_pages(*machine_, all.start, all.end);
  for (Pfn pfn = all.start; pfn < all.end; ++pfn) {
    if (!map.present(pfn) || map.page(pfn).zone != map.page(range.start).zone) return false;
    const Migratetype type = map.pageblock_type(pfn);
    if (type == Migratetype::cma || type == Migratetype::isolate) return false;
    if (!free[pfn - all.start] && (fate_of(pfn) != Fate::moves || !map.page(pfn).has(kPageLru))) return false;
  }
  return true;
}

void Windows::window_begins(Pfn start, Pfn end) {
  window_ = {.range = {start, end}, .first_record = machine_->trace.records().size(), .quiet = others_idle()};
  window_.by_area = asking_.contains(machine_->engine.current());
  window_.signalled = machine_->engine.flags().fatal_signal;
  const std::vector<bool> free = free_pages(*machine_, start, end);
  for (Pfn pfn = start; pfn < end; ++pfn) window_.pages.push_back(free[pfn - start] ? Fate::free : fate_of(pfn));
  const auto in_use = window_.range.pages() - static_cast<std::uint64_t>(std::ranges::count(window_.pages, Fate::free));
  const auto movers = static_cast<std::uint64_t>(std::ranges::count(window_.pages, Fate::moves));
  const bool all_go =
      std::ranges::all_of(window_.pages, [](Fate fate) { return fate == Fate::free || fate == Fate::moves; });
  window_.can_be_isolated =
      !compound_near(start, end) && (window_.by_area || surroundings_can_be_isolated(window_.range));
  const std::uint64_t two = 2 * machine_->geometry().isolation_unit();
  window_.targets_suffice =
      targets_suffice(movers, window_.by_area ? two : std::max(two, isolated_for(window_.range).pages()));
  window_.memory_suffices = !compound_in(start, end) && targets_suffice(in_use, two);
  window_.certain = window_.can_be_isolated && all_go && window_.targets_suffice && !window_.signalled;
}

std::string Windows::name_of_window() const {
  return fmt::format("[{:#x}, {:#x})", window_.range.start, window_.range.end);
}

void Windows::window_ended(int error) {
  if (sweep_.open) {
    sweep_.tried.push_back(window_.range.start);
    sweep_.errors.push_back(error);
  }
  if (!window_.quiet) return;
  // A page may be refused and move on a later attempt: only that of a window which fails tells.
  for (const RefusedPage& page : window_.refused)
    if (error != 0 && machine_->map.page(page.pfn).owner == page.owner) claim(false, page.message);
  const bool stays = std::ranges::count(window_.pages, Fate::stays) > 0;
  if (error == 0 && stays)
    claim(false, fmt::format("window {} succeeds over a page that cannot move", name_of_window()));
  if (error != 0 && window_.certain)
    claim(false, fmt::format("window {} fails with {}, though all of it is free or can move", name_of_window(), error));
  const bool signal = machine_->engine.flags().fatal_signal;
  const bool possible = error == 0 || error == -kEBUSY || error == -kENOMEM || (error == -kEINTR && signal);
  if (!possible) claim(false, fmt::format("window {} fails with {}", name_of_window(), error));
  if (error == -kENOMEM && window_.memory_suffices)
    claim(false, fmt::format("window {} fails for lack of memory, and there is enough", name_of_window()));
  if (window_.signalled) check_signalled(error);
  if (error == -kEBUSY && window_.by_area && window_.can_be_isolated) check_named_page(window_);
  check_busy_lines(window_);
}

// A signal that is pending when a window is tried is seen before any page is moved; only an isolation that is refused
// comes first.
void Windows::check_signalled(int error) {
  const bool ends = error == -kEINTR || (error == -kEBUSY && !window_.can_be_isolated);
  if (!ends)
    claim(false, fmt::format("window {} ends with {}, though a fatal signal is pending", name_of_window(), error));
}

// A page that is refused is one that stays, or one that is not judged.
void Windows::page_refused(Pfn pfn, Refusal why, int) {
  window_.named.push_back(pfn);
  if (!window_.quiet || !window_.range.contains(pfn) || !window_.targets_suffice) return;
  // These are about pages that are free, or about the pageblock.
  if (why == Refusal::block_isolated || why == Refusal::area_block || why == Refusal::unreferenced ||
      why == Refusal::capture)
    return;
  // Another caller than an area is refused a pageblock with pages that wait for their place on the LRU.
  if (why == Refusal::unmovable && machine_->map.page(pfn).pagevecs > 0) return;
  const Fate fate = window_.pages[pfn - window_.range.start];
  if (fate == Fate::free || fate == Fate::moves)
    window_.refused.push_back({pfn, machine_->map.page(pfn).owner,
                               fmt::format("page {:#x} is reported to stay in window {}, and {}", pfn, name_of_window(),
                                           fate == Fate::free ? "is free" : "can move")});
}

// The line of a busy window (up to 5.12) names the window from the head of the free block across its start on.
void Windows::check_busy_lines(const Window& window) {
  const std::vector<Record>& records = machine_->trace.records();
  const std::uint64_t largest = order_pages(machine_->buddy.largest_order());
  int lines = 0;
  for (std::size_t i = window.first_record; i < records.size(); ++i) {
    const Record& record = records[i];
    if (record.event != Event::log_pfns_busy) continue;
    claim(++lines == 1 && record.b == window.range.end && record.a <= window.range.start &&
              record.a >= align_down(window.range.start, largest),
          fmt::format("[{:#x}, {:#x}) is logged as busy, and {} was tried", record.a, record.b, name_of_window()));
  }
}

// Since 4.5 the tracepoint test_pages_isolated names the first page in the way of a window that is busy. Up to 4.4
// there is no such tracepoint: then a page that was refused, or the one the test stopped at, is one that may stay.
void Windows::check_named_page(const Window& window) {
  if (machine_->release() < Release::v4_5) {
    const bool stays = std::ranges::any_of(window.named, [&](Pfn pfn) {
      if (!window.range.contains(pfn)) return false;
      const Fate fate = window.pages[pfn - window.range.start];
      return fate == Fate::stays || fate == Fate::not_judged || (fate == Fate::moves && !window.targets_suffice);
    });
    claim(stays, fmt::format("window {} is busy, and none of its pages is said to stay", name_of_window()));
    return;
  }
  const std::vector<Record>& records = machine_->trace.records();
  const auto test = std::find_if(records.rbegin(), records.rend() - static_cast<std::ptrdiff_t>(window.first_record),
                                 [](const Record& record) { return record.event == Event::test_pages_isolated; });
  const bool named = test != records.rend() - static_cast<std::ptrdiff_t>(window.first_record) &&
                     test->a <= window.range.start && test->b == window.range.end && test->c >= window.range.start &&
                     test->c < window.range.end;
  claim(named, fmt::format("the busy window at {:#x} is not named with a page", window.range.start));
  if (!named) return;
  const std::vector<bool> free = free_pages(*machine_, window.range.start, window.range.end);
  for (Pfn pfn = window.range.start; pfn <= test->c; ++pfn)
    if (free[pfn - window.range.start] != (pfn < test->c))
      claim(false, fmt::format("page {:#x} is named as the first in the way, and {:#x} is {}free", test->c, pfn,
                               pfn < test->c ? "not " : ""));
  const Fate fate = window.pages[test->c - window.range.start];
  if (fate == Fate::free || (fate == Fate::moves && window.targets_suffice))
    claim(false, fmt::format("page {:#x} is named as in the way, and {} before", test->c,
                             fate == Fate::free ? "was free" : "could move"));
}

// --- a sweep ---

// Returns the windows that a sweep tries while each is busy: the aligned ones without a bit set, each at the first such
// place after the alignment step that follows the one before.
std::vector<Pfn> Windows::windows_of(AreaId id, std::uint64_t count, unsigned align) const {
  const Area& area = machine_->areas.area(id);
  const unsigned order =
      std::max(machine_->release() < Release::v3_17 ? std::min(align, 8U) : align, area.order_per_bit);
  if (!area.active() || count == 0 || count > area.pages) return {};
  const std::uint64_t bits = (count + order_pages(area.order_per_bit) - 1) >> area.order_per_bit;
  std::vector<Pfn> windows;
  for (std::uint64_t bit = 0; bit + bits <= area.bitmap.size();) {
    const Pfn pfn = area.base + (bit << area.order_per_bit);
    bool unset = is_aligned_in(area, pfn, order);
    for (std::uint64_t b = bit; unset && b < bit + bits; ++b) unset = !area.bitmap.test(b);
    if (unset) windows.push_back(pfn);
    if (unset && order - area.order_per_bit >= 64) break;
    bit += unset ? order_pages(order - area.order_per_bit) : 1;
  }
  return windows;
}

void Windows::sweep_ended(Pfn result) {
  asking_.erase(machine_->engine.current());
  const bool judged = sweep_.open && !disturbed_;
  sweep_.open = false;
  if (!judged) return;
  const std::size_t tried = sweep_.tried.size();
  const bool in_order =
      tried <= sweep_.expected.size() && std::equal(sweep_.tried.begin(), sweep_.tried.end(), sweep_.expected.begin());
  claim(in_order, "the sweep tries other windows than those without a bit set, in their order");
  for (std::size_t i = 0; i + 1 < tried; ++i)
    claim(sweep_.errors[i] == -kEBUSY, "the sweep goes on after a window that was not busy");
  const int last = tried == 0 ? -kENOMEM : sweep_.errors.back();
  if (result != kNoPfn)
    claim(last == 0 && sweep_.tried.back() == result, "the buffer is not the window that succeeded");
  else
    claim(last != 0 && (tried == sweep_.expected.size() || last != -kEBUSY),
          fmt::format("the sweep ends after {} of {} windows with {}", tried, sweep_.expected.size(), last));
  check_report(result);
}

// Checks what the trace and the log report of the request: each busy window by its first page (since 5.13), the window
// that ended the sweep (since 4.1), and the error of a failure.
void Windows::check_report(Pfn result) {
  std::vector<Pfn> busy;
  const std::vector<Record>& records = machine_->trace.records();
  const Pfn last = sweep_.tried.empty() ? kNoPfn : sweep_.tried.back();
  const int error = sweep_.tried.empty() ? -kENOMEM : sweep_.errors.back();
  for (std::size_t i = sweep_.first_record; i < records.size(); ++i) {
    const Record& record = records[i];
    if (record.event == Event::cma_alloc_busy_retry) busy.push_back(record.b);
    if (record.event == Event::log_cma_alloc_failed)
      claim(result == kNoPfn && static_cast<std::int64_t>(record.c) == error,
            fmt::format("a request that ended with {} is logged with {}", error, static_cast<std::int64_t>(record.c)));
    if (record.event == Event::cma_alloc)
      claim(record.a == last && record.b == sweep_.count && (record.d != 0) == (result != kNoPfn),
            "cma_alloc names another window or result");
    if (record.event == Event::cma_alloc_finish) {
      const bool success = FinishedAlloc::unpack(record.d).success;
      claim(record.b == last && record.c == sweep_.count && success == (result != kNoPfn),
            "cma_alloc_finish names another window or result");
    }
  }
  if (machine_->release() < Release::v5_13) return;
  std::vector<Pfn> expected;
  for (std::size_t i = 0; i < sweep_.tried.size(); ++i)
    if (sweep_.errors[i] == -kEBUSY) expected.push_back(sweep_.tried[i]);
  claim(busy == expected, "cma_alloc_busy_retry does not name each busy window");
}

void assert_windows_are_right(const Program& program) {
  // A vendor's kernel that sweeps again tries each window again.
  RC_PRE(program.machine.retry_sweeps == 0U);
  Windows windows;
  run_checked(program, &windows);
  windows.assert_all_held();
}

PROMISE(CompletePromise, an_undisturbed_window_fails_for_a_page_that_stays_and_never_if_all_can_move,
        {.planted = {{Bug::drain_left_out, Release::v6_1},
                     Bug::busy_ends_sweep,
                     Bug::last_page_untested,
                     {Bug::busy_window_misnamed, Release::v6_1},
                     {Bug::fin_is_start, Release::v4_19}}}) {
  assert_windows_are_right(program);
}

// The same where all that is in the way can move, and waits on the per-CPU lists of any CPU.
PROMISE(CompletePromise, windows_take_pages_that_wait_on_another_cpu,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .shapes = false,
                                  .kinds = kinds_of<OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>>()},
                      .faults = false},
         .planted = {{Bug::local_drain_only, Release::v4_9}, {Bug::drain_left_out, Release::v6_1}}}) {
  assert_windows_are_right(program);
}

// Ranges of ordinary memory: pages of processes are in their way, and pages of the kernel beside them.
PROMISE(CompletePromise, a_range_of_movable_pages_is_handed_out_to_any_caller,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>,
                                                    FreeOwned, AllocRange, FreeRange, DrainOp<DrainKind::lru>>()},
                      .faults = false},
         .planted = {Bug::moved_range_fails, {Bug::drain_left_out, Release::v6_1}}}) {
  assert_windows_are_right(program);
}

PROMISE(CompletePromise, a_fatal_signal_ends_a_request_before_a_page_moves,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<OwnedPages<PageKind::anonymous>, CmaAlloc, AllocRange, Signal>()}},
         .planted = {
             Bug::signal_ignored, {Bug::signal_ignored, Release::v3_6}, {Bug::signal_ignored, Release::v6_12}}}) {
  assert_windows_are_right(program);
}

// Puts requests into scopes that may not enter a file system, or start no I/O.
void ask_in_scopes(Random& random, Program& program) {
  for (Op& op : program.ops) {
    const bool asks = op.body.index() == kind_of<CmaAlloc>() || op.body.index() == kind_of<AllocRange>();
    if (asks && random.chance(70)) op.scope = random.chance(50) ? ReclaimScope::nofs : ReclaimScope::noio;
  }
}

PROMISE(CompletePromise, a_request_that_may_not_enter_a_file_system_leaves_pages_with_a_mapping_alone,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .shapes = false,
                                  .kinds = kinds_of<OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>,
                                                    OpenFile, ReadFile, FreeOwned, AllocRange, FreeRange>()},
                      .faults = false,
                      .prepare = ask_in_scopes},
         .planted = {{Bug::noio_enters_files, Release::v4_19},
                     {Bug::noio_enters_files, Release::v5_10},
                     {Bug::noio_enters_files, Release::v6_1},
                     {Bug::noio_enters_files, Release::v6_12}}}) {
  assert_windows_are_right(program);
}

// Begins with two pages of an area that their driver refuses to move up to 49 times each, a batch of 32 pages apart,
// and a request for all of them.
void refuse_in_two_batches(Random& random, Program& program) {
  if (program.machine.areas.empty()) return;
  Story story(program);
  const auto refusing_page = [&](std::uint64_t offset) {
    const OpRef page = story.add(OwnedPages<PageKind::movable_ops>{.at = Place::of_area({.id = 0}, offset)});
    story.add(Refuse{.pages = page, .times = 1 + random.below(49)});
  };
  constexpr std::uint64_t kBatch = 32;
  refusing_page(0);
  story.add(OwnedPages<PageKind::movable_ops>{.at = Place::of_area({.id = 0}, 1), .pages = kBatch});
  refusing_page(kBatch + 1);
  story.add(CmaAlloc{.area = {.id = 0}, .pages = kBatch + 2});
}

PROMISE(CompletePromise, each_batch_of_pages_has_its_own_attempts,
        {.programs = {.options = {.release = {},
                                  .shapes = false,
                                  .kinds = kinds_of<OwnedPages<PageKind::movable_ops>, Refuse, FreeOwned>()},
                      .interleaved = false,
                      .prepare = refuse_in_two_batches},
         .planted = {{Bug::tries_carried_over, Release::v4_9},
                     {Bug::tries_carried_over, Release::v5_10},
                     {Bug::tries_carried_over, Release::v6_12}}}) {
  assert_windows_are_right(program);
}

// Windows in which something stays: pages that are pinned, held, or the kernel's.
PROMISE(CompletePromise, a_busy_window_is_logged_as_it_was_tried_with_a_page_that_cannot_move,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::unmovable>,
                                                    OwnedPages<PageKind::shmem>, CmaAlloc, CmaRelease, Pin, GetPage>()},
                      .faults = false},
         .planted = {{Bug::busy_line_misnamed, Release::v3_6},
                     {Bug::busy_line_misnamed, Release::v4_19},
                     {Bug::fin_is_start, Release::v5_10},
                     Bug::refusal_misnamed,
                     {Bug::refusal_misnamed, Release::v3_6}}}) {
  assert_windows_are_right(program);
}

// Pages of files are in the way: dirty and clean, with buffers and without.
PROMISE(CompletePromise, a_window_over_pages_of_files_succeeds_unless_a_buffer_or_a_device_is_busy,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<OpenFile, ReadFile, BufferRead, FilePagesOp<FilePagesVerb::journal>,
                                                    FilePagesOp<FilePagesVerb::writeback>, FileOp<FileVerb::commit>,
                                                    BufferOp<BufferVerb::dirty>, OwnedPages<PageKind::block_device>,
                                                    IoDone, DrainOp<DrainKind::lru>>()},
                      .faults = false},
         .planted = {{Bug::ordered_page_stays, Release::v3_6},
                     Bug::ordered_page_stays,
                     {Bug::dirty_page_stays, Release::v4_19},
                     {Bug::dirty_page_stays, Release::v6_12}}}) {
  assert_windows_are_right(program);
}

PROMISE(CompletePromise, a_window_fails_for_lack_of_memory_only_if_memory_is_scarce,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::unmovable>,
                                                    OwnedPages<PageKind::shmem>, Pin, GetPage>()}},
         .planted = {{Bug::busy_is_enomem, Release::v4_19}, {Bug::busy_is_enomem, Release::v6_12}}}) {
  assert_windows_are_right(program);
}

PROMISE(CompletePromise, a_request_over_huge_pages_never_fails_while_a_window_of_it_is_free_or_can_be_emptied,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<Spawn, MmapHuge, SplitHuge, ExitProcess>(),
                                  .huge_pages = true},
                      .faults = false},
         .planted = {{Bug::huge_page_stays, Release::v5_10}, {Bug::huge_page_stays, Release::v6_12}}}) {
  assert_laws_hold(program, {Law::complete});
}

// Follows each request from window to window, whatever others do meanwhile.
class WindowByWindow final : public WindowObserver<Witness> {
 public:
  void alloc_begins(AreaId, std::uint64_t, unsigned) override { windows_[machine_->engine.current()] = {}; }
  void window_begins(Pfn start, Pfn end) override {
    const auto request = windows_.find(machine_->engine.current());
    if (request == windows_.end()) return;
    claim(!request->second.had, "a request tries another window after the one that it had");
    request->second.range = {start, end};
  }
  void window_ended(int error) override {
    const auto request = windows_.find(machine_->engine.current());
    if (request != windows_.end()) request->second.had = error == 0;
  }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override { ended({}, false); }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t count, unsigned) override { ended({pfn, pfn + count}, true); }

 private:
  struct Window {
    PfnRange range;
    bool had = false;
  };
  void ended(const PfnRange& got, bool success) {
    const auto request = windows_.find(machine_->engine.current());
    if (request == windows_.end()) return;
    const Window& window = request->second;
    claim(window.had == success, success ? "a request succeeds without a window" : "a request fails with a window");
    claim(!success || got == window.range, "a request gets another range than the window that it had");
    windows_.erase(request);
  }

  std::map<ActorId, Window> windows_;  // of requests under way
};

// Follows each window of which all pages are free, whatever others do meanwhile. Another may take a page of it before
// it is isolated: then the window is not judged. A block that others free beside it may grow into a window that begins
// or ends inside the largest block, so these are not judged either.
class FreeWindows final : public WindowObserver<Witness>, public AllocationWatcher {
 public:
  FreeWindows() = default;
  FreeWindows(const FreeWindows&) = delete;
  FreeWindows& operator=(const FreeWindows&) = delete;
  ~FreeWindows() override {
    if (machine_ != nullptr) machine_->trace.watch_allocations(nullptr);
  }
  void program_begins(Machine& machine) override {
    WindowObserver<Witness>::program_begins(machine);
    machine.trace.watch_allocations(this);
    windows_.clear();
  }
  void window_begins(Pfn start, Pfn end) override {
    const std::vector<bool> free = free_pages(*machine_, start, end);
    const std::uint64_t largest = order_pages(machine_->buddy.largest_order());
    const bool all_free = std::ranges::all_of(free, [](bool page) { return page; });
    windows_[machine_->engine.current()] = {{start, end},
                                            all_free && is_aligned(start, largest) && is_aligned(end, largest)};
    look_at_others();
  }
  void window_ended(int error) override {
    const Window& window = windows_[machine_->engine.current()];
    if (error != 0 && window.judged)
      claim(false, fmt::format("window [{:#x}, {:#x}) fails with {}, and all of it was free", window.range.start,
                               window.range.end, error));
    windows_.erase(machine_->engine.current());
  }
  void control_changes(Machine&) override { look_at_others(); }
  void op_performed(Machine&, std::size_t) override { look_at_others(); }
  void allocation_ended(Gfp, unsigned order, Pfn pfn) override {
    if (pfn == kNoPfn) return;
    for (auto& [actor, window] : windows_)
      if (pfn < window.range.end && pfn + order_pages(order) > window.range.start) window.judged = false;
  }

 private:
  struct Window {
    PfnRange range;
    bool judged = false;
  };
  // Ranges of others may isolate the same pageblocks, without cma_mutex; a test device asks for ranges.
  void look_at_others() {
    static const KindSet kHarmless =
        kinds_of<AllocPages, FreePages, FreeOwned, DrainOp<DrainKind::pages>, DrainOp<DrainKind::lru>,
                 DrainOp<DrainKind::everything>, CmaAlloc, CmaRelease>();
    if (windows_.empty()) return;
    const World& world = last_plain_run().world();
    for (Slot op = 0; op < world.program().ops.size(); ++op)
      if (world.result(op).state == Result::State::inside && !kHarmless.test(world.program().ops[op].body.index()))
        for (auto& [actor, window] : windows_) window.judged = false;
  }

  std::map<ActorId, Window> windows_;  // under way
};

// Begins with a drain that has passed the first CPU when that frees a page of an area and asks for the whole area.
void drain_meanwhile(Random& random, Program& program) {
  if (program.machine.areas.empty() || program.machine.cpus < 2) return;
  const std::uint64_t pages = program.machine.areas.front().pages;
  Story story(program);
  const auto page_of_area = [&] {
    return story.add(OwnedPages<PageKind::anonymous>{.at = Place::of_area({.id = 0}, random.below(pages))});
  };
  const OpRef early = page_of_area();
  const OpRef late = page_of_area();
  story.add(DrainOp<DrainKind::lru>{});
  story.add(FreeOwned{early});
  story.add(DrainOp<DrainKind::pages>{}, Performer::on_cpu(1), {Point::drain_pcp_cpu, 1});
  story.add(FreeOwned{late});
  story.add(CmaAlloc{.area = {.id = 0}, .pages = pages});
  story.add(Resume{}, Performer::on_cpu(1));
}

PROMISE(CompletePromise, a_window_of_free_pages_is_had_whatever_others_drain_and_free,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .shapes = false,
                                  .kinds = kinds_of<AllocPages, FreePages, OwnedPages<PageKind::anonymous>, FreeOwned,
                                                    DrainOp<DrainKind::pages>, DrainOp<DrainKind::lru>, Resume>()},
                      .faults = false,
                      .prepare = drain_meanwhile},
         .planted = {{Bug::any_drain_will_do, Release::v4_19},
                     {Bug::any_drain_will_do, Release::v5_10},
                     {Bug::any_drain_will_do, Release::v6_1},
                     {Bug::any_drain_will_do, Release::v6_12}}}) {
  RC_PRE(program.machine.retry_sweeps == 0U);
  FreeWindows windows;
  run_plainly(program, windows);
  windows.assert_all_held();
}

// Requests of several actors that wait for each other.
PROMISE(CompletePromise, a_request_gets_the_window_that_it_had_however_long_it_waited,
        {.programs = {.options = {.min_ops = 20, .release = {}, .kinds = kinds_of<CmaAlloc, CmaRelease, Resume>()},
                      .faults = false},
         .planted = {{Bug::waiter_gives_back, Release::v3_6},
                     {Bug::waiter_gives_back, Release::v4_19},
                     {Bug::waiter_gives_back, Release::v6_12}}}) {
  WindowByWindow followed;
  run_plainly(program, followed);
  followed.assert_all_held();
}

PROMISE(CompletePromise, a_request_never_fails_while_a_window_of_it_is_free_or_can_be_emptied,
        {.planted = {{Bug::throttle_is_signal, Release::v5_10}}}) {
  assert_laws_hold(program, {Law::complete});
}

}  // namespace
}  // namespace cma
