#include "allocator/migration/migration.h"

#include "allocator/migration/migrate_steps.h"

namespace cma {
namespace {

// Returns the steps of migrate_pages as the release takes them.
std::unique_ptr<MigrateSteps> steps_of(Release release, const MovingLayers& layers) {
  if (release >= Release::v6_3) return std::make_unique<MigrateV6_3>(layers);
  if (release >= Release::v6_1) return std::make_unique<MigrateV6_1>(layers);
  return std::make_unique<MigrateV3_5>(layers);
}

}  // namespace

Migration::Migration(const Core& core, Buddy& buddy, PageAllocator& page_allocator, Lru& lru, PageLocks& locks,
                     Writebacks& writebacks)
    : clean_reclaim_(core, buddy, lru, locks),
      steps_(steps_of(core.geometry.release, {core, buddy, page_allocator, lru, locks, writebacks})) {}

Migration::~Migration() = default;

void Migration::set_callbacks(PageKinds& kinds, HugetlbPages& hugetlb) {
  clean_reclaim_.set_page_kinds(kinds);
  steps_->set_callbacks(kinds, hugetlb);
}

Task<Moved> Migration::migrate_pages(MigrateControl& control) { return steps_->migrate_pages(control); }

Task<void> Migration::putback(MigrateControl& control) { return steps_->putback(control); }

}  // namespace cma
