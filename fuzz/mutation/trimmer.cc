#include "fuzz/mutation/trimmer.h"

#include <algorithm>

#include "fuzz/mutation/input.h"
#include "properties/program/byte_form.h"

namespace cma {

void Trimmer::begin(std::span<const std::uint8_t> input) {
  program_from_input(program_, input);
  limit_ = input.size();
  length_ = std::max<std::size_t>(program_.ops.size() / 2, 1);
  end_ = program_.ops.size();
  prepare();
}

void Trimmer::judged(bool kept) {
  if (kept) program_ = std::move(*candidate_);
  prepare();
}

void Trimmer::prepare() {
  candidate_.reset();
  while (length_ != 0) {
    if (end_ == 0) {
      length_ /= 2;
      end_ = program_.ops.size();
      continue;
    }
    end_ = std::min(end_, program_.ops.size());
    const std::size_t begin = end_ > length_ ? end_ - length_ : 0;
    Program cut = program_;
    cut.ops.erase(cut.ops.begin() + static_cast<std::ptrdiff_t>(begin),
                  cut.ops.begin() + static_cast<std::ptrdiff_t>(end_));
    end_ = begin;
    cut.settle();
    bytes_ = encode(cut);
    // An input that ends early stands for more than it holds, and one of text may be shorter than its bytes.
    if (bytes_.size() > limit_) continue;
    candidate_ = std::move(cut);
    return;
  }
}

}  // namespace cma
