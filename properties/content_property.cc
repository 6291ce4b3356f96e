// Promise: data follows its page.
//
// The kernel's exceptions. Memory that its process gave up (MADV_FREE) may be dropped until it is written to again, and
// so may clean pages of files: who maps such a page finds none, never another's. Up to 4.20 a buffer head follows its
// page only after the page has moved, so the two may be apart while a migration is under way.

#include <map>
#include <tuple>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

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

// Returns whether pages may be dropped whose process gave them up.
bool gives_memory_up(const Program& program) {
  for (const Op& op : program.ops)
    if (op.body.index() == kind_of<MappingOp<MappingVerb::madv_free>>()) return true;
  return false;
}

// What each owner has written, and what each process finds: taken down while operations may change it, and compared
// while none may.
class WhatWasWritten final : public Witness {
 public:
  explicit WhatWasWritten(const Program& program) : program_(program), may_vanish_(gives_memory_up(program)) {}
  void program_begins(Machine& machine) override { machine_ = &machine; }
  void control_changes(Machine&) override { everyone_finds_their_page(); }
  void op_performed(Machine&, std::size_t op) override {
    look(inside_writes_ || writes(program_.ops[op]), inside_changes_ || changes_mappings(program_.ops[op]));
    inside_writes_ = any_inside(op, writes);
    inside_changes_ = any_inside(op, changes_mappings);
  }
  void program_ended(Machine&) override { look(inside_writes_, inside_changes_); }

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
  using Address = std::tuple<SpaceId, MappingId, std::uint64_t>;

  void look(bool data_may_change, bool mappings_may_change) {
    everyone_finds_their_page();
    compare_data(data_may_change);
    compare_mappings(mappings_may_change);
  }
  void compare_data(bool may_change) {
    const Owners& owners = machine_->owners;
    for (OwnerId id = 1; id <= owners.size(); ++id) {
      const std::uint32_t data = owners.owner(id).token;
      if (id > data_.size()) data_.push_back(data);
      claim(may_change || data == data_[id - 1], fmt::format("the data of owner {} changed, and nothing wrote", id));
      data_[id - 1] = data;
    }
  }
  void compare_mappings(bool may_change) {
    const Processes& processes = machine_->processes;
    for (SpaceId space = 0; space < processes.count(); ++space)
      for (MappingId mapping = 0; processes.has_mapping(space, mapping); ++mapping)
        for (std::uint64_t page = 0; page < processes.pages_of(space, mapping); ++page) {
          const OwnerId now = processes.page_at(space, mapping, page);
          OwnerId& before = found_[{space, mapping, page}];
          const bool dropped = now == 0 && (may_vanish_ || processes.is_shared(space, mapping));
          claim(may_change || dropped || now == before,
                fmt::format("process {} finds another page at page {} of mapping {}", space, page, mapping));
          before = now;
        }
  }
  // Returns whether one of the operations up to `last` is of these, and has not ended.
  template <class Kind>
  bool any_inside(std::size_t last, Kind kind) const {
    for (std::size_t op = 0; op <= last; ++op)
      if (kind(program_.ops[op]) && last_run().world().result(static_cast<Slot>(op)).state == Result::State::inside)
        return true;
    return false;
  }

  const Program& program_;
  bool may_vanish_;
  Machine* machine_ = nullptr;
  bool inside_writes_ = false;
  bool inside_changes_ = false;
  std::vector<std::uint32_t> data_;  // by owner
  std::map<Address, OwnerId> found_;
};

PROMISE(ContentPromise, what_was_written_is_found_wherever_its_page_has_moved, {.planted = {Bug::data_left_behind}}) {
  WhatWasWritten written(program);
  run_checked(program, &written);
  written.everyone_finds_their_page();
  written.assert_all_held();
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
        {.programs = {.options = {.kinds = kinds_of_files(), .compaction = true}},
         .planted = {Bug::buffer_stays_behind}}) {
  PlacesOfBuffers places;
  run_checked(program, &places);
  places.assert_all_held();
}

// The rest of what an owner, a mapping and a reference must find, inside operations as well.
PROMISE(ContentPromise, mappings_references_and_buffer_counts_are_exact, {.planted = {Bug::data_left_behind}}) {
  assert_laws_hold(program, {Law::content});
}

}  // namespace
}  // namespace cma
