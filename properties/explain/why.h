// Why did it fail? Answers for each operation of a run that failed, was skipped (unless the program expects that), or
// got its pages only after windows that failed; for areas that could not be activated; and for whatever operation is
// asked for.
//
// The recorder is the observer of a run, and from program_begins() on the watcher of the machine's windows and requests
// for pages. The facts are the machine's at the moment of the failure, the names those of the program's results. Used
// by `cmacheck run --why`. Cost: a walk over each window, over the zones for each request that is refused, and over the
// results for each refused page and each answer, and over an area for each request to it; none for other runs.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "properties/explain/answer.h"
#include "properties/explain/why_area.h"
#include "properties/explain/why_kinds.h"
#include "properties/explain/why_pages.h"
#include "properties/explain/why_skips.h"
#include "properties/explain/windows.h"
#include "properties/program/interpreter.h"

namespace cma {

class WhyRecorder final : public Observer {
 public:
  // Makes a recorder of the runs of this interpreter, which must outlive it. Each run begins anew.
  explicit WhyRecorder(const Interpreter& interpreter) : interpreter_(interpreter) {}
  WhyRecorder(const WhyRecorder&) = delete;
  WhyRecorder& operator=(const WhyRecorder&) = delete;

  // Records what ended the run, if something did: the operation at which it ended gets an answer.
  void run_ended(const std::optional<Finding>& finding);

  // Asks for an answer about this operation even if it succeeds: what it got, and what made room for it.
  void ask_for(Slot op) { asked_.insert(op); }

  // Returns the windows that failed in the last run, in the order in which they ended.
  const std::vector<FailedWindow>& failed() const { return windows_.failed(); }
  // Returns the answers, in the order in which the operations ended; last, that about the operation at which a finding
  // ended the run.
  const std::vector<Answer>& answers() const { return answers_; }
  // Returns the answers as text; `op_text` formats an operation. "no operation failed" if there is none.
  std::string text(const std::function<std::string(Slot)>& op_text) const;
  // Returns the answers as a JSON array.
  nlohmann::json json() const;

  // --- Observer ---
  void program_begins(Machine& machine) override;
  void booted(Machine& machine) override;
  void alloc_begins(AreaId, std::uint64_t, unsigned) override;
  void op_ended(Machine& machine, std::size_t op) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void program_ended(Machine& machine) override;

 private:
  void learn_areas(const Machine& machine);
  void answer_boot(Slot op, bool at_end);
  void answer_regions(Slot op);
  void answer_unread_regions();
  // Returns whether the lines about busy windows fall to a rate limit.
  bool busy_is_limited() const { return machine_->release() >= Release::v4_13 && machine_->trace.rate_limits(); }
  void answer_failure(Slot op, ActorId actor, Answer& answer);
  void answer_skip(Slot op, ActorId actor, Answer& answer);
  bool skip_is_expected(Slot op) const;
  void learn_given_back(Slot op);
  void operation_begins(Slot op);
  void add_bugs(Answer& answer) const;
  void add_end(Answer& answer) const;
  void add_log(Answer& answer) const;
  Sight sight_of(Slot op, ActorId actor) const;
  bool asks_area(Slot op) const;
  void answer_finding(const Finding& finding);
  void answer_unended();

  const Interpreter& interpreter_;
  Machine* machine_ = nullptr;
  WindowRecorder windows_;
  RefusedRequests requests_;
  std::set<Slot> asked_;
  std::vector<PfnRange> declared_;  // by area: its range before its activation
  std::vector<Evidence> inactive_;  // areas that boot could not activate, until an answer has them
  AskedAreas asked_areas_;
  // An operation, when it began.
  struct Begun {
    std::size_t records = 0;
    BugSet bugs;
  };
  std::vector<Begun> begun_;  // by operation, as far as the run came
  SkipHistory history_;
  std::vector<Answer> answers_;
};

}  // namespace cma
