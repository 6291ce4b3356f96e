#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "fuzz/commands/command_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Returns the first group of each match.
std::vector<std::string> all_matches(const std::string& text, const char* pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (auto at = std::sregex_iterator(text.begin(), text.end(), regex); at != std::sregex_iterator(); ++at)
    found.push_back((*at)[1]);
  return found;
}

class CompletionTest : public CommandTest {
 protected:
  std::string script_for(const std::string& shell) {
    EXPECT_EQ(call({"completion", shell}), kNothingFound);
    return out_;
  }
  std::string help_of(const std::vector<std::string>& command) {
    std::vector<std::string> words = command;
    words.emplace_back("--help");
    EXPECT_EQ(call(words), kNothingFound);
    return out_;
  }
  // Returns the commands as the help lists them.
  std::vector<std::string> commands() {
    const std::string help = help_of({});
    return all_matches(help.substr(help.find("Subcommands:")), "\n  ([a-z]+) ");
  }
  // Returns the options of a command as its help lists them, both forms.
  std::vector<std::string> options(const std::string& command) {
    const std::string help = help_of({command});
    return all_matches(help, "(?:\n  |\n  -.,)(--?[a-z][a-z-]*)");
  }
  // Returns what bash offers after these words, one per line.
  std::string offered(const std::string& words) {
    const std::string file = write("completion", script_for("bash"));
    const std::string command = "bash -c 'source " + file + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cmacheck; "
                                "printf \"%s\\n\" \"${COMPREPLY[@]}\"'";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    EXPECT_NE(pipe, nullptr);
    std::array<char, 65536> buffer;
    return {buffer.data(), std::fread(buffer.data(), 1, buffer.size(), pipe.get())};
  }
};

TEST_F(CompletionTest, KnowsEveryCommandAndOption) {
  const std::string bash = script_for("bash");
  const std::string zsh = script_for("zsh");
  const std::string fish = script_for("fish");
  ASSERT_GE(commands().size(), 18U);
  for (const std::string& command : commands()) {
    EXPECT_THAT(bash, HasSubstr("\n    " + command + ")\n"));
    EXPECT_THAT(zsh, AllOf(HasSubstr("\n    '" + command + ":"), HasSubstr("\n    " + command + ")\n")));
    EXPECT_THAT(fish, HasSubstr("-f -a " + command + " -d '"));
    const std::string listed = offered("cmacheck " + command + " -");
    for (const std::string& option : options(command)) {
      EXPECT_THAT("\n" + listed, HasSubstr("\n" + option + "\n")) << command;
      EXPECT_THAT(zsh.substr(zsh.find("\n    " + command + ")\n")), HasSubstr("'*" + option + "[")) << command;
      const std::string form = option.starts_with("--") ? " -l " + option.substr(2) : " -s " + option.substr(1);
      EXPECT_THAT(fish, HasSubstr("from " + command + "'")) << command;
      EXPECT_THAT(fish.substr(fish.find("from " + command + "'")), HasSubstr(form + " ")) << command;
    }
  }
}

TEST_F(CompletionTest, OffersCommandsFirst) {
  EXPECT_EQ(offered("cmacheck ex"), "explain\n");
  EXPECT_EQ(offered("cmacheck --v"), "--version\n");
}

TEST_F(CompletionTest, OffersTheWordsThatAnOptionTakes) {
  EXPECT_EQ(offered("cmacheck run --bugs \"\""), "repaired\nas-shipped\n");
  EXPECT_EQ(offered("cmacheck completion z"), "zsh\n");
  EXPECT_EQ(offered("cmacheck run --bug bitmap-for"), "bitmap-forgets-bit\n");
  EXPECT_EQ(offered("cmacheck study bh"), "bh-lru\n");
}

// The shell splits a word at the equals sign.
TEST_F(CompletionTest, OffersWordsBehindAnEqualsSign) {
  EXPECT_EQ(offered("cmacheck run --bugs ="), "repaired\nas-shipped\n");
  EXPECT_EQ(offered("cmacheck run --bugs = a"), "as-shipped\n");
}

// Of these the shell then offers files.
TEST_F(CompletionTest, OffersNoOptionWhereAValueStands) {
  EXPECT_EQ(offered("cmacheck run --ftrace \"\""), "\n");
  EXPECT_EQ(offered("cmacheck run corpus"), "\n");
  EXPECT_EQ(offered("cmacheck run \"\""), "\n") << "a file belongs here";
}

TEST_F(CompletionTest, KnowsNoOtherShell) {
  EXPECT_EQ(call({"completion", "csh"}), kBadInput);
  EXPECT_THAT(out_, IsEmpty());
}

}  // namespace
}  // namespace cma
