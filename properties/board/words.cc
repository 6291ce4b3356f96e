#include "properties/board/words.h"

#include <fmt/format.h>

#include <algorithm>

namespace cma {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

}  // namespace

std::string size_in_words(std::uint64_t bytes) {
  if (bytes % kMebibyte == 0) return fmt::format("{} MiB", bytes / kMebibyte);
  return bytes % 1024 == 0 ? fmt::format("{} KiB", bytes / 1024) : fmt::format("{} bytes", bytes);
}

std::string range_in_words(const ByteRange& range) { return fmt::format("[{:#x}, {:#x})", range.start, range.end); }

std::string count_in_words(std::size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string size_word(std::uint64_t bytes) {
  if (bytes % kMebibyte == 0) return fmt::format("{}M", bytes / kMebibyte);
  return bytes % 1024 == 0 ? fmt::format("{}K", bytes / 1024) : fmt::format("{}", bytes);
}

bool fits_cells(std::uint64_t number, unsigned cells) { return cells == 2 || number >> 32 == 0; }

std::uint64_t unit_of(const Machine& machine) {
  return machine.geometry().isolation_unit() << machine.geometry().page_shift();
}

ByteRange bytes_of(const Machine& machine, const PfnRange& range) {
  const unsigned shift = machine.geometry().page_shift();
  return {range.start << shift, range.end << shift};
}

ByteRange range_from(std::uint64_t base, std::uint64_t size) { return {base, base + std::min(size, ~base)}; }

ByteRange common_part(const ByteRange& a, const ByteRange& b) {
  const ByteRange part{std::max(a.start, b.start), std::min(a.end, b.end)};
  return part.start < part.end ? part : ByteRange{};
}

}  // namespace cma
