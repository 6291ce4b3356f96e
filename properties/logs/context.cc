#include "properties/logs/context.h"

#include <algorithm>

namespace cma::logs {
namespace {

constexpr unsigned kMibShift = 20;
constexpr unsigned kKibShift = 10;
constexpr std::size_t kMostKept = 64;
// Beyond these no machine has memory: damaged lines.
constexpr std::uint64_t kMostMib = std::uint64_t{1} << 30;
constexpr std::uint64_t kLastAddress = std::uint64_t{1} << 56;

// Returns the number that a text ends with, 0 if it ends with none.
std::uint64_t number_at_end(const std::string& text) {
  const std::size_t last = text.find_last_not_of("0123456789");
  const std::string digits = last == std::string::npos ? text : text.substr(last + 1);
  return digits.empty() || digits.size() > 15 ? 0 : std::stoull(digits);
}

}  // namespace

void Context::set_page_shift(unsigned shift) {
  page_shift = shift;
  for (KnownArea& area : areas) {
    const Pfn start = area.base >> shift;
    area.range = {start, start + ((area.mib << kMibShift) >> shift)};
  }
  if (area_kib) area_pages = (*area_kib << kKibShift) >> shift;
}

const KnownArea* Context::area_with(const PfnRange& pages) const {
  const auto found = std::ranges::find_if(
      areas, [&](const KnownArea& area) { return area.range.start <= pages.start && pages.end <= area.range.end; });
  return found == areas.end() ? nullptr : &*found;
}

void ContextReader::add(const Fact& fact) {
  kernel_.add(fact);
  struct Handler {
    Says says;
    void (ContextReader::*add)(const Fact&);
  };
  static constexpr Handler handlers[] = {
      {Says::area_reserved, &ContextReader::add_area},      {Says::area_pool, &ContextReader::add_area},
      {Says::zone_blocks, &ContextReader::add_blocks},      {Says::area_total, &ContextReader::add_total},
      {Says::area_free, &ContextReader::add_free},          {Says::page_dumped, &ContextReader::add_page},
      {Says::page_dump_reason, &ContextReader::add_reason},
  };
  for (const Handler& handler : handlers)
    if (handler.says == fact.says()) (this->*handler.add)(fact);
}

void ContextReader::add_area(const Fact& fact) {
  const std::uint64_t base = fact.number("base");
  const std::uint64_t mib = fact.number("mib");
  if (fact.field("base") == nullptr || base > kLastAddress || mib == 0 || mib > kMostMib) return;
  const KnownArea area{{}, fact.line, base, mib};
  const auto same = [&](const KnownArea& other) { return other.base == base && other.mib == mib; };
  if (context_.areas.size() < kMostKept && std::ranges::none_of(context_.areas, same)) context_.areas.push_back(area);
}

void ContextReader::add_total(const Fact& fact) {
  const FieldValue* kib = fact.field("kib");
  const std::uint64_t number = kib != nullptr ? kib->number : number_at_end(fact.before);
  if (number == 0) return;
  context_.area_pages = number;
  context_.area_kib.reset();
  if (kib != nullptr) context_.area_kib = number;
  context_.area_pages_line = fact.line;
}

// Takes in the size of pages: that of the smallest free blocks.
void ContextReader::add_blocks(const Fact& fact) {
  unsigned shift = 12;
  if (fact.form->pattern.starts_with("*16kB")) shift = 14;
  if (fact.form->pattern.starts_with("*64kB")) shift = 16;
  // The middle of a line of blocks that was broken looks like one of larger pages.
  const std::size_t colon = fact.before.rfind(':');
  if (colon == std::string::npos || fact.before.find('*', colon) != std::string::npos) return;
  if (context_.page_shift_line != 0) return;
  context_.page_shift = shift;
  context_.page_shift_line = fact.line;
}

void ContextReader::add_free(const Fact& fact) {
  if (!context_.first_free) {
    context_.first_free = fact.number("kib");
    context_.first_free_line = fact.line;
  }
  context_.last_free = fact.number("kib");
  context_.last_free_line = fact.line;
}

void ContextReader::add_page(const Fact& fact) {
  described_ = DescribedPage{fact.number("pfn"), static_cast<std::int64_t>(fact.number("references")),
                             static_cast<std::int64_t>(fact.number("mappings")), fact.line};
}

void ContextReader::add_reason(const Fact& fact) {
  if (described_ && fact.text("reason").starts_with("migration failure") && context_.immovable.size() < kMostKept)
    context_.immovable.push_back(*described_);
  described_.reset();
}

Context ContextReader::context() const {
  Context context = context_;
  context.kernel = kernel_.kernel();
  context.set_page_shift(context.page_shift);
  return context;
}

}  // namespace cma::logs
