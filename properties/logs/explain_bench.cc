// How fast logs are explained: one with a thousand failures, and text that has nothing to do with memory.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

// Returns a log in which so many requests fail, each after eight windows.
std::string failures(int requests) {
  std::string log;
  for (int request = 0; request < requests; ++request) {
    const int pages = 300 + request % 50;
    for (int window = 0; window < 8; ++window) {
      const int start = 0x20000 + request % 7 * 0x800 + window * 0x100;
      log += fmt::format("[{:5}.{:06}] alloc_contig_range: [{:x}, {:x}) PFNs busy\n", request, window, start,
                         start + pages);
    }
    log += fmt::format("[{:5}.000100] cma: cma_alloc: alloc failed, req-size: {} pages, ret: -16\n", request, pages);
  }
  return log;
}

void explain_a_thousand_failures(benchmark::State& state) {
  const std::string log = failures(1000);
  for (auto _ : state) benchmark::DoNotOptimize(explain_log(text_source(log)).facts);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(log.size()));
}
BENCHMARK(explain_a_thousand_failures)->Unit(benchmark::kMillisecond);

// 16 MiB of what a phone logs; items are bytes. 100 MB should take less than a second.
void explain_unrelated_text(benchmark::State& state) {
  std::string log;
  for (int i = 0; log.size() < (std::size_t{16} << 20); ++i)
    log += fmt::format("[{:5}.{:06}] healthd: battery l={} v=4{:03} t=31.2 h=2 st=3 c=-{} fc=3000000 cc=12 chg=u\n",
                       i / 50, i % 50 * 20000, i % 100, i % 1000, i % 777);
  for (auto _ : state) benchmark::DoNotOptimize(explain_log(text_source(log)).facts);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(log.size()));
}
BENCHMARK(explain_unrelated_text)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cma::logs
