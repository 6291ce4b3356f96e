// The main function of a fuzz target without a fuzzing engine: runs it on files, and on all files below folders.
//
//   TARGET FILE|FOLDER...       words that begin with - are an engine's options and are ignored
//
// Exit: 0 if all inputs ran, 2 if there is none or one cannot be read. A finding ends the process, as it does under an
// engine; each input is named before it runs.

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

// Returns the file, or the files below the folder in the order of their names, so that two runs do the same.
std::vector<std::string> files_below(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

// Runs the target on a file. Returns false if it cannot be read.
bool replay(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return false;
  const std::vector<char> content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  // Exactly as large as the input, so that a sanitizer notices a read past its end.
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
