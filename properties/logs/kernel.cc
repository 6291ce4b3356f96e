#include "properties/logs/kernel.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/logs/gfp_mode.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

// The rate limit of lines about busy windows: ten in five seconds.
constexpr std::size_t kBurst = 10;
constexpr std::int64_t kInterval = 5'000'000;
// What is kept of lines that say the same in another way.
constexpr std::size_t kMostNarrowings = 32;
constexpr std::size_t kLongestMode = 300;

// Returns the versions in both ranges; nullopt if there is none.
std::optional<ReleaseRange> common(const ReleaseRange& one, const ReleaseRange& other) {
  ReleaseRange range{std::max(one.first, other.first), one.last ? one.last : other.last};
  if (one.last && other.last) range.last = std::min(*one.last, *other.last);
  if (range.last && *range.last < range.first) return std::nullopt;
  return range;
}

bool same(const ReleaseRange& one, const ReleaseRange& other) {
  return one.first == other.first && one.last == other.last;
}

// Returns the version in the head of a stack trace: "media Tainted: G W 4.19.176 #1".
std::string version_of_trace(const std::string& text) {
  std::size_t at = text.find("ainted");
  while (at != std::string::npos && at < text.size()) {
    const std::size_t begin = text.find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (word.find('.') != std::string::npos && word[0] >= '0' && word[0] <= '9') return word;
    at = end;
  }
  return {};
}

// What a pointer in a line is. Since 4.15 kernels print hashes.
enum class Pointer : std::uint8_t { unknown, address, hash };

Pointer pointer_kind(std::string_view pointer) {
  if (pointer.find("ptrval") != std::string_view::npos) return Pointer::hash;
  if (pointer.size() != 16) return Pointer::unknown;
  if (pointer.starts_with("ffff")) return Pointer::address;
  return pointer.starts_with("00000000") && pointer != "0000000000000000" ? Pointer::hash : Pointer::unknown;
}

}  // namespace

void KernelFinder::add(const Fact& fact) {
  if (fact.says() == Says::kernel_version || fact.says() == Says::kernel_of_trace) {
    add_name(fact);
    return;
  }
  narrow(fact.form->printed, text_of(*fact.form), fact.line, fact.form->backported);
  add_pointers(fact);
  if (fact.says() == Says::window_busy) add_burst(fact);
  if (fact.field("mode") != nullptr) add_mode(fact);
}

// Takes in which versions have these flags, and names for them.
void KernelFinder::add_mode(const Fact& fact) {
  const auto mode = read_mode(fact.text("mode"));
  if (!mode || !mode->complete || modes_.size() > kMostNarrowings) return;
  const std::string text = fact.text("mode").substr(0, kLongestMode);
  if (std::ranges::find(modes_, text) != modes_.end()) return;
  modes_.push_back(text);
  const auto versions = versions_of(*mode);
  if (versions)
    narrow(*versions, fmt::format("flags {:#x}{}", mode->number, mode->names.empty() ? "" : " = " + mode->names),
           fact.line, false);
}

void KernelFinder::add_name(const Fact& fact) {
  const std::string text =
      fact.says() == Says::kernel_version ? fact.text("version") : version_of_trace(fact.text("rest"));
  const auto version = version_of(text);
  std::size_t dot = text.find('.');
  const bool is_version = dot != std::string::npos && dot > 0 && dot + 1 < text.size() && text[0] >= '2' &&
                          text[0] <= '9' && text[dot + 1] >= '0' && text[dot + 1] <= '9';
  if (!version && !is_version) return;
  kernel_.named = version;
  kernel_.named_as = text;
  kernel_.named_line = fact.line;
  kernel_.too_old = !version;
}

// Takes in that a line is one that these versions print.
void KernelFinder::narrow(const ReleaseRange& range, const std::string& what, std::uint64_t line, bool backported) {
  if (range.first == Release::v3_5 && !range.last) return;
  const auto known = [&](const Narrowing& other) { return other.what == what; };
  if (backported) {
    if (soft_.size() < kMostNarrowings && std::ranges::none_of(soft_, known)) soft_.push_back({range, what, line});
    return;
  }
  const auto both = common(kernel_.range, range);
  if (!both) {
    if (kernel_.contradicts.size() < kMostNarrowings && std::ranges::none_of(kernel_.contradicts, known))
      kernel_.contradicts.push_back({range, what, line});
    return;
  }
  if (same(*both, kernel_.range)) return;
  kernel_.range = *both;
  kernel_.narrowing.push_back({range, what, line});
}

void KernelFinder::add_pointers(const Fact& fact) {
  for (const FieldValue& value : fact.fields) {
    if (value.name != "page" && value.name != "cma") continue;
    const Pointer kind = pointer_kind(value.text);
    if (kind == Pointer::hash) narrow({Release::v4_15}, "a hashed address as %p", fact.line, false);
    if (kind == Pointer::address) narrow({Release::v3_5, Release::v4_14}, "an address as %p", fact.line, false);
  }
}

// Takes in that more lines came at once than the rate limit of 4.13 lets through.
void KernelFinder::add_burst(const Fact& fact) {
  busy_.push_back(fact.origin);
  if (busy_.size() <= kBurst) return;
  const auto time = time_between(busy_.front(), fact.origin);
  busy_.pop_front();
  if (!time || *time >= kInterval) return;
  soft_.push_back(
      {{Release::v3_5, Release::v4_12}, "eleven lines about busy windows within 5 s: no rate limit", fact.line});
  busy_.clear();
}

Kernel KernelFinder::kernel() const {
  Kernel kernel = kernel_;
  for (const Narrowing& narrowing : soft_) {
    const auto both = common(kernel.range, narrowing.range);
    if (!both) {
      kernel.contradicts.push_back(narrowing);
    } else if (!same(*both, kernel.range)) {
      kernel.range = *both;
      kernel.by_backported = true;
      kernel.narrowing.push_back(narrowing);
    }
  }
  if (!kernel.named) return kernel;
  // A version that is named says more than all forms; those that it does not print are a vendor's.
  std::erase_if(kernel.contradicts,
                [&](const Narrowing& narrowing) { return narrowing.range.contains(*kernel.named); });
  for (const Narrowing& narrowing : kernel.narrowing)
    if (!narrowing.range.contains(*kernel.named)) kernel.contradicts.push_back(narrowing);
  return kernel;
}

}  // namespace cma::logs
