// Migratetypes of pageblocks and free lists (mmzone.h), with the letters and names that the kernel prints.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cma {

// Values and order of 4.4 and later: they index free lists, are visible in tracepoints and enter the machine's hash.
enum class Migratetype : std::uint8_t { unmovable, movable, reclaimable, highatomic, cma, isolate };

inline constexpr unsigned kMigratetypes = 6;
// Types that have per-CPU lists and take part in fallback: unmovable, movable, reclaimable.
inline constexpr unsigned kPcpTypes = 3;

constexpr unsigned index_of(Migratetype type) { return static_cast<unsigned>(type); }
constexpr Migratetype migratetype_at(unsigned index) { return static_cast<Migratetype>(index); }

// Letters of the memory report and names of /proc/pagetypeinfo.
inline constexpr std::array<char, kMigratetypes> kMigratetypeLetters = {'U', 'M', 'E', 'H', 'C', 'I'};
inline constexpr std::array<std::string_view, kMigratetypes> kMigratetypeNames = {
    "Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"};
constexpr char letter_of(Migratetype type) { return kMigratetypeLetters[index_of(type)]; }
constexpr std::string_view name_of(Migratetype type) { return kMigratetypeNames[index_of(type)]; }

// Returns whether blocks of this type merge with those of other such types across pageblocks
// (migratetype_is_mergeable, 5.18).
constexpr bool is_mergeable(Migratetype type) { return index_of(type) < kPcpTypes; }

}  // namespace cma
