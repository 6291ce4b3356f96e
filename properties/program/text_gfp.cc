#include "properties/program/text_gfp.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace cma {
namespace {

std::string range_text(const ReleaseRange& range) {
  if (range.first == Release::v3_5 && range.last) return fmt::format("up to {}", name_of(*range.last));
  if (!range.last) return fmt::format("since {}", name_of(range.first));
  return fmt::format("from {} to {}", name_of(range.first), name_of(*range.last));
}

// Throws for a word that the release does not have.
[[noreturn]] void refuse_word(std::string_view word, int column, Release release) {
  std::string present;
  std::vector<std::string_view> known;
  for (const GfpWord& candidate : gfp_word_catalogue()) {
    if (candidate.present.contains(release)) known.push_back(candidate.name);
    if (candidate.name != word) continue;
    present += (present.empty() ? "" : ", ") + range_text(candidate.present);
  }
  if (present.empty())
    throw SyntaxError(column,
                      fmt::format("expected a gfp word: the kernel has no `{}`{}", word, suggestion(word, known)));
  throw SyntaxError(column, fmt::format("release {} has no `{}`: it is there {}", name_of(release), word, present));
}

Gfp read_word(std::string_view word, int column, Release release) {
  if (word.empty()) throw SyntaxError(column, "expected a gfp word here, as in `gfp=GFP_KERNEL|__GFP_ZERO`");
  if (word.front() >= '0' && word.front() <= '9') {
    const std::uint64_t number = parse_number(word, column);
    const std::optional<Gfp> flags = gfp_from_value(number, release);
    if (!flags)
      throw SyntaxError(column, fmt::format("expected a number of gfp flags: release {} has not all of `{}`",
                                            name_of(release), word));
    return *flags;
  }
  if (const std::optional<Gfp> flags = gfp_from_word(word, release)) return *flags;
  refuse_word(word, column, release);
}

// Reads the value of `gfp=`.
Gfp read_words(const Word& value, Release release) {
  const std::string_view text = value.value;
  Gfp words = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    words |= read_word(text.substr(at, end - at), value.value_column + static_cast<int>(at), release);
    at = end + 1;
  }
  return gfp_of_words(words, release);
}

[[noreturn]] void contradict(int column, std::string_view word, std::string_view why) {
  throw SyntaxError(column, fmt::format("`{}` contradicts `gfp=`: {}", word, why));
}

// Adds the flag of a word that stands alone, and refuses it beside any of `against`.
void add_flag(Line& line, std::string_view name, Gfp& gfp, Gfp flags, Gfp against, std::string_view why) {
  const auto same = [&](const Word& word) { return !word.used && word.key.empty() && word.value == name; };
  const auto found = std::find_if(line.words().begin(), line.words().end(), same);
  const int column = found == line.words().end() ? 1 : found->column;
  if (!line.flag(name)) return;
  if ((gfp & against) != 0) contradict(column, name, why);
  gfp |= flags;
}

// Adds what `type=` stands for.
void add_type(Line& line, Gfp& gfp) {
  const Word* type = line.keyed("type");
  if (type == nullptr) return;
  const Gfp has = gfp & (kGfpMovable | kGfpReclaimable);
  Gfp wanted = 0;
  if (type->value == "movable")
    wanted = kGfpMovable;
  else if (type->value == "reclaimable")
    wanted = kGfpReclaimable;
  else if (type->value != "unmovable")
    throw SyntaxError(type->value_column, fmt::format("expected movable|unmovable|reclaimable, not `{}`", type->value));
  if ((has & ~wanted) != 0) contradict(type->column, shown(*type), "it has another type");
  gfp |= wanted;
}

}  // namespace

Gfp read_gfp(Line& line, Release release) {
  const Word value = line.expect_keyed("gfp");
  Gfp gfp = read_words(value, release);
  add_type(line, gfp);
  const Gfp atomic = gfp_from_word("GFP_ATOMIC", release).value_or(kGfpAtomic);
  add_flag(line, "atomic", gfp, atomic, kGfpDirectReclaim, "such a request may wait");
  add_flag(line, "high", gfp, kGfpHigh, 0, {});
  add_flag(line, "highmem", gfp, kGfpHighmem, kGfpDma | kGfpDma32, "it asks for another zone");
  add_flag(line, "comp", gfp, kGfpComp, 0, {});
  add_flag(line, "nowarn", gfp, kGfpNowarn, 0, {});
  const Gfp zones = gfp & (kGfpDma | kGfpDma32 | kGfpHighmem);
  if ((zones & (zones - 1)) != 0)
    throw SyntaxError(value.value_column,
                      "expected one of GFP_DMA, GFP_DMA32 and __GFP_HIGHMEM: a request has one zone");
  if ((gfp & kGfpMovable) != 0 && (gfp & kGfpReclaimable) != 0)
    throw SyntaxError(value.value_column, "expected __GFP_MOVABLE or __GFP_RECLAIMABLE: a request has one type");
  return settled_gfp(gfp, release);
}

}  // namespace cma
