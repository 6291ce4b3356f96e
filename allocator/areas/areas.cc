#include "allocator/areas/areas.h"

#include <algorithm>

#include "allocator/areas/activation.h"
#include "allocator/areas/cma_steps.h"

namespace cma {
namespace {

// Returns the steps of cma_alloc as the release takes them.
std::unique_ptr<CmaSteps> steps_of(const Core& core, Contig& contig, AreaTable& table) {
  const Release release = core.geometry.release;
  if (release >= Release::v6_9) return std::make_unique<CmaV6_9>(core, contig, table);
  if (release >= Release::v5_13) return std::make_unique<CmaV5_13>(core, contig, table);
  if (release >= Release::v3_17) return std::make_unique<CmaV3_17>(core, contig, table);
  return std::make_unique<CmaV3_5>(core, contig, table);
}

}  // namespace

Areas::Areas(const Core& core, Memblock& memblock, Buddy& buddy, Contig& contig)
    : core_(core), memblock_(memblock), buddy_(buddy), steps_(steps_of(core, contig, table_)) {}

Areas::~Areas() = default;

int Areas::declare_contiguous(const DeclareRequest& request) {
  return Declaration(core_, memblock_, buddy_, table_).declare_contiguous(request);
}

std::optional<PfnRange> Areas::place_of(const DeclareRequest& request) const {
  // A declaration on copies of all that it changes.
  BugSet bugs = core_.bugs;
  Trace trace(core_.engine, core_.geometry.release, core_.geometry.pageblock_order, /*rate_limits=*/false);
  const Core core{core_.geometry, bugs, core_.engine, trace, core_.map};
  Memblock memblock = memblock_;
  AreaTable table;
  table.copy_from(table_);
  if (Declaration(core, memblock, buddy_, table).declare_contiguous(request) != 0) return std::nullopt;
  return PfnRange{table.areas.back().base, table.areas.back().base + table.areas.back().pages};
}

int Areas::init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name) {
  return Declaration(core_, memblock_, buddy_, table_).init_reserved_mem(base, size, order_per_bit, name);
}

void Areas::activate_all() { Activation(core_, buddy_, table_).activate_all(); }

Task<Pfn> Areas::cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  return steps_->cma_alloc(id, count, align, no_warn);
}

Task<bool> Areas::cma_release(AreaId id, Pfn pfn, std::uint64_t count) { return steps_->cma_release(id, pfn, count); }

std::optional<AreaId> Areas::find(const std::string& name) const {
  const std::vector<Area>& areas = table_.areas;
  for (AreaId id = 0; id < areas.size(); ++id)
    if (areas[id].name == name ||
        (areas[id].name.substr(0, 2) == name.substr(0, 2) && core_.bugs.fires(Bug::names_cut_short)))
      return id;
  return std::nullopt;
}

std::optional<AreaId> Areas::area_of(Pfn pfn) const {
  const std::vector<Area>& areas = table_.areas;
  for (AreaId id = 0; id < areas.size(); ++id)
    if (areas[id].contains(pfn)) return id;
  return std::nullopt;
}

bool Areas::between_sweeps(ActorId actor) const {
  return std::ranges::find(table_.between_sweeps, actor) != table_.between_sweeps.end();
}

}  // namespace cma
