#include "properties/logs/kernel.h"

#include <gtest/gtest.h>

#include <string>

#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

Kernel kernel_of(std::string_view log) {
  FactReader reader(text_source(log));
  KernelFinder finder;
  Fact fact;
  while (reader.next(fact)) finder.add(fact);
  return finder.kernel();
}

struct KernelCase {
  const char* log;
  const char* versions;
};

TEST(Kernel, IsKnownByItsNameOrByItsLines) {
  const KernelCase cases[] = {
      {"Linux version 4.19.176-android (gcc)\n", "4.19"},
      {"CPU: 0 PID: 179 Comm: AiApp Not tainted 4.9.56 #53\n", "4.9"},
      {"CPU: 0 UID: 0 PID: 1 Comm: a Tainted: G        W          6.12.1 #1 Debian\n", "6.12"},
      {"Linux novena-one 4.4.0-00156-gc9ba6e8 #12 SMP PREEMPT\n", "4.4"},
      {"usb usb1: Manufacturer: Linux 5.10.1 ehci_hcd\n", "5.10"},
      {"alloc_contig_range test_pages_isolated(10, 20) failed\n", "up to 3.17"},
      {"alloc_contig_range: [10, 20) PFNs busy\n", "3.18 to 5.12"},
      {"alloc_contig_range: 4 callbacks suppressed\n", "4.13 to 5.12"},
      {"cma: cma_alloc: alloc failed, req-size: 1 pages, ret: -12\n", "4.11 to 5.11"},
      {"cma: cma_alloc: x: alloc failed, req-size: 1 pages, ret: -12\n", "5.12 to 6.11"},
      {"cma: __cma_alloc: x: alloc failed, req-size: 1 pages, ret: -12\n", "6.12 to 6.19"},
      {"cma: __cma_alloc_frozen: x: alloc failed, req-size: 1 pages, ret: -16\n", "7.0 or newer"},
      {"cma: cma_alloc(): memory range at (ptrval) is busy, retrying\n", "4.15 to 6.5"},
      {"cma: cma_alloc(): memory range at ffffea0000c40000 is busy, retrying\n", "3.17 to 4.14"},
      {"x: page allocation failure: order:0, mode:0xd0\n", "up to 4.5"},
      {"x: page allocation failure: order:8, mode:0xcc1(GFP_KERNEL|GFP_DMA), nodemask=(null)\n", "5.0 or newer"},
      {"a: swiotlb: coherent allocation failed, size=4096\n", "4.16 to 4.20"},
      {"swiotlb: coherent allocation failed for device 0000:01:00.0 size=4096\n", "up to 4.15"},
      {"a: swiotlb buffer is full (sz: 4096 bytes), total 32768 (slots), used 7 (slots)\n", "5.2 or newer"},
      {"a: swiotlb buffer is full (sz: 4096 bytes)\n", "3.5 or newer"},
      {"x\n", "3.5 or newer"},
  };
  for (const KernelCase& one : cases) EXPECT_EQ(range_text(kernel_of(one.log).versions()), one.versions) << one.log;
}

TEST(Kernel, OfAVendorContradictsItsName) {
  const Kernel kernel =
      kernel_of("Linux version 4.9.1\ncma: cma_alloc: linux,cma: alloc failed, req-size: 1280 pages, ret: -16\n");
  EXPECT_EQ(range_text(kernel.versions()), "4.9");
  ASSERT_EQ(kernel.contradicts.size(), 1U);
  EXPECT_EQ(kernel.contradicts[0].line, 2U);
}

TEST(Kernel, WithALineThatVendorsCarryOverIsThatOfTheOthers) {
  const Kernel kernel = kernel_of(
      "cma: cma_alloc: linux,cma: alloc failed, req-size: 1280 pages, ret: -16\n"
      "cma: cma_alloc(): memory range at ffffea0000c40000 is busy, retrying\n");
  EXPECT_EQ(range_text(kernel.versions()), "3.17 to 4.14");
  EXPECT_EQ(kernel.contradicts.size(), 1U);
}

TEST(Kernel, WithElevenLinesAtOnceHasNoRateLimit) {
  std::string log;
  for (int i = 0; i < 11; ++i)
    log += "[  100." + std::to_string(100000 + i) + "] alloc_contig_range: [10, 20) PFNs busy\n";
  EXPECT_EQ(range_text(kernel_of(log).versions()), "3.18 to 4.12");
}

TEST(Kernel, BeforeAreasIsTooOld) { EXPECT_TRUE(kernel_of("Linux version 3.2.27+\n").too_old); }

TEST(Versions, AreReadAsTheirSeries) {
  EXPECT_EQ(version_of("4.19.176-android"), Release::v4_19);
  EXPECT_EQ(version_of("3.4.0"), std::nullopt);
  EXPECT_EQ(version_of("4.21"), std::nullopt);
  EXPECT_EQ(version_of("9.1"), Release::v7_3);
  EXPECT_EQ(version_of("x"), std::nullopt);
  EXPECT_EQ(nearest_modelled(Release::v4_4), Release::v4_9);
  EXPECT_EQ(nearest_modelled(Release::v5_10), Release::v5_10);
}

}  // namespace
}  // namespace cma::logs
