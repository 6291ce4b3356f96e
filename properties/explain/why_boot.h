// Why an area could not be declared or activated: which check of the kernel it broke, what memory boot had left, or
// where a zone ends inside it.
//
// The checks are those of allocator/areas/declaration.cc and activation.cc, named here in their order. Part of the
// explanations (why_kinds.h). Cost: linear in the reserved ranges, and in the pages of the area.
#pragma once

#include <vector>

#include "properties/explain/answer.h"
#include "properties/program/world.h"

namespace cma {

// Explains a declaration that failed with answer.error just now.
void explain_declaration(const World& world, const DeclareRequest& asked, Answer& answer);
// Explains where the area of a declaration that has succeeded just now lies, and why there: the places that were
// considered before it, and what has them.
void explain_declared(const World& world, const DeclareRequest& asked, Answer& answer);
// Explains the same of an area that lies at `place`.
void explain_place(const World& world, const DeclareRequest& asked, const PfnRange& place, Answer& answer);
// Explains why a declaration failed of memory that was to be reserved already: `base` and `size` are bytes.
void explain_reserved_area(const World& world, std::uint64_t base, std::uint64_t size, unsigned order_per_bit,
                           Answer& answer);
// Explains where the area of such a declaration lies.
void explain_reserved_place(const World& world, std::uint64_t base, std::uint64_t size, Answer& answer);

// Adds why an area is not active, and what became of its memory. `declared` has the range of each area before its
// activation. Requires: boot has finished, and the area is not active.
void explain_inactive_area(const Machine& machine, AreaId id, const std::vector<PfnRange>& declared, Answer& answer);

}  // namespace cma
