#include "properties/board/memory_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "properties/board/words.h"

namespace cma {
namespace {

class MemoryReader {
 public:
  MemoryReader(std::vector<ByteRange> banks, Release release, Architecture architecture, std::uint64_t page_size)
      : release_(release), architecture_(architecture), page_(page_size), banks_(std::move(banks)) {}

  MemoryWords read(std::string_view cmdline) {
    for (const ParameterWord& word : words_of(cmdline)) {
      // What follows is for init, since 3.15.
      if (word.name == "--" && !word.value && release_ >= Release::v3_15) break;
      if (word.name == "mem") read_mem(word);
      if (word.name == "memmap") note("memmap= is no parameter of this architecture, and is ignored");
      if (word.name == "crashkernel")
        note("crashkernel= is not modelled: give the memory that it takes with --reserved");
    }
    if (own_)
      read_.banks = std::move(*own_);
    else if (limit_ && *limit_ != 0)
      cut();
    else
      read_.banks = std::move(banks_);
    return std::move(read_);
  }

 private:
  void note(std::string text) {
    if (std::ranges::find(read_.notes, text) == read_.notes.end()) read_.notes.push_back(std::move(text));
  }

  void read_mem(const ParameterWord& word) {
    if (!word.value) return note("`mem` has no value, and is passed over here");
    if (architecture_ == Architecture::arm) return read_own(*word.value);
    // Recalled.
    if (architecture_ == Architecture::riscv && release_ < Release::v5_7)
      return note("mem= is ignored: riscv knows it since 5.7");
    const std::uint64_t bytes = align_down(memparse(*word.value, release_).bytes, page_);
    // The last one counts on arm64, the least on riscv.
    limit_ = architecture_ == Architecture::riscv && limit_ ? std::min(*limit_, bytes) : bytes;
  }

  // Reads SIZE[@START], which is memory. The first such word takes all other memory away, even if it adds none.
  void read_own(std::string_view text) {
    const std::uint64_t start_of_memory = banks_.front().start;
    const ParsedSize size = memparse(text, release_);
    std::uint64_t start = start_of_memory;
    if (text.substr(size.length).starts_with('@')) start = memparse(text.substr(size.length + 1), release_).bytes;
    ByteRange range = range_from(start, size.bytes);
    // 3.14 passes over what lies before the start of memory (PHYS_OFFSET; recalled).
    if (release_ >= Release::v3_14) range.start = std::max(range.start, start_of_memory);
    note(fmt::format("mem={}: memory is what the command line says, not what the board has", text));
    read_.limited = true;
    if (!own_) own_.emplace();
    if (range.start < range.end) own_->push_back(range);
  }

  // Cuts memory where the limit, which is a size and not 0, is reached.
  void cut() {
    std::uint64_t left = *limit_;
    for (const ByteRange& bank : banks_) {
      if (left == 0) break;
      read_.banks.push_back({bank.start, bank.start + std::min(left, bank.size())});
      left -= std::min(left, bank.size());
    }
    const std::uint64_t end = read_.banks.back().end;
    if (end == banks_.back().end) return;
    read_.limited = true;
    note(fmt::format("mem= ends memory at {:#x}: what lies beyond is not there", end));
  }

  Release release_;
  Architecture architecture_;
  std::uint64_t page_;
  std::vector<ByteRange> banks_;
  std::optional<std::vector<ByteRange>> own_;  // what the words of arm say, once there is one
  std::optional<std::uint64_t> limit_;
  MemoryWords read_;
};

}  // namespace

MemoryWords read_memory_words(std::vector<ByteRange> banks, std::string_view cmdline, Release release,
                              Architecture architecture, std::uint64_t page_size) {
  return MemoryReader(std::move(banks), release, architecture, page_size).read(cmdline);
}

}  // namespace cma
