// Helpers of the model's tests: machines of known shape, pages put where a test wants them, contents of lists, lines of
// the log.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "allocator/machine.h"

namespace cma {

// The releases that tests set side by side.
inline constexpr std::array<Release, 6> kComparedReleases = {Release::v4_9,  Release::v4_19, Release::v5_10,
                                                             Release::v5_15, Release::v6_1,  Release::v6_6};

// Versions between two modelled ones, each of which does something as neither of them does.
inline constexpr std::array<Release, 4> kVersionsBetween = {Release::v4_12, Release::v5_11, Release::v5_18,
                                                            Release::v6_3};

// Returns a machine with an area "main" of 4096 pages at 0x10000 and real orders (9 and 10).
Geometry worked_example_geometry(Release release);
// Returns a machine of 64 pages in one zone: pageblock order 3, largest order 5, per-CPU lists that hold back nothing.
Geometry tiny_geometry(Release release);

// Returns a machine whose free lists a test builds by hand: 256 pages, pageblock order 4, largest order 6. Nothing is
// free at the start, and per-CPU lists hold back nothing.
Geometry bare_geometry(Release release);
// The types as tests of free lists write them.
namespace type_letters {
inline constexpr Migratetype U = Migratetype::unmovable;
inline constexpr Migratetype M = Migratetype::movable;
inline constexpr Migratetype E = Migratetype::reclaimable;
inline constexpr Migratetype H = Migratetype::highatomic;
inline constexpr Migratetype C = Migratetype::cma;
inline constexpr Migratetype I = Migratetype::isolate;
}  // namespace type_letters

// Returns the free lists of a machine, which only the allocator changes otherwise.
FreeLists& free_lists_of(Buddy& buddy);
// Frees a block to the free lists of its zone, as of this type, whatever its pageblocks are.
void free_block(Machine& machine, Pfn pfn, unsigned order, Migratetype type);
// Frees a block that boot reserved; its pageblocks get the type.
void give_block(Machine& machine, Pfn pfn, unsigned order, Migratetype type);

// A free block: its head and order.
using Block = std::pair<Pfn, unsigned>;

// Returns the frames of a list, first to last.
std::vector<Pfn> pfns_of(const MemoryMap& map, const PageList& list);
// Returns the blocks on one free list, first to last.
std::vector<Pfn> free_list(const Machine& machine, unsigned order, Migratetype type, std::size_t zone = 0);
// Returns the free blocks whose heads lie in a range, ascending.
std::vector<Block> free_blocks(const Machine& machine, const PfnRange& range);
// Sums up the free lists, for comparison with the zone's counters: pages outside Isolate pageblocks, and those of them
// in CMA pageblocks.
std::pair<std::int64_t, std::int64_t> recount_free(const Machine& machine, std::size_t zone = 0);

// Takes exactly this frame off the free lists, as an order-0 allocation that happened to get it would: one
// reference, on no list. Its neighbours stay free.
void claim_frame(Machine& machine, Pfn pfn);
// Claims a frame, gives it to an owner of this kind and drains the pagevec it may wait in.
OwnerId own_frame(Machine& machine, Pfn pfn, PageKind kind);
// Reads a page of a file, completes all I/O and drains the pagevec that the page waits in. It is on the LRU then, and
// nothing has used it.
OwnerId read_page(Machine& machine, FileId file, std::uint64_t index);
// Puts `count` anonymous pages outside every area on the LRU: with enough of them, no scan waits for isolated pages.
void populate_lru(Machine& machine, unsigned count);

// Formats the records from `first` on: all of them, log lines only, or one event only.
std::vector<std::string> lines(const Machine& machine, std::size_t first = 0);
std::vector<std::string> log_lines(const Machine& machine, std::size_t first = 0);
std::vector<std::string> traced(const Machine& machine, Event event, std::size_t first = 0);

// Runs a task as an operation of an actor, and keeps its result when it ends.
template <class T>
struct Outcome {
  std::optional<T> value;
};
template <class T>
Task<void> keep_outcome(Task<T> task, Outcome<T>* outcome) {
  outcome->value = co_await task;
}

// Begins a task as the operation of a new actor on CPU 0, and runs it until it ends, waits, or passes `stop`.
ActorId start_task(Machine& machine, Task<void> task, Point stop = Point::kCount);
// Resumes actors that are ready, lowest id first, and lets time pass, until no actor is inside an operation.
void run_to_rest(Machine& machine);

}  // namespace cma
