#include "properties/program/tree_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kSource = R"(/dts-v1/;
/memreserve/ 0x1000 4096;
/ {  // a board
  #address-cells = <2>;
  #size-cells = <0x2>;
  memory@0 { device_type = "memory"; reg = <0 0 0 0x40000000>; };
  reserved-memory {
    #address-cells = <2>; #size-cells = <2>; ranges;
    pool: linux,cma {
      compatible = "shared-dma-pool", "x,y"; /* an area */
      reusable;
      size = <0 0x4000000>;
      odd = [01ff 7f];
      below { };
    };
    last@10000000 { reg = <0 0x10000000>, <0 010>; };
  };
};
)";

TEST(TreeTexts, HaveWhatBootReads) {
  const auto tree = read_tree_text(kSource);
  ASSERT_TRUE(tree) << tree.error();
  EXPECT_EQ(tree->address_cells, 2U);
  ASSERT_THAT(tree->header_reservations, SizeIs(1));
  EXPECT_EQ(tree->header_reservations[0].second, 4096U);
  ASSERT_THAT(tree->regions, SizeIs(3));
  EXPECT_EQ(tree->regions[0].name, "linux,cma");
  EXPECT_TRUE(tree->regions[0].compatible_with("shared-dma-pool"));
  EXPECT_TRUE(tree->regions[0].has("reusable"));
  EXPECT_EQ(number_at(*tree->regions[0].find("size"), 0, 2), 0x4000000U);
  EXPECT_EQ(*tree->regions[0].find("odd"), "\x01\xff\x7f");
  EXPECT_EQ(tree->regions[1].depth, 2U);
  EXPECT_EQ(tree->regions[2].depth, 1U);
  EXPECT_EQ(number_at(*tree->regions[2].find("reg"), 8, 2), 8U) << "octal";
}

TEST(TreeTexts, AreReadAsTheyAreWritten) {
  const auto tree = read_tree_text(kSource);
  ASSERT_TRUE(tree) << tree.error();
  const std::string text = tree_text(*tree);
  const auto again = read_tree_text(text);
  ASSERT_TRUE(again) << again.error() << "\n" << text;
  EXPECT_EQ(tree_text(*again), text);
  EXPECT_EQ(again->regions.size(), tree->regions.size());
  for (std::size_t i = 0; i < tree->regions.size(); ++i) {
    EXPECT_EQ(again->regions[i].depth, tree->regions[i].depth) << i;
    ASSERT_EQ(again->regions[i].properties.size(), tree->regions[i].properties.size()) << i;
    for (std::size_t p = 0; p < tree->regions[i].properties.size(); ++p)
      EXPECT_EQ(again->regions[i].properties[p].value, tree->regions[i].properties[p].value) << text;
  }
}

TEST(TreeTexts, ABackslashMakesASignStandForItself) {
  const auto tree = read_tree_text(R"(/ { reserved-memory { a { b = "c\"\\d"; }; }; };)");
  ASSERT_TRUE(tree) << tree.error();
  EXPECT_EQ(*tree->regions[0].find("b"), std::string("c\"\\d\0", 5));
}

TEST(TreeTexts, ARootAloneReservesNothing) {
  const auto tree = read_tree_text("/ { };");
  ASSERT_TRUE(tree) << tree.error();
  EXPECT_FALSE(tree->reserved_memory);
  EXPECT_THAT(tree->regions, IsEmpty());
  EXPECT_EQ(tree->size_cells, 1U);
  EXPECT_EQ(tree_text(*tree), "/ { #address-cells = <1>; #size-cells = <1>; };");
}

struct OddTree {
  const char* source;
  const char* complaint;
};

TEST(TreeTexts, OddOnesAreRefusedWithTheirPlace) {
  constexpr OddTree kOdd[] = {
      {"", "line 1, column 1: expected the root node"},
      {"/dts-v1/;\n nodes", "line 2, column 2: expected the root node"},
      {"/ { };\n/ { };", "line 2, column 1: expected the end"},
      {"/ { a { };", "line 1, column 11: expected a name"},
      {"/ { a = <1>\n};", "line 2, column 1: expected ';'"},
      {"/ { a = 1; };", "line 1, column 9: expected a value"},
      {"/ { a = <&pool>; };", "line 1, column 10: expected a number: references"},
      {"/ { a = <0x100000000>; };", "line 1, column 10: a cell has 32 bits"},
      {"/memreserve/ 0x10000000000000000 1; / { };", "line 1, column 14: a number of more than 64 bits"},
      {"/ { a = \"x; };", "line 1, column 9: a string that does not end"},
      {"/ { /* };", "line 1, column 5: a comment that does not end"},
      {"/ { a = [0g]; };", "line 1, column 11: expected two hexadecimal digits"},
      {"/ { a = <0 019>; };", "line 1, column 12: a number of base 8 with '9' in it"},
      {"/ { a = <0x1g>; };", "line 1, column 10: a number of base 16 with 'g' in it"},
      {"/ { a = <12ab>; };", "line 1, column 10: a number of base 10 with 'a' in it"},
      {"/memreserve/ 08 1; / { };", "line 1, column 14: a number of base 8 with '8' in it"},
      {"/ { a = \"dma\\x2dpool\"; };", "line 1, column 13: the escape sequence \\x is not read"},
      {"/ { a = \"b\\055c\"; };", "line 1, column 11: the escape sequence \\0 is not read"},
      {"/ { a = \"b\\", "line 1, column 9: a string that does not end"},
      {"/ { #size-cells = <3>; };", "#size-cells must be one number, 1 or 2"},
      {"/ { /delete-node/ a; };", "expected a name"},
  };
  for (const auto& [source, complaint] : kOdd) {
    const auto tree = read_tree_text(source);
    ASSERT_FALSE(tree) << source;
    EXPECT_THAT(tree.error(), HasSubstr(complaint)) << source;
  }
}

TEST(TreeTexts, NodesAreNotReadWithoutEnd) {
  std::string deep = "/ {";
  for (unsigned i = 0; i < 100; ++i) deep += " a {";
  EXPECT_THAT(read_tree_text(deep).error(), HasSubstr("nodes more than 16 deep"));
  std::string wide = "/ { reserved-memory {";
  for (unsigned i = 0; i <= kMostTreeRegions; ++i) wide += " a { };";
  EXPECT_THAT(read_tree_text(wide + " }; };").error(), HasSubstr("more than 1024 nodes"));
}

}  // namespace
}  // namespace cma
