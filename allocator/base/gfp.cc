#include "allocator/base/gfp.h"

#include <array>
#include <string_view>
#include <utility>

namespace cma {
namespace {

// include/linux/gfp.h at 4.19 and include/linux/gfp_types.h at 6.1, in the order of GfpBits.
constexpr std::array<std::uint32_t, 23> kValues419 = {
    0x1,    0x2,    0x4,    0x8,    0x10,    0x20,    0x40,    0x80,    0x100,    0x200,    0x400,   0x800,
    0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000};
// 4.9 still has __GFP_NOTRACK and __GFP_OTHER_NODE among the high bits.
constexpr std::array<std::uint32_t, 23> kValues49 = {
    0x1,    0x2,    0x4,    0x8,    0x10,    0x20,    0x40,    0x80,    0x1000000, 0x200,    0x400,    0x800,
    0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000,  0x400000, 0x2000000};
constexpr std::array<std::uint32_t, 23> kValues61 = {
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

}  // namespace

std::uint32_t gfp_value(Gfp gfp, Release release) {
  const auto& values = release >= Release::v5_10 ? kValues61 : release >= Release::v4_19 ? kValues419 : kValues49;
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
    // Its name until 4.13.
    text += bits == kGfpRetryMayfail && release < Release::v4_19 ? "__GFP_REPEAT" : name;
  }
  return text;
}

}  // namespace cma
