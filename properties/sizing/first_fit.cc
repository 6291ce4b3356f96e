#include "properties/sizing/first_fit.h"

#include <algorithm>
#include <numeric>

#include "allocator/areas/bit_arithmetic.h"
#include "allocator/machine.h"

namespace cma::sizing {
namespace {

// Positions beyond any area.
constexpr std::uint64_t kBeyond = std::uint64_t{1} << 40;

// What is held while steps are performed, as in a program (World::take_part) and in debugfs (AreaDebugfs::free).
class Holder {
 public:
  Holder(const Demand& demand, Target& target) : demand_(demand), target_(target) {
    done_.places.assign(demand.requests.size(), kNever);
  }

  // Performs one step. Returns false if its request fails.
  bool step(const Step& step) {
    switch (step.kind) {
      case Step::Kind::request: return request(step.request, pieces_);
      case Step::Kind::debugfs_request: return request(step.request, debugfs_);
      case Step::Kind::release: release(step); return true;
      case Step::Kind::debugfs_release: debugfs_release(step.pages); return true;
    }
    return true;
  }
  Performed take() { return std::move(done_); }

 private:
  struct Piece {
    std::size_t request;
    std::uint64_t place;
    std::uint64_t pages;
  };

  std::uint64_t bit_pages() const { return order_pages(demand_.order_per_bit); }

  bool request(std::size_t index, std::vector<Piece>& pieces) {
    const Request& asked = demand_.requests[index];
    const auto place = target_.allocate(asked);
    if (!place) {
      done_.failed = index;
      return false;
    }
    done_.places[index] = *place;
    done_.end = std::max(done_.end, *place + align_up(asked.pages, bit_pages()));
    pieces.push_back({index, *place, asked.pages});
    return true;
  }

  void release(const Step& step) {
    bool any = false;
    while (!any || step.pages == 0) {
      if (!release_part(step)) return;
      any = true;
    }
  }

  // Releases the first held part of the step's buffer within what the step names. Returns false if there is none.
  bool release_part(const Step& step) {
    const std::uint64_t first = done_.places[step.request];
    if (first == kNever) return false;
    const std::uint64_t from = first + step.from;
    const auto found = std::ranges::find_if(
        pieces_, [&](const Piece& piece) { return piece.request == step.request && piece.place + piece.pages > from; });
    if (found == pieces_.end() || from < first) return false;
    const Piece piece = *found;
    const std::uint64_t start = std::max(from, piece.place);
    std::uint64_t pages = piece.place + piece.pages - start;
    if (step.pages != 0) {
      if (from < piece.place || step.pages > pages) return false;
      pages = step.pages;
    }
    const std::uint64_t end = start + pages;
    const bool whole =
        is_aligned(start, bit_pages()) && (is_aligned(end, bit_pages()) || end == piece.place + piece.pages);
    if (!whole) return false;
    auto next = pieces_.erase(found);
    if (end < piece.place + piece.pages)
      next = pieces_.insert(next, {piece.request, end, piece.place + piece.pages - end});
    if (piece.place < start) pieces_.insert(next, {piece.request, piece.place, start - piece.place});
    target_.release(start, pages);
    return true;
  }

  void debugfs_release(std::uint64_t left) {
    while (left > 0 && !debugfs_.empty()) {
      Piece& newest = debugfs_.back();
      if (newest.pages <= left) {
        left -= newest.pages;
        target_.release(newest.place, newest.pages);
        debugfs_.pop_back();
      } else if (demand_.order_per_bit == 0) {
        target_.release(newest.place, left);
        newest.place += left;
        newest.pages -= left;
        return;
      } else {
        return;
      }
    }
  }

  const Demand& demand_;
  Target& target_;
  // The parts that are held, ascending within a buffer.
  std::vector<Piece> pieces_;
  std::vector<Piece> debugfs_;
  Performed done_;
};

}  // namespace

Item item_of(const Request& request, Pfn base, unsigned order_per_bit) {
  BugSet none;
  return {bitmap_pages_to_bits(request.pages, order_per_bit), bitmap_aligned_mask(request.align, order_per_bit, none),
          bitmap_aligned_offset(base, request.align, order_per_bit, none)};
}

std::uint64_t lowest_place(const Item& item, std::uint64_t from) {
  if (from >= kBeyond) return kNever;
  const std::uint64_t sum = from + item.offset;
  if (item.mask >= kBeyond) return sum == 0 ? 0 : kNever;
  return align_up(sum, item.mask + 1) - item.offset;
}

std::optional<std::uint64_t> FirstFit::put(const Item& item) {
  if (item.bits > bits()) return std::nullopt;
  std::uint64_t& from = full_below_[{item.bits, item.mask}];
  const std::uint64_t bit = bitmap_.find_zero_area(from, item.bits, item.mask, item.offset);
  if (bit >= bits()) return std::nullopt;
  bitmap_.set_range(bit, item.bits);
  from = bit + item.bits;
  return bit;
}

void FirstFit::clear(std::uint64_t bit, std::uint64_t bits) {
  bitmap_.clear_range(bit, bits);
  full_below_.clear();
}

BitmapTarget::BitmapTarget(std::uint64_t pages, Pfn base, unsigned order_per_bit)
    : base_(base), order_per_bit_(order_per_bit), fit_(pages >> order_per_bit) {}

std::optional<std::uint64_t> BitmapTarget::allocate(const Request& request) {
  // Rounding up to bits wraps round for absurd counts.
  if (request.pages > fit_.bits() << order_per_bit_) return std::nullopt;
  const auto bit = fit_.put(item_of(request, base_, order_per_bit_));
  if (!bit) return std::nullopt;
  return *bit << order_per_bit_;
}

void BitmapTarget::release(std::uint64_t place, std::uint64_t pages) {
  fit_.clear(place >> order_per_bit_, bitmap_pages_to_bits(pages, order_per_bit_));
}

MachineTarget::MachineTarget(const Geometry& shape, std::uint64_t pages, Pfn base, unsigned order_per_bit)
    : base_(base) {
  Geometry geometry;
  geometry.release = shape.release;
  geometry.pageblock_order = shape.pageblock_order;
  geometry.largest_order = shape.largest_order;
  geometry.memory = {base, base + pages + std::max(geometry.isolation_unit(), geometry.largest_pages())};
  geometry.areas = {{"area", base, pages, order_per_bit}};
  machine_ = make_machine(geometry);
  machine_->trace.set_recording(false);
}

MachineTarget::~MachineTarget() = default;

std::optional<std::uint64_t> MachineTarget::allocate(const Request& request) {
  const Pfn pfn = run_now(machine_->areas.cma_alloc(0, request.pages, request.align, Warn::no));
  if (pfn == kNoPfn) return std::nullopt;
  return pfn - base_;
}

void MachineTarget::release(std::uint64_t place, std::uint64_t pages) {
  const bool released = run_now(machine_->areas.cma_release(0, base_ + place, pages));
  CMA_ASSERT(released);
}

Performed perform(const Demand& demand, std::span<const Step> steps, Target& target) {
  Holder holder(demand, target);
  for (const Step& step : steps)
    if (!holder.step(step)) break;
  return holder.take();
}

std::vector<Step> all_held(std::span<const std::size_t> order) {
  std::vector<Step> steps;
  steps.reserve(order.size());
  for (const std::size_t request : order) steps.push_back({Step::Kind::request, request});
  return steps;
}

std::vector<std::size_t> given_order(const Demand& demand) {
  std::vector<std::size_t> order(demand.requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

}  // namespace cma::sizing
