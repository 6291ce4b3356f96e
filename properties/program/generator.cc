#include "properties/program/generator.h"

#include <algorithm>
#include <ranges>

#include "allocator/areas/views.h"
#include "properties/program/shapes.h"

namespace cma {
namespace {

// --- values ---

// Gives fields random values that lie near the places where things change.
class FieldGenerator {
 public:
  FieldGenerator(Random& random, const Program& program) : random_(random), program_(program) {}

  void area(AreaRef& area) {
    const std::size_t areas = program_.machine.areas.size();
    const OpId declared = random_.chance(areas == 0 ? 100 : 20) ? result_of(Yields::area) : OpId{0};
    if (declared != 0 || areas == 0)
      area = {true, declared};
    else
      area = {false, static_cast<std::uint16_t>(random_.below(areas))};
  }
  void operand(OpRef& operand, const OperandSpec& spec) { operand.id = result_of(spec.wanted); }
  void place(Place& place, const PlaceSpec& spec) {
    chosen_frames_ = spec.required || !random_.chance(40);
    if (!chosen_frames_) {
      place = {};
      return;
    }
    const std::uint64_t choice = random_.below(100);
    const std::size_t areas = program_.machine.areas.size();
    if (choice < 55 && areas != 0) {
      const AreaSpec& area = program_.machine.areas[random_.below(areas)];
      const auto index = static_cast<std::uint16_t>(&area - program_.machine.areas.data());
      place = Place::of_area({false, index}, offset_in(area.pages));
      const std::uint64_t huge = order_pages(program_.machine.huge_page_order());
      if (spec.aligned && random_.chance(90)) place.offset = align_down(area.base + place.offset, huge) - area.base;
    } else if (choice < 85) {
      // One draw a statement: the order of arguments is the compiler's choice, and a seed must not depend on it.
      const OpRef result{any_result()};
      place = Place::of_result(result, random_.chance(60) ? 0 : random_.below(20));
    } else {
      place = Place::of_pfn(frame());
    }
  }
  void number(std::uint64_t& value, const NumberSpec& spec) {
    if (!spec.required && random_.chance(50)) {
      value = spec.fallback;
      return;
    }
    value = fold(scaled(spec), spec);
  }
  void flag(bool& flag, std::string_view) { flag = random_.chance(20); }
  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) {
    value = static_cast<Enum>(random_.chance(50) ? 0 : random_.below(spec.words.size()));
  }
  void text(std::string& text, const TextSpec& spec) {
    if (!spec.words.empty()) {
      text = spec.words[random_.below(spec.words.size())];
      return;
    }
    // In an order that stays, as a seed stands for the programs it draws.
    static constexpr std::array kFiles = {
        AreaFile::bitmap,   AreaFile::used,          AreaFile::maxchunk,           AreaFile::count,
        AreaFile::base_pfn, AreaFile::order_per_bit, AreaFile::alloc_pages_success};
    const std::size_t areas = program_.machine.areas.size();
    const std::uint64_t choice = random_.below(4);
    text = choice == 0 ? "buddyinfo" : "pagetypeinfo";
    if (choice < 2 || areas == 0) return;
    const AreaFileInfo& file = info_of(kFiles[random_.below(kFiles.size())]);
    text = path_of(file, program_.machine.areas[random_.below(areas)].name);
  }
  void actor(Performer& performer) { performer = any_performer(); }

  Performer any_performer() {
    const std::size_t actors = program_.actors.size();
    if (actors != 0 && random_.chance(60)) return Performer::actor(random_.below(actors));
    const auto cpus = static_cast<std::uint64_t>(program_.machine.cpus);
    return Performer::on_cpu(random_.chance(75) ? 0 : static_cast<int>(random_.below(cpus)));
  }

  // A result of this kind, more often a late one; 0 if there is none.
  OpId result_of(Yields wanted) {
    const auto fits = [&](const Op& op) { return op.id != 0 && info_of(op).yields == wanted; };
    const auto count = static_cast<std::uint64_t>(std::count_if(program_.ops.begin(), program_.ops.end(), fits));
    if (count == 0) return 0;
    std::uint64_t skip = std::min(random_.below(count), random_.below(count));
    for (const Op& op : program_.ops | std::views::reverse)
      if (fits(op) && skip-- == 0) return op.id;
    return 0;
  }

 private:
  OpId any_result() {
    static constexpr std::array kKinds = {Yields::buffer, Yields::block,   Yields::pages,
                                          Yields::pages,  Yields::mapping, Yields::range};
    return result_of(kKinds[random_.below(kKinds.size())]);
  }

  // A value, or one next to it.
  std::uint64_t near(std::uint64_t value) {
    const std::uint64_t choice = random_.below(4);
    if (choice == 0) return value + 1;
    return choice == 1 && value != 0 ? value - 1 : value;
  }
  std::uint64_t offset_in(std::uint64_t pages) {
    const std::uint64_t unit = program_.machine.pageblock_pages();
    if (random_.chance(50)) return random_.below(pages);
    return std::min(near(random_.below(pages / unit + 1) * unit), pages - 1);
  }
  Pfn frame() {
    const PfnRange& memory = program_.machine.memory;
    return random_.chance(95) ? memory.start + random_.below(memory.pages()) : near(memory.end);
  }

  std::uint64_t page_count() {
    const Geometry& machine = program_.machine;
    const std::uint64_t choice = random_.below(100);
    if (choice < 45) return random_.between(1, 20);
    if (choice < 75) return near(order_pages(static_cast<unsigned>(random_.below(machine.largest_order + 3))));
    if (choice < 90 && !machine.areas.empty()) {
      const std::uint64_t pages = machine.areas[random_.below(machine.areas.size())].pages;
      return near(pages / random_.between(1, 3));
    }
    if (choice < 97) return near(machine.isolation_unit());
    return random_.chance(50) ? random_.next() >> random_.below(64) : near(0);
  }
  std::uint64_t byte_count() {
    const std::uint64_t unit = program_.machine.isolation_unit() << kPageShift;
    if (random_.chance(90)) return random_.below(12) * unit;
    return random_.chance(50) ? near(random_.below(12) * unit) : random_.next() >> random_.below(64);
  }

  std::uint64_t scaled(const NumberSpec& spec) {
    static constexpr std::array<std::uint64_t, 7> kTimes = {1, 2, 5, 10, 49, 50, kRefuseAll};
    static constexpr std::array<std::uint64_t, 5> kMicroseconds = {0, 1, 100'000, 250'000, 5'000'001};
    switch (spec.scale) {
      case Scale::pages:
        // Pages with an owner are wanted in handfuls: a machine full of them does little else. On chosen frames each
        // costs a contiguous allocation.
        if (spec.max > kMaxOwnedPages || random_.chance(5)) return page_count();
        return random_.between(1, chosen_frames_ && random_.chance(80) ? 3 : 16);
      case Scale::order:
        return random_.chance(95) ? random_.below(program_.machine.largest_order + 2) : random_.below(spec.max + 1);
      case Scale::pfn: return frame();
      case Scale::bytes: return byte_count();
      case Scale::microseconds: return kMicroseconds[random_.below(kMicroseconds.size())];
      case Scale::times: return kTimes[random_.below(kTimes.size())];
      case Scale::plain: break;
    }
    return random_.next() >> random_.below(64);
  }

  Random& random_;
  const Program& program_;
  bool chosen_frames_ = false;  // the place generated last names some
};

// --- kinds ---

bool is_expectation(const OpInfo& info) { return info.any_time; }

// Kinds that a real kernel can be asked for in the same way, with one actor.
bool is_judgeable(std::string_view verb) {
  static constexpr std::array<std::string_view, 34> kVerbs = {
      "cma_alloc",  "cma_release",  "alloc_pages", "free_pages",    "unmovable_page", "movable_page", "anon_page",
      "shmem_page", "free",         "refuse",      "pin",           "unpin",          "get_page",     "put_page",
      "drain",      "drain_pages",  "drain_lru",   "lru_add_drain", "debugfs_alloc",  "debugfs_free", "cat",
      "spawn",      "mmap_anon",    "write",       "munmap",        "mlock",          "fork",         "exit",
      "exec_stack", "pin_longterm", "mmap_shared", "alloc_range",   "free_range",     "compact"};
  return std::find(kVerbs.begin(), kVerbs.end(), verb) != kVerbs.end();
}

bool is_huge_kind(std::size_t kind) {
  return kind == kind_of<MmapHuge>() || kind == kind_of<SplitHuge>() || kind == kind_of<HugetlbGrow>() ||
         kind == kind_of<HugetlbPagesUsed>();
}

bool may_generate(std::size_t kind, const GeneratorOptions& options) {
  const OpInfo& info = op_catalogue()[kind];
  if (is_expectation(info) || info.boot) return false;
  if (is_huge_kind(kind) && !options.huge_pages) return false;
  // Programs without compaction do not depend on there being any.
  if (kind == kind_of<Compact>()) return false;
  return !options.judgeable || is_judgeable(info.verb);
}

std::size_t pick_kind(Random& random, const KindWeights& weights) {
  std::uint64_t total = 0;
  for (const std::uint8_t weight : weights) total += weight;
  if (total == 0) return kind_of<CmaAlloc>();
  std::uint64_t at = random.below(total);
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    if (at < weights[kind]) return kind;
    at -= weights[kind];
  }
  return kind_of<CmaAlloc>();
}

// Whether all operands that the operation needs are there to be named.
bool operands_exist(const OpBody& body) {
  bool exist = true;
  struct Needs : IgnoreFields {
    explicit Needs(bool& flag) : exist(flag) {}
    bool& exist;
    void operand(const OpRef& operand, const OperandSpec& spec) {
      if (spec.required && operand.id == 0) exist = false;
    }
  } needs(exist);
  visit_fields(body, needs);
  return exist;
}

Stop random_stop(Random& random) {
  Stop stop;
  stop.point = static_cast<Point>(random.below(kPoints));
  stop.nth = static_cast<std::uint16_t>(random.chance(70) ? 1 : random.between(1, 8));
  return stop;
}

void generate_header(Random& random, FieldGenerator& values, const Program& program, Op& op) {
  const OpInfo& info = info_of(op);
  if (info.yields != Yields::nothing) op.id = program.unused_id();
  if (info.performed == Performed::by_nobody) return;
  op.performer = values.any_performer();
  const bool alone = program.actors.empty();
  if (random.chance(alone ? 3 : 20)) op.until = random_stop(random);
}

// Boot operations in front: a reservation or two, areas declared in various ways.
void generate_boot(Random& random, Program& program) {
  static constexpr std::array kKinds = {kind_of<Reserve>(), kind_of<Declare>(), kind_of<Declare>(),
                                        kind_of<InitReservedMem>(), kind_of<Activate>()};
  FieldGenerator values(random, program);
  for (std::uint64_t left = random.between(1, 5); left > 0; --left) {
    Op op;
    op.body = default_body(kKinds[random.below(kKinds.size())]);
    visit_fields(op.body, values);
    if (info_of(op).yields != Yields::nothing) op.id = program.unused_id();
    program.ops.push_back(std::move(op));
  }
}

}  // namespace

KindWeights swarm_weights(Random& random, const GeneratorOptions& options) {
  KindWeights weights{};
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    if (may_generate(kind, options) && random.chance(50))
      weights[kind] = static_cast<std::uint8_t>(random.between(1, 100));
  // Seldom: where others take ranges, little is left for areas.
  std::uint8_t& others_ranges = weights[kind_of<AllocRange>()];
  others_ranges = static_cast<std::uint8_t>((others_ranges + 9) / 10);
  // Programs without any allocation from an area are worth little; those without a release fill it soon.
  if (random.chance(90)) weights[kind_of<CmaAlloc>()] = static_cast<std::uint8_t>(random.between(20, 100));
  if (random.chance(70)) weights[kind_of<CmaRelease>()] = static_cast<std::uint8_t>(random.between(20, 100));
  if (options.compaction) weights[kind_of<Compact>()] = static_cast<std::uint8_t>(random.between(3, 40));
  if (!options.huge_pages) return weights;
  // Three in four operations are about processes and areas, so that huge pages come into buffers' way.
  static constexpr std::array kKinds = {kind_of<MmapHuge>(),
                                        kind_of<MmapHuge>(),
                                        kind_of<SplitHuge>(),
                                        kind_of<HugetlbGrow>(),
                                        kind_of<HugetlbPagesUsed>(),
                                        kind_of<CmaAlloc>(),
                                        kind_of<CmaAlloc>(),
                                        kind_of<CmaRelease>(),
                                        kind_of<Fork>(),
                                        kind_of<Spawn>(),
                                        kind_of<Pin>(),
                                        kind_of<MappingOp<MappingVerb::write>>(),
                                        kind_of<MappingOp<MappingVerb::munmap>>()};
  std::uint64_t others = 0;
  for (const std::uint8_t weight : weights) others += weight;
  const std::uint64_t each = std::min<std::uint64_t>(3 * others / kKinds.size(), 120);
  for (const std::size_t kind : kKinds) {
    const std::uint64_t more = random.between(each / 2, each);
    weights[kind] = static_cast<std::uint8_t>(std::min<std::uint64_t>(weights[kind] + more, 255));
  }
  return weights;
}

Op generate_op(Random& random, const Program& program, const KindWeights& weights, const GeneratorOptions& options) {
  constexpr int kTries = 8;
  Op op;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    FieldGenerator values(random, program);
    op = Op{};
    op.body = default_body(pick_kind(random, weights));
    visit_fields(op.body, values);
    if (operands_exist(op.body)) break;
  }
  FieldGenerator values(random, program);
  generate_header(random, values, program, op);
  if (options.judgeable) {
    op.performer = {};
    op.until = {};
  }
  return op;
}

Program generate(std::uint64_t seed, const GeneratorOptions& asked) {
  Random random(seed);
  Program program;
  GeneratorOptions options = asked;
  // Drawn apart: programs without huge pages do not depend on it.
  constexpr std::uint64_t kApart = 0x9e3779b97f4a7c15;
  Random apart(seed ^ kApart);
  if (!options.judgeable && apart.chance(5)) options.huge_pages = true;
  if (apart.chance(10)) options.compaction = true;
  const Release release =
      options.release ? *options.release : modelled_releases()[random.below(modelled_releases().size())];
  const std::size_t odd = random.chance(50) ? random.below(kShapes) : 0;
  const std::size_t number = options.judgeable ? 5 : options.shapes ? odd : 0;
  program.machine = shape(number, release);
  program.machine.transparent_hugepages = options.huge_pages;
  const std::size_t actors = options.judgeable ? 0 : random.below(options.actors + 1);
  for (std::size_t i = 0; i < actors; ++i) {
    const auto cpus = static_cast<std::uint64_t>(program.machine.cpus);
    program.actors.push_back({std::string(1, static_cast<char>('A' + i)), static_cast<int>(random.below(cpus))});
  }
  const KindWeights weights = swarm_weights(random, options);
  const std::uint64_t count = random.between(options.min_ops, std::max(options.min_ops, options.max_ops));
  if (!options.judgeable && random.chance(5)) generate_boot(random, program);
  while (program.ops.size() < count) program.ops.push_back(generate_op(random, program, weights, options));
  program.settle();
  return program;
}

// --- changing one argument ---

namespace {

// Counts the fields of an operation, or regenerates the chosen one.
class OneField {
 public:
  OneField(FieldGenerator& values, std::size_t chosen) : values_(values), chosen_(chosen) {}
  std::size_t seen() const { return seen_; }

  void area(AreaRef& field) {
    if (mine()) values_.area(field);
  }
  void operand(OpRef& field, const OperandSpec& spec) {
    if (mine()) values_.operand(field, spec);
  }
  void place(Place& field, const PlaceSpec& spec) {
    if (mine()) values_.place(field, spec);
  }
  void number(std::uint64_t& field, const NumberSpec& spec) {
    if (mine()) values_.number(field, spec);
  }
  void flag(bool& field, std::string_view) {
    if (mine()) field = !field;
  }
  template <class Enum>
  void choice(Enum& field, const ChoiceSpec& spec) {
    if (mine()) values_.choice(field, spec);
  }
  void text(std::string& field, const TextSpec& spec) {
    if (mine()) values_.text(field, spec);
  }
  void actor(Performer& field) {
    if (mine()) values_.actor(field);
  }

 private:
  bool mine() { return seen_++ == chosen_; }
  FieldGenerator& values_;
  std::size_t chosen_;
  std::size_t seen_ = 0;
};

}  // namespace

void change_argument(Random& random, Program& program, std::size_t index) {
  Op& op = program.ops[index];
  FieldGenerator values(random, program);
  OneField counter(values, kMaxOps);
  visit_fields(op.body, counter);
  // Who performs it, and where it stops, are arguments as well.
  const bool performed = info_of(op).performed != Performed::by_nobody;
  const std::size_t fields = counter.seen();
  const std::size_t choices = fields + (performed ? 2 : 0);
  if (choices == 0) return;
  const std::size_t chosen = random.below(choices);
  if (chosen < fields) {
    OneField changer(values, chosen);
    visit_fields(op.body, changer);
  } else if (chosen == fields) {
    op.performer = values.any_performer();
  } else {
    op.until = op.until.wanted() && random.chance(50) ? Stop{} : random_stop(random);
  }
}

}  // namespace cma
