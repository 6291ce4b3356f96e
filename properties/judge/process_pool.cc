#include "properties/judge/process_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cma::judge {
namespace {

// What most programs need; what takes a hundredth of the smallest machine; all that the driver can keep.
constexpr std::array kPools = {ProcessPool{8, 8, 128, 256}, ProcessPool{16, 16, 640, 1024},
                               ProcessPool{48, 32, 1280, 4096}};

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
  for (const ProcessPool& pool : kPools)
    if (processes_ <= pool.processes && mappings_ <= pool.mappings && pages_ <= pool.pages && forks <= pool.forks)
      return pool;
  return std::nullopt;
}

std::string prepare_line(const ProcessPool& pool) {
  return fmt::format("prepare processes {} {} {} {}", pool.processes, pool.mappings, pool.pages, pool.forks);
}

}  // namespace cma::judge
