#include "allocator/engine/point.h"

#include <array>

namespace cma {
namespace {

constexpr std::array<PointInfo, kPoints> kCatalogue = {{
#define CMA_POINT_INFO(name, function, why) PointInfo{Point::name, #name, function, why},
    CMA_POINTS(CMA_POINT_INFO)
#undef CMA_POINT_INFO
}};

}  // namespace

std::span<const PointInfo> point_catalogue() { return kCatalogue; }

const PointInfo& info_of(Point point) { return kCatalogue[static_cast<unsigned>(point)]; }

std::optional<Point> point_from_name(std::string_view name) {
  for (const PointInfo& info : kCatalogue)
    if (info.name == name) return info.point;
  return std::nullopt;
}

}  // namespace cma
