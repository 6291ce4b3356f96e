// What the command line makes of memory: `mem=`, by architecture, and remarks on words that are not modelled.
//
// make_board() (board.h) asks. Cost: linear in the command line and the banks. No locks; it stands on allocator/boot/.
//
// Sources: early_mem of arch/arm/kernel/setup.c, arch/arm64/mm/init.c and arch/riscv/mm/init.c,
// memblock_enforce_memory_limit of mm/memblock.c, read at 6.1 and 6.12.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "allocator/boot/config.h"
#include "allocator/boot/parameters.h"
#include "allocator/memblock/memblock.h"

namespace cma {

struct MemoryWords {
  std::vector<ByteRange> banks;    // of memory; in any order, and perhaps touching; none if `mem=` leaves none
  std::vector<std::string> notes;  // what a user should know of the words
  bool limited = false;            // something that the board has is not there
};

// Reads the words. On arm64 and riscv `mem=` is how much memory there is, from the first bank on; on arm it is memory
// instead of that of the board, from the start of memory on where it has no `@`, even if that is none. Requires: there
// are banks, ascending and apart.
MemoryWords read_memory_words(std::vector<ByteRange> banks, std::string_view cmdline, Release release,
                              Architecture architecture, std::uint64_t page_size);

}  // namespace cma
