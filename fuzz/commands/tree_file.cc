#include "fuzz/commands/tree_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "fuzz/commands/command.h"
#include "properties/board/tree_blob.h"

extern char** environ;

namespace cma {
namespace {

// A file that ends with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    const char* folder = std::getenv("TMPDIR");
    name_ = fmt::format("{}/cmacheck-XXXXXX", folder == nullptr ? "/tmp" : folder);
    const int file = ::mkstemp(name_.data());
    if (file < 0) return;
    made_ = true;
    while (!content.empty()) {
      const ssize_t written = ::write(file, content.data(), content.size());
      if (written <= 0) break;
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    whole_ = content.empty();
    ::close(file);
  }
  ~TemporaryFile() {
    if (made_) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  bool whole() const { return whole_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  bool made_ = false;
  bool whole_ = false;
};

// Returns all that can be read.
std::string read_all(int descriptor) {
  std::string content;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// Runs dtc on a source and returns the blob. `input`: a file that dtc reads as its standard input, where the source is
// "-". What dtc has to say goes to the standard error.
std::expected<std::string, Failure> compile(const std::string& file, const std::string* input) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return std::unexpected(Failure{kEnvironment, fmt::format("no pipe to dtc: {}", std::strerror(errno))});
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (input != nullptr)
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input->c_str(), O_RDONLY, /*mode=*/0);
  std::array<std::string, 9> words = {"dtc", "-q", "-I", "dts", "-O", "dtb", "-o", "-", file};
  std::array<char*, 10> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, "dtc", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return std::unexpected(Failure{
        kEnvironment, fmt::format("{}: a source needs dtc (device-tree-compiler): {}", file, std::strerror(error))});
  }
  std::string blob = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return blob;
  return std::unexpected(Failure{kBadInput, fmt::format("{}: dtc does not compile it", file)});
}

}  // namespace

std::expected<BootTree, Failure> read_tree_file(const std::string& file) {
  auto content = read_file(file);
  if (!content) return std::unexpected(content.error());
  if (looks_like_text(*content)) {
    // What was read from the standard input is written to a file, for dtc to read as its own.
    std::optional<TemporaryFile> copy;
    if (file == "-") copy.emplace(*content);
    if (copy && !copy->whole())
      return std::unexpected(Failure{kEnvironment, fmt::format("{} cannot be written", copy->name())});
    const std::string name = copy ? copy->name() : "";
    content = compile(file, copy ? &name : nullptr);
    if (!content) return std::unexpected(content.error());
  }
  auto tree = read_boot_tree(*content);
  if (!tree) return std::unexpected(Failure{kBadInput, fmt::format("{}: {}", file, tree.error())});
  return std::move(*tree);
}

}  // namespace cma
