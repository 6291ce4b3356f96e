// The size of an area as text and as JSON. Used by `cmacheck fit`.
#pragma once

#include <string>

#include "properties/sizing/area_size.h"

namespace cma::sizing {

// What a report is about.
struct Subject {
  std::string file;
  const Demand& demand;
  const Setting& setting;
};

// Returns the answer for people, several lines.
std::string answer_text(const Subject& subject, const Answer& answer);
// Returns the same as data: one JSON object, which numbers requests from 1 in the order of the input.
std::string answer_json(const Subject& subject, const Answer& answer);

}  // namespace cma::sizing
