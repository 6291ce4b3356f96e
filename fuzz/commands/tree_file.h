// Reads device trees from files, for `cmacheck boot`: blobs as they are, sources by way of dtc.
//
// Cost: that of the file, and of running dtc. No locks; it stands on files.h and properties/board/.
#pragma once

#include <expected>
#include <string>

#include "allocator/boot/boot_tree.h"
#include "fuzz/commands/files.h"

namespace cma {

// Returns the tree in a file, "-" for the standard input. A file that holds text is a source (.dts), which the program
// dtc compiles; sources with #include have gone through a preprocessor before. Fails with the place and the reason:
// kBadInput for a file that is none, kEnvironment where dtc is missing.
std::expected<BootTree, Failure> read_tree_file(const std::string& file);

}  // namespace cma
