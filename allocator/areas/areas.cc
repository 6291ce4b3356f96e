#include "allocator/areas/areas.h"

#include <algorithm>

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
    : core_(core),
      contig_(contig),
      steps_(steps_of(core, contig, table_)),
      boot_(core, memblock, buddy, table_),
      debugfs_(core, *steps_, table_) {}

Areas::~Areas() = default;

Task<Pfn> Areas::cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) {
  return steps_->cma_alloc(id, count, align, warn);
}

Task<bool> Areas::cma_release(AreaId id, Pfn pfn, std::uint64_t count) { return steps_->cma_release(id, pfn, count); }

Task<int> Areas::take_range(Pfn first, std::uint64_t pages) {
  co_await table_.cma_mutex.lock(core_.engine);
  const bool of_area = core_.map.pageblock_type(first) == Migratetype::cma;
  const Migratetype type = of_area ? Migratetype::cma : Migratetype::movable;
  const int error = co_await contig_.alloc_contig_range(first, first + pages, type);
  table_.cma_mutex.unlock(core_.engine);
  co_return error;
}

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
