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

// As long as the fuzz targets get for one input.
constexpr unsigned kSeconds = 25;
constexpr char kNone = 'n';
constexpr char kSome = 'f';

// Runs in the child: tells the parent through the pipe and ends without going through any destructor. An exception that
// nobody expects ends it too, and must not get out into what the parent was doing.
[[noreturn]] void judge_and_exit(const Program& program, int pipe) noexcept {
  ::alarm(kSeconds);
  CheckedRun run;
  const std::optional<Finding> finding = run.find(program);
  std::string told(1, finding ? kSome : kNone);
  if (finding)
    for (const std::string& part : {std::string(name_of(finding->law)), finding->function, finding->point,
                                    finding->message, std::to_string(finding->op)})
      told += part + '\0';
  const ssize_t written = ::write(pipe, told.data(), told.size());
  ::_exit(written == static_cast<ssize_t>(told.size()) ? 0 : 1);
}

std::string read_to_end(int pipe) {
  std::string told;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(pipe, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return told;
    told.append(buffer, static_cast<std::size_t>(size));
  }
}

Finding parse_finding(const std::string& told) {
  std::string parts[5];
  std::size_t at = 1;
  for (std::string& part : parts) {
    const std::size_t end = told.find('\0', at);
    part = told.substr(at, end - at);
    at = end + 1;
  }
  return {law_from_name(parts[0]).value_or(Law::sound), parts[1], parts[2], parts[3], std::stoul(parts[4])};
}

}  // namespace

std::optional<Finding> find_isolated(const Program& program) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe can be had");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no process can be started");
  if (child == 0) {
    ::close(ends[0]);
    judge_and_exit(program, ends[1]);
  }
  ::close(ends[1]);
  const std::string told = read_to_end(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return told.starts_with(kSome) ? std::optional(parse_finding(told)) : std::nullopt;
  // Where it happened is not known, so the whole program may matter.
  const std::size_t last = program.ops.empty() ? 0 : program.ops.size() - 1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return Finding{Law::hang, "", "", fmt::format("the run did not end within {} s", kSeconds), last};
  const std::string how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                              : fmt::format("exit code {}", WEXITSTATUS(status));
  return Finding{Law::crash, "", "", "the process ended with " + how, last};
}

bool is_crash(const Finding& finding) { return finding.law == Law::crash || finding.law == Law::hang; }

}  // namespace cma
