// Device trees in the text of their source (.dts), as programs hold them: read without dtc, and written for a tree that
// was read from a blob.
//
// The operation `device_tree` reads one (ops_board.h), commands check and write them. Read is what boot needs:
// /memreserve/, the widths of the root, and /reserved-memory. References to labels, expressions, includes, directives
// in nodes, and escape sequences of letters and digits (\n, \x2d) are refused; a tree that has them is compiled to a
// blob first. Cost: linear in the text. No locks; it stands on allocator/boot/.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "allocator/boot/boot_tree.h"

namespace cma {

// The deepest nodes, and the most nodes below /reserved-memory, that a text may have.
inline constexpr unsigned kMostTreeDepth = 16;
inline constexpr std::size_t kMostTreeRegions = 1024;

// Reads a text: /dts-v1/ and /memreserve/ if there are any, and one root node. Fails with the place and the reason, as
// "line 2, column 5: expected ';'": it is no such text, a number does not fit its cell or has a digit of another base,
// or widths of the root are not 1 or 2.
std::expected<BootTree, std::string> read_tree_text(std::string_view source);

// Returns a text of one line from which read_tree_text() reads the same: widths, reservations and /reserved-memory.
// Memory and the command line are left out, as programs have their own.
std::string tree_text(const BootTree& tree);

}  // namespace cma
