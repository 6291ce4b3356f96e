#include "properties/logs/told_log_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace cma::logs {
namespace {

enum class Logger : std::uint8_t { none, dmesg, console, journal, callers, vendor, logcat };
constexpr Logger kLoggers[] = {Logger::none,    Logger::dmesg,   Logger::dmesg,  Logger::console,
                               Logger::journal, Logger::callers, Logger::vendor, Logger::logcat};

// Which lines the log has: those of the kernel's log, tracepoints, or both.
enum class Content : std::uint8_t { log, trace, both };

// What else is lost.
enum class Loss : std::uint8_t { none, head, tail, lines };
constexpr Loss kLosses[] = {Loss::none, Loss::none, Loss::none, Loss::head, Loss::tail, Loss::lines};

constexpr const char* kOthers[] = {
    "usb 1-1.3: new high-speed USB device number 4 using xhci_hcd",
    "random: crng init done",
    "EXT4-fs (mmcblk0p2): re-mounted. Opts: (null)",
    "healthd: battery l=87 v=4123 t=31.2 h=2 st=3",
    "audit: type=1400 audit(1541932157.103:12): avc: denied { read } for pid=2074 comm=\"media\"",
    "binder: 714:744 ioctl c0306201 7fd5b8 returned -14",
    "wlan0: associated",
    "[drm] Initialized vc4 0.0.0 20140616 for soc:gpu on minor 0",
};

class Teller {
 public:
  Teller(Release release, Random& random) : release_(release), random_(random) {
    logger_ = kLoggers[random_.below(std::size(kLoggers))];
    start_ = static_cast<Time>(random_.between(2'000'000, 5'000'000'000));
    others_ = random_.chance(60) ? static_cast<unsigned>(random_.between(1, 25)) : 0;
    carriage_ = random_.chance(10);
    // Older releases do not have the tracepoints that the model records.
    const bool traced = release >= Release::v4_9 && random_.chance(35);
    source_ = !traced ? Content::log : random_.chance(50) ? Content::trace : Content::both;
  }

  ToldLog tell(const std::vector<TellerLine>& lines) {
    std::vector<TellerLine> kept = choose(lines);
    if (source_ != Content::trace && random_.chance(30)) {
      Time none = 0;
      std::swap(none, start_);
      print({fmt::format("Linux version {}.{} (build@host) (gcc version 12.2.0) #1 SMP PREEMPT", name_of(release_),
                         random_.below(200)),
             true, true});
      std::swap(none, start_);
    }
    for (const TellerLine& line : kept) {
      while (random_.chance(others_)) print({kOthers[random_.below(std::size(kOthers))], true, false, line.time});
      print(line);
    }
    return std::move(told_);
  }

 private:
  // Returns the lines that are not lost.
  std::vector<TellerLine> choose(const std::vector<TellerLine>& lines) {
    const bool boot = random_.chance(35);
    std::vector<TellerLine> kept;
    for (const TellerLine& line : lines) {
      if (line.of_boot && !boot) continue;
      if (line.of_kernel_log ? source_ == Content::trace : source_ == Content::log) continue;
      kept.push_back(line);
    }
    switch (kLosses[random_.below(std::size(kLosses))]) {
      case Loss::none: break;
      case Loss::head:
        kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(random_.below(kept.size() / 2 + 1)));
        break;
      case Loss::tail: kept.resize(kept.size() - random_.below(kept.size() / 2 + 1)); break;
      case Loss::lines: std::erase_if(kept, [&](const TellerLine&) { return random_.chance(15); }); break;
    }
    return kept;
  }

  std::string stamp(Time time) const { return fmt::format("{:5}.{:06}", time / 1'000'000, time % 1'000'000); }

  // The tasks have numbers of their own; which name belongs to which, a log does not tell twice in the same way.
  static unsigned task_of(const TellerLine& line) { return 2074 + static_cast<unsigned>(line.actor) * 13; }

  std::string prefix(const TellerLine& line, Time time) const {
    const std::string bracket = "[" + stamp(time) + "] ";
    switch (logger_) {
      case Logger::none: return "";
      case Logger::dmesg: return bracket;
      case Logger::console: return "<6>" + bracket;
      case Logger::journal: return "Jan 11 14:29:18 localhost kernel: " + bracket;
      case Logger::callers: return "[" + stamp(time) + "][ T" + fmt::format("{}", task_of(line)) + "] ";
      case Logger::vendor: return "<6>" + bracket + fmt::format("I .({})[{}:media] ", line.cpu, task_of(line));
      case Logger::logcat: return fmt::format("01-11 14:29:18.{:03}     0     0 I         : ", time / 1000 % 1000);
    }
    return "";
  }

  void print(const TellerLine& line) {
    now_ += static_cast<Time>(random_.between(8, 60));
    const Time time = line.of_boot ? 0 : start_ + line.time + now_;
    told_.text += line.of_kernel_log
                      ? prefix(line, time)
                      : fmt::format("           media-{:<5} [{:03}] .... {}: ", task_of(line), line.cpu, stamp(time));
    told_.text += line.text + (carriage_ ? "\r\n" : "\n");
    told_.request_of_line.push_back(line.request);
    told_.failure_of_line.push_back(line.failure);
  }

  Release release_;
  Random& random_;
  Logger logger_ = Logger::none;
  Content source_ = Content::log;
  Time start_ = 0;
  Time now_ = 0;
  unsigned others_ = 0;
  bool carriage_ = false;
  ToldLog told_;
};

}  // namespace

ToldLog tell_log(const std::vector<TellerLine>& lines, Release release, Random& random) {
  return Teller(release, random).tell(lines);
}

}  // namespace cma::logs
