// Declaring areas at boot, in reserved memory (cma_declare_contiguous; up to 3.16 dma_declare_contiguous).
//
// AreaBoot makes one for each call. Cost: that of the search in memblock/.
//
// Requires of all calls: boot has not finished.
#pragma once

#include <optional>
#include <string>

#include "allocator/areas/area.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/memblock/memblock.h"

namespace cma {

// The arguments of cma_declare_contiguous: addresses and sizes in bytes, as the kernel takes them. Up to 3.16
// `alignment`, `order_per_bit` and `fixed` are ignored: a base makes the area fixed.
struct DeclareRequest {
  std::string name;
  // Where the search begins; the place itself if `fixed`. A search tries high memory first, and since 5.12 memory above
  // 4 GiB before any that is lower, whatever the base; since 6.6 before high memory, too.
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;      // the largest end that the area may have; 0: none; up to 4.18 a fixed area ignores it
  std::uint64_t alignment = 0;  // at least that of the isolation unit is used
  unsigned order_per_bit = 0;
  bool fixed = false;  // ignored without a base
  // Memory of this node only (cma_declare_contiguous_nid, since 5.7; ignored before). nullopt: of any.
  std::optional<unsigned> node = std::nullopt;
};

class Declaration {
 public:
  // Refers to all of its arguments, which must outlive it.
  Declaration(const Core& core, Memblock& memblock, Buddy& buddy, AreaTable& table);

  // See AreaBoot for both.
  int declare_contiguous(const DeclareRequest& request);
  int init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name);

 private:
  std::string physical(std::uint64_t address) const;
  std::string mebibytes(std::uint64_t bytes) const;
  DeclareRequest as_passed(const DeclareRequest& asked) const;
  DeclareRequest rounded_to(std::uint64_t alignment, const DeclareRequest& asked) const;
  int declare_v3_5(const DeclareRequest& asked);
  int declare_v3_17(const DeclareRequest& asked);
  bool table_full();
  std::optional<int> check_declaration(const DeclareRequest& asked, const DeclareRequest& rounded,
                                       std::uint64_t alignment);
  std::string on_node(const DeclareRequest& request) const;
  int failed_to_reserve(int error, std::uint64_t bytes, const DeclareRequest& request);
  Pfn high_memory(Pfn otherwise) const;
  int reserve(DeclareRequest& request, std::uint64_t alignment, Pfn& base);

  Release release_;
  std::uint64_t unit_;  // pages in which areas are aligned
  unsigned shift_;      // of a page's size
  std::uint64_t phys_mask_;
  bool debug_;
  Core core_;
  Memblock& memblock_;
  Buddy& buddy_;
  AreaTable& table_;
};

}  // namespace cma
