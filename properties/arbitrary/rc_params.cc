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

std::string problem_with(std::string_view word) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const auto* key = std::ranges::find(kKeys, name, &Key::name);
  if (key == kKeys.end()) return fmt::format("'{}' is no key; the keys are {}", name, known_keys());
  std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  if (value.empty()) return fmt::format("'{}' has no value", name);
  if (key->value == Value::number && !is_number(value)) return fmt::format("'{}' is not a number: '{}'", name, value);
  if (key->value == Value::flag && value != "0" && value != "1")
    return fmt::format("'{}' is neither 0 nor 1: '{}'", name, value);
  return {};
}

}  // namespace

std::string problem_with_rc_params(std::string_view params) {
  constexpr std::string_view kBlanks = " \t\n";
  for (std::size_t at = 0; (at = params.find_first_not_of(kBlanks, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(params.find_first_of(kBlanks, at), params.size());
    if (std::string problem = problem_with(params.substr(at, end - at)); !problem.empty())
      return "RC_PARAMS: " + problem;
    at = end;
  }
  return {};
}

}  // namespace cma
