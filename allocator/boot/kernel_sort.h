// The order in which the kernel's sort() leaves entries that compare as equal.
//
// Regions of reserved memory that are yet to be placed all compare as equal, and the order after the sort is the one in
// which they are placed (reserved_memory.h). Both algorithms are heap sorts: 5.2 brought one that goes down to the
// leaves first, which needs fewer comparisons and leaves equal entries otherwise.
//
// Cost: O(n log n) comparisons. No locks; it stands on base/.
//
// Source: lib/sort.c, read at 6.1; up to 5.1 recalled.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "allocator/base/release.h"

namespace cma {

// Sorts as sort() does up to 5.1: moves the root of each heap down while a child is greater. `order(a, b)` is below 0,
// 0 or above 0 as the kernel's comparisons are.
template <class T, class Order>
void kernel_sort_v3_5(std::vector<T>& entries, const Order& order) {
  const auto sift_down = [&](std::size_t root, std::size_t end) {
    while (2 * root + 1 < end) {
      std::size_t child = 2 * root + 1;
      if (child + 1 < end && order(entries[child], entries[child + 1]) < 0) ++child;
      if (order(entries[root], entries[child]) >= 0) return;
      std::swap(entries[root], entries[child]);
      root = child;
    }
  };
  for (std::size_t root = entries.size() / 2; root-- > 0;) sift_down(root, entries.size());
  for (std::size_t end = entries.size(); end-- > 1;) {
    std::swap(entries[0], entries[end]);
    sift_down(0, end);
  }
}

// Sorts as sort() does since 5.2: finds the way to a leaf along the greater children, the second of equal ones not, and
// goes back up to the place of the root.
template <class T, class Order>
void kernel_sort_v5_2(std::vector<T>& entries, const Order& order) {
  const auto parent = [](std::size_t index) { return (index - 1) / 2; };
  const auto sift_down = [&](std::size_t root, std::size_t end) {
    std::size_t place = root;
    while (2 * place + 2 < end) {
      const std::size_t left = 2 * place + 1;
      place = order(entries[left], entries[left + 1]) >= 0 ? left : left + 1;
    }
    if (2 * place + 2 == end) place = 2 * place + 1;  // the last leaf has no sibling
    while (place != root && order(entries[root], entries[place]) >= 0) place = parent(place);
    for (const std::size_t last = place; place != root;) {
      place = parent(place);
      std::swap(entries[place], entries[last]);
    }
  };
  for (std::size_t root = entries.size() / 2; root-- > 0;) sift_down(root, entries.size());
  for (std::size_t end = entries.size(); end-- > 1;) {
    std::swap(entries[0], entries[end]);
    sift_down(0, end);
  }
}

template <class T, class Order>
void kernel_sort(std::vector<T>& entries, Release release, const Order& order) {
  if (release >= Release::v5_2) {
    kernel_sort_v5_2(entries, order);
  } else {
    kernel_sort_v3_5(entries, order);
  }
}

}  // namespace cma
