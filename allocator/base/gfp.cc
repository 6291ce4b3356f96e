#include "allocator/base/gfp.h"

#include <array>
#include <string_view>
#include <utility>

namespace cma {
namespace {

// The kernel's numbers (include/linux/gfp.h, later gfp_types.h), in the order of GfpBits.
// Among the high bits are still __GFP_NOTRACK and __GFP_OTHER_NODE.
constexpr std::array<std::uint32_t, 23> kValues_v4_4 = {
    0x1,    0x2,    0x4,    0x8,    0x10,    0x20,    0x40,    0x80,    0x1000000, 0x200,    0x400,    0x800,
    0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000,  0x400000, 0x2000000};
// Since 4.18, recalled. Versions from 4.10 on differ from 4.9 in the high bits; none of them is modelled.
constexpr std::array<std::uint32_t, 23> kValues_v4_18 = {
    0x1,    0x2,    0x4,    0x8,    0x10,    0x20,    0x40,    0x80,    0x100,    0x200,    0x400,   0x800,
    0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000};
constexpr std::array<std::uint32_t, 23> kValues_v5_0 = {
    0x1,     0x2,     0x4,     0x8,   0x10,    0x20,     0x40,     0x80,  0x1000,   0x2000, 0x4000, 0x8000,
    0x10000, 0x20000, 0x40000, 0x100, 0x80000, 0x100000, 0x200000, 0x200, 0x400000, 0x400,  0x800};

constexpr Gfp kTranshugeLight = ((kGfpHighuserMovable | kGfpComp | kGfpNomemalloc | kGfpNowarn) & ~kGfpReclaim);

// The kernel's name table, in its order (include/trace/events/mmflags.h).
constexpr std::array<std::pair<Gfp, std::string_view>, 35> kNames = {{
    {kTranshugeLight | kGfpDirectReclaim, "GFP_TRANSHUGE"},
    {kTranshugeLight, "GFP_TRANSHUGE_LIGHT"},
    {kGfpHighuserMovable, "GFP_HIGHUSER_MOVABLE"},
    {kGfpUser | kGfpHighmem, "GFP_HIGHUSER"},
    {kGfpUser, "GFP_USER"},
    {kGfpKernel | kGfpAccount, "GFP_KERNEL_ACCOUNT"},
    {kGfpKernel, "GFP_KERNEL"},
    {kGfpReclaim | kGfpIo, "GFP_NOFS"},
    {kGfpAtomic, "GFP_ATOMIC"},
    {kGfpReclaim, "GFP_NOIO"},
    {kGfpKswapdReclaim, "GFP_NOWAIT"},
    {kGfpDma, "GFP_DMA"},
    {kGfpHighmem, "__GFP_HIGHMEM"},
    {kGfpDma32, "GFP_DMA32"},
    {kGfpHigh, "__GFP_HIGH"},
    {kGfpAtomicBit, "__GFP_ATOMIC"},
    {kGfpIo, "__GFP_IO"},
    {kGfpFs, "__GFP_FS"},
    {kGfpNowarn, "__GFP_NOWARN"},
    {kGfpRetryMayfail, "__GFP_RETRY_MAYFAIL"},
    {kGfpNofail, "__GFP_NOFAIL"},
    {kGfpNoretry, "__GFP_NORETRY"},
    {kGfpComp, "__GFP_COMP"},
    {kGfpZero, "__GFP_ZERO"},
    {kGfpNomemalloc, "__GFP_NOMEMALLOC"},
    {kGfpMemalloc, "__GFP_MEMALLOC"},
    {kGfpHardwall, "__GFP_HARDWALL"},
    {kGfpThisnode, "__GFP_THISNODE"},
    {kGfpReclaimable, "__GFP_RECLAIMABLE"},
    {kGfpMovable, "__GFP_MOVABLE"},
    {kGfpAccount, "__GFP_ACCOUNT"},
    {kGfpWrite, "__GFP_WRITE"},
    {kGfpReclaim, "__GFP_RECLAIM"},
    {kGfpDirectReclaim, "__GFP_DIRECT_RECLAIM"},
    {kGfpKswapdReclaim, "__GFP_KSWAPD_RECLAIM"},
}};

const std::array<std::uint32_t, 23>& values_of(Release release) {
  if (release >= Release::v5_0) return kValues_v5_0;
  return release >= Release::v4_18 ? kValues_v4_18 : kValues_v4_4;
}

}  // namespace

std::uint32_t gfp_value(Gfp gfp, Release release) {
  const auto& values = values_of(release);
  std::uint32_t value = 0;
  for (unsigned bit = 0; bit < values.size(); ++bit)
    if (gfp & (1U << bit)) value |= values[bit];
  return value;
}

std::string gfp_text(Gfp gfp, Release release) {
  std::string text;
  for (const auto& [bits, name] : kNames) {
    if ((gfp & bits) != bits) continue;
    gfp &= ~bits;
    if (!text.empty()) text += '|';
    const bool has_old_name = bits == kGfpRetryMayfail && release < Release::v4_13;
    text += has_old_name ? "__GFP_REPEAT" : name;
  }
  return text;
}

}  // namespace cma
