// What an attempt at a request may do, and at which watermark it stops: the flags ALLOC_* of mm/internal.h, by their
// names and values up to 6.2.
//
// RequestSteps makes them from a request's gfp flags and the attempt (attempt_flags()); watermarks, free lists and
// compaction read them. A set of flags is a std::uint32_t, as the kernel's is an unsigned int.
#pragma once

#include <cstdint>

namespace cma {

enum AllocFlags : std::uint32_t {
  // The watermark, an index of Zone::watermark, in the bits of kAllocWmarkMask.
  kAllocWmarkMin = 0,
  kAllocWmarkLow = 1,
  kAllocWmarkHigh = 2,
  kAllocWmarkMask = 3,
  kAllocNoWatermarks = 0x4,  // none binds the attempt
  kAllocOom = 0x8,           // for a victim of the OOM killer
  kAllocHarder = 0x10,       // for a caller that cannot wait, or a real-time task; since 6.3 ALLOC_NON_BLOCK
  kAllocHigh = 0x20,         // for __GFP_HIGH; since 6.3 ALLOC_MIN_RESERVE
  kAllocCma = 0x80,          // pages of areas may be taken
  kAllocNoFragment = 0x100,  // types are not mixed in a pageblock
  kAllocHighatomic = 0x200,  // the reserve for atomic requests may be taken; before 6.3, kAllocHarder above order 0
  kAllocKswapd = 0x800,      // kswapd is woken
  // No flag of the kernel's there: __GFP_COLD, up to 4.14.
  kAllocCold = 0x10000,
};

}  // namespace cma
