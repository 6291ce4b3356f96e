// The laws: an Observer that keeps the ledger of a running program and audits its machine. Everything that runs
// programs uses it. A callback throws LawBroken if it finds a law broken; catalogue.h lists the laws.
//
// Some laws are checked as pages are handed out or refused, and as files are read: the callbacks below name them. The
// others are the audit's (auditor.h), which runs after each operation, at every change of control and at the end. Pages
// that change hands and changes of control disturb the quiet call (quiet_call.h).
//
// Requires: program_begins() gets a machine as booted, or a machine that has not booted and booted() follows.
// owner_adopted() may come without pages_allocated(). After a callback has thrown, the ledger may lack what it
// reported: the next one is program_begins(). The machine outlives every audit() and check_views() up to then.
// Cost: the audit's, and the size of what is handed out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/laws/auditor.h"
#include "properties/laws/ledger.h"
#include "properties/laws/page_requests.h"
#include "properties/laws/quiet_call.h"
#include "properties/program/geometry_cache.h"
#include "properties/program/observer.h"

namespace cma {

class Laws final : public Observer {
 public:
  Laws();
  Laws(const Laws&) = delete;
  Laws& operator=(const Laws&) = delete;

  // Declares that control_changes() is called at every point that is passed, not only when another actor is about to
  // run. With this on, a point of the quiet call itself does not disturb it. Requires: no program is running.
  void set_audit_points(bool on) { audit_points_ = on; }
  // Makes every audit check everything, not only what was touched.
  void set_total_audits(bool on) { total_ = on; }
  // Calls check_views() after every nth operation; 0: never. Requires: no program is running.
  void set_views_every(unsigned n) { views_every_ = n; }

  // --- Observer: the run ---
  // Begin the ledger and the audits. Before boot program_begins() only records. Otherwise they audit the machine in
  // full, unless it is as booted by its geometry alone and one of the same geometry has been audited.
  void program_begins(Machine& machine) override;
  void booted(Machine& machine) override;
  // Audit what was touched. After an operation views may follow (set_views_every).
  void control_changes(Machine& machine) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void program_ended(Machine& machine) override;

  // --- Observer: what programs ask for and get. Disturbs the quiet call, but for buffer_held() ---
  // Begins the quiet call, if the caller has the machine to itself and no fatal signal pends. May audit first, which
  // may throw.
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override;
  // Checks `contract` (the errors) and `complete`, if the call was quiet.
  void alloc_failed(AreaId area, std::uint64_t count, unsigned align) override;
  // Checks `contract` (place, alignment, state of the pages) and `exclusive`.
  void buffer_allocated(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) override;
  // Checks `exclusive`, `contract` (state of the pages) and `policy` (no page of an active area).
  void range_allocated(Pfn pfn, std::uint64_t count) override;
  // Checks `contract` (place), `exclusive` and `content` (counts). PageRequests checks which pages a request may get.
  void pages_allocated(Pfn pfn, unsigned order, Gfp gfp) override;
  // Checks `granted`, as pages_allocated() does: no block that a program asks for is asked for in the scope of a pin.
  void pages_refused(unsigned order, Gfp gfp) override;
  // Checks `exclusive`.
  void owner_adopted(OwnerId owner) override;
  // Checks `policy`: since 5.13 no page of an area, of an isolated pageblock or of a Movable zone is pinned for the
  // long term.
  void reference_taken(Pfn pfn, int count, bool longterm) override;
  void buffer_held(BufferId buffer) override;

  // --- Observer: what programs give back. Keep the ledger; what changes hands disturbs the quiet call ---
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override;
  void buffer_released(AreaId area, Pfn pfn, std::uint64_t count) override;
  void range_freeing(Pfn pfn, std::uint64_t count) override;
  void pages_freeing(Pfn pfn, unsigned order) override;
  void owner_releasing(OwnerId owner) override;
  void reference_dropping(Pfn pfn, int count) override;
  void buffer_letting_go(BufferId buffer) override { ledger_.buffer_letting_go(buffer); }

  // --- Observer: files ---
  // Checks `views`: the text is that of a recount.
  void file_read(const std::string& path, const std::optional<std::string>& text) override;

  // --- checks on request ---
  // Audits now; does nothing before boot. Throws LawBroken.
  void audit();
  // Audits now, as a total audit. Throws LawBroken. Requires: booted.
  void audit_everything();
  // Compares every file with a recount (law `views`); does nothing before boot. Throws LawBroken. Requires: a program
  // has begun.
  void check_views() const;

  // Returns the requests of the last program that failed in a call that was not quiet: others were inside operations,
  // or a fatal signal was pending. Each once, at most kContended.
  const std::vector<AreaRequest>& contended() const { return quiet_call_.contended(); }
  const Ledger& ledger() const { return ledger_; }

 private:
  void learn_areas();
  void learn_declared_areas();
  void choose_auditor();
  void begin_afresh();
  void check_contract(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) const;
  void check_taken_pages(const char* function, Pfn pfn, std::uint64_t count) const;
  void check_scope() const;
  void check_taken_page(const char* function, Pfn pfn) const;
  void check_view(const std::string& path, const std::optional<std::string>& text) const;

  Ledger ledger_;
  // Booted machines of one geometry are alike: what an auditor counted in the first serves all of them.
  GeometryCache<Auditor> auditors_;
  // The auditor of machines that boot operations changed. They are like no other, even of their geometry, so it counts
  // each of them afresh and stays out of the cache.
  Auditor odd_auditor_{ledger_};
  Auditor* auditor_ = nullptr;  // of the machine that is running
  Machine* machine_ = nullptr;
  PageRequests requests_;
  QuietCall quiet_call_;
  bool audit_points_ = false;
  bool total_ = false;
  unsigned views_every_ = 0;
  unsigned until_views_ = 0;  // operations up to the next check of views
};

}  // namespace cma
