#include "properties/program/shapes.h"

#include <array>
#include <vector>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// Bases and sizes of areas are multiples of 64 pages, the alignment that releases before 5.19 demand on these machines,
// unless pageblock and largest order are smaller.
struct Shape {
  std::string_view note;
  void (*change)(Geometry&);
};

constexpr std::array<Shape, kShapes> kList = {{
    {"the default small machine", [](Geometry&) {}},
    {"bits of four pages", [](Geometry& g) { g.areas[1].order_per_bit = 2; }},
    {"a hole in ordinary memory", [](Geometry& g) { g.holes = {{100, 130}}; }},
    {"two zones, the border not on a largest block",
     [](Geometry& g) { g.zones = {{"DMA32", {0, 272}}, {"Normal", {272, 1024}}}; }},
    {"a zone border inside an area: it cannot be activated",
     [](Geometry& g) { g.zones = {{"DMA32", {0, 848}}, {"Normal", {848, 1024}}}; }},
    {"one CPU", [](Geometry& g) { g.cpus = 1; }},
    {"pageblocks as large as the largest block", [](Geometry& g) { g.pageblock_order = g.largest_order; }},
    {"pageblocks of eight pages", [](Geometry& g) { g.pageblock_order = 3; }},
    {"bases that are odd multiples of their alignment, bits of eight pages",
     [](Geometry& g) { g.areas = {{"a", 448, 192, 0}, {"b", 704, 320, 3}}; }},
    {"an area of a single unit", [](Geometry& g) { g.areas = {{"a", 512, 64, 0}, {"b", 640, 64, 1}}; }},
    {"memory that does not begin at frame 0",
     [](Geometry& g) {
       g.memory = {1040, 2064};
       g.areas = {{"a", 1536, 256, 0}, {"b", 1792, 256, 1}};
     }},
    {"no per-CPU lists to speak of",
     [](Geometry& g) {
       g.pcp_batch = 1;
       g.pcp_high = 0;
     }},
    {"nearly all memory in areas", [](Geometry& g) { g.areas = {{"a", 192, 512, 0}, {"b", 704, 320, 1}}; }},
    {"high watermarks", [](Geometry& g) { g.min_free_kbytes = 1024; }},
    {"an area in highmem", [](Geometry& g) { g.zones = {{"Normal", {0, 768}}, {"HighMem", {768, 1024}}}; }},
    {"three areas next to each other, reserved frames, three CPUs",
     [](Geometry& g) {
       g.cpus = 3;
       g.reserved = {{300, 321}};
       g.areas = {{"a", 512, 128, 0}, {"b", 640, 192, 0}, {"c", 832, 128, 1}};
     }},
}};

std::vector<Geometry> make_shapes() {
  std::vector<Geometry> shapes;
  for (Release release : modelled_releases())
    for (const Shape& shape : kList) {
      Geometry geometry = default_small_geometry(release);
      shape.change(geometry);
      // order_per_bit came with 3.17; before, a bit is a page.
      if (release < Release::v3_17)
        for (AreaSpec& area : geometry.areas) area.order_per_bit = 0;
      CMA_ASSERT(!geometry.impossible());
      shapes.push_back(std::move(geometry));
    }
  return shapes;
}

}  // namespace

const Geometry& shape(std::size_t index, Release release) {
  static const std::vector<Geometry> kAll = make_shapes();
  return kAll[index_of(release) * kShapes + index % kShapes];
}

std::string_view shape_note(std::size_t index) { return kList[index % kShapes].note; }

}  // namespace cma
