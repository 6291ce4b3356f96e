// Fuzz target: the debugfs and sysfs files of areas. A history of numbers written to `alloc` and `free`, on a machine
// that nothing else uses, is compared with areas of bools: what each file reads after each write. A path is read if and
// only if the release has it. /proc/buddyinfo adds up to the free pages.

#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>

#include "allocator/areas/area_files.h"
#include "fuzz/targets/target.h"
#include "properties/program/interpreter.h"
#include "properties/program/shapes.h"

namespace {

// An area as cma_debug.c sees it: a page a bool, and the allocations made by `alloc`, newest last.
class NaiveArea {
 public:
  NaiveArea(std::uint64_t pages, unsigned order) : order_(order), used_(pages >> order, false) {}

  void alloc(std::uint64_t count) {
    if (count == 0 || count > used_.size() << order_) return;
    const std::uint64_t bits = bits_of(count);
    std::uint64_t run = 0;
    for (std::uint64_t bit = 0; bit < used_.size(); ++bit) {
      run = used_[bit] ? 0 : run + 1;
      if (run != bits) continue;
      const std::uint64_t first = bit + 1 - bits;
      change(first, bits, true);
      buffers_.emplace_back(first << order_, count);
      succeeded += count;
      return;
    }
  }
  void free(std::uint64_t left) {
    while (left > 0 && !buffers_.empty()) {
      auto& [start, count] = buffers_.back();
      if (count > left && order_ != 0) return;
      const std::uint64_t given = std::min(count, left);
      change(start >> order_, bits_of(given), false);
      left -= given;
      start += given;
      count -= given;
      if (count == 0) buffers_.pop_back();
    }
  }
  std::uint64_t used() const { return static_cast<std::uint64_t>(std::ranges::count(used_, true)) << order_; }
  std::uint64_t longest() const {
    std::uint64_t longest = 0;
    std::uint64_t run = 0;
    for (const bool used : used_) longest = std::max(longest, run = used ? 0 : run + 1);
    return longest << order_;
  }
  std::string words() const {
    std::string text;
    for (std::size_t first = 0; first < used_.size(); first += 32) {
      std::uint32_t word = 0;
      for (std::size_t bit = 0; bit < 32 && first + bit < used_.size(); ++bit)
        if (used_[first + bit]) word |= std::uint32_t{1} << bit;
      text += (first == 0 ? "" : " ") + std::to_string(word);
    }
    return text;
  }
  std::uint64_t succeeded = 0;  // pages

 private:
  std::uint64_t bits_of(std::uint64_t count) const { return (count + (1ULL << order_) - 1) >> order_; }
  void change(std::uint64_t first, std::uint64_t count, bool value) {
    std::fill_n(used_.begin() + static_cast<std::ptrdiff_t>(first), count, value);
  }

  unsigned order_;
  std::vector<bool> used_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> buffers_;
};

// Returns a number that `alloc` and `free` may be given: mostly one about as large as an area, seldom any.
std::uint64_t number_from(cma::Numbers& numbers) {
  const std::uint64_t shape = numbers.byte();
  if (shape < 224) return numbers.below(600);
  std::uint64_t number = 0;
  for (std::uint64_t n = shape % 8 + 1; n > 0; --n) number = number << 8 | numbers.byte();
  return number;
}

// Returns a program of writes and reads, all by one CPU.
cma::Program program_from(cma::Numbers& numbers) {
  cma::Program program;
  const std::span<const cma::Release> releases = cma::modelled_releases();
  const cma::Release release = releases[numbers.byte() % releases.size()];
  program.machine = cma::shape(numbers.byte() % cma::kShapes, release);
  static const std::vector<cma::Bug> bugs = cma::wanted_bugs();
  for (const cma::Bug bug : bugs) program.machine.bugs.switch_on(bug);
  if (program.machine.areas.empty()) return program;
  constexpr std::size_t kMostWrites = 64;
  while (numbers.any() && program.ops.size() < kMostWrites) {
    const std::uint64_t kind = numbers.byte();
    const cma::AreaRef area{.id = static_cast<std::uint16_t>(kind / 2 % program.machine.areas.size())};
    const std::uint64_t pages = number_from(numbers);
    if (kind % 2 == 0)
      program.ops.push_back({.body = cma::DebugfsAlloc{.area = area, .pages = pages}});
    else
      program.ops.push_back({.body = cma::DebugfsFree{.area = area, .pages = pages}});
  }
  program.settle();
  return program;
}

// Follows a run and compares the files after each write.
class Reader final : public cma::Observer {
 public:
  Reader(const cma::Program& program, std::string path) : program_(program), path_(std::move(path)) {}

  void program_begins(cma::Machine& machine) override {
    for (cma::AreaId id = 0; id < machine.areas.size(); ++id) {
      const cma::Area& area = machine.areas.area(id);
      areas_.emplace_back(area.active() ? area.pages : 0, area.order_per_bit);
    }
  }
  void op_performed(cma::Machine& machine, std::size_t op) override {
    if (const auto* alloc = std::get_if<cma::DebugfsAlloc>(&program_.ops[op].body))
      areas_[alloc->area.id].alloc(as_int(alloc->pages));
    if (const auto* free = std::get_if<cma::DebugfsFree>(&program_.ops[op].body))
      areas_[free->area.id].free(as_int(free->pages));
    for (cma::AreaId id = 0; id < areas_.size(); ++id)
      if (machine.areas.area(id).active()) check_area(machine, id);
    check_path(machine);
    check_buddyinfo(machine);
  }

 private:
  // A number as the handler's int that becomes an unsigned long again: sign and all.
  static std::uint64_t as_int(std::uint64_t number) {
    const std::uint64_t low = number & 0xffffffff;
    return low & 0x80000000 ? low | 0xffffffff00000000 : low;
  }
  static std::optional<std::string> read(const cma::Machine& machine, const std::string& path) {
    return cma::read_view(machine.areas, machine.buddy, machine.map, machine.release(), path);
  }
  void check_file(const cma::Machine& machine, const std::string& path, const std::string& wanted) {
    known_.insert(path);
    const auto text = read(machine, path);
    if (text == wanted + "\n") return;
    cma::require(false, "debugfs/" + path.substr(path.rfind('/') + 1),
                 fmt::format("{} reads {}, not {}", path, text.value_or("nothing"), wanted));
  }
  void check_area(const cma::Machine& machine, cma::AreaId id) {
    const cma::Area& area = machine.areas.area(id);
    const NaiveArea& naive = areas_[id];
    const std::string folder = "cma/" + area.name + "/";
    check_file(machine, folder + "base_pfn", std::to_string(area.base));
    check_file(machine, folder + "count", std::to_string(area.pages));
    check_file(machine, folder + "order_per_bit", std::to_string(area.order_per_bit));
    check_file(machine, folder + "used", std::to_string(naive.used()));
    check_file(machine, folder + "maxchunk", std::to_string(naive.longest()));
    check_file(machine, folder + "bitmap", naive.words());
    if (machine.release() >= cma::Release::v5_13)
      check_file(machine, "sys/" + area.name + "/alloc_pages_success", std::to_string(naive.succeeded));
  }
  // Reads the path that the input ends with.
  void check_path(const cma::Machine& machine) {
    if (!read(machine, path_) || known_.contains(path_)) return;
    for (const char* file : {"buddyinfo", "pagetypeinfo", "zoneinfo"})
      if (path_ == file) return;
    for (cma::AreaId id = 0; id < machine.areas.size(); ++id)
      for (const cma::AreaFileInfo& file : cma::area_files(machine.release()))
        if (path_ == cma::path_of(file, machine.areas.area(id).name)) return;
    cma::require(false, "debugfs/path-that-does-not-exist", path_);
  }
  static void check_buddyinfo(const cma::Machine& machine) {
    std::istringstream text(read(machine, "buddyinfo").value_or(""));
    std::uint64_t sum = 0;
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line.substr(std::min(line.size(), line.find("zone") + 4)));
      std::string name;
      words >> name;
      std::uint64_t blocks = 0;
      for (unsigned order = 0; words >> blocks; ++order) sum += blocks << order;
    }
    std::uint64_t free = 0;
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
      free += static_cast<std::uint64_t>(machine.buddy.zone(z).nr_free_pages);
    if (sum != free)
      cma::require(false, "debugfs/buddyinfo", fmt::format("blocks of {} pages, {} are free", sum, free));
  }

  const cma::Program& program_;
  const std::string path_;
  std::vector<NaiveArea> areas_;
  std::set<std::string> known_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static cma::Interpreter& interpreter = *new cma::Interpreter;
  std::span<const std::uint8_t> input(data, size);
  // After the last end of a line comes a path.
  const auto end = std::find(input.rbegin(), input.rend(), std::uint8_t{'\n'});
  const std::string path(end.base(), input.end());
  cma::Numbers numbers(input.first(static_cast<std::size_t>(end.base() - input.begin())));
  const cma::Program program = program_from(numbers);
  Reader reader(program, path);
  const cma::RunResult result = interpreter.run(program, &reader);
  cma::require(result.passed(), "debugfs/run", result.passed() ? "" : result.finding->message);
  return 0;
}
