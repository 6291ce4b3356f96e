// How properties run programs: under all laws, or without them. Either keeps its machines from run to run.
//
// Used by the files properties/*_property.cc. Cost: that of the program, and of the laws.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "properties/laws/checked_run.h"

namespace cma {

// Runs a program under all laws; `listener` gets every call before the laws do. A law that is broken ends the run.
// Fails the property with the finding if no mistake is planted in the machine: whatever a promise is about, no program
// breaks a law, unless a finding of the law `expected` is what the caller looks for. With a mistake planted the finding
// is in the result, and the promise decides.
RunResult run_checked(const Program& program, Observer* listener = nullptr, std::optional<Law> expected = std::nullopt);
// Returns the machine and the results that run_checked() left.
const Interpreter& last_run();
// Fails the property if the program breaks one of these laws; of others as run_checked() does.
void assert_laws_hold(const Program& program, std::initializer_list<Law> laws);

// Runs a program without laws, which would end the run before the listener can make its claim.
RunResult run_plainly(const Program& program, Observer* observer = nullptr);
// Returns the machine and the results that run_plainly() left.
const Interpreter& last_plain_run();

// Returns the program that one of these functions ran last, with what the property had added to it; nullopt if none did
// since forget_last_program().
const std::optional<Program>& last_program();
void forget_last_program();

// Returns the bits that a buffer of `count` pages from pfn on needs in its area's bitmap, by the definition of a bit.
std::vector<std::uint64_t> bits_of_buffer(const Area& area, Pfn pfn, std::uint64_t count);

// An observer that also watches windows, from the beginning of a program until stop_watching(). What a derived class
// does not override does nothing.
template <class Base = Observer>
class WindowObserver : public Base, public WindowWatcher {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.watch_windows(this);
  }
  void stop_watching() {
    if (machine_ != nullptr) machine_->trace.watch_windows(nullptr);
  }
  void window_begins(Pfn, Pfn) override {}
  void page_refused(Pfn, Refusal, int) override {}
  void isolation_lost(Pfn) override {}
  void test_failed(Pfn, Pfn, Pfn) override {}
  void window_ended(int) override {}

 protected:
  Machine* machine_ = nullptr;
};
template <class Base>
RunResult run_plainly(const Program& program, WindowObserver<Base>& observer) {
  const RunResult result = run_plainly(program, &observer);
  observer.stop_watching();
  return result;
}

}  // namespace cma
