// The mutator of operations as a custom mutator of AFL++: the functions that afl-fuzz looks up in the library that
// AFL_CUSTOM_MUTATOR_LIBRARY names. For targets whose input is a program, alone or first. afl-fuzz calls them from one
// thread. Memory that a function hands out stays valid until the next call.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/mutation/mutator.h"
#include "fuzz/mutation/trimmer.h"

namespace {

struct AflMutator {
  cma::Random random;
  cma::Trimmer trimmer;
  std::vector<std::uint8_t> made;
  std::vector<std::uint8_t> trimmed;
};

AflMutator& of(void* data) { return *static_cast<AflMutator*>(data); }

}  // namespace

// The libraries that this one is made of are instrumented for the targets; what they report of the mutator is dropped.
extern "C" void __sanitizer_cov_trace_pc_guard(std::uint32_t* guard);
extern "C" void __sanitizer_cov_trace_pc_guard_init(std::uint32_t* begin, std::uint32_t* end);
extern "C" void __sanitizer_cov_trace_pc_guard(std::uint32_t* /*guard*/) {}
extern "C" void __sanitizer_cov_trace_pc_guard_init(std::uint32_t* /*begin*/, std::uint32_t* /*end*/) {}

// The declarations are AFL++'s (its docs/custom_mutators.md); it has no header for them that a mutator could include.
extern "C" {

void* afl_custom_init(void* afl, unsigned int seed);
void afl_custom_deinit(void* data);
std::size_t afl_custom_fuzz(void* data, std::uint8_t* buffer, std::size_t size, std::uint8_t** out, std::uint8_t* other,
                            std::size_t other_size, std::size_t max_size);
std::int32_t afl_custom_init_trim(void* data, std::uint8_t* buffer, std::size_t size);
std::size_t afl_custom_trim(void* data, std::uint8_t** out);
std::int32_t afl_custom_post_trim(void* data, unsigned char success);

void* afl_custom_init(void* /*afl*/, unsigned int seed) { return new AflMutator{cma::Random(seed), {}, {}, {}}; }

void afl_custom_deinit(void* data) { delete static_cast<AflMutator*>(data); }

// Mutates an input, or crosses it with another of AFL++'s choice. Returns the size of what `out` points to.
std::size_t afl_custom_fuzz(void* data, std::uint8_t* buffer, std::size_t size, std::uint8_t** out, std::uint8_t* other,
                            std::size_t other_size, std::size_t max_size) {
  AflMutator& mutator = of(data);
  mutator.made.resize(std::max<std::size_t>(max_size, 1));
  const std::uint64_t seed = mutator.random.next();
  *out = mutator.made.data();
  if (other != nullptr && other_size != 0 && mutator.random.chance(30))
    return cma::cross_bytes({buffer, size}, {other, other_size}, {mutator.made.data(), max_size}, seed);
  const std::size_t kept = std::min(size, max_size);
  std::copy_n(buffer, kept, mutator.made.begin());
  return cma::mutate_bytes(mutator.made.data(), kept, max_size, seed);
}

// Trimming takes as many steps as there are cuts, which depends on those that are kept: one step, repeated until none
// is left.
std::int32_t afl_custom_init_trim(void* data, std::uint8_t* buffer, std::size_t size) {
  of(data).trimmer.begin({buffer, size});
  return of(data).trimmer.next() == nullptr ? 0 : 1;
}

std::size_t afl_custom_trim(void* data, std::uint8_t** out) {
  AflMutator& mutator = of(data);
  mutator.trimmed = *mutator.trimmer.next();
  *out = mutator.trimmed.data();
  return mutator.trimmed.size();
}

std::int32_t afl_custom_post_trim(void* data, unsigned char success) {
  of(data).trimmer.judged(success != 0);
  return of(data).trimmer.next() == nullptr ? 1 : 0;
}

}  // extern "C"
