#include "properties/program/ops_view.h"

#include <algorithm>

#include "allocator/areas/area_files.h"
#include "allocator/base/assert.h"
#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {

void Cat::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  // The reader runs on CPU 0.
  const ActorId before = machine.engine.current();
  machine.engine.assume(kMainActor);
  // What a reader of /proc/meminfo or vmstat takes has slab caches of its own.
  const bool of_memory = std::ranges::find(MemoryReports::files(), path) != MemoryReports::files().end();
  int error = 0;
  if (!of_memory) error = run_now(open_and_close(machine.areas, machine.buddy, machine.map, machine.geometry(), path));
  machine.engine.assume(before);
  // Observers learn of files that do not exist too: a law knows which there are.
  std::optional<std::string> text;
  if (error != -kENOMEM) text = world.read_file(path);
  CMA_ASSERT(text.has_value() == (error == 0));
  if (error != 0) {
    world.fail(self, error);
    return;
  }
  if (world.keep_output) world.output.emplace_back(self, std::move(*text));
}

namespace {

// Counts the actors inside a debugfs write to an area. A second one is skipped: the observer must hear beforehand which
// buffers a write frees, which is open while another write is under way.
class InsideDebugfs {
 public:
  InsideDebugfs(World& world, AreaId id) : world_(world), id_(id) {
    if (world.debugfs_inside.size() <= id) world.debugfs_inside.resize(std::size_t{id} + 1, 0);
    ++world.debugfs_inside[id];
  }
  ~InsideDebugfs() { --world_.debugfs_inside[id_]; }
  InsideDebugfs(const InsideDebugfs&) = delete;
  InsideDebugfs& operator=(const InsideDebugfs&) = delete;

 private:
  World& world_;
  AreaId id_;
};

bool in_use(const World& world, AreaId id) { return id < world.debugfs_inside.size() && world.debugfs_inside[id] != 0; }

// Returns the buffers that writing `pages` to `free` releases: the newest first, the last one perhaps in part.
std::vector<PfnRange> to_be_freed(const Area& area, std::uint64_t pages) {
  std::vector<PfnRange> ranges;
  for (auto buffer = area.debugfs_buffers.rbegin(); buffer != area.debugfs_buffers.rend() && pages > 0; ++buffer) {
    const auto [pfn, count] = *buffer;
    if (count > pages && area.order_per_bit != 0) break;
    ranges.push_back({pfn, pfn + std::min(count, pages)});
    pages -= std::min(count, pages);
  }
  return ranges;
}

constexpr const char* kTwoWriters = "another actor is inside a write to the area's files";

}  // namespace

Task<void> DebugfsAlloc::perform(World& world, Slot self) const {
  const std::optional<AreaId> id = world.area(area);
  if (!id || in_use(world, *id)) {
    world.skip(self, id ? kTwoWriters : "there is no such area");
    co_return;
  }
  const InsideDebugfs inside(world, *id);
  Areas& areas = world.machine().areas;
  const std::uint64_t wanted = debugfs_count(pages);
  world.observer().alloc_begins(*id, wanted, 0);
  const int error = co_await areas.debugfs().alloc(*id, pages);
  if (error != 0) {
    world.observer().alloc_failed(*id, wanted, 0);
    world.fail(self, error);
    co_return;
  }
  const auto [pfn, count] = areas.area(*id).debugfs_buffers.back();
  world.observer().buffer_allocated(*id, pfn, count, 0);
}

Task<void> DebugfsFree::perform(World& world, Slot self) const {
  const std::optional<AreaId> id = world.area(area);
  if (!id || in_use(world, *id)) {
    world.skip(self, id ? kTwoWriters : "there is no such area");
    co_return;
  }
  const InsideDebugfs inside(world, *id);
  const std::vector<PfnRange> ranges = to_be_freed(world.machine().areas.area(*id), debugfs_count(pages));
  for (const PfnRange& range : ranges) world.observer().buffer_releasing(*id, range.start, range.pages());
  co_await world.machine().areas.debugfs().free(*id, pages);
  for (const PfnRange& range : ranges) world.observer().buffer_released(*id, range.start, range.pages());
}

}  // namespace cma
