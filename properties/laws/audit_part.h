// What all parts of the audit look at. The walk (audit_walk.h) writes it; the checks (audit_pages.h, audit_lists.h,
// audit_sums.h) read it. Included by audit*.cc only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/audit_layout.h"
#include "properties/laws/ledger.h"
#include "properties/laws/tallies.h"
#include "properties/program/law.h"

namespace cma {

// The result of walking one stretch.
struct Walk {
  Tallies tallies;
  bool loose = false;
};

// What the last audit counted.
struct Counts {
  std::vector<Tallies> stretches;        // by stretch
  std::vector<Tallies> zones;            // by zone: their sums
  std::vector<std::uint64_t> available;  // a bit for each page: free, or on a per-CPU list
  std::vector<std::uint64_t> movable;    // a bit for each page: in use, and certain to migrate
};

// Which chunks were walked, and when.
struct Walked {
  std::uint32_t audit = 0;                  // the number of this audit
  std::vector<std::uint32_t> last;          // by chunk: the audit that walked it last
  std::vector<std::uint32_t> since_boot;    // chunks walked since begin(), each once
  std::vector<std::uint8_t> is_since_boot;  // by chunk: whether it is one of them
};

struct AuditState {
  explicit AuditState(Ledger& books) : ledger(books) {}

  Ledger& ledger;
  Machine* machine = nullptr;              // nullptr until begun
  const Page* pages = nullptr;             // of the machine, by frame
  const Ledger::Entry* entries = nullptr;  // of the ledger, by frame
  bool strict = true;                      // no actor is inside an operation
  Layout layout;
  Counts counts;
  Walked walked;
};

// The base of a part of the audit: short names for what it looks at. Calls are direct; nothing is virtual.
class AuditPart {
 protected:
  // Refers to the state, which outlives it.
  explicit AuditPart(const AuditState& state) : state_(state) {}

  // Require: begun.
  const Machine& machine() const { return *state_.machine; }
  const Page& page_at(Frame frame) const { return state_.pages[frame]; }
  const Ledger::Entry& entry_at(Frame frame) const { return state_.entries[frame]; }
  const Ledger& ledger() const { return state_.ledger; }
  bool strict() const { return state_.strict; }
  const Layout& layout() const { return state_.layout; }
  const Counts& counts() const { return state_.counts; }
  Pfn pfn(Frame frame) const { return state_.machine->map.pfn(frame); }
  // Returns whether this very audit has checked the page.
  bool just_walked(Frame frame) const {
    return state_.walked.last[(pfn(frame) - state_.layout.word_base) >> state_.machine->map.chunk_order()] ==
           state_.walked.audit;
  }
  // Returns the LRU list a page belongs on, by its flags. Repeats LruLists::index_of_list, as a witness must.
  static unsigned lru_list_of(const Page& page) {
    if (page.has(kPageUnevictable)) return static_cast<unsigned>(LruList::unevictable);
    return (page.has(kPageSwapbacked) ? 0U : 2U) + (page.has(kPageActive) ? 1U : 0U);
  }
  // Throws LawBroken, with the kernel function that the running actor is in.
  [[noreturn]] void broken(Law law, const std::string& message) const;

 private:
  const AuditState& state_;
};

}  // namespace cma
