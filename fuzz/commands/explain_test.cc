#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/commands/command_testing.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ExplainTest : public CommandTest {};

constexpr const char* kFullArea =
    "[    1.000000] cma: cma_alloc: linux,cma: alloc failed, req-size: 1024 pages, ret: -12\n";

TEST_F(ExplainTest, AnswersFirstAndThenHasTheEvidence) {
  EXPECT_EQ(call({"explain", write("dmesg", kFullArea)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("answer  A request for 1024 pages (4 MiB) of area linux,cma failed with -12."));
  EXPECT_THAT(out_, HasSubstr("  seen     it asked for 1024 pages (4 MiB) (line 1)"));
  EXPECT_EQ(err_, "");
}

TEST_F(ExplainTest, HasTheSameAsJson) {
  EXPECT_EQ(call({"explain", "--json", write("dmesg", kFullArea)}), kNothingFound);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["requests"][0]["pages"], 1024);
  EXPECT_EQ(json["requests"][0]["error"], -12);
  EXPECT_EQ(json["requests"][0]["culprit"], "no room");
  EXPECT_EQ(json["kernel"]["versions"], "5.12 to 6.11");
  EXPECT_EQ(json["answer"].size(), 3U);
}

TEST_F(ExplainTest, HasTheSameAsAPage) {
  EXPECT_EQ(call({"explain", "--html", write("dmesg", kFullArea)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("A request for 1024 pages (4 MiB) of area linux,cma failed with -12."));
  EXPECT_THAT(out_, HasSubstr("<h1>dmesg</h1>"));
  EXPECT_EQ(call({"explain", "--html", "--redact", path("dmesg")}), kNothingFound);
  EXPECT_THAT(out_, Not(HasSubstr("linux,cma")));
  EXPECT_THAT(out_, HasSubstr("<h1>log</h1>"));
  EXPECT_EQ(call({"explain", "--html", "--json", path("dmesg")}), kBadInput);
}

TEST_F(ExplainTest, NamesNothingWhenItIsToRedact) {
  EXPECT_EQ(call({"explain", "--redact", write("dmesg", kFullArea)}), kNothingFound);
  EXPECT_THAT(out_, Not(HasSubstr("linux,cma")));
  EXPECT_THAT(out_, Not(HasSubstr("dmesg:")));
}

TEST_F(ExplainTest, OfAnotherTextSaysNotEnough) {
  EXPECT_EQ(call({"explain", write("dmesg", "hello\n")}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("Not enough"));
}

TEST_F(ExplainTest, BearsBytesThatAreNoText) {
  EXPECT_EQ(call({"explain", "--json",
                  write("dmesg", std::string("\xff\xfe cma_alloc: \xff: alloc failed, req-size: 1 pages, "
                                             "ret: -12\n"))}),
            kNothingFound);
  EXPECT_TRUE(nlohmann::json::accept(out_));
}

TEST_F(ExplainTest, WritesAProgramThatReproducesTheLog) {
  EXPECT_EQ(call({"explain", "--program", path("p.cma"), write("dmesg", kFullArea)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("on 5.15 it prints the log's line"));
  EXPECT_EQ(call({"run", "--trace", path("p.cma")}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("cma: cma_alloc: linux,cma: alloc failed, req-size: 1024 pages, ret: -12"));
}

TEST_F(ExplainTest, WritesNoProgramWhereThereIsNothingToReproduce) {
  EXPECT_EQ(call({"explain", "--program", path("p.cma"), write("dmesg", "hello\n")}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("none: the log has no request, and no area"));
  EXPECT_EQ(call({"run", path("p.cma")}), kBadInput);
}

TEST_F(ExplainTest, RefusesAProgramThatIsToBeRedacted) {
  EXPECT_EQ(call({"explain", "--redact", "--program", path("p.cma"), write("dmesg", kFullArea)}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("--program"));
}

TEST_F(ExplainTest, RefusesWhatCannotBeRead) {
  EXPECT_EQ(call({"explain", path("missing")}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("missing: No such file"));
  EXPECT_EQ(call({"explain", path("")}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("Is a directory"));
  EXPECT_EQ(call({"explain"}), kBadInput);
}

}  // namespace
}  // namespace cma
