// Promise: the order of independent operations does not matter.
//
// Two operations are independent if nothing that one of them reads or writes is written by the other. The footprint of
// an operation is taken from what it did, and is larger than the truth: a whole zone where it took or freed a page,
// with the zone's per-CPU lists on every CPU. An operation whose footprint is not known is independent of none.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "properties/arbitrary/behaviour_testing.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// What an operation touches.
struct Footprint {
  bool known = false;
  std::set<std::size_t> zones;  // free lists, per-CPU lists and counters
  std::set<AreaId> areas;
  std::set<Pfn> frames;          // references, outside `zones`
  std::set<std::string> tables;  // kinds of records that are numbered in the order of their making
};

template <class T>
bool disjoint(const std::set<T>& a, const std::set<T>& b) {
  return std::ranges::none_of(a, [&](const T& one) { return b.contains(one); });
}

// Takes the footprint of each operation while a program runs, and the trace of each.
class Footprints final : public WindowObserver<> {
 public:
  explicit Footprints(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override {
    WindowObserver::program_begins(machine);
    quiet_ = caches_are_empty();
    booted_ = machine.booted();
  }
  void alloc_begins(AreaId area, std::uint64_t, unsigned) override { now_.areas.insert(area); }
  void alloc_failed(AreaId area, std::uint64_t, unsigned) override { touch_area(area); }
  void buffer_allocated(AreaId area, Pfn, std::uint64_t, unsigned) override { touch_area(area); }
  void buffer_releasing(AreaId area, Pfn, std::uint64_t) override { touch_area(area); }
  // The zones that the request considers: from its ceiling down to the one that served it, or those of all nodes.
  void pages_allocated(Pfn pfn, unsigned, Gfp) override {
    const std::size_t served = machine_->geometry().several_nodes() ? 0 : machine_->map.page(pfn).zone;
    for (std::size_t z = served; z < machine_->buddy.zones(); ++z) now_.zones.insert(z);
    now_.known = true;
  }
  void pages_freeing(Pfn pfn, unsigned) override { touch_zone(pfn); }
  void reference_taken(Pfn pfn, int, bool) override {
    now_.frames.insert(pfn);
    now_.known = true;
  }
  // The last reference frees the page.
  void reference_dropping(Pfn pfn, int) override { touch_zone(pfn); }
  void page_refused(Pfn, Refusal, int) override { refused_ = true; }
  void op_performed(Machine& machine, std::size_t op) override;

  // By operation, in the order in which they were performed.
  std::vector<Footprint> of;
  std::vector<std::vector<Record>> traces;
  bool independent(std::size_t a, std::size_t b) const;

 private:
  void touch_zone(Pfn pfn) {
    now_.zones.insert(machine_->map.page(pfn).zone);
    now_.known = true;
  }
  void touch_area(AreaId area) {
    touch_zone(machine_->areas.area(area).base);
    now_.areas.insert(area);
  }
  bool caches_are_empty() const;
  std::vector<Pfn> owned_frames() const;
  bool is_known(const Op& op) const;

  const Program& program_;
  Footprint now_;
  bool rested_ = true;
  bool quiet_ = true;
  bool booted_ = true;
  bool refused_ = false;
  std::vector<Pfn> owned_;  // where the pages of all owners were after the last operation
  std::size_t records_ = 0;
};

// Returns whether a drain of all caches finds nothing.
bool Footprints::caches_are_empty() const {
  for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu) {
    for (std::size_t z = 0; z < machine_->buddy.zones(); ++z)
      if (machine_->buddy.zone(z).pcp[static_cast<std::size_t>(cpu)].count != 0) return false;
    for (unsigned which = 0; which < kPagevecs; ++which)
      if (!machine_->lru.pagevecs().pages(cpu, static_cast<Pagevec>(which)).empty()) return false;
    if (!machine_->buffers.lru_slots(cpu).empty()) return false;
  }
  return true;
}

std::vector<Pfn> Footprints::owned_frames() const {
  std::vector<Pfn> frames;
  for (OwnerId id = 1; id <= machine_->owners.size(); ++id) frames.push_back(machine_->owners.owner(id).pfn);
  return frames;
}

// Returns whether the footprint that was taken is all. A request drains the caches of every zone and moves pages to
// any: only one is known that finds nothing to drain, moves no page and is refused none.
bool Footprints::is_known(const Op& op) const {
  if (std::holds_alternative<CmaAlloc>(op.body)) return quiet_ && !refused_ && owned_ == owned_frames();
  return std::holds_alternative<CmaRelease>(op.body) || std::holds_alternative<AllocPages>(op.body) ||
         std::holds_alternative<FreePages>(op.body) || std::holds_alternative<Pin>(op.body) ||
         std::holds_alternative<GetPage>(op.body);
}

void Footprints::op_performed(Machine& machine, std::size_t op) {
  const std::vector<Record>& records = machine.trace.records();
  traces.emplace_back(records.begin() + static_cast<std::ptrdiff_t>(records_), records.end());
  records_ = records.size();
  const Op& performed = program_.ops[op];
  const bool rests = machine.engine.at_rest();
  if (std::holds_alternative<Spawn>(performed.body)) now_.tables.insert("process");
  if (std::holds_alternative<OpenFile>(performed.body)) now_.tables.insert("file");
  now_.known = !now_.tables.empty() || (now_.known && is_known(performed));
  // The operation that finishes boot prints what boot prints.
  now_.known = now_.known && booted_ && rests && rested_ && !performed.until.wanted();
  booted_ = machine.booted();
  of.push_back(std::exchange(now_, {}));
  rested_ = rests;
  quiet_ = caches_are_empty();
  refused_ = false;
  owned_ = owned_frames();
}

bool Footprints::independent(std::size_t a, std::size_t b) const {
  const Footprint& one = of[a];
  const Footprint& other = of[b];
  if (!one.known || !other.known) return false;
  bool names = false;
  for_each_operand(program_.ops[b].body, [&](OpId id) { names = names || (id != 0 && id == program_.ops[a].id); });
  const auto in_zones = [&](const Footprint& frames, const Footprint& zones) {
    return std::ranges::any_of(frames.frames,
                               [&](Pfn pfn) { return zones.zones.contains(machine_->map.page(pfn).zone); });
  };
  return !names && disjoint(one.zones, other.zones) && disjoint(one.areas, other.areas) &&
         disjoint(one.frames, other.frames) && disjoint(one.tables, other.tables) && !in_zones(one, other) &&
         !in_zones(other, one);
}

// Two zones, with an area in each, so that there is something independent. Empty per-CPU lists are more frequent
// without the operations that fill them.
Programs on_two_zones() {
  Programs programs;
  programs.options.kinds = KindSet()
                               .set(kind_of<CmaAlloc>())
                               .set(kind_of<CmaRelease>())
                               .set(kind_of<AllocPages>())
                               .set(kind_of<FreePages>())
                               .set(kind_of<Pin>())
                               .set(kind_of<GetPage>())
                               .set(kind_of<Spawn>())
                               .set(kind_of<OpenFile>())
                               .set(kind_of<DrainOp<DrainKind::everything>>())
                               .set(kind_of<OwnedPages<PageKind::anonymous>>());
  return programs;
}

Program with_two_zones(Program program) {
  Geometry& machine = program.machine;
  const Pfn border = machine.areas.back().base;
  machine.zones = {{"Normal", {machine.memory.start, border}}, {"HighMem", {border, machine.memory.end}}};
  return program;
}

// Which operation stands at each place once independent neighbours have changed places.
std::vector<std::size_t> swapped_order(const Footprints& footprints) {
  std::vector<std::size_t> order(footprints.of.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    if (!footprints.independent(i, i + 1)) continue;
    std::swap(order[i], order[i + 1]);
    ++i;
  }
  return order;
}

// Returns whether both of two operations take or free pages.
bool swaps_pages(const Footprints& footprints, std::size_t a, std::size_t b) {
  return !footprints.of[a].zones.empty() && !footprints.of[b].zones.empty();
}

std::vector<std::array<std::uint64_t, 6>> numbers(const std::vector<Record>& trace) {
  std::vector<std::array<std::uint64_t, 6>> rows;
  for (const Record& record : trace) {
    // Figures of a report follow from what was performed before.
    const bool report = record.event == Event::log_memory;
    const bool text = report || record.event == Event::log_text || record.event == Event::log_suppressed;
    rows.push_back({static_cast<std::uint64_t>(record.event), record.cpu, text ? 0 : record.a, record.b, record.c,
                    report ? 0 : record.d});
  }
  return rows;
}

// Pages, lists, counters, areas, buffers and owners are equal, and each operation prints what it printed.
PROMISE(OrderPromise, of_independent_operations_does_not_matter,
        {.programs = on_two_zones(), .planted = {Bug::shared_search_hint}}) {
  Program original = with_two_zones(program);
  // All operations share the rate limits of log lines.
  original.machine.rate_limits = false;
  Footprints footprints(original);
  RC_PRE(!run_plainly(original, footprints).finding);
  const Behaviour state = state_of(last_plain_run().machine(), {});
  const std::vector<std::size_t> order = swapped_order(footprints);
  bool pages = false;
  for (std::size_t i = 0; i < order.size(); ++i)
    pages = pages || (order[i] > i && swaps_pages(footprints, order[i], i));
  RC_CLASSIFY(!std::ranges::is_sorted(order), "operations were swapped");
  RC_CLASSIFY(pages, "two were swapped that take or free pages");
  Program swapped = original;
  for (std::size_t i = 0; i < order.size(); ++i) swapped.ops[i] = original.ops[order[i]];
  Footprints after(swapped);
  const RunResult result = run_plainly(swapped, after);
  RC_ASSERT(!result.finding);
  const std::string differs = difference(state_of(last_plain_run().machine(), {}), state);
  if (!differs.empty()) RC_FAIL("after operations were swapped, the machine differs: " + differs);
  for (std::size_t i = 0; i < order.size(); ++i)
    RC_ASSERT(numbers(after.traces[i]) == numbers(footprints.traces[order[i]]));
}

}  // namespace
}  // namespace cma
