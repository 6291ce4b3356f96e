// The face of the command line: exit codes, and what a command needs to declare its options.
//
// Each command stands in a file of its own, is listed at the end of this header and added in command_line.cc. It
// declares its options on a Command; its action runs once they have been parsed and returns the exit code. The parser,
// CLI11, stays in command.cc: every file that includes it takes 25 seconds to compile.
#pragma once

#include <cstdint>
#include <functional>
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

// As every script in ci/ has them. Of several outcomes the largest counts.
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

// The values that a number may have.
struct Bounds {
  std::uint64_t least = 0;
  std::uint64_t most = ~std::uint64_t{0};
};

// An option or argument of a command. A handle: copies name the same option, which lives as long as its CommandLine.
class Option {
 public:
  Option& required();
  Option& excludes(const Option& other);
  // Makes this one bad usage without the other.
  Option& needs(const Option& other);
  // `--x A --x B FILE`: each `--x` takes one word, so FILE is not taken for a value.
  Option& one_value_each();
  Option& one_of(const std::vector<std::string>& words);
  Option& existing_path();
  Option& existing_folder();
  // Accepts a value if `complaint` returns an empty text for it; otherwise the text is printed.
  Option& check(std::function<std::string(const std::string& value)> complaint);
  // Prints the value that the option has now in the help.
  Option& show_default();

 private:
  friend class Command;
  explicit Option(CLI::Option* option) : option_(option) {}
  CLI::Option* option_;
};

class CommandLine;

// A command while it is declared. Names are as CLI11 reads them: "-o,--output" an option, "FILE" an argument. The
// values must live until the command line has run: let the action own them.
class Command {
 public:
  Option flag(const std::string& names, bool& value, const std::string& help);
  Option text(const std::string& names, std::string& value, const std::string& help);
  Option texts(const std::string& names, std::vector<std::string>& values, const std::string& help);
  // Takes nothing but digits, within the bounds.
  Option number(const std::string& names, std::uint64_t& value, const std::string& help, Bounds bounds = {});
  // Takes names of bugs, once or more often.
  Option bugs(const std::string& names, std::vector<std::string>& values, const std::string& help);
  // Sets what the help ends with.
  void footer(const std::string& text);
  // Sets what the command does: the function returns the exit code.
  void action(std::function<int()> perform);

 private:
  friend class CommandLine;
  Command(CommandLine& line, CLI::App* app) : line_(line), app_(app) {}
  CommandLine& line_;
  CLI::App* app_;
};

// The whole command line, to which commands are added in the order in which the help lists them.
class CommandLine {
 public:
  // `version` is the text that --version prints.
  CommandLine(const std::string& name, const std::string& description, const std::string& footer,
              const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command add(const std::string& name, const std::string& description);
  // Parses the words and performs the command that they name; without words prints the help. Returns the exit code; bad
  // usage is reported on the standard error.
  int run(int argc, const char* const* argv);

 private:
  friend class Command;
  std::unique_ptr<CLI::App> app_;
  int exit_code_ = kNothingFound;
};

// Runs all of `cmacheck` and returns the exit code. Tests call it too. `commit` is what --version prints.
int run_command_line(int argc, const char* const* argv, std::string_view commit);

// The commit that the executable was built from, or "unknown". Defined in a file that CMake writes (commit.cmake) and
// that only the executable has.
extern const std::string_view kCommit;

void add_run(CommandLine& line);
void add_minimize(CommandLine& line);
void add_fmt(CommandLine& line);
void add_encode(CommandLine& line);
void add_decode(CommandLine& line);
void add_emit(CommandLine& line);
void add_laws(CommandLine& line);
void add_points(CommandLine& line);
void add_bugs(CommandLine& line);
void add_study(CommandLine& line);
void add_judge(CommandLine& line);
void add_hashes(CommandLine& line);

}  // namespace cma
