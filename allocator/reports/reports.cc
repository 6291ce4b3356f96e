#include "allocator/reports/reports.h"

#include <memory>
#include <utility>

#include "allocator/base/hash.h"
#include "allocator/pressure/after_attempts.h"
#include "allocator/reports/memory_text.h"
#include "allocator/reports/proc_files.h"

namespace cma {
namespace {

// The two messages of a report. Their lines are made when the first of them is read.
class WarningMessage final : public LazyLines {
 public:
  WarningMessage(FailureWarning warning, Release release) : warning_(std::move(warning)), release_(release) {}
  std::string line(std::size_t number) const override { return warning_lines(warning_, release_)[number]; }

 private:
  FailureWarning warning_;
  Release release_;
};

class MemoryMessage final : public LazyLines {
 public:
  explicit MemoryMessage(MemoryFigures memory) : memory_(std::move(memory)) {}
  std::string line(std::size_t number) const override {
    if (lines_.empty()) lines_ = memory_lines(memory_);
    return lines_[number];
  }

 private:
  MemoryFigures memory_;
  mutable std::vector<std::string> lines_;
};

std::uint64_t digest_of(const FailureWarning& warning) {
  std::uint64_t hash = kHashSeed;
  hash_step(hash, static_cast<std::uint64_t>(warning.gfp) << 32 | warning.order);
  for (const char c : warning.subject.value_or("")) hash_step(hash, static_cast<unsigned char>(c));
  for (const char c : warning.mems_allowed) hash_step(hash, static_cast<unsigned char>(c));
  return hash;
}

// Returns whether out-of-memory killing does not help the request (__alloc_pages_may_oom). Up to 3.18 it was asked only
// if the request might enter a file system.
bool killing_is_no_help(Gfp gfp, ZoneKind highest, Release release) {
  if (release < Release::v3_19) return highest < ZoneKind::normal && (gfp & kGfpFs) != 0;
  return highest < ZoneKind::normal || (gfp & kGfpThisnode) != 0;
}

}  // namespace

bool kernel_gives_up(Gfp gfp, unsigned order, ZoneKind highest, Release release) {
  if ((gfp & kGfpDirectReclaim) == 0) return true;
  if ((gfp & kGfpNofail) != 0) return false;
  if (order > kCostlyOrder || (gfp & kGfpNoretry) != 0) return true;
  if (release >= Release::v4_13 && (gfp & kGfpRetryMayfail) != 0) return true;
  return killing_is_no_help(gfp, highest, release);
}

bool kernel_fails(Gfp gfp, unsigned order, ZoneKind highest, const TaskFlags& task, const Geometry& geometry) {
  if (after_attempts(gfp, task, geometry) == AfterAttempts::fails) return true;
  if (victim_gives_up(gfp, task, geometry.release)) return true;
  return kernel_gives_up(gfp, order, highest, geometry.release);
}

std::span<const std::string_view> MemoryReports::files() {
  static constexpr std::array<std::string_view, 2> kFiles = {"meminfo", "vmstat"};
  return kFiles;
}

std::optional<std::string> MemoryReports::read(std::string_view path) const {
  if (path == "meminfo") return meminfo(figures());
  if (path == "vmstat") return vmstat(figures());
  return std::nullopt;
}

std::string MemoryReports::nodes_with_memory() const {
  std::vector<unsigned> nodes;
  for (unsigned node = 0; node < from_.buddy.nodes(); ++node) {
    bool present = false;
    for (std::size_t z = 0; z < from_.buddy.zones(); ++z) present = present || from_.buddy.zone(z).node == node;
    if (present) nodes.push_back(node);
  }
  return list_of(nodes);
}

void MemoryReports::request_failed(Gfp gfp, unsigned order) {
  const TaskFlags& task = from_.core.engine.flags();
  if (!kernel_fails(gfp, order, from_.buddy.gfp_zone(gfp), task, from_.core.geometry)) return;
  const bool silent = (gfp & kGfpNowarn) != 0;
  if (!silent && order > kCostlyOrder && from_.core.bugs.fires(Bug::costly_failure_silent)) return;
  warn({.order = order, .gfp = gfp});
}

void MemoryReports::warn(FailureWarning warning) {
  const Release release = from_.core.geometry.release;
  Trace& trace = from_.core.trace;
  const Gfp gfp = warning.gfp;
  if ((gfp & kGfpNowarn) != 0 && !from_.core.bugs.fires(Bug::nowarn_ignored)) return;
  if (!trace.admits(trace.warn_alloc_limit, release >= Release::v4_9 ? "warn_alloc" : "warn_alloc_failed")) return;
  // has_managed_dma.
  const bool without_dma_memory = (gfp & kGfpDma) != 0 && from_.buddy.gfp_zone(gfp) != ZoneKind::dma;
  if (without_dma_memory && since(release, Release::v5_17, {Release::v5_10, Release::v5_15})) return;
  if (trace.recording()) {
    warning.mems_allowed = nodes_with_memory();
    const std::uint64_t digest = digest_of(warning);
    const std::size_t lines = count_warning_lines(warning, release);
    trace.log_memory(std::make_shared<WarningMessage>(std::move(warning), release), lines, digest);
  }
  const bool has_own_limit = release >= Release::v4_11 && release < Release::v5_4;
  if (has_own_limit && !trace.admits(trace.show_mem_limit, "warn_alloc_show_mem")) return;
  show_memory(gfp);
}

void MemoryReports::show_memory(Gfp gfp) {
  Trace& trace = from_.core.trace;
  if (!trace.recording()) return;
  MemoryFigures memory = figures_for(gfp);
  const std::uint64_t digest = digest_of(memory);
  const std::size_t lines = count_memory_lines(memory);
  trace.log_memory(std::make_shared<MemoryMessage>(std::move(memory)), lines, digest);
}

}  // namespace cma
