#include "properties/logs/request_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace cma::logs {
namespace {

constexpr std::size_t kMostLinesKept = 64;
// A driver without its buffer goes on with another one soon.
constexpr std::int64_t kTimeToConsole = 10'000'000;

// In dots: how large a character of a console is.
struct Font {
  std::uint64_t width;
  std::uint64_t height;
};
// Beyond these a line is damaged.
constexpr std::uint64_t kMostPages = std::uint64_t{1} << 40;
constexpr unsigned kMostUnitOrder = 20;
constexpr Font kFonts[] = {{8, 16}, {16, 32}};
constexpr std::uint64_t kBytesOfDot[] = {4, 2};

// Returns a key that requests have in common of which the same is to be said.
std::string key_of(const Request& request) {
  std::string key = fmt::format("{}|{}|{}|{}|{}", request.pages.value_or(0), static_cast<int>(request.outcome),
                                request.error.value_or(0), request.area, request.align.value_or(99));
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows)
      key += fmt::format("|{:x}-{:x}-{:x}", window.range.start, window.range.end, window.stopped_at.value_or(0));
  if (request.got) key += fmt::format("|got {:x}", request.got->start);
  if (request.runs) {
    key += fmt::format("|runs {} {}", request.runs->free, request.runs->total);
    for (const FreeRuns::Run& run : request.runs->runs) key += fmt::format("|{}@{}", run.pages, run.bit);
  }
  return key;
}

// Returns whether an area of this name, empty if it is not known, can be the default area, from which pools come.
bool may_be_default(std::string_view area) { return area.empty() || area == "reserved" || area == "linux,cma"; }

// Returns whether a buffer is as large as a screen with so many characters, and less than one more in each direction.
bool is_screen(std::uint64_t bytes, std::uint64_t page, const KnownConsole& console) {
  for (const Font& font : kFonts)
    for (const std::uint64_t dot : kBytesOfDot) {
      const std::uint64_t least = console.columns * font.width * console.rows * font.height * dot;
      const std::uint64_t most = (console.columns + 1) * font.width * (console.rows + 1) * font.height * dot;
      if (least <= bytes && bytes < most + page) return true;
    }
  return false;
}

// Returns the area of a request, as far as sizes tell: the only one that has as many pages as its free runs are of, or
// without those the only one that the log has.
const KnownArea* area_of(const Request& request, const Context& context) {
  const KnownArea* found = nullptr;
  for (const KnownArea& area : context.areas) {
    if (request.runs && area.range.pages() != request.runs->total) continue;
    if (found != nullptr) return nullptr;
    found = &area;
  }
  return found;
}

}  // namespace

std::vector<Group> groups_of(const std::vector<Request>& requests, const Context& context) {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> known;
  for (const Request& request : requests) {
    const auto [at, is_new] = known.try_emplace(key_of(request), groups.size());
    if (is_new) {
      Group& group = groups.emplace_back();
      group.first = &request;
      group.reading = read_request(request);
      group.outcome = request.outcome;
      if (request.outcome != Outcome::succeeded) group.meaning = error_meaning(request, group.reading, context.kernel);
    }
    Group& group = groups[at->second];
    group.last = &request;
    ++group.count;
    if (group.end_lines.size() < kMostLinesKept)
      group.end_lines.push_back(std::max(request.end_line, request.first_line));
  }
  return groups;
}

bool only_windows(const Request& request) { return request.outcome == Outcome::unknown && request.windows() != 0; }

bool may_be_marked(const Request& request, const Context& context) {
  return request.beside_line != 0 && !context.kernel.all_before(Release::v3_16);
}

bool is_single_page(const Group& group) {
  return group.outcome == Outcome::failed && group.first->error && group.reading.pages_named &&
         group.reading.pages == 1 && group.reading.align.value_or(0) == 0 &&
         group.meaning.culprit == Culprit::page_in_the_way;
}

const AreaFiles* files_of_area(const Group& group, const Context& context) {
  const std::vector<AreaFiles>& files = context.area_files;
  if (group.first->area.empty()) return files.size() == 1 ? files.data() : nullptr;
  const auto found = std::ranges::find(files, group.first->area, &AreaFiles::name);
  return found == files.end() ? nullptr : &*found;
}

std::optional<AreaSize> area_size(const Group& group, const Context& context) {
  if (group.first->runs) return AreaSize{group.first->runs->total, group.first->runs->line, "the area has"};
  if (context.area_pages) return AreaSize{*context.area_pages, context.area_pages_line, "all areas together have"};
  if (context.areas.size() != 1) return std::nullopt;
  return AreaSize{context.areas[0].range.pages(), context.areas[0].line, "the only area that a line names has",
                  Certainty::fits};
}

bool is_too_large(const Group& group, const Context& context) {
  const auto size = area_size(group, context);
  return size && size->certainty == Certainty::follows && group.reading.pages > size->pages;
}

std::uint64_t pool_in_the_way(const Group& group, const Context& context) {
  const Reading& reading = group.reading;
  const auto size = area_size(group, context);
  if (group.meaning.culprit != Culprit::no_room || !context.pool || !size || !reading.align) return 0;
  if (!may_be_default(group.first->area)) return 0;
  if (reading.windows != 0 || reading.room || reading.pages == 0 || reading.pages > size->pages) return 0;
  const std::uint64_t pages = (context.pool->bytes - 1) / (context.page_kb() * 1024) + 1;
  // It is taken first, at the begin of the area.
  const std::uint64_t start = align_up(pages, order_pages(*reading.align));
  return pages < size->pages && start + reading.pages > size->pages ? pages : 0;
}

std::optional<Places> possible_places(const Group& group, const Context& context) {
  const Request& request = *group.first;
  const Reading& reading = group.reading;
  if (group.outcome != Outcome::failed || group.meaning.culprit != Culprit::page_in_the_way) return std::nullopt;
  if (reading.windows != 0 || reading.pages == 0 || reading.pages > kMostPages || !reading.align) return std::nullopt;
  Places places;
  places.area = area_of(request, context);
  places.of_runs = request.runs.has_value();
  if (places.area == nullptr && !places.of_runs) return std::nullopt;
  places.line = places.of_runs ? request.runs->line : places.area->line;
  const Pfn base = places.area == nullptr ? 0 : places.area->range.start;
  const std::uint64_t unit = order_pages(std::min(*reading.align, kMostUnitOrder));
  const std::vector<FreeRuns::Run> whole = {{places.area == nullptr ? 0 : places.area->range.pages(), 0}};
  bool several = false;
  for (const FreeRuns::Run& run : places.of_runs ? request.runs->runs : whole) {
    if (run.pages > kMostPages || run.bit > kMostPages) continue;
    const Pfn end = base + run.bit + run.pages;
    const Pfn first = align_up(base + run.bit, unit);
    if (first + reading.pages > end) continue;
    const Pfn last = first + align_down(end - reading.pages - first, unit);
    several = places.count != 0;
    if (!several) places.first = first;
    places.last = last;
    places.count += (last - first) / unit + 1;
    if (!several && last < first + reading.pages) places.common = PfnRange{last, first + reading.pages};
  }
  if (several) places.common.reset();
  return places.count == 0 ? std::nullopt : std::optional(places);
}

const KnownConsole* console_after(const Group& group, const Context& context) {
  const Request& request = *group.first;
  if (group.outcome != Outcome::failed || !group.reading.pages_named) return nullptr;
  const auto after = std::ranges::find_if(context.consoles,
                                          [&](const KnownConsole& console) { return console.line > request.end_line; });
  if (after == context.consoles.end() || group.reading.pages > std::uint64_t{1} << 32) return nullptr;
  const auto time = time_between(request.origin, after->origin);
  if (time && *time > kTimeToConsole) return nullptr;
  const std::uint64_t page = context.page_kb() * 1024;
  return is_screen(group.reading.pages * page, page, *after) ? &*after : nullptr;
}

}  // namespace cma::logs
