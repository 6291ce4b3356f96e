#include "properties/program/kind_weights.h"

#include <algorithm>
#include <limits>

#include "properties/program/generator.h"

namespace cma {
namespace {

using Weights = std::array<std::uint8_t, kOpKinds>;

bool is_huge_kind(std::size_t kind) {
  return kind == kind_of<MmapHuge>() || kind == kind_of<SplitHuge>() || kind == kind_of<HugetlbGrow>() ||
         kind == kind_of<HugetlbPagesUsed>();
}

// Returns whether the swarm draws a weight for this kind.
bool may_generate(std::size_t kind, const GeneratorOptions& options) {
  const OpInfo& info = op_catalogue()[kind];
  const bool expectation = info.any_time;
  if (expectation || info.boot) return false;
  if (is_huge_kind(kind) && !options.huge_pages) return false;
  // Compaction has a weight apart: programs without it are the same whether it exists or not.
  if (kind == kind_of<Compact>()) return false;
  // So has reclaim.
  if (kind == kind_of<DirectReclaim>() || kind == kind_of<RunKswapd>()) return false;
  // Made of other requests.
  if (kind == kind_of<AllocGfp>()) return false;
  if (kind == kind_of<Vmalloc>()) return false;
  if (kind == kind_of<KernelPages>() || kind == kind_of<FreeRuns>() || kind == kind_of<MarkAccessedRange>())
    return false;
  // Belong to programs that boot a board.
  if (kind == kind_of<DmaBuffer>() || kind == kind_of<DmaFree>()) return false;
  return options.kinds.test(kind);
}

// Raises the weights of operations on huge pages, processes and areas, so that huge pages come into the way of buffers:
// three in four operations are such.
void prefer_huge_pages(Random& random, const KindSet& kinds, Weights& weights) {
  static constexpr std::array kKinds = {kind_of<MmapHuge>(),
                                        kind_of<MmapHuge>(),
                                        kind_of<SplitHuge>(),
                                        kind_of<HugetlbGrow>(),
                                        kind_of<HugetlbPagesUsed>(),
                                        kind_of<CmaAlloc>(),
                                        kind_of<CmaAlloc>(),
                                        kind_of<CmaRelease>(),
                                        kind_of<Fork>(),
                                        kind_of<Spawn>(),
                                        kind_of<Pin>(),
                                        kind_of<MappingOp<MappingVerb::write>>(),
                                        kind_of<MappingOp<MappingVerb::munmap>>()};
  std::uint64_t others = 0;
  for (const std::uint8_t weight : weights) others += weight;
  const std::uint64_t each = std::min<std::uint64_t>(3 * others / kKinds.size(), 120);
  for (const std::size_t kind : kKinds) {
    const std::uint64_t more = random.between(each / 2, each);
    if (!kinds.test(kind)) continue;
    weights[kind] = static_cast<std::uint8_t>(std::min<std::uint64_t>(weights[kind] + more, 255));
  }
}

}  // namespace

KindWeights::KindWeights(const std::array<std::uint8_t, kOpKinds>& weights) {
  static_assert(kOpKinds * 255 <= std::numeric_limits<std::uint16_t>::max());
  std::uint16_t sum = 0;
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    sums_[kind] = sum = static_cast<std::uint16_t>(sum + weights[kind]);
}

std::size_t KindWeights::draw(Random& random) const {
  if (sums_.back() == 0) return kind_of<CmaAlloc>();
  return static_cast<std::size_t>(std::ranges::upper_bound(sums_, random.below(sums_.back())) - sums_.begin());
}

KindWeights swarm_weights(Random& random, const GeneratorOptions& options) {
  Weights weights{};
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    if (may_generate(kind, options) && random.chance(50))
      weights[kind] = static_cast<std::uint8_t>(random.between(1, 100));
  // Rare: where other callers take ranges, little is left for areas.
  std::uint8_t& ranges = weights[kind_of<AllocRange>()];
  ranges = static_cast<std::uint8_t>((ranges + 9) / 10);
  // A program that does not allocate from areas is worth little; one that never releases fills them soon.
  if (random.chance(90)) weights[kind_of<CmaAlloc>()] = static_cast<std::uint8_t>(random.between(20, 100));
  if (random.chance(70)) weights[kind_of<CmaRelease>()] = static_cast<std::uint8_t>(random.between(20, 100));
  if (options.compaction && options.kinds.test(kind_of<Compact>()))
    weights[kind_of<Compact>()] = static_cast<std::uint8_t>(random.between(3, 40));
  for (const std::size_t kind : {kind_of<DirectReclaim>(), kind_of<RunKswapd>()})
    if (options.reclaim && options.kinds.test(kind)) weights[kind] = static_cast<std::uint8_t>(random.between(3, 40));
  if (options.huge_pages) prefer_huge_pages(random, options.kinds, weights);
  return KindWeights(weights);
}

}  // namespace cma
