// Random boards: machines without areas of their own, and the operations of boot that reserve some.
//
// Used by promises about boot and about the DMA layer's buffers (Programs::prepare). Numbers are drawn for the small
// machines of shapes.h: a region is one isolation unit or a few, so that several fit and not all do. Cost: nothing.
#pragma once

#include "properties/program/program.h"
#include "properties/program/random.h"

namespace cma {

// Makes a program boot a board. Its machine loses its areas, and may get a second node. Its operations of boot are
// replaced by reservations of firmware, regions of reserved memory and one `boot`, in this order. Requires: the machine
// is a shape, varied or not.
void boot_a_board(Random& random, Program& program);

}  // namespace cma
