// Promise: an area is declared where it was asked for: aligned, within limits, over no memory that boot keeps.

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "allocator/base/error.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// A declaration as the kernel rounds it, in pages.
struct Rounded {
  std::uint64_t alignment = 1;
  Pfn base = 0;
  std::uint64_t pages = 0;
  Pfn limit = kNoPfn;
  bool fixed = false;
};

// Compares each declared area with what was asked for and with what was reserved before.
class Places final : public Witness {
 public:
  explicit Places(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    take_down();
  }
  void op_performed(Machine&, std::size_t op) override {
    if (machine_->booted() || done_) return;
    if (const auto* declared = std::get_if<Declare>(&program_.ops[op].body)) check(*declared, static_cast<Slot>(op));
    take_down();
  }
  // No kernel checks that a fixed place has memory, or lies in one zone, before it activates the area.
  void program_ended(Machine&) override {
    for (AreaId id = 0; id < machine_->areas.size(); ++id) {
      const Area& area = machine_->areas.area(id);
      for (Pfn pfn = area.base; area.active() && pfn < area.base + area.pages; ++pfn)
        claim(machine_->map.present(pfn) && machine_->map.page(pfn).zone == machine_->map.page(area.base).zone,
              fmt::format("area {} lies in several zones, or has no memory at {:#x}", id, pfn));
    }
  }

 private:
  void take_down() {
    areas_ = machine_->areas.size();
    reserved_ = machine_->memblock.reserved();
  }
  Release release() const { return machine_->release(); }
  // Up to 3.16 a base made the area fixed, and alignment was the kernel's alone.
  Rounded rounded(const Declare& asked) const {
    const unsigned shift = machine_->geometry().page_shift();
    const std::uint64_t unit = machine_->geometry().isolation_unit() << shift;
    const bool old = release() < Release::v3_17;
    const std::uint64_t alignment = old ? unit : std::max(unit, asked.alignment);
    Rounded request;
    request.alignment = alignment >> shift;
    request.base = align_up(asked.base, alignment) >> shift;
    request.pages = align_up(asked.size, alignment) >> shift;
    request.limit = align_down(asked.limit, alignment) >> shift;
    const Pfn end = machine_->memblock.memory().end;
    if (request.limit == 0 || request.limit > end) request.limit = end;
    request.fixed = request.base != 0 && (old || asked.fixed);
    return request;
  }
  bool was_reserved(const PfnRange& range) const {
    return std::ranges::any_of(reserved_, [&](const PfnRange& kept) { return kept.overlaps(range); });
  }
  bool has_hole(const PfnRange& range) const {
    return std::ranges::any_of(program_.machine.holes, [&](const PfnRange& hole) { return hole.overlaps(range); });
  }
  bool crosses_high_memory(const PfnRange& range) const {
    for (std::size_t z = 0; z < machine_->buddy.zones(); ++z) {
      const Zone& zone = machine_->buddy.zone(z);
      if (zone.kind == ZoneKind::high_mem) return range.start < zone.range.start && zone.range.start < range.end;
    }
    return false;
  }

  void check(const Declare& asked, Slot slot) {
    const Result& result = last_plain_run().world().result(slot);
    if (result.state == Result::State::skipped) return;
    if (result.state == Result::State::failed) return check_refusal(asked, result.error);
    claim(machine_->areas.size() == areas_ + 1, "a declaration that succeeds adds no area");
    const Area& area = machine_->areas.area(result.area);
    check_place(rounded(asked), {area.base, area.base + area.pages});
    if (!machine_->memblock.is_region_reserved({area.base, area.base + area.pages}))
      claim(false, "the memory of an area is not reserved");
  }
  void check_place(const Rounded& request, const PfnRange& place) {
    const auto demand = [&](bool holds, const char* sentence) {
      if (!holds) claim(false, fmt::format("the area at [{:#x}, {:#x}) {}", place.start, place.end, sentence));
      done_ = done_ || !holds;
    };
    const PfnRange& memory = machine_->memblock.memory();
    demand(!was_reserved(place), "lies over memory that was reserved");
    demand(place.end <= memory.end, "reaches past the end of memory");
    demand(place.pages() == request.pages, "is of another size");
    demand(is_aligned(place.start, request.alignment), "is misaligned");
    if (request.fixed) {
      demand(place.start == request.base, "is not where it was to be fixed");
      // The check came with 5.0, and with stable releases of 4.19.
      demand(release() < Release::v4_19 || place.end <= request.limit, "reaches past its limit");
      demand(release() < Release::v3_17 || !crosses_high_memory(place), "lies on the border of high memory");
      return;
    }
    const Pfn four_gib = Pfn{1} << (32 - machine_->geometry().page_shift());
    const bool above_4_gib = release() >= Release::v5_12 && place.start >= four_gib;
    demand(place.start >= memory.start, "begins before memory");
    demand(place.start >= request.base || above_4_gib, "begins before its base");
    demand(place.end <= request.limit, "reaches past its limit");
    demand(!has_hole(place), "has a hole");
    demand(!crosses_high_memory(place), "lies on the border of high memory");
  }
  // A refusal reserves nothing. That no place was found, or that it was taken, is true.
  void check_refusal(const Declare& asked, int error) {
    claim(machine_->areas.size() == areas_, "a declaration that fails adds an area");
    claim(machine_->memblock.reserved() == reserved_, "a declaration that fails changes what is reserved");
    const Rounded request = rounded(asked);
    if (error == -kEBUSY)
      claim(request.fixed && was_reserved({request.base, request.base + request.pages}),
            "a place that is free is refused as taken");
    if (error == -kENOMEM)
      claim(!request.fixed && !any_place(request), "no place is found for an area, and there is one");
  }
  bool any_place(const Rounded& request) const {
    const Pfn first = align_up(std::max(request.base, machine_->memblock.memory().start), request.alignment);
    for (Pfn pfn = first; pfn + request.pages <= request.limit; pfn += request.alignment) {
      const PfnRange place{pfn, pfn + request.pages};
      // Boot gives nothing away from the first page of all.
      if (pfn != 0 && !was_reserved(place) && !has_hole(place) && !crosses_high_memory(place)) return true;
    }
    return false;
  }

  const Program& program_;
  Machine* machine_ = nullptr;
  bool done_ = false;  // an area is in the wrong place: what comes after it means nothing
  // From before the operation.
  std::size_t areas_ = 0;
  std::vector<PfnRange> reserved_;
};

// Returns a declaration of a quarter of memory at most, near other areas or far from them.
Declare any_declaration(Random& random, const Geometry& machine) {
  const auto any_frame = [&] { return machine.memory.start + random.below(machine.memory.pages()); };
  Declare declared;
  const std::uint64_t unit = machine.isolation_unit();
  const std::uint64_t pages = 1 + random.below(std::max<std::uint64_t>(1, machine.memory.pages() / 4));
  declared.size = (random.chance(50) ? align_up(pages, unit) : pages) << machine.page_shift();
  if (random.chance(70)) declared.base = align_down(any_frame(), random.chance(80) ? unit : 1) << machine.page_shift();
  if (random.chance(50)) declared.limit = any_frame() << machine.page_shift();
  if (random.chance(30))
    declared.alignment = order_pages(static_cast<unsigned>(random.below(9))) << machine.page_shift();
  declared.order_per_bit = random.chance(30) ? random.below(4) : 0;
  declared.fixed = random.chance(50);
  return declared;
}

// Programs that begin with declarations, between reservations.
Programs with_declarations() {
  Programs programs;
  programs.prepare = [](Random& random, Program& program) {
    std::vector<Op> boot;
    for (std::uint64_t left = random.between(1, 5); left > 0; --left) {
      Op op;
      if (random.chance(20))
        op.body =
            Reserve{program.machine.memory.start + random.below(program.machine.memory.pages()), 1 + random.below(32)};
      else
        op.body = any_declaration(random, program.machine);
      boot.push_back(std::move(op));
    }
    program.ops.insert(program.ops.begin(), boot.begin(), boot.end());
  };
  return programs;
}

PROMISE(DeclarationPromise, places_areas_within_their_limits_and_over_no_memory_that_is_taken,
        {.programs = with_declarations(),
         .planted = {Bug::fixed_over_reserved, {Bug::fixed_over_reserved, Release::v3_6}, Bug::limit_ignored}}) {
  Places places(program);
  run_plainly(program, &places);
  places.assert_all_held();
}

}  // namespace
}  // namespace cma
