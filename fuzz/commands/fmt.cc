// `cmacheck fmt`: prints the canonical text of programs.

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct FmtCommand {
  std::vector<std::string> files;
  bool in_place = false;
};

int format_file(const FmtCommand& command, const std::string& file) {
  const auto text = read_file(file);
  if (!text) return report_failure(text.error());
  const auto program = parse(*text, file == "-" ? "standard input" : file);
  if (!program) {
    fmt::print(stderr, "{}\n", program.error().text());
    return kBadInput;
  }
  const std::string formatted = print(*program);
  if (command.in_place && formatted == *text) return kNothingFound;
  const auto written = write_file(command.in_place ? file : "-", formatted);
  return written ? kNothingFound : report_failure(written.error());
}

}  // namespace

void add_fmt(CommandLine& line) {
  auto command = std::make_shared<FmtCommand>();
  Command sub = line.add("fmt", "Prints the canonical text of programs; comments are not kept");
  sub.texts("FILE", command->files, "Programs as text; - is the standard input").required();
  sub.flag("-i,--in-place", command->in_place, "Rewrite the files");
  sub.action([command] {
    int exit_code = kNothingFound;
    for (const std::string& file : command->files) exit_code = std::max(exit_code, format_file(*command, file));
    return exit_code;
  });
}

}  // namespace cma
