// Compares sums with what the machine and the ledger record: counters of zones and of the machine, areas, isolated
// pageblocks and buffer heads, and what must hold at rest. Used by the walk; included by audit*.cc only. Every call but
// forget_leaks() may throw LawBroken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "properties/laws/audit_part.h"

namespace cma {

class SumChecks : private AuditPart {
 public:
  explicit SumChecks(const AuditState& state) : AuditPart(state) {}

  // Forgets which leaks were found reported: a total audit looks for all of them again, and a booted machine has none.
  void forget_leaks() { reported_leaks_ = 0; }

  // --- counters (audit_counters.cc) ---
  // Compares zones, their reserves, and the machine's own counters. O(zones * orders).
  void compare_counters() const;
  // Checks that pages leaked because they were freed in a bad state were reported: each run of such pages begins with
  // one that the log names. O(zones) unless pages have leaked since the last call that did not throw.
  void compare_leaks();
  // Requires: no actor is inside an operation.
  void compare_at_rest() const;

  // --- areas, isolation and buffer heads (audit_areas.cc) ---
  // Compares the bits of every area, and since 5.13 its totals. O(words).
  void compare_areas() const;
  // Checks that a pageblock stays isolated until the actor that isolated it gives it back, and has no second isolator.
  void compare_isolators() const;
  // Checks the counts of buffer heads: at least what slots, programs and journals hold; at rest, exactly that. No slot
  // list is too long or has a buffer twice, and every buffer in use is attached to a page.
  void compare_buffers();

 private:
  void compare_zone(std::size_t z) const;
  void compare_lru_of_zone(std::size_t z, const std::string& name) const;
  void compare_reserves() const;
  void check_reserve_size(const Zone& zone, const std::string& name) const;
  void compare_globals() const;
  void compare_bitmap(AreaId id) const;
  void compare_totals(AreaId id) const;
  void check_held_buffer(BufferId id) const;

  std::int64_t reported_leaks_ = 0;  // pages that had leaked when compare_leaks() last found all of them reported
  std::vector<int> buffer_slots_;    // by buffer: how many slots hold it; scratch of compare_buffers()
};

}  // namespace cma
