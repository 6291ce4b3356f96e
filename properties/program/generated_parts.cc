#include "properties/program/generated_parts.h"

#include <fmt/format.h>

#include <array>

namespace cma {

void generate_boot(Random& random, Draft& draft) {
  static constexpr std::array kKinds = {kind_of<Reserve>(), kind_of<Declare>(), kind_of<Declare>(),
                                        kind_of<InitReservedMem>(), kind_of<Activate>()};
  for (std::uint64_t left = random.between(1, 5); left > 0; --left)
    draft.append(random, kKinds[random.below(kKinds.size())]);
}

namespace {

// Adds a tree with a node for an area.
void add_tree(Draft& draft) {
  const Geometry& machine = draft.program().machine;
  const std::uint64_t size = machine.isolation_unit() << machine.page_shift();
  Op tree;
  tree.body =
      DeviceTree{fmt::format("/ {{ #address-cells = <2>; #size-cells = <2>; reserved-memory {{ #address-cells = <2>; "
                             "#size-cells = <2>; ranges; "
                             "pool {{ compatible = \"shared-dma-pool\"; reusable; size = <0 {:#x}>; }}; }}; }};",
                             size)};
  draft.append(std::move(tree));
}

}  // namespace

void generate_board(Random& random, Draft& draft) {
  for (std::uint64_t left = random.below(5); left > 0; --left)
    draft.append(random, kind_of<Region>(), [&](OpBody& body) {
      // Most regions are to be areas of a size that boards have.
      auto& region = std::get<Region>(body);
      region.size %= std::uint64_t{1} << 40;
      region.shared_dma_pool = random.chance(85);
      region.reusable = random.chance(85);
      region.no_map = random.chance(10);
      region.alignment = random.chance(80) ? 0 : region.alignment;
    });
  if (random.chance(25)) add_tree(draft);
  // Configurations have room for areas of theirs.
  draft.append(random, kind_of<RunBoot>(),
               [&](OpBody& body) { std::get<RunBoot>(body).size_mbytes = random.below(4); });
  for (std::uint64_t left = random.below(3); left > 0; --left) draft.append(random, kind_of<BootArea>());
}

void generate_pins(Random& random, Draft& draft) {
  constexpr int kPins = 30;
  for (int i = 0; i < kPins; ++i) draft.append(random, kind_of<Pin>());
}

void generate_shortage(Random& random, Draft& draft) {
  const auto add = [&](OpBody body, ReclaimScope scope) {
    Op op;
    op.id = draft.forecast().unused_id();
    op.body = std::move(body);
    op.scope = scope;
    draft.append(std::move(op));
    return OpRef{draft.program().ops.back().id};
  };
  for (std::uint64_t left = random.between(1, 3); left > 0; --left) {
    const OpRef process = add(Spawn{}, ReclaimScope::none);
    add(MmapAnon{.process = process, .pages = random.between(1, 60), .at = {}}, ReclaimScope::none);
  }
  OwnedPages<PageKind::unmovable> kernel;
  const std::uint64_t all = draft.program().machine.memory.pages();
  kernel.pages = random.between(all / 2, all);
  add(kernel, ReclaimScope::noreclaim);
  // Without the memory of areas, processes find none either.
  if (random.chance(50)) return;
  OwnedPages<PageKind::anonymous> areas;
  areas.pages = all;
  add(areas, ReclaimScope::noreclaim);
}

bool may_run_short(const Program& program, std::size_t count, const KindSet& kinds) {
  constexpr std::size_t kOps = 8;
  constexpr std::uint64_t kMostPages = 4096;
  return program.ops.size() + 2 * kOps <= count && program.machine.memory.pages() <= kMostPages &&
         kinds.test(kind_of<Spawn>()) && kinds.test(kind_of<MmapAnon>()) &&
         kinds.test(kind_of<OwnedPages<PageKind::unmovable>>()) &&
         kinds.test(kind_of<OwnedPages<PageKind::anonymous>>());
}

}  // namespace cma
