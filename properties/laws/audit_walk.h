// The walk of an audit: steps over stretches, head by head, adds up what it finds, and has the sums compared. What the
// calls require and throw stands in auditor.h. Included by audit*.cc only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "properties/laws/audit_lists.h"
#include "properties/laws/audit_pages.h"
#include "properties/laws/audit_part.h"
#include "properties/laws/audit_sums.h"

namespace cma {

class AuditWalk : private AuditPart {
 public:
  explicit AuditWalk(Ledger& ledger) : AuditPart(state_), state_(ledger) {}
  // The parts refer to the state.
  AuditWalk(const AuditWalk&) = delete;
  AuditWalk& operator=(const AuditWalk&) = delete;

  void begin(Machine& machine);
  void begin_afresh(Machine& machine);
  void run();
  void run_total();
  const AuditState& state() const { return state_; }

 private:
  // The state that begin() goes back to, by copying what was walked since. ListChecks keeps its own part.
  struct AsBooted {
    std::optional<Geometry> geometry;  // nullopt: none is kept
    Counts counts;
  };

  void look_at(Machine& machine);
  void lay_out_afresh();
  void keep_as_booted();
  void back_to_boot();

  void walk_touched();
  void walk_chunk(std::size_t chunk);
  void walk_loose();
  void walk(Stretch& stretch);
  Frame plain_buffer_pages(Frame frame, Frame end) const;
  void walk_pageblocks(const Stretch& stretch, Walk& walk) const;
  Frame walk_head(const Stretch& stretch, Frame frame, Walk& walk);
  Frame walk_reserved(Frame frame, Walk& walk) const;
  Frame walk_free_block(const Stretch& stretch, Frame frame, Walk& walk);
  Frame walk_cached_block(const Stretch& stretch, Frame frame, Walk& walk);
  Frame walk_in_flight(const Stretch& stretch, Frame frame, Walk& walk) const;
  Frame walk_in_use(const Stretch& stretch, Frame frame, Walk& walk);
  void mark(std::vector<std::uint64_t>& words, Frame frame, std::uint64_t pages);
  void compare_sums();

  AuditState state_;
  PageChecks checks_{state_};
  ListChecks lists_{state_, checks_};
  SumChecks sums_{state_};
  AsBooted booted_;
  std::vector<std::uint32_t> loose_;  // stretches that may be loose; none is missing
};

}  // namespace cma
