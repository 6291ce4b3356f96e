// The rate limit of a log line (lib/ratelimit.c): so many lines per interval of virtual time are printed, the others
// counted. Not locked: printing is one step.
#pragma once

#include "allocator/engine/engine.h"

namespace cma {

class RateLimit {
 public:
  // The kernel's default: 10 lines in 5 seconds.
  RateLimit() = default;
  RateLimit(Time interval, unsigned burst) : interval_(interval), burst_(burst) {}

  struct Verdict {
    bool print;
    unsigned suppressed;  // lines left out in the interval that has just ended; reported before the line
  };

  // Decides whether a line may be printed now, and counts it.
  Verdict ask(Time now) {
    Verdict verdict{false, 0};
    if (!started_) {
      started_ = true;
      begin_ = now;
    }
    if (now > begin_ + interval_) {
      verdict.suppressed = missed_;
      missed_ = 0;
      begin_ = now;
      printed_ = 0;
    }
    verdict.print = printed_ < burst_;
    ++(verdict.print ? printed_ : missed_);
    return verdict;
  }

 private:
  Time interval_ = 5000 * kMillisecond;
  unsigned burst_ = 10;
  bool started_ = false;
  Time begin_ = 0;
  unsigned printed_ = 0;
  unsigned missed_ = 0;
};

}  // namespace cma
