// What changed in the kernel, by the version that brought it, as far as the model knows: a sentence for each change
// that a person who works with areas could notice. So a question about a kernel between two modelled releases has an
// answer: the nearest release, and what lies between.
//
// Used by the command `releases`. One list, in changes.cc; a test holds it to the conditions of the model. Cost: none.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "allocator/base/release.h"

namespace cma {

struct Change {
  Release since;
  std::string_view subject;  // a folder of allocator/, or what its READMEs call the part
  std::string_view sentence;
};

// Returns all changes, oldest first.
std::span<const Change> changes();

// What a kernel is compared with, and the changes that lie between the two.
struct Neighbour {
  Release modelled;
  bool modelled_is_newer = false;      // so the kernel lacks the changes; else the modelled release does
  std::vector<const Change*> between;  // oldest first
};

// Returns the modelled release that is nearest to a version, of two the older one.
Neighbour nearest(Release version);

}  // namespace cma
