#include "properties/logs/context.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "allocator/boot/parameters.h"

namespace cma::logs {
namespace {

constexpr unsigned kMibShift = 20;
constexpr unsigned kKibShift = 10;
constexpr std::size_t kMostKept = 64;
constexpr std::size_t kLongestParameter = 64;
constexpr std::size_t kLongestWord = 64;
constexpr unsigned kMostOrder = 16;
constexpr std::uint64_t kMostSwallowed = std::uint64_t{1} << 32;
// Between the reason for which a page is described and who was given it.
constexpr std::uint64_t kLinesToOwner = 3;
// Beyond these no machine has memory: damaged lines.
constexpr std::uint64_t kMostMib = std::uint64_t{1} << 30;
constexpr std::uint64_t kLastAddress = std::uint64_t{1} << 56;
constexpr std::uint64_t kMostNodePages = std::uint64_t{1} << 44;
// Between where a buffer lies and how large it is.
constexpr std::uint64_t kLinesToSize = 3;
// A screen has fewer characters in a line; more are of a damaged line.
constexpr std::uint64_t kMostCharacters = 4096;

// Returns the number that a text ends with, 0 if it ends with none.
std::uint64_t number_at_end(const std::string& text) {
  const std::size_t last = text.find_last_not_of("0123456789");
  const std::string digits = last == std::string::npos ? text : text.substr(last + 1);
  return digits.empty() || digits.size() > 15 ? 0 : std::stoull(digits);
}

// Returns the last parameter of this name that a command line has: "cma=64M"; empty if it has none.
std::string parameter_in(const std::string& command_line, std::string_view name) {
  const std::string text = " " + command_line;
  const std::size_t at = text.rfind(" " + std::string(name));
  if (at == std::string::npos) return {};
  return text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

// Returns the bytes of a size, which is all of the text, as the kernel reads it; 0 if it is none.
std::uint64_t bytes_in(std::string_view text) {
  // The letters that came with 3.16 are those of sizes that no pool has.
  const ParsedSize size = memparse(text, Release::v3_16);
  return size.length == text.size() && size.bytes <= kLastAddress ? size.bytes : 0;
}

}  // namespace

PfnRange KnownArea::frames(unsigned shift) const {
  const Pfn start = base >> shift;
  return {start, start + ((mib << kMibShift) >> shift)};
}

void Context::set_page_shift(unsigned shift) {
  page_shift = shift;
  for (KnownArea& area : areas) area.range = area.frames(shift);
  if (counted_pages) {
    area_pages = counted_pages;
    area_pages_line = counted_line;
  } else if (area_kib) {
    area_pages = (*area_kib << kKibShift) >> shift;
    area_pages_line = area_kib_line;
  }
}

const KnownArea* Context::area_with(const PfnRange& pages) const {
  const auto found = std::ranges::find_if(
      areas, [&](const KnownArea& area) { return area.range.start <= pages.start && pages.end <= area.range.end; });
  return found == areas.end() ? nullptr : &*found;
}

std::optional<ZoneBorder> Context::border_in(const KnownArea& area) const {
  const auto zone_of = [&](std::uint64_t address) {
    const auto found =
        std::ranges::find_if(zones, [&](const KnownZone& zone) { return zone.start <= address && address < zone.end; });
    return found == zones.end() ? nullptr : &*found;
  };
  const KnownZone* lower = zone_of(area.base);
  if (lower == nullptr || lower->end >= area.base + (area.mib << kMibShift)) return std::nullopt;
  const KnownZone* upper = zone_of(lower->end);
  return upper == nullptr ? std::nullopt : std::optional(ZoneBorder{lower, upper});
}

void ContextReader::add(const Fact& fact) {
  kernel_.add(fact);
  context_.uses.add(fact);
  struct Handler {
    Says says;
    void (ContextReader::*add)(const Fact&);
  };
  static constexpr Handler handlers[] = {
      {Says::area_reserved, &ContextReader::add_area},
      {Says::area_pool, &ContextReader::add_area},
      {Says::zone_blocks, &ContextReader::add_blocks},
      {Says::area_total, &ContextReader::add_total},
      {Says::zone_range, &ContextReader::add_zone},
      {Says::area_free, &ContextReader::add_free},
      {Says::command_line, &ContextReader::add_command_line},
      {Says::memory_size, &ContextReader::add_memory},
      {Says::page_dumped, &ContextReader::add_page},
      {Says::page_is_anonymous, &ContextReader::add_kind},
      {Says::page_is_of_file, &ContextReader::add_kind},
      {Says::page_owner, &ContextReader::add_owner},
      {Says::errors_suppressed, &ContextReader::add_swallowed},
      {Says::page_dump_reason, &ContextReader::add_reason},
      {Says::node_pages, &ContextReader::add_node},
      {Says::min_free_set, &ContextReader::add_min_free},
      {Says::min_free_kept, &ContextReader::add_min_free},
      {Says::min_free_raised, &ContextReader::add_min_free},
      {Says::buffer_at, &ContextReader::add_buffer},
      {Says::buffer_size, &ContextReader::add_buffer_size},
      {Says::console_size, &ContextReader::add_console},
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

// Takes in the addresses of a zone, whose name the form begins with. Those of a later boot take the place of others.
void ContextReader::add_zone(const Fact& fact) {
  const std::uint64_t start = fact.number("start");
  const std::uint64_t last = fact.number("end");
  if (last <= start || last > kLastAddress) return;
  const std::string name(fact.form->pattern.substr(0, fact.form->pattern.find(' ')));
  std::erase_if(context_.zones, [&](const KnownZone& other) { return other.name == name; });
  context_.zones.push_back({name, start, last + 1, fact.line});
}

void ContextReader::add_command_line(const Fact& fact) {
  const std::string area = parameter_in(fact.text("text"), "cma=");
  if (!area.empty() && area.size() <= kLongestParameter) context_.parameter = CmaParameter{area, fact.line};
  constexpr std::string_view kPool = "coherent_pool=";
  const std::string pool = parameter_in(fact.text("text"), kPool);
  if (pool.empty() || pool.size() > kLongestParameter) return;
  if (const std::uint64_t bytes = bytes_in(std::string_view(pool).substr(kPool.size())); bytes != 0)
    context_.pool = PoolParameter{pool, bytes, fact.line};
}

void ContextReader::add_memory(const Fact& fact) {
  context_.memory_kib = fact.number("kib");
  context_.memory_line = fact.line;
}

// Takes in the pages of a node. The first node begins the count anew: it is another boot.
void ContextReader::add_node(const Fact& fact) {
  if (fact.number("pages") > kMostNodePages) return;
  if (fact.number("node") == 0) context_.node_pages = 0;
  context_.node_pages += fact.number("pages");
  context_.node_pages_line = fact.line;
}

void ContextReader::add_min_free(const Fact& fact) {
  if (context_.min_free.size() < kMostKept)
    context_.min_free.push_back({fact.number("kib"), fact.line, fact.says() == Says::min_free_raised});
}

void ContextReader::add_buffer(const Fact& fact) {
  if (context_.buffers.size() < kMostKept && fact.number("base") <= kLastAddress)
    context_.buffers.push_back({fact.number("base"), 0, fact.line, 0});
}

// Takes in how large the buffer is whose place stands before.
void ContextReader::add_buffer_size(const Fact& fact) {
  if (context_.buffers.empty()) return;
  KnownBuffer& buffer = context_.buffers.back();
  if (buffer.bytes != 0 || fact.line - buffer.line > kLinesToSize || fact.number("bytes") > kLastAddress) return;
  buffer.bytes = fact.number("bytes");
  buffer.size_line = fact.line;
}

void ContextReader::add_console(const Fact& fact) {
  const std::uint64_t columns = fact.number("columns");
  const std::uint64_t rows = fact.number("rows");
  if (context_.consoles.size() < kMostKept && columns <= kMostCharacters && rows <= kMostCharacters)
    context_.consoles.push_back({columns, rows, fact.line, fact.origin});
}

void ContextReader::add_total(const Fact& fact) {
  const FieldValue* kib = fact.field("kib");
  const std::uint64_t number = kib != nullptr ? kib->number : number_at_end(fact.before);
  if (number == 0 && kib != nullptr) context_.no_areas_line = fact.line;
  if (number == 0) return;
  if (kib != nullptr) {
    context_.area_kib = number;
    context_.area_kib_line = fact.line;
  } else {
    context_.counted_pages = number;
    context_.counted_line = fact.line;
  }
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
  context_.page_size_why = "the smallest free blocks are so large";
  context_.page_size_certain = true;
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
  described_.emplace();
  described_->pfn = fact.number("pfn");
  described_->references = static_cast<std::int64_t>(fact.number("references"));
  described_->mappings = static_cast<std::int64_t>(fact.number("mappings"));
  described_->line = fact.line;
  owner_follows_ = false;
}

// Takes in what the page is that is described.
void ContextReader::add_kind(const Fact& fact) {
  if (!described_ || !described_->kind.empty()) return;
  described_->kind = fact.says() == Says::page_is_anonymous
                         ? "anonymous"
                         : "of a file (" + fact.text("aops").substr(0, kLongestWord) + ")";
}

void ContextReader::add_reason(const Fact& fact) {
  const std::string reason = fact.text("reason");
  owner_follows_ = false;
  if (described_ && context_.immovable.size() < kMostKept) {
    described_->failed_to_move = reason.starts_with("migration failure");
    owner_follows_ = described_->failed_to_move || reason.starts_with("unmovable page");
    if (owner_follows_) context_.immovable.push_back(*described_);
  }
  described_.reset();
  reason_line_ = fact.line;
}

// Takes in who was given the page whose description ends right before.
void ContextReader::add_owner(const Fact& fact) {
  const bool follows = std::exchange(owner_follows_, false);
  if (!follows || fact.line - reason_line_ > kLinesToOwner) return;
  DescribedPage& page = context_.immovable.back();
  page.owner_line = fact.line;
  page.owner_order = static_cast<unsigned>(std::min<std::uint64_t>(fact.number("order"), kMostOrder));
  page.owner_type = fact.text("type");
  const std::string rest = fact.text("mode");
  const std::size_t task = rest.find(", pid ");
  if (task == std::string::npos) return;
  page.owner = rest.substr(task + 2, rest.find(',', task + 2) - task - 2);
  // Since 6.1 its name stands behind the thread group.
  const std::size_t group = rest.find(", tgid ", task);
  const std::size_t open = group == std::string::npos ? group : rest.find('(', group);
  if (open != std::string::npos && rest.find(')', open) != std::string::npos)
    page.owner += " " + rest.substr(open, rest.find(')', open) - open + 1);
}

void ContextReader::add_swallowed(const Fact& fact) {
  context_.errors_swallowed += std::min<std::uint64_t>(fact.number("count"), kMostSwallowed);
  context_.errors_swallowed_line = fact.line;
}

Context ContextReader::context() const {
  Context context = context_;
  context.kernel = kernel_.kernel();
  context.set_page_shift(context.page_shift);
  return context;
}

}  // namespace cma::logs
