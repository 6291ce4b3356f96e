// Recounts for law `views`: what the files of areas and /proc should say, worked out page by page and bit by bit
// without the code that makes those files. Makes text, so it is for when a file was read, and for tests. O(pages of the
// machine).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/ledger.h"

namespace cma {

// What a file should hold, for the paths that read_view() knows; nullopt if there is no such file. At rest bitmaps are
// recounted from the ledger, else from their words.
std::optional<std::string> recounted_view(const Machine& machine, const Ledger& ledger, const std::string& path);
// The paths of all files of a machine.
std::vector<std::string> all_views(const Machine& machine);

}  // namespace cma
