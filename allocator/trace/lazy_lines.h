// The lines of a message in the log that are made when they are read: a report of many figures is recorded as these.
//
// Trace keeps such messages and asks them for lines; the layer that prints one implements it.
#pragma once

#include <cstddef>
#include <string>

namespace cma {

class LazyLines {
 public:
  virtual ~LazyLines() = default;
  // Returns one line. Requires: `number` is below the count of lines with which the message was recorded.
  virtual std::string line(std::size_t number) const = 0;
};

}  // namespace cma
