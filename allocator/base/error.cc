#include "allocator/base/error.h"

#include <array>
#include <utility>

namespace cma {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 11> kNames = {{
    {0, "0"},
    {-kEINTR, "-EINTR"},
    {-kEIO, "-EIO"},
    {-kENOENT, "-ENOENT"},
    {-kEAGAIN, "-EAGAIN"},
    {-kENOMEM, "-ENOMEM"},
    {-kEFAULT, "-EFAULT"},
    {-kEBUSY, "-EBUSY"},
    {-kEINVAL, "-EINVAL"},
    {-kENOSPC, "-ENOSPC"},
    {-kENOSYS, "-ENOSYS"},
}};

}  // namespace

std::string_view errno_name(int error) {
  for (const auto& [number, name] : kNames)
    if (number == error) return name;
  return "error";
}

int errno_from_name(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  for (const auto& [number, name] : kNames)
    if (name == text || (number != 0 && name.substr(1) == text)) return number;
  return 1;
}

}  // namespace cma
