#include "fuzz/commands/files.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "allocator/base/scratch_folder_testing.h"
#include "fuzz/commands/command.h"
#include "properties/program/byte_form.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  std::string write(const std::string& name, std::string_view content) const { return folder_.write(name, content); }

  ScratchFolder folder_;
};

TEST_F(Files, BothFormsAreRecognizedByTheirContent) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Program program = generate(seed);
    const std::vector<std::uint8_t> bytes = encode(program);
    EXPECT_TRUE(looks_like_text(print(program)));
    EXPECT_FALSE(looks_like_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
}

TEST_F(Files, DamagedTextIsRefusedWithItsPlace) {
  const struct {
    std::string_view content;
    std::string_view error;
  } cases[] = {
      {"cmacheck 1\nmachine small\nb = \x01", "damaged:3:5: byte 0x01 stands in no text"},
      {std::string_view("# \0", 3), "damaged:1:3: byte 0x00 stands in no text"},
      {std::string_view("\377\376c\0m\0", 6), "damaged:1:1: this is UTF-16"},
      {std::string_view("\376\377\0c\0m", 6), "damaged:1:1: this is UTF-16"},
  };
  for (const auto& [content, error] : cases) {
    const auto loaded = load_program(write("damaged", content));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().exit_code, kBadInput);
    EXPECT_THAT(loaded.error().message, HasSubstr(error));
  }
}

TEST_F(Files, DamagedTextIsBytesOnRequest) {
  const std::string file = write("damaged", "cmacheck \x01");
  EXPECT_TRUE(load_program(file, {.form = Form::bytes}));
  EXPECT_TRUE(load_program(file, {.as_fuzzed = true}));
}

TEST_F(Files, BothFormsLoadAsTheSameProgram) {
  const Program program = generate(5);
  const std::vector<std::uint8_t> bytes = encode(program);
  const auto text = load_program(write("text", print(program)));
  const auto raw = load_program(write("bytes", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  ASSERT_TRUE(text && raw);
  EXPECT_EQ(text->program, program);
  EXPECT_EQ(raw->program, program);
  EXPECT_EQ(text->lines, raw->lines);
}

TEST_F(Files, ALinkIsFollowedAndAModeIsKept) {
  const std::string target = write("target", "old");
  fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write | fs::perms::owner_exec);
  fs::create_symlink("target", path("link"));
  EXPECT_TRUE(write_file(path("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(target), "new");
  EXPECT_EQ(fs::status(target).permissions(), fs::perms::owner_all);
}

TEST_F(Files, WhetherAFileCanBeWrittenIsFoundOutWithoutATrace) {
  EXPECT_TRUE(check_writable("-"));
  EXPECT_TRUE(check_writable("/dev/null"));
  EXPECT_TRUE(check_writable(path("new")));
  EXPECT_FALSE(fs::exists(path("new")));
  EXPECT_TRUE(check_writable(write("old", "kept")));
  EXPECT_EQ(read_file(path("old")), "kept");
  EXPECT_FALSE(check_writable(path("no-folder") + "/new"));
  EXPECT_FALSE(check_writable(folder_.path().string()));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1)
      << "nothing is left aside";
}

TEST_F(Files, OperationsKnowTheirLines) {
  const auto loaded =
      load_program(write("program",
                         "# what it shows\n\nmachine small release=6.1\nactor A cpu=1\n\nb = cma_alloc a pages=1\n"
                         "  # a remark\nbug = pin b   # a name that begins other lines\nA: unpin bug\n"));
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_THAT(loaded->lines, ElementsAre(6, 8, 9));
}

TEST_F(Files, BadInputIsRefusedWithItsPlace) {
  const auto bad = load_program(write("bad.cma", "machine small release=6.1\nfrobnicate\n"));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().exit_code, kBadInput);
  EXPECT_THAT(bad.error().message, HasSubstr("bad.cma:2:1: "));
  const auto missing = load_program(path("missing.cma"));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().exit_code, kBadInput);
  EXPECT_EQ(load_program(folder_.path().string()).error().exit_code, kBadInput);
}

TEST_F(Files, AFailedWriteLeavesWhatWasThere) {
  ASSERT_TRUE(write_file(path("out"), "first").has_value());
  EXPECT_EQ(read_file(path("out")).value(), "first");
  ASSERT_TRUE(write_file(path("out"), "second").has_value());
  EXPECT_EQ(read_file(path("out")).value(), "second");
  const auto nowhere = write_file(path("no/such/folder/out"), "x");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().exit_code, kBadInput);
  EXPECT_FALSE(write_file(folder_.path().string(), "x").has_value());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1)
      << "nothing is left aside";
}

TEST_F(Files, AFullDiskIsTheEnvironmentsFault) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const auto full = write_file("/dev/full", "x");
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().exit_code, kEnvironment);
}

// A log or a program may be the only copy of it.
TEST_F(Files, NoResultReplacesAnInputOrAnotherResult) {
  const std::string program = write("program.cma", "machine small release=6.1\n");
  const std::string other = write("other.cma", "machine small release=6.1\n");
  fs::create_symlink(program, path("link"));
  fs::create_hard_link(program, path("hard"));
  for (const std::string& output : {program, path("./program.cma"), path("link"), path("hard")}) {
    const auto checked = check_outputs({"", output}, {other, program});
    ASSERT_FALSE(checked) << output;
    EXPECT_EQ(checked.error().exit_code, kBadInput);
    EXPECT_EQ(checked.error().message, "cannot write " + output + ": it is the input");
  }
  const auto twice = check_outputs({path("new"), path("./new")}, {program});
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("two results would go there"));
  EXPECT_TRUE(check_outputs({path("new"), path("newer"), "-", "-"}, {program, "-"}));
  EXPECT_TRUE(check_outputs({"/dev/null", "/dev/null"}, {"/dev/null"}));
  EXPECT_FALSE(fs::exists(path("new")));
}

}  // namespace
}  // namespace cma
