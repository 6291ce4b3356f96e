// Runs programs under all laws: what the fuzz targets, the command line, the minimiser and the tests mean by "run".
//
// Keeps the interpreter's machines and the laws' tables from run to run, as setting them up costs more than most
// programs; yet each run depends on its program only, and tests hold it to that.
//
// Thread safety: none; one for each thread. Cost: that of the interpreter and the laws.
#pragma once

#include <memory>
#include <optional>

#include "properties/laws/laws.h"
#include "properties/program/interpreter.h"

namespace cma {

class CheckedRun {
 public:
  // Runs a program, which must be settled and its machine possible. If it breaks no law but allocations failed while
  // other actors were inside operations, runs it once more with these allocations made again at its end (law
  // `complete`). `listener` gets every call of the Observer before the laws do.
  RunResult run(const Program& program, const RunOptions& options = {}, Observer* listener = nullptr);
  // Returns the finding of a run, unless the run passed.
  std::optional<Finding> find(const Program& program);

  // The state after the last run.
  const Interpreter& interpreter() const { return interpreter_; }
  const Machine& machine() const { return interpreter_.machine(); }
  Laws& laws() { return laws_; }

 private:
  std::optional<Finding> make_contended_again(const Program& program, const RunOptions& options);

  Interpreter interpreter_;
  Laws laws_;
  // Runs requests once more, so that the state after the program itself stays available.
  std::unique_ptr<CheckedRun> again_;
};

}  // namespace cma
