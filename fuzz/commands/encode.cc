// `cmacheck encode`: writes programs as the bytes that fuzzers work on.

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/program/byte_form.h"

namespace cma {
namespace {

struct EncodeCommand {
  std::vector<std::string> files;
  std::string out;
  std::string into;
};

std::string output_of(const EncodeCommand& command, const std::string& file) {
  if (command.into.empty()) return command.out;
  return (std::filesystem::path(command.into) / std::filesystem::path(file).stem()).string();
}

std::expected<void, Failure> encode_file(const std::string& file, const std::string& out) {
  const auto loaded = load_program(file);
  if (!loaded) return std::unexpected(loaded.error());
  const std::vector<std::uint8_t> bytes = encode(loaded->program);
  return write_file(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

int encode_files(const EncodeCommand& command) {
  std::vector<std::string> outputs;
  for (const std::string& file : command.files) outputs.push_back(output_of(command, file));
  if (const auto writable = check_outputs(outputs, command.files); !writable) return report_failure(writable.error());
  int exit_code = kNothingFound;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (const auto done = encode_file(command.files[i], outputs[i]); !done)
      exit_code = std::max(exit_code, report_failure(done.error()));
  return exit_code;
}

}  // namespace

void add_encode(CommandLine& line) {
  auto command = std::make_shared<EncodeCommand>();
  Command sub = line.add("encode", "Writes programs in the byte form that fuzzers work on");
  sub.texts("FILE", command->files, "Programs, as text or bytes; - is the standard input").required();
  const Option out =
      sub.text("-o,--output", command->out, "Where the bytes of the one program go; - is the standard output");
  sub.text("--into", command->into, "A folder for the bytes of all programs, under their names without .cma")
      .excludes(out);
  sub.action([command] {
    if (command->out.empty() && command->into.empty()) throw UsageError("-o or --into is required");
    if (command->into.empty() && command->files.size() != 1) throw UsageError("several programs go --into a folder");
    return encode_files(*command);
  });
}

}  // namespace cma
