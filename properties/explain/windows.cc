#include "properties/explain/windows.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/explain/page_facts.h"

namespace cma {
namespace {

// Passes of one migrate_pages call.
constexpr unsigned kPasses = 10;
// Pages that are kept of an operation which asks for no window, such as a compaction of a whole zone.
constexpr std::size_t kPagesKept = 64;

// Returns how many records of these events by the current actor the trace has from `first` on.
std::size_t count_records(const Machine& machine, std::size_t first, Event event) {
  const std::vector<Record>& records = machine.trace.records();
  return static_cast<std::size_t>(std::count_if(
      records.begin() + static_cast<std::ptrdiff_t>(first), records.end(),
      [&](const Record& record) { return record.event == event && record.actor == machine.engine.current(); }));
}

std::uint64_t pages_in_use(const Machine& machine, const PfnRange& range) {
  const MemoryMap& map = machine.map;
  std::uint64_t pages = 0;
  for (Pfn pfn = range.start; pfn < range.end; ++pfn)
    if (map.present(pfn) && map.page(map.compound_head(pfn)).ref > 0) ++pages;
  return pages;
}

}  // namespace

WindowRecorder::~WindowRecorder() {
  if (machine_ != nullptr && machine_->trace.windows() == this) machine_->trace.watch_windows(nullptr);
}

void WindowRecorder::watch(Machine& machine, const World& world) {
  machine_ = &machine;
  world_ = &world;
  machine.trace.watch_windows(this);
  open_.clear();
  failed_.clear();
  given_.clear();
  stopped_.clear();
}

std::vector<FailedWindow> WindowRecorder::failed_of(Slot op) const {
  std::vector<FailedWindow> windows;
  for (const FailedWindow& window : failed_)
    if (window.op == op) windows.push_back(window);
  return windows;
}

const GivenWindows* WindowRecorder::given_to(Slot op) const {
  const auto found = given_.find(op);
  return found == given_.end() ? nullptr : &found->second;
}

const StoppedPages* WindowRecorder::stopped_by(Slot op) const {
  const auto found = stopped_.find(op);
  return found == stopped_.end() ? nullptr : &found->second;
}

std::optional<PfnRange> WindowRecorder::tried_by(ActorId actor) const {
  const auto found = open_.find(actor);
  return found == open_.end() ? std::nullopt : std::optional(found->second.range);
}

void WindowRecorder::window_begins(Pfn start, Pfn end) {
  Window window;
  window.range = {start, end};
  window.first_record = machine_->trace.records().size();
  for (Pfn pfn = start; pfn < end; ++pfn) {
    if (!machine_->map.present(pfn)) continue;
    const Page& page = machine_->map.page(pfn);
    if (page.owner == 0 || (page.ref == 0 && !page.has(kPageTail))) continue;
    const bool pooled = machine_->owners.owner(page.owner).kind == PageKind::hugetlb;
    window.owned.push_back({page.owner, pfn, pooled ? pages_of(page) : 1});
  }
  open_[machine_->engine.current()] = std::move(window);
}

std::string WindowRecorder::op_of_actor(ActorId actor) const {
  const std::string op = text_of_operation(*world_, actor);
  return op.empty() ? "an operation that has ended" : op;
}

// Returns the actor that has isolated the pageblock of this frame, kNoActor if none has.
ActorId WindowRecorder::isolator_of(Pfn pfn) const {
  return machine_->isolation.isolators().of(machine_->map.pageblock_start(pfn));
}

// A pageblock may begin before the window.
void WindowRecorder::refuse_pageblock(Window& window, Pfn block, Refusal why) const {
  Seen& seen = window.pages[block];
  seen.page = {};
  seen.page.pfn = block;
  seen.page.pageblock = true;
  seen.page.what = fmt::format("pageblock of {} pages", machine_->map.pageblock_pages());
  if (why == Refusal::block_isolated)
    seen.page.holders.push_back("the isolation of: " + op_of_actor(isolator_of(block)));
  for (AreaId id = 0; why == Refusal::area_block && id < machine_->areas.size(); ++id)
    if (machine_->areas.area(id).contains(block)) seen.page.holders.push_back("area " + machine_->areas.area(id).name);
  seen.page.refused = refusal_text(why);
}

void WindowRecorder::isolation_lost(Pfn block) {
  const auto window = open_.find(isolator_of(block));
  if (window == open_.end()) return;
  Seen& seen = window->second.lost[block];
  seen.in_the_way = true;
  seen.page.pfn = block;
  seen.page.pageblock = true;
  seen.page.what = fmt::format("pageblock of {} pages, isolated no more", machine_->map.pageblock_pages());
  seen.page.holders = {"no task; it was given back by: " + op_of_actor(machine_->engine.current())};
  seen.page.refused = "test_pages_isolated: its pageblock is not isolated";
}

// Since 3.8 each call of migrate_pages ends with a record.
void WindowRecorder::count_attempt(Seen& seen, const Window& window) const {
  const std::size_t calls = count_records(*machine_, window.first_record, Event::mm_migrate_pages);
  if (seen.passes == 0) seen.batch = calls;
  if (calls != seen.in_call) seen.passes = 0;
  seen.in_call = calls;
  ++seen.passes;
}

void WindowRecorder::page_refused(Pfn pfn, Refusal why, int error) {
  const auto window = open_.find(machine_->engine.current());
  if (window == open_.end()) return refused_outside(pfn, why, error);
  if (why == Refusal::block_isolated || why == Refusal::area_block)
    return refuse_pageblock(window->second, machine_->map.pageblock_start(pfn), why);
  // A compound page is recorded once, by its first page.
  Seen& seen = window->second.pages[machine_->map.compound_head(pfn)];
  // The reason for its first page, or for where the scan met it, is the better one.
  if (why == Refusal::tail && !seen.page.refused.empty()) return;
  const PageFacts facts(*world_, pfn, why == Refusal::migration);
  seen.page = facts.stopped(facts.refused(why, error));
  // A page that ends the window is in its way, whatever happens to it later.
  seen.in_the_way = seen.in_the_way || why == Refusal::capture;
  if (why != Refusal::migration) return;
  count_attempt(seen, window->second);
  // Without memory a call ends before its last pass.
  if (error == -kENOMEM) return;
  // Before 3.8 passes of all calls are counted as they are.
  const bool counted = machine_->release() >= Release::v3_8;
  const std::size_t call = counted ? seen.in_call - seen.batch : (seen.passes - 1) / kPasses;
  const unsigned pass = counted ? seen.passes : (seen.passes - 1) % kPasses + 1;
  seen.page.refused += fmt::format(" in pass {} of call {}", pass, call + 1);
  if (error == -kEAGAIN) seen.page.refused += facts.cause();
}

// An operation that asks for no window moves pages all the same: a long-term pin, a compaction.
void WindowRecorder::refused_outside(Pfn pfn, Refusal why, int error) {
  const std::optional<Slot> op = operation_of(*world_, machine_->engine.current());
  if (!op) return;
  StoppedPages& stopped = stopped_[*op];
  const Pfn head = machine_->map.compound_head(pfn);
  stopped.all.insert(head);
  std::erase_if(stopped.pages, [&](const StoppedPage& known) { return known.pfn == head; });
  if (stopped.pages.size() >= kPagesKept) return;
  const PageFacts facts(*world_, pfn, why == Refusal::migration);
  stopped.pages.push_back(facts.stopped(facts.refused(why, error) + (error == -kEAGAIN ? facts.cause() : "")));
}

// Returns the end of what the scan of the window has reached; the end of the window if the trace does not say.
Pfn WindowRecorder::scanned_to(const Window& window) const {
  const std::vector<Record>& records = machine_->trace.records();
  Pfn reached = window.range.start;
  for (std::size_t i = window.first_record; i < records.size(); ++i)
    if (records[i].event == Event::isolate_migratepages && records[i].actor == machine_->engine.current())
      reached = std::max(reached, records[i].b);
  return reached;
}

// Records a page of a tested window that is on no free list as it should be. Facts from the time when the page was
// refused are better than those of now.
void WindowRecorder::refuse_free_page(Window& window, Pfn pfn, Pfn free_block) const {
  Seen& seen = window.pages[machine_->map.compound_head(pfn)];
  if (seen.page.refused.empty()) {
    std::string_view verdict = "test_pages_isolated: not on a free list";
    if (machine_->map.page(pfn).ref != 0 && pfn >= scanned_to(window) && window.range.contains(pfn))
      verdict = "never scanned: the call ended before, as pages of an earlier batch stayed";
    else if (machine_->map.page(pfn).ref != 0)
      verdict = "test_pages_isolated: in use since it was scanned";
    else if (free_block != kNoPfn && free_block != pfn)
      verdict = "test_pages_isolated: no free block begins there";
    seen.page = PageFacts(*world_, pfn, /*ours=*/false).stopped(std::string(verdict));
  }
  seen.in_the_way = true;
}

// All pages of the range that are not free are in the way; the kernel's walk stops at the first.
void WindowRecorder::test_failed(Pfn outer_start, Pfn end, Pfn fin) {
  const auto window = open_.find(machine_->engine.current());
  if (window == open_.end()) return;
  window->second.tested = true;
  window->second.tested_from = outer_start;
  const MemoryMap& map = machine_->map;
  const auto isolated_no_more = [&](Pfn pfn) {
    return window->second.lost.contains(map.pageblock_start(pfn)) && map.pageblock_type(pfn) != Migratetype::isolate;
  };
  for (const auto& [block, seen] : window->second.lost)
    if (isolated_no_more(block)) window->second.pages[block] = seen;
  for (Pfn pfn = outer_start; pfn < end;) {
    if (isolated_no_more(pfn)) {
      pfn = map.pageblock_start(pfn) + map.pageblock_pages();
      continue;
    }
    if (map.page(pfn).has(kPageBuddy) && pfn != fin) {
      pfn += order_pages(map.page(pfn).order);
      continue;
    }
    const Pfn free_block = machine_->buddy.free_lists().covering_block(pfn);
    refuse_free_page(window->second, pfn, free_block);
    const Pfn head = map.compound_head(pfn);
    const bool inside = free_block != kNoPfn && free_block != pfn;
    const Pfn next = inside ? free_block + order_pages(map.page(free_block).order) : head + pages_of(map.page(head));
    pfn = std::max(pfn + 1, next);
  }
}

void WindowRecorder::window_ended(int error) {
  const auto open = open_.find(machine_->engine.current());
  if (open == open_.end()) return;
  Window window = std::move(open->second);
  open_.erase(open);
  const Slot op = operation_of(*world_, machine_->engine.current()).value_or(0);
  if (error == 0) return window_given(op, window);
  FailedWindow failed;
  failed.range = window.range;
  failed.error = error;
  failed.op = op;
  for (auto& [pfn, seen] : window.pages) {
    const bool still_there = seen.page.pageblock || machine_->buddy.free_lists().covering_block(pfn) == kNoPfn;
    if (seen.in_the_way || (!window.tested && still_there)) failed.pages.push_back(std::move(seen.page));
  }
  // Up to 5.12 a line of the log has the start of the test.
  const bool logs = window.tested && error == -kEBUSY && machine_->release() < Release::v5_13;
  if (logs && window.tested_from != window.range.start) failed.tested_from = window.tested_from;
  if (failed.pages.empty() && error == -kEBUSY && machine_->engine.flags().fatal_signal)
    failed.note = "a fatal signal stopped isolate_freepages_range before it took all pages";
  if (error == -kENOMEM) failed.to_move = pages_in_use(*machine_, window.range);
  failed_.push_back(std::move(failed));
}

MadeRoom& WindowRecorder::room_of(GivenWindows& given, const std::string& name, bool moved, bool cached) const {
  const auto known = std::ranges::find_if(given.made_room, [&](const MadeRoom& room) {
    return room.name == name && room.moved == moved && room.cached == cached;
  });
  if (known != given.made_room.end()) return *known;
  given.made_room.push_back({name, moved, cached, 0, kNoPfn, kNoPfn});
  return given.made_room.back();
}

// Where the pages are that lay in the window when it began.
void WindowRecorder::window_given(Slot op, const Window& window) {
  GivenWindows& given = given_[op];
  given.ranges.push_back(window.range);
  if (window.owned.empty()) return;
  const std::map<OwnerId, Slot> slots = results_by_owner(*world_);
  for (const auto& [owner, from, pages] : window.owned) {
    const Owner& record = machine_->owners.owner(owner);
    const bool moved = record.pfn != kNoPfn && !machine_->owners.released(owner);
    if (moved && window.range.contains(record.pfn)) continue;
    const auto slot = slots.find(owner);
    std::string name;
    if (slot != slots.end())
      name = name_or_text(world_->program(), slot->second);
    else if (moved)
      name = PageFacts(*world_, record.pfn, /*ours=*/false).result_name();
    if (name.empty()) name = fmt::format("memory without a name ({})", name_of(record.kind));
    const bool cached = record.kind == PageKind::file || record.kind == PageKind::block_device;
    MadeRoom& room = room_of(given, name, moved, cached);
    room.pages += pages;
    if (room.from != kNoPfn) continue;
    room.from = from;
    room.to = moved ? record.pfn : kNoPfn;
  }
}

}  // namespace cma
