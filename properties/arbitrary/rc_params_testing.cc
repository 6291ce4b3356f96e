#include "properties/arbitrary/rc_params_testing.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <rapidcheck.h>

namespace cma {
namespace {

constexpr std::string_view kNumbers[] = {"seed", "max_success", "max_size", "max_discard_ratio"};
constexpr std::string_view kOthers[] = {"noshrink", "verbose_progress", "verbose_shrinking", "reproduce"};

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_number(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// A key and its value; no value if no '=' follows the key.
struct Parameter {
  std::string_view name;
  std::string_view value;
};

constexpr std::string_view kBlanks = " \t\n";

// Takes the first parameter of `text` off it. As in RapidCheck, a value in quotes ends at the closing quote, with or
// without a blank after it. Requires: text does not begin with a blank.
Parameter take_parameter(std::string_view& text) {
  const std::size_t name_end = std::min(text.find_first_of("= \t\n"), text.size());
  Parameter parameter{text.substr(0, name_end), {}};
  text.remove_prefix(name_end);
  if (!text.starts_with('=')) return parameter;
  text.remove_prefix(1);
  const bool quoted = text.starts_with('"') || text.starts_with('\'');
  if (const std::size_t closing = quoted ? text.find(text.front(), 1) : text.npos; closing != text.npos) {
    parameter.value = text.substr(1, closing - 1);
    text.remove_prefix(closing + 1);
  } else {
    parameter.value = text.substr(0, text.find_first_of(kBlanks));
    text.remove_prefix(parameter.value.size());
  }
  return parameter;
}

// Returns the problem with a key that RapidCheck would ignore, or with a number of which it would read a part.
std::string problem_with(const Parameter& parameter) {
  const auto& [name, value] = parameter;
  const bool number = is_among(kNumbers, name);
  if (!number && !is_among(kOthers, name))
    return fmt::format("'{}' is no key; the keys are {}, {}", name, fmt::join(kNumbers, ", "),
                       fmt::join(kOthers, ", "));
  if (value.empty()) return fmt::format("'{}' has no value", name);
  if (number && !is_number(value)) return fmt::format("'{}' is not a number: '{}'", name, value);
  return {};
}

// Returns why RapidCheck refuses the parameters; empty if it does not.
std::string refusal_by_rapidcheck(std::string_view params) {
  try {
    rc::detail::configFromString(std::string(params));
  } catch (const std::exception& refusal) {
    return refusal.what();
  }
  return {};
}

}  // namespace

std::string problem_with_rc_params(std::string_view params) {
  for (std::string_view rest = params;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    if (rest.empty()) break;
    if (std::string problem = problem_with(take_parameter(rest)); !problem.empty()) return "RC_PARAMS: " + problem;
  }
  if (const std::string refusal = refusal_by_rapidcheck(params); !refusal.empty()) return "RC_PARAMS: " + refusal;
  return {};
}

}  // namespace cma
