// Operations that take pages of the page allocator, as programs see them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "properties/program/interpreter.h"
#include "properties/program/program_testing.h"

namespace cma {
namespace {

class Vmallocs : public testing::TestWithParam<Release> {
 protected:
  // Runs a program on a machine of the release, and fails unless it ends without a finding.
  void run(std::string_view ops, std::string_view machine = "small") {
    const std::string text = fmt::format("machine {} release={}\n{}", machine, name_of(GetParam()), ops);
    const RunResult result = interpreter_.run(parsed(text));
    EXPECT_FALSE(result.finding) << result.finding->message;
  }
  bool since(Release release) const { return GetParam() >= release; }

  Interpreter interpreter_;
};

INSTANTIATE_TEST_SUITE_P(Releases, Vmallocs, testing::ValuesIn(modelled_releases()));

TEST_P(Vmallocs, TakeSinglePagesThatCannotMove) {
  run("v = vmalloc bytes=0x4001 gfp=GFP_KERNEL\nexpect v.ok\nexpect v.pages == 5\nexpect page v+4 used ref=1\nfree v\n"
      "drain_pages\nexpect free_pages == 1024\n");
}

TEST_P(Vmallocs, TakeTheArrayOfTheirAddressesToo) {
  run("v = vmalloc bytes=0x201000 gfp=GFP_KERNEL\nexpect v.pages == 515\n", "pages=0x1000");
}

TEST_P(Vmallocs, GiveEverythingBackIfAPageIsMissing) {
  run("u = unmovable_page pages=300\nv = vmalloc bytes=0x100000 gfp=GFP_KERNEL|__GFP_NORETRY\nexpect v == -ENOMEM\n"
      "expect v.pages == 0\ndrain_pages\nexpect free_pages == 724\n");
  run(
      fmt::format("u = unmovable_page pages=500\nvmalloc bytes=0x20000 gfp=GFP_KERNEL|__GFP_NORETRY\n"
                  "expect log \"{}\" times=1\n",
                  since(Release::v5_13) ? "vmalloc error: size " : "vmalloc: allocation failure, allocated "));
}

TEST_P(Vmallocs, OfNothingFailThoughMemoryIsFree) {
  run(
      fmt::format("v = vmalloc bytes=0 gfp=GFP_KERNEL\nexpect v == -ENOMEM\nexpect log \"vmalloc: allocation failure: "
                  "0 bytes\" {}\n",
                  since(Release::v5_13) ? "never" : "times=1"));
}

TEST_P(Vmallocs, LargerThanAllMemoryFailAtOnce) {
  run(fmt::format("v = vmalloc bytes=0x400001 gfp=GFP_KERNEL\nexpect v == -ENOMEM\nexpect log \"{}\" times=1\n",
                  since(Release::v5_13) ? "vmalloc error: size 4194305, exceeds total pages"
                                        : "vmalloc: allocation failure: 4194305 bytes"));
}

TEST_P(Vmallocs, AreSilentWhereAKernelWouldKillAndTryAgain) {
  run("u = unmovable_page pages=500\nv = vmalloc bytes=0x20000 gfp=GFP_KERNEL\nexpect v == -ENOMEM\n"
      "expect log \"allocation failure\" never\nexpect log \"vmalloc\" never\n");
}

}  // namespace
}  // namespace cma
