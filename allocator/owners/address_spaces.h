// Page tables: which pte maps which page. The reverse map (mm/rmap.c) walks a page's ptes through here.
//
// A pte belongs to an address space and names the page (its owner record) it maps; the ptes of one page form a list,
// and so do the pmds of a huge page. A migration entry keeps its place in the list and counts as no mapping. Each
// address space has its page-table lock. Plain numbers, no pointers: entries are never removed. Cost: O(1); adding
// entries O(their number).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "allocator/engine/mutex.h"

namespace cma {

// Number of an owner record; 0 is none.
using OwnerId = std::uint32_t;
// Number of a page-table entry; 0 is none.
using PteId = std::uint32_t;
// Number of an address space. No process runs in 0: it has the single private pages that a test device made.
using SpaceId = std::uint32_t;

struct Pte {
  enum class State : std::uint8_t { none, present, migration };
  OwnerId page = 0;
  PteId next = 0;  // the next pte of the same page
  SpaceId space = 0;
  State state = State::none;
  bool pmd = false;  // maps a whole huge page; `page` is the record of its first page
  bool writable = false;
  bool dirty = false;       // written to since MADV_FREE last asked, or its file began to write the page
  bool young = false;       // used since it was mapped or reclaim last asked; fork makes none of the child's young
  bool locked = false;      // of locked memory (VM_LOCKED), whether it maps a page or not
  bool executable = false;  // of an executable mapping (VM_EXEC), whether it maps a page or not
  PteId table = 0;          // of a pmd: the first of the ptes that take its place when it is split
  friend bool operator==(const Pte&, const Pte&) = default;
};

class AddressSpaces {
 public:
  AddressSpaces() { spaces_.emplace_back(); }

  // Adds an address space without entries; returns its number.
  SpaceId add_space() {
    spaces_.emplace_back();
    return static_cast<SpaceId>(spaces_.size() - 1);
  }
  // Adds `count` empty ptes in a row; returns the first.
  PteId add_ptes(SpaceId space, std::uint64_t count) {
    const auto first = static_cast<PteId>(ptes_.size() + 1);
    Pte pte;
    pte.space = space;
    ptes_.insert(ptes_.end(), count, pte);
    return first;
  }
  // Adds `count` empty pmds in a row; returns the first. Each stands for as many of the ptes from `table` on as a huge
  // page has.
  PteId add_pmds(SpaceId space, std::uint64_t count, PteId table, std::uint64_t huge_pages) {
    const auto first = static_cast<PteId>(ptes_.size() + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      Pte pmd;
      pmd.space = space;
      pmd.pmd = true;
      pmd.table = static_cast<PteId>(table + i * huge_pages);
      ptes_.push_back(pmd);
    }
    return first;
  }
  // Clears a pte or pmd; it stays where it is in its space, locked and executable as it was. Requires: no chain leads
  // to it any more.
  void clear(PteId id) {
    Pte cleared;
    cleared.space = pte(id).space;
    cleared.locked = pte(id).locked;
    cleared.executable = pte(id).executable;
    cleared.pmd = pte(id).pmd;
    cleared.table = pte(id).table;
    pte(id) = cleared;
  }
  // Return an entry, valid until others are added. Require: the id is that of an entry that was added.
  Pte& pte(PteId id) { return ptes_[id - 1]; }
  const Pte& pte(PteId id) const { return ptes_[id - 1]; }

  // Returns the page-table lock of a space. A spinlock in the kernel; held here across points only where another CPU
  // may read without it (fork between its two increments).
  Mutex& lock(SpaceId space) { return spaces_[space].lock; }
  // Returns whether exec's stack is set up but not yet in its final place: migration leaves the pages alone then.
  bool temporary_stack(SpaceId space) const { return spaces_[space].temporary_stack; }
  void set_temporary_stack(SpaceId space, bool on) { spaces_[space].temporary_stack = on; }

  void copy_from(const AddressSpaces& other) {
    ptes_ = other.ptes_;
    spaces_.resize(other.spaces_.size());
    for (std::size_t i = 0; i < spaces_.size(); ++i) {
      spaces_[i].lock.reset();
      spaces_[i].temporary_stack = other.spaces_[i].temporary_stack;
    }
  }

 private:
  struct Space {
    Mutex lock{"a page-table lock"};
    bool temporary_stack = false;
  };
  std::vector<Pte> ptes_;
  // Waiters know a lock by its address.
  std::deque<Space> spaces_;
};

}  // namespace cma
