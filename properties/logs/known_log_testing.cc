#include "properties/logs/known_log_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>
#include <variant>

#include "allocator/base/error.h"
#include "properties/explain/why_pages.h"
#include "properties/logs/known_program_testing.h"
#include "properties/logs/told_log_testing.h"
#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace cma::logs {
namespace {

// The records of one actor that a request, or a failure, printed.
struct Printed {
  ActorId actor = 0;
  std::size_t first = 0;
  std::size_t end = ~std::size_t{0};
  int index = 0;
};

// Watches a run and keeps what is true of its requests.
class TruthWatcher final : public Observer, public WindowWatcher, public AllocationWatcher {
 public:
  TruthWatcher(KnownLog& log, const KnownProgram& known) : log_(log), known_(known) {}

  std::size_t boot_end = 0;   // records of boot
  std::size_t setup_end = 0;  // and those after which the log begins
  std::vector<Printed> requests;
  std::vector<Printed> failures;

  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.watch_windows(this);
    machine.trace.watch_allocations(this);
  }
  void op_performed(Machine& machine, std::size_t op) override {
    if (op + 1 == known_.boot_ops) boot_end = machine.trace.records().size();
    if (op + 1 == known_.setup_ops) setup_end = machine.trace.records().size();
  }
  void program_ended(Machine& machine) override {
    machine.trace.watch_windows(nullptr);
    machine.trace.watch_allocations(nullptr);
  }

  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    const Area& of = machine_->areas.area(area);
    TrueRequest request;
    request.area = {of.base, of.base + of.pages};
    request.area_name = of.name;
    request.pages = count;
    request.align = align;
    open_[machine_->engine.current()] = requests.size();
    requests.push_back({machine_->engine.current(), machine_->trace.records().size(), ~std::size_t{0},
                        static_cast<int>(log_.requests.size())});
    log_.requests.push_back(std::move(request));
  }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override { end({}); }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t, unsigned) override { end(pfn); }

  void window_begins(Pfn start, Pfn end) override { windows_[machine_->engine.current()] = {start, end}; }
  void page_refused(Pfn, Refusal, int) override {}
  void isolation_lost(Pfn) override {}
  void test_failed(Pfn, Pfn, Pfn) override {}
  void window_ended(int error) override {
    TrueRequest* request = current();
    if (request == nullptr || error == 0) return;
    TrueWindow window{windows_.at(machine_->engine.current()), error, {}};
    for (Pfn pfn = window.range.start; pfn < window.range.end; pfn = add_busy(pfn, window)) {
    }
    request->windows.push_back(std::move(window));
  }

  void allocation_begins(Gfp, unsigned, unsigned) override {
    began_[machine_->engine.current()] = machine_->trace.records().size();
  }
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override {
    if (pfn != kNoPfn) return;
    TrueFailure failure;
    failure.order = order;
    failure.flags = gfp_value(gfp, machine_->release());
    for (const Evidence& evidence : explain_request(*machine_, gfp, order).evidence) add_zone(evidence, failure);
    const ActorId actor = machine_->engine.current();
    failures.push_back(
        {actor, began_[actor], machine_->trace.records().size(), static_cast<int>(log_.failures.size())});
    log_.failures.push_back(std::move(failure));
  }

 private:
  TrueRequest* current() {
    const auto open = open_.find(machine_->engine.current());
    return open == open_.end() ? nullptr : &log_.requests[open->second];
  }

  // Returns the error of the last sweep: a vendor's may have found no window, where one before it did.
  int error_of(const Printed& printed, const TrueRequest& request) const {
    const std::vector<Record>& records = machine_->trace.records();
    for (std::size_t i = printed.first; i < records.size(); ++i)
      if (records[i].actor == printed.actor && records[i].event == Event::log_cma_alloc_failed)
        return static_cast<int>(static_cast<std::int64_t>(records[i].c));
    return request.windows.empty() ? -kENOMEM : request.windows.back().error;
  }

  void end(std::optional<Pfn> got) {
    TrueRequest* request = current();
    request->ended = true;
    request->got = got;
    if (!got) request->error = error_of(requests[open_.at(machine_->engine.current())], *request);
    requests[open_.at(machine_->engine.current())].end = machine_->trace.records().size();
    open_.erase(machine_->engine.current());
  }

  // Adds the page to what is busy, if it is; returns the next page to look at.
  Pfn add_busy(Pfn pfn, TrueWindow& window) const {
    const Pfn block = machine_->buddy.free_lists().covering_block(pfn);
    if (block != kNoPfn) return block + order_pages(machine_->map.page(block).order);
    if (!window.busy.empty() && window.busy.back().end == pfn)
      ++window.busy.back().end;
    else
      window.busy.push_back({pfn, pfn + 1});
    return pfn + 1;
  }

  static void add_zone(const Evidence& evidence, TrueFailure& failure) {
    if (evidence.about != About::zone) return;
    TrueFailure::Zone zone;
    for (const Figure& figure : evidence.figures) {
      if (figure.name == "zone") zone.name = std::get<std::string>(figure.value);
      if (figure.name == "usable") zone.usable = std::get<std::int64_t>(figure.value);
      if (figure.name == "must_keep") zone.needed = std::get<std::int64_t>(figure.value);
    }
    failure.zones.push_back(std::move(zone));
  }

  KnownLog& log_;
  const KnownProgram& known_;
  Machine* machine_ = nullptr;
  std::map<ActorId, std::size_t> open_;
  std::map<ActorId, std::size_t> began_;
  std::map<ActorId, PfnRange> windows_;
};

int printer_of(const std::vector<Printed>& printed, std::size_t record, ActorId actor) {
  for (const Printed& one : printed)
    if (one.actor == actor && one.first <= record && record < one.end) return one.index;
  return -1;
}

}  // namespace

KnownLog known_log(std::uint64_t seed) {
  Random random(seed);
  KnownLog log;
  const KnownProgram known = known_program(random);
  log.program = known.text;
  const auto program = parse(known.text, "known program");
  if (!program) throw std::runtime_error(program.error().text() + "\n" + known.text);
  log.release = program->machine.release;
  log.page_kb = program->machine.page_size / 1024;
  TruthWatcher truth(log, known);
  Interpreter interpreter;
  const RunResult result = interpreter.run(*program, &truth);
  if (result.finding) throw std::runtime_error(result.finding->message + "\n" + known.text);
  const Trace& trace = interpreter.machine().trace;
  std::vector<TellerLine> lines;
  const std::vector<Record>& records = trace.records();
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i >= truth.boot_end && i < truth.setup_end) continue;
    const Record& record = records[i];
    lines.push_back({trace.format(record), is_log(record.event), i < truth.boot_end, record.time, record.actor,
                     record.cpu, printer_of(truth.requests, i, record.actor),
                     printer_of(truth.failures, i, record.actor)});
  }
  const ToldLog told = tell_log(lines, log.release, random);
  log.text = told.text;
  log.request_of_line = told.request_of_line;
  log.failure_of_line = told.failure_of_line;
  return log;
}

}  // namespace cma::logs
