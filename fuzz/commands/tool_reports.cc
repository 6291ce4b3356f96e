#include "fuzz/commands/tool_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "properties/laws/catalogue.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using Json = nlohmann::ordered_json;

// Returns the path as a relative or absolute reference to a file (RFC 3986): what is no plain character is encoded.
std::string uri_of(const std::string& file) {
  if (file == "-") return "stdin";
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string uri = file.starts_with('/') ? "file://" : "";
  for (const char c : file)
    uri += kPlain.contains(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return uri;
}

std::string sentence_of(const std::string& law) {
  const auto known = law_from_name(law);
  const LawInfo* info = known ? find_law(*known) : nullptr;
  if (info != nullptr) return std::string(info->sentence);
  return law == "crash" || law == "hang" ? "Every run ends, and with it no process." : "A fuzz target's promise holds.";
}

// Returns the laws that were broken, each once, by name.
std::vector<std::string> laws_of(const std::vector<ToolOutcome>& outcomes) {
  std::vector<std::string> laws;
  for (const ToolOutcome& outcome : outcomes)
    if (!outcome.signature.empty()) laws.push_back(outcome.law);
  std::ranges::sort(laws);
  laws.erase(std::ranges::unique(laws).begin(), laws.end());
  return laws;
}

Json location_of(const ToolOutcome& outcome) {
  Json place = {{"artifactLocation", {{"uri", uri_of(outcome.file)}}}};
  if (outcome.line) {
    place["region"] = {{"startLine", *outcome.line}};
    if (!outcome.operation.empty()) place["region"]["snippet"] = {{"text", outcome.operation}};
  }
  return {{"physicalLocation", place}};
}

Json result_of(const ToolOutcome& outcome, const std::vector<std::string>& laws) {
  const auto rule = std::ranges::find(laws, outcome.law) - laws.begin();
  const std::string text = outcome.message.empty() ? outcome.signature : outcome.message;
  return {{"ruleId", outcome.law},
          {"ruleIndex", rule},
          {"level", "error"},
          {"message", {{"text", text}}},
          {"locations", Json::array({location_of(outcome)})},
          {"partialFingerprints", {{"cmacheckSignature/v1", outcome.signature}}}};
}

// Returns the text for XML 1.0: marks are escaped, and what XML cannot hold becomes a question mark.
std::string xml_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '"')
      escaped += "&quot;";
    else if (c == '\n')
      escaped += "&#10;";
    else
      escaped += (byte < ' ' && c != '\t') || byte >= 0x7f ? '?' : c;
  }
  return escaped;
}

std::string test_case(const ToolOutcome& outcome) {
  std::string text = fmt::format("  <testcase classname=\"cmacheck\" name=\"{}\"", xml_text(outcome.file));
  if (outcome.failure.empty() && outcome.signature.empty()) return text + "/>\n";
  text += ">\n";
  if (!outcome.failure.empty()) {
    text += fmt::format("    <error message=\"{}\"/>\n", xml_text(outcome.failure));
  } else {
    const std::string where = outcome.line ? fmt::format("{}:{}: ", outcome.file, *outcome.line) : "";
    text += fmt::format("    <failure type=\"{}\" message=\"{}\">{}</failure>\n", xml_text(outcome.signature),
                        xml_text(outcome.message), xml_text(where + outcome.operation));
  }
  return text + "  </testcase>\n";
}

}  // namespace

ToolOutcome outcome_of(const LoadedProgram& loaded, const RunResult& result) {
  ToolOutcome outcome;
  outcome.file = loaded.file;
  if (result.passed()) return outcome;
  const Finding& finding = *result.finding;
  outcome.law = name_of(finding.law);
  outcome.signature = finding.signature();
  outcome.message = finding.message;
  if (finding.op < loaded.program.ops.size())
    outcome.operation = print_op(loaded.program, loaded.program.ops[finding.op]);
  if (loaded.form == Form::text && !loaded.lines.empty())
    outcome.line = loaded.lines[std::min(finding.op, loaded.lines.size() - 1)];
  return outcome;
}

std::string sarif(const std::vector<ToolOutcome>& outcomes, const std::string& version) {
  const std::vector<std::string> laws = laws_of(outcomes);
  Json rules = Json::array();
  for (const std::string& law : laws)
    rules.push_back({{"id", law}, {"shortDescription", {{"text", sentence_of(law)}}}});
  Json results = Json::array();
  Json notifications = Json::array();
  for (const ToolOutcome& outcome : outcomes) {
    if (!outcome.signature.empty()) results.push_back(result_of(outcome, laws));
    if (!outcome.failure.empty())
      notifications.push_back({{"level", "error"},
                               {"message", {{"text", outcome.failure}}},
                               {"locations", Json::array({location_of(outcome)})}});
  }
  Json invocation = {{"executionSuccessful", notifications.empty()}};
  if (!notifications.empty()) invocation["toolExecutionNotifications"] = notifications;
  const Json run = {{"tool", {{"driver", {{"name", "cmacheck"}, {"version", version}, {"rules", rules}}}}},
                    {"invocations", Json::array({invocation})},
                    {"columnKind", "utf16CodeUnits"},
                    {"results", results}};
  const Json log = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string junit(const std::vector<ToolOutcome>& outcomes) {
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::string cases;
  for (const ToolOutcome& outcome : outcomes) {
    if (!outcome.failure.empty())
      ++errors;
    else if (!outcome.signature.empty())
      ++failures;
    cases += test_case(outcome);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"cmacheck\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n{}</testsuite>\n",
      outcomes.size(), failures, errors, cases);
}

}  // namespace cma
