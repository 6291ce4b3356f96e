// Starts the User Mode Linux program that ci/judge-kernel built: its machine, its command line, what it inherits. Used
// by kernel_process.h and kernel_snapshot.h. Not thread safe in the child between fork and exec, so all is made before.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "properties/judge/kernel_config.h"

namespace cma::judge {

// An area that the kernel declares at boot.
struct KernelArea {
  std::string name;
  std::uint64_t base_pfn = 0;
  std::uint64_t pages = 0;
  unsigned order_per_bit = 0;

  bool operator==(const KernelArea&) const = default;
};

struct KernelOptions {
  std::string program;  // path, from cached_kernel()
  std::uint64_t memory_pages = 65536;
  std::vector<KernelArea> areas;
  // How long an answer may take without any output. A hang detector: no healthy op comes near it.
  std::chrono::milliseconds silence{30'000};
};

// Thrown if the kernel cannot be started at all: the environment's fault, not the program's.
class NoKernel : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a kernel was built for: to be compared, or to count what it executes as well (kernel_coverage.h).
enum class KernelKind : std::uint8_t { plain, with_coverage };

// Returns the program that ci/judge-kernel built for this kernel; nullopt if it is not in the cache.
std::optional<std::string> cached_kernel(const KernelConfig& config, KernelKind kind = KernelKind::plain);

// Returns why cached_kernel() found nothing and how to build the kernel: the text for a skipped test.
std::string missing_kernel_reason(const KernelConfig& config, KernelKind kind = KernelKind::plain);

// A descriptor that the kernel inherits: `ours` becomes `its`, and the kernel learns its number by the argument
// NAME=ITS; without a name it is not mentioned.
struct Inherited {
  int ours = -1;
  int its = -1;
  std::string name;
};

// The numbers of a kernel's standard channels.
inline constexpr int kInputOfKernel = 3;
inline constexpr int kOutputOfKernel = 4;

// Makes a process of the kernel and executes its program in it, in a process group of its own, with `console` as its
// standard output and error. Returns its number, or -1 with errno set.
pid_t start_kernel(const KernelOptions& options, int console, const std::vector<Inherited>& inherited);

// Closes a descriptor and makes it -1; does nothing if it is -1 already.
void close_if_open(int& descriptor);

}  // namespace cma::judge
