#include "allocator/boot/reserved_memory.h"

#include <algorithm>

#include "allocator/areas/printed.h"
#include "allocator/base/assert.h"
#include "allocator/base/error.h"
#include "allocator/boot/kernel_sort.h"

namespace cma {
namespace {

// The alignment of a node that asks for none (SMP_CACHE_BYTES of arm64, of riscv and of ARMv7).
constexpr std::uint64_t kCacheLine = 64;

}  // namespace

ReservedMemory::ReservedMemory(const BootMachine& machine, const BootConfig& config, const BootTree& tree,
                               DmaAreas& dma)
    : machine_(machine),
      config_(config),
      tree_(tree),
      dma_(dma),
      release_(machine.geometry.release),
      phys_mask_(machine.geometry.phys_mask()) {}

// --- lines ---

// 4.8 brought the prefixes of both files; 6.12 moved the scan from one to the other.
void ReservedMemory::log_fdt(const std::string& text) const {
  const std::string prefix = release_ >= Release::v6_12  ? "OF: reserved mem: "
                             : release_ >= Release::v4_8 ? "OF: fdt: "
                                                         : "";
  machine_.trace.log(prefix + "Reserved memory: " + text);
}

void ReservedMemory::log_regions(const std::string& text) const {
  machine_.trace.log((release_ >= Release::v4_8 ? "OF: reserved mem: " : "Reserved memory: ") + text);
}

// Formats a size as MiB, all of it: 5.14 mended lines that cut it to an unsigned long first, and the stable releases of
// 4.19 and 5.10 have that. Before, only sizes of 0 were printed.
std::string ReservedMemory::megabytes(std::uint64_t size) const {
  return std::to_string(as_long(machine_.geometry, size >> 20)) + " MiB";
}

void ReservedMemory::unsupported() const { log_fdt("unsupported node format, ignoring"); }

// --- scanning ---

// 4.17 made it 32 (recalled), 5.7 64.
std::size_t ReservedMemory::most_regions() const {
  if (since(release_, Release::v5_7, {Release::v4_19, Release::v5_4})) return 64;
  return release_ >= Release::v4_17 ? 32 : 16;
}

void ReservedMemory::reserve_header() {
  for (const auto& [base, size] : tree_.header_reservations) machine_.memblock.reserve_bytes(base, size);
}

// Returns whether addresses and sizes below /reserved-memory are as wide as those of the root, and mapped to them.
bool ReservedMemory::root_supported() const {
  const auto cells_are = [&](std::string_view property, unsigned cells) {
    const std::string* value = tree_.reserved_memory->find(property);
    return value != nullptr && value->size() >= 4 && number_at(*value, 0, 1) == cells;
  };
  return cells_are("#size-cells", tree_.size_cells) && cells_are("#address-cells", tree_.address_cells) &&
         tree_.reserved_memory->has("ranges");
}

// Reserves a fixed range, or takes it out of what is mapped. Returns 0, or -EBUSY: since 5.12 memory that is reserved
// already cannot be left unmapped. (The stable series of 5.10 took that and gave it up.)
int ReservedMemory::reserve(std::uint64_t base, std::uint64_t size, bool nomap) {
  Memblock& memblock = machine_.memblock;
  if (!nomap) {
    memblock.reserve_bytes(base, size);
    return 0;
  }
  if (release_ < Release::v5_12) {
    memblock.remove(base, size);
    return 0;
  }
  if (memblock.any_memory(base, size) && memblock.any_reserved(base, size)) return -kEBUSY;
  memblock.mark_nomap(base, size);
  return 0;
}

// Reserves all ranges of `reg` and returns them (__reserved_mem_reserve_reg). Returns 0, -ENOENT: the node has no
// `reg`, or -EINVAL: its length is not that of whole ranges.
int ReservedMemory::reserve_fixed(std::size_t index, std::vector<ByteRange>& ranges) {
  const TreeNode& node = tree_.regions[index];
  const std::string* reg = node.find("reg");
  if (reg == nullptr) return -kENOENT;
  if (reg->size() % tuple_bytes() != 0) {
    log_fdt("invalid reg property in '" + node.name + "', skipping node.");
    return -kEINVAL;
  }
  for (std::size_t byte = 0; byte < reg->size(); byte += tuple_bytes()) {
    const std::uint64_t base = number_at(*reg, byte, tree_.address_cells) & phys_mask_;
    const std::uint64_t size = number_at(*reg, byte + 4 * tree_.address_cells, tree_.size_cells) & phys_mask_;
    const bool refused = size != 0 && reserve(base, size, node.has("no-map")) != 0;
    if (refused) stays_mapped_[index] = true;
    if (size == 0 || refused)
      log_fdt("failed to reserve memory for node '" + node.name + "': base " +
              printed_address(machine_.geometry, base) + ", size " + megabytes(size));
    ranges.push_back({base, base + size});
  }
  return 0;
}

// Puts a region into the kernel's table. One that finds no room stays reserved and is not set up.
void ReservedMemory::save(const ReservedRegion& region) {
  regions_.push_back(region);
  if (saved_ == most_regions()) {
    log_regions(release_ >= Release::v5_10 ? "not enough space for all defined regions."
                                           : "not enough space all defined regions.");
    return;
  }
  regions_.back().saved = true;
  ++saved_;
}

void ReservedMemory::scan() {
  stays_mapped_.assign(tree_.regions.size(), false);
  if (release_ >= Release::v6_12) {
    scan_v6_12();
  } else {
    scan_v3_15();
  }
}

void ReservedMemory::scan_v3_15() {
  reserve_header();
  if (release_ < Release::v3_15 || !tree_.reserved_memory) return;
  if (!root_supported()) {
    unsupported();
    return;
  }
  for (std::size_t i = 0; i < tree_.regions.size(); ++i) {
    const TreeNode& node = tree_.regions[i];
    // Up to 5.17 nodes at any depth below are regions.
    if (!node.available() || (release_ >= Release::v5_18 && node.depth > 1)) continue;
    ReservedRegion region{.node = i};
    std::vector<ByteRange> ranges;
    const int error = reserve_fixed(i, ranges);
    // A first range without size is placed by `size`, as if there were no `reg`.
    if (!ranges.empty()) region.base = ranges[0].start;
    if (!ranges.empty()) region.size = ranges[0].size();
    region.fixed = region.size != 0;
    region.stays_mapped = region.fixed && stays_mapped_[i];
    if (!ranges.empty() || (error == -kENOENT && node.has("size"))) save(region);
  }
  sort_regions();
  for (ReservedRegion& region : regions_) {
    if (!region.saved) continue;
    if (region.size == 0) region.error = place(region);
    if (region.error == 0) set_up(region);
  }
}

void ReservedMemory::scan_v6_12() {
  const bool supported = tree_.reserved_memory && root_supported();
  if (tree_.reserved_memory && !supported) unsupported();
  std::vector<std::size_t> dynamic;
  for (std::size_t i = 0; supported && i < tree_.regions.size(); ++i) {
    const TreeNode& node = tree_.regions[i];
    if (!node.available() || node.depth > 1) continue;
    std::vector<ByteRange> ranges;
    if (reserve_fixed(i, ranges) != -kENOENT || !node.has("size")) continue;
    if (dynamic.size() == most_regions()) {
      log_regions("too many defined dynamic regions, skip '" + node.name + "'");
      continue;
    }
    dynamic.push_back(i);
  }
  for (const std::size_t i : dynamic) {
    ReservedRegion region{.node = i};
    region.error = place(region);
    if (region.error != 0) {
      regions_.push_back(region);
      continue;
    }
    save(region);
    if (regions_.back().saved) set_up(regions_.back());
  }
  reserve_header();
}

void ReservedMemory::set_up_fixed() {
  if (release_ < Release::v6_12) return;
  if (!tree_.reserved_memory) {
    log_fdt("No reserved-memory node in the DT");
    return;
  }
  if (!root_supported()) {
    unsupported();
    return;
  }
  for (std::size_t i = 0; i < tree_.regions.size(); ++i) {
    const TreeNode& node = tree_.regions[i];
    const std::string* reg = node.find("reg");
    if (reg == nullptr || !node.available() || node.depth > 1) continue;
    if (reg->size() % tuple_bytes() != 0) {
      log_fdt("invalid reg property in '" + node.name + "', skipping node.");
      continue;
    }
    if (reg->size() > tuple_bytes())
      log_regions("fdt_scan_reserved_mem_reg_nodes() ignores " + std::to_string(reg->size() / tuple_bytes() - 1) +
                  " regions in node '" + node.name + "'");
    if (reg->empty()) continue;  // the kernel reads beyond it
    ReservedRegion region{.node = i, .fixed = true, .stays_mapped = stays_mapped_[i]};
    region.base = number_at(*reg, 0, tree_.address_cells) & phys_mask_;
    region.size = number_at(*reg, 4 * tree_.address_cells, tree_.size_cells) & phys_mask_;
    if (region.size == 0) continue;
    // The table has been made anew, as large as it must be.
    region.saved = true;
    regions_.push_back(region);
    set_up(regions_.back());
  }
  sort_regions();
}

// --- order ---

// Sorts the table, and reports ranges that overlap (__rmem_check_for_overlap, since 4.4).
void ReservedMemory::sort_regions() {
  if (release_ < Release::v4_4) return;
  std::vector<ReservedRegion> saved;
  std::vector<ReservedRegion> others;
  for (const ReservedRegion& region : regions_) (region.saved ? saved : others).push_back(region);
  kernel_sort(saved, release_, [&](const ReservedRegion& a, const ReservedRegion& b) {
    if (a.base != b.base) return a.base < b.base ? -1 : 1;
    // Regions without a place come before fixed ones at address 0.
    if (since(release_, Release::v5_1, {Release::v4_19}) && a.size != b.size) return a.size < b.size ? -1 : 1;
    if (release_ >= Release::v6_12 && a.node != b.node) return a.node < b.node ? -1 : 1;
    return 0;
  });
  regions_ = std::move(saved);
  report_overlaps();
  regions_.insert(regions_.end(), others.begin(), others.end());
}

void ReservedMemory::report_overlaps() const {
  const auto text = [&](const ReservedRegion& region) {
    return node_of(region).name + " (" + printed_address(machine_.geometry, region.base) + "--" +
           printed_address(machine_.geometry, (region.base + region.size) & phys_mask_) + ")";
  };
  for (std::size_t i = 0; i + 1 < regions_.size(); ++i) {
    const ReservedRegion& region = regions_[i];
    const ReservedRegion& next = regions_[i + 1];
    if (release_ < Release::v4_19 && (region.base == 0 || next.base == 0)) continue;
    if (((region.base + region.size) & phys_mask_) <= next.base) continue;
    // One line of the kernel's, with a line break in it.
    log_regions("OVERLAP DETECTED!");
    machine_.trace.log(text(region) + " overlaps with " + text(next));
  }
}

// --- placing ---

// Reads size and alignment of a node (__reserved_mem_alloc_size). Returns 0, or -EINVAL: there is no size, or one of
// them has a wrong length, which is printed.
int ReservedMemory::read_wanted(const TreeNode& node, BytesWanted& wanted) const {
  const std::string* size = node.find("size");
  if (size == nullptr) return -kEINVAL;
  if (size->size() != tree_.size_cells * std::size_t{4}) {
    log_regions("invalid size property in '" + node.name + "' node.");
    return -kEINVAL;
  }
  wanted.size = number_at(*size, 0, tree_.size_cells) & phys_mask_;
  wanted.align = 0;
  if (const std::string* alignment = node.find("alignment")) {
    if (alignment->size() != tree_.address_cells * std::size_t{4}) {
      log_regions("invalid alignment property in '" + node.name + "' node.");
      return -kEINVAL;
    }
    wanted.align = number_at(*alignment, 0, tree_.address_cells) & phys_mask_;
  }
  const Geometry& geometry = machine_.geometry;
  if (node.compatible_with("shared-dma-pool") && node.has("reusable") && !node.has("no-map"))
    wanted.align = std::max(wanted.align, geometry.isolation_unit() << geometry.page_shift());
  if (wanted.align == 0) wanted.align = kCacheLine;
  return 0;
}

// Looks for a place, and chooses it. Returns 0, -EINVAL: the node is not as it must be, or -ENOMEM, printed.
int ReservedMemory::place(ReservedRegion& region) {
  const TreeNode& node = node_of(region);
  BytesWanted wanted;
  if (const int error = read_wanted(node, wanted)) return error;
  region.alignment = wanted.align;
  region.wanted = wanted.size;
  const bool nomap = node.has("no-map");
  bool placed = false;
  const std::string* ranges = node.find("alloc-ranges");
  if (ranges != nullptr && machine_.bugs.fires(Bug::alloc_ranges_ignored)) ranges = nullptr;
  if (ranges != nullptr) {
    if (ranges->size() % tuple_bytes() != 0) {
      log_regions("invalid alloc-ranges property in '" + node.name + "', skipping node.");
      return -kEINVAL;
    }
    for (std::size_t byte = 0; byte < ranges->size() && !placed; byte += tuple_bytes()) {
      wanted.low = number_at(*ranges, byte, tree_.address_cells) & phys_mask_;
      wanted.high = (wanted.low + number_at(*ranges, byte + 4 * tree_.address_cells, tree_.size_cells)) & phys_mask_;
      wanted.bottom_up = false;
      choose_direction(wanted);
      if (wanted.high == 0) wanted.high = phys_mask_;
      placed = place_in(region, wanted, nomap);
    }
  } else {
    wanted.high = phys_mask_;
    placed = place_in(region, wanted, nomap);
  }
  if (placed) {
    region.size = wanted.size;
    return 0;
  }
  region.free_before = machine_.memblock.free_bytes_ranges();
  // Stable releases of 6.1 name the size.
  log_regions("failed to allocate memory for node '" + node.name + "'" +
              (release_ >= Release::v6_1 ? ": size " + megabytes(wanted.size) : ""));
  return -kENOMEM;
}

// Since 6.2 regions stay together: a range that begins at one is searched upwards, unless it ends at one, too.
void ReservedMemory::choose_direction(BytesWanted& wanted) const {
  if (release_ < Release::v6_2) return;
  bool begins_at_one = false;
  bool ends_at_one = false;
  for (const ReservedRegion& other : regions_) {
    if (!other.saved || other.size == 0) continue;
    const std::uint64_t end = (other.base + other.size) & phys_mask_;
    begins_at_one = begins_at_one || (wanted.low >= other.base && wanted.low <= end);
    ends_at_one = ends_at_one || (wanted.high >= other.base && wanted.high <= end);
  }
  wanted.bottom_up = begins_at_one && !ends_at_one;
}

// Reserves a place in one range, or takes it out of what is mapped. Returns whether there was one.
bool ReservedMemory::place_in(ReservedRegion& region, BytesWanted wanted, bool nomap) {
  Memblock& memblock = machine_.memblock;
  region.searched.push_back({wanted.low, wanted.high});
  // 5.10 to 5.14 take unmapped memory out without reserving it.
  const bool reserves = !nomap || release_ < Release::v5_10 || release_ >= Release::v5_15;
  const std::optional<std::uint64_t> base = memblock.find_bytes(wanted);
  if (!base) return false;
  region.base = *base;
  // A region that is to be an area would be refused as one, and so be noticed by the kernel itself.
  const bool pool = !nomap && !node_of(region).has("reusable");
  const bool forgotten = pool && wanted.size != 0 && machine_.bugs.fires(Bug::region_unreserved);
  if (reserves && !forgotten) memblock.reserve_bytes(*base, wanted.size);
  if (nomap && release_ < Release::v5_15) memblock.remove(*base, wanted.size);
  if (nomap && release_ >= Release::v5_15) memblock.mark_nomap(*base, wanted.size);
  return true;
}

// --- setting up ---

// Asks those that look after regions, in the order in which they are linked (__reserved_mem_init_node). Returns 0 or
// the error of the last one that was asked; -ENOENT if none was, and up to 5.2 for any error.
int ReservedMemory::set_up_by_kind(ReservedRegion& region) {
  const TreeNode& node = node_of(region);
  if (!node.compatible_with("shared-dma-pool")) return -kENOENT;
  int error = -kENOENT;
  if (release_ >= Release::v3_18) {
    error = dma_.set_up_node(node, region.base, region.size);
    region.area_error = error;
    if (error == 0) region.area = static_cast<AreaId>(machine_.areas.size() - 1);
  }
  if (error != 0 && config_.coherent_pools) error = dma_.set_up_coherent_pool(node, region.base, region.size);
  if (error == 0) log_regions("initialized node " + node.name + ", compatible id shared-dma-pool");
  return error != 0 && release_ < Release::v5_3 ? -kENOENT : error;
}

void ReservedMemory::set_up(ReservedRegion& region) {
  region.error = set_up_by_kind(region);
  if (region.error != 0 && region.error != -kENOENT) {
    log_regions("node " + node_of(region).name + " compatible matching fail");
    give_up(region);
  } else if (release_ >= Release::v6_4) {
    report_region(region);
  }
}

// Gives the memory of a region back that nothing could be made of.
void ReservedMemory::give_up(const ReservedRegion& region) {
  if (machine_.bugs.fires(Bug::failed_region_kept)) return;
  Memblock& memblock = machine_.memblock;
  const bool nomap = node_of(region).has("no-map");
  if (release_ < Release::v5_12 || !nomap) memblock.free_bytes(region.base, region.size);
  if (!nomap) return;
  if (release_ < Release::v5_12) {
    memblock.add_again(region.base, region.size);
  } else {
    memblock.clear_nomap(region.base, region.size);
  }
}

void ReservedMemory::report_region(const ReservedRegion& region) const {
  const TreeNode& node = node_of(region);
  const Geometry& geometry = machine_.geometry;
  log_regions(printed_address(geometry, region.base) + ".." +
              printed_address(geometry, (region.base + region.size - 1) & phys_mask_) + " (" +
              std::to_string(as_long(geometry, region.size >> 10)) + " KiB) " + (node.has("no-map") ? "nomap" : "map") +
              " " + (node.has("reusable") ? "reusable" : "non-reusable") + " " + node.name);
}

}  // namespace cma
