// encode_programs: writes programs of the text form as the bytes that fuzzers work on, for fleets, which build the fuzz
// targets alone. `cmacheck encode` does the same for people, and needs the libraries of the command line.
//
//   encode_programs FILE... --into FOLDER
//
// Exit: 0 all were written, 2 bad usage, or a file that cannot be read, written, or is no program.

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "properties/program/byte_form.h"
#include "properties/program/text.h"

namespace {

namespace fs = std::filesystem;

// Writes the bytes of a program to a file of its name without .cma. Returns what went wrong, or nothing.
std::string encode_file(const fs::path& file, const fs::path& folder) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) return "cannot be read";
  const auto program = cma::parse(text);
  if (!program) return fmt::format("line {}: {}", program.error().line, program.error().message);
  const std::vector<std::uint8_t> bytes = cma::encode(*program);
  std::ofstream out(folder / file.stem(), std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out ? "" : fmt::format("{} cannot be written", (folder / file.stem()).string());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() < 3 || words[words.size() - 2] != "--into") {
    fmt::print(stderr, "usage: encode_programs FILE... --into FOLDER\n");
    return 2;
  }
  for (const std::string_view file : std::vector(words.begin(), words.end() - 2)) {
    const std::string wrong = encode_file(file, words.back());
    if (wrong.empty()) continue;
    fmt::print(stderr, "encode_programs: {}: {}\n", file, wrong);
    return 2;
  }
}
