// The quiet half of law `complete`: when a cma_alloc that had the machine to itself failed, could it have?
//
// The contended half needs nothing more: a call that failed while others were inside operations is made once more when
// all of them have come to their end (checked_run.h), and that one has the machine to itself. No retry but this one is
// granted: nothing that the others did may linger.
//
// Decided from the state before the call and from arithmetic of its own; nothing of the allocating code is used. The
// windows of the sweep are listed in its order. One is certain to succeed if each of its pages was free, on a per-CPU
// list, or certain to migrate, for these reasons:
//   - nobody else runs, so the bits seen after the failure are those seen before it;
//   - an earlier window that fails may have moved pages into this one, but only pages that have just shown that they
//   can
//     move, and a pagevec they wait in is emptied at the start of each window;
//   - targets cannot run out: outside the isolated unit there are more free pages, above the high watermark, than pages
//     that could be on the move in this window and all before it;
//   - a huge page moves whole where its release moves them, without a target of its size as its pages; a window that
//     begins behind its first page is not certain;
//   - isolation cannot refuse: all pageblocks are the area's, and (6.1) no compound page crosses a pageblock's end
//   nearby.
// Where one of these cannot be shown the answer is "not certain", never a guess: the law stays silent when a window
// needs memory that is scarce, holds a page that refuses, is pinned or held, or when the call was not alone.
//
// The state before the call costs nothing: the audit that ran after the previous operation keeps it as two bits a page.
// Deciding takes O(windows + pages of the area), and only when a call has failed.
#pragma once

#include <optional>
#include <vector>

#include "properties/laws/auditor.h"

namespace cma {

// What was known before a call.
struct QuietState {
  Pfn word_base = 0;
  const std::vector<std::uint64_t>* available = nullptr;  // free, or on a per-CPU list
  const std::vector<std::uint64_t>* movable = nullptr;    // in use, and certain to migrate
  const std::vector<Tallies>* zone_sums = nullptr;
  // Pages that their owners keep where they are.
  const std::vector<Pfn>* immovable = nullptr;
};

// Appends the pages of drivers that refuse more often than a call tries, of exec's temporary stacks, and with buffers
// in use: what can change without a page being touched, and so is not in the marks of the last audit. O(owners).
void find_immovable(const Machine& machine, std::vector<Pfn>& immovable);

// First page of the first window that was certain; nullopt if there was none.
std::optional<Pfn> certain_window(const Machine& machine, const Ledger& ledger, const QuietState& before, AreaId area,
                                  std::uint64_t count, unsigned align);

}  // namespace cma
