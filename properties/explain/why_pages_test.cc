// What is answered about requests for pages: the arithmetic of each zone's watermark, its blocks, and how far an
// operation came.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/explain/why_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(WhyPages, AnswersForEachWayAZoneRefuses) {
  expect_answers({
      {"order",
       "small release=6.1",
       "x = alloc_pages order=10 type=unmovable\n",
       {"answer failed, -ENOMEM: order 10 is above the largest one, 6\n",
        "wanted a block of order 10 (1024 pages) for GFP_KERNEL\n"}},
      {"watermark",
       "small release=6.1",
       "eaten = unmovable_page pages=1000\nx = alloc_pages type=unmovable\n",
       {"answer failed, -ENOMEM: no zone can give a page: zone Normal has ",
        " pages that the request may use, and more than ", "of them of areas, which this request may not have",
        "min watermark ", "would  pass in zone Normal if it were movable: the "}},
      {"blocks",
       "small release=6.1",
       "keep = cma_alloc a pages=256\nmore = cma_alloc b pages=256\nx0 = alloc_pages order=6 type=unmovable\n"
       "x1 = alloc_pages order=6 type=unmovable\nx2 = alloc_pages order=6 type=unmovable\n"
       "x3 = alloc_pages order=6 type=unmovable\nx4 = alloc_pages order=6 type=unmovable\n"
       "z1 = alloc_pages order=5 type=unmovable\nz2 = alloc_pages order=5 type=unmovable\n"
       "z3 = alloc_pages order=5 type=unmovable\nz4 = alloc_pages order=5 type=unmovable\n"
       "z5 = alloc_pages order=5 type=unmovable\nfree_pages z1\nfree_pages z3\nx5 = alloc_pages order=6 "
       "type=unmovable\n",
       {"x5 = alloc_pages order=6 type=unmovable\n  answer failed, -ENOMEM: no zone can give a block of order 6 "
        "(64 pages): zone Normal has enough pages, but its largest free block that the request may use is of order "
        "5\n"}},
      {"zones",
       "release=6.1 base=0 pages=0x4000 pageblock_order=9 min_free_kbytes=8192\nzone Normal base=0 "
       "pages=0x2000\nzone HighMem base=0x2000 pages=0x2000",
       "eaten = unmovable_page pages=9000\nx = alloc_pages type=unmovable\n",
       {"zone   HighMem: 8192 pages free, of no use to this request, which reaches up to zone Normal\n",
        "zone   Normal: ", "more than 2048 must stay (min watermark 2048)", "or with a min watermark below ",
        " (vm.min_free_kbytes sets it)\n"}},
      {"atomic",
       "small release=4.19",
       "eaten = unmovable_page pages=1000\nx = alloc_pages type=unmovable atomic\n"
       "y = alloc_pages order=6 type=unmovable atomic\n",
       {"lowered by ", " for an urgent request"}},
  });
}

// Raspberry Pi, 32 bits: high memory is of no use to the kernel, and one low zone carries the whole reserve.
TEST(WhyPages, CountsHowManyPagesItGot) {
  const std::string text = why_text(
      "release=6.1 base=0 pages=0x4000 pageblock_order=9 min_free_kbytes=8192\nzone Normal base=0 pages=0x2000\nzone "
      "HighMem base=0x2000 pages=0x2000",
      "eaten = unmovable_page pages=9000\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("answer failed, -ENOMEM: no zone can give a page: zone Normal has 2048 pages that the "
                              "request may use, and more than 2048 must stay\n"),
                    HasSubstr("got    6"), HasSubstr(" of 9000 pages\n"), HasSubstr(" of zone Normal by eaten\n")));
}

// The watermarks of a zone are raised when types mix in a pageblock (5.0).
TEST(WhyPages, NamesTheBoost) {
  const auto blocks = [](const char* verb, int from, int step) {
    std::string lines;
    for (int i = from; i <= 56; i += step) lines += fmt::format(fmt::runtime(verb), i) + "\n";
    return lines;
  };
  // Every other block of half a pageblock is free, and then goes to requests of another type.
  const std::string text =
      why_text("small release=6.1 min_free_kbytes=256",
               "keep = cma_alloc a pages=256\nmore = cma_alloc b pages=256\n" +
                   blocks("u{} = alloc_pages order=3 type=unmovable", 1, 1) + blocks("free_pages u{}", 2, 2) +
                   blocks("r{} = alloc_pages order=3 type=reclaimable", 41, 1) + "eaten = unmovable_page pages=1000\n");
  EXPECT_THAT(text, AllOf(HasSubstr(" + boost "), HasSubstr("would  pass in zone Normal without the boost")));
}

}  // namespace
}  // namespace cma
