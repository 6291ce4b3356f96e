// Single operations: kind, fields, performer and stop, drawn by what the program has done before.

#include <algorithm>
#include <utility>

#include "properties/program/generator.h"
#include "properties/program/values.h"

namespace cma {
namespace {

// --- who performs, and where it stops ---

// Draws the performer and the stop, and gives the result an identifier.
void generate_header(Random& random, const Forecast& forecast, Op& op) {
  const OpInfo& info = info_of(op);
  const Program& program = forecast.program();
  if (info.yields != Yields::nothing) op.id = forecast.unused_id();
  if (info.performed == Performed::without_actor) return;
  FieldGenerator values(random, forecast);
  op.performer = values.idle_performer();
  if (info.performed == Performed::resuming && !random.chance(4))
    op.performer = forecast.any_stopped(random).value_or(op.performer);
  const bool alone = program.actors.empty();
  if (random.chance(alone ? 5 : 35)) op.until = forecast.draw_stop(random, op);
}

// Draws an operation that lets others go on, more likely the more actors stand at points: one that resumes, or I/O that
// is completed. Always one if no actor can begin anything. nullopt if it is to be another one.
std::optional<Op> let_go_on(Random& random, const Forecast& forecast, const KindWeights& weights,
                            const GeneratorOptions& options) {
  const bool none_idle = forecast.idle_performers() == 0;
  const std::size_t stopped = forecast.stopped_performers();
  Op op;
  const bool may_resume = (none_idle || stopped > 0) && options.kinds.test(kind_of<Resume>());
  const unsigned each = weights.has(kind_of<Resume>()) ? 8 : 3;
  // Actors that wait do nothing until those that hold the lock go on.
  constexpr unsigned kEachWaiting = 10;
  const auto percent = static_cast<unsigned>(stopped * each + forecast.waiting_performers() * kEachWaiting);
  if (may_resume && (none_idle || random.chance(percent))) {
    const std::optional<Performer> performer = forecast.any_stopped(random);
    if (!performer) return std::nullopt;
    op.body = Resume{};
    op.performer = *performer;
    if (random.chance(20)) op.until = forecast.draw_stop(random, op);
    return op;
  }
  const bool may_complete = !none_idle && forecast.waits_for_io() && options.kinds.test(kind_of<IoDone>());
  if (!may_complete || !random.chance(12)) return std::nullopt;
  op.body = IoDone{.times = random.chance(50) ? kAnyNumber : random.between(1, 10)};
  op.performer = forecast.any_idle(random).value_or(Performer{});
  return op;
}

// --- kinds and fields ---

// Draws a kind and its fields. Kinds without an effect, and without operands that are held, are drawn again.
OpBody draw_body(Random& random, const Forecast& forecast, const KindWeights& weights) {
  constexpr int kTries = 16;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::size_t kind = weights.draw(random);
    if (!forecast.sensible(kind) && !random.chance(2)) continue;
    OpBody body = default_body(kind);
    FieldGenerator values(random, forecast, kind);
    visit_fields(body, values);
    if (values.operands_exist()) return body;
  }
  OpBody body = CmaAlloc{};
  FieldGenerator values(random, forecast, kind_of<CmaAlloc>());
  visit_fields(body, values);
  return body;
}

// Makes a release one of a middle part, so that the buffer keeps pages before it and after it, or one of all pages from
// one of them on.
void release_a_part(Random& random, const Forecast& forecast, CmaRelease& release) {
  const std::optional<AreaForecast::Piece> piece = forecast.areas().piece_of(random, release.buffer.id);
  constexpr std::uint64_t kMost = 1 << 16;
  if (!piece || piece->pages < 3 || piece->pages > kMost) return;
  const Forecast::Known* buffer = forecast.find(piece->owner);
  // Bits of more than a page are released whole.
  const std::vector<AreaSpec>& areas = forecast.program().machine.areas;
  const bool known = buffer != nullptr && !buffer->area.declared && buffer->area.id < areas.size();
  const std::uint64_t bit = known ? order_pages(areas[buffer->area.id].order_per_bit) : 1;
  const std::uint64_t bits = piece->pages / bit;
  if (bits < 2) return;
  const std::uint64_t first = random.between(1, std::max<std::uint64_t>(bits - 2, 1));
  release.from = piece->from + first * bit;
  release.pages = 0;
  if (bits < 3 || random.chance(30)) return;
  release.pages = random.between(1, bits - 1 - first) * bit;
}

// Draws which part of a buffer is released: all that is left, a part, or any numbers.
void draw_part(Random& random, const Forecast& forecast, CmaRelease& release) {
  const std::uint64_t choice = random.below(100);
  if (choice < 12) return;
  release.from = 0;
  release.pages = 0;
  if (choice < 40) release_a_part(random, forecast, release);
}

// --- requests made of others ---

// Gives a request for pages flags of the kernel's choice, has zones looked at, or puts the operation into a scope.
void add_flags(Random& random, const Forecast& forecast, Op& op) {
  const auto* request = std::get_if<AllocPages>(&op.body);
  if (request != nullptr && random.chance(60)) {
    AllocGfp flags = with_flags(*request);
    FieldGenerator values(random, forecast);
    if (random.chance(80)) flags.gfp = values.gfp_flags();
    op.body = flags;
  }
  if (auto* file = std::get_if<Cat>(&op.body); file != nullptr && random.chance(50)) file->path = "zoneinfo";
  const bool in_scope = info_of(op).performed == Performed::by_actor && random.chance(6);
  if (in_scope) op.scope = random_scope(random);
}

// Makes some requests for pages vmalloc's, of a few pages or of none.
void ask_for_range(Random& random, Op& op) {
  std::uint64_t gfp = 0;
  if (const auto* request = std::get_if<AllocPages>(&op.body))
    gfp = with_flags(*request).gfp;
  else if (const auto* flags = std::get_if<AllocGfp>(&op.body))
    gfp = flags->gfp;
  else
    return;
  if (!random.chance(50)) return;
  constexpr std::uint64_t kMostBytes = 40 * 4096;
  op.body = Vmalloc{.bytes = random.chance(5) ? 0 : random.between(1, kMostBytes), .gfp = gfp};
}

// Makes some operations on single kinds of pages those on pages that reports count, and on runs of them.
void count_in_reports(Random& random, const KindSet& kinds, Op& op) {
  constexpr std::uint64_t kMostPages = 40;
  const bool wanted = random.chance(60);
  if (std::holds_alternative<OwnedPages<PageKind::unmovable>>(op.body) && wanted && kinds.test(kind_of<KernelPages>()))
    op.body = KernelPages{.use = static_cast<KernelUseWord>(random.below(std::size(kKernelUseWords))),
                          .pages = random.between(1, kMostPages)};
  if (const auto* all = std::get_if<FreeOwned>(&op.body); all != nullptr && wanted && kinds.test(kind_of<FreeRuns>()))
    op.body = FreeRuns{.pages = all->pages, .order = random.below(3), .runs = random.between(1, 4)};
}

// Marks more than the page at a place: pages of a result that the forecast holds.
void mark_a_range(Random& random, const Forecast& forecast, const KindSet& kinds, Op& op) {
  const auto* one = std::get_if<LruOp<LruVerb::mark_accessed>>(&op.body);
  if (one == nullptr || one->page.kind != Place::Kind::result || !kinds.test(kind_of<MarkAccessedRange>())) return;
  const Forecast::Known* known = forecast.find(one->page.result.id);
  if (known == nullptr || known->yields != Yields::pages || !random.chance(60)) return;
  op.body = MarkAccessedRange{.pages = one->page.result, .from = random.below(2), .count = random.between(1, 8)};
}

}  // namespace

Op generate_op(Random& random, const Forecast& forecast, const KindWeights& weights, const GeneratorOptions& options) {
  if (!options.sequential) {
    std::optional<Op> other = let_go_on(random, forecast, weights, options);
    if (other) return std::move(*other);
  }
  Op op;
  op.body = draw_body(random, forecast, weights);
  if (auto* release = std::get_if<CmaRelease>(&op.body)) draw_part(random, forecast, *release);
  generate_header(random, forecast, op);
  if (options.sequential) {
    op.performer = {};
    op.until = {};
  }
  if (options.flags && options.kinds.test(kind_of<AllocGfp>())) add_flags(random, forecast, op);
  if (options.vmalloc && options.kinds.test(kind_of<Vmalloc>())) ask_for_range(random, op);
  if (options.counted) {
    count_in_reports(random, options.kinds, op);
    mark_a_range(random, forecast, options.kinds, op);
  }
  return op;
}

Op generate_op(Random& random, const Program& program, const KindWeights& weights, const GeneratorOptions& options) {
  return generate_op(random, Forecast(program, program.ops.size()), weights, options);
}

}  // namespace cma
