#include "properties/laws/catalogue.h"

#include <array>

#include <fmt/format.h>

namespace cma {
namespace {

constexpr auto kLaws = std::to_array<LawInfo>({
    {Law::exclusive,
     "A page that is handed out has no other holder. No page that a program holds, and no free block, lies inside a "
     "free block or inside a block on a per-CPU list.",
     "never", "when buffers, blocks, ranges and owned pages are handed out; by each audit"},
    {Law::conserved,
     "Every page is in exactly one state: free, on a per-CPU list, in use, in flight, reserved, or leaked with a "
     "report in the log. The states add up to what the zone manages, and every page in use is accounted for. Reserved "
     "are the frames that boot keeps: since 5.12 an area that could not be activated gives all of its frames to the "
     "allocator, before it keeps those of the pageblocks that it has not given.",
     "while an actor is inside an operation its task may hold pages that the program does not know of, in flight, on "
     "the task's list or in use: captured pages, migration targets, pages being freed",
     "by each audit"},
    {Law::lists,
     "Every free block is aligned, lies in one zone and is linked once, into the list of its order and type. The "
     "types of list and pageblock agree where either is CMA or Isolate (since 6.10: always). Free buddies have "
     "merged. Per-CPU and LRU lists hold only pages that belong there, and a page of an area is cached as one.",
     "while an actor is inside an operation, two free buddies of at least pageblock order may stay apart if one or "
     "both are Isolate; up to 6.9 a block of an Isolate pageblock may also be on the CMA list (one pageblock of "
     "several was given back first), and a block may cover CMA and Isolate pageblocks. Since 5.18, always: such "
     "buddies may stay apart if their types differ and one is not Unmovable, Movable or Reclaimable",
     "by each audit; rings that no list leads to by total audits only"},
    {Law::counters,
     "nr_free_pages, nr_free_cma, nr_free of each order, nr_isolate_pageblock, per-CPU counts, LRU sizes, "
     "NR_ISOLATED_* and NR_MLOCK equal a recount. nr_reserved_highatomic equals the pages of HighAtomic pageblocks, "
     "and grows to 1 % of the zone at most (up to 6.7 to a pageblock more).",
     "pagevec slots may be fewer than the references they hold while a drain is under way; nr_reserved_highatomic "
     "still counts a HighAtomic pageblock that an isolation has made another type, and up to 5.17 one that was claimed "
     "with a free block that begins in another pageblock, and up to 6.9 a pageblock of two zones that the one has "
     "reserved and the other given up, as the kernel does",
     "by each audit"},
    {Law::bitmap, "The bits set in an area's bitmap are those of its live buffers, rounded up to whole bits.",
     "while an actor is inside an operation more bits may be set: those of releases that have not ended, and one "
     "window for each request; with a single request they must be exactly one window",
     "by each audit"},
    {Law::contract,
     "A buffer lies in its area, begins at a bit and at a multiple of 2^align, and has the size asked for. "
     "Each of its pages has one reference, no mapping and no flag, and is on no list. A failure reports "
     "ENOMEM, EBUSY or EINTR.",
     "references that programs took on a page before it was handed out come on top; since 6.9, and in 5.15, 6.1 "
     "and 6.6, buffers of an area that begins inside a bit lie as much higher",
     "when buffers, blocks and ranges are handed out; when an undisturbed cma_alloc fails and logs its error code"},
    {Law::complete,
     "A cma_alloc that has the machine to itself succeeds if one of the windows that its sweep reaches consists of "
     "pages that are free or certain to migrate, with targets for these and for all windows before it. A cma_alloc "
     "that failed while other actors were inside operations is made once more after all of them have ended, and then "
     "has the machine to itself.",
     "not decided when another actor was inside an operation, a fatal signal was pending, free memory outside the "
     "isolated unit might not be enough, or (since 5.19) a compound page crosses a pageblock's end",
     "when an undisturbed cma_alloc fails; at the end of a program in which a disturbed one failed"},
    {Law::bounded,
     "Every operation ends within a number of steps computed from the machine, loops take no more turns from one step "
     "to the next than the machine's size allows, and no loop goes on while nothing changes.",
     "never", "by the engine and the interpreter"},
    {Law::restored,
     "The pageblocks of an area are CMA or Isolate, all others not CMA. A pageblock that an actor has isolated stays "
     "Isolate until that "
     "actor gives it back, and no other actor isolates it meanwhile. When no actor is inside an operation, no "
     "pageblock is Isolate.",
     "while an actor is inside an operation pageblocks may be Isolate", "by each audit"},
    {Law::policy,
     "No page of an area goes to a request that is not movable, since 5.1 to any request of a task that pins for the "
     "long term, nor to a caller that asked for a range. The lists of the reserve for atomic requests, as which up to "
     "6.2 those of real-time tasks count, serve no other request but, since 6.0, a victim of the OOM killer that finds "
     "nothing else. A block that only an atomic request could get adds its pageblock until the reserve has its size. "
     "Since 5.1 no page of an area, since 5.13 none of a Movable zone, and since 5.19 none of a range that is being "
     "emptied is pinned for the long term.",
     "pages of the reserve that wait on a per-CPU list serve movable requests, as in the kernel",
     "when pages, ranges and pins are handed out"},
    {Law::locks,
     "No deadlock, no lock taken twice, no waiting under a spinlock. When no actor is inside an operation, no mutex, "
     "page lock or buffer lock is held.",
     "while an actor is inside an operation locks may be held",
     "by the engine and the interpreter; by each audit at rest"},
    {Law::content,
     "An owner's page carries its owner's data, wherever it has moved. Mappings and references are exact. A block is "
     "handed out with one reference on its first page and none on the others. The count of a buffer head is what "
     "slots, programs and journals hold. A buffer moves with its page, so that one in use is never under another. The "
     "page of a dirty buffer is dirty. Private memory that several processes map is writable for none.",
     "while an actor is inside an operation a page may have more references than are accounted for, never fewer, "
     "an owner may be about to appear or to go, and a buffer to follow its page; clean pages of files may be dropped",
     "by each audit; when blocks are handed out"},
    {Law::balanced, "When no actor is inside an operation, the LRU caches are enabled.",
     "while an actor is inside an operation", "by each audit at rest"},
    {Law::views,
     "The files of areas, /proc/buddyinfo, /proc/pagetypeinfo and /proc/zoneinfo read as a recount does. An area's "
     "totals of successes, failures and releases count each call once.",
     "the total of released pages is compared at rest only", "totals by each audit; files when a program reads them"},
    {Law::hints,
     "Without a compaction no pageblock has a skip bit and no scanner has a position: contiguous ranges leave neither.",
     "not checked from 5.1 to 6.2, where a contiguous range sets the skip bit of a pageblock in which it found "
     "nothing to take, as these kernels do",
     "by each audit at rest"},
    {Law::granted,
     "A request for pages is granted exactly if a zone has a block for it and stays above its watermark, by the "
     "release's arithmetic of watermarks, reserves, pages of areas, orders and the rights of its task; the first such "
     "zone serves it. Since 5.1, where DMA32 is below Normal, one of its node that need not mix types in a pageblock "
     "comes first.",
     "never", "at each request, inside operations too"},
    {Law::sound, "No assertion of the model fails.", "never", "by the model, everywhere"},
    {Law::expect, "What the program expects comes true.", "never", "by the program's own expectations"},
});

constexpr auto kChecks = std::to_array<LawCheck>({
    {Law::exclusive, "Laws::check_taken_page", "properties/laws/laws.cc"},
    {Law::exclusive, "Laws::pages_allocated", "properties/laws/laws.cc"},
    {Law::exclusive, "Laws::owner_adopted", "properties/laws/laws.cc"},
    {Law::exclusive, "AuditWalk::walk_reserved", "properties/laws/audit_walk.cc"},
    {Law::exclusive, "PageChecks::check_tails", "properties/laws/audit_huge.cc"},
    {Law::exclusive, "PageChecks::walk_pool_page", "properties/laws/audit_huge.cc"},
    {Law::exclusive, "PageChecks::dirty_interior", "properties/laws/audit_pages.cc"},
    {Law::conserved, "AuditWalk::walk_head", "properties/laws/audit_walk.cc"},
    {Law::conserved, "AuditWalk::walk_reserved", "properties/laws/audit_walk.cc"},
    {Law::conserved, "AuditWalk::walk_in_flight", "properties/laws/audit_walk.cc"},
    {Law::conserved, "AuditWalk::walk_in_use", "properties/laws/audit_walk.cc"},
    {Law::conserved, "SumChecks::compare_zone", "properties/laws/audit_counters.cc"},
    {Law::conserved, "SumChecks::compare_leaks", "properties/laws/audit_counters.cc"},
    {Law::conserved, "PageChecks::check_tails", "properties/laws/audit_huge.cc"},
    {Law::conserved, "PageChecks::walk_pool_page", "properties/laws/audit_huge.cc"},
    {Law::conserved, "PageChecks::dirty_interior", "properties/laws/audit_pages.cc"},
    {Law::conserved, "PageChecks::check_free_block", "properties/laws/audit_pages.cc"},
    {Law::conserved, "PageChecks::check_cached", "properties/laws/audit_pages.cc"},
    {Law::conserved, "PageChecks::check_owner", "properties/laws/audit_pages.cc"},
    {Law::conserved, "PageChecks::check_references", "properties/laws/audit_pages.cc"},
    {Law::lists, "AuditWalk::walk_cached_block", "properties/laws/audit_walk.cc"},
    {Law::lists, "AuditWalk::walk_in_use", "properties/laws/audit_walk.cc"},
    {Law::lists, "PageChecks::check_tails", "properties/laws/audit_huge.cc"},
    {Law::lists, "PageChecks::compare_pool", "properties/laws/audit_huge.cc"},
    {Law::lists, "ListChecks::compare_free_ends", "properties/laws/audit_lists.cc"},
    {Law::lists, "ListChecks::compare_lru_ends", "properties/laws/audit_lists.cc"},
    {Law::lists, "ListChecks::compare_pcp", "properties/laws/audit_lists.cc"},
    {Law::lists, "ListChecks::check_pcp_list", "properties/laws/audit_lists.cc"},
    {Law::lists, "ListChecks::walk_all_lists", "properties/laws/audit_lists.cc"},
    {Law::lists, "PageChecks::dirty_interior", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_free_block", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_free_links", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_list_type", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_block_types", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_merge", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_cached", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_links", "properties/laws/audit_pages.cc"},
    {Law::lists, "PageChecks::check_lru_links", "properties/laws/audit_pages.cc"},
    {Law::counters, "SumChecks::compare_zone", "properties/laws/audit_counters.cc"},
    {Law::counters, "SumChecks::compare_reserves", "properties/laws/audit_counters.cc"},
    {Law::counters, "SumChecks::check_reserve_size", "properties/laws/audit_counters.cc"},
    {Law::counters, "SumChecks::compare_globals", "properties/laws/audit_counters.cc"},
    {Law::counters, "SumChecks::compare_lru_of_zone", "properties/laws/audit_counters.cc"},
    {Law::counters, "PageChecks::compare_pool", "properties/laws/audit_huge.cc"},
    {Law::counters, "ListChecks::compare_pcp", "properties/laws/audit_lists.cc"},
    {Law::bitmap, "SumChecks::compare_bitmap", "properties/laws/audit_areas.cc"},
    {Law::contract, "Laws::check_taken_page", "properties/laws/laws.cc"},
    {Law::contract, "Laws::check_contract", "properties/laws/laws.cc"},
    {Law::contract, "Laws::pages_allocated", "properties/laws/laws.cc"},
    {Law::contract, "QuietCall::check_errors", "properties/laws/quiet_call.cc"},
    {Law::complete, "QuietCall::check_complete", "properties/laws/quiet_call.cc"},
    {Law::bounded, "Engine::out_of_steps", "allocator/engine/engine.cc"},
    {Law::bounded, "Engine::out_of_turns", "allocator/engine/engine.cc"},
    {Law::bounded, "Interpreter::Run::check_endless_retry", "properties/program/interpreter.cc"},
    {Law::bounded, "Interpreter::Run::check_lasso", "properties/program/interpreter.cc"},
    {Law::bounded, "Interpreter::Run::report_endless_io", "properties/program/interpreter.cc"},
    {Law::bounded, "Interpreter::Run::run_to_the_end", "properties/program/interpreter.cc"},
    {Law::restored, "AuditWalk::walk_pageblocks", "properties/laws/audit_walk.cc"},
    {Law::restored, "SumChecks::compare_isolators", "properties/laws/audit_areas.cc"},
    {Law::policy, "Laws::range_allocated", "properties/laws/laws.cc"},
    {Law::policy, "Laws::reference_taken", "properties/laws/laws.cc"},
    {Law::policy, "PageRequests::check_areas", "properties/laws/page_requests.cc"},
    {Law::policy, "PageRequests::check_reserve", "properties/laws/page_requests.cc"},
    {Law::policy, "PageRequests::check_reserved", "properties/laws/page_requests.cc"},
    {Law::locks, "SumChecks::compare_globals", "properties/laws/audit_counters.cc"},
    {Law::locks, "SumChecks::compare_at_rest", "properties/laws/audit_counters.cc"},
    {Law::locks, "Parking::park", "allocator/engine/parking.cc"},
    {Law::locks, "Mutex::lock", "allocator/engine/mutex.h"},
    {Law::locks, "Interpreter::Run::report_deadlock", "properties/program/interpreter.cc"},
    {Law::content, "Laws::pages_allocated", "properties/laws/laws.cc"},
    {Law::content, "SumChecks::compare_buffers", "properties/laws/audit_areas.cc"},
    {Law::content, "SumChecks::check_held_buffer", "properties/laws/audit_areas.cc"},
    {Law::content, "SumChecks::compare_globals", "properties/laws/audit_counters.cc"},
    {Law::content, "PageChecks::check_tails", "properties/laws/audit_huge.cc"},
    {Law::content, "PageChecks::check_huge_page", "properties/laws/audit_huge.cc"},
    {Law::content, "PageChecks::check_owner", "properties/laws/audit_pages.cc"},
    {Law::content, "PageChecks::check_writes", "properties/laws/audit_pages.cc"},
    {Law::content, "PageChecks::check_references", "properties/laws/audit_pages.cc"},
    {Law::balanced, "SumChecks::compare_at_rest", "properties/laws/audit_counters.cc"},
    {Law::views, "Laws::check_view", "properties/laws/laws.cc"},
    {Law::views, "SumChecks::compare_totals", "properties/laws/audit_areas.cc"},
    {Law::hints, "SumChecks::compare_at_rest", "properties/laws/audit_counters.cc"},
    {Law::granted, "Laws::check_scope", "properties/laws/laws.cc"},
    {Law::granted, "PageRequests::broken", "properties/laws/page_requests.cc"},
    {Law::sound, "Interpreter::Run::perform", "properties/program/interpreter.cc"},
    {Law::sound, "Interpreter::run", "properties/program/interpreter.cc"},
    {Law::expect, "Interpreter::Run::perform", "properties/program/interpreter.cc"},
    {Law::expect, "Interpreter::run", "properties/program/interpreter.cc"},
});

// The name without its class.
std::string_view short_name(std::string_view function) {
  const std::size_t colon = function.rfind(':');
  return colon == std::string_view::npos ? function : function.substr(colon + 1);
}

}  // namespace

std::span<const LawInfo> law_catalogue() { return kLaws; }

const LawInfo* find_law(Law law) {
  const auto index = static_cast<std::size_t>(law);
  return index < kLaws.size() ? &kLaws[index] : nullptr;
}

std::span<const LawCheck> law_checks() { return kChecks; }

std::string law_reference() {
  std::string text = "| law | is checked by |\n| --- | --- |\n";
  for (const LawInfo& info : kLaws) {
    std::string_view file;
    text += fmt::format("| {} | ", name_of(info.law));
    for (const LawCheck& check : kChecks) {
      if (check.law != info.law) continue;
      if (check.file == file) {
        text += ", ";
      } else {
        constexpr std::string_view kHere = "properties/laws/";
        text += fmt::format("{}`{}`: ", file.empty() ? "" : "; ",
                            check.file.starts_with(kHere) ? check.file.substr(kHere.size()) : check.file);
      }
      text += short_name(check.function);
      file = check.file;
    }
    text += " |\n";
  }
  return text;
}

}  // namespace cma
