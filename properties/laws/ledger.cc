#include "properties/laws/ledger.h"

#include <algorithm>

#include "allocator/areas/bit_arithmetic.h"
#include "allocator/base/assert.h"

namespace cma {
namespace {

// Sets or clears bits [start, start + count).
void change_bits(std::vector<std::uint64_t>& words, std::uint64_t start, std::uint64_t count, bool value) {
  const std::uint64_t end = std::min<std::uint64_t>(start + count, words.size() * 64);
  while (start < end) {
    const std::uint64_t n = std::min<std::uint64_t>(64 - start % 64, end - start);
    const std::uint64_t mask = (n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1) << (start % 64);
    if (value)
      words[start / 64] |= mask;
    else
      words[start / 64] &= ~mask;
    start += n;
  }
}

}  // namespace

void Ledger::begin(const PfnRange& memory, unsigned chunk_order) {
  if (memory == memory_ && chunk_order == chunk_order_) return reset();
  memory_ = memory;
  chunk_order_ = chunk_order;
  chunk_base_ = align_order(memory.start, chunk_order);
  entries_.assign(memory.pages(), Entry{});
  touched_.assign(((memory.end - 1 - chunk_base_) >> chunk_order) + 1, 0);
  touched_list_.clear();
  reset_list_.clear();
  areas_.clear();
  reset();
}

void Ledger::reset() {
  for (std::uint32_t chunk : reset_list_) {
    const Pfn start = chunk_base_ + (Pfn{chunk} << chunk_order_);
    const Pfn first = std::max(start, memory_.start) - memory_.start;
    const Pfn last = std::min(start + order_pages(chunk_order_), memory_.end) - memory_.start;
    std::fill(entries_.begin() + static_cast<std::ptrdiff_t>(first),
              entries_.begin() + static_cast<std::ptrdiff_t>(last), Entry{});
    touched_[chunk] = 0;
  }
  reset_list_.clear();
  touched_list_.clear();
  for (AreaBook& book : areas_) {
    book.succeeded = 0;
    book.failed = 0;
    book.released = 0;
    if (!book.touched) continue;
    std::fill(book.live.begin(), book.live.end(), 0);
    std::fill(book.releasing.begin(), book.releasing.end(), 0);
    book.releases.clear();
    book.allocating.clear();
    book.touched = false;
  }
  owners_.clear();
  live_owners_ = 0;
  buffers_.clear();
  declared_.clear();
  last_number_ = 0;
}

void Ledger::add_area(Pfn base, std::uint64_t pages, unsigned order_per_bit) {
  AreaBook book;
  book.base = base;
  book.order_per_bit = order_per_bit;
  book.size = pages >> order_per_bit;
  book.live.assign((book.size + 63) / 64, 0);
  book.releasing = book.live;
  areas_.push_back(std::move(book));
}

void Ledger::set_holder(Pfn pfn, std::uint64_t count, std::uint32_t holder) {
  if (count == 0) return;
  for (std::size_t chunk = (pfn - chunk_base_) >> chunk_order_;
       chunk <= (pfn + count - 1 - chunk_base_) >> chunk_order_; ++chunk)
    if (touched_[chunk] != (kForAudit | kForReset)) note(chunk);
  Entry* const first = entries_.data() + (pfn - memory_.start);
  for (Entry* entry = first; entry != first + count; ++entry) entry->holder = holder;
}

Ledger::Entry& Ledger::edit(Pfn pfn) {
  const std::size_t chunk = (pfn - chunk_base_) >> chunk_order_;
  if (touched_[chunk] != (kForAudit | kForReset)) note(chunk);
  return entries_[pfn - memory_.start];
}

// Puts a chunk on the lists that it is not on. That of the audit is always one: it alone is emptied without the other.
void Ledger::note(std::size_t chunk) {
  touched_list_.push_back(static_cast<std::uint32_t>(chunk));
  if ((touched_[chunk] & kForReset) == 0) reset_list_.push_back(static_cast<std::uint32_t>(chunk));
  touched_[chunk] = kForAudit | kForReset;
}

void Ledger::forget_touched() {
  for (std::uint32_t chunk : touched_list_) touched_[chunk] &= static_cast<std::uint8_t>(~kForAudit);
  touched_list_.clear();
}

void Ledger::alloc_begins(std::size_t area, std::uint64_t count, unsigned align) {
  AreaBook& book = areas_[area];
  book.touched = true;
  book.allocating.push_back({count, align, bitmap_pages_to_bits(count, book.order_per_bit)});
}

void Ledger::drop_request(AreaBook& book, std::uint64_t count, unsigned align) {
  const auto it = std::find_if(book.allocating.begin(), book.allocating.end(), [&](const Request& request) {
    return request.count == count && request.align == align;
  });
  if (it != book.allocating.end()) book.allocating.erase(it);
}

void Ledger::alloc_failed(std::size_t area, std::uint64_t count, unsigned align, bool counted) {
  AreaBook& book = areas_[area];
  book.touched = true;
  drop_request(book, count, align);
  if (counted) book.failed += count;
}

void Ledger::buffer_allocated(std::size_t area, Pfn pfn, std::uint64_t count, unsigned align) {
  AreaBook& book = areas_[area];
  book.touched = true;
  drop_request(book, count, align);
  book.succeeded += count;
  const std::uint64_t bits = bitmap_pages_to_bits(count, book.order_per_bit);
  change_bits(book.live, (pfn - book.base) >> book.order_per_bit, bits, true);
  set_holder(pfn, count, ++last_number_ << 2 | static_cast<std::uint32_t>(Hold::buffer));
}

void Ledger::buffer_releasing(std::size_t area, Pfn pfn, std::uint64_t count) {
  AreaBook& book = areas_[area];
  book.touched = true;
  const std::uint64_t bit = (pfn - book.base) >> book.order_per_bit;
  const std::uint64_t bits = bitmap_pages_to_bits(count, book.order_per_bit);
  change_bits(book.live, bit, bits, false);
  change_bits(book.releasing, bit, bits, true);
  book.releases.push_back({bit, bits});
  set_holder(pfn, count, 0);
}

void Ledger::buffer_released(std::size_t area, Pfn pfn, std::uint64_t count) {
  AreaBook& book = areas_[area];
  book.released += count;
  const ReleaseUnderWay ended{(pfn - book.base) >> book.order_per_bit, bitmap_pages_to_bits(count, book.order_per_bit)};
  const auto it = std::ranges::find(book.releases, ended);
  if (it != book.releases.end()) book.releases.erase(it);
  change_bits(book.releasing, ended.start, ended.count, false);
  for (const ReleaseUnderWay& other : book.releases) change_bits(book.releasing, other.start, other.count, true);
}

void Ledger::range_allocated(Pfn pfn, std::uint64_t count) {
  set_holder(pfn, count, ++last_number_ << 2 | static_cast<std::uint32_t>(Hold::buffer));
}

void Ledger::pages_allocated(Pfn pfn, unsigned order) {
  const std::uint32_t number = ++last_number_ << 2;
  edit(pfn).holder = number | static_cast<std::uint32_t>(Hold::block_head);
  set_holder(pfn + 1, order_pages(order) - 1, number | static_cast<std::uint32_t>(Hold::block_tail));
}

void Ledger::pages_freeing(Pfn pfn, unsigned order) { set_holder(pfn, order_pages(order), 0); }

void Ledger::owner_adopted(std::uint32_t owner, bool keeps_page) {
  CMA_ASSERT(!owner_lives(owner));
  if (owner >= owners_.size()) owners_.resize(owner + 1, 0);
  owners_[owner] = keeps_page ? 2 : 1;
  live_owners_ += keeps_page ? 1 : 0;
}

void Ledger::owner_releasing(std::uint32_t owner) {
  if (!owner_lives(owner)) return;
  live_owners_ -= owners_[owner] == 2 ? 1 : 0;
  owners_[owner] = 0;
}

void Ledger::buffer_held(std::uint32_t buffer, std::uint32_t owner, std::uint32_t token) {
  if (buffer >= buffers_.size()) buffers_.resize(buffer + std::size_t{1});
  if (buffers_[buffer].counts == 0) buffers_[buffer] = {0, owner, token};
  ++buffers_[buffer].counts;
}

void Ledger::buffer_letting_go(std::uint32_t buffer) {
  if (held_buffer(buffer).counts > 0) --buffers_[buffer].counts;
}

void Ledger::reference_dropping(Pfn pfn, int count) {
  Entry& entry = edit(pfn);
  entry.references -= std::min(entry.references, static_cast<std::uint32_t>(count));
}

}  // namespace cma
