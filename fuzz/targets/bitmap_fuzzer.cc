// Fuzz target: compares the area bitmap with one that keeps a bool a bit and searches by the definition.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "allocator/bitmap/bitmap.h"
#include "fuzz/targets/target.h"

namespace {

class NaiveBitmap {
 public:
  explicit NaiveBitmap(std::uint64_t bits) : used_(bits, false) {}
  std::uint64_t size() const { return used_.size(); }
  bool test(std::uint64_t bit) const { return used_[bit]; }
  void change(std::uint64_t start, std::uint64_t count, bool value) {
    for (std::uint64_t bit = start; bit < start + count; ++bit) used_[bit] = value;
  }
  std::uint64_t next(std::uint64_t start, std::uint64_t end, bool value) const {
    while (start < end && used_[start] != value) ++start;
    return std::min(start, end);
  }
  std::uint64_t find(std::uint64_t start, std::uint64_t count, std::uint64_t mask, std::uint64_t offset) const {
    for (std::uint64_t bit = start; bit < size(); ++bit)
      if (((bit + offset) & mask) == 0 && count <= size() - bit && next(bit, bit + count, true) == bit + count)
        return bit;
    return size();
  }
  std::uint64_t count_set() const { return static_cast<std::uint64_t>(std::ranges::count(used_, true)); }
  std::uint64_t longest_zero_run() const {
    std::uint64_t longest = 0;
    std::uint64_t run = 0;
    for (const bool used : used_) longest = std::max(longest, run = used ? 0 : run + 1);
    return longest;
  }

 private:
  std::vector<bool> used_;
};

// Compares one search in both bitmaps.
void search(const cma::Bitmap& bitmap, const NaiveBitmap& naive, cma::Numbers& numbers) {
  const std::uint64_t start = numbers.below(naive.size() + 1);
  const std::uint64_t count = 1 + numbers.below(naive.size() + 1);
  const std::uint64_t order = numbers.byte() % 65;
  const std::uint64_t mask = order == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << order) - 1;
  const std::uint64_t offset = (numbers.byte() << 56 | numbers.below(naive.size() + 1)) & mask;
  const std::uint64_t found = bitmap.find_zero_area(start, count, mask, offset);
  cma::require(std::min(found, naive.size()) == naive.find(start, count, mask, offset), "bitmap/find_zero_area");
}

// Performs one call, chosen by the input, on both bitmaps.
void step(cma::Bitmap& bitmap, NaiveBitmap& naive, cma::Numbers& numbers) {
  const std::uint64_t kind = numbers.byte() % 5;
  if (kind == 4) return search(bitmap, naive, numbers);
  const std::uint64_t start = numbers.below(naive.size() + 1);
  const std::uint64_t count = numbers.below(naive.size() - start + 1);
  switch (kind) {
    case 0:
      naive.change(start, count, true);
      bitmap.set_range(start, count);
      break;
    case 1:
      naive.change(start, count, false);
      bitmap.clear_range(start, count);
      break;
    case 2:
      cma::require(bitmap.next_zero(start, start + count) == naive.next(start, start + count, false),
                   "bitmap/next_zero");
      break;
    default:
      cma::require(bitmap.next_set(start, start + count) == naive.next(start, start + count, true), "bitmap/next_set");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cma::Numbers numbers({data, size});
  const std::uint64_t bits = 1 + numbers.below(1000);
  cma::Bitmap bitmap(bits);
  NaiveBitmap naive(bits);
  while (numbers.any()) step(bitmap, naive, numbers);
  cma::require(bitmap.count_set() == naive.count_set(), "bitmap/count_set");
  cma::require(bitmap.longest_zero_run() == naive.longest_zero_run(), "bitmap/longest_zero_run");
  for (std::uint64_t bit = 0; bit < bits; ++bit) cma::require(bitmap.test(bit) == naive.test(bit), "bitmap/test");
  return 0;
}
