#include "allocator/areas/area_boot.h"

#include "allocator/areas/activation.h"

namespace cma {

AreaBoot::AreaBoot(const Core& core, Memblock& memblock, Buddy& buddy, AreaTable& table)
    : core_(core), memblock_(memblock), buddy_(buddy), table_(table) {}

int AreaBoot::declare_contiguous(const DeclareRequest& request) {
  return Declaration(core_, memblock_, buddy_, table_).declare_contiguous(request);
}

std::optional<PfnRange> AreaBoot::place_of(const DeclareRequest& request) const {
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

int AreaBoot::init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit,
                                const std::string& name) {
  return Declaration(core_, memblock_, buddy_, table_).init_reserved_mem(base, size, order_per_bit, name);
}

void AreaBoot::activate_all() { Activation(core_, buddy_, table_).activate_all(); }

}  // namespace cma
