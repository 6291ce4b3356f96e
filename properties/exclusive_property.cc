// Promise: a page is never handed out twice, and what is handed out is what was asked for.

#include <map>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Who holds which frame: buffers, blocks, ranges and references by what the program got, pages with an owner by where
// their owners find them.
class Holders final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    holder_.assign(machine.map.pages().size(), nullptr);
    references_.assign(machine.map.pages().size(), 0);
  }
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t count, unsigned) override { take(pfn, count, "a buffer"); }
  void buffer_releasing(AreaId, Pfn pfn, std::uint64_t count) override { give_back(pfn, count, "a buffer"); }
  void pages_allocated(Pfn pfn, unsigned order, Gfp) override { take(pfn, order_pages(order), "a block"); }
  void pages_freeing(Pfn pfn, unsigned order) override { give_back(pfn, order_pages(order), "a block"); }
  void range_allocated(Pfn pfn, std::uint64_t count) override { take(pfn, count, "a range"); }
  void range_freeing(Pfn pfn, std::uint64_t count) override { give_back(pfn, count, "a range"); }
  void owner_adopted(OwnerId) override { check(); }
  void reference_taken(Pfn pfn, int count, bool) override { references_[machine_->map.frame(pfn)] += count; }
  void reference_dropping(Pfn pfn, int count) override { references_[machine_->map.frame(pfn)] -= count; }
  void control_changes(Machine&) override { check_if_touched(); }
  void op_performed(Machine&, std::size_t) override { check_if_touched(); }
  void program_ended(Machine&) override { check(); }

 private:
  void take(Pfn pfn, std::uint64_t count, const char* as) {
    for (Pfn p = pfn; p < pfn + count; ++p) {
      const char*& holder = holder_[machine_->map.frame(p)];
      if (holder != nullptr) claim(false, fmt::format("page {:#x} is given to {}, and {} has it", p, as, holder));
      holder = as;
    }
    check();
  }
  void give_back(Pfn pfn, std::uint64_t count, const char* from) {
    for (Pfn p = pfn; p < pfn + count; ++p) {
      const char*& holder = holder_[machine_->map.frame(p)];
      if (holder != from) claim(false, fmt::format("page {:#x} leaves {} that does not have it", p, from));
      holder = nullptr;
    }
  }

  // The laws, which come next, forget what was touched.
  void check_if_touched() {
    if (!machine_->map.touched_chunks().empty()) check();
  }
  // Checks that no frame is held by two, or held and free.
  void check() {
    if (!machine_->booted()) return;
    const MemoryMap& map = machine_->map;
    in_use_ = holder_;
    for (OwnerId id = 1; id <= machine_->owners.size(); ++id) check_owner(machine_->owners.owner(id));
    const Page* const pages = map.pages().data();
    const auto frames = static_cast<Frame>(in_use_.size());
    for (Frame head = 0; head < frames; ++head)
      if (pages[head].has(kPageBuddy | kPagePcp)) check_free_block(pages, head, order_pages(pages[head].order));
  }
  void check_owner(const Owner& owner) {
    if (owner.pfn == kNoPfn) return;
    const Page& page = machine_->map.page(owner.pfn);
    const std::uint64_t pages = owner.kind == PageKind::hugetlb ? order_pages(page.order) : 1;
    for (Pfn p = owner.pfn; p < owner.pfn + pages; ++p) {
      const char*& holder = in_use_[machine_->map.frame(p)];
      if (holder != nullptr) claim(false, fmt::format("page {:#x} has an owner, and {} has it", p, holder));
      holder = "an owner";
    }
  }
  void check_free_block(const Page* pages, Frame head, std::uint64_t count) {
    const auto end = static_cast<Frame>(std::min<std::uint64_t>(head + count, in_use_.size()));
    for (Frame frame = head; frame < end; ++frame) {
      const Pfn pfn = machine_->map.pfn(frame);
      const bool inner = frame != head && pages[frame].has(kPageBuddy | kPagePcp);
      if (inner) claim(false, fmt::format("a free block begins at {:#x}, inside another", pfn));
      if (in_use_[frame] != nullptr)
        claim(false, fmt::format("page {:#x} is free, and {} has it", pfn, in_use_[frame]));
      if (references_[frame] != 0) claim(false, fmt::format("page {:#x} is free, and the program refers to it", pfn));
    }
  }

  Machine* machine_ = nullptr;
  std::vector<const char*> holder_;  // by frame; nullptr if no buffer, block or range has it
  std::vector<int> references_;      // by frame
  std::vector<const char*> in_use_;  // by frame, while check() runs: the same and the owners
};

PROMISE(ExclusivePromise, gives_no_page_to_two_and_keeps_no_held_page_free,
        {.planted = {Bug::last_page_untested, Bug::free_takes_neighbour}}) {
  Holders holders;
  run_checked(program, &holders);
  holders.assert_all_held();
}

// Compares buffers, ranges and blocks, as they are handed out, with the request.
class AsAsked final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    references_.clear();
    asked_.clear();
  }
  void alloc_begins(AreaId id, std::uint64_t count, unsigned align) override {
    asked_[machine_->engine.current()] = {id, count, align};
  }
  void buffer_allocated(AreaId id, Pfn pfn, std::uint64_t count, unsigned align) override {
    const AreaRequest got{id, count, align};
    claim(got == asked_[machine_->engine.current()], fmt::format("the buffer at {:#x} is of another request", pfn));
    const Area& area = machine_->areas.area(id);
    claim(pfn >= area.base && pfn + count <= area.base + area.pages && count > 0,
          fmt::format("the buffer at {:#x} of {} pages is not inside its area", pfn, count));
    // Up to 3.16 the DMA layer, which limits the alignment to 2^8 pages (CONFIG_CMA_ALIGNMENT), is the allocator.
    constexpr unsigned kDmaLimit = 8;
    const unsigned order = machine_->release() < Release::v3_17 ? std::min(align, kDmaLimit) : align;
    claim(pfn == 0 || order == 0 || (order < 64 && pfn % (Pfn{1} << order) == 0),
          fmt::format("the buffer at {:#x} is not aligned to 2^{} pages", pfn, order));
    check_pages(pfn, count, 1, 0);
  }
  void range_allocated(Pfn pfn, std::uint64_t count) override { check_pages(pfn, count, 1, 0); }
  void pages_allocated(Pfn pfn, unsigned order, Gfp) override {
    claim(pfn % order_pages(order) == 0, fmt::format("the block of order {} at {:#x} is misaligned", order, pfn));
    check_pages(pfn, 1, 1, kPageHead | kPageSplitHead);
    check_pages(pfn + 1, order_pages(order) - 1, 0, kPageTail);
  }
  void reference_taken(Pfn pfn, int count, bool) override { references_[pfn] += count; }
  void reference_dropping(Pfn pfn, int count) override { references_[pfn] -= count; }

 private:
  // Checks that each page exists and has so many references, that nothing is left of its last use, that it has no other
  // flag than these, and that it is in the zone of the first. The references that another actor has taken, after the
  // page left the free lists and before it is handed out, come on top.
  void check_pages(Pfn pfn, std::uint64_t count, int references, std::uint32_t flags) {
    for (Pfn p = pfn; p < pfn + count; ++p) {
      claim(machine_->map.present(p), fmt::format("page {:#x} is handed out and does not exist", p));
      if (!machine_->map.valid(p)) return;
      const Page& page = machine_->map.page(p);
      const bool clean = page.map == 0 && page.owner == 0 && page.pagevecs == 0 && page.next == kNil &&
                         page.prev == kNil && (page.flags & ~flags) == 0 && page.zone == machine_->map.page(pfn).zone;
      if (!clean || page.ref != references + references_[p])
        claim(false, fmt::format("page {:#x} is handed out with {} references, {} mappings, flags {:#x}, owner {}", p,
                                 page.ref, page.map, page.flags, page.owner));
    }
  }

  Machine* machine_ = nullptr;
  std::map<ActorId, AreaRequest> asked_;
  std::map<Pfn, int> references_;
};

PROMISE(ExclusivePromise, hands_out_what_was_asked_for,
        {.planted = {Bug::mask_exponent,
                     Bug::offset_upward,
                     {Bug::region_relative, Release::v3_6},
                     Bug::capture_counts_twice,
                     Bug::last_page_untested}}) {
  AsAsked as_asked;
  run_checked(program, &as_asked);
  as_asked.assert_all_held();
}

PROMISE(ExclusivePromise, obeys_the_laws_exclusive_and_contract,
        {.planted = {Bug::last_page_untested, Bug::free_takes_neighbour}}) {
  assert_laws_hold(program, {Law::exclusive, Law::contract});
}

}  // namespace
}  // namespace cma
