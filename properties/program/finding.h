// A finding: the law that was broken, and where. Made by the interpreter; minimised, counted and printed by the layers
// above it.
#pragma once

#include <cstddef>
#include <string>

#include "properties/program/law.h"

namespace cma {

struct Finding {
  Law law = Law::sound;
  // Kernel function the actor was in; empty between operations. Of law expect: what was expected, without the name of
  // the result, and what came instead.
  std::string function;
  std::string point;    // the last point it passed; empty if none
  std::string message;  // one sentence with the figures
  std::size_t op = 0;   // index of the operation that was being performed

  // Returns what is equal for findings of the same bug.
  std::string signature() const {
    return std::string(name_of(law)) + "/" + (function.empty() ? "-" : function) + "/" + (point.empty() ? "-" : point);
  }
};

}  // namespace cma
