// From a story to a picture: which pageblocks are drawn (drawn_blocks), which of their pages are one column
// (columns_of), which steps are rows (rows_of), how columns are spread over panels, and the panels (draw_panel).

#include "properties/report/map_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "allocator/base/hash.h"
#include "properties/report/html.h"

namespace cma {
namespace {

constexpr int kCell = 13;  // width of a page
constexpr int kLine = 15;  // height of a line of text
constexpr int kBand = 4;   // height of the band with a pageblock's type
constexpr int kGap = 18;   // between pageblocks: the type's letter stands there
constexpr int kStepWidth = 58;
constexpr int kActorWidth = 226;
constexpr std::size_t kActorChars = 31;
constexpr int kMostCells = 8;     // of a column of folded pages
constexpr int kWidth = 1190;      // of the picture, unless the actors need more
constexpr int kLeastWidth = 420;  // of pages beside the actors
constexpr std::size_t kMostPanels = 12;
constexpr std::size_t kMostRows = 120;

// Pages next to each other, of one pageblock, that have the same history.
struct Column {
  std::size_t page = 0;  // index of the first
  std::size_t pages = 0;
  int cells() const { return static_cast<int>(std::min<std::size_t>(pages, kMostCells)); }
};

// A pageblock, or several next to each other that are one column each and have equal histories.
struct Block {
  Pfn start = 0;
  std::size_t number = 0;  // index into the story's types, of the first
  std::vector<Column> columns;
  int width() const {
    int cells = 0;
    for (const Column& column : columns) cells += column.cells();
    return cells * kCell + kGap;
  }
};

// What is drawn in one row, and in which row each page and pageblock changed last.
struct State {
  std::vector<char> letters;
  std::vector<char> bits;
  std::vector<char> types;
  std::vector<std::size_t> changed;
  std::vector<std::size_t> retyped;
  std::size_t row = 0;
};

class Drawing {
 public:
  Drawing(const ProgramStory& story, const std::string& id) : story_(story), id_(id) {
    aligned_ = static_cast<Pfn>(story.memory.start >> story.pageblock_order << story.pageblock_order);
    drawn_blocks();
    rows_of();
    panels_of();
  }

  StoryMap draw() {
    int y = 0;
    std::string body;
    for (std::size_t i = 0; i < panels_.size(); ++i) {
      if (i == kMostPanels) break;
      body += draw_panel(i, y);
    }
    if (panels_.empty()) body += draw_panel(0, y);
    StoryMap map;
    map.svg = fmt::format(
        "<svg class=\"map\" id=\"{0}\" role=\"img\" aria-labelledby=\"{0}-t\" "
        "width=\"{1}\" height=\"{2}\" viewBox=\"0 0 {1} {2}\">\n<title id=\"{0}-t\">Page map over time, {3} steps: "
        "a row is a step, a column a page</title>\n{4}</svg>\n",
        id_, width_, y, story_.steps.size(), body);
    map.note = note();
    return map;
  }

 private:
  // --- what is drawn ---
  std::size_t block_of(Pfn pfn) const { return (pfn - aligned_) >> story_.pageblock_order; }

  // Finds the pageblocks in which something changes or that the finding names, and folds their pages.
  void drawn_blocks() {
    std::set<std::size_t> wanted;
    for (std::size_t i = 1; i < story_.steps.size(); ++i) {
      for (const PageChange& change : story_.steps[i].pages) wanted.insert(block_of(change.pfn));
      for (const BlockChange& change : story_.steps[i].blocks) wanted.insert(block_of(change.start));
    }
    for (const Pfn pfn : story_.marked) wanted.insert(block_of(pfn));
    const std::vector<std::uint64_t> histories = histories_of();
    const std::vector<std::uint64_t> types = type_histories();
    for (const std::size_t number : wanted) {
      Block block;
      block.number = number;
      const Pfn start = static_cast<Pfn>(aligned_ + (number << story_.pageblock_order));
      block.start = std::max(start, story_.memory.start);
      const Pfn end = static_cast<Pfn>(
          std::min<std::uint64_t>(start + (std::uint64_t{1} << story_.pageblock_order), story_.memory.end));
      for (Pfn pfn = block.start; pfn < end; ++pfn) {
        const std::size_t page = pfn - story_.memory.start;
        if (!block.columns.empty() && histories[page] == histories[page - 1])
          ++block.columns.back().pages;
        else
          block.columns.push_back({page, 1});
      }
      if (!block.columns.empty() && !joins_last(block, histories, types)) blocks_.push_back(std::move(block));
    }
  }

  // Adds a pageblock to the one before it if nothing tells them apart.
  bool joins_last(const Block& block, const std::vector<std::uint64_t>& pages,
                  const std::vector<std::uint64_t>& types) {
    if (blocks_.empty() || block.columns.size() != 1 || blocks_.back().columns.size() != 1) return false;
    Column& last = blocks_.back().columns.front();
    const Column& column = block.columns.front();
    if (last.page + last.pages != column.page || pages[last.page] != pages[column.page]) return false;
    if (types[blocks_.back().number] != types[block.number]) return false;
    last.pages += column.pages;
    return true;
  }

  // Returns a value for each pageblock that is equal for those whose types changed alike.
  std::vector<std::uint64_t> type_histories() const {
    std::vector<std::uint64_t> histories(story_.block_types.size(), kHashSeed);
    for (std::size_t i = 0; i < histories.size(); ++i)
      hash_step(histories[i], static_cast<std::uint64_t>(story_.block_types[i]));
    for (std::size_t step = 0; step < story_.steps.size(); ++step)
      for (const BlockChange& change : story_.steps[step].blocks)
        hash_step(histories[block_of(change.start)], step << 8 | static_cast<std::uint64_t>(change.type));
    return histories;
  }

  // Returns a value for each page that is equal for pages with equal histories.
  std::vector<std::uint64_t> histories_of() const {
    std::vector<std::uint64_t> histories(story_.letters.size(), kHashSeed);
    for (std::size_t i = 0; i < histories.size(); ++i)
      hash_step(histories[i],
                static_cast<std::uint64_t>(story_.letters[i]) << 8 | static_cast<std::uint64_t>(story_.bits[i]));
    for (std::size_t step = 0; step < story_.steps.size(); ++step)
      for (const PageChange& change : story_.steps[step].pages)
        hash_step(histories[change.pfn - story_.memory.start],
                  step << 16 | static_cast<std::uint64_t>(change.letter) << 8 | static_cast<std::uint64_t>(change.bit));
    for (const Pfn pfn : story_.marked) hash_step(histories[pfn - story_.memory.start], pfn);
    return histories;
  }

  bool changes(std::size_t step) const {
    return !story_.steps[step].pages.empty() || !story_.steps[step].blocks.empty();
  }
  bool broken(std::size_t step) const {
    return story_.finding && story_.steps[step].op == static_cast<Slot>(story_.finding->op);
  }

  // Chooses the steps that are rows. Of a long program those are left out that change nothing, then the oldest.
  void rows_of() {
    const std::size_t all = story_.steps.size();
    for (std::size_t step = 0; step < all; ++step)
      if (all <= kMostRows || step == 0 || changes(step) || broken(step)) rows_.push_back(step);
    if (rows_.size() <= kMostRows) return;
    const std::size_t surplus = rows_.size() - kMostRows;
    rows_.erase(rows_.begin() + 1, rows_.begin() + 1 + static_cast<std::ptrdiff_t>(surplus));
  }

  // Where the pages begin: the first panel has the actors beside them.
  int left_of(std::size_t panel) const {
    return kStepWidth + (panel == 0 ? static_cast<int>(columns()) * kActorWidth : 0);
  }
  int room_of(std::size_t panel) const { return std::max(kLeastWidth, kWidth - left_of(panel)); }

  // Spreads the columns over panels. A pageblock that does not fit goes on in the next one.
  void panels_of() {
    int used = 0;
    for (const Block& block : blocks_) {
      Block piece{block.start, block.number, {}};
      if (!panels_.empty() && used + block.width() > room_of(panels_.size() - 1)) used = room_of(panels_.size() - 1);
      for (const Column& column : block.columns) {
        const int width = column.cells() * kCell;
        if (panels_.empty() || used + piece.width() + width > room_of(panels_.size() - 1)) {
          if (!piece.columns.empty()) panels_.back().push_back(std::move(piece));
          piece = Block{static_cast<Pfn>(story_.memory.start + column.page), block.number, {}};
          panels_.emplace_back();
          used = 0;
        }
        piece.columns.push_back(column);
      }
      used += piece.width();
      panels_.back().push_back(std::move(piece));
    }
    width_ = left_of(0);
    for (std::size_t i = 0; i < panels_.size(); ++i) {
      int width = left_of(i);
      for (const Block& block : panels_[i]) width += block.width();
      width_ = std::max(width_, width);
    }
    width_ += 8;
  }

  // A column an actor. What has no actor stands in the first one.
  std::size_t columns() const { return std::max<std::size_t>(1, story_.actors.size()); }

  std::string note() const {
    std::string text;
    const auto add = [&](const std::string& sentence) { text += (text.empty() ? "" : " ") + sentence; };
    if (rows_.size() < story_.steps.size())
      add(fmt::format("{} of {} steps are drawn: the first, and the last that change a page.", rows_.size(),
                      story_.steps.size()));
    if (panels_.size() > kMostPanels) {
      std::set<Pfn> left;
      for (std::size_t i = kMostPanels; i < panels_.size(); ++i)
        for (const Block& block : panels_[i]) left.insert(block.start);
      add(fmt::format("{} parts of pageblocks from {:#x} on are left out.", left.size(), *left.begin()));
    }
    if (blocks_.empty()) add("No page changes.");
    return text;
  }

  // --- text ---
  static std::vector<std::string> wrapped(std::string_view text) {
    std::vector<std::string> lines;
    while (text.size() > kActorChars) {
      std::size_t cut = text.rfind(' ', kActorChars);
      if (cut == std::string_view::npos || cut == 0) cut = kActorChars;
      lines.emplace_back(text.substr(0, cut));
      text.remove_prefix(text[cut] == ' ' ? cut + 1 : cut);
    }
    lines.emplace_back(text);
    return lines;
  }

  // The lines of one actor in one row: what it performs and how that ended, or what it is still inside of.
  struct Cell {
    std::vector<std::pair<std::string, const char*>> lines;  // with the class
    bool inside = false;
  };

  Cell cell_of(std::size_t step, std::size_t column) const {
    const StoryStep& at = story_.steps[step];
    Cell cell;
    const bool known = at.op && *at.op < story_.ops.size();
    const bool actor = known && story_.actor_of[*at.op] < story_.actors.size();
    const bool performs = known && (actor ? story_.actor_of[*at.op] : 0) == column;
    if (performs) {
      const char* kind = actor ? "op" : "out";
      for (std::string& line : wrapped(story_.ops[*at.op])) cell.lines.emplace_back(std::move(line), kind);
      const bool bad = broken(step) || at.outcome.starts_with("failed");
      const char* style = bad ? "bad" : "out";
      if (at.outcome != "ok")
        for (std::string& line : wrapped(at.outcome)) cell.lines.emplace_back(std::move(line), style);
    }
    if (column < at.inside.size() && !at.inside[column].empty()) {
      cell.inside = true;
      if (!performs && (step == 0 || story_.steps[step - 1].inside[column] != at.inside[column]))
        for (std::string& line : wrapped(at.inside[column])) cell.lines.emplace_back(std::move(line), "out");
    }
    return cell;
  }

  // --- panels ---
  std::string draw_panel(std::size_t panel, int& y) const {
    const std::vector<Block> none;
    const std::vector<Block>& blocks = panels_.empty() ? none : panels_[panel];
    const bool first = panel == 0;
    const int left = left_of(panel);
    if (!first) y += 14;
    std::string out = draw_head(blocks, first, left, y);
    y += 26;
    State state{story_.letters, story_.bits, story_.block_types, std::vector<std::size_t>(story_.letters.size()),
                std::vector<std::size_t>(story_.block_types.size())};
    std::size_t next = 0;
    for (state.row = 0; state.row < rows_.size(); ++state.row) {
      for (; next <= rows_[state.row]; ++next) apply(story_.steps[next], state);
      // Further panels have no actors beside them, so a row in which nothing changes says nothing.
      if (first || state.row == 0 || broken(rows_[state.row]) || changes_any(blocks, state))
        out += draw_row(blocks, first, left, y, state);
    }
    out += draw_marks(blocks, left, y);
    y += 4;
    return out;
  }

  static void apply_change(const PageChange& change, std::size_t page, State& state) {
    state.letters[page] = change.letter;
    state.bits[page] = change.bit;
    state.changed[page] = state.row;
  }
  void apply(const StoryStep& step, State& state) const {
    for (const PageChange& change : step.pages) apply_change(change, change.pfn - story_.memory.start, state);
    for (const BlockChange& change : step.blocks) {
      state.types[block_of(change.start)] = change.type;
      state.retyped[block_of(change.start)] = state.row;
    }
  }

  static bool changes_any(const std::vector<Block>& blocks, const State& state) {
    return std::ranges::any_of(blocks, [&](const Block& block) {
      return state.retyped[block.number] == state.row || std::ranges::any_of(block.columns, [&](const Column& column) {
               return state.changed[column.page] == state.row;
             });
    });
  }

  std::string draw_head(const std::vector<Block>& blocks, bool first, int left, int y) const {
    std::string out;
    if (first) {
      out += fmt::format("<text class=\"head\" x=\"{}\" y=\"{}\" text-anchor=\"end\">step</text>\n", kStepWidth - 12,
                         y + 15);
      for (std::size_t i = 0; i < columns(); ++i)
        out += fmt::format("<text class=\"head\" x=\"{}\" y=\"{}\">{}</text>\n", actor_x(i), y + 15,
                           i < story_.actors.size() ? escaped(story_.actors[i]) : "no actor");
    }
    int x = left;
    int free_from = 0;
    for (const Block& block : blocks) {
      const std::string name = fmt::format("{:#x}", block.start);
      if (x + kGap >= free_from) {
        out += fmt::format("<text class=\"head\" x=\"{}\" y=\"{}\">{}</text>\n", x + kGap, y + 15, name);
        free_from = x + kGap + static_cast<int>(name.size() + 1) * 8;
      }
      x += block.width();
    }
    return out;
  }

  static int actor_x(std::size_t column) { return kStepWidth + static_cast<int>(column) * kActorWidth; }

  std::string draw_row(const std::vector<Block>& blocks, bool first, int left, int& y, const State& state) const {
    const std::size_t row = state.row;
    const std::size_t step = rows_[row];
    std::string texts;
    std::size_t lines = 1;
    for (std::size_t column = 0; first && column < columns(); ++column) {
      const Cell cell = cell_of(step, column);
      lines = std::max(lines, cell.lines.size());
      for (std::size_t i = 0; i < cell.lines.size(); ++i)
        texts += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>\n", cell.lines[i].second, actor_x(column),
                             y + 13 + static_cast<int>(i) * kLine, escaped(cell.lines[i].first));
    }
    const int height = std::max(static_cast<int>(lines) * kLine, kLine + kBand) + 5;
    std::string out = fmt::format("<rect class=\"row{}{}\" x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n", row % 2,
                                  broken(step) ? " broken" : "", y, width_, height);
    for (std::size_t column = 0; first && column < columns(); ++column)
      if (cell_of(step, column).inside)
        out += fmt::format("<rect class=\"inside\" x=\"{}\" y=\"{}\" width=\"3\" height=\"{}\"/>\n",
                           actor_x(column) - 8, y, height);
    const StoryStep& at = story_.steps[step];
    const std::string name = at.op ? std::to_string(*at.op + 1) : step == 0 ? "start" : "end";
    out += fmt::format("<text class=\"step\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kStepWidth - 12,
                       y + 13, name);
    out += texts;
    int x = left;
    for (const Block& block : blocks) {
      out += draw_block(block, x, y, state);
      x += block.width();
    }
    y += height;
    return out;
  }

  // Draws a pageblock in one row: its type, then all cells of one look as one shape.
  static std::string draw_block(const Block& block, int x, int y, const State& state) {
    const bool retyped = state.row > 0 && state.retyped[block.number] == state.row;
    std::string out = fmt::format("<text class=\"type{}\" x=\"{}\" y=\"{}\">{}</text>\n", retyped ? " changed" : "",
                                  x + 6, y + 13, state.types[block.number]);
    std::map<std::string, std::string> shapes;
    std::string folded;
    std::string letters;
    std::string places;
    int at = x + kGap;
    for (const Column& column : block.columns) {
      const char letter = state.letters[column.page];
      const char bit = state.bits[column.page];
      const int width = column.cells() * kCell;
      const bool changed = state.row > 0 && state.changed[column.page] == state.row;
      shapes[cell_class(letter) + (changed ? " changed" : "")] +=
          fmt::format("M{} {}h{}v{}h-{}z", at, y + 2, width - 1, kLine, width - 1);
      if (bit != ' ')
        shapes[bit == '+' ? "x bit set" : "x bit clear"] += fmt::format("M{} {}h{}", at, y + kLine + 5, width - 1);
      if (column.pages > kMostCells)
        folded += fmt::format("<text class=\"glyph\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{} \u00d7{}</text>\n",
                              at + width / 2, y + 13, escaped(std::string_view(&letter, 1)), column.pages);
      else if (letter != '.')
        for (int i = 0; i < column.cells(); ++i) {
          letters += letter;
          places += fmt::format("{}{}", places.empty() ? "" : " ", at + i * kCell + (kCell - 1) / 2);
        }
      at += width;
    }
    // Bits come after all cells: they lie upon them.
    for (const auto& [look, path] : shapes)
      out += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", look.starts_with("x ") ? look.substr(2) : look, path);
    if (!letters.empty())
      out += fmt::format("<text class=\"glyph\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", places, y + 13,
                         escaped(letters));
    return out + folded;
  }

  // Draws a mark and the number below each page that the finding names.
  std::string draw_marks(const std::vector<Block>& blocks, int left, int& y) const {
    std::string out;
    int x = left;
    int free_from = 0;
    for (const Block& block : blocks) {
      int at = x + kGap;
      for (const Column& column : block.columns) {
        const auto pfn = static_cast<Pfn>(story_.memory.start + column.page);
        if (std::ranges::find(story_.marked, pfn) != story_.marked.end()) {
          const int middle = at + kCell / 2;
          out += fmt::format("<path class=\"mark\" d=\"M{} {}l5 8h-10z\"/>\n", middle, y + 2);
          if (middle >= free_from) {
            out += fmt::format("<text class=\"bad\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{:#x}</text>\n", middle,
                               y + 23, pfn);
            free_from = middle + 64;
          }
        }
        at += column.cells() * kCell;
      }
      x += block.width();
    }
    y += out.empty() ? 4 : 28;
    return out;
  }

  const ProgramStory& story_;
  std::string id_;
  Pfn aligned_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::size_t> rows_;
  std::vector<std::vector<Block>> panels_;
  int width_ = 0;
};

}  // namespace

std::string cell_class(char letter) {
  if (letter >= 'A' && letter <= 'Z') return fmt::format("c b{}", (letter - 'A') % 6);
  switch (letter) {
    case '.': return "c fr";
    case ',': return "c pc";
    case 'k': return "c pin";
    case '!':
    case '*': return "c odd";
    case 'm':
    case 'n':
    case 's':
    case 'f': return "c mv";
    case '#':
    case '_': return "c no";
    default: return "c um";
  }
}

StoryMap draw_story(const ProgramStory& story, const std::string& id) { return Drawing(story, id).draw(); }

std::string map_style() {
  return
      R"(.map{--ink:#1b1f24;--soft:#57606a;--row0:#fff;--row1:#f6f8fa;--fr:#e3e7ec;--pc:#cfd8e3;--mv:#b9d7f5;
--um:#c9c4bb;--no:#8b949e;--pin:#ffb871;--odd:#ffe066;--bad:#b3141d;--badrow:#ffe3e1;--in:#5e2fb3;--b0:#a6e3b4;
--b1:#f3c4e4;--b2:#b5e3e6;--b3:#e3dd9b;--b4:#cfc5f5;--b5:#f5c9b6;
font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--ink)}
@media screen and (prefers-color-scheme:dark){.map{--ink:#e6edf3;--soft:#9aa5b1;--row0:#0d1117;--row1:#161b22;
--fr:#272d36;--pc:#34404f;--mv:#1f4d7d;--um:#56504a;--no:#6e7681;--pin:#8f4a05;--odd:#6e5a00;--bad:#ff8a80;
--badrow:#3d1214;--in:#b392f0;--b0:#1f5c31;--b1:#6b2b58;--b2:#1c5459;--b3:#555012;--b4:#463a85;--b5:#733b22}}
.map text{white-space:pre}.map .head{fill:var(--soft)}.map .step,.map .type,.map .out{fill:var(--soft)}
.map .bad{fill:var(--bad);font-weight:600}.map .row0{fill:var(--row0)}.map .row1{fill:var(--row1)}
.map .broken{fill:var(--badrow)}.map .inside{fill:var(--in)}.map .fr{fill:var(--fr)}.map .pc{fill:var(--pc)}
.map .mv{fill:var(--mv)}.map .um{fill:var(--um)}.map .no{fill:var(--no)}.map .pin{fill:var(--pin)}
.map .odd{fill:var(--odd)}.map .b0{fill:var(--b0)}.map .b1{fill:var(--b1)}.map .b2{fill:var(--b2)}
.map .b3{fill:var(--b3)}.map .b4{fill:var(--b4)}.map .b5{fill:var(--b5)}.map .c.changed{stroke:var(--ink);
stroke-width:1.5}.map .type.changed{fill:var(--in);font-weight:700}.map .mark{fill:var(--bad)}
.map .bit{stroke:var(--bad);stroke-width:3}.map .bit.clear{stroke-dasharray:2.4 2.4}.map .glyph{font-size:11px}
@media print{.map{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)";
}

std::string story_svg_file(const ProgramStory& story) {
  const std::string svg = draw_story(story, "map").svg;
  const std::size_t end = svg.find('>');
  // A file of its own needs the name space, which is a name and is never fetched.
  return svg.substr(0, end) + " xmlns=\"http://www.w3.org/2000/svg\">\n<style>" + map_style() + "</style>" +
         svg.substr(end + 1);
}

}  // namespace cma
