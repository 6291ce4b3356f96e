#include "properties/judge/kernel_pool.h"

#include <algorithm>

namespace cma::judge {
namespace {

// More than the machines that mutators choose most often.
constexpr std::size_t kMostKernels = 40;
// Fuzzers end an input after 25 seconds: a kernel that hangs must be known as such before.
constexpr std::chrono::milliseconds kLongestSilence{15'000};

}  // namespace

KernelPool::KernelPool(const KernelConfig& config) {
  const auto program = cached_kernel(config, KernelKind::with_coverage);
  if (!program) throw NoKernel(missing_kernel_reason(config, KernelKind::with_coverage));
  program_ = *program;
  auto points = load_points(program_ + ".points");
  if (!points) throw NoKernel(points.error());
  points_ = std::move(*points);
  try {
    counters_ = std::make_unique<KernelCounters>(points_);
  } catch (const std::runtime_error& error) {
    throw NoKernel(error.what());
  }
}

KernelProcess KernelPool::start(KernelOptions options) {
  options.program = program_;
  const auto found = std::find_if(kernels_.begin(), kernels_.end(), [&](const Booted& booted) {
    return booted.options.memory_pages == options.memory_pages && booted.options.areas == options.areas;
  });
  if (found != kernels_.end()) kernels_.splice(kernels_.begin(), kernels_, found);
  // A kernel that could not be copied any more is replaced.
  if (found == kernels_.end() || !found->snapshot->why().empty()) {
    if (found != kernels_.end()) kernels_.pop_front();
    if (kernels_.size() == kMostKernels) kernels_.pop_back();
    ++boots_;
    kernels_.push_front({options, std::make_unique<KernelSnapshot>(options, counters_->descriptor())});
  }
  return KernelProcess(*kernels_.front().snapshot, std::min(options.silence, kLongestSilence));
}

}  // namespace cma::judge
