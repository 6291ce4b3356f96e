// Operations on pages of the page allocator: blocks that a driver asks for, and pages with an owner, which the kernel
// can move or not.
#pragma once

#include <utility>

#include "allocator/base/gfp.h"
#include "allocator/engine/task.h"
#include "allocator/owners/owner.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

inline constexpr std::string_view kTypeWords[] = {"movable", "unmovable", "reclaimable"};
enum class TypeWord : std::uint8_t { movable, unmovable, reclaimable };

struct AllocPages {
  static constexpr OpInfo kInfo{
      .verb = "alloc_pages", .letter = 'x', .yields = Yields::block, .help = "allocates a block of 2^order pages"};
  std::uint64_t order = 0;
  TypeWord type = TypeWord::movable;
  bool atomic = false;
  bool high = false;
  bool highmem = false;
  bool comp = false;
  bool nowarn = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.order, {.name = "order", .max = kOrderLimit - 1, .scale = Scale::order});
    visit.choice(self.type, {.name = "type", .words = kTypeWords});
    visit.flag(self.atomic, "atomic");
    visit.flag(self.high, "high");
    visit.flag(self.highmem, "highmem");
    visit.flag(self.comp, "comp");
    visit.flag(self.nowarn, "nowarn");
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const AllocPages&, const AllocPages&) = default;
};

// The same with flags of the caller's choice, as the release has them.
struct AllocGfp {
  static constexpr OpInfo kInfo{.verb = "alloc_pages",
                                .letter = 'x',
                                .yields = Yields::block,
                                .help = "the same with the kernel's flags, as `gfp=GFP_DMA`"};
  std::uint64_t order = 0;
  std::uint64_t gfp = kGfpKernel;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.order, {.name = "order", .max = kOrderLimit - 1, .scale = Scale::order});
    visit.number(self.gfp, {.name = "gfp", .required = true, .max = 0xffffffff, .scale = Scale::gfp});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const AllocGfp&, const AllocGfp&) = default;
};
// Returns the operation that asks with the same flags.
AllocGfp with_flags(const AllocPages& op);

// Allocates a block for the operation at `self`, whose result it is; -ENOMEM if there is none. The part of other
// operations that asks the page allocator.
Task<void> allocate_block(World& world, Slot self, Gfp gfp, unsigned order, unsigned node = 0);

struct FreePages {
  static constexpr OpInfo kInfo{.verb = "free_pages", .help = "drops the reference that alloc_pages gave"};
  OpRef block;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.block, {.wanted = Yields::block});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const FreePages&, const FreePages&) = default;
};

inline constexpr std::uint64_t kMaxOwnedPages = 65536;

// Single pages of one kind of owner: with `at` on the frames that a test device takes, else on those of the allocator.
template <PageKind Kind>
struct OwnedPages {
  static constexpr bool kMovable = Kind != PageKind::unmovable;
  static constexpr OpInfo kInfo = [] {
    switch (Kind) {
      case PageKind::movable_ops:
        return OpInfo{.verb = "movable_page",
                      .letter = 'm',
                      .yields = Yields::pages,
                      .help = "pages that their driver can move, or refuses to move"};
      case PageKind::anonymous:
        return OpInfo{.verb = "anon_page",
                      .letter = 'n',
                      .yields = Yields::pages,
                      .help = "pages of a process's private memory, on the LRU"};
      case PageKind::shmem:
        return OpInfo{.verb = "shmem_page",
                      .letter = 's',
                      .yields = Yields::pages,
                      .help = "page cache pages of shared memory, on the LRU"};
      case PageKind::block_device:
        return OpInfo{.verb = "block_device_page",
                      .letter = 'd',
                      .yields = Yields::pages,
                      .help = "page cache pages of a RAM disk, on the LRU"};
      case PageKind::unmovable:
        return OpInfo{.verb = "unmovable_page",
                      .letter = 'u',
                      .yields = Yields::pages,
                      .help = "pages that cannot be moved: a driver's, a slab's, a page table's"};
      case PageKind::none:
      case PageKind::file:
      case PageKind::hugetlb: break;  // other operations make these
    }
    std::unreachable();  // no constant: such an operation does not compile
  }();
  Place at;
  std::uint64_t pages = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.at, {.name = "at", .required = false});
    visit.number(self.pages, {.name = "pages", .fallback = 1, .min = 1, .max = kMaxOwnedPages, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const OwnedPages&, const OwnedPages&) = default;
};

inline constexpr std::string_view kKernelUseWords[] = {"slab", "reclaimable_slab", "page_table", "stack"};
enum class KernelUseWord : std::uint8_t { slab, reclaimable_slab, page_table, stack };

// Single pages of the kernel that reports count by what they are used for. They are asked for one by one, as
// unmovable_page does.
struct KernelPages {
  static constexpr OpInfo kInfo{.verb = "kernel_page",
                                .letter = 'u',
                                .yields = Yields::pages,
                                .help = "pages that the kernel uses for this, which reports count"};
  KernelUseWord use = KernelUseWord::slab;
  std::uint64_t pages = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.choice(self.use, {.words = kKernelUseWords});
    visit.number(self.pages, {.name = "pages", .fallback = 1, .min = 1, .max = kMaxOwnedPages, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const KernelPages&, const KernelPages&) = default;
};

struct VmallocStep;

// Pages of the kernel, of which some are the array that holds the addresses of the others. Since 4.12 they may lie in
// high memory.
struct Vmalloc {
  static constexpr OpInfo kInfo{.verb = "vmalloc",
                                .letter = 'v',
                                .yields = Yields::pages,
                                .help = "single pages of the kernel for so many bytes, under one range of addresses"};
  std::uint64_t bytes = 0;
  std::uint64_t gfp = kGfpKernel;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.bytes, {.name = "bytes", .required = true, .scale = Scale::bytes});
    visit.number(self.gfp, {.name = "gfp", .required = true, .max = 0xffffffff, .scale = Scale::gfp});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const Vmalloc&, const Vmalloc&) = default;

 private:
  Task<bool> take(World& world, Slot self, const VmallocStep& step) const;
};

inline constexpr std::uint64_t kMostHugetlbPages = 64;

// Grows nr_hugepages. `at` is a test device and takes an aligned place.
struct HugetlbGrow {
  static constexpr OpInfo kInfo{.verb = "hugetlb_pool", .help = "adds free huge pages to the hugetlb pool"};
  std::uint64_t count = 1;
  Place at;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.count,
                 {.name = "count", .fallback = 1, .min = 1, .max = kMostHugetlbPages, .scale = Scale::pages});
    visit.place(self.at, {.name = "at", .required = false, .aligned = true});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const HugetlbGrow&, const HugetlbGrow&) = default;
};

struct HugetlbPagesUsed {
  static constexpr OpInfo kInfo{
      .verb = "hugetlb_page",
      .letter = 'h',
      .yields = Yields::pages,
      .help = "private memory, of a process without a name, in huge pages of the pool: the last freed first"};
  std::uint64_t count = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.count,
                 {.name = "count", .fallback = 1, .min = 1, .max = kMostHugetlbPages, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const HugetlbPagesUsed&, const HugetlbPagesUsed&) = default;
};

struct FreeOwned {
  static constexpr OpInfo kInfo{.verb = "free", .help = "the owner frees its pages"};
  OpRef pages;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pages, {.wanted = Yields::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const FreeOwned&, const FreeOwned&) = default;
};

// Makes free blocks of one order: of the pages that are left, in the order of their frames, frees such runs whose other
// half of the next larger block stays, so that none merges.
struct FreeRuns {
  static constexpr OpInfo kInfo{.verb = "free_runs",
                                .help = "the owner frees runs of 2^order pages, each beside one that it keeps"};
  OpRef pages;
  std::uint64_t order = 0;
  std::uint64_t runs = 1;
  std::uint64_t from = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pages, {.wanted = Yields::pages});
    visit.number(self.order, {.name = "order", .max = kOrderLimit - 1, .scale = Scale::order});
    visit.number(self.runs, {.name = "runs", .fallback = 1, .min = 1, .max = kMaxOwnedPages, .scale = Scale::times});
    visit.number(self.from, {.name = "from", .max = kMaxOwnedPages, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const FreeRuns&, const FreeRuns&) = default;
};

inline constexpr std::string_view kRefusalWords[] = {"EAGAIN", "EIO"};
enum class RefusalWord : std::uint8_t { eagain, eio };
inline constexpr std::uint64_t kRefuseAll = std::uint64_t{1} << 32;

// A driver's page refuses the next attempts to move it.
struct Refuse {
  static constexpr OpInfo kInfo{.verb = "refuse",
                                .performed = Performed::without_actor,
                                .help = "the driver refuses the next attempts to move its pages"};
  OpRef pages;
  std::uint64_t times = 1;
  RefusalWord error = RefusalWord::eagain;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pages, {.wanted = Yields::pages});
    visit.number(self.times,
                 {.name = "times", .required = true, .max = kRefuseAll, .scale = Scale::times, .all = "all"});
    visit.choice(self.error, {.name = "error", .words = kRefusalWords, .required = false});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Refuse&, const Refuse&) = default;
};

}  // namespace cma
