// Promise: data follows its page.
//
// The kernel's exceptions. Memory that its process gave up (MADV_FREE) may be dropped until it is written to again, and
// so may clean pages of files: who maps such a page finds none, never another's. Up to 4.20 a buffer head follows its
// page only after the page has moved, so the two may be apart while a migration is under way.

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Returns whether an operation of this kind may change data that was there before: it writes, or faults and writes.
bool writes(const Op& op) {
  static const KindSet kWriters = kinds_of<MappingOp<MappingVerb::write>, BufferOp<BufferVerb::dirty>,
                                           FilePagesOp<FilePagesVerb::journal>, MmapAnon, MmapHuge, PinLongterm>();
  return kWriters.test(op.body.index());
}

// Returns whether an operation of this kind may change which page a process finds at an address.
bool changes_mappings(const Op& op) {
  static const KindSet kChangers =
      kinds_of<MappingOp<MappingVerb::munmap>, MappingOp<MappingVerb::madv_free>, MmapShared, Fork, ExitProcess>();
  return writes(op) || kChangers.test(op.body.index());
}

// Returns whether an operation of this kind may leave a process without a page that it had: it unmaps, or copies.
bool unmaps(const Op& op) {
  static const KindSet kUnmappers = kinds_of<MappingOp<MappingVerb::munmap>, ExitProcess>();
  return writes(op) || kUnmappers.test(op.body.index());
}

// Returns whether an operation of this kind gives memory up, which may be dropped until it is written to again.
bool gives_up(const Op& op) { return op.body.index() == kind_of<MappingOp<MappingVerb::madv_free>>(); }

// What each owner has written, and what each process finds: taken down while operations may change it, and compared
// while none may.
class WhatWasWritten final : public Witness {
 public:
  explicit WhatWasWritten(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override { machine_ = &machine; }
  void control_changes(Machine&) override { everyone_finds_their_page(); }
  void op_performed(Machine&, std::size_t op) override {
    unmapping_ = inside_unmaps_ || unmaps(program_.ops[op]);
    if (program_.ops[op].body.index() == kind_of<Spawn>())
      spawned_.insert(last_run().world().result(static_cast<Slot>(op)).process);
    if (gives_up(program_.ops[op])) giving_up_.push_back(op);
    look(inside_writes_ || writes(program_.ops[op]), inside_changes_ || changes_mappings(program_.ops[op]));
    std::erase_if(giving_up_, [](std::size_t giving) { return !is_inside(giving); });
    inside_writes_ = any_inside(op, writes);
    inside_changes_ = any_inside(op, changes_mappings);
    inside_unmaps_ = any_inside(op, unmaps);
  }
  void program_ended(Machine&) override {
    unmapping_ = inside_unmaps_;
    look(inside_writes_, inside_changes_);
  }

  // Compares each owner's record with the page it names.
  void everyone_finds_their_page() {
    const Owners& owners = machine_->owners;
    for (OwnerId id = 1; id <= owners.size(); ++id) {
      const Owner& owner = owners.owner(id);
      if (owner.pfn == kNoPfn) continue;
      const Page& page = machine_->map.page(owner.pfn);
      claim(page.owner == id && page.token == owner.token,
            fmt::format("owner {} does not find its data at {:#x}", id, owner.pfn));
    }
  }

 private:
  using MadvFree = MappingOp<MappingVerb::madv_free>;
  using Address = std::tuple<SpaceId, MappingId, std::uint64_t>;

  void look(bool data_may_change, bool mappings_may_change) {
    everyone_finds_their_page();
    compare_data(data_may_change);
    for (const std::size_t op : giving_up_) note_given_up(std::get<MadvFree>(program_.ops[op].body));
    compare_mappings(mappings_may_change);
  }
  void compare_data(bool may_change) {
    const Owners& owners = machine_->owners;
    for (OwnerId id = 1; id <= owners.size(); ++id) {
      const std::uint32_t data = owners.owner(id).token;
      if (id > data_.size()) data_.push_back(data);
      claim(may_change || data == data_[id - 1], fmt::format("the data of owner {} changed, and nothing wrote", id));
      // Written to, after whatever gave it up.
      if (data != data_[id - 1]) given_up_.erase(id);
      data_[id - 1] = data;
    }
  }
  // Takes down the pages that an operation gives up, or has given up since the last look.
  void note_given_up(const MadvFree& op) {
    const World& world = last_run().world();
    const Processes& processes = machine_->processes;
    const Result* made = world.find(op.mapping);
    const Result* in = op.in.id != 0 ? world.find(op.in) : made;
    if (made == nullptr || made->yields != Yields::mapping || in == nullptr) return;
    if (!processes.alive(in->process) || !processes.has_mapping(in->process, made->mapping)) return;
    const std::uint64_t all = processes.pages_of(in->process, made->mapping);
    const std::uint64_t end = op.pages == 0 || op.from >= all ? all : op.from + std::min(op.pages, all - op.from);
    for (std::uint64_t page = op.from; page < end; ++page)
      given_up_.insert(processes.page_at(in->process, made->mapping, page));
  }
  void compare_mappings(bool may_change) {
    const Processes& processes = machine_->processes;
    for (SpaceId space = 0; space < processes.count(); ++space)
      for (MappingId mapping = 0; processes.has_mapping(space, mapping); ++mapping)
        for (std::uint64_t page = 0; page < processes.pages_of(space, mapping); ++page) {
          const OwnerId now = processes.page_at(space, mapping, page);
          OwnerId& before = found_[{space, mapping, page}];
          // What is locked stays, whatever was given up before.
          const bool may_go = given_up_.contains(before) && !processes.locked(space, mapping);
          const bool dropped = now == 0 && (may_go || processes.is_shared(space, mapping));
          // A process that is forked meanwhile keeps its pages. What its child had of a page that is written to in that
          // moment is open.
          const bool lost = now == 0 && before != 0 && !unmapping_ && spawned_.contains(space);
          claim((may_change && !lost) || dropped || now == before,
                fmt::format("process {} finds another page at page {} of mapping {}", space, page, mapping));
          before = now;
        }
  }
  // Returns whether one of the operations up to `last` is of these, and has not ended.
  template <class Kind>
  bool any_inside(std::size_t last, Kind kind) const {
    for (std::size_t op = 0; op <= last; ++op)
      if (kind(program_.ops[op]) && is_inside(op)) return true;
    return false;
  }
  static bool is_inside(std::size_t op) {
    return last_run().world().result(static_cast<Slot>(op)).state == Result::State::inside;
  }

  const Program& program_;
  Machine* machine_ = nullptr;
  bool inside_writes_ = false;
  bool inside_changes_ = false;
  bool inside_unmaps_ = false;
  bool unmapping_ = false;           // an operation that may have unmapped pages since the last look
  std::set<SpaceId> spawned_;        // processes that no fork made
  std::vector<std::uint32_t> data_;  // by owner
  std::map<Address, OwnerId> found_;
  std::vector<std::size_t> giving_up_;  // operations that give memory up and have not ended
  std::set<OwnerId> given_up_;          // and have not been written to since
};

// What a killed process wrote is gone with it: law `content` looks at what is left.
PROMISE(ContentPromise, what_was_written_is_found_wherever_its_page_has_moved,
        {.programs = {.options = {}, .killing = false}, .planted = {Bug::data_left_behind}}) {
  WhatWasWritten written(program);
  run_checked(program, &written);
  written.everyone_finds_their_page();
  written.assert_all_held();
}

// The same where processes give memory up and write to it again, and areas and compactions want its place.
KindSet kinds_of_private_memory() {
  return kinds_of<Spawn, MmapAnon, OwnedPages<PageKind::anonymous>, MappingOp<MappingVerb::write>,
                  MappingOp<MappingVerb::madv_free>, Fork, ExitProcess, Compact>();
}

// Makes each process give new memory up, once it is on the LRU, and write to it again.
Program with_memory_given_up(Program program) {
  std::vector<Op> ops;
  for (const Op& op : std::exchange(program.ops, {})) {
    ops.push_back(op);
    if (op.body.index() != kind_of<MmapAnon>()) continue;
    const Op next = {.id = 0, .performer = op.performer, .until = {}, .body = {}};
    ops.insert(ops.end(), 3, next);
    ops.end()[-3].body = DrainOp<DrainKind::lru>{};
    ops.end()[-2].body = MappingOp<MappingVerb::madv_free>{.mapping = {op.id}, .from = 0, .pages = 0, .in = {}};
    ops.end()[-1].body = MappingOp<MappingVerb::write>{.mapping = {op.id}, .from = 0, .pages = 0, .in = {}};
  }
  program.ops = std::move(ops);
  program.settle();
  return program;
}

// Makes each process give new memory of the first area up, and lock it while a request for the area is about to drop
// it: what is locked earlier is on no list that reclaim takes from.
Program with_memory_locked_meanwhile(Program program) {
  if (program.machine.areas.empty()) return program;
  const std::uint64_t pages = program.machine.areas.front().pages;
  OpId name = 1;
  for (const Op& op : program.ops) name = std::max(name, static_cast<OpId>(op.id + 1));
  std::vector<Op> ops;
  for (Op& op : std::exchange(program.ops, {})) {
    auto* made = std::get_if<MmapAnon>(&op.body);
    if (made != nullptr) made->at = Place::of_area({.id = 0}, op.id * 8 % pages);
    ops.push_back(op);
    if (made == nullptr) continue;
    const auto add = [&](int cpu, OpBody body, Stop until = {}, OpId id = 0) {
      ops.push_back({.id = id, .performer = Performer::on_cpu(cpu), .until = until, .body = std::move(body)});
    };
    const OpId request = name++;
    add(0, DrainOp<DrainKind::lru>{});
    add(0, MappingOp<MappingVerb::madv_free>{.mapping = {op.id}, .from = 0, .pages = 0, .in = {}});
    add(0, CmaAlloc{.area = {.id = 0}, .pages = pages}, {Point::reclaim_clean_page, 1}, request);
    add(1, MappingOp<MappingVerb::mlock>{.mapping = {op.id}, .from = 0, .pages = 0, .in = {}});
    add(0, Resume{});
    add(0, CmaRelease{.buffer = {request}});
  }
  program.ops = std::move(ops);
  program.settle();
  return program;
}

void assert_nothing_is_lost(const Program& program) {
  WhatWasWritten written(program);
  run_checked(program, &written);
  written.everyone_finds_their_page();
  written.assert_all_held();
}

Programs giving_memory_up() {
  Programs programs;
  programs.options.min_ops = 20;
  programs.options.kinds = kinds_of_private_memory();
  programs.options.compaction = true;
  programs.interleaved = false;
  return programs;
}

PROMISE(ContentPromise, memory_that_was_written_to_after_it_was_given_up_is_never_dropped,
        {.programs = giving_memory_up(),
         .planted = {{Bug::lazyfree_drops_written, Release::v4_19}, {Bug::entry_forgets_write, Release::v6_1}}}) {
  assert_nothing_is_lost(with_memory_given_up(program));
}

PROMISE(ContentPromise, memory_that_was_locked_after_it_was_given_up_is_never_dropped,
        {.programs = giving_memory_up(),
         .planted = {{Bug::lazyfree_drops_locked, Release::v4_19}, {Bug::lazyfree_drops_locked, Release::v6_1}}}) {
  assert_nothing_is_lost(with_memory_locked_meanwhile(program));
}

// Begins with memory that is given up but for its first page. A fork that has come to that page holds the page-table
// lock, for which a request waits that is about to drop the rest; a third task writes to it, without a fault.
void write_while_reclaim_waits(Random& random, Program& program) {
  if (program.machine.areas.empty()) return;
  Story story(program);
  const Performer writer = story.another_actor();
  const std::uint64_t pages = 2 + random.below(7);
  const OpRef process = story.add(Spawn{});
  const OpRef memory =
      story.add(MmapAnon{.process = process, .pages = pages, .at = Place::of_area({.id = 0}, random.below(8))});
  story.add(DrainOp<DrainKind::lru>{});
  story.add(MappingOp<MappingVerb::madv_free>{.mapping = memory, .from = 1, .pages = 0, .in = {}});
  story.add(Fork{process}, {}, {Point::fork_referenced, 1});
  story.add(CmaAlloc{.area = {.id = 0}, .pages = program.machine.areas.front().pages}, Performer::on_cpu(1));
  story.add(MappingOp<MappingVerb::write>{.mapping = memory, .from = 1, .pages = 0, .in = {}}, writer);
  story.add(Resume{});
}

Programs giving_memory_up_among_others() {
  Programs programs = giving_memory_up();
  programs.options.min_ops = 1;
  programs.options.shapes = false;
  programs.faults = false;
  programs.prepare = write_while_reclaim_waits;
  return programs;
}

PROMISE(ContentPromise, memory_that_another_task_writes_to_while_it_is_about_to_be_dropped_stays,
        {.programs = giving_memory_up_among_others(),
         .planted = {{Bug::lazyfree_reads_early, Release::v4_19},
                     {Bug::lazyfree_reads_early, Release::v5_10},
                     {Bug::lazyfree_reads_early, Release::v6_1},
                     {Bug::lazyfree_reads_early, Release::v6_12}}}) {
  assert_nothing_is_lost(program);
}

// --- which pages are locked ---

// Compares the mark of each private page with the locked memory that maps it, between the operations of one actor.
// Silent on pages that wait in a pagevec, and on pages that two locked mappings have mapped: up to 5.17 a page may lose
// the mark with the first of them, and since 5.18 the count of mappings with the page's place on the LRU. Silent on
// pages that a write would have copied when they were locked from 4.4 to 5.17: those are left out.
class LockedPages final : public Witness {
 public:
  explicit LockedPages(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override { lockers_.assign(machine.owners.size() + 1, {}); }
  void op_performed(Machine& machine, std::size_t op) override {
    learn_left_out(machine, static_cast<Slot>(op));
    std::vector<bool> locked = look(machine);
    for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
      const Owner& owner = machine.owners.owner(id);
      if (owner.pfn == kNoPfn || owner.kind != PageKind::anonymous || owner.huge != 0 || owner.mapped == 0) continue;
      const Page& page = machine.map.page(owner.pfn);
      if (page.pagevecs != 0 || lockers_[id].size() > 1 || left_out_.contains(id)) continue;
      claim(page.has(kPageMlocked) == locked[id],
            fmt::format("page {:#x} is {}mapped by locked memory, and is {}marked so", owner.pfn,
                        locked[id] ? "" : "not ", page.has(kPageMlocked) ? "" : "not "));
    }
  }

 private:
  using Memory = std::pair<SpaceId, MappingId>;
  // Takes down which pages an operation has left out that locks memory.
  void learn_left_out(const Machine& machine, Slot op) {
    const auto* locks = std::get_if<MappingOp<MappingVerb::mlock>>(&program_.ops[op].body);
    const World& world = last_plain_run().world();
    if (locks == nullptr || machine.release() < Release::v4_4 || machine.release() >= Release::v5_18) return;
    if (world.result(op).state != Result::State::done) return;
    const Result& made = *world.find(locks->mapping);
    const SpaceId space = locks->in.id == 0 ? made.process : world.find(locks->in)->process;
    for (std::uint64_t page = 0; page < machine.processes.pages_of(space, made.mapping); ++page) {
      const OwnerId id = machine.processes.page_at(space, made.mapping, page);
      if (id == 0) continue;
      for (PteId pte = machine.owners.owner(id).first_pte; pte != 0; pte = machine.spaces.pte(pte).next)
        if (machine.spaces.pte(pte).space == space && !machine.spaces.pte(pte).writable) left_out_.insert(id);
    }
  }
  // Returns for each owner whether locked memory maps its page now, and takes down which has.
  std::vector<bool> look(const Machine& machine) {
    const Processes& processes = machine.processes;
    std::vector<bool> locked(machine.owners.size() + 1, false);
    lockers_.resize(locked.size());
    for (SpaceId space = 0; space < processes.count(); ++space)
      for (MappingId mapping = 0; processes.has_mapping(space, mapping); ++mapping) {
        if (!processes.locked(space, mapping)) continue;
        for (std::uint64_t page = 0; page < processes.pages_of(space, mapping); ++page) {
          const OwnerId id = processes.page_at(space, mapping, page);
          if (id == 0) continue;
          locked[id] = true;
          lockers_[id].insert({space, mapping});
        }
      }
    return locked;
  }
  const Program& program_;
  std::vector<std::set<Memory>> lockers_;  // by owner
  std::set<OwnerId> left_out_;
};

// Begins with locked memory of which a part is unmapped.
void unmap_a_part_of_locked_memory(Random& random, Program& program) {
  Story story(program);
  const std::uint64_t pages = 2 + random.below(7);
  const OpRef process = story.add(Spawn{});
  const OpRef memory = story.add(MmapAnon{.process = process, .pages = pages, .at = {}});
  story.add(MappingOp<MappingVerb::mlock>{.mapping = memory, .from = 0, .pages = 0, .in = {}});
  if (random.chance(50)) story.add(DrainOp<DrainKind::lru>{});
  if (random.chance(50)) story.add(Fork{process});
  const std::uint64_t from = random.below(pages);
  story.add(MappingOp<MappingVerb::munmap>{.mapping = memory, .from = from, .pages = 1, .in = {}});
}

PROMISE(ContentPromise, a_page_is_marked_as_locked_exactly_while_locked_memory_maps_it,
        {.programs = {.options = {.release = {},
                                  .kinds = kinds_of<Spawn, MmapAnon, MappingOp<MappingVerb::mlock>,
                                                    MappingOp<MappingVerb::munmap>, MappingOp<MappingVerb::write>, Fork,
                                                    ExitProcess, DrainOp<DrainKind::lru>>()},
                      .faults = false,
                      .interleaved = false,
                      .prepare = unmap_a_part_of_locked_memory},
         .planted = {{Bug::munlock_from_start, Release::v3_6},
                     {Bug::munlock_from_start, Release::v4_19},
                     {Bug::munlock_from_start, Release::v5_10}}}) {
  LockedPages pages(program);
  run_plainly(program, &pages);
  pages.assert_all_held();
}

// --- which pages are dirty ---

// Follows the dirty pages of files between the operations of one actor: an operation that writes leaves the page dirty,
// and only one that writes out, moves or removes pages makes a dirty page clean.
class DirtyPages final : public Witness {
 public:
  explicit DirtyPages(const Program& program) : program_(program) {}
  void program_begins(Machine&) override { before_.clear(); }
  void op_performed(Machine& machine, std::size_t op) override {
    static const KindSet kWriters = kinds_of<MappingOp<MappingVerb::write>, BufferOp<BufferVerb::dirty>>();
    static const KindSet kCleaners =
        kinds_of<FilePagesOp<FilePagesVerb::writeback>, CmaAlloc, AllocRange, Compact, FileOp<FileVerb::truncate>>();
    const std::size_t kind = program_.ops[op].body.index();
    for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
      const Owner& owner = machine.owners.owner(id);
      if (id > before_.size()) before_.push_back({owner.token, false});
      Before& before = before_[id - 1];
      const bool cached = owner.pfn != kNoPfn && owner.kind == PageKind::file;
      const bool dirty = cached && machine.map.page(owner.pfn).has(kPageDirty);
      if (cached && kWriters.test(kind) && owner.token != before.token)
        claim(dirty, fmt::format("the page at {:#x} was written to, and is clean", owner.pfn));
      if (cached && before.dirty && !dirty && !kCleaners.test(kind) && !takes_frames(op))
        claim(false, fmt::format("the page at {:#x} is clean, and was not written out", owner.pfn));
      if (!cached && before.dirty && !kRemovers.test(kind) && !takes_frames(op))
        claim(false, "a dirty page of a file is dropped");
      before = {owner.token, dirty};
    }
  }

 private:
  struct Before {
    std::uint32_t token = 0;
    bool dirty = false;
  };
  static inline const KindSet kRemovers = kinds_of<FileOp<FileVerb::truncate>, FreeOwned, CmaAlloc, AllocRange>();
  // Returns whether the operation has a test device, which takes frames from pages that lie there.
  bool takes_frames(std::size_t op) const {
    Program alone;
    alone.ops.push_back(program_.ops[op]);
    return print(alone).find(" at=") != std::string::npos;
  }

  const Program& program_;
  std::vector<Before> before_;  // by owner
};

// Begins with a file that a process maps, writes to, writes out and writes to again.
void write_again_after_writeback(Random& random, Program& program) {
  Story story(program);
  const OpRef file = story.add(OpenFile{.method = random.chance(50) ? MethodWord::ordered : MethodWord::journalled});
  const OpRef pages = story.add(ReadFile{.file = file, .pages = 1 + random.below(4), .at = {}});
  const OpRef process = story.add(Spawn{});
  const OpRef memory = story.add(MmapShared{.process = process, .pages = pages});
  const auto write = [&] {
    story.add(MappingOp<MappingVerb::write>{.mapping = memory, .from = 0, .pages = 0, .in = {}});
  };
  write();
  story.add(FilePagesOp<FilePagesVerb::writeback>{pages});
  write();
  if (random.chance(50)) story.add(FileOp<FileVerb::drop>{file});
}

PROMISE(ContentPromise, what_was_written_through_a_mapping_is_dirty_until_it_is_written_out,
        {.programs = {.options = {.release = {},
                                  .kinds = kinds_of<OpenFile, ReadFile, Spawn, MmapShared, Fork, ExitProcess, IoDone,
                                                    MappingOp<MappingVerb::write>, MappingOp<MappingVerb::munmap>,
                                                    FilePagesOp<FilePagesVerb::writeback>, FileOp<FileVerb::drop>,
                                                    FileOp<FileVerb::truncate>, BufferOp<BufferVerb::dirty>>()},
                      .faults = false,
                      .interleaved = false,
                      .prepare = write_again_after_writeback},
         .planted = {{Bug::lone_mapper_writable, Release::v3_6},
                     {Bug::lone_mapper_writable, Release::v4_19},
                     {Bug::lone_mapper_writable, Release::v6_12}}}) {
  DirtyPages pages(program);
  run_plainly(program, &pages);
  pages.assert_all_held();
}

// What the kernel knows of each page that an operation has moved, before and after: whether it is locked, and how it
// was used. Operations that only move pages may add to it, and lose nothing. What waits in a pagevec may change it.
class MarksOfPages final : public Witness {
 public:
  explicit MarksOfPages(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    take_down();
  }
  void op_performed(Machine&, std::size_t op) override {
    static const KindSet kMovers = kinds_of<CmaAlloc, AllocRange, Compact>();
    if (kMovers.test(program_.ops[op].body.index())) compare();
    take_down();
  }

 private:
  struct Before {
    Pfn pfn = kNoPfn;
    std::uint32_t marks = 0;
  };

  void compare() {
    for (OwnerId id = 1; id <= before_.size(); ++id) {
      const Before& before = before_[id - 1];
      const Pfn now = machine_->owners.owner(id).pfn;
      if (before.pfn == kNoPfn || now == kNoPfn || now == before.pfn) continue;
      const std::uint32_t lost = before.marks & ~machine_->map.page(now).flags;
      const char* what = (lost & kPageMlocked) != 0 ? "locked" : (lost & kPageActive) != 0 ? "active" : "referenced";
      claim(lost == 0, fmt::format("page {:#x} was {}, and has moved to {:#x}, which is not", before.pfn, what, now));
    }
  }
  void take_down() {
    const Owners& owners = machine_->owners;
    before_.assign(owners.size(), {});
    for (OwnerId id = 1; id <= owners.size(); ++id) {
      const Owner& owner = owners.owner(id);
      if (owner.pfn == kNoPfn || owner.huge != 0) continue;
      const Page& page = machine_->map.page(owner.pfn);
      if (page.pagevecs != 0) continue;
      // A locked page is on no list of active pages: since 5.18 it may go there while it is mapped again.
      std::uint32_t kept = kPageReferenced;
      if (page.has(kPageMlocked))
        kept |= kPageMlocked;
      else if (!page.has(kPageUnevictable))
        kept |= kPageActive;
      before_[id - 1] = {owner.pfn, page.flags & kept};
    }
  }

  const Program& program_;
  Machine* machine_ = nullptr;
  std::vector<Before> before_;  // by owner
};

KindSet kinds_that_mark_pages() {
  return kinds_of<Spawn, MmapAnon, OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>,
                  MappingOp<MappingVerb::mlock>, LruOp<LruVerb::mark_accessed>, DrainOp<DrainKind::lru>, AllocRange,
                  Compact>();
}

// Begins with a page that is active, as programs rarely touch one page twice, and a request that moves it.
void move_an_active_page(Random& random, Program& program) {
  const Geometry& machine = program.machine;
  const Place place = Place::of_pfn(machine.memory.start + random.below(machine.memory.pages() / 4));
  const std::array<OpBody, 6> bodies = {OwnedPages<PageKind::anonymous>{.at = place},
                                        DrainOp<DrainKind::lru>{},
                                        LruOp<LruVerb::mark_accessed>{.page = place},
                                        LruOp<LruVerb::mark_accessed>{.page = place},
                                        DrainOp<DrainKind::lru>{},
                                        AllocRange{.at = place}};
  Story story(program);
  for (const OpBody& body : bodies) story.add(body);
}

PROMISE(ContentPromise, a_page_that_moves_stays_locked_active_and_referenced,
        {.programs = {.options = {.min_ops = 20, .release = {}, .kinds = kinds_that_mark_pages(), .compaction = true},
                      .faults = false,
                      .interleaved = false,
                      .prepare = move_an_active_page},
         .planted = {{Bug::move_unlocks, Release::v4_19},
                     {Bug::move_unlocks, Release::v6_1},
                     Bug::move_deactivates,
                     Bug::move_unreferences}}) {
  MarksOfPages marks(program);
  run_plainly(program, &marks);
  marks.assert_all_held();
}

// Makes requests that would not stop do so when they have unmapped a page that they are about to move, and the process
// that was made last fork meanwhile.
Program with_forks_during_moves(Program program) {
  std::vector<Op> ops;
  OpId process = 0;
  for (Op& op : program.ops) {
    if (op.body.index() == kind_of<Spawn>()) process = op.id;
    const bool moves = op.body.index() == kind_of<CmaAlloc>() && !op.until.wanted() && process != 0;
    if (moves) op.until = {Point::migrate_unmapped, 1};
    ops.push_back(op);
    if (!moves) continue;
    const Performer other = Performer::on_cpu(op.performer == Performer::on_cpu(0) ? 1 : 0);
    ops.push_back({.id = 0, .performer = other, .until = {}, .body = Fork{{process}}});
  }
  program.ops = std::move(ops);
  program.settle();
  return program;
}

PROMISE(ContentPromise, a_private_page_is_written_to_by_one_process_alone,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<Spawn, MmapAnon, MappingOp<MappingVerb::write>, Fork, Resume>()}},
         .planted = {Bug::fork_entry_writable}}) {
  assert_laws_hold(with_forks_during_moves(program), {Law::content});
}

// Looks where buffer heads are: under the page that they were read into, with its data, for as long as they are held.
class PlacesOfBuffers final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    held_.clear();
  }
  void buffer_held(BufferId id) override { ++held_[id]; }
  void buffer_letting_go(BufferId id) override { --held_[id]; }
  void control_changes(Machine&) override { look(); }
  void op_performed(Machine&, std::size_t) override { look(); }
  void program_ended(Machine&) override { look(); }

  void look() {
    for (OwnerId id = 1; id <= machine_->owners.size(); ++id) {
      const Owner& owner = machine_->owners.owner(id);
      if (owner.buffer != 0) look_at(owner, machine_->buffers.buffer(owner.buffer).pfn);
    }
  }

 private:
  void look_at(const Owner& owner, Pfn under) {
    claim(under != kNoPfn || held_[owner.buffer] == 0, "a buffer is freed while the program holds it");
    if (under == kNoPfn) return;
    const Page& page = machine_->map.page(under);
    claim(page.has(kPagePrivate) && page.token == owner.token,
          fmt::format("a buffer is under page {:#x}, which has other data than it was read into", under));
    const bool follows_later = machine_->release() < Release::v5_0 && !machine_->engine.at_rest();
    if (owner.pfn == kNoPfn || follows_later) return;
    claim(under == owner.pfn, fmt::format("the buffer of the page at {:#x} is under {:#x}", owner.pfn, under));
  }

  Machine* machine_ = nullptr;
  std::map<BufferId, int> held_;
};

KindSet kinds_of_files() {
  return kinds_of<OpenFile, ReadFile, BufferRead, FileOp<FileVerb::truncate>, FileOp<FileVerb::drop>,
                  FileOp<FileVerb::commit>, FilePagesOp<FilePagesVerb::writeback>, FilePagesOp<FilePagesVerb::journal>,
                  OwnedPages<PageKind::block_device>, BufferOp<BufferVerb::touch>, BufferOp<BufferVerb::hold>,
                  BufferOp<BufferVerb::put>, BufferOp<BufferVerb::dirty>, FreeOwned, IoDone, AllocRange, Compact>();
}

PROMISE(ContentPromise, a_buffer_head_stays_under_the_page_that_it_was_read_into,
        {.programs = {.options = {.release = {}, .kinds = kinds_of_files(), .compaction = true}},
         .planted = {Bug::buffer_stays_behind}}) {
  PlacesOfBuffers places;
  run_checked(program, &places);
  places.assert_all_held();
}

PROMISE(ContentPromise, a_page_that_was_written_to_stays_dirty_until_it_is_written_out,
        {.programs = {.options = {.release = {}, .kinds = kinds_of_files(), .compaction = true}},
         .planted = {Bug::move_forgets_dirty}}) {
  assert_laws_hold(program, {Law::content});
}

// The rest of what an owner, a mapping and a reference must find, inside operations as well.
PROMISE(ContentPromise, mappings_references_and_buffer_counts_are_exact, {.planted = {Bug::data_left_behind}}) {
  assert_laws_hold(program, {Law::content});
}

}  // namespace
}  // namespace cma
