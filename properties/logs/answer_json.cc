#include "properties/logs/answer_json.h"

#include <nlohmann/json.hpp>

namespace cma::logs {
namespace {

nlohmann::json ranges_json(const std::vector<PfnRange>& ranges) {
  nlohmann::json json = nlohmann::json::array();
  for (const PfnRange& range : ranges) json.push_back({{"start", range.start}, {"end", range.end}});
  return json;
}

nlohmann::json request_json(const RequestSummary& request) {
  nlohmann::json json = {{"count", request.count},
                         {"pages", request.pages},
                         {"pages_certain", request.pages_certain},
                         {"area", request.area},
                         {"culprit", word_of(request.culprit)},
                         {"windows", request.windows},
                         {"first_line", request.first_line},
                         {"last_line", request.last_line},
                         {"stopped_at", request.stopped_at},
                         {"failed", request.failed},
                         {"unseen", request.unseen},
                         {"certainty",
                          {{"align", word_of(request.align_certainty)},
                           {"ending", word_of(request.ending_certainty)},
                           {"culprit", word_of(request.culprit_certainty)},
                           {"tried", word_of(request.tried_certainty)},
                           {"unseen", word_of(request.unseen_certainty)},
                           {"suspects", word_of(request.suspects_certainty)}}}};
  json["align"] = request.align ? nlohmann::json(*request.align) : nlohmann::json();
  json["error"] = request.error ? nlohmann::json(*request.error) : nlohmann::json();
  json["suspects"] = ranges_json(request.suspects);
  json["tried"] = ranges_json(request.tried);
  return json;
}

nlohmann::json failure_json(const PageFailureSummary& failure) {
  nlohmann::json json = {
      {"line", failure.line},       {"order", failure.order},          {"verdict", word_of(failure.verdict)},
      {"zone", failure.zone},       {"usable", failure.usable},        {"needed", failure.needed},
      {"at_most", failure.at_most}, {"own_report", failure.own_report}};
  json["flags"] = failure.flags ? nlohmann::json(*failure.flags) : nlohmann::json();
  return json;
}

}  // namespace

nlohmann::json answer_json(const LogAnswer& answer, std::string_view file) {
  nlohmann::json json = {{"file", file},
                         {"lines", answer.lines},
                         {"facts", answer.facts},
                         {"kernel",
                          {{"versions", answer.versions},
                           {"certainty", word_of(answer.versions_certainty)},
                           {"model", answer.model},
                           {"page_kb", answer.page_kb}}},
                         {"answer", answer.brief},
                         {"collect", answer.collect}};
  json["requests"] = nlohmann::json::array();
  for (const RequestSummary& request : answer.requests) json["requests"].push_back(request_json(request));
  json["failures"] = nlohmann::json::array();
  for (const PageFailureSummary& failure : answer.failures) json["failures"].push_back(failure_json(failure));
  json["evidence"] = nlohmann::json::array();
  for (const Section& section : answer.sections)
    for (const Statement& statement : section.statements)
      json["evidence"].push_back({{"about", section.title},
                                  {"certainty", word_of(statement.certainty)},
                                  {"text", statement.text},
                                  {"lines", statement.lines}});
  return json;
}

}  // namespace cma::logs
