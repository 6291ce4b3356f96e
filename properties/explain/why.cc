#include "properties/explain/why.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Pages of one window, or groups of them, that are told.
constexpr std::size_t kToldPages = 8;
// Passes of one migrate_pages call.
constexpr unsigned kPasses = 10;

constexpr std::string_view kNobodys = "page without an owner";

std::string plural(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Finds out about one page, now.
class PageFacts {
 public:
  // Of a compound page the facts are those of its first page. `ours`: if it is on a task's list, it is that of the
  // allocation that asks.
  PageFacts(const World& world, Pfn pfn, bool ours)
      : world_(world), machine_(world.machine()), pfn_(machine_.map.compound_head(pfn)), ours_(ours) {}

  // All there is to say of it, told as that of the frame `at`.
  StoppedPage stopped(Pfn at, std::string verdict) const {
    return {.pfn = at, .pageblock = false, .what = what(), .holders = holders(), .refused = std::move(verdict)};
  }
  // The verdict on it of the step that asked; `error` is 0 where that gives none.
  std::string refused(Refusal why, int error) const;
  // What made an attempt to move it say -EAGAIN, behind a colon; empty if the page does not show it.
  std::string cause() const;

 private:
  std::string what() const;
  std::vector<std::string> holders() const;
  const Page& page() const { return machine_.map.page(pfn_); }
  const Owner* owner() const { return page().owner == 0 ? nullptr : &machine_.owners.owner(page().owner); }
  bool has_name(Slot slot) const { return !world_.program().name_of(world_.program().ops[slot]).empty(); }
  // What a result is called; where the program does not call it anything, the operation it came from.
  std::string name(Slot slot) const {
    const Program& program = world_.program();
    return has_name(slot) ? program.name_of(program.ops[slot]) : "`" + print_op(program, program.ops[slot]) + "`";
  }
  std::string owner_name() const;
  std::string process_name(SpaceId space) const;
  // The huge page that it is the first page of; nullptr if it is none.
  const HugePage* huge() const {
    return owner() == nullptr || owner()->huge == 0 ? nullptr : &machine_.owners.huge_page(owner()->huge);
  }
  std::string mapper_names() const;
  void add_mappers(PteId first, std::string& names) const;
  std::string kind() const;
  std::string file_name(FileId file) const;
  std::string without_owner() const;
  void tell_lock(std::vector<std::string>& told) const;
  void tell_pagevecs(std::vector<std::string>& told) const;
  void tell_counts(std::vector<std::string>& told, BufferId id, std::int64_t slots) const;
  void tell_buffer(std::vector<std::string>& told) const;
  std::int64_t tell_known(std::vector<std::string>& told) const;
  // The first page of the free block it lies in, itself if in none.
  Pfn free_block() const { return machine_.buddy.covering_block(pfn_); }
  void tell_operations(std::vector<std::string>& told) const;
  void tell_unknown(std::vector<std::string>& told, std::int64_t references) const;

  const World& world_;
  const Machine& machine_;
  Pfn pfn_;
  bool ours_;
};

// The operation that an actor is inside; empty if none.
std::string op_of(const World& world, ActorId actor) {
  const Program& program = world.program();
  for (Slot slot = 0; slot < program.ops.size(); ++slot)
    if (world.result(slot).state == Result::State::inside && world.actor(program.ops[slot].performer) == actor)
      return print_op(program, program.ops[slot]);
  return {};
}

std::string PageFacts::process_name(SpaceId space) const {
  for (Slot slot = 0; slot < world_.program().ops.size(); ++slot) {
    const Result& result = world_.result(slot);
    if (result.yields == Yields::process && result.process == space && result.state == Result::State::done)
      return name(slot);
  }
  return "a child";
}

// The processes that map it, or will again when its migration is over.
std::string PageFacts::mapper_names() const {
  std::string names;
  add_mappers(owner()->first_pte, names);
  if (huge() == nullptr) return names;
  add_mappers(huge()->first_pmd, names);
  for (std::uint64_t i = 1; i < huge()->pages(); ++i)
    add_mappers(machine_.owners.owner(static_cast<OwnerId>(huge()->first + i)).first_pte, names);
  return names;
}

void PageFacts::add_mappers(PteId first, std::string& names) const {
  for (PteId id = first; id != 0; id = machine_.spaces.pte(id).next) {
    const SpaceId space = machine_.spaces.pte(id).space;
    if (space == 0) continue;
    const std::string who = process_name(space);
    if (names.find(who) == std::string::npos) names += (names.empty() ? "" : ", ") + who;
  }
}

// The result that stands for its owner; empty if no program knows it.
std::string PageFacts::owner_name() const {
  for (Slot slot = 0; slot < world_.program().ops.size(); ++slot) {
    const Result& result = world_.result(slot);
    if (result.yields != Yields::pages) continue;
    for (std::uint64_t i = 0; i < result.pages && result.first_owner + i < world_.owner_of.size(); ++i)
      if (world_.owner_of[result.first_owner + i] == page().owner) return name(slot);
  }
  return {};
}

std::string PageFacts::file_name(FileId file) const {
  for (Slot slot = 0; slot < world_.program().ops.size(); ++slot) {
    const Result& result = world_.result(slot);
    if (result.yields == Yields::file && result.file == file) return name(slot);
  }
  return {};
}

std::string PageFacts::without_owner() const {
  for (const World::Piece& piece : world_.pieces)
    if (piece.start <= pfn_ && pfn_ < piece.start + piece.pages) return "page of buffer " + name(piece.slot);
  for (Slot slot = 0; slot < world_.program().ops.size(); ++slot) {
    const Result& result = world_.result(slot);
    if (result.gone || result.pfn == kNoPfn) continue;
    if (result.yields == Yields::range && result.pfn <= pfn_ && pfn_ < result.pfn + result.pages)
      return "page of range " + name(slot);
    if (result.yields != Yields::block) continue;
    if (result.pfn <= pfn_ && pfn_ < result.pfn + order_pages(result.order)) return "page of block " + name(slot);
  }
  if (page().has(kPagePrivate)) return "page without mapping, its buffers still there";
  return std::string(kNobodys);
}

std::string PageFacts::kind() const {
  const Page& p = page();
  if (p.has(kPageBuddy)) return "free block";
  if (p.has(kPagePcp)) return "free page on a per-CPU list";
  if (p.has(kPageReserved)) return "page that boot keeps";
  if (p.ref == 0 && p.has(kPageHugetlb)) return "free huge page of the hugetlb pool";
  if (p.ref == 0 && free_block() != pfn_)
    return fmt::format("page inside the free block of {} pages at {:#x}",
                       order_pages(machine_.map.page(free_block()).order), free_block());
  if (p.ref == 0) return "free page between two lists";
  const Owner* owns = owner();
  if (owns == nullptr) return without_owner();
  std::string text = huge() == nullptr
                         ? std::string(name_of(owns->kind)) + " page"
                         : fmt::format("transparent huge page ({} pages from {:#x} on)", huge()->pages(), pfn_);
  std::string whose = owner_name();
  if (whose.empty() && owns->kind == PageKind::anonymous) whose = mapper_names();
  if (whose.empty() && owns->kind == PageKind::file) whose = file_name(owns->file);
  return whose.empty() ? text : text + " of " + whose;
}

std::string PageFacts::what() const {
  const Page& p = page();
  if (p.ref == 0) return kind();
  std::string text = kind() + ": " + plural(p.ref, "reference");
  if (p.map > 0) text += ", " + plural(p.map, "mapping");
  if (p.has(kPageLocked)) text += ", locked";
  if (p.has(kPageWriteback)) text += ", under writeback";
  if (p.has(kPageDirty)) text += ", dirty";
  return text;
}

// Who has the page locked: an operation (a migration, say), or a device until its I/O completes.
void PageFacts::tell_lock(std::vector<std::string>& told) const {
  if (!page().has(kPageLocked)) return;
  const ActorId holder = machine_.page_locks.holder(pfn_);
  if (holder == machine_.engine.current()) return;
  told.push_back(holder == kNoActor ? "the page lock, until its I/O completes"
                                    : "the page lock of: " + op_of(world_, holder));
}

void PageFacts::tell_pagevecs(std::vector<std::string>& told) const {
  if (page().pagevecs == 0) return;
  for (int cpu = 0; cpu < machine_.engine.cpus(); ++cpu) {
    for (unsigned i = 0; i < kPagevecs; ++i) {
      const auto which = static_cast<Pagevec>(i);
      const std::vector<Pfn>& pagevec = machine_.lru.pagevec(cpu, which);
      if (std::find(pagevec.begin(), pagevec.end(), pfn_) != pagevec.end())
        told.push_back(fmt::format("the {} pagevec of CPU {}", name_of(which), cpu));
    }
    const std::vector<Mlocking>& mlock = machine_.lru.mlock_pagevec(cpu);
    if (std::any_of(mlock.begin(), mlock.end(), [this](const Mlocking& entry) { return entry.pfn == pfn_; }))
      told.push_back(fmt::format("the mlock pagevec of CPU {}", cpu));
  }
}

// Counts on a buffer that are not those of slots.
void PageFacts::tell_counts(std::vector<std::string>& told, BufferId id, std::int64_t slots) const {
  const auto held = std::count(world_.held_buffers.begin(), world_.held_buffers.end(), id);
  if (held > 0) told.push_back(plural(held, "count") + " of bh_hold on its buffer");
  const std::int64_t journal = machine_.files.journal_holds(id);
  if (journal > 0) told.push_back(plural(journal, "count") + " of a running transaction on its buffer");
  const std::int64_t others = machine_.buffers.buffer(id).count - slots - held - journal;
  if (others > 0) told.push_back(plural(others, "count") + " of operations under way on its buffer");
}

void PageFacts::tell_buffer(std::vector<std::string>& told) const {
  const Buffers& buffers = machine_.buffers;
  for (BufferId id = 1; id <= buffers.size(); ++id) {
    if (buffers.buffer(id).pfn != pfn_) continue;
    std::int64_t in_slots = 0;
    for (int cpu = 0; cpu < machine_.engine.cpus(); ++cpu) {
      const std::vector<BufferId>& slots = buffers.lru_slots(cpu);
      if (std::find(slots.begin(), slots.end(), id) == slots.end()) continue;
      ++in_slots;
      told.push_back(fmt::format("a buffer-head slot of CPU {}", cpu));
    }
    tell_counts(told, id, in_slots);
    if (buffers.buffer(id).dirty) told.push_back("its dirty buffer");
    if (buffers.buffer(id).locked) told.push_back("its locked buffer");
  }
}

// Tells who holds it by name; the number of references that are accounted for.
std::int64_t PageFacts::tell_known(std::vector<std::string>& told) const {
  const Page& p = page();
  std::int64_t known = p.has(kPagePrivate) ? 1 : 0;
  const Owner* owns = owner();
  if (owns != nullptr && owns->pfn == pfn_) {
    known += huge() == nullptr ? Owners::own_references(*owns) : p.map;
    if (owns->kind == PageKind::hugetlb) told.emplace_back("a process that the program does not name");
    if (owns->kind == PageKind::unmovable) told.push_back("its owner, " + owner_name());
    if (owns->kind == PageKind::movable_ops) told.push_back("its driver, " + owner_name());
    for (PteId id = owns->first_pte; id != 0; id = machine_.spaces.pte(id).next)
      if (machine_.spaces.temporary_stack(machine_.spaces.pte(id).space))
        told.push_back("exec's temporary stack of " + process_name(machine_.spaces.pte(id).space));
  }
  if (p.has(kPageTaskList) && ours_) ++known;
  known += p.pagevecs;
  tell_pagevecs(told);
  tell_lock(told);
  for (Slot slot = 0; slot < world_.program().ops.size(); ++slot) {
    const Result& result = world_.result(slot);
    if (result.yields != Yields::pin || result.gone || result.pfn != pfn_) continue;
    if (result.state != Result::State::done) continue;
    told.push_back((has_name(slot) ? "pin " : "") + name(slot));
    ++known;
  }
  for (const World::Got& got : world_.got) {
    if (got.pfn != pfn_) continue;
    told.push_back(name(got.slot));
    ++known;
  }
  tell_buffer(told);
  return known;
}

// Others' operations under way, and how far they are.
void PageFacts::tell_operations(std::vector<std::string>& told) const {
  const Engine& engine = machine_.engine;
  const Program& program = world_.program();
  for (Slot slot = 0; slot < program.ops.size(); ++slot) {
    if (world_.result(slot).state != Result::State::inside) continue;
    const ActorId actor = world_.actor(program.ops[slot].performer);
    if (actor == kNoActor || actor == engine.current()) continue;
    const Point point = engine.last_point(actor);
    const std::string op = print_op(program, program.ops[slot]);
    if (point == Point::zap_range_done || point == Point::zap_unflushed)
      told.push_back("the unmapping batch of: " + op);
    else if (point == Point::fork_referenced)
      told.push_back("fork, before it counts the mapping: " + op);
    else
      told.push_back(fmt::format("an operation that is at {}: {}",
                                 point == Point::kCount ? "its start" : info_of(point).name, op));
  }
}

// References that nothing at rest accounts for are in the hands of operations under way.
void PageFacts::tell_unknown(std::vector<std::string>& told, std::int64_t references) const {
  tell_operations(told);
  if (told.empty()) told.push_back(plural(references, "reference") + " that nobody accounts for");
}

std::vector<std::string> PageFacts::holders() const {
  std::vector<std::string> told;
  if (page().ref == 0 && page().has(kPageHugetlb)) told.emplace_back("the hugetlb pool");
  const bool on_a_list = page().has(kPageBuddy | kPagePcp | kPageHugetlb) || free_block() != pfn_;
  if (page().ref == 0 && !on_a_list) tell_operations(told);
  if (page().ref == 0) return told;
  if (owner() == nullptr && !page().has(kPagePrivate) && without_owner() != kNobodys)
    return {without_owner().substr(std::string_view("page of ").size())};
  const std::int64_t known = tell_known(told);
  if (page().ref > known) tell_unknown(told, page().ref - known);
  if (told.empty() && owner() == nullptr && page().has(kPagePrivate)) told.emplace_back("its buffers");
  // A huge page may be in the way by being one: then whoever maps it is all there is to say.
  if (told.empty() && huge() != nullptr) told.push_back("process " + mapper_names() + ", which maps it");
  return told;
}

std::string_view refusal_text(Refusal why) {
  switch (why) {
    case Refusal::block_isolated: return "set_migratetype_isolate: its pageblock is isolated by somebody else";
    case Refusal::area_block: return "has_unmovable_pages: it is an area's, and the request is not";
    case Refusal::unmovable: return "has_unmovable_pages: in use, and neither on the LRU nor movable";
    case Refusal::compound: return "isolate_migratepages_block: part of a compound page";
    case Refusal::tail: return "isolate_migratepages_block: not the first page of its compound page";
    case Refusal::hugetlb: return "isolate_or_dissolve_huge_page";
    case Refusal::unreferenced: return "isolate_migratepages_block: free, and on no free list";
    case Refusal::off_lru: return "isolate_migratepages_block: not on the LRU";
    case Refusal::pinned: return "isolate_migratepages_block: anonymous, with more references than mappings";
    case Refusal::taken: return "isolate_migratepages_block: somebody else has taken it off the LRU";
    case Refusal::driver: return "isolate_movable_page: the page is locked, or its driver refuses";
    case Refusal::migration: return "migrate_pages";
    case Refusal::capture:
      return "isolate_freepages_block: when it was to be captured, no free block began there any more";
  }
  return "?";
}

// Why an attempt to move a page should be made again, as far as the page shows it.
std::string PageFacts::cause() const {
  const Page& p = page();
  const ActorId locker = p.has(kPageLocked) ? machine_.page_locks.holder(pfn_) : machine_.engine.current();
  if (locker != machine_.engine.current()) return ": locked";
  if (p.has(kPageWriteback)) return ": under writeback";
  if (huge() != nullptr) return "";
  const int expected = (p.has(kPagePrivate) ? 1 : 0) + (p.has(kPageTaskList) && ours_ ? 1 : 0) +
                       (owner() == nullptr ? 0 : Owners::own_references(*owner()));
  if (p.ref > expected) return fmt::format(": {} references, {} expected", p.ref, expected);
  std::vector<std::string> told;
  tell_buffer(told);
  return told.empty() ? "" : ": its buffer is in use";
}

std::string PageFacts::refused(Refusal why, int error) const {
  if (why == Refusal::pinned && !page().has(kPageAnon))
    return "isolate_migratepages_block: in no cache, with more references than mappings";
  if (why == Refusal::unreferenced && page().has(kPageHugetlb))
    return "isolate_migratepages_block: free in the hugetlb pool, not in the allocator";
  const std::string text(refusal_text(why));
  return error == 0 ? text : fmt::format("{}: {}", text, errno_name(error));
}

std::string error_text(int error) {
  if (error == -kEINTR) return "-EINTR, a fatal signal";
  if (error == -kENOMEM) return "-ENOMEM, no page to move to";
  return std::string(errno_name(error));
}

// As the kernel writes windows, so that they are found in its log.
std::string log_form(const PfnRange& range) { return fmt::format("[{:x}, {:x})", range.start, range.end); }

std::string page_text(const StoppedPage& page, std::size_t more, Pfn last) {
  std::string text = fmt::format("    {:#x}", page.pfn);
  if (more > 0) text += fmt::format(", and {} more up to {:#x}", more, last);
  text += fmt::format("  {}\n", page.what);
  for (const std::string& holder : page.holders) text += fmt::format("      held by  {}\n", holder);
  return text + fmt::format("      refused  {}\n", page.refused);
}

// Neighbours of which the same is to be said are told together.
std::string pages_text(const std::vector<StoppedPage>& pages) {
  std::string text;
  std::size_t next = 0;
  for (std::size_t i = 0, groups = 0; i < pages.size() && groups < kToldPages; i = next, ++groups) {
    next = i + 1;
    while (next < pages.size() && pages[next].says_the_same(pages[i])) ++next;
    text += page_text(pages[i], next - i - 1, pages[next - 1].pfn);
  }
  return next < pages.size() ? text + fmt::format("    and {} more\n", pages.size() - next) : text;
}

}  // namespace

WhyRecorder::~WhyRecorder() {
  if (machine_ != nullptr && machine_->trace.windows() == this) machine_->trace.watch_windows(nullptr);
}

void WhyRecorder::program_begins(Machine& machine) {
  machine_ = &machine;
  machine.trace.watch_windows(this);
  open_.clear();
  failed_.clear();
}

void WhyRecorder::window_begins(Pfn start, Pfn end) {
  Window window;
  window.range = {start, end};
  open_[machine_->engine.current()] = std::move(window);
}

// A compound page is told once, by its first page in the window.
Pfn WhyRecorder::in_range(const Window& window, Pfn pfn) const {
  return std::max(machine_->map.compound_head(pfn), std::min(pfn, window.range.start));
}

std::string WhyRecorder::op_of_actor(ActorId actor) const {
  const std::string op = op_of(interpreter_.world(), actor);
  return op.empty() ? "nobody who is known" : op;
}

// A pageblock may begin before the window.
void WhyRecorder::refuse_pageblock(Window& window, Pfn block, Refusal why) const {
  Seen& seen = window.pages[block];
  seen.page = {};
  seen.page.pfn = block;
  seen.page.pageblock = true;
  seen.page.what = fmt::format("pageblock of {} pages", machine_->map.pageblock_pages());
  if (why == Refusal::block_isolated)
    seen.page.holders.push_back("the isolation of: " + op_of_actor(machine_->isolation.isolator(block)));
  for (AreaId id = 0; why == Refusal::area_block && id < machine_->areas.size(); ++id)
    if (machine_->areas.area(id).contains(block)) seen.page.holders.push_back("area " + machine_->areas.area(id).name);
  seen.page.refused = refusal_text(why);
}

void WhyRecorder::isolation_lost(Pfn block) {
  const auto window = open_.find(machine_->isolation.isolator(block));
  if (window == open_.end()) return;
  Seen& seen = window->second.lost[block];
  seen.in_the_way = true;
  seen.page.pfn = block;
  seen.page.pageblock = true;
  seen.page.what = fmt::format("pageblock of {} pages, isolated no more", machine_->map.pageblock_pages());
  seen.page.holders = {"nobody, it was given back by: " + op_of_actor(machine_->engine.current())};
  seen.page.refused = "test_pages_isolated: its pageblock is not isolated";
}

void WhyRecorder::page_refused(Pfn pfn, Refusal why, int error) {
  const auto window = open_.find(machine_->engine.current());
  if (window == open_.end()) return;
  if (why == Refusal::block_isolated || why == Refusal::area_block)
    return refuse_pageblock(window->second, machine_->map.pageblock_start(pfn), why);
  Seen& seen = window->second.pages[in_range(window->second, pfn)];
  // What its first page was refused for, or where the scan came upon it, says it all.
  if (why == Refusal::tail && !seen.page.refused.empty()) return;
  const PageFacts facts(interpreter_.world(), pfn, why == Refusal::migration);
  seen.page = facts.stopped(pfn, facts.refused(why, error));
  // What ends the window is in its way whatever becomes of it.
  seen.in_the_way = seen.in_the_way || why == Refusal::capture;
  if (why != Refusal::migration) return;
  ++seen.attempts;
  // Without memory a call ends before its passes are over.
  if (error == -kENOMEM) return;
  seen.page.refused +=
      fmt::format(" in pass {} of call {}", (seen.attempts - 1) % kPasses + 1, (seen.attempts - 1) / kPasses + 1);
  if (error == -kEAGAIN) seen.page.refused += facts.cause();
}

// Every page of the range that is not free is in the way, not only the first, where the kernel's walk stops.
void WhyRecorder::test_failed(Pfn outer_start, Pfn end, Pfn fin) {
  const auto window = open_.find(machine_->engine.current());
  if (window == open_.end()) return;
  window->second.tested = true;
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
    const Pfn free_block = machine_->buddy.covering_block(pfn);
    Seen& seen = window->second.pages[in_range(window->second, pfn)];
    // What was seen when the page was refused tells more than what is left of it now.
    if (seen.page.refused.empty()) {
      std::string_view verdict = "test_pages_isolated: not on a free list";
      if (map.page(pfn).ref != 0)
        verdict = "test_pages_isolated: in use since it was scanned";
      else if (free_block != pfn)
        verdict = "test_pages_isolated: no free block begins there";
      seen.page = PageFacts(interpreter_.world(), pfn, /*ours=*/false).stopped(pfn, std::string(verdict));
    }
    seen.in_the_way = true;
    const Pfn head = map.compound_head(pfn);
    const Pfn next =
        free_block == pfn ? head + pages_of(map.page(head)) : free_block + order_pages(map.page(free_block).order);
    pfn = std::max(pfn + 1, next);
  }
}

void WhyRecorder::window_ended(int error) {
  const auto open = open_.find(machine_->engine.current());
  if (open == open_.end()) return;
  Window window = std::move(open->second);
  open_.erase(open);
  if (error == 0) return;
  const World& world = interpreter_.world();
  FailedWindow failed;
  failed.range = window.range;
  failed.error = error;
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot)
    if (world.result(slot).state == Result::State::inside &&
        world.actor(world.program().ops[slot].performer) == machine_->engine.current())
      failed.op = slot;
  for (auto& [pfn, seen] : window.pages) {
    const Pfn free_block = machine_->buddy.covering_block(pfn);
    const bool still_there = seen.page.pageblock || !machine_->map.page(free_block).has(kPageBuddy);
    if (seen.in_the_way || (!window.tested && still_there)) failed.pages.push_back(std::move(seen.page));
  }
  failed_.push_back(std::move(failed));
}

std::string WhyRecorder::text(const std::function<std::string(Slot)>& op_text) const {
  std::string text;
  for (std::size_t i = 0; i < failed_.size();) {
    const FailedWindow& window = failed_[i];
    if (i == 0 || failed_[i - 1].op != window.op) text += fmt::format("{}\n", op_text(window.op));
    std::size_t next = i + 1;
    while (next < failed_.size() && failed_[next].op == window.op && failed_[next].error == window.error &&
           failed_[next].pages == window.pages)
      ++next;
    text += "  window " + log_form(window.range);
    if (next > i + 1) text += fmt::format(", and {} more up to {}", next - i - 1, log_form(failed_[next - 1].range));
    text += fmt::format(": {}", error_text(window.error));
    if (!window.pages.empty()) {
      const bool blocks =
          std::all_of(window.pages.begin(), window.pages.end(), [](const StoppedPage& page) { return page.pageblock; });
      const auto count = static_cast<std::int64_t>(window.pages.size());
      text += fmt::format(", {} in the way", plural(count, blocks ? "pageblock" : "page"));
    }
    text += "\n";
    text += pages_text(window.pages);
    i = next;
  }
  return text.empty() ? "no window failed\n" : text;
}

}  // namespace cma
