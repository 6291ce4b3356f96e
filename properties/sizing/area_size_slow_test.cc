// Holds the answers to a search over all area sizes, one page map at a time, with nothing of the model.

#include <gmock/gmock.h>

#include <algorithm>

#include "properties/program/random.h"
#include "properties/sizing/area_size.h"

namespace cma::sizing {
namespace {

constexpr std::uint64_t kLists = 1'000;

// Returns whether all requests fit into an area, each at the lowest aligned place that is free.
bool all_fit(const Demand& demand, const std::vector<std::size_t>& order, Pfn base, std::uint64_t pages) {
  const std::uint64_t bit = order_pages(demand.order_per_bit);
  std::vector<bool> used(pages / bit);
  for (const std::size_t index : order) {
    const Request& request = demand.requests[index];
    const std::uint64_t bits = (request.pages + bit - 1) / bit;
    const std::uint64_t step = std::max(bit, order_pages(request.align));
    bool found = false;
    for (std::uint64_t at = 0; !found && at + bits <= used.size(); ++at) {
      if ((base + at * bit) % step != 0) continue;
      found = true;
      for (std::uint64_t i = at; i < at + bits; ++i) found = found && !used[i];
      if (!found) continue;
      for (std::uint64_t i = at; i < at + bits; ++i) used[i] = true;
    }
    if (!found) return false;
  }
  return true;
}

// Returns the least number of units in which all fit, trying one after the other; checks that larger areas do as well.
std::uint64_t least_units(const Demand& demand, const std::vector<std::size_t>& order, Pfn base, std::uint64_t unit) {
  std::uint64_t units = 1;
  while (!all_fit(demand, order, base, units * unit)) ++units;
  for (std::uint64_t more = units + 1; more < units + 4; ++more)
    EXPECT_TRUE(all_fit(demand, order, base, more * unit)) << more << " units fail where " << units << " do";
  return units;
}

struct Case {
  Demand demand;
  Setting setting;
};

Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case drawn;
  Geometry& shape = drawn.setting.shape;
  const auto releases = modelled_releases();
  shape.release = releases[random.below(releases.size())];
  shape.pageblock_order = static_cast<unsigned>(random.between(1, 4));
  shape.largest_order = shape.pageblock_order + static_cast<unsigned>(random.below(3));
  const unsigned unit_order = floor_log2(shape.isolation_unit());
  Demand& demand = drawn.demand;
  if (shape.release >= Release::v3_17 && random.chance(50))
    demand.order_per_bit = static_cast<unsigned>(random.below(unit_order + 1));
  if (random.chance(50)) drawn.setting.base = random.below(64) * shape.isolation_unit();
  const std::uint64_t requests = random.between(1, random.chance(70) ? 6 : 24);
  const std::uint64_t largest = random.chance(50) ? 8 : 40;
  while (demand.requests.size() < requests) {
    const Request request{random.between(1, largest), static_cast<unsigned>(random.below(unit_order + 2))};
    for (std::uint64_t times = random.chance(80) ? 1 : 3; times != 0; --times) demand.requests.push_back(request);
  }
  return drawn;
}

TEST(AreaSize, IsTheLeastOfAllSizesInTheGivenOrderForAThousandLists) {
  for (std::uint64_t seed = 1; seed <= kLists; ++seed) {
    const Case drawn = random_case(seed);
    const auto answer = area_size(drawn.demand, drawn.setting);
    ASSERT_TRUE(answer.has_value()) << "seed " << seed << ": " << answer.error().reason;
    Demand seen = drawn.demand;
    seen.requests = answer->requests;
    EXPECT_EQ(answer->given.units, least_units(seen, given_order(seen), answer->base, answer->unit)) << "seed " << seed;
    EXPECT_EQ(answer->best.units, least_units(seen, answer->best.order, answer->base, answer->unit)) << "seed " << seed;
    EXPECT_TRUE(answer->given.checked && answer->best.checked);
  }
}

TEST(AreaSize, NoOrderNeedsLessThanTheBestOneInAThousandShortLists) {
  std::uint64_t improved = 0;
  for (std::uint64_t seed = 1; seed <= kLists; ++seed) {
    Case drawn = random_case(seed);
    drawn.demand.requests.resize(std::min<std::size_t>(drawn.demand.requests.size(), 6));
    const auto answer = area_size(drawn.demand, drawn.setting);
    ASSERT_TRUE(answer.has_value());
    Demand seen = drawn.demand;
    seen.requests = answer->requests;
    std::vector<std::size_t> order = given_order(seen);
    bool smaller = false;
    do {
      smaller = answer->best.units > 1 && all_fit(seen, order, answer->base, (answer->best.units - 1) * answer->unit);
    } while (!smaller && std::ranges::next_permutation(order).found);
    EXPECT_FALSE(smaller) << "seed " << seed;
    EXPECT_NE(answer->proof, Proof::none);
    improved += answer->best.units < answer->given.units ? 1 : 0;
  }
  EXPECT_GT(improved, 50U) << "lists where the order matters";
}

TEST(BestOrder, IsNeverBetterThanTheLowerBoundNorWorseWithoutComparingAll) {
  for (std::uint64_t seed = 1; seed <= kLists; ++seed) {
    const Case drawn = random_case(seed);
    std::vector<Item> items;
    for (const Request& request : drawn.demand.requests)
      items.push_back(item_of(request, drawn.setting.base.value_or(0), drawn.demand.order_per_bit));
    const std::vector<std::vector<std::size_t>> starts = {given_order(drawn.demand)};
    const BestOrder exact = best_order(items, starts, 1);
    const BestOrder found = best_order(items, starts, 1, /*most_states=*/0);
    EXPECT_LE(least_end(items), exact.end) << "seed " << seed;
    EXPECT_LE(found.least, exact.end) << "seed " << seed;
    if (exact.exact()) {
      EXPECT_GE(found.end, exact.end) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace cma::sizing
