#include "properties/logs/area_demand.h"

#include <algorithm>
#include <numeric>

#include "properties/sizing/best_order.h"
#include "properties/sizing/first_fit.h"

namespace cma::logs {
namespace {

constexpr unsigned kMostAlignment = 20;
// Of so many requests, for so many pages together, the best order is looked for, with so many sets of them compared.
constexpr std::size_t kMostOrdered = 32;
constexpr std::uint64_t kMostPagesOrdered = std::uint64_t{1} << 17;
constexpr std::uint64_t kMostStates = std::uint64_t{1} << 16;

}  // namespace

std::optional<AreaDemand> demand_together(const std::vector<Request>& requests) {
  std::vector<sizing::Item> items;
  std::uint64_t most = 0;
  for (const Request& request : requests) {
    if (!request.pages || *request.pages == 0 || !request.align || request.area != requests.front().area)
      return std::nullopt;
    if (*request.pages > sizing::kMostPages || *request.align > kMostAlignment) return std::nullopt;
    items.push_back(sizing::item_of({*request.pages, *request.align}, 0, 0));
    // No buffer needs more than its pages and a gap before it.
    most += *request.pages + order_pages(*request.align);
    if (most > sizing::kMostPages) return std::nullopt;
  }
  AreaDemand demand;
  sizing::FirstFit fit(most);
  for (const sizing::Item& item : items) {
    const auto place = fit.put(item);
    if (!place) return std::nullopt;
    demand.in_order = std::max(demand.in_order, *place + item.bits);
  }
  demand.least = sizing::least_end(items);
  if (items.size() > kMostOrdered || most > kMostPagesOrdered) return demand;
  std::vector<std::vector<std::size_t>> starts(1, std::vector<std::size_t>(items.size()));
  std::iota(starts[0].begin(), starts[0].end(), 0);
  const sizing::BestOrder best = sizing::best_order(items, starts, 1, kMostStates);
  demand.best = std::min(best.end, demand.in_order);
  demand.least = std::max(demand.least, best.least);
  return demand;
}

}  // namespace cma::logs
