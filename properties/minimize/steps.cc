#include "properties/minimize/steps.h"

#include <algorithm>

namespace cma {
namespace {

// Returns a step that removes the operations [begin, end).
Change without(std::size_t begin, std::size_t end) {
  return [begin, end](Program& program) {
    if (begin >= end || end > program.ops.size()) return false;
    program.ops.erase(program.ops.begin() + static_cast<std::ptrdiff_t>(begin),
                      program.ops.begin() + static_cast<std::ptrdiff_t>(end));
    return true;
  };
}

// Returns a step that removes the operation at `index` and all that names its result.
Change without_unit(std::size_t index) {
  return [index](Program& program) {
    std::vector<bool> unit(program.ops.size(), false);
    unit[index] = true;
    close_over_users(program, unit);
    unit.flip();
    return keep_only(program, unit);
  };
}

void add_chunks(const Program& program, std::vector<Change>& steps) {
  const std::size_t ops = program.ops.size();
  for (std::size_t size = ops / 2; size >= 2; size /= 2)
    for (std::size_t end = ops; end > 0;) {
      const std::size_t begin = end > size ? end - size : 0;
      steps.push_back(without(begin, end));
      end = begin;
    }
}

}  // namespace

void close_over_users(const Program& program, std::vector<bool>& marked) {
  const std::vector<Op>& all = program.ops;
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (marked[i]) continue;
      for_each_operand(all[i].body, [&](OpId id) {
        for (std::size_t j = 0; j < all.size(); ++j)
          if (marked[j] && all[j].id == id && id != 0) marked[i] = grew = true;
      });
    }
  }
}

void close_over_operands(const Program& program, std::vector<bool>& marked) {
  const std::vector<Op>& all = program.ops;
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!marked[i]) continue;
      for_each_operand(all[i].body, [&](OpId id) {
        for (std::size_t j = 0; j < all.size(); ++j)
          if (all[j].id == id && id != 0 && !marked[j]) marked[j] = grew = true;
      });
    }
  }
}

bool keep_only(Program& program, const std::vector<bool>& keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    if (keep[i]) {
      if (kept != i) program.ops[kept] = std::move(program.ops[i]);
      ++kept;
    }
  if (kept == program.ops.size()) return false;
  program.ops.erase(program.ops.begin() + static_cast<std::ptrdiff_t>(kept), program.ops.end());
  return true;
}

std::vector<Change> argument_steps(const Program& program, std::size_t index) {
  std::vector<Change> steps;
  for (std::size_t field = 0;; ++field)
    for (std::size_t attempt = 0;; ++attempt) {
      OpBody body = program.ops[index].body;
      const Simplified simplified = simplify_field(body, field, attempt);
      if (simplified == Simplified::no_such_field) return steps;
      if (simplified == Simplified::no_more_attempts) break;
      steps.emplace_back([index, body = std::move(body)](Program& smaller) {
        smaller.ops[index].body = body;
        return true;
      });
    }
}

std::vector<Change> cheap_steps(const Program& program) {
  std::vector<Change> steps;
  const std::size_t ops = program.ops.size();
  add_chunks(program, steps);
  for (std::size_t i = ops; i-- > 0;)
    if (program.ops[i].id != 0) steps.push_back(without_unit(i));
  for (std::size_t i = ops; i-- > 0;) steps.push_back(without(i, i + 1));
  for (std::size_t i = 0; i < ops; ++i) std::ranges::move(stop_changes(i), std::back_inserter(steps));
  for (std::size_t i = 0; i < ops; ++i) std::ranges::move(argument_steps(program, i), std::back_inserter(steps));
  steps.emplace_back(tidy_up);
  std::ranges::move(machine_changes(program), std::back_inserter(steps));
  return steps;
}

}  // namespace cma
