#include "properties/sizing/area_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "properties/sizing/first_fit.h"

namespace cma::sizing {
namespace {

std::uint64_t whole_units(std::uint64_t pages, std::uint64_t unit) {
  return pages / unit + (pages % unit != 0 ? 1 : 0);
}

// Finds the answer for one demand. Throws BadDemand.
class Sizing {
 public:
  Sizing(const Demand& demand, const Setting& setting)
      : demand_(demand), setting_(setting), unit_(setting.shape.isolation_unit()) {
    answer_.unit = unit_;
    answer_.page_shift = setting_.shape.page_shift();
    answer_.order_per_bit = demand_.order_per_bit;
    check_bits();
    for (Request& request : demand_.requests) request.align = seen(request, setting_.cma_alignment);
    answer_.requests = demand_.requests;
    find_base();
  }

  Answer find() {
    const std::vector<std::size_t> given = given_order(demand_);
    answer_.given = size_of(demand_, all_held(given));
    answer_.given.order = given;
    find_best();
    if (demand_.releases) answer_.released = size_of(demand_, demand_.steps);
    find_shares();
    find_largest();
    find_alternatives();
    check(answer_.given, all_held(given));
    check(answer_.best, all_held(answer_.best.order));
    if (answer_.released) check(*answer_.released, demand_.steps);
    return std::move(answer_);
  }

 private:
  [[noreturn]] static void refuse(int line, std::string reason) { throw BadDemand{line, std::move(reason)}; }

  Release release() const { return setting_.shape.release; }
  std::uint64_t bit_pages() const { return order_pages(demand_.order_per_bit); }

  void check_bits() const {
    if (demand_.order_per_bit != 0 && release() < Release::v3_17)
      refuse(demand_.bits_line, "before 3.17 a bit is a page");
    if (demand_.order_per_bit >= kOrderLimit || bit_pages() > unit_)
      refuse(demand_.bits_line,
             fmt::format("order_per_bit {}: a bit is larger than the unit of {} pages, and such an area is refused",
                         demand_.order_per_bit, unit_));
  }

  // Returns the alignment that the search sees of a request, with another CONFIG_CMA_ALIGNMENT.
  unsigned seen(const Request& request, unsigned cma_alignment) const {
    if (setting_.dma && request.align == 0) return std::min(order_for(request.pages), cma_alignment);
    return align_with(request, setting_.cma_alignment, cma_alignment, release());
  }

  // Without a known base the area begins at frame 0, which is aligned to everything.
  void find_base() {
    const std::optional<Pfn> base = setting_.base ? setting_.base : demand_.base;
    answer_.base_assumed = !base;
    answer_.base = base.value_or(0);
    if (!is_aligned(answer_.base, unit_))
      refuse(0, fmt::format("an area cannot begin at {:#x}: its base must be a multiple of {:#x} pages here",
                            answer_.base, unit_));
    constexpr Pfn kMostBase = Pfn{1} << 31;
    if (answer_.base > kMostBase) refuse(0, fmt::format("a base above {:#x} cannot be modelled", kMostBase));
  }

  // Returns the pages of an area in which nothing can fail for want of space, or the most that is modelled.
  static std::uint64_t ample(const Demand& demand) {
    std::uint64_t pages = 0;
    for (const Request& request : demand.requests) {
      const std::uint64_t unit = request.align < 27 ? order_pages(request.align) : kMostPages;
      if (request.pages > kMostPages - pages) return kMostPages;
      pages += request.pages + unit + order_pages(demand.order_per_bit);
      if (pages >= kMostPages) return kMostPages;
    }
    return std::min(kMostPages, align_up(pages, order_pages(kOrderLimit)));
  }

  // Returns size and places of an area in which all steps succeed.
  Size size_of(const Demand& demand, std::span<const Step> steps) const {
    BitmapTarget target(ample(demand), answer_.base, demand.order_per_bit);
    Performed done = perform(demand, steps, target);
    if (done.failed) {
      const Request& request = demand.requests[*done.failed];
      const Item item = item_of(request, answer_.base, demand.order_per_bit);
      if (lowest_place(item, 0) >= kMostPages)
        refuse(request.line,
               fmt::format("no page of an area at {:#x} is aligned to 2^{} pages", answer_.base, request.align));
      refuse(request.line,
             fmt::format("up to here the requests need more than {} pages, the largest area modelled", kMostPages));
    }
    Size size;
    size.share.asked = done.end;  // find_shares() divides it
    size.units = whole_units(done.end, unit_);
    size.pages = size.units * unit_;
    size.places = std::move(done.places);
    return size;
  }

  std::vector<Item> items_of(const Demand& demand) const {
    std::vector<Item> items;
    items.reserve(demand.requests.size());
    for (const Request& request : demand.requests)
      items.push_back(item_of(request, answer_.base, demand.order_per_bit));
    return items;
  }

  // Returns the requests in the order of their places.
  static std::vector<std::size_t> order_of(const Size& size) {
    std::vector<std::size_t> order(size.places.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return size.places[i]; });
    return order;
  }

  void find_best() {
    const std::vector<std::vector<std::size_t>> starts = {order_of(answer_.given)};
    const BestOrder best = best_order(items_of(demand_), starts, 1);
    answer_.best = size_of(demand_, all_held(best.order));
    answer_.best.order = best.order;
    answer_.least_units = whole_units(best.least << demand_.order_per_bit, unit_);
    if (best.compared != 0)
      answer_.proof = Proof::all_orders;
    else if (answer_.least_units == answer_.best.units)
      answer_.proof = Proof::bound;
  }

  void find_shares() {
    std::uint64_t asked = 0;
    std::uint64_t bits = 0;
    for (const Request& request : demand_.requests) {
      asked += request.pages;
      bits += align_up(request.pages, bit_pages());
    }
    const std::uint64_t best_end = answer_.best.share.asked;
    for (Size* size : {&answer_.given, &answer_.best}) {
      const std::uint64_t end = size->share.asked;
      size->share = {asked, bits - asked, best_end - bits, end - best_end, size->pages - end};
    }
    if (answer_.released) answer_.released->share = {};
  }

  void find_largest() {
    for (std::size_t i = 0; i < demand_.requests.size(); ++i) {
      const Item item = item_of(demand_.requests[i], answer_.base, demand_.order_per_bit);
      const std::uint64_t end = (lowest_place(item, 0) + item.bits) << demand_.order_per_bit;
      if (end <= answer_.largest_alone) continue;
      answer_.largest_alone = end;
      answer_.largest = i;
    }
  }

  void find_alternatives() {
    const auto [least, most] = cma_alignments(release());
    for (unsigned limit = least; limit <= most; ++limit) {
      Demand other = demand_;
      for (std::size_t i = 0; i < other.requests.size(); ++i)
        other.requests[i].align = align_with(demand_.requests[i], setting_.cma_alignment, limit, release());
      const Size given = size_of(other, all_held(given_order(other)));
      const std::vector<std::vector<std::size_t>> starts = {order_of(given), answer_.best.order};
      const std::uint64_t unit = unit_ >> demand_.order_per_bit;
      const BestOrder best = best_order(items_of(other), starts, unit);
      const std::uint64_t units = whole_units(best.end, unit);
      answer_.alternatives.push_back({limit, given.units, units, whole_units(best.least, unit) == units});
    }
    for (const Request& request : demand_.requests)
      if (release() >= Release::v3_17 && request.align > setting_.cma_alignment) ++answer_.beyond_cma_alignment;
  }

  // Performs the steps on machines of the size found and of a unit less.
  void check(Size& size, const std::vector<Step>& steps) const {
    if (size.units > 1) {
      BitmapTarget bitmap(size.pages - unit_, answer_.base, demand_.order_per_bit);
      size.fails_below = perform(demand_, steps, bitmap).failed;
    }
    if (size.pages > kMostChecked) return;
    MachineTarget machine(setting_.shape, size.pages, answer_.base, demand_.order_per_bit);
    const Performed done = perform(demand_, steps, machine);
    if (done.failed || done.places != size.places)
      refuse(0,
             fmt::format("the model disagrees: on a machine with {} pages the requests take other places", size.pages));
    if (size.units > 1) {
      MachineTarget smaller(setting_.shape, size.pages - unit_, answer_.base, demand_.order_per_bit);
      if (perform(demand_, steps, smaller).failed != size.fails_below || !size.fails_below)
        refuse(0, fmt::format("the model disagrees about an area of {} pages", size.pages - unit_));
    }
    size.checked = true;
  }

  Demand demand_;
  const Setting& setting_;
  std::uint64_t unit_;
  Answer answer_;
};

}  // namespace

unsigned order_for(std::uint64_t pages) { return pages <= 1 ? 0 : floor_log2(pages - 1) + 1; }

// Kconfig of the DMA layer (drivers/base, later kernel/dma): "range 4 9", since 3.16 "4 12", since 5.10 "2 12".
std::pair<unsigned, unsigned> cma_alignments(Release release) {
  return {release >= Release::v5_10 ? 2U : 4U, release >= Release::v3_16 ? 12U : 9U};
}

unsigned align_with(const Request& request, unsigned made_with, unsigned other, Release release) {
  const bool past_the_layer = request.align > made_with;
  if (past_the_layer && release >= Release::v3_17) return request.align;
  if (!past_the_layer && request.align == std::min(order_for(request.pages), made_with))
    return std::min(order_for(request.pages), other);
  return std::min(request.align, other);
}

std::expected<Answer, BadDemand> area_size(const Demand& demand, const Setting& setting) {
  try {
    return Sizing(demand, setting).find();
  } catch (const BadDemand& bad) {
    return std::unexpected(bad);
  }
}

}  // namespace cma::sizing
