// Comparing what areas, isolation and buffer heads record with the ledger: bits, totals, isolated pageblocks, and the
// counts of buffers.

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "properties/laws/audit_sums.h"

namespace cma {

void SumChecks::compare_areas() const {
  const auto areas = static_cast<AreaId>(std::min(machine().areas.size(), ledger().areas()));
  for (AreaId id = 0; id < areas; ++id) compare_bitmap(id);
  if (machine().release() < Release::v5_13) return;
  for (AreaId id = 0; id < areas; ++id) compare_totals(id);
}

// Checks that the totals count the pages of each call once, as a success or as a failure. Areas count since 5.13, as
// sysfs shows the totals.
void SumChecks::compare_totals(AreaId id) const {
  const Area& area = machine().areas.area(id);
  const Ledger::AreaBook& book = ledger().area(id);
  if (area.nr_pages_succeeded != book.succeeded || area.nr_pages_failed != book.failed)
    broken(Law::views,
           fmt::format("area {} counts {} and {} pages of calls that succeeded and failed, there were {} and {}", id,
                       area.nr_pages_succeeded, area.nr_pages_failed, book.succeeded, book.failed));
  if (strict() && area.nr_pages_released != book.released)
    broken(Law::views,
           fmt::format("area {} counts {} pages released, there were {}", id, area.nr_pages_released, book.released));
}

// Checks that the bits set are those of live buffers. Other bits may be set for releases that have not ended, and for
// one window of each request under way.
void SumChecks::compare_bitmap(AreaId id) const {
  const std::vector<std::uint64_t>& words = machine().areas.area(id).bitmap.words();
  const Ledger::AreaBook& book = ledger().area(id);
  if (words.empty()) return;
  std::uint64_t extra = 0;
  std::uint64_t excused = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  for (std::size_t w = 0; w < words.size(); ++w) {
    excused += static_cast<std::uint64_t>(std::popcount(words[w] & book.releasing[w]));
    const std::uint64_t missing = book.live[w] & ~words[w];
    const std::uint64_t more = words[w] & ~book.live[w] & ~book.releasing[w];
    if (missing != 0) {
      const std::uint64_t bit = w * 64 + static_cast<std::uint64_t>(std::countr_zero(missing));
      broken(Law::bitmap, fmt::format("area {}: bit {} of a live buffer is clear (page {:#x})", id, bit,
                                      book.base + (bit << book.order_per_bit)));
    }
    if (more == 0) continue;
    if (extra == 0) first = w * 64 + static_cast<std::uint64_t>(std::countr_zero(more));
    last = w * 64 + 63 - static_cast<std::uint64_t>(std::countl_zero(more));
    extra += static_cast<std::uint64_t>(std::popcount(more));
  }
  if (extra == 0) return;
  std::uint64_t windows = 0;
  for (const Ledger::Request& request : book.allocating) windows += request.bits;
  // Bits of a buffer whose release has not ended may have been cleared, and set again as part of the window.
  const bool one_run = last - first < windows && extra <= windows && windows <= extra + excused;
  const bool one_window = book.allocating.size() == 1 && one_run;
  if (last >= book.size || !(one_window || (book.allocating.size() > 1 && extra <= windows)))
    broken(Law::bitmap, fmt::format("area {}: {} bits are set that belong to no buffer, the first is {} (page {:#x})",
                                    id, extra, first, book.base + (first << book.order_per_bit)));
}

void SumChecks::compare_isolators() const {
  const std::vector<Isolators::Held>& held = machine().isolation.isolators().held();
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (machine().map.pageblock_type(held[i].block) != Migratetype::isolate)
      broken(Law::restored, fmt::format("pageblock {:#x} is {}, but the actor that isolated it has not given it back",
                                        held[i].block, name_of(machine().map.pageblock_type(held[i].block))));
    if (machine().isolation.isolators().of(held[i].block) != held[i].actor)
      broken(Law::restored, fmt::format("pageblock {:#x} was isolated by two actors at once", held[i].block));
  }
}

void SumChecks::compare_buffers() {
  const Buffers& buffers = machine().buffers;
  buffer_slots_.assign(buffers.size() + 1, 0);
  for (int cpu = 0; cpu < machine().engine.cpus(); ++cpu) {
    const std::vector<BufferId>& slots = buffers.lru_slots(cpu);
    if (slots.size() > buffers.slots())
      broken(Law::content, fmt::format("CPU {} has {} buffers in its slots", cpu, slots.size()));
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (std::find(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(i), slots[i]) !=
          slots.begin() + static_cast<std::ptrdiff_t>(i))
        broken(Law::content, fmt::format("buffer {} is in two slots of CPU {}", slots[i], cpu));
      ++buffer_slots_[slots[i]];
    }
  }
  for (BufferId id = 1; id <= buffers.size(); ++id) {
    const Buffer& buffer = buffers.buffer(id);
    const bool attached = buffer.pfn != kNoPfn;
    if (!attached && buffer.count == 0 && !buffer.locked) continue;
    if (!attached || !machine().map.page(buffer.pfn).has(kPagePrivate))
      broken(Law::content, fmt::format("buffer {} is used and attached to no page", id));
    const int known = buffer_slots_[id] + ledger().held_buffer(id).counts + machine().files.journal_holds(id);
    if (buffer.count < known || (strict() && buffer.count != known))
      broken(Law::content, fmt::format("the buffer of page {:#x} has a count of {}, and {} are accounted for",
                                       buffer.pfn, buffer.count, known));
    if (ledger().held_buffer(id).counts > 0) check_held_buffer(id);
  }
}

// Checks that a buffer that a program holds is under the page that it was under when it was held. That page carries its
// data, wherever it has moved. One that has left its cache stays where it is, as the buffer keeps it.
void SumChecks::check_held_buffer(BufferId id) const {
  const Ledger::HeldBuffer held = ledger().held_buffer(id);
  const Owners& owners = machine().owners;
  const Pfn under = machine().buffers.buffer(id).pfn;
  const Page& page = machine().map.page(under);
  const std::uint32_t token = held.owner != 0 ? owners.owner(held.owner).token : held.token;
  if (page.token != token || (page.owner != 0 && page.owner != held.owner))
    broken(Law::content, fmt::format("a buffer that a program holds is under page {:#x}, which is not the page that it "
                                     "was read into",
                                     under));
  // Inside an operation the page may be on its way, and its buffer follow.
  const Pfn now = held.owner != 0 ? owners.owner(held.owner).pfn : kNoPfn;
  if (strict() && now != kNoPfn && now != under)
    broken(Law::content,
           fmt::format("a buffer that a program holds is under page {:#x}, and its data at {:#x}", under, now));
}

}  // namespace cma
