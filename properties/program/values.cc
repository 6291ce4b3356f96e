#include "properties/program/values.h"

#include <algorithm>
#include <array>

#include "allocator/areas/area_files.h"

namespace cma {

void FieldGenerator::area(AreaRef& area) {
  const std::size_t areas = program_.machine.areas.size();
  const OpId declared = random_.chance(areas == 0 ? 100 : 20) ? result_of(Yields::area) : OpId{0};
  if (declared != 0 || areas == 0)
    area = {true, declared};
  else
    area = {false, static_cast<std::uint16_t>(random_.below(areas))};
}

void FieldGenerator::operand(OpRef& operand, const OperandSpec& spec) {
  if (spec.name == "in") {
    operand.id = process_for(operand_);
    return;
  }
  operand.id = operand_ = result_of(spec.wanted);
  if (spec.required && operand.id == 0) operands_exist_ = false;
}

// Returns a process to name beside a mapping: most often none, which stands for the one that made it, or one that was
// forked from that.
OpId FieldGenerator::process_for(OpId mapping) {
  if (random_.chance(4)) return result_of(Yields::process);
  const Forecast::Known* mapped = forecast_.find(mapping);
  if (mapped == nullptr) return 0;
  const bool alive = forecast_.alive(mapped->of);
  if (alive && random_.chance(50)) return 0;
  return forecast_.other_process_with(random_, mapping);
}

namespace {

bool is_lru_kind(std::size_t kind) {
  return kind == kind_of<LruOp<LruVerb::mark_accessed>>() || kind == kind_of<LruOp<LruVerb::deactivate>>() ||
         kind == kind_of<LruOp<LruVerb::deactivate_file>>();
}

}  // namespace

// Draws the place of a kind that applies to few places only, most of the time. Returns whether it did.
bool FieldGenerator::place_by_kind(Place& place) {
  if (kind_ == kind_of<PutPage>() && !random_.chance(4)) {
    const std::optional<Place> referenced = forecast_.referenced(random_);
    if (referenced) place = *referenced;
    return referenced.has_value();
  }
  if (!is_lru_kind(kind_) || random_.chance(8)) return false;
  const OpId pages = forecast_.lru_pages(random_);
  if (pages == 0) return false;
  place = Place::of_result({pages}, random_.below(std::max<std::uint64_t>(forecast_.find(pages)->pages, 1)));
  return true;
}

// Draws a page of a result, most often one that it has; false if there is no result.
bool FieldGenerator::place_in_result(Place& place) {
  const OpId id = any_result();
  const Forecast::Known* known = forecast_.find(id);
  if (known == nullptr) return false;
  constexpr std::uint64_t kFirst = 20;
  const std::uint64_t pages = std::clamp<std::uint64_t>(known->pages, 1, kFirst);
  const std::uint64_t offset = random_.chance(60) ? 0 : random_.below(random_.chance(4) ? kFirst : pages);
  place = Place::of_result({id}, offset);
  return true;
}

// Moves a place in an area to where the next buffer will be taken: pages there are in its way.
void FieldGenerator::next_to_be_taken(Place& place) {
  constexpr std::uint64_t kNear = 8;
  const std::uint64_t after = random_.below(kNear);
  const std::optional<std::uint64_t> next = forecast_.areas().window(place.area, 1);
  if (next) place.offset = std::min(*next + after, program_.machine.areas[place.area.id].pages - 1);
}

void FieldGenerator::place(Place& place, const PlaceSpec& spec) {
  chosen_frames_ = spec.required || !random_.chance(40);
  if (!chosen_frames_) {
    place = {};
    return;
  }
  if (place_by_kind(place)) return;
  // Most frames of an area are free: nothing is done to these.
  if (spec.required && random_.chance(60) && place_in_result(place)) return;
  const std::uint64_t choice = random_.below(100);
  const std::size_t areas = program_.machine.areas.size();
  if (choice < 55 && areas != 0) {
    const AreaSpec& area = program_.machine.areas[random_.below(areas)];
    const auto index = static_cast<std::uint16_t>(&area - program_.machine.areas.data());
    place = Place::of_area({false, index}, offset_in(area.pages));
    if (!spec.required && random_.chance(35)) next_to_be_taken(place);
    const std::uint64_t huge = order_pages(program_.machine.huge_page_order());
    if (spec.aligned && random_.chance(90)) place.offset = align_down(area.base + place.offset, huge) - area.base;
  } else if (choice >= 85 || !place_in_result(place)) {
    place = Place::of_pfn(frame());
  }
}

// Draws a number that the kind bounds, most of the time: a node, an order that a block may have, a part of the mapping
// or buffer that was named. Returns whether it did.
bool FieldGenerator::number_by_kind(std::uint64_t& value, const NumberSpec& spec) {
  if (random_.chance(6)) return false;
  if (spec.name == "node") {
    value = program_.machine.several_nodes() ? random_.below(2) : 0;
    return true;
  }
  const bool skips_large =
      kind_ == kind_of<Compact>() || kind_ == kind_of<DirectReclaim>() || kind_ == kind_of<RunKswapd>();
  if (spec.name == "order" && skips_large) {
    value = random_.below(program_.machine.largest_order + 1);
    return true;
  }
  const bool from = spec.name == "from";
  const Forecast::Known* named = from || spec.name == "pages" ? forecast_.find(operand_) : nullptr;
  if (named == nullptr || named->pages == 0) return false;
  if (named->yields != Yields::mapping && named->yields != Yields::buffer) return false;
  if (from)
    value = from_ = random_.below(named->pages);
  else
    value = random_.between(1, from_ < named->pages ? named->pages - from_ : 1);
  return true;
}

void FieldGenerator::number(std::uint64_t& value, const NumberSpec& spec) {
  if (!spec.required && random_.chance(50)) {
    value = spec.fallback;
    return;
  }
  if (!number_by_kind(value, spec)) value = scaled(spec);
  value = fold(value, spec);
}

void FieldGenerator::flag(bool& flag, std::string_view name) {
  // A read of slow I/O that waits ends its actor's part until another actor completes it.
  const Forecast::Known* named = name == "readahead" ? forecast_.find(operand_) : nullptr;
  if (named != nullptr && named->slow)
    flag = random_.chance(forecast_.idle_performers() < 2 ? 97 : 60);
  else
    flag = random_.chance(20);
}

void FieldGenerator::text(std::string& text, const TextSpec& spec) {
  if (!spec.words.empty()) {
    text = spec.words[random_.below(spec.words.size())];
    return;
  }
  if (spec.name == "cmdline") {
    text = command_line();
    return;
  }
  if (spec.name == "area") {
    static constexpr std::array kAreas = {"reserved", "pernuma0", "pernuma1", "numa0", "numa1", "hugetlb0", "pool"};
    text = kAreas[random_.below(kAreas.size())];
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

void FieldGenerator::actor(Performer& performer) { performer = any_performer(); }

Performer FieldGenerator::any_performer() {
  const std::size_t actors = program_.actors.size();
  if (actors != 0 && random_.chance(60)) return Performer::actor(random_.below(actors));
  const auto cpus = static_cast<std::uint64_t>(program_.machine.cpus);
  return Performer::on_cpu(random_.chance(75) ? 0 : static_cast<int>(random_.below(cpus)));
}

// Now and then one that is inside an operation: what it performs next is skipped.
Performer FieldGenerator::idle_performer() {
  const Performer drawn = any_performer();
  if (forecast_.idle(drawn) || random_.chance(3)) return drawn;
  const std::optional<Performer> idle = forecast_.any_idle(random_);
  return idle ? *idle : drawn;
}

OpId FieldGenerator::any_result() {
  static constexpr std::array kKinds = {Yields::buffer, Yields::block,   Yields::pages,
                                        Yields::pages,  Yields::mapping, Yields::range};
  return result_of(kKinds[random_.below(kKinds.size())]);
}

// Returns the value, or one next to it.
std::uint64_t FieldGenerator::near(std::uint64_t value) {
  const std::uint64_t choice = random_.below(4);
  if (choice == 0) return value + 1;
  return choice == 1 && value != 0 ? value - 1 : value;
}

std::uint64_t FieldGenerator::offset_in(std::uint64_t pages) {
  const std::uint64_t unit = program_.machine.pageblock_pages();
  if (random_.chance(50)) return random_.below(pages);
  return std::min(near(random_.below(pages / unit + 1) * unit), pages - 1);
}

Pfn FieldGenerator::frame() {
  const PfnRange& memory = program_.machine.memory;
  return random_.chance(95) ? memory.start + random_.below(memory.pages()) : near(memory.end);
}

std::uint64_t FieldGenerator::page_count() {
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

std::uint64_t FieldGenerator::byte_count() {
  const std::uint64_t unit = program_.machine.isolation_unit() << program_.machine.page_shift();
  if (random_.chance(90)) return random_.below(12) * unit;
  return random_.chance(50) ? near(random_.below(12) * unit) : random_.next() >> random_.below(64);
}

// Returns up to three words that speak of areas.
std::string FieldGenerator::command_line() {
  static constexpr std::array<std::string_view, 6> kWords = {
      "cma=", "cma=", "cma=", "cma_pernuma=", "numa_cma=0:", "cma"};
  const auto number = [&] {
    const std::uint64_t bytes = byte_count();
    const bool kilobytes = bytes % 1024 == 0 && random_.chance(80);
    return kilobytes ? std::to_string(bytes >> 10) + "K" : std::to_string(bytes);
  };
  std::string line;
  for (std::uint64_t left = random_.below(4); left > 0; --left) {
    if (!line.empty()) line += ' ';
    line += kWords[random_.below(kWords.size())];
    line += number();
    const std::uint64_t place = random_.below(4);
    if (place >= 2) line += '@' + number();
    if (place == 3) line += '-' + number();
  }
  return line;
}

// Half of the odd orders are below 64, the most that the kernel can shift by.
std::uint64_t FieldGenerator::order(const NumberSpec& spec) {
  if (random_.chance(95)) return random_.below(program_.machine.largest_order + 2);
  return random_.below(random_.chance(50) ? std::min<std::uint64_t>(spec.max + 1, 64) : spec.max + 1);
}

// Returns flags as callers ask with: those of a word of the release, with a few more or fewer.
std::uint64_t FieldGenerator::gfp_flags() {
  static constexpr std::array<Gfp, 12> kBases = {kGfpKernel,
                                                 kGfpKernel,
                                                 kGfpAtomic,
                                                 kGfpAtomic,
                                                 kGfpHighuserMovable,
                                                 kGfpHighuserMovable,
                                                 kGfpUser,
                                                 kGfpReclaim,
                                                 kGfpKswapdReclaim,
                                                 kGfpKernel | kGfpMemalloc,
                                                 kGfpKernel | kGfpDma32,
                                                 kGfpKernel | kGfpDma};
  constexpr unsigned kFlags = 28;
  Gfp gfp = kBases[random_.below(kBases.size())];
  for (std::uint64_t changes = random_.below(4); changes > 0; --changes) gfp ^= 1U << random_.below(kFlags);
  return settled_gfp(gfp, program_.machine.release);
}

std::uint64_t FieldGenerator::scaled(const NumberSpec& spec) {
  static constexpr std::array<std::uint64_t, 7> kTimes = {1, 2, 5, 10, 49, 50, kRefuseAll};
  static constexpr std::array<std::uint64_t, 5> kMicroseconds = {0, 1, 100'000, 250'000, 5'000'001};
  switch (spec.scale) {
    case Scale::pages:
      // Few pages with an owner: a machine full of them does little else, and on chosen frames each costs a contiguous
      // allocation of its own.
      if (spec.max > kMaxOwnedPages || random_.chance(5)) return page_count();
      return random_.between(1, chosen_frames_ && random_.chance(80) ? 3 : 16);
    case Scale::order: return order(spec);
    case Scale::pfn: return frame();
    case Scale::bytes: return byte_count();
    case Scale::microseconds: return kMicroseconds[random_.below(kMicroseconds.size())];
    case Scale::times: return kTimes[random_.below(kTimes.size())];
    case Scale::gfp: return gfp_flags();
    case Scale::plain: break;
  }
  return random_.next() >> random_.below(64);
}

// --- changing one field ---

namespace {

// Counts the fields of an operation, and gives the chosen one a new value.
class OneField {
 public:
  OneField(FieldGenerator& values, std::size_t chosen) : values_(values), chosen_(chosen) {}
  std::size_t seen() const { return seen_; }

  void area(AreaRef& field) {
    if (mine()) values_.area(field);
  }
  void operand(OpRef& field, const OperandSpec& spec) {
    if (mine())
      values_.operand(field, spec);
    else
      values_.operand_stays(field);
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

ReclaimScope random_scope(Random& random) {
  static constexpr ReclaimScope kRights[] = {ReclaimScope::noreclaim, ReclaimScope::realtime, ReclaimScope::victim};
  if (random.chance(40)) return kRights[random.below(std::size(kRights))];
  return random.chance(60) ? ReclaimScope::nofs : ReclaimScope::noio;
}

void change_argument(Random& random, Program& program, std::size_t index, bool sequential) {
  Op& op = program.ops[index];
  const Forecast forecast(program, index);
  FieldGenerator values(random, forecast, op.body.index());
  OneField counter(values, kMaxOps);
  visit_fields(op.body, counter);
  // The performer and the stop count as two fields more, the scope as a part of the latter.
  const bool performed = !sequential && info_of(op).performed != Performed::without_actor;
  const std::size_t fields = counter.seen();
  const std::size_t choices = fields + (performed ? 2 : 0);
  if (choices == 0) return;
  const std::size_t chosen = random.below(choices);
  if (chosen < fields) {
    OneField changer(values, chosen);
    visit_fields(op.body, changer);
  } else if (chosen == fields) {
    op.performer = info_of(op).performed == Performed::by_actor ? values.idle_performer() : values.any_performer();
  } else if (random.chance(15)) {
    op.scope = op.scope == ReclaimScope::none ? random_scope(random) : ReclaimScope::none;
  } else {
    op.until = op.until.wanted() && random.chance(50) ? Stop{} : forecast.draw_stop(random, op);
  }
}

}  // namespace cma
