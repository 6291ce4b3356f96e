// One simulated machine: every layer put together from a Geometry, and the few upward calls wired.
//
// Early after construction boot has only its reservations; finish_boot() hands memory to the allocator and activates
// the areas. Machines are compared, hashed and copied at rest. restore() goes back to a booted state at the cost of
// what was touched since.
#pragma once

#include <memory>

#include "allocator/areas/areas.h"
#include "allocator/compaction/compaction.h"
#include "allocator/files/files.h"
#include "allocator/frames/core.h"
#include "allocator/owners/hugetlb.h"
#include "allocator/owners/owners.h"
#include "allocator/processes/processes.h"

namespace cma {

class Machine {
 public:
  // The geometry must be possible (Geometry::impossible). Declares the geometry's areas; nothing is free yet.
  explicit Machine(const Geometry& geometry);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Frees what is not reserved, activates the areas, computes watermarks.
  void finish_boot();
  bool booted() const { return booted_; }

  // Makes this machine equal to `boot`, a machine of the same geometry at rest from which this one was restored (or
  // built) before. Actors stay, idle.
  void restore(const Machine& boot);

  // Equal for machines in equal states; leaves out time, trace and statistics. At rest.
  std::uint64_t hash() const;
  // The same at any time: what suspended actors hold in their hands is not in it.
  std::uint64_t state_hash() const;

  const Geometry& geometry() const { return geometry_; }
  Release release() const { return geometry_.release; }

 private:
  Geometry geometry_;
  bool booted_ = false;

 public:
  // The layers, lowest first.
  BugSet bugs;
  Engine engine;
  Trace trace;
  MemoryMap map;
  PageLocks page_locks;
  Writebacks writebacks;
  Memblock memblock;

 private:
  Core core_;  // what the layers below have in common

 public:
  Buddy buddy;
  Lru lru;
  Migration migration;
  Buffers buffers;
  Device device;
  AddressSpaces spaces;
  HugetlbPool hugetlb;
  Owners owners;
  Files files;
  Processes processes;
  Isolation isolation;
  Compaction compaction;
  Contig contig;
  Areas areas;
};

// A booted machine.
std::unique_ptr<Machine> make_machine(const Geometry& geometry);

}  // namespace cma
