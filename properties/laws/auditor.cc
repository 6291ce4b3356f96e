#include "properties/laws/auditor.h"

#include "properties/laws/audit_walk.h"

namespace cma {

Auditor::Auditor(Ledger& ledger) : walk_(std::make_unique<AuditWalk>(ledger)) {}

Auditor::~Auditor() = default;

void Auditor::begin(Machine& machine) { walk_->begin(machine); }

void Auditor::begin_afresh(Machine& machine) { walk_->begin_afresh(machine); }

void Auditor::run() { walk_->run(); }

void Auditor::run_total() { walk_->run_total(); }

Pfn Auditor::word_base() const { return walk_->state().layout.word_base; }

const std::vector<std::uint64_t>& Auditor::available() const { return walk_->state().counts.available; }

const std::vector<std::uint64_t>& Auditor::movable() const { return walk_->state().counts.movable; }

const std::vector<Tallies>& Auditor::zone_sums() const { return walk_->state().counts.zones; }

bool Auditor::up_to_date() const {
  const AuditState& state = walk_->state();
  return state.machine->map.touched_chunks().empty() && state.ledger.touched_chunks().empty();
}

}  // namespace cma
