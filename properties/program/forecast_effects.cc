// What operations take and give back beside their results: a part of the forecast.

#include <algorithm>

#include "properties/program/forecast_reading.h"
#include "properties/program/op_kinds.h"

namespace cma {

using Standing = Forecast::Standing;

// Notes what an operation obtains, uses up or has under way beside its result.
void Forecast::note_effects(const Op& op, const Reading& reading, const Known& made) {
  Known* named = find_known(reading.first());
  if (is_one_of<BufferOp<BufferVerb::hold>>(op)) ++named->counts;
  if (is_one_of<BufferOp<BufferVerb::put>>(op)) --named->counts;
  const bool submits =
      is_one_of<ReadFile, BufferRead, FilePagesOp<FilePagesVerb::writeback>, FileOp<FileVerb::commit>>(op);
  if (submits && named->slow) io_ += std::max<std::uint64_t>(reading.pages, 1);
  if (const auto* done = std::get_if<IoDone>(&op.body)) complete_io(done->times);
  if (is_one_of<FileOp<FileVerb::truncate>, FileOp<FileVerb::drop>>(op)) drop_file(reading.first());
  note_references(op, reading);
  note_areas(op, reading, made);
  note_memory(op, reading, made);
}

// Notes which pages of areas an operation takes.
void Forecast::note_areas(const Op& op, const Reading& reading, const Known& made) {
  if (made.in_area) ++in_areas_;
  if (reading.chosen && made.sort == Sort::unmovable && made.standing == Standing::held) {
    std::optional<AreaForecast::Piece> frames = areas_.page_at(reading.named);
    if (!frames) return;
    frames->owner = op.id;
    frames->pages = reading.pages;
    return areas_.take(*frames);
  }
  if (!takes_from_area(op)) return;
  AreaForecast::Piece piece{.owner = op.id, .area = reading.target, .pages = reading.pages, .sure = false};
  if (!is_one_of<DmaBuffer>(op) && !reading.target.declared && usable_area(reading.target))
    if (const auto window = areas_.window(reading.target, reading.pages, reading.align)) {
      piece.start = *window;
      piece.sure = true;
    }
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  const bool is_buffer = info_of(op).yields == Yields::buffer;
  if (piece.pages <= kMost && (is_buffer || piece.sure)) areas_.take(piece);
}

// Notes what an operation takes of the memory outside areas, and of the pool of huge pages.
void Forecast::note_memory(const Op& op, const Reading& reading, const Known& made) {
  if (is_one_of<HugetlbGrow>(op)) pool_ += reading.pages;
  if (is_one_of<HugetlbPagesUsed>(op)) pool_ -= std::min(pool_, reading.pages);
  const Yields yields = info_of(op).yields;
  if (takes_memory(yields, made)) {
    used_ += made.pages;
    if (yields != Yields::block && made.sort != Sort::unmovable) movable_used_ += made.pages;
  }
  const bool faults = is_one_of<MappingOp<MappingVerb::write>, Fork>(op);
  const bool kills = program_.machine.oom_kills && op.scope != ReclaimScope::noreclaim;
  if (kills && used_ >= memory_ && (faults || takes_memory(yields, made))) note_shortage();
}

// Notes that the kernel may have killed a process.
void Forecast::note_shortage() {
  for (Known& known : known_) {
    const bool dies = known.yields == Yields::process || known.yields == Yields::mapping;
    if (dies && known.standing == Standing::held) known.standing = Standing::doubtful;
  }
}

void Forecast::note_references(const Op& op, const Reading& reading) {
  if (is_one_of<GetPage>(op) && reading.named.kind == Place::Kind::result) referenced_.push_back(reading.named);
  if (!is_one_of<PutPage>(op)) return;
  const auto held = std::ranges::find(referenced_, reading.named);
  if (held != referenced_.end()) referenced_.erase(held);
}

void Forecast::give_back(const Op& op, const Reading& reading) {
  if (const auto* part = std::get_if<CmaRelease>(&op.body)) {
    if (!areas_.release(part->buffer.id, part->from, part->pages)) lose(part->buffer.id, Standing::gone);
    return;
  }
  if (is_one_of<DebugfsFree>(op)) return areas_.free_debugfs(reading.target, reading.pages);
  if (is_one_of<ExitProcess>(op)) return end_process(reading.first());
  if (is_one_of<DmaFree, FreePages, FreeOwned, Unpin, FreeRange>(op)) lose(reading.first(), Standing::gone);
}

// Returns whether the pages of a result come from wherever the allocator finds them.
bool Forecast::takes_memory(Yields yields, const Known& known) {
  if (yields == Yields::block) return true;
  return (yields == Yields::pages || yields == Yields::mapping) && !known.chosen && known.sort != Sort::shared;
}

void Forecast::lose(OpId id, Standing standing) {
  Known* known = find_known(id);
  if (known == nullptr || known->standing == Standing::gone) return;
  known->standing = standing;
  if (standing != Standing::gone) return;
  areas_.release(id, 0, 0);
  if (known->in_area) in_areas_ -= std::min<std::uint64_t>(in_areas_, 1);
  if (!takes_memory(known->yields, *known)) return;
  used_ -= std::min(used_, known->pages);
  if (known->yields != Yields::block && known->sort != Sort::unmovable)
    movable_used_ -= std::min(movable_used_, known->pages);
}

// Ends a process. What it has mapped stays with processes that were forked from it meanwhile.
void Forecast::end_process(OpId process) {
  lose(process, Standing::gone);
  for (Known& known : known_) {
    if (known.yields != Yields::mapping || known.of != process) continue;
    const bool inherited = std::ranges::any_of(known_, [&](const Known& other) {
      return other.yields == Yields::process && other.of == process && other.born > known.born &&
             Forecast::may_be_held(other);
    });
    if (!inherited) lose(known.id, Standing::gone);
  }
}

void Forecast::drop_file(OpId file) {
  for (Known& known : known_)
    if (known.yields == Yields::pages && known.of == file && known.standing == Standing::held)
      known.standing = Standing::doubtful;
}

}  // namespace cma
