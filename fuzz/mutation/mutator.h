// Mutates and crosses programs, operation by operation, for libFuzzer and AFL++.
//
// A fuzzer that knows bytes only spends its time on broken programs; this one changes programs where they can be
// changed. The mutator chooses which operation changes and how; its weights are in mutator.cc with their reasons. New
// values of arguments and new operations come from properties/program/values.h and generator.h: edges of areas and
// pageblocks, sizes near powers of two. To make the fuzzers prefer other values, change those.
//
// A Mutator leaves any program settled, with MutationOptions::ops operations at most. Equal seeds make equal changes.
// Cost: about three microseconds a mutation of a 16-operation program, a third of it for the byte forms on both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "properties/program/byte_form.h"
#include "properties/program/generator.h"
#include "properties/program/program.h"

namespace cma {

struct MutationOptions {
  // Long programs are slow, and short ones find nearly all: operations beyond this are removed.
  std::size_t ops = 48;
  // What is inserted: of these only `kinds`, `sequential`, `compaction` and `reclaim` count; huge pages and flags go by
  // the program. If it is sequential, mutate() makes no change about actors or stops; cross() brings those that the
  // other program has.
  GeneratorOptions generated;
  // Returns a machine to take the place of a program's own, bugs included; without it a shape does, and bugs stay.
  std::function<Geometry(Random&)> machine;
};

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed, const MutationOptions& options = {});

  // Tries one to four changes; now and then one leaves the program as it is.
  void mutate(Program& program);
  // Puts a run of operations of `other` into `program`: at the end of a beginning of it, whose rest is dropped, in its
  // midst, or one by one between its operations, then all on one CPU. Mutates `program` if `other` has none.
  void cross(Program& program, const Program& other);

 private:
  void change_once(Program& program);
  void insert_generated(Program& program);
  void change_field(Program& program);
  void remove(Program& program);
  void duplicate(Program& program);
  void move_one(Program& program);
  void splice(Program& program);
  void change_performer(Program& program);
  void change_stop(Program& program);
  void insert_resume(Program& program);
  void change_machine(Program& program);
  void fit(Program& program);
  std::size_t any_index(const Program& program) { return random_.below(program.ops.size()); }

  Random random_;
  MutationOptions options_;
  // The kinds of operations that are inserted: chosen once, for the program that first needed them.
  std::optional<KindWeights> weights_;
};

// Writes the program's bytes and returns how many. While they do not fit, drops the last quarter of its operations; if
// not even an empty program fits, cuts the bytes.
std::size_t encode_into(Program& program, std::span<std::uint8_t> out);

// The two hooks of fuzzers, which work on bytes. `data` holds `size` bytes and has room for `max_size`. Of a hundred
// mutations one changes bytes, ten begin anew, the others change the program. Of four crossovers three are mutations of
// `first`. Both return the new size, never more than there is room for.
std::size_t mutate_bytes(std::uint8_t* data, std::size_t size, std::size_t max_size, std::uint64_t seed);
std::size_t cross_bytes(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second,
                        std::span<std::uint8_t> out, std::uint64_t seed);

}  // namespace cma
