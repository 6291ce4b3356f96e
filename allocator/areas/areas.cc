#include "allocator/areas/areas.h"

#include <algorithm>

namespace cma {

Areas::Areas(const Core& core, Memblock& memblock, Buddy& buddy, Contig& contig)
    : release_(core.geometry.release),
      unit_(core.geometry.isolation_unit()),
      max_areas_(core.geometry.max_areas),
      // 6.9 dropped CONFIG_CMA_DEBUG: since then the debug lines need dynamic debug.
      debug_(core.geometry.cma_debug && core.geometry.release < Release::v6_9),
      retry_sweeps_(core.geometry.retry_sweeps),
      error_line_(core.geometry.error_line),
      error_names_(core.geometry.error_names),
      core_(core),
      memblock_(memblock),
      buddy_(buddy),
      contig_(contig) {}

void Areas::copy_from(const Areas& other) {
  areas_ = other.areas_;
  total_pages_ = other.total_pages_;
  alloc_success_ = other.alloc_success_;
  alloc_fail_ = other.alloc_fail_;
  cma_mutex_.reset();
  for (Area& area : areas_) area.lock.reset();
  sweeps_ = 0;
  between_sweeps_.clear();
}

std::optional<AreaId> Areas::find(const std::string& name) const {
  for (AreaId id = 0; id < areas_.size(); ++id)
    if (areas_[id].name == name) return id;
  return std::nullopt;
}

std::optional<AreaId> Areas::area_of(Pfn pfn) const {
  for (AreaId id = 0; id < areas_.size(); ++id)
    if (areas_[id].contains(pfn)) return id;
  return std::nullopt;
}

bool Areas::between_sweeps(ActorId actor) const {
  return std::find(between_sweeps_.begin(), between_sweeps_.end(), actor) != between_sweeps_.end();
}

}  // namespace cma
