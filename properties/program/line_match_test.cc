#include "properties/program/line_match.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

// A line whose pointer stands where it has a star, printed as a 32-bit kernel does.
struct Line {
  std::string text;
  std::optional<PrintedPointer> pointer;
};

Line line(std::string text, std::uint64_t address) {
  const std::size_t at = text.find('*');
  text.replace(at, 1, "c1000400");
  return {std::move(text), PrintedPointer{.begin = at, .end = at + 8, .address = address}};
}

class LineMatch : public ::testing::Test {
 protected:
  bool contains(const Line& in, std::string_view text) { return names_.line_contains(in.text, in.pointer, text); }
  const Line alloc_ = line("cma: dma_alloc_from_contiguous(cma *, count 178, align 8)", 1);
  const Line other_ = line("cma: dma_alloc_from_contiguous(cma *, count 178, align 8)", 2);
  PointerNames names_;
};

TEST_F(LineMatch, ALineOfAnotherMachineIsFound) {
  EXPECT_TRUE(contains(alloc_, "cma: dma_alloc_from_contiguous(cma c5eb4a80, count 178, align 8)"));
  EXPECT_TRUE(contains(alloc_, "cma: dma_alloc_from_contiguous(cma (ptrval), count 178, align 8)"));
  EXPECT_TRUE(contains(alloc_, "(cma         (ptrval), count"));
  EXPECT_TRUE(contains(alloc_, "(cma (____ptrval____), count"));
  EXPECT_FALSE(contains(alloc_, "(cma c5eb4a80, count 179"));
}

TEST_F(LineMatch, PartsWithoutThePointerAreComparedAsTheyStand) {
  EXPECT_TRUE(contains(alloc_, ""));
  EXPECT_TRUE(contains(alloc_, ", count 178"));
  EXPECT_TRUE(contains(alloc_, "0400, count")) << "the end of what is printed";
  EXPECT_FALSE(contains(alloc_, "0401, count"));
  EXPECT_FALSE(contains(alloc_, "align 8) "));
}

TEST_F(LineMatch, APointerStandsForOneObject) {
  EXPECT_TRUE(contains(alloc_, "(cma c5eb4a80,"));
  EXPECT_TRUE(contains(alloc_, "(cma c5eb4a80,"));
  EXPECT_FALSE(contains(other_, "(cma c5eb4a80,"));
  EXPECT_TRUE(contains(other_, "(cma c5eb4b00,"));
  EXPECT_FALSE(contains(alloc_, "(cma c5eb4b00,"));
  EXPECT_FALSE(contains(alloc_, "(cma c5eb4c00,")) << "it has another value";
  EXPECT_TRUE(contains(other_, "(cma (ptrval),"));
  names_.clear();
  EXPECT_TRUE(contains(other_, "(cma c5eb4a80,"));
}

TEST_F(LineMatch, ALineThatDoesNotFitTeachesNothing) {
  EXPECT_FALSE(contains(alloc_, "(cma c5eb4a80, count 1,"));
  EXPECT_TRUE(contains(other_, "(cma c5eb4a80,"));
}

TEST_F(LineMatch, OnlyWholePointersThatAreNotNullStandForAnything) {
  EXPECT_FALSE(contains(alloc_, "(cma c5eb4a8,"));
  EXPECT_FALSE(contains(alloc_, "(cma c5eb4a801,"));
  EXPECT_FALSE(contains(alloc_, "(cma 00000000,"));
  EXPECT_FALSE(contains(alloc_, "(cma 0000000000000000,"));
  EXPECT_TRUE(contains(alloc_, "(cma ffffffff81e00000,"));
}

TEST_F(LineMatch, NumbersElsewhereAreNoPointers) {
  const Line traced = line("cma_alloc: pfn=00010000 page=* count=1 align=0", 1);
  EXPECT_TRUE(contains(traced, "pfn=00010000 page=ffffea0000400000 count=1"));
  EXPECT_FALSE(contains(traced, "pfn=00010001 page=ffffea0000400000 count=1"));
  const Line none{.text = "cma_alloc: pfn=ffffffff page=(null)", .pointer = std::nullopt};
  EXPECT_FALSE(contains(none, "page=c1000400"));
  EXPECT_TRUE(contains(none, "page=(null)"));
}

TEST_F(LineMatch, AnAddressFitsWhateverItsWidth) {
  PointerNames names;
  const std::string line = "cma: Reserved 256 MiB at 0x0000000010000000";
  for (const char* text : {"at 0x10000000", "at 0x0000000010000000", "at 0x010000000", "Reserved 256 MiB", ""})
    EXPECT_TRUE(names.line_contains(line, std::nullopt, text)) << text;
  for (const char* text : {"at 0x20000000", "at 0x0", "at 10000000", "at 0x100000000"})
    EXPECT_FALSE(names.line_contains(line, std::nullopt, text)) << text;
  EXPECT_TRUE(names.line_contains("at 0x10000000 (0x0)", std::nullopt, "at 0x0000000010000000 (0x00000000)"));
}

}  // namespace
}  // namespace cma
