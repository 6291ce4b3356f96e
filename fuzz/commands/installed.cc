#include "fuzz/commands/installed.h"

#include <filesystem>
#include <system_error>

namespace cma {

std::string data_folder() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "/usr/share/cmacheck";
  return (program.parent_path() / "../share/cmacheck").lexically_normal().string();
}

std::string input_path(const std::string& name, const std::string& data) {
  std::error_code error;
  if (!name.starts_with("corpus/") || std::filesystem::exists(name, error)) return name;
  const std::filesystem::path installed = std::filesystem::path(data) / name;
  return std::filesystem::exists(installed, error) ? installed.string() : name;
}

std::string program_name(const std::string& data) {
  std::error_code error;
  return std::filesystem::is_directory(data, error) ? "cmacheck" : "ci/cmacheck";
}

}  // namespace cma
