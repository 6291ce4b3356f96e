#include "properties/logs/origin.h"

#include <algorithm>

namespace cma::logs {
namespace {

constexpr std::int64_t kMicros = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Returns the length of a terminal's sequence at the begin of the text, such as a colour; 0 if there is none.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  std::size_t at = 2;
  while (at < text.size() && (is_digit(text[at]) || text[at] == ';' || text[at] == '?')) ++at;
  return at < text.size() && is_letter(text[at]) ? at + 1 : 0;
}

// Reads digits from `at` on, which moves behind them; nullopt if there are none, or too many.
std::optional<std::int64_t> digits(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  std::int64_t value = 0;
  while (at < text.size() && is_digit(text[at]) && at - begin < 12) value = value * 10 + (text[at++] - '0');
  if (at == begin || (at < text.size() && is_digit(text[at]))) return std::nullopt;
  return value;
}

// Reads the digits of a fraction of a second from `at` on, as microseconds.
std::optional<std::int64_t> fraction(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  std::int64_t value = 0;
  std::size_t read = 0;
  for (; at < text.size() && is_digit(text[at]); ++at)
    if (read < 6) value = value * 10 + (text[at] - '0'), ++read;
  if (at == begin) return std::nullopt;
  for (; read < 6; ++read) value *= 10;
  return value;
}

// Reads `SECONDS.FRACTION` from `at` on.
std::optional<std::int64_t> seconds(std::string_view text, std::size_t& at) {
  const auto whole = digits(text, at);
  if (!whole || at >= text.size() || text[at] != '.') return std::nullopt;
  const auto part = fraction(text, ++at);
  if (!part) return std::nullopt;
  return *whole * kMicros + *part;
}

// Reads a stamp in brackets at `[`: "[  224.202345]", "[  +0.000012]", "[  224.202345 <    0.000012>]".
bool read_bracket(std::string_view text, std::size_t at, Origin& origin) {
  ++at;
  while (at < text.size() && text[at] == ' ') ++at;
  if (text.substr(at).starts_with('<')) ++at;
  while (at < text.size() && text[at] == ' ') ++at;
  const bool delta = at < text.size() && text[at] == '+';
  if (delta) ++at;
  const auto time = seconds(text, at);
  if (!time || at >= text.size() || (text[at] != ']' && text[at] != ' ' && text[at] != '@')) return false;
  origin.clock = delta ? Clock::delta : Clock::boot;
  origin.micros = *time;
  return true;
}

// Reads a time of day, "12:34:56" with a fraction or without, at `at`.
bool read_day(std::string_view text, std::size_t at, Origin& origin) {
  const auto hour = digits(text, at);
  if (!hour || *hour > 23 || at >= text.size() || text[at] != ':') return false;
  const auto minute = digits(text, ++at);
  if (!minute || *minute > 59 || at >= text.size() || text[at] != ':') return false;
  const auto second = digits(text, ++at);
  if (!second || *second > 60) return false;
  std::int64_t part = 0;
  if (at + 1 < text.size() && (text[at] == '.' || text[at] == ',') && is_digit(text[at + 1]))
    part = *fraction(text, ++at);
  origin.clock = Clock::day;
  origin.micros = ((*hour * 60 + *minute) * 60 + *second) * kMicros + part;
  return true;
}

// Reads the task of a prefix of ftrace, "  task-2074  [001] d..2  224.202345: "; the time too.
bool read_ftrace(std::string_view prefix, Origin& origin) {
  const std::size_t cpu = prefix.find(" [");
  if (cpu == std::string_view::npos || cpu + 5 >= prefix.size() || !is_digit(prefix[cpu + 2])) return false;
  std::string_view task = prefix.substr(0, cpu);
  while (task.ends_with(' ')) task.remove_suffix(1);
  // Newer traces have the thread group between the task and the CPU: "task-2074 (2071) [001]".
  if (task.ends_with(')')) task = task.substr(0, task.rfind('('));
  while (task.ends_with(' ')) task.remove_suffix(1);
  const std::size_t dash = task.rfind('-');
  if (dash == std::string_view::npos) return false;
  std::size_t at = dash + 1;
  if (!digits(task, at) || at != task.size()) return false;
  std::size_t close = prefix.find(']', cpu);
  if (close == std::string_view::npos) return false;
  const std::size_t colon = prefix.rfind(':');
  const std::size_t begin = colon == std::string_view::npos ? colon : prefix.rfind(' ', colon);
  if (begin == std::string_view::npos || begin < close) return false;
  at = begin + 1;
  const auto time = seconds(prefix, at);
  if (!time) return false;
  origin.clock = Clock::boot;
  origin.micros = *time;
  origin.caller = task.substr(dash + 1);
  std::string_view name = task.substr(0, dash);
  name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
  origin.task = name;
  return true;
}

// Takes the task from brackets such as "[T2074]", "[    C0]", "[2074:media]", "[2:   Binder:714_1:  744]".
void read_caller(std::string_view inside, Origin& origin) {
  inside.remove_prefix(std::min(inside.find_first_not_of(' '), inside.size()));
  Origin time;
  if (inside.empty() || read_day(inside, 0, time)) return;
  if (inside[0] == 'T' || inside[0] == 'C') {
    std::size_t at = 1;
    if (digits(inside, at) && at == inside.size()) origin.caller = inside;
    return;
  }
  std::size_t at = 0;
  const auto first = digits(inside, at);
  if (!first || at >= inside.size() || inside[at] != ':') return;
  const std::size_t last = inside.rfind(':');
  std::string_view name = inside.substr(at + 1);
  origin.caller = inside.substr(0, at);
  if (last != at) {
    std::size_t number = std::min(inside.find_first_not_of(' ', last + 1), inside.size());
    const std::size_t begin = number;
    if (digits(inside, number) && number == inside.size()) {
      origin.caller = inside.substr(begin);
      name = inside.substr(at + 1, last - at - 1);
    }
  }
  name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
  while (name.ends_with(' ')) name.remove_suffix(1);
  origin.task = name;
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t escape = escape_length(text.substr(at));
    if (escape != 0) {
      at += escape - 1;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[at]);
    const bool blank = c <= 0x20 || c == 0x7f;
    if (!blank || !plain.ends_with(' ')) plain += blank ? ' ' : text[at];
  }
  while (plain.ends_with(' ')) plain.pop_back();
  return plain;
}

Origin origin_of(std::string_view prefix) {
  Origin origin;
  if (read_ftrace(prefix, origin)) return origin;
  Origin day;
  for (std::size_t at = 0; at < prefix.size(); ++at) {
    if (prefix[at] == '[') {
      if (origin.clock == Clock::none) read_bracket(prefix, at, origin);
      const std::size_t close = prefix.find_first_of("[]", at + 1);
      if (close != std::string_view::npos && prefix[close] == ']')
        read_caller(prefix.substr(at + 1, close - at - 1), origin);
    } else if (day.clock == Clock::none && is_digit(prefix[at]) && (at == 0 || !is_digit(prefix[at - 1]))) {
      read_day(prefix, at, day);
    }
  }
  if (origin.clock == Clock::none) {
    origin.clock = day.clock;
    origin.micros = day.micros;
  }
  return origin;
}

}  // namespace cma::logs
