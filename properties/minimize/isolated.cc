#include "properties/minimize/isolated.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "properties/laws/checked_run.h"

namespace cma {
namespace {

// The time that fuzz targets have for one input.
constexpr unsigned kSeconds = 25;
constexpr char kNone = 'n';
constexpr char kSome = 'f';

// Runs in the child: writes the finding to the pipe and exits without running any destructor. It is noexcept, as an
// exception must end the child and not reach the parent's code.
[[noreturn]] void find_and_exit(const Program& program, int pipe) noexcept {
  ::alarm(kSeconds);
  CheckedRun run;
  const std::optional<Finding> finding = run.find(program);
  std::string text(1, finding ? kSome : kNone);
  if (finding)
    for (const std::string& part : {std::string(name_of(finding->law)), finding->function, finding->point,
                                    finding->message, std::to_string(finding->op)})
      text += part + '\0';
  const ssize_t written = ::write(pipe, text.data(), text.size());
  ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
}

std::string read_to_end(int pipe) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(pipe, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(size));
  }
}

Finding parse_finding(const std::string& text) {
  std::string parts[5];
  std::size_t at = 1;
  for (std::string& part : parts) {
    const std::size_t end = text.find('\0', at);
    part = text.substr(at, end - at);
    at = end + 1;
  }
  return {law_from_name(parts[0]).value_or(Law::sound), parts[1], parts[2], parts[3], std::stoul(parts[4])};
}

}  // namespace

std::optional<Finding> find_isolated(const Program& program) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("a pipe cannot be made");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("a process cannot be started");
  if (child == 0) {
    ::close(ends[0]);
    find_and_exit(program, ends[1]);
  }
  ::close(ends[1]);
  const std::string text = read_to_end(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return text.starts_with(kSome) ? std::optional(parse_finding(text)) : std::nullopt;
  // The operation is not known, so the whole program may matter.
  const std::size_t last = program.ops.empty() ? 0 : program.ops.size() - 1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return Finding{Law::hang, "", "", fmt::format("the run did not end within {} s", kSeconds), last};
  const std::string how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                              : fmt::format("exit code {}", WEXITSTATUS(status));
  return Finding{Law::crash, "", "", "the process ended with " + how, last};
}

bool is_crash(const Finding& finding) { return finding.law == Law::crash || finding.law == Law::hang; }

}  // namespace cma
