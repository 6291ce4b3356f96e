#include "allocator/pressure/after_attempts.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"
#include "allocator/pressure/relief.h"

namespace cma {
namespace {

using enum AfterAttempts;

struct Ended {
  const char* what;
  Gfp gfp;
  ReclaimScope scope;
  AfterAttempts in_v3_6;
  AfterAttempts in_v4_9;
  AfterAttempts since_v4_19;
};

// What a request does next that nothing could serve.
constexpr Ended kEnds[] = {
    {"an ordinary one", kGfpKernel, ReclaimScope::none, reclaims, reclaims, reclaims},
    {"one that must not fail", kGfpKernel | kGfpNofail, ReclaimScope::none, reclaims, reclaims, reclaims},
    {"one that cannot wait", kGfpAtomic, ReclaimScope::none, fails, fails, fails},
    {"and must not fail", kGfpAtomic | kGfpNofail, ReclaimScope::none, fails, fails, fails},
    {"and may have the last page", kGfpAtomic | kGfpNofail | kGfpMemalloc, ReclaimScope::none, tries_again, fails,
     fails},
    {"of a real-time task", kGfpKernel, ReclaimScope::realtime, reclaims, reclaims, reclaims},
    {"of a task that must not enter file systems", kGfpKernel, ReclaimScope::noio, reclaims, reclaims, reclaims},
    {"of a task that reclaims", kGfpKernel, ReclaimScope::noreclaim, fails, fails, fails},
    {"and must not fail", kGfpKernel | kGfpNofail, ReclaimScope::noreclaim, tries_again, tries_again, tries_again},
    {"and must leave the last pages", kGfpKernel | kGfpNofail | kGfpNomemalloc, ReclaimScope::noreclaim, fails,
     tries_again, tries_again},
    {"of a victim of the OOM killer", kGfpKernel, ReclaimScope::victim, fails, fails, reclaims},
    {"and must not fail", kGfpKernel | kGfpNofail, ReclaimScope::victim, tries_again, reclaims, reclaims},
};

TEST(AfterAttempts, AVictimGivesUpSince412ButNotARequestThatMustNotFail) {
  TaskFlags task;
  EXPECT_FALSE(victim_gives_up(kGfpKernel, task, Release::v4_12)) << "no victim";
  task.scope = ReclaimScope::victim;
  for (const Release release : modelled_releases()) {
    const bool spent = release >= Release::v4_12;
    EXPECT_EQ(victim_gives_up(kGfpKernel, task, release), spent) << name_of(release);
    EXPECT_FALSE(victim_gives_up(kGfpKernel | kGfpNofail, task, release)) << name_of(release);
    EXPECT_EQ(victim_has_its_share(kGfpKernel | kGfpNofail, task, release), spent) << name_of(release);
  }
  EXPECT_TRUE(victim_gives_up(kGfpKernel | kGfpMemalloc, task, Release::v4_13));
  EXPECT_FALSE(victim_gives_up(kGfpKernel | kGfpMemalloc, task, Release::v4_14)) << "has more of them";
}

TEST(AfterAttempts, EndsWhereTheReleaseEndsIt) {
  for (const Release release : modelled_releases())
    for (const Ended& ended : kEnds) {
      AfterAttempts expected = ended.since_v4_19;
      if (release < Release::v4_19) expected = ended.in_v4_9;
      if (release < Release::v4_9) expected = ended.in_v3_6;
      TaskFlags task;
      task.scope = ended.scope;
      EXPECT_EQ(after_attempts(ended.gfp, task, tiny_geometry(release)), expected)
          << name_of(release) << ": " << ended.what;
    }
}

TEST(AfterAttempts, UpTo40SlabsRequestsForANodeFailBeforeTheyReclaim) {
  const Gfp slabs = kGfpKernel | kGfpThisnode | kGfpNoretry | kGfpNowarn;
  for (const Release release : {Release::v4_0, Release::v4_1}) {
    Geometry geometry = tiny_geometry(release);
    EXPECT_EQ(after_attempts(slabs, {}, geometry), reclaims) << "a kernel without nodes";
    geometry.zones = {{"Normal", {0, 32}}, {"Normal", {32, 64}, 1}};
    EXPECT_EQ(after_attempts(slabs, {}, geometry), release < Release::v4_1 ? fails : reclaims) << name_of(release);
    EXPECT_EQ(after_attempts(slabs & ~Gfp{kGfpNoretry}, {}, geometry), reclaims) << name_of(release);
  }
}

TEST(Relief, ACompactionNeedsIoAndUpTo49FileSystems) {
  for (const Release release : modelled_releases()) {
    EXPECT_TRUE(may_compact_with(kGfpKernel, release)) << name_of(release);
    EXPECT_FALSE(may_compact_with(kGfpKernel & ~Gfp{kGfpIo}, release)) << name_of(release);
    EXPECT_EQ(may_compact_with(kGfpKernel & ~Gfp{kGfpFs}, release), release >= Release::v4_10) << name_of(release);
  }
}

}  // namespace
}  // namespace cma
