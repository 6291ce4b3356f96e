#include "allocator/base/gfp.h"

#include <algorithm>
#include <array>

namespace cma {
namespace {

using enum Release;

constexpr std::size_t kBits = 28;
using Numbers = std::array<std::uint32_t, kBits>;

// The kernel's numbers (include/linux/gfp.h, later gfp_types.h), in the order of GfpBits; 0 where the version has no
// such flag. Those of configurations with lockdep and hardware tags are left out.
// Up to 4.3 bit 0x10 is __GFP_WAIT. 0x400000 is __GFP_NO_KSWAPD, the opposite of a bit that the model has.
constexpr std::uint32_t kNoKswapdNumber = 0x400000;
constexpr Numbers kNumbers_v3_5 = {0x1,   0x2,   0x4,    0x8,    0x80000,  0x20,     0x40,    0x80,    0x1000000, 0x200,
                                   0x400, 0x800, 0x1000, 0x2000, 0x4000,   0x8000,   0x10000, 0x20000, 0x40000,   0,
                                   0,     0x10,  0,      0x100,  0x200000, 0x800000, 0,       0};
constexpr Numbers kNumbers_v4_4 = {0x1,      0x2,       0x4,     0x8,      0x10,     0x20,    0x40,
                                   0x80,     0x1000000, 0x200,   0x400,    0x800,    0x1000,  0x2000,
                                   0x4000,   0x8000,    0x10000, 0x20000,  0x40000,  0x80000, 0x100000,
                                   0x400000, 0x2000000, 0x100,   0x200000, 0x800000, 0,       0};
// Versions from 4.10 to 4.17 differ from 4.9 in the high bits; none of them is modelled.
constexpr Numbers kNumbers_v4_18 = {0x1,      0x2,      0x4,     0x8,     0x10,    0x20,    0x40,
                                    0x80,     0x100,    0x200,   0x400,   0x800,   0x1000,  0x2000,
                                    0x4000,   0x8000,   0x10000, 0x20000, 0x40000, 0x80000, 0x100000,
                                    0x200000, 0x400000, 0,       0,       0,       0,       0};
constexpr Numbers kNumbers_v5_0 = {0x1,     0x2,    0x4,     0x8,      0x10,     0x20,     0x40,
                                   0x80,    0x1000, 0x2000,  0x4000,   0x8000,   0x10000,  0x20000,
                                   0x40000, 0x100,  0x80000, 0x100000, 0x200000, 0x200,    0x400000,
                                   0x400,   0x800,  0,       0,        0,        0x800000, 0x1000000};

// __GFP_NO_KSWAPD, in words only.
constexpr Gfp kNoKswapd = 1U << 31;
constexpr Gfp kLight = (kGfpHighuserMovable | kGfpComp | kGfpNomemalloc | kGfpNowarn) & ~kGfpReclaim;
constexpr Gfp kHugeV3_5 = kLight | kGfpDirectReclaim | kGfpNoretry;

constexpr ReleaseRange kEver{v3_5};
constexpr ReleaseRange up_to(Release last) { return {v3_5, last}; }
constexpr ReleaseRange since(Release first) { return {first}; }

// In the order of the kernel's name tables (include/trace/events/gfpflags.h, since 4.6 mmflags.h).
constexpr std::array kWords = {
    GfpWord{"GFP_TRANSHUGE", kHugeV3_5 | kNoKswapd, up_to(v4_3)},
    GfpWord{"GFP_TRANSHUGE", kHugeV3_5, {v4_4, v4_7}},
    GfpWord{"GFP_TRANSHUGE", kLight | kGfpDirectReclaim, since(v4_8)},
    GfpWord{"GFP_TRANSHUGE_LIGHT", kLight, since(v4_8)},
    GfpWord{"GFP_HIGHUSER_MOVABLE", kGfpHighuserMovable, kEver},
    GfpWord{"GFP_HIGHUSER", kGfpUser | kGfpHighmem, kEver},
    GfpWord{"GFP_USER", kGfpUser, kEver},
    GfpWord{"GFP_TEMPORARY", kGfpKernel | kGfpReclaimable, up_to(v4_13)},
    GfpWord{"GFP_KERNEL_ACCOUNT", kGfpKernel | kGfpAccount, since(v4_5)},
    GfpWord{"GFP_KERNEL", kGfpKernel, kEver},
    GfpWord{"GFP_NOFS", kGfpReclaim | kGfpIo, kEver},
    GfpWord{"GFP_ATOMIC", kGfpHigh | kGfpKswapdReclaim, up_to(v4_3)},
    GfpWord{"GFP_ATOMIC", kGfpAtomic, {v4_4, v6_2}},
    GfpWord{"GFP_ATOMIC", kGfpHigh | kGfpKswapdReclaim, since(v6_3)},
    GfpWord{"GFP_NOIO", kGfpReclaim, kEver},
    GfpWord{"GFP_NOWAIT", kGfpKswapdReclaim, up_to(v6_7)},
    GfpWord{"GFP_NOWAIT", kGfpKswapdReclaim | kGfpNowarn, since(v6_8)},
    GfpWord{"GFP_IOFS", kGfpIo | kGfpFs, up_to(v4_3)},
    GfpWord{"GFP_THISNODE", kGfpThisnode | kGfpNowarn | kGfpNoretry, up_to(v4_0)},
    GfpWord{"GFP_DMA", kGfpDma, kEver},
    GfpWord{"__GFP_DMA", kGfpDma, kEver},
    GfpWord{"__GFP_HIGHMEM", kGfpHighmem, kEver},
    GfpWord{"GFP_DMA32", kGfpDma32, kEver},
    GfpWord{"__GFP_DMA32", kGfpDma32, kEver},
    GfpWord{"__GFP_HIGH", kGfpHigh, kEver},
    GfpWord{"__GFP_WAIT", kGfpDirectReclaim, up_to(v4_3)},
    GfpWord{"__GFP_ATOMIC", kGfpAtomicBit, {v4_4, v6_2}},
    GfpWord{"__GFP_IO", kGfpIo, kEver},
    GfpWord{"__GFP_FS", kGfpFs, kEver},
    GfpWord{"__GFP_COLD", kGfpCold, up_to(v4_14)},
    GfpWord{"__GFP_NOWARN", kGfpNowarn, kEver},
    GfpWord{"__GFP_REPEAT", kGfpRetryMayfail, up_to(v4_12)},
    GfpWord{"__GFP_RETRY_MAYFAIL", kGfpRetryMayfail, since(v4_13)},
    GfpWord{"__GFP_NOFAIL", kGfpNofail, kEver},
    GfpWord{"__GFP_NORETRY", kGfpNoretry, kEver},
    GfpWord{"__GFP_COMP", kGfpComp, kEver},
    GfpWord{"__GFP_ZERO", kGfpZero, kEver},
    GfpWord{"__GFP_NOMEMALLOC", kGfpNomemalloc, kEver},
    GfpWord{"__GFP_MEMALLOC", kGfpMemalloc, since(v3_6)},
    GfpWord{"__GFP_HARDWALL", kGfpHardwall, kEver},
    GfpWord{"__GFP_THISNODE", kGfpThisnode, kEver},
    GfpWord{"__GFP_RECLAIMABLE", kGfpReclaimable, kEver},
    GfpWord{"__GFP_MOVABLE", kGfpMovable, kEver},
    GfpWord{"__GFP_ACCOUNT", kGfpAccount, since(v4_5)},
    GfpWord{"__GFP_NOTRACK", kGfpNotrack, up_to(v4_14)},
    GfpWord{"__GFP_NOTRACK_FALSE_POSITIVE", kGfpNotrack, up_to(v4_14)},
    GfpWord{"__GFP_NO_KSWAPD", kNoKswapd, up_to(v4_3)},
    GfpWord{"__GFP_WRITE", kGfpWrite, kEver},
    GfpWord{"__GFP_RECLAIM", kGfpReclaim, since(v4_4)},
    GfpWord{"__GFP_DIRECT_RECLAIM", kGfpDirectReclaim, since(v4_4)},
    GfpWord{"__GFP_KSWAPD_RECLAIM", kGfpKswapdReclaim, since(v4_4)},
    GfpWord{"__GFP_OTHER_NODE", kGfpOtherNode, up_to(v4_9)},
    GfpWord{"__GFP_ZEROTAGS", kGfpZerotags, since(v5_14)},
    GfpWord{"__GFP_NO_OBJ_EXT", kGfpNoObjExt, since(v6_10)},
    GfpWord{"__GFP_NOLOCKDEP", 0, since(v4_12)},
    GfpWord{"__GFP_SKIP_ZERO", 0, since(v5_18)},
    GfpWord{"__GFP_SKIP_KASAN_POISON", 0, {v5_14, v6_3}},
    GfpWord{"__GFP_SKIP_KASAN_UNPOISON", 0, {v5_18, v6_3}},
    GfpWord{"__GFP_SKIP_KASAN", 0, since(v6_4)},
    // Limits of memory control groups, which no machine has.
    GfpWord{"__GFP_KMEMCG", 0, {v3_8, v4_0}},
    GfpWord{"__GFP_NOACCOUNT", 0, {v4_1, v4_4}},
};

const Numbers& numbers_of(Release release) {
  if (release >= v5_0) return kNumbers_v5_0;
  if (release >= v4_18) return kNumbers_v4_18;
  return release >= v4_4 ? kNumbers_v4_4 : kNumbers_v3_5;
}

bool has_kswapd_bit(Release release) { return release >= v4_4; }

// Returns the number of the flag that GFP_HIGHUSER_MOVABLE has beside its own: 5.14 brought __GFP_SKIP_KASAN_POISON,
// which is 0 since 5.18 in kernels without hardware tags. The model has no bit for it.
std::uint32_t user_page_number(Release release) { return release >= v5_14 && release < v5_18 ? 0x1000000 : 0; }

// Returns the flags that the release knows, of those that have a bit of their own in the model.
Gfp known_bits(Release release) {
  Gfp known = has_kswapd_bit(release) ? Gfp{0} : Gfp{kGfpKswapdReclaim};
  for (const GfpWord& word : kWords)
    if (word.present.contains(release)) known |= word.bits;
  return known & ~kNoKswapd;
}

// Returns the flags as words of the release have them.
Gfp in_words(Gfp gfp, Release release) {
  gfp &= known_bits(release);
  if (has_kswapd_bit(release)) return gfp;
  return (gfp & kGfpKswapdReclaim) != 0 ? gfp & ~Gfp{kGfpKswapdReclaim} : gfp | kNoKswapd;
}

// Returns the flags of a word of which a request must have all.
Gfp bits_to_match(const GfpWord& word, Release release) {
  return has_kswapd_bit(release) ? word.bits : word.bits & ~Gfp{kGfpKswapdReclaim};
}

// Returns whether tracepoints and log lines of the release use the word.
bool is_printed(const GfpWord& word, Release release) {
  constexpr std::string_view kNever[] = {"GFP_IOFS", "GFP_THISNODE", "__GFP_NO_OBJ_EXT"};
  constexpr std::string_view kOnlySinceV4_6[] = {"GFP_DMA",     "__GFP_HIGHMEM", "GFP_DMA32", "__GFP_FS",
                                                 "__GFP_WRITE", "GFP_NOWAIT",    "__GFP_DMA", "__GFP_DMA32"};
  if (std::ranges::find(kNever, word.name) != std::end(kNever)) return false;
  return release >= v4_6 || std::ranges::find(kOnlySinceV4_6, word.name) == std::end(kOnlySinceV4_6);
}

void join(std::string& text, std::string_view word) {
  if (!text.empty()) text += '|';
  text += word;
}

// Appends each word that the flags have, and takes its flags out of them.
template <class Used>
std::string take_words(Gfp& gfp, Release release, Used used) {
  std::string text;
  for (const GfpWord& word : kWords) {
    const Gfp bits = bits_to_match(word, release);
    if (bits == 0 || (gfp & bits) != bits || !word.present.contains(release) || !used(word)) continue;
    gfp &= ~bits;
    join(text, word.name);
  }
  return text;
}

std::string hex(std::uint32_t value) {
  std::string digits;
  for (; value != 0; value /= 16) digits.insert(digits.begin(), "0123456789abcdef"[value % 16]);
  return "0x" + digits;
}

}  // namespace

std::uint32_t gfp_value(Gfp gfp, Release release) {
  const Numbers& numbers = numbers_of(release);
  gfp = in_words(gfp, release);
  std::uint32_t value = (gfp & kNoKswapd) != 0 ? kNoKswapdNumber : 0;
  for (unsigned bit = 0; bit < kBits; ++bit)
    if ((gfp & (1U << bit)) != 0) value |= numbers[bit];
  constexpr Gfp kOfUserPages = kGfpHighuserMovable & ~kGfpReclaim;
  return (gfp & kOfUserPages) == kOfUserPages ? value | user_page_number(release) : value;
}

std::optional<Gfp> gfp_from_value(std::uint64_t value, Release release) {
  const Numbers& numbers = numbers_of(release);
  const Gfp known = known_bits(release);
  Gfp words = 0;
  for (unsigned bit = 0; bit < kBits; ++bit) {
    if ((known & (1U << bit)) == 0 || numbers[bit] == 0 || (value & numbers[bit]) == 0) continue;
    words |= 1U << bit;
    value &= ~std::uint64_t{numbers[bit]};
  }
  value &= ~std::uint64_t{user_page_number(release)};
  if (!has_kswapd_bit(release) && (value & kNoKswapdNumber) != 0) {
    words |= kNoKswapd;
    value &= ~std::uint64_t{kNoKswapdNumber};
  }
  if (value != 0) return std::nullopt;
  return gfp_of_words(words, release);
}

std::string gfp_text(Gfp gfp, Release release) {
  Gfp left = in_words(gfp, release);
  std::string text = take_words(left, release, [&](const GfpWord& word) { return is_printed(word, release); });
  if (release < v4_6) {
    // The tables have GFP_HIGH for __GFP_HIGH.
    for (std::size_t at = text.find("__"); at != std::string::npos; at = text.find("__")) text.erase(at, 2);
    if (left == 0 && text.empty()) return "GFP_NOWAIT";
  }
  if (left == 0) return text;
  // That kswapd is not woken has a word, and is no part of the number.
  join(text, hex(gfp_value(has_kswapd_bit(release) ? left : left | kGfpKswapdReclaim, release)));
  return text;
}

std::string gfp_words(Gfp gfp, Release release) {
  Gfp left = in_words(gfp, release);
  std::string text = take_words(left, release, [](const GfpWord&) { return true; });
  if (!text.empty()) return text;
  return has_kswapd_bit(release) ? "0" : "GFP_NOWAIT";
}

std::span<const GfpWord> gfp_word_catalogue() { return kWords; }

std::optional<Gfp> gfp_from_word(std::string_view word, Release release) {
  for (const GfpWord& known : kWords)
    if (known.name == word && known.present.contains(release)) return known.bits;
  return std::nullopt;
}

Gfp gfp_of_words(Gfp words, Release release) {
  if (has_kswapd_bit(release)) return words;
  const bool woken = (words & kNoKswapd) == 0;
  words &= ~(kNoKswapd | kGfpKswapdReclaim);
  return woken ? words | kGfpKswapdReclaim : words;
}

Gfp settled_gfp(Gfp gfp, Release release) {
  gfp &= known_bits(release);
  const Gfp zones[] = {kGfpDma, kGfpDma32, kGfpHighmem};
  bool chosen = false;
  for (const Gfp zone : zones) {
    if (chosen) gfp &= ~zone;
    chosen = chosen || (gfp & zone) != 0;
  }
  if ((gfp & kGfpMovable) != 0) gfp &= ~Gfp{kGfpReclaimable};
  return gfp;
}

}  // namespace cma
