// Promise: reclaim frees what nothing needs, and nothing else.
//
// One actor performs all operations, so that what an operation finds is what was there before it.

#include <algorithm>

#include <fmt/format.h>

#include "allocator/base/gfp.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Looks at the machine before and after each operation of reclaim.
class Reclaims : public Witness {
 public:
  explicit Reclaims(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    look(0);
  }
  void op_performed(Machine&, std::size_t op) override {
    const Result& result = last_plain_run().world().result(static_cast<Slot>(op));
    const bool ended = result.state == Result::State::done || result.state == Result::State::failed;
    const bool kswapd = std::holds_alternative<RunKswapd>(program_.ops[op].body);
    // kswapd sleeps before it ends, a request only where it is throttled.
    if (ended || (kswapd && result.state == Result::State::inside)) judge(program_.ops[op]);
    look(op + 1);
  }

 protected:
  virtual void before(const Op& op) = 0;
  virtual void judge(const Op& op) = 0;

  const Machine& machine() const { return *machine_; }
  // Returns whether the page is one of a file, in its cache.
  bool is_cached_file_page(Pfn pfn) const {
    const OwnerId id = machine_->map.page(pfn).owner;
    return id != 0 && is_file(machine_->owners.owner(id).kind) && machine_->owners.owner(id).pfn == pfn;
  }

 private:
  void look(std::size_t op) {
    if (machine_->booted() && op < program_.ops.size()) before(program_.ops[op]);
  }

  const Program& program_;
  Machine* machine_ = nullptr;
};

KindSet kinds_that_cache() {
  return kinds_of<OpenFile, ReadFile, BufferRead, FileOp<FileVerb::truncate>, FileOp<FileVerb::drop>,
                  FilePagesOp<FilePagesVerb::writeback>, OwnedPages<PageKind::block_device>, BufferOp<BufferVerb::hold>,
                  BufferOp<BufferVerb::put>, BufferOp<BufferVerb::dirty>, Pin, Unpin, GetPage, PutPage, FreeOwned,
                  IoDone, LruOp<LruVerb::mark_accessed>, Spawn, MmapShared, MappingOp<MappingVerb::write>,
                  MappingOp<MappingVerb::munmap>, DrainOp<DrainKind::lru>, DirectReclaim, RunKswapd>();
}

Programs with_reclaim() {
  Programs programs;
  programs.options.min_ops = 20;
  programs.options.kinds = kinds_that_cache();
  programs.options.reclaim = true;
  programs.faults = false;
  programs.interleaved = false;
  return programs;
}

// --- completeness ---

// Takes down which clean pages of the inactive file list nothing uses or holds.
class FullReclaims final : public Reclaims {
 public:
  using Reclaims::Reclaims;

 private:
  void before(const Op& op) override {
    unused_.clear();
    const auto* reclaim = std::get_if<DirectReclaim>(&op.body);
    // Releases from 4.8 to 4.10 leave alone a list that is shorter than a batch.
    const bool leaves_short = machine().release() >= Release::v4_8 && machine().release() < Release::v4_11;
    if (reclaim == nullptr || leaves_short || reclaim->order > 3) return;
    const LruLists& lists = machine().lru.lists();
    const std::uint64_t pages = lists.size(LruList::inactive_file) + lists.size(LruList::active_file);
    if (reclaim->pages <= pages + parked()) return;
    const ZoneList zonelist = machine().buddy.zonelist(kGfpKernel);
    for (Frame frame = lists.list(LruList::inactive_file).first; frame != kNil; frame = machine().map.at(frame).next) {
      const Pfn pfn = machine().map.pfn(frame);
      const bool may_use = std::ranges::any_of(
          zonelist, [&](const ZoneList::Entry& entry) { return entry.zone == machine().map.page(pfn).zone; });
      if (may_use && is_unused(pfn)) unused_.push_back(machine().map.page(pfn).owner);
    }
  }
  void judge(const Op&) override {
    for (const OwnerId id : unused_)
      claim(machine().owners.released(id), fmt::format("a full reclaim keeps a clean unused page, of owner {}", id));
  }

  std::size_t parked() const {
    std::size_t pages = 0;
    for (int cpu = 0; cpu < machine().engine.cpus(); ++cpu) pages += machine().lru.drain().parked(cpu);
    return pages;
  }
  // Returns whether nothing but its cache and an idle buffer refers to the page, and it is clean.
  bool is_unused(Pfn pfn) const {
    const Page& page = machine().map.page(pfn);
    if (page.has(kPageDirty | kPageWriteback | kPageLocked | kPageMlocked) || page.map != 0) return false;
    if (!is_cached_file_page(pfn)) return false;
    const BufferId buffer = machine().owners.owner(page.owner).buffer;
    if (buffer != 0 && machine().buffers.busy(buffer)) return false;
    return page.ref == (buffer != 0 ? 2 : 1);
  }

  std::vector<OwnerId> unused_;
};

PROMISE(ReclaimPromise, leaves_no_clean_page_that_nothing_uses_or_holds,
        {.programs = with_reclaim(), .planted = {Bug::reclaim_spares_clean}}) {
  FullReclaims reclaims(program);
  run_plainly(program, &reclaims);
  reclaims.assert_all_held();
}

// --- soundness ---

// Takes down which pages of files are dirty, or have other references than those of cache, ptes, buffer and pagevecs.
class KeptPages final : public Reclaims {
 public:
  using Reclaims::Reclaims;

 private:
  struct Kept {
    OwnerId owner;
    Pfn pfn;
    const char* why;
  };
  void before(const Op& op) override {
    kept_.clear();
    if (!std::holds_alternative<DirectReclaim>(op.body) && !std::holds_alternative<RunKswapd>(op.body)) return;
    const PfnRange& memory = machine().map.range();
    for (Pfn pfn = memory.start; pfn < memory.end; ++pfn) {
      if (!machine().map.present(pfn) || !is_cached_file_page(pfn)) continue;
      const Page& page = machine().map.page(pfn);
      const Owner& owner = machine().owners.owner(page.owner);
      const int own = Owners::own_references(owner) + page.pagevecs + (owner.buffer != 0 ? 1 : 0);
      if (page.ref > own) kept_.push_back({page.owner, pfn, "is held by others"});
      // kswapd may write a dirty page, and then drop it.
      const bool may_be_written = std::holds_alternative<RunKswapd>(op.body);
      if (page.has(kPageDirty) && !may_be_written) kept_.push_back({page.owner, pfn, "is dirty"});
      if (page.has(kPageWriteback)) kept_.push_back({page.owner, pfn, "is being written"});
    }
  }
  void judge(const Op&) override {
    for (const Kept& page : kept_)
      claim(machine().owners.owner(page.owner).pfn == page.pfn,
            fmt::format("reclaim drops page {:#x}, which {}", page.pfn, page.why));
  }

  std::vector<Kept> kept_;
};

PROMISE(ReclaimPromise, drops_no_page_that_is_held_or_dirty_or_being_written,
        {.programs = with_reclaim(), .planted = {Bug::reclaim_drops_held}}) {
  KeptPages kept(program);
  run_plainly(program, &kept);
  kept.assert_all_held();
}

Programs with_reclaim_among_others() {
  Programs programs = with_reclaim();
  programs.faults = true;
  programs.interleaved = true;
  return programs;
}

// What reclaim drops is no one's any more, and what it keeps is as it was: the laws say so of every page and counter,
// at every point where others can run.
PROMISE(ReclaimPromise, obeys_the_laws_among_others,
        {.programs = with_reclaim_among_others(), .planted = {Bug::reclaim_drops_held}}) {
  assert_laws_hold(program, {Law::content, Law::exclusive, Law::lists, Law::counters, Law::conserved});
}

// --- kswapd ---

// Looks at each node whose kswapd finds no more to do.
class Balanced final : public Reclaims {
 public:
  using Reclaims::Reclaims;

 private:
  void before(const Op&) override {}
  void judge(const Op& op) override {
    const auto* kswapd = std::get_if<RunKswapd>(&op.body);
    // It has done all when it dozes off; it may also sleep in between.
    if (kswapd == nullptr || !machine().reclaim.kswapd().dozing(static_cast<unsigned>(kswapd->node))) return;
    std::size_t ceiling = 0;
    std::size_t first = kNone;
    for (std::size_t zone = 0; zone < machine().buddy.zones(); ++zone) {
      if (machine().buddy.zone(zone).node != kswapd->node) continue;
      first = std::min(first, zone);
      ceiling = zone;
    }
    bool enough = machine().reclaim.lruvecs().state({first}).kswapd_failures >= kMaxReclaimRetries;
    for (std::size_t zone = first; zone <= ceiling; ++zone) enough = enough || has_enough(zone, ceiling);
    claim(enough, fmt::format("kswapd of node {} sleeps though no zone has enough free pages", kswapd->node));
  }
  // Returns whether more is free outside areas and reserves than the high watermark and the lowmem reserve.
  bool has_enough(std::size_t index, std::size_t ceiling) const {
    const Zone& zone = machine().buddy.zone(index);
    const std::int64_t usable =
        zone.nr_free_pages - zone.nr_free_cma - static_cast<std::int64_t>(zone.nr_reserved_highatomic);
    const std::uint64_t kept = Watermarks::watermark(zone, Watermark::high) + zone.lowmem_reserve[ceiling];
    return zone.managed == 0 || usable > static_cast<std::int64_t>(kept) || zone.nr_reserved_highatomic != 0;
  }

  static constexpr std::size_t kNone = ~std::size_t{0};
};

// Fills ordinary memory with pages of the kernel, but for a few of a file, before the program goes on. Areas stay free.
void fill_memory(Random& random, Program& program) {
  Story story(program);
  const OpRef file = story.add(OpenFile{});
  story.add(ReadFile{.file = file, .from = 0, .pages = 1 + random.below(64), .at = {}, .readahead = false});
  OwnedPages<PageKind::unmovable> kernel;
  kernel.pages = program.machine.memory.pages();
  story.add(kernel);
  story.add(DrainOp<DrainKind::everything>{});
  story.add(RunKswapd{});
}

Programs with_full_memory() {
  Programs programs = with_reclaim();
  programs.options.min_ops = 1;
  programs.options.max_ops = 8;
  programs.options.shapes = false;
  programs.prepare = fill_memory;
  return programs;
}

PROMISE(ReclaimPromise, leaves_a_balanced_node_to_sleep,
        {.programs = with_full_memory(), .planted = {{Bug::kswapd_counts_areas, Release::v6_1}}}) {
  Balanced balanced(program);
  run_plainly(program, &balanced);
  balanced.assert_all_held();
}

}  // namespace
}  // namespace cma
