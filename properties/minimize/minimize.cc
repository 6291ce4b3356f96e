#include "properties/minimize/minimize.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "properties/minimize/steps.h"
#include "properties/program/byte_form.h"

namespace cma {
namespace {

class Minimizer {
 public:
  Minimizer(const Program& program, const Predicate& find, const MinimizeOptions& options)
      : find_(find), same_(options.same), budget_(options.executions) {
    result_.program = program;
  }

  std::optional<Minimized> run() {
    const std::optional<Finding> finding = find_(result_.program);
    ++result_.executions;
    if (!finding) return std::nullopt;
    result_.finding = *finding;
    wanted_ = identity(*finding);
    tried_.insert(key_of(result_.program));
    do {
      changed_ = false;
      cut_after_violation();
      keep_needed();
      cut_chunks();
      cut_units();
      cut_ops();
      remove_stops();
      simplify_arguments();
      simplify_machine();
      if (same_ == Same::law) go_on_within_law();
    } while (changed_ && !exhausted_);
    result_.complete = !exhausted_;
    return std::move(result_);
  }

 private:
  static std::string key_of(const Program& program) {
    const std::vector<std::uint8_t> bytes = encode(program);
    return {bytes.begin(), bytes.end()};
  }

  std::string identity(const Finding& finding) const {
    return same_ == Same::law ? std::string(name_of(finding.law)) : finding.signature();
  }

  std::size_t ops() const { return result_.program.ops.size(); }

  // Returns whether the candidate shows the same finding; if so it becomes the program.
  bool accept(Program candidate, MinimizeStage stage) {
    candidate.settle();
    if (!tried_.insert(key_of(candidate)).second) {
      ++result_.repeats;
      return false;
    }
    if (result_.executions >= budget_) {
      exhausted_ = true;
      return false;
    }
    ++result_.executions;
    Minimized::Count& count = result_.stages[static_cast<std::size_t>(stage)];
    ++count.tried;
    const std::optional<Finding> finding = find_(candidate);
    if (!finding || identity(*finding) != wanted_) return false;
    ++count.accepted;
    result_.program = std::move(candidate);
    result_.finding = *finding;
    changed_ = true;
    return true;
  }

  // Tries the program with only those operations that `keep` marks.
  bool accept_only(const std::vector<bool>& keep, MinimizeStage stage) {
    Program candidate = result_.program;
    if (!keep_only(candidate, keep)) return false;
    return accept(std::move(candidate), stage);
  }

  bool accept_without(std::size_t begin, std::size_t end, MinimizeStage stage) {
    std::vector<bool> keep(ops(), true);
    std::fill(keep.begin() + static_cast<std::ptrdiff_t>(begin), keep.begin() + static_cast<std::ptrdiff_t>(end),
              false);
    return accept_only(keep, stage);
  }

  void cut_after_violation() {
    const std::size_t last = result_.finding.op;
    if (last + 1 < ops()) accept_without(last + 1, ops(), MinimizeStage::after_violation);
  }

  void keep_needed() {
    if (result_.finding.op >= ops()) return;
    std::vector<bool> needed(ops(), false);
    needed[result_.finding.op] = true;
    close_over_operands(result_.program, needed);
    if (accept_only(needed, MinimizeStage::needed)) return;
    // More often than not it matters too what else happened to those operands.
    close_over_users(result_.program, needed);
    close_over_operands(result_.program, needed);
    accept_only(needed, MinimizeStage::needed);
  }

  void cut_chunks() {
    for (std::size_t size = ops() / 2; size >= 2; size /= 2)
      for (std::size_t end = ops(); end > 0;) {
        const std::size_t begin = end > size ? end - size : 0;
        accept_without(begin, end, MinimizeStage::chunks);
        end = begin;
      }
  }

  void cut_units() {
    for (std::size_t i = ops(); i-- > 0;) {
      if (i >= ops() || result_.program.ops[i].id == 0) continue;
      std::vector<bool> unit(ops(), false);
      unit[i] = true;
      close_over_users(result_.program, unit);
      unit.flip();
      accept_only(unit, MinimizeStage::units);
    }
  }

  void cut_ops() {
    for (std::size_t i = ops(); i-- > 0;) accept_without(i, i + 1, MinimizeStage::ops);
    // Two operations may need each other without naming each other: they go together.
    if (ops() > kPairsUpTo) return;
    for (std::size_t i = ops(); i-- > 1;)
      for (std::size_t j = std::min(i, ops()); j-- > 0;) {
        if (i >= ops()) break;
        std::vector<bool> keep(ops(), true);
        keep[i] = keep[j] = false;
        accept_only(keep, MinimizeStage::ops);
      }
  }

  bool try_change(const Change& change, MinimizeStage stage) {
    Program candidate = result_.program;
    return change(candidate) && accept(std::move(candidate), stage);
  }

  void remove_stops() {
    for (std::size_t i = 0; i < ops(); ++i)
      for (const Change& change : stop_changes(i))
        while (i < ops() && try_change(change, MinimizeStage::stops)) continue;
  }

  void simplify_arguments() {
    for (std::size_t i = 0; i < ops(); ++i)
      for (std::size_t field = 0;; ++field)
        if (!simplify_argument(i, field)) break;
  }

  // Simplifies a field as far as it goes. Returns false if there is no such field.
  bool simplify_argument(std::size_t op, std::size_t field) {
    for (std::size_t attempt = 0;;) {
      Program candidate = result_.program;
      switch (simplify_field(candidate.ops[op].body, field, attempt)) {
        case Simplified::no_such_field: return false;
        case Simplified::no_more_attempts: return true;
        case Simplified::changed: attempt = accept(std::move(candidate), MinimizeStage::arguments) ? 0 : attempt + 1;
      }
    }
  }

  void simplify_machine() {
    try_change(tidy_up, MinimizeStage::machine);
    repeat(machine_changes);
  }

  void go_on_within_law() { repeat(changes_within_law); }

  // Applies changes that `offered` returns for the program as long as one of them helps.
  void repeat(std::vector<Change> (*offered)(const Program&)) {
    for (bool helped = true; helped && !exhausted_;) {
      helped = false;
      for (const Change& change : offered(result_.program))
        if (try_change(change, MinimizeStage::machine)) {
          helped = true;
          break;
        }
    }
  }

  // The longest program in which pairs are tried: beyond it they cost more executions than they save.
  static constexpr std::size_t kPairsUpTo = 24;

  const Predicate& find_;
  Same same_;
  std::uint64_t budget_;
  Minimized result_;
  std::string wanted_;
  std::unordered_set<std::string> tried_;  // its order is never used
  bool changed_ = false;
  bool exhausted_ = false;
};

}  // namespace

std::string_view name_of(MinimizeStage stage) {
  static constexpr std::array<std::string_view, kMinimizeStages> kNames = {
      "after violation", "needed", "chunks", "units", "ops", "stops", "arguments", "machine"};
  return kNames[static_cast<std::size_t>(stage)];
}

std::optional<Minimized> minimize(const Program& program, const Predicate& find, const MinimizeOptions& options) {
  return Minimizer(program, find, options).run();
}

}  // namespace cma
