// The flags of `gfp=` in the text form: words of the kernel's source, or the number that a release prints for them.
// Used by the parser only.
#pragma once

#include "allocator/base/gfp.h"
#include "properties/program/text_line.h"

namespace cma {

// Reads `gfp=WORD|WORD...` and what may stand beside it: `type=`, `atomic`, `high`, `highmem`, `comp` and `nowarn` add
// their flags. Throws SyntaxError at a word that the release does not have, naming those that do, and where two words
// contradict each other.
Gfp read_gfp(Line& line, Release release);

}  // namespace cma
