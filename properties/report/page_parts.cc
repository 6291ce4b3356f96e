#include "properties/report/page_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/report/html.h"
#include "properties/report/map_svg.h"

namespace cma {
namespace {

// A longer log is folded but for its end: what led to a finding is rarely further back.
constexpr std::size_t kOpenLines = 24;
// Of a longer text only so many lines at its beginning and at its end are shown.
constexpr std::size_t kMostLines = 800;

constexpr std::string_view kPageStyle =
    R"(:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d0d7de;--panel:#f6f8fa;
--link:#0550ae;--bad:#b3141d;--badbg:#ffe3e1;--good:#116329;--goodbg:#dcf5e3;--mark:#fff3c4}
@media screen and (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#9aa5b1;--line:#30363d;
--panel:#161b22;--link:#79b8ff;--bad:#ff8a80;--badbg:#3d1214;--good:#7ee2a0;--goodbg:#12351f;--mark:#4a3d10}}
*{box-sizing:border-box}body{margin:0 auto;padding:24px 32px 64px;max-width:1280px;background:var(--bg);
color:var(--fg);font:15px/1.5 system-ui,"Liberation Sans",Arial,sans-serif}h1{font-size:24px;line-height:1.25;
margin:4px 0 8px;overflow-wrap:anywhere}h2{font-size:18px;margin:32px 0 8px;padding-top:12px;
border-top:1px solid var(--line)}h3{font-size:15px;margin:20px 0 6px}p{margin:6px 0;max-width:88ch}
pre+p.kind,div+p.kind{margin-top:8px;font-size:13px}a{color:var(--link)}
code,pre,.mono{font:13px/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}pre{margin:0;
padding:10px 14px;background:var(--panel);border:1px solid var(--line);border-radius:6px;overflow-x:auto}
.kind{color:var(--soft);margin:0}.verdict{display:inline-block;padding:1px 9px;border-radius:10px;
font-weight:600}.verdict.bad{color:var(--bad);background:var(--badbg)}.verdict.good{color:var(--good);
background:var(--goodbg)}dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 16px;
margin:12px 0}dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}.scroll{overflow-x:auto;
border:1px solid var(--line);border-radius:6px;padding:8px 0}.scroll svg{display:block}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:10px 0 0;padding:0;font-size:13px;
color:var(--soft)}ul.legend svg{vertical-align:-4px;margin-right:6px}.line{display:block;white-space:pre}
.line .no{display:inline-block;width:3.2em;padding-right:1em;text-align:right;color:var(--soft);
user-select:none}.line.hit{background:var(--badbg)}.line.trace{color:var(--soft)}details{margin:6px 0}
summary{cursor:pointer;width:max-content;max-width:100%}table{border-collapse:collapse;margin:0 14px}
th,td{padding:4px 14px 4px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
article{margin-top:40px;border-top:3px solid var(--line);padding-top:6px}article h2{border:0;margin-top:0;
padding-top:4px;overflow-wrap:anywhere}.skip{position:absolute;left:-9999px}.skip:focus{position:static}
@media print{body{padding:0;max-width:none;font-size:11px}
code,pre,ul.legend{font-size:9.5px}pre{white-space:pre-wrap;overflow:visible}
.line{white-space:pre-wrap}.scroll{overflow:visible;border:0}.scroll svg{max-width:100%;height:auto}
h2,h3{break-after:avoid}pre,table{break-inside:auto}details>summary{list-style:none}.skip{display:none}
a{color:inherit}}@media (max-width:640px){body{padding:16px}dl.facts{grid-template-columns:1fr;gap:0}
dl.facts dd{margin-bottom:8px}}
)";

std::string fact(std::string_view name, const std::string& html) {
  return fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, html);
}

std::string facts(const ProgramStory& story) {
  std::string text = "<dl class=\"facts\">\n";
  if (story.finding) {
    const Finding& finding = *story.finding;
    text += fact("law", fmt::format("<strong>{}</strong>{}{}", escaped(name_of(finding.law)),
                                    story.sentence.empty() ? "" : ": ", escaped(story.sentence)));
    text += fact("what", escaped(finding.message));
    if (finding.op < story.ops.size()) {
      const std::string line = finding.op < story.lines.size() ? fmt::format("line {}: ", story.lines[finding.op]) : "";
      text += fact("operation", fmt::format("{}<code>{}</code>", line, escaped(story.ops[finding.op])));
    }
    text += fact("point", escaped(story.point));
  }
  text +=
      fact("machine", fmt::format("Linux {}, {} pages from {:#x}, pageblocks of {} pages", escaped(story.release),
                                  story.memory.pages(), story.memory.start, std::uint64_t{1} << story.pageblock_order));
  text += "</dl>\n<pre tabindex=\"0\" aria-label=\"command that replays it\">" + escaped(story.replay) + "</pre>\n";
  return text;
}

std::string legend(const ProgramStory& story) {
  std::string text = "<ul class=\"legend\">\n";
  for (const std::string& line : story.legend) {
    if (line.empty()) continue;
    const char letter = line.front();
    const std::size_t begin = line.find_first_not_of(' ', 1);
    const bool bit = letter == '+' || letter == '-';
    const std::string mark =
        bit ? fmt::format("<path class=\"bit {}\" d=\"M0 15h13\"/>", letter == '+' ? "set" : "clear")
            : fmt::format("<rect class=\"{}\" width=\"13\" height=\"15\"/>", cell_class(letter));
    const std::string shown = bit || letter == '.' ? "" : escaped(std::string_view(&letter, 1));
    text += fmt::format(
        "<li><svg class=\"map\" width=\"14\" height=\"17\" aria-hidden=\"true\">{}<text class=\"glyph\" x=\"6.5\" "
        "y=\"11\" text-anchor=\"middle\">{}</text></svg>{}</li>\n",
        mark, shown, escaped(begin == std::string::npos ? "" : line.substr(begin)));
  }
  return text +
         "<li>the letter before a pageblock is its type (U Unmovable, M Movable, E Reclaimable, H HighAtomic, C CMA, "
         "I Isolate)</li>\n<li>outlined: changed in this step; bar at an actor: inside an operation</li>\n</ul>\n";
}

std::string map_section(const ProgramStory& story, const std::string& id) {
  const StoryMap map = draw_story(story, id + "map");
  std::string text = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"page map over time\">\n" +
                     map.svg + "</div>\n" + legend(story);
  if (!map.note.empty()) text += "<p class=\"kind\">" + escaped(map.note) + "</p>\n";
  return text;
}

std::string program_text(const ProgramStory& story) {
  std::string html = "<pre tabindex=\"0\" aria-label=\"program\">";
  const bool known = story.finding && story.finding->op < story.lines.size();
  const int hit = known ? story.lines[story.finding->op] : 0;
  int number = 0;
  std::string_view rest = story.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    ++number;
    html += fmt::format("<span class=\"line{}\"><span class=\"no\">{}</span>{}</span>", number == hit ? " hit" : "",
                        number, escaped(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return html + "</pre>\n";
}

std::string log_line(const StoryLine& line) {
  return fmt::format("<span class=\"line{}\">[{:5}.{:06}] {}{}</span>", line.log ? "" : " trace", line.step / 1'000'000,
                     line.step % 1'000'000, line.log ? "" : "| ", escaped(line.text));
}

std::string left_out(std::size_t lines) {
  return fmt::format("<span class=\"line trace\">... {} lines left out ...</span>", lines);
}

// Returns the lines [begin, end), without the middle where there are very many.
std::string log_lines(const ProgramStory& story, std::size_t begin, std::size_t end) {
  std::string html;
  const bool all = end - begin <= kMostLines;
  for (std::size_t i = begin; i < (all ? end : begin + kMostLines / 2); ++i) html += log_line(story.printed[i]);
  if (all) return html;
  html += left_out(end - begin - kMostLines);
  for (std::size_t i = end - kMostLines / 2; i < end; ++i) html += log_line(story.printed[i]);
  return html;
}

std::string log_section(const ProgramStory& story) {
  if (story.printed.empty()) return "<p>Nothing was printed.</p>\n";
  const std::size_t lines = story.printed.size();
  std::string html;
  if (lines > kOpenLines) {
    const std::size_t folded = lines - kOpenLines;
    html +=
        fmt::format("<details><summary>{} earlier line{}</summary>\n<pre tabindex=\"0\" aria-label=\"earlier lines\">",
                    folded, folded == 1 ? "" : "s");
    html += log_lines(story, 0, folded) + "</pre></details>\n";
  }
  html += "<pre tabindex=\"0\" aria-label=\"log\">" + log_lines(story, lines - std::min(lines, kOpenLines), lines);
  return html +
         "</pre>\n<p class=\"kind\">Lines after a bar are tracepoints. The time counts steps of the run in "
         "microseconds.</p>\n";
}

// Returns a text in lines, without the middle where there are very many.
std::string shortened(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') ends.push_back(i + 1);
  if (ends.size() <= kMostLines) return escaped(text);
  const std::size_t half = kMostLines / 2;
  return escaped(text.substr(0, ends[half - 1])) + left_out(ends.size() - kMostLines) +
         escaped(text.substr(ends[ends.size() - half - 1]));
}

}  // namespace

std::string base_name(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? file : file.substr(slash + 1);
}

std::string verdict(const ProgramStory& story) {
  if (!story.finding) return "no law broken";
  return story.finding->signature();
}

std::string page_around(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" "
         "href=\"data:,\">\n<title>" +
         escaped(title) + "</title>\n<style>\n" + std::string(kPageStyle) + map_style() +
         "</style>\n</head>\n<body>\n" + body + "</body>\n</html>\n";
}

std::string program_sections(const ProgramStory& story, const std::string& id, int level) {
  const auto heading = [&](std::string_view name, std::string_view text) {
    return fmt::format("<h{0} id=\"{1}{2}\">{3}</h{0}>\n", level, id, name, text);
  };
  std::string html = facts(story);
  html += heading("pages", "Page map over time") + map_section(story, id);
  html += heading("program", "Program") + program_text(story);
  if (!story.varies.empty())
    html += heading("varies", "What does not matter") + "<pre tabindex=\"0\" aria-label=\"what does not matter\">" +
            escaped(story.varies) + "</pre>\n";
  html += heading("log", "Log") + log_section(story);
  html += heading("why", "Why") + "<pre tabindex=\"0\" aria-label=\"explanation\">" +
          shortened(story.why.empty() ? "no operation failed\n" : story.why) + "</pre>\n";
  return html;
}

}  // namespace cma
