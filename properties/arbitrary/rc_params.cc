#include "properties/arbitrary/rc_params.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace cma {
namespace {

// The value of a key is a number, 0 or 1, or what RapidCheck printed.
enum class Value : std::uint8_t { number, flag, text };
struct Key {
  std::string_view name;
  Value value;
};
constexpr auto kKeys = std::to_array<Key>({{"seed", Value::number},
                                           {"max_success", Value::number},
                                           {"max_size", Value::number},
                                           {"max_discard_ratio", Value::number},
                                           {"noshrink", Value::flag},
                                           {"verbose_progress", Value::flag},
                                           {"verbose_shrinking", Value::flag},
                                           {"reproduce", Value::text}});

std::string known_keys() {
  std::string text;
  for (const Key& key : kKeys) text += fmt::format("{}{}", text.empty() ? "" : ", ", key.name);
  return text;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
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

std::string problem_with(const Parameter& parameter) {
  const auto& [name, value] = parameter;
  const auto* key = std::ranges::find(kKeys, name, &Key::name);
  if (key == kKeys.end()) return fmt::format("'{}' is no key; the keys are {}", name, known_keys());
  if (value.empty()) return fmt::format("'{}' has no value", name);
  if (key->value == Value::number && !is_number(value)) return fmt::format("'{}' is not a number: '{}'", name, value);
  if (key->value == Value::flag && value != "0" && value != "1")
    return fmt::format("'{}' is neither 0 nor 1: '{}'", name, value);
  return {};
}

}  // namespace

std::string problem_with_rc_params(std::string_view params) {
  while (true) {
    params.remove_prefix(std::min(params.find_first_not_of(kBlanks), params.size()));
    if (params.empty()) return {};
    if (std::string problem = problem_with(take_parameter(params)); !problem.empty()) return "RC_PARAMS: " + problem;
  }
}

}  // namespace cma
