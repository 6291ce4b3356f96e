#include "allocator/reports/figures.h"

#include <bit>

#include "allocator/base/hash.h"

namespace cma {
namespace {

void add_pages(std::uint64_t& hash, const PageFigures& pages) {
  using Words = std::array<std::uint64_t, sizeof(PageFigures) / sizeof(std::uint64_t)>;
  for (const std::uint64_t word : std::bit_cast<Words>(pages)) hash_step(hash, word);
}

void add_zone(std::uint64_t& hash, const ZoneFigures& zone) {
  for (const char c : zone.name) hash_step(hash, static_cast<unsigned char>(c));
  hash_step(hash, zone.node);
  add_pages(hash, zone.pages);
  for (const std::uint64_t pages : zone.lowmem_reserve) hash_step(hash, pages);
  for (std::size_t order = 0; order < zone.blocks.size(); ++order)
    hash_step(hash, zone.blocks[order] << 8 | zone.types[order]);
  for (const ZoneFigures::PerCpu& lists : zone.per_cpu)
    hash_step(hash, static_cast<std::uint64_t>(lists.high) << 32 | static_cast<std::uint32_t>(lists.count));
}

}  // namespace

std::uint64_t digest_of(const MemoryFigures& memory) {
  std::uint64_t hash = kHashSeed;
  add_pages(hash, memory.pages);
  for (const NodeFigures& node : memory.nodes) {
    hash_step(hash, node.node);
    add_pages(hash, node.pages);
    hash_step(hash, node.hugepages_total << 32 | node.hugepages_free);
  }
  for (const ZoneFigures& zone : memory.zones) add_zone(hash, zone);
  for (const std::uint64_t pages : {memory.ram, memory.ram_high, memory.reserved, memory.cma, memory.shared,
                                    memory.nonshared, memory.swap_free, memory.swapcache})
    hash_step(hash, pages);
  return hash;
}

bool is_high(const MemoryFigures& memory, const ZoneFigures& zone) {
  const ZoneKind kind = zone_kind_from_name(zone.name);
  return kind == ZoneKind::high_mem || (kind == ZoneKind::movable && memory.highmem);
}

}  // namespace cma
