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
// Cost of a usual operation on a small machine: 100 to 200 ns. No allocation and no text unless a law is broken.
#pragma once

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

  // Returns whether begin() was called with a machine of this geometry, and begin_afresh() not since.
  bool knows(const Geometry& geometry) const { return boot_geometry_ && *boot_geometry_ == geometry; }
  // Begins with a machine as booted. Counts everything the first time; after that a machine of equal geometry costs
  // what was touched.
  void begin(Machine& machine);
  // Begins with a machine in any state and counts everything. Throws LawBroken if a law is broken.
  void begin_afresh(Machine& machine);

  // Checks what was touched since the last audit. Throws LawBroken.
  void run();
  // Checks everything. Throws LawBroken.
  void run_total();

  // What a quiet allocation finds, as of the last audit: bit (pfn - word_base()), 64 bits per word.
  Pfn word_base() const { return word_base_; }
  const std::vector<std::uint64_t>& available() const { return available_; }  // free, or on a per-CPU list
  const std::vector<std::uint64_t>& movable() const { return movable_; }      // in use, and certain to migrate
  const std::vector<Tallies>& zone_sums() const { return sums_; }
  // Returns whether nothing was touched since the last audit.
  bool up_to_date() const { return machine_->map.touched_chunks().empty() && ledger_.touched_chunks().empty(); }

 private:
  struct Stretch {
    Frame begin = 0;
    Frame end = 0;
    std::uint8_t zone = 0;
    bool loose = false;
    std::uint32_t chunk = 0;
  };
  // The result of walking one stretch.
  struct Walk {
    Tallies tallies;
    bool loose = false;
  };

  void lay_out(Machine& machine);
  void keep_as_boot(const Geometry& geometry);
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
  void compare_globals() const;
  void compare_leaks();
  void compare_at_rest() const;

  // audit_areas.cc: areas, isolation and buffer heads
  void compare_bitmaps() const;
  void compare_bitmap(AreaId id) const;
  void compare_totals(AreaId id) const;
  void compare_isolators() const;
  void compare_buffers();

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
    return walked_[(pfn(frame) - word_base_) >> machine_->map.chunk_order()] == audit_;
  }
  // Returns the LRU list a page belongs on, by its flags. Repeats LruLists::index_of_list, as a witness must.
  static unsigned lru_list_of(const Page& page) {
    if (page.has(kPageUnevictable)) return static_cast<unsigned>(LruList::unevictable);
    return (page.has(kPageSwapbacked) ? 0U : 2U) + (page.has(kPageActive) ? 1U : 0U);
  }
  Pfn pfn(Frame frame) const { return machine_->map.pfn(frame); }

  Ledger& ledger_;
  Machine* machine_ = nullptr;
  const Page* pages_ = nullptr;
  const Ledger::Entry* entries_ = nullptr;
  bool strict_ = true;  // no actor is inside an operation

  std::vector<Stretch> stretches_;
  std::vector<std::uint32_t> first_stretch_;  // by chunk; one more at the end
  std::vector<Tallies> tallies_;              // by stretch
  std::vector<Tallies> sums_;                 // by zone
  std::vector<std::uint32_t> loose_;          // stretches that may be loose; none is missing
  std::vector<std::uint32_t> walked_;         // by chunk: the audit that walked it last
  std::uint32_t audit_ = 0;                   // the number of this audit
  std::vector<std::uint8_t> area_block_;      // by pageblock: part of an active area
  std::vector<std::uint64_t> available_;
  std::vector<std::uint64_t> movable_;
  Pfn word_base_ = 0;
  std::uint64_t first_block_ = 0;
  // List ends, and leaked pages, as the last audit saw them.
  std::vector<std::array<FreeArea, kOrderLimit>> seen_areas_;
  std::vector<std::array<PerCpuPages, kMaxCpus>> seen_pcp_;
  std::array<PageList, kLruLists> seen_lru_{};
  std::int64_t seen_leaked_ = 0;
  std::vector<int> buffer_slots_;  // by buffer: how many slots hold it

  // The same as of boot, to go back to.
  std::optional<Geometry> boot_geometry_;
  std::vector<Tallies> boot_tallies_;
  std::vector<Tallies> boot_sums_;
  std::vector<std::uint64_t> boot_available_;
  std::vector<std::uint64_t> boot_movable_;
  std::vector<std::array<FreeArea, kOrderLimit>> boot_areas_;
  std::vector<std::array<PerCpuPages, kMaxCpus>> boot_pcp_;
  std::vector<std::uint32_t> dirty_chunks_;  // walked since boot
  std::vector<std::uint8_t> is_dirty_;
};

}  // namespace cma
