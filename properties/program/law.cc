#include "properties/program/law.h"

#include <algorithm>
#include <array>

namespace cma {
namespace {

constexpr std::array<std::string_view, 22> kNames = {
    "exclusive", "conserved", "lists", "counters", "bitmap",   "contract", "complete", "bounded",
    "restored",  "policy",    "locks", "content",  "balanced", "views",    "hints",    "granted",
    "sound",     "expect",    "crash", "hang",     "judge",    "splat"};
static_assert(kNames.size() == static_cast<std::size_t>(Law::splat) + 1);

}  // namespace

std::string_view name_of(Law law) { return kNames[static_cast<std::size_t>(law)]; }

std::span<const std::string_view> law_names() {
  return std::span(kNames).first(static_cast<std::size_t>(Law::expect) + 1);
}

std::optional<Law> law_from_name(std::string_view name) {
  const auto* const it = std::find(kNames.begin(), kNames.end(), name);
  if (it == kNames.end()) return std::nullopt;
  return static_cast<Law>(it - kNames.begin());
}

Law law_of(EngineFault::Kind kind) {
  switch (kind) {
    case EngineFault::Kind::locks: return Law::locks;
    case EngineFault::Kind::bounded: return Law::bounded;
  }
  return Law::sound;
}

}  // namespace cma
