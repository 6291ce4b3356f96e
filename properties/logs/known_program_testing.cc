#include "properties/logs/known_program_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "allocator/base/pfn.h"
#include "allocator/base/release.h"
#include "properties/logs/requests.h"

namespace cma::logs {
namespace {

// The most that an operation may ask for.
constexpr std::uint64_t kMostPages = 65536;

// Writes one program, operation by operation.
class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  KnownProgram write() {
    write_machine();
    program_.boot_ops = ops_;
    if (random_.chance(90)) op(fmt::format("others = shmem_page pages={}", random_.between(100, 2000)));
    write_buffers();
    write_holders();
    if (random_.chance(15)) op(fmt::format("all = unmovable_page pages={}", kMostPages));
    if (random_.chance(80)) op("drain");
    program_.setup_ops = ops_;
    const std::uint64_t steps = random_.between(2, 8);
    for (std::uint64_t step = 0; step < steps; ++step) write_step();
    if (random_.chance(25)) write_failures();
    return program_;
  }

 private:
  void line(const std::string& text) { program_.text += text + "\n"; }
  void op(const std::string& text) {
    line(text);
    ++ops_;
  }

  template <class T, std::size_t kCount>
  T one_of(const T (&values)[kCount]) {
    return values[random_.below(kCount)];
  }

  void write_machine() {
    constexpr std::uint64_t page_sizes[] = {4096, 4096, 4096, 4096, 4096, 4096, 4096, 16384, 65536};
    constexpr std::uint64_t units[] = {1, 1, 2, 4, 8, 16};
    constexpr const char* names[] = {"linux,cma", "reserved", "media", "cma-heap", "multimedia_region"};
    const auto releases = modelled_releases();
    const Release release = releases[random_.below(releases.size())];
    const std::uint64_t page_size = one_of(page_sizes);
    // What areas are made of: the largest blocks that such kernels have.
    const std::uint64_t unit = page_size == 4096 ? 0x400 : page_size == 16384 ? 0x800 : 0x2000;
    area_pages_ = unit * std::min(one_of(units), 0x4000 / unit);
    const std::uint64_t base = 0x4000 + unit * random_.below(0x8000 / unit);
    pages_ = base + area_pages_ + 0x2000;
    area_ = one_of(names);
    std::string machine = fmt::format("machine release={} page_size={} base=0 pages={:#x} cpus=2 debug={}",
                                      name_of(release), page_size, pages_, random_.chance(40) ? "on" : "off");
    if (random_.chance(15)) machine += " retry=1";
    if (release < Release::v4_11 && random_.chance(50)) machine += " error_line=on";
    line(machine);
    line("actor a cpu=0");
    line("actor b cpu=1");
    const std::uint64_t order_per_bit = random_.chance(20) ? random_.between(1, 4) : 0;
    op(fmt::format("declare {} base={:#x} size={:#x} order_per_bit={} fixed", area_, base * page_size,
                   area_pages_ * page_size, order_per_bit));
    op("activate");
  }

  std::uint64_t request_size() {
    switch (random_.below(5)) {
      case 0: return random_.between(1, 64);
      case 1: return random_.between(64, 512);
      case 2: return order_pages(static_cast<unsigned>(random_.between(0, 9)));
      case 3: return random_.between(1, area_pages_ / 2);
      default: return random_.between(area_pages_ / 8, area_pages_);
    }
  }

  std::string request(std::uint64_t pages) {
    unsigned align = usual_align(pages);
    if (random_.chance(15)) align = static_cast<unsigned>(random_.between(0, align));
    return fmt::format("cma_alloc {} pages={} align={}{}", area_, pages, align, random_.chance(10) ? " nowarn" : "");
  }

  void write_buffers() {
    const std::uint64_t count = random_.below(7);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t pages = random_.between(1, area_pages_ / 4);
      op(fmt::format("s{} = cma_alloc {} pages={} align={}", i, area_, pages, usual_align(pages)));
      held_.push_back(fmt::format("s{}", i));
    }
    for (std::uint64_t i = random_.below(count + 1); i > 0 && !held_.empty(); --i) release_one();
  }

  void write_holders() {
    const std::uint64_t count = random_.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t pages = random_.chance(70) ? 1 : random_.between(2, 64);
      const std::uint64_t at = random_.below(area_pages_ - pages);
      op(fmt::format("m{} = {} at={}+{} pages={}", i, random_.chance(70) ? "anon_page" : "movable_page", area_, at,
                     pages));
      if (!random_.chance(75)) continue;
      op(fmt::format("p{} = pin m{}+{}", i, i, random_.below(pages)));
      pins_.push_back(fmt::format("p{}", i));
    }
    if (!random_.chance(25)) return;
    op("f = file");
    op(fmt::format("read f at={}+{} pages={}", area_, random_.below(area_pages_ / 2), area_pages_ / 4));
  }

  void release_one() {
    const std::size_t at = random_.below(held_.size());
    op("cma_release " + held_[at]);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  std::string next_buffer() {
    held_.push_back(fmt::format("r{}", buffers_++));
    return held_.back();
  }

  // Two requests, the second while the first is between two windows.
  void write_pair() {
    constexpr const char* points[] = {"cma_bitmap_cleared", "cma_alloc_entry", "cma_bitmap_marked"};
    const std::uint64_t pages = request_size();
    op(fmt::format("a: {} = {} until={}#{}", next_buffer(), request(pages), one_of(points), random_.between(1, 6)));
    const std::uint64_t times = random_.between(1, 2);
    for (std::uint64_t i = 0; i < times; ++i)
      op(fmt::format("b: {} = {}", next_buffer(), request(random_.chance(30) ? pages : request_size())));
    if (random_.chance(10)) op("signal a");
    op("a: resume");
  }

  void write_step() {
    const std::uint64_t kind = random_.below(10);
    if (kind < 5) {
      const std::uint64_t pages = request_size();
      const std::uint64_t times = random_.chance(20) ? random_.between(2, 4) : 1;
      const std::string text = request(pages);
      for (std::uint64_t i = 0; i < times; ++i) op(fmt::format("a: {} = {}", next_buffer(), text));
    } else if (kind < 7) {
      write_pair();
    } else if (kind < 8) {
      op(fmt::format("sleep us={}", random_.between(1, random_.chance(50) ? 8'000'000 : 200'000)));
    } else if (kind < 9 && !held_.empty()) {
      release_one();
    } else if (!pins_.empty()) {
      op("unpin " + pins_.back());
      pins_.pop_back();
    }
  }

  // Requests for pages until memory is short, and some that fail.
  void write_failures() {
    constexpr const char* flags[] = {"GFP_ATOMIC",
                                     "GFP_ATOMIC|__GFP_COMP",
                                     "GFP_NOWAIT",
                                     "GFP_KERNEL|__GFP_NORETRY",
                                     "GFP_NOFS|__GFP_NORETRY",
                                     "GFP_KERNEL|__GFP_NORETRY|__GFP_COMP",
                                     "GFP_HIGHUSER_MOVABLE|__GFP_NORETRY"};
    op(fmt::format("u = unmovable_page pages={}", random_.chance(70) ? kMostPages : pages_ - area_pages_ - 2000));
    const std::uint64_t count = random_.between(1, 6);
    for (std::uint64_t i = 0; i < count; ++i) {
      op(fmt::format("a: k{} = alloc_pages order={} gfp={}", i, random_.below(random_.chance(70) ? 5 : 10),
                     one_of(flags)));
      if (random_.chance(40)) op("sleep us=11000000");
    }
  }

  Random& random_;
  KnownProgram program_;
  std::size_t ops_ = 0;
  std::string area_;
  std::uint64_t area_pages_ = 0;
  std::uint64_t pages_ = 0;
  std::vector<std::string> held_;
  std::vector<std::string> pins_;
  std::size_t buffers_ = 0;
};

}  // namespace

KnownProgram known_program(Random& random) { return Writer(random).write(); }

}  // namespace cma::logs
