// The quiet half of law `complete`: could a cma_alloc that had the machine to itself, and failed, have succeeded?
//
// The contended half needs nothing more. A call that failed while others were inside operations is made once more after
// all of them have ended (checked_run.h), and then has the machine to itself. It gets no other excuse: nothing that the
// others did may linger.
//
// The answer comes from the state before the call and from arithmetic of its own; no allocating code is used. The
// windows of the sweep are listed in its order. A window is certain to succeed if each of its pages was free, on a
// per-CPU list, or certain to migrate, for these reasons:
//   - no other actor runs, so the bits seen after the failure are those seen before the call;
//   - an earlier window that failed may have moved pages into this one, but only pages that have just moved, and the
//     start of each window empties the pagevecs they may wait in;
//   - targets cannot run out: outside the isolated unit there are more free pages, above the high watermark, than pages
//     that could be on the move in this window and all before it, and than the caller's per-CPU lists could keep back;
//   - a huge page moves whole where its release moves huge pages, or as single pages if there is no target of its size;
//     a window that begins inside a huge page is not certain;
//   - isolation cannot refuse: all pageblocks are the area's, and (since 5.19) no compound page nearby crosses the end
//     of a pageblock.
// Where one of these cannot be shown the answer is "not certain", never a guess. So the law is silent when a window
// needs memory that is scarce, holds a page that refuses, is pinned or held, or when the call was not alone.
//
// Cost: the state before the call is free, as the audit after the previous operation keeps it in two bits per page.
// Deciding takes O(windows + pages of the area), and only when a call has failed.
#pragma once

#include <optional>
#include <vector>

#include "properties/laws/auditor.h"

namespace cma {

// The state before a call.
struct QuietState {
  Pfn word_base = 0;
  const std::vector<std::uint64_t>* available = nullptr;  // free, or on a per-CPU list
  const std::vector<std::uint64_t>* movable = nullptr;    // in use, and certain to migrate
  const std::vector<Tallies>* zone_sums = nullptr;
  // Pages that their owners keep in place.
  const std::vector<Pfn>* immovable = nullptr;
  std::uint64_t huge_pages = 0;  // pages of transparent huge pages
};

// Appends pages that their owners keep in place: pages of drivers that refuse more often than a call tries, of exec's
// temporary stacks, and with buffers in use. These can change without a page being touched, so the marks of the last
// audit do not have them. O(owners).
void find_immovable(const Machine& machine, std::vector<Pfn>& immovable);

// Returns how many pages are part of transparent huge pages. O(owners).
std::uint64_t pages_in_huge_pages(const Machine& machine);

// Returns the first page of the first window that was certain to succeed; nullopt if there was none.
std::optional<Pfn> certain_window(const Machine& machine, const Ledger& ledger, const QuietState& before, AreaId area,
                                  std::uint64_t count, unsigned align);

}  // namespace cma
