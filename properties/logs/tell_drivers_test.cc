#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LogAnswer answer_of_drivers(const std::string& log) { return explain_log(text_source(log)); }

constexpr const char* kFull =
    "dma-buf 1.video: swiotlb buffer is full (sz: 67108864 bytes)\n"
    "dma-buf 1.video: swiotlb: coherent allocation failed, size=67108864\n";

// Returns the lines of a buffer of 64 MiB at an address.
std::string buffer_lines(const std::string& address) {
  return "u-dma-buf a: phys address   = " + address + "\nu-dma-buf a: buffer size    = 67108864\n";
}

TEST(TellDrivers, ABufferThatDoesNotBeginItsAreaHasOthersBefore) {
  const LogAnswer answer = answer_of_drivers(buffer_lines("0x38200000") + kFull);
  EXPECT_EQ(answer.brief.at(0), "A driver did not get a buffer of 64 MiB.");
  EXPECT_EQ(answer.cited.at(1),
            "A buffer of 64 MiB lies at 0x38200000, 2 MiB above a multiple of 4 MiB: if the area begins there, "
            "something had pages of the first 512 before it; with those, 2 buffers of 64 MiB do not fit into 128 MiB "
            "(fits, lines 1-3).");
  EXPECT_EQ(answer.brief.at(2), "An area of 132 MiB or more, or a region of its own for each large buffer.");
  EXPECT_THAT(whole_text(answer), HasSubstr("the DMA layer asks an area for 16384 pages, silently"));
}

TEST(TellDrivers, OfABufferAtAMultipleOfTheUnitNothingIsBefore) {
  EXPECT_THAT(whole_text(answer_of_drivers(buffer_lines("0x38400000") + kFull)), Not(HasSubstr("lies at")));
  // Since 5.19 areas begin at any pageblock.
  EXPECT_THAT(whole_text(answer_of_drivers("Linux version 6.1.0\n" + buffer_lines("0x38200000") + kFull)),
              Not(HasSubstr("lies at")));
  EXPECT_THAT(whole_text(answer_of_drivers("Linux version 6.1.0\n" + buffer_lines("0x38300000") + kFull)),
              HasSubstr("1 MiB above a multiple of 2 MiB"));
}

TEST(TellDrivers, ABufferInAKnownAreaIsComparedWithIt) {
  const std::string boot = "cma: Reserved 192 MiB at 0x0000000030000000\n";
  const std::string two = buffer_lines("0x34100000") + buffer_lines("0x30100000");
  EXPECT_THAT(
      answer_of_drivers(boot + two + kFull).brief.at(1),
      HasSubstr("The lowest buffer of 64 MiB lies at 0x30100000, 1 MiB from the begin of its area: something had "
                "pages of the first 256 before it; with those, 3 buffers of 64 MiB do not fit into 192 MiB."));
  const std::string text = whole_text(answer_of_drivers(boot + buffer_lines("0x30100000") + kFull));
  EXPECT_THAT(text, HasSubstr("1 MiB from the begin of its area"));
  EXPECT_THAT(text, Not(HasSubstr("do not fit")));
}

// What was before it may be gone: then another buffer fits there.
TEST(TellDrivers, ABufferFarBehindTheBeginOfItsAreaLeavesRoomBefore) {
  const std::string boot = "cma: Reserved 192 MiB at 0x0000000030000000\n";
  const LogAnswer answer = answer_of_drivers(boot + buffer_lines("0x36100000") + kFull);
  EXPECT_THAT(
      answer.brief.at(1),
      HasSubstr("A buffer of 64 MiB lies at 0x36100000, 97 MiB from the begin of its area: something was before "
                "it then, or it would lie lower; only 31 MiB are left behind."));
  EXPECT_EQ(answer.brief.at(2), "A larger area, or a region of its own for each large buffer.");
  EXPECT_THAT(whole_text(answer), Not(HasSubstr("do not fit")));
}

TEST(TellDrivers, ABufferOfADriverThatIsLoadedAgainCountsOnce) {
  const std::string log = buffer_lines("0x38200000") + buffer_lines("0x38200000") + kFull;
  EXPECT_THAT(answer_of_drivers(log).brief.at(1), HasSubstr("A buffer of 64 MiB lies at 0x38200000"));
  EXPECT_THAT(answer_of_drivers(log).brief.at(1), HasSubstr("2 buffers of 64 MiB do not fit into 128 MiB"));
}

TEST(TellDrivers, BuffersOfOtherSizesOrWithoutOneDoNotCount) {
  EXPECT_THAT(
      whole_text(answer_of_drivers("a: phys address = 0x38200000\na: buffer size = 4096\n" + std::string(kFull))),
      Not(HasSubstr("lies at")));
  const std::string apart = "a: phys address = 0x38200000\n.\n.\n.\na: buffer size = 67108864\n";
  EXPECT_THAT(whole_text(answer_of_drivers(apart + kFull)), Not(HasSubstr("lies at")));
  EXPECT_THAT(whole_text(answer_of_drivers(kFull + buffer_lines("0x38200000"))), Not(HasSubstr("lies at")));
}

TEST(TellDrivers, OlderKernelsNameTheDeviceOfAnAllocation) {
  const LogAnswer answer = answer_of_drivers(
      "nouveau 0000:01:00.0: swiotlb buffer is full (sz: 2097152 bytes)\n"
      "swiotlb: coherent allocation failed for device 0000:01:00.0 size=2097152\n");
  EXPECT_EQ(answer.brief.at(0), "A driver did not get a buffer of 2 MiB.");
}

TEST(TellDrivers, ATransferWithoutBounceBuffersAsksNoArea) {
  const LogAnswer answer =
      answer_of_drivers("nvme 0000:01:00.0: swiotlb buffer is full (sz: 131072 bytes), total 32768\n");
  EXPECT_EQ(answer.brief.at(0), "Bounce buffers had no room for 128 KiB.");
  EXPECT_THAT(answer.brief.at(1), HasSubstr("Areas are not asked for that."));
  EXPECT_THAT(whole_text(answer), Not(HasSubstr("A driver did not get")));
}

}  // namespace
}  // namespace cma::logs
