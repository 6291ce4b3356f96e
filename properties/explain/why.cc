#include "properties/explain/why.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Pages of one window, or groups of them, that are printed.
constexpr std::size_t kPrintedGroups = 8;
// Passes of one migrate_pages call.
constexpr unsigned kPasses = 10;

std::string plural(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// The facts about one page, as it is now.
class PageFacts {
 public:
  // For a page of a compound page, the facts are those of its first page. `ours`: a page on a task's list is on that of
  // the allocation that asks.
  PageFacts(const World& world, Pfn pfn, bool ours)
      : world_(world), machine_(world.machine()), pfn_(machine_.map.compound_head(pfn)), ours_(ours) {}

  // Returns all facts, as those of the page at `at`.
  StoppedPage stopped(Pfn at, std::string verdict) const {
    return {.pfn = at, .pageblock = false, .what = what(), .holders = holders(), .refused = std::move(verdict)};
  }
  // Returns the step that refused the page, and its error; `error` is 0 if the step returns none.
  std::string refused(Refusal why, int error) const;
  // Returns why an attempt to move it failed with -EAGAIN, after a colon; empty if the page does not show it.
  std::string cause() const;

 private:
  std::string what() const;
  std::vector<std::string> holders() const;
  const Page& page() const { return machine_.map.page(pfn_); }
  const Owner* owner() const { return page().owner == 0 ? nullptr : &machine_.owners.owner(page().owner); }
  std::string name(Slot slot) const { return name_or_text(world_.program(), slot); }
  std::string owner_name() const;
  std::string process_name(SpaceId space) const;
  // Returns the huge page that begins with it; nullptr if none does.
  const HugePage* huge() const {
    return owner() == nullptr || owner()->huge == 0 ? nullptr : &machine_.owners.huge_page(owner()->huge);
  }
  std::string mapper_names() const;
  void add_mappers(PteId first, std::string& names) const;
  std::string kind() const;
  std::string file_name(FileId file) const;
  std::string allocation() const;
  std::string without_owner() const;
  // These append to `holders`.
  void add_lock(std::vector<std::string>& holders) const;
  void add_pagevecs(std::vector<std::string>& holders) const;
  void add_counts(std::vector<std::string>& holders, BufferId id, std::int64_t slots) const;
  void add_buffer(std::vector<std::string>& holders) const;
  std::int64_t add_owner(std::vector<std::string>& holders) const;
  std::int64_t add_pins(std::vector<std::string>& holders) const;
  void add_operations(std::vector<std::string>& holders) const;
  void add_unknown(std::vector<std::string>& holders, std::int64_t references) const;
  // The first page of the free block that it lies in; the page itself if it lies in none.
  Pfn free_block() const { return machine_.buddy.free_lists().covering_block(pfn_); }

  const World& world_;
  const Machine& machine_;
  Pfn pfn_;
  bool ours_;
};

// Returns the text of the operation that an actor is inside; empty if it is inside none.
std::string text_of_operation(const World& world, ActorId actor) {
  const std::optional<Slot> slot = operation_of(world, actor);
  return slot ? print_op(world.program(), world.program().ops[*slot]) : std::string();
}

std::string PageFacts::process_name(SpaceId space) const {
  const auto slot = find_result(world_, [space](const Result& result) {
    return result.yields == Yields::process && result.process == space && result.state == Result::State::done;
  });
  return slot ? name(*slot) : "a child";
}

// Returns the names of the processes that map it, or will again after its migration.
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
    const std::string process = process_name(space);
    if (names.find(process) == std::string::npos) names += (names.empty() ? "" : ", ") + process;
  }
}

// Returns the name of the result that its owner belongs to; empty if there is none.
std::string PageFacts::owner_name() const {
  const auto slot = find_result(world_, [this](const Result& result) {
    if (result.yields != Yields::pages) return false;
    for (std::uint64_t i = 0; i < result.pages && result.first_owner + i < world_.owner_of.size(); ++i)
      if (world_.owner_of[result.first_owner + i] == page().owner) return true;
    return false;
  });
  return slot ? name(*slot) : std::string();
}

std::string PageFacts::file_name(FileId file) const {
  const auto slot = find_result(
      world_, [file](const Result& result) { return result.yields == Yields::file && result.file == file; });
  return slot ? name(*slot) : std::string();
}

// Returns the buffer, range or block that the page is part of; empty if there is none.
std::string PageFacts::allocation() const {
  for (const World::Piece& piece : world_.pieces)
    if (piece.start <= pfn_ && pfn_ < piece.start + piece.pages) return "buffer " + name(piece.slot);
  const auto slot = find_result(world_, [this](const Result& result) {
    const bool counts = result.yields == Yields::range || result.yields == Yields::block;
    if (!counts || result.gone || result.pfn == kNoPfn) return false;
    const std::uint64_t pages = result.yields == Yields::range ? result.pages : order_pages(result.order);
    return result.pfn <= pfn_ && pfn_ < result.pfn + pages;
  });
  if (!slot) return {};
  return (world_.result(*slot).yields == Yields::range ? "range " : "block ") + name(*slot);
}

std::string PageFacts::without_owner() const {
  const std::string part_of = allocation();
  if (!part_of.empty()) return "page of " + part_of;
  return page().has(kPagePrivate) ? "page without mapping, its buffers still there" : "page without an owner";
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

// The page lock is held by an operation, such as a migration, or by a device until its I/O completes.
void PageFacts::add_lock(std::vector<std::string>& holders) const {
  if (!page().has(kPageLocked)) return;
  const ActorId holder = machine_.page_locks.holder(pfn_);
  if (holder == machine_.engine.current()) return;
  holders.push_back(holder == kNoActor ? "the page lock, until its I/O completes"
                                       : "the page lock of: " + text_of_operation(world_, holder));
}

void PageFacts::add_pagevecs(std::vector<std::string>& holders) const {
  if (page().pagevecs == 0) return;
  for (int cpu = 0; cpu < machine_.engine.cpus(); ++cpu) {
    for (unsigned i = 0; i < kPagevecs; ++i) {
      const auto which = static_cast<Pagevec>(i);
      const std::vector<Pfn>& pagevec = machine_.lru.pagevecs().pages(cpu, which);
      if (std::find(pagevec.begin(), pagevec.end(), pfn_) != pagevec.end())
        holders.push_back(fmt::format("the {} pagevec of CPU {}", name_of(which), cpu));
    }
    const std::vector<Mlocking>& mlock = machine_.lru.mlock_pages().pagevec(cpu);
    if (std::any_of(mlock.begin(), mlock.end(), [this](const Mlocking& entry) { return entry.pfn == pfn_; }))
      holders.push_back(fmt::format("the mlock pagevec of CPU {}", cpu));
  }
}

// Counts on a buffer that are not those of slots.
void PageFacts::add_counts(std::vector<std::string>& holders, BufferId id, std::int64_t slots) const {
  const auto held = std::ranges::count(world_.held_buffers, id, &World::HeldCount::buffer);
  if (held > 0) holders.push_back(plural(held, "count") + " of bh_hold on its buffer");
  const std::int64_t journal = machine_.files.journal_holds(id);
  if (journal > 0) holders.push_back(plural(journal, "count") + " of a running transaction on its buffer");
  const std::int64_t others = machine_.buffers.buffer(id).count - slots - held - journal;
  if (others > 0) holders.push_back(plural(others, "count") + " of operations under way on its buffer");
}

void PageFacts::add_buffer(std::vector<std::string>& holders) const {
  const Buffers& buffers = machine_.buffers;
  for (BufferId id = 1; id <= buffers.size(); ++id) {
    if (buffers.buffer(id).pfn != pfn_) continue;
    std::int64_t in_slots = 0;
    for (int cpu = 0; cpu < machine_.engine.cpus(); ++cpu) {
      const std::vector<BufferId>& slots = buffers.lru_slots(cpu);
      if (std::find(slots.begin(), slots.end(), id) == slots.end()) continue;
      ++in_slots;
      holders.push_back(fmt::format("a buffer-head slot of CPU {}", cpu));
    }
    add_counts(holders, id, in_slots);
    if (buffers.buffer(id).dirty) holders.push_back("its dirty buffer");
    if (buffers.buffer(id).locked) holders.push_back("its locked buffer");
  }
}

// Adds its owner, where that is more than the kind of the page shows. Returns the number of the owner's references.
std::int64_t PageFacts::add_owner(std::vector<std::string>& holders) const {
  const Owner* owns = owner();
  if (owns == nullptr || owns->pfn != pfn_) return 0;
  if (owns->kind == PageKind::hugetlb) holders.emplace_back("a process that the program does not name");
  if (owns->kind == PageKind::unmovable) holders.push_back("its owner, " + owner_name());
  if (owns->kind == PageKind::movable_ops) holders.push_back("its driver, " + owner_name());
  for (PteId id = owns->first_pte; id != 0; id = machine_.spaces.pte(id).next)
    if (machine_.spaces.temporary_stack(machine_.spaces.pte(id).space))
      holders.push_back("exec's temporary stack of " + process_name(machine_.spaces.pte(id).space));
  return huge() == nullptr ? Owners::own_references(*owns) : page().map;
}

// Adds the pins and get_page references of the program. Returns their number.
std::int64_t PageFacts::add_pins(std::vector<std::string>& holders) const {
  std::int64_t references = 0;
  for (Slot slot = 0; slot < world_.program().ops.size(); ++slot) {
    const Result& result = world_.result(slot);
    if (result.yields != Yields::pin || result.gone || result.pfn != pfn_) continue;
    if (result.state != Result::State::done) continue;
    holders.push_back((has_name(world_.program(), slot) ? "pin " : "") + name(slot));
    ++references;
  }
  for (const World::Got& got : world_.got) {
    if (got.pfn != pfn_) continue;
    holders.push_back(name(got.slot));
    ++references;
  }
  return references;
}

// Adds the operations of other actors that are under way, and where they are.
void PageFacts::add_operations(std::vector<std::string>& holders) const {
  const Engine& engine = machine_.engine;
  const Program& program = world_.program();
  for (Slot slot = 0; slot < program.ops.size(); ++slot) {
    if (world_.result(slot).state != Result::State::inside) continue;
    const ActorId actor = world_.actor(program.ops[slot].performer);
    if (actor == kNoActor || actor == engine.current()) continue;
    const Point point = engine.last_point(actor);
    const std::string op = print_op(program, program.ops[slot]);
    if (point == Point::zap_range_done || point == Point::zap_unflushed)
      holders.push_back("the unmapping batch of: " + op);
    else if (point == Point::fork_referenced)
      holders.push_back("fork, before it counts the mapping: " + op);
    else
      holders.push_back(fmt::format("an operation that is at {}: {}",
                                    point == Point::kCount ? "its start" : info_of(point).name, op));
  }
}

// References that nothing at rest accounts for are held by operations under way.
void PageFacts::add_unknown(std::vector<std::string>& holders, std::int64_t references) const {
  add_operations(holders);
  if (holders.empty()) holders.push_back(plural(references, "reference") + " without a known holder");
}

std::vector<std::string> PageFacts::holders() const {
  std::vector<std::string> holders;
  const Page& p = page();
  if (p.ref == 0) {
    if (p.has(kPageHugetlb)) holders.emplace_back("the hugetlb pool");
    const bool on_a_list = p.has(kPageBuddy | kPagePcp | kPageHugetlb) || free_block() != pfn_;
    if (!on_a_list) add_operations(holders);
    return holders;
  }
  if (owner() == nullptr && !p.has(kPagePrivate)) {
    const std::string part_of = allocation();
    if (!part_of.empty()) return {part_of};
  }
  std::int64_t known = p.has(kPagePrivate) ? 1 : 0;
  known += add_owner(holders);
  if (p.has(kPageTaskList) && ours_) ++known;
  known += p.pagevecs;
  add_pagevecs(holders);
  add_lock(holders);
  known += add_pins(holders);
  add_buffer(holders);
  if (p.ref > known) add_unknown(holders, p.ref - known);
  if (holders.empty() && owner() == nullptr && p.has(kPagePrivate)) holders.emplace_back("its buffers");
  // A huge page may be in the way by being one: all that can be named is the process that maps it.
  if (holders.empty() && huge() != nullptr) holders.push_back("process " + mapper_names() + ", which maps it");
  return holders;
}

std::string_view refusal_text(Refusal why) {
  switch (why) {
    case Refusal::block_isolated: return "set_migratetype_isolate: its pageblock is isolated by another request";
    case Refusal::area_block: return "has_unmovable_pages: it is an area's, and the request is not";
    case Refusal::unmovable: return "has_unmovable_pages: in use, and neither on the LRU nor movable";
    case Refusal::compound: return "isolate_migratepages_block: part of a compound page";
    case Refusal::tail: return "isolate_migratepages_block: not the first page of its compound page";
    case Refusal::hugetlb: return "isolate_or_dissolve_huge_page";
    case Refusal::unreferenced: return "isolate_migratepages_block: free, and on no free list";
    case Refusal::off_lru: return "isolate_migratepages_block: not on the LRU";
    case Refusal::pinned: return "isolate_migratepages_block: anonymous, with more references than mappings";
    case Refusal::taken: return "isolate_migratepages_block: another task has taken it off the LRU";
    case Refusal::driver: return "isolate_movable_page: the page is locked, or its driver refuses";
    case Refusal::file_system: return "isolate_migratepages_block: of a file, and the caller has no __GFP_FS";
    case Refusal::migration: return "migrate_pages";
    case Refusal::capture:
      return "isolate_freepages_block: no free block began there any more when it was to be captured";
  }
  return "?";
}

std::string PageFacts::cause() const {
  const Page& p = page();
  const ActorId locker = p.has(kPageLocked) ? machine_.page_locks.holder(pfn_) : machine_.engine.current();
  if (locker != machine_.engine.current()) return ": locked";
  if (p.has(kPageWriteback)) return ": under writeback";
  if (huge() != nullptr) return "";
  const int expected = (p.has(kPagePrivate) ? 1 : 0) + (p.has(kPageTaskList) && ours_ ? 1 : 0) +
                       (owner() == nullptr ? 0 : Owners::own_references(*owner()));
  if (p.ref > expected) return fmt::format(": {} references, {} expected", p.ref, expected);
  std::vector<std::string> holders;
  add_buffer(holders);
  return holders.empty() ? "" : ": its buffer is in use";
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

// Returns the window as the kernel's log has it, so that it can be found there.
std::string log_form(const PfnRange& range) { return fmt::format("[{:x}, {:x})", range.start, range.end); }

std::string page_text(const StoppedPage& page, std::size_t more, Pfn last) {
  std::string text = fmt::format("    {:#x}", page.pfn);
  if (more > 0) text += fmt::format(", and {} more up to {:#x}", more, last);
  text += fmt::format("  {}\n", page.what);
  for (const std::string& holder : page.holders) text += fmt::format("      held by  {}\n", holder);
  return text + fmt::format("      refused  {}\n", page.refused);
}

// Merges neighbours with equal facts.
std::string pages_text(const std::vector<StoppedPage>& pages) {
  std::string text;
  std::size_t next = 0;
  for (std::size_t i = 0, groups = 0; i < pages.size() && groups < kPrintedGroups; i = next, ++groups) {
    next = i + 1;
    while (next < pages.size() && pages[next].same_facts(pages[i])) ++next;
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

// A compound page is recorded once, by its first page in the window.
Pfn WhyRecorder::in_range(const Window& window, Pfn pfn) const {
  return std::max(machine_->map.compound_head(pfn), std::min(pfn, window.range.start));
}

std::string WhyRecorder::op_of_actor(ActorId actor) const {
  const std::string op = text_of_operation(interpreter_.world(), actor);
  return op.empty() ? "an operation that has ended" : op;
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
  seen.page.holders = {"no task; it was given back by: " + op_of_actor(machine_->engine.current())};
  seen.page.refused = "test_pages_isolated: its pageblock is not isolated";
}

void WhyRecorder::page_refused(Pfn pfn, Refusal why, int error) {
  const auto window = open_.find(machine_->engine.current());
  if (window == open_.end()) return;
  if (why == Refusal::block_isolated || why == Refusal::area_block)
    return refuse_pageblock(window->second, machine_->map.pageblock_start(pfn), why);
  Seen& seen = window->second.pages[in_range(window->second, pfn)];
  // The reason for its first page, or for where the scan met it, is the better one.
  if (why == Refusal::tail && !seen.page.refused.empty()) return;
  const PageFacts facts(interpreter_.world(), pfn, why == Refusal::migration);
  seen.page = facts.stopped(pfn, facts.refused(why, error));
  // A page that ends the window is in its way, whatever happens to it later.
  seen.in_the_way = seen.in_the_way || why == Refusal::capture;
  if (why != Refusal::migration) return;
  ++seen.attempts;
  // Without memory a call ends before its last pass.
  if (error == -kENOMEM) return;
  seen.page.refused +=
      fmt::format(" in pass {} of call {}", (seen.attempts - 1) % kPasses + 1, (seen.attempts - 1) / kPasses + 1);
  if (error == -kEAGAIN) seen.page.refused += facts.cause();
}

// All pages of the range that are not free are in the way; the kernel's walk stops at the first.
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
    const Pfn free_block = machine_->buddy.free_lists().covering_block(pfn);
    Seen& seen = window->second.pages[in_range(window->second, pfn)];
    // Facts from the time when the page was refused are better than those of now.
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
  failed.op = operation_of(world, machine_->engine.current()).value_or(0);
  for (auto& [pfn, seen] : window.pages) {
    const Pfn free_block = machine_->buddy.free_lists().covering_block(pfn);
    const bool still_there = seen.page.pageblock || !machine_->map.page(free_block).has(kPageBuddy);
    if (seen.in_the_way || (!window.tested && still_there)) failed.pages.push_back(std::move(seen.page));
  }
  failed_.push_back(std::move(failed));
}

namespace {

// Returns how many windows, from the one at `first` on, are to be merged.
std::size_t equal_windows(const std::vector<FailedWindow>& failed, std::size_t first) {
  std::size_t next = first + 1;
  while (next < failed.size() && failed[next].op == failed[first].op && failed[next].error == failed[first].error &&
         failed[next].pages == failed[first].pages)
    ++next;
  return next - first;
}

std::string in_the_way(const std::vector<StoppedPage>& pages) {
  if (pages.empty()) return {};
  const bool blocks = std::all_of(pages.begin(), pages.end(), [](const StoppedPage& page) { return page.pageblock; });
  return fmt::format(", {} in the way", plural(static_cast<std::int64_t>(pages.size()), blocks ? "pageblock" : "page"));
}

}  // namespace

std::string WhyRecorder::text(const std::function<std::string(Slot)>& op_text) const {
  std::string text;
  for (std::size_t i = 0; i < failed_.size();) {
    const FailedWindow& window = failed_[i];
    if (i == 0 || failed_[i - 1].op != window.op) text += fmt::format("{}\n", op_text(window.op));
    const std::size_t equal = equal_windows(failed_, i);
    text += "  window " + log_form(window.range);
    if (equal > 1) text += fmt::format(", and {} more up to {}", equal - 1, log_form(failed_[i + equal - 1].range));
    text += fmt::format(": {}{}\n", error_text(window.error), in_the_way(window.pages));
    text += pages_text(window.pages);
    i += equal;
  }
  return text.empty() ? "no window failed\n" : text;
}

}  // namespace cma
