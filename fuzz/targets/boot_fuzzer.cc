// Fuzz target: boots. An input is a device-tree blob and the bytes after it, which choose release, architecture, memory
// and configuration; or such bytes alone, from which a tree is made too. No tree and no command line makes boot crash
// or hang. The laws hold of the machine that has booted, and the rules of boot (boot_rules.h) of what was reserved.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "allocator/base/assert.h"
#include "fuzz/targets/target.h"
#include "properties/board/boot_report.h"
#include "properties/board/boot_rules.h"
#include "properties/board/tree_blob.h"
#include "properties/laws/laws.h"

namespace {

using namespace cma;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
// Larger machines cost too much time for an input.
constexpr std::uint64_t kMostPages = 128 * kMiB / 4096;

// Returns an address or a size: multiples of a MiB and what lies beside them, or any number at all.
std::uint64_t bytes_from(Numbers& numbers) {
  const std::uint64_t kind = numbers.byte();
  const std::uint64_t base = numbers.byte() * kMiB;
  if (kind < 160) return base;
  if (kind < 200) return base + numbers.below(8192) * 512 - kMiB;
  if (kind < 230) return numbers.below(65536);
  return ~std::uint64_t{0} >> (numbers.byte() % 64);
}

// Returns a few addresses, each with a size; one of sixteen times cut off.
std::string ranges_from(Numbers& numbers, const BootTree& tree) {
  std::string value;
  for (std::uint64_t left = 1 + numbers.byte() % 3; left > 0; --left) {
    value += cells_of(bytes_from(numbers), tree.address_cells);
    value += cells_of(bytes_from(numbers), tree.size_cells);
  }
  if (numbers.byte() % 16 == 0) value.resize(value.size() - std::min<std::size_t>(value.size(), numbers.byte() % 16));
  return value;
}

std::string number_from(Numbers& numbers, unsigned cells) {
  return cells_of(bytes_from(numbers), numbers.byte() % 16 == 0 ? 3 - cells : cells);
}

TreeNode node_from(Numbers& numbers, const BootTree& tree) {
  const std::uint64_t number = numbers.byte();
  TreeNode node{fmt::format("{}@{:x}", number % 8 == 0 ? "linux,cma" : "region", number), 1, {}};
  if (number % 31 == 0) node.depth = 2;
  const std::uint64_t has = numbers.below(65536);
  const auto add = [&](unsigned bit, const char* name, std::string value) {
    if ((has >> bit & 1) != 0) node.properties.push_back({name, std::move(value)});
  };
  using namespace std::string_literals;
  if ((has & 3) != 0) node.properties.push_back({"compatible", "shared-dma-pool\0"s});
  add(2, "reusable", "");
  if ((has >> 3 & 7) == 7) node.properties.push_back({"no-map", ""});
  add(6, "linux,cma-default", "");
  if ((has >> 7 & 1) != 0) node.properties.push_back({"reg", ranges_from(numbers, tree)});
  if ((has >> 8 & 1) != 0) node.properties.push_back({"size", number_from(numbers, tree.size_cells)});
  if ((has >> 9 & 3) == 3) node.properties.push_back({"alignment", number_from(numbers, tree.address_cells)});
  if ((has >> 11 & 3) == 3) node.properties.push_back({"alloc-ranges", ranges_from(numbers, tree)});
  if ((has >> 13 & 7) == 7) node.properties.push_back({"status", numbers.byte() % 2 == 0 ? "okay\0"s : "disabled\0"s});
  return node;
}

// Returns a command line: words with numbers, and now and then bytes as they are.
std::string cmdline_from(Numbers& numbers) {
  static constexpr std::array kWords = {
      "cma=", "cma", "cma_pernuma=", "numa_cma=0:", "numa_cma=1:", "hugetlb_cma=", "--", "\""};
  static constexpr std::array kSuffixes = {"", "K", "M", "G"};
  std::string text;
  const auto number = [&] {
    const std::uint64_t value = numbers.byte();
    if (value == 255) return fmt::format("{:#x}", bytes_from(numbers));
    const std::uint64_t suffix = numbers.byte();
    return fmt::format("{}{}", value, suffix < 160 ? "M" : kSuffixes[suffix % kSuffixes.size()]);
  };
  for (std::uint64_t left = numbers.byte() % 4; left > 0; --left) {
    text += kWords[numbers.byte() % 16 % kWords.size()];
    const std::uint64_t more = numbers.byte();
    text += number();
    if (more % 4 == 1) text += "@" + number();
    if (more % 4 == 2) text += "@" + number() + "-" + number();
    for (std::uint64_t raw = more >= 240 ? more - 239 : 0; raw > 0; --raw) text += static_cast<char>(numbers.byte());
    text += ' ';
  }
  return text;
}

BootTree tree_from(Numbers& numbers) {
  BootTree tree;
  const std::uint64_t form = numbers.byte();
  tree.address_cells = 1 + form % 2;
  tree.size_cells = 1 + form / 2 % 2;
  for (std::uint64_t left = form / 4 % 3; left > 0; --left) {
    const std::uint64_t base = bytes_from(numbers);
    tree.header_reservations.emplace_back(base, bytes_from(numbers));
  }
  tree.cmdline = cmdline_from(numbers);
  std::uint64_t nodes = numbers.byte();
  if (nodes == 0) return tree;
  tree.reserved_memory = reserved_memory_node(tree.address_cells, nodes == 255 ? 3 : tree.size_cells);
  for (nodes = nodes < 240 ? nodes % 12 : nodes % 90; nodes > 0 && numbers.any(); --nodes)
    tree.regions.push_back(node_from(numbers, tree));
  return tree;
}

std::vector<ByteRange> memory_from(Numbers& numbers) {
  const std::uint64_t kind = numbers.byte();
  const std::uint64_t start = kind % 3 * 64 * kMiB;
  const std::uint64_t end = start + (16 + kind / 3 % 4 * 16) * kMiB;
  if (kind < 160) return {{start, end}};
  if (kind < 200) return {{start, end - 12 * kMiB}, {end - 8 * kMiB, end}};
  return {{start + numbers.below(4096) * 512, end - numbers.below(4096) * 512}};
}

BoardSettings settings_from(Numbers& numbers) {
  BoardSettings settings;
  const auto& releases = modelled_releases();
  settings.release = releases[numbers.byte() % releases.size()];
  BootConfig& config = settings.config;
  config.architecture = static_cast<Architecture>(numbers.byte() % 3);
  const std::uint64_t choices = numbers.byte();
  if (choices >= 240) settings.page_size = choices % 2 == 0 ? 16384 : 65536;
  config.selection = static_cast<BootConfig::SizeSelection>(choices % 4);
  config.node_areas = choices / 4 % 2 != 0;
  config.coherent_pools = choices / 8 % 4 != 0;
  config.possible_nodes = static_cast<unsigned>(choices / 32 % 4);
  config.size_mbytes = numbers.byte() % 64;
  config.size_percentage = numbers.byte() % 101;
  settings.memory = memory_from(numbers);
  if (choices / 16 % 2 != 0) settings.limit = settings.memory.front().start + numbers.byte() * kMiB / 2;
  for (std::uint64_t left = numbers.byte() % 3; left > 0; --left) {
    const std::uint64_t base = settings.memory.front().start + numbers.byte() * kMiB / 4;
    settings.reserved.push_back({base, base + numbers.below(65536) * 64});
  }
  return settings;
}

// Boots, and asks the laws and the rules.
void boot(const Board& board, bool explained) {
  static Laws& laws = *new Laws;
  try {
    const BoardRun run(board, &laws);
    const std::string broken = broken_rule(run);
    require(broken.empty(), fmt::format("boot/{}", broken.substr(0, broken.find(':'))), broken);
    if (explained) require(!boot_report(run, explain_boot(run)).empty(), "boot/no-report");
  } catch (const LawBroken& law) {
    require(false, fmt::format("boot/law-{}", name_of(law.law())), law.what());
  } catch (const AssertionFailure& failure) {
    require(false, fmt::format("boot/assertion-{}", failure.where()), failure.what());
  }
}

// Returns how long the blob is with which the input begins: 0 if it begins with none.
std::size_t length_of_blob(std::string_view input) {
  constexpr std::string_view kMagic = "\xd0\x0d\xfe\xed";
  if (!input.starts_with(kMagic) || input.size() < 8) return 0;
  return std::min<std::size_t>(number_at(std::string(input.substr(4, 4)), 0, 1), input.size());
}

// Returns the board of a tree, which has the tree's own memory if that is wanted and small; nullopt if none can be.
std::optional<Board> board_of(BootTree tree, const BoardSettings& settings, bool own_memory) {
  BoardSettings own = settings;
  own.memory.clear();
  auto board = make_board(tree, own_memory ? own : settings);
  if (!board || board->geometry.memory.pages() > kMostPages) board = make_board(std::move(tree), settings);
  if (board) return std::move(*board);
  require(!board.error().empty(), "boot/refused-without-a-reason");
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t length = length_of_blob(input);
  Numbers numbers({data + length, size - length});
  const std::uint64_t choices = numbers.byte();
  const BoardSettings settings = settings_from(numbers);
  BootTree tree;
  if (length == 0) {
    tree = tree_from(numbers);
  } else {
    auto read = read_boot_tree(input.substr(0, length));
    require(read || !read.error().empty(), "boot/refused-without-a-reason");
    if (!read) return 0;
    tree = std::move(*read);
  }
  std::optional<Board> board = board_of(std::move(tree), settings, length != 0 && choices % 2 == 0);
  if (!board) return 0;
  // Two nodes, where there are two zones.
  if (choices % 4 == 3 && board->geometry.zones.size() == 2) board->geometry.zones[1].node = 1;
  if (board->geometry.impossible()) return 0;
  boot(*board, choices >= 240 && board->tree.regions.size() <= 4);
  return 0;
}
