#include <fmt/format.h>

#include <algorithm>

#include "properties/report/html.h"
#include "properties/report/page_parts.h"
#include "properties/report/pages.h"

namespace cma {
namespace {

// Returns a number with its thousands apart: "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string rates(const Campaign& campaign) {
  std::string html = "<h2 id=\"rates\">Rates and coverage</h2>\n";
  if (campaign.targets.empty())
    return html + "<p>Not known: the folder has no <code>stats.json</code>, which <code>ci/fuzz</code> writes.</p>\n";
  html +=
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"rates and "
      "coverage\"><table>\n<thead><tr><th>target</th>"
      "<th class=\"n\">executions</th><th class=\"n\">a second, one process</th><th class=\"n\">counters reached</th>"
      "<th class=\"n\">features</th><th class=\"n\">inputs kept</th></tr></thead>\n<tbody>\n";
  for (const TargetFigures& target : campaign.targets) {
    html += fmt::format("<tr><td>{}</td>", escaped(target.name));
    for (const std::uint64_t figure :
         {target.executions, target.per_second, target.coverage, target.features, target.corpus})
      html += fmt::format("<td class=\"n\">{}</td>", grouped(figure));
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string fidelity(const Campaign& campaign) {
  if (campaign.fidelity.empty()) return {};
  std::string html =
      "<h2 id=\"fidelity\">Does a real kernel agree?</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"comparison with real kernels\"><table>\n";
  for (std::size_t row = 0; row < campaign.fidelity.size(); ++row) {
    const char* cell = row == 0 ? "th" : "td";
    html += "<tr>";
    const std::size_t last = campaign.fidelity.back().size();
    for (std::size_t column = 0; column < campaign.fidelity[row].size(); ++column) {
      const std::string& text = campaign.fidelity[row][column];
      const bool number =
          column < last && campaign.fidelity.back()[column].find_first_not_of("0123456789,.") == std::string::npos;
      html += fmt::format("<{0}{1}>{2}</{0}>", cell, number ? " class=\"n\"" : "", escaped(text));
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string contents(const Campaign& campaign) {
  std::string html = "<h2 id=\"findings\">Findings</h2>\n";
  if (campaign.findings.empty() && campaign.raw.empty() && campaign.unreadable.empty())
    return html + "<p><span class=\"verdict good\">none</span></p>\n";
  html += "<ol>\n";
  for (std::size_t i = 0; i < campaign.findings.size(); ++i) {
    const ProgramStory& story = campaign.findings[i];
    html += fmt::format("<li><a href=\"#f{}\">{}</a>, {} operation{}: {}</li>\n", i + 1, escaped(verdict(story)),
                        story.ops.size(), story.ops.size() == 1 ? "" : "s",
                        escaped(story.finding ? story.finding->message : "the program breaks no law any more"));
  }
  html += "</ol>\n";
  for (const RawFinding& raw : campaign.raw)
    html +=
        fmt::format("<p>{}: <code>{}</code></p>\n<pre tabindex=\"0\" aria-label=\"command that replays it\">{}</pre>\n",
                    escaped(raw.target), escaped(raw.file), escaped(raw.replay));
  for (const std::string& file : campaign.unreadable)
    html += fmt::format("<p>cannot be shown: <code>{}</code></p>\n", escaped(file));
  return html;
}

std::string summary(const Campaign& campaign) {
  std::string html = "<dl class=\"facts\">\n";
  const auto fact = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escaped(text));
  };
  fact("folder", campaign.folder);
  fact("version", campaign.commit);
  fact("bug switched on", campaign.bug);
  if (campaign.seconds > 0)
    fact("time",
         fmt::format("{} s, {} process{}", grouped(campaign.seconds), campaign.jobs, campaign.jobs == 1 ? "" : "es"));
  return html + "</dl>\n";
}

}  // namespace

std::vector<std::vector<std::string>> fidelity_table(const std::string& markdown) {
  std::vector<std::vector<std::string>> rows;
  std::size_t at = markdown.find("## Does a real kernel agree?");
  while (at != std::string::npos && at < markdown.size()) {
    const std::size_t end = std::min(markdown.find('\n', at), markdown.size());
    std::string_view line(markdown.data() + at, end - at);
    at = end + 1;
    if (!line.starts_with('|')) {
      if (!rows.empty()) break;
      continue;
    }
    if (line.find_first_not_of("|-: ") == std::string_view::npos) continue;
    std::vector<std::string> cells;
    for (line.remove_prefix(1); line.find('|') != std::string_view::npos;) {
      std::string_view cell = line.substr(0, line.find('|'));
      line.remove_prefix(cell.size() + 1);
      while (cell.starts_with(' ')) cell.remove_prefix(1);
      while (cell.ends_with(' ')) cell.remove_suffix(1);
      cells.emplace_back(cell);
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

std::string campaign_page(const Campaign& campaign) {
  const auto broken =
      std::ranges::count_if(campaign.findings, [](const ProgramStory& s) { return s.finding.has_value(); });
  const std::size_t count = static_cast<std::size_t>(broken) + campaign.raw.size();
  const std::string counted = count == 0 ? "no findings" : fmt::format("{} finding{}", count, count == 1 ? "" : "s");
  std::string body = fmt::format(
      "<a class=\"skip\" href=\"#findings\">To the findings</a>\n<main>\n<p class=\"kind\">cmacheck, a "
      "campaign</p>\n<h1>{}</h1>\n"
      "<p><span class=\"verdict {}\">{}</span></p>\n",
      escaped(base_name(campaign.folder)), count == 0 ? "good" : "bad", counted);
  body += summary(campaign) + contents(campaign) + rates(campaign) + fidelity(campaign);
  for (std::size_t i = 0; i < campaign.findings.size(); ++i) {
    const ProgramStory& story = campaign.findings[i];
    const std::string id = fmt::format("f{}", i + 1);
    body += fmt::format(
        "<article id=\"{0}\">\n<p class=\"kind\">finding {1} of {2}: {3} (<a href=\"#findings\">all "
        "findings</a>)</p>\n<h2>{4}</h2>\n",
        id, i + 1, campaign.findings.size(), escaped(base_name(story.file)), escaped(verdict(story)));
    body += program_sections(story, id + "-", 3) + "</article>\n";
  }
  return page_around(fmt::format("cmacheck: {}", counted), body + "</main>\n");
}

}  // namespace cma
