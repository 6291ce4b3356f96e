#include "properties/program/ops_pages.h"

#include <algorithm>
#include <array>
#include <vector>

#include "allocator/base/error.h"
#include "allocator/base/gfp.h"
#include "allocator/pressure/after_attempts.h"
#include "allocator/reports/vmalloc.h"
#include "properties/program/test_device.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// Returns the flags of the request.
Gfp gfp_of(const AllocPages& op) {
  Gfp gfp = op.atomic ? kGfpAtomic : kGfpKernel;
  if (op.type == TypeWord::movable) gfp |= kGfpMovable;
  if (op.type == TypeWord::reclaimable) gfp |= kGfpReclaimable;
  if (op.high) gfp |= kGfpHigh;
  if (op.highmem) gfp |= kGfpHighmem;
  if (op.comp) gfp |= kGfpComp;
  if (op.nowarn) gfp |= kGfpNowarn;
  return gfp;
}

// Returns why the kernel would never end the current actor's last request, which found nothing; nullptr if it fails it,
// has no process to kill, or would kill one on a machine that kills none.
const char* why_unended(const Machine& machine, Gfp gfp, unsigned order) {
  if (machine.page_allocator.gave_up(machine.engine.current()))
    return "the kernel tries again without end: each turn finds the machine as it was, and no other actor can run";
  if (order > machine.buddy.largest_order() || (gfp & kGfpDirectReclaim) != 0) return nullptr;
  const bool tries_again =
      after_attempts(gfp, machine.engine.flags(), machine.geometry()) == AfterAttempts::tries_again;
  return tries_again ? "the kernel would try again until another task frees a block" : nullptr;
}

}  // namespace

Task<void> allocate_block(World& world, Slot self, Gfp gfp, unsigned order, unsigned node) {
  const Pfn pfn = co_await world.machine().page_allocator.alloc_pages(gfp, order, node);
  if (pfn == kNoPfn) {
    world.observer().pages_refused(order, gfp);
    if (const char* why = why_unended(world.machine(), gfp, order); why != nullptr)
      world.skip(self, why);
    else
      world.fail(self, -kENOMEM);
    co_return;
  }
  Result& result = world.result(self);
  result.yields = Yields::block;
  result.order = order;
  result.pfn = pfn;
  result.pages = order_pages(order);
  world.observer().pages_allocated(pfn, order, gfp);
}

AllocGfp with_flags(const AllocPages& op) { return {.order = op.order, .gfp = gfp_of(op)}; }

Task<void> AllocPages::perform(World& world, Slot self) const {
  return allocate_block(world, self, gfp_of(*this), static_cast<unsigned>(order));
}

Task<void> AllocGfp::perform(World& world, Slot self) const {
  return allocate_block(world, self, static_cast<Gfp>(gfp), static_cast<unsigned>(order));
}

Task<void> FreePages::perform(World& world, Slot self) const {
  Result* held = world.operand(self, block, Yields::block);
  if (held == nullptr) co_return;
  held->gone = true;
  world.observer().pages_freeing(held->pfn, held->order);
  co_await world.machine().buddy.free_pages(held->pfn, held->order);
}

template <PageKind Kind>
Task<void> OwnedPages<Kind>::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  const bool chosen = at.kind != Place::Kind::none;
  const std::optional<Pfn> first = world.first_chosen(self, at);
  if (!first) co_return;
  const std::uint32_t index = world.begin_pages(self, pages);
  for (std::uint64_t i = 0; i < pages; ++i) {
    Pfn pfn = *first + i;
    int error = 0;
    if (!chosen) {
      pfn = co_await machine.page_allocator.alloc_pages(kMovable ? kGfpHighuserMovable : kGfpKernel, 0);
      error = pfn == kNoPfn ? -kENOMEM : 0;
    } else {
      error = co_await take_frame(machine, pfn);
    }
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    OwnerId owner = 0;
    if constexpr (Kind == PageKind::anonymous)
      owner = co_await machine.owners.adopt_anonymous(pfn);
    else
      owner = co_await machine.owners.adopt(pfn, Kind);
    world.owner_of[index + i] = owner;
    world.result(self).pages = i + 1;
    world.observer().owner_adopted(owner);
  }
}

Task<void> KernelPages::perform(World& world, Slot self) const {
  static constexpr std::array kUses = {KernelUse::slab, KernelUse::reclaimable_slab, KernelUse::page_table,
                                       KernelUse::stack};
  static_assert(kUses.size() == std::size(kKernelUseWords));
  Machine& machine = world.machine();
  const Gfp gfp = use == KernelUseWord::reclaimable_slab ? kGfpKernel | kGfpReclaimable : kGfpKernel;
  const std::uint32_t index = world.begin_pages(self, pages);
  for (std::uint64_t i = 0; i < pages; ++i) {
    const Pfn pfn = co_await machine.page_allocator.alloc_pages(gfp, 0);
    if (pfn == kNoPfn) {
      world.fail(self, -kENOMEM);
      co_return;
    }
    const OwnerId owner = co_await machine.owners.adopt(pfn, PageKind::unmovable);
    machine.owners.set_use(owner, kUses[static_cast<std::size_t>(use)]);
    world.owner_of[index + i] = owner;
    world.result(self).pages = i + 1;
    world.observer().owner_adopted(owner);
  }
}

template struct OwnedPages<PageKind::unmovable>;
template struct OwnedPages<PageKind::movable_ops>;
template struct OwnedPages<PageKind::anonymous>;
template struct OwnedPages<PageKind::shmem>;
template struct OwnedPages<PageKind::block_device>;

namespace {

std::uint64_t managed_pages(const Machine& machine) {
  std::uint64_t pages = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) pages += machine.buddy.zone(z).managed;
  return pages;
}

// Lets all pages of a result go.
Task<void> let_go(World& world, Slot self) {
  Result& result = world.result(self);
  for (std::uint64_t i = 0; i < result.pages; ++i) {
    const OwnerId owner = std::exchange(world.owner_of[result.first_owner + i], 0);
    world.observer().owner_releasing(owner);
    co_await world.machine().owners.release(owner);
  }
  world.result(self).pages = 0;
}

}  // namespace

// Takes the pages of a step. Returns false, and reports it as the kernel does, if there are too few.
Task<bool> Vmalloc::take(World& world, Slot self, const VmallocStep& step) const {
  Machine& machine = world.machine();
  const Gfp page_gfp = vmalloc_page_gfp(step.gfp, machine.release());
  for (std::uint64_t i = 0; i < step.pages; ++i) {
    const Pfn pfn = co_await machine.page_allocator.alloc_pages(page_gfp, 0);
    if (pfn == kNoPfn) {
      const ZoneKind highest = machine.buddy.gfp_zone(page_gfp);
      const bool fails = kernel_fails(page_gfp, 0, highest, machine.engine.flags(), machine.geometry());
      FailureWarning warning = {.gfp = step.gfp, .subject = vmalloc_shortage(step, i, machine.geometry())};
      if (fails) co_await machine.reports.warn(std::move(warning));
      co_return false;
    }
    const OwnerId owner = co_await machine.owners.adopt(pfn, PageKind::unmovable);
    Result& result = world.result(self);
    world.owner_of[result.first_owner + result.pages] = owner;
    ++result.pages;
    world.observer().owner_adopted(owner);
  }
  co_return true;
}

Task<void> Vmalloc::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  const auto flags = static_cast<Gfp>(gfp);
  if (vmalloc_refuses(bytes, managed_pages(machine), machine.geometry().page_size)) {
    const std::optional<std::string> refusal = vmalloc_refusal(bytes, machine.release());
    FailureWarning warning = {.gfp = flags, .subject = refusal};
    if (refusal) co_await machine.reports.warn(std::move(warning));
    world.fail(self, -kENOMEM);
    co_return;
  }
  const std::vector<VmallocStep> steps = vmalloc_steps(bytes, flags, machine.geometry());
  std::uint64_t pages = 0;
  for (const VmallocStep& step : steps) pages += step.pages;
  if (pages > kMaxOwnedPages) {
    world.skip(self, "so many pages at once are more than a program may own");
    co_return;
  }
  world.begin_pages(self, pages);
  for (const VmallocStep& step : steps) {
    const bool taken = co_await take(world, self, step);
    if (taken) continue;
    co_await let_go(world, self);
    if (const char* why = why_unended(machine, vmalloc_page_gfp(flags, machine.release()), 0); why != nullptr)
      world.skip(self, why);
    else
      world.fail(self, -kENOMEM);
    co_return;
  }
}

Task<void> HugetlbGrow::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  const bool chosen = at.kind != Place::Kind::none;
  const std::optional<Pfn> first = world.first_chosen(self, at);
  if (!first) co_return;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Pfn head = chosen ? *first + i * order_pages(machine.hugetlb.order()) : kNoPfn;
    int error = chosen ? co_await take_huge_frame(machine, head) : 0;
    if (error == 0) {
      const bool grown = co_await machine.hugetlb.grow(head);
      if (!grown) error = -kENOMEM;
    }
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.result(self).finished = i + 1;
  }
}

Task<void> HugetlbPagesUsed::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  const std::uint32_t index = world.begin_pages(self, count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Pfn head = machine.hugetlb.dequeue();
    if (head == kNoPfn) {
      world.fail(self, -kENOMEM);
      co_return;
    }
    const OwnerId owner = machine.owners.adopt_hugetlb(head);
    world.owner_of[index + i] = owner;
    world.result(self).pages = i + 1;
    world.observer().owner_adopted(owner);
  }
}

namespace {

// The owner of a result's page number `slot`, 0 if it was freed, or dropped from its cache.
OwnerId owner_at(const World& world, const Result& held, std::uint64_t slot) {
  const OwnerId owner = world.owner_of[held.first_owner + slot];
  return owner == 0 || world.machine().owners.released(owner) ? 0 : owner;
}

// Frees a result's page number `slot` unless it is gone.
Task<void> free_owned(World& world, const Result& held, std::uint64_t slot) {
  const OwnerId owner = std::exchange(world.owner_of[held.first_owner + slot], 0);
  // A clean page may have been dropped from its cache meanwhile.
  if (owner == 0 || world.machine().owners.released(owner)) co_return;
  // Pages of files and processes were not handed out: no program holds them.
  if (world.machine().owners.owner(owner).handed_out) world.observer().owner_releasing(owner);
  co_await world.machine().owners.release(owner);
}

struct OwnedFrame {
  Pfn pfn = kNoPfn;
  std::uint64_t slot = 0;
};

// Returns the single pages that a result has left, in the order of their frames.
std::vector<OwnedFrame> frames_of(const World& world, const Result& held) {
  std::vector<OwnedFrame> frames;
  for (std::uint64_t slot = 0; slot < held.pages; ++slot) {
    const OwnerId owner = owner_at(world, held, slot);
    if (owner != 0) frames.push_back({world.machine().owners.owner(owner).pfn, slot});
  }
  std::ranges::sort(frames, {}, &OwnedFrame::pfn);
  return frames;
}

}  // namespace

// Chooses all runs before it frees the first. `from` counts pages that are left.
Task<void> FreeRuns::perform(World& world, Slot self) const {
  Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) co_return;
  const std::vector<OwnedFrame> frames = frames_of(world, *held);
  const std::uint64_t half = order_pages(static_cast<unsigned>(order));
  std::vector<std::uint64_t> freed;
  std::uint64_t found = 0;
  for (std::uint64_t i = from; found < runs && i + 2 * half <= frames.size(); ++i) {
    const bool whole =
        is_aligned(frames[i].pfn, 2 * half) && frames[i + 2 * half - 1].pfn == frames[i].pfn + 2 * half - 1;
    if (!whole) continue;
    for (std::uint64_t page = i; page < i + half; ++page) freed.push_back(frames[page].slot);
    ++found;
  }
  for (const std::uint64_t slot : freed) co_await free_owned(world, *held, slot);
  world.result(self).finished = found;
  if (found < runs) world.fail(self, -kENOENT);
}

Task<void> FreeOwned::perform(World& world, Slot self) const {
  Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) co_return;
  held->gone = true;
  for (std::uint64_t i = 0; i < held->pages; ++i) co_await free_owned(world, *held, i);
}

void Refuse::perform(World& world, Slot self) const {
  Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) return;
  Owners& owners = world.machine().owners;
  const std::int64_t attempts = times == kRefuseAll ? -1 : static_cast<std::int64_t>(times);
  bool any = false;
  for (std::uint64_t i = 0; i < held->pages; ++i) {
    const OwnerId owner = world.owner_of[held->first_owner + i];
    if (owner == 0 || owners.owner(owner).kind != PageKind::movable_ops) continue;
    owners.refuse(owner, attempts, error == RefusalWord::eio ? -kEIO : -kEAGAIN);
    any = true;
  }
  if (!any) world.skip(self, "none of the pages belongs to a driver that can move it");
}

}  // namespace cma
