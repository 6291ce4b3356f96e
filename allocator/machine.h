// One simulated machine: every layer put together from a Geometry, and the few upward calls wired.
//
// Early after construction boot has only its reservations; finish_boot() hands memory to the allocator and activates
// the areas. Machines are copied, compared and hashed only at rest, when no actor is inside an operation. restore()
// goes back to a booted state at the cost of the pages touched since.
#pragma once

#include <memory>

#include "allocator/areas/areas.h"
#include "allocator/compaction/compaction.h"
#include "allocator/files/files.h"
#include "allocator/frames/core.h"
#include "allocator/migration/scan.h"
#include "allocator/oom/oom_killer.h"
#include "allocator/owners/hugetlb.h"
#include "allocator/owners/owner_moves.h"
#include "allocator/owners/owner_reclaim.h"
#include "allocator/owners/owner_records.h"
#include "allocator/owners/owners.h"
#include "allocator/owners/page_cache.h"
#include "allocator/owners/reverse_map.h"
#include "allocator/pressure/page_allocator.h"
#include "allocator/processes/processes.h"
#include "allocator/reclaim/reclaim.h"
#include "allocator/reclaim/request_relief.h"
#include "allocator/reports/reports.h"

namespace cma {

class Machine {
 public:
  // Declares the geometry's areas; no page is free yet.
  // Requires: the geometry is possible (Geometry::impossible).
  explicit Machine(const Geometry& geometry);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Frees all memory that is not reserved, activates the areas, computes watermarks.
  void finish_boot();
  bool booted() const { return booted_; }

  // Makes this machine equal to `boot`. Actors stay, idle.
  // Requires: `boot` is at rest, of the same geometry, and the machine from which this one was restored before, if any.
  void restore(const Machine& boot);

  // Returns a number that is equal for machines in equal states; leaves out time, trace and statistics.
  // Requires: the machine is at rest.
  std::uint64_t hash() const;
  // Returns the same at any time; leaves out the local state of suspended actors.
  std::uint64_t state_hash() const;

  // Returns the content of a file that an engineer looks at: of an area (area_files.h) or of /proc (proc_files() and
  // MemoryReports::files()); nullopt if there is no such file.
  std::optional<std::string> read_file(const std::string& path) const;

  const Geometry& geometry() const { return geometry_; }
  Release release() const { return geometry_.release; }

 private:
  Geometry geometry_;
  bool booted_ = false;

 public:
  // The layers, lowest first; but those that lower ones call upwards stand before them.
  BugSet bugs;
  Engine engine;
  Trace trace;
  MemoryMap map;
  PageLocks page_locks;
  Writebacks writebacks;
  Memblock memblock;

 private:
  Core core_;  // passed to each of the layers that follow

 public:
  Buddy buddy;
  PageAllocator page_allocator;
  HugetlbPool hugetlb;
  Buffers buffers;
  Lru lru;
  Device device;
  AddressSpaces spaces;

 private:
  OwnerRecords owner_records_;  // passed to the parts of owners/; others read it through `owners`

 public:
  ReverseMap reverse_map;
  PageCache page_cache;
  Owners owners;
  OwnerReclaim owner_reclaim;
  OwnerMoves owner_moves;
  Migration migration;
  MigrateScanner scanner;
  Files files;
  Processes processes;
  Isolation isolation;
  Compaction compaction;
  Reclaim reclaim;
  RequestRelief relief;
  Contig contig;
  Areas areas;
  MemoryReports reports;
  OomKiller oom_killer;
};

// Returns a booted machine.
std::unique_ptr<Machine> make_machine(const Geometry& geometry);

}  // namespace cma
