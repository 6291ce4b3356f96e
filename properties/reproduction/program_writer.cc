#include "properties/reproduction/program_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "properties/logs/reading.h"
#include "properties/program/program.h"
#include "properties/reproduction/boot_writer.h"
#include "properties/reproduction/scene.h"

namespace cma::reproduction {
namespace {

using logs::LogFacts;
using logs::Outcome;
using logs::Reading;
using logs::Request;
using logs::Says;

// Areas begin and end at multiples of 4 MiB, which all releases allow.
constexpr std::uint64_t kUnit = 1024;
constexpr std::uint64_t kPageBytes = 4096;
// Memory beside the area, for the kernel and for pages that move.
constexpr std::uint64_t kBeside = 0x2000;
constexpr int kEnomem = 12;
constexpr int kEbusy = 16;
constexpr std::uint64_t kBurst = 10;
constexpr std::int64_t kInterval = 5'000'000;
// The most that an operation lets pass.
constexpr std::int64_t kLongestSleep = 60'000'000;
// Windows without a line that are added behind the last one.
constexpr std::uint64_t kMostUnseen = 1024;

struct Episode {
  const Request* request = nullptr;
  Reading reading;
};

class ProgramWriter {
 public:
  ProgramWriter(const LogFacts& facts, Release release, const Variation& variation)
      : facts_(facts), release_(release), variation_(variation) {}

  WrittenProgram write() {
    if (facts_.context.page_kb() != 4) {
      program_.left_out.push_back(fmt::format("everything: pages have {} KiB", facts_.context.page_kb()));
      return std::move(program_);
    }
    choose_episodes();
    if (episodes_.empty()) return std::move(program_);
    if (!place_area()) return std::move(program_);
    write_machine();
    for (std::size_t i = 0; i < episodes_.size(); ++i) write_episode(i);
    if (variation_.again) write_again();
    return std::move(program_);
  }

 private:
  void line(const std::string& text) { program_.text += text + "\n"; }
  void assume(std::string what) {
    if (std::ranges::find(program_.assumed, what) == program_.assumed.end())
      program_.assumed.push_back(std::move(what));
  }
  void leave_out(const Request& request, const std::string& why) {
    program_.left_out.push_back(fmt::format("the request of line {}: {}", request.first_line, why));
  }

  // --- what is done ---

  void choose_episodes() {
    for (const Request& request : facts_.requests) {
      if (variation_.only_line != 0 && request.first_line != variation_.only_line) continue;
      if (episodes_.size() == kMostEpisodes) {
        program_.left_out.push_back(
            fmt::format("{} requests after the first {}", facts_.requests.size() - kMostEpisodes, kMostEpisodes));
        return;
      }
      Episode episode{&request, logs::read_request(request)};
      if (episode.reading.pages == 0 && request.got) episode.reading.pages = request.got->pages();
      if (episode.reading.pages == 0)
        leave_out(request, "the log does not tell for how many pages it was");
      else if (request.error && *request.error != -kEnomem && *request.error != -kEbusy)
        leave_out(request, "a program has no cause for its error");
      else if (request.error == -kEnomem && request.windows() != 0 && request.sweeps.size() == 1)
        leave_out(request, "memory to move pages to was missing, and the log does not tell who had it");
      else if (request.sweeps.size() > 2)
        leave_out(request, "it swept more than twice");
      else
        episodes_.push_back(std::move(episode));
    }
  }

  unsigned align_of(const Episode& episode) const {
    return episode.reading.align.value_or(logs::usual_align(episode.reading.pages));
  }
  std::uint64_t step_of(const Episode& episode) const { return order_pages(align_of(episode)); }

  // Returns how many windows behind the last one failed without a line, as lines of retries show.
  static std::uint64_t unseen_behind(const Episode& episode) {
    const std::uint64_t seen = episode.reading.windows + episode.reading.without_line;
    const std::uint64_t retries = episode.reading.swept.size() == 1 ? episode.request->retry_lines : 0;
    return std::min(retries - std::min(retries, seen), kMostUnseen);
  }
  // Returns the window that comes after the last one that failed.
  PfnRange next_window(const Episode& episode) const {
    const Pfn start = episode.reading.swept.back().back().start + (unseen_behind(episode) + 1) * step_of(episode);
    return {start, start + episode.reading.pages};
  }

  // Finds the place of the area: that of the log, or the smallest that all windows fit into.
  bool place_area() {
    PfnRange span{~Pfn{0}, 0};
    std::uint64_t most = 0;
    for (const Episode& episode : episodes_) {
      most = std::max(most, align_up(episode.reading.pages, step_of(episode)));
      if (episode.reading.windows != 0) widen(span, episode.reading.span);
      if (episode.request->got) widen(span, *episode.request->got);
      if (episode.request->runs) most = std::max(most, episode.request->runs->total);
      // The windows of write_busy().
      if (episode.reading.windows == 0 && episode.request->outcome == Outcome::failed)
        most = std::max(most, episode.reading.pages + (untold_windows(episode) - 1) * step_of(episode));
    }
    const logs::KnownArea* known = span.end == 0 ? nullptr : facts_.context.area_with(span);
    if (span.end == 0 && !facts_.context.areas.empty()) known = &facts_.context.areas.front();
    if (known != nullptr) {
      area_ = known->range;
      // A line of boot is printed where the program declares the area.
      declared_ = variation_.more_pages == 0 && std::ranges::any_of(facts_.area_lines, [&](const logs::AreaLine& one) {
                    return one.line == known->line && one.says == Says::area_reserved;
                  });
    } else if (span.end != 0) {
      for (const Episode& episode : episodes_)
        if (episode.reading.windows != 0 && episode.request->outcome == Outcome::unknown)
          span.end = std::max(span.end, next_window(episode).end + step_of(episode));
      area_ = {align_down(span.start, kUnit), align_up(std::max(span.end, span.start + most), kUnit)};
      assume(fmt::format("the area lies at [{:#x}, {:#x}): no line names it", area_.start, area_.end));
    } else {
      if (facts_.context.area_pages) most = std::max(most, *facts_.context.area_pages);
      if (asks_for_all()) most = std::max(most, sum_of_pages());
      area_ = {0x10000, 0x10000 + align_up(most, kUnit)};
      assume(fmt::format("the area lies at [{:#x}, {:#x}): no line tells where", area_.start, area_.end));
    }
    more_ = {area_.end, area_.end + variation_.more_pages};
    area_.end = more_.end;
    const bool fits = is_aligned(area_.start, kUnit) && is_aligned(area_.end, kUnit) && area_.start < area_.end;
    if (fits && area_.pages() <= kMostAreaPages && area_.end < kMostFrame) return true;
    program_.left_out.push_back("all requests: their area is too large, or lies at no multiple of 4 MiB");
    return false;
  }
  static constexpr Pfn kMostFrame = Pfn{1} << 36;

  static void widen(PfnRange& span, const PfnRange& by) {
    span = {std::min(span.start, by.start), std::max(span.end, by.end)};
  }

  // Returns whether no request is known to have failed, so that all of them have their pages at once.
  bool asks_for_all() const {
    return std::ranges::all_of(episodes_, [](const Episode& episode) {
      return episode.reading.windows == 0 && episode.request->outcome != Outcome::failed;
    });
  }
  std::uint64_t sum_of_pages() const {
    std::uint64_t sum = 0;
    for (const Episode& episode : episodes_) sum += align_up(episode.reading.pages, step_of(episode));
    return sum;
  }

  bool any_line(Says says) const {
    return std::ranges::any_of(facts_.area_lines, [&](const logs::AreaLine& one) { return one.says == says; });
  }

  void write_machine() {
    const Pfn base = align_down(area_.start - std::min(area_.start, kBeside), kUnit);
    const Pfn end = area_.end + kBeside;
    const bool debug = any_line(Says::alloc_called) || any_line(Says::alloc_retries) ||
                       any_line(Says::alloc_returned) || (any_line(Says::bitmap_report) && release_ < Release::v6_9);
    const auto reported = [](const Episode& episode) { return episode.request->reported; };
    const auto named = [](const Episode& episode) {
      return episode.request->reported && !episode.request->area.empty();
    };
    const auto again = [](const Episode& episode) { return episode.request->sweeps.size() > 1; };
    std::string machine = fmt::format("machine release={} base={:#x} pages={:#x} pageblock_order=9 debug={}",
                                      name_of(release_), base, end - base, debug ? "on" : "off");
    if (std::ranges::any_of(episodes_, again)) machine += " retry=1";
    if (release_ < Release::v4_11 && std::ranges::any_of(episodes_, reported)) machine += " error_line=on";
    if (release_ < Release::v5_12 && std::ranges::any_of(episodes_, named)) machine += " error_names=on";
    if (has_short_addresses(facts_)) machine += " phys_addr=32";
    line("cmacheck 1");
    line(machine);
    name_ = "area";
    for (const Episode& episode : episodes_)
      if (is_name(episode.request->area)) name_ = episode.request->area;
    if (!declared_) line(fmt::format("area {} base={:#x} pages={:#x}", name_, area_.start, area_.pages()));
    line("actor task cpu=0");
    if (!declared_) return;
    line(fmt::format("declare {} base={:#x} size={:#x} fixed", name_, area_.start * kPageBytes,
                     area_.pages() * kPageBytes));
    line("activate");
  }

  // --- the state of the area ---

  // Returns whether a pin keeps a page where it is and has the window printed. Up to 3.14 the scan takes pinned pages
  // too, and a request that cannot move them ends without a line.
  bool pins_are_printed() const { return release_ >= Release::v3_15; }

  // Makes all bits but those of the scene taken, and puts its pages into the way: pinned ones, or the kernel's own.
  void arrange(const Scene& scene, bool pin) {
    arrange_bits({scene.free});
    pins_ = pin;
    for (const Pfn pfn : scene.busy) {
      pinned_.push_back(number_);
      line(fmt::format("n{} = {} at={:#x}", number_++, pins_ ? "anon_page" : "unmovable_page", pfn));
    }
    line("drain");
    if (!pins_) return;
    for (const std::size_t number : pinned_) line(fmt::format("p{} = pin n{}", number, number));
  }

  void free_busy_pages() {
    for (const std::size_t number : pinned_) {
      if (pins_) line(fmt::format("unpin p{}", number));
      line(fmt::format("free n{}", number));
    }
    pinned_.clear();
  }

  void arrange_bits(const std::vector<PfnRange>& free) {
    free_busy_pages();
    for (const std::string& buffer : held_) line("cma_release " + buffer);
    held_.clear();
    line("drain");
    held_.push_back(fmt::format("all{}", arranged_++));
    line(fmt::format("{} = cma_alloc {} pages={:#x}", held_.back(), name_, area_.pages()));
    for (const PfnRange& range : free)
      if (range.pages() != 0)
        line(fmt::format("cma_release {} from={:#x} pages={:#x}", held_.back(), range.start - area_.start,
                         range.pages()));
    if (more_.pages() != 0)
      line(
          fmt::format("cma_release {} from={:#x} pages={:#x}", held_.back(), more_.start - area_.start, more_.pages()));
    line("drain");
  }

  // Returns the scene for a sweep, with windows behind its last one that must fail too.
  static Scene scene_for(const logs::Sweep& sweep, const std::vector<PfnRange>& swept, const PfnRange& free,
                         Pfn busy_end, const std::vector<PfnRange>& unseen = {}) {
    std::vector<WantedWindow> windows;
    for (std::size_t i = 0; i < swept.size(); ++i) {
      const logs::Window& window = sweep.windows[i];
      windows.push_back({swept[i], window.exact ? swept[i].start : window.range.start, window.stopped_at});
    }
    for (const PfnRange& window : unseen) windows.push_back({window, {}, {}});
    return scene_of(windows, free, busy_end);
  }

  // --- episodes ---

  void write_episode(std::size_t index) {
    const Episode& episode = episodes_[index];
    line(fmt::format("\n# The request of line {}.", episode.request->first_line));
    pass_time(index);
    if (episode.reading.windows != 0) {
      write_windows(index);
    } else if (episode.request->error == -kEnomem) {
      write_no_room(index);
    } else if (episode.request->error == -kEbusy || episode.request->outcome == Outcome::failed) {
      write_busy(index);
    } else if (episode.request->got) {
      const PfnRange& got = *episode.request->got;
      arrange_bits({{got.start, std::max(got.end, episode.request->fin.value_or(0))}});
      write_request(index);
    } else {
      write_request(index);
    }
    held_.push_back(fmt::format("r{}", index));
  }

  std::string request_text(std::size_t index, bool nowarn) const {
    const Episode& episode = episodes_[index];
    const bool last = variation_.only_line != 0 && !variation_.again;
    return fmt::format("task: {} = cma_alloc {} pages={} align={}{}",
                       last ? std::string(kLastRequest) : fmt::format("r{}", index), name_,
                       variation_.pages.value_or(episode.reading.pages), variation_.align.value_or(align_of(episode)),
                       nowarn ? " nowarn" : "");
  }
  void write_request(std::size_t index, bool nowarn = false) { line(request_text(index, nowarn)); }

  // Makes the last request once more.
  void write_again() {
    if (variation_.let_go) free_busy_pages();
    line("drain");
    line(fmt::format("task: {} = cma_alloc {} pages={} align={}", kLastRequest, name_, episodes_.back().reading.pages,
                     align_of(episodes_.back())));
  }

  // Lets the time pass that lies between this request and the one before, as far as the log has it.
  void pass_time(std::size_t index) {
    if (index == 0) return;
    const Request& before = *episodes_[index - 1].request;
    const Request& request = *episodes_[index].request;
    const auto time = logs::time_between(before.origin, request.origin);
    std::int64_t sleep = std::clamp<std::int64_t>(time.value_or(0), 0, kLongestSleep);
    if (!time && request.windows() != 0) {
      sleep = kInterval + 1;
      assume("more than 5 s lie between requests, so that each has all of its lines");
    }
    if (sleep > 0) line(fmt::format("sleep us={}", sleep));
  }

  // Spends lines of the rate limit before the log begins: so many that `swallowed` are reported at the next line, or
  // that `left` are left of the burst.
  void spend_lines(std::uint64_t lines, bool let_pass) {
    const PfnRange window{area_.start, area_.start + 2 * lines - std::min<std::uint64_t>(lines, 1)};
    if (lines == 0 || window.end > area_.end) return;
    arrange({window, {area_.start + lines - 1}, true}, pins_are_printed());
    line(fmt::format("cma_alloc {} pages={} nowarn", name_, lines));
    if (let_pass) line(fmt::format("sleep us={}", kInterval + 1));
  }

  void spend_before(const Episode& episode) {
    const Request& request = *episode.request;
    const bool limited = release_ >= Release::v4_13;
    if (!limited) return;
    if (!request.suppressed.empty() && request.suppressed[0].window == 0 && request.suppressed[0].sweep == 0) {
      assume(fmt::format("an earlier request had {} busy windows, of which the last {} have no line",
                         kBurst + request.suppressed[0].count, request.suppressed[0].count));
      spend_lines(kBurst + request.suppressed[0].count, true);
      return;
    }
    const std::uint64_t seen = episode.reading.windows + episode.reading.without_line;
    if (request.retry_lines <= episode.reading.windows || seen >= kBurst || &episode != &episodes_.front()) return;
    assume(fmt::format("an earlier request has used up {} of the 10 lines that the rate limit lets through in 5 s",
                       kBurst - seen));
    spend_lines(kBurst - seen, false);
  }

  // Returns whether the request can have its pages in the window after the last one.
  bool may_succeed(const Episode& episode) const {
    return episode.request->outcome != Outcome::failed && next_window(episode).end <= area_.end;
  }

  void write_windows(std::size_t index) {
    const Episode& episode = episodes_[index];
    const Request& request = *episode.request;
    const auto& swept = episode.reading.swept;
    spend_before(episode);
    std::vector<PfnRange> unseen;
    for (std::uint64_t i = 1; i <= unseen_behind(episode); ++i) {
      const Pfn start = swept[0].back().start + i * step_of(episode);
      if (start + episode.reading.pages <= area_.end) unseen.push_back({start, start + episode.reading.pages});
    }
    const PfnRange tried{swept[0].front().start, unseen.empty() ? swept[0].back().end : unseen.back().end};
    PfnRange free = tried;
    const bool last_sweep = swept.size() == 1;
    const bool succeeds = last_sweep && may_succeed(episode);
    Pfn busy_end = ~Pfn{0};
    if (succeeds) {
      busy_end = next_window(episode).start;
      free.end = std::max(free.end, next_window(episode).end);
    }
    Scene scene = scene_for(request.sweeps[0], swept[0], free, busy_end, unseen);
    bool nowarn = last_sweep && !succeeds && !request.reported;
    if (succeeds && !scene.explains) {
      Scene failing = scene_for(request.sweeps[0], swept[0], tried, ~Pfn{0}, unseen);
      nowarn = failing.explains;
      if (failing.explains) scene = std::move(failing);
    }
    if (!scene.explains) assume("no few pages in the way explain where all printed starts lie");
    if (!request.reported && request.outcome == Outcome::unknown)
      assume(nowarn ? "the request fails in silence after its last line" : "the window after its last line is had");
    arrange(scene, pins_are_printed());
    if (last_sweep) {
      write_request(index, nowarn);
      return;
    }
    line(request_text(index, false) + " until=cma_retry");
    assume("between its sweeps, 100 ms apart, others give back and take pages of the area");
    arrange(scene_for(request.sweeps[1], swept[1], {swept[1].front().start, swept[1].back().end}, ~Pfn{0}),
            pins_are_printed());
    line("task: resume\nsleep us=110000");
  }

  // The area has no room: free are the runs of the log, or none.
  void write_no_room(std::size_t index) {
    const Request& request = *episodes_[index].request;
    std::vector<PfnRange> free;
    if (request.runs) {
      for (const logs::FreeRuns::Run& run : request.runs->runs)
        free.push_back({area_.start + run.bit, std::min(area_.start + run.bit + run.pages, area_.end)});
    } else {
      assume("all of the area is taken: the log does not tell which pages are free");
    }
    arrange_bits(free);
    write_request(index);
  }

  // Returns how many windows failed of a request without lines of windows: as many as it has lines of retries.
  static std::uint64_t untold_windows(const Episode& episode) {
    return std::clamp<std::uint64_t>(episode.request->retry_lines, 1, kMostUnseen);
  }

  // Windows were tried in vain of which the log has no line.
  void write_busy(std::size_t index) {
    const Episode& episode = episodes_[index];
    const std::uint64_t count = untold_windows(episode);
    std::vector<PfnRange> windows;
    for (Pfn start = align_up(area_.start, step_of(episode)); windows.size() < count; start += step_of(episode)) {
      if (!windows.empty() && start + episode.reading.pages > area_.end) break;
      windows.push_back({start, start + episode.reading.pages});
    }
    assume(episode.request->retry_lines != 0
               ? "windows of a request that has lines of retries alone begin with the area: the log does not tell where"
               : "one window of a request without lines of windows is tried; the log tells neither how many nor where");
    arrange(scene_for({}, {}, {windows.front().start, windows.back().end}, ~Pfn{0}, windows), true);
    write_request(index, !episode.request->reported);
  }

  const LogFacts& facts_;
  Release release_;
  Variation variation_;
  WrittenProgram program_;
  std::vector<Episode> episodes_;
  PfnRange area_;
  PfnRange more_;  // what a variation adds to it
  bool declared_ = false;
  std::string name_;
  std::vector<std::string> held_;
  std::vector<std::size_t> pinned_;  // the numbers of the pages in the way
  bool pins_ = false;                // whether they have pins
  std::size_t arranged_ = 0;
  std::size_t number_ = 0;
};

}  // namespace

WrittenProgram write_program(const LogFacts& facts, Release release, const Variation& variation) {
  WrittenProgram program = ProgramWriter(facts, release, variation).write();
  // Where no request to an area can be shown, areas that boot declared or refused can.
  if (program.text.empty() && facts.context.page_kb() == 4)
    program.text = boot_program(facts, release, program.assumed);
  return program;
}

}  // namespace cma::reproduction
