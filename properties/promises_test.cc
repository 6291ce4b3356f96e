// The table of promises in README.md says what the sources say, and every law is the subject of one.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "allocator/base/bug.h"
#include "properties/laws/catalogue.h"

namespace cma {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The sources of promises, by file name.
std::map<std::string, std::string> sources() {
  std::map<std::string, std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("properties"))
    if (entry.path().filename().string().ends_with("_property.cc"))
      found[entry.path().filename().string()] = contents(entry.path());
  return found;
}

// Requires: the text outlives the matches.
std::vector<std::smatch> matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  return {std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator()};
}

// Returns the names of the bugs in a list of planted mistakes, as programs write them, in its order.
std::string planted_in(const std::string& list) {
  std::string text;
  std::set<std::string> seen;
  for (const std::smatch& bug : matches(list, "Bug::(\\w+)")) {
    std::string name = bug[1].str();
    std::ranges::replace(name, '_', '-');
    if (seen.insert(name).second) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", name);
  }
  return text;
}

// Returns what the promises of a suite are about: of AreaPagesPromise "area pages".
std::string subject_of(const std::string& suite) {
  std::string text;
  for (const char c : suite.substr(0, suite.rfind("Promise"))) {
    if (c >= 'A' && c <= 'Z' && !text.empty()) text += ' ';
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

// PROMISE(Suite, name, {... .planted = {...}}) {   and   const Stateful kName = {"Suite.name", body, {...}};
constexpr const char* kPromise = "\nPROMISE\\(\\s*(\\w+),\\s*(\\w+),([^;]*?)\\) \\{\n";
constexpr const char* kStateful = "\nconst Stateful \\w+ = \\{\\s*\"(\\w+)\\.(\\w+)\",([^;]*)\\};";

// Returns the lines of one file: a promise and its mistakes each.
std::string rows(const std::string& file, const std::string& source) {
  std::string text;
  const auto row = [&](const std::string& suite, std::string name, const std::string& list) {
    name = std::regex_replace(name, std::regex("(\\d)_(\\d)"), "$1.$2");  // a release
    std::ranges::replace(name, '_', ' ');
    text += fmt::format("| `{}` | {}: {} | {} |\n", file.substr(0, file.find("_property")), subject_of(suite), name,
                        planted_in(list));
  };
  for (const std::smatch& promise : matches(source, kPromise)) row(promise[1], promise[2], promise[3]);
  for (const std::smatch& promise : matches(source, kStateful)) row(promise[1], promise[2], promise[3]);
  return text;
}

std::string table() {
  std::string text = "| file | promise | mistakes that it must notice |\n| --- | --- | --- |\n";
  for (const auto& [file, source] : sources()) text += rows(file, source);
  return text;
}

TEST(Promises, AreTheTableOfTheReadme) {
  EXPECT_NE(contents("properties/README.md").find(table()), std::string::npos)
      << "properties/README.md needs this table:\n"
      << table();
}

TEST(Promises, HaveMistakesThatExist) {
  for (const auto& [file, source] : sources()) {
    std::istringstream lines(rows(file, source));
    int promises = 0;
    for (std::string line; std::getline(lines, line); ++promises) {
      const std::string list = line.substr(line.rfind(" | "));
      const auto named = matches(list, "`([a-z0-9-]+)`");
      EXPECT_FALSE(named.empty()) << line << " has none";
      for (const std::smatch& bug : named) EXPECT_TRUE(bug_from_name(bug[1].str())) << line;
    }
    EXPECT_GT(promises, 0) << file << " makes no promise that this test understands";
  }
}

TEST(Promises, SpeakOfEveryLaw) {
  std::set<std::string> spoken_of;
  for (const auto& [file, source] : sources())
    for (const std::smatch& law : matches(source, "Law::(\\w+)")) spoken_of.insert(law[1]);
  for (const LawInfo& law : law_catalogue())
    EXPECT_TRUE(spoken_of.contains(std::string(name_of(law.law)))) << name_of(law.law);
}

}  // namespace
}  // namespace cma
