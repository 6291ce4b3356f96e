#include "properties/logs/tell_boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "properties/logs/boot_story.h"

namespace cma::logs {
namespace {

constexpr std::size_t kMostBootFacts = 64;
constexpr std::size_t kMostOverlaps = 4;
constexpr std::uint64_t kMostKib = std::uint64_t{1} << 40;
// Between the reason of a failure and the line that says so.
constexpr std::uint64_t kLinesToFailure = 3;

// Returns the unit of base and size of an area, as the versions have it: the largest block up to 5.18, a pageblock from
// then on. With pages of 16 and 64 KiB, which arm64 has, both are the same.
std::string unit_text(const Context& context) {
  const Kernel& kernel = context.kernel;
  if (context.page_kb() == 16) return "32 MiB (with pages of 16 KiB)";
  if (context.page_kb() == 64) return "512 MiB (with pages of 64 KiB)";
  const std::string larger = ", and more with pages of 16 or 64 KiB";
  if (kernel.all_before(Release::v5_19)) return "4 MiB" + (context.page_shift_line != 0 ? "" : larger);
  const std::string pageblock =
      "2 MiB on arm64 and x86 with huge pages, 4 MiB on 32-bit ARM without LPAE and in kernels without HUGETLB";
  if (kernel.all_since(Release::v5_19)) return "a pageblock (" + pageblock + larger + ")";
  return "4 MiB up to 5.18, and of a pageblock from then on (" + pageblock + larger + ")";
}

// Returns the line right after this one that says of which size the area is; nullptr if there is none.
const Fact* failure_after(const std::vector<Fact>& facts, const Fact& reason) {
  const auto found = std::ranges::find_if(facts, [&](const Fact& fact) {
    return fact.says() == Says::area_failed && fact.line >= reason.line && fact.line - reason.line <= kLinesToFailure &&
           fact.number("mib") < kBytesOfMib;
  });
  return found == facts.end() ? nullptr : &*found;
}

// Returns the line which shows that memory ends at this address, so that there is no high memory; 0 if none does.
std::uint64_t line_of_end(std::uint64_t address, const Context& context) {
  if (context.node_pages != 0 && context.node_pages * context.page_kb() * 1024 == address)
    return context.node_pages_line;
  return context.memory_kib != 0 && context.memory_kib < kMostKib && context.memory_kib * 1024 == address
             ? context.memory_line
             : 0;
}

// Tells of an area at a fixed place on both sides of a boundary, which without high memory is the end of memory.
BootStory story_of_boundary(const Fact& fact, const std::vector<Fact>& facts, const Context& context,
                            const Shown& shown) {
  const std::uint64_t base = fact.number("base");
  const std::uint64_t boundary = fact.number("boundary");
  const Fact* failure = failure_after(facts, fact);
  const std::uint64_t end = failure == nullptr ? 0 : base + failure->number("mib") * kBytesOfMib;
  const std::uint64_t end_line = line_of_end(boundary, context);
  BootStory story;
  story.what_certainty = Certainty::follows;
  story.lines = {fact.line, failure == nullptr ? 0 : failure->line, end_line};
  story.what = "An area was not declared: it ";
  story.what += end > boundary ? fmt::format("ends at {}, {} beyond ", shown.address(end), bytes_text(end - boundary))
                               : fmt::format("begins at {} and ends beyond ", shown.address(base));
  story.what += end_line != 0 ? fmt::format("the end of memory, {}.", shown.address(boundary))
                              : fmt::format("{}, where low memory ends.", shown.address(boundary));
  story.rule = end_line != 0 ? "the kernel's line calls that the low/high memory boundary, which is the end of memory "
                               "where there is no high memory"
                             : "an area at a fixed place lies in low or in high memory (where there is no high memory, "
                               "the boundary is the end of memory)";
  if (boundary > base)
    story.instead = fmt::format("From {} on {} fit; or give no place (cma=SIZE without @BASE).", shown.address(base),
                                bytes_text(boundary - base));
  return story;
}

BootStory story_of_unaligned(const Fact& fact, const Shown& shown) {
  const std::uint64_t base = fact.number("base");
  const std::uint64_t unit = fact.number("alignment");
  BootStory story{"An area was not declared: its base is not aligned.", {}, {}, Certainty::follows, true};
  if (!is_power_of_two(unit)) return story;
  story.rule = fmt::format("the base {} must be a multiple of {}: it is {:#x} beyond one", shown.address(base),
                           bytes_text(unit), base % unit);
  story.instead = fmt::format("{} or {} is a base that fits.", shown.address(align_down(base, unit)),
                              shown.address(align_up(base, unit)));
  return story;
}

BootStory story_of_limit(const Fact& fact, const Shown& shown) {
  const std::uint64_t base = fact.number("base");
  const std::uint64_t size = fact.number("size");
  const std::uint64_t limit = fact.number("limit");
  BootStory story{"An area was not declared: it ends beyond its limit.", {}, {}, Certainty::follows, true};
  story.rule = fmt::format("{} + {:#x} = {} is beyond the limit {}, which is the caller's or the end of memory",
                           shown.address(base), size, shown.address(base + size), shown.address(limit));
  if (limit > base) story.instead = fmt::format("At that place {} fit.", bytes_text(limit - base));
  return story;
}

// Returns what is to be said of an area that lies in two zones.
BootStory story_of_border(const KnownArea& area, const ZoneBorder& border, const Shown& shown) {
  const std::uint64_t end = border.lower->end;
  BootStory story;
  story.what = "An area was declared that cannot be activated, so it cannot be used.";
  story.what_certainty = Certainty::follows;
  story.lines = {area.line, border.upper->line};
  story.rule_lines = {area.line, border.lower->line, border.upper->line};
  story.rule = fmt::format(
      "all pages of an area must lie in one zone; {} has those before {} in zone {}, the others in "
      "zone {}",
      shown.window(area.range), shown.address(end), border.lower->name, border.upper->name);
  story.instead =
      fmt::format("From {} on {} fit; or another place.", shown.address(area.base), bytes_text(end - area.base));
  return story;
}

// Returns the only known area that lies in two zones; nullptr if none does, or several do.
const KnownArea* area_across_border(const Context& context) {
  const KnownArea* found = nullptr;
  for (const KnownArea& area : context.areas) {
    if (!context.border_in(area)) continue;
    if (found != nullptr) return nullptr;
    found = &area;
  }
  return found;
}

BootStory story_of_inactive(const Fact& fact, const std::vector<Fact>& facts, const Context& context,
                            const Shown& shown) {
  BootStory story;
  const KnownArea* area = area_across_border(context);
  if (area != nullptr) {
    story = story_of_border(*area, *context.border_in(*area), shown);
    story.rule_lines.push_back(fact.line);
  } else {
    story.rule = "all pages of an area must lie in one zone; the area" +
                 (shown.redacted() ? std::string() : " " + fact.text("area")) +
                 " reaches into another (or memory for its bitmap was missing)";
    story.instead = "Put the area into one zone: a smaller one, or another place.";
  }
  story.what = "An area was declared and cannot be used: activation failed.";
  story.what_certainty = Certainty::seen;
  story.lines = {fact.line};
  if (context.kernel.all_since(Release::v5_9)) return story;
  story.rule += ". Up to 5.8 areas declared after it are not activated either";
  story.rule += ", and a request for one of them dereferences a NULL pointer";
  const auto null = std::ranges::find_if(
      facts, [&](const Fact& other) { return other.says() == Says::null_pointer && other.line > fact.line; });
  if (null != facts.end())
    story.details.push_back({Certainty::fits,
                             "a NULL pointer was dereferenced after it, as by a request for an area declared later",
                             {fact.line, null->line}});
  return story;
}

BootStory story_of_failed(const Fact& fact, const Context& context, const Shown& shown) {
  BootStory story{
      fmt::format("An area of {} MiB was not declared.", fact.number("mib")), {}, {}, Certainty::fits, true};
  story.rule =
      "no line gives another reason: then no free range of this size lies where the area may lie, or the fixed "
      "place was taken";
  if (context.memory_kib != 0 && context.memory_kib < kMostKib)
    story.rule += fmt::format("; the machine has {} MiB", context.memory_kib / 1024);
  if (context.parameter && !shown.redacted())
    story.rule += ", and the command line asks for " + context.parameter->text;
  story.instead =
      "A smaller area. `cmacheck boot` shows, from the board's device tree, what is reserved where and what fits.";
  return story;
}

// Returns what is to be said of a region of the device tree that is not there.
BootStory story_of_node(const Fact& fact, const Shown& shown) {
  const std::string node = shown.redacted() ? std::string() : " (" + fact.text("node") + ")";
  const std::uint64_t mib = fact.number("mib");
  const Says says = fact.says();
  if (says == Says::node_no_memory)
    return {fmt::format("A region of {} MiB of the device tree found no place{}.", mib, node),
            "no free range of this size lies in its alloc-ranges, or below the limit that it has without them",
            "A smaller size, or wider alloc-ranges.", Certainty::fits, true};
  if (says == Says::node_not_reserved)
    return {fmt::format("A region of {} MiB of the device tree could not have its place{}.", mib, node),
            fmt::format("at {} there is no memory, or something else has it", shown.address(fact.number("base"))),
            "Another place. `cmacheck boot` shows what is reserved where.", Certainty::fits, true};
  if (says == Says::nodes_overlap)
    return {shown.redacted() ? std::string("Two regions of the device tree overlap.")
                             : fmt::format("Two regions of the device tree overlap: {} and {}.", fact.text("one"),
                                           fact.text("other")),
            fmt::format("{} to {} and {} to {} have memory in common: both users write to it",
                        shown.address(fact.number("base")), shown.address(fact.number("end")),
                        shown.address(fact.number("from")), shown.address(fact.number("to"))),
            "Another place for one of them.", Certainty::follows, true};
  return {};
}

// Returns what is to be said of pools and gigantic pages that there was no room for.
BootStory story_of_pool(const Fact& fact) {
  const Says says = fact.says();
  if (says == Says::pool_failed)
    return {fmt::format("The kernel did not get its pool of {} KiB for atomic requests.", fact.number("kib")),
            "it is taken from the default area, and if that has no room in one block from a zone",
            "A smaller coherent_pool=, or a larger area; only drivers that ask in atomic context need it.",
            Certainty::fits, true};
  if (says == Says::huge_area_failed)
    return {fmt::format("The area for gigantic pages was not declared ({}).",
                        static_cast<std::int64_t>(fact.number("ret"))),
            "no free range of that size, at a multiple of a gigantic page, lies on the node",
            "A smaller hugetlb_cma=, or one for another node.", Certainty::fits, true};
  if (says == Says::huge_area_small)
    return {"The area for gigantic pages was not declared: it would be too small.",
            fmt::format("hugetlb_cma= must be at least one gigantic page for each node: {} MiB", fact.number("mib")),
            "A larger hugetlb_cma=.", Certainty::follows, true};
  if (says == Says::huge_pages_failed)
    return {fmt::format("Of {} gigantic pages ({} each) the kernel got {}.", fact.number("count"), fact.text("size"),
                        fact.number("got")),
            "each takes a range of its size, at a multiple of it, in which all pages are free or can be moved", "",
            Certainty::follows, true};
  return {};
}

// Returns what is to be said of a node that is no area, or not the default one.
BootStory story_of_refused_node(const Fact& fact, const Context& context) {
  const Says says = fact.says();
  if (says == Says::node_unaligned)
    return {"A region of the device tree is no area: its base or size is not aligned.",
            "base and size must be multiples of " + unit_text(context) +
                "; beside `reg` an alignment property of the node changes nothing",
            "Round base and size up; a power of two is not needed. Until then, drivers of this region use the default "
            "area, or fail."};
  if (says == Says::node_refused)
    return {"A region of the device tree is no area.", "too many areas, or the region is not reserved", "",
            Certainty::fits};
  if (says == Says::node_bypassed)
    return {
        "The device tree's default area was passed over.",
        "cma= on the command line has precedence: the area then lies where the kernel finds room below its limit, not "
        "where the node allows it, which may be beyond what a device reaches: on 64 bits above all, where no end "
        "of low memory keeps it down",
        "Remove cma=, and set the size in the device tree.", Certainty::follows, false};
  return {};
}

// Returns whether a line right before this one has the reason already.
bool has_reason(const Fact& fact, const std::vector<Fact>& facts) {
  if (fact.says() != Says::area_failed && fact.says() != Says::bounce_full) return false;
  return std::ranges::any_of(facts, [&](const Fact& other) {
    const bool before = other.line < fact.line && fact.line - other.line <= kLinesToFailure;
    const bool is_reason = other.says() == Says::region_at_boundary || other.says() == Says::region_unaligned ||
                           other.says() == Says::region_over_limit || other.says() == Says::no_slots ||
                           other.says() == Says::bounce_full;
    return before && is_reason;
  });
}

// Tells which areas of the log overlap: areas of one boot do so only where nodes of the device tree do.
void tell_overlaps(const std::vector<Fact>& facts, const Context& context, const Shown& shown, Section& section) {
  if (std::ranges::find(facts, Says::nodes_overlap, &Fact::says) != facts.end()) return;
  std::size_t told = 0;
  for (std::size_t i = 1; i < context.areas.size(); ++i)
    for (std::size_t j = 0; j < i && told < kMostOverlaps; ++j) {
      const KnownArea& one = context.areas[j];
      const KnownArea& other = context.areas[i];
      if (!one.range.overlaps(other.range)) continue;
      ++told;
      section.add(Certainty::fits,
                  fmt::format("{} and {} overlap, as areas of one boot do not: their lines are of different boots",
                              shown.window(one.range), shown.window(other.range)),
                  {one.line, other.line});
    }
}

// Returns a rule as a sentence. A parameter that it begins with keeps its letter.
std::string sentence_of(std::string rule) {
  if (rule.empty()) return rule;
  const bool is_parameter = rule.substr(0, rule.find(' ')).find('=') != std::string::npos;
  if (!is_parameter && rule[0] >= 'a' && rule[0] <= 'z') rule[0] = static_cast<char>(rule[0] - 'a' + 'A');
  return rule + ".";
}

void tell_story(const BootStory& story, std::uint64_t line, Section& section) {
  const auto lines = [&](const std::vector<std::uint64_t>& own) {
    return own.empty() ? std::vector<std::uint64_t>{line} : own;
  };
  section.add(story.what_certainty, story.what, lines(story.lines));
  if (!story.rule.empty()) section.add(story.certainty, story.rule, lines(story.rule_lines));
  for (const Detail& detail : story.details) section.add(detail.certainty, detail.text, detail.lines);
  if (!story.instead.empty()) section.add(story.certainty, story.instead, {line});
}

// Keeps the story with the most weight as the short answer, and counts the others that failed.
class BootBrief {
 public:
  void add(const BootStory& story) {
    if (story.follows_other) {
      then_.push_back(story.what);
      return;
    }
    failed_ += story.failed ? 1 : 0;
    const std::uint64_t weight = story.failed ? kFailed : kSuspicious;
    if (finding_ && finding_->weight >= weight) return;
    finding_.emplace();
    finding_->weight = weight;
    finding_->what = story.what;
    finding_->blame = sentence_of(story.rule);
    finding_->next = story.instead;
  }

  std::optional<Finding> take() {
    if (!finding_) return std::nullopt;
    finding_->then = then_;
    if (failed_ > 1) finding_->besides.push_back(fmt::format("{} of this sort.", counted(failed_ - 1, "more line")));
    return std::move(finding_);
  }

 private:
  std::optional<Finding> finding_;
  std::vector<std::string> then_;
  std::size_t failed_ = 0;
};

// Tells of areas in two zones, without a line that says that they could not be activated.
void tell_borders(const std::vector<Fact>& facts, const Context& context, const Shown& shown, Section& section,
                  BootBrief& brief) {
  if (std::ranges::find(facts, Says::area_inactive, &Fact::says) != facts.end()) return;
  for (const KnownArea& area : context.areas) {
    const auto border = context.border_in(area);
    if (!border) continue;
    const BootStory story = story_of_border(area, *border, shown);
    tell_story(story, area.line, section);
    brief.add(story);
  }
}

// Returns what is to be said of a line; a story without `what` is nothing. `facts`: all that are kept.
BootStory boot_story(const Fact& fact, const std::vector<Fact>& facts, const Context& context, const Shown& shown) {
  const Says says = fact.says();
  if (says == Says::area_failed) return story_of_failed(fact, context, shown);
  if (says == Says::region_at_boundary) return story_of_boundary(fact, facts, context, shown);
  if (says == Says::region_unaligned) return story_of_unaligned(fact, shown);
  if (says == Says::region_over_limit) return story_of_limit(fact, shown);
  if (says == Says::area_inactive) return story_of_inactive(fact, facts, context, shown);
  if (says == Says::no_slots)
    return {"An area was not declared: there are too many.", "the kernel has room for CONFIG_CMA_AREAS of them",
            "A larger CONFIG_CMA_AREAS."};
  BootStory story = story_of_refused_node(fact, context);
  if (story.what.empty()) story = story_of_node(fact, shown);
  if (story.what.empty()) story = story_of_pool(fact);
  return story.what.empty() ? driver_story(fact, facts, context, shown) : story;
}

}  // namespace

void BootFinder::add(const Fact& fact) {
  constexpr Says kept[] = {
      Says::area_failed,       Says::region_unaligned,  Says::region_at_boundary, Says::region_over_limit,
      Says::node_unaligned,    Says::node_refused,      Says::node_bypassed,      Says::area_inactive,
      Says::no_slots,          Says::region_unusable,   Says::bounce_full,        Says::node_no_memory,
      Says::node_not_reserved, Says::nodes_overlap,     Says::pool_failed,        Says::huge_area_failed,
      Says::huge_area_small,   Says::huge_pages_failed, Says::driver_failed};
  if (facts_.size() < kMostBootFacts && std::ranges::find(kept, fact.says()) != std::end(kept)) facts_.push_back(fact);
  // Of such lines only the first after an area that could not be activated says something.
  const auto has = [&](Says says) { return std::ranges::find(facts_, says, &Fact::says) != facts_.end(); };
  if (fact.says() == Says::null_pointer && has(Says::area_inactive) && !has(Says::null_pointer)) facts_.push_back(fact);
}

std::optional<Finding> tell_boot(const std::vector<Fact>& facts, const Context& context, bool drivers,
                                 const Shown& shown, LogAnswer& answer) {
  Section section{"areas at boot", {}};
  for (const KnownArea& area : context.areas)
    section.add(Certainty::seen,
                fmt::format("an area of {} at {}", shown.pages(area.range.pages()), shown.window(area.range)),
                {area.line});
  if (context.no_areas_line != 0 && context.areas.empty())
    section.add(Certainty::seen, "there is no area", {context.no_areas_line});
  if (context.parameter)
    section.add(Certainty::seen,
                "the command line has " + (shown.redacted() ? std::string("cma=") : context.parameter->text),
                {context.parameter->line});
  tell_overlaps(facts, context, shown, section);
  Section of_drivers{"drivers that did not get their memory", {}};
  BootBrief brief;
  tell_borders(facts, context, shown, section, brief);
  for (const Fact& fact : facts) {
    if (has_reason(fact, facts) || (fact.says() == Says::driver_failed && !drivers)) continue;
    const BootStory story = boot_story(fact, facts, context, shown);
    if (story.what.empty()) continue;
    tell_story(story, fact.line, story.of_driver ? of_drivers : section);
    brief.add(story);
  }
  for (Section* one : {&section, &of_drivers})
    if (!one->statements.empty()) answer.sections.push_back(std::move(*one));
  return brief.take();
}

}  // namespace cma::logs
