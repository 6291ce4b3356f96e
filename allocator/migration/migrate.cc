#include "allocator/migration/migration.h"

#include "allocator/migration/migrate_steps.h"

namespace cma {
namespace {

// Returns the steps of migrate_pages as the release takes them.
std::unique_ptr<MigrateSteps> steps_of(const MovingLayers& layers) {
  const Release release = layers.core.geometry.release;
  if (release >= Release::v6_3) return std::make_unique<MigrateV6_3>(layers);
  if (release >= Release::v6_1) return std::make_unique<MigrateV6_1>(layers);
  return std::make_unique<MigrateV3_5>(layers);
}

}  // namespace

Migration::Migration(const MovingLayers& layers) : steps_(steps_of(layers)) {}

Migration::~Migration() = default;

Task<void> Migration::reclaim_clean_pages(MigrateControl& control) { return steps_->reclaim_clean_pages(control); }

Task<Moved> Migration::migrate_pages(MigrateControl& control) { return steps_->migrate_pages(control); }

Task<void> Migration::putback(MigrateControl& control) { return steps_->putback(control); }

}  // namespace cma
