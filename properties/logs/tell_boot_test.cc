#include "properties/logs/tell_boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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
       "The pool of 2048 KiB for atomic requests was not had."},
      {"DMA: failed to allocate 256 KiB pool for atomic coherent allocation",
       "The pool of 256 KiB for atomic requests was not had."},
      {"hugetlb_cma: reservation failed: err -12, node 0", "The area for gigantic pages was not declared (-12)."},
      {"hugetlb_cma: cma area should be at least 1024 MiB", "at least one gigantic page for each node: 1024 MiB"},
      {"HugeTLB: allocating 4 of page size 1.00 GiB failed.  Only allocated 1 hugepages.",
       "Of 4 gigantic pages (1.00 GiB each) 1 were had."},
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

}  // namespace
}  // namespace cma::logs
