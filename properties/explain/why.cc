#include "properties/explain/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/explain/why_area.h"
#include "properties/explain/why_boot.h"
#include "properties/explain/why_kinds.h"

namespace cma {

void WhyRecorder::program_begins(Machine& machine) {
  machine_ = &machine;
  windows_.watch(machine, interpreter_.world());
  requests_.watch(machine);
  declared_.clear();
  inactive_.clear();
  began_.clear();
  answers_.clear();
  learn_areas(machine);
}

// Keeps the ranges of new areas: one that cannot be activated loses its size.
void WhyRecorder::learn_areas(const Machine& machine) {
  if (machine.booted()) return;
  for (std::size_t id = declared_.size(); id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(static_cast<AreaId>(id));
    declared_.push_back({area.base, area.base + area.pages});
  }
}

void WhyRecorder::booted(Machine& machine) {
  Answer answer;
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    if (!machine.areas.area(id).active()) explain_inactive_area(machine, id, declared_, answer);
  inactive_ = std::move(answer.evidence);
}

// Answers for areas that could not be activated; boot has finished in this operation.
void WhyRecorder::answer_boot(Slot op) {
  if (inactive_.empty()) return;
  Answer answer;
  answer.op = op;
  answer.ending = Ending::succeeded;
  answer.brief = "boot has finished, but not every area is active";
  answer.evidence = std::exchange(inactive_, {});
  answers_.push_back(std::move(answer));
}

void WhyRecorder::alloc_begins(AreaId, std::uint64_t, unsigned) {
  began_[machine_->engine.current()] = machine_->trace.records().size();
}

// Returns the error of the last sweep of a request to an area, which its caller does not get.
int WhyRecorder::sweep_error(const Answer& answer, ActorId actor) const {
  const auto began = began_.find(actor);
  const std::vector<Record>& records = machine_->trace.records();
  for (std::size_t i = records.size(); began != began_.end() && i-- > began->second;)
    if (records[i].actor == actor && records[i].event == Event::log_cma_alloc_failed)
      return static_cast<int>(static_cast<std::int64_t>(records[i].c));
  return answer.windows.empty() ? answer.error : answer.windows.back().error;
}

void WhyRecorder::op_ended(Machine& machine, std::size_t op) {
  const auto slot = static_cast<Slot>(op);
  const World& world = interpreter_.world();
  const Result& result = world.result(slot);
  const Op& performed = world.program().ops[slot];
  const ActorId actor = world.actor(performed.performer);
  learn_areas(machine);
  answer_boot(slot);
  Answer answer;
  answer.op = slot;
  answer.error = result.error;
  answer.windows = windows_.failed_of(slot);
  if (result.state == Result::State::failed) {
    const bool of_area =
        std::holds_alternative<CmaAlloc>(performed.body) || std::holds_alternative<DebugfsAlloc>(performed.body);
    if (of_area) answer.error = sweep_error(answer, actor);
    explain_failure({world, windows_, requests_.last(actor), declared_}, answer);
    answers_.push_back(std::move(answer));
  } else if (result.state == Result::State::skipped) {
    answer.ending = Ending::skipped;
    answer.brief = result.skipped_as;
    answers_.push_back(std::move(answer));
  } else if (!answer.windows.empty() || asked_.contains(slot)) {
    answer.ending = Ending::succeeded;
    explain_given(world, windows_.given_to(slot), answer);
    answers_.push_back(std::move(answer));
  }
  const bool by_actor = info_of(performed).performed == Performed::by_actor;
  if (by_actor && actor != kNoActor) requests_.forget(actor);
}

void WhyRecorder::op_performed(Machine&, std::size_t op) { answer_boot(static_cast<Slot>(op)); }

void WhyRecorder::program_ended(Machine&) {
  const std::size_t ops = interpreter_.world().program().ops.size();
  answer_boot(static_cast<Slot>(ops == 0 ? 0 : ops - 1));
}

std::vector<Answer> WhyRecorder::answers() const {
  std::vector<Answer> answers = answers_;
  for (const FailedWindow& window : windows_.failed()) {
    if (std::ranges::find(answers, window.op, &Answer::op) != answers.end()) continue;
    Answer answer;
    answer.op = window.op;
    answer.ending = Ending::not_ended;
    answer.windows = windows_.failed_of(window.op);
    answers.push_back(std::move(answer));
  }
  return answers;
}

std::string WhyRecorder::text(const std::function<std::string(Slot)>& op_text) const {
  std::string text;
  for (const Answer& answer : answers()) text += answer_text(answer, op_text);
  return text.empty() ? "no operation failed\n" : text;
}

nlohmann::json WhyRecorder::json() const {
  nlohmann::json json = nlohmann::json::array();
  for (const Answer& answer : answers()) json.push_back(answer_json(answer));
  return json;
}

}  // namespace cma
