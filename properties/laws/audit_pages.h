// Checks of one page or block, with its neighbours on lists. Changes nothing but what the Walk has counted. Used by the
// walk and by ListChecks; included by audit*.cc only. Every call may throw LawBroken.
//
// A check sets `loose` (or Walk::loose) if it has allowed something that may only be while an actor is inside an
// operation. Cost: O(pages of the block), and O(ptes) for pages with an owner.
#pragma once

#include <cstdint>

#include "properties/laws/audit_part.h"

namespace cma {

class PageChecks : private AuditPart {
 public:
  explicit PageChecks(const AuditState& state) : AuditPart(state) {}

  // --- blocks ---
  // Returns whether the pages inside a block have `flags` and nothing else: no reference, list, owner or holder.
  bool interior_is_clean(Frame frame, std::uint64_t pages, std::uint32_t flags) const;
  // Throws for the first page that is not clean. Requires: !interior_is_clean().
  [[noreturn]] void dirty_interior(Frame frame, std::uint64_t pages, std::uint32_t flags) const;
  // Checks the pages after the first of a block that is in use or on its way to a list.
  void check_interior(Frame frame, const Page& page, std::uint64_t pages) const;
  void check_free_block(const Stretch& stretch, Frame frame, bool& loose) const;
  void check_free_links(Frame frame, const Page& page) const;
  void check_cached(Frame frame, const Page& page) const;
  // Checks that links are mutual and lead to pages that carry `flag`.
  void check_links(Frame frame, const Page& page, std::uint32_t flag) const;
  void check_lru_links(Frame frame, const Page& page, unsigned list) const;

  // --- pages in use ---
  // Checks the page against its owner record, and returns how many references the record accounts for. Records that no
  // program holds a handle of are a process's: the ledger does not know them.
  std::int64_t check_owner(Frame frame, const Page& page, Walk& walk) const;
  // Checks the reference count. At rest it is exact; inside operations a task may hold more references than are
  // accounted for, never fewer.
  void check_references(Frame frame, const Page& page, std::int64_t known, bool& loose) const;
  // Returns whether a quiet cma_alloc moves this page for certain, given memory to move it to and an owner that does
  // not object (find_immovable lists the others).
  bool certain_to_move(const Page& page, const Ledger::Entry& entry) const;

  // --- huge pages and the hugetlb pool ---
  bool is_huge(const Page& page) const;
  // Counts the pmds and ptes that map any of its pages, compares them with the huge page's counts, and returns their
  // number: each holds a reference.
  std::int64_t check_huge_page(Frame frame, const Page& page) const;
  // Checks a free page of the pool: it has no other holder, and nothing in it. Returns the frame after it.
  Frame walk_pool_page(Frame frame, Walk& walk) const;
  // Checks that the pool's list leads to its free pages, and to as many as it counts.
  void compare_pool() const;

 private:
  void check_list_type(Frame frame, const Page& page, bool& loose) const;
  void check_block_types(Frame frame, const Page& page, bool& loose) const;
  bool has_left_reserve(std::size_t zone, Pfn block, unsigned order) const;
  void check_merge(const Stretch& stretch, Frame frame, const Page& page, bool& loose) const;
  void check_writes(Frame frame, const Page& page, const Owner& owner) const;
  bool all_mapped(const Owner& owner) const;
  void check_tails(Frame frame, const Page& page) const;
  bool huge_page_can_go(const Page& page, const HugePage& huge) const;
};

}  // namespace cma
