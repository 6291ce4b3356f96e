// Random values for the fields of operations. They lie near the places where things change: the ends of areas and
// pageblocks, powers of two, the size of a request's area, one off each of these.
//
// Used by the generator for whole operations, and by mutators to change one field. The same random numbers give the
// same values everywhere (random.h): draw one number per statement, as compilers evaluate the arguments of a
// call in different orders.
#pragma once

#include "properties/program/forecast.h"

namespace cma {

// Gives each field that it visits a random value. The operation comes next in the program of the forecast: operands
// name results that it can use there, places lie on its machine. Now and then they are gone.
class FieldGenerator {
 public:
  // `kind`: of the operation whose fields are visited; kOpKinds if it is not known.
  FieldGenerator(Random& random, const Forecast& forecast, std::size_t kind = kOpKinds)
      : random_(random), forecast_(forecast), program_(forecast.program()), kind_(kind) {}

  // --- the visitor (fields.h) ---
  void area(AreaRef& area);
  void operand(OpRef& operand, const OperandSpec& spec);
  void place(Place& place, const PlaceSpec& spec);
  void number(std::uint64_t& value, const NumberSpec& spec);
  void flag(bool& flag, std::string_view name);
  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) {
    value = static_cast<Enum>(random_.chance(50) ? 0 : random_.below(spec.words.size()));
  }
  void text(std::string& text, const TextSpec& spec);
  void actor(Performer& performer);
  // In the place of operand(): the operand has its value, by which others are drawn.
  void operand_stays(const OpRef& operand) { operand_ = operand.id; }

  // An actor of the program, or a CPU's own.
  Performer any_performer();
  // The same, most often one that is between two operations.
  Performer idle_performer();
  // Returns allocation flags, those of Scale::gfp.
  std::uint64_t gfp_flags();
  // Returns whether the program has a result for each required operand visited so far.
  bool operands_exist() const { return operands_exist_; }

 private:
  OpId result_of(Yields wanted) { return forecast_.operand(random_, kind_, wanted); }
  OpId any_result();
  OpId process_for(OpId mapping);
  bool place_by_kind(Place& place);
  void next_to_be_taken(Place& place);
  bool place_in_result(Place& place);
  bool number_by_kind(std::uint64_t& value, const NumberSpec& spec);
  std::uint64_t near(std::uint64_t value);
  std::uint64_t offset_in(std::uint64_t pages);
  Pfn frame();
  std::uint64_t page_count();
  std::uint64_t byte_count();
  std::string command_line();
  std::uint64_t order(const NumberSpec& spec);
  std::uint64_t scaled(const NumberSpec& spec);

  Random& random_;
  const Forecast& forecast_;
  const Program& program_;
  std::size_t kind_;
  bool operands_exist_ = true;
  OpId operand_ = 0;            // the one that was generated last
  std::uint64_t from_ = 0;      // and where a part of it begins
  bool chosen_frames_ = false;  // whether the place that was generated last names frames
};

// Returns a scope other than none.
ReclaimScope random_scope(Random& random);

// Gives one field of the operation at `index`, its performer, its stop or its scope another value; only a field if the
// program is to stay `sequential`.
void change_argument(Random& random, Program& program, std::size_t index, bool sequential = false);

}  // namespace cma
