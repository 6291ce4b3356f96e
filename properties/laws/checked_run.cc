#include "properties/laws/checked_run.h"

namespace cma {
namespace {

// Tells two observers the same.
class Both final : public Observer {
 public:
  Both(Observer& first, Observer& second) : first_(first), second_(second) {}

  void program_begins(Machine& machine) override { tell(&Observer::program_begins, machine); }
  void booted(Machine& machine) override { tell(&Observer::booted, machine); }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    tell(&Observer::alloc_begins, area, count, align);
  }
  void alloc_failed(AreaId area, std::uint64_t count, unsigned align) override {
    tell(&Observer::alloc_failed, area, count, align);
  }
  void buffer_allocated(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) override {
    tell(&Observer::buffer_allocated, area, pfn, count, align);
  }
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override {
    tell(&Observer::buffer_releasing, area, pfn, count);
  }
  void buffer_released(AreaId area, Pfn pfn, std::uint64_t count) override {
    tell(&Observer::buffer_released, area, pfn, count);
  }
  void pages_allocated(Pfn pfn, unsigned order, Gfp gfp) override { tell(&Observer::pages_allocated, pfn, order, gfp); }
  void pages_freeing(Pfn pfn, unsigned order) override { tell(&Observer::pages_freeing, pfn, order); }
  void range_allocated(Pfn pfn, std::uint64_t count) override { tell(&Observer::range_allocated, pfn, count); }
  void range_freeing(Pfn pfn, std::uint64_t count) override { tell(&Observer::range_freeing, pfn, count); }
  void owner_adopted(OwnerId owner) override { tell(&Observer::owner_adopted, owner); }
  void owner_releasing(OwnerId owner) override { tell(&Observer::owner_releasing, owner); }
  void reference_taken(Pfn pfn, int count) override { tell(&Observer::reference_taken, pfn, count); }
  void reference_dropping(Pfn pfn, int count) override { tell(&Observer::reference_dropping, pfn, count); }
  void file_read(const std::string& path, const std::optional<std::string>& text) override {
    tell(&Observer::file_read, path, text);
  }
  void buffer_held(BufferId buffer) override { tell(&Observer::buffer_held, buffer); }
  void buffer_letting_go(BufferId buffer) override { tell(&Observer::buffer_letting_go, buffer); }
  void control_changes(Machine& machine) override { tell(&Observer::control_changes, machine); }
  void op_performed(Machine& machine, std::size_t op) override { tell(&Observer::op_performed, machine, op); }
  void program_ended(Machine& machine) override { tell(&Observer::program_ended, machine); }

 private:
  template <class... Parameters, class... Arguments>
  void tell(void (Observer::*what)(Parameters...), Arguments&&... arguments) {
    (first_.*what)(arguments...);
    (second_.*what)(arguments...);
  }

  Observer& first_;
  Observer& second_;
};

}  // namespace

RunResult CheckedRun::run(const Program& program, const RunOptions& options, Observer* listener) {
  laws_.set_audit_points(program.audit != decltype(program.audit){});
  RunResult result;
  if (listener == nullptr) {
    result = interpreter_.run(program, &laws_, options);
  } else {
    Both both(*listener, laws_);
    result = interpreter_.run(program, &both, options);
  }
  // Who retries for ever is dealt with by the interpreter.
  const bool retry = !laws_.contended().empty() && program.machine.retry_sweeps.has_value();
  if (!result.finding && options.at_the_end.empty() && retry) result.finding = make_contended_again(program, options);
  return result;
}

std::optional<Finding> CheckedRun::make_contended_again(const Program& program, const RunOptions& options) {
  if (!again_) again_ = std::make_unique<CheckedRun>();
  const std::vector<AreaRequest> requests = laws_.contended();
  RunOptions once_more = options;
  once_more.at_the_end = requests;
  std::optional<Finding> finding = again_->run(program, once_more).finding;
  if (finding) finding->message += "; it failed while others were at work, and was made once more at the end";
  return finding;
}

std::optional<Finding> CheckedRun::find(const Program& program) {
  const RunResult result = run(program);
  return result.passed() ? std::nullopt : result.finding;
}

}  // namespace cma
