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

// Returns whether a report on the request is printed, but for its flags and the limits.
bool MemoryReports::is_reported(Gfp gfp, unsigned order) const {
  const TaskFlags& task = from_.core.engine.flags();
  if (!kernel_fails(gfp, order, from_.buddy.gfp_zone(gfp), task, from_.core.geometry)) return false;
  const bool silent = (gfp & kGfpNowarn) != 0;
  return silent || order <= kCostlyOrder || !from_.core.bugs.fires(Bug::costly_failure_silent);
}

// Returns whether the warning may be printed, and counts it against the limit.
bool MemoryReports::admits(const FailureWarning& warning) {
  const Release release = from_.core.geometry.release;
  Trace& trace = from_.core.trace;
  const Gfp gfp = warning.gfp;
  if ((gfp & kGfpNowarn) != 0 && !from_.core.bugs.fires(Bug::nowarn_ignored)) return false;
  if (!trace.admits(trace.warn_alloc_limit, release >= Release::v4_9 ? "warn_alloc" : "warn_alloc_failed"))
    return false;
  // has_managed_dma.
  const bool without_dma_memory = (gfp & kGfpDma) != 0 && from_.buddy.gfp_zone(gfp) != ZoneKind::dma;
  return !without_dma_memory || !since(release, Release::v5_17, {Release::v5_10, Release::v5_15});
}

// Prints the first lines.
void MemoryReports::print(FailureWarning warning) {
  const Release release = from_.core.geometry.release;
  Trace& trace = from_.core.trace;
  if (!trace.recording()) return;
  warning.mems_allowed = nodes_with_memory();
  const std::uint64_t digest = digest_of(warning);
  const std::size_t lines = count_warning_lines(warning, release);
  trace.log_memory(std::make_shared<WarningMessage>(std::move(warning), release), lines, digest);
}

// Returns whether the report of the memory may follow: for a time it had a limit of its own.
bool MemoryReports::admits_memory() {
  const Release release = from_.core.geometry.release;
  Trace& trace = from_.core.trace;
  const bool has_own_limit = release >= Release::v4_11 && release < Release::v5_4;
  return !has_own_limit || trace.admits(trace.show_mem_limit, "warn_alloc_show_mem");
}

// Takes the figures of this moment as a message. Returns its number, and sets its digest.
std::uint64_t MemoryReports::add_memory(Gfp gfp, std::uint64_t& digest) {
  MemoryFigures memory = figures_for(gfp);
  digest = digest_of(memory);
  return from_.core.trace.add_message(std::make_shared<MemoryMessage>(std::move(memory)));
}

void MemoryReports::request_failed(Gfp gfp, unsigned order) {
  FailureWarning warning = {.order = order, .gfp = gfp};
  if (!is_reported(gfp, order) || !admits(warning)) return;
  print(std::move(warning));
  if (admits_memory()) show_memory(gfp);
}

Task<void> MemoryReports::request_failed_in_parts(Gfp gfp, unsigned order) {
  if (!is_reported(gfp, order)) co_return;
  FailureWarning warning = {.order = order, .gfp = gfp};
  co_await warn(std::move(warning));
}

Task<void> MemoryReports::warn(FailureWarning warning) {
  if (!admits(warning)) co_return;
  const Gfp gfp = warning.gfp;
  print(std::move(warning));
  co_await at(from_.core.engine, Point::report_part);
  if (admits_memory()) co_await show_memory_in_parts(gfp);
}

void MemoryReports::show_memory(Gfp gfp) {
  Trace& trace = from_.core.trace;
  if (!trace.recording()) return;
  MemoryFigures memory = figures_for(gfp);
  const std::uint64_t digest = digest_of(memory);
  const std::size_t lines = count_memory_lines(memory);
  trace.log_memory(std::make_shared<MemoryMessage>(std::move(memory)), lines, digest);
}

// Prints the same part by part.
Task<void> MemoryReports::show_memory_in_parts(Gfp gfp) {
  Trace& trace = from_.core.trace;
  const std::vector<std::size_t> parts = memory_parts(outline_figures_for(from_, gfp));
  std::uint64_t message = 0;
  std::uint64_t digest = 0;
  std::size_t line = 0;
  bool outdated = true;
  for (const std::size_t lines : parts) {
    if (line > 0 && co_await at(from_.core.engine, Point::report_part)) outdated = true;
    if (outdated && trace.recording()) message = add_memory(gfp, digest);
    outdated = false;
    trace.log_memory_part(message, line, lines, digest);
    line += lines;
  }
}

}  // namespace cma
