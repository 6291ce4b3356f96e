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

// --- figures of reports ---

class CountedPages : public Vmallocs {};
INSTANTIATE_TEST_SUITE_P(Releases, CountedPages, testing::ValuesIn(modelled_releases()));

TEST_P(CountedPages, StandInTheReportAsWhatTheyAre) {
  run("kernel_page slab pages=5\nkernel_page reclaimable_slab pages=4\ns = kernel_page page_table pages=3\nfree s\n"
      "kernel_page page_table pages=2\nkernel_page stack\nu = unmovable_page pages=1000\nexpect u == -ENOMEM\n"
      "alloc_pages order=3 gfp=GFP_ATOMIC\nexpect log \"slab_reclaimable:4 slab_unreclaimable:5\"\n"
      "expect log \"pagetables:2\"\n");
}

// With per-CPU lists drained, each run is one block, whatever was free before.
TEST_P(CountedPages, RunsBecomeBlocksThatDoNotMerge) {
  run("u = unmovable_page pages=256\nf = free_runs u order=3 runs=4\nfree_runs u order=1 runs=2 from=16\ndrain_pages\n"
      "expect f.ok\nexpect free_pages == 804\n");
}

TEST_P(CountedPages, RunsThatAreNotThereFail) {
  run("u = unmovable_page pages=16\nf = free_runs u order=3 runs=2\nexpect f == -ENOENT\ng = free_runs u order=5\n"
      "expect g == -ENOENT\n");
}

TEST_P(CountedPages, ARangeIsMarkedPageByPage) {
  run("n = anon_page pages=6\ndrain_lru\nmark_accessed_range n from=1 pages=4\ndrain_lru\n"
      "mark_accessed_range n from=1 pages=4\ndrain_lru\nu = unmovable_page pages=1000\n"
      "alloc_pages order=3 gfp=GFP_ATOMIC\nexpect log \"active_anon:4 inactive_anon:2\"\n"
      "w = mark_accessed_range u pages=3\nexpect w.skipped\n");
}

}  // namespace
}  // namespace cma
