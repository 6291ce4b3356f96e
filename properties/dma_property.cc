// Promise: a device's buffer comes from the area that its release chooses, and goes back to it.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "properties/arbitrary/boards_testing.h"
#include "properties/arbitrary/promise_testing.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// Compares the areas that each request of a device asks, and where each buffer goes, with the release's rules.
// Requires: one actor performs all operations.
class DmaWitness final : public Witness {
 public:
  explicit DmaWitness(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override { machine_ = &machine; }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    asked_.push_back({.area = area, .pages = count, .align = align});
  }
  void buffer_released(AreaId area, Pfn, std::uint64_t) override { released_to_ = area; }
  void pages_freeing(Pfn pfn, unsigned) override { freed_ = pfn; }
  // Operations that end while another is under way were skipped, or had no actor.
  void op_ended(Machine&, std::size_t op) override {
    const auto slot = static_cast<Slot>(op);
    if (inside_ && *inside_ != slot) return;
    inside_.reset();
    if (const auto* request = std::get_if<DmaBuffer>(&program_.ops[op].body)) judge(*request, slot);
    if (const auto* free = std::get_if<DmaFree>(&program_.ops[op].body)) judge(*free, slot);
    asked_.clear();
    released_to_.reset();
    freed_.reset();
  }
  void op_performed(Machine&, std::size_t op) override {
    const auto slot = static_cast<Slot>(op);
    if (result_of(slot).state == Result::State::inside) inside_ = slot;
  }

 private:
  const World& world() const { return last_plain_run().world(); }
  Release release() const { return machine_->release(); }
  const Result& result_of(Slot slot) const { return world().result(slot); }
  std::optional<AreaId> area_of(const Result* result) const {
    const bool area = result != nullptr && result->state == Result::State::done && result->yields == Yields::area;
    return area ? std::optional(result->area) : std::nullopt;
  }
  std::vector<AreaId> areas_for(const DmaBuffer& op) const;
  std::uint64_t pages_of(const DmaBuffer& op) const {
    const std::uint64_t page = machine_->geometry().page_size;
    return op.size / page + (op.size % page == 0 ? 0 : 1);
  }
  // Returns the order of the smallest block that holds the buffer.
  unsigned order_of(const DmaBuffer& op) const {
    unsigned order = 0;
    while (std::uint64_t{1} << order < pages_of(op)) ++order;
    return order;
  }
  void judge(const DmaBuffer& op, Slot slot);
  void judge(const DmaFree& op, Slot slot);

  const Program& program_;
  Machine* machine_ = nullptr;
  std::optional<Slot> inside_;  // the operation that waits
  // Of the operation that is performed.
  std::vector<AreaRequest> asked_;
  std::optional<AreaId> released_to_;
  std::optional<Pfn> freed_;
};

// Returns the areas that may be asked, in the order of the release.
std::vector<AreaId> DmaWitness::areas_for(const DmaBuffer& op) const {
  const auto gfp = static_cast<Gfp>(op.gfp);
  if ((gfp & kGfpDirectReclaim) == 0) return {};
  if (const auto own = area_of(world().find(op.memory_region))) return {*own};
  if (world().boot == nullptr || (release() >= Release::v5_3 && pages_of(op) == 1)) return {};
  std::vector<AreaId> areas;
  if (release() >= Release::v5_10 && op.node != kNoNode && (gfp & (kGfpDma | kGfpDma32)) == 0)
    for (const char* kind : {"pernuma", "numa"})
      if (const auto area = machine_->areas.find(kind + std::to_string(op.node))) areas.push_back(*area);
  if (const auto area = world().boot->boot->dma().default_area()) areas.push_back(*area);
  return areas;
}

void DmaWitness::judge(const DmaBuffer& op, Slot slot) {
  const Result& result = result_of(slot);
  if (result.state == Result::State::skipped && asked_.empty()) return;
  const std::vector<AreaId> areas = areas_for(op);
  claim(asked_.size() <= areas.size(), "a device's request was tried in an area that is none of its own");
  for (std::size_t i = 0; i < std::min(asked_.size(), areas.size()); ++i) {
    claim(asked_[i].area == areas[i],
          fmt::format("a device's request was tried in area {} before area {}",
                      machine_->areas.area(asked_[i].area).name, machine_->areas.area(areas[i]).name));
    claim(asked_[i].pages == pages_of(op), "an area was asked for another number of pages");
    claim(asked_[i].align == std::min<std::uint64_t>(order_of(op), op.cma_alignment),
          "an area was asked for another alignment than the buffer's, up to CONFIG_CMA_ALIGNMENT");
  }
  if (result.state == Result::State::done && result.yields == Yields::buffer) {
    claim(!asked_.empty() && asked_.back().area == result.area, "a device's buffer is of an area that was not asked");
    claim(machine_->areas.area(result.area).contains(result.pfn), "a device's buffer lies outside its area");
    return;
  }
  claim(asked_.size() == areas.size(), "a device got no buffer of an area, and an area was not asked");
}

void DmaWitness::judge(const DmaFree& op, Slot slot) {
  const Result* buffer = world().find(op.buffer);
  if (result_of(slot).state != Result::State::done || buffer == nullptr) return;
  if (buffer->yields == Yields::block) {
    claim(freed_ == buffer->pfn, "a block was not given back to the page allocator");
    return;
  }
  if (buffer->yields != Yields::buffer) return;
  claim(!freed_, "a buffer of an area was given back to the page allocator");
  claim(released_to_ == buffer->area, "a buffer was not given back to the area that it came from");
  const Area& area = machine_->areas.area(buffer->area);
  for (const std::uint64_t bit : bits_of_buffer(area, buffer->pfn, buffer->pages))
    claim(!area.bitmap.test(bit), fmt::format("bit {} of a buffer that was given back is set", bit));
}

// Adds a device's request somewhere after boot, and most often gives its buffer back later.
void add_request(Random& random, Program& program, std::size_t boot) {
  const Geometry& machine = program.machine;
  DmaBuffer request;
  request.size = random.chance(25) ? 1 + random.below(machine.page_size) : (1 + random.below(24)) * machine.page_size;
  if (random.chance(20)) request.gfp = random.chance(50) ? kGfpAtomic : kGfpKernel | kGfpDma;
  if (random.chance(50)) request.node = machine.several_nodes() ? random.below(2) : 0;
  if (random.chance(40) && boot > 0) request.memory_region = OpRef{program.ops[random.below(boot)].id};
  request.cma_alignment = random.below(9);
  const OpRef buffer{program.unused_id()};
  Op op;
  op.id = buffer.id;
  op.body = request;
  const std::size_t at = boot + 1 + random.below(program.ops.size() - boot);
  program.ops.insert(program.ops.begin() + static_cast<std::ptrdiff_t>(at), std::move(op));
  if (!random.chance(70)) return;
  Op free;
  free.body = DmaFree{buffer};
  const std::size_t later = at + 1 + random.below(program.ops.size() - at);
  program.ops.insert(program.ops.begin() + static_cast<std::ptrdiff_t>(later), std::move(free));
}

// Boards whose devices ask for buffers among other operations of one task.
Programs with_devices() {
  Programs programs;
  programs.interleaved = false;
  programs.prepare = [](Random& random, Program& program) {
    boot_a_board(random, program);
    const auto boots = [](const Op& op) { return std::holds_alternative<RunBoot>(op.body); };
    const auto boot = static_cast<std::size_t>(std::ranges::find_if(program.ops, boots) - program.ops.begin());
    for (std::uint64_t left = random.between(2, 6); left > 0; --left) add_request(random, program, boot);
  };
  return programs;
}

PROMISE(DmaPromise, asks_the_area_of_the_device_or_those_of_its_node_and_then_the_default_one,
        {.programs = with_devices(),
         .planted = {Bug::device_area_ignored,
                     Bug::atomic_from_area,
                     {Bug::single_page_from_area, Release::v5_10},
                     {Bug::default_area_first, Release::v6_1}}}) {
  DmaWitness witness(program);
  run_plainly(program, &witness);
  witness.assert_all_held();
}

PROMISE(DmaPromise, gives_a_buffer_back_to_where_it_came_from,
        {.programs = with_devices(), .planted = {Bug::dma_free_forgets_area}}) {
  DmaWitness witness(program);
  run_plainly(program, &witness);
  witness.assert_all_held();
}

}  // namespace
}  // namespace cma
