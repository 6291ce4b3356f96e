#include "properties/laws/checked_run.h"

namespace cma {
namespace {

// Passes every call on to two observers, in this order.
class Both final : public Observer {
 public:
  Both(Observer& first, Observer& second) : first_(first), second_(second) {}

  void program_begins(Machine& machine) override { pass_on(&Observer::program_begins, machine); }
  void booted(Machine& machine) override { pass_on(&Observer::booted, machine); }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    pass_on(&Observer::alloc_begins, area, count, align);
  }
  void alloc_failed(AreaId area, std::uint64_t count, unsigned align) override {
    pass_on(&Observer::alloc_failed, area, count, align);
  }
  void buffer_allocated(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) override {
    pass_on(&Observer::buffer_allocated, area, pfn, count, align);
  }
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override {
    pass_on(&Observer::buffer_releasing, area, pfn, count);
  }
  void buffer_released(AreaId area, Pfn pfn, std::uint64_t count) override {
    pass_on(&Observer::buffer_released, area, pfn, count);
  }
  void pages_allocated(Pfn pfn, unsigned order, Gfp gfp) override {
    pass_on(&Observer::pages_allocated, pfn, order, gfp);
  }
  void pages_refused(unsigned order, Gfp gfp) override { pass_on(&Observer::pages_refused, order, gfp); }
  void pages_freeing(Pfn pfn, unsigned order) override { pass_on(&Observer::pages_freeing, pfn, order); }
  void range_allocated(Pfn pfn, std::uint64_t count) override { pass_on(&Observer::range_allocated, pfn, count); }
  void range_freeing(Pfn pfn, std::uint64_t count) override { pass_on(&Observer::range_freeing, pfn, count); }
  void owner_adopted(OwnerId owner) override { pass_on(&Observer::owner_adopted, owner); }
  void owner_releasing(OwnerId owner) override { pass_on(&Observer::owner_releasing, owner); }
  void reference_taken(Pfn pfn, int count, bool longterm) override {
    pass_on(&Observer::reference_taken, pfn, count, longterm);
  }
  void reference_dropping(Pfn pfn, int count) override { pass_on(&Observer::reference_dropping, pfn, count); }
  void file_read(const std::string& path, const std::optional<std::string>& text) override {
    pass_on(&Observer::file_read, path, text);
  }
  void buffer_held(BufferId buffer) override { pass_on(&Observer::buffer_held, buffer); }
  void buffer_letting_go(BufferId buffer) override { pass_on(&Observer::buffer_letting_go, buffer); }
  void control_changes(Machine& machine) override { pass_on(&Observer::control_changes, machine); }
  void op_ended(Machine& machine, std::size_t op) override { pass_on(&Observer::op_ended, machine, op); }
  void op_performed(Machine& machine, std::size_t op) override { pass_on(&Observer::op_performed, machine, op); }
  void program_ended(Machine& machine) override { pass_on(&Observer::program_ended, machine); }

 private:
  template <class... Parameters, class... Arguments>
  void pass_on(void (Observer::*callback)(Parameters...), Arguments&&... arguments) {
    (first_.*callback)(arguments...);
    (second_.*callback)(arguments...);
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
  // The interpreter checks actors that retry without limit.
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
  if (finding)
    finding->message += "; it failed while other actors were inside operations, and was made once more at the end";
  return finding;
}

std::optional<Finding> CheckedRun::find(const Program& program) {
  const RunResult result = run(program);
  return result.passed() ? std::nullopt : result.finding;
}

}  // namespace cma
