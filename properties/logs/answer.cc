#include "properties/logs/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/assert.h"
#include "properties/logs/shown.h"

namespace cma::logs {
namespace {

constexpr std::size_t kMostLines = 12;
constexpr std::size_t kWidth = 120;

// Appends a text in lines of at most kWidth columns; those after the first are indented.
void append_wrapped(std::string& out, std::string_view text, std::size_t column, std::size_t indent) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column + end > kWidth && column > indent) {
      while (out.ends_with(' ')) out.pop_back();
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(end);
    if (text.empty()) break;
    out += ' ';
    ++column;
    text.remove_prefix(1);
  }
  out += '\n';
}

void append_statement(std::string& out, const Statement& statement) {
  const std::string head = fmt::format("  {:7}  ", word_of(statement.certainty));
  const std::string place = lines_text(statement.lines);
  out += head;
  append_wrapped(out, statement.text + (place.empty() ? "" : fmt::format(" ({})", place)), head.size(), head.size());
}

}  // namespace

std::string_view word_of(Certainty certainty) {
  switch (certainty) {
    case Certainty::seen: return "seen";
    case Certainty::follows: return "follows";
    case Certainty::fits: return "fits";
    case Certainty::guess: return "guess";
  }
  CMA_ASSERT(false && "a certainty has a word");
  return {};
}

std::string_view word_of(Culprit culprit) {
  switch (culprit) {
    case Culprit::unknown: return "unknown";
    case Culprit::no_room: return "no room";
    case Culprit::page_in_the_way: return "page in the way";
    case Culprit::no_room_or_page: return "no room, or page in the way";
    case Culprit::no_memory_to_move: return "no memory to move to";
    case Culprit::signal: return "signal";
    case Culprit::none: return "none";
  }
  CMA_ASSERT(false && "a culprit has a word");
  return {};
}

std::string_view word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::not_about_pages: return "not about pages";
    case Verdict::of_cgroup: return "limit of a control group";
    case Verdict::no_report: return "no report";
    case Verdict::refused: return "refused";
    case Verdict::no_block: return "no block";
    case Verdict::granted: return "granted";
    case Verdict::not_known: return "not known";
  }
  CMA_ASSERT(false && "a verdict has a word");
  return {};
}

std::string lines_text(std::vector<std::uint64_t> lines) {
  std::erase(lines, 0);
  if (lines.empty()) return {};
  std::ranges::sort(lines);
  lines.erase(std::ranges::unique(lines).begin(), lines.end());
  std::string text = lines.size() == 1 ? "line " : "lines ";
  std::size_t parts = 0;
  for (std::size_t i = 0; i < lines.size(); ++parts) {
    std::size_t last = i;
    while (last + 1 < lines.size() && lines[last + 1] == lines[last] + 1) ++last;
    if (parts == kMostLines) return text + fmt::format(", and {} more", lines.size() - i);
    if (parts != 0) text += ", ";
    text += last == i ? fmt::format("{}", lines[i]) : fmt::format("{}-{}", lines[i], lines[last]);
    i = last + 1;
  }
  return text;
}

std::string answer_text(const LogAnswer& answer, std::string_view file) {
  std::string out = fmt::format("{}: {}, {}\n", file, counted(answer.lines, "line"), counted(answer.facts, "fact"));
  for (const std::string& sentence : answer.sentences()) {
    out += "answer  ";
    append_wrapped(out, sentence, 8, 8);
  }
  for (const Section& section : answer.sections) {
    if (section.is_in_brief()) continue;
    out += '\n' + section.title + '\n';
    for (const Statement& statement : section.statements)
      if (!statement.in_brief) append_statement(out, statement);
  }
  if (!answer.collect.empty()) out += "\nto learn more\n";
  for (const std::string& command : answer.collect) {
    out += "  ";
    append_wrapped(out, command, 2, 6);
  }
  return out;
}

}  // namespace cma::logs
