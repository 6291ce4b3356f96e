#include "properties/program/budget.h"

#include <gtest/gtest.h>

#include "properties/program/generator.h"
#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Compares the steps of an undisturbed operation with its bound.
class Stretches : public Observer {
 public:
  explicit Stretches(const World& world) : world_(world) {}
  std::uint64_t operations = 0;
  void program_begins(Machine& machine) override { last_ = machine.engine.steps(); }
  void control_changes(Machine& machine) override { last_ = machine.engine.steps(); }
  void op_performed(Machine& machine, std::size_t index) override {
    const Op& op = world_.program().ops[index];
    const std::uint64_t took = machine.engine.steps() - last_;
    last_ = machine.engine.steps();
    if (info_of(op).performed != Performed::by_actor || took == 0) return;
    ++operations;
    EXPECT_LT(took * 10, step_budget(world_, op)) << print_op(world_.program(), op);
  }

 private:
  const World& world_;
  std::uint64_t last_ = 0;
};

TEST(Budget, IsFarAboveWhatOperationsTake) {
  Interpreter interpreter;
  Stretches stretches(interpreter.world());
  for (std::uint64_t seed = 0; seed < 2000; ++seed) interpreter.run(generate(seed), &stretches);
  EXPECT_GT(stretches.operations, 1000U);
}

TEST(Budget, GrowsWithWhatIsAskedFor) {
  const auto program = parse(
      "machine small release=6.1\ncma_alloc a pages=1\ncma_alloc a pages=200\n"
      "cma_alloc a pages=18446744073709551615\ncma_alloc a pages=200 align=6\n",
      "test");
  ASSERT_TRUE(program);
  Interpreter interpreter;
  interpreter.run(*program);
  const auto budget = [&](std::size_t op) { return step_budget(interpreter.world(), program->ops[op]); };
  EXPECT_LT(budget(0), budget(1));
  EXPECT_LT(budget(1), budget(2));
  EXPECT_LT(budget(3), budget(1));
  EXPECT_LT(budget(2), std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace cma
