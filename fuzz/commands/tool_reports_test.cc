// SARIF and JUnit of `cmacheck run`: the fields that the SARIF 2.1.0 schema requires or restricts, and XML that parses.

#include "fuzz/commands/tool_reports.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cma {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ToolOutcome finding(const std::string& file, std::optional<int> line) {
  return {.file = file,
          .law = "bitmap",
          .signature = "bitmap/cma_alloc/cma_mutex_dropped",
          .message = "bit 1 of a live buffer is clear",
          .operation = "b1 = cma_alloc a pages=2",
          .line = line};
}

// Checks what the schema demands of each object that is used here, and that it has no property beyond those.
void expect_only(const json& object, const std::vector<std::string>& required, std::vector<std::string> allowed) {
  ASSERT_TRUE(object.is_object()) << object;
  for (const std::string& name : required) EXPECT_TRUE(object.contains(name)) << name << " in " << object;
  allowed.insert(allowed.end(), required.begin(), required.end());
  for (const auto& [name, value] : object.items()) EXPECT_THAT(allowed, ::testing::Contains(name)) << object;
}

void expect_location(const json& location) {
  expect_only(location, {}, {"physicalLocation"});
  const json& place = location.at("physicalLocation");
  expect_only(place, {"artifactLocation"}, {"region"});
  expect_only(place.at("artifactLocation"), {"uri"}, {});
  if (!place.contains("region")) return;
  expect_only(place.at("region"), {"startLine"}, {"snippet"});
  EXPECT_GE(place.at("region").at("startLine").get<int>(), 1);
}

void expect_result(const json& result, const json& rules) {
  expect_only(result, {"message"}, {"ruleId", "ruleIndex", "level", "locations", "partialFingerprints"});
  expect_only(result.at("message"), {"text"}, {});
  EXPECT_THAT((std::vector<std::string>{"none", "note", "warning", "error"}), ::testing::Contains(result.at("level")));
  EXPECT_EQ(rules.at(result.at("ruleIndex").get<std::size_t>()).at("id"), result.at("ruleId"));
  for (const auto& [name, value] : result.at("partialFingerprints").items()) EXPECT_TRUE(value.is_string()) << name;
  for (const json& location : result.at("locations")) expect_location(location);
}

// Checks a log by the schema, and returns its run.
json checked_run(const std::string& text) {
  const json log = json::parse(text);
  expect_only(log, {"version", "runs"}, {"$schema"});
  EXPECT_EQ(log.at("version"), "2.1.0");
  EXPECT_EQ(log.at("runs").size(), 1u);
  json run = log.at("runs").at(0);
  expect_only(run, {"tool"}, {"results", "invocations", "columnKind"});
  EXPECT_EQ(run.at("columnKind"), "utf16CodeUnits");
  const json& driver = run.at("tool").at("driver");
  expect_only(driver, {"name"}, {"version", "rules"});
  for (const json& rule : driver.at("rules")) {
    expect_only(rule, {"id"}, {"shortDescription"});
    expect_only(rule.at("shortDescription"), {"text"}, {});
  }
  for (const json& result : run.at("results")) expect_result(result, driver.at("rules"));
  for (const json& invocation : run.at("invocations")) {
    expect_only(invocation, {"executionSuccessful"}, {"toolExecutionNotifications"});
    if (!invocation.contains("toolExecutionNotifications")) continue;
    for (const json& note : invocation.at("toolExecutionNotifications"))
      expect_only(note, {"message"}, {"level", "locations"});
  }
  return run;
}

TEST(Sarif, AFindingStandsAtFileAndLineOfItsProgram) {
  const json run = checked_run(sarif({finding("build/findings/a b%.cma", 7), {.file = "good.cma"}}, "1.2"));
  ASSERT_EQ(run.at("results").size(), 1u);
  const json& result = run.at("results").at(0);
  EXPECT_EQ(result.at("ruleId"), "bitmap");
  EXPECT_EQ(result.at("partialFingerprints").at("cmacheckSignature/v1"), "bitmap/cma_alloc/cma_mutex_dropped");
  const json& place = result.at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("artifactLocation").at("uri"), "build/findings/a%20b%25.cma");
  EXPECT_EQ(place.at("region").at("startLine"), 7);
  EXPECT_TRUE(run.at("invocations").at(0).at("executionSuccessful").get<bool>());
  EXPECT_EQ(run.at("tool").at("driver").at("version"), "1.2");
  EXPECT_THAT(run.at("tool").at("driver").at("rules").at(0).at("shortDescription").at("text").get<std::string>(),
              HasSubstr("bits set in an area's bitmap"));
}

TEST(Sarif, WithoutLinesAFindingStandsAtItsFile) {
  const json run = checked_run(sarif({finding("/tmp/crash-1", std::nullopt)}, "1"));
  const json& place = run.at("results").at(0).at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("artifactLocation").at("uri"), "file:///tmp/crash-1");
  EXPECT_FALSE(place.contains("region"));
}

TEST(Sarif, NothingFoundIsAnEmptyList) {
  const json run = checked_run(sarif({{.file = "good.cma"}}, "1"));
  EXPECT_TRUE(run.at("results").is_array());
  EXPECT_TRUE(run.at("results").empty());
}

TEST(Sarif, AFileThatCannotBePerformedIsNoFinding) {
  const json run = checked_run(sarif({{.file = "bad.cma", .failure = "bad.cma:1:1: no \xff"}}, "1"));
  EXPECT_TRUE(run.at("results").empty());
  EXPECT_FALSE(run.at("invocations").at(0).at("executionSuccessful").get<bool>());
  EXPECT_EQ(run.at("invocations").at(0).at("toolExecutionNotifications").size(), 1u);
}

TEST(Sarif, FindingsOfOneLawShareItsRule) {
  ToolOutcome other = finding("b.cma", 2);
  other.law = "text";
  const json run = checked_run(sarif({other, finding("a.cma", 1), finding("c.cma", 3)}, "1"));
  EXPECT_EQ(run.at("tool").at("driver").at("rules").size(), 2u);
  EXPECT_EQ(run.at("results").size(), 3u);
}

TEST(Junit, EachProgramIsATest) {
  const std::string text =
      junit({finding("a.cma", 7), {.file = "good.cma"}, {.file = "bad.cma", .failure = "bad.cma:1:1: no <verb>"}});
  EXPECT_THAT(text, AllOf(HasSubstr("tests=\"3\" failures=\"1\" errors=\"1\""), HasSubstr("name=\"good.cma\"/>"),
                          HasSubstr("<failure type=\"bitmap/cma_alloc/cma_mutex_dropped\""),
                          HasSubstr(">a.cma:7: b1 = cma_alloc a pages=2</failure>"), HasSubstr("no &lt;verb&gt;")));
}

TEST(Junit, HoldsNothingThatXmlCannotHold) {
  ToolOutcome odd = finding("a\x01\"&.cma", 1);
  odd.message = "one\ntwo \xff\x1f";
  EXPECT_THAT(junit({odd}),
              AllOf(HasSubstr("name=\"a?&quot;&amp;.cma\""), HasSubstr("one&#10;two ??"), Not(HasSubstr("\x1f"))));
}

}  // namespace
}  // namespace cma
