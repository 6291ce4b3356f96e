#include "properties/program/shapes.h"

#include <array>
#include <span>
#include <string>
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

// Returns the largest order of the bits of an area: the unit to which areas are aligned.
unsigned largest_bit(const Geometry& g) { return floor_log2(g.isolation_unit()); }

void seven_areas(Geometry& g) {
  g.areas.clear();
  for (unsigned i = 0; i < 7; ++i)
    g.areas.push_back({std::string(1, static_cast<char>('a' + i)), 512 + Pfn{64} * i, 64, i % 3});
}

void areas_side_by_side(Geometry& g) {
  const std::uint64_t unit = g.isolation_unit();
  g.areas = {{"a", 512, unit, 0},
             {"b", 512 + unit, 2 * unit, 1},
             {"c", 512 + 3 * unit, unit, 0},
             {"d", 512 + 4 * unit, unit, 2}};
}

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
    {"memory that ends inside a pageblock", [](Geometry& g) { g.memory = {0, 1034}; }},
    {"two zones that meet inside a pageblock",
     [](Geometry& g) { g.zones = {{"DMA32", {0, 264}}, {"Normal", {264, 1024}}}; }},
    {"a border and an end inside pageblocks, high watermarks, no per-CPU lists to speak of",
     [](Geometry& g) {
       g.memory = {0, 1039};
       g.zones = {{"DMA32", {0, 264}}, {"Normal", {264, 1039}}};
       g.min_free_kbytes = 1024;
       g.pcp_batch = 1;
       g.pcp_high = 0;
     }},
    {"three zones in one pageblock",
     [](Geometry& g) { g.zones = {{"DMA", {0, 20}}, {"DMA32", {20, 27}}, {"Normal", {27, 1024}}}; }},
    {"highmem that begins and ends inside pageblocks",
     [](Geometry& g) {
       g.memory = {0, 1031};
       g.zones = {{"Normal", {0, 760}}, {"HighMem", {760, 1031}}};
       g.areas = {{"a", 256, 256, 0}, {"b", 768, 256, 1}};
     }},
    {"four areas, the first ones within one largest block where a pageblock is the unit", areas_side_by_side},
    {"seven areas", seven_areas},
    {"bits of half a pageblock, and of the largest size",
     [](Geometry& g) {
       g.areas[0].order_per_bit = g.pageblock_order - 1;
       g.areas[1].order_per_bit = largest_bit(g);
     }},
    {"pageblocks as large as the largest block, bits of a pageblock, memory that ends inside one",
     [](Geometry& g) {
       g.memory = {0, 1050};
       g.pageblock_order = g.largest_order;
       g.areas[1].order_per_bit = largest_bit(g);
     }},
}};

constexpr std::array<Shape, kLargeShapes> kLargeList = {{
    {"an area of 96 MiB at the end of memory",
     [](Geometry& g) {
       g.memory = {0, 0xa000};
       g.areas = {{"a", 0x4000, 0x6000, 0}};
     }},
    {"an area of 96 MiB, another with bits of a largest block, memory that ends inside a pageblock",
     [](Geometry& g) {
       g.memory = {0, 0xb12c};
       g.pageblock_order = g.largest_order;
       g.areas = {{"a", 0x4000, 0x6000, 0}, {"b", 0xa000, 0x1000, largest_bit(g)}};
     }},
}};

Geometry real_geometry(Release release) {
  Geometry geometry;
  geometry.release = release;
  geometry.cpus = 2;
  // As with 256 MiB. The kernel would make them depend on the number of CPUs.
  geometry.pcp_batch = 15;
  geometry.pcp_high = 625;
  return geometry;
}

std::vector<Geometry> make_shapes(std::span<const Shape> list, Geometry (*plain)(Release)) {
  std::vector<Geometry> shapes;
  for (Release release : modelled_releases())
    for (const Shape& shape : list) {
      Geometry geometry = plain(release);
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
  static const std::vector<Geometry> kAll = make_shapes(kList, [](Release r) { return default_small_geometry(r); });
  return kAll[index_of(release) * kShapes + index % kShapes];
}

const Geometry& large_shape(std::size_t index, Release release) {
  static const std::vector<Geometry> kAll = make_shapes(kLargeList, real_geometry);
  return kAll[index_of(release) * kLargeShapes + index % kLargeShapes];
}

std::string_view shape_note(std::size_t index) { return kList[index % kShapes].note; }

}  // namespace cma
