#include "allocator/reports/warning.h"

#include "allocator/trace/trace.h"

namespace cma {
namespace {

std::string failed_pages(unsigned order) { return "page allocation failure: order:" + std::to_string(order); }

std::string mode_of(Gfp gfp, Release release) {
  std::string mode = ", mode:0x" + hex(gfp_value(gfp, release));
  if (release >= Release::v4_6) mode += "(" + gfp_text(gfp, release) + ")";
  return mode;
}

// Up to 4.8 the line of a page allocation follows whatever failed.
std::vector<std::string> lines_v3_5(const FailureWarning& warning, Release release) {
  std::vector<std::string> lines;
  if (warning.subject) lines.push_back(*warning.subject);
  lines.push_back(warning.task + ": " + failed_pages(warning.order) + mode_of(warning.gfp, release));
  return lines;
}

std::vector<std::string> lines_v4_9(const FailureWarning& warning, Release release) {
  std::string line = warning.task + ": " + warning.subject.value_or(failed_pages(warning.order));
  line += mode_of(warning.gfp, release);
  if (release < Release::v4_11) return {line};
  // No caller restricts a request to some nodes.
  line += ", nodemask=(null)";
  if (release >= Release::v5_0) return {line + ",cpuset=" + warning.cpuset + ",mems_allowed=" + warning.mems_allowed};
  return {line, warning.task + " cpuset=" + warning.cpuset + " mems_allowed=" + warning.mems_allowed};
}

}  // namespace

std::vector<std::string> warning_lines(const FailureWarning& warning, Release release) {
  return release >= Release::v4_9 ? lines_v4_9(warning, release) : lines_v3_5(warning, release);
}

std::size_t count_warning_lines(const FailureWarning& warning, Release release) {
  if (release < Release::v4_9) return warning.subject ? 2 : 1;
  return release >= Release::v4_11 && release < Release::v5_0 ? 2 : 1;
}

std::string list_of(const std::vector<unsigned>& numbers) {
  std::string list;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool goes_on = i > 0 && numbers[i - 1] + 1 == numbers[i];
    const bool last = i + 1 == numbers.size() || numbers[i + 1] != numbers[i] + 1;
    if (goes_on && !last) continue;
    if (!list.empty()) list += goes_on ? '-' : ',';
    list += std::to_string(numbers[i]);
  }
  return list;
}

}  // namespace cma
