#include "allocator/machine.h"

#include "allocator/areas/area_files.h"
#include "allocator/base/error.h"
#include "allocator/base/hash.h"

namespace cma {
namespace {

// How many turns loops may take together from one point to the next: many times what the longest take, which go over
// the memory a few times.
constexpr std::uint64_t kTurnsPerFrame = 100;
constexpr std::uint64_t kTurns = 10'000;

// Adds the hints that compactions have left in the zones of the machine; nothing on a machine without any.
void hash_hints(std::uint64_t& hash, const CompactionHints& hints, std::size_t zones) {
  if (!hints.touched()) return;
  for (const std::uint8_t skip : hints.skip_bits()) hash_step(hash, skip);
  for (std::size_t zone = 0; zone < zones; ++zone) {
    const ScannerPositions& positions = hints.zone(zone);
    for (const Pfn pfn : {positions.migrate[0], positions.migrate[1], positions.free, positions.init_migrate})
      hash_step(hash, pfn);
    hash_step(hash, positions.init_free << 1 | (positions.flush ? 1 : 0));
  }
}

// Adds how compactions are put off; nothing on a machine where none has failed.
void hash_deferrals(std::uint64_t& hash, const Compaction& compaction, std::size_t zones) {
  for (std::size_t zone = 0; zone < zones; ++zone)
    if (const std::uint64_t digest = compaction.deferral(zone).digest(); digest != 0)
      hash_step(hash, zone << 32 | digest);
}

// Adds what reclaim has found out about nodes, and the objects it could drop; nothing on a machine without either.
void hash_reclaim(std::uint64_t& hash, const Reclaim& reclaim, std::size_t zones) {
  for (std::size_t zone = 0; zone < zones; ++zone) {
    const NodeState& state = reclaim.lruvecs().state({zone});
    if (state == NodeState{}) continue;
    const unsigned flags = (state.writeback ? 1U : 0U) | (state.dirty ? 2U : 0U) | (state.congested ? 4U : 0U);
    hash_step(hash, zone << 32 | static_cast<std::uint64_t>(state.kswapd_failures) << 3 | flags);
  }
  if (const std::uint64_t slab = reclaim.slab().objects() << 32 ^ reclaim.slab().deferred(); slab != 0)
    hash_step(hash, slab);
}

}  // namespace

Machine::Machine(const Geometry& geometry)
    : geometry_(geometry),
      bugs(geometry.bugs),
      engine(geometry.cpus),
      trace(engine, geometry.release, geometry.pageblock_order, geometry.rate_limits,
            {.bits = geometry.bits_per_long(), .first_frame = geometry.memory.start}),
      map(geometry),
      page_locks(engine, map),
      writebacks(engine, map),
      memblock(geometry),
      core_{geometry_, bugs, engine, trace, map},
      buddy(core_),
      page_allocator(core_, buddy),
      hugetlb(core_, buddy, page_allocator),
      buffers(core_),
      lru(core_, buddy, buffers, hugetlb),
      device(core_, lru, page_locks, writebacks, buffers),
      reverse_map(core_, lru, spaces, owner_records_),
      page_cache(core_, page_locks, buffers, writebacks, device, owner_records_, reverse_map),
      owners(core_, lru, page_locks, writebacks, {spaces, owner_records_, reverse_map, page_cache}),
      owner_reclaim(core_, lru, buffers, {spaces, owner_records_, reverse_map, page_cache}),
      owner_moves(core_, lru, page_locks, buffers, {spaces, owner_records_, reverse_map, page_cache}, owner_reclaim),
      migration({core_, buddy, page_allocator, lru, page_locks, writebacks, owner_moves, hugetlb}),
      scanner(core_, lru, page_locks, migration, owner_moves, hugetlb),
      files(core_, page_allocator, lru, page_locks, writebacks, buffers, device, reverse_map, page_cache, owners),
      processes(core_, buddy, page_allocator, lru, page_locks, spaces, reverse_map, page_cache, owners, owner_moves,
                files, migration),
      isolation(core_, buddy),
      compaction(core_, buddy, lru, scanner, migration, page_allocator.endless()),
      reclaim(core_, buddy, lru, page_locks, owner_reclaim, compaction),
      relief(core_, buddy, compaction, reclaim),
      contig(core_, buddy, lru, scanner, migration, isolation),
      areas(core_, memblock, buddy, contig),
      reports({core_, buddy, lru.lists(), hugetlb, owners, areas, reclaim.lruvecs()}),
      oom_killer(core_, buddy, processes, reports) {
  CMA_ASSERT(!geometry.impossible());
  engine.bound_turns(kTurns + kTurnsPerFrame * map.pages().size());
  buddy.requests().report_failures_to(&reports);
  page_allocator.relieve_by(&relief);
  if (geometry.oom_kills) page_allocator.kill_by(&oom_killer);
  for (const AreaSpec& spec : geometry.areas) {
    memblock.reserve({spec.base, spec.base + spec.pages});
    const unsigned shift = geometry.page_shift();
    const int error =
        areas.boot().init_reserved_mem(spec.base << shift, spec.pages << shift, spec.order_per_bit, spec.name);
    CMA_ASSERT(error == 0);
  }
}

void Machine::finish_boot() {
  CMA_ASSERT(!booted_);
  for (const PfnRange& range : memblock.free_ranges()) buddy.free_boot_range(range);
  areas.boot().activate_all();
  buddy.set_up_watermarks();
  booted_ = true;
}

void Machine::restore(const Machine& boot) {
  CMA_ASSERT(geometry_ == boot.geometry_);
  engine.reset();
  bugs = boot.bugs;
  trace.copy_from(boot.trace);
  map.restore(boot.map);
  page_locks.reset();
  writebacks.reset();
  memblock = boot.memblock;
  buddy.copy_from(boot.buddy);
  page_allocator.reset();
  lru.copy_from(boot.lru);
  scanner.copy_from(boot.scanner);
  buffers.copy_from(boot.buffers);
  device.copy_from(boot.device);
  spaces.copy_from(boot.spaces);
  hugetlb.copy_from(boot.hugetlb);
  owner_records_ = boot.owner_records_;
  processes.copy_from(boot.processes);
  files.copy_from(boot.files);
  isolation.copy_from(boot.isolation);
  compaction.copy_from(boot.compaction);
  reclaim.copy_from(boot.reclaim);
  areas.copy_from(boot.areas);
  oom_killer.copy_from(boot.oom_killer);
  booted_ = boot.booted_;
}

std::optional<std::string> Machine::read_file(const std::string& path) const {
  std::optional<std::string> text = reports.read(path);
  return text ? text : read_view(areas, buddy, map, release(), path);
}

std::uint64_t Machine::hash() const {
  CMA_ASSERT(engine.at_rest());
  return state_hash();
}

std::uint64_t Machine::state_hash() const {
  std::uint64_t hash = kHashSeed;
  for (const Page& page : map.pages()) {
    hash_step(hash, static_cast<std::uint64_t>(page.ref) << 32 | static_cast<std::uint32_t>(page.map));
    hash_step(hash, static_cast<std::uint64_t>(page.next) << 32 | page.prev);
    hash_step(hash, static_cast<std::uint64_t>(page.flags) << 32 | page.owner);
    hash_step(hash, static_cast<std::uint64_t>(page.order) << 8 | index_of(page.list_type));
  }
  for (Migratetype type : map.types()) hash_step(hash, index_of(type));
  for (std::size_t z = 0; z < buddy.zones(); ++z) {
    const Zone& zone = buddy.zone(z);
    hash_step(hash, static_cast<std::uint64_t>(zone.nr_free_pages));
    hash_step(hash, static_cast<std::uint64_t>(zone.nr_free_cma));
    hash_step(hash, zone.nr_isolate_pageblock << 32 | zone.nr_reserved_highatomic);
    hash_step(hash, zone.watermark_boost);
    for (const BlocksOfOrder& blocks : zone.free_by_order)
      for (const PageList& list : blocks.lists)
        hash_step(hash, static_cast<std::uint64_t>(list.first) << 32 | list.last);
    for (const PerCpuPages& pcp : zone.pcp) {
      hash_step(hash, static_cast<std::uint64_t>(pcp.count) << 32 | static_cast<std::uint32_t>(pcp.free_factor));
      hash_step(hash, static_cast<std::uint64_t>(pcp.high) << 32 | static_cast<std::uint32_t>(pcp.free_count));
      hash_step(hash, static_cast<std::uint64_t>(pcp.alloc_factor) << 1 | (pcp.freed_high_order ? 1 : 0));
      for (const PageList& list : pcp.lists) hash_step(hash, static_cast<std::uint64_t>(list.first) << 32 | list.last);
    }
  }
  for (unsigned list = 0; list < kLruLists; ++list) hash_step(hash, lru.lists().size(static_cast<LruList>(list)));
  for (int cpu = 0; cpu < engine.cpus(); ++cpu)
    for (unsigned which = 0; which < kPagevecs; ++which)
      for (Pfn pfn : lru.pagevecs().pages(cpu, static_cast<Pagevec>(which))) hash_step(hash, pfn << 3 | which);
  for (AreaId id = 0; id < areas.size(); ++id)
    for (std::uint64_t word : areas.area(id).bitmap.words()) hash_step(hash, word);
  for (BufferId id = 1; id <= buffers.size(); ++id) {
    const Buffer& buffer = buffers.buffer(id);
    hash_step(hash, buffer.pfn);
    hash_step(hash, static_cast<std::uint64_t>(buffer.count) << 2 | (buffer.dirty ? 1 : 0) | (buffer.locked ? 2 : 0));
  }
  for (const Io& io : device.pending()) hash_step(hash, io.pfn << 2 | static_cast<std::uint64_t>(io.kind));
  for (int cpu = 0; cpu < engine.cpus(); ++cpu)
    for (BufferId id : buffers.lru_slots(cpu)) hash_step(hash, id);
  for (OwnerId id = 1; id <= owners.size(); ++id) {
    const Owner& owner = owners.owner(id);
    hash_step(hash, owner.pfn);
    hash_step(hash, static_cast<std::uint64_t>(owner.refusals) ^ static_cast<std::uint64_t>(owner.mapped) << 40);
  }
  hash_hints(hash, scanner.hints(), buddy.zones());
  hash_deferrals(hash, compaction, buddy.zones());
  hash_reclaim(hash, reclaim, buddy.zones());
  if (const std::uint64_t digest = oom_killer.digest(); digest != 0) hash_step(hash, digest);
  return hash;
}

std::unique_ptr<Machine> make_machine(const Geometry& geometry) {
  auto machine = std::make_unique<Machine>(geometry);
  machine->finish_boot();
  return machine;
}

}  // namespace cma
