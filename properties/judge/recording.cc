#include "properties/judge/recording.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <sstream>

#include "properties/judge/answers.h"

namespace cma::judge {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::istringstream stream{std::string(line)};
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Lines of a dump by their first word, lines of free lists by their first two.
using Dump = std::map<std::string, std::string>;

std::string key_of(const std::string& line) {
  const std::vector<std::string> words = words_of(line);
  return words[0] == "fl" && words.size() > 1 ? words[0] + " " + words[1] : words[0];
}

// Applies "bd* -64:6 +0:10" to a line: removes and adds tokens and keeps them ascending.
std::string apply_delta(const std::string& old, const std::vector<std::string>& delta) {
  std::vector<std::string> tokens = words_of(old);
  const std::string head = tokens.empty() ? "" : tokens.front();
  if (!tokens.empty()) tokens.erase(tokens.begin());
  for (std::size_t i = 1; i < delta.size(); ++i) {
    const std::string token = delta[i].substr(1);
    if (delta[i][0] == '-')
      std::erase(tokens, token);
    else
      tokens.push_back(token);
  }
  std::ranges::sort(tokens, {}, [](const std::string& token) { return number_of(token); });
  std::string line = head;
  for (const std::string& token : tokens) line += " " + token;
  return line;
}

// Applies "fl 0C* 2 1 17 4" to a line: keeps the first two blocks and the last one, and puts the others between them.
std::string apply_list_delta(const std::string& old, const std::vector<std::string>& delta) {
  const std::vector<std::string> before = words_of(old);
  const std::size_t blocks = before.size() < 2 ? 0 : before.size() - 2;
  const std::size_t first = delta.size() < 4 ? 0 : std::min<std::size_t>(number_of(delta[2]), blocks);
  const std::size_t last = delta.size() < 4 ? 0 : std::min<std::size_t>(number_of(delta[3]), blocks - first);
  std::string line = "fl " + delta[1].substr(0, delta[1].size() - 1);
  for (std::size_t i = 0; i < first; ++i) line += " " + before[2 + i];
  for (std::size_t i = 4; i < delta.size(); ++i) line += " " + delta[i];
  for (std::size_t i = blocks - last; i < blocks; ++i) line += " " + before[2 + i];
  return line;
}

void apply_line(Dump& dump, const std::string& line) {
  if (line[0] == '-') {
    dump.erase(line.substr(1));
    return;
  }
  const std::vector<std::string> words = words_of(line);
  if (words[0] == "fl" && words.size() > 1 && words[1].ends_with('*')) {
    const std::string key = words[0] + " " + words[1].substr(0, words[1].size() - 1);
    dump[key] = apply_list_delta(dump[key], words);
    return;
  }
  if (words[0].ends_with('*')) {
    const std::string key = words[0].substr(0, words[0].size() - 1);
    dump[key] = apply_delta(dump[key], words);
    return;
  }
  dump[key_of(line)] = line;
}

bool is_dump_line(const std::string& line) {
  if (line.starts_with("-fl ")) return true;
  const std::string head = line.substr(0, 2);
  return (head == "bm" || head == "mt" || head == "bd" || head == "pg" || head == "fl") && line.size() >= 2 &&
         (line.size() == 2 || line[2] == ' ' || line[2] == '*');
}

// Observes a run and compares at each checkpoint.
class Replay final : public Observer, public MoveWatcher {
 public:
  Replay(const Program& program, const Recording& recording, const Interpreter& interpreter)
      : program_(program), recording_(recording), interpreter_(interpreter) {}

  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.owner_moves.set_move_watcher(this);
    cursor_ = machine.trace.records().size();
    if (!recording_.checkpoints.empty() && recording_.checkpoints[0].after == 0)
      compare(recording_.checkpoints[next_++]);
  }
  void op_performed(Machine&, std::size_t op) override {
    if (mismatch_) return;
    take_events();
    while (!mismatch_ && next_ < recording_.checkpoints.size() && recording_.checkpoints[next_].after == op + 1)
      compare(recording_.checkpoints[next_++]);
  }
  void program_ended(Machine& machine) override { machine.owner_moves.set_move_watcher(nullptr); }

  // Records what the kernel's driver reports when it is asked to move a page.
  void move_tried(Pfn pfn, int error) override {
    take_events();
    if (!shown_ || level_ != EventLevel::scans) return;
    pending_.push_back("  " + move_line(*machine_, pfn, error));
  }

  std::optional<Mismatch> result() const {
    if (mismatch_) return mismatch_;
    if (next_ < recording_.checkpoints.size())
      return Mismatch{recording_.checkpoints[next_].number, 0,
                      "a checkpoint after operation " + std::to_string(recording_.checkpoints[next_].after),
                      "the program ended before it"};
    return std::nullopt;
  }

 private:
  void take_events() {
    const std::vector<Record>& records = machine_->trace.records();
    for (; cursor_ < records.size(); ++cursor_) {
      if (!shown_) continue;
      const std::string line = event_line(*machine_, records[cursor_], level_, raw_, log_);
      if (!line.empty()) pending_.push_back("  " + line);
    }
  }

  void expect(const RecordedLine& line, const std::string& expected, const std::string& got) {
    if (!mismatch_ && expected != got) mismatch_ = Mismatch{line.number, here_, expected, got};
  }

  void compare(const Checkpoint& checkpoint) {
    here_ = checkpoint.after;
    const std::vector<RecordedLine>& lines = checkpoint.lines;
    for (std::size_t i = 0; i < lines.size() && !mismatch_; ++i) {
      const RecordedLine& line = lines[i];
      if (line.text.starts_with("  ")) {
        const std::string got = pending_.empty() ? "(nothing was printed)" : pending_.front();
        if (!pending_.empty()) pending_.pop_front();
        expect(line, line.text, got);
      } else if (line.text.starts_with("show ")) {
        expect_nothing_pending(line);
        show(line.text);
      } else if (line.text.starts_with("dump ")) {
        i = compare_dump(lines, i);
      } else {
        expect(line, line.text, answer(line.text));
      }
    }
    const RecordedLine end{lines.empty() ? checkpoint.number : lines.back().number, ""};
    if (!mismatch_) expect_nothing_pending(end);
  }

  void expect_nothing_pending(const RecordedLine& line) {
    if (!pending_.empty()) expect(line, "(nothing more printed)", pending_.front());
  }

  void show(const std::string& text) {
    const std::vector<std::string> words = words_of(text);
    shown_ = words[1] != "nothing";
    for (const std::string& word : words) {
      if (word.starts_with("ev=")) level_ = static_cast<EventLevel>(word[3] - '0');
      if (word.starts_with("log=")) log_ = word[4] == '1';
      if (word.starts_with("raw=")) raw_ = word[4] == '1';
    }
  }

  // Compares the dump whose heading is line `first`. Returns the index of its last line.
  std::size_t compare_dump(const std::vector<RecordedLine>& lines, std::size_t first) {
    const std::vector<std::string> words = words_of(lines[first].text);
    const auto area = machine_->areas.find(words[1]);
    if (!area) {
      expect(lines[first], lines[first].text, "no such area");
      return first;
    }
    Dump& expected = dumps_[words[1]];
    std::size_t last = first;
    for (std::size_t i = first + 1; i < lines.size() && is_dump_line(lines[i].text); ++i) {
      apply_line(expected, lines[i].text);
      last = i;
    }
    Dump got;
    for (const std::string& line : dump_area(*machine_, *area, words.size() > 2))
      got[key_of(line)] = line.starts_with("bm ") ? bitmap_runs(line) : line;
    for (const auto& [key, line] : expected)
      expect(lines[first], line, got.contains(key) ? got[key] : "(no " + key + ")");
    for (const auto& [key, line] : got)
      if (!expected.contains(key)) expect(lines[first], "(no " + key + ")", line);
    return last;
  }

  // Returns the model's answer to the question of a recorded line.
  std::string answer(const std::string& text) const {
    const std::vector<std::string> words = words_of(text);
    if (words[0] == "cmaf") return free_cma_line(*machine_);
    if (words[0] == "pcp") return pcp_line(*machine_);
    if (words[0] == "lru") return lru_line(*machine_);
    if (words.size() < 2) return "(no such question)";
    if (words[0] == "page") return page_answer(words[1]);
    const Result* result = named(words[1]);
    if (result == nullptr) return "(" + words[1] + " is no result)";
    const std::string head = words[0] + " " + words[1] + " ";
    if (words[0] == "result") return head + std::to_string(result->error);
    if (words[0] == "block") return head + place_of(*machine_, result->pfn);
    if (words[0] == "buffer") {
      if (result->pfn == kNoPfn) return head + "fail";
      if (result->yields != Yields::buffer) return "(" + words[1] + " is no buffer)";
      return head + "ok off=" + std::to_string(result->pfn - machine_->areas.area(result->area).base);
    }
    if (words[0] != "where") return "(no such question)";
    if (result->yields == Yields::pages && result->first_owner < interpreter_.world().owner_of.size())
      return head + owner_answer(*result);
    return "(" + words[1] + " has no pages)";
  }

  const Result* named(const std::string& name) const {
    for (Slot slot = 0; slot < program_.ops.size(); ++slot)
      if (program_.name_of(program_.ops[slot]) == name) return &interpreter_.world().result(slot);
    return nullptr;
  }

  std::string page_answer(const std::string& place) const {
    const std::size_t plus = place.find('+');
    const auto area = machine_->areas.find(place.substr(0, plus));
    if (!area || plus == std::string::npos) return "(no such page)";
    const std::uint64_t page = number_of(place.substr(plus + 1));
    if (page >= machine_->areas.area(*area).pages) return "(no such page)";
    const Pfn pfn = machine_->areas.area(*area).base + page;
    return "page " + place + " ref=" + std::to_string(machine_->map.page(pfn).ref);
  }

  std::string owner_answer(const Result& result) const {
    const OwnerId id = interpreter_.world().owner_of[result.first_owner];
    return id == 0 ? "(freed)" : owner_line(*machine_, id);
  }

  const Program& program_;
  const Recording& recording_;
  const Interpreter& interpreter_;
  Machine* machine_ = nullptr;
  std::size_t cursor_ = 0;  // records taken
  std::size_t next_ = 0;    // checkpoint
  std::size_t here_ = 0;
  bool shown_ = true;
  bool log_ = false;
  bool raw_ = false;
  EventLevel level_ = EventLevel::none;
  std::deque<std::string> pending_;
  std::map<std::string, Dump> dumps_;
  std::optional<Mismatch> mismatch_;
};

}  // namespace

std::string bitmap_runs(std::string_view line) {
  std::string runs = "bm";
  std::uint64_t start = 0;
  bool inside = false;
  const std::string_view digits = line.substr(3);
  const std::uint64_t bits = digits.size() * 4;
  for (std::uint64_t bit = 0; bit <= bits; ++bit) {
    bool set = false;
    if (bit < bits) {
      const char c = digits[bit / 4];
      const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
      set = ((digit >> (bit % 4)) & 1) != 0;
    }
    if (set && !inside) start = bit;
    if (!set && inside) runs += " " + std::to_string(start) + "+" + std::to_string(bit - start);
    inside = set;
  }
  return runs;
}

namespace {

// Removes the "@9 " of a line for pageblock order 9 only. Returns false if the line is another order's.
bool take_order(std::string& line, unsigned pageblock_order) {
  if (line[0] != '@') return true;
  const std::size_t blank = std::min(line.find(' '), line.size());
  const bool wanted = number_of(std::string_view(line).substr(1, blank - 1)) == pageblock_order;
  line.erase(0, std::min(blank + 1, line.size()));
  return wanted;
}

bool is_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size();
}

bool is_shown(const std::string& word) {
  if (word.size() == 4 && word.starts_with("ev=")) return word[3] >= '0' && word[3] <= '3';
  return word == "nothing" || word == "log=0" || word == "log=1" || word == "raw=0" || word == "raw=1";
}

// Returns what is wrong with a line of a dump that begins with this word; empty if nothing is.
std::string wrong_with_dump(const std::vector<std::string>& words) {
  if (words[0] == "-fl") return words.size() == 2 ? "" : "`-fl` takes the name of a list";
  if (words[0] == "fl") {
    if (words.size() < 2) return "`fl` takes the name of a list";
    if (!words[1].ends_with('*')) return "";
    const bool counts = words.size() >= 4 && is_number(words[2]) && is_number(words[3]);
    return counts ? "" : "a changed list takes how many blocks stay at its beginning and at its end";
  }
  if (!words[0].ends_with('*')) return "";
  const auto is_change = [](const std::string& word) {
    return word.size() > 1 && (word.front() == '+' || word.front() == '-');
  };
  return std::all_of(words.begin() + 1, words.end(), is_change) ? "" : "changes begin with + or -";
}

// Returns what is wrong with a line that is neither `orders` nor `after`; empty if nothing is.
std::string wrong_with(const std::string& line) {
  if (line.starts_with("  ")) return "";  // what a kernel printed: any text
  const std::vector<std::string> words = words_of(line);
  if (words.empty() || line[0] == ' ') return "a line begins with a word, or with two blanks if a kernel printed it";
  const std::string& head = words[0];
  if (head == "show") {
    const bool known = words.size() > 1 && std::all_of(words.begin() + 1, words.end(), is_shown);
    return known ? "" : "`show` takes ev=0 to ev=3, log=0, log=1, raw=0, raw=1, or `nothing`";
  }
  if (head == "dump") return words.size() == 2 || words.size() == 3 ? "" : "`dump` takes an area, and `f` for lists";
  if (is_dump_line(line)) return wrong_with_dump(words);
  constexpr std::array<std::string_view, 8> kAnswers = {"cmaf",   "pcp",   "lru",    "page",
                                                        "result", "block", "buffer", "where"};
  if (std::ranges::find(kAnswers, head) == kAnswers.end()) return "no line begins with `" + head + "`";
  return words.size() > 1 ? "" : "`" + head + "` without its answer";
}

// Adds the line to the recording. Returns what is wrong with it; empty if nothing is.
std::string parse_line(Recording& recording, int number, std::string line) {
  if (line.starts_with("orders ")) {
    for (const std::string& word : words_of(line.substr(7))) {
      if (!is_number(word)) return "a pageblock order is a number, not `" + word + "`";
      recording.pageblock_orders.push_back(static_cast<unsigned>(number_of(word)));
    }
    return {};
  }
  if (!line.starts_with("after ")) {
    const std::string complaint = wrong_with(line);
    if (!complaint.empty()) return complaint;
    recording.checkpoints.back().lines.push_back({number, std::move(line)});
    return {};
  }
  std::size_t after = 0;
  const auto [rest, error] = std::from_chars(line.data() + 6, line.data() + line.size(), after);
  if (error != std::errc() || rest != line.data() + line.size()) return "a number of operations expected after `after`";
  if (after < recording.checkpoints.back().after) return "checkpoints must ascend";
  if (after == recording.checkpoints.back().after) return {};
  Checkpoint checkpoint;
  checkpoint.after = after;
  checkpoint.number = number;
  recording.checkpoints.push_back(std::move(checkpoint));
  return {};
}

}  // namespace

std::expected<Recording, std::string> parse_recording(std::string_view text, unsigned pageblock_order) {
  Recording recording;
  recording.checkpoints.emplace_back();
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line[0] == '#' || !take_order(line, pageblock_order) || line.empty()) continue;
    const std::string complaint = parse_line(recording, number, std::move(line));
    if (!complaint.empty()) return std::unexpected("line " + std::to_string(number) + ": " + complaint);
  }
  return recording;
}

std::optional<Mismatch> replay(const Program& program, const Recording& recording, Interpreter& interpreter) {
  Replay observer(program, recording, interpreter);
  const RunResult result = interpreter.run(program, &observer);
  if (const auto mismatch = observer.result()) return mismatch;
  if (result.finding) return Mismatch{0, result.finding->op + 1, "(no finding)", result.finding->message};
  return std::nullopt;
}

}  // namespace cma::judge
