// Regions of reserved memory: what boot makes of the nodes below /reserved-memory of a device tree, in each release's
// order, with the lines that it prints.
//
// Up to 6.11 the fixed regions are reserved while the tree is scanned; then all regions are sorted by address, those
// that are yet to be placed first, and placed and set up in that order. Since 6.12 (mainline 6.13; the stable series of
// 6.12 has it) regions are placed and set up in the order of the tree when all fixed ones are reserved, and the fixed
// ones are set up later, when the tree is unflattened: on arm and riscv that is after the default area is declared.
//
// Boot makes one (boot.h). Cost: with n regions O(n log n), and for each the search in memblock/. Boot has one task: no
// locks. It stands on areas/ and memblock/.
//
// Sources: drivers/of/of_reserved_mem.c and drivers/of/fdt.c, read at 4.9, 4.19, 5.10, 6.1 and 6.12.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/boot/boot_tree.h"
#include "allocator/boot/config.h"
#include "allocator/boot/dma_areas.h"

namespace cma {

// A region, and what became of it. Addresses and sizes are in bytes.
struct ReservedRegion {
  std::size_t node = 0;  // index in BootTree::regions
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  bool fixed = false;  // by `reg`; else the kernel chose the place
  bool saved = false;  // it is in the kernel's table of regions
  // It was to be left unmapped, and a part of it was reserved already: since 5.12 the kernel refuses, and all of it
  // stays mapped.
  bool stays_mapped = false;
  // The error of placing it, or of setting it up; -ENOENT: reserved, and nothing the model knows looks after it.
  int error = 0;
  int area_error = 0;  // the error of making an area of it; 0 if none was to be made
  std::optional<AreaId> area;
  // What was searched for a place, in order, and the alignment that was wanted.
  std::vector<ByteRange> searched;
  std::uint64_t alignment = 0;
  std::uint64_t wanted = 0;            // the size that was looked for
  std::vector<ByteRange> free_before;  // the free memory that it found too little, if it did
};

class ReservedMemory {
 public:
  // Refers to all of its arguments, which must outlive it.
  ReservedMemory(const BootMachine& machine, const BootConfig& config, const BootTree& tree, DmaAreas& dma);

  // Reserves what the tree says (early_init_fdt_scan_reserved_mem); up to 6.11 sets all regions up, too. Does nothing
  // before 3.15, which brought /reserved-memory, but for the header's reservations.
  void scan();
  // Since 6.12 sets the fixed regions up (fdt_scan_reserved_mem_reg_nodes). Does nothing before.
  void set_up_fixed();

  // Returns the regions: up to 6.11 in the order in which they were set up, those without a place in the table last.
  const std::vector<ReservedRegion>& regions() const { return regions_; }
  // Returns how many regions the kernel's table has room for (MAX_RESERVED_REGIONS).
  std::size_t most_regions() const;

 private:
  void reserve_header();
  bool root_supported() const;
  void unsupported() const;
  int reserve_fixed(std::size_t index, std::vector<ByteRange>& ranges);
  int reserve(std::uint64_t base, std::uint64_t size, bool nomap);
  void save(const ReservedRegion& region);
  void scan_v3_15();
  void scan_v6_12();
  void sort_regions();
  void report_overlaps() const;
  int place(ReservedRegion& region);
  int read_wanted(const TreeNode& node, BytesWanted& wanted) const;
  bool place_in(ReservedRegion& region, BytesWanted wanted, bool nomap);
  void choose_direction(BytesWanted& wanted) const;
  void set_up(ReservedRegion& region);
  int set_up_by_kind(ReservedRegion& region);
  void give_up(const ReservedRegion& region);
  void report_region(const ReservedRegion& region) const;
  std::string megabytes(std::uint64_t size) const;
  void log_fdt(const std::string& text) const;
  void log_regions(const std::string& text) const;
  const TreeNode& node_of(const ReservedRegion& region) const { return tree_.regions[region.node]; }
  std::size_t tuple_bytes() const { return (tree_.address_cells + tree_.size_cells) * std::size_t{4}; }

  BootMachine machine_;
  const BootConfig& config_;
  const BootTree& tree_;
  DmaAreas& dma_;
  Release release_;
  std::uint64_t phys_mask_;
  std::vector<ReservedRegion> regions_;
  std::vector<bool> stays_mapped_;  // by node
  std::size_t saved_ = 0;
};

}  // namespace cma
