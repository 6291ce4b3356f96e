// `cmacheck decode`: prints the program that bytes stand for.

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct DecodeCommand {
  std::string file;
  std::string out = "-";
  bool as_fuzzed = false;
};

int decode_file(const DecodeCommand& command) {
  if (const auto writable = check_outputs({command.out}, {command.file}); !writable)
    return report_failure(writable.error());
  const auto loaded = load_program(command.file, {.form = Form::bytes, .as_fuzzed = command.as_fuzzed});
  if (loaded && command.file != "-" && looks_like_text(read_file(command.file).value_or("")))
    fmt::print(stderr, "{}: looks like text, and is read as bytes\n", command.file);
  const auto written = loaded ? write_file(command.out, print(loaded->program)) : std::unexpected(loaded.error());
  return written ? kNothingFound : report_failure(written.error());
}

}  // namespace

void add_decode(CommandLine& line) {
  auto command = std::make_shared<DecodeCommand>();
  Command sub = line.add("decode", "Prints the program that bytes stand for; every byte string is one");
  sub.text("FILE", command->file, "Bytes, such as a fuzzer's crash input; - is the standard input").required();
  sub.text("-o,--output", command->out, "Where the text goes; - is the standard output").show_default();
  sub.flag("--as-fuzzed", command->as_fuzzed, "Read the bytes as the fuzz targets do");
  sub.action([command] { return decode_file(*command); });
}

}  // namespace cma
