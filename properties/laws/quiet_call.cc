#include "properties/laws/quiet_call.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "allocator/base/error.h"
#include "properties/program/law.h"

namespace cma {

bool QuietCall::may_begin(const Machine& machine) {
  const Engine& engine = machine.engine;
  for (ActorId actor = 0; actor < engine.actors(); ++actor)
    if (actor != engine.current() && engine.look(actor).state != ActorState::idle) return false;
  return !engine.flags().fatal_signal;
}

void QuietCall::program_begins() {
  disturbed();
  contended_.clear();
}

void QuietCall::begins(const Machine& machine, const Auditor& auditor, bool audits_inside) {
  actor_ = machine.engine.current();
  audits_inside_ = audits_inside;
  first_record_ = machine.trace.records().size();
  immovable_.clear();
  find_immovable(machine, immovable_);
  before_ = {.word_base = auditor.word_base(),
             .available = &auditor.available(),
             .movable = &auditor.movable(),
             .zone_sums = &auditor.zone_sums(),
             .immovable = &immovable_,
             .huge_pages = machine.geometry().transparent_hugepages ? pages_in_huge_pages(machine) : 0};
  if (!audits_inside) return;
  available_ = auditor.available();
  movable_ = auditor.movable();
  zone_sums_ = auditor.zone_sums();
  before_.available = &available_;
  before_.movable = &movable_;
  before_.zone_sums = &zone_sums_;
}

void QuietCall::failed(const Machine& machine, const Ledger& ledger, const AreaRequest& request) {
  if (actor_ != machine.engine.current()) {
    keep_contended(request);
  } else {
    check_errors(machine);
    check_complete(machine, ledger, request);
  }
  disturbed();
}

// Checks that the call logged none but the errors with which cma_alloc may fail.
void QuietCall::check_errors(const Machine& machine) const {
  const std::vector<Record>& records = machine.trace.records();
  for (std::size_t i = first_record_; i < records.size(); ++i) {
    if (records[i].event != Event::log_cma_alloc_failed) continue;
    const auto code = static_cast<int>(static_cast<std::int64_t>(records[i].c));
    if (code != -kENOMEM && code != -kEBUSY && code != -kEINTR)
      throw LawBroken(Law::contract, "cma_alloc", fmt::format("cma_alloc failed with {}", code));
  }
}

void QuietCall::check_complete(const Machine& machine, const Ledger& ledger, const AreaRequest& request) const {
  const unsigned align = effective_align(request.align, machine.release());
  const std::optional<Pfn> window = certain_window(machine, ledger, before_, request.area, request.pages, align);
  if (!window) return;
  const bool one = request.pages == 1;
  throw LawBroken(
      Law::complete, "cma_alloc",
      fmt::format("the request for {}{} failed, though nothing disturbed it and {} free or could have been moved",
                  one ? "1 page" : fmt::format("{} pages", request.pages),
                  align == 0 ? "" : fmt::format(" aligned to 2^{}", align),
                  one ? fmt::format("page {:#x} was", *window)
                      : fmt::format("pages {:#x} to {:#x} were", *window, *window + request.pages - 1)));
}

void QuietCall::keep_contended(const AreaRequest& request) {
  const bool known = std::find(contended_.begin(), contended_.end(), request) != contended_.end();
  if (!known && contended_.size() < kContended) contended_.push_back(request);
}

}  // namespace cma
