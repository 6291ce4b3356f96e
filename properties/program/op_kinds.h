// Whether an operation is one of a few kinds.
#pragma once

#include "properties/program/op.h"

namespace cma {

template <class... Kinds>
bool is_one_of(const Op& op) {
  return ((op.body.index() == kind_of<Kinds>()) || ...);
}

}  // namespace cma
