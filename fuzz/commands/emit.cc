// `cmacheck emit gtest`: prints a program as a test case that compiles as printed.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct EmitCommand {
  std::string form;
  std::string file;
  std::string out = "-";
};

// Returns "PinnedPage" for "pinned-page".
std::string camel_case(std::string_view text) {
  std::string name;
  bool begins = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0) {
      begins = true;
      continue;
    }
    if (name.empty() && std::isdigit(byte) != 0) name += 'P';
    name += begins ? static_cast<char>(std::toupper(byte)) : c;
    begins = false;
  }
  return name.empty() ? "Program" : name;
}

std::string emit_gtest(const LoadedProgram& loaded) {
  CheckedRun run;
  const std::optional<Finding> finding = run.find(loaded.program);
  const std::string text = print(loaded.program);
  // The raw string must not end inside the program.
  std::string delimiter = "cma";
  while (text.find(")" + delimiter + "\"") != std::string::npos) delimiter += 'a';
  std::string name = std::filesystem::path(loaded.file).stem().string();
  if (finding) name = finding->signature();
  std::string remark = finding ? fmt::format("{}: {}", finding->signature(), finding->message) : "No law is broken.";
  std::ranges::replace(remark, '\n', ' ');
  return fmt::format(
      R"(#include <gtest/gtest.h>

#include "properties/laws/checked_run.h"
#include "properties/program/text.h"

// {0}
TEST(Emitted, {1}) {{
  const auto program = cma::parse(R"{2}({3}){2}");
  ASSERT_TRUE(program.has_value()) << program.error().text();
  cma::CheckedRun run;
  const auto finding = run.find(*program);
  EXPECT_FALSE(finding.has_value()) << finding->signature() << ": " << finding->message;
}}
)",
      remark, camel_case(name), delimiter, text);
}

}  // namespace

void add_emit(CommandLine& line) {
  auto command = std::make_shared<EmitCommand>();
  Command sub = line.add("emit", "Prints a program as something else: gtest, a test case that compiles");
  sub.text("FORM", command->form, "gtest").required().one_of({"gtest"});
  sub.text("FILE", command->file, "A program, as text or bytes; - is the standard input").required();
  sub.text("-o,--output", command->out, "Where it goes; - is the standard output").show_default();
  sub.footer("The test passes when the program breaks no law.");
  sub.action([command] {
    if (const auto writable = check_outputs({command->out}, {command->file}); !writable)
      return report_failure(writable.error());
    const auto loaded = load_program(command->file);
    const auto written = loaded ? write_file(command->out, emit_gtest(*loaded)) : std::unexpected(loaded.error());
    return written ? kNothingFound : report_failure(written.error());
  });
}

}  // namespace cma
