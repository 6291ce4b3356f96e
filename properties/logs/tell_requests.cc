#include "properties/logs/tell_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "allocator/base/error.h"
#include "properties/logs/brief_requests.h"
#include "properties/logs/request_groups.h"
#include "properties/logs/tell_holders.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

constexpr std::size_t kMostSections = 24;
constexpr std::size_t kMostStarts = 6;
constexpr std::size_t kMostRows = 64;
// Base and size of an area are multiples of it: the largest block, which with pages of 4 KiB has 4 MiB; since 5.19 a
// pageblock, which may have 2 MiB.
constexpr std::uint64_t kEndUnit = 1024;
constexpr std::uint64_t kEndUnitOfPageblocks = 512;
// Of a window, between the head of the free block in which it begins and its begin: less than a block has.
constexpr std::uint64_t kMostBeforeStart = std::uint64_t{1} << 14;
// What is held for longer is not held by a batch that is about to be flushed.
constexpr std::int64_t kLongHold = 1'000'000;

std::vector<std::uint64_t> window_lines(const Request& request) {
  std::vector<std::uint64_t> lines;
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows) lines.push_back(window.line);
  return lines;
}

// --- evidence ---

Certainty align_certainty(const Reading& reading) {
  if (reading.align_named) return Certainty::seen;
  return reading.align_stepped || reading.windows != 0 ? Certainty::fits : Certainty::guess;
}

// Returns whether the only window of a request can begin inside a free block, so that the request is for fewer pages.
bool may_be_for_fewer(const Window& window) {
  const std::uint64_t most = window.range.pages();
  for (std::uint64_t fewer = 1; fewer < std::min(most, kMostBeforeStart); ++fewer)
    if (const std::uint64_t pages = most - fewer;
        window_fits(window, pages) && is_aligned(window.range.end - pages, order_pages(usual_align(pages))))
      return true;
  return false;
}

void tell_pages(const Group& group, const Shown& shown, Section& section) {
  const Request& request = *group.first;
  const Reading& reading = group.reading;
  if (reading.pages_named)
    section.add(Certainty::seen, fmt::format("it asked for {}", shown.pages(reading.pages)), {request.pages_line});
  else if (request.pages)
    section.add(
        Certainty::fits,
        fmt::format("it asked for {}, if the line that names them is about this request", shown.pages(reading.pages)),
        {request.pages_line});
  else if (reading.pages != 0)
    section.add(Certainty::fits,
                reading.windows == 1 && may_be_for_fewer(*request.last_window())
                    ? fmt::format("it asked for {}, or for fewer if the window begins inside a free block",
                                  shown.pages(reading.pages))
                    : fmt::format("it asked for {}: the most that fit all of its windows", shown.pages(reading.pages)),
                window_lines(request));
  if (!reading.align) return;
  const std::string what =
      fmt::format("alignment {} ({})", *reading.align, counted(order_pages(*reading.align), "page"));
  const Certainty certainty = align_certainty(reading);
  if (reading.align_named)
    section.add(certainty, what, {request.pages_line});
  else if (reading.gigantic)
    section.add(certainty,
                what +
                    ": its windows lie at multiples of their own size, as gigantic pages do; such a page may be "
                    "taken from anywhere, not only from an area",
                window_lines(request));
  else if (reading.align_stepped)
    section.add(certainty, what + ": windows that overlap follow each other by so many pages", window_lines(request));
  else if (reading.windows != 0)
    section.add(certainty, what + ": what the DMA layer asks for, and its windows begin at such pages",
                window_lines(request));
  else
    section.add(certainty, what + ": what the DMA layer asks for, with CONFIG_CMA_ALIGNMENT=8");
}

std::string starts_text(const std::vector<PfnRange>& windows, const Shown& shown) {
  std::string text;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (i == kMostStarts && windows.size() > kMostStarts + 1)
      return text + fmt::format(" ... {}", shown.pfn(windows.back().start));
    text += (i == 0 ? "" : ", ") + shown.pfn(windows[i].start);
  }
  return text;
}

// Returns how certain the true starts of the windows are: they are computed from the pages that were asked for.
Certainty starts_certainty(const Reading& reading) {
  if (!reading.pages_named || reading.windows_loose) return Certainty::fits;
  return reading.misplaced == 0 ? Certainty::seen : Certainty::follows;
}

void tell_windows(const Group& group, const Shown& shown, Section& section) {
  const Request& request = *group.first;
  const Reading& reading = group.reading;
  for (std::size_t i = 0; i < reading.swept.size(); ++i) {
    const auto& windows = reading.swept[i];
    std::vector<std::uint64_t> lines;
    for (const Window& window : request.sweeps[i].windows) lines.push_back(window.line);
    const std::string sweep = reading.swept.size() > 1 ? fmt::format("sweep {}: ", i + 1) : "";
    section.add(starts_certainty(reading),
                fmt::format("{}{} failed, beginning at {}", sweep, counted(windows.size(), "window"),
                            starts_text(windows, shown)),
                lines);
  }
  if (reading.misplaced != 0)
    section.add(starts_certainty(reading),
                fmt::format("{} {} at another page than the line prints, which is the head of the free block that "
                            "covers the start: free were {}",
                            counted(reading.misplaced, "window"), reading.misplaced == 1 ? "begins" : "begin",
                            shown.windows(reading.free_blocks)),
                window_lines(request));
}

// Windows that failed and have no line, as far as the log shows.
struct Unseen {
  std::uint64_t windows = 0;
  Certainty certainty = Certainty::fits;
};

// Returns how certain it is that windows between those printed were tried: windows follow each other by one alignment,
// unless a bit of the area stands for more pages.
Certainty missing_certainty(const Reading& reading) {
  return reading.align_named && reading.single_step && !reading.windows_loose ? Certainty::follows : Certainty::fits;
}

Unseen unseen_windows(const Group& group) {
  const Reading& reading = group.reading;
  const std::uint64_t retries = group.first->retry_lines;
  if (retries > reading.windows + reading.without_line)
    return {retries - reading.windows, group.first->retries_loose ? Certainty::fits : Certainty::follows};
  return {reading.without_line, missing_certainty(reading)};
}

// Tells of windows that have no line.
void tell_swallowed(const Group& group, const Context& context, Section& section) {
  const Request& request = *group.first;
  const Reading& reading = group.reading;
  for (const Suppressed& suppressed : request.suppressed) {
    const bool first = suppressed.sweep == 0 && suppressed.window == 0;
    section.add(Certainty::seen,
                fmt::format("{} about busy windows {} swallowed by the rate limit before this line",
                            counted(suppressed.count, "line"), was_or_were(suppressed.count)),
                {suppressed.line});
    section.add(Certainty::fits,
                first ? "what was swallowed is of an earlier request or sweep"
                      : "what was swallowed is of this request, or of others meanwhile",
                {suppressed.line});
  }
  if (reading.without_line != 0)
    section.add(missing_certainty(reading),
                fmt::format("{} between those printed must have been tried: {} cut out of the log, or swallowed",
                            counted(reading.without_line, "window"),
                            reading.without_line == 1 ? "its line was" : "their lines were"),
                window_lines(request));
  if (request.retry_lines > reading.windows)
    section.add(
        request.retries_loose ? Certainty::fits : Certainty::follows,
        fmt::format("{} of retries, one for each window that failed, and {} about windows: at least {} failed unseen",
                    counted(request.retry_lines, "line"), counted(reading.windows, "line"),
                    counted(request.retry_lines - reading.windows, "window")),
        {request.first_retry_line});
  if (request.at_limit && request.outcome == Outcome::unknown && !context.kernel.all_before(Release::v4_13))
    section.add(Certainty::follows,
                "its last line is the tenth, and since 4.13 a rate limit lets ten through in 5 s: more windows may "
                "have failed unseen, and where the sweep ended is not known",
                {request.last_line});
}

void tell_sweeps(const Group& group, const Shown& shown, Section& section) {
  const Request& request = *group.first;
  for (std::size_t i = 1; i < request.sweeps.size(); ++i) {
    const Window& last = request.sweeps[i - 1].windows.back();
    const Window& first = request.sweeps[i].windows.front();
    const auto time = time_between(last.origin, first.origin);
    section.add(request.windows_loose ? Certainty::fits : Certainty::follows,
                fmt::format("a sweep only goes forward, so the window at {} begins another sweep",
                            shown.pfn(group.reading.swept[i].front().start)),
                {last.line, first.line});
    if (time)
      section.add(Certainty::fits,
                  fmt::format("{} lie between them: as in kernels of vendors, which sleep for 100 ms and sweep again; "
                              "or it is another request for as many pages",
                              time_text(*time)),
                  {last.line, first.line});
  }
}

// Returns how certain the pages in the way are. Blocks that were free at different moments do not tell.
Certainty suspects_certainty(const Reading& reading) {
  if (reading.windows_loose) return Certainty::fits;
  if (reading.suspects.empty()) return reading.common ? Certainty::fits : Certainty::follows;
  return reading.windows > 1 ? Certainty::fits : Certainty::follows;
}

void tell_suspects(const Group& group, const Shown& shown, Section& section) {
  const Reading& reading = group.reading;
  for (const Pfn pfn : reading.stopped_at)
    section.add(Certainty::follows, fmt::format("the first page in the way of a window is {}", shown.pfn(pfn)),
                window_lines(*group.first));
  if (!reading.stopped_at.empty() || reading.windows == 0) return;
  if (reading.suspects.empty() && reading.common) {
    section.add(suspects_certainty(reading),
                "which page is in the way is not clear: all pages that the windows share were free",
                window_lines(*group.first));
  } else if (reading.windows == 1) {
    section.add(suspects_certainty(reading),
                fmt::format("a page in the way lies in {}", shown.windows(reading.suspects)),
                window_lines(*group.first));
  } else if (!reading.suspects.empty()) {
    section.add(Certainty::fits,
                fmt::format("one page would explain all {}: it lies in {}, which all of them have in common{}",
                            counted(reading.windows, "window"), shown.windows(reading.suspects),
                            reading.misplaced != 0 ? ", less what was free" : ""),
                window_lines(*group.first));
  } else {
    section.add(suspects_certainty(reading), "more than one page is in the way: no page is part of all windows",
                window_lines(*group.first));
  }
}

// Tells how long what is in the way stays there.
void tell_timing(const Group& group, Section& section) {
  if (group.count < 2 || group.reading.windows == 0) return;
  const auto time = time_between(group.first->origin, group.last->origin);
  if (!time || *time < kLongHold) return;
  section.add(
      Certainty::fits,
      fmt::format(
          "the same windows failed {} apart: their pages are held for long, or again and again; not for a moment",
          time_text(*time)),
      {group.first->first_line, group.last->first_line});
}

// Returns whether the sweep can have gone on behind its last window: at any error but -EBUSY it ends there.
bool may_have_gone_on(const Request& request) {
  return request.outcome == Outcome::failed && (!request.error || *request.error == -kEBUSY);
}

// Returns why windows behind the last one were not tried, or have no line.
std::string why_untried(const Group& group, const Context& context) {
  return may_be_marked(*group.first, context)
             ? "buffers or the window of another request have their pages, or their lines are missing"
             : "buffers have their pages, or their lines are missing";
}

// Tells that another request was under way meanwhile, what that hides, and what it leaves uncertain.
void tell_beside(const Group& group, const Context& context, Section& section) {
  const Request& request = *group.first;
  if (may_be_marked(request, context))
    section.add(
        request.windows_loose ? Certainty::fits : Certainty::follows,
        "another request was under way meanwhile: each passes over windows that have a page of the one that the "
        "other tries, so windows without a line may have had no buffer in them",
        {request.first_line, request.beside_line});
  if (request.windows_loose)
    section.add(Certainty::follows, "without names of tasks, whose a window is rests on sizes and places only",
                window_lines(request));
}

// Tells where the area lies, and whether its end was reached.
void tell_area(const Group& group, const Context& context, const Shown& shown, Section& section) {
  const Request& request = *group.first;
  const Reading& reading = group.reading;
  if (reading.windows == 0) return;
  const Window& last = *request.last_window();
  const KnownArea* area = context.area_with(reading.span);
  const std::uint64_t step = reading.align ? order_pages(*reading.align) : 1;
  const bool more_fits = area != nullptr && last.range.end + step <= area->range.end;
  const Certainty certainty = reading.windows_loose ? Certainty::fits : Certainty::follows;
  if (area != nullptr) {
    section.add(
        certainty,
        fmt::format("they lie in the area {} of {}", shown.window(area->range), shown.pages(area->range.pages())),
        {area->line});
    if (!more_fits)
      section.add(certainty, "the last window is the last that the area has room for", {last.line, area->line});
    else if (may_have_gone_on(request))
      section.add(Certainty::fits, "windows behind the last one would lie in the area: " + why_untried(group, context),
                  {last.line, area->line});
    return;
  }
  if (reading.gigantic) return;
  section.add(reading.pages_named ? certainty : Certainty::fits,
              fmt::format("the area has all of {}", shown.window(reading.span)), window_lines(request));
  const bool blocks = context.kernel.all_before(Release::v5_19);
  if (is_aligned(reading.span.end, blocks ? kEndUnit : kEndUnitOfPageblocks))
    section.add(Certainty::fits,
                fmt::format("the area may end at {}, where a window ends: ends of areas are such multiples",
                            shown.pfn(reading.span.end)),
                window_lines(request));
  if (!may_have_gone_on(request)) return;
  const bool inside = last.range.end + step <= reading.span.end;
  section.add(Certainty::fits,
              inside ? "windows behind the last one lie in the area: " + why_untried(group, context)
                     : fmt::format("the area ends before {}, or {}", shown.pfn(last.range.end + step),
                                   why_untried(group, context)),
              {last.line, request.end_line});
}

// Tells what the free runs of the bitmap say.
void tell_runs(const Group& group, const Shown& shown, Section& section) {
  const Reading& reading = group.reading;
  if (!reading.room) return;
  const FreeRuns& runs = *group.first->runs;
  std::uint64_t longest = 0;
  for (const FreeRuns::Run& run : runs.runs) longest = std::max(longest, run.pages);
  section.add(Certainty::seen,
              fmt::format("{} of the area's {} are free, the longest run has {}", shown.pages(runs.free),
                          shown.pages(runs.total), shown.pages(longest)),
              {runs.line});
  const std::string most =
      reading.most_room == 0
          ? std::string("; none has a page at this alignment")
          : fmt::format("; at this alignment the most that a run has is {}, {} short", shown.pages(reading.most_room),
                        reading.pages - std::min(reading.pages, reading.most_room));
  switch (*reading.room) {
    case Room::none:
      section.add(Certainty::follows,
                  runs.free >= reading.pages ? "enough are free, but in pieces" : "fewer are free than it needs",
                  {runs.line});
      if (runs.free >= reading.pages)
        section.add(reading.align_named ? Certainty::follows : Certainty::fits, most.substr(2), {runs.line});
      return;
    case Room::none_at_alignment:
      section.add(Certainty::fits, "a run is long enough, but not from a multiple of its alignment on" + most,
                  {runs.line});
      return;
    case Room::some:
      section.add(Certainty::fits,
                  "a run would hold it, if its alignment is this one and no buffer was given back meanwhile",
                  {runs.line});
      return;
  }
}

// Tells which windows a request without lines of windows can have tried.
void tell_possible(const Group& group, const Context& context, const Shown& shown, Section& section) {
  const auto places = possible_places(group, context);
  if (!places || (!places->of_runs && !places->common)) return;
  const auto page_at = [&](Pfn pfn) {
    return places->area != nullptr ? shown.pfn(pfn) : fmt::format("page {} of the area", pfn);
  };
  std::string text = fmt::format("at this alignment {} {} for it, beginning at {}",
                                 places->of_runs ? "these free runs have" : "the only area that a line names has",
                                 counted(places->count, "window"), page_at(places->first));
  if (places->count > 1) text += fmt::format("{} {}", places->count == 2 ? "," : " ...", page_at(places->last));
  if (places->common)
    text += fmt::format(": one page would explain that {}, if it lies in {}",
                        places->count == 1 ? "it failed" : "all of them failed", places_text(*places, shown));
  else
    text += "; no page is part of all of them";
  section.add(Certainty::fits, text, {places->line, places->area == nullptr ? 0 : places->area->line});
}

// Tells how many places an area of the known size has for a request.
void tell_places(const Group& group, const Context& context, const Shown& shown, Section& section) {
  const Reading& reading = group.reading;
  const auto size = area_size(group, context);
  if (!size || !reading.align || reading.pages == 0 || reading.windows != 0) return;
  const std::uint64_t total = size->pages;
  const std::vector<std::uint64_t> lines = {size->line, group.first->pages_line};
  if (reading.pages > total) {
    section.add(size->certainty, fmt::format("{} {}: it can never fit", size->what, shown.pages(total)), lines);
    return;
  }
  if (reading.room) return;
  const std::uint64_t places = (total - reading.pages) / order_pages(*reading.align) + 1;
  if (places == 1)
    section.add(Certainty::fits,
                fmt::format("an area of {} has one place for it, at its begin: one buffer anywhere in the first {} is "
                            "enough to refuse it",
                            shown.pages(total), shown.pages(reading.pages)),
                lines);
  else
    section.add(Certainty::fits,
                fmt::format("an area of {} has {} places for it: each has a buffer in it", shown.pages(total), places),
                lines);
}

// Returns whether nothing speaks for lines that are missing.
bool all_lines_there(const Group& group) {
  const Request& request = *group.first;
  return !request.at_limit && request.suppressed.empty() && group.reading.without_line == 0 &&
         request.retry_lines <= group.reading.windows;
}

// Tells what takes of the area besides, and whether the failure did harm.
void tell_surroundings(const Group& group, const Context& context, const Shown& shown, Section& section) {
  const Request& request = *group.first;
  if (const std::uint64_t pool = pool_in_the_way(group, context); pool != 0) {
    const AreaSize size = *area_size(group, context);
    section.add(
        Certainty::fits,
        fmt::format("the command line has {}: {} for atomic requests, which come from the default area if there is "
                    "one, leave {} of {}: the {} do not fit beside them",
                    context.pool->text, shown.pages(pool), size.pages - pool, size.pages, group.reading.pages),
        {context.pool->line, size.line, request.pages_line});
  }
  if (const KnownConsole* console = console_after(group, context))
    section.add(Certainty::fits,
                fmt::format("after it the console has {}x{} characters, as a screen of this size has them: the driver "
                            "has another buffer",
                            console->columns, console->rows),
                {request.end_line, console->line});
}

// Tells what it means that not one page could be had.
void tell_single_page(const Group& group, const Context& context, Section& section) {
  section.add(Certainty::follows,
              "where a bit stands for one page, as usual, each page that no buffer has is a window of its own, and the "
              "sweep tries all of them",
              group.end_lines);
  const ReleaseRange versions = context.kernel.versions();
  if (versions.first < Release::v4_20 && !context.kernel.all_before(Release::v4_10))
    section.add(Certainty::guess,
                "kernels of 4.14 to 4.18 in which vendors took back \"mm: alloc_contig: re-allow CMA to compact FS "
                "pages\" pass over pages of files, so that only anonymous pages move");
  if (!context.kernel.all_before(Release::v4_12))
    section.add(
        Certainty::guess,
        "since 4.12 requests made in a scope without file systems (memalloc_nofs_save) pass over pages of files");
}

// Returns how certain it is how a request ended; of one whose end the log does not have, that it has not.
Certainty ending_certainty(const Group& group) {
  const Request& request = *group.first;
  const bool by_driver = group.outcome == Outcome::failed && !request.error && request.windows() != 0;
  return by_driver || request.end_loose || request.only_tested ? Certainty::fits : Certainty::seen;
}

void tell_end(const Group& group, const Context& context, const Shown& shown, Section& section) {
  const Request& request = *group.first;
  if (group.outcome == Outcome::succeeded) {
    section.add(ending_certainty(group),
                "it got its pages" + (request.got ? ": " + shown.window(*request.got) : std::string()),
                {request.end_line});
    return;
  }
  if (request.error) {
    section.add(group.meaning.certainty, group.meaning.text, group.end_lines);
    if (is_single_page(group)) tell_single_page(group, context, section);
  } else if (request.outcome == Outcome::failed && request.windows() != 0) {
    section.add(ending_certainty(group), "a driver reports that it did not get a buffer of this size",
                {request.end_line});
  } else if (only_windows(request)) {
    section.add(Certainty::seen, "a window that is busy is no failure: the request goes on with the next one",
                window_lines(request));
    if (context.kernel.all_since(Release::v4_11) && all_lines_there(group))
      section.add(Certainty::fits,
                  "since 4.11 a request that fails has a line with its error, unless its caller wants none; there is "
                  "none, so a later window was got, or the line is missing",
                  {request.last_line});
    else
      section.add(Certainty::follows, "the log does not tell whether the request failed in the end",
                  {request.last_line});
  }
}

std::string title_of(const Group& group, Shown& shown) {
  const Request& request = *group.first;
  std::string title = group.count == 1 ? "request" : fmt::format("{} requests", group.count);
  if (group.reading.pages != 0)
    title += (group.reading.pages_named ? " for " : " for probably ") + shown.pages(group.reading.pages);
  if (!request.area.empty()) title += " of area " + shown.name("area", request.area);
  if (!request.task.empty()) title += " by " + shown.name("task", request.task);
  if (group.outcome == Outcome::failed) title += group.count == 1 ? ": failed" : ": all failed";
  return title;
}

void tell_group(const Group& group, const Context& context, Shown& shown, LogAnswer& answer) {
  Section section{title_of(group, shown), {}};
  tell_pages(group, shown, section);
  tell_windows(group, shown, section);
  tell_swallowed(group, context, section);
  tell_sweeps(group, shown, section);
  tell_beside(group, context, section);
  tell_end(group, context, shown, section);
  if (group.outcome != Outcome::succeeded) {
    tell_runs(group, shown, section);
    tell_possible(group, context, shown, section);
    if (group.meaning.culprit == Culprit::no_room) tell_places(group, context, shown, section);
    tell_surroundings(group, context, shown, section);
  }
  tell_suspects(group, shown, section);
  tell_holders(*group.first, group.reading, context, shown, section);
  if (group.outcome != Outcome::succeeded) tell_timing(group, section);
  tell_area(group, context, shown, section);
  answer.sections.push_back(std::move(section));
}

RequestSummary summary_of(const Group& group, const Context& context, Shown& shown) {
  const Request& request = *group.first;
  RequestSummary summary;
  summary.count = group.count;
  summary.pages = group.reading.pages;
  summary.pages_certain = group.reading.pages_named;
  summary.align = group.reading.align;
  if (!request.area.empty()) summary.area = shown.name("area", request.area);
  summary.error = request.error;
  summary.culprit = group.outcome == Outcome::succeeded ? Culprit::none : group.meaning.culprit;
  summary.windows = group.reading.windows;
  for (const PfnRange& range : group.reading.suspects) summary.suspects.push_back(shown.range(range));
  for (const Pfn pfn : group.reading.stopped_at) summary.stopped_at.push_back(shown.frame(pfn));
  for (const std::vector<PfnRange>& sweep : group.reading.swept) {
    summary.swept.emplace_back();
    for (const PfnRange& window : sweep) summary.swept.back().push_back(shown.range(window));
  }
  for (const PfnRange& block : group.reading.free_blocks) summary.free_blocks.push_back(shown.range(block));
  if (request.got) summary.got = shown.range(*request.got);
  summary.first_line = request.first_line;
  summary.last_line = group.last->last_line;
  summary.failed = group.outcome == Outcome::failed;
  summary.of_single_page = is_single_page(group);
  for (const auto& windows : group.reading.swept)
    for (const PfnRange& window : windows) summary.tried.push_back(shown.range(window));
  summary.align_certainty = align_certainty(group.reading);
  summary.ending_certainty = ending_certainty(group);
  summary.culprit_certainty = group.meaning.certainty;
  summary.tried_certainty = starts_certainty(group.reading);
  const Unseen unseen = unseen_windows(group);
  summary.unseen = unseen.windows;
  summary.unseen_certainty = unseen.certainty;
  summary.suspects_certainty = suspects_certainty(group.reading);
  const auto places = possible_places(group, context);
  if (!places || !places->common || places->area == nullptr) return summary;
  summary.suspects.push_back(shown.range(*places->common));
  summary.suspects_certainty = Certainty::fits;
  return summary;
}

// Returns whether all that is to be said of a request is what its lines name: then it is a row of a table.
bool is_row(const Group& group) {
  const Request& request = *group.first;
  if (!group.reading.pages_named || !group.reading.align_named || group.reading.windows != 0) return false;
  if (request.retry_lines != 0 || request.not_moved != 0 || !request.suppressed.empty()) return false;
  if (group.outcome == Outcome::failed || request.error) return false;
  return group.outcome == Outcome::unknown || ending_certainty(group) == Certainty::seen;
}

// Adds one section with all requests of which each is a row.
void tell_rows(const std::vector<Group>& groups, Shown& shown, LogAnswer& answer) {
  Section section{"requests of which none is seen to fail", {}};
  std::size_t left_out = 0;
  for (const Group& group : groups) {
    if (!is_row(group)) continue;
    if (section.statements.size() == kMostRows) {
      ++left_out;
      continue;
    }
    const Request& request = *group.first;
    const Reading& reading = group.reading;
    std::vector<std::uint64_t> lines = group.end_lines;
    lines.push_back(request.first_line);
    lines.push_back(request.pages_line);
    const bool one_task = group.count == 1 && !request.task.empty();
    const std::string by = one_task ? " by " + shown.name("task", request.task) : "";
    section.add(Certainty::seen,
                fmt::format("{}{}{}, alignment {} ({}){}{}", shown.pages(reading.pages),
                            request.area.empty() ? "" : " of area " + shown.name("area", request.area), by,
                            *reading.align, counted(order_pages(*reading.align), "page"),
                            group.count == 1 ? "" : fmt::format(", {} times", group.count),
                            request.got ? ": got " + shown.window(*request.got) : std::string()),
                lines);
  }
  if (section.statements.empty()) return;
  answer.sections.push_back(std::move(section));
  if (left_out != 0) answer.sections.push_back({fmt::format("{} more such requests are left out here", left_out), {}});
}

// Tells of failures whose lines the rate limit swallowed.
void tell_swallowed_errors(const Context& context, LogAnswer& answer) {
  if (context.errors_swallowed == 0) return;
  Section section{"failures without a line", {}};
  section.add(Certainty::seen,
              fmt::format("{} about requests that failed {} swallowed by the rate limit, which lets ten through in 5 s",
                          counted(context.errors_swallowed, "line"), was_or_were(context.errors_swallowed)),
              {context.errors_swallowed_line});
  answer.sections.push_back(std::move(section));
}

}  // namespace

std::optional<Finding> tell_requests(const std::vector<Request>& requests, const Context& context, Shown& shown,
                                     LogAnswer& answer) {
  if (requests.empty()) return std::nullopt;
  const std::vector<Group> groups = groups_of(requests, context);
  const Group* worst = &groups.front();
  for (const Group& group : groups) {
    if (group.reading.windows != 0) shown.lowest(group.reading.span.start);
    if (group.first->got) shown.lowest(group.first->got->start);
    if (weight_of(group) > weight_of(*worst)) worst = &group;
  }
  std::size_t told = 0;
  for (const Group& group : groups) {
    answer.requests.push_back(summary_of(group, context, shown));
    if (is_row(group)) continue;
    if (told < kMostSections) tell_group(group, context, shown, answer);
    ++told;
  }
  if (told > kMostSections)
    answer.sections.push_back(
        {fmt::format("{} more requests are left out here; --json has their figures", told - kMostSections), {}});
  tell_rows(groups, shown, answer);
  if (is_uneventful(groups)) return uneventful_finding(requests, groups, context, shown);
  tell_swallowed_errors(context, answer);
  return request_finding(groups, *worst, context, shown);
}

}  // namespace cma::logs
