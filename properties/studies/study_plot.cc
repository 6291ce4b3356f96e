// The plot of a study: failure rates with their intervals as horizontal bars. Plain SVG, without fonts and scripts.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "properties/report/html.h"
#include "properties/studies/study.h"

namespace cma {
namespace {

constexpr double kLeft = 190;
constexpr double kBarWidth = 430;
constexpr double kRight = 220;
constexpr double kTop = 74;
constexpr double kRowHeight = 34;
constexpr double kBarHeight = 18;
constexpr double kBottom = 44;

// Returns the end of the axis: the first of 1, 2, 5, 10, ... tenths of a percent that no interval exceeds.
double axis_end(const StudyResult& result) {
  double highest = 0;
  for (const StudyRow& row : result.rows)
    if (row.runs != 0) highest = std::max(highest, rate_of(row.failed, row.runs).high);
  double end = 0.001;
  for (int step = 0; end < highest && end < 1; ++step) end *= step % 3 == 1 ? 2.5 : 2;
  return std::min(end, 1.0);
}

std::string text_at(double x, double y, std::string_view style, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, style, escaped(text));
}

std::string axis(double end, double height) {
  constexpr int kTicks = 5;
  std::string svg;
  for (int tick = 0; tick <= kTicks; ++tick) {
    const double x = kLeft + kBarWidth * tick / kTicks;
    svg += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>\n", x,
                       kTop - 6, height - kBottom + 6);
    svg += text_at(x, height - kBottom + 22, "text-anchor=\"middle\" fill=\"#555\"",
                   fmt::format("{:g} %", std::round(100000 * end * tick / kTicks) / 1000));
  }
  return svg;
}

std::string bar(const StudyRow& row, double end, double y) {
  const Rate rate = rate_of(row.failed, row.runs);
  const double middle = y + kBarHeight / 2;
  const auto x = [end](double share) { return kLeft + kBarWidth * std::min(share / end, 1.0); };
  std::string svg = text_at(kLeft - 10, middle + 4, "text-anchor=\"end\"",
                            row.policy.empty() ? row.release : row.release + ", " + row.policy);
  svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#c0504d\"/>\n", kLeft,
                     y, x(rate.value) - kLeft, kBarHeight);
  svg += fmt::format(
      "<path d=\"M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v8M{1:.1f} {3:.1f}v8\" stroke=\"#222\" fill=\"none\"/>\n",
      x(rate.low), x(rate.high), middle, middle - 4);
  svg += text_at(kLeft + kBarWidth + 14, middle + 4, "fill=\"#222\"",
                 fmt::format("{} of {} ({:.2f} %)", row.failed, row.runs, 100 * rate.value));
  return svg;
}

}  // namespace

std::string study_svg(const StudyResult& result) {
  const double width = kLeft + kBarWidth + kRight;
  const double height = kTop + kRowHeight * static_cast<double>(result.rows.size()) + kBottom;
  const double end = axis_end(result);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg += text_at(16, 26, "font-size=\"16\" font-weight=\"bold\"", result.name + ": share of runs that failed");
  svg += text_at(16, 46, "fill=\"#555\"", result.run_means + "; whiskers: 95 % confidence");
  svg += axis(end, height);
  double y = kTop + (kRowHeight - kBarHeight) / 2;
  for (const StudyRow& row : result.rows) {
    svg += bar(row, end, y);
    y += kRowHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace cma
