// What the kernels answer when they are asked about faults of their own, those of corpus/kernel-findings that they can
// be asked about. Races are asked about as one step after the other. A kernel with a repair fails here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/judge/kernel_process.h"

namespace cma::judge {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class KernelFindings : public ::testing::TestWithParam<Release> {
 protected:
  // Starts a kernel of 256 MiB with one area, of so many pages from page `base` on. Skips the test if there is no such
  // kernel, or if it has no such area: before 5.19 areas are whole largest blocks.
  void start(std::uint64_t base, std::uint64_t pages, unsigned order_per_bit = 0) {
    if (GetParam() < Release::v5_19 && (base | pages) % 1024 != 0) GTEST_SKIP() << "no area of this kernel";
    const auto program = cached_kernel({GetParam(), 9});
    if (!program) GTEST_SKIP() << missing_kernel_reason({GetParam(), 9});
    KernelOptions options{.program = *program, .memory_pages = 65536, .areas = {{"a", base, pages, order_per_bit}}};
    options.silence = std::chrono::seconds(10);
    kernel_.emplace(options);
    if (!kernel_->ask("areas").complete) GTEST_SKIP() << "the kernel does not run here (ptrace?): " << kernel_->log();
  }
  // Asks one after the other; returns the lines of the last answer.
  std::vector<std::string> ask(const std::vector<std::string>& ops) {
    std::vector<std::string> last;
    for (const std::string& op : ops) last = kernel_->ask(op).lines;
    return last;
  }
  // Leaves eight largest blocks from page 20480 on, each broken by a page in use, and nothing else outside the area.
  void leave_broken_blocks() {
    ask({"prepare compaction", "arena 20480 8192"});
    for (unsigned block = 0; block < 8; ++block) ask({"keep " + std::to_string(20480 + 1024 * block + 514) + " 2"});
    ask({"drain"});
  }
  std::optional<KernelProcess> kernel_;
};

INSTANTIATE_TEST_SUITE_P(Releases, KernelFindings, ::testing::ValuesIn(judged_releases()), [](const auto& tested) {
  std::string name = "R" + name_of(tested.param);
  std::ranges::replace(name, '.', '_');
  return name;
});

TEST_P(KernelFindings, CompactionWithoutEnd) {
  start(19968, 512);
  if (IsSkipped()) return;
  ask({"prepare compaction", "ca 50 a 512 0", "arena 20480 8192", "keep 20481 1"});
  for (unsigned block = 1; block < 8; ++block) ask({"keep " + std::to_string(20480 + 1024 * block + 514) + " 2"});
  ask({"drain", "mv 100", "mpe 100 -1", "compact 10 light m 0", "compact 10 light m 1"});
  const KernelAnswer answer = kernel_->ask("compact 10 light m 0");
  const bool endless = GetParam() >= Release::v6_3;
  EXPECT_EQ(answer.complete, !endless);
  EXPECT_EQ(kernel_->failure().has_value(), endless);
  if (kernel_->failure()) {
    EXPECT_EQ(kernel_->failure()->kind, KernelFailure::Kind::silent);
  }
}

TEST_P(KernelFindings, BufferNotAlignedAsAsked) {
  start(16896, 2048, 10);
  if (IsSkipped()) return;
  EXPECT_THAT(ask({"ca 1 a 1024 10"}), ElementsAre("ca 1 ok off=0")) << "page 16896 is no multiple of 1024";
}

TEST_P(KernelFindings, RefusedRangeEndsAnIsolation) {
  if (GetParam() < Release::v5_19) GTEST_SKIP() << "a refused range gives back only what it isolated";
  start(16384, 1024);
  if (IsSkipped()) return;
  EXPECT_THAT(ask({"isolate a 0 512", "cmaf"}), ElementsAre("cmaf free=512 isolblk=1"));
  EXPECT_THAT(ask({"range 1 a 8 8"}), ElementsAre("range 1 -16"));
  EXPECT_THAT(ask({"cmaf"}), ElementsAre("cmaf free=512 isolblk=0"));
  EXPECT_THAT(ask({"undo a 0 512", "dump a"}), Contains("mt MC"));
}

TEST_P(KernelFindings, FreePagesCountedTwice) {
  start(16384, 1024);
  if (IsSkipped()) return;
  // In 5.10 what is eaten raises the watermarks by 1,024 pages.
  const std::string eat = GetParam() < Release::v5_19 ? "eat 2000" : "eat 1400";
  ask({"drain", "isolate a 0 1024", "undo a 0 512", eat, "pa 1 0 m", "undo a 512 512", "pf 1", "spit", "drain"});
  EXPECT_THAT(ask({"zone"}),
              ElementsAre(GetParam() < Release::v6_10 ? "zone free=+512 cma=+512" : "zone free=+0 cma=+0"));
}

TEST_P(KernelFindings, FirstCompactionDoesNothing) {
  start(19456, 1024);
  if (IsSkipped()) return;
  leave_broken_blocks();
  ask({"ca 9 a 1 0", "drain", "sm 100 40", "drain"});
  const std::vector<std::string> before = ask({"vm"});
  EXPECT_THAT(ask({"compact 10 light m 0"}), ElementsAre("compact -12"));
  EXPECT_EQ(ask({"vm"}), before);
  // There the second does nothing either: after a quick search the scanners meet.
  if (GetParam() < Release::v5_19) return;
  ask({"compact 10 light m 0"});
  EXPECT_NE(ask({"vm"}), before);
}

TEST_P(KernelFindings, RangeHidesAPageblockFromCompaction) {
  for (const bool range : {false, true}) {
    start(19456, 1024);
    if (IsSkipped()) return;
    leave_broken_blocks();
    if (range) ask({"ca 1 a 512 0", "cr 1"});
    ask({"drain", "smat 100 a 256", "compact 10 light u 0", "compact 10 light u 0"});
    const bool hidden = range && GetParam() < Release::v6_3;
    EXPECT_THAT(ask({"locs"}), ElementsAre(hidden ? "locs 100:a+256" : "locs")) << range;
  }
}

}  // namespace
}  // namespace cma::judge
