// Assertions of the model. Every layer uses them freely and in pairs: what must hold, and what must not.
//
// A failed assertion throws AssertionFailure instead of aborting. A machine that runs with a bug switched on may well
// break the model's own expectations; that is a finding to report and to minimise, not a crash. An assertion costs a
// predictable branch; only the bench preset compiles them out.
#pragma once

#include <stdexcept>
#include <string>

namespace cma {

// Thrown by CMA_ASSERT. `where()` is the enclosing function, for the signature of the finding.
class AssertionFailure : public std::logic_error {
 public:
  AssertionFailure(const char* condition, const char* function, const char* file, int line);
  const std::string& where() const { return where_; }

 private:
  std::string where_;
};

[[noreturn]] void assertion_failed(const char* condition, const char* function, const char* file, int line);

}  // namespace cma

#ifdef CMACHECK_NO_ASSERT
#define CMA_ASSERT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#define CMA_ASSERT(condition)                                                                            \
  (__builtin_expect(!(condition), 0) ? ::cma::assertion_failed(#condition, __func__, __FILE__, __LINE__) \
                                     : static_cast<void>(0))
#endif
