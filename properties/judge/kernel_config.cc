#include "properties/judge/kernel_config.h"

#include <fmt/format.h>

#include <array>

namespace cma::judge {

std::string name_of(const KernelConfig& config) {
  return fmt::format("{} p{}", cma::name_of(config.release), config.pageblock_order);
}

std::span<const Release> judged_releases() {
  static constexpr std::array kReleases = {Release::v5_10, Release::v6_1, Release::v6_12};
  return kReleases;
}

std::span<const unsigned> judged_pageblock_orders() {
  static constexpr std::array kOrders = {9U, 10U};
  return kOrders;
}

std::vector<KernelConfig> judged_kernels() {
  std::vector<KernelConfig> kernels;
  for (const Release release : judged_releases())
    for (const unsigned order : judged_pageblock_orders()) kernels.push_back({release, order});
  return kernels;
}

}  // namespace cma::judge
