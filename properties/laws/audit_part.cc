#include "properties/laws/audit_part.h"

namespace cma {

void AuditPart::broken(Law law, const std::string& message) const {
  std::string function;
  const Engine& engine = machine().engine;
  const Point point = engine.last_point();
  // At rest no actor is in a kernel function.
  if (!strict() && point != Point::kCount) function = info_of(point).function;
  throw LawBroken(law, function, message);
}

}  // namespace cma
