#include "properties/explain/why_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "allocator/areas/area_files.h"
#include "allocator/base/error.h"
#include "allocator/reports/vmalloc.h"
#include "properties/explain/names.h"
#include "properties/explain/page_facts.h"
#include "properties/explain/why_area.h"
#include "properties/explain/why_board.h"
#include "properties/explain/why_boot.h"
#include "properties/explain/why_skips.h"
#include "properties/program/test_device.h"

namespace cma {
namespace {

// What answers a failure that no kernel function gives: a test runs random programs and finds none.
constexpr const char* kUnexplained = "this kind of operation does not fail; please report it";

// Returns why no caller may ask for this range; empty if one may. See contig_may_be_asked().
std::string why_not_asked(const Machine& machine, Pfn first, std::uint64_t pages) {
  const MemoryMap& map = machine.map;
  if (pages == 0) return "it asks for 0 pages";
  if (!map.present(first)) return no_such_page(machine, first);
  if (pages > map.range().end - first)
    return fmt::format("its range ends after the end of memory, {:#x}", map.range().end);
  for (Pfn pfn = first; pfn < first + pages; ++pfn)
    if (!map.present(pfn)) return no_such_page(machine, pfn);
  const std::uint64_t unit = machine.geometry().isolation_unit();
  const PfnRange units{align_down(first, unit), align_up(first + pages, unit)};
  const Zone& zone = machine.buddy.zone_of(first);
  if (units.start < zone.range.start || units.end > zone.range.end)
    return fmt::format("its isolation units, [{:#x}, {:#x}), reach out of zone {}, [{:#x}, {:#x})", units.start,
                       units.end, machine.buddy.zone_title(machine.map.page(first).zone), zone.range.start,
                       zone.range.end);
  if (const std::optional<Pfn> divided = divided_unit(machine, first, pages))
    return fmt::format("a part of its isolation unit [{:#x}, {:#x}) was given to an area that then failed", *divided,
                       *divided + unit);
  return {};
}

// Writes the answer for one failed operation. A call for each kind, and no call for all: a new kind needs one.
class Explainer {
 public:
  Explainer(const Sight& sight, Answer& answer)
      : sight_(sight),
        world_(sight.world),
        machine_(world_.machine()),
        result_(world_.result(answer.op)),
        answer_(answer) {}

  // --- areas ---
  void operator()(const CmaAlloc& op) const { from_area(op.area, op.pages, static_cast<unsigned>(op.align)); }
  void operator()(const DebugfsAlloc& op) const { from_area(op.area, debugfs_count(op.pages), 0); }
  void operator()(const CmaRelease&) const { unexplained(); }
  void operator()(const DebugfsFree&) const { unexplained(); }

  // --- boot ---
  void operator()(const Declare& op) const {
    const std::string name = world_.program().name_of(world_.program().ops[answer_.op]);
    const auto order = static_cast<unsigned>(op.order_per_bit);
    explain_declaration(world_, {name, op.base, op.size, op.limit, op.alignment, order, op.fixed}, answer_);
  }
  void operator()(const InitReservedMem& op) const {
    explain_reserved_area(world_, op.base, op.size, static_cast<unsigned>(op.order_per_bit), answer_);
  }
  void operator()(const Region&) const { explain_region(world_, answer_); }
  void operator()(const RunBoot&) const { explain_default_area(world_, answer_); }
  void operator()(const DeviceTree&) const { unexplained(); }
  void operator()(const BootArea& op) const { explain_boot_area(world_, op.area, answer_); }
  void operator()(const Reserve&) const { unexplained(); }
  void operator()(const Activate&) const { unexplained(); }

  // --- buffers of devices ---
  void operator()(const DmaBuffer& op) const;
  void operator()(const DmaFree&) const { unexplained(); }

  // --- blocks and pages ---
  void operator()(const AllocPages&) const { out_of_memory(1); }
  void operator()(const AllocGfp&) const { out_of_memory(1); }
  void operator()(const Vmalloc& op) const {
    std::uint64_t managed = 0;
    for (std::size_t z = 0; z < machine_.buddy.zones(); ++z) managed += machine_.buddy.zone(z).managed;
    if (!vmalloc_refuses(op.bytes, managed, machine_.geometry().page_size)) return out_of_memory(vmalloc_pages(op));
    vmalloc_refused(op, managed);
  }
  void operator()(const FreePages&) const { unexplained(); }
  template <PageKind Kind>
  void operator()(const OwnedPages<Kind>& op) const {
    new_memory(op.at, {result_.pages, op.pages, 1, "page"});
  }
  void operator()(const KernelPages& op) const { new_memory({}, {result_.pages, op.pages, 1, "page"}); }
  void operator()(const FreeRuns& op) const {
    got(result_.finished, op.runs, "run");
    answer_.brief = fmt::format("{} has no more runs of {} whose neighbours are its own too", operand_name(op.pages),
                                plural(order_pages(static_cast<unsigned>(op.order)), "page"));
  }
  void operator()(const HugetlbGrow& op) const {
    new_memory(op.at, {result_.finished, op.count, order_pages(machine_.hugetlb.order()), "huge page"});
  }
  void operator()(const HugetlbPagesUsed& op) const {
    got(result_.pages, op.count, "huge page");
    answer_.brief = "the hugetlb pool has no free page; hugetlb_pool adds some";
    answer_.add(About::found, fmt::format("{} in the hugetlb pool", plural(machine_.hugetlb.free_pages(), "free page")),
                {{"pool_free", machine_.hugetlb.free_pages()}});
  }
  void operator()(const FreeOwned&) const { unexplained(); }
  void operator()(const Refuse&) const { unexplained(); }

  // --- references ---
  void operator()(const Pin& op) const { free_page(op.page); }
  void operator()(const GetPage& op) const { free_page(op.page); }
  void operator()(const Unpin&) const { unexplained(); }
  void operator()(const PutPage&) const { unexplained(); }
  void operator()(const PinLongterm& op) const { pin_failed(op); }

  // --- processes ---
  void operator()(const MmapAnon& op) const { new_memory(op.at, {result_.finished, op.pages, 1, "page"}); }
  void operator()(const MmapShared&) const { cached_memory({result_.finished, result_.pages, 1, "page"}); }
  void operator()(const MmapHuge& op) const;
  void operator()(const SplitHuge& op) const;
  template <MappingVerb Verb>
  void operator()(const MappingOp<Verb>& op) const {
    if constexpr (Verb == MappingVerb::write) {
      cached_memory(written(op));
    } else if constexpr (Verb == MappingVerb::madv_free) {
      not_lazily_freed(op.mapping, op.in);
    } else {
      static_assert(Verb == MappingVerb::munmap || Verb == MappingVerb::mlock);
      unexplained();
    }
  }
  void operator()(const Fork& op) const {
    if (answer_.error == -kEINTR) {
      answer_.brief = operand_name(op.process) + " was killed meanwhile";
      return;
    }
    out_of_memory(0);
    answer_.brief = "a page of " + operand_name(op.process) +
                    " that a device may write to must be copied for the child; " + answer_.brief;
  }
  void operator()(const Spawn&) const { unexplained(); }
  void operator()(const ExitProcess&) const { unexplained(); }
  void operator()(const ExecStack&) const { unexplained(); }

  // --- files ---
  void operator()(const ReadFile& op) const { read_failed(op.at, op.pages); }
  void operator()(const BufferRead& op) const { read_failed(op.at, op.pages); }
  void operator()(const OpenFile&) const { unexplained(); }
  template <FileVerb Verb>
  void operator()(const FileOp<Verb>&) const {
    unexplained();
  }
  template <FilePagesVerb Verb>
  void operator()(const FilePagesOp<Verb>&) const {
    unexplained();
  }
  template <BufferVerb Verb>
  void operator()(const BufferOp<Verb>&) const {
    unexplained();
  }
  void operator()(const BufferInvalidate&) const { unexplained(); }
  void operator()(const IoDone&) const { unexplained(); }

  // --- other operations on memory ---
  void operator()(const AllocRange& op) const { range_failed(op.pages); }
  void operator()(const FreeRange&) const { unexplained(); }
  void operator()(const Compact& op) const;
  void operator()(const DirectReclaim& op) const;
  void operator()(const RunKswapd&) const { unexplained(); }
  template <LruVerb Verb>
  void operator()(const LruOp<Verb>&) const {
    unexplained();
  }
  void operator()(const MarkAccessedRange&) const { unexplained(); }
  template <DrainKind Kind>
  void operator()(const DrainOp<Kind>&) const {
    unexplained();
  }
  void operator()(const CachesOff&) const { unexplained(); }

  // --- control, and what only looks: an expectation that is not met ends the run ---
  void operator()(const Signal&) const { unexplained(); }
  void operator()(const SleepOp&) const { unexplained(); }
  void operator()(const Resume&) const { unexplained(); }
  void operator()(const Cat& op) const;
  void operator()(const ExpectState&) const { unexplained(); }
  void operator()(const ExpectFigure&) const { unexplained(); }
  void operator()(const ExpectError&) const { unexplained(); }
  void operator()(const ExpectCounter&) const { unexplained(); }
  template <LineSource Source>
  void operator()(const ExpectLine<Source>&) const {
    unexplained();
  }
  void operator()(const ExpectCat&) const { unexplained(); }
  void operator()(const ExpectPage&) const { unexplained(); }
  void operator()(const ExpectFinding&) const { unexplained(); }
  void operator()(const ExpectZone&) const { unexplained(); }

 private:
  void unexplained() const { answer_.brief = kUnexplained; }
  // Returns what texts call the result of an operand.
  std::string operand_name(OpRef operand) const {
    const Result* found = world_.find(operand);
    return found == nullptr ? "?" : name_or_text(world_.program(), world_.slot_of(*found));
  }
  void from_area(AreaRef area, std::uint64_t pages, unsigned align) const;
  // Returns the actor's requests to areas, in their order.
  std::vector<AskedArea> asked_areas() const {
    const auto found = sight_.asked.find(world_.actor(world_.program().ops[answer_.op].performer));
    return found == sight_.asked.end() ? std::vector<AskedArea>() : found->second;
  }
  AreaSight area_sight() const { return {world_, sight_.windows, sight_.asked, sight_.declared}; }
  void set_sweep_error(const std::vector<AskedArea>& asked, std::size_t index, Answer& answer) const;
  std::string from_areas() const;
  void got(std::uint64_t done, std::uint64_t wanted, std::string_view noun) const;
  // How far an operation came that makes `each` pages at a time.
  struct Progress {
    std::uint64_t done = 0;
    std::uint64_t wanted = 0;
    std::uint64_t each = 1;
    std::string_view noun;
    std::uint64_t left() const { return wanted > done ? wanted - done : 0; }
  };
  Progress written(const auto& op) const;
  std::uint64_t requests_left(const Progress& progress) const;
  std::uint64_t vmalloc_pages(const Vmalloc& op) const;
  void vmalloc_refused(const Vmalloc& op, std::uint64_t managed) const;
  void out_of_memory(std::uint64_t left) const;
  void no_target() const;
  void range_failed(std::uint64_t pages) const;
  void new_memory(const Place& at, const Progress& progress) const;
  void chosen_frames(Pfn first, std::uint64_t pages) const;
  void free_page(const Place& place) const;
  void cached_memory(const Progress& progress) const;
  void not_lazily_freed(OpRef mapping, OpRef in) const;
  void read_failed(const Place& at, std::uint64_t pages) const;
  void pin_failed(const PinLongterm& op) const;
  void add_page(const StoppedPage& page) const;
  void compaction_ran(const Compact& op) const;
  std::string compaction_unsuitable(const Compact& op) const;

  const Sight& sight_;
  const World& world_;
  const Machine& machine_;
  const Result& result_;
  Answer& answer_;
};

// --- what kinds share ---

void Explainer::from_area(AreaRef area, std::uint64_t pages, unsigned align) const {
  const std::optional<AreaId> id = world_.area(area);
  if (!id) return unexplained();
  const std::vector<AskedArea> asked = asked_areas();
  set_sweep_error(asked, 0, answer_);
  explain_area_request(area_sight(), {*id, pages, align}, asked.empty() ? nullptr : &asked.front().before, answer_);
  no_target();
}

// Sets the error of the last sweep of a request to an area, which its caller does not get, and whether the log has it.
// `index`: which of the operation's requests it is.
void Explainer::set_sweep_error(const std::vector<AskedArea>& asked, std::size_t index, Answer& answer) const {
  answer.sweep_error = answer.windows.empty() ? -kENOMEM : answer.windows.back().error;
  if (index >= asked.size()) return;
  const std::vector<Record>& records = machine_.trace.records();
  const std::size_t end = index + 1 == asked.size() ? records.size() : asked[index + 1].first_record;
  const ActorId actor = world_.actor(world_.program().ops[answer.op].performer);
  for (std::size_t i = end; i-- > asked[index].first_record;) {
    if (records[i].actor != actor || records[i].event != Event::log_cma_alloc_failed) continue;
    answer.sweep_error = static_cast<int>(static_cast<std::int64_t>(records[i].c));
    answer.in_log = true;
    return;
  }
}

// Adds why the last window that was tried had no page to move to, if that ended it.
void Explainer::no_target() const {
  if (answer_.windows.empty() || answer_.windows.back().error != -kENOMEM || sight_.refused == nullptr) return;
  const PfnRange& window = answer_.windows.back().range;
  const std::uint64_t unit = machine_.geometry().isolation_unit();
  const MovesLeft moves{count_range(world_, window).lent,
                        count_range(world_, {align_down(window.start, unit), align_up(window.end, unit)}).pages};
  explain_no_target(world_, *sight_.refused, moves, answer_);
}

// Records how far the operation came.
void Explainer::got(std::uint64_t done, std::uint64_t wanted, std::string_view noun) const {
  answer_.add(About::got, fmt::format("{} of {}", done, plural(wanted, noun)), {{"got", done}, {"wanted", wanted}});
  answer_.evidence.back().of_operation = true;
}

// Explains the requests to areas that came first. Returns the short answers.
std::string Explainer::from_areas() const {
  const std::vector<AskedArea> asked = asked_areas();
  std::string briefs;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const AreaRequest& request = asked[i].request;
    const Area& area = machine_.areas.area(request.area);
    Answer part;
    part.op = answer_.op;
    std::ranges::copy_if(answer_.windows, std::back_inserter(part.windows),
                         [&](const FailedWindow& window) { return area.contains(window.range.start); });
    set_sweep_error(asked, i, part);
    explain_area_request(area_sight(), request, &asked[i].before, part);
    answer_.add(About::area,
                fmt::format("{} was asked {} for {}, aligned to 2^{}, and had none", area.name,
                            i == 0 ? "first" : "next", plural(request.pages, "page"), request.align),
                {{"area", area.name}, {"pages", request.pages}});
    answer_.evidence.insert(answer_.evidence.end(), part.evidence.begin(), part.evidence.end());
    answer_.subject += (i == 0 ? "" : ", ") + part.subject;
    answer_.sweep_error = part.sweep_error;
    answer_.in_log = part.in_log;
    briefs += fmt::format("{}area {}: {}", i == 0 ? "" : "; ", area.name, part.brief);
  }
  return briefs;
}

// What the areas had comes first: the block of the page allocator is a fallback.
void Explainer::operator()(const DmaBuffer& op) const {
  const std::string briefs = from_areas();
  const std::size_t of_areas = answer_.evidence.size();
  out_of_memory(1);
  if (!briefs.empty()) {
    const auto rest = answer_.evidence.begin() + static_cast<std::ptrdiff_t>(of_areas);
    answer_.fallback.push_back({About::found, "no block of the page allocator instead: " + answer_.brief, {}});
    answer_.fallback.insert(answer_.fallback.end(), rest, answer_.evidence.end());
    answer_.evidence.erase(rest, answer_.evidence.end());
    answer_.brief = fmt::format("{}; then {}", briefs, answer_.brief);
    return;
  }
  const bool waits = (static_cast<Gfp>(op.gfp) & kGfpDirectReclaim) != 0;
  const std::uint64_t page_size = machine_.geometry().page_size;
  // Two pages are asked of all areas of the device.
  DmaBuffer larger = op;
  larger.size = 2 * page_size;
  BugSet none;
  const bool has_area = !request_of(world_, larger, none).areas.empty();
  answer_.add(About::area, !waits      ? "no area was asked: the request may not sleep"
                           : !has_area ? "no area was asked: there is none for the device"
                           : align_up(op.size, page_size) == 0
                               ? "no area was asked: rounded up to whole pages, the size wraps round to 0"
                               : "no area was asked: since 5.3 one page is as contiguous as any other");
}

// Explains that the page allocator gave no page. `left`: the requests that the operation still needs, 0 if not known.
void Explainer::out_of_memory(std::uint64_t left) const {
  if (sight_.refused == nullptr) {
    answer_.brief = "no memory";
    return;
  }
  answer_.brief = sight_.refused->brief;
  explain_refused(world_, *sight_.refused, left, answer_);
}

// Returns how many pages a vmalloc asks for, with those of the array of their addresses if that takes some. It has
// given all back.
std::uint64_t Explainer::vmalloc_pages(const Vmalloc& op) const {
  const std::uint64_t size = machine_.geometry().page_size;
  const std::uint64_t pages = align_up(op.bytes, size) / size;
  const std::uint64_t array = pages * sizeof(std::uint64_t);
  return pages + (array > size ? align_up(array, size) / size : 0);
}

// Explains that no page was missing for a vmalloc, whose size alone is refused. `managed`: the pages of all zones.
void Explainer::vmalloc_refused(const Vmalloc& op, std::uint64_t managed) const {
  answer_.brief = op.bytes == 0 ? "a size of 0 is refused before a page is asked for: its warning is not about pages"
                                : "a size above all memory is refused before a page is asked for";
  std::uint64_t free = 0;
  for (std::size_t z = 0; z < machine_.buddy.zones(); ++z)
    free += static_cast<std::uint64_t>(machine_.buddy.zone(z).nr_free_pages);
  const std::uint64_t size = machine_.geometry().page_size;
  answer_.add(About::wanted,
              fmt::format("a size of 1 byte to {} kB, which is all memory that is not reserved", managed * size / 1024),
              {{"bytes", op.bytes}, {"most_pages", managed}});
  answer_.add(About::found,
              fmt::format("{} ({} kB) free: no page was missing", plural(free, "page"), free * size / 1024),
              {{"free_pages", free}});
  if ((op.gfp & kGfpNowarn) != 0) return;
  answer_.add(About::log,
              "its warning is printed by the page allocator's function for failures, which adds an order, flags and a "
              "report of memory: here they mean nothing");
}

// Explains that alloc_contig_range did not give a range of so many pages, or that no caller may ask for it.
void Explainer::chosen_frames(Pfn first, std::uint64_t pages) const {
  const std::string frames = pages == 0 ? std::string("no page") : frames_text(first, pages);
  answer_.add(About::wanted, frames, {{"pfn", first}, {"pages", pages}});
  if (answer_.error == -kEINVAL) {
    const bool range = std::holds_alternative<AllocRange>(world_.program().ops[answer_.op].body);
    if (!range && !is_aligned(first, pages))
      answer_.brief = fmt::format("a huge page begins at a multiple of {} pages, and {:#x} is none", pages, first);
    else
      answer_.brief = fmt::format("{} cannot be asked for: {}", frames, why_not_asked(machine_, first, pages));
    return;
  }
  if (answer_.windows.empty()) {
    answer_.brief = fmt::format("another task has taken a reference on {} meanwhile", frames);
    return;
  }
  const FailedWindow& last = answer_.windows.back();
  std::string in_the_way = plural(last.pages.size(), "page");
  if (!last.pages.empty() && last.pages.front().pageblock) in_the_way = "the pageblock";
  if (last.error == -kEINTR) {
    answer_.brief = fmt::format("a fatal signal ended the wait for {}", frames);
  } else if (last.error == -kENOMEM) {
    no_target();
    const std::string why = sight_.refused == nullptr ? std::string("no memory") : sight_.refused->brief;
    answer_.brief = fmt::format("what uses {} has no page to move to; {}", frames, why);
  } else {
    answer_.brief = fmt::format("{} could not be emptied: {} in the way", frames, in_the_way);
    const auto beside_it = [&](const StoppedPage& page) {
      return !page.pageblock && !last.range.overlaps({page.pfn, page.pfn + page.pages});
    };
    const bool beside = !last.pages.empty() && beside_it(last.pages.front());
    if (beside) answer_.brief += ", beside it in what must be isolated with it";
  }
}

void Explainer::range_failed(std::uint64_t pages) const { chosen_frames(result_.chosen, pages); }

// Explains that an operation which makes pages came no further.
void Explainer::new_memory(const Place& at, const Progress& progress) const {
  got(progress.done, progress.wanted, progress.noun);
  const bool window_failed = !answer_.windows.empty() && answer_.windows.back().error == answer_.error;
  if (answer_.error == -kENOENT) {
    answer_.brief = "the process ended meanwhile";
  } else if (at.kind != Place::Kind::none && (answer_.error != -kENOMEM || window_failed)) {
    chosen_frames(result_.chosen + progress.done * progress.each, progress.each);
  } else {
    out_of_memory(requests_left(progress));
  }
}

// Returns how many requests like the one that was refused are left. Huge memory comes in small pages if there is no
// huge one.
std::uint64_t Explainer::requests_left(const Progress& progress) const {
  const std::uint64_t block = sight_.refused == nullptr ? progress.each : order_pages(sight_.refused->order);
  return progress.left() * std::max<std::uint64_t>(progress.each / block, 1);
}

void Explainer::add_page(const StoppedPage& page) const {
  std::string text = fmt::format("{:#x}  {}", page.pfn, page.what);
  std::string holders;
  for (const std::string& holder : page.holders) holders += (holders.empty() ? "" : ", ") + holder;
  if (!holders.empty()) text += "; held by " + holders;
  if (!page.refused.empty()) text += "; refused: " + page.refused;
  answer_.add(About::page, std::move(text),
              {{"pfn", page.pfn}, {"what", page.what}, {"holders", holders}, {"refused", page.refused}});
}

// --- references ---

// Explains that a page is free, so that no reference can be taken on it.
void Explainer::free_page(const Place& place) const {
  const Pfn pfn = world_.resolve(place).value_or(kNoPfn);
  if (pfn == kNoPfn) return unexplained();
  answer_.brief = fmt::format("page {:#x} is free, and a reference needs a page in use", pfn);
  StoppedPage page = PageFacts(world_, pfn, /*ours=*/false).stopped("");
  page.pfn = pfn;
  add_page(page);
}

void Explainer::pin_failed(const PinLongterm& op) const {
  const StoppedPages* pages = sight_.windows.stopped_by(answer_.op);
  const std::string page = fmt::format("page {} of {}", op.from, operand_name(op.mapping));
  if (pages == nullptr) {
    out_of_memory(1);
    answer_.brief = page + " could not be touched first; " + answer_.brief;
    return;
  }
  const StoppedPage& stopped = pages->pages.back();
  answer_.brief = fmt::format("{} is at {:#x}, where a long-term pin may not leave it, and it cannot be moved: {}",
                              page, stopped.pfn, stopped.refused);
  add_page(stopped);
  if (sight_.refused == nullptr) return;
  answer_.add(About::found, "no page to move it to: " + sight_.refused->brief);
  answer_.evidence.insert(answer_.evidence.end(), sight_.refused->evidence.begin(), sight_.refused->evidence.end());
}

// --- processes ---

void Explainer::operator()(const MmapHuge& op) const {
  const std::uint64_t each = order_pages(machine_.processes.huge_order());
  if (!machine_.geometry().transparent_hugepages) {
    answer_.brief = "the machine has no transparent huge pages; thp=on adds them";
    return;
  }
  new_memory(op.at, {result_.finished, op.count, each, "huge page"});
}

// The first huge page of the mapping that is still whole.
void Explainer::operator()(const SplitHuge& op) const {
  const Result* made = world_.find(op.mapping);
  const Result* in = op.in.id == 0 ? made : world_.find(op.in);
  if (made == nullptr || in == nullptr) return unexplained();
  const Processes& processes = machine_.processes;
  for (std::uint64_t i = 0; i < processes.pages_of(in->process, made->mapping); ++i) {
    const OwnerId owner = processes.page_at(in->process, made->mapping, i);
    if (owner == 0 || machine_.owners.owner(owner).huge == 0) continue;
    const Pfn head = machine_.map.compound_head(machine_.owners.owner(owner).pfn);
    const bool locked = machine_.map.page(head).has(kPageLocked);
    answer_.brief = locked ? fmt::format("the huge page at {:#x} is locked", head)
                           : fmt::format("the huge page at {:#x} has references besides its mappings", head);
    add_page(PageFacts(world_, head, /*ours=*/false).stopped(""));
    return;
  }
  answer_.brief = "the huge page was in use, and has been split since";
}

// Returns how far a write to a mapping came.
Explainer::Progress Explainer::written(const auto& op) const {
  const Result* made = world_.find(op.mapping);
  const Result* in = op.in.id == 0 ? made : world_.find(op.in);
  if (made == nullptr || in == nullptr) return {};
  const std::uint64_t mapped = machine_.processes.pages_of(in->process, made->mapping) - op.from;
  return {result_.finished, op.pages == 0 ? mapped : std::min(op.pages, mapped), 1, "page"};
}

// Explains why a page could not be faulted in.
void Explainer::cached_memory(const Progress& progress) const {
  if (progress.wanted > 0) got(progress.done, progress.wanted, progress.noun);
  if (answer_.error == -kENOENT)
    answer_.brief = "the process ended meanwhile";
  else if (answer_.error == -kEFAULT)
    answer_.brief = "what it maps was truncated: its next page is gone";
  else
    out_of_memory(progress.left());
}

void Explainer::not_lazily_freed(OpRef mapping, OpRef in) const {
  const Result* made = world_.find(mapping);
  const Result* process = in.id == 0 ? made : world_.find(in);
  if (machine_.release() < Release::v4_5)
    answer_.brief = "MADV_FREE came with 4.5";
  else if (made != nullptr && process != nullptr && machine_.processes.is_shared(process->process, made->mapping))
    answer_.brief = "MADV_FREE is for private memory, and this mapping is shared";
  else
    answer_.brief = "MADV_FREE is for memory that is not locked, and this mapping is";
}

// --- files ---

void Explainer::read_failed(const Place& at, std::uint64_t pages) const {
  const Progress progress{result_.pages, pages, 1, "page"};
  if (answer_.error != -kEAGAIN) return new_memory(at, progress);
  got(progress.done, progress.wanted, progress.noun);
  answer_.brief = "another task dropped the page before its buffer could be held";
}

// --- other operations on memory ---

void Explainer::operator()(const Compact& op) const {
  Gfp gfp = kGfpKernel;
  if (op.type == TypeWord::movable) gfp = kGfpHighuserMovable;
  if (op.type == TypeWord::reclaimable) gfp |= kGfpReclaimable;
  RefusedRequest left = explain_request(machine_, gfp, static_cast<unsigned>(op.order));
  // The request that it would be for is not made: nothing follows.
  std::erase_if(left.evidence, [](const Evidence& found) { return found.about == About::next; });
  const bool signal = machine_.engine.flags().fatal_signal;
  const char* const end = signal
                              ? "a fatal signal ended it"
                              : "it was given up, with too many pages isolated at once or none left to move pages to,";
  if (answer_.error == -kEAGAIN)
    answer_.brief = fmt::format("{} before a block of order {} came to be", end, op.order);
  else
    compaction_ran(op);
  answer_.evidence.insert(answer_.evidence.end(), left.evidence.begin(), left.evidence.end());
}

void Explainer::operator()(const DirectReclaim& op) const {
  const LruLists& lists = machine_.lru.lists();
  const std::uint64_t file = lists.size(LruList::inactive_file) + lists.size(LruList::active_file);
  const std::uint64_t anonymous = lists.size(LruList::inactive_anon) + lists.size(LruList::active_anon);
  answer_.add(About::wanted, fmt::format("{} to be freed", plural(op.pages, "page")), {{"pages", op.pages}});
  if (file == 0)
    answer_.brief = fmt::format("no page of a file is on the LRU lists, and without swap {} cannot be freed",
                                plural(anonymous, "anonymous page"));
  else
    answer_.brief = fmt::format("none of {} of files on the LRU lists could be freed: they are dirty, in use or locked",
                                plural(file, "page"));
}

// Returns why no zone was worth a compaction (compaction_suitable): first of all it needs free pages to move pages to.
std::string Explainer::compaction_unsuitable(const Compact& op) const {
  const Release release = machine_.release();
  const bool costly = op.order > 3 || release < Release::v4_9;
  const WatermarkRequest targets = {.flags = release < Release::v4_9 ? 0U : std::uint32_t{kAllocCma}};
  std::string text;
  for (std::size_t z = machine_.buddy.zones(); z-- > 0;) {
    const Zone& zone = machine_.buddy.zone(z);
    if (zone.managed == 0) continue;
    const std::uint64_t watermark = Watermarks::watermark(zone, costly ? Watermark::low : Watermark::min);
    const std::uint64_t mark = watermark + (std::uint64_t{2} << op.order);
    text += (text.empty() ? "zone " : "; zone ") + machine_.buddy.zone_title(z);
    if (machine_.buddy.watermarks().zone_watermark_ok(zone, mark, targets, zone.nr_free_pages))
      text += " has a block already, or its memory is not enough in pieces (vm.extfrag_threshold)";
    else
      text +=
          fmt::format(" has {} pages free, and needs more than {} to have some to move pages to ({} watermark + {})",
                      zone.nr_free_pages, mark, costly ? "low" : "min", std::uint64_t{2} << op.order);
  }
  return text;
}

// Explains a compaction that made no block: whether it began, and what it could not move.
void Explainer::compaction_ran(const Compact& op) const {
  std::uint64_t scans = 0;
  std::uint64_t moved = 0;
  const std::vector<Record>& records = machine_.trace.records();
  for (std::size_t i = sight_.first_record; i < records.size(); ++i) {
    if (records[i].actor != machine_.engine.current()) continue;
    if (records[i].event == Event::isolate_migratepages) ++scans;
    if (records[i].event == Event::mm_migrate_pages) moved += records[i].a;
  }
  const StoppedPages* stopped = sight_.windows.stopped_by(answer_.op);
  if (scans == 0 && stopped == nullptr) {
    answer_.brief = "compaction was not begun: " + compaction_unsuitable(op);
    return;
  }
  const std::uint64_t left = stopped == nullptr ? 0 : stopped->all.size();
  answer_.brief = fmt::format("moving pages made no block of order {}: {} scanned, {} moved, {} could not be", op.order,
                              plural(scans, "range"), plural(moved, "page"), left);
  if (stopped == nullptr) return;
  constexpr std::size_t kPages = 3;
  for (std::size_t i = 0; i < std::min(stopped->pages.size(), kPages); ++i) add_page(stopped->pages[i]);
  if (left > kPages)
    answer_.add(About::page, fmt::format("and {} that stayed", plural(left - kPages, "more page")), {{"pages", left}});
}

void Explainer::operator()(const Cat& op) const {
  answer_.add(About::wanted, op.path, {{"path", op.path}});
  if (answer_.error == -kENOMEM) {
    out_of_memory(1);
    answer_.brief = "a reader of the bitmap needs a block for all of its text; " + answer_.brief;
    return;
  }
  std::string areas;
  for (AreaId id = 0; id < machine_.areas.size(); ++id) areas += (id == 0 ? "" : ", ") + machine_.areas.area(id).name;
  if (areas.empty()) areas = "none";
  std::string files;
  for (const std::string_view file : proc_files()) files += fmt::format("{}{}", files.empty() ? "" : ", ", file);
  for (const std::string_view file : MemoryReports::files()) files += fmt::format(", {}", file);
  constexpr std::string_view kAny = "AREA";
  bool of_area = false;
  for (const AreaFileInfo& file : area_files(machine_.release())) {
    const std::string any = path_of(file, kAny);
    const std::size_t at = any.find(kAny);
    files += ", " + any;
    of_area = of_area || (op.path.starts_with(any.substr(0, at)) && op.path.ends_with(any.substr(at + kAny.size())));
  }
  answer_.brief = of_area ? fmt::format("there is no such area; areas are {}", areas)
                          : fmt::format("{} has no such file", name_of(machine_.release()));
  answer_.add(About::found, fmt::format("files {}; areas {}", files, areas));
}

}  // namespace

void explain_failure(const Sight& sight, Answer& answer) {
  const Explainer explainer(sight, answer);
  std::visit(explainer, static_cast<const OpVariant&>(sight.world.program().ops[answer.op].body));
}

namespace {

// Returns the addresses of a block, its zone and, if it lies in one, its area.
std::string place_text(const Machine& machine, Pfn pfn, std::uint64_t pages) {
  std::string text = frames_text(pfn, pages) + " in zone " + machine.buddy.zone_title(machine.map.page(pfn).zone);
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    if (machine.areas.area(id).active() && machine.areas.area(id).contains(pfn))
      text += ", in area " + machine.areas.area(id).name;
  return text;
}

// Writes where the pages of a result with owners lie, in runs.
void explain_owned(const World& world, Answer& answer) {
  const Result& result = world.result(answer.op);
  std::vector<PfnRange> runs;
  for (std::uint64_t i = 0; i < result.pages && result.first_owner + i < world.owner_of.size(); ++i) {
    const OwnerId owner = world.owner_of[result.first_owner + i];
    const Pfn pfn = owner == 0 ? kNoPfn : world.machine().owners.owner(owner).pfn;
    if (pfn == kNoPfn) continue;
    const bool goes_on = !runs.empty() && runs.back().end == pfn &&
                         world.machine().map.page(runs.back().start).zone == world.machine().map.page(pfn).zone;
    if (goes_on)
      ++runs.back().end;
    else
      runs.push_back({pfn, pfn + 1});
  }
  constexpr std::size_t kRuns = 4;
  for (std::size_t i = 0; i < std::min(runs.size(), kRuns); ++i)
    answer.add(About::got, place_text(world.machine(), runs[i].start, runs[i].pages()),
               {{"pfn", runs[i].start}, {"pages", runs[i].pages()}});
  if (runs.size() > kRuns) answer.add(About::got, fmt::format("and {} more runs of pages", runs.size() - kRuns));
  answer.brief = plural(result.pages, "page") + (answer.brief.empty() ? "" : ", " + answer.brief);
}

}  // namespace

void explain_success(const Sight& sight, Answer& answer) {
  const World& world = sight.world;
  const Result& result = world.result(answer.op);
  const OpBody& body = world.program().ops[answer.op].body;
  const std::string name = world.program().name_of(world.program().ops[answer.op]);
  if (const auto* op = std::get_if<Declare>(&body)) {
    const auto order = static_cast<unsigned>(op->order_per_bit);
    return explain_declared(world, {name, op->base, op->size, op->limit, op->alignment, order, op->fixed}, answer);
  }
  if (const auto* op = std::get_if<InitReservedMem>(&body))
    return explain_reserved_place(world, op->base, op->size, answer);
  if (std::holds_alternative<RunBoot>(body)) return explain_default_area(world, answer);
  explain_given(world, sight.windows.given_to(answer.op), answer);
  if (result.yields == Yields::block) answer.brief = place_text(world.machine(), result.pfn, result.pages);
  if (result.yields == Yields::pages) explain_owned(world, answer);
}

}  // namespace cma
