#include "properties/logs/origin.h"

#include <gtest/gtest.h>

namespace cma::logs {
namespace {

struct PrefixCase {
  const char* prefix;
  Clock clock;
  std::int64_t micros;
  const char* caller;
  const char* task;
};

TEST(Origin, IsReadFromAnyPrefix) {
  const PrefixCase cases[] = {
      {"", Clock::none, 0, "", ""},
      {"[  224.202345] ", Clock::boot, 224'202'345, "", ""},
      {"<6>[ 3371.081458] ", Clock::boot, 3'371'081'458, "", ""},
      {"[    0.125618][    T1] ", Clock::boot, 125'618, "T1", ""},
      {"[  224.202345][   C3] ", Clock::boot, 224'202'345, "C3", ""},
      {"[  224.202345 <    0.000012>] ", Clock::boot, 224'202'345, "", ""},
      {"[  +0.000012] ", Clock::delta, 12, "", ""},
      {"May 16 12:34:56 host kernel: ", Clock::day, 45'296'000'000, "", ""},
      {"May 16 12:34:56 host kernel: [  224.202345] ", Clock::boot, 224'202'345, "", ""},
      {"2019-05-12T12:34:56,789012+00:00 ", Clock::day, 45'296'789'012, "", ""},
      {"[Sun May 12 12:34:56 2019] ", Clock::day, 45'296'000'000, "", ""},
      {"11-29 12:34:56.789  1234  5678 I kernel  : ", Clock::day, 45'296'789'000, "", ""},
      {"[  224.202345] I .(1)[2074:media] ", Clock::boot, 224'202'345, "2074", "media"},
      {"[  224.202345]  (2)[2074:task with blanks]", Clock::boot, 224'202'345, "2074", "task with blanks"},
      {"[2:   Binder:714_1:  744] ", Clock::none, 0, "744", "Binder:714_1"},
      {"     camera-2074  [001] ....   224.202345: ", Clock::boot, 224'202'345, "2074", "camera"},
      {"  kworker/0:1-17    (  17) [000] d..2  1.5: ", Clock::boot, 1'500'000, "17", "kworker/0:1"},
      {"[12:34:56] ", Clock::day, 45'296'000'000, "", ""},
      {"[drm:vc4_bo_create [vc4]] ", Clock::none, 0, "", ""},
      {"[99999999999999999999.1] ", Clock::none, 0, "", ""},
  };
  for (const PrefixCase& one : cases) {
    const Origin origin = origin_of(one.prefix);
    EXPECT_EQ(origin.clock, one.clock) << one.prefix;
    EXPECT_EQ(origin.micros, one.micros) << one.prefix;
    EXPECT_EQ(origin.caller, one.caller) << one.prefix;
    EXPECT_EQ(origin.task, one.task) << one.prefix;
  }
}

TEST(PlainText, HasNoControlCharacters) {
  EXPECT_EQ(plain_text("\x1b[32m[  1.0]\x1b[0m cma:\tx\r"), "[ 1.0] cma: x");
  EXPECT_EQ(plain_text(std::string_view("a\0b\x07", 4)), "a b");
  EXPECT_EQ(plain_text("\x1b["), " [");
}

}  // namespace
}  // namespace cma::logs
