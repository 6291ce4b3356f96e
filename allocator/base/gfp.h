// Allocation flags (gfp). The model works with bits of its own, the same for every release. The number that a release
// has for them, the text of `%pGg` and the words of the kernel's source are made for output, and read from programs.
//
// One table (gfp.cc) lists the words with the releases that have them. Cost of texts: linear in the table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "allocator/base/migratetype.h"
#include "allocator/base/release.h"

namespace cma {

// PAGE_ALLOC_COSTLY_ORDER: larger blocks are not worth every effort, and per-CPU lists hold none.
inline constexpr unsigned kCostlyOrder = 3;

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
  // Flags of some releases that the model's allocator does not ask for.
  kGfpCold = 1U << 23,       // up to 4.14
  kGfpNotrack = 1U << 24,    // up to 4.14
  kGfpOtherNode = 1U << 25,  // up to 4.9
  kGfpZerotags = 1U << 26,   // since 5.14
  kGfpNoObjExt = 1U << 27,   // since 6.10
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

// Returns the number that a release prints for these flags. Leaves out those that the release does not have. Up to 4.3
// a flag kept a request from waking kswapd, later one has it woken: the model has the latter for both.
std::uint32_t gfp_value(Gfp gfp, Release release);
// Returns the flags that a number of this release stands for; nullopt if it has a bit that the release does not have.
std::optional<Gfp> gfp_from_value(std::uint64_t value, Release release);
// Returns the text of `%pGg` and of tracepoints: names joined by '|', composites first, then the number of what has no
// name there.
std::string gfp_text(Gfp gfp, Release release = Release::v4_19);
// Returns the same in words of the release's source, which gfp_from_words() reads: "GFP_ATOMIC|__GFP_ZERO". Requires:
// settled_gfp() changes nothing.
std::string gfp_words(Gfp gfp, Release release);

// A word of the kernel's source, and what it stood for in the versions from `first` to `last`.
struct GfpWord {
  std::string_view name;
  Gfp bits;  // 0 for flags that the modelled configurations have not: without lockdep and hardware tags
  ReleaseRange present;
};
// Returns all words. Some stand there several times, as they changed.
std::span<const GfpWord> gfp_word_catalogue();
// Returns the flags of one word; nullopt if the release does not have it.
std::optional<Gfp> gfp_from_word(std::string_view word, Release release);
// Returns the flags of several words together. Up to 4.3 kswapd is woken unless a word says otherwise.
Gfp gfp_of_words(Gfp words, Release release);
// Returns the flags as a request of this release may have them: none that the release lacks, one zone (GFP_ZONE_BAD),
// one type.
Gfp settled_gfp(Gfp gfp, Release release);

}  // namespace cma
