#include "allocator/boot/boot.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {

Boot::Boot(const BootMachine& machine, const BootConfig& config, const BootTree* tree, std::string_view cmdline)
    : config_(config),
      parameters_(read_parameters(cmdline, machine.geometry, config.node_areas, machine.trace)),
      dma_(machine, config, parameters_),
      hugetlb_(machine, config, parameters_) {
  if (tree != nullptr) reserved_memory_.emplace(machine, config, *tree, dma_);
}

void Boot::run(std::uint64_t limit) {
  CMA_ASSERT(!run_);
  run_ = true;
  if (!parameters_.null_pointer.empty()) return;
  if (reserved_memory_) reserved_memory_->scan();
  // arm64 unflattens its tree before the default area is declared, the others long after.
  const bool unflattens_early = config_.architecture == Architecture::arm64;
  if (reserved_memory_ && unflattens_early) reserved_memory_->set_up_fixed();
  if (config_.architecture == Architecture::arm64) {
    hugetlb_.reserve();
    dma_.reserve_pernuma();
  }
  dma_.reserve(limit);
  if (config_.architecture == Architecture::riscv) hugetlb_.reserve();
  if (reserved_memory_ && !unflattens_early) reserved_memory_->set_up_fixed();
  hugetlb_.check();
}

std::vector<AreaAttempt> Boot::attempts() const {
  std::vector<AreaAttempt> all = hugetlb_.attempts();
  all.insert(all.end(), dma_.attempts().begin(), dma_.attempts().end());
  return all;
}

const AreaAttempt* Boot::attempt(std::string_view name) const {
  const auto is_it = [&](const AreaAttempt& attempt) { return attempt.request.name == name; };
  for (const std::vector<AreaAttempt>* attempts : {&hugetlb_.attempts(), &dma_.attempts()})
    if (const auto found = std::ranges::find_if(*attempts, is_it); found != attempts->end()) return &*found;
  return nullptr;
}

}  // namespace cma
