// Allocation flags (gfp). The model works on release-independent bits; a release's numeric value and the text of
// `%pGg` are made only for output.
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
// What a fault on memory that madvise(MADV_HUGEPAGE) named asks for (GFP_TRANSHUGE).
inline constexpr Gfp kGfpTranshuge =
    ((kGfpHighuserMovable | kGfpComp | kGfpNomemalloc | kGfpNowarn) & ~kGfpReclaim) | kGfpDirectReclaim;
// What migration asks for (6.4 of the kernel's alloc_migrate_target / alloc_migration_target).
inline constexpr Gfp kGfpMigrationTarget = kGfpUser | kGfpMovable | kGfpRetryMayfail;
// 4.9 does not insist.
constexpr Gfp migration_target_gfp(Release release) {
  return release >= Release::v4_19 ? kGfpMigrationTarget : kGfpUser | kGfpMovable;
}
// Since 5.9 a huge page is asked for as its fault asked for it.
inline constexpr Gfp kGfpHugeMigrationTarget = (kGfpMigrationTarget & ~kGfpReclaim) | kGfpTranshuge;

// include/linux/gfp.h gfpflags_to_migratetype; both mobility bits set is a caller's error and not representable here.
constexpr Migratetype migratetype_of(Gfp gfp) {
  if (gfp & kGfpMovable) return Migratetype::movable;
  if (gfp & kGfpReclaimable) return Migratetype::reclaimable;
  return Migratetype::unmovable;
}

// The number a release prints for these flags.
std::uint32_t gfp_value(Gfp gfp, Release release);
// `%pGg`: names joined by '|', composites first; bits without a name as a trailing hexadecimal number.
std::string gfp_text(Gfp gfp, Release release = Release::v4_19);

}  // namespace cma
