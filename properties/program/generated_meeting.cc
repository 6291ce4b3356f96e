// Pages that move meet a buffer: of single operations that are drawn at random, few do.

#include <array>
#include <utility>

#include "properties/program/generated_parts.h"

namespace cma {
namespace {

// Where a page is on its way, and where its data's state decides what becomes of it.
constexpr std::array kOnTheWay = {Point::scan_page_isolated, Point::reclaim_clean_page, Point::migrate_page,
                                  Point::migrate_target,     Point::migrate_locked,     Point::migrate_unmapped,
                                  Point::migrate_writeout,   Point::migrate_moved,      Point::buffer_mapping_moved,
                                  Point::buffer_checked,     Point::put_page_dropped,   Point::contig_migrated};

// The kinds that make pages on chosen frames, as often as they stand here.
constexpr std::array kMakers = {kind_of<OwnedPages<PageKind::movable_ops>>(),
                                kind_of<OwnedPages<PageKind::anonymous>>(),
                                kind_of<OwnedPages<PageKind::shmem>>(),
                                kind_of<OwnedPages<PageKind::block_device>>(),
                                kind_of<ReadFile>(),
                                kind_of<ReadFile>(),
                                kind_of<BufferRead>(),
                                kind_of<MmapAnon>(),
                                kind_of<MmapAnon>()};

// The kinds that change such pages, or take references to them.
constexpr std::array kMeddlers = {kind_of<Refuse>(),
                                  kind_of<FreeOwned>(),
                                  kind_of<Pin>(),
                                  kind_of<GetPage>(),
                                  kind_of<PutPage>(),
                                  kind_of<BufferOp<BufferVerb::touch>>(),
                                  kind_of<BufferOp<BufferVerb::hold>>(),
                                  kind_of<BufferOp<BufferVerb::dirty>>(),
                                  kind_of<FilePagesOp<FilePagesVerb::writeback>>(),
                                  kind_of<FilePagesOp<FilePagesVerb::journal>>(),
                                  kind_of<MappingOp<MappingVerb::write>>(),
                                  kind_of<MappingOp<MappingVerb::munmap>>(),
                                  kind_of<MappingOp<MappingVerb::mlock>>(),
                                  kind_of<MappingOp<MappingVerb::madv_free>>(),
                                  kind_of<PinLongterm>(),
                                  kind_of<DrainOp<DrainKind::lru>>()};

// Has an operation work on a result, or on frames.
struct WorkOn : IgnoreFields {
  OpId result = 0;
  Place frames;
  std::uint64_t wanted_pages = 0;  // 0: as they are

  void operand(OpRef& operand, const OperandSpec& spec) {
    if (spec.required) operand.id = result;
  }
  void place(Place& place, const PlaceSpec& spec) { place = spec.required ? Place::of_result({result}, 0) : frames; }
  void number(std::uint64_t& value, const NumberSpec& spec) {
    if (spec.name == "pages" && wanted_pages != 0) value = wanted_pages;
    if (spec.name == "from") value = 0;
  }
};

// Returns what a result must be that is the operand of such an operation; `nothing` if it has none.
Yields wanted_by(std::size_t kind) {
  struct Reader : IgnoreFields {
    Yields wanted = Yields::nothing;
    void operand(const OpRef&, const OperandSpec& spec) {
      if (spec.required) wanted = spec.wanted;
    }
  } reader;
  const OpBody body = default_body(kind);
  visit_fields(body, reader);
  return reader.wanted;
}

// Appends an operation of the kind, by an actor that is between two operations. Returns its identifier.
OpId append_on(Random& random, Draft& draft, std::size_t kind, WorkOn work, const Stop& until = {}) {
  Op op;
  op.body = default_body(kind);
  FieldGenerator values(random, draft.forecast(), kind);
  visit_fields(op.body, values);
  visit_fields(op.body, work);
  if (info_of(op).yields != Yields::nothing) op.id = draft.forecast().unused_id();
  if (info_of(op).performed == Performed::by_actor)
    op.performer = draft.forecast().any_idle(random).value_or(Performer{});
  op.until = until;
  const OpId id = op.id;
  draft.append(std::move(op));
  return id;
}

// Changes the pages, or takes a reference to them, with a kind that applies to them.
void meddle(Random& random, Draft& draft, const KindSet& kinds, OpId pages) {
  constexpr int kTries = 8;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::size_t kind = kMeddlers[random.below(kMeddlers.size())];
    const Forecast::Known* known = draft.forecast().find(pages);
    const Yields wanted = wanted_by(kind);
    const bool fits = wanted == known->yields ? applies_to(kind, known->sort) : wanted == Yields::nothing;
    if (!kinds.test(kind) || !fits || !draft.forecast().sensible(kind)) continue;
    append_on(random, draft, kind, {.result = pages, .wanted_pages = 1});
    return;
  }
}

// Adds pages on these frames, with the file or the process that has them. Returns their identifier; 0 if a program of
// these kinds cannot have them.
OpId make_pages(Random& random, Draft& draft, const KindSet& kinds, const Place& frames) {
  const std::size_t kind = kMakers[random.below(kMakers.size())];
  WorkOn work{.frames = frames, .wanted_pages = random.between(1, 3)};
  if (!kinds.test(kind)) return 0;
  const Yields wanted = wanted_by(kind);
  if (wanted == Yields::file || wanted == Yields::process) {
    const std::size_t owner = wanted == Yields::file ? kind_of<OpenFile>() : kind_of<Spawn>();
    if (!kinds.test(owner)) return 0;
    work.result = append_on(random, draft, owner, {});
    if (kind == kind_of<BufferRead>() && !applies_to(kind, draft.forecast().find(work.result)->sort)) return 0;
  }
  return append_on(random, draft, kind, work);
}

}  // namespace

void generate_meeting(Random& random, Draft& draft, const KindSet& kinds) {
  const std::size_t areas = draft.program().machine.areas.size();
  if (areas == 0 || draft.forecast().idle_performers() < 2) return;
  const AreaRef area{false, static_cast<std::uint16_t>(random.below(areas))};
  const std::optional<std::uint64_t> start = draft.forecast().areas().window(area, 1);
  if (!start) return;
  const OpId pages = make_pages(random, draft, kinds, Place::of_area(area, *start));
  if (pages == 0) return;
  if (random.chance(50) && kinds.test(kind_of<DrainOp<DrainKind::lru>>()))
    append_on(random, draft, kind_of<DrainOp<DrainKind::lru>>(), {});
  if (random.chance(60)) meddle(random, draft, kinds, pages);
  Op buffer;
  buffer.body = CmaAlloc{.area = area, .pages = random.between(1, 4)};
  buffer.until.point = kOnTheWay[random.below(kOnTheWay.size())];
  // A vendor's kernel sweeps again where a page could not be moved.
  if (draft.program().machine.retry_sweeps != 0) {
    if (kinds.test(kind_of<Pin>())) append_on(random, draft, kind_of<Pin>(), {.result = pages});
    buffer.until.point = Point::cma_retry;
    buffer.body = CmaAlloc{.area = area, .pages = draft.program().machine.areas[area.id].pages};
  }
  buffer.id = draft.forecast().unused_id();
  buffer.performer = draft.forecast().any_idle(random).value_or(Performer{});
  draft.append(std::move(buffer));
  for (std::uint64_t left = random.between(1, 2); left > 0; --left) meddle(random, draft, kinds, pages);
}

}  // namespace cma
