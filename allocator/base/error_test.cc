#include "allocator/base/error.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

struct Named {
  int number;
  const char* name;
};

constexpr Named kKernelNumbers[] = {{-2, "-ENOENT"},  {-4, "-EINTR"},   {-5, "-EIO"},    {-11, "-EAGAIN"},
                                    {-12, "-ENOMEM"}, {-14, "-EFAULT"}, {-16, "-EBUSY"}, {-22, "-EINVAL"},
                                    {-28, "-ENOSPC"}, {-38, "-ENOSYS"}, {0, "0"}};

TEST(Error, NumbersAreTheKernelsAndNamesReadBack) {
  for (const auto& [number, name] : kKernelNumbers) {
    EXPECT_EQ(errno_name(number), name);
    EXPECT_EQ(errno_from_name(name), number);
    if (number != 0) {
      EXPECT_EQ(errno_from_name(name + 1), number);
    }
  }
}

TEST(Error, ANumberThatNoFunctionReturnsHasNoName) {
  EXPECT_EQ(errno_name(16), "error");
  EXPECT_EQ(errno_name(-1), "error");
  EXPECT_EQ(errno_from_name("EPERM"), 1);
  EXPECT_EQ(errno_from_name(""), 1);
}

}  // namespace
}  // namespace cma
