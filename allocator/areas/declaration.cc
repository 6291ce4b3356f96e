#include "allocator/areas/declaration.h"

#include <algorithm>

#include "allocator/areas/printed.h"
#include "allocator/base/error.h"

namespace cma {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

}  // namespace

Declaration::Declaration(const Core& core, Memblock& memblock, Buddy& buddy, AreaTable& table)
    : release_(core.geometry.release),
      unit_(core.geometry.isolation_unit()),
      shift_(core.geometry.page_shift()),
      phys_mask_(core.geometry.phys_mask()),
      debug_(prints_debug(core.geometry)),
      core_(core),
      memblock_(memblock),
      buddy_(buddy),
      table_(table) {}

// --- numbers ---

std::string Declaration::physical(std::uint64_t address) const { return printed_address(core_.geometry, address); }

// Formats a size as an unsigned long of MiB.
std::string Declaration::mebibytes(std::uint64_t bytes) const { return printed_mebibytes(core_.geometry, bytes); }

// Returns the arguments as the function gets them, in variables of type phys_addr_t.
DeclareRequest Declaration::as_passed(const DeclareRequest& asked) const {
  DeclareRequest request = asked;
  for (std::uint64_t* number : {&request.base, &request.size, &request.limit, &request.alignment})
    *number &= phys_mask_;
  return request;
}

// Returns the request with base, size and limit rounded to whole alignments, and a limit that is no more than the end
// of memory. Rounding up may wrap round.
DeclareRequest Declaration::rounded_to(std::uint64_t alignment, const DeclareRequest& asked) const {
  const std::uint64_t end = memblock_.memory().end << shift_;
  DeclareRequest request = asked;
  request.base = align_up(asked.base, alignment) & phys_mask_;
  request.size = align_up(asked.size, alignment) & phys_mask_;
  request.limit = align_down(asked.limit, alignment);
  if (request.limit == 0 || request.limit > end) request.limit = end;
  return request;
}

// --- areas ---

// Returns whether no further area fits, and reports that.
bool Declaration::table_full() {
  if (table_.areas.size() < core_.geometry.max_areas) return false;
  core_.trace.log("cma: Not enough slots for CMA reserved regions!");
  return true;
}

int Declaration::init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit,
                                   const std::string& name) {
  if (table_full()) return -kENOSPC;
  base &= phys_mask_;
  size &= phys_mask_;
  const PfnRange range{base >> shift_, (base >> shift_) + (size >> shift_)};
  // The kernel asks whether any of it is reserved (memblock_is_region_reserved), not all.
  if (size == 0 || !memblock_.any_reserved(base, size)) return -kEINVAL;
  // The alignment unit must hold whole bits: 6.9 dropped that.
  const bool any_bits =
      since(release_, Release::v6_9, {Release::v5_15, Release::v6_1, Release::v6_6}) && order_per_bit < 64;
  if (!any_bits && (order_per_bit >= 64 || !is_aligned(unit_, order_pages(order_per_bit)))) return -kEINVAL;
  if (!is_aligned(base, unit_ << shift_) || !is_aligned(size, unit_ << shift_)) return -kEINVAL;
  Area area;
  // The newline is the kernel's.
  area.name = name.empty() ? "cma" + std::to_string(table_.areas.size()) + "\n" : name;
  area.base = range.start;
  area.pages = range.pages();
  // Up to 3.16 a bit is a page, whatever is asked for.
  area.order_per_bit = release_ >= Release::v3_17 ? order_per_bit : 0;
  core_.trace.add_area(area.name);
  table_.total_pages += area.pages;
  table_.areas.push_back(std::move(area));
  return 0;
}

// Returns what lines say of the node since 6.6: its number, or -1 for any.
std::string Declaration::on_node(const DeclareRequest& request) const {
  if (release_ < Release::v6_6) return "";
  return " on node " + (request.node ? std::to_string(*request.node) : "-1");
}

int Declaration::failed_to_reserve(int error, std::uint64_t bytes, const DeclareRequest& request) {
  core_.trace.log("cma: Failed to reserve " + mebibytes(bytes) + on_node(request));
  return error;
}

// Returns where high memory begins, or `otherwise` on a machine without.
Pfn Declaration::high_memory(Pfn otherwise) const {
  for (std::size_t zone = 0; zone < buddy_.zones(); ++zone)
    if (buddy_.zone_name(zone) == "HighMem") return buddy_.zone(zone).range.start;
  return otherwise;
}

// Returns the error of an impossible request. A fixed base is checked as it was asked for, all else as it was rounded.
std::optional<int> Declaration::check_declaration(const DeclareRequest& asked, const DeclareRequest& rounded,
                                                  std::uint64_t alignment) {
  const std::uint64_t base = rounded.base;
  const std::uint64_t end = (base + rounded.size) & phys_mask_;  // may wrap round, which no kernel looks for
  // Two checks, of 5.0 and 5.2.
  const bool checks_base_and_limit = since(release_, Release::v5_2, {Release::v4_19});
  if (checks_base_and_limit && rounded.fixed && !is_aligned(asked.base, alignment)) {
    core_.trace.log("cma: Region at " + physical(asked.base) + " must be aligned to " + physical(alignment) + " bytes");
    return failed_to_reserve(-kEINVAL, asked.size, asked);
  }
  if (!is_aligned(rounded.size >> shift_, order_pages(rounded.order_per_bit))) return -kEINVAL;
  const std::uint64_t highmem = high_memory(memblock_.memory().end) << shift_;
  // Since 3.18. Without high memory it ends where memory does (high_memory).
  if (release_ >= Release::v3_18 && rounded.fixed && base < highmem && end > highmem) {
    core_.trace.log("cma: Region at " + physical(base) + " defined on low/high memory boundary (" + physical(highmem) +
                    ")");
    return failed_to_reserve(-kEINVAL, rounded.size, asked);
  }
  if (checks_base_and_limit && end > rounded.limit) {
    core_.trace.log("cma: Size (" + physical(rounded.size) + ") of region at " + physical(base) + " exceeds limit (" +
                    physical(rounded.limit) + ")");
    return failed_to_reserve(-kEINVAL, rounded.size, asked);
  }
  return std::nullopt;
}

// Reserves the memory of a rounded request: 0 and its first page, -EBUSY or -ENOMEM. -EINVAL for a size that rounding
// up has made 0: memblock reserves nothing then, and cma_init_reserved_mem refuses that.
int Declaration::reserve(DeclareRequest& request, std::uint64_t alignment, Pfn& base) {
  if (request.size == 0) return -kEINVAL;
  const std::uint64_t pages = request.size >> shift_;
  const std::uint64_t align = alignment >> shift_;
  Pfn limit = request.limit >> shift_;
  const Pfn wanted = request.base >> shift_;
  const std::optional<unsigned> node = release_ >= Release::v5_7 ? request.node : std::nullopt;
  if (request.fixed) {
    const PfnRange range{wanted, wanted + pages};
    const bool taken = memblock_.is_region_intersects_reserved(range);
    if (taken && !core_.bugs.fires(Bug::fixed_over_reserved)) return -kEBUSY;
    memblock_.reserve(range);
    base = wanted;
    return 0;
  }
  if (limit < memblock_.memory().end && core_.bugs.fires(Bug::limit_ignored)) limit = memblock_.memory().end;
  const Pfn highmem = high_memory(limit);
  base = kNoPfn;
  const auto take = [&](Pfn low, Pfn high, bool bottom_up) {
    if (base == kNoPfn) base = memblock_.alloc_range(pages, align, low, high, bottom_up, node);
  };
  // The first memory above 4 GiB, whatever base was asked for, so that areas do not take what 32-bit devices need.
  const Pfn four_gib = (4 * kGiB) >> shift_;
  const bool reaches_beyond = release_ >= Release::v5_12 && memblock_.memory().end >= four_gib + pages;
  if (reaches_beyond && release_ >= Release::v6_6) take(four_gib, limit, /*bottom_up=*/true);
  // An area must lie in one zone: high memory first, then low memory only.
  if (base == kNoPfn && wanted < highmem && limit > highmem) {
    take(highmem, limit, /*bottom_up=*/false);
    limit = highmem;
  }
  if (reaches_beyond && release_ < Release::v6_6) take(four_gib, limit, /*bottom_up=*/true);
  take(wanted, limit, /*bottom_up=*/false);
  return base == kNoPfn ? -kENOMEM : 0;
}

// Declares an area as the DMA layer does (dma_declare_contiguous): a base makes it fixed, and bits are pages.
int Declaration::declare_v3_5(const DeclareRequest& asked) {
  if (debug_)
    core_.trace.log("cma: dma_declare_contiguous(size " + hex(as_long(core_.geometry, asked.size)) + ", base " +
                    physical(asked.base) + ", limit " + physical(asked.limit) + ")");
  if (table_full()) return -kENOSPC;
  if (asked.size == 0) return -kEINVAL;
  const std::uint64_t unit = unit_ << shift_;
  DeclareRequest request = rounded_to(unit, asked);
  request.fixed = request.base != 0;
  Pfn base = kNoPfn;
  int error = reserve(request, unit, base);
  if (error == 0) error = init_reserved_mem(base << shift_, request.size, 0, request.name);
  if (error != 0) {
    core_.trace.log("cma: CMA: failed to reserve " + mebibytes(request.size));
    return error;
  }
  core_.trace.log("cma: CMA: reserved " + mebibytes(request.size) + " at " + physical(base << shift_));
  return 0;
}

int Declaration::declare_contiguous(const DeclareRequest& request) {
  const DeclareRequest asked = as_passed(request);
  return release_ < Release::v3_17 ? declare_v3_5(asked) : declare_v3_17(asked);
}

int Declaration::declare_v3_17(const DeclareRequest& asked) {
  if (debug_) {
    const std::string function = release_ >= Release::v5_7 ? "cma_declare_contiguous_nid" : "cma_declare_contiguous";
    core_.trace.log("cma: " + function + "(size " + physical(asked.size) + ", base " + physical(asked.base) +
                    ", limit " + physical(asked.limit) + " alignment " + physical(asked.alignment) + ")");
  }
  if (table_full()) return -kENOSPC;
  if (asked.size == 0 || asked.order_per_bit >= 64) return -kEINVAL;
  if (asked.alignment != 0 && !is_power_of_two(asked.alignment)) return -kEINVAL;
  const std::uint64_t alignment = std::max(asked.alignment, unit_ << shift_);
  DeclareRequest request = rounded_to(alignment, asked);
  if (request.base == 0) request.fixed = false;
  if (const auto error = check_declaration(asked, request, alignment)) return *error;
  Pfn base = kNoPfn;
  int error = reserve(request, alignment, base);
  if (error == 0) {
    error = init_reserved_mem(base << shift_, request.size, request.order_per_bit, request.name);
    if (error != 0) memblock_.free({base, base + (request.size >> shift_)});
  }
  if (error != 0) return failed_to_reserve(error, request.size, request);
  core_.trace.log("cma: Reserved " + mebibytes(request.size) + " at " + physical(base << shift_) + on_node(request));
  return 0;
}

}  // namespace cma
