#include "properties/laws/catalogue.h"

#include <algorithm>
#include <array>

namespace cma {
namespace {

constexpr std::array<LawInfo, 17> kLaws = {{
    {"exclusive",
     "No page is handed out while somebody owns it; no page a program holds, and no free block, lies inside a free "
     "block "
     "or a block on a per-CPU list.",
     "never", "at hand-out of buffers, blocks and owned pages; by each audit"},
    {"conserved",
     "Every page is in exactly one state: free, on a per-CPU list, in use, in flight, reserved, or leaked with a "
     "report "
     "in the log; the states add up to what the zone manages; every page in use is known to somebody.",
     "while somebody is inside an operation pages may be in flight, on a task's list, or in use without the program's "
     "knowledge: they are a task's (captured pages, migration targets, pages being freed)",
     "by each audit"},
    {"lists",
     "Every free block is aligned, lies in one zone and is linked once, into the list of its order and type; list and "
     "pageblock type agree where either is CMA or Isolate (6.10: always); free buddies have merged; per-CPU and LRU "
     "lists "
     "hold what they should, and pages of areas are cached as such.",
     "while somebody is inside an operation, up to 6.9: a block in an Isolate pageblock may be on the CMA list (one "
     "pageblock of several was given back first), CMA and Isolate pageblocks may share a block, and buddies of at "
     "least "
     "pageblock order may stay apart if one or both are Isolate; 6.1 and later, always: if their types differ and one "
     "is "
     "not Unmovable, Movable or Reclaimable",
     "by each audit; rings that no list leads to by total audits only"},
    {"counters",
     "nr_free_pages, nr_free_cma, nr_free of each order, nr_isolate_pageblock, per-CPU counts, LRU sizes and "
     "NR_ISOLATED_* "
     "equal a recount.",
     "pagevec slots may be fewer than the references they hold while a drain is under way; nr_reserved_highatomic is "
     "not "
     "judged, the kernel itself lets it drift",
     "by each audit"},
    {"bitmap", "The bits set are those of live buffers, rounded up to whole bits.",
     "more bits may be set for releases that have not ended, and for one window of each request under way; with one "
     "request they must be just one such window",
     "by each audit"},
    {"contract",
     "A buffer lies in its area, begins at a bit and at a multiple of 2^align, has the size asked for, and each page "
     "has "
     "one reference, no mapping, no flag and no list; failures say ENOMEM, EBUSY or EINTR.",
     "references that programs took on a page while it was on its way come on top",
     "at hand-out and failure; error codes of undisturbed calls that log them"},
    {"complete",
     "A cma_alloc that has the machine to itself succeeds if some window, tried before the sweep must end, consists of "
     "pages that are free or certain to migrate, with targets for it and for every window before it. One that failed "
     "while "
     "others were at work is made once more when all have come to their end, and then has the machine to itself.",
     "silent when another actor was inside an operation, a fatal signal was pending, free memory outside the isolated "
     "unit might not do, or 6.1 meets a compound page across a pageblock's end",
     "when an undisturbed cma_alloc has failed; at the end of programs in which a disturbed one has"},
    {"bounded",
     "Every operation ends within a step bound computed from the machine, and no loop goes on without change.", "never",
     "by the engine and the interpreter"},
    {"restored",
     "The pageblocks of an area are CMA or Isolate; a pageblock that somebody has isolated stays Isolate until he "
     "gives "
     "it back, and has one such holder; when nobody is inside an operation no pageblock is Isolate.",
     "pageblocks may be Isolate while somebody is inside an operation", "by each audit"},
    {"policy",
     "No page of an area goes to a request that is not movable, nor to another owner of a range; since 6.1 no page of "
     "one, nor of a range that is "
     "being emptied, is pinned for the long term.",
     "never", "at hand-out of blocks, ranges and pins"},
    {"locks",
     "No deadlock, no lock taken twice, no waiting under a spinlock; when nobody is inside an operation no mutex and "
     "no "
     "page lock is held.",
     "locks may be held while somebody is inside an operation", "by the engine; by each audit at rest"},
    {"content",
     "An owner's page carries its owner's data, wherever it went; mappings and references are exact; a block is handed "
     "out with one reference, and its other pages with none; the count of a buffer is what slots, programs and "
     "journals hold.",
     "while somebody is inside an operation a page may have more references than are accounted for, never fewer; "
     "owners "
     "may be on their way in or out; clean pages of files may be dropped",
     "by each audit; at hand-out of blocks"},
    {"balanced", "When nobody is inside an operation the LRU caches are enabled.", "inside operations",
     "by each audit"},
    {"views",
     "Files of areas, /proc/buddyinfo and /proc/pagetypeinfo say what a recount says; totals of successes, failures "
     "and "
     "releases count each call once.",
     "pages released are compared at rest only", "totals by each audit; files when a program reads them"},
    {"hints",
     "Without a compaction no pageblock has a skip bit and no scanner a position: contiguous ranges leave none.",
     "5.10 and 6.1 set the skip bit of a pageblock in which a contiguous range found nothing to take, as their kernels "
     "do",
     "by each audit at rest"},
    {"sound", "No assertion of the model fails.", "never", "by the model, everywhere"},
    {"expect", "What the program expects comes true.", "never", "by the program's own expectations"},
}};

}  // namespace

std::span<const LawInfo> law_catalogue() { return kLaws; }

const LawInfo* find_law(std::string_view name) {
  const auto it = std::find_if(kLaws.begin(), kLaws.end(), [name](const LawInfo& law) { return law.name == name; });
  return it == kLaws.end() ? nullptr : &*it;
}

}  // namespace cma
