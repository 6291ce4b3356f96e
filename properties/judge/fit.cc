#include "properties/judge/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "properties/judge/process_pool.h"
#include "properties/judge/translate.h"

namespace cma::judge {
namespace {

// The kernel's image and its page descriptors lie at the beginning of its memory.
constexpr Pfn kFirstArea = 0x1000;
constexpr std::uint64_t kLeastMemory = 0x4000;
constexpr std::uint64_t kMostMemory = 0x100000;
// CONFIG_CMA_AREAS
constexpr std::size_t kMostAreas = 7;
constexpr std::size_t kLongestAreaName = 15;
// The kernel shifts 1UL by the alignment, which the C language defines up to this.
constexpr std::uint64_t kMostAlign = 63;
constexpr std::uint64_t kMostNumber = std::uint64_t{1} << 62;

// The machine that replaces one that a kernel cannot be given.
constexpr std::uint64_t kOwnMemory = 0x10000;
constexpr Pfn kOwnFirstArea = 0x4000;
constexpr std::uint64_t kLeastOwnArea = 0x400;
constexpr std::uint64_t kMostOwnArea = 0x4000;

// What is free outside the areas in programs that compact, and what the kernel may have at the end of its memory.
constexpr std::uint64_t kArenaPages = 0x2000;
constexpr std::uint64_t kTopPages = 0x800;

bool good_name(const AreaSpec& area) {
  return area.name.size() <= kLongestAreaName && area.name.find(',') == std::string::npos;
}

// Returns a machine with areas of the same names, one after the other, each of whole largest blocks.
std::expected<Geometry, std::string> replacement_for(const Geometry& asked, const KernelConfig& config) {
  Geometry machine;
  machine.memory = {0, kOwnMemory};
  Pfn base = kOwnFirstArea;
  for (const AreaSpec& area : asked.areas) {
    const std::uint64_t pages = std::clamp(align_up(area.pages, kLeastOwnArea), kLeastOwnArea, kMostOwnArea);
    if (order_pages(area.order_per_bit) > order_pages(config.pageblock_order))
      return std::unexpected("an area's bits are larger than a pageblock");
    machine.areas.push_back({area.name, base, pages, area.order_per_bit});
    base += pages;
  }
  if (machine.areas.size() > kMostAreas) return std::unexpected("more areas than the kernel is built for");
  if (base > kOwnMemory / 2) return std::unexpected("areas that take more than half of the memory");
  return machine;
}

// Rewrites pages given by number to pages of areas, as only those are the same on both sides.
class Placer : public IgnoreFields {
 public:
  Placer(const Geometry& before, const Geometry& after) : before_(before), after_(after) {}

  void place(Place& place, const PlaceSpec&) {
    if (place.kind == Place::Kind::pfn) {
      const auto holds = [&](const AreaSpec& area) { return place.offset - area.base < area.pages; };
      const auto found = std::find_if(before_.areas.begin(), before_.areas.end(), holds);
      if (found == before_.areas.end()) {
        why_ = "a page outside the areas is named by its number";
        return;
      }
      const auto index = static_cast<std::uint16_t>(found - before_.areas.begin());
      place = Place::of_area({false, index}, place.offset - found->base);
    }
    if (place.kind != Place::Kind::area || place.area.declared) return;
    if (place.offset >= after_.areas[place.area.id].pages) why_ = "a page outside the areas is named by its offset";
  }
  void area(AreaRef& area) {
    if (area.declared) why_ = "an area that was declared while booting";
  }
  void number(std::uint64_t& value, const NumberSpec& spec) {
    if (spec.name == "align" && value > kMostAlign) why_ = "an alignment that the kernel's shift cannot express";
    if (value >= kMostNumber && spec.all.empty() && value != spec.fallback) why_ = "a number beyond 2^62";
  }
  const std::string& why() const { return why_; }

 private:
  const Geometry& before_;
  const Geometry& after_;
  std::string why_;
};

// Returns the CPU that performs the operation.
int cpu_of(const Program& program, const Performer& performer) {
  if (!performer.is_actor()) return performer.code;
  return performer.index() < program.actors.size() ? program.actors[performer.index()].cpu : 0;
}

// Returns why an operation cannot be performed; empty if it can. `cpu` is the CPU of the operations before it, -1 if
// there is none.
std::string why_not(const Program& program, const Op& op, int& cpu) {
  const OpInfo& info = info_of(op);
  if (!performed_kinds().test(op.body.index())) return fmt::format("operation {}", info.verb);
  if (op.until.wanted()) return "stops inside an operation (until=)";
  if (op.scope == ReclaimScope::victim) return "a victim of the OOM killer (scope=victim)";
  const auto* read = std::get_if<ReadFile>(&op.body);
  if (read != nullptr && read->from + read->pages > kMostFileIndex) return "a file of more pages than the driver has";
  if (info.performed == Performed::without_actor) return {};
  const int own = cpu_of(program, op.performer);
  if (cpu >= 0 && cpu != own) return "several CPUs";
  cpu = own;
  return {};
}

void fit_machine(Geometry& machine, const KernelConfig& config) {
  machine.release = config.release;
  machine.pageblock_order = config.pageblock_order;
  machine.bugs = BugSet::as_shipped(config.release);
  machine.cpus = 1;
  machine.rate_limits = false;
  machine.cma_debug = true;
  machine.transparent_hugepages = false;
  machine.page_size = 4096;
  machine.phys_addr_bits = 64;
  machine.long_bits = std::nullopt;
  machine.reserved.clear();
  machine.pcp_batch = machine.pcp_high = machine.pcp_high_min = machine.pcp_high_max = std::nullopt;
}

}  // namespace

bool can_have(const Geometry& machine, const KernelConfig& config) {
  if (machine.memory.start != 0 || machine.memory.pages() < kLeastMemory || machine.memory.pages() > kMostMemory)
    return false;
  if (machine.largest_order != 10 || !machine.holes.empty() || machine.zones.size() > 1) return false;
  if (machine.zones.size() == 1 && machine.zones[0].range != machine.memory) return false;
  if (machine.min_free_kbytes || machine.extra_free_kbytes != 0) return false;
  if (machine.areas.empty() || machine.areas.size() > kMostAreas) return false;
  const auto fine = [](const AreaSpec& area) { return area.base >= kFirstArea && good_name(area); };
  if (!std::all_of(machine.areas.begin(), machine.areas.end(), fine)) return false;
  Geometry fitted = machine;
  fit_machine(fitted, config);
  return !fitted.impossible();
}

void let_reclaim_end(Program& program) {
  constexpr std::uint64_t kSecond = 1'000'000;
  const auto reclaims = [](const Op& op) {
    return std::holds_alternative<DirectReclaim>(op.body) || std::holds_alternative<RunKswapd>(op.body);
  };
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    if (!reclaims(program.ops[i])) continue;
    if (i + 1 < program.ops.size() && std::holds_alternative<SleepOp>(program.ops[i + 1].body)) continue;
    Op sleep;
    sleep.body = SleepOp{.us = 10 * kSecond};
    program.ops.insert(program.ops.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(sleep));
  }
}

std::vector<PfnRange> edges_of(const Geometry& machine) {
  const std::uint64_t block = machine.pageblock_pages();
  const std::uint64_t largest = order_pages(machine.largest_order);
  const auto inside = [&](Pfn pfn) {
    return std::any_of(machine.areas.begin(), machine.areas.end(),
                       [&](const AreaSpec& area) { return pfn - area.base < area.pages; });
  };
  std::set<Pfn> blocks;
  for (const AreaSpec& area : machine.areas) {
    const Pfn end = std::min(align_up(area.base + area.pages, largest), machine.memory.end);
    for (Pfn pfn = align_down(area.base, largest); pfn < end; pfn += block)
      if (!inside(pfn)) blocks.insert(pfn);
  }
  std::vector<PfnRange> edges;
  for (Pfn pfn : blocks) edges.push_back({pfn, pfn + block});
  return edges;
}

std::optional<PfnRange> arena_of(const Program& program) {
  const auto compacts = [](const Op& op) { return std::holds_alternative<Compact>(op.body); };
  if (std::none_of(program.ops.begin(), program.ops.end(), compacts)) return std::nullopt;
  Pfn end = 0;
  for (const AreaSpec& area : program.machine.areas) end = std::max(end, area.base + area.pages);
  const Pfn start = align_up(end, order_pages(program.machine.largest_order));
  return PfnRange{start, start + kArenaPages};
}

std::expected<Fitted, NotJudgeable> fit(const Program& program, const KernelConfig& config) {
  Fitted fitted{program, false};
  Program& result = fitted.program;
  if (!program.failing_bitmaps.empty())
    return std::unexpected(NotJudgeable{"an area whose bitmap cannot be allocated", 0});
  if (program.machine.oom_kills) return std::unexpected(NotJudgeable{"a machine that kills processes for memory", 0});
  if (program.machine.areas.empty()) return std::unexpected(NotJudgeable{"a machine without areas", 0});
  if (!std::all_of(program.machine.areas.begin(), program.machine.areas.end(), good_name))
    return std::unexpected(NotJudgeable{"an area's name that the kernel's command line cannot hold", 0});
  if (!can_have(program.machine, config)) {
    auto machine = replacement_for(program.machine, config);
    if (!machine) return std::unexpected(NotJudgeable{machine.error(), 0});
    result.machine = std::move(*machine);
    fitted.transposed = true;
  }
  fit_machine(result.machine, config);

  std::erase_if(result.ops, [](const Op& op) { return info_of(op).any_time; });
  let_reclaim_end(result);
  int cpu = -1;
  ProcessNeeds processes;
  std::uint64_t read_pages = 0;
  for (std::size_t i = 0; i < result.ops.size(); ++i) {
    Op& op = result.ops[i];
    std::string why = why_not(program, op, cpu);
    Placer placer(program.machine, result.machine);
    if (why.empty()) visit_fields(op.body, placer);
    if (why.empty()) why = placer.why();
    processes.add(op);
    if (const auto* read = std::get_if<ReadFile>(&op.body)) read_pages += read->pages;
    if (why.empty() && read_pages > kMostReadPages) why = "more pages of files than the driver has buffers for";
    if (why.empty() && std::holds_alternative<Compact>(op.body) &&
        arena_of(result)->end + kTopPages > result.machine.memory.end)
      why = "memory is compacted, and too little of it lies after the areas";
    if (why.empty() && !processes.pool()) why = "more processes, mappings or forks than the driver can keep ready";
    if (!why.empty()) return std::unexpected(NotJudgeable{why, i});
    op.performer = {};
  }
  result.actors.clear();
  result.audit = Audit::ops;
  result.settle();
  return fitted;
}

}  // namespace cma::judge
