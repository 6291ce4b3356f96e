// The speed of the bitmap search, beside that of a loop that only reads the bitmap by words.

#include <benchmark/benchmark.h>

#include "allocator/bitmap/bitmap.h"

namespace cma {
namespace {

constexpr std::uint64_t kBits = std::uint64_t{1} << 18;  // 1 GiB of pages
constexpr std::uint64_t kWindow = 64;

Bitmap full_but_for_its_last_window() {
  Bitmap bitmap(kBits);
  bitmap.set_range(0, kBits - kWindow);
  return bitmap;
}

void search_full_area(benchmark::State& state) {
  const Bitmap bitmap = full_but_for_its_last_window();
  for (auto _ : state) {
    const std::uint64_t found = bitmap.find_zero_area(0, kWindow, 0, 0);
    if (found != kBits - kWindow) return state.SkipWithError("the last window was not found");
    benchmark::DoNotOptimize(found);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kBits / 8));
}
BENCHMARK(search_full_area);

// The yardstick: a loop over 64-bit words that stops at the first one that is not full, one word at a time.
void read_bitmap_by_words(benchmark::State& state) {
  const Bitmap bitmap = full_but_for_its_last_window();
  const std::vector<std::uint64_t>& words = bitmap.words();
  for (auto _ : state) {
    std::size_t w = 0;
    while (w < words.size() && words[w] == ~std::uint64_t{0}) ++w;
    benchmark::DoNotOptimize(w);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kBits / 8));
}
BENCHMARK(read_bitmap_by_words);

// Every other bit set: each step of the search starts again.
void search_checkered_area(benchmark::State& state) {
  Bitmap bitmap(kBits);
  for (std::uint64_t bit = 0; bit < kBits - kWindow; bit += 2) bitmap.set_range(bit, 1);
  for (auto _ : state) benchmark::DoNotOptimize(bitmap.find_zero_area(0, kWindow, 0, 0));
}
BENCHMARK(search_checkered_area);

}  // namespace
}  // namespace cma
