#include "properties/logs/brief_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "properties/logs/area_demand.h"
#include "properties/logs/tell_holders.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

constexpr std::uint64_t kUneventful = 1;
// It got its pages, after windows that were busy.
constexpr std::uint64_t kLate = 1000;
// Beyond it a line is damaged.
constexpr unsigned kMostShownAlign = 20;
// What a command of one line may have of requests.
constexpr std::size_t kMostKinds = 24;
// How many sentences there are about other failures of requests for as much.
constexpr std::size_t kMostOthers = 2;

// `count`: the requests of the group, or of several that failed alike.
std::string what_happened(const Group& group, std::uint64_t count, Shown& shown) {
  const Request& request = *group.first;
  std::string text = count == 1 ? "A request" : fmt::format("{} requests", count);
  if (group.reading.pages != 0)
    text += fmt::format(" for {}{}", group.reading.pages_named ? "" : "probably ", shown.pages(group.reading.pages));
  if (!request.area.empty()) text += " of area " + shown.name("area", request.area);
  if (group.outcome == Outcome::failed)
    return text + (request.error ? fmt::format(" failed with {}.", *request.error) : " failed.");
  if (group.outcome == Outcome::succeeded)
    return text + " got its pages" +
           (group.reading.windows != 0
                ? fmt::format(", after {} that {} busy.", counted(group.reading.windows, "window"),
                              group.reading.windows == 1 ? "was" : "were")
                : ".");
  if (group.reading.windows == 0 && request.retry_lines == 0)
    return text + " was made; the log does not tell how it ended.";
  return text + fmt::format(" {1}found {0} busy; the log does not show that {2} failed.",
                            counted(std::max(group.reading.windows, request.retry_lines), "window"),
                            count == 1 ? "" : "each ", count == 1 ? "it" : "one");
}

// Returns how many pages of its area buffers have, by a file; nullopt if the log has no such file.
std::optional<std::uint64_t> used_pages(const Group& group, const Context& context) {
  const AreaFiles* files = files_of_area(group, context);
  return files == nullptr || !files->used ? std::nullopt : std::optional(files->used->value);
}

// Returns what is known of leaks of buffers: free pages tell nothing of them, as those without a buffer are lent.
std::string leak_text(const Group& group, const Context& context) {
  const auto used = used_pages(group, context);
  if (!used && !context.first_free) return "Buffers do not have all of the area.";
  std::string text;
  if (used) {
    const AreaFiles& files = *files_of_area(group, context);
    const std::string all = files.count ? fmt::format(" of the area's {} pages", files.count->value) : " pages";
    text = fmt::format("Buffers have {}{}, at the moment of the file. ", *used, all);
  }
  text += "This does not look like a leak: one of the whole area gives -12, not -16.";
  if (context.first_free) text += " A small CmaFree alone says nothing of it.";
  return used ? text : text + " `used` in debugfs tells what buffers have.";
}

// Returns why not one page could be had: the sweep tries each page that no buffer has.
std::string no_single_page(const Group& group, const Context& context) {
  return leak_text(group, context) +
         " When the request failed no page was free, and every one that was lent, as the page cache's are, was "
         "passed over or could not be moved.";
}

// Returns which pages were in the way of the windows, as a sentence.
std::string pages_in_the_way(const Group& group, const Context& context, const Shown& shown) {
  const Reading& reading = group.reading;
  if (is_single_page(group)) return no_single_page(group, context);
  std::string text = "There was room, but pages in it could not be moved: ";
  const std::string described = described_holder(group, context, shown);
  if (!reading.stopped_at.empty()) return text + fmt::format("the first is {}.", shown.pfn(reading.stopped_at.front()));
  if (!described.empty()) return text + fmt::format("one of them is {}.", described);
  if (reading.windows == 0) {
    const auto places = possible_places(group, context);
    if (!places || !places->common) return text + "which ones, the log does not tell.";
    return text + fmt::format("by the {}, one in {} would explain it.",
                              places->of_runs ? "free runs that are left" : "size of the area",
                              places_text(*places, shown));
  }
  std::string end = reading.windows_loose ? ", if the windows are its own" : "";
  if (reading.windows_loose && group.first->beside_line != 0) end += ": another request was under way meanwhile";
  end += ".";
  if (!reading.suspects.empty())
    return text + (reading.windows == 1 ? "a page in " : "one in ") + shown.windows(reading.suspects) +
           (reading.windows == 1 ? "" : " would explain it") + end;
  if (reading.common) return text + "which ones is not clear, as all pages that the windows share were free" + end;
  return text + "several, as no page is part of all windows that were tried" + end;
}

// Returns how much the longest free run lacks, if enough pages are free in all.
std::string shortage(const Group& group) {
  const Reading& reading = group.reading;
  if (group.first->runs->free < reading.pages || reading.most_room == 0 || reading.most_room >= reading.pages)
    return {};
  return fmt::format(": the longest lacks {} at alignment {}", counted(reading.pages - reading.most_room, "page"),
                     reading.align.value_or(0));
}

std::string blame_of(const Group& group, const Context& context, const Shown& shown) {
  switch (group.meaning.culprit) {
    case Culprit::no_room:
      if (is_too_large(group, context))
        return "The request is larger than its area: it can never succeed, whatever is free.";
      if (group.reading.room && *group.reading.room != Room::some)
        return fmt::format("Of the area's {} pages {} are free, but none of its free runs has room for the request{}.",
                           group.first->runs->total, group.first->runs->free, shortage(group));
      if (const std::uint64_t pool = pool_in_the_way(group, context); pool != 0)
        return fmt::format("{} takes {}: if they are of this area, the request does not fit beside them.",
                           context.pool->text, shown.pages(pool));
      return "The area has no run of free pages that is long enough: buffers have it, or what is free lies in pieces. "
             "No page was in the way (rarely, memory to move pages to was missing).";
    case Culprit::page_in_the_way: return pages_in_the_way(group, context, shown);
    case Culprit::no_room_or_page:
      return "The area has no room, or pages in it could not be moved: not enough to tell which.";
    case Culprit::no_memory_to_move: return "There was room, but no memory outside the area to move its pages to.";
    case Culprit::signal: return "Its task was being killed: that is no fault of the area.";
    case Culprit::unknown: return "Not enough to tell why.";
    case Culprit::none: return "";
  }
  return {};
}

// Returns what helps against an area without room.
std::string remedy_of_room(const Group& group, const Context& context) {
  if (is_too_large(group, context)) return "A larger area (cma=, or the device tree's linux,cma), or smaller buffers.";
  std::string text = console_after(group, context) != nullptr
                         ? "It need not matter: the console went on with a screen of this size, so the driver has "
                           "another buffer. Otherwise: a larger area, "
                         : "A larger area, ";
  if (pool_in_the_way(group, context) != 0) return text + "or a smaller coherent_pool=.";
  return text + "fewer or smaller buffers at a time, or large buffers before small ones; first look who has the area.";
}

std::string remedy_of(const Group& group, const Context& context) {
  switch (group.meaning.culprit) {
    case Culprit::no_room: return remedy_of_room(group, context);
    case Culprit::page_in_the_way:
      if (is_single_page(group))
        return "No single holder explains that: look whether this kernel, or the scope of this caller, passes over "
               "pages of files. More room does not help while such pages fill it.";
      return std::string(
                 "If the page is held for a moment only, a later attempt succeeds; if for long, find its holder. ") +
             (may_be_marked(*group.first, context) ? "A later attempt may also find a window that the other hid. "
                                                   : "") +
             "More room helps only as far as pages there can move.";
    case Culprit::no_room_or_page: return "Look whether the area has room before looking for pages in the way.";
    case Culprit::no_memory_to_move: return "Free memory outside the area.";
    case Culprit::signal:
    case Culprit::unknown:
    case Culprit::none: return "";
  }
  return {};
}

// Returns what to look at next, each a command with its reason.
std::vector<std::string> commands_for(const Group& group, const Context& context, const Shown& shown) {
  std::vector<std::string> commands;
  const Culprit culprit = group.meaning.culprit;
  if (culprit == Culprit::no_room || culprit == Culprit::no_room_or_page || culprit == Culprit::unknown) {
    commands.emplace_back(
        "grep . /sys/kernel/debug/cma/*/count /sys/kernel/debug/cma/*/used /sys/kernel/debug/cma/*/maxchunk    (is the "
        "area full, or in pieces?)");
    commands.emplace_back("cat /sys/kernel/debug/dma_buf/bufinfo    (which drivers have buffers)");
  }
  if (is_single_page(group) && !used_pages(group, context))
    commands.emplace_back("grep . /sys/kernel/debug/cma/*/count /sys/kernel/debug/cma/*/used    (what buffers have)");
  if (culprit == Culprit::page_in_the_way || culprit == Culprit::no_room_or_page || culprit == Culprit::unknown) {
    commands.emplace_back(
        "echo 1 > /sys/kernel/tracing/events/page_isolation/enable; echo 1 > /sys/kernel/tracing/events/cma/enable    "
        "(fin_pfn= is the page in the way)");
    if (!context.kernel.all_before(Release::v5_13))
      commands.emplace_back(
          "echo 'func alloc_contig_dump_pages +p' > /sys/kernel/debug/dynamic_debug/control    (since 5.13: describes "
          "the pages that could not be moved)");
    std::optional<PfnRange> pages;
    if (!group.reading.suspects.empty())
      pages = PfnRange{group.reading.suspects.front().start, group.reading.suspects.back().end};
    if (const auto places = possible_places(group, context); places && places->area != nullptr) pages = places->common;
    if (pages)
      commands.push_back(fmt::format("page-types -l -a {:#x},{:#x}    (what those pages are; in the kernel's tools/mm)",
                                     shown.frame(pages->start), shown.frame(pages->end)));
  }
  return commands;
}

// Returns whether two groups are of requests for as much of one area.
bool ask_for_the_same(const Group& one, const Group& other) {
  return one.reading.pages_named && other.reading.pages_named && one.reading.pages == other.reading.pages &&
         one.reading.align == other.reading.align && one.first->area == other.first->area;
}

// Returns what is to be said of requests that failed another way than those of the short answer, for as many pages.
std::string failed_otherwise(const Group& told, const Group& other, const Context& context) {
  const bool later = other.first->first_line > told.last->first_line;
  const bool earlier = other.last->first_line < told.first->first_line;
  std::string text = later ? "later" : earlier ? "earlier" : "more";
  if (other.count == 1)
    text = later ? "A later request" : earlier ? "An earlier request" : "Another request";
  else
    text = fmt::format("{} {} requests", other.count, text);
  text += " for as many pages failed";
  if (other.first->error) text += fmt::format(" with {}", *other.first->error);
  const bool one_meaning = context.kernel.all_before(Release::v6_15);
  if (one_meaning && later && told.meaning.culprit == Culprit::page_in_the_way &&
      other.meaning.culprit == Culprit::no_room)
    text += ": it looks as if buffers had taken the room meanwhile";
  if (one_meaning && earlier && told.meaning.culprit == Culprit::no_room &&
      other.meaning.culprit == Culprit::page_in_the_way)
    text += ": then there was room for it";
  return text + ".";
}

// Returns which requests failed besides those that the short answer is about, as sentences. Adds those to `count` of
// which the short answer is true as well.
std::vector<std::string> other_failures(const std::vector<Group>& groups, const Group& told, const Context& context,
                                        const Shown& shown, std::uint64_t& count) {
  std::vector<std::string> sentences;
  if (told.outcome != Outcome::failed) return sentences;
  const std::string blame = blame_of(told, context, shown);
  std::uint64_t others = 0;
  for (const Group& group : groups) {
    if (&group == &told || group.outcome != Outcome::failed) continue;
    const bool same = ask_for_the_same(told, group);
    if (same && group.first->error == told.first->error && blame_of(group, context, shown) == blame)
      count += group.count;
    else if (same && sentences.size() < kMostOthers)
      sentences.push_back(failed_otherwise(told, group, context));
    else
      others += group.count;
  }
  if (others != 0) sentences.push_back(fmt::format("{} failed.", counted(others, "other request")));
  return sentences;
}

// Returns how much the requests take of an area, as the begin of a sentence.
std::string taken_together(const AreaDemand& demand, const Shown& shown) {
  std::string text = fmt::format("Held at once they take {} of an area", shown.pages(demand.in_order));
  if (demand.least == demand.in_order) return text + ", in whatever order";
  text += " in the order of the log";
  if (demand.best != 0 && demand.best < demand.in_order)
    return text + fmt::format(", and {} in the best{}", shown.pages(demand.best),
                              demand.best == demand.least ? "" : " that was found");
  return text + fmt::format(", and at least {} in any", shown.pages(demand.least));
}

// Returns the requests as `cmacheck fit` reads them; empty if there are too many kinds for one command.
std::string demand_of(const std::vector<Group>& groups) {
  if (groups.size() > kMostKinds) return {};
  std::string text;
  for (const Group& group : groups)
    text += fmt::format(" '{}{} align {}'", group.reading.pages,
                        group.count == 1 ? "" : fmt::format(" x{}", group.count), group.reading.align.value_or(0));
  return text;
}

}  // namespace

std::string places_text(const Places& places, const Shown& shown) {
  if (places.area != nullptr) return shown.window(*places.common);
  return fmt::format("pages {} to {} of the area", places.common->start, places.common->end - 1);
}

std::uint64_t weight_of(const Group& group) {
  if (group.outcome == Outcome::failed) return kFailed + group.count;
  const bool tried = group.reading.windows != 0 || group.first->retry_lines != 0;
  if (!tried) return kUneventful;
  if (group.outcome == Outcome::succeeded) return kLate + group.count;
  return kSuspicious + group.count * std::max<std::uint64_t>(group.reading.windows, 1);
}

bool is_uneventful(const std::vector<Group>& groups) {
  return std::ranges::all_of(groups, [](const Group& group) { return weight_of(group) <= kUneventful; });
}

Finding uneventful_finding(const std::vector<Request>& requests, const std::vector<Group>& groups,
                           const Context& context, const Shown& shown) {
  std::uint64_t count = 0;
  std::uint64_t pages = 0;
  unsigned align = 0;
  for (const Group& group : groups) {
    count += group.count;
    pages += group.count * (group.first->got ? group.first->got->pages() : group.reading.pages);
    align = std::max(align, group.reading.align.value_or(0));
  }
  Finding finding;
  finding.weight = kUneventful;
  finding.what = fmt::format("{} for {} together; the log does not show that one failed.", counted(count, "request"),
                             shown.pages(pages));
  finding.next =
      "`cmacheck fit` tells exactly how large an area must be, and what another CONFIG_CMA_ALIGNMENT would save. A "
      "larger coherent_pool= makes no room: it is for atomic requests only.";
  const std::optional<AreaDemand> demand = demand_together(requests);
  if (!demand) return finding;
  if (demand->in_order > pages)
    finding.blame = fmt::format(
        "{}: at alignment {} a buffer takes a multiple of {} pages, unless smaller ones fill the rest of the last. A "
        "further set of them takes about as much again.",
        taken_together(*demand, shown), align, order_pages(std::min(align, kMostShownAlign)));
  const std::string lines = demand_of(groups);
  if (lines.empty()) return finding;
  const ReleaseRange versions = context.kernel.versions();
  const bool known = context.kernel.named || versions.first != Release::v3_5 || versions.last;
  const std::string release =
      known ? " --release " + name_of(nearest_modelled(versions.last.value_or(versions.first))) : "";
  finding.collect.push_back("printf '%s\\n'" + lines + " | cmacheck fit" + release +
                            " -    (how large an area must be)");
  return finding;
}

Finding request_finding(const std::vector<Group>& groups, const Group& worst, const Context& context, Shown& shown) {
  Finding finding;
  finding.weight = weight_of(worst);
  std::uint64_t count = worst.count;
  finding.besides = other_failures(groups, worst, context, shown, count);
  finding.what = what_happened(worst, count, shown);
  if (context.errors_swallowed != 0)
    finding.what += fmt::format(" {} of failures {} swallowed.", counted(context.errors_swallowed, "more line"),
                                was_or_were(context.errors_swallowed));
  if (worst.outcome == Outcome::succeeded) {
    finding.blame = pages_in_the_way(worst, context, shown);
    return finding;
  }
  const bool failed = worst.outcome == Outcome::failed;
  if (failed || only_windows(*worst.first)) finding.blame = blame_of(worst, context, shown);
  if (failed) finding.next = remedy_of(worst, context);
  finding.collect = commands_for(worst, context, shown);
  return finding;
}

}  // namespace cma::logs
