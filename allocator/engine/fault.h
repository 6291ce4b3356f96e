// What the engine and its mutexes find wrong with an actor: it would wait without end, or runs without end. Thrown out
// of the actor; the code that runs programs makes a finding of it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace cma {

class EngineFault : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    locks,    // a deadlock, a lock taken twice, or a wait where nothing can wake the waiter
    bounded,  // the step budget is used up, or loops took too many turns and passed no point
  };

  EngineFault(Kind kind, std::string function, const std::string& message)
      : std::runtime_error(message), kind_(kind), function_(std::move(function)) {}

  Kind kind() const { return kind_; }
  // The kernel function or the lock in which it was found; empty if there is none.
  const std::string& function() const { return function_; }

 private:
  Kind kind_;
  std::string function_;
};

}  // namespace cma
