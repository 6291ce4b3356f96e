// Allocation flags (gfp). The model works with bits of its own, the same for every release; the number that a release
// prints and the text of `%pGg` are made only for output.
#pragma once

#include <cstdint>
#include <string>

#include "allocator/base/migratetype.h"
#include "allocator/base/release.h"

namespace cma {

enum GfpBits : std::uint32_t {
  kGfpDma = 1U << 0,
  kGfpHighmem = 1U << 1,
  kGfpDma32 = 1U << 2,
  kGfpMovable = 1U << 3,
  kGfpReclaimable = 1U << 4,
  kGfpHigh = 1U << 5,
  kGfpIo = 1U << 6,
  kGfpFs = 1U << 7,
  kGfpWrite = 1U << 8,
  kGfpNowarn = 1U << 9,
  kGfpRetryMayfail = 1U << 10,
  kGfpNofail = 1U << 11,
  kGfpNoretry = 1U << 12,
  kGfpMemalloc = 1U << 13,
  kGfpComp = 1U << 14,
  kGfpZero = 1U << 15,
  kGfpNomemalloc = 1U << 16,
  kGfpHardwall = 1U << 17,
  kGfpThisnode = 1U << 18,
  kGfpAtomicBit = 1U << 19,
  kGfpAccount = 1U << 20,
  kGfpDirectReclaim = 1U << 21,
  kGfpKswapdReclaim = 1U << 22,
};

// A set of GfpBits.
using Gfp = std::uint32_t;

inline constexpr Gfp kGfpReclaim = kGfpDirectReclaim | kGfpKswapdReclaim;
inline constexpr Gfp kGfpAtomic = kGfpHigh | kGfpAtomicBit | kGfpKswapdReclaim;
inline constexpr Gfp kGfpKernel = kGfpReclaim | kGfpIo | kGfpFs;
inline constexpr Gfp kGfpUser = kGfpKernel | kGfpHardwall;
inline constexpr Gfp kGfpHighuserMovable = kGfpUser | kGfpHighmem | kGfpMovable;
// GFP_TRANSHUGE: the flags of a fault on memory that madvise(MADV_HUGEPAGE) named.
inline constexpr Gfp kGfpTranshuge =
    ((kGfpHighuserMovable | kGfpComp | kGfpNomemalloc | kGfpNowarn) & ~kGfpReclaim) | kGfpDirectReclaim;
// The flags of a request for a page to move to (alloc_migrate_target, later alloc_migration_target).
inline constexpr Gfp kGfpMigrationTarget = kGfpUser | kGfpMovable | kGfpRetryMayfail;
// Returns those of a release: since 4.13 the request tries harder, and never kills a process for memory.
constexpr Gfp migration_target_gfp(Release release) {
  return release >= Release::v4_13 ? kGfpMigrationTarget : kGfpUser | kGfpMovable;
}
// The same for a huge page, since 5.9: with the flags of its fault besides.
inline constexpr Gfp kGfpHugeMigrationTarget = (kGfpMigrationTarget & ~kGfpReclaim) | kGfpTranshuge;

// Returns the type of page that a request is for (gfpflags_to_migratetype). Requires that at most one of the two
// mobility bits is set.
constexpr Migratetype migratetype_of(Gfp gfp) {
  if (gfp & kGfpMovable) return Migratetype::movable;
  if (gfp & kGfpReclaimable) return Migratetype::reclaimable;
  return Migratetype::unmovable;
}

// Returns the number that a release prints for these flags.
std::uint32_t gfp_value(Gfp gfp, Release release);
// Returns the text of `%pGg`: names joined by '|', composites first.
std::string gfp_text(Gfp gfp, Release release = Release::v4_19);

}  // namespace cma
