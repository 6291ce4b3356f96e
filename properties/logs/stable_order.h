// A sort that keeps equal values in their order. Clang rejects std::stable_sort of libstdc++ 12, which calls the
// deprecated std::get_temporary_buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace cma::logs {

// Sorts the values by `less`; equal ones stay in the order in which they were. O(n log n).
template <class T, class Less>
void sort_in_stable_order(std::vector<T>& values, const Less& less) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    if (less(values[a], values[b])) return true;
    return a < b && !less(values[b], values[a]);
  });
  std::vector<T> sorted;
  sorted.reserve(values.size());
  for (const std::size_t index : order) sorted.push_back(std::move(values[index]));
  values = std::move(sorted);
}

}  // namespace cma::logs
