// The `key=value` words of a machine line, as a table. The text form reads and prints them, the byte form stores them
// in this order: append, never insert, and give what is appended a version of its own.
#pragma once

#include <span>
#include <string_view>

#include "allocator/base/geometry.h"

namespace cma {

struct MachineKey {
  // `ratios`: four numbers below 65,536 in one, the first in the highest bits, written with commas.
  enum class Form : std::uint8_t { decimal, hexadecimal, automatic, endless, on_off, ratios };
  std::string_view name;
  Form form;
  std::uint64_t max;
  std::uint64_t (*get)(const Geometry&);
  void (*set)(Geometry&, std::uint64_t);
  bool sets_others = false;       // base_machine() depends on it, so it is read before the others
  std::uint8_t byte_version = 1;  // the first version of the byte form that has it
};

// The value of an `automatic` or `ratios` key that the kernel computes, as in `pcp_batch=auto`, and of an `endless` one
// without a limit, as in `retry=forever`.
inline constexpr std::uint64_t kAutomatic = ~std::uint64_t{0};
// Returns the word for it; empty for keys that have no such value.
constexpr std::string_view word_for_automatic(MachineKey::Form form) {
  if (form == MachineKey::Form::automatic || form == MachineKey::Form::ratios) return "auto";
  return form == MachineKey::Form::endless ? "forever" : "";
}

std::span<const MachineKey> machine_keys();

// Returns the machine that the other words of a machine line change: that of `machine [small] release=R page_size=N`.
Geometry base_machine(Release release, bool small, std::uint64_t page_size);

}  // namespace cma
