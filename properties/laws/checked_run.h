// Runs programs with every law watching: what the fuzz targets, the command line, the minimiser's judges and the tests
// mean by "run".
//
// Keeps the interpreter's machines and the laws' tables from run to run, as setting them up costs more than most
// programs; yet each run depends on its program only, and tests hold it to that. Not thread safe; one per thread. Cost:
// that of the interpreter and the laws.
#pragma once

#include <memory>
#include <optional>

#include "properties/laws/laws.h"
#include "properties/program/interpreter.h"

namespace cma {

class CheckedRun {
 public:
  // The program must be settled and its machine possible. A program that broke no law, but in which allocations failed
  // while others were inside operations, is run once more with these made again at its end (law `complete`). `listener`
  // is told the same as the laws, before they judge.
  RunResult run(const Program& program, const RunOptions& options = {}, Observer* listener = nullptr);
  // The finding of a run that did not pass.
  std::optional<Finding> find(const Program& program);

  // What the last run left behind.
  const Interpreter& interpreter() const { return interpreter_; }
  const Machine& machine() const { return interpreter_.machine(); }
  Laws& laws() { return laws_; }

 private:
  std::optional<Finding> make_contended_again(const Program& program, const RunOptions& options);

  Interpreter interpreter_;
  Laws laws_;
  // For requests that are made once more: what the program itself left behind stays to be looked at.
  std::unique_ptr<CheckedRun> again_;
};

}  // namespace cma
