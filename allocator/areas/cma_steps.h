// How areas allocate and release: the steps that releases share, and a class for each form of cma_alloc.
//
// Included by sources of areas/ only. What a call requires and returns stands in areas.h.
#pragma once

#include <optional>

#include "allocator/areas/area.h"
#include "allocator/contig/contig.h"
#include "allocator/frames/core.h"

namespace cma {

class CmaSteps {
 public:
  // Refers to all of its arguments, which must outlive it.
  CmaSteps(const Core& core, Contig& contig, AreaTable& table);
  virtual ~CmaSteps() = default;

  virtual Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) = 0;
  Task<bool> cma_release(AreaId id, Pfn pfn, std::uint64_t count);

 protected:
  // One allocation: what is searched for in the bitmap, and how far the search has come.
  struct Window {
    std::uint64_t count;   // pages asked for
    unsigned align;        // an order, in pages
    std::uint64_t bits;    // wanted in a row
    std::uint64_t mask;    // windows begin at multiples of mask + 1 bits
    std::uint64_t offset;  // bits from an aligned frame to the area's first
    Pfn pfn = kNoPfn;      // the last window tried
  };

  bool usable(AreaId id) const;
  std::optional<Window> request_window(const Area& area, std::uint64_t count, unsigned align);
  Task<int> sweep_and_retry(AreaId id, Window& window);
  bool reports_failures() const;
  void report_failure(AreaId id, const Window& window, int error);
  void trace_start(AreaId id, std::uint64_t count, unsigned align);
  void trace_finish(AreaId id, const Window& window, int error);
  void account(AreaId id, std::uint64_t count, Pfn result);

  Release release_;
  bool debug_;
  Core core_;
  Contig& contig_;
  AreaTable& table_;

 private:
  // Up to 3.15, under cma_mutex; cma_alloc() itself changed in 3.17.
  Task<int> sweep_v3_5(AreaId id, Window& window);
  Task<bool> cma_release_v3_5(AreaId id, Pfn pfn, std::uint64_t count);
  // Since 3.16.
  Task<int> sweep_v3_16(AreaId id, Window& window);
  Task<void> clear_bits(AreaId id, Pfn pfn, std::uint64_t bits);
  std::uint64_t first_bit(const Area& area) const;
  bool ends_after(std::uint64_t sweeps) const;
  bool holds(const Area& area, Pfn pfn) const;
  Pfn named_in_release(Pfn pfn, std::uint64_t count) const;
  Task<void> refuse_release(Pfn pfn);
  std::uint64_t bits_released(const Area& area, Pfn pfn, std::uint64_t count) const;
};

// Up to 3.16: dma_alloc_from_contiguous.
class CmaV3_5 final : public CmaSteps {
 public:
  using CmaSteps::CmaSteps;
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) override;
};

// 3.17 to 5.12.
class CmaV3_17 final : public CmaSteps {
 public:
  using CmaSteps::CmaSteps;
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) override;
};

// 5.13 to 6.8: counts every call, even one that could not be tried.
class CmaV5_13 final : public CmaSteps {
 public:
  using CmaSteps::CmaSteps;
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) override;

 private:
  Task<Pfn> try_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn);
};

// Since 6.9: counts only calls that could be tried.
class CmaV6_9 final : public CmaSteps {
 public:
  using CmaSteps::CmaSteps;
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) override;
};

}  // namespace cma
