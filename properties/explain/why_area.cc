#include "properties/explain/why_area.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <set>
#include <tuple>

#include "allocator/areas/bit_arithmetic.h"
#include "allocator/base/error.h"
#include "properties/explain/alignment.h"
#include "properties/explain/name_runs.h"
#include "properties/explain/names.h"
#include "properties/explain/page_facts.h"
#include "properties/explain/under_way.h"
#include "properties/explain/why_boot.h"

namespace cma {
namespace {

// How many windows are looked at for one whose pages can move.
constexpr std::size_t kHiddenLooked = 64;

// A run of free bits.
struct Run {
  std::uint64_t bit = 0;
  std::uint64_t bits = 0;
  std::uint64_t aligned = 0;  // the first bit at which a window may begin; the end if there is none
  std::uint64_t counts() const { return bit + bits - aligned; }
};

// Bits of an area that one result or file has.
struct Holder {
  std::string name;
  std::uint64_t pages = 0;
  std::uint64_t bits = 0;
};

// Holders of one size whose names differ in numbers only.
struct EqualHolders {
  std::vector<std::string> names;
  Holder each;
  std::uint64_t pages() const { return names.size() * each.pages; }
};

// A window without buffers of which operations under way have bits.
struct HiddenWindow {
  PfnRange window;
  PfnRange marked;  // the first run of these bits, in pages
  std::string names;
  AreaCount count;
};

// An area that has room for a request from this bit on, in pages.
struct LargerArea {
  std::uint64_t bit = 0;
  std::uint64_t pages = 0;
};

// What cma_alloc searches for in an area.
class Search {
 public:
  Search(const Machine& machine, const AreaRequest& request)
      : machine_(machine), area_(machine.areas.area(request.area)), pages_(request.pages) {
    set_align(effective_align(request.align, machine.release()));
  }

  unsigned align() const { return align_; }
  std::uint64_t bits() const { return bitmap_pages_to_bits(pages_, area_.order_per_bit); }
  std::uint64_t mask() const { return mask_; }
  std::uint64_t offset() const { return offset_; }
  // Returns the pages of the longest window that an empty area has.
  std::uint64_t most_pages() const { return (area_.bitmap.size() - aligned(0)) << area_.order_per_bit; }
  void set_align(unsigned align) {
    BugSet bugs = machine_.geometry().bugs;
    align_ = align;
    mask_ = bitmap_aligned_mask(align, area_.order_per_bit, bugs);
    offset_ = bitmap_aligned_offset(area_.base, align, area_.order_per_bit, bugs);
  }
  // Returns the first bit from `bit` on at which a window may begin; the size of the bitmap if there is none.
  std::uint64_t aligned(std::uint64_t bit) const;
  // Returns the runs of free bits: the longest that count first, equal ones by their place.
  std::vector<Run> runs() const;
  // Returns the bit at which a window would be free; nullopt if none is.
  std::optional<std::uint64_t> window() const;
  // Returns the bit from `from` on at which a window would be free in this bitmap; its size if none is.
  std::uint64_t window_in(const Bitmap& bitmap, std::uint64_t from) const {
    return bitmap.find_zero_area(from, bits(), mask_, offset_);
  }
  // Returns the least area from the same base on in which there are free bits for the request after the buffers held
  // now; nullopt if that is more than any area has.
  std::optional<LargerArea> larger() const;
  // Returns how many places there are for a window in an area without buffers, and the first.
  std::pair<std::uint64_t, std::uint64_t> places() const;

 private:
  const Machine& machine_;
  const Area& area_;
  std::uint64_t pages_;
  unsigned align_ = 0;
  std::uint64_t mask_ = 0;
  std::uint64_t offset_ = 0;
};

std::uint64_t Search::aligned(std::uint64_t bit) const {
  const std::uint64_t over = (bit + offset_) & mask_;
  const std::uint64_t end = area_.bitmap.size();
  if (over == 0) return bit;
  const std::uint64_t step = mask_ - over + 1;
  return step > end - bit ? end : bit + step;
}

std::vector<Run> Search::runs() const {
  std::vector<Run> runs;
  const Bitmap& bitmap = area_.bitmap;
  const std::uint64_t end = bitmap.size();
  for (std::uint64_t bit = bitmap.next_zero(0, end); bit < end;) {
    const std::uint64_t stop = bitmap.next_set(bit, end);
    runs.push_back({bit, stop - bit, std::min(stop, aligned(bit))});
    bit = bitmap.next_zero(stop, end);
  }
  std::ranges::sort(runs, [](const Run& a, const Run& b) {
    return std::tuple(b.counts(), b.bits, a.bit) < std::tuple(a.counts(), a.bits, b.bit);
  });
  return runs;
}

std::optional<std::uint64_t> Search::window() const {
  const std::uint64_t bit = area_.bitmap.find_zero_area(0, bits(), mask_, offset_);
  return bit < area_.bitmap.size() ? std::optional(bit) : std::nullopt;
}

std::optional<LargerArea> Search::larger() const {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  const std::uint64_t size = area_.bitmap.size();
  std::uint64_t start = size;
  while (start > 0 && area_.bitmap.next_zero(start - 1, start) < start) --start;
  const std::uint64_t over = (start + offset_) & mask_;
  if (mask_ >= kMost || bits() == 0 || bits() >= kMost) return std::nullopt;
  if (over != 0) start += mask_ - over + 1;
  const std::uint64_t pages = (start + bits()) << area_.order_per_bit;
  if (pages >> area_.order_per_bit != start + bits() || pages >= kMost) return std::nullopt;
  const std::uint64_t unit = std::max(machine_.geometry().isolation_unit(), order_pages(area_.order_per_bit));
  return LargerArea{start, align_up(pages, unit)};
}

std::pair<std::uint64_t, std::uint64_t> Search::places() const {
  const std::uint64_t last = area_.bitmap.size() - bits();
  const std::uint64_t first = aligned(0);
  if (first > last) return {0, 0};
  return {mask_ == ~std::uint64_t{0} ? 1 : (last - first) / (mask_ + 1) + 1, first};
}

// Returns where an area of that many pages would have to lie instead, and what is in its way where the area begins now;
// empty if nothing is.
std::string other_place(const Machine& machine, const Area& area, std::uint64_t pages) {
  const Pfn wanted_end = area.base + pages;
  const Pfn end = machine.buddy.zone_of(area.base).range.end;
  if (wanted_end > end)
    return fmt::format(" that begins lower, as {} ends at page {:#x}",
                       end == machine.map.range().end ? "memory" : "the zone", end);
  for (const Area& other : machine.areas.table().areas)
    if (other.base > area.base && other.base < wanted_end)
      return fmt::format(" in another place, as area {} begins at page {:#x}", other.name, other.base);
  return {};
}

// Adds that the request would fit in a larger area, or would find free bits there: pages of the present one are part of
// its window, or it would lie over other pages.
void add_larger(const World& world, const Area& area, const LargerArea& larger, Answer& answer) {
  const unsigned shift = world.machine().geometry().page_shift();
  const std::string elsewhere = other_place(world.machine(), area, larger.pages);
  const PfnRange present{area.base + (larger.bit << area.order_per_bit), area.base + area.pages};
  const bool shares = elsewhere.empty() && present.start < present.end;
  const AreaCount there = shares ? count_range(world, present) : AreaCount{};
  std::string text =
      fmt::format("{} in an area of {} (now {}){}, after the buffers held now",
                  elsewhere.empty() && there.lent == 0 ? "fit" : "find free bits", size_text(larger.pages << shift),
                  size_text(area.pages << shift), elsewhere.empty() ? " from the same page on" : elsewhere);
  if (there.lent > 0) text += fmt::format("; {} there would have to move", plural(there.lent, "lent page"));
  if (there.staying > 0)
    text += fmt::format(", and at least {} cannot now: {}", plural(there.staying, "page"), there.first_staying);
  answer.add(About::would, text + "; `cmacheck fit` prints the least for all requests",
             {{"area_pages", larger.pages}, {"pages_lent", there.lent}});
}

// One request that found no window, and the area as it is now.
class NoWindow {
 public:
  NoWindow(const AreaSight& sight, const AreaRequest& request, Answer& answer)
      : sight_(sight),
        world_(sight.world),
        machine_(world_.machine()),
        request_(request),
        area_(machine_.areas.area(request.area)),
        search_(machine_, request),
        answer_(answer),
        runs_(search_.runs()),
        now_(count_area(world_, request.area)) {}

  // Writes the short answer.
  void brief();
  void add_wanted();
  void add_found(const AreaCount& count);
  void add_left(const AreaCount& before);
  const AreaCount& now() const { return now_; }
  // Returns how many windows the area would have without buffers.
  std::uint64_t places() const { return search_.places().first; }
  void add_runs();
  void add_holders();
  // Returns a window that the request did not try, as operations under way have bits of it: the first whose pages can
  // all move, or the first of all; nullopt if there is none.
  std::optional<HiddenWindow> hidden_window() const;
  void add_hidden(const HiddenWindow& hidden);
  void add_remedies();

 private:
  std::uint64_t pages_of(std::uint64_t bits) const { return bits << area_.order_per_bit; }
  PfnRange pages_at(std::uint64_t bit, std::uint64_t bits) const {
    const Pfn start = area_.base + pages_of(bit);
    return {start, start + pages_of(bits)};
  }
  Bitmap bits_without_buffer() const;
  std::string bits_and_pages(std::uint64_t bits) const;
  void add_room(std::string text, Pfn first, std::uint64_t pages, std::vector<Figure> figures);
  std::uint64_t longest_of_all() const { return runs_.empty() ? 0 : std::ranges::max(runs_, {}, &Run::bits).bits; }
  std::uint64_t longest() const { return runs_.empty() ? 0 : runs_.front().counts(); }
  std::vector<Holder> holders() const;
  std::uint64_t bits_before_aligned() const;
  void add_alignments();
  void add_larger_area();
  void add_smaller_bits();

  const AreaSight& sight_;
  const World& world_;
  const Machine& machine_;
  const AreaRequest& request_;
  const Area& area_;
  Search search_;
  Answer& answer_;
  std::vector<Run> runs_;
  AreaCount now_;
};

// A bit and a page are the same thing where a bit stands for one page.
std::string NoWindow::bits_and_pages(std::uint64_t bits) const {
  return area_.order_per_bit == 0 ? plural(bits, "bit")
                                  : fmt::format("{} ({})", plural(bits, "bit"), plural(pages_of(bits), "page"));
}

void NoWindow::brief() {
  const std::uint64_t size = area_.bitmap.size();
  std::string text = fmt::format("no window: {} at align {}", plural(request_.pages, "page"), search_.align());
  if (request_.align != search_.align())
    text += fmt::format(" ({} is asked for, and CONFIG_CMA_ALIGNMENT limits it)", request_.align);
  if (area_.order_per_bit != 0) text = fmt::format("{}, which take {}", text, plural(search_.bits(), "bit"));
  if (search_.window()) {
    answer_.brief = text + "; the bits that it lacked were given back after its search";
    return;
  }
  if (runs_.empty()) {
    text += fmt::format("; none of the {} is free", plural(size, "bit"));
  } else if (longest() == 0) {
    answer_.brief =
        text + fmt::format("; no free run has an aligned bit, and the longest has {}", plural(longest_of_all(), "bit"));
    return;
  } else {
    const Run& run = runs_.front();
    text += longest() == run.bits ? fmt::format("; longest run {}", run.bits)
                                  : fmt::format("; longest aligned run {} (of {})", longest(), run.bits);
    text += fmt::format(" at bit {} of {}", run.aligned, size);
  }
  const std::uint64_t got = std::min(request_.pages, pages_of(longest()));
  answer_.brief = text + fmt::format(": {} short", plural(request_.pages - got, "page"));
}

void NoWindow::add_wanted() {
  const auto [places, first] = search_.places();
  std::string text = fmt::format("{} in a row", plural(search_.bits(), "free bit"));
  if (area_.order_per_bit != 0) text += fmt::format(" (a bit stands for {} pages)", pages_of(1));
  const std::uint64_t unit = search_.mask() + 1;
  if (unit != 1)
    text += fmt::format(", the first at a multiple of {} bits (mask {:#x}, offset {})",
                        unit == 0 ? std::string("2^64") : std::to_string(unit), search_.mask(), search_.offset());
  if (unit > search_.bits() && places > 1)
    text += fmt::format("; each such buffer takes {} bits, {} more than it uses", unit, unit - search_.bits());
  if (places == 0) text += "; no bit of this area is so aligned that they fit after it";
  if (places == 1)
    text += fmt::format("; they fit at bit {} only: one page held among the {} there leaves no room", first,
                        request_.pages);
  answer_.add(About::wanted, std::move(text),
              {{"pages", request_.pages},
               {"align", std::uint64_t{search_.align()}},
               {"bits", search_.bits()},
               {"mask", search_.mask()},
               {"offset", search_.offset()},
               {"places", places}});
}

// Returns how many free bits no window of this alignment can have, as no bit before them in their run is aligned.
std::uint64_t NoWindow::bits_before_aligned() const {
  std::uint64_t bits = 0;
  for (const Run& run : runs_) bits += run.bits - run.counts();
  return bits;
}

// Bits are not pages: those under free bits may be lent to others, and would have to move.
void NoWindow::add_found(const AreaCount& count) {
  const std::uint64_t size = area_.bitmap.size();
  const bool empty = count.bits == size;
  std::string text =
      empty ? fmt::format("no buffer has any of its {}", plural(size, "bit"))
            : fmt::format("{} of {} free, in {}", bits_and_pages(count.bits), size, plural(count.runs, "run"));
  const std::string_view whose = empty ? "its" : "their";
  if (count.bits > 0 && count.lent == 0)
    text += fmt::format("; {} pages are free", whose);
  else if (count.bits > 0 && count.pages == 0)
    text += fmt::format("; all {} pages are lent to others, none is idle", whose);
  else if (count.bits > 0)
    text += fmt::format("; of {} {} pages {} are free and {} lent to others, which would have to move", whose,
                        pages_of(count.bits), count.pages, count.lent);
  if (count.staying > 0)
    text += fmt::format(" (at least {} cannot now: {})", plural(count.staying, "page"), count.first_staying);
  if (count.cached > 0 && count.cached == count.lent)
    text += "; what is lent is page cache";
  else if (count.cached > 0)
    text += fmt::format("; {} of those lent are page cache", count.cached);
  std::vector<Figure> figures = {{"free_bits", count.bits},     {"bits_of_area", size},
                                 {"runs", count.runs},          {"free_pages", count.pages},
                                 {"pages_lent", count.lent},    {"pages_staying", count.staying},
                                 {"pages_cached", count.cached}};
  if (answer_.windows.empty() && count.bits >= search_.bits() && !search_.window()) {
    text += longest_of_all() >= search_.bits() ? "; so there are enough in a row, but not from an aligned bit on"
                                               : "; so there are enough, but not in a row";
    const std::uint64_t unaligned = bits_before_aligned();
    if (unaligned > 0) text += fmt::format("; {} of {} bits are lost to this alignment", unaligned, size);
    figures.push_back({"bits_unaligned", unaligned});
  }
  answer_.add(About::found, std::move(text), std::move(figures));
}

// What the attempts changed, or that nothing was tried.
void NoWindow::add_left(const AreaCount& before) {
  if (answer_.windows.empty() && now_ == before)
    answer_.add(About::left, "all as it was: nothing was taken or moved, and only the caller goes without");
  else if (now_.lent < before.lent && now_.bits == before.bits)
    answer_.add(About::left,
                fmt::format("{} of the {} lent pages moved away or dropped, and {} still lent", before.lent - now_.lent,
                            before.lent, now_.lent),
                {{"pages_lent", now_.lent}});
}

void NoWindow::add_runs() {
  for (std::size_t i = 0; i < std::min(runs_.size(), kListed); ++i) {
    const Run& run = runs_[i];
    std::string text = fmt::format("{} at bit {}, {}", bits_and_pages(run.bits), run.bit,
                                   frames_text(area_.base + pages_of(run.bit), pages_of(run.bits)));
    if (run.counts() == 0)
      text += ": none is aligned";
    else if (run.counts() < run.bits)
      text += fmt::format(": {} count, from the aligned bit {} on", run.counts(), run.aligned);
    answer_.add(About::run, std::move(text),
                {{"bit", run.bit}, {"bits", run.bits}, {"counts", run.counts()}, {"aligned_bit", run.aligned}});
  }
  if (runs_.size() > kListed)
    answer_.add(About::run, fmt::format("and {}, {}", plural(runs_.size() - kListed, "more run"),
                                        runs_[kListed].counts() == 0 ? "none with an aligned bit"
                                                                     : fmt::format("of each of which at most {} count",
                                                                                   runs_[kListed].counts())));
}

// Returns the first bit of these pages, and how many bits they have.
std::pair<std::uint64_t, std::uint64_t> bits_of(const Area& area, Pfn start, std::uint64_t pages) {
  const std::uint64_t first = (start - area.base) >> area.order_per_bit;
  return {first, ((start + pages - 1 - area.base) >> area.order_per_bit) - first + 1};
}

// Returns the bits that are set and belong to no buffer.
Bitmap NoWindow::bits_without_buffer() const {
  Bitmap bitmap = area_.bitmap;
  const auto clear = [&](Pfn start, std::uint64_t pages) {
    const auto [first, bits] = bits_of(area_, start, pages);
    bitmap.clear_range(first, bits);
  };
  for (const World::Piece& piece : world_.pieces)
    if (world_.result(piece.slot).area == request_.area) clear(piece.start, piece.pages);
  for (const auto& [pfn, pages] : area_.debugfs_buffers) clear(pfn, pages);
  return bitmap;
}

// Returns the holders of the set bits: those with most pages first, equal ones by name.
std::vector<Holder> NoWindow::holders() const {
  std::vector<Holder> holders;
  const auto hold = [&](const std::string& name, Pfn start, std::uint64_t pages) {
    const std::uint64_t bits = bits_of(area_, start, pages).second;
    const auto known = std::ranges::find(holders, name, &Holder::name);
    Holder& holder = known == holders.end() ? holders.emplace_back(Holder{name}) : *known;
    holder.pages += pages;
    holder.bits += bits;
  };
  for (const World::Piece& piece : world_.pieces)
    if (world_.result(piece.slot).area == request_.area)
      hold(name_or_text(world_.program(), piece.slot), piece.start, piece.pages);
  for (const auto& [pfn, pages] : area_.debugfs_buffers) hold("the debugfs file alloc", pfn, pages);
  std::uint64_t left = bits_without_buffer().count_set();
  for (const BitsUnderWay& other : bits_under_way(sight_, request_.area, answer_.op, left)) {
    holders.push_back({other.name, other.pages, other.bits});
    left -= other.bits;
  }
  if (left > 0) holders.push_back({"no buffer of this program", pages_of(left), left});
  std::ranges::sort(
      holders, [](const Holder& a, const Holder& b) { return std::tie(b.pages, a.name) < std::tie(a.pages, b.name); });
  return holders;
}

// Returns holders of one size and kind of name together: those with most pages first, equal ones by name.
std::vector<EqualHolders> equal_holders(const std::vector<Holder>& holders) {
  std::vector<EqualHolders> groups;
  for (const Holder& holder : holders) {
    const auto known = std::ranges::find_if(groups, [&](const EqualHolders& group) {
      return group.each.pages == holder.pages && group.each.bits == holder.bits &&
             without_numbers(group.each.name) == without_numbers(holder.name);
    });
    (known == groups.end() ? groups.emplace_back(EqualHolders{{}, holder}) : *known).names.push_back(holder.name);
  }
  std::ranges::sort(groups, [](const EqualHolders& a, const EqualHolders& b) {
    if (a.pages() != b.pages()) return a.pages() > b.pages();
    return comes_before(a.each.name, b.each.name);
  });
  return groups;
}

void NoWindow::add_holders() {
  const std::vector<EqualHolders> groups = equal_holders(holders());
  std::uint64_t more = 0;
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto& [names, each] = groups[i];
    if (i >= kListed) {
      more += groups[i].pages();
      others += names.size();
      continue;
    }
    const std::string name = names_in_runs(names);
    std::string text = fmt::format("{} by {}", plural(groups[i].pages(), "page"), name);
    if (names.size() > 1) text += fmt::format(", {} each", each.pages);
    if (pages_of(each.bits) != each.pages) text += fmt::format(", in {}", plural(each.bits, "bit"));
    answer_.add(About::held, std::move(text),
                {{"name", name},
                 {"holders", std::uint64_t{names.size()}},
                 {"pages", groups[i].pages()},
                 {"bits", names.size() * each.bits}});
  }
  if (others > 0)
    answer_.add(About::held, fmt::format("{} by {}", plural(more, "page"), plural(others, "more holder")),
                {{"holders", others}, {"pages", more}});
}

std::optional<HiddenWindow> NoWindow::hidden_window() const {
  const Bitmap marked = bits_without_buffer();
  const std::uint64_t end = area_.bitmap.size();
  const std::uint64_t count = marked.count_set();
  if (count == 0) return std::nullopt;
  Bitmap free = area_.bitmap;
  const std::uint64_t first = marked.next_set(0, end);
  std::uint64_t last = first;
  for (std::uint64_t bit = first; bit < end;) {
    const std::uint64_t stop = marked.next_zero(bit, end);
    free.clear_range(bit, stop - bit);
    last = stop - 1;
    bit = marked.next_set(stop, end);
  }
  const auto was_tried = [&](Pfn start) {
    return std::ranges::any_of(answer_.windows, [&](const FailedWindow& one) { return one.range.start == start; });
  };
  std::optional<HiddenWindow> found;
  std::uint64_t bit = search_.window_in(free, first - std::min(first, search_.bits() - 1));
  for (std::size_t looked = 0; bit <= last && looked < kHiddenLooked; bit = search_.window_in(free, bit + 1)) {
    const std::uint64_t behind = bit + search_.bits();
    const std::uint64_t mark = marked.next_set(bit, behind);
    const PfnRange window = pages_at(bit, search_.bits());
    if (mark >= behind || was_tried(window.start)) continue;
    ++looked;
    HiddenWindow hidden{window, pages_at(mark, marked.next_zero(mark, end) - mark), {}, count_range(world_, window)};
    const bool moves = hidden.count.staying == 0;
    if (moves || !found) found = std::move(hidden);
    if (moves) break;
  }
  if (!found) return std::nullopt;
  for (const BitsUnderWay& other : bits_under_way(sight_, request_.area, answer_.op, count))
    found->names += (found->names.empty() ? "" : "; ") + other.name;
  return found->names.empty() ? std::nullopt : found;
}

// Adds the window that is free but for what operations under way have of it.
void NoWindow::add_hidden(const HiddenWindow& hidden) {
  std::string text =
      fmt::format("[{:x}, {:x}), where no buffer is and no window was tried: [{:x}, {:x}) is marked by {}",
                  hidden.window.start, hidden.window.end, hidden.marked.start, hidden.marked.end, hidden.names);
  if (hidden.count.staying > 0)
    text += fmt::format("; at least {} there cannot move now: {}", plural(hidden.count.staying, "page"),
                        hidden.count.first_staying);
  else
    text += hidden.count.lent == 0
                ? "; its pages are free"
                : fmt::format("; {} there would have to move", plural(hidden.count.lent, "lent page"));
  answer_.add(About::held, std::move(text),
              {{"name", hidden.names},
               {"start", hidden.window.start},
               {"end", hidden.window.end},
               {"marked_start", hidden.marked.start},
               {"marked_end", hidden.marked.end}});
}

// Whether it would fit where bits stand for single pages, with all buffers where they are.
void NoWindow::add_smaller_bits() {
  Bitmap held(area_.pages);
  for (const World::Piece& piece : world_.pieces)
    if (world_.result(piece.slot).area == request_.area) held.set_range(piece.start - area_.base, piece.pages);
  for (const auto& [pfn, pages] : area_.debugfs_buffers) held.set_range(pfn - area_.base, pages);
  BugSet bugs = machine_.geometry().bugs;
  const std::uint64_t mask = bitmap_aligned_mask(search_.align(), 0, bugs);
  const std::uint64_t offset = bitmap_aligned_offset(area_.base, search_.align(), 0, bugs);
  const std::uint64_t page = held.find_zero_area(0, request_.pages, mask, offset);
  const bool fits = page < held.size();
  std::vector<Figure> figures = {{"order_per_bit", std::uint64_t{0}}, {"fits", std::uint64_t{fits}}};
  if (fits)
    add_room(fmt::format("with order_per_bit 0, at page {:#x}: rounding up to whole bits costs it", area_.base + page),
             area_.base + page, request_.pages, std::move(figures));
  else
    answer_.add(About::would, "not fit with order_per_bit 0 either, with all buffers where they are",
                std::move(figures));
}

// Adds that there is a window of free bits; whether it can be had depends on its pages.
void NoWindow::add_room(std::string text, Pfn first, std::uint64_t pages, std::vector<Figure> figures) {
  const AreaCount there = count_range(world_, {first, first + pages});
  text = (there.lent == 0 ? "fit " : "find free bits ") + text;
  if (there.lent > 0) text += fmt::format("; {} there would have to move", plural(there.lent, "lent page"));
  if (there.staying > 0)
    text += fmt::format(", and at least {} cannot now: {}", plural(there.staying, "page"), there.first_staying);
  figures.push_back({"pages_lent", there.lent});
  answer_.add(About::would, std::move(text), std::move(figures));
}

// Says whether it would fit with a smaller alignment: of this request alone, and if there is none, of all so far.
void NoWindow::add_alignments() {
  Search other = search_;
  unsigned align = search_.align();
  std::optional<std::uint64_t> bit;
  while (align > 0 && !bit) {
    other.set_align(--align);
    bit = other.window();
  }
  if (bit) {
    std::string text = fmt::format("at align {} or less, at bit {}", align, *bit);
    // The DMA layer asks for the alignment of the size, or that of the configuration if it is smaller.
    const bool by_size = search_.align() <= static_cast<unsigned>(std::bit_width(request_.pages - 1));
    if (align > 1 && by_size) text += fmt::format(" (CONFIG_CMA_ALIGNMENT={} limits the DMA layer to that)", align);
    add_room(std::move(text), area_.base + pages_of(*bit), request_.pages,
             {{"align", std::uint64_t{align}}, {"bit", *bit}, {"fits", std::uint64_t{1}}});
    return;
  }
  if (search_.align() == 0) return;
  const std::optional<unsigned> for_all = alignment_for_all(world_, request_.area, answer_.op);
  answer_.add(About::would,
              fmt::format("not fit at any smaller alignment alone, among the buffers held now{}",
                          for_all == 0U ? "; nor if all requests were made with a smaller CONFIG_CMA_ALIGNMENT" : ""),
              {{"align", std::uint64_t{0}}, {"fits", std::uint64_t{0}}});
  if (for_all.value_or(0) > 0)
    answer_.add(About::would,
                fmt::format("fit, and so would all requests before it, if they were made with CONFIG_CMA_ALIGNMENT={}",
                            *for_all),
                {{"cma_alignment", std::uint64_t{*for_all}}});
}

void NoWindow::add_remedies() {
  add_alignments();
  if (area_.order_per_bit != 0) add_smaller_bits();
  const std::uint64_t pages = pages_of(longest());
  if (pages == 0 && request_.pages > 1)
    answer_.add(About::would, fmt::format("not fit with fewer pages at align {}", search_.align()), {{"pages", pages}});
  else if (pages > 0)
    add_room(fmt::format("with {} at most", plural(pages, "page")), area_.base + pages_of(runs_.front().aligned), pages,
             {{"pages", pages}});
  add_larger_area();
}

// Adds how large an area must be that begins at the same page.
void NoWindow::add_larger_area() {
  const std::optional<LargerArea> larger = search_.larger();
  if (!larger) return answer_.add(About::would, "fit in a larger area: `cmacheck fit` prints how large it must be");
  add_larger(world_, area_, *larger, answer_);
}

// Explains a request that ended before its search; returns whether it did.
bool never_searched(const World& world, const AreaRequest& request, const std::vector<PfnRange>& declared,
                    Answer& answer) {
  const Machine& machine = world.machine();
  const Area& area = machine.areas.area(request.area);
  if (!area.active() || area.pages == 0) {
    answer.brief = fmt::format("never searched: area {} is not active", area.name);
    explain_inactive_area(machine, request.area, declared, answer);
    return true;
  }
  const std::uint64_t bits = bitmap_pages_to_bits(request.pages, area.order_per_bit);
  if (request.pages == 0) {
    answer.brief = "never searched: 0 pages are asked for";
    return true;
  }
  if (request.pages <= area.pages && bits <= area.bitmap.size()) return false;
  // Rounding up wraps round for counts close to 2^64.
  const std::string in_bits = bits == 0 ? std::string() : fmt::format(" ({})", plural(bits, "bit"));
  answer.brief = fmt::format("never searched: {} pages{} are more than area {} has, {} pages ({} bits)", request.pages,
                             in_bits, area.name, area.pages, area.bitmap.size());
  const Search search(machine, request);
  const std::uint64_t most = search.most_pages();
  answer.add(About::would, fmt::format("fit with {} at most, if the whole area were free", plural(most, "page")),
             {{"pages", most}});
  if (const std::optional<LargerArea> larger = search.larger()) add_larger(world, area, *larger, answer);
  return true;
}

// The windows that a request tried.
struct Tried {
  std::uint64_t windows = 0;  // each counts once
  std::uint64_t sweeps = 0;   // over the area: each begins at its first bit
};

Tried tried_of(const std::vector<FailedWindow>& windows) {
  std::set<Pfn> starts;
  std::uint64_t sweeps = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    starts.insert(windows[i].range.start);
    if (i == 0 || windows[i].range.start <= windows[i - 1].range.start) ++sweeps;
  }
  return {starts.size(), sweeps};
}

// Returns "2 windows were tried", and in how many sweeps if there were several.
std::string tried_text(const Tried& tried) {
  return fmt::format("{} {} tried{}", plural(tried.windows, "window"), tried.windows == 1 ? "was" : "were",
                     tried.sweeps == 1 ? "" : fmt::format(" in {} sweeps over the area", tried.sweeps));
}

// Returns the short answer where each window had pages in the way. `places`: the windows of the area without buffers;
// `hidden`: nullptr if no operation under way had bits of another window.
std::string all_busy_text(const Answer& answer, const Tried& tried, std::uint64_t places, std::uint64_t pages,
                          const HiddenWindow* hidden) {
  const bool one_each = std::ranges::all_of(answer.windows, [](const FailedWindow& window) {
    return window.pages.size() == 1 && window.pages[0].pages == 1 && !window.pages[0].pageblock;
  });
  const std::string_view what = one_each ? "a page" : "pages";
  const std::string marked = hidden == nullptr ? "" : fmt::format("; others were marked by {}", hidden->names);
  if (answer.windows.size() == 1)
    return fmt::format("the only window that was free for {} had {} in the way{}", plural(pages, "page"), what, marked);
  if (tried.windows == places && places > 1)
    return fmt::format("all {} windows of the area were tried{}; each had {} in the way", places,
                       tried.sweeps == 1 ? "" : fmt::format(", in {} sweeps", tried.sweeps), what);
  return fmt::format("{} for {}; {} had {} in the way, and no other was free{}", tried_text(tried),
                     plural(pages, "page"), tried.windows == 1 ? "it" : "each", what, marked);
}

// Returns whether every page of the range could move if the slots of buffer heads were empty.
bool moves_without_slots(const World& world, const PfnRange& range) {
  const Machine& machine = world.machine();
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    if (machine.map.page(machine.map.compound_head(pfn)).ref == 0) continue;
    const PageFacts facts(world, pfn, /*ours=*/false);
    if (facts.stays() || (!facts.holders().empty() && !facts.in_slots_only())) return false;
  }
  return true;
}

// Adds that the request would pass if the slots of buffer heads were emptied, where a window lacked nothing else.
void add_slot_remedy(const World& world, Answer& answer) {
  for (const FailedWindow& window : answer.windows) {
    const bool slots_only = !window.pages.empty() && std::ranges::all_of(window.pages, &StoppedPage::in_slots_only);
    if (window.error != -kEBUSY || !slots_only || !moves_without_slots(world, window.range)) continue;
    answer.add(About::would,
               fmt::format("pass once the slots of buffer heads are empty, with window [{:x}, {:x}) at the latest "
                           "(invalidate_bh_lrus, here `bh_invalidate`)",
                           window.range.start, window.range.end),
               {{"remedy", std::string("bh_invalidate")}, {"start", window.range.start}, {"end", window.range.end}});
    return;
  }
}

// Writes the short answer to a request that tried windows. `places`: the windows of the area without buffers;
// `hidden`: nullptr if no operation under way had bits of another window.
void windows_failed(const AreaRequest& request, std::uint64_t places, const HiddenWindow* hidden, Answer& answer) {
  const Tried tried = tried_of(answer.windows);
  const FailedWindow& last = answer.windows.back();
  if (answer.sweep_error == -kEINTR)
    answer.brief = fmt::format("a fatal signal ended it; {}", tried_text(tried));
  else if (answer.sweep_error == -kENOMEM && last.error == -kENOMEM)
    answer.brief =
        fmt::format("{}; in the last one pages were in the way, and there was no page to move to", tried_text(tried));
  else if (answer.sweep_error == -kENOMEM)
    answer.brief = fmt::format("{} before; the last sweep over the area found none to try", tried_text(tried));
  else if (last.pages.empty())
    answer.brief = fmt::format("{} for {}, and none could be had", tried_text(tried), plural(request.pages, "page"));
  else
    answer.brief = all_busy_text(answer, tried, places, request.pages, hidden);
}

}  // namespace

AreaCount count_range(const World& world, const PfnRange& range) {
  const MemoryMap& map = world.machine().map;
  AreaCount count;
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    if (!map.present(pfn)) continue;
    const Pfn block = world.machine().buddy.free_lists().covering_block(pfn);
    if (block != kNoPfn) {
      const Pfn end = std::min(range.end, block + order_pages(map.page(block).order));
      count.pages += end - pfn;
      pfn = end - 1;
      continue;
    }
    const PageFacts facts(world, pfn, /*ours=*/false);
    const Page& head = map.page(map.compound_head(pfn));
    const bool stays = facts.stays();
    // A free page of the hugetlb pool is not the allocator's.
    if (head.ref == 0 && !head.has(kPageHugetlb) && !stays) {
      ++count.pages;
      continue;
    }
    ++count.lent;
    if (head.owner != 0 && is_cached(world.machine().owners.owner(head.owner).kind)) ++count.cached;
    if (stays && count.staying++ == 0) count.first_staying = fmt::format("{:#x}, {}", pfn, facts.what());
  }
  return count;
}

AreaCount count_area(const World& world, AreaId id) {
  const Area& area = world.machine().areas.area(id);
  AreaCount sum;
  const std::uint64_t end = area.bitmap.size();
  for (std::uint64_t bit = area.bitmap.next_zero(0, end); bit < end;) {
    const std::uint64_t stop = area.bitmap.next_set(bit, end);
    const AreaCount run =
        count_range(world, {area.base + (bit << area.order_per_bit), area.base + (stop << area.order_per_bit)});
    ++sum.runs;
    sum.bits += stop - bit;
    sum.pages += run.pages;
    sum.lent += run.lent;
    sum.cached += run.cached;
    if (sum.staying == 0) sum.first_staying = run.first_staying;
    sum.staying += run.staying;
    bit = area.bitmap.next_zero(stop, end);
  }
  return sum;
}

void explain_area_request(const AreaSight& sight, const AreaRequest& request, const AreaCount* before, Answer& answer) {
  const Machine& machine = sight.world.machine();
  answer.subject = "area " + machine.areas.area(request.area).name;
  if (never_searched(sight.world, request, sight.declared, answer)) return;
  NoWindow found(sight, request, answer);
  const bool searched =
      answer.windows.empty() || (answer.sweep_error == -kENOMEM && answer.windows.back().error != -kENOMEM);
  std::optional<HiddenWindow> hidden;
  if (!searched && answer.sweep_error == -kEBUSY) hidden = found.hidden_window();
  if (answer.windows.empty())
    found.brief();
  else
    windows_failed(request, found.places(), hidden ? &*hidden : nullptr, answer);
  found.add_wanted();
  // Attempts move pages, so what they found is what was there before them.
  found.add_found(searched || before == nullptr ? found.now() : *before);
  if (hidden) found.add_hidden(*hidden);
  // Where windows were tried, their pages are the answer.
  if (searched) {
    found.add_runs();
    found.add_holders();
  }
  if (answer.windows.empty()) found.add_remedies();
  add_slot_remedy(sight.world, answer);
  if (before != nullptr) found.add_left(*before);
}

void explain_given(const World& world, const GivenWindows* given, Answer& answer) {
  const Result& result = world.result(answer.op);
  const bool one_range = result.yields == Yields::buffer || result.yields == Yields::block ||
                         result.yields == Yields::range || result.yields == Yields::pin;
  if (!answer.windows.empty())
    answer.brief = fmt::format("after {} that failed", plural(answer.windows.size(), "window"));
  if (one_range && result.pages > 0 && result.pfn != kNoPfn) {
    const std::string frames = frames_text(result.pfn, result.pages);
    answer.brief = frames + (answer.brief.empty() ? "" : ", " + answer.brief);
    std::string text = frames;
    std::vector<Figure> figures = {{"pfn", result.pfn}, {"pages", result.pages}};
    if (result.yields == Yields::buffer) {
      const Area& area = world.machine().areas.area(result.area);
      const std::uint64_t bit = (result.pfn - area.base) >> area.order_per_bit;
      const std::uint64_t bits = bitmap_pages_to_bits(result.pages, area.order_per_bit);
      text += fmt::format(", {} of {}", bits_text(bit, bits), area.bitmap.size());
      figures.push_back({"bit", bit});
      figures.push_back({"bits", bits});
    }
    answer.add(About::window, std::move(text), std::move(figures));
  }
  if (given == nullptr) return;
  for (const MadeRoom& room : given->made_room) {
    const std::string what = room.pages == 1 ? frames_text(room.from, 1) : plural(room.pages, "page");
    const std::string_view how = room.moved    ? "moved away"
                                 : room.cached ? "dropped from its cache"
                                               : "dropped, or freed meanwhile";
    std::string text = fmt::format("{} of {}: {}", what, room.name, how);
    if (room.pages > 1) text += fmt::format(", the first from {:#x}", room.from);
    std::vector<Figure> figures = {{"name", room.name}, {"pages", room.pages}, {"from", room.from}};
    if (room.moved) {
      text += fmt::format(" to {:#x}", room.to);
      figures.push_back({"to", room.to});
    }
    answer.add(About::moved, std::move(text), std::move(figures));
  }
  if (given->made_room.empty()) answer.add(About::moved, "nothing: its pages were free");
}

}  // namespace cma
