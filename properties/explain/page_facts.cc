#include "properties/explain/page_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/program/text.h"

namespace cma {

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

// Returns the size and the place of its compound page; empty if it is of none.
std::string PageFacts::extent() const {
  return pages() == 1 ? std::string() : fmt::format(" ({} pages from {:#x} on)", pages(), pfn_);
}

std::string PageFacts::without_owner() const {
  const std::string part_of = allocation();
  if (!part_of.empty()) return (pages() == 1 ? "page of " : "compound page of ") + part_of + extent();
  return page().has(kPagePrivate) ? "page without mapping, its buffers still there" : "page without an owner";
}

std::string PageFacts::kind() const {
  const Page& p = page();
  if (p.has(kPageBuddy)) return "free block";
  if (p.has(kPagePcp)) return "free page on a per-CPU list";
  if (p.has(kPageReserved)) return "page that boot keeps";
  if (p.ref == 0 && p.has(kPageHugetlb)) return "free huge page of the hugetlb pool" + extent();
  if (const Pfn block = free_block(); p.ref == 0 && block != kNoPfn)
    return fmt::format("page inside the free block of {} pages at {:#x}", order_pages(machine_.map.page(block).order),
                       block);
  // Of a block that is no compound page, only the first page has a reference.
  if (p.ref == 0) return allocation().empty() ? "free page between two lists" : without_owner();
  const Owner* owns = owner();
  if (owns == nullptr) return without_owner();
  std::string text = huge() == nullptr
                         ? std::string(name_of(owns->kind)) + " page" + extent()
                         : fmt::format("transparent huge page ({} pages from {:#x} on)", huge()->pages(), pfn_);
  const std::string whose = result_name();
  return whose.empty() ? text : text + " of " + whose;
}

std::string PageFacts::result_name() const {
  const Owner* owns = owner();
  if (owns == nullptr) return allocation();
  std::string whose = owner_name();
  if (whose.empty() && owns->kind == PageKind::anonymous) whose = mapper_names();
  if (whose.empty() && owns->kind == PageKind::file) whose = file_name(owns->file);
  return whose;
}

std::string PageFacts::user_name() const {
  const Owner* owns = owner();
  if (owns == nullptr) return {};
  if (is_private(owns->kind)) {
    const std::string processes = mapper_names();
    return processes.empty() ? processes : "process " + processes;
  }
  const std::string file = owns->kind == PageKind::file ? file_name(owns->file) : std::string();
  return file.empty() ? file : "file " + file;
}

std::string PageFacts::what() const {
  const Page& p = page();
  if (p.ref == 0) return kind();
  std::string text = kind() + ": " + plural(static_cast<std::uint64_t>(p.ref), "reference");
  if (p.map > 0) text += ", " + plural(static_cast<std::uint64_t>(p.map), "mapping");
  // A migration locks the pages that it tries.
  if (p.has(kPageLocked) && machine_.page_locks.holder(pfn_) != machine_.engine.current()) text += ", locked";
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
    const std::vector<Mlocking>& mlock = machine_.lru.mlock().pagevec(cpu);
    if (std::any_of(mlock.begin(), mlock.end(), [this](const Mlocking& entry) { return entry.pfn == pfn_; }))
      holders.push_back(fmt::format("the mlock pagevec of CPU {}", cpu));
  }
}

// A count is kept by the read of the page or by a bh_hold that names that read.
std::string PageFacts::count_holder(const World::HeldCount& held) const {
  const auto* read = std::get_if<BufferRead>(&world_.program().ops[held.pages].body);
  const bool by_read = read != nullptr && read->keep;
  return by_read ? fmt::format("a count that {} keeps on its buffer", name(held.pages))
                 : fmt::format("a count of bh_hold {} on its buffer", name(held.pages));
}

// Counts on a buffer that are not those of slots.
void PageFacts::add_counts(std::vector<std::string>& holders, BufferId id, std::int64_t slots) const {
  std::int64_t held = 0;
  for (const World::HeldCount& count : world_.held_buffers) {
    if (count.buffer != id) continue;
    ++held;
    holders.push_back(count_holder(count));
  }
  const std::int64_t journal = machine_.files.journal_holds(id);
  if (journal > 0)
    holders.push_back(plural(static_cast<std::uint64_t>(journal), "count") + " of a running transaction on its buffer");
  const std::int64_t others = machine_.buffers.buffer(id).count - slots - held - journal;
  if (others > 0)
    holders.push_back(plural(static_cast<std::uint64_t>(others), "count") + " of operations under way on its buffer");
}

// Returns how many slots of buffer heads have a buffer of the page: holders() names each.
std::size_t PageFacts::buffer_slots() const {
  const Buffers& buffers = machine_.buffers;
  std::size_t found = 0;
  for (int cpu = 0; cpu < machine_.engine.cpus(); ++cpu)
    found += static_cast<std::size_t>(std::ranges::count_if(
        buffers.lru_slots(cpu), [&](BufferId id) { return id != 0 && buffers.buffer(id).pfn == pfn_; }));
  return found;
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
  return own_references();
}

// Returns the references of its owner.
std::int64_t PageFacts::own_references() const {
  if (owner() == nullptr || owner()->pfn != pfn_) return 0;
  return huge() == nullptr ? Owners::own_references(*owner()) : page().map;
}

bool PageFacts::stays() const {
  const Page& p = page();
  if (p.has(kPageReserved)) return true;
  if (p.ref == 0) return !allocation().empty() && !p.has(kPageBuddy | kPagePcp | kPageHugetlb);
  const Owner* owns = owner();
  if (owns == nullptr) return !p.has(kPagePrivate);
  if (owns->kind == PageKind::unmovable) return true;
  if (owns->kind == PageKind::movable_ops && owns->refusals < 0) return true;
  const std::int64_t known = own_references() + (p.has(kPagePrivate) ? 1 : 0) + (p.has(kPageTaskList) ? 1 : 0);
  return p.ref > known + p.pagevecs;
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
    const Point point = engine.look(actor).last_point;
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
  if (holders.empty())
    holders.push_back(plural(static_cast<std::uint64_t>(references), "reference") + " without a known holder");
}

std::vector<std::string> PageFacts::holders() const {
  std::vector<std::string> holders;
  const Page& p = page();
  if (p.has(kPageReserved)) return {"boot (reserved)"};
  if (p.ref == 0) {
    if (p.has(kPageHugetlb)) holders.emplace_back("the hugetlb pool");
    const bool on_a_list = p.has(kPagePcp | kPageHugetlb) || free_block() != kNoPfn;
    if (on_a_list) return holders;
    if (const std::string part_of = allocation(); !part_of.empty()) return {part_of};
    add_operations(holders);
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

bool PageFacts::in_slots_only() const {
  const std::size_t slots = buffer_slots();
  return slots > 0 && slots == holders().size();
}

std::string_view refusal_text(Refusal why) {
  switch (why) {
    case Refusal::block_isolated: return "set_migratetype_isolate: its pageblock is isolated by another request";
    case Refusal::area_block: return "has_unmovable_pages: it is an area's, and the request is not";
    case Refusal::unmovable: return "has_unmovable_pages: in use, and neither on the LRU nor movable";
    case Refusal::compound: return "isolate_migratepages_block: part of a compound page";
    case Refusal::tail: return "isolate_migratepages_block: not the first page of its compound page";
    case Refusal::hugetlb: return "isolate_or_dissolve_huge_page";
    case Refusal::unreferenced:
      return "isolate_migratepages_block: no reference: free on no list, or part of a block in use";
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
  std::vector<std::string> allowed;
  const std::int64_t own = owner() == nullptr ? 0 : Owners::own_references(*owner());
  if (own > 0)
    allowed.push_back(fmt::format("{} of its {}", own, is_cached(owner()->kind) ? "cache and mappings" : "owner"));
  if (p.has(kPagePrivate)) allowed.emplace_back("1 of its buffers");
  if (p.has(kPageTaskList) && ours_) allowed.emplace_back("1 of the isolation");
  const std::int64_t expected = own + (p.has(kPagePrivate) ? 1 : 0) + (p.has(kPageTaskList) && ours_ ? 1 : 0);
  if (p.ref > expected) {
    std::string sum;
    for (const std::string& part : allowed) sum += (sum.empty() ? "" : ", ") + part;
    return fmt::format(": {} references, {} expected{}", p.ref, expected, sum.empty() ? "" : " (" + sum + ")");
  }
  std::vector<std::string> holders;
  add_buffer(holders);
  return holders.empty() ? "" : ": its buffer is in use";
}

std::string PageFacts::refused(Refusal why, int error) const {
  if (why == Refusal::pinned && !page().has(kPageAnon))
    return "isolate_migratepages_block: in no cache, with more references than mappings";
  if (why == Refusal::unreferenced && page().has(kPageHugetlb))
    return "isolate_migratepages_block: free in the hugetlb pool, not in the allocator";
  std::string text(refusal_text(why));
  const ReclaimScope scope = machine_.engine.flags().scope;
  if (why == Refusal::file_system && forbids_fs(scope))
    text += scope == ReclaimScope::nofs ? " (scope=nofs)" : " (scope=noio)";
  else if (why == Refusal::file_system && machine_.bugs.active(Bug::contig_nofs))
    text += " because of \"bug contig-nofs\"; without the bug it has";
  return error == 0 ? text : fmt::format("{}: {}", text, errno_name(error));
}

}  // namespace cma
