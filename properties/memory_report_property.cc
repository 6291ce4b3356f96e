// Promise: the report of a request for pages that fails is printed for each such request that a kernel fails, names it,
// and has the figures that a recount of the machine finds.

#include <array>
#include <map>

#include <fmt/format.h>

#include "allocator/reports/gather.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// --- which requests are reported ---

// Requests of all kinds, where watermarks are near what is free; each that fails may be reported. Those of a task that
// reclaims, or that the OOM killer has chosen, fail whatever their flags say: reports_test.cc has them.
Programs asking_for_scarce_memory() {
  Programs programs;
  programs.options.kinds = kinds_of<AllocPages, AllocGfp, FreePages, OwnedPages<PageKind::anonymous>, FreeOwned, Spawn,
                                    MmapAnon, DrainOp<DrainKind::pages>>();
  programs.options.min_ops = 60;
  programs.scarce = true;
  programs.killing = false;
  programs.prepare = [](Random&, Program& program) {
    program.machine.rate_limits = false;
    for (Op& op : program.ops)
      if (!forbids_fs(op.scope)) op.scope = ReclaimScope::none;
  };
  return programs;
}

// Compares the warnings before the tracepoint of each request with its flags.
class Warnings final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine.trace.set_page_events(true);
    first_ = machine.trace.records().size();
  }
  void program_ended(Machine& machine) override {
    // Others may run while a report is printed: warnings are those of their actor.
    std::map<ActorId, std::vector<std::string>> warnings;
    const std::vector<Record>& records = machine.trace.records();
    for (std::size_t i = first_; i < records.size(); ++i) {
      const std::string line = records[i].event == Event::log_memory ? machine.trace.format(records[i]) : "";
      if (line.find("page allocation failure: order:") != std::string::npos) warnings[records[i].actor].push_back(line);
      if (records[i].event != Event::mm_page_alloc) continue;
      compare(machine, records[i], warnings[records[i].actor]);
      warnings[records[i].actor].clear();
    }
  }

 private:
  // Documentation/core-api/memory-allocation.rst: small requests that may wait do not fail, unless they state so or are
  // for memory that no process can be killed for; __GFP_NOWARN asks for silence.
  static bool is_reported(const Machine& machine, Gfp gfp, std::uint64_t order) {
    const Release release = machine.release();
    bool has_dma = false;
    bool has_dma32 = false;
    for (const ZoneSpec& zone : machine.geometry().effective_zones()) {
      has_dma = has_dma || zone.name == "DMA";
      has_dma32 = has_dma32 || zone.name == "DMA32";
    }
    if ((gfp & kGfpNowarn) != 0 || ((gfp & kGfpDma) != 0 && !has_dma && release >= Release::v5_10)) return false;
    if ((gfp & kGfpDirectReclaim) == 0) return true;
    if ((gfp & kGfpNofail) != 0) return false;
    const bool may_fail = (gfp & kGfpNoretry) != 0 || ((gfp & kGfpRetryMayfail) != 0 && release >= Release::v4_13);
    if (may_fail || order > 3) return true;
    const bool low = ((gfp & kGfpDma) != 0 && has_dma) || ((gfp & (kGfpDma | kGfpDma32)) == kGfpDma32 && has_dma32);
    if (release < Release::v3_19) return low && (gfp & kGfpFs) != 0;
    return low || (gfp & kGfpThisnode) != 0;
  }

  void compare(const Machine& machine, const Record& request, const std::vector<std::string>& warnings) {
    auto gfp = static_cast<Gfp>(request.d);
    if ((gfp & kGfpDirectReclaim) != 0) gfp &= ~Gfp{kGfpAtomicBit};
    const bool reported = request.a == kNoPfn && is_reported(machine, gfp, request.b);
    const std::string named = fmt::format("order:{}, mode:{:#x}", request.b, gfp_value(gfp, machine.release()));
    claim(warnings.size() == (reported ? 1U : 0U),
          fmt::format("a request of {} {} has {} warnings", named,
                      request.a == kNoPfn ? "that fails" : "that is served", warnings.size()));
    for (const std::string& line : warnings)
      claim(line.find(named) != std::string::npos, fmt::format("\"{}\" is printed for {}", line, named));
  }

  std::size_t first_ = 0;
};

PROMISE(MemoryReportPromise, names_each_request_that_a_kernel_fails_and_no_other,
        {.programs = asking_for_scarce_memory(),
         .planted = {{Bug::nowarn_ignored, Release::v3_6},
                     {Bug::nowarn_ignored, Release::v6_12},
                     {Bug::costly_failure_silent, Release::v4_19}}}) {
  Warnings warnings;
  run_plainly(program, &warnings);
  warnings.assert_all_held();
}

// --- figures ---

// Counts again, page by page and list by list, after each operation.
class Recount final : public Witness {
 public:
  void op_performed(Machine& machine, std::size_t) override {
    if (!machine.booted()) return;
    const MemoryFigures figures = machine.reports.figures();
    for (std::size_t z = 0; z < figures.zones.size(); ++z) compare_blocks(machine, z, figures.zones[z]);
    compare_lists(machine, figures);
    compare_caches(machine, figures);
  }

 private:
  void equal(std::string_view what, std::uint64_t printed, std::uint64_t counted) {
    claim(printed == counted, fmt::format("{} is {}, and {} are counted", what, printed, counted));
  }

  void compare_blocks(const Machine& machine, std::size_t z, const ZoneFigures& zone) {
    std::array<std::uint64_t, kOrderLimit> blocks{};
    std::array<std::uint8_t, kOrderLimit> types{};
    std::uint64_t free = 0;
    std::uint64_t of_areas = 0;
    std::uint64_t per_cpu = 0;
    for (const Page& page : machine.map.pages()) {
      if (page.zone != z || page.has(kPageHole)) continue;
      if (page.has(kPagePcp)) per_cpu += order_pages(page.order);
      if (!page.has(kPageBuddy)) continue;
      ++blocks[page.order];
      types[page.order] |= static_cast<std::uint8_t>(1U << index_of(page.list_type));
      free += page.list_type == Migratetype::isolate ? 0 : order_pages(page.order);
      of_areas += page.list_type == Migratetype::cma ? order_pages(page.order) : 0;
    }
    equal(zone.name + " free", zone.pages.free, free);
    equal(zone.name + " free_cma", zone.pages.free_cma, of_areas);
    equal(zone.name + " free_pcp", zone.pages.free_pcp, per_cpu);
    for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order) {
      equal(fmt::format("{} blocks of order {}", zone.name, order), zone.blocks[order], blocks[order]);
      equal(fmt::format("{} types of order {}", zone.name, order), zone.types[order], types[order]);
    }
  }

  void compare_lists(const Machine& machine, const MemoryFigures& figures) {
    const LruLists& lists = machine.lru.lists();
    equal("active_anon", figures.pages.active_anon, lists.size(LruList::active_anon));
    equal("inactive_anon", figures.pages.inactive_anon, lists.size(LruList::inactive_anon));
    equal("active_file", figures.pages.active_file, lists.size(LruList::active_file));
    equal("inactive_file", figures.pages.inactive_file, lists.size(LruList::inactive_file));
    equal("unevictable", figures.pages.unevictable, lists.size(LruList::unevictable));
    equal("isolated_anon", figures.pages.isolated_anon, static_cast<std::uint64_t>(lists.isolated_anon()));
    equal("isolated_file", figures.pages.isolated_file, static_cast<std::uint64_t>(lists.isolated_file()));
    equal("writeback", figures.pages.writeback, machine.writebacks.held());
    std::uint64_t free_huge_pages = 0;
    std::uint64_t isolated = 0;
    for (const NodeFigures& node : figures.nodes) {
      free_huge_pages += node.hugepages_free;
      isolated += node.pages.isolated_anon + node.pages.isolated_file;
    }
    equal("isolated on all nodes", isolated, figures.pages.isolated_anon + figures.pages.isolated_file);
    if (machine.engine.at_rest()) equal("isolated while no task is inside the kernel", isolated, 0);
    if (machine.engine.at_rest()) equal("hugepages_free", free_huge_pages, machine.hugetlb.free_pages());
  }

  void compare_kernel_pages(const Machine& machine, const MemoryFigures& figures) {
    std::map<KernelUse, std::uint64_t> pages;
    for (OwnerId id = 1; id <= machine.owners.size(); ++id)
      if (!machine.owners.released(id)) ++pages[machine.owners.owner(id).use];
    equal("slab_unreclaimable", figures.pages.slab_unreclaimable, pages[KernelUse::slab]);
    equal("slab_reclaimable", figures.pages.slab_reclaimable, pages[KernelUse::reclaimable_slab]);
    equal("pagetables", figures.pages.pagetables, pages[KernelUse::page_table]);
    equal("kernel_stack", figures.pages.kernel_stack_kb, pages[KernelUse::stack] * machine.geometry().page_size / 1024);
  }

  // From the files' side: which page each of them has at which index.
  void compare_caches(const Machine& machine, const MemoryFigures& figures) {
    std::uint64_t cached = 0;
    std::uint64_t dirty = 0;
    for (FileId file = 1; file <= machine.files.count(); ++file)
      for (std::uint64_t index = 0; index < machine.files.size(file); ++index) {
        const OwnerId page = machine.files.cached(file, index);
        if (page == 0) continue;
        ++cached;
        dirty += machine.map.page(machine.owners.owner(page).pfn).has(kPageDirty) ? 1 : 0;
      }
    for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
      const Owner& owner = machine.owners.owner(id);
      const bool of_program = owner.kind == PageKind::shmem || owner.kind == PageKind::block_device;
      if (!of_program || owner.pfn == kNoPfn) continue;
      ++cached;
      dirty += owner.kind == PageKind::block_device && machine.map.page(owner.pfn).has(kPageDirty) ? 1 : 0;
    }
    equal("pagecache", figures.pages.cached, cached);
    compare_kernel_pages(machine, figures);
    equal("dirty", figures.pages.dirty, dirty);
  }
};

PROMISE(MemoryReportPromise, has_the_figures_of_a_recount,
        {.planted = {Bug::report_counts_isolated, Bug::report_hides_areas}}) {
  Recount recount;
  run_plainly(program, &recount);
  recount.assert_all_held();
}

Programs dropping_pages() {
  Programs programs;
  programs.options.min_ops = 20;
  programs.options.reclaim = true;
  return programs;
}

PROMISE(MemoryReportPromise, has_the_figures_of_a_recount_while_pages_are_dropped,
        {.programs = dropping_pages(), .planted = {Bug::dropped_stays_isolated}}) {
  Recount recount;
  run_plainly(program, &recount);
  recount.assert_all_held();
}

}  // namespace
}  // namespace cma
