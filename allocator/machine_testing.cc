#include "allocator/machine_testing.h"

#include <algorithm>

namespace cma {

Geometry worked_example_geometry(Release release) {
  Geometry g;
  g.release = release;
  g.memory = {0, 0x12000};
  g.areas = {{"main", 0x10000, 4096, 0}};
  return g;
}

Geometry tiny_geometry(Release release) {
  Geometry g;
  g.release = release;
  g.memory = {0, 64};
  g.pageblock_order = 3;
  g.largest_order = 5;
  g.pcp_batch = 1;
  g.pcp_high = 0;
  g.min_free_kbytes = 0;
  return g;
}

Geometry bare_geometry(Release release) {
  Geometry g = tiny_geometry(release);
  g.memory = {0, 256};
  g.pageblock_order = 4;
  g.largest_order = 6;
  g.reserved = {{0, 256}};
  return g;
}

FreeLists& free_lists_of(Buddy& buddy) { return buddy.free_lists_; }

void free_block(Machine& machine, Pfn pfn, unsigned order, Migratetype type) {
  const SpinGuard zone_lock(machine.engine);
  free_lists_of(machine.buddy).free_one_block(machine.buddy.zone_of(pfn), pfn, order, type);
}

void give_block(Machine& machine, Pfn pfn, unsigned order, Migratetype type) {
  for (Page& page : machine.map.edit_run(pfn, order_pages(order))) {
    page.flags = 0;
    page.ref = 0;
  }
  for (Pfn p = pfn; p < pfn + order_pages(order); ++p) machine.map.set_pageblock_type(p, type);
  free_block(machine, pfn, order, type);
}

std::vector<Pfn> pfns_of(const MemoryMap& map, const PageList& list) {
  std::vector<Pfn> pfns;
  for (Frame frame = list.first; frame != kNil; frame = map.at(frame).next) pfns.push_back(map.pfn(frame));
  return pfns;
}

std::vector<Pfn> free_list(const Machine& machine, unsigned order, Migratetype type, std::size_t zone) {
  return pfns_of(machine.map, machine.buddy.zone(zone).free_by_order[order].lists[index_of(type)]);
}

std::vector<Block> free_blocks(const Machine& machine, const PfnRange& range) {
  std::vector<Block> blocks;
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    const Page& page = machine.map.page(pfn);
    if (page.has(kPageBuddy)) blocks.emplace_back(pfn, page.order);
  }
  return blocks;
}

std::pair<std::int64_t, std::int64_t> recount_free(const Machine& machine, std::size_t zone) {
  std::int64_t free = 0;
  std::int64_t cma = 0;
  for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order)
    for (unsigned type = 0; type < kMigratetypes; ++type) {
      const auto blocks = static_cast<std::int64_t>(free_list(machine, order, migratetype_at(type), zone).size());
      if (type != index_of(Migratetype::isolate)) free += blocks << order;
      if (type == index_of(Migratetype::cma)) cma += blocks << order;
    }
  return {free, cma};
}

void claim_frame(Machine& machine, Pfn pfn) {
  Buddy& buddy = machine.buddy;
  Pfn head = pfn;
  unsigned order = 0;
  while (!machine.map.page(head).has(kPageBuddy)) {
    CMA_ASSERT(order < buddy.largest_order());
    head = align_order(pfn, ++order);
  }
  order = machine.map.page(head).order;
  CMA_ASSERT(pfn < head + order_pages(order));
  Zone& zone = buddy.zone_of(pfn);
  const Migratetype type = machine.map.page(head).list_type;
  const SpinGuard zone_lock(machine.engine);
  free_lists_of(buddy).take_block(zone, head);
  while (order > 0) {
    const Pfn upper = head + order_pages(--order);
    const Pfn rest = pfn < upper ? upper : head;
    free_lists_of(buddy).free_one_block(zone, rest, order, type);
    if (pfn >= upper) head = upper;
  }
  Page& page = machine.map.edit(pfn);
  page.ref = 1;
  page.order = 0;
  page.flags = 0;
}

OwnerId own_frame(Machine& machine, Pfn pfn, PageKind kind) {
  claim_frame(machine, pfn);
  const bool anonymous = kind == PageKind::anonymous;
  const OwnerId id = run_now(anonymous ? machine.owners.adopt_anonymous(pfn) : machine.owners.adopt(pfn, kind));
  run_now(machine.lru.drain().add_drain(machine.engine.cpu()));
  return id;
}

OwnerId read_page(Machine& machine, FileId file, std::uint64_t index) {
  const Files::Read read = run_now(machine.files.read(file, index, /*readahead=*/true));
  CMA_ASSERT(read.error == 0);
  while (run_now(machine.device.complete_one())) {
  }
  run_now(machine.lru.drain().add_drain(machine.engine.cpu()));
  return read.page;
}

void populate_lru(Machine& machine, unsigned count) {
  for (Pfn pfn = machine.map.range().start; count > 0; ++pfn) {
    if (machine.map.pageblock_type(pfn) != Migratetype::movable) continue;
    own_frame(machine, pfn, PageKind::anonymous);
    --count;
  }
}

std::vector<std::string> lines(const Machine& machine, std::size_t first) {
  std::vector<std::string> found;
  const std::vector<Record>& records = machine.trace.records();
  for (std::size_t i = first; i < records.size(); ++i) found.push_back(machine.trace.format(records[i]));
  return found;
}

std::vector<std::string> log_lines(const Machine& machine, std::size_t first) {
  std::vector<std::string> found;
  const std::vector<Record>& records = machine.trace.records();
  for (std::size_t i = first; i < records.size(); ++i)
    if (is_log(records[i].event)) found.push_back(machine.trace.format(records[i]));
  return found;
}

std::vector<std::string> traced(const Machine& machine, Event event, std::size_t first) {
  std::vector<std::string> found;
  const std::vector<Record>& records = machine.trace.records();
  for (std::size_t i = first; i < records.size(); ++i)
    if (records[i].event == event) found.push_back(machine.trace.format(records[i]));
  return found;
}

ActorId start_task(Machine& machine, Task<void> task, Point stop) {
  const ActorId actor = machine.engine.add_actor(0);
  machine.engine.begin(actor, std::move(task));
  if (stop != Point::kCount) machine.engine.stop_at(actor, stop, 1);
  machine.engine.resume(actor);
  return actor;
}

void run_to_rest(Machine& machine) {
  Engine& engine = machine.engine;
  while (!engine.at_rest()) {
    bool ran = false;
    for (ActorId actor = 0; actor < engine.actors(); ++actor) {
      if (engine.look(actor).state != ActorState::ready) continue;
      engine.resume(actor);
      ran = true;
    }
    if (ran) continue;
    CMA_ASSERT(engine.next_sleeper() != kNoActor);
    engine.advance_to(engine.now() + kMillisecond);
  }
}

}  // namespace cma
