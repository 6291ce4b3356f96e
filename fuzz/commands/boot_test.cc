#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "fuzz/commands/command_testing.h"
#include "properties/board/blob_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A tree with an area of 64 MiB, or of as much as is given.
std::string blob_with_area(std::uint32_t size = 0x4000000) {
  BlobWriter writer = board_writer("quiet");
  writer.begin("linux,cma")
      .text("compatible", "shared-dma-pool")
      .property("reusable")
      .property("linux,cma-default")
      .cells("size", {size})
      .end();
  return writer.end().finish();
}

constexpr std::string_view kSource = R"(/dts-v1/;
/ {
  #address-cells = <1>;
  #size-cells = <1>;
  memory@0 { device_type = "memory"; reg = <0 0x40000000>; };
  reserved-memory {
    #address-cells = <1>;
    #size-cells = <1>;
    ranges;
    linux,cma { compatible = "shared-dma-pool"; reusable; size = <0x4000000>; linux,cma-default; };
  };
};
)";

class BootCommandTest : public CommandTest {};

TEST_F(BootCommandTest, ABlobIsReported) {
  EXPECT_EQ(call({"boot", write("board.dtb", blob_with_area())}), kNothingFound);
  EXPECT_THAT(err_, IsEmpty());
  EXPECT_THAT(out_, AllOf(HasSubstr("Linux 6.1, arm64"), HasSubstr("command line: quiet"),
                          HasSubstr("area linux,cma, the default one, of a node, placed by the kernel"),
                          HasSubstr("Reserved memory: created CMA memory pool at 0x000000003be00000, size 64 MiB"),
                          Not(HasSubstr("why not"))));
}

TEST_F(BootCommandTest, ASourceOnTheStandardInputIsCalledSo) {
  if (std::system("dtc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "dtc is not here (ci/setup installs it)";
  ASSERT_NE(std::freopen(write("broken.dts", "/dts-v1/; / { x = <; };").c_str(), "r", stdin), nullptr);
  EXPECT_EQ(call({"boot", "-"}), kBadInput);
  ASSERT_NE(std::freopen("/dev/null", "r", stdin), nullptr);
  EXPECT_THAT(err_, AllOf(HasSubstr("<stdin>:1"), HasSubstr("-: dtc does not compile it")));
}

TEST_F(BootCommandTest, AnAreaOverTheKernelIsAFinding) {
  EXPECT_EQ(call({"boot", write("board.dtb", blob_with_area()), "--cmdline", "cma=0", "--release", "4.19"}),
            kNothingFound);
  BlobWriter writer = board_writer("cma=0");
  writer.begin("camera").text("compatible", "shared-dma-pool").property("reusable");
  const std::string file = write("over.dtb", writer.cells("reg", {0x10000000, 0x400000}).end().end().finish());
  EXPECT_EQ(call({"boot", file}), kNothingFound);
  EXPECT_EQ(call({"boot", file, "--reserved", "1M@0x10100000"}), kFindings);
  EXPECT_THAT(out_, HasSubstr("[0x10100000, 0x10200000): the kernel's own (--reserved)"));
}

TEST_F(BootCommandTest, MemOnTheCommandLineIsModelled) {
  const std::string file = write("board.dtb", blob_with_area());
  EXPECT_EQ(call({"boot", file, "--cmdline", "mem=512M crashkernel=64M"}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("memory: [0x0, 0x20000000)"), HasSubstr("mem= ends memory at 0x20000000"),
                          HasSubstr("crashkernel= is not modelled")));
  for (const char* nothing : {"mem=1", "mem=0"}) {
    EXPECT_EQ(call({"boot", file, "--arch", "arm", "--cmdline", nothing}), kBadInput) << nothing;
    EXPECT_THAT(err_, HasSubstr("mem= on the command line leaves no memory")) << nothing;
  }
}

TEST_F(BootCommandTest, TheTableOfAreasHasTheSizeThatIsGiven) {
  const std::string file = write("board.dtb", blob_with_area());
  EXPECT_EQ(call({"boot", file, "--cma-areas", "1", "--release", "6.12", "--memory", "512M@0"}), kNothingFound);
  EXPECT_EQ(call({"boot", file, "--cma-areas", "0"}), kBadInput);
  EXPECT_EQ(call({"boot", file, "--cma-areas", "64"}), kBadInput);
}

TEST_F(BootCommandTest, WhatCannotBeHadIsAFinding) {
  EXPECT_EQ(call({"boot", write("board.dtb", blob_with_area(0x80000000))}), kFindings);
  EXPECT_THAT(out_, AllOf(HasSubstr("linux,cma: no place for 2048 MiB"), HasSubstr("would fit with size = ")));
}

TEST_F(BootCommandTest, OptionsReplaceWhatTheTreeSays) {
  const std::string file = write("board.dtb", blob_with_area());
  EXPECT_EQ(call({"boot", file, "--release", "4.19", "--arch", "arm", "--memory", "256M@0x80000000", "--memory",
                  "256M@0xa0000000", "--reserved", "16M@0x80000000", "--cmdline", "cma=32M", "--limit", "0x88000000"}),
            kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("Linux 4.19, arm,"), HasSubstr("none in [0x90000000, 0xa0000000)"),
                          HasSubstr("cma= was ignored: linux,cma is the default area already"),
                          HasSubstr("boot (--reserved)"), HasSubstr("lies below 0x88000000")));
}

TEST_F(BootCommandTest, ASourceIsCompiled) {
  if (std::system("dtc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "dtc is not here (ci/setup installs it)";
  EXPECT_EQ(call({"boot", write("board.dts", kSource)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("area linux,cma, the default one"));
  EXPECT_EQ(call({"boot", write("broken.dts", "/dts-v1/; / { x = <; };")}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("broken.dts: dtc does not compile it"));
}

TEST_F(BootCommandTest, AProgramBootsATree) {
  const std::string boots = write("boots.cma",
                                  "machine release=6.1 pages=0x10000 pageblock_order=9 debug=off\nboot cmdline=\"\" "
                                  "size_mbytes=0\nboot_area own area=linux,cma\nexpect own.pfn == 0xc000\n");
  EXPECT_EQ(call({"run", "--dtb", write("board.dtb", blob_with_area()), boots}), kNothingFound) << out_ << err_;
  EXPECT_EQ(call({"run", boots}), kFindings) << "without the tree there is no such area";
  const std::string plain = write("plain.cma", "machine small release=6.1\nspawn\n");
  EXPECT_EQ(call({"run", "--dtb", write("board.dtb", blob_with_area()), plain}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("needs a program with a `boot`"));
}

TEST_F(BootCommandTest, ATreeInAProgramThatCannotBeReadIsBadInput) {
  const std::string file =
      write("odd.cma", "machine small release=6.1\ndevice_tree \"/ { a = <1> };\"\nboot cmdline=\"\"\n");
  EXPECT_EQ(call({"run", file}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("odd.cma:2: in the tree, line 1, column 13: expected ';'"));
}

TEST_F(BootCommandTest, BadInputIsTwo) {
  EXPECT_EQ(call({"boot", path("missing")}), kBadInput);
  EXPECT_EQ(call({"boot", write("cut", blob_with_area().substr(0, 200))}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("damaged device-tree blob"));
  const std::string file = write("board.dtb", blob_with_area());
  for (const char* range : {"1G", "1G@", "@0", "0@0", "1G@x", "1G@1Gx", "1@0xffffffffffffffff"})
    EXPECT_EQ(call({"boot", file, "--memory", range}), kBadInput) << range;
  EXPECT_EQ(call({"boot", file, "--release", "2.6"}), kBadInput);
  EXPECT_EQ(call({"boot", file, "--memory", "1G@0xfffffffff0000000"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("1G@0xfffffffff0000000 ends after the largest address"));
  EXPECT_EQ(call({"boot", file, "--limit", "high"}), kBadInput);
  EXPECT_EQ(call({"boot", file, "--limit", "0"}), kBadInput);
  EXPECT_EQ(call({"boot", file, "--page-size", "5000"}), kBadInput);
  EXPECT_EQ(call({"boot", file, "--reserved", "1M@0x80000000"}), kBadInput);
  EXPECT_EQ(call({"boot", file, "--no-cmdline", "--cmdline", "x"}), kBadInput);
}

TEST_F(BootCommandTest, BlobsOfTheCorpusAreWhatTheirSourcesBecome) {
  namespace fs = std::filesystem;
  int sources = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator("corpus/boot")) {
    if (entry.path().extension() != ".dts") continue;
    ++sources;
    const int of_source = call({"boot", entry.path().string()});
    const std::string report = out_;
    EXPECT_EQ(call({"boot", fs::path(entry.path()).replace_extension(".dtb").string()}), of_source) << entry.path();
    EXPECT_EQ(out_, report) << entry.path();
    EXPECT_THAT(report, HasSubstr("memory, a character for")) << entry.path();
  }
  EXPECT_GT(sources, 3);
}

}  // namespace
}  // namespace cma
