// The order of requests in which first fit needs the fewest bits while all are held.
//
// Every way to lay the requests side by side is reached by first fit in the order of their places: by induction each
// is put no higher than there. And of two layouts of the same requests the one that ends lower is never worse for what
// comes after it. So the least end of a set is the least, over its last request, of the end of the others and that
// request after it: exact, with a state for each multiset of kinds (requests with equal bits and alignment). Where
// there are more of those than kMostStates, orders sorted in several ways are improved by exchanges, and a lower bound
// shows what is possible at all: the requests aligned to 2^k bits or more each take whole runs of 2^k bits, but for
// what the last one leaves.
//
// Used by area_size.h. Deterministic. Cost: states times kinds; else a fixed number of exchanges.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "properties/sizing/first_fit.h"

namespace cma::sizing {

// The most multisets that are compared: 32 MiB of ends.
inline constexpr std::uint64_t kMostStates = std::uint64_t{1} << 23;

struct BestOrder {
  std::vector<std::size_t> order;
  std::uint64_t end = kNever;  // bits; kNever if no order was found that ends
  std::uint64_t least = 0;     // bits that every order needs
  std::uint64_t compared = 0;  // multisets compared; 0: not all orders were compared
  bool exact() const { return end == least; }
};

// Returns a lower bound on the end of every order.
std::uint64_t least_end(std::span<const Item> items);
// Returns the best order. `starts` are orders to begin from. A search over all multisets is made if it takes no more
// than `most_states`, and if the orders found without it leave a doubt about the number of units of `unit` bits, or
// unit is 1.
BestOrder best_order(std::span<const Item> items, std::span<const std::vector<std::size_t>> starts, std::uint64_t unit,
                     std::uint64_t most_states = kMostStates);

}  // namespace cma::sizing
