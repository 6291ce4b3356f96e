// Checks of lists: where they end, what per-CPU lists hold, and in a total audit every list from its head. Used by the
// walk; included by audit*.cc only. Cost: O(zones * orders), and O(pages) of a per-CPU list that has changed.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "properties/laws/audit_pages.h"
#include "properties/laws/audit_part.h"

namespace cma {

class ListChecks : private AuditPart {
 public:
  // Refers to the state and the checks, which outlive it.
  ListChecks(const AuditState& state, const PageChecks& checks) : AuditPart(state), checks_(checks) {}

  // Forgets where lists ended, for a machine that is counted afresh.
  void begin_afresh();
  // Keeps where lists end now, for back_to_boot().
  void keep_as_booted() { booted_ = seen_; }
  // Goes back to what was kept. Requires: the LRU lists were empty then.
  void back_to_boot();

  // Compares where lists end with where they ended before, and checks the blocks at ends that differ. Throws LawBroken.
  void compare_list_ends();
  // Walks every list from its head: neighbours on a list cannot show a ring that no list leads to. Throws LawBroken.
  void walk_all_lists() const;

 private:
  // What the machine had at the last audit.
  struct Seen {
    std::vector<std::array<BlocksOfOrder, kOrderLimit>> free_blocks;  // by zone
    std::vector<std::array<PerCpuPages, kMaxCpus>> pcp;               // by zone
    std::array<PageList, kLruLists> lru{};
  };

  void compare_free_ends(std::size_t z, unsigned order);
  void compare_lru_ends(unsigned list);
  void compare_pcp(std::size_t z, unsigned cpu) const;
  void check_pcp_list(Frame frame, unsigned list, unsigned cpu) const;

  const PageChecks& checks_;
  Seen seen_;
  Seen booted_;
};

}  // namespace cma
