#include "properties/board/words.h"

#include <fmt/format.h>

#include <algorithm>

namespace cma {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

}  // namespace

std::string size_word(std::uint64_t bytes) {
  if (bytes % kMebibyte == 0) return fmt::format("{}M", bytes / kMebibyte);
  return bytes % 1024 == 0 ? fmt::format("{}K", bytes / 1024) : fmt::format("{}", bytes);
}

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

bool fits_cells(std::uint64_t number, unsigned cells) { return cells == 2 || number >> 32 == 0; }

std::uint64_t unit_of(const Machine& machine) {
  return machine.geometry().isolation_unit() << machine.geometry().page_shift();
}

ByteRange bytes_of(const Machine& machine, const PfnRange& range) {
  const unsigned shift = machine.geometry().page_shift();
  constexpr std::uint64_t kLargest = ~std::uint64_t{0};
  const auto address = [&](Pfn pfn) { return pfn > kLargest >> shift ? kLargest : pfn << shift; };
  return {address(range.start), address(range.end)};
}

ByteRange range_from(std::uint64_t base, std::uint64_t size) { return {base, base + std::min(size, ~base)}; }

bool all_memory(const Machine& machine, std::uint64_t base, std::uint64_t size) {
  const ByteRange memory = bytes_of(machine, machine.geometry().memory);
  if (size > ~base || base < memory.start || base + size > memory.end) return false;
  return std::ranges::none_of(machine.geometry().holes, [&](const PfnRange& hole) {
    return bytes_of(machine, hole).overlaps({base, base + size});
  });
}

ByteRange common_part(const ByteRange& a, const ByteRange& b) {
  const ByteRange part{std::max(a.start, b.start), std::min(a.end, b.end)};
  return part.start < part.end ? part : ByteRange{};
}

}  // namespace cma
