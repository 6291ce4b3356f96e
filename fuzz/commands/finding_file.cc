#include "fuzz/commands/finding_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "fuzz/commands/files.h"
#include "properties/program/lines.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Returns the file name for a signature: "bitmap-cma_alloc-cma_bitmap_marked".
std::string name_from(const std::string& signature) {
  std::string name;
  for (const char c : signature) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (name.ends_with('-')) name.pop_back();
  return name;
}

}  // namespace

std::string finding_text(const FindingFile& content, const std::string& file) {
  std::string text;
  for (std::string line : {content.replay + " " + file, "written by " + content.written_by, content.finding.signature(),
                           content.finding.message}) {
    // A line break in the name of a file or in a message would end the comment.
    std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    text += fmt::format("# {}\n", line);
  }
  return text + prefixed_lines(content.notes, "# ") + print(content.program);
}

bool holds(const std::string& file, const Program& program) {
  const auto kept = load_program(file);
  return kept && print(kept->program) == print(program);
}

FindingPlace place_for(const std::string& folder, const Finding& finding,
                       const std::function<bool(const std::string& file)>& shows) {
  const std::string name = name_from(finding.signature());
  for (unsigned number = 1;; ++number) {
    const std::string file =
        (std::filesystem::path(folder) / (name + (number == 1 ? "" : fmt::format("-{}", number)) + ".cma")).string();
    if (!std::filesystem::exists(file)) return {file, false};
    if (shows(file)) return {file, true};
  }
}

}  // namespace cma
