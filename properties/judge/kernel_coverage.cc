#include "properties/judge/kernel_coverage.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace cma::judge {
namespace {

constexpr std::string_view kTitle = "cmacheck-points 1";
constexpr std::string_view kMagic = "cmacov1\n";
// As in kernel/judge_coverage.c.
constexpr std::uint64_t kBytesPerSlot = 4;
constexpr std::uint64_t kSlots = 1 << 20;
constexpr std::size_t kHeaderBytes = 4096;

// Takes the text up to the next `end`, or all of it.
std::string_view take(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

template <class Number>
bool read_number(std::string_view text, Number& number, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

// Reads FILE:LINE:FUNCTION.
bool read_place(std::string_view word, SourcePlace& place) {
  place.file = take(word, ':');
  const std::string_view line = take(word, ':');
  place.function = word;
  return !place.file.empty() && !place.function.empty() && read_number(line, place.line, 10);
}

bool read_point(std::string_view line, Point& point) {
  if (!read_number(take(line, ' '), point.address, 16)) return false;
  while (!line.empty()) {
    if (!read_place(take(line, ' '), point.places.emplace_back())) return false;
  }
  return !point.places.empty();
}

bool read_title(std::string_view line, std::uint64_t& text, std::uint64_t& points) {
  if (!line.starts_with(kTitle)) return false;
  line.remove_prefix(kTitle.size());
  constexpr std::string_view kText = " text=";
  constexpr std::string_view kPoints = "points=";
  if (!line.starts_with(kText)) return false;
  line.remove_prefix(kText.size());
  if (!read_number(take(line, ' '), text, 16) || !line.starts_with(kPoints)) return false;
  return read_number(line.substr(kPoints.size()), points, 10) && points != 0;
}

}  // namespace

std::expected<Points, std::string> parse_points(std::string_view text, std::string_view name) {
  const auto bad = [&](std::size_t line, std::string_view why) {
    return std::unexpected(
        fmt::format("{}:{}: {}; build the kernel anew with: ci/judge-kernel --coverage", name, line, why));
  };
  Points points;
  std::uint64_t announced = 0;
  if (!read_title(take(text, '\n'), points.text, announced)) return bad(1, "not a list of a kernel's points");
  std::size_t number = 1;
  while (!text.empty()) {
    ++number;
    Point point;
    if (!read_point(take(text, '\n'), point)) return bad(number, "not an address and its places in the source");
    const std::uint64_t least = points.points.empty() ? points.text : points.points.back().address + kBytesPerSlot;
    if (point.address < least) return bad(number, "an address that does not come after the one before it");
    if ((point.address - points.text) / kBytesPerSlot >= kSlots) return bad(number, "an address beyond the table");
    points.points.push_back(std::move(point));
  }
  if (points.points.size() != announced)
    return bad(number, fmt::format("{} points of {}: the list is cut off", points.points.size(), announced));
  return points;
}

std::expected<Points, std::string> load_points(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::unexpected(fmt::format("{}: {}", file, std::strerror(errno)));
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  return parse_points(text, file);
}

// What the kernel has mapped.
struct KernelCounters::Table {
  std::array<char, 8> magic;
  std::uint64_t text;
  std::uint64_t slots;
  std::uint32_t recording;
  std::array<char, kHeaderBytes - 28> unused;
  std::array<std::uint8_t, kSlots> counters;
};

KernelCounters::KernelCounters(const Points& points) : text_(points.text) {
  static_assert(sizeof(Table) == kHeaderBytes + kSlots);
  for (const Point& point : points.points) {
    const std::uint64_t slot = (point.address - text_) / kBytesPerSlot;
    if (point.address < text_ || slot >= kSlots) throw std::runtime_error("a point outside the table of counters");
    slots_.push_back(static_cast<std::uint32_t>(slot));
  }
  descriptor_ = memfd_create("cmacheck-counters", MFD_CLOEXEC);
  if (descriptor_ < 0 || ftruncate(descriptor_, sizeof(Table)) != 0)
    throw std::runtime_error(fmt::format("no memory for the table of counters: {}", std::strerror(errno)));
  void* mapped = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (mapped == MAP_FAILED)
    throw std::runtime_error(fmt::format("the table of counters cannot be mapped: {}", std::strerror(errno)));
  table_ = static_cast<Table*>(mapped);
}

KernelCounters::~KernelCounters() {
  if (table_ != nullptr) munmap(table_, sizeof(Table));
  if (descriptor_ >= 0) close(descriptor_);
}

void KernelCounters::clear() {
  for (const std::uint32_t slot : slots_) table_->counters[slot] = 0;
}

void KernelCounters::record(bool on) { __atomic_store_n(&table_->recording, on ? 1U : 0U, __ATOMIC_SEQ_CST); }

std::expected<void, std::string> KernelCounters::read(std::span<std::uint8_t> counters) const {
  if (table_->magic == decltype(table_->magic){})
    return std::unexpected("no kernel counts in the table: it did not boot, or was built without coverage");
  if (std::string_view(table_->magic.data(), table_->magic.size()) != kMagic)
    return std::unexpected("the table of counters is damaged: its first bytes are not those that a kernel writes");
  if (table_->text != text_ || table_->slots != kSlots)
    return std::unexpected(
        fmt::format("the kernel counts from {:x}, the list of its points from {:x}: they are not of one build; build "
                    "them anew with: ci/judge-kernel --coverage",
                    table_->text, text_));
  for (std::size_t i = 0; i < slots_.size(); ++i) counters[i] = table_->counters[slots_[i]];
  return {};
}

std::string_view name_of(SourcePart part) {
  switch (part) {
    case SourcePart::cma: return "mm/cma.c";
    case SourcePart::page_isolation: return "mm/page_isolation.c";
    case SourcePart::contiguous: return "mm/page_alloc.c, contiguous part";
    case SourcePart::everything: return "all that is counted";
  }
  return "?";
}

namespace {

// Returns whether a function of mm/page_alloc.c belongs to contiguous allocation: alloc_contig_range and what only it
// and its release call.
bool is_contiguous(std::string_view function) {
  for (const std::string_view word : {"contig", "isolat", "split_free_page", "split_large_buddy"})
    if (function.find(word) != std::string_view::npos) return true;
  return false;
}

bool belongs(const SourcePlace& place, SourcePart part) {
  switch (part) {
    case SourcePart::cma: return place.file == "mm/cma.c";
    case SourcePart::page_isolation: return place.file == "mm/page_isolation.c";
    case SourcePart::contiguous: return place.file == "mm/page_alloc.c" && is_contiguous(place.function);
    case SourcePart::everything: return true;
  }
  return false;
}

}  // namespace

std::set<SourceLine> lines_of(const Points& points, SourcePart part,
                              std::optional<std::span<const std::uint8_t>> counters) {
  std::set<SourceLine> lines;
  for (std::size_t i = 0; i < points.points.size(); ++i) {
    if (counters && (*counters)[i] == 0) continue;
    for (const SourcePlace& place : points.points[i].places)
      if (place.line != 0 && belongs(place, part)) lines.insert({place.file, place.line});
  }
  return lines;
}

}  // namespace cma::judge
