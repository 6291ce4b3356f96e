#include "properties/report/windows_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "allocator/base/assert.h"
#include "properties/report/html.h"

namespace cma {
namespace {

constexpr std::uint64_t kPictureLabels = 290;
constexpr std::uint64_t kPictureWidth = 800;
constexpr std::uint64_t kPictureRow = 20;
constexpr std::uint64_t kPictureBar = 12;
constexpr std::uint64_t kPictureTicks = 4;
constexpr std::size_t kMostWindows = 40;

// A row: what it is, and where that lies.
struct BarRow {
  std::string label;
  std::string style;
  std::vector<PfnRange> ranges;
};

PfnRange around(const PfnRange& one, const PfnRange& other) {
  return {std::min(one.start, other.start), std::max(one.end, other.end)};
}

std::string label_of(std::string_view what, const PfnRange& range) {
  return fmt::format("{} {:#x} to {:#x}", what, range.start, range.end - 1);
}

class WindowsPicture {
 public:
  WindowsPicture(const logs::RequestSummary& request, const std::vector<PfnRange>& areas) : request_(request) {
    for (const std::vector<PfnRange>& sweep : request.swept)
      for (const PfnRange& window : sweep) take(window);
    if (request.got) take(*request.got);
    if (!shown_) return;
    const auto has_all = [this](const PfnRange& area) {
      return area.start <= shown_->start && shown_->end <= area.end;
    };
    const auto area = std::ranges::find_if(areas, has_all);
    if (area != areas.end()) {
      shown_ = *area;
      rows_.push_back({label_of("area:", *area), "fr", {*area}});
    }
    add_windows();
    add_all("free then:", "b0", request.free_blocks);
    if (request.got) rows_.push_back({label_of("got:", *request.got), "b0", {*request.got}});
    // Where the page itself is known, the pages that it could be among say nothing.
    if (request.stopped_at.empty()) add_all("in the way:", "mark", request.suspects);
    for (const Pfn pfn : request.stopped_at)
      rows_.push_back({fmt::format("in the way: {:#x}", pfn), "mark", {{pfn, pfn + 1}}});
  }

  std::string draw(const std::string& id) const {
    if (!shown_) return {};
    const std::uint64_t height = kPictureRow * (rows_.size() + 1) + 4;
    const std::uint64_t width = kPictureLabels + kPictureWidth + 60;
    std::string out = fmt::format(
        "<svg class=\"map\" id=\"{0}\" role=\"img\" aria-labelledby=\"{0}-t\" width=\"{1}\" height=\"{2}\" "
        "viewBox=\"0 0 {1} {2}\">\n<title id=\"{0}-t\">Where the windows of the request lie, pages {3:#x} to "
        "{4:#x}</title>\n",
        id, width, height, shown_->start, shown_->end - 1);
    for (std::size_t i = 0; i < rows_.size(); ++i) out += draw_row(rows_[i], (i + 1) * kPictureRow, width, i % 2 != 0);
    return out + draw_axis(height) + "</svg>\n";
  }

 private:
  void take(const PfnRange& range) { shown_ = shown_ ? around(*shown_, range) : range; }

  // Adds a row for each window; of very many those at the beginning and at the end.
  void add_windows() {
    std::size_t all = 0;
    for (const std::vector<PfnRange>& sweep : request_.swept) all += sweep.size();
    const std::size_t left_out = all > kMostWindows ? all - kMostWindows : 0;
    const std::size_t gap = kMostWindows / 2;
    std::size_t number = 0;
    for (std::size_t sweep = 0; sweep < request_.swept.size(); ++sweep)
      for (const PfnRange& window : request_.swept[sweep]) {
        const std::size_t at = number++;
        if (left_out != 0 && at == gap) rows_.push_back({fmt::format("... {} windows more ...", left_out), "", {}});
        if (at >= gap && at < gap + left_out) continue;
        const std::string what = request_.swept.size() > 1 ? fmt::format("sweep {}:", sweep + 1) : "window:";
        rows_.push_back({label_of(what, window), "mv", {window}});
      }
  }

  // Adds one row for all of these ranges, if there are any.
  void add_all(const std::string& what, const std::string& style, const std::vector<PfnRange>& ranges) {
    if (ranges.empty()) return;
    PfnRange all = ranges.front();
    for (const PfnRange& range : ranges) all = around(all, range);
    rows_.push_back({label_of(what, all), style, ranges});
  }

  std::uint64_t x_of(Pfn pfn) const {
    CMA_ASSERT(shown_->start < shown_->end);
    CMA_ASSERT(shown_->start <= pfn && pfn <= shown_->end);
    return kPictureLabels + std::uint64_t{pfn - shown_->start} * kPictureWidth / shown_->pages();
  }

  std::string draw_row(const BarRow& row, std::uint64_t y, std::uint64_t width, bool odd) const {
    std::string out = fmt::format(
        "<rect class=\"row{}\" x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n<text x=\"4\" y=\"{}\">{}</text>\n",
        odd ? 1 : 0, y, width, kPictureRow, y + 14, escaped(row.label));
    for (const PfnRange& range : row.ranges) {
      const Pfn start = std::clamp(range.start, shown_->start, shown_->end);
      const Pfn end = std::clamp(range.end, start, shown_->end);
      const std::uint64_t bar = std::max<std::uint64_t>(x_of(end) - x_of(start), 2);
      out += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n", row.style, x_of(start),
                         y + (kPictureRow - kPictureBar) / 2, bar, kPictureBar);
    }
    return out;
  }

  // Draws the numbers of some pages above the rows, and lines from them down.
  std::string draw_axis(std::uint64_t height) const {
    std::string out;
    for (std::uint64_t tick = 0; tick <= kPictureTicks; ++tick) {
      const auto pfn = static_cast<Pfn>(shown_->start + shown_->pages() * tick / kPictureTicks);
      out += fmt::format(
          "<text class=\"head\" x=\"{0}\" y=\"14\" text-anchor=\"middle\">{1:#x}</text>\n<path d=\"M{0} {2}V{3}\" "
          "stroke=\"currentColor\" stroke-opacity=\"0.25\" fill=\"none\"/>\n",
          x_of(pfn), pfn, kPictureRow, height);
    }
    return out;
  }

  const logs::RequestSummary& request_;
  std::optional<PfnRange> shown_;  // the pages between the left and the right end of the picture
  std::vector<BarRow> rows_;
};

}  // namespace

std::string draw_windows(const logs::RequestSummary& request, const std::vector<PfnRange>& areas,
                         const std::string& id) {
  return WindowsPicture(request, areas).draw(id);
}

}  // namespace cma
