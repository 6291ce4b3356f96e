// The answer about a log as JSON, apart from answer.h, as fuzz targets are built without the library for it.
// Used by `cmacheck explain`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "properties/logs/answer.h"

namespace cma::logs {

// Returns the answer as one object, which has all that the text has.
nlohmann::json answer_json(const LogAnswer& answer, std::string_view file);

}  // namespace cma::logs
