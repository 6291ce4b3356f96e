#include "properties/explain/under_way.h"

#include <algorithm>
#include <optional>

#include "allocator/areas/bit_arithmetic.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

// Returns how many pages of this area an actor asks for now; nullopt if it asks for none.
std::optional<std::uint64_t> asks_now(const AskedAreas& asked, ActorId actor, AreaId id) {
  const auto found = asked.find(actor);
  if (found == asked.end() || found->second.empty() || found->second.back().request.area != id) return std::nullopt;
  return found->second.back().request.pages;
}

// Returns whether an operation releases bits of this area.
bool releases_of(const World& world, const OpBody& body, AreaId id) {
  if (const auto* op = std::get_if<DebugfsFree>(&body)) return world.area(op->area) == id;
  const auto* release = std::get_if<CmaRelease>(&body);
  const auto* free = std::get_if<DmaFree>(&body);
  if (release == nullptr && free == nullptr) return false;
  const Result* buffer = world.find(release != nullptr ? release->buffer : free->buffer);
  return buffer != nullptr && buffer->yields == Yields::buffer && buffer->area == id;
}

// Returns whether an actor inside an allocation has marked bits. Since 3.16 they are marked before the window is tried,
// up to 3.15 once it was obtained.
bool has_marked(const Machine& machine, const WindowRecorder& windows, ActorId actor) {
  const Point point = machine.engine.look(actor).last_point;
  if (point == Point::cma_mutex_dropped) return true;
  if (machine.release() < Release::v3_16) return false;
  return point == Point::cma_bitmap_marked || point == Point::cma_mutex_taken || windows.tried_by(actor).has_value();
}

}  // namespace

std::vector<BitsUnderWay> bits_under_way(const AreaSight& sight, AreaId id, Slot asking, std::uint64_t unknown) {
  const World& world = sight.world;
  const Program& program = world.program();
  const unsigned order = world.machine().areas.area(id).order_per_bit;
  std::vector<BitsUnderWay> found;
  std::string releases;
  bool several = false;
  for (Slot slot = 0; slot < program.ops.size() && unknown > 0; ++slot) {
    if (slot == asking || world.result(slot).state != Result::State::inside) continue;
    const OpBody& body = program.ops[slot].body;
    if (releases_of(world, body, id)) {
      several = !releases.empty();
      releases += (several ? ", " : "") + name_or_text(program, slot);
    }
    const ActorId actor = world.actor(program.ops[slot].performer);
    const std::optional<std::uint64_t> pages = asks_now(sight.asked, actor, id);
    if (!pages || !has_marked(world.machine(), sight.windows, actor)) continue;
    const std::uint64_t bits = bitmap_pages_to_bits(*pages, order);
    if (bits == 0 || bits > unknown) continue;
    found.push_back({name_or_text(program, slot) + ", which is under way", *pages, bits});
    unknown -= bits;
  }
  if (unknown > 0 && !releases.empty())
    found.push_back(
        {releases + (several ? ", which are under way" : ", which is under way"), unknown << order, unknown});
  return found;
}

}  // namespace cma
