// The kinds that a kernel can perform, and the random programs that are made of them.

#include <gtest/gtest.h>

#include "properties/judge/translate.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma::judge {
namespace {

TEST(PerformedKinds, AreThoseThatTheTranslationHasWordsFor) {
  const KindSet& kinds = performed_kinds();
  EXPECT_TRUE(kinds.test(kind_of<CmaAlloc>()));
  EXPECT_TRUE(kinds.test(kind_of<OwnedPages<PageKind::shmem>>()));
  EXPECT_FALSE(kinds.test(kind_of<OwnedPages<PageKind::block_device>>()));
  EXPECT_TRUE(kinds.test(kind_of<MappingOp<MappingVerb::mlock>>()));
  EXPECT_TRUE(kinds.test(kind_of<MappingOp<MappingVerb::madv_free>>()));
  EXPECT_TRUE(kinds.test(kind_of<ReadFile>()));
  EXPECT_FALSE(kinds.test(kind_of<BufferRead>()));
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    const OpInfo& info = op_catalogue()[kind];
    if (info.any_time || info.boot) {
      EXPECT_FALSE(kinds.test(kind)) << info.verb;
    }
  }
}

// A seed that is reported must keep its meaning. A new kind that kernels can perform changes the number.
TEST(PerformedKinds, ASeedGivesTheSameProgram) {
  const GeneratorOptions options{.release = Release::v6_1, .kinds = performed_kinds(), .sequential = true};
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::uint64_t seed = 0; seed < 500; ++seed)
    for (const char c : print(generate(seed, options)))
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  EXPECT_EQ(hash, 0xa24c63f6dfeb30b7ULL);
}

}  // namespace
}  // namespace cma::judge
