// Fuzz target: lines of requests, the input of `cmacheck fit`. No text makes the reader crash or hang. What it refuses
// has a line of the text and a reason. What it accepts means the same when it is written out again, request by request.

#include <algorithm>
#include <cstdint>

#include "fuzz/targets/target.h"
#include "properties/sizing/demand.h"

namespace {

// Returns the demand as lines, a request each.
std::string lines_of(const cma::sizing::Demand& demand) {
  std::string text;
  for (const cma::sizing::Request& request : demand.requests)
    text += fmt::format("{} align {} order_per_bit {}\n", request.pages, request.align, demand.order_per_bit);
  return text;
}

bool same(const cma::sizing::Request& one, const cma::sizing::Request& other) {
  return one.pages == other.pages && one.align == other.align;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
  static_cast<void>(cma::sizing::looks_like_requests(text));
  const auto demand = cma::sizing::read_requests(text);
  if (!demand) {
    const cma::sizing::BadDemand& bad = demand.error();
    cma::require(bad.line >= 0 && bad.line <= lines && !bad.reason.empty(), "requests/error-without-place", text);
    return 0;
  }
  cma::require(demand->requests.size() <= cma::sizing::kMostRequests, "requests/more-than-allowed");
  for (const cma::sizing::Request& request : demand->requests)
    cma::require(request.pages != 0 && request.line >= 1 && request.line <= lines, "requests/impossible-request", text);
  if (demand->requests.empty()) return 0;
  const std::string written = lines_of(*demand);
  const auto again = cma::sizing::read_requests(written);
  cma::require(again.has_value(), "requests/written-text-is-refused", written);
  cma::require(again->order_per_bit == demand->order_per_bit, "requests/bits-differ", written);
  cma::require(std::ranges::equal(again->requests, demand->requests, same), "requests/requests-differ", written);
  return 0;
}
