// The table of points that operations pass, held to what generated programs pass. With CMACHECK_PRINT_POINTS=FILE in
// the environment, what is measured is written to that file as the table reads.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <vector>

#include "properties/program/forecast.h"
#include "properties/program/generator.h"
#include "properties/program/passages_testing.h"
#include "properties/program/passed_points.h"

namespace cma {
namespace {

constexpr std::uint64_t kProgramsOfRelease = 4000;
// Fewer operations of a kind say little.
constexpr std::uint64_t kEnough = 200;
// A row has the points that more than so many of a hundred operations pass. The table is not measured anew for each
// change of the model: it is held to twice that, so that a point at the edge may be in it or not.
constexpr std::uint64_t kListed = 2;
constexpr std::uint64_t kMissed = 2 * kListed;

// What operations of one kind passed.
struct Tally {
  std::uint64_t runs = 0;
  std::array<std::uint64_t, kPoints> passed{};
  std::array<std::uint64_t, kPoints> again{};
  std::array<std::uint64_t, kPoints> often{};   // four times
  std::array<std::uint64_t, kPoints> places{};  // the sum of Passage::place

  void add(const Passage& passage) {
    ++runs;
    for (std::size_t point = 0; point < kPoints; ++point) {
      passed[point] += passage.times[point] > 0 ? 1 : 0;
      again[point] += passage.times[point] > 1 ? 1 : 0;
      often[point] += passage.times[point] > 3 ? 1 : 0;
      places[point] += passage.place[point];
    }
  }
  void add(const Tally& other) {
    runs += other.runs;
    for (std::size_t point = 0; point < kPoints; ++point) {
      passed[point] += other.passed[point];
      again[point] += other.again[point];
      often[point] += other.often[point];
      places[point] += other.places[point];
    }
  }
  // Returns how many of a hundred passed the point, rounded up.
  unsigned share(std::size_t point) const {
    return static_cast<unsigned>((100 * passed[point] + runs - 1) / std::max<std::uint64_t>(runs, 1));
  }
  bool in_more_than(std::uint64_t share, std::size_t point) const {
    return runs >= kEnough && passed[point] * 100 > share * runs;
  }
};

using By = std::tuple<std::size_t, Prospect, Release>;
using Tallies = std::map<By, Tally>;

void tally_program(const Program& program, const Interpreter& interpreter, const Passages& passages, Tallies& tallies) {
  Forecast forecast(program);
  for (Slot slot = 0; slot < program.ops.size(); ++slot) {
    const Op& op = program.ops[slot];
    const bool performed = info_of(op).performed == Performed::by_actor &&
                           interpreter.world().result(slot).state != Result::State::skipped;
    if (performed)
      tallies[{op.body.index(), forecast.prospect(op), program.machine.release}].add(passages.operations()[slot]);
    forecast.add(op);
  }
}

Tallies measured() {
  Tallies tallies;
  Interpreter interpreter;
  Passages passages(interpreter.world());
  for (const Release release : modelled_releases()) {
    GeneratorOptions options;
    options.release = release;
    options.min_ops = 8;
    for (std::uint64_t seed = 0; seed < kProgramsOfRelease; ++seed) {
      // Half of them have what other programs have rarely.
      options.compaction = options.reclaim = options.flags = seed % 4 == 1;
      options.huge_pages = seed % 4 == 3;
      const Program program = generate(seed, options);
      interpreter.run(program, &passages);
      tally_program(program, interpreter, passages, tallies);
    }
  }
  return tallies;
}

// --- printing ---

// One row of the table to be: releases that pass alike.
struct Row {
  Release since = Release::v3_5;
  Tally sum;
  std::vector<Tally> parts;
};

// Returns whether both pass the same, as far as one can tell.
bool alike(const Tally& one, const Tally& other) {
  constexpr unsigned kFar = 12;
  if (one.runs < kEnough || other.runs < kEnough) return true;
  for (std::size_t point = 0; point < kPoints; ++point) {
    const unsigned a = one.share(point);
    const unsigned b = other.share(point);
    if (std::max(a, b) - std::min(a, b) > kFar) return false;
  }
  return true;
}

std::vector<std::size_t> points_of(const Row& row) {
  std::vector<std::size_t> points;
  for (std::size_t point = 0; point < kPoints; ++point) {
    const bool often = std::ranges::any_of(
        row.parts, [&](const Tally& part) { return part.passed[point] * 100 > kListed * part.runs; });
    if (row.sum.passed[point] > 1 && (often || row.sum.passed[point] * 100 > row.sum.runs)) points.push_back(point);
  }
  // In the order in which they are passed, on average.
  std::ranges::sort(points, {}, [&](std::size_t point) {
    return std::pair(row.sum.places[point] * 1000 / row.sum.passed[point], point);
  });
  return points;
}

constexpr std::string_view kProspects[] = {"plain", "moves", "in_way", "large", "doubtful"};

std::string_view word_for(Prospect prospect) { return kProspects[static_cast<std::size_t>(prospect)]; }

std::string printed(std::size_t kind, Prospect prospect, const Row& row) {
  const auto version = static_cast<unsigned>(row.since);
  std::string text = fmt::format("    // {}, {} runs\n    {{{}, {}, Release::v{}_{}, {{{{", op_catalogue()[kind].verb,
                                 row.sum.runs, kind, word_for(prospect), version / 100, version % 100);
  std::string line;
  for (const std::size_t point : points_of(row)) {
    std::string entry = fmt::format(" {{{}, {}", info_of(static_cast<Point>(point)).name, row.sum.share(point));
    const std::uint64_t again = 100 * row.sum.again[point] / row.sum.runs;
    const std::uint64_t often = 100 * row.sum.often[point] / row.sum.runs;
    if (again != 0) entry += fmt::format(", {}", again);
    if (often != 0) entry += fmt::format(", {}", often);
    entry += "},";
    constexpr std::size_t kWide = 108;
    if (line.size() + entry.size() > kWide) {
      text += "\n       " + line;
      line.clear();
    }
    line += entry;
  }
  return text + "\n       " + line + "\n    }}},\n";
}

void print_table(const Tallies& tallies, std::ostream& out) {
  for (auto at = tallies.begin(); at != tallies.end();) {
    const auto [kind, prospect, first] = at->first;
    std::vector<Row> rows;
    for (; at != tallies.end() && std::get<0>(at->first) == kind && std::get<1>(at->first) == prospect; ++at) {
      if (rows.empty() || !alike(rows.back().sum, at->second))
        rows.push_back({rows.empty() ? Release::v3_5 : std::get<2>(at->first), {}, {}});
      rows.back().sum.add(at->second);
      rows.back().parts.push_back(at->second);
    }
    // An empty row ends those before it.
    const bool any = std::ranges::any_of(rows, [](const Row& row) { return !points_of(row).empty(); });
    for (const Row& row : rows)
      if (any) out << printed(kind, prospect, row);
  }
}

// --- what is held ---

const PassedPoint* entry(std::span<const PassedPoint> row, std::size_t point) {
  const auto found = std::ranges::find(row, static_cast<Point>(point), &PassedPoint::point);
  return found == row.end() ? nullptr : &*found;
}

TEST(PassedPoints, AreThoseThatSuchOperationsPass) {
  const Tallies tallies = measured();
  if (const char* file = std::getenv("CMACHECK_PRINT_POINTS")) {
    std::ofstream out(file);
    print_table(tallies, out);
  }
  // By the address of the row, which holds for several releases.
  std::map<const PassedPoint*, Tally> by_row;
  for (const auto& [by, tally] : tallies) {
    const auto [kind, prospect, release] = by;
    const std::span<const PassedPoint> row = passed_points({kind, prospect, release});
    if (!row.empty()) by_row[row.data()].add(tally);
    for (std::size_t point = 0; point < kPoints; ++point)
      EXPECT_TRUE(!tally.in_more_than(kMissed, point) || entry(row, point) != nullptr)
          << op_catalogue()[kind].verb << ", " << word_for(prospect) << ", on " << release << " passes "
          << info_of(static_cast<Point>(point)).name << " in " << tally.passed[point] << " of " << tally.runs;
  }
  for (const auto& [by, tally] : tallies) {
    const auto [kind, prospect, release] = by;
    const std::span<const PassedPoint> row = passed_points({kind, prospect, release});
    for (const PassedPoint& passed : row) {
      const Tally& of_row = by_row[row.data()];
      const auto point = static_cast<std::size_t>(passed.point);
      if (of_row.runs < kEnough) continue;
      // Shares are rounded up: one of 1 may stand for a few operations in all.
      EXPECT_TRUE(of_row.passed[point] > 0 || passed.share == 1)
          << op_catalogue()[kind].verb << ", " << word_for(prospect) << ", never passes " << info_of(passed.point).name;
      EXPECT_NEAR(of_row.share(point), passed.share, 15) << op_catalogue()[kind].verb << ", " << word_for(prospect)
                                                         << ", on " << release << " at " << info_of(passed.point).name;
    }
  }
}

}  // namespace
}  // namespace cma
