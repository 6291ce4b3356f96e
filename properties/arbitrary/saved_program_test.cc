#include "properties/arbitrary/saved_program_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/scratch_folder_testing.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using testing::HasSubstr;

class SavedProgram : public testing::Test {
 protected:
  std::string saved(const std::string& text) const { return folder_.write("saved_program_test.cma", text); }

 private:
  ScratchFolder folder_;
};

TEST_F(SavedProgram, IsReadAsItWasPrinted) {
  const Program program = generate(7);
  EXPECT_EQ(read_saved_program(saved(print(program))), program);
}

TEST_F(SavedProgram, OfAnotherVersionIsRefusedWithASentence) {
  const auto program = read_saved_program(saved("cmacheck 2\nmachine\n"));
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error(), HasSubstr("saved_program_test.cma:1:"));
  EXPECT_THAT(program.error(), HasSubstr("version"));
}

TEST_F(SavedProgram, ThatIsNoneIsRefusedWithItsLine) {
  const auto program = read_saved_program(saved("cmacheck 1\nalloc everything\n"));
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error(), HasSubstr("saved_program_test.cma:2:"));
}

TEST_F(SavedProgram, ThatIsNotThereIsNamed) {
  const auto program = read_saved_program("nowhere/x.cma");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error(), "nowhere/x.cma: cannot be read");
}

}  // namespace
}  // namespace cma
