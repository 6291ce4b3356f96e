// A folder for the files of one test. CTest runs each test as a process of its own, several at once, so two tests never
// share a file: the folder's name holds the test's full name and the process.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cma {

class ScratchFolder {
 public:
  // Makes an empty folder. Requires that a test is running. Throws std::filesystem::filesystem_error.
  ScratchFolder();
  // Removes the folder and all that is in it.
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Returns the path of a file in the folder, made or not.
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  // Makes or replaces a file. Returns its path.
  std::string write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

}  // namespace cma
