// The audit: recounts a machine, and compares the result with the machine's own counters and lists and with the ledger.
//
// Memory is cut into stretches: a chunk of the memory map each (one largest free block, at least 64 pages), cut again
// where zones meet. For every stretch the audit keeps a Tallies and marks of what a quiet call could take, a cma_alloc
// that has the machine to itself (quiet_call.h); sums over zones follow by difference. An audit walks the stretches
// that the memory map or the ledger noted as touched, head by head, checks each page and block with its neighbours on
// lists, and then compares sums. It also walks each per-CPU list that has changed since the last, and checks the blocks
// at list ends that have. A total audit walks every stretch, and every list from its head.
//
// A stretch is loose if its last walk found what is allowed only while an actor is inside an operation (the catalogue
// has the list): the next audit at rest walks it again, touched or not.
//
// The audit is a witness: what the model does with a page it repeats by code of its own (lru_list_of in audit_part.h),
// as code shared with the model could not contradict it. It trusts the model's arithmetic of buddies, its table of
// mergeable types, and its records of owners.
//
// Used by Laws, and by QuietCall for what a quiet call finds; the walk and the checks are in audit_*.h. Cost: O(pages
// of the chunks touched or loose, and of the per-CPU lists that changed), and for the sums O(zones * (orders + CPUs) +
// bits of areas / 64 + buffers + free pages of the hugetlb pool + isolated pageblocks squared); a total audit O(pages),
// and any audit until the pages that have leaked since are found reported. Text is made if a law is broken, and of the
// log's lines where leaks are looked for, in a total audit all of them. Memory is allocated for text, for the zones'
// titles if there are several nodes, by a begin that lays memory out, for the lists' counts of a total audit, and where
// a vector grows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/ledger.h"
#include "properties/laws/tallies.h"

namespace cma {

class AuditWalk;

class Auditor {
 public:
  // Refers to the ledger, which outlives it.
  explicit Auditor(Ledger& ledger);
  ~Auditor();
  Auditor(const Auditor&) = delete;
  Auditor& operator=(const Auditor&) = delete;

  // Begins with a machine as booted. Audits it in full (throws LawBroken if a law is broken), unless its geometry is
  // that of the last begin(), which did not throw, and no begin_afresh() came between: then goes back to what that one
  // counted, at the cost of what was walked since, and checks nothing.
  // Requires: the machine is in the state that booting this geometry gives, and outlives the audits that follow; the
  // ledger has its areas.
  void begin(Machine& machine);
  // Begins with a machine in any state, and audits it in full. So does the next begin(). Throws LawBroken if a law is
  // broken. Requires: the machine outlives the audits that follow, and the ledger has its areas.
  void begin_afresh(Machine& machine);

  // Checks what was touched since the last audit. Throws LawBroken if a law is broken. Requires: begun, and no begin or
  // total audit has thrown since. May follow a run() that threw: what that one had not finished is checked again.
  void run();
  // Checks everything. Throws LawBroken if a law is broken. Requires: begun, and no begin has thrown since. May follow
  // any audit that threw.
  void run_total();

  // --- what a quiet call finds. Requires: begun, and no audit has thrown since ---
  // Return a bit for each page, bit (pfn - word_base()), 64 to a word, as the last audit found it: whether it is free,
  // isolated or not, or on a per-CPU list; whether it is in use and certain to migrate. Frames outside the memory map
  // have none set. word_base() is the first frame that a word has, at or below the map's first. The vectors are
  // the same objects as long as the auditor lives, and change with each audit.
  const std::vector<std::uint64_t>& available() const;
  const std::vector<std::uint64_t>& movable() const;
  Pfn word_base() const;
  // Returns what the last audit counted, by zone number.
  const std::vector<Tallies>& zone_sums() const;
  // Returns whether nothing was touched since the last audit. Loose stretches do not count.
  bool up_to_date() const;

 private:
  std::unique_ptr<AuditWalk> walk_;
};

}  // namespace cma
