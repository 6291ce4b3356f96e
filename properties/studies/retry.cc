#include "properties/studies/retry.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "allocator/base/assert.h"
#include "properties/program/interpreter.h"
#include "properties/program/random.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct Policy {
  std::string_view name;
  std::string_view key;  // of the machine line; the flags of a request for pages
};
constexpr std::array<Policy, 3> kPolicies = {{{"none", "0"}, {"5 sweeps", "5"}, {"no limit", "forever"}}};

constexpr std::array<Policy, 3> kBlockPolicies = {{{"none", "GFP_KERNEL|__GFP_NORETRY"},
                                                   {"16 turns", "GFP_KERNEL|__GFP_RETRY_MAYFAIL"},
                                                   {"no limit", "GFP_KERNEL|__GFP_NOFAIL"}}};

constexpr std::array<std::string_view, 2> kHolderNames = {"exit", "fork"};

// How long it is away. In so many of a hundred programs the page is never released: a pin stands for the task.
constexpr std::uint64_t kLongestAway = 1000 * kMillisecond;
constexpr std::uint64_t kNeverInHundred = 4;
constexpr Time kRetrySleep = 100 * kMillisecond;

}  // namespace

RetryStory retry_story(Random& random, RetryHolder holder) {
  const std::uint64_t mapped = random.between(1, 24);
  const std::uint64_t at = random.below(256 - mapped);
  const std::uint64_t pages = std::uint64_t{32} << random.below(4);
  const std::uint64_t nth = random.between(1, mapped);
  const std::uint64_t away = random.between(1, kLongestAway);
  const bool never = random.chance(kNeverInHundred);
  std::string text = "actor A cpu=0\nactor B cpu=1\nothers = shmem_page pages=64\np = spawn\n";
  text += fmt::format("v = mmap_anon p pages={} at=a+{}\ndrain\n", mapped, at);
  if (never)
    text += "k = pin v\n";
  else if (holder == RetryHolder::exit)
    text += "B: exit p until=zap_unflushed\n";
  else
    text += fmt::format("B: fork p until=fork_referenced#{}\n", nth);
  text += fmt::format("A: {} = cma_alloc a pages={} align=5\nsleep us={}\n", kRetryRequest, pages, away);
  if (!never) text += "B: resume\n";
  return {text, never};
}

Program retry_program(const RetryStory& story, Release release, std::string_view retry) {
  const auto program =
      parse(fmt::format("machine small release={} retry={}\n{}", name_of(release), retry, story.ops), "retry");
  CMA_ASSERT(program.has_value());
  return *program;
}

BlockStory block_story(Random& random) {
  const std::uint64_t away = random.between(1, kLongestAway);
  return {away, random.chance(kNeverInHundred)};
}

Program block_program(const BlockStory& story, Release release, std::string_view gfp) {
  std::string text = fmt::format("machine small release={}\nactor A cpu=0\nactor B cpu=1\n", name_of(release));
  // All blocks of the machine; the first lies outside the areas.
  for (int block = 0; block < 16; ++block)
    text += fmt::format("h{} = alloc_pages order=6 gfp=GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\n", block);
  text += "rest = unmovable_page pages=64\n";
  text += fmt::format("A: {} = alloc_pages order=5 gfp={}\nsleep us={}\n", kRetryRequest, gfp, story.away);
  if (!story.never) text += "B: free_pages h0\n";
  const auto program = parse(text, "retry");
  CMA_ASSERT(program.has_value());
  return *program;
}

namespace {

std::optional<Slot> request_of(const Program& program) {
  for (Slot slot = 0; slot < program.ops.size(); ++slot)
    if (program.name_of(program.ops[slot]) == kRetryRequest) return slot;
  return std::nullopt;
}

// Runs one program and adds the outcome to the row.
void run_one(Interpreter& interpreter, const Program& program, StudyRow& row) {
  const RunResult result = interpreter.run(program);
  const std::uint64_t sweeps = interpreter.machine().areas.table().sweeps;
  ++row.runs;
  row.sweeps += sweeps;
  if (sweeps > 0) row.virtual_time += (sweeps - 1) * kRetrySleep;
  const bool endless = result.finding && result.finding->law == Law::bounded;
  CMA_ASSERT(!result.finding || endless);
  const Slot slot = *request_of(program);
  const bool got = !endless && interpreter.world().result(slot).state == Result::State::done;
  if (got) return;
  ++row.failed;
  ++row.causes[endless ? 1 : 0].count;
  if (endless && row.remark.empty()) row.remark = "does not end: " + result.finding->message;
}

// Runs one program of the page allocator's and adds the outcome to the row.
void run_one(Interpreter& interpreter, const BlockStory& story, std::string_view gfp, StudyRow& row) {
  const Program program = block_program(story, Release::v4_19, gfp);
  const RunResult run = interpreter.run(program);
  CMA_ASSERT(!run.finding);
  ++row.runs;
  const Result& request = interpreter.world().result(*request_of(program));
  if (request.state == Result::State::done) {
    // It waits for whole turns.
    row.virtual_time += (story.away + kRetrySleep - 1) / kRetrySleep * kRetrySleep;
    return;
  }
  const bool endless = request.state == Result::State::skipped;
  ++row.failed;
  ++row.causes[endless ? 1 : 0].count;
  if (endless && row.remark.empty()) row.remark = fmt::format("does not end: {}", request.skipped_as);
}

std::vector<StudyRow> block_rows(Interpreter& interpreter, const StudyOptions& options) {
  std::vector<StudyRow> rows;
  for (const Policy& policy : kBlockPolicies) {
    StudyRow row;
    row.release = "4.19";
    row.policy = fmt::format("page allocation, {}", policy.name);
    row.causes = {{"no block after the last turn", 0}, {"proved never to end", 0}};
    for (std::uint64_t i = 0; i < options.size; ++i) {
      Random random(options.seed * 1'000'003 + i * 2);
      run_one(interpreter, block_story(random), policy.key, row);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

StudyResult run_retry_study(const StudyOptions& options) {
  StudyResult study;
  study.run_means = "requests that meet a task holding pages";
  study.parameters = {
      {"machine", "the default small one, release 4.19, area of 256 pages"},
      {"request", "32 to 256 pages aligned to 32"},
      {"holder",
       "a process of 1 to 24 pages in the area, preempted in exit before its batch is flushed, or in fork "
       "between the reference and the mapping of one page"},
      {"away", "1 us to 1 s, uniform: the free parameter"},
      {"never", fmt::format("{} in 100: the page is pinned for good", kNeverInHundred)},
      {"sleep", "100 ms between two sweeps, and two turns of the page allocator"},
      {"page allocation",
       "a block of 32 pages; another task has the last one, and gives it back after that time, or never"},
      {"seed", std::to_string(options.seed)},
  };
  Interpreter interpreter;
  for (const RetryHolder holder : {RetryHolder::exit, RetryHolder::fork})
    for (const Policy& policy : kPolicies) {
      StudyRow row;
      row.release = "4.19";
      row.policy = fmt::format("{}, {}", kHolderNames[static_cast<std::size_t>(holder)], policy.name);
      row.causes = {{"no window in the last sweep", 0}, {"proved never to end", 0}};
      for (std::uint64_t i = 0; i < options.size; ++i) {
        Random random(options.seed * 1'000'003 + i * 2 + static_cast<std::uint64_t>(holder));
        run_one(interpreter, retry_program(retry_story(random, holder), Release::v4_19, policy.key), row);
      }
      study.rows.push_back(std::move(row));
    }
  for (StudyRow& row : block_rows(interpreter, options)) study.rows.push_back(std::move(row));
  return study;
}

}  // namespace cma
