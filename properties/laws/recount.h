// Recounts for law `views`: what the files of areas and /proc should contain, worked out page by page and bit by bit
// without the code that makes those files. It makes text, so it runs only when a file was read, and in tests. O(pages
// of the machine).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/ledger.h"

namespace cma {

// Returns what a file should contain, for the paths that Machine::read_file() knows; nullopt if there is no such file.
// At rest bitmaps are recounted from the ledger, otherwise from their words.
std::optional<std::string> recounted_view(const Machine& machine, const Ledger& ledger, const std::string& path);
// Returns the paths of all files of a machine. Some exist only in later releases.
std::vector<std::string> all_views(const Machine& machine);

}  // namespace cma
