#include "fuzz/commands/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "fuzz/commands/command.h"
#include "fuzz/commands/installed.h"
#include "fuzz/mutation/input.h"
#include "properties/program/byte_form.h"
#include "properties/program/text.h"
#include "properties/program/tree_text.h"

namespace cma {
namespace {

// Programs are kilobytes: a larger file is something else.
constexpr std::size_t kMaxFile = std::size_t{64} << 20;

std::unexpected<Failure> failure(int exit_code, std::string message) {
  return std::unexpected(Failure{exit_code, std::move(message)});
}

// Returns why a file could not be written. A full or broken disk is the environment's fault, anything else bad input.
Failure write_failure(const std::string& file, int error) {
  const bool environment = error == ENOSPC || error == EDQUOT || error == EIO || error == EROFS || error == EFBIG;
  return {environment ? kEnvironment : kBadInput, fmt::format("cannot write {}: {}", file, std::strerror(error))};
}

int write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_descriptor_and_close(int descriptor, std::string_view content) {
  int error = write_all(descriptor, content);
  // Devices and pipes cannot be synced and need not be.
  if (error == 0 && ::fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS) error = errno;
  if (::close(descriptor) != 0 && error == 0) error = errno;
  return error;
}

// A file that is being written. Its content goes to `aside` first; a device is written to directly, as it cannot be
// replaced by renaming.
struct Opened {
  std::string file;  // with links resolved
  std::string aside;
  bool device = false;
  int descriptor = -1;
};

std::expected<Opened, Failure> open_aside(const std::string& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_directory(file, error)) return std::unexpected(write_failure(file, EISDIR));
  const bool exists = fs::exists(file, error);
  if (exists && ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0)
    return std::unexpected(write_failure(file, errno));
  Opened opened;
  opened.device = exists && !fs::is_regular_file(file, error);
  opened.file = opened.device || !fs::is_symlink(file, error) ? file : fs::weakly_canonical(file, error).string();
  opened.aside = opened.device ? file : fmt::format("{}.{}.new", opened.file, ::getpid());
  const int flags = O_WRONLY | O_CLOEXEC | (opened.device ? 0 : O_CREAT | O_EXCL);
  opened.descriptor = ::open(opened.aside.c_str(), flags, 0666);
  if (opened.descriptor < 0) return std::unexpected(write_failure(file, errno));
  if (exists && !opened.device) fs::permissions(opened.aside, fs::status(file, error).permissions(), error);
  return opened;
}

// Returns whether two names stand for one regular file, or would, once the first is written. Devices take any number.
bool is_same_file(const std::string& output, const std::string& other) {
  namespace fs = std::filesystem;
  if (output == "-" || other == "-" || other.empty()) return false;
  std::error_code error;
  if (fs::exists(output, error) && !fs::is_regular_file(output, error)) return false;
  if (fs::exists(output, error) && fs::exists(other, error)) return fs::equivalent(output, other, error);
  return fs::weakly_canonical(output, error) == fs::weakly_canonical(other, error);
}

// Returns whether a line of a program comes before the operations: it begins with one of these words and does not use
// it as the name of a result.
bool is_head(std::string_view line) {
  constexpr std::array<std::string_view, 8> kHeads = {"cmacheck", "machine", "zone", "hole",
                                                      "reserved", "area",    "bug",  "actor"};
  const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
  if (std::ranges::find(kHeads, line.substr(0, end)) == kHeads.end()) return false;
  const std::size_t next = line.find_first_not_of(" \t\r", end);
  return next == std::string_view::npos || line[next] != '=';
}

// Returns the line of each operation; nothing if the lines found do not match, as none is better than a wrong one.
std::vector<int> lines_of_operations(const Program& program, std::string_view text) {
  std::vector<int> lines;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || line.front() == '#' || is_head(line)) continue;
    lines.push_back(number);
  }
  if (lines.size() != program.ops.size()) lines.clear();
  return lines;
}

}  // namespace

int report_failure(const Failure& failure) {
  fmt::print(stderr, "{}\n", failure.message);
  return failure.exit_code;
}

std::expected<std::string, Failure> read_file(const std::string& file) {
  std::error_code ignored;
  const std::string path = input_path(file);
  if (file != "-" && std::filesystem::is_directory(path, ignored))
    return failure(kBadInput, fmt::format("{}: is a directory", file));
  std::FILE* stream = file == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (stream == nullptr) return failure(kBadInput, fmt::format("{}: {}", file, std::strerror(errno)));
  std::string content;
  std::array<char, 65536> buffer;
  while (content.size() <= kMaxFile) {
    const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), stream);
    if (size == 0) break;
    content.append(buffer.data(), size);
  }
  const bool failed = std::ferror(stream) != 0;
  if (stream != stdin) static_cast<void>(std::fclose(stream));
  if (failed) return failure(kBadInput, fmt::format("{}: cannot be read", file));
  if (content.size() > kMaxFile) return failure(kBadInput, fmt::format("{}: too large for a program", file));
  return content;
}

namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f;
}

// Returns what is wrong with a file that was meant to be text but holds what no text does, with its place: a control
// byte after a beginning that no byte form has, or text of another encoding. Returns nothing of other files.
std::optional<std::string> damage_of_text(std::string_view content) {
  if (content.starts_with("\xff\xfe") || content.starts_with("\xfe\xff"))
    return "1:1: this is UTF-16; a program is text in UTF-8";
  const auto damage = std::ranges::find_if(content, is_control);
  if (damage == content.end() || static_cast<unsigned char>(content.front()) >= 0x80 || is_control(content.front()))
    return std::nullopt;
  const std::string_view before = content.substr(0, static_cast<std::size_t>(damage - content.begin()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;
  return fmt::format(
      "{}:{}: byte 0x{:02x} stands in no text; with --bytes or --as-fuzzed the file is a program's bytes", line, column,
      static_cast<unsigned char>(*damage));
}

}  // namespace

bool looks_like_text(std::string_view content) { return std::ranges::none_of(content, is_control); }

std::expected<LoadedProgram, Failure> load_program(const std::string& file, const LoadOptions& options) {
  const auto content = read_file(file);
  if (!content) return std::unexpected(content.error());
  return program_of(file, *content, options);
}

namespace {

// Returns which device tree of a program cannot be read, its line first; nullopt if all can.
std::optional<std::string> complaint_of_trees(const LoadedProgram& loaded) {
  for (std::size_t op = 0; op < loaded.program.ops.size(); ++op) {
    const auto* tree = std::get_if<DeviceTree>(&loaded.program.ops[op].body);
    if (tree == nullptr) continue;
    const int line = op < loaded.lines.size() ? loaded.lines[op] : 0;
    if (const auto read = read_tree_text(tree->source); !read)
      return fmt::format("{}: in the tree, {}", line, read.error());
  }
  return std::nullopt;
}

}  // namespace

std::expected<LoadedProgram, Failure> program_of(const std::string& file, std::string_view content,
                                                 const LoadOptions& options) {
  LoadedProgram loaded;
  loaded.file = file;
  loaded.form = options.form;
  const std::string name = file == "-" ? "standard input" : file;
  if (loaded.form == Form::by_content && !options.as_fuzzed) {
    if (const auto damage = damage_of_text(content)) return failure(kBadInput, fmt::format("{}:{}", name, *damage));
  }
  if (loaded.form == Form::by_content) loaded.form = looks_like_text(content) ? Form::text : Form::bytes;
  if (loaded.form == Form::bytes) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
    if (options.as_fuzzed)
      program_from_input(loaded.program, bytes);
    else
      loaded.program = decode(bytes);
    loaded.lines = lines_of_operations(loaded.program, print(loaded.program));
    return loaded;
  }
  auto program = parse(content, name);
  if (!program) return failure(kBadInput, program.error().text());
  loaded.program = std::move(*program);
  loaded.lines = lines_of_operations(loaded.program, content);
  if (auto complaint = complaint_of_trees(loaded)) return failure(kBadInput, fmt::format("{}:{}", name, *complaint));
  return loaded;
}

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> program_files(const std::vector<std::string>& paths) {
  std::vector<std::string> programs;
  for (const std::string& name : paths) {
    const std::string path = input_path(name);
    if (!std::filesystem::is_directory(path)) {
      programs.push_back(name);
      continue;
    }
    for (std::string& file : files_below(path))
      if (std::filesystem::path(file).extension() == ".cma") programs.push_back(std::move(file));
  }
  return programs;
}

std::expected<void, Failure> write_file(const std::string& file, std::string_view content) {
  if (file == "-") {
    // What was printed before comes first.
    if (std::fflush(stdout) != 0) return std::unexpected(write_failure("standard output", errno));
    const int error = write_all(STDOUT_FILENO, content);
    if (error != 0) return std::unexpected(write_failure("standard output", error));
    return {};
  }
  const auto opened = open_aside(file);
  if (!opened) return std::unexpected(opened.error());
  int error = write_descriptor_and_close(opened->descriptor, content);
  if (error == 0 && !opened->device && ::rename(opened->aside.c_str(), opened->file.c_str()) != 0) error = errno;
  if (error == 0) return {};
  if (!opened->device) ::unlink(opened->aside.c_str());
  return std::unexpected(write_failure(file, error));
}

std::expected<void, Failure> check_outputs(const std::vector<std::string>& outputs,
                                           const std::vector<std::string>& inputs) {
  for (auto output = outputs.begin(); output != outputs.end(); ++output) {
    if (output->empty()) continue;
    for (const std::string& input : inputs)
      if (is_same_file(*output, input_path(input)))
        return failure(kBadInput, fmt::format("cannot write {}: it is the input", *output));
    for (auto other = outputs.begin(); other != output; ++other)
      if (is_same_file(*output, *other))
        return failure(kBadInput, fmt::format("cannot write {}: two results would go there", *output));
    if (auto writable = check_writable(*output); !writable) return writable;
  }
  return {};
}

std::expected<void, Failure> check_writable(const std::string& file) {
  if (file == "-") return {};
  const auto opened = open_aside(file);
  if (!opened) return std::unexpected(opened.error());
  ::close(opened->descriptor);
  if (!opened->device) ::unlink(opened->aside.c_str());
  return {};
}

}  // namespace cma
