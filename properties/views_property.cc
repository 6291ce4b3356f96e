// Promise: what the machine reports is true. Files read as a recount does, no assertion of the model fails, and what
// one run reports comes true on the next.

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "allocator/areas/area_files.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// --- files ---

// Keeps the books of each area from what the program asked for and got, and reads the files against them at rest.
class FilesOfAreas final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    books_.clear();
  }
  void alloc_failed(AreaId id, std::uint64_t count, unsigned) override {
    // Since 6.9 calls that could not be tried do not count.
    const Area& area = machine_->areas.area(id);
    const bool counts = machine_->release() < Release::v6_9 || (area.active() && count <= area.pages);
    if (counts) books_[id].failed += count;
  }
  void buffer_allocated(AreaId id, Pfn pfn, std::uint64_t count, unsigned) override {
    books_[id].succeeded += count;
    for (const std::uint64_t bit : bits_of_buffer(machine_->areas.area(id), pfn, count)) books_[id].bits.insert(bit);
  }
  void buffer_released(AreaId id, Pfn pfn, std::uint64_t count) override {
    books_[id].released += count;
    for (const std::uint64_t bit : bits_of_buffer(machine_->areas.area(id), pfn, count)) books_[id].bits.erase(bit);
  }
  void op_performed(Machine& machine, std::size_t) override {
    if (machine.booted() && machine.engine.at_rest()) look();
  }
  void program_ended(Machine&) override {
    look();
    read("buddyinfo", recounted_buddyinfo());
  }

 private:
  struct Book {
    std::set<std::uint64_t> bits;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t released = 0;
  };

  static std::uint64_t longest_gap(const std::set<std::uint64_t>& bits, std::uint64_t size) {
    std::uint64_t longest = 0;
    std::uint64_t begin = 0;
    for (const std::uint64_t bit : bits) {
      longest = std::max(longest, bit - begin);
      begin = bit + 1;
    }
    return std::max(longest, size - begin);
  }
  void look() {
    for (AreaId id = 0; id < machine_->areas.size(); ++id) {
      const Area& area = machine_->areas.area(id);
      const Book& book = books_[id];
      read(id, AreaFile::base_pfn, area.base);
      read(id, AreaFile::count, area.pages);
      read(id, AreaFile::order_per_bit, area.order_per_bit);
      read(id, AreaFile::used, book.bits.size() << area.order_per_bit);
      read(id, AreaFile::maxchunk, longest_gap(book.bits, area.bitmap.size()) << area.order_per_bit);
      read(id, AreaFile::alloc_pages_success, book.succeeded);
      read(id, AreaFile::alloc_pages_fail, book.failed);
      read(id, AreaFile::release_pages_success, book.released);
    }
  }
  // Free blocks of each order, counted from the pages that begin one.
  std::string recounted_buddyinfo() const {
    std::string text;
    std::vector<std::size_t> zones(machine_->buddy.zones());
    std::iota(zones.begin(), zones.end(), std::size_t{0});
    std::ranges::sort(zones, {}, [&](std::size_t z) { return std::pair(machine_->buddy.zone(z).node, z); });
    for (const std::size_t z : zones) {
      std::vector<std::uint64_t> blocks(machine_->buddy.largest_order() + 1);
      for (const Page& page : machine_->map.pages())
        if (page.zone == z && page.has(kPageBuddy)) ++blocks[page.order];
      text += fmt::format("Node {}, zone {:>8} ", machine_->buddy.zone(z).node, machine_->buddy.zone_name(z));
      for (const std::uint64_t count : blocks) text += fmt::format("{:>6} ", count);
      text += '\n';
    }
    return text;
  }
  void read(AreaId id, AreaFile file, std::uint64_t expected) {
    if (info_of(file).since > machine_->release() && info_of(file).directory == "sys") return;
    read(path_of(info_of(file), machine_->areas.area(id).name), fmt::format("{}\n", expected));
  }
  void read(const std::string& path, const std::string& expected) {
    const auto text = machine_->read_file(path);
    claim(text == expected, fmt::format("{} reads \"{}\", and \"{}\" is true", path, text.value_or("?"), expected));
  }

  Machine* machine_ = nullptr;
  std::map<AreaId, Book> books_;
};

PROMISE(ViewsPromise, files_read_at_rest_what_happened,
        {.planted = {Bug::debug_bitmap_size, Bug::bitmap_forgets_bit}}) {
  FilesOfAreas files;
  run_checked(program, &files);
  files.assert_all_held();
}

// Makes a program read a file after each operation.
void read_files(Random& random, Program& program) {
  std::vector<std::string> paths = {"buddyinfo", "pagetypeinfo", "meminfo", "vmstat"};
  for (const AreaSpec& area : program.machine.areas)
    for (const AreaFileInfo& file : area_files(program.machine.release)) paths.push_back(path_of(file, area.name));
  std::vector<Op> reading;
  for (Op& op : program.ops) {
    const bool boot = info_of(op).boot;
    reading.push_back(std::move(op));
    if (boot) continue;
    Op cat;
    cat.body = Cat{.path = paths[random.below(paths.size())]};
    reading.push_back(cat);
  }
  program.ops = std::move(reading);
}

Programs reading_files() {
  Programs programs;
  programs.prepare = read_files;
  return programs;
}

// The total of pages released is compared when no actor is inside an operation (catalogue.cc says so).
PROMISE(ViewsPromise, files_read_as_a_recount_does_at_any_time,
        {.programs = reading_files(), .planted = {Bug::debug_bitmap_size}}) {
  assert_laws_hold(program, {Law::views});
}

// --- assertions ---

PROMISE(ViewsPromise, no_assertion_of_the_model_fails, {.planted = {{Bug::inactive_alloc, Release::v4_9}}}) {
  assert_laws_hold(program, {Law::sound});
}

// --- expectations ---

Program without_expectations(Program program) {
  std::erase_if(program.ops, [](const Op& op) { return info_of(op).any_time; });
  program.settle();
  return program;
}

// Writes down what a run reports when its last operation has been performed, as operations that expect it.
class Reporter final : public Witness {
 public:
  explicit Reporter(const Program& program) : program_(program) {}
  void op_performed(Machine& machine, std::size_t op) override {
    if (op + 1 != program_.ops.size()) return;
    for (Slot slot = 0; slot <= op; ++slot)
      if (program_.ops[slot].id != 0) expect_result(slot);
    std::int64_t free_pages = 0;
    std::int64_t free_cma = 0;
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      free_pages += machine.buddy.zone(z).nr_free_pages;
      free_cma += machine.buddy.zone(z).nr_free_cma;
    }
    expect_counter(CounterWord::free_pages, static_cast<std::uint64_t>(free_pages));
    expect_counter(CounterWord::free_cma, static_cast<std::uint64_t>(free_cma));
    expect_counter(CounterWord::skipped, last_run().world().skipped);
    expect_counter(CounterWord::time, machine.engine.now());
  }
  std::vector<Op> expectations;

 private:
  void add(OpBody body) {
    Op op;
    op.body = std::move(body);
    expectations.push_back(std::move(op));
  }
  void expect_counter(CounterWord counter, std::uint64_t value) { add(ExpectCounter{counter, Compare::eq, value}); }
  void expect_result(Slot slot) {
    const Result& result = last_run().world().result(slot);
    const OpRef name{program_.ops[slot].id};
    switch (result.state) {
      case Result::State::not_performed: return;
      case Result::State::inside: return add(ExpectState{name, StateWord::inside});
      case Result::State::skipped: return add(ExpectState{name, StateWord::skipped});
      case Result::State::failed: add(ExpectState{name, StateWord::failed}); break;
      case Result::State::done: add(ExpectState{name, result.gone ? StateWord::gone : StateWord::ok}); break;
    }
    add(ExpectFigure{name, FigureWord::pages, Compare::eq, Place::of_pfn(result.pages)});
    const bool has_place = result.yields == Yields::buffer || result.yields == Yields::block;
    if (has_place) add(ExpectFigure{name, FigureWord::pfn, Compare::eq, Place::of_pfn(result.pfn)});
  }

  const Program& program_;
};

RunResult run_expecting(Program program, const std::vector<Op>& expectations) {
  static CheckedRun checked;
  program.ops.insert(program.ops.end(), expectations.begin(), expectations.end());
  return checked.run(program);
}

// The machine of the first run has no mistakes: one with a mistake is found out by what the first reported.
PROMISE(ViewsPromise, what_a_run_reports_comes_true_on_the_next_run,
        {.planted = {Bug::bitmap_forgets_bit, Bug::mask_exponent}}) {
  const Program again = without_expectations(program);
  Program first = again;
  first.machine.bugs = {};
  Reporter reporter(first);
  RC_PRE(!run_checked(first, &reporter).finding && !first.ops.empty());
  const RunResult result = run_expecting(again, reporter.expectations);
  if (result.finding) RC_FAIL(result.finding->message);
  // And nothing else does.
  std::get<ExpectCounter>(reporter.expectations.back().body).compare = Compare::ne;
  const RunResult otherwise = run_expecting(again, reporter.expectations);
  const bool noticed = otherwise.finding && otherwise.finding->law == Law::expect;
  RC_ASSERT(noticed);
}

}  // namespace
}  // namespace cma
