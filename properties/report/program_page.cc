#include <fmt/format.h>

#include "properties/report/html.h"
#include "properties/report/page_parts.h"
#include "properties/report/pages.h"

namespace cma {

std::string program_page(const ProgramStory& story) {
  const bool bad = story.finding && !story.expected;
  const std::string note = story.finding && story.expected ? ", as the program expects" : "";
  std::string body = fmt::format(
      "<main>\n<p class=\"kind\">cmacheck, one program</p>\n<h1>{}</h1>\n<p><span class=\"verdict "
      "{}\">{}{}</span></p>\n",
      escaped(base_name(story.file)), bad ? "bad" : "good", story.finding ? "finding " : "",
      escaped(verdict(story)) + note);
  body += program_sections(story, "", 2) + "</main>\n";
  return page_around(fmt::format("{}: {}", base_name(story.file), verdict(story)), body);
}

}  // namespace cma
