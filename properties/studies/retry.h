// The study of field case 4: tasks hold pages for a while in exit and fork; how much do further sweeps help? Beside it,
// the same question about the page allocator: another task has the only block, and gives it back after a while.
#pragma once

#include "properties/program/program.h"
#include "properties/program/random.h"
#include "properties/studies/study.h"

namespace cma {

// The task that is preempted while it holds pages.
enum class RetryHolder : std::uint8_t { exit, fork };

// A request that meets such a task.
struct RetryStory {
  std::string ops;     // all lines but that of the machine
  bool never = false;  // the pages are not released: a pin stands for the task
};
// The name of the request's result.
inline constexpr std::string_view kRetryRequest = "w";

// Returns a story.
RetryStory retry_story(Random& random, RetryHolder holder);
// Returns its program on the default small machine of a release. `retry` is the value of that key: sweeps after the
// first one, or "forever".
Program retry_program(const RetryStory& story, Release release, std::string_view retry);

// A request for pages that meets a task with the only block.
struct BlockStory {
  std::uint64_t away = 0;  // microseconds, after which the block is given back
  bool never = false;
};
BlockStory block_story(Random& random);
// Returns its program. `gfp` are the request's flags.
Program block_program(const BlockStory& story, Release release, std::string_view gfp);

// Runs the policies none, five more sweeps, and sweeps without limit on the same programs; and those of the page
// allocator: no second turn, 16 in vain, and turns without limit. Size: programs of each kind and policy.
StudyResult run_retry_study(const StudyOptions& options);

}  // namespace cma
