// Promises: properties over programs, which RapidCheck tries to break; properties/*_property.cc has them.
//
//   PROMISE(Release, gives_back_the_bits_of_a_buffer, {.planted = {Bug::bitmap_forgets_bit}}) {
//     ... run `program`, RC_ASSERT what holds ... }
//
// defines two tests. Release.gives_back_the_bits_of_a_buffer runs 1,000 programs (RC_PARAMS changes that). A program
// that breaks the promise is made small, printed, and saved with the lines that repeat it.
// ReleaseBroken.gives_back_the_bits_of_a_buffer plants each mistake in the same population, and fails unless the
// promise notices it within 1,000 cases.
//
// Used by property tests only. Cost: that of the programs; the machines are kept from case to case.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "properties/arbitrary/arbitrary_testing.h"
#include "properties/arbitrary/runs_testing.h"
#include "properties/arbitrary/trial_testing.h"
#include "properties/program/observer.h"

namespace cma {

struct PromiseOptions {
  Programs programs = {};
  std::vector<Planted> planted = {};
};

struct Promise {
  std::string suite;
  std::string name;
  PromiseOptions options;
  void (*body)(const Program& program) = nullptr;
};

// Watches a run and makes claims about it. The first claim that does not hold is kept until assert_all_held(), as the
// run must go on: an observer may throw LawBroken alone.
class Witness : public Observer {
 public:
  // Fails the property with the first claim that did not hold, if there is one.
  void assert_all_held() const;

 protected:
  // Claims that `holds`; otherwise `sentence` is what is reported.
  void claim(bool holds, const std::string& sentence) {
    if (!holds && broken_.empty()) broken_ = sentence;
  }

 private:
  std::string broken_;
};

// Runs a promise as a RapidCheck property and fails the GoogleTest if it is broken. With CMACHECK_PROGRAM=FILE in the
// environment, runs it on that program alone.
void keep(const Promise& promise);
// Plants each of its mistakes and fails the GoogleTest unless the promise is broken each time.
void notice_planted(const Promise& promise);

}  // namespace cma

#define PROMISE(Suite, name, ...)                                                                            \
  static void Suite##_##name(const ::cma::Program& program);                                                 \
  static ::cma::Promise Suite##_##name##_promise() { return {#Suite, #name, __VA_ARGS__, &Suite##_##name}; } \
  TEST(Suite, name) { ::cma::keep(Suite##_##name##_promise()); }                                             \
  TEST(Suite##Broken, name) { ::cma::notice_planted(Suite##_##name##_promise()); }                           \
  static void Suite##_##name(const ::cma::Program& program)
