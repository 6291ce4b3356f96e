// The audit: recounts a machine, and compares the result with the machine's own counters and lists and with the ledger.
//
// Memory is cut into stretches: one largest free block each, cut again where zones meet. For every stretch the audit
// keeps a Tallies and marks of what a quiet call (one that has the machine to itself) could take; sums over zones
// follow by difference. An audit walks the stretches that the memory map or the ledger noted as touched, head by head,
// checks each page and block with its neighbours on lists, and then compares sums. A total audit walks every stretch,
// and every list from its head.
//
// While an actor is inside an operation more is allowed (the catalogue has the list). A stretch that made use of that
// is loose: the audit at rest checks it again, touched or not.
//
// The audit is a witness: where it needs to know what the model does (lru_list_of here, the columns in recount.cc) it
// has code of its own that repeats the model's on purpose. Code shared with the model could not contradict it.
//
// Cost of a usual operation on a small machine: 100 to 200 ns. Text is made only if a law is broken or pages have
// leaked. Memory is allocated for that, by begin(), and where a vector grows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/ledger.h"
#include "properties/laws/tallies.h"
#include "properties/program/law.h"

namespace cma {

class Auditor {
 public:
  explicit Auditor(Ledger& ledger) : ledger_(ledger) {}

  // Begins with a machine as booted. Counts everything the first time; after that a machine of equal geometry costs
  // what was touched. Requires: the machine outlives the audits that follow, and the ledger has its areas. Throws
  // LawBroken if a law is broken.
  void begin(Machine& machine);
  // Begins with a machine in any state and counts everything. The next begin() counts everything too. Requires and
  // throws as begin().
  void begin_afresh(Machine& machine);

  // Checks what was touched since the last audit. Throws LawBroken. Requires: begun.
  void run();
  // Checks everything. Throws LawBroken. Requires: begun.
  void run_total();

  // Return what a quiet call finds, as of the last audit. Words have a bit for each page: bit (pfn - word_base()), 64
  // to a word. The vectors stay where they are as long as the auditor lives.
  Pfn word_base() const { return layout_.word_base; }
  const std::vector<std::uint64_t>& available() const { return counts_.available; }
  const std::vector<std::uint64_t>& movable() const { return counts_.movable; }
  const std::vector<Tallies>& zone_sums() const { return counts_.zones; }
  // Returns whether nothing was touched since the last audit. Requires: begun.
  bool up_to_date() const { return machine_->map.touched_chunks().empty() && ledger_.touched_chunks().empty(); }

 private:
  // A part of a chunk that lies in one zone: the unit of counting.
  struct Stretch {
    Frame begin = 0;
    Frame end = 0;
    std::uint8_t zone = 0;
    bool loose = false;  // the last walk allowed something that may only be while an actor is inside an operation
  };
  // The result of walking one stretch.
  struct Walk {
    Tallies tallies;
    bool loose = false;
  };

  // How the machine's memory is cut. Fixed until the next lay_out(), but for the stretches' looseness.
  struct Layout {
    std::vector<Stretch> stretches;
    std::vector<std::uint32_t> first_of_chunk;  // by chunk: its first stretch; one more at the end
    Pfn word_base = 0;                          // of the first bit in words of Counts
    std::uint64_t first_block = 0;              // number of the first pageblock
    std::vector<std::uint8_t> area_block;       // by pageblock: whether it was given to the allocator as an area's
    std::vector<std::uint8_t> kept;             // by frame: whether boot keeps it
    std::vector<std::int32_t> kept_in_zone;     // by zone: how many it keeps
  };
  // What the last audit counted.
  struct Counts {
    std::vector<Tallies> stretches;        // by stretch
    std::vector<Tallies> zones;            // by zone: their sums
    std::vector<std::uint64_t> available;  // a bit for each page: free, or on a per-CPU list
    std::vector<std::uint64_t> movable;    // a bit for each page: in use, and certain to migrate
  };
  // What the machine itself had at the last audit. Lists are compared where their ends differ from these.
  struct Seen {
    std::vector<std::array<FreeArea, kOrderLimit>> free_areas;  // by zone
    std::vector<std::array<PerCpuPages, kMaxCpus>> pcp;         // by zone
    std::array<PageList, kLruLists> lru{};
    std::int64_t leaked = 0;  // pages
  };
  // The state that begin() goes back to, by copying what was walked since.
  struct AsBooted {
    std::optional<Geometry> geometry;  // nullopt: none is kept
    Counts counts;
    Seen seen;
  };
  // Which chunks were walked, and when.
  struct Walked {
    std::uint32_t audit = 0;                  // the number of this audit
    std::vector<std::uint32_t> last;          // by chunk: the audit that walked it last
    std::vector<std::uint32_t> since_boot;    // chunks walked since begin(), each once
    std::vector<std::uint8_t> is_since_boot;  // by chunk: whether it is one of them
  };

  // audit.cc: beginning
  void lay_out(Machine& machine);
  void keep_as_booted(const Geometry& geometry);
  void back_to_boot();

  // audit.cc: walking
  void walk_chunk(std::size_t chunk);
  void walk_touched();
  void walk_loose();
  void walk(Stretch& stretch);
  Frame plain_buffer_pages(Frame frame, Frame end) const;
  void walk_pageblocks(const Stretch& stretch, Walk& walk) const;
  Frame walk_head(const Stretch& stretch, Frame frame, Walk& walk);
  Frame walk_reserved(Frame frame, Walk& walk) const;
  Frame walk_free_block(const Stretch& stretch, Frame frame, Walk& walk);
  Frame walk_cached_block(const Stretch& stretch, Frame frame, Walk& walk);
  Frame walk_in_flight(const Stretch& stretch, Frame frame, Walk& walk) const;
  Frame walk_in_use(const Stretch& stretch, Frame frame, Walk& walk);
  void mark(std::vector<std::uint64_t>& words, Frame frame, std::uint64_t pages);

  // audit_pages.cc: one page or block
  bool interior_is_clean(Frame frame, std::uint64_t pages, std::uint32_t flags) const;
  [[noreturn]] void dirty_interior(Frame frame, std::uint64_t pages, std::uint32_t flags) const;
  void check_free_block(const Stretch& stretch, Frame frame, bool& loose) const;
  void check_list_type(Frame frame, const Page& page, bool& loose) const;
  void check_block_types(Frame frame, const Page& page, bool& loose) const;
  void check_merge(const Stretch& stretch, Frame frame, const Page& page, bool& loose) const;
  void check_free_links(Frame frame, const Page& page) const;
  void check_cached(Frame frame, const Page& page) const;
  void check_links(Frame frame, const Page& page, std::uint32_t flag) const;
  void check_lru_links(Frame frame, const Page& page, unsigned list) const;
  std::int64_t check_owner(Frame frame, const Page& page, Walk& walk) const;
  void check_writes(Frame frame, const Page& page, const Owner& owner) const;
  void check_references(Frame frame, const Page& page, std::int64_t known, bool& loose) const;
  bool all_mapped(const Owner& owner) const;
  bool certain_to_move(const Page& page, const Ledger::Entry& entry) const;

  // audit_huge.cc: huge pages
  bool is_huge(const Page& page) const;
  void check_interior(Frame frame, const Page& page, std::uint64_t pages) const;
  void check_tails(Frame frame, const Page& page) const;
  Frame walk_pool_page(Frame frame, Walk& walk) const;
  void compare_pool() const;
  std::int64_t check_huge_page(Frame frame, const Page& page) const;
  bool huge_page_can_go(const Page& page, const HugePage& huge) const;

  // audit_counters.cc: sums
  void compare_sums();
  void compare_zone(std::size_t zone) const;
  void compare_reserves() const;
  void check_reserve_size(const Zone& zone, const std::string& name) const;
  void compare_globals() const;
  void compare_leaks();
  void compare_at_rest() const;

  // audit_areas.cc: areas, isolation and buffer heads
  void compare_bitmaps() const;
  void compare_bitmap(AreaId id) const;
  void compare_totals(AreaId id) const;
  void compare_isolators() const;
  void compare_buffers();
  void check_held_buffer(BufferId id) const;

  // audit_boot.cc: what boot keeps
  void mark_kept(Pfn start, Pfn end, bool kept);
  void learn_boot_memory();
  PfnRange declared_range(AreaId id) const;
  std::uint64_t pageblocks_given(AreaId id, const PfnRange& range) const;

  // audit_lists.cc: lists
  void compare_list_ends();
  void compare_free_ends(std::size_t zone, unsigned order);
  void compare_lru_ends(unsigned list);
  void compare_pcp(std::size_t zone, unsigned cpu) const;
  void check_pcp_list(Frame frame, unsigned list, unsigned cpu) const;
  void walk_all_lists() const;

  [[noreturn]] void broken(Law law, const std::string& message) const;
  // Returns whether this very audit has checked the page.
  bool just_walked(Frame frame) const {
    return walked_.last[(pfn(frame) - layout_.word_base) >> machine_->map.chunk_order()] == walked_.audit;
  }
  // Returns the LRU list a page belongs on, by its flags. Repeats LruLists::index_of_list, as a witness must.
  static unsigned lru_list_of(const Page& page) {
    if (page.has(kPageUnevictable)) return static_cast<unsigned>(LruList::unevictable);
    return (page.has(kPageSwapbacked) ? 0U : 2U) + (page.has(kPageActive) ? 1U : 0U);
  }
  Pfn pfn(Frame frame) const { return machine_->map.pfn(frame); }

  Ledger& ledger_;
  Machine* machine_ = nullptr;  // nullptr until begun
  const Page* pages_ = nullptr;
  const Ledger::Entry* entries_ = nullptr;
  bool strict_ = true;  // no actor is inside an operation

  Layout layout_;
  Counts counts_;
  Seen seen_;
  AsBooted booted_;
  Walked walked_;
  std::vector<std::uint32_t> loose_;  // stretches that may be loose; none is missing
  std::vector<int> buffer_slots_;     // by buffer: how many slots hold it; scratch of compare_buffers()
};

}  // namespace cma
