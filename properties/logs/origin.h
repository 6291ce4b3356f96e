// Where a line of a log comes from: when it was printed, by which task or CPU. And the characters of a line made plain.
//
// Made from what stands before the kernel's own text, however it got there: the kernel's time stamp in any of dmesg's
// forms, syslog, journal, logcat, a serial console, ftrace. Text that is not understood is passed over. Used by the
// fact reader. Cost: linear in the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cma::logs {

// Which clock a time was read from. Times of different clocks cannot be compared.
enum class Clock : std::uint8_t {
  none,
  boot,   // since the kernel started
  delta,  // since the line before (`dmesg -d`)
  day,    // time of day, without a date
};

struct Origin {
  Clock clock = Clock::none;
  std::int64_t micros = 0;
  // Times of other lines can be compared only if this is the same: `dmesg -d` has the time since the line before.
  std::uint64_t epoch = 0;
  // The task or CPU as the prefix names it: "T2074", "C3", "2074". Empty if it does not.
  std::string caller;
  std::string task;  // its name; empty if the prefix does not have it
};

// Returns the text without control characters, sequences for terminals and the carriage return at its end; several
// blanks are one.
std::string plain_text(std::string_view text);

// Returns what a prefix says.
Origin origin_of(std::string_view prefix);

}  // namespace cma::logs
