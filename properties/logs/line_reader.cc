#include "properties/logs/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "allocator/base/assert.h"

namespace cma::logs {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
static_assert(kBuffer > 2 * kLongestPiece);

}  // namespace

Source text_source(std::string_view text) {
  return [text](char* buffer, std::size_t size) mutable {
    const std::size_t taken = std::min(size, text.size());
    std::memcpy(buffer, text.data(), taken);
    text.remove_prefix(taken);
    return taken;
  };
}

LineReader::LineReader(Source source, const NeedleSet& needles)
    : source_(std::move(source)), needles_(needles), buffer_(kBuffer, '\0') {}

bool LineReader::next(Line& line) {
  while (true) {
    if (begin_ == whole_end_ && !refill()) return false;
    if (after_ == 0) skip_to_needle();
    if (begin_ == whole_end_) continue;
    if (take_line(line)) return true;
  }
}

// Passes over the whole lines before the next one with a needle.
void LineReader::skip_to_needle() {
  const std::string_view rest(buffer_.data() + begin_, whole_end_ - begin_);
  const std::size_t hit = needles_.find(rest);
  const std::size_t last_end = hit == std::string_view::npos ? rest.rfind('\n') : rest.rfind('\n', hit);
  if (last_end != std::string_view::npos) {
    const std::string_view skipped = rest.substr(0, last_end + 1);
    number_ += static_cast<std::uint64_t>(std::ranges::count(skipped, '\n')) - (inside_line_ ? 1 : 0);
    inside_line_ = false;
    begin_ += skipped.size();
  }
  // What is left without a line end is the end of the log, or a piece of a long line. Of a long line with a needle,
  // what stands around that is a piece.
  const std::size_t left = hit == std::string_view::npos ? rest.size() : hit - std::min(hit, kLongestPiece / 2);
  const std::size_t done = last_end == std::string_view::npos ? 0 : last_end + 1;
  if (left <= done) return;
  if (!inside_line_) ++number_;
  inside_line_ = true;
  begin_ += left - done;
}

// Takes the line at `begin_`, or a piece of it; returns whether it is one to give.
bool LineReader::take_line(Line& line) {
  const std::string_view rest(buffer_.data() + begin_, whole_end_ - begin_);
  std::size_t length = std::min(rest.find('\n'), rest.size());
  const bool is_piece = length > kLongestPiece;
  if (is_piece) length = kLongestPiece;
  const bool ends = !is_piece && length < rest.size();
  if (!inside_line_) ++number_;
  line = {number_, rest.substr(0, length), false};
  line.matters = needles_.found_in(line.text);
  begin_ += length + (ends ? 1 : 0);
  inside_line_ = !ends;
  if (line.matters) {
    after_ = kLinesAfter;
    return true;
  }
  if (after_ == 0) return false;
  --after_;
  return true;
}

// Reads on until the buffer has a line end or is full. Returns false if nothing is left.
bool LineReader::refill() {
  CMA_ASSERT(begin_ == whole_end_);
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  whole_end_ = 0;
  std::size_t searched = 0;
  while (!at_end_ && end_ < buffer_.size()) {
    const std::size_t got = source_(buffer_.data() + end_, buffer_.size() - end_);
    at_end_ = got == 0;
    bytes_ += got;
    end_ += got;
    if (std::string_view(buffer_.data() + searched, end_ - searched).find('\n') != std::string_view::npos) break;
    searched = end_;
  }
  if (end_ == 0) return false;
  const std::size_t last_end = std::string_view(buffer_.data(), end_).rfind('\n');
  whole_end_ = at_end_ || last_end == std::string_view::npos ? end_ : last_end + 1;
  return true;
}

}  // namespace cma::logs
