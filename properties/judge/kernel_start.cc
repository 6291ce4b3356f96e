#include "properties/judge/kernel_start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/personality.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

namespace cma::judge {
namespace {

constexpr std::uint64_t kPageSize = 4096;
// Above all numbers that a kernel's descriptors are to get.
constexpr int kOutOfTheWay = 16;

std::filesystem::path cache_directory() {
  if (const char* own = std::getenv("CMACHECK_JUDGE_CACHE")) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME")) return std::filesystem::path(xdg) / "cmacheck/judge";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "/") / ".cache/cmacheck/judge";
}

std::filesystem::path kernel_path(const KernelConfig& config, KernelKind kind) {
  return cache_directory() / fmt::format("judge-{}-p{}{}", cma::name_of(config.release), config.pageblock_order,
                                         kind == KernelKind::with_coverage ? "-coverage" : "");
}

std::string area_argument(const std::vector<KernelArea>& areas) {
  std::string text = "cmacheck_areas=";
  for (const KernelArea& area : areas) {
    if (text.back() != '=') text += ',';
    text +=
        fmt::format("{}:{}@{}:{}", area.name, area.pages * kPageSize, area.base_pfn * kPageSize, area.order_per_bit);
  }
  return text;
}

// Everything the child needs, made before the fork: after it only system calls are safe.
struct Command {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  // From, to. Those from a number that is to be another's are moved away first.
  std::vector<std::pair<int, int>> descriptors;

  Command(const KernelOptions& options, int console, const std::vector<Inherited>& inherited)
      : arguments{options.program, fmt::format("mem={}", options.memory_pages * kPageSize),
                  area_argument(options.areas),
                  // No directory can be made there: elsewhere each killed run would leave one behind.
                  "uml_dir=/proc/", "con0=null,null", "con=null", "quiet", "panic=-1",
                  // Simulated time: without it runs are not repeatable.
                  "time-travel=inf-cpu"},
        descriptors{{console, STDOUT_FILENO}, {console, STDERR_FILENO}} {
    for (const Inherited& one : inherited) {
      if (!one.name.empty()) arguments.push_back(fmt::format("{}={}", one.name, one.its));
      descriptors.emplace_back(one.ours, one.its);
    }
    for (char** variable = environ; *variable; ++variable) {
      if (!std::string_view(*variable).starts_with("GLIBC_TUNABLES=")) environment.emplace_back(*variable);
    }
    environment.emplace_back("GLIBC_TUNABLES=glibc.pthread.rseq=0");
    for (std::string& argument : arguments) argv.push_back(argument.data());
    for (std::string& variable : environment) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
  }
};

// Executes the kernel in the child.
[[noreturn]] void become_kernel(Command& command) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setpgid(0, 0);
  for (auto& [from, to] : command.descriptors) from = fcntl(from, F_DUPFD_CLOEXEC, kOutOfTheWay);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0) _exit(126);
  for (const auto& [from, to] : command.descriptors) {
    if (from < 0 || dup2(from, to) < 0) _exit(126);
  }
  // Random addresses would move the kernel's memory, and an area at a fixed place could be refused.
  personality(ADDR_NO_RANDOMIZE);
  execve(command.argv[0], command.argv.data(), command.envp.data());
  _exit(127);
}

}  // namespace

std::optional<std::string> cached_kernel(const KernelConfig& config, KernelKind kind) {
  const std::filesystem::path path = kernel_path(config, kind);
  std::error_code ignored;
  // The record is written last: without it the program may be incomplete.
  if (!std::filesystem::exists(path.string() + ".built", ignored)) return std::nullopt;
  if (access(path.c_str(), X_OK) != 0) return std::nullopt;
  return path.string();
}

std::string missing_kernel_reason(const KernelConfig& config, KernelKind kind) {
  const bool coverage = kind == KernelKind::with_coverage;
  return fmt::format(
      "no judge kernel {0} with pageblock order {1}{2} in {3}; build it with: ci/judge-kernel{4} --only {0} "
      "--order {1}",
      cma::name_of(config.release), config.pageblock_order, coverage ? " and coverage" : "", cache_directory().string(),
      coverage ? " --coverage" : "");
}

pid_t start_kernel(const KernelOptions& options, int console, const std::vector<Inherited>& inherited) {
  Command command(options, console, inherited);
  const pid_t pid = fork();
  if (pid == 0) become_kernel(command);
  if (pid > 0) setpgid(pid, pid);  // On both sides, as either may run first.
  return pid;
}

void close_if_open(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

}  // namespace cma::judge
