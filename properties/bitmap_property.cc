// Promise: what an area's bitmap says is what its buffers hold.

#include <set>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// The bits that the buffers in a program's hands make set, from what the program asked for and got alone.
class BitsOfBuffers final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    bits_.clear();
  }
  void buffer_allocated(AreaId id, Pfn pfn, std::uint64_t count, unsigned) override {
    for (const std::uint64_t bit : bits_of_buffer(machine_->areas.area(id), pfn, count))
      claim(bits_.emplace(id, bit).second, fmt::format("bit {} of area {} is handed out twice", bit, id));
  }
  void buffer_released(AreaId id, Pfn pfn, std::uint64_t count) override {
    for (const std::uint64_t bit : bits_of_buffer(machine_->areas.area(id), pfn, count))
      claim(bits_.erase({id, bit}) == 1, fmt::format("bit {} of area {} is released, but not held", bit, id));
  }
  bool set(AreaId id, std::uint64_t bit) const { return bits_.contains({id, bit}); }

 private:
  Machine* machine_ = nullptr;
  std::set<std::pair<AreaId, std::uint64_t>> bits_;
};

PROMISE(BitmapPromise, says_at_the_end_what_buffers_hold, {.planted = {Bug::bitmap_forgets_bit}}) {
  BitsOfBuffers expected;
  const RunResult result = run_checked(program, &expected);
  const bool other_law = result.finding && result.finding->law != Law::bitmap;
  RC_PRE(!other_law);
  expected.assert_all_held();
  const Areas& areas = last_run().machine().areas;
  for (AreaId id = 0; id < areas.size(); ++id)
    for (std::uint64_t bit = 0; bit < areas.area(id).bitmap.size(); ++bit)
      RC_ASSERT(areas.area(id).bitmap.test(bit) == expected.set(id, bit));
}

PROMISE(BitmapPromise, has_the_bits_of_at_most_one_window_more_for_each_request_under_way,
        {.planted = {Bug::bitmap_forgets_bit}}) {
  assert_laws_hold(program, {Law::bitmap});
}

}  // namespace
}  // namespace cma
