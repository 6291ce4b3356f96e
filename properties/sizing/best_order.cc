#include "properties/sizing/best_order.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "properties/program/random.h"

namespace cma::sizing {
namespace {

using Order = std::vector<std::size_t>;

// Placements that the search by exchanges may make.
constexpr std::uint64_t kExchangeWork = 4'000'000;
constexpr std::uint64_t kMostExchanges = 20'000;

// Returns the end of a request put after others that end at `from`.
std::uint64_t end_after(const Item& item, std::uint64_t from) {
  const std::uint64_t place = lowest_place(item, from);
  return place == kNever || item.bits >= kNever - place ? kNever : place + item.bits;
}

// Returns where the last of these requests ends if each lies after the one before.
std::uint64_t end_of(std::span<const Item> items, const Order& order) {
  std::uint64_t end = 0;
  for (const std::size_t index : order) end = end_after(items[index], end);
  return end;
}

// Returns the requests in the order of the places that first fit gives them; the order as it is if they do not fit.
Order laid_out(std::span<const Item> items, Order order) {
  std::uint64_t bits = 0;
  for (const Item& item : items) bits += item.bits + item.mask;
  if (bits > kMostPages) bits = kMostPages;
  FirstFit fit(bits);
  std::vector<std::uint64_t> places(items.size());
  for (const std::size_t index : order) {
    const auto place = fit.put(items[index]);
    if (!place) return order;
    places[index] = *place;
  }
  std::ranges::sort(order, {}, [&](std::size_t index) { return places[index]; });
  return order;
}

// Requests of equal bits and alignment.
struct Kind {
  Item item;
  Order requests;
};

std::vector<Kind> kinds_of(std::span<const Item> items) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, Kind> kinds;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Kind& kind = kinds[{items[i].mask, items[i].bits}];
    kind.item = items[i];
    kind.requests.push_back(i);
  }
  std::vector<Kind> list;
  for (auto& [key, kind] : kinds) list.push_back(std::move(kind));
  return list;
}

// The least end of every multiset of the kinds. A multiset is numbered in mixed radix, kind 0 in the lowest place.
class AllMultisets {
 public:
  explicit AllMultisets(std::vector<Kind> kinds) : kinds_(std::move(kinds)) {
    for (const Kind& kind : kinds_) {
      strides_.push_back(states_);
      const std::uint64_t choices = kind.requests.size() + 1;
      states_ = states_ > std::numeric_limits<std::uint64_t>::max() / choices ? kNever : states_ * choices;
      if (states_ == kNever) break;
    }
  }

  // Returns the number of multisets; kNever if it is too large to count.
  std::uint64_t states() const { return states_; }

  // Returns the best order. Requires: states() fits into memory.
  BestOrder search() {
    ends_.assign(states_, kNone);
    ends_[0] = 0;
    std::vector<std::uint64_t> counts(kinds_.size(), 0);
    for (std::uint64_t state = 1; state < states_; ++state) {
      count_up(counts);
      for (std::size_t kind = 0; kind < kinds_.size(); ++kind)
        if (counts[kind] != 0) ends_[state] = std::min(ends_[state], end_with(state, kind));
    }
    return trace_back(std::move(counts));
  }

 private:
  // No end, or one that no area reaches.
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  void count_up(std::vector<std::uint64_t>& counts) const {
    std::size_t place = 0;
    while (counts[place] == kinds_[place].requests.size()) counts[place++] = 0;
    ++counts[place];
  }
  // Returns the least end of a multiset if one of this kind lies last.
  std::uint32_t end_with(std::uint64_t state, std::size_t kind) const {
    const std::uint32_t before = ends_[state - strides_[kind]];
    if (before == kNone) return kNone;
    const std::uint64_t end = end_after(kinds_[kind].item, before);
    return end >= kNone ? kNone : static_cast<std::uint32_t>(end);
  }
  BestOrder trace_back(std::vector<std::uint64_t> counts) const {
    BestOrder best;
    best.compared = states_;
    std::uint64_t state = states_ - 1;
    if (ends_[state] == kNone) return best;
    best.end = best.least = ends_[state];
    while (state != 0) {
      std::size_t kind = 0;
      while (counts[kind] == 0 || end_with(state, kind) != ends_[state]) ++kind;
      best.order.push_back(kinds_[kind].requests[--counts[kind]]);
      state -= strides_[kind];
    }
    std::ranges::reverse(best.order);
    return best;
  }

  std::vector<Kind> kinds_;
  std::vector<std::uint64_t> strides_;
  std::uint64_t states_ = 1;
  std::vector<std::uint32_t> ends_;
};

// Returns orders that often do well: largest alignment first, longest first, most rounded first, least gap next.
std::vector<Order> sorted_orders(std::span<const Item> items) {
  Order plain(items.size());
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = i;
  const auto gap = [&](std::size_t i) {
    return (items[i].mask + 1 - items[i].bits % (items[i].mask + 1)) & items[i].mask;
  };
  std::vector<Order> orders(3, plain);
  std::ranges::sort(orders[0], {}, [&](std::size_t i) { return std::tuple(~items[i].mask, ~items[i].bits, i); });
  std::ranges::sort(orders[1], {}, [&](std::size_t i) { return std::tuple(~items[i].bits, ~items[i].mask, i); });
  std::ranges::sort(orders[2], {}, [&](std::size_t i) { return std::tuple(~items[i].mask, gap(i), i); });
  return orders;
}

// Returns the order that puts next, each time, the request that leaves the least gap; of several the most aligned, then
// the longest.
Order least_gap_order(std::vector<Kind> kinds) {
  Order order;
  std::uint64_t end = 0;
  while (true) {
    Kind* next = nullptr;
    std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> best;
    for (Kind& kind : kinds) {
      if (kind.requests.empty()) continue;
      const std::tuple rank(lowest_place(kind.item, end), ~kind.item.mask, ~kind.item.bits);
      if (next == nullptr || rank < best) {
        next = &kind;
        best = rank;
      }
    }
    if (next == nullptr) return order;
    end = end_after(next->item, end);
    order.push_back(next->requests.back());
    next->requests.pop_back();
  }
}

// Moves requests to other places in the order, and keeps what ends no later.
void improve(std::span<const Item> items, BestOrder& best) {
  const std::size_t count = best.order.size();
  if (count < 2) return;
  Random random(1);
  const std::uint64_t exchanges = std::min<std::uint64_t>(kMostExchanges, kExchangeWork / count);
  Order order = best.order;
  for (std::uint64_t i = 0; i < exchanges && best.end > best.least; ++i) {
    const std::size_t from = random.below(count);
    const std::size_t to = random.below(count);
    const auto at = [&](std::size_t place) { return order.begin() + static_cast<std::ptrdiff_t>(place); };
    const auto move = [&](std::size_t source, std::size_t target) {
      if (source < target) std::rotate(at(source), at(source) + 1, at(target) + 1);
      if (target < source) std::rotate(at(target), at(source), at(source) + 1);
    };
    move(from, to);
    const std::uint64_t end = end_of(items, order);
    if (end > best.end) {
      move(to, from);
    } else if (end < best.end) {
      best.end = end;
      best.order = order;
    }
  }
}

}  // namespace

std::uint64_t least_end(std::span<const Item> items) {
  std::map<std::uint64_t, std::uint64_t> offsets;  // by mask
  for (const Item& item : items) offsets[item.mask] = item.offset;
  offsets[0] = 0;
  std::uint64_t least = 0;
  for (const auto& [mask, offset] : offsets) {
    const std::uint64_t start = lowest_place({1, mask, offset}, 0);
    if (start == kNever || mask >= kNever / 2) continue;
    std::uint64_t bits = 0;
    std::uint64_t left_by_last = 0;
    for (const Item& item : items) {
      if (item.mask < mask) continue;
      const std::uint64_t whole = align_up(item.bits, mask + 1);
      bits += whole;
      left_by_last = std::max(left_by_last, whole - item.bits);
    }
    least = std::max(least, start + bits - left_by_last);
  }
  return least;
}

BestOrder best_order(std::span<const Item> items, std::span<const Order> starts, std::uint64_t unit,
                     std::uint64_t most_states) {
  BestOrder best;
  best.least = least_end(items);
  std::vector<Order> orders(starts.begin(), starts.end());
  for (Order& order : sorted_orders(items)) orders.push_back(laid_out(items, std::move(order)));
  orders.push_back(least_gap_order(kinds_of(items)));
  for (Order& order : orders) {
    const std::uint64_t end = end_of(items, order);
    if (!best.order.empty() && end >= best.end) continue;
    best.end = end;
    best.order = std::move(order);
  }
  const auto units = [unit](std::uint64_t bits) { return bits / unit + (bits % unit != 0 ? 1 : 0); };
  if (best.exact() || (unit != 1 && units(best.end) == units(best.least))) return best;
  AllMultisets all(kinds_of(items));
  if (all.states() <= most_states) return all.search();
  improve(items, best);
  return best;
}

}  // namespace cma::sizing
