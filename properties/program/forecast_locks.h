// The locks that operations hold from one point to another, and others wait for: a part of the forecast (forecast.h).
//
// Locks that are dropped before each point are not among them. All of it is constant.
#pragma once

#include <array>

#include "properties/program/op.h"

namespace cma {

using LockSet = unsigned;
inline constexpr LockSet kCmaMutex = 1;
inline constexpr LockSet kLruDrain = 2;
inline constexpr LockSet kPcpDrain = 4;
inline constexpr LockSet kSpaceLock = 8;  // of the process that the operation works in
inline constexpr LockSet kPageLock = 16;  // of pages of the result that it works on, or meets

// A lock, and the point that an operation comes to when it has just taken it; kCount: none.
struct LockPoint {
  LockSet lock;
  Point taken;
};
inline constexpr std::array kLockPoints = {LockPoint{kCmaMutex, Point::cma_mutex_taken},
                                           LockPoint{kLruDrain, Point::drain_lru_begin},
                                           LockPoint{kPcpDrain, Point::drain_pcp_begin},
                                           LockPoint{kSpaceLock, Point::kCount}, LockPoint{kPageLock, Point::kCount}};

// Returns whether an operation takes pages of an area.
bool takes_from_area(const Op& op);
// Returns the locks that an operation takes and may hold at a point. `chosen`: it takes the frames that are there.
LockSet locks_taken(const Op& op, bool chosen, Release release);
// Returns those that it waits for if another actor holds them. `taken`: as above.
LockSet locks_awaited(const Op& op, LockSet taken);
// Returns which of the locks that an operation takes it holds at a point.
LockSet locks_held(Point point, LockSet taken);

}  // namespace cma
