#include "fuzz/mutation/mutator.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "fuzz/mutation/input.h"
#include "properties/program/values.h"

namespace cma {
namespace {

// How often each change is made, of a hundred. Arguments and new operations carry a search. Removal keeps programs
// short and so fast: what adds and what removes nearly balance. Stops and performers get a fifth together, as without
// both no two actors ever meet inside an allocation. Swarm weights decide which kinds of operations are inserted.
struct Weight {
  unsigned percent;
  enum class Change : std::uint8_t {
    argument,
    insert,
    remove,
    stop,
    move,
    performer,
    duplicate,
    resume,
    splice,
    machine,
  } change;
};
constexpr std::array<Weight, 10> kWeights = {{
    {26, Weight::Change::argument},
    {22, Weight::Change::insert},
    {14, Weight::Change::remove},
    {10, Weight::Change::stop},
    {7, Weight::Change::move},
    {6, Weight::Change::performer},
    {4, Weight::Change::duplicate},
    {4, Weight::Change::resume},
    {4, Weight::Change::splice},
    {3, Weight::Change::machine},
}};

// Returns what is changed in a program of one actor that never stops.
Weight::Change sequential(Weight::Change change) {
  const bool concurrent =
      change == Weight::Change::stop || change == Weight::Change::performer || change == Weight::Change::resume;
  return concurrent ? Weight::Change::insert : change;
}

// The crossovers among a hundred that libFuzzer asks for; the others are mutations. It asks for as many crossovers as
// mutations, which is too many.
constexpr unsigned kCrossoverPercent = 25;
// The mutations among a hundred that change bytes instead of operations, so that the byte form is searched too.
constexpr unsigned kRawPercent = 1;
// The mutations among a hundred that begin a program anew. Some bugs are found by generated programs in a fraction of
// the time that changes to a corpus take, others by changes alone (ci/campaign/README.md).
constexpr unsigned kAnewPercent = 10;

std::ptrdiff_t offset(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }

// Gives out identifiers that nothing in the program names, smallest first.
class FreshIds {
 public:
  explicit FreshIds(const Program& program) {
    for (const Op& op : program.ops) {
      use(op.id);
      for_each_operand(op.body, [&](OpId id) { use(id); });
    }
  }
  void use(OpId id) {
    if (id >= used_.size()) used_.resize(std::size_t{id} + 1);
    used_[id] = true;
  }
  // Returns 0, which names no operation, if all are taken.
  OpId take() {
    while (next_ < used_.size() && used_[next_]) ++next_;
    return next_ > kLast ? OpId{0} : static_cast<OpId>(next_++);
  }

 private:
  static constexpr std::size_t kLast = 0xffff;
  std::vector<bool> used_;
  std::size_t next_ = 1;
};

// Gives operations that are to be put into `program` identifiers of their own. Operands that name one of them follow.
void rename(std::span<Op> ops, const Program& program) {
  FreshIds fresh(program);
  std::map<OpId, OpId> renamed;
  for (Op& op : ops)
    if (op.id != 0) renamed.try_emplace(op.id, fresh.take());
  for (Op& op : ops) {
    if (op.id != 0) op.id = renamed[op.id];
    for_each_operand(op.body, [&](OpId& id) {
      if (const auto found = renamed.find(id); found != renamed.end()) id = found->second;
    });
  }
}

void insert_at(Program& program, std::size_t at, std::span<Op> ops) {
  program.ops.insert(program.ops.begin() + offset(at), std::make_move_iterator(ops.begin()),
                     std::make_move_iterator(ops.end()));
}

std::size_t change_bytes(Random& random, std::uint8_t* data, std::size_t size, std::size_t max_size) {
  if (size < max_size && random.chance(30)) data[size++] = static_cast<std::uint8_t>(random.next());
  for (std::uint64_t n = random.between(1, 3); n > 0 && size > 0; --n)
    data[random.below(size)] = static_cast<std::uint8_t>(random.next());
  return size;
}

}  // namespace

Mutator::Mutator(std::uint64_t seed, const MutationOptions& options) : random_(seed), options_(options) {}

void Mutator::mutate(Program& program) {
  // Mostly one change. Two that must come together are common enough to be worth an attempt.
  for (std::uint64_t n = random_.chance(60) ? 1 : random_.between(2, 4); n > 0; --n) change_once(program);
  fit(program);
}

void Mutator::change_once(Program& program) {
  if (program.ops.empty()) return insert_generated(program);
  std::uint64_t left = random_.below(100);
  for (const Weight& weight : kWeights) {
    if (left >= weight.percent) {
      left -= weight.percent;
      continue;
    }
    switch (options_.generated.sequential ? sequential(weight.change) : weight.change) {
      case Weight::Change::argument: return change_field(program);
      case Weight::Change::insert: return insert_generated(program);
      case Weight::Change::remove: return remove(program);
      case Weight::Change::stop: return change_stop(program);
      case Weight::Change::move: return move_one(program);
      case Weight::Change::performer: return change_performer(program);
      case Weight::Change::duplicate: return duplicate(program);
      case Weight::Change::resume: return insert_resume(program);
      case Weight::Change::splice: return splice(program);
      case Weight::Change::machine: return change_machine(program);
    }
  }
}

namespace {

// Returns whether the program has flags or scopes: more of them go well with it.
bool uses_flags(const Program& program) {
  return std::ranges::any_of(program.ops, [](const Op& op) {
    return op.scope != ReclaimScope::none || std::holds_alternative<AllocGfp>(op.body);
  });
}

}  // namespace

void Mutator::insert_generated(Program& program) {
  const std::size_t size = program.ops.size();
  const std::size_t at = random_.chance(50) ? size : random_.below(size + 1);
  const OpId fresh = FreshIds(program).take();
  // The generator makes an operation that fits at the end of a program, so what follows is put aside.
  std::vector<Op> tail(std::make_move_iterator(program.ops.begin() + offset(at)),
                       std::make_move_iterator(program.ops.end()));
  program.ops.resize(at);
  options_.generated.huge_pages = program.machine.transparent_hugepages;
  options_.generated.flags = uses_flags(program);
  if (!weights_) weights_ = swarm_weights(random_, options_.generated);
  Op op = generate_op(random_, program, *weights_, options_.generated);
  if (op.id != 0) op.id = fresh;
  program.ops.push_back(std::move(op));
  insert_at(program, at + 1, tail);
}

void Mutator::change_field(Program& program) {
  change_argument(random_, program, any_index(program), options_.generated.sequential);
}

void Mutator::remove(Program& program) {
  const std::size_t at = any_index(program);
  std::size_t count = 1;
  if (random_.chance(15)) count = random_.between(1, std::min<std::size_t>(8, program.ops.size() - at));
  program.ops.erase(program.ops.begin() + offset(at), program.ops.begin() + offset(at + count));
}

void Mutator::duplicate(Program& program) {
  const std::size_t at = any_index(program);
  std::array<Op, 1> copy = {program.ops[at]};
  rename(copy, program);
  insert_at(program, random_.chance(50) ? at + 1 : random_.between(at + 1, program.ops.size()), copy);
}

void Mutator::move_one(Program& program) {
  const std::size_t from = any_index(program);
  const std::size_t to = random_.chance(50) ? std::min(from + 1, program.ops.size() - 1) : any_index(program);
  const auto begin = program.ops.begin();
  if (from < to)
    std::rotate(begin + offset(from), begin + offset(from + 1), begin + offset(to + 1));
  else
    std::rotate(begin + offset(to), begin + offset(from), begin + offset(from + 1));
}

// Repeats a run of operations later, with results of its own.
void Mutator::splice(Program& program) {
  const std::size_t from = any_index(program);
  const std::size_t count = random_.between(1, std::min<std::size_t>(8, program.ops.size() - from));
  std::vector<Op> copy(program.ops.begin() + offset(from), program.ops.begin() + offset(from + count));
  rename(copy, program);
  insert_at(program, random_.between(from + count, program.ops.size()), copy);
}

void Mutator::change_performer(Program& program) {
  const std::size_t choices = static_cast<std::size_t>(program.machine.cpus) + program.actors.size();
  const std::uint64_t choice = random_.below(choices);
  const auto cpus = static_cast<std::uint64_t>(program.machine.cpus);
  const Performer performer =
      choice < cpus ? Performer::on_cpu(static_cast<int>(choice)) : Performer::actor(choice - cpus);
  const std::size_t at = any_index(program);
  // Half of the time a run of operations changes its performer: what an actor does belongs together.
  const std::size_t count = random_.chance(50) ? 1 : random_.between(1, program.ops.size() - at);
  for (std::size_t i = at; i < at + count; ++i) program.ops[i].performer = performer;
}

void Mutator::change_stop(Program& program) {
  const std::size_t at = any_index(program);
  Op& op = program.ops[at];
  if (op.until.wanted() && random_.chance(60)) {
    if (random_.chance(50))
      op.until = {};
    else
      op.until.nth = static_cast<std::uint16_t>(random_.between(1, 4));
    return;
  }
  if (info_of(op).performed != Performed::by_actor) return insert_generated(program);
  op.until = Forecast(program, at).draw_stop(random_, op);
  // Such operations pass no points, or seldom do.
  if (!op.until.wanted()) return insert_generated(program);
  if (random_.chance(5)) op.until.nth = static_cast<std::uint16_t>(random_.between(2, 8));
  // A stop is of use only if another actor does something meanwhile.
  if (at + 1 < program.ops.size() && program.machine.cpus > 1 && random_.chance(50)) {
    Op& next = program.ops[at + 1];
    if (next.performer == op.performer) next.performer = Performer::on_cpu(op.performer.code == 0 ? 1 : 0);
  }
}

void Mutator::insert_resume(Program& program) {
  const std::size_t at = any_index(program);
  std::size_t stopped = at;
  while (stopped > 0 && !program.ops[stopped].until.wanted()) --stopped;
  Op resume;
  resume.performer = program.ops[stopped].performer;
  resume.body = Resume{};
  const std::size_t to = random_.between(stopped + 1, program.ops.size());
  if (random_.chance(30)) resume.until = Forecast(program, to).draw_stop(random_, resume);
  program.ops.insert(program.ops.begin() + offset(to), std::move(resume));
}

void Mutator::change_machine(Program& program) {
  if (options_.machine) {
    program.machine = options_.machine(random_);
    return;
  }
  const BugSet bugs = program.machine.bugs;
  const Release release =
      random_.chance(70) ? program.machine.release : modelled_releases()[random_.below(modelled_releases().size())];
  constexpr std::uint64_t kOneLargeIn = 500;
  if (random_.below(kOneLargeIn) == 0)
    program.machine = large_shape(random_.below(kLargeShapes), release);
  else
    program.machine = shape(random_.chance(40) ? 0 : random_.below(kShapes), release);
  if (random_.chance(10)) vary_machine(random_, program.machine);
  program.machine.oom_kills = random_.chance(10);
  program.machine.bugs = bugs;
  std::erase_if(program.failing_bitmaps, [&](std::uint16_t area) { return area >= program.machine.areas.size(); });
}

void Mutator::fit(Program& program) {
  if (program.ops.size() > options_.ops) program.ops.resize(options_.ops);
  program.settle();
}

void Mutator::cross(Program& program, const Program& other) {
  if (other.ops.empty()) return mutate(program);
  const std::size_t from = random_.below(other.ops.size());
  const std::size_t count = random_.between(1, other.ops.size() - from);
  std::vector<Op> brought(other.ops.begin() + offset(from), other.ops.begin() + offset(from + count));
  const std::uint64_t manner = random_.below(100);
  if (manner < 40) {
    // Operations of the other follow the beginning of this one: their operands may name what this one made.
    program.ops.resize(random_.below(program.ops.size() + 1));
    if (random_.chance(50)) rename(brought, program);
    insert_at(program, program.ops.size(), brought);
  } else if (manner < 75) {
    rename(brought, program);
    insert_at(program, random_.below(program.ops.size() + 1), brought);
  } else {
    // Both at once: the other's operations one by one between these, on a CPU of their own.
    rename(brought, program);
    const int cpu = static_cast<int>(random_.below(static_cast<std::uint64_t>(program.machine.cpus)));
    std::size_t at = random_.below(program.ops.size() + 1);
    for (Op& op : brought) {
      op.performer = Performer::on_cpu(cpu);
      insert_at(program, at, std::span(&op, 1));
      at = std::min<std::size_t>(at + random_.between(1, 3), program.ops.size());
    }
  }
  fit(program);
}

std::size_t encode_into(Program& program, std::span<std::uint8_t> out) {
  std::vector<std::uint8_t> bytes = encode(program);
  while (bytes.size() > out.size() && !program.ops.empty()) {
    program.ops.resize(program.ops.size() * 3 / 4);
    program.settle();
    bytes = encode(program);
  }
  const std::size_t size = std::min(bytes.size(), out.size());
  std::copy_n(bytes.begin(), size, out.begin());
  return size;
}

std::size_t mutate_bytes(std::uint8_t* data, std::size_t size, std::size_t max_size, std::uint64_t seed) {
  Random raw(~seed);
  if (raw.chance(kRawPercent)) return change_bytes(raw, data, size, max_size);
  // Kept between calls, as allocating programs would be most of the cost.
  static thread_local Program program;
  if (raw.chance(kAnewPercent)) {
    program = generate(seed);
  } else {
    program_from_input(program, {data, size});
    Mutator(seed).mutate(program);
  }
  return encode_into(program, {data, max_size});
}

std::size_t cross_bytes(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second,
                        std::span<std::uint8_t> out, std::uint64_t seed) {
  static thread_local Program program;
  program_from_input(program, first);
  Random choice(~seed);
  if (choice.chance(kCrossoverPercent)) {
    static thread_local Program other;
    program_from_input(other, second);
    Mutator(seed).cross(program, other);
  } else {
    Mutator(seed).mutate(program);
  }
  return encode_into(program, out);
}

}  // namespace cma
