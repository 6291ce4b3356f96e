// What a kernel with coverage executes: its points, which ci/judge-kernel --coverage lists, and the counters that it
// shares with its client.
//
// A point is the beginning of a block of code in the files of mm/ that the kernel counts. The kernel increments a byte
// for it, up to 255, while it performs an operation and the client records. Used by kernel_pool.h, by the fuzz target
// in fuzz/kernel/ and by `cmacheck judge --coverage`. Cost: copying the counters takes some 30 us.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cma::judge {

// A place in the kernel's source.
struct SourcePlace {
  std::string file;
  unsigned line = 0;
  std::string function;
};

struct Point {
  std::uint64_t address = 0;
  // Innermost first; what follows is where the code was inlined.
  std::vector<SourcePlace> places;
};

struct Points {
  // The address that the kernel counts from.
  std::uint64_t text = 0;
  std::vector<Point> points;
};

// Returns the points in the text of a list (kernel/points.py has its form), or what is wrong with it and in which line.
// `name` is the list's, for the message.
std::expected<Points, std::string> parse_points(std::string_view text, std::string_view name);
// The same from a file.
std::expected<Points, std::string> load_points(const std::string& file);

// The counters, in memory that a kernel maps too.
class KernelCounters {
 public:
  // Throws std::runtime_error if there is no memory, or a point has no place in the table.
  explicit KernelCounters(const Points& points);
  KernelCounters(const KernelCounters&) = delete;
  KernelCounters& operator=(const KernelCounters&) = delete;
  ~KernelCounters();

  // Returns what the kernel inherits.
  int descriptor() const { return descriptor_; }
  std::size_t size() const { return slots_.size(); }
  // Sets all counters to 0.
  void clear();
  // Says whether the kernel counts from now on.
  void record(bool on);
  // Copies the counters of all points, in their order. Requires as much room as size(). Fails if no kernel has mapped
  // the table, or one of another build, or if it is damaged; the message says which.
  std::expected<void, std::string> read(std::span<std::uint8_t> counters) const;

 private:
  struct Table;
  std::uint64_t text_;
  std::vector<std::uint32_t> slots_;  // of the points
  int descriptor_ = -1;
  Table* table_ = nullptr;
};

// A line of the kernel's source that at least one point stands for.
struct SourceLine {
  std::string file;
  unsigned line = 0;
  auto operator<=>(const SourceLine&) const = default;
};

// The parts of mm/ that programs are about, and all of it.
enum class SourcePart : std::uint8_t { cma, page_isolation, contiguous, everything };
inline constexpr std::size_t kSourceParts = 4;
std::string_view name_of(SourcePart part);

// Returns the lines of a part that have a point with a counter that is not 0; without counters, all that have a point.
std::set<SourceLine> lines_of(const Points& points, SourcePart part,
                              std::optional<std::span<const std::uint8_t>> counters = std::nullopt);

}  // namespace cma::judge
