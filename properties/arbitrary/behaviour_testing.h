// What a run did and left, as numbers: two runs behave alike if their numbers are equal.
//
// Frames are counted from an origin that the caller names, so that runs on machines at different places compare equal
// without a translation of either. Used by properties that relate two runs (`properties/*_property.cc`). Cost: a copy
// of the machine's state, some 50 microseconds for a small one.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "properties/arbitrary/runs_testing.h"

namespace cma {

// A part of a behaviour: rows of equal length, or texts.
struct BehaviourPart {
  std::string name;
  std::size_t width = 1;
  std::vector<std::uint64_t> numbers;
  std::vector<std::string> texts;
};

struct Behaviour {
  std::vector<BehaviourPart> parts;
  // Removes a part, of which a promise does not speak.
  Behaviour& without(std::string_view name);
  BehaviourPart& part(std::string_view name);
};

// What of a machine is compared, and how it is counted.
struct Viewpoint {
  Pfn origin = 0;           // the frame that counts as 0; frames below it are not looked at
  AreaId areas = ~0U;       // the first so many areas
  std::size_t zones = 0;    // the first zone that is looked at
  int cpus = kMaxCpus;      // the first so many CPUs
  std::size_t records = 0;  // the first record of the trace that is looked at
  Slot slots = 0;           // the first operation that is looked at
};

// Returns results, trace and state of the last plain run. `result` is what it returned.
Behaviour behaviour(const RunResult& result, const Viewpoint& from);
// Returns the state of a machine alone: pages, lists, counters, areas, pagevecs, buffers, owners, I/O and the clock.
// Page tables, file caches, transactions, the counts of the hugetlb pool, hints and the flags of tasks are not in it.
Behaviour state_of(const Machine& machine, const Viewpoint& from);
// Returns a sentence on the first difference; empty if there is none.
std::string difference(const Behaviour& one, const Behaviour& other);

// Returns the records of a trace that behaviours compare, from record number `first` on: all but lines of reports on
// memory, whose number and figures follow from the whole machine.
std::vector<Record> compared_records(const Trace& trace, std::size_t first);

// Makes requests ask for more than half of their area, so that one page in its middle leaves no other window.
Program with_large_requests(Program program);
// Returns an event's numbers a to d, with frames counted from `origin`.
std::array<std::uint64_t, 4> numbers_of(const Record& record, Pfn origin);

}  // namespace cma
