#include "properties/logs/page_size.h"

#include <algorithm>
#include <iterator>

namespace cma::logs {
namespace {

constexpr unsigned kShifts[] = {12, 14, 16};
constexpr unsigned kBitsOfMib = 20;
constexpr unsigned kBitsOfKib = 10;

// What a size of pages can be read from: returns for a size whether it fits, and notes the line that speaks for it.
struct Evidence {
  const char* why;
  bool certain;
  bool (*fits)(const std::vector<Request>& requests, const Context& context, unsigned shift, std::uint64_t& line);
};

// Returns whether all windows lie in areas that lines name, with pages of this size. False if there are no windows.
bool windows_fit(const std::vector<Request>& requests, const Context& context, unsigned shift, std::uint64_t& line) {
  for (const Request& request : requests)
    for (const Sweep& sweep : request.sweeps)
      for (const Window& window : sweep.windows) {
        // The printed start may be the head of a block, which lies in the area as well.
        const auto area = std::ranges::find_if(context.areas, [&](const KnownArea& one) {
          const PfnRange frames = one.frames(shift);
          return frames.start <= window.range.start && window.range.end <= frames.end;
        });
        if (area == context.areas.end()) return false;
        line = area->line;
      }
  return line != 0;
}

// Returns whether the total of areas has so many pages of this size, which another line counts.
bool totals_fit(const std::vector<Request>&, const Context& context, unsigned shift, std::uint64_t& line) {
  if (!context.area_kib || !context.counted_pages || *context.area_kib > (std::uint64_t{1} << 50)) return false;
  line = context.counted_line;
  return *context.area_kib << kBitsOfKib >> shift == *context.counted_pages;
}

// Returns whether the pages of each area whose free runs are known are those of an area that a line names.
bool runs_fit(const std::vector<Request>& requests, const Context& context, unsigned shift, std::uint64_t& line) {
  for (const Request& request : requests) {
    if (!request.runs) continue;
    const auto same = [&](const KnownArea& area) { return area.mib << kBitsOfMib >> shift == request.runs->total; };
    if (std::ranges::none_of(context.areas, same)) return false;
    line = request.runs->line;
  }
  return line != 0;
}

// Returns whether drivers that had no buffer asked for as many pages as the lines before have.
bool drivers_fit(const std::vector<Request>& requests, const Context&, unsigned shift, std::uint64_t& line) {
  for (const Request& request : requests) {
    if (!request.driver_bytes || !request.pages) continue;
    const std::uint64_t bytes = *request.driver_bytes;
    if ((bytes >> shift) + (bytes % (std::uint64_t{1} << shift) != 0 ? 1 : 0) != *request.pages) return false;
    line = request.driver_line;
  }
  return line != 0;
}

constexpr Evidence kEvidence[] = {
    {"one line has the size of all areas, another their pages", true, totals_fit},
    {"only so do the windows lie in an area that a line names", false, windows_fit},
    {"only so has an area that a line names as many pages as its free runs are of", false, runs_fit},
    {"only so did the driver ask for as many pages as the line before has", false, drivers_fit},
};

}  // namespace

void find_page_size(const std::vector<Request>& requests, Context& context) {
  if (context.page_shift_line != 0) return;
  std::vector<unsigned> left(std::begin(kShifts), std::end(kShifts));
  for (const Evidence& evidence : kEvidence) {
    std::vector<unsigned> fitting;
    std::uint64_t speaks = 0;
    for (const unsigned shift : left) {
      std::uint64_t line = 0;
      if (!evidence.fits(requests, context, shift, line)) continue;
      fitting.push_back(shift);
      speaks = line;
    }
    if (fitting.empty()) continue;
    left = fitting;
    if (left.size() > 1) continue;
    context.set_page_shift(left.front());
    context.page_size_why = evidence.why;
    context.page_size_certain = evidence.certain;
    context.page_shift_line = speaks;
    return;
  }
}

}  // namespace cma::logs
