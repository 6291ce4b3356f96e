// What fuzz targets share: a reader of numbers from an input, the report of a finding, and the bugs to switch on.
// Nothing else includes it, but for the target in fuzz/kernel/: a target is small, and what deserves a test of its own
// belongs into a library.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/bug.h"

namespace cma {

// Reads numbers from the input, and zeros after its end.
class Numbers {
 public:
  explicit Numbers(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool any() const { return !bytes_.empty(); }
  std::uint64_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  // Returns a number below `bound`, which is not 0, from two bytes.
  std::uint64_t below(std::uint64_t bound) { return (byte() << 8 | byte()) % bound; }

 private:
  std::span<const std::uint8_t> bytes_;
};

// Reports a finding and aborts unless the condition holds. `what` is a signature, TARGET/WHAT; `details` follow it.
inline void require(bool holds, std::string_view what, std::string_view details = "") {
  if (holds) return;
  fmt::print(stderr, "FINDING: {}\n{}\n", what, details);
  std::abort();
}

// Returns the words of an environment variable, which are separated by commas.
inline std::vector<std::string> words_of(const char* variable) {
  std::vector<std::string> words;
  const char* value = std::getenv(variable);
  std::string_view left = value == nullptr ? "" : value;
  while (!left.empty()) {
    const std::size_t comma = left.find(',');
    if (comma != 0) words.emplace_back(left.substr(0, comma));
    left.remove_prefix(comma == std::string_view::npos ? left.size() : comma + 1);
  }
  return words;
}

// Returns the bugs of CMACHECK_BUG. Ends the process if one does not exist: the hunt would find nothing.
inline std::vector<Bug> wanted_bugs() {
  std::vector<Bug> bugs;
  for (const std::string& name : words_of("CMACHECK_BUG")) {
    const auto bug = bug_from_name(name);
    if (!bug) {
      fmt::print(stderr, "CMACHECK_BUG: there is no bug '{}'; `cmacheck bugs` lists them\n", name);
      std::exit(2);
    }
    bugs.push_back(*bug);
  }
  return bugs;
}

}  // namespace cma
