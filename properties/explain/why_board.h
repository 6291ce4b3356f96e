// Why boot did not make an area of a region of its device tree, and why there is no default area; else where
// they lie.
//
// Part of the explanations (why_kinds.h); a declaration is explained by why_boot.h. Cost: linear in the free ranges of
// memory. No locks; it stands on properties/program/.
#pragma once

#include <string>

#include "properties/explain/answer.h"
#include "properties/program/world.h"

namespace cma {

// Explains what the `boot` that read a region made of it, and why. Requires: answer.op is the region's operation, and
// boot has been performed.
void explain_region(const World& world, Answer& answer);
// Explains a `boot` without a default area, or where the default area lies. Requires: it is answer.op, and was
// performed just now.
void explain_default_area(const World& world, Answer& answer);
// Explains why the area of this name could not be declared. Requires: `boot` was asked for it, and has been performed.
void explain_boot_area(const World& world, const std::string& name, Answer& answer);

}  // namespace cma
