// The bitmap against one that keeps a bool a bit and searches by the definition.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "allocator/bitmap/bitmap.h"

namespace cma {
namespace {

class NaiveBitmap {
 public:
  explicit NaiveBitmap(std::uint64_t bits) : used_(bits, false) {}

  void change(std::uint64_t start, std::uint64_t count, bool value) {
    for (std::uint64_t bit = start; bit < start + count; ++bit) used_[bit] = value;
  }
  bool test(std::uint64_t bit) const { return used_[bit]; }
  // Returns the lowest position that fits, the size if there is none.
  std::uint64_t find(std::uint64_t start, std::uint64_t count, std::uint64_t mask, std::uint64_t offset) const {
    for (std::uint64_t bit = start; bit < used_.size(); ++bit)
      if (((bit + offset) & mask) == 0 && count <= used_.size() - bit && run(bit, count)) return bit;
    return used_.size();
  }
  std::uint64_t count_set() const { return static_cast<std::uint64_t>(std::count(used_.begin(), used_.end(), true)); }
  std::uint64_t longest_zero_run() const {
    std::uint64_t longest = 0;
    std::uint64_t run = 0;
    for (bool used : used_) {
      run = used ? 0 : run + 1;
      longest = std::max(longest, run);
    }
    return longest;
  }

 private:
  bool run(std::uint64_t start, std::uint64_t count) const {
    for (std::uint64_t bit = start; bit < start + count; ++bit)
      if (used_[bit]) return false;
    return true;
  }
  std::vector<bool> used_;
};

struct Change {
  std::uint64_t start;
  std::uint64_t count;
  bool value;
};

Change any_change(std::uint64_t bits) {
  const auto start = *rc::gen::inRange<std::uint64_t>(0, bits);
  const auto count = *rc::gen::inRange<std::uint64_t>(0, bits - start + 1);
  return {start, count, *rc::gen::arbitrary<bool>()};
}

RC_GTEST_PROP(BitmapProperty, AnyHistoryAndAnySearchAgreeWithTheNaiveOne, ()) {
  const auto bits = *rc::gen::inRange<std::uint64_t>(1, 400);
  Bitmap bitmap(bits);
  NaiveBitmap naive(bits);
  const auto changes = *rc::gen::inRange(0, 30);
  for (int i = 0; i < changes; ++i) {
    const Change change = any_change(bits);
    naive.change(change.start, change.count, change.value);
    if (change.value)
      bitmap.set_range(change.start, change.count);
    else
      bitmap.clear_range(change.start, change.count);
  }
  RC_ASSERT(bitmap.count_set() == naive.count_set());
  RC_ASSERT(bitmap.longest_zero_run() == naive.longest_zero_run());
  for (std::uint64_t bit = 0; bit < bits; ++bit) RC_ASSERT(bitmap.test(bit) == naive.test(bit));
  for (int i = 0; i < 20; ++i) {
    const auto start = *rc::gen::inRange<std::uint64_t>(0, bits + 1);
    const auto count = *rc::gen::inRange<std::uint64_t>(1, bits + 2);
    const std::uint64_t mask = (std::uint64_t{1} << *rc::gen::inRange(0, 9)) - 1;
    const auto offset = *rc::gen::inRange<std::uint64_t>(0, mask + 1);
    const std::uint64_t found = bitmap.find_zero_area(start, count, mask, offset);
    RC_ASSERT(std::min(found, bits) == naive.find(start, count, mask, offset));
  }
}

}  // namespace
}  // namespace cma
