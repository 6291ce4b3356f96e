#include "properties/arbitrary/behaviour_testing.h"

#include <algorithm>

#include <fmt/format.h>

namespace cma {
namespace {

// Which of a record's numbers are frames, as bits: a is 1, b is 2, c is 4.
unsigned frames_in(Event event) {
  switch (event) {
    case Event::log_cma_returned:
    case Event::log_cma_release:
    case Event::log_cma_busy_retrying:
    case Event::log_cma_pages_valid:
    case Event::cma_alloc:
    case Event::mm_page_alloc:
    case Event::mm_page_free:
    case Event::mm_page_pcpu_drain:
    case Event::mm_page_alloc_zone_locked:
    case Event::mm_page_alloc_extfrag: return 1;
    case Event::cma_alloc_busy_retry:
    case Event::cma_alloc_finish:
    case Event::cma_release: return 2;
    case Event::log_pfns_busy:
    case Event::isolate_migratepages:
    case Event::isolate_freepages: return 3;
    case Event::test_pages_isolated: return 7;
    case Event::log_text:
    case Event::log_cma_alloc:
    case Event::log_cma_alloc_failed:
    case Event::log_still_in_use:
    case Event::log_suppressed:
    case Event::log_memory:
    case Event::cma_alloc_start:
    case Event::mm_migrate_pages: return 0;
  }
  return 0;
}

std::uint64_t from_origin(Pfn pfn, Pfn origin) { return pfn == kNoPfn ? kNoPfn : pfn - origin; }

// Appends parts to a behaviour, frames counted from the origin.
class Recorder {
 public:
  Recorder(const Machine& machine, const Viewpoint& from) : machine_(machine), from_(from) {}
  void state();
  void results(const World& world, std::size_t ops);
  void trace();
  void text(std::string name, std::string text) { parts_.parts.push_back({std::move(name), 1, {}, {std::move(text)}}); }
  Behaviour take() { return std::move(parts_); }

 private:
  void add(std::string name, std::size_t width) { parts_.parts.push_back({std::move(name), width, {}, {}}); }
  template <class... Numbers>
  void row(Numbers... numbers) {
    auto& to = parts_.parts.back().numbers;
    (to.push_back(static_cast<std::uint64_t>(numbers)), ...);
  }
  std::uint64_t frame(Pfn pfn) const { return from_origin(pfn, from_.origin); }
  std::uint64_t link(Frame frame) const { return frame == kNil ? kNoPfn : this->frame(machine_.map.pfn(frame)); }
  void pages();
  void zones();
  void areas();
  void caches();
  void owners();

  const Machine& machine_;
  const Viewpoint& from_;
  Behaviour parts_;
};

void Recorder::pages() {
  const MemoryMap& map = machine_.map;
  add("page", 11);
  for (Pfn pfn = std::max(map.range().start, from_.origin); pfn < map.range().end; ++pfn) {
    const Page& page = map.page(pfn);
    row(page.ref, page.map, link(page.next), link(page.prev), page.flags, page.order, page.list_type,
        page.zone - from_.zones, page.pagevecs, page.owner, page.token);
  }
  add("pageblock", 1);
  for (Pfn pfn = std::max(map.range().start, from_.origin); pfn < map.range().end; pfn += map.pageblock_pages())
    row(map.pageblock_type(pfn));
}

void Recorder::zones() {
  for (std::size_t z = from_.zones; z < machine_.buddy.zones(); ++z) {
    const Zone& zone = machine_.buddy.zone(z);
    add("zone", 1);
    row(zone.present, zone.managed, zone.nr_free_pages, zone.nr_free_cma, zone.nr_isolate_pageblock,
        zone.nr_reserved_highatomic, zone.watermark[0], zone.watermark[1], zone.watermark[2], zone.watermark_boost);
    add("free list", 2);
    for (const BlocksOfOrder& blocks : zone.free_by_order)
      for (const PageList& list : blocks.lists) row(link(list.first), link(list.last));
    add("per-CPU lists", 1);
    for (int cpu = 0; cpu < std::min(from_.cpus, kMaxCpus); ++cpu) {
      const PerCpuPages& pcp = zone.pcp[static_cast<std::size_t>(cpu)];
      row(pcp.count, pcp.high, pcp.batch, pcp.free_factor, pcp.free_count, pcp.alloc_factor, pcp.freed_high_order);
      for (const PageList& list : pcp.lists) row(link(list.first), link(list.last));
    }
  }
}

void Recorder::areas() {
  const Areas& areas = machine_.areas;
  for (AreaId id = 0; id < std::min<std::size_t>(areas.size(), from_.areas); ++id) {
    const Area& area = areas.area(id);
    add("area", 1);
    row(frame(area.base), area.pages, area.order_per_bit, area.nr_pages_succeeded, area.nr_pages_failed,
        area.nr_pages_released);
    for (const auto& [pfn, pages] : area.debugfs_buffers) row(frame(pfn), pages);
    add("bitmap", 1);
    for (const std::uint64_t word : area.bitmap.words()) row(word);
  }
}

void Recorder::caches() {
  add("LRU list", 1);
  for (unsigned list = 0; list < kLruLists; ++list) row(machine_.lru.lists().size(static_cast<LruList>(list)));
  for (int cpu = 0; cpu < std::min(from_.cpus, machine_.engine.cpus()); ++cpu) {
    for (unsigned which = 0; which < kPagevecs; ++which) {
      add("pagevec", 1);
      for (const Pfn pfn : machine_.lru.pagevecs().pages(cpu, static_cast<Pagevec>(which))) row(frame(pfn));
    }
    add("buffer slots", 1);
    for (const BufferId buffer : machine_.buffers.lru_slots(cpu)) row(buffer);
  }
}

void Recorder::owners() {
  add("buffer", 4);
  for (BufferId id = 1; id <= machine_.buffers.size(); ++id) {
    const Buffer& buffer = machine_.buffers.buffer(id);
    row(frame(buffer.pfn), buffer.count, buffer.dirty, buffer.locked);
  }
  add("owner", 6);
  for (OwnerId id = 1; id <= machine_.owners.size(); ++id) {
    const Owner& owner = machine_.owners.owner(id);
    row(owner.kind, frame(owner.pfn), owner.token, owner.mapped, owner.refusals, owner.buffer);
  }
  add("I/O", 2);
  for (const Io& io : machine_.device.pending()) row(frame(io.pfn), io.kind);
}

void Recorder::state() {
  areas();
  zones();
  pages();
  caches();
  owners();
  add("clock", 1);
  row(machine_.engine.now());
}

void Recorder::results(const World& world, std::size_t ops) {
  add("result", 11);
  for (std::size_t slot = from_.slots; slot < ops; ++slot) {
    const Result& r = world.result(static_cast<Slot>(slot));
    row(r.state, r.yields, r.gone, r.order, r.error, frame(r.pfn), r.pages, r.area, r.process, r.file, r.references);
  }
}

void Recorder::trace() {
  add("record", 7);
  std::vector<std::string> texts;
  for (const Record& record : compared_records(machine_.trace, from_.records)) {
    const bool texted = record.event == Event::log_text || record.event == Event::log_suppressed;
    const auto [a, b, c, d] = numbers_of(record, from_.origin);
    row(record.event, record.cpu, record.time, texted ? 0 : a, b, c, d);
    if (texted) texts.push_back(machine_.trace.format(record));
  }
  add("line", 1);
  parts_.parts.back().texts = std::move(texts);
}

}  // namespace

std::vector<Record> compared_records(const Trace& trace, std::size_t first) {
  std::vector<Record> compared;
  for (std::size_t i = first; i < trace.records().size(); ++i)
    if (trace.records()[i].event != Event::log_memory) compared.push_back(trace.records()[i]);
  return compared;
}

std::array<std::uint64_t, 4> numbers_of(const Record& record, Pfn origin) {
  const unsigned frames = frames_in(record.event);
  return {(frames & 1) != 0 ? from_origin(record.a, origin) : record.a,
          (frames & 2) != 0 ? from_origin(record.b, origin) : record.b,
          (frames & 4) != 0 ? from_origin(record.c, origin) : record.c, record.d};
}

Behaviour& Behaviour::without(std::string_view name) {
  std::erase_if(parts, [&](const BehaviourPart& part) { return part.name == name; });
  return *this;
}

BehaviourPart& Behaviour::part(std::string_view name) { return *std::ranges::find(parts, name, &BehaviourPart::name); }

Behaviour behaviour(const RunResult& result, const Viewpoint& from) {
  const World& world = last_plain_run().world();
  Recorder recorder(last_plain_run().machine(), from);
  recorder.text("finding", result.finding ? result.finding->signature() : "");
  recorder.results(world, world.program().ops.size());
  recorder.trace();
  recorder.state();
  return recorder.take();
}

Behaviour state_of(const Machine& machine, const Viewpoint& from) {
  Recorder recorder(machine, from);
  recorder.state();
  return recorder.take();
}

Program with_large_requests(Program program) {
  for (Op& op : program.ops) {
    auto* request = std::get_if<CmaAlloc>(&op.body);
    if (request == nullptr || request->area.declared) continue;
    const std::uint64_t half = program.machine.areas[request->area.id].pages / 2;
    if (request->pages <= half) request->pages += half;
  }
  return program;
}

std::string difference(const Behaviour& one, const Behaviour& other) {
  for (std::size_t p = 0; p < std::min(one.parts.size(), other.parts.size()); ++p) {
    const BehaviourPart& a = one.parts[p];
    const BehaviourPart& b = other.parts[p];
    if (a.name != b.name) return fmt::format("a {} against a {}", a.name, b.name);
    for (std::size_t i = 0; i < std::min(a.texts.size(), b.texts.size()); ++i)
      if (a.texts[i] != b.texts[i])
        return fmt::format("{} {}: \"{}\" against \"{}\"", a.name, i, a.texts[i], b.texts[i]);
    for (std::size_t i = 0; i < std::min(a.numbers.size(), b.numbers.size()); ++i)
      if (a.numbers[i] != b.numbers[i])
        return fmt::format("{} {}, number {}: {} against {}", a.name, i / a.width, i % a.width, a.numbers[i],
                           b.numbers[i]);
    if (a.texts.size() != b.texts.size() || a.numbers.size() != b.numbers.size())
      return fmt::format("{}: {} rows against {}", a.name, (a.texts.size() + a.numbers.size()) / a.width,
                         (b.texts.size() + b.numbers.size()) / b.width);
  }
  return one.parts.size() == other.parts.size() ? "" : "more parts";
}

}  // namespace cma
