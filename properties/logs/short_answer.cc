#include "properties/logs/short_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "properties/logs/stable_order.h"

namespace cma::logs {
namespace {

std::string_view without_stop(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  return text;
}

char as_capital(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Returns whether a sentence says what a statement says, which begins with a small letter and ends without a full stop.
bool are_same(std::string_view sentence, std::string_view statement) {
  sentence = without_stop(sentence);
  statement = without_stop(statement);
  if (sentence.empty() || sentence.size() != statement.size()) return false;
  return as_capital(sentence[0]) == as_capital(statement[0]) && sentence.substr(1) == statement.substr(1);
}

// Returns where a statement is from, as it stands behind a sentence: " (line 4)", " (fits, lines 3-5)".
std::string citation(Certainty certainty, const std::vector<std::uint64_t>& lines) {
  const std::string place = lines_text(lines);
  if (certainty != Certainty::fits && certainty != Certainty::guess) return place.empty() ? "" : " (" + place + ")";
  return fmt::format(" ({}{})", word_of(certainty), place.empty() ? "" : ", " + place);
}

// Returns the sentence, cited if statements say the same, which are marked. Advice is not cited.
std::string cited_sentence(const std::string& sentence, bool is_advice, LogAnswer& answer) {
  bool found = false;
  Certainty certainty = Certainty::seen;
  std::vector<std::uint64_t> lines;
  for (Section& section : answer.sections)
    for (Statement& statement : section.statements) {
      if (!are_same(sentence, statement.text)) continue;
      found = statement.in_brief = true;
      certainty = std::max(certainty, statement.certainty);
      lines.insert(lines.end(), statement.lines.begin(), statement.lines.end());
    }
  if (!found || is_advice) return sentence;
  const std::string end = sentence.ends_with('.') ? "." : "";
  return std::string(without_stop(sentence)) + citation(certainty, lines) + end;
}

// A line of the short answer as it grows, without places in the log and with them.
struct Growing {
  std::string plain;
  std::string cited;

  void add(const std::string& sentence, const std::string& with_place) {
    const std::string link = plain.empty() || sentence.empty() ? "" : " ";
    plain += link + sentence;
    cited += link + with_place;
  }
};

// Returns what else failed, each as a sentence.
std::vector<std::string> besides_of(const std::vector<Finding>& findings) {
  std::vector<std::string> besides = findings.front().besides;
  for (std::size_t i = 1; i < findings.size(); ++i) {
    if (findings[i].weight < kFailed) continue;
    besides.push_back(findings[i].what);
    besides.insert(besides.end(), findings[i].then.begin(), findings[i].then.end());
    besides.insert(besides.end(), findings[i].besides.begin(), findings[i].besides.end());
  }
  if (!besides.empty()) besides.front() = "Besides: " + besides.front();
  return besides;
}

}  // namespace

void tell_briefly(std::vector<Finding> findings, LogAnswer& answer) {
  if (findings.empty()) {
    answer.brief.emplace_back(
        answer.facts == 0 ? "Not enough: no line of this log is about contiguous memory."
                          : "Not enough: the log has lines about memory, but none about a request that failed.");
    answer.collect.emplace_back("dmesg | grep -e cma -e alloc_contig_range    (right after the failure)");
    return;
  }
  sort_in_stable_order(findings, [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
  const Finding& finding = findings.front();
  Growing lines[3];
  lines[0].add(finding.what, cited_sentence(finding.what, false, answer));
  for (const std::string& sentence : finding.then) lines[0].add(sentence, cited_sentence(sentence, false, answer));
  // Of what else failed the statements stay where the others about it are.
  for (const std::string& sentence : besides_of(findings)) lines[0].add(sentence, sentence);
  lines[1].add(finding.blame, cited_sentence(finding.blame, false, answer));
  lines[2].add(finding.next, cited_sentence(finding.next, true, answer));
  for (const Growing& line : lines) {
    if (line.plain.empty()) continue;
    answer.brief.push_back(line.plain);
    answer.cited.push_back(line.cited);
  }
  answer.collect = finding.collect;
}

}  // namespace cma::logs
