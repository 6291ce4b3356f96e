#include "properties/logs/shown.h"

#include <fmt/format.h>

#include <algorithm>

namespace cma::logs {
namespace {

constexpr std::size_t kMostRanges = 8;
constexpr std::uint64_t kLargestBlock = 1024;

}  // namespace

void Shown::lowest(Pfn pfn) { lowest_ = std::min(lowest_, align_down(pfn, kLargestBlock)); }

Pfn Shown::frame(Pfn pfn) const { return redacted_ ? pfn - std::min(pfn, lowest_) : pfn; }

std::string Shown::pfn(Pfn pfn) const { return fmt::format("{:#x}", frame(pfn)); }

std::string Shown::address(std::uint64_t bytes) const {
  const std::uint64_t page = page_kb_ * 1024;
  return fmt::format("{:#x}", (frame(bytes / page) * page) | (bytes % page));
}

std::string Shown::window(const PfnRange& range) const {
  return fmt::format("[{:#x}, {:#x})", frame(range.start), frame(range.end));
}

std::string Shown::windows(const std::vector<PfnRange>& ranges) const {
  std::string text;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i == kMostRanges) return text + fmt::format(" and {} more", ranges.size() - i);
    text += (i == 0 ? "" : ", ") + window(ranges[i]);
  }
  return text;
}

std::string Shown::name(std::string_view sort, const std::string& name) {
  if (!redacted_) return name;
  const std::string key = std::string(sort) + ' ' + name;
  auto found = std::ranges::find(names_, key);
  if (found == names_.end()) found = names_.insert(names_.end(), key);
  const auto number = std::count_if(names_.begin(), found + 1, [sort](const std::string& other) {
    return other.starts_with(std::string(sort) + ' ');
  });
  return fmt::format("{}-{}", sort, number);
}

std::string pages_text(std::uint64_t pages, std::uint64_t page_kb) {
  if (pages == 1) return "1 page";
  // Numbers that only a damaged line has would not fit.
  const std::uint64_t kb = std::min(pages, std::uint64_t{1} << 50) * page_kb;
  if (kb < 1024) return fmt::format("{} pages ({} KiB)", pages, kb);
  if (kb % 1024 == 0) return fmt::format("{} pages ({} MiB)", pages, kb / 1024);
  return fmt::format("{} pages ({:.1f} MiB)", pages, static_cast<double>(kb) / 1024);
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

const char* was_or_were(std::uint64_t count) { return count == 1 ? "was" : "were"; }

std::string time_text(std::int64_t micros) {
  if (micros < 1000) return fmt::format("{} us", micros);
  if (micros < 1'000'000) return fmt::format("{} ms", micros / 1000);
  return fmt::format("{:.1f} s", static_cast<double>(micros) / 1e6);
}

}  // namespace cma::logs
