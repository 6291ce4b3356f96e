// The ledger: what programs asked for and got, and nothing else. It never reads a machine; the audit compares the two.
// Written by Laws, from what it observes.
//
// Per frame it has the holder (a buffer of an area, a range of another caller, a block of the page allocator) and how
// many extra references were taken; per area, the bits of its live buffers, requests under way, and the totals the area
// should report. It checks nothing: Laws does before it records. Flat arrays. Cost: O(pages) for a buffer or block,
// O(1) for a reference; a begin() with the same memory costs what was touched since the last one.
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/bitmap/bitmap.h"
#include "allocator/frames/page.h"

namespace cma {

class Ledger {
 public:
  // A range is recorded as a buffer of no area, as each of its pages has a reference of its own.
  enum class Hold : std::uint8_t { none, buffer, block_head, block_tail };

  // What is known of one frame.
  struct Entry {
    std::uint32_t holder = 0;      // number of the buffer or block << 2 | Hold; 0 for none
    std::uint32_t references = 0;  // taken on this very frame by programs

    Hold hold() const { return static_cast<Hold>(holder & 3); }
    std::uint32_t number() const { return holder >> 2; }
    // Returns the references that programs account for: a holder's own (a block has one, on its head) and extra ones.
    std::int64_t expected() const {
      return references + (hold() == Hold::buffer || hold() == Hold::block_head ? 1 : 0);
    }
    // Returns whether the ledger knows anything of the frame.
    bool known() const { return (holder | references) != 0; }
  };

  // A cma_alloc under way.
  struct Request {
    std::uint64_t count;
    unsigned align;
    std::uint64_t bits;
  };

  // A release under way, in bits. Two may have bits in common: the first may have cleared its bits, and not ended, when
  // another buffer that takes them is released too.
  struct ReleaseUnderWay {
    std::uint64_t start;
    std::uint64_t count;
    bool operator==(const ReleaseUnderWay&) const = default;
  };

  // Counts that programs hold on a buffer head, and the page that it was under when the first of them was taken.
  struct HeldBuffer {
    int counts = 0;
    std::uint32_t owner = 0;  // of that page; 0 if it had left its cache already
    std::uint32_t token = 0;  // its data
  };

  // What is known of one area.
  struct AreaBook {
    Pfn base = 0;
    unsigned order_per_bit = 0;
    std::uint64_t size = 0;                // in bits
    std::vector<std::uint64_t> live;       // bits of live buffers, rounded up to whole bits
    std::vector<std::uint64_t> releasing;  // bits of the releases under way
    std::vector<ReleaseUnderWay> releases;
    std::vector<Request> allocating;  // requests under way
    std::uint64_t succeeded = 0;      // pages asked for, in calls that succeeded
    std::uint64_t failed = 0;         // pages asked for, in calls that failed
    std::uint64_t released = 0;       // pages of releases that ended
    bool touched = false;             // bits or requests may be set
  };

  // --- beginning ---
  // Begins with memory that has no holders; it is not empty. If memory and chunk order are those of the last call this
  // is cheap, and the areas stay, without buffers, requests and totals; otherwise there are none.
  void begin(const PfnRange& memory, unsigned chunk_order);
  // Adds the next area, in the order of their ids. Requires: it lies in the memory, and is whole bits long.
  void add_area(Pfn base, std::uint64_t pages, unsigned order_per_bit);
  // Sets what an area has counted already when the ledger begins. Requires: the area was added.
  void set_totals(std::size_t area, std::uint64_t succeeded, std::uint64_t failed, std::uint64_t released) {
    areas_[area].succeeded = succeeded;
    areas_[area].failed = failed;
    areas_[area].released = released;
  }
  // Forgets the areas, to add others. Requires: there is no buffer yet.
  void forget_areas() { areas_.clear(); }

  // --- buffers of areas ---
  // Record a cma_alloc: it begins, and fails or gives a buffer. One that ends is one that began with the same count and
  // align; if there is none, the end is recorded all the same. Require: the area was added.
  void alloc_begins(std::size_t area, std::uint64_t count, unsigned align);
  // `counted`: the area's totals should include this call.
  void alloc_failed(std::size_t area, std::uint64_t count, unsigned align, bool counted);
  // Requires: the range lies in the area.
  void buffer_allocated(std::size_t area, Pfn pfn, std::uint64_t count, unsigned align);
  // Record a release: before its first page is freed, and after its bits are cleared. One that ends is one that began
  // with the same range. Require the same.
  void buffer_releasing(std::size_t area, Pfn pfn, std::uint64_t count);
  void buffer_released(std::size_t area, Pfn pfn, std::uint64_t count);

  // --- other pages ---
  // Record ranges and blocks, when they are handed out and before they are given back. All of this section requires
  // that the frames lie in the memory.
  void range_allocated(Pfn pfn, std::uint64_t count);
  void range_freeing(Pfn pfn, std::uint64_t count) { set_holder(pfn, count, 0); }
  void pages_allocated(Pfn pfn, unsigned order);
  void pages_freeing(Pfn pfn, unsigned order);
  // Record references on a page. Require: count >= 0. Dropping more than were taken leaves none.
  void reference_taken(Pfn pfn, int count) { edit(pfn).references += static_cast<std::uint32_t>(count); }
  void reference_dropping(Pfn pfn, int count);

  // --- owners and buffer heads, by their numbers ---
  // Record that an owner is adopted and lets go; one that does not live may let go. `keeps_page`: the owner keeps a
  // page until it lets go. owner_adopted() requires: it does not live.
  void owner_adopted(std::uint32_t owner, bool keeps_page);
  void owner_releasing(std::uint32_t owner);
  bool owner_lives(std::uint32_t owner) const { return owner < owners_.size() && owners_[owner] != 0; }
  // Returns the number of owners that live and keep their page.
  std::uint64_t live_owners() const { return live_owners_; }
  // Record the counts that programs hold on buffer heads. `owner` and `token` are those of the page that it is under.
  void buffer_held(std::uint32_t buffer, std::uint32_t owner, std::uint32_t token);
  void buffer_letting_go(std::uint32_t buffer);
  HeldBuffer held_buffer(std::uint32_t buffer) const {
    return buffer < buffers_.size() ? buffers_[buffer] : HeldBuffer{};
  }

  // --- boot ---
  // Records the range with which the next area was declared. For machines whose boot the program performs.
  void area_declared(const PfnRange& range) { declared_.push_back(range); }
  // Returns those ranges by area, those of the geometry first; none if the machine had booted when the program began.
  const std::vector<PfnRange>& declared() const { return declared_; }

  // --- reading ---
  // Returns the entry of a frame. Requires: it lies in the memory.
  const Entry& entry(Pfn pfn) const { return entries_[pfn - memory_.start]; }
  // Returns the entries by frame; they stay where they are until a begin() with other memory.
  const Entry* entries() const { return entries_.data(); }
  std::size_t areas() const { return areas_.size(); }
  const AreaBook& area(std::size_t id) const { return areas_[id]; }
  // Returns the chunks with entries changed since forget_touched(), cut as the memory map cuts them. For one reader,
  // the audit.
  const std::vector<std::uint32_t>& touched_chunks() const { return touched_list_; }
  void forget_touched();

 private:
  static constexpr std::uint8_t kForAudit = 1;
  static constexpr std::uint8_t kForReset = 2;

  Entry& edit(Pfn pfn);
  void set_holder(Pfn pfn, std::uint64_t count, std::uint32_t holder);
  void note(std::size_t chunk);
  void reset();
  void drop_request(AreaBook& book, std::uint64_t count, unsigned align);

  PfnRange memory_;
  unsigned chunk_order_ = 0;
  Pfn chunk_base_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint8_t> touched_;        // by chunk: the lists that it is on
  std::vector<std::uint32_t> touched_list_;  // kForAudit: since forget_touched()
  std::vector<std::uint32_t> reset_list_;    // kForReset: since the last reset
  std::vector<AreaBook> areas_;
  std::vector<std::uint8_t> owners_;  // by number: 1 lives, 2 lives and keeps its page
  std::uint64_t live_owners_ = 0;
  std::vector<HeldBuffer> buffers_;  // by number
  std::vector<PfnRange> declared_;   // by area
  std::uint32_t last_number_ = 0;    // of a buffer or block
};

}  // namespace cma
