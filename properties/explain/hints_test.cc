// What an answer says would fit or pass is tried on the model: the program up to the operation that failed is performed
// again with the operation as the hint has it, and it must succeed.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "properties/explain/why.h"
#include "properties/explain/why_testing.h"
#include "properties/program/random.h"
#include "properties/program/text.h"

namespace cma {
namespace {

constexpr const char* kReleases[] = {"3.6", "4.9", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"};

// Returns a random program of requests that fill a small machine.
std::string random_operations(Random& random) {
  constexpr const char* kTypes[] = {"unmovable", "movable", "reclaimable"};
  std::string text;
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t kind = random.below(8);
    if (kind < 3)
      text += fmt::format("b{} = cma_alloc {} pages={} align={}\n", i, random.chance(50) ? "a" : "b",
                          random.between(1, 120), random.below(8));
    else if (kind == 3 && i > 0)
      text += fmt::format("cma_release b{}\n", random.below(static_cast<std::uint64_t>(i)));
    else if (kind == 4)
      text += fmt::format("s{} = {} pages={}\n", i, random.chance(50) ? "shmem_page" : "unmovable_page",
                          random.between(1, 200));
    else if (kind == 5)
      text += fmt::format("n{} = anon_page at=a+{}\n", i, random.below(256));
    else
      text += fmt::format("x{} = alloc_pages order={} type={}\n", i, random.below(7), kTypes[random.below(3)]);
  }
  return text;
}

// Returns a program of these operations, as far as they name results that there are.
Program program_of(const std::string& machine, const std::string& operations) {
  std::string kept;
  for (std::size_t begin = 0; begin < operations.size();) {
    const std::size_t end = operations.find('\n', begin) + 1;
    const std::string line = operations.substr(begin, end - begin);
    begin = end;
    if (parse("machine " + machine + "\n" + kept + line, "hints")) kept += line;
  }
  return *parse("machine " + machine + "\n" + kept, "hints");
}

// Returns the answers to a program that must pass.
std::vector<Answer> answers_to(const Program& program) {
  Interpreter interpreter;
  WhyRecorder recorder(interpreter);
  EXPECT_TRUE(interpreter.run(program, &recorder).passed()) << print(program);
  return recorder.answers();
}

// Returns whether the last operation of the program succeeds.
bool succeeds(const Program& program) {
  Interpreter interpreter;
  interpreter.run(program);
  return interpreter.world().result(static_cast<Slot>(program.ops.size() - 1)).state == Result::State::done;
}

template <class Value>
std::optional<Value> figure(const Evidence& evidence, std::string_view name) {
  const auto found = std::ranges::find(evidence.figures, name, &Figure::name);
  if (found == evidence.figures.end()) return std::nullopt;
  return std::get<Value>(found->value);
}

// Changes the operation as the hint has it; returns whether the hint is certain and about the operation itself.
bool follow(const Evidence& hint, OpBody& body) {
  if (auto* request = std::get_if<CmaAlloc>(&body)) {
    const bool certain = hint.text.starts_with("fit ") && figure<std::uint64_t>(hint, "pages_lent") == 0U;
    if (!certain || figure<std::uint64_t>(hint, "order_per_bit") || figure<std::uint64_t>(hint, "area_pages"))
      return false;
    request->align = figure<std::uint64_t>(hint, "align").value_or(request->align);
    request->pages = figure<std::uint64_t>(hint, "pages").value_or(request->pages);
    return true;
  }
  auto* block = std::get_if<AllocPages>(&body);
  const auto remedy = figure<std::string>(hint, "remedy");
  if (block == nullptr || (remedy != "movable" && remedy != "smaller order")) return false;
  if (remedy == "movable") block->type = TypeWord::movable;
  block->order = figure<std::uint64_t>(hint, "order").value_or(block->order);
  return true;
}

TEST(Hints, AreTrueOfRandomPrograms) {
  int areas = 0;
  int blocks = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    Random random(seed);
    const std::string machine = fmt::format("small release={}", kReleases[seed % std::size(kReleases)]);
    const Program program = program_of(machine, random_operations(random));
    for (const Answer& answer : answers_to(program)) {
      if (answer.ending != Ending::failed) continue;
      for (const Evidence& hint : answer.evidence) {
        Program tried = program;
        tried.ops.resize(answer.op + std::size_t{1});
        if (hint.about != About::would || !follow(hint, tried.ops.back().body)) continue;
        ++(std::holds_alternative<CmaAlloc>(tried.ops.back().body) ? areas : blocks);
        EXPECT_TRUE(succeeds(tried)) << seed << ": " << print_op(program, program.ops[answer.op]) << ": would "
                                     << hint.text;
      }
    }
  }
  EXPECT_GE(areas, 300);
  EXPECT_GE(blocks, 100);
}

// Returns a machine with one area of so many pages.
std::string machine_with(const char* release, std::uint64_t order_per_bit, std::uint64_t pages) {
  return fmt::format("release={} pages=0x8000 pageblock_order=9\narea a base=0x1000 pages={} order_per_bit={}", release,
                     pages, order_per_bit);
}

// Returns the program up to this operation, without earlier ones that failed, on another machine.
Program program_up_to(const Program& program, Slot op, const std::set<Slot>& failed, const std::string& machine) {
  Program tried = program_of(machine, "");
  for (Slot slot = 0; slot <= op; ++slot)
    if (slot == op || !failed.contains(slot)) tried.ops.push_back(program.ops[slot]);
  return tried;
}

// The area that an answer names has room after the buffers held, and one that is a unit smaller has none.
TEST(Hints, AreTrueOfLargerAreas) {
  int tried = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const char* release = kReleases[seed % std::size(kReleases)];
    // Bits of several pages came after 3.6.
    const std::uint64_t order_per_bit = seed % std::size(kReleases) == 0 ? 0 : random.below(3);
    std::string operations;
    for (int i = 0; i < 30; ++i)
      operations +=
          random.chance(75) || i == 0
              ? fmt::format("b{} = cma_alloc a pages={} align={}\n", i, random.between(1, 1200), random.below(9))
              : fmt::format("cma_release b{}\n", random.below(static_cast<std::uint64_t>(i)));
    const Program program = program_of(machine_with(release, order_per_bit, 2048), operations);
    std::set<Slot> failed;
    for (const Answer& answer : answers_to(program)) {
      if (answer.ending != Ending::failed) continue;
      for (const Evidence& hint : answer.evidence) {
        const auto pages = figure<std::uint64_t>(hint, "area_pages");
        if (!pages || *pages > 8192) continue;
        const auto machine = [&](std::uint64_t size) { return machine_with(release, order_per_bit, size); };
        EXPECT_TRUE(succeeds(program_up_to(program, answer.op, failed, machine(*pages)))) << seed << ": " << hint.text;
        const std::uint64_t smaller = *pages - program.machine.isolation_unit();
        const bool fits_in_less =
            smaller > 2048 && succeeds(program_up_to(program, answer.op, failed, machine(smaller)));
        EXPECT_FALSE(fits_in_less) << seed << ": " << hint.text;
        ++tried;
      }
      failed.insert(answer.op);
    }
  }
  EXPECT_GE(tried, 300);
}

// Later releases empty the slots for each request. In 3.6 pages that stayed wait in a pagevec, so nothing is certain.
TEST(Hints, EmptySlotsOfBufferHeadsLetARequestPass) {
  const std::string held = "f = file block_device\nb = bread f at=a+0x20 pages=4 keep\ndrain\n";
  const std::string dropped = held + "bh_put b\n";
  const auto answer = [](const char* release, const std::string& operations) {
    return why_text(fmt::format("small release={}", release), operations + "w = cma_alloc a pages=256\n");
  };
  for (const char* release : {"4.9", "4.19"}) {
    EXPECT_THAT(answer(release, dropped),
                ::testing::HasSubstr("would  pass once the slots of buffer heads are empty, with "
                                     "window [200, 300) at the latest"))
        << release;
    EXPECT_EQ(answer(release, dropped + "bh_invalidate\n"),
              "no operation failed; --why-of NAME answers for one all the same\n")
        << release;
    EXPECT_THAT(answer(release, held), ::testing::Not(::testing::HasSubstr("slots of buffer heads are empty")))
        << release;
    EXPECT_THAT(answer(release, dropped + "k = pin b+3\n"),
                ::testing::Not(::testing::HasSubstr("slots of buffer heads are empty")))
        << release;
  }
}

// An operation that fails for want of memory, on a machine that is too small for it.
struct Short {
  const char* name;
  const char* setting;  // of the machine
  const char* operations;
  bool huge = false;  // it asks for huge pages
};

constexpr Short kShort[] = {
    {"pages", "", "u = unmovable_page pages=9000\n"},
    {"private memory", "", "p = spawn\nv = mmap_anon p pages=9000\n"},
    {"mixed types", "", "s = shmem_page pages=4000\nu = unmovable_page pages=5000\n"},
    {"vmalloc", "", "v = vmalloc bytes=0x1f80000 gfp=GFP_KERNEL\n"},
    {"huge pages", "", "hugetlb_pool count=30\n", true},
    {"huge memory", " thp=on", "p = spawn\nv = mmap_huge p count=20\n", true},
    {"moves", "\narea a base=0x1000 pages=0x800",
     "s = shmem_page pages=0x800 at=a\nu = unmovable_page pages=5000\n"
     "b = cma_alloc a pages=0x800\n"},
};

// Returns the program on a machine of so many pages more.
Program on_larger(const Short& row, const char* release, std::int64_t more) {
  return *parse(fmt::format("machine release={} base=0 pages={:#x} pageblock_order=9 min_free_kbytes=1024{}\n{}",
                            release, 0x2000 + more, row.setting, row.operations),
                "hints");
}

// Returns whether a zone's watermark is boosted after the program.
bool ends_boosted(const Program& program) {
  Interpreter interpreter;
  interpreter.run(program);
  const Buddy& buddy = interpreter.world().machine().buddy;
  for (std::size_t zone = 0; zone < buddy.zones(); ++zone)
    if (buddy.zone(zone).watermark_boost != 0) return true;
  return false;
}

// Returns by how much a sum may be too large: just too much is a page. Part of a sum is what the requests may or may
// not need: half a huge page, and since 6.7 what doubled batches leave on per-CPU lists. No part of it are the pages
// that wait on those lists when the operation fails, though they help it.
std::int64_t most_slack(const Short& row, Release release, const std::vector<Evidence>& evidence) {
  std::int64_t slack = 2;
  for (const Evidence& found : evidence)
    if (figure<std::string>(found, "name") == "per-CPU lists, free")
      slack += static_cast<std::int64_t>(*figure<std::uint64_t>(found, "pages"));
  if (release >= Release::v6_7) slack += 63;
  return slack + (row.huge ? 256 : 0);
}

TEST(Hints, NameSumsThatAreEnoughForTheWholeOperation) {
  for (const char* release : kReleases) {
    for (const Short& row : kShort) {
      const Program program = on_larger(row, release, 0);
      const std::vector<Answer> answers = answers_to(program);
      ASSERT_FALSE(answers.empty()) << row.name << " on " << release;
      const std::vector<Evidence>& evidence = answers.back().evidence;
      const auto sum = std::ranges::find_if(evidence, [](const Evidence& found) {
        return figure<std::string>(found, "remedy") == "more free pages for all";
      });
      ASSERT_NE(sum, evidence.end()) << row.name << " on " << release;
      const std::int64_t pages = *figure<std::int64_t>(*sum, "pages_short");
      const auto boost = figure<std::int64_t>(*sum, "more_if_boosted").value_or(0);
      EXPECT_TRUE(boost == 0 || *release_from_name(release) >= Release::v5_0) << row.name << " on " << release;
      const bool boosts = ends_boosted(on_larger(row, release, pages));
      EXPECT_TRUE(succeeds(on_larger(row, release, boosts ? pages + boost : pages)))
          << row.name << " on " << release << ": " << sum->text;
      const std::int64_t slack = most_slack(row, *release_from_name(release), evidence);
      ASSERT_LT(slack, pages) << row.name << " on " << release << ": all sums would do";
      EXPECT_FALSE(succeeds(on_larger(row, release, pages - slack)))
          << row.name << " on " << release << ": " << sum->text;
    }
  }
}

// Returns the least order of a block of that many pages.
unsigned own_order(std::uint64_t pages) { return static_cast<unsigned>(std::bit_width(pages - 1)); }

// Returns requests as the DMA layer makes them, and releases of some buffers.
std::string dma_requests(Random& random) {
  std::string text;
  for (int i = 0; i < 30; ++i) {
    const std::uint64_t pages = random.between(1, random.chance(70) ? 200 : 600);
    text += fmt::format("b{} = cma_alloc main pages={} align={}\n", i, pages, std::min(own_order(pages), 8U));
    if (i > 0 && random.chance(20)) text += fmt::format("cma_release b{}\n", random.below(static_cast<unsigned>(i)));
  }
  return text;
}

// Returns whether all requests up to `last` succeed if they were made with another CONFIG_CMA_ALIGNMENT.
bool all_succeed(Program program, Slot last, unsigned limit) {
  program.ops.resize(last + std::size_t{1});
  for (Op& op : program.ops)
    if (auto* request = std::get_if<CmaAlloc>(&op.body))
      request->align = std::min<std::uint64_t>(own_order(request->pages), limit);
  Interpreter interpreter;
  interpreter.run(program);
  for (Slot op = 0; op <= last; ++op)
    if (interpreter.world().result(op).state == Result::State::failed) return false;
  return true;
}

TEST(Hints, NameTheLargestAlignmentWithWhichAllRequestsFit) {
  int named = 0;
  int none = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Random random(seed);
    const char* release = kReleases[seed % std::size(kReleases)];
    const std::string machine = fmt::format(
        "release={} base=0 pages=0x8000 pageblock_order=9 debug=off\narea main base=0x4000 pages=0x1000", release);
    const Program program = program_of(machine, dma_requests(random));
    for (const Answer& answer : answers_to(program)) {
      for (const Evidence& hint : answer.evidence) {
        if (const auto limit = figure<std::uint64_t>(hint, "cma_alignment")) {
          ++named;
          EXPECT_TRUE(all_succeed(program, answer.op, static_cast<unsigned>(*limit))) << seed << ": " << hint.text;
          EXPECT_FALSE(all_succeed(program, answer.op, static_cast<unsigned>(*limit + 1))) << seed << ": " << hint.text;
        } else if (hint.text.find("nor if all requests") != std::string::npos) {
          ++none;
          for (unsigned smaller = 4; smaller < 8; ++smaller)
            EXPECT_FALSE(all_succeed(program, answer.op, smaller)) << seed << ": " << hint.text;
        }
      }
    }
  }
  EXPECT_GE(named, 20);
  EXPECT_GE(none, 20);
}

// A machine, but for the pages of its area, and what fails on it if the area has 8 MiB.
struct BesideArea {
  const char* machine;
  std::string operations;
  int hints;  // that can be tried
};

Program with_area(const BesideArea& row, const char* release, std::uint64_t pages) {
  return *parse(fmt::format("machine release={} pageblock_order=9 min_free_kbytes=1024 debug=off {}\n"
                            "area main base=0x400 pages={:#x}\n{}",
                            release, row.machine, pages, row.operations),
                "hints");
}

// Runs the program as the hint about the operation has it. Returns whether the operation succeeds; nullopt if the hint
// is about something else.
std::optional<bool> succeeds_beside(const BesideArea& row, const char* release, const Evidence& hint, Slot op) {
  Program program = with_area(row, release, 0x800);
  if (hint.about != About::would || hint.text.starts_with("give one more")) return std::nullopt;
  if (const auto less = figure<std::uint64_t>(hint, "area_smaller"))
    program = with_area(row, release, 0x800 - *less);
  else if (figure<std::string>(hint, "remedy") == "no ceiling")
    std::get<AllocGfp>(program.ops[op].body).gfp &= ~std::uint64_t{kGfpDma};
  else
    return std::nullopt;
  program.ops.resize(op + std::size_t{1});
  return succeeds(program);
}

TEST(Hints, SayWhatASmallerAreaOrAnotherZoneWouldGive) {
  std::string blocks;
  for (int i = 1; i <= 8; ++i) blocks += fmt::format("e{} = alloc_pages order=8 gfp=GFP_KERNEL|GFP_DMA\n", i);
  const BesideArea rows[] = {
      {"pages=0x8000\nzone DMA base=0x0 pages=0x1000\nzone DMA32 base=0x1000 pages=0x7000", blocks, 2},
      {"pages=0x1800", "u = unmovable_page pages=3900\n", 1},
  };
  for (const char* release : kReleases) {
    for (const BesideArea& row : rows) {
      const Program program = with_area(row, release, 0x800);
      const std::vector<Answer> answers = answers_to(program);
      ASSERT_FALSE(answers.empty()) << release;
      const Answer& answer = answers.front();
      int tried = 0;
      for (const Evidence& hint : answer.evidence) {
        const std::optional<bool> passes = succeeds_beside(row, release, hint, answer.op);
        if (!passes) continue;
        ++tried;
        EXPECT_TRUE(*passes) << release << ": " << hint.text;
      }
      EXPECT_EQ(tried, row.hints) << release << ": " << row.operations;
    }
  }
}

}  // namespace
}  // namespace cma
