// A check of pages and pictures for tests: whether their elements are nested as they should be.
#pragma once

#include <regex>
#include <set>
#include <string>
#include <vector>

namespace cma {

// Returns what is wrong with the nesting of the elements and with their identifiers; empty if nothing is.
inline std::string complaint(const std::string& html) {
  std::vector<std::string> open;
  std::set<std::string> ids;
  const std::string body = std::regex_replace(html, std::regex("<style>[^<]*</style>"), "");
  const std::regex tag(R"(<(/?)([a-zA-Z0-9]+)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*(/?)>|<!DOCTYPE html>|<)");
  for (auto at = std::sregex_iterator(body.begin(), body.end(), tag); at != std::sregex_iterator(); ++at) {
    const std::smatch& match = *at;
    if (match.str() == "<") return "a < that begins no element at " + std::to_string(match.position());
    const std::string name = match[2];
    std::smatch id;
    const std::string attributes = match[3];
    if (std::regex_search(attributes, id, std::regex(" id=\"([^\"]*)\"")) && !ids.insert(id[1]).second)
      return "identifier twice: " + id[1].str();
    if (name.empty() || match[4] == "/" || name == "meta" || name == "link") continue;
    if (match[1] != "/") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + "> ends " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back() + " does not end";
}

}  // namespace cma
