// Promise: a request for pages that finds too little gets what can be had for it, in a bounded number of attempts, and
// takes nothing that is kept for others.
//
// Memory is full when the requests begin. One actor performs them, so that what a request finds is what was there
// before it; only those that may have no end are another's.

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "allocator/base/gfp.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// --- programs ---

// The flags of requests that end, and of those that may have no end.
constexpr std::array<Gfp, 6> kEndingGfp = {kGfpKernel,
                                           kGfpKernel | kGfpNoretry,
                                           kGfpKernel | kGfpRetryMayfail,
                                           kGfpKernel | kGfpReclaimable,
                                           kGfpKernel | kGfpMovable,
                                           kGfpAtomic};
constexpr std::array<Gfp, 2> kInsistingGfp = {kGfpKernel | kGfpNofail, kGfpKernel & ~Gfp{kGfpFs}};

// Writes a program in which ordinary memory fills up.
class PressureStory {
 public:
  PressureStory(Random& random, Program& program)
      : random_(random), program_(program), machine_(program.machine), story_(cleared(program)) {
    if (random_.chance(50)) machine_.areas.clear();
    const Pfn end = machine_.areas.empty() ? machine_.memory.end : machine_.areas.front().base;
    ordinary_ = end - machine_.memory.start;
  }
  void write() {
    const bool held = random_.chance(40);
    cached_ = held ? 16 + random_.below(60) : 1 + random_.below(200);
    mark_ = 4 + random_.below(held ? cached_ : 100);
    machine_.min_free_kbytes = mark_ * (machine_.page_size / 1024);
    cache_a_file(held);
    const std::uint64_t left = random_.below(mark_ * 5 / 4 + 1);
    take_all(ordinary_ - cached_ - left);
    if (random_.chance(60)) make_reserve();
    if (random_.chance(70)) take_all(ordinary_);
    for (std::uint64_t requests = 2 + random_.below(5); requests > 0; --requests) ask();
  }

 private:
  static Story cleared(Program& program) {
    program.ops.clear();
    program.failing_bitmaps.clear();
    return Story(program);
  }
  // Reads pages of a file that nothing uses, or holds each of them.
  void cache_a_file(bool held) {
    const OpRef file = story_.add(OpenFile{});
    const OpRef pages = story_.add(ReadFile{.file = file, .from = 0, .pages = cached_, .at = {}, .readahead = false});
    for (std::uint64_t page = 0; held && page < cached_; ++page)
      story_.add(GetPage{.page = Place::of_result(pages, page)});
    story_.add(DrainOp<DrainKind::lru>{});
  }
  // Takes so many pages as a task that is about to free memory, which leaves none.
  void take_all(std::uint64_t pages) {
    OwnedPages<PageKind::unmovable> kernel;
    kernel.pages = pages;
    const OpRef op = story_.add(kernel);
    std::ranges::find(program_.ops, op.id, &Op::id)->scope = ReclaimScope::noreclaim;
  }
  // Asks for a block that is urgent, so that its pageblock is reserved for such requests, and gives it back.
  void make_reserve() {
    const OpRef block = story_.add(
        AllocPages{.order = 1 + random_.below(2), .type = TypeWord::unmovable, .atomic = true, .nowarn = true});
    story_.add(FreePages{.block = block});
  }
  void ask() {
    const bool insists = random_.chance(20);
    const std::size_t which = random_.below(insists ? kInsistingGfp.size() : kEndingGfp.size());
    AllocGfp request;
    request.order = random_.chance(60) ? 0 : random_.below(6);
    request.gfp = insists ? kInsistingGfp[which] : kEndingGfp[which];
    story_.add(request, insists ? Performer::on_cpu(1) : Performer{});
  }

  Random& random_;
  Program& program_;
  Geometry& machine_;
  Story story_;
  std::uint64_t ordinary_ = 0;  // pages outside areas
  std::uint64_t cached_ = 0;
  std::uint64_t mark_ = 0;  // the min watermark, in pages, of a machine without areas
};

Programs under_pressure() {
  Programs programs;
  programs.options.shapes = false;
  programs.faults = false;
  programs.interleaved = false;
  programs.prepare = [](Random& random, Program& program) { PressureStory(random, program).write(); };
  return programs;
}

// --- what promises look at ---

// Watches requests for pages, and looks at the zones that may serve them.
class PressedRequests : public Witness, public AllocationWatcher {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.watch_allocations(this);
  }

 protected:
  const Machine& machine() const { return *machine_; }
  ActorId actor() const { return machine_->engine.current(); }
  // Returns whether a request is one for which the kernel reclaims, and that has no rights of its own.
  bool is_plain(Gfp gfp) const {
    constexpr Gfp kRights = kGfpHigh | kGfpAtomicBit | kGfpMemalloc | kGfpNofail | kGfpMovable;
    const bool of_task = machine_->engine.flags().scope == ReclaimScope::none;
    return of_task && (gfp & kGfpDirectReclaim) != 0 && (gfp & kRights) == 0;
  }
  // Returns the free pages of a zone that serve any request.
  std::int64_t usable(std::size_t index) const {
    const Zone& zone = machine_->buddy.zone(index);
    return zone.nr_free_pages - zone.nr_free_cma - static_cast<std::int64_t>(zone.nr_reserved_highatomic);
  }
  // Returns how many of them must stay.
  std::int64_t kept(const ZoneList::Entry& entry) const {
    const Zone& zone = machine_->buddy.zone(entry.zone);
    const std::uint64_t pages = Watermarks::watermark(zone, Watermark::min) + zone.lowmem_reserve[entry.ceiling];
    return static_cast<std::int64_t>(pages);
  }
  std::uint64_t cached_pages() const {
    const LruLists& lists = machine_->lru.lists();
    return lists.size(LruList::inactive_file) + lists.size(LruList::active_file);
  }

 private:
  Machine* machine_ = nullptr;
};

// --- completeness ---

// Counts what could have been dropped when a page is refused.
class RefusalsBesideCaches final : public PressedRequests {
 public:
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override {
    // Releases from 4.8 to 4.10 leave alone a list that is shorter than a batch.
    const bool leaves_short = machine().release() >= Release::v4_8 && machine().release() < Release::v4_11;
    if (pfn != kNoPfn || order != 0 || !is_plain(gfp) || (gfp & kGfpNoretry) != 0 || leaves_short) return;
    for (const ZoneList::Entry& entry : machine().buddy.zonelist(gfp)) {
      const std::int64_t clean = clean_pages(entry.zone);
      claim(usable(entry.zone) + clean <= kept(entry),
            fmt::format("a page is refused with {} free pages, {} of which must stay, and {} clean unused ones",
                        usable(entry.zone), kept(entry), clean));
    }
  }

 private:
  // Counts pages of files outside areas to which only their cache and an idle buffer refer.
  std::int64_t clean_pages(std::size_t zone) const {
    std::int64_t pages = 0;
    const MemoryMap& map = machine().map;
    for (Frame frame = machine().lru.lists().list(LruList::inactive_file).first; frame != kNil;
         frame = map.at(frame).next) {
      const Page& page = map.at(frame);
      const bool clean = page.map == 0 && !page.has(kPageDirty | kPageWriteback | kPageLocked | kPageMlocked);
      const bool outside = page.zone == zone && map.pageblock_type(map.pfn(frame)) != Migratetype::cma;
      if (clean && outside && page.owner != 0 && is_unused(page)) ++pages;
    }
    return pages;
  }
  bool is_unused(const Page& page) const {
    const BufferId buffer = machine().owners.owner(page.owner).buffer;
    const bool busy = buffer != 0 && machine().buffers.busy(buffer);
    return !busy && page.ref == (buffer != 0 ? 2 : 1);
  }
};

PROMISE(PressurePromise, refuses_no_page_beside_clean_pages_that_nothing_uses,
        {.programs = under_pressure(),
         .planted = {Bug::request_reclaims_nothing,
                     {Bug::progress_ends_request, Release::v3_6},
                     {Bug::progress_ends_request, Release::v6_12}}}) {
  RefusalsBesideCaches refusals;
  run_plainly(program, &refusals);
  refusals.assert_all_held();
}

// A request fails only after an attempt at all that was freed for it, whether it is repeated or not.
class RefusalsBesideFreePages final : public PressedRequests {
 public:
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override {
    if (pfn != kNoPfn || order != 0 || !is_plain(gfp)) return;
    for (const ZoneList::Entry& entry : machine().buddy.zonelist(gfp))
      claim(
          usable(entry.zone) <= kept(entry),
          fmt::format("a page is refused with {} free pages, {} of which must stay", usable(entry.zone), kept(entry)));
  }
};

PROMISE(PressurePromise, refuses_no_page_beside_pages_that_were_freed_for_it,
        {.programs = under_pressure(), .planted = {Bug::freed_page_not_tried}}) {
  RefusalsBesideFreePages refusals;
  run_plainly(program, &refusals);
  refusals.assert_all_held();
}

// --- attempts ---

// Counts the attempts at each request. One that is given up early has a fixed number. Another is repeated: up to 16
// turns in a row free no page of a file, and then something else is tried.
class AttemptsOfRequests final : public PressedRequests {
 public:
  void allocation_begins(Gfp, unsigned, unsigned) override { counts_[actor()] = {.cached = cached_pages()}; }
  void attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned) override {
    Count& count = counts_[actor()];
    ++count.all;
    ++count.in_vain;
    if (attempt >= AllocAttempt::high || cached_pages() < count.cached) count.in_vain = 0;
    count.cached = cached_pages();
    if ((gfp & kGfpNofail) != 0) return;
    const bool costly = order > 3 && (gfp & kGfpRetryMayfail) == 0;
    const bool once = costly || (gfp & kGfpNoretry) != 0;
    claim(!once || count.all <= kMostOfOneTurn,
          fmt::format("attempt {} at a request of order {} that is not to be repeated", count.all, order));
    claim(count.in_vain <= kMostInVain, fmt::format("{} attempts without a freed page", count.in_vain));
    // Without limit it would go on for as long as the program may.
    if (count.in_vain > kMostInVain) throw LawBroken(Law::bounded, "__alloc_pages_slowpath", "attempts in vain");
  }

 private:
  struct Count {
    unsigned all = 0;
    unsigned in_vain = 0;      // since a page was freed, or something else was tried
    std::uint64_t cached = 0;  // pages of files at the last of them
  };
  // At the low and the min watermark; after a compaction; in a turn at its beginning, after reclaim, once more without
  // per-CPU lists, and after a compaction.
  static constexpr unsigned kMostOfOneTurn = 7;
  // Two in each of 17 turns, as many for each priority of compaction, and those at the beginning.
  static constexpr unsigned kMostInVain = 80;

  std::map<ActorId, Count> counts_;
};

PROMISE(PressurePromise, ends_each_request_in_a_bounded_number_of_attempts,
        {.programs = under_pressure(),
         .planted = {{Bug::noretry_retries, Release::v3_6},
                     {Bug::noretry_retries, Release::v6_12},
                     {Bug::costly_retried, Release::v4_19},
                     {Bug::costly_retried, Release::v6_12},
                     {Bug::vain_turns_uncounted, Release::v4_9},
                     {Bug::vain_turns_uncounted, Release::v6_1}}}) {
  AttemptsOfRequests attempts;
  run_plainly(program, &attempts);
  attempts.assert_all_held();
}

// A request that must not fail gets its block, or is shown never to end: then its operation is skipped.
class RequestsThatMustNotFail final : public Witness {
 public:
  explicit RequestsThatMustNotFail(const Program& program) : program_(program) {}
  void op_ended(Machine&, std::size_t op) override {
    const auto* request = std::get_if<AllocGfp>(&program_.ops[op].body);
    // Up to 4.11 a large one could fail.
    if (request == nullptr || (request->gfp & kGfpNofail) == 0 || request->order > 3) return;
    const Result& result = last_plain_run().world().result(static_cast<Slot>(op));
    claim(result.state != Result::State::failed,
          fmt::format("a request of order {} that must not fail fails", request->order));
  }

 private:
  const Program& program_;
};

PROMISE(PressurePromise, fails_no_request_that_must_not_fail,
        {.programs = under_pressure(),
         .planted = {{Bug::nofail_fails, Release::v3_6}, {Bug::nofail_fails, Release::v6_12}}}) {
  RequestsThatMustNotFail requests(program);
  run_plainly(program, &requests);
  requests.assert_all_held();
}

// --- what is kept for others ---

// A request without rights leaves the min watermark, and its task has no more rights afterwards than before.
class RightsOfTasks final : public PressedRequests {
 public:
  explicit RightsOfTasks(const Program& program) : program_(program) {}
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override {
    if (pfn == kNoPfn || next_ >= program_.ops.size()) return;
    const Op& op = program_.ops[next_];
    if (op.performer != Performer{} || op.scope != ReclaimScope::none || !is_plain(gfp)) return;
    const Zone& zone = machine().buddy.zone_of(pfn);
    const int per_cpu = zone.pcp[static_cast<unsigned>(machine().engine.cpu())].count;
    const std::int64_t left = zone.nr_free_pages - zone.nr_free_cma + per_cpu;
    const std::uint64_t mark = zone.watermark[static_cast<unsigned>(Watermark::min)];
    claim(left >= static_cast<std::int64_t>(mark),
          fmt::format("a block of order {} is granted and leaves {} pages, and {} must stay", order, left, mark));
  }
  void op_performed(Machine& machine, std::size_t op) override {
    next_ = op + 1;
    const Op& performed = program_.ops[op];
    const bool of_task = info_of(performed).performed == Performed::by_actor && performed.performer == Performer{};
    if (!of_task || machine.engine.look(kMainActor).state != ActorState::idle) return;
    claim(machine.engine.flags(kMainActor).scope == performed.scope,
          fmt::format("a task is in another scope after operation {} than before", op));
  }

 private:
  const Program& program_;
  std::size_t next_ = 0;  // the operation under way
};

PROMISE(PressurePromise, gives_what_is_kept_for_others_to_no_task_that_has_reclaimed,
        {.programs = under_pressure(), .planted = {Bug::reclaim_rights_kept}}) {
  RightsOfTasks rights(program);
  run_plainly(program, &rights);
  rights.assert_all_held();
}

// Since 6.8, and in the series of 6.1 and 6.6, the reserve for atomic requests is given up before a request fails.
class RefusalsBesideTheReserve final : public PressedRequests {
 public:
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override {
    const bool gives_all = since(machine().release(), Release::v6_8, {Release::v6_1, Release::v6_6});
    if (pfn != kNoPfn || order != 0 || !is_plain(gfp) || (gfp & kGfpNoretry) != 0 || !gives_all) return;
    for (const ZoneList::Entry& entry : machine().buddy.zonelist(gfp))
      for (unsigned block = 0; block <= machine().buddy.largest_order(); ++block)
        claim(machine().buddy.zone(entry.zone).free_by_order[block].lists[index_of(Migratetype::highatomic)].empty(),
              fmt::format("a page is refused beside a block of order {} that is reserved for atomic requests", block));
  }
};

PROMISE(PressurePromise, refuses_no_page_beside_the_reserve_for_atomic_requests,
        {.programs = under_pressure(), .planted = {{Bug::reserve_outlasts_request, Release::v6_1}}}) {
  RefusalsBesideTheReserve refusals;
  run_plainly(program, &refusals);
  refusals.assert_all_held();
}

// --- requests that cannot wait ---

// Compares the pages of files before and after a request that may not reclaim.
class RequestsThatCannotWait final : public Witness {
 public:
  explicit RequestsThatCannotWait(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override { look(machine); }
  void op_performed(Machine& machine, std::size_t op) override {
    const std::vector<Pfn> before = pages_;
    look(machine);
    const auto* request = std::get_if<AllocGfp>(&program_.ops[op].body);
    if (request == nullptr || (request->gfp & kGfpDirectReclaim) != 0) return;
    claim(pages_ == before,
          fmt::format("pages of files move or are dropped for a request that cannot wait, of {}", before.size()));
  }

 private:
  // Takes down where each page of a file is, by owner.
  void look(const Machine& machine) {
    pages_.clear();
    for (OwnerId id = 1; id <= machine.owners.size(); ++id)
      if (is_file(machine.owners.owner(id).kind)) pages_.push_back(machine.owners.owner(id).pfn);
  }

  const Program& program_;
  std::vector<Pfn> pages_;
};

PROMISE(PressurePromise, leaves_all_pages_where_they_are_for_a_request_that_cannot_wait,
        {.programs = under_pressure(), .planted = {Bug::atomic_reclaims}}) {
  RequestsThatCannotWait requests(program);
  run_plainly(program, &requests);
  requests.assert_all_held();
}

}  // namespace
}  // namespace cma
