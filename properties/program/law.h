// The laws by name: what must be true of a machine that programs run on. A finding carries the law that was broken.
//
// Here a law is an enumerator only. laws/catalogue.h has the sentence of each, and the functions that check it. The
// last four are no laws: they are how a run can end, or differ from a kernel's, without breaking one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "allocator/engine/fault.h"

namespace cma {

// Names are part of signatures and of programs (`expect finding law=bitmap`).
enum class Law : std::uint8_t {
  exclusive,
  conserved,
  lists,
  counters,
  bitmap,
  contract,
  complete,
  bounded,
  restored,
  policy,
  locks,
  content,
  balanced,
  views,
  hints,
  granted,
  sound,
  expect,
  crash,  // the process that ran the program ended
  hang,   // the process that ran the program had to be ended
  judge,  // a kernel did something else than the model
  splat,  // a kernel complained
};

// The law as findings and programs spell it.
std::string_view name_of(Law law);
// The names of the laws, without the last four.
std::span<const std::string_view> law_names();
// Looks a name up, the last four included; nullopt if there is no such name.
std::optional<Law> law_from_name(std::string_view name);

// Thrown where a law is found broken. The interpreter makes a finding of it.
class LawBroken : public std::runtime_error {
 public:
  LawBroken(Law law, std::string function, const std::string& message)
      : std::runtime_error(message), law_(law), function_(std::move(function)) {}
  Law law() const { return law_; }
  // The kernel function that broke it; empty between operations.
  const std::string& function() const { return function_; }

 private:
  Law law_;
  std::string function_;
};

// The law that a fault found by the engine breaks.
Law law_of(EngineFault::Kind kind);

}  // namespace cma
