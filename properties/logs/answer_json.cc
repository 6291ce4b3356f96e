#include "properties/logs/answer_json.h"

#include <nlohmann/json.hpp>

namespace cma::logs {
namespace {

nlohmann::json request_json(const RequestSummary& request) {
  nlohmann::json json = {{"count", request.count},
                         {"pages", request.pages},
                         {"pages_certain", request.pages_certain},
                         {"area", request.area},
                         {"culprit", word_of(request.culprit)},
                         {"windows", request.windows},
                         {"first_line", request.first_line},
                         {"last_line", request.last_line},
                         {"stopped_at", request.stopped_at}};
  json["align"] = request.align ? nlohmann::json(*request.align) : nlohmann::json();
  json["error"] = request.error ? nlohmann::json(*request.error) : nlohmann::json();
  json["suspects"] = nlohmann::json::array();
  for (const PfnRange& range : request.suspects)
    json["suspects"].push_back({{"start", range.start}, {"end", range.end}});
  return json;
}

}  // namespace

nlohmann::json answer_json(const LogAnswer& answer, std::string_view file) {
  nlohmann::json json = {{"file", file},           {"lines", answer.lines},
                         {"facts", answer.facts},  {"kernel", {{"versions", answer.versions}, {"model", answer.model}}},
                         {"answer", answer.brief}, {"collect", answer.collect}};
  json["requests"] = nlohmann::json::array();
  for (const RequestSummary& request : answer.requests) json["requests"].push_back(request_json(request));
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
