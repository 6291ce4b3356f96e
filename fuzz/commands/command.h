// The face of the command line: exit codes, and what a command needs to declare its options.
//
// Each command stands in a file of its own, is listed at the end of this header and added in command_line.cc. It
// declares its options on a Command; its action runs once they have been parsed and returns the exit code. The parser,
// CLI11, stays in command.cc: every file that includes it takes 25 seconds to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace cma {

// How the process ends, in the numbers that every script in ci/ uses. Of several outcomes the largest counts.
enum ExitCode : int {
  kNothingFound = 0,
  kFindings = 1,
  kBadInput = 2,     // or bad usage
  kEnvironment = 3,  // a full or broken disk, a kernel that is missing
};

// Thrown by an action when its options do not go together; what() is printed with a hint to --help.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The values that a number may have, both ends included.
struct Bounds {
  std::uint64_t least = 0;
  std::uint64_t most = ~std::uint64_t{0};
};

// An option or argument of a command. A handle: copies name the same option, which lives as long as its CommandLine.
// Each function adds a rule, which a command line breaks on pain of bad usage, and returns the option.
class Option {
 public:
  // Must be given.
  Option& required();
  // May not be given together with the other.
  Option& excludes(const Option& other);
  // May not be given without the other.
  Option& needs(const Option& other);
  // Takes one word each time it is given: in `--x A --x B FILE`, FILE is no value of `--x`.
  Option& one_value_each();
  // Takes none but these words.
  Option& one_of(const std::vector<std::string>& words);
  // Takes the path of something that exists; of a folder that does.
  Option& existing_path();
  Option& existing_folder();
  // Takes values for which `complaint` returns an empty text; prints the text for others.
  Option& check(std::function<std::string(const std::string& value)> complaint);
  // No rule: prints the value that the option has now in the help, as its default.
  Option& show_default();

 private:
  friend class Command;
  explicit Option(CLI::Option* option) : option_(option) {}
  CLI::Option* option_;
};

class CommandLine;

// A command while it is declared. A handle, as Option is. Names are as CLI11 reads them: "-o,--output" an option,
// "FILE" an argument. The values are written when the command line is parsed and must live until it has run: let the
// action own them.
class Command {
 public:
  // Add an option that stands in the help with this text, and return it. The value stays as it is if it is not given.
  Option flag(const std::string& names, bool& value, const std::string& help);
  Option text(const std::string& names, std::string& value, const std::string& help);
  Option texts(const std::string& names, std::vector<std::string>& values, const std::string& help);
  // Takes nothing but digits, within the bounds.
  Option number(const std::string& names, std::uint64_t& value, const std::string& help, Bounds bounds = {});
  // Takes names of bugs, once or more often.
  Option bugs(const std::string& names, std::vector<std::string>& values, const std::string& help);
  // Sets what shells offer for the value of an option that takes other words too.
  void offer(const Option& option, std::vector<std::string> words);
  // Sets what the help ends with.
  void footer(const std::string& text);
  // Sets what the command does: the function returns the exit code. It may throw UsageError, and
  // std::filesystem::filesystem_error for a path that was named: both are bad input.
  void action(std::function<int()> perform);

 private:
  friend class CommandLine;
  Command(CommandLine& line, CLI::App* app) : line_(line), app_(app) {}
  CommandLine& line_;
  CLI::App* app_;
};

// What the help of a command says, as data.
struct OptionInfo {
  std::vector<std::string> names;  // "-q", "--quiet"; of an argument none
  std::string help;
  bool takes_value = false;
  std::vector<std::string> words;  // what shells offer for its value
};
struct CommandInfo {
  std::string name;
  std::string description;
  std::vector<OptionInfo> options;
};

// The whole command line, to which commands are added in the order in which the help lists them.
class CommandLine {
 public:
  // `version` is the text that --version prints, `written_by` what written_by() returns.
  CommandLine(const std::string& name, const std::string& description, const std::string& footer,
              const std::string& version, std::string written_by);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Returns what files that are kept name as their writer.
  const std::string& written_by() const { return written_by_; }
  // Adds a command without options. Requires: no other has this name.
  Command add(const std::string& name, const std::string& description);
  // Returns the options of the command line itself, as those of a command without a description; then each command.
  std::vector<CommandInfo> commands() const;
  // Parses the words and performs the command that they name; without words prints the help. Returns the exit code; bad
  // usage is reported on the standard error.
  int run(int argc, const char* const* argv);

 private:
  friend class Command;
  std::unique_ptr<CLI::App> app_;
  std::map<const CLI::Option*, std::vector<std::string>> offered_;  // looked up only
  std::string written_by_;
  int exit_code_ = kNothingFound;
};

// Runs all of `cmacheck` and returns the exit code. Tests call it too. `commit` is what --version prints.
int run_command_line(int argc, const char* const* argv, std::string_view commit);

// Returns what files that are kept name as their writer: "cmacheck VERSION, commit 0123456789ab".
std::string written_by(std::string_view commit);

// The commit that the executable was built from, or "unknown". Defined in a file that CMake writes (commit.cmake) and
// that only executables have.
extern const std::string_view kCommit;

// Each adds the command of its name.
void add_run(CommandLine& line);
void add_minimize(CommandLine& line);
void add_fmt(CommandLine& line);
void add_encode(CommandLine& line);
void add_decode(CommandLine& line);
void add_emit(CommandLine& line);
void add_laws(CommandLine& line);
void add_points(CommandLine& line);
void add_bugs(CommandLine& line);
void add_releases(CommandLine& line);
void add_study(CommandLine& line);
void add_judge(CommandLine& line);
void add_hashes(CommandLine& line);
void add_fit(CommandLine& line);
void add_explain(CommandLine& line);
void add_report(CommandLine& line);
void add_adopt(CommandLine& line);
void add_boot(CommandLine& line);
void add_completion(CommandLine& line);

}  // namespace cma
