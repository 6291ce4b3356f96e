// Numbers that share one argument of a Record, each with its width: what emits an event packs them, what reads it
// unpacks them. The layouts are part of a trace's hash: never change them.
//
// Each pack() requires that every number fits its width, and asserts it. The last of a layout has all bits that are
// left. Used by trace.h and by readers of its records. Cost: a few instructions.
#pragma once

#include <cstdint>

#include "allocator/base/assert.h"

namespace cma {

// Why pages are moved.
enum class MigrateReason : std::uint8_t { contig_range, longterm_pin, compaction };

// cma_alloc_finish, d.
struct FinishedAlloc {
  std::uint64_t align = 0;  // 32 bits
  bool success = false;
  std::uint64_t error = 0;  // the errno without its sign, since 6.3, which prints it; before, and on success, 0

  constexpr std::uint64_t pack() const {
    CMA_ASSERT(align >> 32 == 0 && (error == 0 || !success));
    return align | (success ? std::uint64_t{1} << 32 : 0) | error << 33;
  }
  static constexpr FinishedAlloc unpack(std::uint64_t packed) {
    return {packed & 0xffffffff, (packed >> 32 & 1) != 0, packed >> 33};
  }
};

// mm_migrate_pages, c.
struct MigrateCause {
  unsigned mode = 0;  // MoveMode; 8 bits
  MigrateReason reason{};

  constexpr std::uint64_t pack() const {
    CMA_ASSERT(mode >> 8 == 0);
    return mode | (static_cast<std::uint64_t>(reason) << 8);
  }
  static constexpr MigrateCause unpack(std::uint64_t packed) {
    return {static_cast<unsigned>(packed & 0xff), static_cast<MigrateReason>(packed >> 8)};
  }
};

// mm_migrate_pages, d: huge pages.
struct HugeResults {
  std::uint64_t succeeded = 0;  // 16 bits
  std::uint64_t failed = 0;     // 16 bits
  std::uint64_t split = 0;

  constexpr std::uint64_t pack() const {
    CMA_ASSERT(succeeded >> 16 == 0 && failed >> 16 == 0);
    return succeeded | failed << 16 | split << 32;
  }
  static constexpr HugeResults unpack(std::uint64_t packed) {
    return {packed & 0xffff, (packed >> 16) & 0xffff, packed >> 32};
  }
};

// mm_page_alloc_extfrag, b (orders) and c (types).
struct AskedAndSource {
  std::uint64_t asked = 0;   // of the request; 8 bits
  std::uint64_t source = 0;  // of the block that serves it

  constexpr std::uint64_t pack() const {
    CMA_ASSERT(asked >> 8 == 0);
    return asked | source << 8;
  }
  static constexpr AskedAndSource unpack(std::uint64_t packed) { return {packed & 0xff, packed >> 8}; }
};

}  // namespace cma
