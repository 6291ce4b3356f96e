#include "allocator/pressure/slow_path.h"

#include "allocator/pressure/slow_path_steps.h"

namespace cma {

Task<Pfn> run_slow_path(const Core& core, Buddy& buddy, const SlowPathHelpers& helpers, PageRequest& request) {
  if (core.geometry.release >= Release::v4_8) {
    SlowPathV4_8 path(core, buddy, helpers, request);
    co_return co_await path.run();
  }
  SlowPathV3_5 path(core, buddy, helpers, request);
  co_return co_await path.run();
}

}  // namespace cma
