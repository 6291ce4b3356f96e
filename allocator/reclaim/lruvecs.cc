#include "allocator/reclaim/lruvecs.h"

namespace cma {

LruVecs::LruVecs(const Core& core, const Buddy& buddy, const Lru& lru)
    : release_(core.geometry.release), core_(core), buddy_(buddy), lru_(lru), states_(buddy.zones()) {}

LruVec LruVecs::of_zone(std::size_t zone) const {
  return release_ < Release::v4_8 ? LruVec{zone} : of_node(buddy_.zone(zone).node);
}

LruVec LruVecs::of_node(unsigned node) const {
  std::size_t first = 0;
  for (std::size_t zone = 1; zone < buddy_.zones(); ++zone)
    if (buddy_.zone(first).node != node) first = zone;
  CMA_ASSERT(buddy_.zone(first).node == node);
  return {first};
}

std::uint64_t LruVecs::size(LruVec vec, LruList list, std::size_t ceiling) const {
  std::uint64_t pages = 0;
  for (std::size_t zone = vec.first_zone; zone < buddy_.zones(); ++zone)
    if (zone <= ceiling && contains(vec, zone)) pages += lru_.lists().size_in_zone(list, zone);
  return pages;
}

std::uint64_t LruVecs::isolated(LruVec vec, bool file) const {
  const LruLists& lists = lru_.lists();
  std::int64_t pages = 0;
  for (std::size_t zone = vec.first_zone; zone < buddy_.zones(); ++zone)
    if (contains(vec, zone)) pages += file ? lists.isolated_file_in_zone(zone) : lists.isolated_anon_in_zone(zone);
  return static_cast<std::uint64_t>(pages);
}

std::uint64_t LruVecs::reclaimable(std::size_t zone) const {
  const std::uint64_t pages =
      lru_.lists().size_in_zone(LruList::inactive_file, zone) + lru_.lists().size_in_zone(LruList::active_file, zone);
  if (pages != 0 || release_ < Release::v5_10) return pages;
  return static_cast<std::uint64_t>(buddy_.zone(zone).nr_free_pages);
}

std::uint64_t LruVecs::write_pending(std::size_t zone) const {
  std::uint64_t pages = 0;
  for (const LruList list : {LruList::inactive_file, LruList::active_file})
    for (Frame frame = lru_.lists().list(list).first; frame != kNil; frame = core_.map.at(frame).next) {
      core_.engine.turn();
      const Page& page = core_.map.at(frame);
      if (page.zone == zone && page.has(kPageDirty | kPageWriteback)) ++pages;
    }
  return pages;
}

}  // namespace cma
