#include "properties/report/log_page.h"

#include <fmt/format.h>

#include "properties/logs/shown.h"
#include "properties/report/html.h"
#include "properties/report/page_parts.h"
#include "properties/report/windows_svg.h"

namespace cma {
namespace {

constexpr std::size_t kMostPictures = 12;

std::string brief_of(const logs::LogAnswer& answer) {
  std::string html;
  const std::vector<std::string>& sentences = answer.sentences();
  for (std::size_t i = 0; i < sentences.size(); ++i)
    html +=
        i == 0 ? "<p><strong>" + escaped(sentences[i]) + "</strong></p>\n" : "<p>" + escaped(sentences[i]) + "</p>\n";
  html += fmt::format("<dl class=\"facts\">\n<dt>log</dt><dd>{}, {}</dd>\n", logs::counted(answer.lines, "line"),
                      logs::counted(answer.facts, "fact"));
  if (!answer.versions.empty()) html += fmt::format("<dt>kernel</dt><dd>{}</dd>\n", escaped(answer.versions));
  if (!answer.model.empty()) html += fmt::format("<dt>nearest modelled</dt><dd>Linux {}</dd>\n", escaped(answer.model));
  return html + "</dl>\n";
}

// Returns line numbers as they stand in a column: "lines 3-5" on one line, as its hyphen is one that does not break.
std::string place_of(const logs::Statement& statement) {
  std::string html;
  for (const char c : logs::lines_text(statement.lines)) html += c == '-' ? "&#8209;" : std::string(1, c);
  return html;
}

std::string title_of(const logs::RequestSummary& request, std::uint64_t page_kb) {
  std::string title = request.count == 1 ? "Request" : fmt::format("{} requests", request.count);
  if (request.pages != 0) title += " for " + logs::pages_text(request.pages, page_kb);
  if (!request.area.empty()) title += " of area " + request.area;
  if (request.error) title += fmt::format(": {}", *request.error);
  return fmt::format("{} ({})", title, logs::lines_text({request.first_line, request.last_line}));
}

std::string pictures_of(const logs::LogAnswer& answer) {
  std::string html;
  std::size_t drawn = 0;
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < answer.requests.size(); ++i) {
    const std::string svg = draw_windows(answer.requests[i], answer.areas, fmt::format("request{}", i));
    if (svg.empty()) continue;
    if (drawn == kMostPictures) {
      ++left_out;
      continue;
    }
    ++drawn;
    const std::string title = escaped(title_of(answer.requests[i], answer.page_kb));
    html += fmt::format(
        "<h3>{0}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\n{1}</div>\n", title,
        svg);
  }
  if (html.empty()) return {};
  if (left_out != 0)
    html += fmt::format("<p class=\"kind\">{} without a picture.</p>\n", logs::counted(left_out, "more request"));
  return "<h2 id=\"windows\">Where the windows lie</h2>\n" + html;
}

std::string evidence_of(const logs::LogAnswer& answer) {
  std::string html =
      "<h2 id=\"evidence\">Evidence</h2>\n<p class=\"kind\">seen: a line says it. follows: it follows from lines and "
      "from how the kernel works. fits: it explains the lines, but something else may too. guess: it is usual.</p>\n";
  for (const logs::Section& section : answer.sections) {
    if (section.is_in_brief()) continue;
    html += fmt::format("<h3>{}</h3>\n", escaped(section.title));
    if (section.statements.empty()) continue;
    html += "<table>\n<tr><th>certainty</th><th>what</th><th>where</th></tr>\n";
    for (const logs::Statement& statement : section.statements) {
      if (statement.in_brief) continue;
      html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", logs::word_of(statement.certainty),
                          escaped(statement.text), place_of(statement));
    }
    html += "</table>\n";
  }
  return html;
}

std::string next_of(const logs::LogAnswer& answer) {
  if (answer.collect.empty()) return {};
  std::string html = "<h2 id=\"next\">To learn more</h2>\n<pre tabindex=\"0\" aria-label=\"commands\">";
  for (const std::string& command : answer.collect) html += escaped(command) + "\n";
  return html + "</pre>\n";
}

}  // namespace

std::string log_page(const logs::LogAnswer& answer, const std::string& file) {
  const std::string name = base_name(file);
  const std::string body =
      fmt::format("<main>\n<p class=\"kind\">cmacheck, a kernel's log</p>\n<h1>{}</h1>\n", escaped(name)) +
      brief_of(answer) + pictures_of(answer) + evidence_of(answer) + next_of(answer) + "</main>\n";
  return page_around(name + ": what the log says", body);
}

}  // namespace cma
