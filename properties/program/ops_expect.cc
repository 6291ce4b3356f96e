#include "properties/program/ops_expect.h"

#include <fmt/format.h>

#include "allocator/areas/area_files.h"
#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// Throws: the expectation is not met, and this was found.
[[noreturn]] void unmet(const std::string& found) { throw ExpectationUnmet(found); }

bool holds(Compare compare, std::uint64_t a, std::uint64_t b) {
  switch (compare) {
    case Compare::eq: return a == b;
    case Compare::ne: return a != b;
    case Compare::lt: return a < b;
    case Compare::le: return a <= b;
    case Compare::gt: return a > b;
    case Compare::ge: return a >= b;
  }
  return false;
}

StateWord state_of(const Result& result) {
  switch (result.state) {
    case Result::State::inside: return StateWord::inside;
    case Result::State::skipped: return StateWord::skipped;
    case Result::State::failed: return StateWord::failed;
    case Result::State::not_performed:
    case Result::State::done: return result.gone ? StateWord::gone : StateWord::ok;
  }
  return StateWord::ok;
}

std::string_view word_of(StateWord state) { return kStateWords[static_cast<std::size_t>(state)]; }

// Returns the result that an expectation is about; unmet if its operation has not been performed.
const Result& result_of(World& world, OpRef operand) {
  const Result* result = world.find(operand);
  if (result == nullptr) unmet("it has not been performed");
  return *result;
}

}  // namespace

void ExpectState::perform(World& world, Slot) const {
  const Result& found = result_of(world, result);
  const StateWord is = state_of(found);
  // A result that was given back was obtained before.
  if (is == state || (is == StateWord::gone && state == StateWord::ok)) return;
  unmet(fmt::format("it is {}", word_of(is)));
}

void ExpectFigure::perform(World& world, Slot) const {
  const Result& found = result_of(world, result);
  std::uint64_t wanted = value.offset;
  if (value.kind != Place::Kind::pfn) {
    const std::optional<Pfn> pfn = world.resolve(value);
    if (!pfn) unmet("there is no such page");
    wanted = *pfn;
  }
  if (figure == FigureWord::pages) {
    if (!holds(compare, found.pages, wanted)) unmet(fmt::format("pages is {}", found.pages));
    return;
  }
  Pfn is = found.pfn;
  if (found.yields == Yields::pages)
    is = world.resolve(Place::of_result(result, 0)).value_or(kNoPfn);
  else if (found.yields == Yields::area)
    is = world.machine().areas.area(found.area).base;
  if (is == kNoPfn) unmet(fmt::format("it has no pfn: it is {}", word_of(state_of(found))));
  if (!holds(compare, is, wanted)) unmet(fmt::format("pfn is {:#x}", is));
}

void ExpectError::perform(World& world, Slot) const {
  const Result& found = result_of(world, result);
  if (found.state == Result::State::skipped || found.state == Result::State::inside)
    unmet(fmt::format("it is {}", word_of(state_of(found))));
  const int wanted = errno_from_name(kErrorWords[static_cast<std::size_t>(error)]);
  // Errors are negative, and compare as numbers.
  const auto biased = [](int number) { return static_cast<std::uint64_t>(std::int64_t{number} + 4096); };
  if (!holds(compare, biased(found.error), biased(wanted)))
    unmet(fmt::format("the error is {}", errno_name(found.error)));
}

void ExpectCounter::perform(World& world, Slot) const {
  const Machine& machine = world.machine();
  std::int64_t free_pages = 0;
  std::int64_t free_cma = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    free_pages += machine.buddy.zone(z).nr_free_pages;
    free_cma += machine.buddy.zone(z).nr_free_cma;
  }
  std::uint64_t is = 0;
  switch (counter) {
    case CounterWord::free_cma: is = static_cast<std::uint64_t>(free_cma); break;
    case CounterWord::free_pages: is = static_cast<std::uint64_t>(free_pages); break;
    case CounterWord::skipped: is = world.skipped; break;
    case CounterWord::time: is = machine.engine.now(); break;
  }
  if (!holds(compare, is, value)) unmet(fmt::format("it is {}", is));
}

namespace {

std::uint64_t figure_of(const Zone& zone, ZoneWord figure) {
  switch (figure) {
    case ZoneWord::free: return static_cast<std::uint64_t>(zone.nr_free_pages);
    case ZoneWord::boost: return zone.watermark_boost;
    case ZoneWord::min: return Watermarks::watermark(zone, Watermark::min);
    case ZoneWord::low: return Watermarks::watermark(zone, Watermark::low);
    case ZoneWord::high: return Watermarks::watermark(zone, Watermark::high);
    case ZoneWord::spanned: return zone.range.pages();
    case ZoneWord::present: return zone.present;
    case ZoneWord::managed: return zone.managed;
    case ZoneWord::cma: return zone.cma;
    case ZoneWord::free_cma: return static_cast<std::uint64_t>(zone.nr_free_cma);
    case ZoneWord::reserved_highatomic: return zone.nr_reserved_highatomic;
  }
  return 0;
}

}  // namespace

void ExpectZone::perform(World& world, Slot) const {
  const Buddy& buddy = world.machine().buddy;
  std::size_t z = 0;
  while (z < buddy.zones() && buddy.zone_name(z) != zone) ++z;
  if (z == buddy.zones()) unmet(fmt::format("there is no zone {}", zone));
  const std::uint64_t is = figure_of(buddy.zone(z), figure);
  if (!holds(compare, is, value)) unmet(fmt::format("it is {}", is));
}

template <LineSource Source>
void ExpectLine<Source>::perform(World& world, Slot) const {
  const Trace& trace = world.machine().trace;
  std::optional<PrintedPointer> pointer;
  std::size_t& cursor = Source == LineSource::log ? world.log_cursor : world.trace_cursor;
  std::uint64_t found = 0;
  for (std::size_t i = next ? cursor : 0; i < trace.records().size(); ++i) {
    const Record& record = trace.records()[i];
    if (is_log(record.event) != (Source == LineSource::log)) continue;
    const std::string line = trace.format(record, &pointer);
    if (!world.pointers.line_contains(line, pointer, text)) continue;
    ++found;
    if (next && !never && times == kAnyTimes) {
      cursor = i + 1;
      break;
    }
  }
  const bool met = never ? found == 0 : times == kAnyTimes ? found > 0 : found == times;
  if (!met) unmet(found == 0 ? "there is no such line" : fmt::format("there are {} such lines", found));
}

template struct ExpectLine<LineSource::log>;
template struct ExpectLine<LineSource::trace>;

namespace {

// Returns the text without the blanks at its ends.
std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

void ExpectCat::perform(World& world, Slot) const {
  const auto content = world.read_file(path);
  if (!content) unmet("there is no such file");
  const std::string_view all = *content;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    if (trimmed(all.substr(at, end - at)) == trimmed(line)) return;
    at = end + 1;
  }
  unmet(fmt::format("the file reads \"{}\"", trimmed(all.substr(0, all.find_last_not_of('\n') + 1))));
}

namespace {

// The block of the page allocator that covers a frame.
struct Covering {
  std::uint32_t flag = 0;  // kPageBuddy, kPagePcp, or 0 for none
  unsigned order = 0;
};

Covering covering_block(const Machine& machine, Pfn pfn) {
  for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order) {
    const Pfn head = align_order(pfn, order);
    if (!machine.map.present(head)) continue;
    const Page& page = machine.map.page(head);
    if (page.order < order) continue;
    if (page.has(kPageBuddy)) return {kPageBuddy, page.order};
    if (page.has(kPagePcp)) return {kPagePcp, page.order};
  }
  return {};
}

PageStateWord page_state(const Machine& machine, Pfn pfn, const Covering& block) {
  if (!machine.map.present(pfn)) return PageStateWord::hole;
  if (block.flag == kPageBuddy) return PageStateWord::buddy;
  return block.flag == kPagePcp ? PageStateWord::pcp : PageStateWord::used;
}

bool state_fits(PageStateWord wanted, PageStateWord is) {
  if (wanted == PageStateWord::any || wanted == is) return true;
  return wanted == PageStateWord::free && (is == PageStateWord::buddy || is == PageStateWord::pcp);
}

// Returns whether the page's owner is one of those that the result stands for.
bool owned_by(World& world, const Page& page, OpRef owner) {
  const Result& result = result_of(world, owner);
  if (result.yields != Yields::pages || page.owner == 0) return false;
  for (std::uint64_t i = 0; i < result.pages; ++i)
    if (world.owner_of[result.first_owner + i] == page.owner) return true;
  return false;
}

}  // namespace

void ExpectPage::perform(World& world, Slot) const {
  const Machine& machine = world.machine();
  const std::optional<Pfn> found = world.resolve(page);
  if (!found) {
    if (state != PageStateWord::hole) unmet("there is no such page");
    return;
  }
  const Page& is = machine.map.page(*found);
  const Covering block = covering_block(machine, *found);
  const PageStateWord state_is = page_state(machine, *found, block);
  if (!state_fits(state, state_is))
    unmet(fmt::format("page {:#x} is {}", *found, kPageStateWords[static_cast<std::size_t>(state_is)]));
  const unsigned order_is = block.flag != 0 ? block.order : is.order;
  if (order != kAnyNumber && order != order_is) unmet(fmt::format("page {:#x} is of order {}", *found, order_is));
  if (ref != kAnyNumber && ref != static_cast<std::uint64_t>(is.ref))
    unmet(fmt::format("page {:#x} has {} references", *found, is.ref));
  // The words are in the order of the migratetypes, after "any".
  const auto type_is = index_of(machine.map.pageblock_type(*found)) + 1;
  static_assert(static_cast<unsigned>(BlockTypeWord::isolate) == index_of(Migratetype::isolate) + 1);
  const auto wanted = static_cast<unsigned>(type);
  if (type != BlockTypeWord::any && wanted != type_is)
    unmet(fmt::format("the pageblock of page {:#x} is {}", *found, kBlockTypeWords[type_is]));
  if (owner.id != 0 && !owned_by(world, is, owner)) unmet(fmt::format("page {:#x} has another owner", *found));
}

// The interpreter checks it when the run has ended.
void ExpectFinding::perform(World&, Slot) const {}

}  // namespace cma
