// Performs the requests of a demand, one after the other, in an area of given size: on a bitmap alone, which is what
// decides in an area whose pages are all free, or on a whole machine, which shows that it is.
//
// An area of more pages never fails where one of fewer pages at the same base succeeds: each request takes the lowest
// place that is free, so as long as all have succeeded in the smaller area, every place is the same in both, and the
// lowest free place of the smaller one is free in the larger one. Releases change nothing about that. So the smallest
// area is found by one run in an area without end: it is where the highest buffer ends.
//
// Used by area_size.h, and by explain/ for one alignment after the other. Cost: that of the bitmap's searches; each
// kind of request goes on where the last one was put.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/bitmap/bitmap.h"
#include "properties/sizing/demand.h"

namespace cma {
class Machine;
}  // namespace cma

namespace cma::sizing {

// A request in bits, as the search sees it.
struct Item {
  std::uint64_t bits = 1;
  std::uint64_t mask = 0;
  std::uint64_t offset = 0;
};

inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

// Returns a request as the search of an area at `base` sees it.
Item item_of(const Request& request, Pfn base, unsigned order_per_bit);
// Returns the lowest bit from `from` on at which the item may lie if all bits are free; kNever if that is beyond 2^40.
std::uint64_t lowest_place(const Item& item, std::uint64_t from);

// A bitmap that items are put into, each at its lowest free place.
class FirstFit {
 public:
  explicit FirstFit(std::uint64_t bits) : bitmap_(bits) {}
  std::uint64_t bits() const { return bitmap_.size(); }
  // Returns the first bit of the item, which is set from there on; nullopt if it does not fit.
  std::optional<std::uint64_t> put(const Item& item);
  void clear(std::uint64_t bit, std::uint64_t bits);

 private:
  Bitmap bitmap_;
  // By bits and mask: the bit below which no such item fits.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> full_below_;
};

// An area in which requests are performed. Places are pages from its base on.
class Target {
 public:
  virtual ~Target() = default;
  // Returns the place of a new buffer; nullopt if the request fails.
  virtual std::optional<std::uint64_t> allocate(const Request& request) = 0;
  virtual void release(std::uint64_t place, std::uint64_t pages) = 0;
};

// The bitmap of an area, and nothing else.
class BitmapTarget final : public Target {
 public:
  BitmapTarget(std::uint64_t pages, Pfn base, unsigned order_per_bit);
  std::optional<std::uint64_t> allocate(const Request& request) override;
  void release(std::uint64_t place, std::uint64_t pages) override;

 private:
  Pfn base_;
  unsigned order_per_bit_;
  FirstFit fit_;
};

// A machine with one area, all of whose pages are free, and a little memory after it.
class MachineTarget final : public Target {
 public:
  // Boots the machine. Requires: base and pages are multiples of the shape's unit. `shape` gives release and orders.
  MachineTarget(const Geometry& shape, std::uint64_t pages, Pfn base, unsigned order_per_bit);
  ~MachineTarget() override;
  std::optional<std::uint64_t> allocate(const Request& request) override;
  void release(std::uint64_t place, std::uint64_t pages) override;

 private:
  Pfn base_;
  std::unique_ptr<Machine> machine_;
};

struct Performed {
  // The first request that failed, after which nothing was performed; nullopt if all succeeded.
  std::optional<std::size_t> failed;
  // By request: the place of its buffer, for those that were made.
  std::vector<std::uint64_t> places;
  // The highest end that a buffer had, in whole bits.
  std::uint64_t end = 0;
};

// Performs the steps on a target. A release of what is not held, or of a part that does not begin and end on whole
// bits, does nothing, as in a program.
Performed perform(const Demand& demand, std::span<const Step> steps, Target& target);
// Returns the steps that request all in this order, and release nothing.
std::vector<Step> all_held(std::span<const std::size_t> order);
// Returns the requests' own order.
std::vector<std::size_t> given_order(const Demand& demand);

}  // namespace cma::sizing
