// Promises: a program that is changed in a way that cannot matter does what it did. Each property changes the machine
// or the program, runs both, and states what stays equal: results, trace, pages, lists, counters, areas, buffers and
// owners, unless the sentence says less.

#include <algorithm>

#include <fmt/format.h>

#include "properties/arbitrary/behaviour_testing.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// 4 GiB, in pages.
constexpr Pfn k4GiB = Pfn{1} << 20;

bool has_boot_operations(const Program& program) {
  return std::ranges::any_of(program.ops, [](const Op& op) { return info_of(op).boot; });
}

template <class... Kinds>
bool has_any(const Program& program) {
  return std::ranges::any_of(program.ops, [](const Op& op) { return (std::holds_alternative<Kinds>(op.body) || ...); });
}

void assert_equal(const Behaviour& changed, const Behaviour& original) {
  const std::string differs = difference(changed, original);
  if (!differs.empty()) RC_FAIL("the changed program differs: " + differs);
}

// --- the place of memory ---

struct ShiftPlaces : IgnoreFields {
  explicit ShiftPlaces(Pfn distance) : by(distance) {}
  Pfn by;
  void place(Place& place, const PlaceSpec&) const {
    if (place.kind == Place::Kind::pfn) place.offset += by;
  }
};

void shift(PfnRange& range, Pfn by) {
  range.start += by;
  range.end += by;
}

// Returns the program on a machine whose memory lies `by` frames higher.
Program shifted(Program program, Pfn by) {
  Geometry& machine = program.machine;
  shift(machine.memory, by);
  for (ZoneSpec& zone : machine.zones) shift(zone.range, by);
  for (PfnRange& hole : machine.holes) shift(hole, by);
  for (PfnRange& kept : machine.reserved) shift(kept, by);
  for (AreaSpec& area : machine.areas) area.base += by;
  ShiftPlaces places(by);
  for (Op& op : program.ops) visit_fields(op.body, places);
  return program;
}

// Returns the largest alignment that the program asks an area for.
std::uint64_t largest_alignment(const Program& program) {
  std::uint64_t largest = 0;
  for (const Op& op : program.ops)
    if (const auto* request = std::get_if<CmaAlloc>(&op.body)) largest = std::max(largest, request->align);
  return largest;
}

// By a largest block, and across 4 GiB. Alignment counts from address zero: a request aligned to more than a largest
// block allows only shifts by a multiple of that. Boot looks for places at absolute addresses, and is left out.
//
// In a zone that begins at frame 0 the first compaction takes the unset position of its free scanner for a place in the
// zone, and ends at once (since 3.7). The program is then compared with itself in two higher places.
PROMISE(MetamorphicPromise, memory_may_lie_a_largest_block_higher, {.planted = {Bug::release_truncates}}) {
  const std::uint64_t order = std::max<std::uint64_t>(largest_alignment(program), program.machine.largest_order);
  RC_PRE(order < 20U && !has_boot_operations(program));
  const Pfn by = k4GiB + order_pages(static_cast<unsigned>(order));
  // Beyond 4 GiB an address has more than 32 bits.
  Program wide = program;
  wide.machine.phys_addr_bits = 64;
  const Pfn start = program.machine.memory.start;
  const RunResult result = run_plainly(shifted(wide, by));
  const Behaviour higher = behaviour(result, {.origin = start + by});
  const bool compacted = last_plain_run().machine().scanner.hints().touched();
  const bool ends_at_once = start == 0 && compacted && program.machine.release >= Release::v3_7;
  const Pfn less = ends_at_once ? order_pages(static_cast<unsigned>(order)) : 0;
  const Behaviour original = behaviour(run_plainly(shifted(wide, less)), {.origin = start + less});
  assert_equal(higher, original);
}

// --- names ---

constexpr std::string_view kNewName = "Zq";

// Gives every area, actor and result a name like Zq17q.
class Renamed {
 public:
  explicit Renamed(Program program) : program_(std::move(program)) {
    const auto fresh = [&](const std::string& old) {
      originals_.push_back(old);
      return fmt::format("{}{}q", kNewName, originals_.size() - 1);
    };
    std::vector<std::pair<std::string, std::string>> areas;
    for (AreaSpec& area : program_.machine.areas) areas.emplace_back(area.name, fresh(area.name));
    for (std::size_t i = 0; i < areas.size(); ++i) program_.machine.areas[i].name = areas[i].second;
    for (ActorSpec& actor : program_.actors) actor.name = fresh(actor.name);
    std::vector<std::pair<OpId, std::string>> names;
    for (const Op& op : program_.ops)
      if (op.id != 0) names.emplace_back(op.id, fresh(program_.name_of(op)));
    for (auto& [id, name] : names) program_.names[id] = std::move(name);
    for (Op& op : program_.ops)
      if (auto* read = std::get_if<Cat>(&op.body)) rename_in_path(read->path, areas);
  }
  const Program& program() const { return program_; }
  // Returns a text with the names as they were.
  std::string as_it_was(std::string text) const {
    for (std::size_t i = originals_.size(); i-- > 0;) {
      const std::string name = fmt::format("{}{}q", kNewName, i);
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += originals_[i].size())
        text.replace(at, name.size(), originals_[i]);
    }
    return text;
  }

 private:
  static void rename_in_path(std::string& path, const std::vector<std::pair<std::string, std::string>>& areas) {
    const std::size_t slash = path.find('/');
    const std::size_t last = path.rfind('/');
    if (slash == std::string::npos || last == slash) return;
    for (const auto& [old, fresh] : areas)
      if (path.substr(slash + 1, last - slash - 1) == old) return void(path.replace(slash + 1, old.size(), fresh));
  }

  Program program_;
  std::vector<std::string> originals_;
};

// The texts that a program reads from files, and all lines that the machine prints.
class Texts final : public Observer {
 public:
  void file_read(const std::string&, const std::optional<std::string>& text) override {
    texts_.push_back(text.value_or("there is no such file"));
  }
  std::vector<std::string> all() const {
    std::vector<std::string> texts = texts_;
    const Trace& trace = last_plain_run().machine().trace;
    for (const Record& record : trace.records()) texts.push_back(trace.format(record));
    return texts;
  }

 private:
  std::vector<std::string> texts_;
};

// No exceptions: everything is equal, and so is every text once the old names are put back.
PROMISE(MetamorphicPromise, an_area_may_have_another_name, {.planted = {Bug::names_cut_short}}) {
  Texts read;
  const Behaviour original = behaviour(run_plainly(program, &read), {}).without("line");
  const std::vector<std::string> texts = read.all();
  const Renamed renamed(program);
  Texts read_renamed;
  assert_equal(behaviour(run_plainly(renamed.program(), &read_renamed), {}).without("line"), original);
  std::vector<std::string> others = read_renamed.all();
  for (std::string& text : others) text = renamed.as_it_was(std::move(text));
  RC_ASSERT(others == texts);
}

// --- what the program does not use ---

// The kernel's exceptions: sizes of per-CPU lists that it computes from the number of CPUs (these machines fix them),
// and that a kernel with one CPU activates a page at once instead of by way of a pagevec.
PROMISE(MetamorphicPromise, an_unused_cpu_changes_nothing, {.planted = {Bug::drain_misses_cpu}}) {
  RC_PRE(program.machine.cpus >= 2);
  const Viewpoint from{.cpus = program.machine.cpus};
  const Behaviour original = behaviour(run_plainly(program), from);
  Program more = program;
  ++more.machine.cpus;
  assert_equal(behaviour(run_plainly(more), from), original);
  for (std::size_t z = 0; z < last_plain_run().machine().buddy.zones(); ++z)
    RC_ASSERT(last_plain_run().machine().buddy.zone(z).pcp[static_cast<std::size_t>(program.machine.cpus)].count == 0);
}

// Returns the program on a machine with an area more, in a lower zone of its own, which holds nothing else and is
// handed out as a whole from the beginning. Between that zone and memory that begins within a largest block is a hole.
Program with_area_in_use(Program program) {
  Geometry& machine = program.machine;
  const Pfn pages = std::max(machine.isolation_unit(), machine.largest_pages());
  const Pfn begin = machine.memory.start;
  const Pfn end = align_down(begin, pages);
  std::vector<ZoneSpec> zones = machine.effective_zones();
  zones.insert(zones.begin(), {"DMA", {end - pages, end}});
  machine.zones = zones;
  if (end != begin) machine.holes.push_back({end, begin});
  machine.memory.start = end - pages;
  machine.areas.push_back({"unrelated", end - pages, pages, 0});
  Op request;
  request.body = CmaAlloc{{false, static_cast<std::uint16_t>(machine.areas.size() - 1)}, pages, 0, false};
  program.ops.insert(program.ops.begin(), request);
  return program;
}

// How many records precede the end of the first operation.
class AfterFirst final : public Observer {
 public:
  void op_performed(Machine& machine, std::size_t op) override {
    if (op == 0) records = machine.trace.records().size();
  }
  std::size_t records = 0;
};

// Returns whether the program asks for memory of the lowest zones: such a request prefers them to others.
bool asks_for_low_zones(const Program& program) {
  return std::ranges::any_of(program.ops, [](const Op& op) {
    const auto* request = std::get_if<AllocGfp>(&op.body);
    return request != nullptr && (request->gfp & (kGfpDma | kGfpDma32)) != 0;
  });
}

// The kernel's exceptions: min_free_kbytes is shared out among the zones, so it is 0 here; a compaction goes over every
// zone, and prints how much of each it scanned; up to 5.8 boot activates no area that is declared after one that fails;
// which process is killed depends on the size of all memory.
PROMISE(MetamorphicPromise, an_area_in_use_elsewhere_changes_nothing,
        {.programs = {.options = {}, .killing = false}, .planted = {Bug::size_of_last_area}}) {
  RC_PRE(!has_boot_operations(program) && !has_any<Compact>(program) && program.failing_bitmaps.empty());
  RC_PRE(program.machine.effective_zones().front().name != "DMA" && !asks_for_low_zones(program));
  // The area's zone would be tried before those of other nodes.
  RC_PRE(!program.machine.several_nodes());
  Program alone = shifted(program, k4GiB);
  alone.machine.phys_addr_bits = 64;
  alone.machine.min_free_kbytes = 0;
  const Pfn origin = alone.machine.memory.start;
  const AreaId areas = static_cast<AreaId>(program.machine.areas.size());
  const Behaviour original = behaviour(run_plainly(alone), {.origin = origin});
  for (AreaId id = 0; id < areas; ++id) RC_PRE(last_plain_run().machine().areas.area(id).active());
  AfterFirst after;
  const RunResult result = run_plainly(with_area_in_use(alone), &after);
  const Viewpoint from{.origin = origin, .areas = areas, .zones = 1, .records = after.records, .slots = 1};
  assert_equal(behaviour(result, from), original);
}

// --- releases and drains ---

// What the machine was like before and after each operation, and which parts of buffers each released.
class Watched : public Observer {
 public:
  struct Step {
    bool rests = false;  // no actor was inside an operation, before and after
    std::vector<PfnRange> released;
    AreaId area = 0;
  };
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override {
    now_.released.push_back({pfn, pfn + count});
    now_.area = area;
  }
  void op_performed(Machine& machine, std::size_t) override {
    const bool rests = machine.engine.at_rest();
    now_.rests = rested_ && rests;
    rested_ = rests;
    steps.push_back(std::exchange(now_, {}));
  }
  std::vector<Step> steps;

 private:
  bool rested_ = true;
  Step now_;
};

// Splits releases that nothing disturbs: the first part of a buffer is released by an operation before. Records which
// operations are new.
Program with_split_releases(const Program& program, const Watched& watched, std::vector<bool>& added) {
  Program split = program;
  split.ops.clear();
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    Op op = program.ops[i];
    auto* release = std::get_if<CmaRelease>(&op.body);
    const Watched::Step& step = watched.steps[i];
    if (release != nullptr && step.rests && !step.released.empty() && !op.until.wanted()) {
      const Result& buffer = *last_plain_run().world().find(release->buffer);
      const PfnRange part = step.released.front();
      const std::uint64_t bit = order_pages(last_plain_run().machine().areas.area(step.area).order_per_bit);
      const std::uint64_t bits = (part.pages() + bit - 1) / bit;
      if (bits > 1) {
        const std::uint64_t first = bit * (1 + i % (bits - 1));
        Op before = op;
        before.id = 0;
        before.body = CmaRelease{release->buffer, part.start - buffer.pfn, first};
        split.ops.push_back(before);
        added.push_back(true);
        if (release->pages != 0) *release = {release->buffer, release->from + first, release->pages - first};
      }
    }
    split.ops.push_back(op);
    added.push_back(false);
  }
  return split;
}

// Replaces the records of releases by the pages that were released: in the log's lines, and in tracepoints. Each
// release warns of its own pages that are still in use: the warnings are replaced by the number of these pages.
void by_pages(Behaviour& of, const Machine& machine) {
  std::vector<std::uint64_t> kept;
  BehaviourPart logged{"page in a line of the log", 1, {}, {}};
  BehaviourPart traced{"page in a tracepoint", 1, {}, {}};
  BehaviourPart in_use{"count of pages still in use", 1, {0}, {}};
  const BehaviourPart& records = of.part("record");
  const std::vector<Record> compared = compared_records(machine.trace, 0);
  for (std::size_t i = 0; i < records.numbers.size(); i += records.width) {
    const Record& record = compared[i / records.width];
    const bool line = record.event == Event::log_cma_release;
    if (record.event == Event::log_still_in_use) {
      in_use.numbers.front() += record.a;
      continue;
    }
    if (!line && record.event != Event::cma_release) {
      for (std::size_t number = 0; number < records.width; ++number) kept.push_back(records.numbers[i + number]);
      continue;
    }
    const Pfn first = line ? record.a : record.b;
    const std::uint64_t count = line ? record.b : record.c;
    for (std::uint64_t page = 0; page < count; ++page) (line ? logged : traced).numbers.push_back(first + page);
  }
  of.part("record").numbers = std::move(kept);
  of.parts.push_back(std::move(logged));
  of.parts.push_back(std::move(traced));
  of.parts.push_back(std::move(in_use));
}

// Removes the rows of results of operations that were added.
void drop_results(Behaviour& of, const std::vector<bool>& added) {
  BehaviourPart& results = of.part("result");
  std::vector<std::uint64_t> kept;
  for (std::size_t i = 0; i < results.numbers.size(); ++i)
    if (!added[i / results.width]) kept.push_back(results.numbers[i]);
  results.numbers = std::move(kept);
}

// Split at any bit, when no other actor is inside an operation. Lines and tracepoints name the same pages in the same
// order; two releases warn of the pages that are still in use where one did, of as many in all.
PROMISE(MetamorphicPromise, a_release_may_be_split_in_two, {.planted = {Bug::release_keeps_bit}}) {
  Watched watched;
  const RunResult result = run_plainly(program, &watched);
  RC_PRE(watched.steps.size() == program.ops.size());
  Behaviour original = behaviour(result, {});
  by_pages(original, last_plain_run().machine());
  std::vector<bool> added;
  const Program split = with_split_releases(program, watched, added);
  RC_CLASSIFY(split.ops.size() != program.ops.size(), "a release was split");
  Behaviour changed = behaviour(run_plainly(split), {});
  by_pages(changed, last_plain_run().machine());
  drop_results(changed, added);
  assert_equal(changed, original);
}

// The windows that one operation's requests tried, and what came of each.
class TriedWindows final : public WindowObserver<Watched> {
 public:
  struct Window {
    Pfn start;
    Pfn end;
    int error;
  };
  explicit TriedWindows(std::size_t op) : op_(op) {}
  void window_begins(Pfn start, Pfn end) override { window_ = {start, end, 0}; }
  void window_ended(int error) override {
    window_.error = error;
    if (steps.size() == op_) tried.push_back(window_);
  }
  std::vector<Window> tried;

 private:
  std::size_t op_;
  Window window_{};
};

// Returns the last request that no other actor disturbs, as an index of an operation.
std::optional<std::size_t> last_quiet_request(const Program& program, const Watched& watched) {
  for (std::size_t i = watched.steps.size(); i-- > 0;)
    if (std::holds_alternative<CmaAlloc>(program.ops[i].body) && watched.steps[i].rests) return i;
  return std::nullopt;
}

// The windows of a request, and what it got.
std::string answer(const Program& program, std::size_t op) {
  TriedWindows windows(op);
  const RunResult result = run_plainly(program, windows);
  if (result.finding) return result.finding->signature();
  const Result& got = last_plain_run().world().result(static_cast<Slot>(op));
  std::string text = fmt::format("got {:x} ({});", got.pfn, got.error);
  for (const TriedWindows::Window& window : windows.tried)
    text += fmt::format(" [{:x}, {:x}): {}", window.start, window.end, window.error);
  return text;
}

// Fails the property if a drain before the last quiet request of a program changes what that tries or gets.
void assert_drain_changes_no_window(const Program& program) {
  Watched watched;
  run_plainly(program, &watched);
  const std::optional<std::size_t> request = last_quiet_request(program, watched);
  RC_PRE(request.has_value());
  Program until = program;
  until.ops.resize(*request + 1);
  // A drain may leave nothing to be done at the point where the request was to stop.
  until.ops.back().until = {};
  Program drained = until;
  Op drain;
  drain.performer = until.ops.back().performer;
  drain.body = DrainOp<DrainKind::everything>{};
  drained.ops.insert(drained.ops.end() - 1, drain);
  const std::string before = answer(until, *request);
  const std::string after = answer(drained, *request + 1);
  if (before != after) RC_FAIL(fmt::format("without a drain: {}; with one: {}", before, after));
}

// A request empties the per-CPU lists and pagevecs itself. What it does to other pages may differ: a drain changes
// where the pages that it moves go.
PROMISE(MetamorphicPromise, a_drain_before_a_request_changes_no_window, {.planted = {Bug::drain_left_out}}) {
  assert_drain_changes_no_window(program);
}

// Operations that leave pages in the caches of several CPUs.
Programs on_cached_pages() {
  Programs programs;
  programs.options.min_ops = 20;
  programs.options.kinds = KindSet()
                               .set(kind_of<CmaAlloc>())
                               .set(kind_of<CmaRelease>())
                               .set(kind_of<OwnedPages<PageKind::anonymous>>())
                               .set(kind_of<OwnedPages<PageKind::shmem>>())
                               .set(kind_of<LruOp<LruVerb::mark_accessed>>())
                               .set(kind_of<FreeOwned>());
  return programs;
}

PROMISE(MetamorphicPromise, a_drain_before_a_request_for_cached_pages_changes_no_window,
        {.programs = on_cached_pages(), .planted = {{Bug::local_drain_only, Release::v3_6}, {Bug::drain_left_out}}}) {
  assert_drain_changes_no_window(with_large_requests(program));
}

// --- bits ---

std::uint64_t doubled(std::uint64_t pages) { return pages >> 40 != 0 ? pages : 2 * pages; }

void double_range(PfnRange& range) { range = {2 * range.start, 2 * range.end}; }

// Returns the operations on areas, on a machine that has two pages for each page, and blocks and bits twice as large.
Program with_doubled_pages(Program program) {
  Geometry& machine = program.machine;
  double_range(machine.memory);
  for (ZoneSpec& zone : machine.zones) double_range(zone.range);
  for (PfnRange& hole : machine.holes) double_range(hole);
  for (PfnRange& kept : machine.reserved) double_range(kept);
  for (AreaSpec& area : machine.areas) area = {area.name, 2 * area.base, 2 * area.pages, area.order_per_bit + 1};
  ++machine.pageblock_order;
  ++machine.largest_order;
  if (machine.min_free_kbytes) machine.min_free_kbytes = 2 * *machine.min_free_kbytes;
  for (Op& op : program.ops) {
    if (auto* request = std::get_if<CmaAlloc>(&op.body)) {
      request->pages = doubled(request->pages);
      ++request->align;
    }
    if (auto* release = std::get_if<CmaRelease>(&op.body)) {
      release->from = doubled(release->from);
      release->pages = doubled(release->pages);
    }
    if (auto* pages = std::get_if<OwnedPages<PageKind::unmovable>>(&op.body)) {
      pages->at.offset *= 2;
      pages->pages *= 2;
    }
  }
  return program;
}

// Leaves the operations that take and give back pages of areas.
Program on_areas_only(Program program) {
  std::erase_if(program.ops, [](const Op& op) {
    const auto* pages = std::get_if<OwnedPages<PageKind::unmovable>>(&op.body);
    return pages != nullptr && pages->at.kind != Place::Kind::area;
  });
  for (Op& op : program.ops)
    if (op.until.point > Point::cma_bitmap_cleared && op.until.point != Point::cma_release_pages_freed) op.until = {};
  return program;
}

// The words of all bitmaps after each operation.
class Bitmaps final : public Observer {
 public:
  void op_performed(Machine& machine, std::size_t) override {
    for (AreaId id = 0; id < machine.areas.size(); ++id) words.push_back(machine.areas.area(id).bitmap.words());
  }
  std::vector<std::vector<std::uint64_t>> words;
};

// Operations stop in areas only: other points are passed once a page or a pageblock.
constexpr auto kOnAreas = [] {
  GeneratorOptions options;
  options.kinds = KindSet()
                      .set(kind_of<CmaAlloc>())
                      .set(kind_of<CmaRelease>())
                      .set(kind_of<OwnedPages<PageKind::unmovable>>())
                      .set(kind_of<FreeOwned>())
                      .set(kind_of<Resume>());
  return Programs{.options = options};
};

// Since 3.17, which brought bits of more pages than one. Unmovable pages in areas make windows busy; all areas are
// active, as a frame of another is taken only while its pageblock holds nothing that stays.
PROMISE(MetamorphicPromise, bits_of_twice_as_many_pages_leave_the_bitmap_as_it_is,
        {.programs = kOnAreas(), .planted = {Bug::mask_exponent}}) {
  RC_PRE(program.machine.release >= Release::v3_17 && !has_boot_operations(program));
  RC_PRE(program.failing_bitmaps.empty());
  const Program original = on_areas_only(program);
  Bitmaps bitmaps;
  run_plainly(original, &bitmaps);
  std::vector<Pfn> frames;
  for (std::size_t i = 0; i < original.ops.size(); ++i)
    frames.push_back(last_plain_run().world().result(static_cast<Slot>(i)).pfn);
  Bitmaps of_doubled;
  run_plainly(with_doubled_pages(original), &of_doubled);
  RC_ASSERT(of_doubled.words == bitmaps.words);
  for (std::size_t i = 0; i < original.ops.size(); ++i) {
    const Pfn pfn = last_plain_run().world().result(static_cast<Slot>(i)).pfn;
    RC_ASSERT(pfn == (frames[i] == kNoPfn ? kNoPfn : 2 * frames[i]));
  }
}

}  // namespace
}  // namespace cma
