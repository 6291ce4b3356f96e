#include "allocator/base/assert.h"

#include <cstring>

namespace cma {
namespace {

std::string message(const char* condition, const char* function, const char* file, int line) {
  const char* slash = std::strrchr(file, '/');
  return std::string(function) + ": " + condition + " (" + (slash ? slash + 1 : file) + ":" + std::to_string(line) +
         ")";
}

}  // namespace

AssertionFailure::AssertionFailure(const char* condition, const char* function, const char* file, int line)
    : std::logic_error(message(condition, function, file, line)), where_(function) {}

void assertion_failed(const char* condition, const char* function, const char* file, int line) {
  throw AssertionFailure(condition, function, file, line);
}

}  // namespace cma
