#include "allocator/trace/packed.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

// The numbers are those of the traces that have been saved: a layout that changes, changes their hashes.
TEST(Packed, LayoutsAreThoseOfSavedTraces) {
  EXPECT_EQ((FinishedAlloc{.align = 8, .success = true}.pack()), 0x1'0000'0008U);
  EXPECT_EQ((FinishedAlloc{.align = 8, .success = false}.pack()), 8U);
  EXPECT_EQ((MigrateCause{.mode = 2, .reason = MigrateReason::compaction}.pack()), 0x202U);
  EXPECT_EQ((HugeResults{.succeeded = 1, .failed = 2, .split = 3}.pack()), 0x3'0002'0001U);
  EXPECT_EQ((AskedAndSource{.asked = 4, .source = 10}.pack()), 0xa04U);
}

TEST(Packed, WhatWasPackedIsUnpacked) {
  const FinishedAlloc finished = FinishedAlloc::unpack(FinishedAlloc{.align = 0xffffffff, .success = true}.pack());
  EXPECT_EQ(finished.align, 0xffffffffU);
  EXPECT_TRUE(finished.success);
  const MigrateCause cause =
      MigrateCause::unpack(MigrateCause{.mode = 0xff, .reason = MigrateReason::longterm_pin}.pack());
  EXPECT_EQ(cause.mode, 0xffU);
  EXPECT_EQ(cause.reason, MigrateReason::longterm_pin);
  const HugeResults huge =
      HugeResults::unpack(HugeResults{.succeeded = 0xffff, .failed = 0xfffe, .split = 0x10000}.pack());
  EXPECT_EQ(huge.succeeded, 0xffffU);
  EXPECT_EQ(huge.failed, 0xfffeU);
  EXPECT_EQ(huge.split, 0x10000U);
  const AskedAndSource orders = AskedAndSource::unpack(AskedAndSource{.asked = 0xff, .source = 0x100}.pack());
  EXPECT_EQ(orders.asked, 0xffU);
  EXPECT_EQ(orders.source, 0x100U);
}

#ifndef CMACHECK_NO_ASSERT
TEST(Packed, ANumberThatDoesNotFitIsRefused) {
  EXPECT_THROW((FinishedAlloc{.align = std::uint64_t{1} << 32}.pack()), AssertionFailure);
  EXPECT_THROW((MigrateCause{.mode = 0x100}.pack()), AssertionFailure);
  EXPECT_THROW((HugeResults{.failed = 0x10000}.pack()), AssertionFailure);
  EXPECT_THROW((AskedAndSource{.asked = 0x100}.pack()), AssertionFailure);
}
#endif

}  // namespace
}  // namespace cma
