// The list of a kernel's points, and the table that it counts in, without a kernel.

#include "properties/judge/kernel_coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace cma::judge {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kList =
    "cmacheck-points 1 text=60010000 points=4\n"
    "60010005 mm/cma.c:437:cma_alloc\n"
    "60010010 mm/page_alloc.c:12:pageblock_skip mm/page_alloc.c:6551:alloc_contig_range\n"
    "60010020 mm/page_isolation.c:17:set_migratetype_isolate\n"
    "60010030 mm/page_alloc.c:900:free_one_page\n";

Points points() { return *parse_points(kList, "list"); }

std::string error_of(std::string text) {
  const auto parsed = parse_points(text, "list");
  return parsed ? "none" : parsed.error();
}

// What a kernel writes to the table when it has mapped it.
struct Header {
  std::array<char, 8> magic = {'c', 'm', 'a', 'c', 'o', 'v', '1', '\n'};
  std::uint64_t text = 0x60010000;
  std::uint64_t slots = 1 << 20;
};

void write_at(const KernelCounters& counters, const void* data, std::size_t size, off_t at) {
  ASSERT_EQ(pwrite(counters.descriptor(), data, size, at), static_cast<ssize_t>(size));
}

void count(const KernelCounters& counters, std::uint64_t address, std::uint8_t times) {
  write_at(counters, &times, 1, static_cast<off_t>(4096 + (address - Header().text) / 4));
}

TEST(KernelPoints, AreReadWithTheirPlaces) {
  const Points list = points();
  EXPECT_EQ(list.text, 0x60010000U);
  ASSERT_EQ(list.points.size(), 4U);
  EXPECT_EQ(list.points[0].address, 0x60010005U);
  ASSERT_EQ(list.points[1].places.size(), 2U);
  EXPECT_EQ(list.points[1].places[1].file, "mm/page_alloc.c");
  EXPECT_EQ(list.points[1].places[1].line, 6551U);
  EXPECT_EQ(list.points[1].places[1].function, "alloc_contig_range");
}

TEST(KernelPoints, ADamagedListIsRefusedWithItsLine) {
  EXPECT_THAT(error_of(""), HasSubstr("list:1: not a list of a kernel's points"));
  EXPECT_THAT(error_of("cmacheck-points 2 text=1 points=1\n"), HasSubstr("list:1: not a list"));
  EXPECT_THAT(error_of("cmacheck-points 1 text=60010000 points=0\n"), HasSubstr("list:1: not a list"));
  const std::string title = "cmacheck-points 1 text=60010000 points=1\n";
  EXPECT_THAT(error_of(title + "60010004\n"), HasSubstr("list:2: not an address"));
  EXPECT_THAT(error_of(title + "60010004 mm/cma.c:f\n"), HasSubstr("list:2: not an address"));
  EXPECT_THAT(error_of(title + "6001zzzz mm/cma.c:1:f\n"), HasSubstr("list:2: not an address"));
  EXPECT_THAT(error_of(title + "60000000 mm/cma.c:1:f\n"), HasSubstr("list:2: an address that does not come after"));
  EXPECT_THAT(error_of(title + "60410000 mm/cma.c:1:f\n"), HasSubstr("list:2: an address beyond the table"));
  EXPECT_THAT(error_of(title), HasSubstr("0 points of 1: the list is cut off"));
  EXPECT_THAT(error_of(title), HasSubstr("ci/judge-kernel --coverage"));
}

TEST(KernelPoints, AListThatIsNotThereIsNamed) {
  const auto loaded = load_points("/nonexistent/x.points");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error(), HasSubstr("/nonexistent/x.points: No such file"));
}

TEST(KernelCounters, AreCopiedInTheOrderOfThePoints) {
  KernelCounters counters(points());
  const Header header;
  write_at(counters, &header, sizeof(header), 0);
  count(counters, 0x60010005, 3);
  count(counters, 0x60010020, 255);
  count(counters, 0x60010040, 9);  // no point of the list
  std::vector<std::uint8_t> copy(counters.size(), 7);
  ASSERT_TRUE(counters.read(copy));
  EXPECT_THAT(copy, ElementsAre(3, 0, 255, 0));
  counters.clear();
  ASSERT_TRUE(counters.read(copy));
  EXPECT_THAT(copy, Each(0));
}

TEST(KernelCounters, ATableThatNoKernelWroteIsRefused) {
  KernelCounters counters(points());
  std::vector<std::uint8_t> copy(counters.size());
  EXPECT_THAT(counters.read(copy).error(), HasSubstr("no kernel counts in the table"));
  Header damaged;
  damaged.magic[0] = 'x';
  write_at(counters, &damaged, sizeof(damaged), 0);
  EXPECT_THAT(counters.read(copy).error(), HasSubstr("damaged"));
  Header of_another_build;
  of_another_build.text = 0x60020000;
  write_at(counters, &of_another_build, sizeof(of_another_build), 0);
  EXPECT_THAT(counters.read(copy).error(), HasSubstr("not of one build"));
}

TEST(KernelLines, AreThoseOfAPartThatWereReached) {
  const Points list = points();
  const std::vector<std::uint8_t> counters{1, 1, 0, 1};
  EXPECT_THAT(lines_of(list, SourcePart::cma), ElementsAre(SourceLine{"mm/cma.c", 437}));
  EXPECT_THAT(lines_of(list, SourcePart::page_isolation, counters), ElementsAre());
  // The line that was inlined into alloc_contig_range belongs to another function; the place of the call counts.
  EXPECT_THAT(lines_of(list, SourcePart::contiguous, counters), ElementsAre(SourceLine{"mm/page_alloc.c", 6551}));
  EXPECT_EQ(lines_of(list, SourcePart::everything, counters).size(), 4U);
}

}  // namespace
}  // namespace cma::judge
