// Results as text for people and as JSON for programs.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "properties/studies/study.h"

namespace cma {
namespace {

// Returns a percentage with three digits, which distinguishes rates of one in a thousand and hides noise.
std::string percent(double share) { return fmt::format("{:.3f} %", 100 * share); }

double mean(std::uint64_t sum, std::uint64_t runs) {
  return runs == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(runs);
}

std::string causes_text(const std::vector<StudyCause>& causes) {
  std::string text;
  for (const StudyCause& cause : causes) {
    if (cause.count == 0) continue;
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", cause.count, cause.name);
  }
  return text.empty() ? "-" : text;
}

// Returns the cells, head first, without the columns that are empty in all rows.
std::vector<std::vector<std::string>> cells(const StudyResult& result) {
  const bool policies =
      std::any_of(result.rows.begin(), result.rows.end(), [](const StudyRow& row) { return !row.policy.empty(); });
  const bool time =
      std::any_of(result.rows.begin(), result.rows.end(), [](const StudyRow& row) { return row.virtual_time != 0; });
  std::vector<std::vector<std::string>> table;
  table.push_back({"release", "runs", "failed", "rate", "95 % interval", "sweeps/run", "stopped by"});
  if (time) table[0].insert(table[0].end() - 1, "ms/run");
  if (policies) table[0].insert(table[0].begin() + 1, "policy");
  for (const StudyRow& row : result.rows) {
    const Rate rate = rate_of(row.failed, row.runs);
    std::vector<std::string> line = {row.release,
                                     fmt::format("{}", row.runs),
                                     fmt::format("{}", row.failed),
                                     percent(rate.value),
                                     fmt::format("{} .. {}", percent(rate.low), percent(rate.high)),
                                     fmt::format("{:.2f}", mean(row.sweeps, row.runs)),
                                     causes_text(row.causes)};
    if (time) line.insert(line.end() - 1, fmt::format("{:.3f}", mean(row.virtual_time, row.runs) / kMillisecond));
    if (policies) line.insert(line.begin() + 1, row.policy);
    table.push_back(std::move(line));
  }
  return table;
}

std::string aligned(const std::vector<std::vector<std::string>>& table) {
  std::vector<std::size_t> widths(table[0].size(), 0);
  for (const auto& line : table)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (const auto& line : table) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i) text += fmt::format("  {:<{}}", line[i], widths[i]);
    text += "  " + line.back() + "\n";
  }
  return text;
}

}  // namespace

std::string study_text(const StudyResult& result) {
  std::string text = fmt::format("{}: {}\n\n", result.name, result.question);
  for (const auto& [name, value] : result.parameters) text += fmt::format("  {:<20} {}\n", name, value);
  text += fmt::format("  {:<20} {}\n\n", "a run", result.run_means) + aligned(cells(result));
  for (const StudyRow& row : result.rows)
    if (!row.remark.empty())
      text += fmt::format("\n{}{}{}: {}\n", row.release, row.policy.empty() ? "" : ", ", row.policy, row.remark);
  return text;
}

std::string study_json(const StudyResult& result) {
  nlohmann::ordered_json json;
  json["name"] = result.name;
  json["question"] = result.question;
  json["run_means"] = result.run_means;
  for (const auto& [name, value] : result.parameters) json["parameters"][name] = value;
  json["rows"] = nlohmann::ordered_json::array();
  for (const StudyRow& row : result.rows) {
    const Rate rate = rate_of(row.failed, row.runs);
    nlohmann::ordered_json line = {{"release", row.release}, {"policy", row.policy}, {"runs", row.runs},
                                   {"failed", row.failed},   {"rate", rate.value},   {"low", rate.low},
                                   {"high", rate.high},      {"sweeps", row.sweeps}, {"time_us", row.virtual_time}};
    line["causes"] = nlohmann::ordered_json::object();
    for (const StudyCause& cause : row.causes) line["causes"][cause.name] = cause.count;
    if (!row.remark.empty()) line["remark"] = row.remark;
    json["rows"].push_back(std::move(line));
  }
  return json.dump(2) + "\n";
}

}  // namespace cma
