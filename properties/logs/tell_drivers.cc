// Explains lines of drivers that did not get their memory: a region of the device tree, a buffer, bounce buffers.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "properties/logs/boot_story.h"

namespace cma::logs {
namespace {

// Between the line about bounce buffers and that of the allocation which needed them.
constexpr std::uint64_t kLinesToAllocation = 3;
// The base of an area is a multiple of it, since 5.19 of a pageblock.
constexpr std::uint64_t kLargestUnit = 4 * kBytesOfMib;
constexpr std::uint64_t kSmallestUnit = 2 * kBytesOfMib;
// No buffer is larger: a damaged line.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 48;

// Returns the line that says why a region is no area, before this one; nullptr if the log has none.
const Fact* reason_of_region(const Fact& fact, const std::vector<Fact>& facts) {
  const auto found = std::ranges::find_if(facts, [&](const Fact& other) {
    const bool is_reason = other.says() == Says::node_unaligned || other.says() == Says::node_refused;
    return is_reason && other.line < fact.line;
  });
  return found == facts.end() ? nullptr : &*found;
}

// Tells of all drivers with the same error at once; nothing of those after the first.
BootStory story_of_region(const Fact& fact, const std::vector<Fact>& facts) {
  BootStory story;
  for (const Fact& other : facts)
    if (other.says() == fact.says() && other.number("ret") == fact.number("ret")) story.lines.push_back(other.line);
  if (story.lines.front() != fact.line) return {};
  const bool one = story.lines.size() == 1;
  const std::string drivers = one ? "A driver" : fmt::format("{} drivers", story.lines.size());
  const auto error = static_cast<std::int64_t>(fact.number("ret"));
  story.follows_other = reason_of_region(fact, facts) != nullptr;
  if (story.follows_other) {
    story.what = fmt::format("{} then failed with {}.", drivers, error);
    return story;
  }
  story.what = fmt::format("{} did not get {} ({}).", drivers, one ? "its region" : "their regions", error);
  story.rule = "the node of its memory-region is no area: look for its line at boot";
  if (!one) story.rule = "the nodes of their memory-region are no areas: look for their lines at boot";
  story.certainty = Certainty::fits;
  return story;
}

BootStory story_of_buffer(const Fact& fact, const Context& context) {
  BootStory story;
  story.what = fmt::format("A driver did not get a buffer of {} bytes.", fact.number("bytes"));
  story.certainty = Certainty::fits;
  const bool switched_off = context.parameter && context.parameter->text == "cma=0";
  if (switched_off || context.no_areas_line != 0) {
    story.rule =
        std::string("there is no default area") + (switched_off ? ", as the command line has cma=0" : "") +
        ": the buffer had to be one block of the page allocator, which has none so large when memory is in pieces";
    story.instead = "An area for such buffers: cma=SIZE, or a region of the device tree.";
  } else {
    story.rule = "no line about an area stands beside it: not enough to tell whether it asked one";
  }
  return story;
}

// Returns whether a line about bounce buffers is of an allocation, not of a transfer.
bool is_allocation(const Fact& fact, const std::vector<Fact>& facts) {
  return std::ranges::any_of(facts, [&](const Fact& other) {
    return other.says() == Says::bounce_full && other.form->pattern.find("coherent") != std::string_view::npos &&
           other.number("bytes") == fact.number("bytes") && other.line >= fact.line &&
           other.line - fact.line <= kLinesToAllocation;
  });
}

// Returns where buffers of this size lie: each place once, as a driver may have been loaded again.
std::set<std::uint64_t> earlier_places(const Fact& fact, const Context& context) {
  std::set<std::uint64_t> places;
  for (const KnownBuffer& buffer : context.buffers)
    if (buffer.bytes == fact.number("bytes") && buffer.line < fact.line) places.insert(buffer.base);
  return places;
}

// Returns how much of an area lies behind its last buffer, if that is too little for another one; else nothing.
std::string left_behind(const std::set<std::uint64_t>& places, std::uint64_t bytes, const KnownArea& area) {
  const std::uint64_t end = area.base + area.mib * kBytesOfMib;
  std::uint64_t left = end - area.base;
  for (const std::uint64_t place : places)
    if (place >= area.base && place + bytes <= end) left = end - place - bytes;
  if (left >= bytes) return {};
  return left == 0 ? "; nothing is left behind" : fmt::format("; only {} are left behind", bytes_text(left));
}

// Tells what the places of earlier buffers mean: something was before one that does not begin its area.
void add_earlier(const Fact& fact, const Context& context, const Shown& shown, BootStory& story) {
  const std::uint64_t bytes = fact.number("bytes");
  const std::set<std::uint64_t> places = earlier_places(fact, context);
  if (places.empty() || bytes == 0 || bytes > kMostBytes) return;
  const std::uint64_t count = places.size();
  const auto lowest = std::ranges::find_if(context.buffers, [&](const KnownBuffer& buffer) {
    return buffer.base == *places.begin() && buffer.bytes == bytes;
  });
  const std::uint64_t page = shown.page_kb() * 1024;
  const std::uint64_t unit = context.kernel.all_since(Release::v5_19) ? kSmallestUnit : kLargestUnit;
  const KnownArea* area = context.area_with({lowest->base / page, (lowest->base + bytes) / page});
  const std::uint64_t before = area != nullptr ? lowest->base - area->base : lowest->base % unit;
  if (before < page) return;
  std::string text = fmt::format("{} of {} lies at {}, {}", count == 1 ? "a buffer" : "the lowest buffer",
                                 bytes_text(bytes), shown.address(lowest->base), bytes_text(before));
  text += area != nullptr ? std::string(" from the begin of its area: ")
                          : fmt::format(" above a multiple of {}: if the area begins there, ", bytes_text(unit));
  story.details.push_back({Certainty::fits, story.rule, {fact.line}});
  story.rule_lines = {lowest->line, lowest->size_line, fact.line, area != nullptr ? area->line : 0};
  // Room for another before it may be free by now.
  if (before >= bytes) {
    story.rule = text + "something was before it then, or it would lie lower";
    if (area != nullptr) story.rule += left_behind(places, bytes, *area);
    return;
  }
  const std::uint64_t need = before + (count + 1) * bytes;
  const std::uint64_t has = area != nullptr ? area->mib * kBytesOfMib : (count + 1) * bytes;
  text += fmt::format("something had pages of the first {} before it", before / page);
  if (need > has)
    text +=
        fmt::format("; with those, {} buffers of {} do not fit into {}", count + 1, bytes_text(bytes), bytes_text(has));
  story.rule = text;
  if (need > has)
    story.instead = fmt::format("An area of {} or more, or a region of its own for each large buffer.",
                                bytes_text(align_up(need, unit)));
}

BootStory story_of_bounce(const Fact& fact, const std::vector<Fact>& facts, const Context& context,
                          const Shown& shown) {
  const std::string size = bytes_text(fact.number("bytes"));
  BootStory story;
  story.certainty = Certainty::fits;
  if (!is_allocation(fact, facts)) {
    story.what = fmt::format("Bounce buffers had no room for {}.", size);
    story.rule =
        "what a device does not reach is copied into them (swiotlb) for a transfer; too many were in use, or it is "
        "larger than they can be. Areas are not asked for that";
    story.instead = "A larger swiotlb=, or less at a time.";
    return story;
  }
  story.what = fmt::format("A driver did not get a buffer of {}.", size);
  story.rule = fmt::format(
      "before it asks for bounce buffers, the DMA layer asks an area for {} pages, silently: the area has no room for "
      "them at a multiple of 256 pages, or a page was in the way",
      fact.number("bytes") / (shown.page_kb() * 1024));
  story.instead = "A larger area, or a region of its own for each large buffer.";
  add_earlier(fact, context, shown, story);
  return story;
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  if (bytes % kBytesOfMib == 0) return fmt::format("{} MiB", bytes / kBytesOfMib);
  return bytes % 1024 == 0 && bytes < kBytesOfMib ? fmt::format("{} KiB", bytes / 1024)
                                                  : fmt::format("{:#x} bytes", bytes);
}

BootStory driver_story(const Fact& fact, const std::vector<Fact>& facts, const Context& context, const Shown& shown) {
  BootStory story;
  if (fact.says() == Says::region_unusable) story = story_of_region(fact, facts);
  if (fact.says() == Says::bounce_full) story = story_of_bounce(fact, facts, context, shown);
  if (fact.says() == Says::driver_failed) story = story_of_buffer(fact, context);
  story.of_driver = true;
  return story;
}

}  // namespace cma::logs
