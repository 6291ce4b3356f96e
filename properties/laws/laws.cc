#include "properties/laws/laws.h"

#include <fmt/format.h>

#include <memory>

#include "allocator/areas/area_files.h"
#include "properties/laws/alignment.h"
#include "properties/laws/page_lanes.h"
#include "properties/laws/recount.h"

namespace cma {
namespace {

// Names a holder for messages.
std::string holder_text(const Ledger::Entry& entry) {
  return fmt::format("{} number {}", entry.hold() == Ledger::Hold::buffer ? "buffer" : "block", entry.number());
}

// Returns whether the area's totals count this failed call. Since 6.9 they leave out calls with bad arguments.
bool is_counted(const Machine& machine, AreaId id, std::uint64_t count) {
  if (machine.release() < Release::v6_9) return true;
  const Area& area = machine.areas.area(id);
  return area.active() && count != 0 && count <= area.pages;
}

}  // namespace

Laws::Laws() = default;

void Laws::choose_auditor() {
  auditor_ = &auditors_.find(machine_->geometry(), [this] { return std::make_unique<Auditor>(ledger_); });
}

// --- beginning ---

void Laws::learn_areas() {
  const Areas& areas = machine_->areas;
  bool same = areas.size() == ledger_.areas();
  for (AreaId id = 0; same && id < areas.size(); ++id) {
    const Ledger::AreaBook& book = ledger_.area(id);
    const Area& area = areas.area(id);
    same = book.base == area.base && book.order_per_bit == area.order_per_bit && book.size == area.bitmap.size();
  }
  if (!same) {
    ledger_.forget_areas();
    for (AreaId id = 0; id < areas.size(); ++id) {
      const Area& area = areas.area(id);
      ledger_.add_area(area.base, area.bitmap.size() << area.order_per_bit, area.order_per_bit);
    }
  }
  for (AreaId id = 0; id < areas.size(); ++id)
    ledger_.set_totals(id, areas.area(id).nr_pages_succeeded, areas.area(id).nr_pages_failed,
                       areas.area(id).nr_pages_released);
}

// Keeps the ranges of new areas: an area that cannot be activated loses its size.
void Laws::learn_declared_areas() {
  const Areas& areas = machine_->areas;
  for (std::size_t id = ledger_.declared().size(); id < areas.size(); ++id) {
    const Area& area = areas.area(static_cast<AreaId>(id));
    ledger_.area_declared({area.base, area.base + area.pages});
  }
}

void Laws::program_begins(Machine& machine) {
  machine_ = &machine;
  quiet_call_.program_begins();
  until_views_ = views_every_;
  ledger_.begin(machine.map.range(), machine.map.chunk_order());
  if (!machine.booted()) return learn_declared_areas();
  requests_.watch(machine);
  learn_areas();
  // Areas that boot operations declare are not in the geometry: booted() learns of those.
  CMA_ASSERT(machine.areas.size() == machine.geometry().areas.size());
  choose_auditor();
  auditor_->begin(machine);
}

void Laws::booted(Machine& machine) {
  machine_ = &machine;
  requests_.watch(machine);
  learn_areas();
  begin_afresh();
}

void Laws::begin_afresh() {
  auditor_ = &odd_auditor_;
  odd_auditor_.begin_afresh(*machine_);
}

// --- areas ---

void Laws::alloc_begins(AreaId area, std::uint64_t count, unsigned align) {
  ledger_.alloc_begins(area, count, align);
  quiet_call_.disturbed();
  if (!QuietCall::may_begin(*machine_)) return;
  // The marks of the last audit are the state before this call, unless the operation did something before the call.
  if (!auditor_->up_to_date()) audit();
  quiet_call_.begins(*machine_, *auditor_, audit_points_);
}

void Laws::alloc_failed(AreaId area, std::uint64_t count, unsigned align) {
  ledger_.alloc_failed(area, count, align, is_counted(*machine_, area, count));
  quiet_call_.failed(*machine_, ledger_, {area, count, align});
}

// Compares all pages at once, and page by page only if one of them is not as it should be or known to the ledger.
void Laws::check_taken_pages(const char* function, Pfn pfn, std::uint64_t count) const {
  const Page* const page = machine_->map.pages().data() + machine_->map.frame(pfn);
  const Ledger::Entry* const entry = ledger_.entries() + machine_->map.frame(pfn);
  if ((PageLanes::differences(page, page + count, 1, 0) | PageLanes::known(entry, entry + count)) == 0) return;
  for (Pfn p = pfn; p < pfn + count; ++p) check_taken_page(function, p);
}

void Laws::check_taken_page(const char* function, Pfn pfn) const {
  const Ledger::Entry& entry = ledger_.entry(pfn);
  const Page& page = machine_->map.page(pfn);
  if (entry.hold() != Ledger::Hold::none)
    throw LawBroken(Law::exclusive, function,
                    fmt::format("page {:#x} is handed out while {} holds it", pfn, holder_text(entry)));
  if (page.owner != 0)
    throw LawBroken(Law::exclusive, function,
                    fmt::format("page {:#x} is handed out while owner {} has it", pfn, page.owner));
  // Programs may have taken references on the page before it was handed out.
  if (page.ref != 1 + static_cast<std::int64_t>(entry.references) || page.map != 0 || page.flags != 0 ||
      (page.next & page.prev) != kNil)
    throw LawBroken(Law::contract, function,
                    fmt::format("page {:#x} is handed out with {} references, {} mappings, flags {:#x}, {} a list", pfn,
                                page.ref, page.map, page.flags, (page.next & page.prev) == kNil ? "off" : "on"));
}

void Laws::check_contract(AreaId id, Pfn pfn, std::uint64_t count, unsigned asked) const {
  const unsigned align = effective_align(asked, machine_->release());
  const Area& area = machine_->areas.area(id);
  const auto refuse = [&](const std::string& why) {
    throw LawBroken(Law::contract, "cma_alloc",
                    fmt::format("cma_alloc of {} pages aligned to 2^{} gave {:#x}: {}", count, align, pfn, why));
  };
  if (!area.active() || !area.contains(pfn)) refuse("not in the area");
  if (count > area.pages - (pfn - area.base)) refuse("it reaches past the area's end");
  if (!is_aligned(pfn - area.base, order_pages(area.order_per_bit))) refuse("it does not begin at a bit");
  if (!is_aligned_in(area, pfn, align)) refuse("it is misaligned");
}

void Laws::buffer_allocated(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) {
  quiet_call_.disturbed();
  check_contract(area, pfn, count, align);
  check_taken_pages("cma_alloc", pfn, count);
  ledger_.buffer_allocated(area, pfn, count, align);
}

void Laws::buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) {
  quiet_call_.disturbed();
  ledger_.buffer_releasing(area, pfn, count);
}

void Laws::buffer_released(AreaId area, Pfn pfn, std::uint64_t count) { ledger_.buffer_released(area, pfn, count); }

// --- pages ---

void Laws::range_allocated(Pfn pfn, std::uint64_t count) {
  quiet_call_.disturbed();
  constexpr const char* kFunction = "alloc_contig_range";
  check_taken_pages(kFunction, pfn, count);
  const std::uint64_t step = machine_->map.pageblock_pages();
  for (Pfn p = pfn; p < pfn + count; p = align_down(p, step) + step) {
    const auto area = machine_->areas.area_of(p);
    if (area && machine_->areas.area(*area).active())
      throw LawBroken(Law::policy, kFunction,
                      fmt::format("page {:#x} of an area is given to a caller that asked for a range", p));
  }
  ledger_.range_allocated(pfn, count);
}

void Laws::range_freeing(Pfn pfn, std::uint64_t count) {
  quiet_call_.disturbed();
  ledger_.range_freeing(pfn, count);
}

// Checks that the task is not in the scope of a long-term pin: only the pin itself enters it, and PageRequests believes
// the task's flag.
void Laws::check_scope() const {
  if (machine_->engine.flags().memalloc_pin)
    throw LawBroken(Law::granted, "__alloc_pages", "a request is treated as one of a task that pins for long");
}

void Laws::pages_refused(unsigned, Gfp) { check_scope(); }

void Laws::pages_allocated(Pfn pfn, unsigned order, Gfp) {
  quiet_call_.disturbed();
  check_scope();
  const MemoryMap& map = machine_->map;
  const char* function = "__alloc_pages";
  if (!map.valid(pfn) || !map.valid(pfn + order_pages(order) - 1) || !is_aligned(pfn, order_pages(order)))
    throw LawBroken(Law::contract, function, fmt::format("a block of order {} at {:#x} is handed out", order, pfn));
  for (Pfn p = pfn; p < pfn + order_pages(order); ++p) {
    const Ledger::Entry& entry = ledger_.entry(p);
    if (entry.hold() != Ledger::Hold::none || map.page(p).owner != 0)
      throw LawBroken(Law::exclusive, function,
                      fmt::format("page {:#x} is handed out while {} holds it", p,
                                  map.page(p).owner != 0 ? "an owner" : holder_text(entry)));
    const std::int64_t expected = (p == pfn ? 1 : 0) + static_cast<std::int64_t>(entry.references);
    if (map.page(p).ref != expected || map.page(p).map != 0)
      throw LawBroken(
          Law::content, function,
          fmt::format("page {:#x} of a block of order {} is handed out with {} references", p, order, map.page(p).ref));
  }
  ledger_.pages_allocated(pfn, order);
}

void Laws::pages_freeing(Pfn pfn, unsigned order) {
  quiet_call_.disturbed();
  ledger_.pages_freeing(pfn, order);
}

void Laws::owner_adopted(OwnerId owner) {
  quiet_call_.disturbed();
  const Owner& record = machine_->owners.owner(owner);
  if (record.pfn != kNoPfn) {
    const Ledger::Entry& entry = ledger_.entry(record.pfn);
    // A page that was reported as a block of one page becomes the owner's.
    if (entry.hold() == Ledger::Hold::block_head) ledger_.pages_freeing(record.pfn, 0);
    if (entry.hold() != Ledger::Hold::none)
      throw LawBroken(Law::exclusive, "adopt",
                      fmt::format("page {:#x} gets an owner while {} holds it", record.pfn, holder_text(entry)));
  }
  // The kernel drops a clean page of a file that is in the way.
  ledger_.owner_adopted(owner, !is_file(record.kind));
}

void Laws::owner_releasing(OwnerId owner) {
  quiet_call_.disturbed();
  ledger_.owner_releasing(owner);
}

void Laws::reference_taken(Pfn pfn, int count, bool longterm) {
  quiet_call_.disturbed();
  const Migratetype type = machine_->map.pageblock_type(pfn);
  const bool in_movable = machine_->buddy.zone_of(pfn).kind == ZoneKind::movable;
  const bool in_area = machine_->release() >= Release::v5_1 && type == Migratetype::cma;
  const bool forbidden = in_area || (machine_->release() >= Release::v5_13 && in_movable);
  const bool emptied = machine_->release() >= Release::v5_19 && type == Migratetype::isolate;
  if (longterm && (forbidden || emptied))
    throw LawBroken(Law::policy, "__gup_longterm_locked",
                    fmt::format("page {:#x} is pinned for the long term in a pageblock of type {}{}", pfn,
                                name_of(type), in_movable ? " of a Movable zone" : ""));
  ledger_.reference_taken(pfn, count);
}

void Laws::reference_dropping(Pfn pfn, int count) {
  quiet_call_.disturbed();
  ledger_.reference_dropping(pfn, count);
}

void Laws::buffer_held(BufferId buffer) {
  const Pfn pfn = machine_->buffers.buffer(buffer).pfn;
  if (pfn == kNoPfn) return ledger_.buffer_held(buffer, 0, 0);
  // While a page moves it has left the frame that the buffer is still under.
  const Page& page = machine_->map.page(pfn);
  const OwnerId owner = page.owner != 0 ? page.owner : machine_->page_cache.page_with(buffer);
  ledger_.buffer_held(buffer, owner, page.token);
}

// --- control ---

void Laws::audit() {
  if (machine_ == nullptr || !machine_->booted()) return;
  if (total_)
    auditor_->run_total();
  else
    auditor_->run();
}

void Laws::audit_everything() { auditor_->run_total(); }

void Laws::control_changes(Machine& machine) {
  quiet_call_.control_changes(machine.engine.current());
  audit();
}

void Laws::op_performed(Machine& machine, std::size_t) {
  quiet_call_.disturbed();
  if (!machine.booted()) learn_declared_areas();
  audit();
  if (views_every_ == 0 || --until_views_ > 0) return;
  until_views_ = views_every_;
  check_views();
}

void Laws::program_ended(Machine&) {
  quiet_call_.disturbed();
  audit();
}

// --- views ---

namespace {

// Returns the kernel function that makes the text of a file.
std::string_view reader_of(std::string_view path, Release release) {
  if (path == "buddyinfo") return "frag_show";
  if (path == "pagetypeinfo") return "pagetypeinfo_show";
  if (path == "zoneinfo") return "zoneinfo_show";
  if (path == "meminfo") return "meminfo_proc_show";
  if (path == "vmstat") return "vmstat_show";
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const AreaFileInfo& file : area_files(release))
    if (file.name == name) return file.reader;
  return "cma_debugfs_get";
}

}  // namespace

void Laws::check_view(const std::string& path, const std::optional<std::string>& text) const {
  const auto expected = recounted_view(*machine_, ledger_, path);
  if (text == expected) return;
  throw LawBroken(Law::views, std::string(reader_of(path, machine_->release())),
                  fmt::format("{} reads \"{}\", a recount \"{}\"", path, text.value_or("(no such file)"),
                              expected.value_or("(no such file)")));
}

void Laws::check_views() const {
  if (!machine_->booted()) return;
  for (const std::string& path : all_views(*machine_)) check_view(path, machine_->read_file(path));
}

// Needs no check for boot: operations on files finish it.
void Laws::file_read(const std::string& path, const std::optional<std::string>& text) { check_view(path, text); }

}  // namespace cma
