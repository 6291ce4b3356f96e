#include "allocator/isolation/isolation.h"

#include "allocator/isolation/isolation_steps.h"

namespace cma {
namespace {

// Returns the steps of isolation as the release takes them.
std::unique_ptr<IsolationSteps> steps_of(const Core& core, Buddy& buddy, Isolators& isolators) {
  if (core.geometry.release >= Release::v5_19) return std::make_unique<IsolationV5_19>(core, buddy, isolators);
  return std::make_unique<IsolationV3_5>(core, buddy, isolators);
}

}  // namespace

Isolation::Isolation(const Core& core, Buddy& buddy) : core_(core), steps_(steps_of(core, buddy, isolators_)) {}

Isolation::~Isolation() = default;

Task<int> Isolation::start_isolate_page_range(Pfn start, Pfn end, Migratetype type) {
  const int error = co_await steps_->start_range(start, end, type);
  if (error == 0) co_await at(core_.engine, Point::isolate_done);
  co_return error;
}

Task<void> Isolation::undo_isolate_page_range(Pfn start, Pfn end, Migratetype type) {
  return steps_->undo_range(start, end, type);
}

int Isolation::test_pages_isolated(Pfn start, Pfn end) { return steps_->test_pages_isolated(start, end); }

}  // namespace cma
