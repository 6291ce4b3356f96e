#include "properties/judge/process_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cma::judge {
namespace {

// What most programs need, what some do, and all that the driver can keep. Each is chosen apart, as all of the largest
// together are more than a small machine has memory for.
constexpr std::array<std::uint64_t, 3> kProcesses = {8, 16, 48};
constexpr std::array<std::uint64_t, 3> kMappings = {8, 16, 32};
constexpr std::array<std::uint64_t, 3> kPages = {128, 640, 1280};
constexpr std::array<std::uint64_t, 3> kForks = {256, 1024, 4096};

// Returns the least of the sizes that is enough; nullopt if none is.
std::optional<std::uint64_t> least_enough(const std::array<std::uint64_t, 3>& sizes, std::uint64_t needed) {
  for (const std::uint64_t size : sizes)
    if (needed <= size) return size;
  return std::nullopt;
}

}  // namespace

void ProcessNeeds::add(const Op& op) {
  if (std::holds_alternative<Spawn>(op.body)) {
    ++processes_;
    by_result_[op.id] = {};
  } else if (const auto* mmap = std::get_if<MmapAnon>(&op.body)) {
    Process& process = by_result_[mmap->process.id];
    mappings_ = std::max(mappings_, ++process.mappings);
    pages_ = std::max(pages_, mmap->pages);
    ++anon_vmas_;
    ++links_;
  } else if (const auto* made = std::get_if<OwnedPages<PageKind::shmem>>(&op.body)) {
    shared_pages_[op.id] = made->pages;
  } else if (const auto* shared = std::get_if<MmapShared>(&op.body)) {
    Process& process = by_result_[shared->process.id];
    mappings_ = std::max(mappings_, ++process.mappings);
    // The driver's file has a gap after every fifteen pages.
    const std::uint64_t pages = shared_pages_[shared->pages.id];
    pages_ = std::max(pages_, pages + pages / 15 + 1);
  } else if (const auto* fork = std::get_if<Fork>(&op.body)) {
    ++processes_;
    const Process parent = by_result_[fork->process.id];
    by_result_[op.id] = {parent.mappings, parent.depth + 1};
    // A child's mapping is linked to the anon_vmas of all its ancestors and to its own.
    anon_vmas_ += parent.mappings;
    links_ += parent.mappings * (parent.depth + 2);
  }
}

std::optional<ProcessPool> ProcessNeeds::pool() const {
  if (processes_ == 0) return ProcessPool{};
  const std::uint64_t forks = std::max(anon_vmas_, (links_ + 1) / 2);
  const auto processes = least_enough(kProcesses, processes_);
  const auto mappings = least_enough(kMappings, mappings_);
  const auto pages = least_enough(kPages, pages_);
  const auto fork_room = least_enough(kForks, forks);
  if (!processes || !mappings || !pages || !fork_room) return std::nullopt;
  return ProcessPool{*processes, *mappings, *pages, *fork_room};
}

std::string prepare_line(const ProcessPool& pool) {
  return fmt::format("prepare processes {} {} {} {}", pool.processes, pool.mappings, pool.pages, pool.forks);
}

}  // namespace cma::judge
