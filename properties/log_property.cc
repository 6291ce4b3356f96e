// Promise: lines of the log and tracepoints of areas name what was asked for, handed out and given back.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Compares what an actor prints between the beginning and the end of a request, or of a release, with its arguments.
class NamedFrames final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    requests_.clear();
    releases_.clear();
  }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    requests_[machine_->engine.current()] = {area, count, effective_align(align, machine_->release()), records()};
  }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t, unsigned) override { check_request(pfn); }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override { check_request(kNoPfn); }
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override {
    Releases& releases = releases_[machine_->engine.current()];
    if (releases.begun.empty()) releases = {{}, 0, records()};
    releases.begun.push_back({area, pfn, count});
  }
  // A write to debugfs releases several buffers, and reports all of them before the first.
  void buffer_released(AreaId, Pfn, std::uint64_t) override {
    Releases& releases = releases_[machine_->engine.current()];
    if (++releases.ended < releases.begun.size()) return;
    check_releases(releases);
    releases = {};
  }

 private:
  struct Request {
    AreaId area = 0;
    std::uint64_t count = 0;
    unsigned align = 0;
    std::size_t first_record = 0;
  };
  struct Part {
    AreaId area = 0;
    Pfn pfn = kNoPfn;
    std::uint64_t count = 0;
  };
  struct Releases {
    std::vector<Part> begun;
    std::size_t ended = 0;
    std::size_t first_record = 0;
  };

  std::size_t records() const { return machine_->trace.records().size(); }
  // Returns the records of one kind that the current actor has emitted from `first` on.
  std::vector<Record> emitted(std::size_t first, Event event) const {
    std::vector<Record> found;
    for (std::size_t i = first; i < records(); ++i) {
      const Record& record = machine_->trace.records()[i];
      if (record.event == event && record.actor == machine_->engine.current()) found.push_back(record);
    }
    return found;
  }
  // CONFIG_CMA_DEBUG went with 6.9.
  bool prints_debug() const { return machine_->geometry().cma_debug && machine_->release() < Release::v6_9; }

  void check_request(Pfn got) {
    const Request& request = requests_[machine_->engine.current()];
    for (const Record& line : emitted(request.first_record, Event::log_cma_alloc))
      claim(line.a == request.area && line.b == request.count && line.c == request.align,
            fmt::format("a request for {} pages is logged as one for {}", request.count, line.b));
    const std::vector<Record> returned = emitted(request.first_record, Event::log_cma_returned);
    claim(returned.size() == 1 || got == kNoPfn || !prints_debug(), "a request that succeeds is not logged");
    for (const Record& line : returned)
      claim(line.a == got, fmt::format("a request that got {:#x} is logged with {:#x}", got, line.a));
  }
  void check_releases(const Releases& releases) {
    const std::vector<Record> lines = emitted(releases.first_record, Event::log_cma_release);
    const std::vector<Record> traced = emitted(releases.first_record, Event::cma_release);
    const std::size_t count = releases.begun.size();
    claim(lines.size() == (prints_debug() ? count : 0U), fmt::format("{} releases are {} lines", count, lines.size()));
    claim(traced.size() == (machine_->release() >= Release::v3_16 ? count : 0U),
          fmt::format("{} releases are traced {} times", count, traced.size()));
    for (const Part& release : releases.begun) {
      const auto logs = [&](const Record& line) { return line.a == release.pfn && line.b == release.count; };
      const auto traces = [&](const Record& record) {
        return record.a == release.area && record.b == release.pfn && record.c == release.count;
      };
      claim((lines.empty() || std::ranges::count_if(lines, logs) == 1) &&
                (traced.empty() || std::ranges::count_if(traced, traces) == 1),
            fmt::format("a release of {} pages from {:#x} on is not named so", release.count, release.pfn));
    }
  }

  Machine* machine_ = nullptr;
  std::map<ActorId, Request> requests_;
  std::map<ActorId, Releases> releases_;
};

PROMISE(LogPromise, names_the_frames_that_were_asked_for_handed_out_and_given_back,
        {.planted = {{Bug::release_line_misnamed, Release::v3_6}, {Bug::release_line_misnamed, Release::v6_12}}}) {
  NamedFrames frames;
  run_plainly(program, &frames);
  frames.assert_all_held();
}

}  // namespace
}  // namespace cma
