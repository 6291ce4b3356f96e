// The laws: an Observer that keeps the ledger of a running program and audits its machine. Everything that runs
// programs uses it. Each callback throws LawBroken if it finds a law broken; catalogue.h lists the laws.
//
// Checked as things are handed out: exclusive, contract, content, policy. Checked when a quiet cma_alloc fails:
// complete. Checked when a program reads a file: views. The other laws are the audit's, which runs after each
// operation, at every change of control and at the end.
//
// Requires: program_begins() gets a machine as booted, or a machine that has not booted and booted() follows.
// owner_adopted() may come without pages_allocated(). The machine outlives every audit() and check_views() up to the
// next program_begins(). Cost: the audit's (auditor.h), and the size of what is handed out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "properties/laws/auditor.h"
#include "properties/laws/completeness.h"
#include "properties/laws/ledger.h"
#include "properties/program/geometry_cache.h"
#include "properties/program/observer.h"

namespace cma {

// At most this many failed, contended requests of a program are retried after it; more seldom find anything new.
inline constexpr std::size_t kContended = 4;

class Laws final : public Observer {
 public:
  Laws();
  Laws(const Laws&) = delete;
  Laws& operator=(const Laws&) = delete;

  // Declares that control_changes() is called at every point that is passed, not only when another actor is about to
  // run. With this on, a point of the running cma_alloc itself does not count as a disturbance. Requires: no
  // program is running.
  void set_audit_points(bool on) { audit_points_ = on; }
  // Makes every audit check everything, not only what was touched.
  void set_total_audits(bool on) { total_ = on; }
  // Checks all views after every nth operation; 0: never.
  void set_views_every(unsigned n) { views_every_ = n; }

  // --- Observer ---
  void program_begins(Machine& machine) override;
  void booted(Machine& machine) override;
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override;
  void alloc_failed(AreaId area, std::uint64_t count, unsigned align) override;
  void buffer_allocated(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) override;
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override;
  void buffer_released(AreaId area, Pfn pfn, std::uint64_t count) override;
  void range_allocated(Pfn pfn, std::uint64_t count) override;
  void range_freeing(Pfn pfn, std::uint64_t count) override;
  void pages_allocated(Pfn pfn, unsigned order, Gfp gfp) override;
  void pages_freeing(Pfn pfn, unsigned order) override;
  void owner_adopted(OwnerId owner) override;
  void owner_releasing(OwnerId owner) override;
  void reference_taken(Pfn pfn, int count) override;
  void reference_dropping(Pfn pfn, int count) override;
  void file_read(const std::string& path, const std::optional<std::string>& text) override;
  void buffer_held(BufferId buffer) override { ledger_.buffer_held(buffer); }
  void buffer_letting_go(BufferId buffer) override { ledger_.buffer_letting_go(buffer); }
  void control_changes(Machine& machine) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void program_ended(Machine& machine) override;

  // Audits now; does nothing before boot.
  void audit();
  // Audits now, as a total audit. Requires: booted.
  void audit_everything();
  // Compares every file with a recount (law `views`); does nothing before boot. Requires: a program has begun.
  void check_views() const;

  // Requests of the last program that failed while other actors were inside operations; at most kContended.
  const std::vector<AreaRequest>& contended() const { return contended_; }

  const Ledger& ledger() const { return ledger_; }

 private:
  // A cma_alloc that began while no other actor was inside an operation, and nothing else has run since.
  struct QuietCall {
    bool valid = false;
    ActorId actor = kNoActor;
    std::size_t first_record = 0;  // of the trace, when it began
  };

  void learn_areas();
  void choose_auditor();
  void begin_afresh();
  void check_contract(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) const;
  void check_taken_pages(const char* function, Pfn pfn, std::uint64_t count) const;
  void check_taken_page(const char* function, Pfn pfn) const;
  void note_contended(const AreaRequest& request);
  bool is_counted(AreaId area, std::uint64_t count) const;
  void check_failure(AreaId area, std::uint64_t count, unsigned align) const;
  bool others_are_idle() const;
  void check_view(const std::string& path, const std::optional<std::string>& text) const;

  Ledger ledger_;
  GeometryCache<Auditor> auditors_;
  Auditor odd_auditor_{ledger_};
  Auditor* auditor_ = nullptr;  // of the machine that is running
  Machine* machine_ = nullptr;
  QuietCall quiet_;
  std::vector<AreaRequest> contended_;
  std::vector<Pfn> immovable_;
  // The state before the quiet call, kept apart only where audits run inside it.
  std::vector<std::uint64_t> quiet_available_;
  std::vector<std::uint64_t> quiet_movable_;
  std::vector<Tallies> quiet_sums_;
  bool audit_points_ = false;
  bool total_ = false;
  unsigned views_every_ = 0;
  unsigned until_views_ = 0;
};

}  // namespace cma
