// A program that the generator makes, and its forecast, which grow together.
#pragma once

#include <utility>

#include "properties/program/forecast.h"
#include "properties/program/values.h"

namespace cma {

// Requires: the program outlives it, has its machine and its actors, and changes in no other way.
class Draft {
 public:
  explicit Draft(Program& program) : program_(program), forecast_(program) {}
  const Program& program() const { return program_; }
  const Forecast& forecast() const { return forecast_; }
  void append(Op op) {
    forecast_.add(op);
    program_.ops.push_back(std::move(op));
  }
  // Appends an operation of this kind with random fields, changed by `change`; with an identifier for what it yields.
  template <class Change>
  void append(Random& random, std::size_t kind, Change change) {
    Op op;
    op.body = default_body(kind);
    FieldGenerator values(random, forecast_, kind);
    visit_fields(op.body, values);
    change(op.body);
    if (info_of(op).yields != Yields::nothing) op.id = forecast_.unused_id();
    append(std::move(op));
  }
  void append(Random& random, std::size_t kind) {
    append(random, kind, [](OpBody&) {});
  }

 private:
  Program& program_;
  Forecast forecast_;
};

}  // namespace cma
