#include "properties/laws/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace cma {
namespace {

namespace fs = std::filesystem;

// --- where sources find laws broken ---

bool is_source(const fs::path& file) {
  const std::string name = file.stem().string();
  if (file.extension() != ".cc" && file.extension() != ".h") return false;
  for (const char* kind : {"_test", "_testing", "_bench", "_property"})
    if (name.ends_with(kind)) return false;
  return name != "catalogue" && name != "law";
}

// Returns the function whose definition begins in this line; empty if none does. clang-format's layout makes it this
// simple: a definition is not indented, or in a header is a member and indented by two.
std::string defined_in(const std::string& line, bool header) {
  const std::size_t first = line.find_first_not_of(' ');
  const std::size_t parenthesis = line.find('(');
  const bool fits = header ? first == 2 && line.ends_with('{') : first == 0 && !line.ends_with(';');
  if (!fits || parenthesis == std::string::npos || line[first] == '/' || line[first] == '#') return {};
  std::size_t begin = parenthesis;
  const auto in_name = [](char letter) { return std::isalnum(letter) != 0 || letter == '_' || letter == ':'; };
  while (begin > first && in_name(line[begin - 1])) --begin;
  return line.substr(begin, parenthesis - begin);
}

// Inserts "law function file" wherever the file throws a law, or makes a finding of one: the law is the first argument.
void find_checks(const std::string& path, std::set<std::string>& checks) {
  std::ifstream file(path);
  const bool header = path.ends_with(".h");
  std::string function;
  for (std::string line; std::getline(file, line);) {
    if (header && line.starts_with("class ")) function = line.substr(6, line.find(' ', 6) - 6);
    const std::string scope = header ? function.substr(0, function.find(':')) + "::" : "";
    if (const std::string name = defined_in(line, header); !name.empty()) function = scope + name;
    for (const std::string prefix : {"(Law::", "{Law::", "  Law::", "EngineFault::Kind::"})
      for (std::size_t at = line.find(prefix); at != std::string::npos; at = line.find(prefix, at + 1)) {
        const std::size_t begin = at + prefix.size();
        const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", begin);
        checks.insert(line.substr(begin, end - begin) + " " + function + " " + path);
      }
  }
}

TEST(LawCatalogue, HasEveryLawInTheOrderOfItsEnumerator) {
  ASSERT_EQ(law_catalogue().size(), law_names().size());
  for (std::size_t i = 0; i < law_catalogue().size(); ++i) {
    const LawInfo& law = law_catalogue()[i];
    EXPECT_EQ(name_of(law.law), law_names()[i]);
    EXPECT_EQ(find_law(law.law), &law);
    EXPECT_TRUE(law.sentence.ends_with('.')) << name_of(law.law);
    EXPECT_FALSE(law.suspended.empty()) << name_of(law.law);
    EXPECT_FALSE(law.checked.empty()) << name_of(law.law);
  }
}

TEST(LawCatalogue, HasNoSentenceForEndsThatBreakNoLaw) {
  for (const Law end : {Law::crash, Law::hang, Law::judge, Law::splat}) EXPECT_EQ(find_law(end), nullptr);
}

TEST(LawCatalogue, NamesEveryFunctionThatCanFindALawBroken) {
  std::set<std::string> in_sources;
  for (const char* folder : {"properties/laws", "properties/program", "allocator"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
      if (is_source(entry.path())) find_checks(entry.path().string(), in_sources);
  std::set<std::string> in_catalogue;
  for (const LawCheck& check : law_checks())
    in_catalogue.insert(std::string(name_of(check.law)) + " " + std::string(check.function) + " " +
                        std::string(check.file));
  EXPECT_THAT(in_catalogue, testing::ContainerEq(in_sources));
}

TEST(LawCatalogue, GivesTheTableOfTheReadme) {
  std::ifstream file("properties/laws/README.md");
  std::ostringstream readme;
  readme << file.rdbuf();
  EXPECT_NE(readme.str().find(law_reference()), std::string::npos) << "properties/laws/README.md needs this table:\n"
                                                                   << law_reference();
}

// --- names ---

TEST(Law, IsFoundByItsName) {
  for (std::size_t i = 0; i < law_names().size(); ++i)
    EXPECT_EQ(law_from_name(law_names()[i]), static_cast<Law>(i)) << law_names()[i];
  EXPECT_EQ(law_from_name("splat"), Law::splat);
  EXPECT_EQ(law_from_name("justice"), std::nullopt);
}

TEST(Law, IsMadeOfWhatTheEngineFinds) {
  EXPECT_EQ(law_of(EngineFault::Kind::locks), Law::locks);
  EXPECT_EQ(law_of(EngineFault::Kind::bounded), Law::bounded);
}

}  // namespace
}  // namespace cma
