#include "properties/explain/page_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "properties/explain/names.h"

namespace cma {
namespace {

// Memories up to this size are drawn as a whole: 64 rows at most.
constexpr std::uint64_t kDrawWhole = 4096;
// Pageblocks up to this size are drawn page by page, as many as fit in a row of this many pages.
constexpr std::uint64_t kRowPages = 64;

struct Meaning {
  char letter;
  std::string_view text;
};
constexpr std::array<Meaning, 16> kMeanings = {{
    {'.', "free"},
    {',', "free, on a per-CPU list"},
    {'#', "kept by boot"},
    {'_', "no such frame"},
    {'*', "on its way: a task took it off a list, and it has no owner yet"},
    {'!', "leaked: freed in a bad state"},
    {'?', "in use by what the program does not name"},
    {'k', "pinned, or held by get_page"},
    {'x', "block of alloc_pages"},
    {'g', "page of alloc_range"},
    {'u', "driver's page that cannot be moved"},
    {'m', "driver's page that can be moved"},
    {'n', "anonymous page"},
    {'s', "shared memory"},
    {'f', "page of a file or block device"},
    {'h', "huge page of the hugetlb pool"},
}};

char letter_of(PageKind kind) {
  switch (kind) {
    case PageKind::unmovable: return 'u';
    case PageKind::movable_ops: return 'm';
    case PageKind::anonymous: return 'n';
    case PageKind::shmem: return 's';
    case PageKind::block_device:
    case PageKind::file: return 'f';
    case PageKind::hugetlb: return 'h';
    case PageKind::none: return '?';
  }
  return '?';
}

// Returns the letter of a page that is on no list.
char letter_of(const Page& page, const Owners& owners) {
  if (page.has(kPageHole)) return '_';
  if (page.has(kPageLeaked)) return '!';
  if (page.has(kPageReserved)) return '#';
  if (page.has(kPageInFlight)) return '*';
  if (page.owner != 0 && page.owner <= owners.size()) return letter_of(owners.owner(page.owner).kind);
  return page.ref == 0 ? '*' : '?';
}

// Returns "A3 .5" for "AAA.....".
std::string run_lengths(std::string_view letters) {
  std::string text;
  for (std::size_t i = 0; i < letters.size();) {
    std::size_t end = i;
    while (end < letters.size() && letters[end] == letters[i]) ++end;
    if (!text.empty()) text += ' ';
    text += letters[i];
    if (end - i > 1) text += std::to_string(end - i);
    i = end;
  }
  return text;
}

}  // namespace

PageMap::PageMap(const Program& program, const World& world)
    : memory_(world.machine().map.range()), pageblock_order_(world.machine().map.pageblock_order()) {
  mark_pages(world.machine());
  mark_results(program, world);
  mark_bitmaps(world.machine());
}

void PageMap::put(Pfn pfn, char letter) {
  if (memory_.contains(pfn)) letters_[pfn - memory_.start] = letter;
}

void PageMap::mark_pages(const Machine& machine) {
  const MemoryMap& map = machine.map;
  letters_.reserve(memory_.pages());
  for (const Page& page : map.pages()) letters_.push_back(letter_of(page, machine.owners));
  for (Frame frame = 0; frame < letters_.size(); ++frame) {
    const Page& page = map.at(frame);
    if (!page.has(kPageBuddy | kPagePcp | kPageHugetlb)) continue;
    const std::size_t end = std::min(letters_.size(), frame + order_pages(page.order));
    const char letter = page.has(kPageHugetlb) ? 'h' : page.has(kPageBuddy) ? '.' : ',';
    std::fill(letters_.begin() + frame, letters_.begin() + static_cast<std::ptrdiff_t>(end), letter);
  }
  for (const Migratetype type : map.types()) block_types_.push_back(cma::letter_of(type));
}

void PageMap::mark_results(const Program& program, const World& world) {
  // A to Z in the order of the program, and again from A: a buffer keeps its letter for the whole run.
  std::vector<char> buffer_letter(program.ops.size());
  std::size_t buffers = 0;
  for (Slot slot = 0; slot < program.ops.size(); ++slot)
    if (info_of(program.ops[slot]).yields == Yields::buffer)
      buffer_letter[slot] = static_cast<char>('A' + buffers++ % 26);
  std::set<Slot> held;
  for (const World::Piece& piece : world.pieces) {
    const char letter = buffer_letter[piece.slot];
    if (held.insert(piece.slot).second) names_.emplace_back(letter, "buffer " + name_or_number(program, piece.slot));
    for (Pfn pfn = piece.start; pfn < piece.start + piece.pages; ++pfn) put(pfn, letter);
  }
  for (Slot slot = 0; slot < program.ops.size(); ++slot) {
    const Result& result = world.result(slot);
    if (result.gone || result.state != Result::State::done || result.pfn == kNoPfn) continue;
    if (result.yields == Yields::block)
      for (Pfn pfn = result.pfn; pfn < result.pfn + order_pages(result.order); ++pfn) put(pfn, 'x');
    if (result.yields == Yields::range)
      for (Pfn pfn = result.pfn; pfn < result.pfn + result.pages; ++pfn) put(pfn, 'g');
    if (result.yields == Yields::pin) put(result.pfn, 'k');
  }
  for (const World::Got& got : world.got) put(got.pfn, 'k');
}

void PageMap::mark_bitmaps(const Machine& machine) {
  bits_.assign(letters_.size(), ' ');
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(id);
    areas_.push_back({area.base, area.base + area.pages});
    if (!area.active()) continue;
    for (std::uint64_t bit = 0; bit < area.bitmap.size(); ++bit) {
      const Pfn first = area.base + (bit << area.order_per_bit);
      const Pfn last = std::min(first + order_pages(area.order_per_bit), memory_.end);
      bool buffer = false;
      // A pinned page is drawn as such, and may be a buffer's.
      bool unclear = false;
      for (Pfn pfn = first; pfn < last; ++pfn) {
        const char letter = letters_[pfn - memory_.start];
        buffer |= letter >= 'A' && letter <= 'Z';
        unclear |= letter == 'k';
      }
      if (area.bitmap.test(bit) == buffer || unclear) continue;
      for (Pfn pfn = first; pfn < last; ++pfn) bits_[pfn - memory_.start] = buffer ? '-' : '+';
    }
  }
}

bool PageMap::compressed() const { return order_pages(pageblock_order_) > kRowPages; }

std::uint64_t PageMap::row_pages() const { return std::max(order_pages(pageblock_order_), kRowPages); }

PageMap::Row PageMap::row(Pfn start) const {
  Row row{start, {}, {}};
  const Pfn end = std::min(start + row_pages(), memory_.end);
  bool any_bits = false;
  for (Pfn block = start; block < end; block += order_pages(pageblock_order_)) {
    const std::size_t at = block - memory_.start;
    const std::size_t pages = std::min(order_pages(pageblock_order_), end - block);
    const std::string_view letters(letters_.data() + at, pages);
    const std::string_view bits(bits_.data() + at, pages);
    const char type = block_types_[(block >> pageblock_order_) - (memory_.start >> pageblock_order_)];
    any_bits |= bits.find_first_not_of(' ') != std::string_view::npos;
    row.cells += fmt::format(" {} {}", type, compressed() ? run_lengths(letters) : std::string(letters));
    row.bits += compressed() ? " bits: " + run_lengths(bits) : "   " + std::string(bits);
  }
  if (!any_bits) row.bits.clear();
  while (row.bits.ends_with(' ')) row.bits.pop_back();
  return row;
}

std::vector<PageMap::Row> PageMap::rows(const PfnRange& range) const {
  std::vector<Row> all;
  const Pfn first = memory_.start + align_down(range.start - memory_.start, row_pages());
  for (Pfn start = first; start < std::min(range.end, memory_.end); start += row_pages()) all.push_back(row(start));
  return all;
}

std::string PageMap::fold(const std::vector<Row>& rows) const {
  std::string text;
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;
    while (end < rows.size() && rows[end].cells == rows[i].cells && rows[end].bits == rows[i].bits &&
           rows[end].start == rows[end - 1].start + row_pages())
      ++end;
    text += fmt::format("{:<#8x}{}\n", rows[i].start, rows[i].cells);
    if (!rows[i].bits.empty()) text += fmt::format("{:8}{}\n", "", rows[i].bits);
    if (end - i == 2) end = i + 1;
    if (end - i > 2) text += fmt::format("...      {} rows like this\n", end - i - 1);
    i = end;
  }
  return text;
}

std::string PageMap::draw(const PfnRange& range) const { return fold(rows(range)); }

std::string PageMap::draw() const {
  if (memory_.pages() <= kDrawWhole || areas_.empty()) return draw(memory_);
  std::vector<PfnRange> in_order = areas_;
  std::ranges::sort(in_order, {}, &PfnRange::start);
  std::string text;
  for (const PfnRange& area : in_order) text += draw(area);
  return text;
}

std::string PageMap::draw_changes(const PageMap& before) const {
  std::vector<Row> changed = rows(memory_);
  const std::vector<Row> old = before.rows(memory_);
  std::size_t i = 0;
  std::erase_if(changed, [&](const Row& row) { return row == old[i++]; });
  return fold(changed);
}

std::string PageMap::legend() const {
  const std::set<char> used(letters_.begin(), letters_.end());
  std::string text;
  for (const auto& [letter, name] : names_)
    if (used.contains(letter)) text += fmt::format("  {}  {}\n", letter, name);
  for (const Meaning& meaning : kMeanings)
    if (used.contains(meaning.letter)) text += fmt::format("  {}  {}\n", meaning.letter, meaning.text);
  const auto any = [&](char mark) { return std::ranges::find(bits_, mark) != bits_.end(); };
  if (any('+')) text += "  +  its bit is set, no buffer has it\n";
  if (any('-')) text += "  -  a buffer has it, its bit is clear\n";
  std::string types;
  const std::set<char> blocks(block_types_.begin(), block_types_.end());
  for (unsigned i = 0; i < kMigratetypes; ++i)
    if (blocks.contains(kMigratetypeLetters[i]))
      types += fmt::format("{}{} {}", types.empty() ? "" : ", ", kMigratetypeLetters[i], kMigratetypeNames[i]);
  return text + fmt::format("  the letter before each pageblock is its type: {}\n", types);
}

}  // namespace cma
