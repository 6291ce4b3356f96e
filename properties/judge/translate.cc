#include "properties/judge/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "allocator/areas/area_files.h"
#include "allocator/base/error.h"
#include "allocator/base/gfp.h"
#include "properties/judge/answers.h"
#include "properties/judge/process_pool.h"

namespace cma::judge {
namespace {

// Handles of buffers, blocks and references come after those of owned pages.
constexpr std::uint64_t kFirstOtherHandle = kOwnedPageHandles;
constexpr std::uint64_t kHandles = 65536;

// A failing window makes some ten lines. Thousands of windows of thousands of pages keep a kernel busy for minutes.
constexpr std::size_t kMostEvents = 20'000;

// Thrown while the model runs: the program cannot be performed from the current operation on.
class Unperformable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

constexpr char kTypeLetters[] = {'m', 'u', 'r'};

std::string_view take_word(PageKind kind) {
  switch (kind) {
    case PageKind::movable_ops: return "mv";
    case PageKind::shmem: return "sm";
    case PageKind::anonymous: return "an";
    case PageKind::unmovable: return "um";
    case PageKind::none:
    case PageKind::block_device:
    case PageKind::file:
    case PageKind::hugetlb: break;
  }
  throw Unperformable("pages of a kind that the driver does not make");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

// Observes a run and writes the script.
class Translator final : public Observer, public MoveWatcher {
 public:
  Translator(const Program& program, const Interpreter& interpreter) : program_(program), interpreter_(interpreter) {
    handles_.assign(program.ops.size(), 0);
  }
  ~Translator() override {
    if (machine_ != nullptr) machine_->owner_moves.set_move_watcher(nullptr);
  }
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;

  // The kinds that have a write().
  static KindSet kinds_with_words() {
    return []<class... Kinds>(std::type_identity<std::variant<Kinds...>>) {
      KindSet kinds;
      (kinds.set(kind_of<Kinds>(), has_words<Kinds>()), ...);
      return kinds;
    }(std::type_identity<OpVariant>{});
  }

  Script take() { return std::move(script_); }
  std::size_t op() const { return op_; }

  // --- Observer ---
  void program_begins(Machine& machine) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void buffer_releasing(AreaId area, Pfn pfn, std::uint64_t count) override { released_.push_back({area, pfn, count}); }
  void reference_taken(Pfn pfn, int, bool) override { reference_ = pfn; }
  void reference_dropping(Pfn pfn, int) override { reference_ = pfn; }
  void buffer_letting_go(BufferId buffer) override { let_go_.push_back(buffer); }
  // --- MoveWatcher ---
  void move_tried(Pfn pfn, int error) override {
    take_events();
    current_.events.push_back("  " + move_line(*machine_, pfn, error));
  }

 private:
  struct Released {
    AreaId area;
    Pfn pfn;
    std::uint64_t count;
  };

  void write(const CmaAlloc& op, Slot slot);
  void write(const CmaRelease& op, Slot slot);
  void write(const AllocPages& op, Slot slot);
  void write(const AllocGfp& op, Slot slot);
  void write(const FreePages& op, Slot slot);
  template <PageKind kKind>
    requires(kKind != PageKind::block_device)
  void write(const OwnedPages<kKind>& op, Slot slot);
  void write(const FreeOwned& op, Slot slot);
  void write(const AllocRange& op, Slot slot);
  void write(const FreeRange& op, Slot slot);
  void write(const Refuse& op, Slot slot);
  void write(const Pin& op, Slot slot);
  void write(const Unpin& op, Slot slot);
  void write(const GetPage& op, Slot slot);
  void write(const PutPage& op, Slot slot);
  template <DrainKind kKind>
  void write(const DrainOp<kKind>& op, Slot slot);
  void write(const Cat& op, Slot slot);
  void write(const DebugfsAlloc& op, Slot slot);
  void write(const DebugfsFree& op, Slot slot);
  void write(const Spawn& op, Slot slot);
  void write(const MmapAnon& op, Slot slot);
  void write(const MmapShared& op, Slot slot);
  template <MappingVerb kVerb>
  void write(const MappingOp<kVerb>& op, Slot slot);
  void write(const PinLongterm& op, Slot slot);
  void write(const Compact& op, Slot slot);
  void write(const Fork& op, Slot slot);
  void write(const ExitProcess& op, Slot slot);
  void write(const ExecStack& op, Slot slot);
  void write(const OpenFile& op, Slot slot);
  void write(const ReadFile& op, Slot slot);
  template <FileVerb kVerb>
  void write(const FileOp<kVerb>& op, Slot slot);
  template <FilePagesVerb kVerb>
  void write(const FilePagesOp<kVerb>& op, Slot slot);
  template <BufferVerb kVerb>
    requires(kVerb != BufferVerb::touch)
  void write(const BufferOp<kVerb>& op, Slot slot);
  void write(const IoDone& op, Slot slot);
  template <LruVerb kVerb>
  void write(const LruOp<kVerb>& op, Slot slot);
  void write(const CachesOff& op, Slot slot);
  void write(const DirectReclaim& op, Slot slot);
  void write(const RunKswapd& op, Slot slot);
  void write(const SleepOp& op, Slot slot);
  template <class Kind>
  static constexpr bool has_words() {
    return requires(Translator& translator, const Kind& op, Slot slot) { translator.write(op, slot); };
  }
  bool falls_asleep(Slot slot);
  void write_scoped(const Op& op, Slot slot);
  void write_block(std::uint64_t handle, Slot slot, bool impossible);
  void write_to_pages(std::string_view word, OpRef pages);
  std::string reclaim_counts() const;
  void write_owned(std::string_view word, const Place& at, std::uint64_t pages, Slot slot);
  void write_hold(std::uint64_t handle, const Place& place, bool held);
  // Returns "AREA OFFSET" of the first of `pages` pages that the current operation names. They must lie in one area.
  std::string placed_words(std::uint64_t pages) const;
  // Resolves the place that the operation at `slot` names before it is performed: the page there may move away.
  void look_ahead(std::size_t slot);

  void ask(std::string line) { current_.asks.push_back(std::move(line)); }
  void answer(std::string line) { current_.answers.push_back(std::move(line)); }
  std::uint64_t fresh_handle();
  const Result& result(Slot slot) const { return interpreter_.world().result(slot); }
  // Returns the operation whose result an operand names.
  Slot slot_of(OpRef operand) const {
    const World& world = interpreter_.world();
    return world.slot_of(*world.find(operand));
  }
  std::string place_words(const Place& place) const;
  const std::string& area_name(AreaId id) const { return machine_->areas.area(id).name; }

  void take_events();
  void look_for_pressure();
  void look_for_orphans() const;

  const Program& program_;
  const Interpreter& interpreter_;
  Machine* machine_ = nullptr;
  Script script_;
  Step current_;
  std::size_t op_ = 0;
  std::size_t cursor_ = 0;  // records of the trace taken
  FreeCounts boot_;
  std::uint64_t next_handle_ = kFirstOtherHandle;
  std::vector<std::uint64_t> handles_;     // by slot: the kernel's handle of the buffer, block or pin
  std::multimap<Pfn, std::uint64_t> got_;  // handles of references that get_page took, by page
  // What the current operation reported.
  std::vector<Released> released_;
  Pfn reference_ = kNoPfn;
  std::vector<BufferId> let_go_;
  // What reclaim had counted before it.
  ReclaimEvents reclaimed_;
  // The frame that it names.
  std::optional<Pfn> place_;
  bool lrus_ = false;  // whether the order of the LRU lists is asked for
  // Reclaim that sleeps: it is written when the operation after it, a sleep, has let it end.
  std::optional<Slot> asleep_;
};

// The first place among an operation's fields.
struct PlaceFinder : IgnoreFields {
  void place(const Place& place, const PlaceSpec&) {
    if (found.kind == Place::Kind::none) found = place;
  }
  Place found;
};

// --- the run ---

void Translator::program_begins(Machine& machine) {
  machine_ = &machine;
  machine.owner_moves.set_move_watcher(this);
  cursor_ = machine.trace.records().size();
  boot_ = free_counts(machine);
  script_.setup = setup_of(program_);
  lrus_ = watches_lrus(program_);
  script_.boot = state_questions(*machine_, interpreter_.world(), boot_, lrus_);
  look_ahead(0);
}

void Translator::look_ahead(std::size_t slot) {
  place_.reset();
  if (!asleep_) reclaimed_ = machine_->reclaim.events();
  if (slot >= program_.ops.size()) return;
  PlaceFinder finder;
  visit_fields(program_.ops[slot].body, finder);
  if (finder.found.kind != Place::Kind::none) place_ = interpreter_.world().resolve(finder.found);
}

void Translator::op_performed(Machine&, std::size_t op) {
  op_ = op;
  take_events();
  if (current_.events.size() > kMostEvents) throw Unperformable("more windows are tried than can be waited for");
  const auto slot = static_cast<Slot>(op);
  current_.op = op;
  if (falls_asleep(slot)) {
    script_.steps.push_back({.op = op});
    return look_ahead(op + 1);
  }
  if (result(slot).state != Result::State::skipped) {
    write_scoped(program_.ops[op], slot);
    look_for_pressure();
    look_for_orphans();
    current_.state = state_questions(*machine_, interpreter_.world(), boot_, lrus_);
  }
  script_.steps.push_back(std::exchange(current_, {}));
  released_.clear();
  let_go_.clear();
  reference_ = kNoPfn;
  look_ahead(op + 1);
}

// Returns whether the operation is reclaim that has not ended, but will in the sleep after it. Throws if another one
// has not ended.
bool Translator::falls_asleep(Slot slot) {
  const OpVariant& body = program_.ops[slot].body;
  const bool sleeps = std::holds_alternative<SleepOp>(body);
  if (result(asleep_ ? *asleep_ : slot).state != Result::State::inside) return false;
  const bool reclaims = std::holds_alternative<DirectReclaim>(body) || std::holds_alternative<RunKswapd>(body);
  const bool ends = slot + 1 < program_.ops.size() && std::holds_alternative<SleepOp>(program_.ops[slot + 1].body);
  if (asleep_ || sleeps || !reclaims || !ends) throw Unperformable("an operation that waits");
  asleep_ = slot;
  return true;
}

// Writes an operation between the lines that begin and end its scope.
void Translator::write_scoped(const Op& op, Slot slot) {
  const bool scoped = op.scope != ReclaimScope::none;
  if (scoped) ask(fmt::format("scope {}", kScopeWords[static_cast<std::size_t>(op.scope)]));
  std::visit(
      [&]<class Kind>(const Kind& body) {
        if constexpr (has_words<Kind>())
          write(body, slot);
        else
          throw Unperformable(fmt::format("operation {}", Kind::kInfo.verb));
      },
      op.body);
  if (scoped) ask("scope none");
}

void Translator::take_events() {
  const std::vector<Record>& records = machine_->trace.records();
  for (; cursor_ < records.size(); ++cursor_) {
    std::string line = event_line(*machine_, records[cursor_], EventLevel::scans, false, true);
    if (!line.empty()) current_.events.push_back("  " + std::move(line));
  }
}

// Throws if memory outside the areas is short. Below its low watermark a kernel wakes kswapd, reclaims and compacts,
// which the model does not do in the same way, and the sizes of free blocks outside the areas differ on both sides.
void Translator::look_for_pressure() {
  const Zone& zone = machine_->buddy.zone(0);
  const auto high = static_cast<std::int64_t>(zone.watermark[static_cast<unsigned>(Watermark::high)]);
  if (zone.nr_free_pages - zone.nr_free_cma < 2 * high + static_cast<std::int64_t>(order_pages(11)))
    throw Unperformable("memory outside the areas runs low");
}

// Throws if a page that was truncated keeps its buffer. What becomes of it depends on who frees the buffer, and when.
void Translator::look_for_orphans() const {
  const Buffers& buffers = machine_->buffers;
  for (BufferId id = 1; id <= buffers.size(); ++id) {
    const Pfn pfn = buffers.buffer(id).pfn;
    if (pfn != kNoPfn && machine_->map.page(pfn).owner == 0)
      throw Unperformable("a page is truncated while its buffer is in use");
  }
}

std::uint64_t Translator::fresh_handle() {
  if (next_handle_ == kHandles) throw Unperformable("more handles than the driver has");
  return next_handle_++;
}

// --- the operations ---

void Translator::write(const CmaAlloc& op, Slot slot) {
  const std::uint64_t handle = handles_[slot] = fresh_handle();
  const AreaId id = op.area.id;
  ask(fmt::format("ca {} {} {} {}{}", handle, area_name(id), op.pages, op.align, op.nowarn ? " nowarn" : ""));
  if (result(slot).state == Result::State::done)
    answer(fmt::format("ca {} ok off={}", handle, result(slot).pfn - machine_->areas.area(id).base));
  else
    answer(fmt::format("ca {} fail", handle));
}

// Names the place, not a handle: a buffer may be released in pieces that have no handle.
void Translator::write(const CmaRelease&, Slot) {
  for (const Released& part : released_) {
    ask(fmt::format("crx {} {} {}", area_name(part.area), part.pfn - machine_->areas.area(part.area).base, part.count));
    answer("crx ok");
  }
}

void Translator::write(const AllocPages& op, Slot slot) {
  const std::uint64_t handle = handles_[slot] = fresh_handle();
  // Above the largest order a kernel fails, and warns once since boot unless it must not.
  const bool impossible = op.order > machine_->buddy.largest_order();
  std::string line = fmt::format("pa {} {} {}", handle, op.order, kTypeLetters[static_cast<std::size_t>(op.type)]);
  if (op.atomic) line += " atomic";
  if (op.high) line += " high";
  if (op.comp) line += " comp";
  if (op.nowarn || impossible) line += " nowarn";
  ask(std::move(line));
  write_block(handle, slot, impossible);
}

// The kernel is given its own number for the flags.
void Translator::write(const AllocGfp& op, Slot slot) {
  const std::uint64_t handle = handles_[slot] = fresh_handle();
  const bool impossible = op.order > machine_->buddy.largest_order();
  // The last of these flags is there only where objects of slabs have records of who made them.
  const Gfp gfp = (static_cast<Gfp>(op.gfp) & ~kGfpNoObjExt) | (impossible ? kGfpNowarn : 0U);
  // A kernel warns of a request for more than two pages that must not fail.
  if ((gfp & kGfpNofail) != 0 && op.order > 1) throw Unperformable("a large block that must not fail");
  ask(fmt::format("pag {} {} {:#x}", handle, op.order, gfp_value(gfp, machine_->release())));
  write_block(handle, slot, impossible);
}

void Translator::write_block(std::uint64_t handle, Slot slot, bool impossible) {
  const bool had = result(slot).state == Result::State::done;
  if (!had && !impossible) throw Unperformable("memory outside the areas runs low");
  answer(fmt::format("pa {} {}", handle, had ? place_of(*machine_, result(slot).pfn) : "fail"));
}

void Translator::write(const FreePages& op, Slot) { ask(fmt::format("pf {}", handles_[slot_of(op.block)])); }

template <PageKind kKind>
  requires(kKind != PageKind::block_device)
void Translator::write(const OwnedPages<kKind>& op, Slot slot) {
  write_owned(take_word(kKind), op.at, op.pages, slot);
}

void Translator::write_owned(std::string_view word, const Place& at, std::uint64_t pages, Slot slot) {
  const Result& had = result(slot);
  const std::uint64_t handle = had.first_owner;
  if (handle + pages > kOwnedPageHandles) throw Unperformable("more owned pages than the driver has prepared for");
  std::string name(word);
  if (at.kind != Place::Kind::none) {
    name += "at";
    ask(fmt::format("{} {} {} {}", name, handle, placed_words(pages), pages));
  } else {
    ask(fmt::format("{} {} {}", name, handle, pages));
  }
  for (std::uint64_t i = 0; i < had.pages; ++i) answer(fmt::format("{} {} 0", name, handle + i));
  if (had.pages < pages) answer(fmt::format("{} {} {}", name, handle + had.pages, had.error));
}

std::string Translator::placed_words(std::uint64_t pages) const {
  const Pfn first = place_.value();
  const auto area = machine_->areas.area_of(first);
  if (!area || first - machine_->areas.area(*area).base + pages > machine_->areas.area(*area).pages)
    throw Unperformable("pages are placed outside the areas");
  return fmt::format("{} {}", area_name(*area), first - machine_->areas.area(*area).base);
}

// Frees consecutive handles by one line.
void Translator::write(const FreeOwned& op, Slot) {
  const Result& held = result(slot_of(op.pages));
  if (held.pages != 0) ask(fmt::format("mf {} {}", held.first_owner, held.pages));
}

// A range must lie in an area: which blocks are free outside differs on both sides.
void Translator::write(const AllocRange& op, Slot slot) {
  if (!machine_->areas.area_of(place_.value())) throw Unperformable("a range is asked for outside the areas");
  // No caller in the kernel asks for pages that do not exist.
  if (result(slot).error == -kEINVAL) return;
  handles_[slot] = fresh_handle();
  ask(fmt::format("range {} {} {}", handles_[slot], placed_words(1), op.pages));
  answer(fmt::format("range {} {}", handles_[slot], result(slot).error));
}

void Translator::write(const FreeRange& op, Slot) { ask(fmt::format("mf {}", handles_[slot_of(op.range)])); }

void Translator::write(const Refuse& op, Slot) {
  const Result& held = result(slot_of(op.pages));
  constexpr std::uint64_t kMost = 0x7fffffff;
  const std::string times = op.times == kRefuseAll ? "-1" : std::to_string(std::min(op.times, kMost));
  const bool eio = op.error == RefusalWord::eio;
  for (std::uint64_t i = 0; i < held.pages; ++i) {
    // A page refuses with one error at a time.
    ask(fmt::format("mpe {} {}", held.first_owner + i, eio ? times : "0"));
    ask(fmt::format("mp {} {}", held.first_owner + i, eio ? "0" : times));
  }
}

std::string Translator::place_words(const Place& place) const {
  const World& world = interpreter_.world();
  const Pfn pfn = place_.value();
  if (place.kind == Place::Kind::result) {
    const Result& found = *world.find(place.result);
    const std::uint64_t handle = handles_[world.slot_of(found)];
    if (found.yields == Yields::pages) return fmt::format("@{} 0", found.first_owner + place.offset);
    if (found.yields == Yields::block) return fmt::format("@{} {}", handle, place.offset);
    if (found.yields == Yields::pin) return fmt::format("@{} 0", handle);
    if (found.yields == Yields::mapping) return fmt::format("@{}.{} {}", found.process, found.mapping, place.offset);
  }
  const auto area = machine_->areas.area_of(pfn);
  if (!area) throw Unperformable("a page outside the areas is named by its number");
  return fmt::format("{} {}", area_name(*area), pfn - machine_->areas.area(*area).base);
}

void Translator::write_hold(std::uint64_t handle, const Place& place, bool held) {
  ask(fmt::format("hold {} {}", handle, place_words(place)));
  if (held)
    answer(
        fmt::format("hold {} {} ref={}", handle, place_of(*machine_, reference_), machine_->map.page(reference_).ref));
  else
    answer(fmt::format("hold {} fail", handle));
}

void Translator::write(const Pin& op, Slot slot) {
  handles_[slot] = fresh_handle();
  write_hold(handles_[slot], op.page, result(slot).state == Result::State::done);
}

void Translator::write(const Unpin& op, Slot) { ask(fmt::format("drop {}", handles_[slot_of(op.pin)])); }

void Translator::write(const GetPage& op, Slot slot) {
  const std::uint64_t handle = fresh_handle();
  const bool held = result(slot).state == Result::State::done;
  write_hold(handle, op.page, held);
  if (held) got_.emplace(reference_, handle);
}

void Translator::write(const PutPage&, Slot) {
  const auto found = got_.find(reference_);
  ask(fmt::format("drop {}", found->second));
  got_.erase(found);
}

template <DrainKind kKind>
void Translator::write(const DrainOp<kKind>&, Slot) {
  switch (kKind) {
    case DrainKind::pages: ask("drainp"); break;
    case DrainKind::lru: ask("drainl"); break;
    case DrainKind::this_pagevec: ask("draint"); break;
    case DrainKind::everything: ask("drain"); break;
  }
}

// The files that describe memory outside the areas are read, but their text is not compared.
void Translator::write(const Cat& op, Slot) {
  for (const std::string_view path : {"zoneinfo", "meminfo", "vmstat"})
    if (op.path == path) throw Unperformable(fmt::format("cat of /proc/{}: the driver cannot read it", path));
  if (op.path == "buddyinfo" || op.path == "pagetypeinfo") {
    current_.compared = false;
    return ask(op.path);
  }
  const std::size_t first = op.path.find('/');
  const std::size_t last = op.path.rfind('/');
  const auto text = read_view(machine_->areas, machine_->buddy, machine_->map, machine_->release(), op.path);
  if (!text) throw Unperformable("cat of a file that is not there");
  const std::string name = op.path.substr(first + 1, last - first - 1);
  if (op.path.starts_with("cma/")) {
    const std::string file = op.path.substr(last + 1);
    ask(fmt::format("dbg {} {}", name, file));
    answer(fmt::format("dbg {} {} {}", name, file, trimmed(*text)));
    return;
  }
  const Area& area = machine_->areas.area(*machine_->areas.find(name));
  ask("sysfs " + name);
  // The driver writes signed numbers.
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  std::string line =
      fmt::format("sysfs {} success={} fail={}", name, number(area.nr_pages_succeeded), number(area.nr_pages_failed));
  if (machine_->release() >= Release::v6_9) line += fmt::format(" released={}", number(area.nr_pages_released));
  answer(std::move(line));
}

void Translator::write(const DebugfsAlloc& op, Slot slot) {
  ask(fmt::format("dbgalloc {} {}", area_name(op.area.id), op.pages));
  answer(fmt::format("dbgalloc {} {}", area_name(op.area.id), result(slot).error));
}

void Translator::write(const DebugfsFree& op, Slot slot) {
  ask(fmt::format("dbgfree {} {}", area_name(op.area.id), op.pages));
  answer(fmt::format("dbgfree {} {}", area_name(op.area.id), result(slot).error));
}

// --- processes: the driver numbers them as the model does ---

void Translator::write(const Spawn&, Slot slot) { ask(fmt::format("spawn {}", result(slot).process)); }

void Translator::write(const MmapAnon& op, Slot slot) {
  const Result& had = result(slot);
  const std::string which = fmt::format("{} {}", had.process, had.mapping);
  const bool placed = op.at.kind != Place::Kind::none;
  if (!placed && had.error != 0) throw Unperformable("memory outside the areas runs low");
  if (placed)
    ask(fmt::format("mmapat {} {} {}", which, placed_words(op.pages), op.pages));
  else
    ask(fmt::format("mmap {} {}", which, op.pages));
  answer(fmt::format("{} {}.{} {}", placed ? "mmapat" : "mmap", had.process, had.mapping, had.error));
}

void Translator::write(const MmapShared& op, Slot slot) {
  const Result& had = result(slot);
  const Result& pages = result(slot_of(op.pages));
  if (std::holds_alternative<ReadFile>(program_.ops[slot_of(op.pages)].body))
    throw Unperformable("pages of a file are mapped");
  ask(fmt::format("mapshared {} {} {} {}", had.process, had.mapping, pages.first_owner, pages.pages));
  answer(fmt::format("mapshared {}.{} 0", had.process, had.mapping));
}

template <MappingVerb kVerb>
void Translator::write(const MappingOp<kVerb>& op, Slot slot) {
  const Result& mapping = result(slot_of(op.mapping));
  const SpaceId process = op.in.id == 0 ? mapping.process : result(slot_of(op.in)).process;
  const std::uint64_t left = machine_->processes.pages_of(process, mapping.mapping) - op.from;
  const std::uint64_t pages = op.pages == 0 ? left : std::min(op.pages, left);
  const std::string part = fmt::format("{} {} {} {}", process, mapping.mapping, op.from, pages);
  if constexpr (kVerb == MappingVerb::munmap) {
    ask("unmap " + part);
  } else if constexpr (kVerb == MappingVerb::mlock) {
    ask(fmt::format("mlock {} {}", process, mapping.mapping));
    answer(fmt::format("mlock {}.{} 0", process, mapping.mapping));
  } else if constexpr (kVerb == MappingVerb::madv_free) {
    // A kernel does the same with a page that others map, too, unless it is dirty as a page: that is not modelled.
    for (std::uint64_t i = op.from; result(slot).error == 0 && i < op.from + pages; ++i) {
      const OwnerId page = machine_->processes.page_at(process, mapping.mapping, i);
      if (page != 0 && machine_->map.page(machine_->owners.owner(page).pfn).map != 1)
        throw Unperformable("memory that several processes have is freed lazily");
    }
    ask("lazyfree " + part);
    answer(fmt::format("lazyfree {}.{} {}", process, mapping.mapping, result(slot).error));
  } else {
    static_assert(kVerb == MappingVerb::write);
    const int error = result(slot).error;
    if (error == -kENOMEM) throw Unperformable("memory outside the areas runs low");
    ask("write " + part);
    answer(fmt::format("write {}.{} {}", process, mapping.mapping, error));
  }
}

void Translator::write(const PinLongterm& op, Slot slot) {
  const Result& mapping = result(slot_of(op.mapping));
  const SpaceId process = op.in.id == 0 ? mapping.process : result(slot_of(op.in)).process;
  handles_[slot] = fresh_handle();
  ask(fmt::format("longterm {} {} {} {}", handles_[slot], process, mapping.mapping, op.from));
  if (result(slot).state == Result::State::done)
    answer(fmt::format("longterm {} {} ref={}", handles_[slot], place_of(*machine_, reference_),
                       machine_->map.page(reference_).ref));
  else
    answer(fmt::format("longterm {} {}", handles_[slot], result(slot).error));
}

// Neither side reports what is scanned outside the areas.
void Translator::write(const Compact& op, Slot slot) {
  std::erase_if(current_.events, [](const std::string& line) {
    return line.starts_with("  ev isolate_migratepages other") || line.starts_with("  ev isolate_freepages other");
  });
  static constexpr std::string_view kPriorities[] = {"async", "light", "full"};
  if (op.order == 0) {
    ask("compact");
  } else {
    ask(fmt::format("compact {} {} {} {}", op.order, kPriorities[static_cast<std::size_t>(op.priority)],
                    kTypeLetters[static_cast<std::size_t>(op.type)], op.restarting ? 1 : 0));
  }
  answer(fmt::format("compact {}", result(slot).error));
}

void Translator::write(const Fork& op, Slot slot) {
  const SpaceId parent = result(slot_of(op.process)).process;
  ask(fmt::format("fork {} {}", parent, result(slot).process));
  answer(fmt::format("fork {} {} 0", parent, result(slot).process));
}

void Translator::write(const ExitProcess& op, Slot) {
  ask(fmt::format("exit {}", result(slot_of(op.process)).process));
}

void Translator::write(const ExecStack& op, Slot) {
  ask(fmt::format("stack {} {}", result(slot_of(op.process)).process, op.word == StackWord::begin ? 1 : 0));
}

// --- files: the driver numbers them, and their buffers, as the model does ---

void Translator::write(const OpenFile& op, Slot slot) {
  if (op.method == MethodWord::block_device) throw Unperformable("a block device");
  if (result(slot).file > kMostJudgedFiles) throw Unperformable("more files than the driver has");
  ask(fmt::format("file {} {} {}", result(slot).file, kMethodWords[static_cast<std::size_t>(op.method)],
                  op.slow ? "slow" : "fast"));
}

void Translator::write(const ReadFile& op, Slot slot) {
  const Result& had = result(slot);
  const std::uint64_t handle = had.first_owner;
  if (handle + op.pages > kOwnedPageHandles) throw Unperformable("more owned pages than the driver has prepared for");
  std::string line = fmt::format("fread {} {} {} {} {}", handle, result(slot_of(op.file)).file, op.from, op.pages,
                                 op.readahead ? "ahead" : "wait");
  if (op.at.kind != Place::Kind::none) line += " " + placed_words(op.pages);
  ask(std::move(line));
  for (std::uint64_t i = 0; i < had.pages; ++i) answer(fmt::format("fread {} 0", handle + i));
  if (had.pages < op.pages) answer(fmt::format("fread {} {}", handle + had.pages, had.error));
}

template <FileVerb kVerb>
void Translator::write(const FileOp<kVerb>& op, Slot) {
  const FileId file = result(slot_of(op.file)).file;
  switch (kVerb) {
    case FileVerb::truncate: ask(fmt::format("ftruncate {}", file)); break;
    case FileVerb::drop: ask(fmt::format("fdrop {}", file)); break;
    case FileVerb::commit: ask(fmt::format("fcommit {}", file)); break;
  }
}

// Asks for something to be done to those pages that their file still has.
void Translator::write_to_pages(std::string_view word, OpRef pages) {
  const Result& held = result(slot_of(pages));
  if (held.pages != 0) ask(fmt::format("{} {} {}", word, held.first_owner, held.pages));
}

template <FilePagesVerb kVerb>
void Translator::write(const FilePagesOp<kVerb>& op, Slot) {
  write_to_pages(kVerb == FilePagesVerb::writeback ? "fwriteback" : "fjournal", op.pages);
}

template <BufferVerb kVerb>
  requires(kVerb != BufferVerb::touch)
void Translator::write(const BufferOp<kVerb>& op, Slot) {
  if constexpr (kVerb == BufferVerb::put) {
    for (const BufferId buffer : let_go_) ask(fmt::format("fput {}", buffer));
  } else {
    write_to_pages(kVerb == BufferVerb::hold ? "fhold" : "fdirty", op.pages);
  }
}

void Translator::write(const IoDone& op, Slot) {
  constexpr std::uint64_t kMost = 0x7fffffff;
  ask(fmt::format("fdone {}", std::min(op.times, kMost)));
}

template <LruVerb kVerb>
void Translator::write(const LruOp<kVerb>& op, Slot) {
  const std::string place = place_words(op.page);
  switch (kVerb) {
    case LruVerb::mark_accessed: ask("accessed " + place); break;
    case LruVerb::deactivate: ask("deactivate " + place); break;
    case LruVerb::deactivate_file: ask("deactfile " + place); break;
  }
}

void Translator::write(const CachesOff&, Slot) { ask("lruoff"); }

// --- reclaim ---

// Returns what it has counted during the operation.
std::string Translator::reclaim_counts() const {
  const ReclaimEvents& now = machine_->reclaim.events();
  return fmt::format(" scan={} steal={} kscan={} ksteal={} refill={} lazyfreed={} immediate={} written={}",
                     now.pgscan_direct - reclaimed_.pgscan_direct, now.pgsteal_direct - reclaimed_.pgsteal_direct,
                     now.pgscan_kswapd - reclaimed_.pgscan_kswapd, now.pgsteal_kswapd - reclaimed_.pgsteal_kswapd,
                     now.pgrefill - reclaimed_.pgrefill, now.pglazyfreed - reclaimed_.pglazyfreed,
                     now.nr_vmscan_immediate_reclaim - reclaimed_.nr_vmscan_immediate_reclaim,
                     now.nr_vmscan_write - reclaimed_.nr_vmscan_write);
}

// A caller in the kernel chooses neither the number of pages nor the priority.
void Translator::write(const DirectReclaim& op, Slot slot) {
  if (op.pages != DirectReclaim{}.pages || op.priority != DirectReclaim{}.priority)
    throw Unperformable("reclaim of another number of pages, or from another priority on");
  ask(fmt::format("reclaim {}", op.order));
  answer(fmt::format("reclaim {}{}", result(slot).error == 0 ? "ok" : "fail", reclaim_counts()));
}

// Only single pages: for a larger block kcompactd is woken, too.
void Translator::write(const RunKswapd& op, Slot) {
  if (op.order != 0) throw Unperformable("kswapd is woken for a large block");
  ask("kswapd");
  answer("kswapd" + reclaim_counts());
}

// Time passes in the kernel while it reclaims.
void Translator::write(const SleepOp&, Slot) {
  if (!asleep_) return;
  const Slot slot = *std::exchange(asleep_, std::nullopt);
  write_scoped(program_.ops[slot], slot);
}

}  // namespace

const KindSet& performed_kinds() {
  static const KindSet kKinds = Translator::kinds_with_words();
  return kKinds;
}

std::expected<Translation, NotJudgeable> translate(const Program& program, const KernelFigures& figures,
                                                   Interpreter& interpreter) {
  Program calibrated = program;
  calibrated.machine = model_machine(program, figures);
  if (calibrated.machine.impossible())
    return std::unexpected(NotJudgeable{"areas that lie where the kernel itself is", 0});
  Translator translator(calibrated, interpreter);
  try {
    const RunResult run = interpreter.run(calibrated, &translator);
    Translation translation;
    translation.finding = run.finding;
    translation.script = translator.take();
    return translation;
  } catch (const Unperformable& reason) {
    return std::unexpected(NotJudgeable{reason.what(), translator.op()});
  }
}

}  // namespace cma::judge
