#include "allocator/buddy/kernel_zones.h"

namespace cma {
namespace {

constexpr KernelZone kKernelZones[] = {{ZoneKind::dma, "DMA", false},        {ZoneKind::dma32, "DMA32", false},
                                       {ZoneKind::normal, "Normal", true},   {ZoneKind::high_mem, "HighMem", false},
                                       {ZoneKind::movable, "Movable", true}, {ZoneKind::other, "", false}};

}  // namespace

std::span<const KernelZone> kernel_zones() { return kKernelZones; }

std::size_t first_zone_of(const Buddy& buddy, ZoneKind kind, unsigned node) {
  for (std::size_t z = 0; z < buddy.zones(); ++z)
    if (buddy.zone(z).kind == kind && buddy.zone(z).node == node) return z;
  return buddy.zones();
}

bool in_kernel(const Buddy& buddy, const KernelZone& kernel) {
  if (kernel.always) return true;
  for (std::size_t z = 0; z < buddy.zones(); ++z)
    if (buddy.zone(z).kind == kernel.kind) return true;
  return false;
}

std::vector<std::uint64_t> lowmem_reserves(const Buddy& buddy, std::size_t z, unsigned node) {
  std::vector<std::uint64_t> reserves;
  std::uint64_t reserve = 0;
  for (const KernelZone& kernel : kKernelZones) {
    if (kernel.kind == ZoneKind::other || !in_kernel(buddy, kernel)) continue;
    const std::size_t other = first_zone_of(buddy, kernel.kind, node);
    if (z < buddy.zones() && other < buddy.zones()) reserve = other > z ? buddy.zone(z).lowmem_reserve[other] : 0;
    reserves.push_back(reserve);
  }
  return reserves;
}

}  // namespace cma
