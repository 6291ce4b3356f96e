#include "properties/logs/tell_boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string told_of_boot(const std::string& log) {
  const LogAnswer answer = explain_log(text_source(log));
  std::string text;
  for (const std::string& brief : answer.brief) text += brief + "\n";
  return text;
}

TEST(TellBoot, AnAreaThatWasNotReservedIsComparedWithTheMachine) {
  const std::string text = told_of_boot(
      "cma: Failed to reserve 896 MiB on node -1\n"
      "Kernel command line: console=ttyAML0,115200 root=/dev/mmcblk0p2 cma=896M hugetlb_cma=0\n"
      "Memory: 934520K/1048576K available (17408K kernel code, 108392K reserved, 0K cma-reserved)\n");
  EXPECT_THAT(text, HasSubstr("An area of 896 MiB was not declared."));
  EXPECT_THAT(text, HasSubstr("the machine has 1024 MiB, and the command line asks for cma=896M"));
}

struct Refusal {
  const char* line;
  const char* what;
};

TEST(TellBoot, EachLineOfARefusalIsExplained) {
  const Refusal refusals[] = {
      {"OF: reserved mem: failed to allocate memory for node 'linux,cma': size 1024 MiB",
       "A region of 1024 MiB of the device tree found no place (linux,cma)."},
      {"OF: fdt: Reserved memory: failed to reserve memory for node 'vpu@90000000': base 0x0000000090000000, "
       "size 16 MiB",
       "could not have its place (vpu@90000000)"},
      {"OF: reserved mem: OVERLAP DETECTED!\nlinux,cma (0x0000000038000000--0x0000000040000000) overlaps with "
       "ramoops@3f000000 (0x000000003f000000--0x000000003f100000)",
       "Two regions of the device tree overlap: linux,cma and ramoops@3f000000."},
      {"DMA: failed to allocate 2048 KiB GFP_KERNEL|GFP_DMA pool for atomic allocation",
       "The kernel did not get its pool of 2048 KiB for atomic requests."},
      {"DMA: failed to allocate 256 KiB pool for atomic coherent allocation",
       "The kernel did not get its pool of 256 KiB for atomic requests."},
      {"hugetlb_cma: reservation failed: err -12, node 0", "The area for gigantic pages was not declared (-12)."},
      {"hugetlb_cma: cma area should be at least 1024 MiB", "at least one gigantic page for each node: 1024 MiB"},
      {"HugeTLB: allocating 4 of page size 1.00 GiB failed.  Only allocated 1 hugepages.",
       "Of 4 gigantic pages (1.00 GiB each) the kernel got 1."},
  };
  for (const Refusal& one : refusals)
    EXPECT_THAT(told_of_boot(std::string(one.line) + "\n"), HasSubstr(one.what)) << one.line;
}

TEST(TellBoot, WithoutAnAreaADriversBufferIsABlock) {
  const std::string failed = "imx-drm display-subsystem: failed to allocate buffer with size 8294400\n";
  EXPECT_THAT(told_of_boot("Kernel command line: root=/dev/vda cma=0 quiet\n" + failed),
              HasSubstr("There is no default area, as the command line has cma=0"));
  EXPECT_THAT(told_of_boot("Memory: 2030012K/2097152K available (34372K reserved, 0K cma-reserved)\n" + failed),
              HasSubstr("There is no default area: the buffer had to be one block"));
  EXPECT_THAT(told_of_boot(failed), HasSubstr("not enough to tell whether it asked one"));
  EXPECT_THAT(told_of_boot(failed + "cma: cma_alloc: alloc failed, req-size: 2025 pages, ret: -12\n"),
              Not(HasSubstr("A driver did not get")));
}

TEST(TellBoot, SeveralRefusalsAreCounted) {
  EXPECT_THAT(told_of_boot("cma: Not enough slots for CMA reserved regions!\n"
                           "OF: reserved mem: failed to allocate memory for node 'a': size 16 MiB\n"),
              HasSubstr("Besides: 1 more line of this sort."));
  EXPECT_THAT(told_of_boot("cma: Not enough slots for CMA reserved regions!\n"), Not(HasSubstr("Besides")));
}

std::string all_of_boot(const std::string& log) { return whole_text(explain_log(text_source(log))); }

constexpr const char* kAcross =
    "cma: Region at 0x0000000008000000 defined on low/high memory boundary (0x0000000018000000)\n";

TEST(TellBoot, AnAreaBeyondTheEndOfMemoryIsComparedWithIt) {
  const std::string refused = std::string(kAcross) + "cma: Failed to reserve 288 MiB\n";
  const std::string beyond = "An area was not declared: it ends at 0x1a000000, 32 MiB beyond ";
  for (const char* memory :
       {"On node 0 totalpages: 98304\n", "Memory: 340000K/393216K available (53216K reserved)\n"}) {
    const std::string text = told_of_boot(refused + memory);
    EXPECT_THAT(text, HasSubstr(beyond + "the end of memory, 0x18000000.")) << memory;
    EXPECT_THAT(text, HasSubstr("The kernel's line calls that the low/high memory boundary")) << memory;
    EXPECT_THAT(text, HasSubstr("From 0x8000000 on 256 MiB fit")) << memory;
  }
  for (const char* memory : {"On node 0 totalpages: 98305\n", "Memory: 940000K/1048576K available (53216K reserved)\n",
                             "On node 0 totalpages: 49152\nOn node 1 totalpages: 98304\n", ""})
    EXPECT_THAT(told_of_boot(refused + memory), HasSubstr(beyond + "0x18000000, where low memory ends.")) << memory;
  EXPECT_THAT(told_of_boot(refused + "On node 0 totalpages: 40000\nOn node 1 totalpages: 58304\n"),
              HasSubstr(beyond + "the end of memory"));
}

TEST(TellBoot, WithoutTheLineOfItsSizeAnAreaAcrossABoundaryHasNoEnd) {
  EXPECT_THAT(told_of_boot(kAcross),
              HasSubstr("it begins at 0x8000000 and ends beyond 0x18000000, where low memory ends."));
}

// Which pageblock a kernel has depends on its architecture and configuration, which lines of boot do not tell.
TEST(TellBoot, TheUnitOfAreasIsThatOfTheVersionAndOfThePages) {
  const std::string refused = "Reserved memory: incorrect alignment of CMA region\n";
  const auto told = [&](const std::string& before) { return whole_text(explain_log(text_source(before + refused))); };
  EXPECT_THAT(
      told("Linux version 6.1.38\n"),
      HasSubstr(
          "multiples of a pageblock (2 MiB on arm64 and x86 with huge pages, 4 MiB on 32-bit ARM without "
          "LPAE and in kernels without HUGETLB, and more with pages of 16 or 64 KiB); beside `reg` an alignment"));
  EXPECT_THAT(told("Linux version 5.4.0\n"),
              HasSubstr("multiples of 4 MiB, and more with pages of 16 or 64 KiB; beside `reg`"));
  EXPECT_THAT(told("Linux version 6.1.38\nDMA: 1*16kB (U) 0*32kB 0*64kB 0*128kB = 16kB\n"),
              HasSubstr("multiples of 32 MiB (with pages of 16 KiB); beside `reg`"));
}

TEST(TellBoot, DriversThatFailForARegionThatIsNoAreaFollowFromIt) {
  const std::string refused = "Reserved memory: incorrect alignment of CMA region\n";
  const std::string one = "a: of_reserved_mem_device_init failed. return=-22\n";
  const std::string other = "b: of_reserved_mem_device_init failed. return=-19\n";
  const LogAnswer answer = explain_log(text_source(refused + one + "quiet\n" + one + other));
  EXPECT_THAT(answer.brief.at(0),
              HasSubstr("not aligned. 2 drivers then failed with -22. A driver then failed with -19."));
  EXPECT_THAT(answer.brief.at(0), Not(HasSubstr("Besides")));
  EXPECT_THAT(answer.cited.at(0), HasSubstr("2 drivers then failed with -22 (lines 2, 4). A driver then"));
  EXPECT_THAT(answer.brief.at(2),
              HasSubstr("Round base and size up; a power of two is not needed. Until then, drivers"));
  // A line before the one about the region is not its consequence.
  EXPECT_THAT(told_of_boot(one + refused), HasSubstr("A driver did not get its region (-22)."));
  EXPECT_THAT(told_of_boot(one + one), HasSubstr("2 drivers did not get their regions (-22)."));
}

TEST(TellBoot, WhatDriversDidNotGetIsNotFiledUnderBoot) {
  const std::string text = all_of_boot(
      "cma: Reserved 64 MiB at 0x000000003c000000\n"
      "a: of_reserved_mem_device_init failed. return=-22\n");
  EXPECT_THAT(text,
              HasSubstr("areas at boot\nan area of 16384 pages (64 MiB) at [0x3c000, 0x40000) (line 1)\n"
                        "drivers that did not get their memory\nA driver did not get its region (-22). (line 2)"));
}

TEST(TellBoot, AreasThatOverlapAreOfDifferentBoots) {
  const std::string one = "cma: Reserved 96 MiB at 0x0000000012000000\n";
  const std::string overlapping = "Reserved memory: created CMA memory pool at 0x0000000016000000, size 64 MiB\n";
  const std::string behind = "Reserved memory: created CMA memory pool at 0x0000000018000000, size 64 MiB\n";
  EXPECT_THAT(
      all_of_boot(one + "quiet\n" + overlapping),
      HasSubstr("[0x12000, 0x18000) and [0x16000, 0x1a000) overlap, as areas of one boot do not: their lines are "
                "of different boots (lines 1, 3)"));
  EXPECT_THAT(all_of_boot(one + behind), Not(HasSubstr("overlap")));
  EXPECT_THAT(all_of_boot(one + one), Not(HasSubstr("overlap")));
  const std::string nodes =
      "OF: reserved mem: OVERLAP DETECTED!\na (0x12000000--0x18000000) overlaps with b (0x16000000--0x1a000000)\n";
  EXPECT_THAT(all_of_boot(one + overlapping + nodes), Not(HasSubstr("different boots")));
}

constexpr const char* kZones =
    "Zone ranges:\n"
    "  DMA      [mem 0x0000000000000000-0x000000002fffffff]\n"
    "  Normal   empty\n"
    "  HighMem  [mem 0x0000000030000000-0x000000007fffffff]\n";
constexpr const char* kAreaInTwoZones =
    "Reserved memory: created CMA memory pool at 0x0000000028000000, size 192 MiB\n";
constexpr const char* kInactive = "cma: CMA area linux,cma could not be activated\n";

TEST(TellBoot, AnAreaInTwoZonesIsComparedWithThem) {
  const LogAnswer answer = explain_log(text_source(std::string(kAreaInTwoZones) + kZones + kInactive));
  EXPECT_EQ(answer.brief.at(0), "An area was declared and cannot be used: activation failed.");
  EXPECT_THAT(answer.brief.at(1), HasSubstr("[0x28000, 0x34000) has those before 0x30000000 in zone DMA, the others in "
                                            "zone HighMem."));
  EXPECT_EQ(answer.brief.at(2), "From 0x28000000 on 128 MiB fit; or another place.");
  EXPECT_THAT(whole_text(answer), HasSubstr("dereferences a NULL pointer (lines 1, 3, 5-6)"));
  EXPECT_THAT(whole_text(answer), Not(HasSubstr("bitmap")));
}

TEST(TellBoot, AnAreaInTwoZonesCannotBeActivatedWhateverTheLogHasOfIt) {
  const LogAnswer answer = explain_log(text_source(std::string(kAreaInTwoZones) + kZones));
  EXPECT_EQ(answer.brief.at(0), "An area was declared that cannot be activated, so it cannot be used.");
  EXPECT_EQ(answer.brief.at(2), "From 0x28000000 on 128 MiB fit; or another place.");
  const std::string inside = "Reserved memory: created CMA memory pool at 0x0000000028000000, size 128 MiB\n";
  EXPECT_THAT(told_of_boot(inside + kZones), Not(HasSubstr("cannot be activated")));
  // One that is inside its zone failed for another reason.
  EXPECT_THAT(told_of_boot(inside + kZones + kInactive),
              HasSubstr("reaches into another (or memory for its bitmap was missing)"));
}

TEST(TellBoot, ANullPointerAfterAnAreaThatIsInactiveIsOfRequestsForLaterAreas) {
  const std::string null = "Unable to handle kernel NULL pointer dereference at virtual address 00000000\n";
  const std::string log = std::string(kAreaInTwoZones) + kZones + kInactive + null;
  const std::string sentence = "as by a request for an area declared later (lines 6-7)";
  EXPECT_THAT(all_of_boot(log), HasSubstr(sentence));
  EXPECT_THAT(all_of_boot("Linux version 5.4.32\n" + log), HasSubstr("declared later (lines 7-8)"));
  const std::string mended = all_of_boot("Linux version 5.10.1\n" + log);
  EXPECT_THAT(mended, AllOf(Not(HasSubstr("NULL")), Not(HasSubstr("Up to 5.8"))));
  EXPECT_THAT(all_of_boot(null + kAreaInTwoZones + kZones + kInactive), Not(HasSubstr("declared later")));
}

}  // namespace
}  // namespace cma::logs
