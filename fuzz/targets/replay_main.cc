// The main of a fuzz target where there is no fuzzing engine: runs it on files, and on all files below folders.
//
//   TARGET FILE|FOLDER...       words that begin with - are an engine's options and are ignored
//
// Exit: 0 when all inputs ran, 2 when none was found or one cannot be read. A finding ends the process, as it does
// under an engine; the input that was running is named first.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

// Files in the order of their names, so that two runs do the same.
std::vector<std::string> files_below(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

bool replay(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return false;
  const std::vector<char> content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  // Exactly as large as the input, so that a sanitizer sees a read past its end.
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  fmt::print(stderr, "{}\n", file);
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  std::size_t ran = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]).starts_with('-')) continue;
    for (const std::string& file : files_below(argv[i])) {
      if (!replay(file)) {
        fmt::print(stderr, "{}: cannot be read\n", file);
        return 2;
      }
      ++ran;
    }
  }
  fmt::print("{} inputs ran\n", ran);
  if (ran == 0) fmt::print(stderr, "no inputs were found; give files, or folders with files\n");
  return ran == 0 ? 2 : 0;
} catch (const fs::filesystem_error& error) {
  fmt::print(stderr, "{}: {}\n", error.path1().string(), error.code().message());
  return 2;
}
