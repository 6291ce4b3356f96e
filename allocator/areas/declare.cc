// Boot: declaring areas in reserved memory and handing their pageblocks to the allocator.

#include <algorithm>

#include "allocator/areas/areas.h"
#include "allocator/base/error.h"

namespace cma {
namespace {

// %pa of a 64-bit physical address.
std::string physical(std::uint64_t address) {
  const std::string digits = hex(address);
  return "0x" + std::string(16 - digits.size(), '0') + digits;
}

// %08lx.
std::string hex8(std::uint64_t value) {
  const std::string digits = hex(value);
  return std::string(8 - std::min<std::size_t>(8, digits.size()), '0') + digits;
}

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

}  // namespace

Areas::Areas(const Core& core, Memblock& memblock, Buddy& buddy, Contig& contig)
    : release_(core.geometry.release),
      unit_(core.geometry.isolation_unit()),
      max_areas_(core.geometry.max_areas),
      debug_(core.geometry.cma_debug && core.geometry.release < Release::v6_12),
      retry_sweeps_(core.geometry.retry_sweeps),
      error_line_(core.geometry.error_line),
      error_names_(core.geometry.error_names),
      core_(core),
      memblock_(memblock),
      buddy_(buddy),
      contig_(contig) {}

void Areas::copy_from(const Areas& other) {
  sweeps_ = 0;
  between_sweeps_.clear();
  areas_ = other.areas_;
  total_pages_ = other.total_pages_;
  alloc_success_ = other.alloc_success_;
  alloc_fail_ = other.alloc_fail_;
  cma_mutex_.reset();
  for (Area& area : areas_) area.lock.reset();
}

std::optional<AreaId> Areas::find(const std::string& name) const {
  for (AreaId id = 0; id < areas_.size(); ++id)
    if (areas_[id].name == name) return id;
  return std::nullopt;
}

std::uint64_t Areas::largest_free_run(AreaId id) const {
  const Area& area = areas_[id];
  const Bitmap& bitmap = area.bitmap;
  if (!core_.bugs.active(Bug::debug_bitmap_size) || area.order_per_bit == 0) return bitmap.longest_zero_run();
  core_.bugs.reached(Bug::debug_bitmap_size);
  // Memory behind the bitmap reads as zero.
  Bitmap walked(area.pages);
  for (std::uint64_t bit = bitmap.next_set(0, bitmap.size()); bit < bitmap.size();
       bit = bitmap.next_set(bit + 1, bitmap.size()))
    walked.set(bit, 1);
  return walked.longest_zero_run();
}

std::optional<AreaId> Areas::area_of(Pfn pfn) const {
  for (AreaId id = 0; id < areas_.size(); ++id)
    if (areas_[id].contains(pfn)) return id;
  return std::nullopt;
}

int Areas::init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name) {
  if (areas_.size() >= max_areas_) {
    core_.trace.log("cma: Not enough slots for CMA reserved regions!");
    return -kENOSPC;
  }
  const PfnRange range{base >> kPageShift, (base + size) >> kPageShift};
  if (size == 0 || base + size < base || !memblock_.is_region_reserved(range)) return -kEINVAL;
  // The alignment unit must hold whole bits.
  if (order_per_bit >= 64 || !is_aligned(unit_, order_pages(order_per_bit))) return -kEINVAL;
  if (!is_aligned(base, unit_ << kPageShift) || !is_aligned(size, unit_ << kPageShift)) return -kEINVAL;
  Area area;
  // The newline is the kernel's.
  area.name = name.empty() ? "cma" + std::to_string(areas_.size()) + "\n" : name;
  area.base = range.start;
  area.pages = range.pages();
  // A bit is a page in 3.6, whatever is asked for.
  area.order_per_bit = release_ >= Release::v4_9 ? order_per_bit : 0;
  core_.trace.add_area(area.name);
  total_pages_ += area.pages;
  areas_.push_back(std::move(area));
  return 0;
}

std::optional<int> Areas::check_declaration(const DeclareRequest& request, std::uint64_t alignment, std::uint64_t base,
                                            std::uint64_t size, std::uint64_t limit) {
  const auto failed = [&](int error, const std::string& why) {
    if (!why.empty()) core_.trace.log("cma: " + why);
    core_.trace.log("cma: Failed to reserve " + std::to_string(size / kMiB) + " MiB");
    return error;
  };
  const bool fixed = request.fixed && base != 0;
  // Two checks of 5.0 and 5.2, in 4.19 since its stable releases.
  const bool v5_2 = release_ >= Release::v4_19;
  if (v5_2 && fixed && !is_aligned(request.base, alignment)) {
    // Said before anything is rounded.
    size = request.size;
    return failed(-kEINVAL,
                  "Region at " + physical(request.base) + " must be aligned to " + physical(alignment) + " bytes");
  }
  if (!is_aligned(size >> kPageShift, order_pages(request.order_per_bit))) return -kEINVAL;
  std::uint64_t highmem = memblock_.memory().end << kPageShift;
  for (std::size_t zone = 0; zone < buddy_.zones(); ++zone)
    if (buddy_.zone_name(zone) == "HighMem") highmem = buddy_.zone(zone).range.start << kPageShift;
  if (fixed && base < highmem && base + size > highmem)
    return failed(-kEINVAL,
                  "Region at " + physical(base) + " defined on low/high memory boundary (" + physical(highmem) + ")");
  if (v5_2 && (base + size > limit || base + size < base))
    return failed(-kEINVAL, "Size (" + physical(size) + ") of region at " + physical(base) + " exceeds limit (" +
                                physical(limit) + ")");
  return std::nullopt;
}

int Areas::reserve(DeclareRequest& request, std::uint64_t alignment, Pfn& base) {
  const std::uint64_t pages = request.size >> kPageShift;
  const std::uint64_t align = alignment >> kPageShift;
  Pfn limit = request.limit >> kPageShift;
  const Pfn wanted = request.base >> kPageShift;
  if (request.fixed) {
    const PfnRange range{wanted, wanted + pages};
    if (memblock_.is_region_intersects_reserved(range)) return -kEBUSY;
    memblock_.reserve(range);
    base = wanted;
    return 0;
  }
  Pfn highmem = limit;
  for (std::size_t zone = 0; zone < buddy_.zones(); ++zone)
    if (buddy_.zone_name(zone) == "HighMem") highmem = buddy_.zone(zone).range.start;
  base = kNoPfn;
  // An area must lie in one zone: high memory first, then low memory only.
  if (wanted < highmem && limit > highmem) {
    base = memblock_.alloc_range(pages, align, highmem, limit, false);
    limit = highmem;
  }
  // 5.12: the first memory above 4 GiB, whatever base was asked for, so that areas do not take what 32-bit devices
  // need.
  const Pfn four_gib = 4 * kGiB >> kPageShift;
  if (base == kNoPfn && release_ >= Release::v6_1 && memblock_.memory().end >= four_gib + pages)
    base = memblock_.alloc_range(pages, align, four_gib, limit, /*bottom_up=*/true);
  if (base == kNoPfn) base = memblock_.alloc_range(pages, align, wanted, limit, false);
  return base == kNoPfn ? -kENOMEM : 0;
}

// dma_declare_contiguous: a base makes the area fixed; bits are pages; low memory only.
int Areas::declare_v3_5(const DeclareRequest& asked) {
  if (debug_)
    core_.trace.log("cma: dma_declare_contiguous(size " + hex(asked.size) + ", base " + hex8(asked.base) + ", limit " +
                    hex8(asked.limit) + ")");
  if (areas_.size() >= max_areas_) {
    core_.trace.log("cma: Not enough slots for CMA reserved regions!");
    return -kENOSPC;
  }
  if (asked.size == 0) return -kEINVAL;
  const std::uint64_t unit = unit_ << kPageShift;
  DeclareRequest request = asked;
  request.base = align_up(asked.base, unit);
  request.size = align_up(asked.size, unit);
  request.limit = align_down(asked.limit, unit);
  request.fixed = request.base != 0;
  const std::uint64_t end = memblock_.memory().end << kPageShift;
  if (request.limit == 0 || request.limit > end) request.limit = end;
  Pfn base = kNoPfn;
  int error = request.base + request.size < request.base ? -kEBUSY : reserve(request, unit, base);
  if (error == 0) error = init_reserved_mem(base << kPageShift, request.size, 0, request.name);
  if (error != 0) {
    core_.trace.log("cma: CMA: failed to reserve " + std::to_string(request.size / kMiB) + " MiB");
    return error;
  }
  core_.trace.log("cma: CMA: reserved " + std::to_string(request.size / kMiB) + " MiB at " + hex8(base << kPageShift));
  return 0;
}

int Areas::declare_contiguous(const DeclareRequest& asked) {
  if (release_ < Release::v4_9) return declare_v3_5(asked);
  if (debug_) {
    const std::string function = release_ >= Release::v5_10 ? "cma_declare_contiguous_nid" : "cma_declare_contiguous";
    core_.trace.log("cma: " + function + "(size " + physical(asked.size) + ", base " + physical(asked.base) +
                    ", limit " + physical(asked.limit) + " alignment " + physical(asked.alignment) + ")");
  }
  if (areas_.size() >= max_areas_) {
    core_.trace.log("cma: Not enough slots for CMA reserved regions!");
    return -kENOSPC;
  }
  if (asked.size == 0 || asked.order_per_bit >= 64) return -kEINVAL;
  if (asked.alignment != 0 && !is_power_of_two(asked.alignment)) return -kEINVAL;
  const std::uint64_t alignment = std::max(asked.alignment, unit_ << kPageShift);
  DeclareRequest request = asked;
  request.base = align_up(asked.base, alignment);
  request.size = align_up(asked.size, alignment);
  request.limit = align_down(asked.limit, alignment);
  if (request.base == 0) request.fixed = false;
  const std::uint64_t end = memblock_.memory().end << kPageShift;
  if (request.limit == 0 || request.limit > end) request.limit = end;
  // Base and size as asked for decide about fixed alignment, the rounded values about everything else.
  DeclareRequest checked = request;
  checked.base = asked.base;
  checked.size = asked.size;
  if (const auto error = check_declaration(checked, alignment, request.base, request.size, request.limit))
    return *error;
  Pfn base = kNoPfn;
  int error = reserve(request, alignment, base);
  if (error == 0) {
    error = init_reserved_mem(base << kPageShift, request.size, request.order_per_bit, request.name);
    if (error != 0) memblock_.free({base, base + (request.size >> kPageShift)});
  }
  if (error != 0) {
    core_.trace.log("cma: Failed to reserve " + std::to_string(request.size / kMiB) + " MiB");
    return error;
  }
  core_.trace.log("cma: Reserved " + std::to_string(request.size / kMiB) + " MiB at " + physical(base << kPageShift));
  return 0;
}

// --- activation ---

bool Areas::in_one_zone(Pfn block, std::uint64_t pages, std::uint8_t zone) const {
  for (Pfn pfn = block; pfn < block + pages; ++pfn)
    if (!core_.map.present(pfn) || core_.map.page(pfn).zone != zone) return false;
  return true;
}

bool Areas::make_bitmap(Area& area) {
  if (area.fail_bitmap) return false;
  area.bitmap = Bitmap(area.pages >> area.order_per_bit);
  return true;
}

void Areas::activation_failed(Area& area) {
  area.bitmap = Bitmap();
  // Where zones differed the size was cleared.
  if (area.fail_bitmap && core_.bugs.active(Bug::inactive_alloc))
    core_.bugs.reached(Bug::inactive_alloc);
  else
    area.pages = 0;
}

// Checks and converts one pageblock after the other: a late failure leaves the earlier ones with the allocator, typed
// CMA.
bool Areas::activate_v4(AreaId id) {
  Area& area = areas_[id];
  if (!make_bitmap(area)) {
    // 5.10 says so.
    if (release_ >= Release::v5_10) core_.trace.log("cma: CMA area " + area.name + " could not be activated");
    activation_failed(area);
    return false;
  }
  const std::uint64_t step = core_.map.pageblock_pages();
  const std::uint8_t zone = core_.map.valid(area.base) ? core_.map.page(area.base).zone : std::uint8_t{0};
  for (Pfn block = area.base; block < area.base + area.pages; block += step) {
    if (!in_one_zone(block, step, zone)) {
      if (release_ >= Release::v4_9) core_.trace.log("cma: CMA area " + area.name + " could not be activated");
      activation_failed(area);
      return false;
    }
    buddy_.free_cma_pageblock(block);
  }
  return true;
}

// Checks the whole area first, and gives the pages of an area that fails to the allocator as ordinary memory.
bool Areas::activate_v5_13(AreaId id) {
  Area& area = areas_[id];
  const std::uint8_t zone = core_.map.valid(area.base) ? core_.map.page(area.base).zone : std::uint8_t{0};
  const bool usable = make_bitmap(area) && in_one_zone(area.base, area.pages, zone);
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn block = area.base; usable && block < area.base + area.pages; block += step) buddy_.free_cma_pageblock(block);
  if (usable) return true;
  for (Pfn pfn = area.base; pfn < area.base + area.pages; ++pfn)
    if (core_.map.present(pfn)) buddy_.free_reserved_page(pfn);
  total_pages_ -= area.pages;
  core_.trace.log("cma: CMA area " + area.name + " could not be activated");
  activation_failed(area);
  return false;
}

void Areas::activate_all() {
  for (AreaId id = 0; id < areas_.size(); ++id) {
    const bool activated = release_ >= Release::v6_1 ? activate_v5_13(id) : activate_v4(id);
    // From 3.17 to 5.8 the first failure was the last word.
    const bool ends = release_ >= Release::v4_9 && release_ < Release::v5_10;
    if (!activated && ends) break;
  }
}

}  // namespace cma
