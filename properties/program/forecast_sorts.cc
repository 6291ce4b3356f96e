#include "properties/program/forecast_sorts.h"

#include <algorithm>
#include <array>

#include "properties/program/op_kinds.h"

namespace cma {
namespace {

Sort sort_of(MethodWord method) {
  switch (method) {
    case MethodWord::ordered: return Sort::ordered;
    case MethodWord::journalled: return Sort::journalled;
    case MethodWord::block_device: return Sort::block_device;
  }
  return Sort::plain;
}

constexpr unsigned only(Sort sort) { return 1U << static_cast<unsigned>(sort); }
constexpr unsigned kOfFiles = only(Sort::ordered) | only(Sort::journalled) | only(Sort::block_device);
constexpr unsigned kOnLists = only(Sort::anonymous) | only(Sort::shmem) | only(Sort::ram_disk) | kOfFiles;

// The sorts of operands that a kind applies to.
struct Taste {
  std::size_t kind;
  unsigned sorts;
};
constexpr auto kTastes = std::to_array<Taste>({
    {kind_of<Refuse>(), only(Sort::movable)},
    {kind_of<BufferOp<BufferVerb::touch>>(), only(Sort::ram_disk) | only(Sort::block_device)},
    {kind_of<BufferOp<BufferVerb::hold>>(), only(Sort::ram_disk) | kOfFiles},
    {kind_of<BufferOp<BufferVerb::put>>(), only(Sort::ram_disk) | kOfFiles},
    {kind_of<BufferOp<BufferVerb::dirty>>(), only(Sort::ram_disk) | kOfFiles},
    {kind_of<FilePagesOp<FilePagesVerb::writeback>>(), kOfFiles},
    {kind_of<FilePagesOp<FilePagesVerb::journal>>(), only(Sort::journalled) | only(Sort::block_device)},
    {kind_of<BufferRead>(), only(Sort::block_device)},
    // Beside the pages, the process.
    {kind_of<MmapShared>(), only(Sort::shmem) | only(Sort::ordered) | only(Sort::journalled) | only(Sort::plain)},
    {kind_of<SplitHuge>(), only(Sort::huge)},
    {kind_of<MappingOp<MappingVerb::mlock>>(), only(Sort::small)},
    {kind_of<MappingOp<MappingVerb::madv_free>>(), only(Sort::small) | only(Sort::shared)},
    {kind_of<PinLongterm>(), only(Sort::small)},
    {kind_of<MarkAccessedRange>(), kOnLists},
    {kind_of<FreeRuns>(), kOnLists | only(Sort::unmovable) | only(Sort::movable)},
});

}  // namespace

Sort sort_made_by(const Op& op) {
  if (is_one_of<OwnedPages<PageKind::unmovable>, KernelPages, Vmalloc>(op)) return Sort::unmovable;
  if (is_one_of<OwnedPages<PageKind::movable_ops>>(op)) return Sort::movable;
  if (is_one_of<OwnedPages<PageKind::anonymous>>(op)) return Sort::anonymous;
  if (is_one_of<OwnedPages<PageKind::shmem>>(op)) return Sort::shmem;
  if (is_one_of<OwnedPages<PageKind::block_device>>(op)) return Sort::ram_disk;
  if (is_one_of<HugetlbPagesUsed>(op)) return Sort::hugetlb;
  if (is_one_of<MmapAnon>(op)) return Sort::small;
  if (is_one_of<MmapHuge>(op)) return Sort::huge;
  if (is_one_of<MmapShared>(op)) return Sort::shared;
  if (const auto* file = std::get_if<OpenFile>(&op.body)) return sort_of(file->method);
  return Sort::plain;
}

bool applies_to(std::size_t kind, Sort sort) {
  const auto taste = std::ranges::find(kTastes, kind, &Taste::kind);
  return taste == kTastes.end() || (taste->sorts & only(sort)) != 0;
}

}  // namespace cma
