// Parts of random programs that belong together: operations of boot, pages in the way of a buffer, a shortage of
// memory, many pins. The generator puts one into a program now and then: single operations hardly ever meet so.
#pragma once

#include "properties/program/draft.h"

namespace cma {

// Adds operations of boot: reservations, and areas declared in various ways.
void generate_boot(Random& random, Draft& draft);
// Adds regions of a device tree, and boot; a tree before it in some programs, and names for areas after it.
void generate_board(Random& random, Draft& draft);
// Adds pins of 30 pages, each wherever the generator likes.
void generate_pins(Random& random, Draft& draft);
// The most operations of a meeting.
inline constexpr std::size_t kMeetingOps = 8;
// Adds pages that move where an area's next buffer will be taken, an allocation that meets them and is to stop where
// they are on their way, and what others do with them meanwhile: operations of these kinds.
void generate_meeting(Random& random, Draft& draft, const KindSet& kinds);
// Adds processes of different sizes, and pages of others that leave little beside them. A task takes these that is
// about to free memory: no process is killed for it.
void generate_shortage(Random& random, Draft& draft);
// Returns whether a program of `count` operations has room for those of a shortage, which are of these kinds. One on a
// large machine takes too long.
bool may_run_short(const Program& program, std::size_t count, const KindSet& kinds);

}  // namespace cma
