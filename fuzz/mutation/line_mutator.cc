#include "fuzz/mutation/line_mutator.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cma {
namespace {

constexpr std::uint64_t kMutations = 8;

std::vector<std::string> lines_in(std::string_view log) {
  std::vector<std::string> lines;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size() - 1) + 1;
    lines.emplace_back(log.substr(0, end));
    log.remove_prefix(end);
  }
  return lines;
}

bool is_hexadecimal_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Replaces digits of the line from a random one on: a few others, near it.
void change_number(std::string& line, Random& random) {
  if (line.empty()) return;
  const std::size_t begin = random.below(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    char& c = line[(begin + i) % line.size()];
    if (!is_hexadecimal_digit(c)) continue;
    c = "0123456789abcdef"[random.below(c > '9' ? 16 : 10)];
    if (random.chance(60)) return;
  }
}

void mutate_once(std::vector<std::string>& lines, Random& random) {
  if (lines.empty()) lines.emplace_back("\n");
  const std::size_t at = random.below(lines.size());
  const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
  const std::size_t other = random.below(lines.size());
  switch (random.below(kMutations)) {
    case 0: lines.insert(place, std::string(lines[other])); return;
    case 1: lines.erase(place); return;
    case 2: std::swap(lines[at], lines[other]); return;
    case 3:  // joined with the next one
      if (lines[at].ends_with('\n')) lines[at].pop_back();
      return;
    case 4: lines[at].insert(random.below(lines[at].size() + 1), "\n"); return;
    case 5: lines[at] = lines[at].substr(0, random.below(lines[at].size() + 1)) + "\n"; return;
    case 6:  // a run of lines is lost
      lines.erase(place, lines.begin() + static_cast<std::ptrdiff_t>(at + random.below(lines.size() - at) + 1));
      return;
    default: change_number(lines[at], random); return;
  }
}

}  // namespace

std::string mutate_lines(std::string_view log, std::size_t max_size, Random& random) {
  std::vector<std::string> lines = lines_in(log);
  for (std::uint64_t times = random.between(1, 4); times > 0; --times) mutate_once(lines, random);
  std::string mutated;
  for (const std::string& line : lines) mutated += line;
  mutated.resize(std::min(mutated.size(), max_size));
  return mutated;
}

std::size_t mutate_log(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  Random random(seed);
  const std::string mutated = mutate_lines({reinterpret_cast<const char*>(data), size}, max_size, random);
  std::copy(mutated.begin(), mutated.end(), data);
  return mutated.size();
}

}  // namespace cma
