#include "properties/logs/context.h"

#include <algorithm>

namespace cma::logs {
namespace {

constexpr std::uint64_t kPageShift = 12;
constexpr std::uint64_t kPagesOfMib = 256;
constexpr std::uint64_t kKibOfPage = 4;
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
      {Says::area_reserved, &ContextReader::add_area}, {Says::area_pool, &ContextReader::add_area},
      {Says::area_total, &ContextReader::add_total},   {Says::area_free, &ContextReader::add_free},
      {Says::page_dumped, &ContextReader::add_page},   {Says::page_dump_reason, &ContextReader::add_reason},
  };
  for (const Handler& handler : handlers)
    if (handler.says == fact.says()) (this->*handler.add)(fact);
}

void ContextReader::add_area(const Fact& fact) {
  const std::uint64_t base = fact.number("base");
  const std::uint64_t mib = fact.number("mib");
  if (fact.field("base") == nullptr || base > kLastAddress || mib == 0 || mib > kMostMib) return;
  const KnownArea area{{base >> kPageShift, (base >> kPageShift) + mib * kPagesOfMib}, fact.line};
  const auto same = [&](const KnownArea& other) { return other.range == area.range; };
  if (context_.areas.size() < kMostKept && std::ranges::none_of(context_.areas, same)) context_.areas.push_back(area);
}

void ContextReader::add_total(const Fact& fact) {
  const FieldValue* kib = fact.field("kib");
  const std::uint64_t pages = kib != nullptr ? kib->number / kKibOfPage : number_at_end(fact.before);
  if (pages == 0) return;
  context_.area_pages = pages;
  context_.area_pages_line = fact.line;
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
  return context;
}

}  // namespace cma::logs
