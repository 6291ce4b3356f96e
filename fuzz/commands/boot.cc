// `cmacheck boot`: reports what a kernel reserves where on the board of a device tree, and why not.

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "fuzz/commands/tree_file.h"
#include "properties/board/boot_report.h"

namespace cma {
namespace {

struct BootCommand {
  std::string file;
  std::string release = "6.1";
  std::string architecture = "arm64";
  std::string cmdline;
  std::vector<std::string> memory;
  std::vector<std::string> reserved;
  std::string limit;
  std::string selection = "mbytes";
  std::uint64_t page_size = 4096;
  std::uint64_t size_mbytes = BootConfig().size_mbytes;
  std::uint64_t size_percentage = BootConfig().size_percentage;
  std::uint64_t areas = 0;
  bool no_cmdline = false;
  bool node_areas = false;
};

// Returns the number that the whole text is, as the kernel reads it; nullopt if it is none.
std::optional<std::uint64_t> size_of(std::string_view text) {
  const ParsedSize size = memparse(text, Release::v6_1);
  if (size.length == 0 || size.length != text.size()) return std::nullopt;
  return size.bytes;
}

// Returns the range of SIZE@BASE; nullopt for what is none.
std::optional<ByteRange> range_of(const std::string& text) {
  const std::size_t at = text.find('@');
  if (at == std::string::npos) return std::nullopt;
  const auto size = size_of(std::string_view(text).substr(0, at));
  const auto base = size_of(std::string_view(text).substr(at + 1));
  if (!size || !base || *size == 0 || *size > ~*base) return std::nullopt;
  return ByteRange{*base, *base + *size};
}

std::string complaint_about_range(const std::string& text) {
  if (range_of(text)) return "";
  const std::size_t at = text.find('@');
  const auto size = size_of(std::string_view(text).substr(0, at));
  const auto base = at == std::string::npos ? std::nullopt : size_of(std::string_view(text).substr(at + 1));
  if (size && base && *size != 0) return text + " ends after the largest address";
  if (size && base) return text + " has no size";
  return "expected SIZE@BASE, as in 1G@0x80000000";
}

std::string complaint_about_limit(const std::string& text) {
  const auto limit = size_of(text);
  if (limit && *limit == 0) return "expected an address above 0";
  return limit ? "" : "expected a number, as in 1G or 0x40000000";
}

BoardSettings settings_of(const BootCommand& command) {
  BoardSettings settings;
  settings.release = *release_from_name(command.release);
  settings.page_size = command.page_size;
  BootConfig& config = settings.config;
  config.architecture = command.architecture == "arm"     ? Architecture::arm
                        : command.architecture == "riscv" ? Architecture::riscv
                                                          : Architecture::arm64;
  using enum BootConfig::SizeSelection;
  config.selection = command.selection == "percentage" ? percentage
                     : command.selection == "min"      ? min
                     : command.selection == "max"      ? max
                                                       : mbytes;
  config.size_mbytes = command.size_mbytes;
  config.size_percentage = command.size_percentage;
  config.node_areas = command.node_areas;
  for (const std::string& text : command.memory) settings.memory.push_back(*range_of(text));
  for (const std::string& text : command.reserved) settings.reserved.push_back(*range_of(text));
  if (!command.limit.empty()) settings.limit = size_of(command.limit);
  if (command.areas != 0) settings.areas = static_cast<unsigned>(command.areas);
  if (command.no_cmdline || !command.cmdline.empty()) settings.cmdline = command.cmdline;
  return settings;
}

int perform_boot(const BootCommand& command) {
  auto tree = read_tree_file(command.file);
  if (!tree) return report_failure(tree.error());
  const auto board = make_board(std::move(*tree), settings_of(command));
  if (!board) return report_failure({kBadInput, fmt::format("{}: {}", command.file, board.error())});
  const BoardRun run(*board);
  const std::vector<WhyNot> answers = explain_boot(run);
  fmt::print("{}", boot_report(run, answers));
  const bool boots = run.boot().parameters().null_pointer.empty() && run.not_activated().empty();
  return answers.empty() && boots ? kNothingFound : kFindings;
}

std::vector<std::string> known_releases() {
  std::vector<std::string> names;
  for (const Release release : releases_by_age()) names.push_back(name_of(release));
  return names;
}

}  // namespace

void add_boot(CommandLine& line) {
  auto command = std::make_shared<BootCommand>();
  Command sub = line.add("boot", "Reports what a kernel reserves where on the board of a device tree, and why not");
  sub.text("TREE", command->file, "A device tree, source or blob; - is the standard input").required();
  sub.text("--release", command->release, "The kernel").one_of(known_releases()).show_default();
  sub.text("--arch", command->architecture, "The architecture").one_of({"arm", "arm64", "riscv"}).show_default();
  Option cmdline = sub.text("--cmdline", command->cmdline, "The command line, instead of the tree's bootargs");
  sub.flag("--no-cmdline", command->no_cmdline, "Boot without a command line").excludes(cmdline);
  sub.texts("--memory", command->memory, "SIZE@BASE: memory, instead of the tree's; more than once for several banks")
      .one_value_each()
      .check(complaint_about_range);
  sub.texts("--reserved", command->reserved, "SIZE@BASE: what boot has already, as the kernel's image")
      .one_value_each()
      .check(complaint_about_range);
  sub.text("--limit", command->limit, "Where the memory ends that all devices reach").check(complaint_about_limit);
  sub.number("--page-size", command->page_size, "4096, 16384 or 65536", {4096, 65536}).show_default();
  sub.text("--size-sel", command->selection, "CONFIG_CMA_SIZE_SEL_*: how the configuration chooses a size")
      .one_of({"mbytes", "percentage", "min", "max"})
      .show_default();
  sub.number("--size-mbytes", command->size_mbytes, "CONFIG_CMA_SIZE_MBYTES", {0, 1 << 20}).show_default();
  sub.number("--size-percentage", command->size_percentage, "CONFIG_CMA_SIZE_PERCENTAGE", {0, 100}).show_default();
  sub.number("--cma-areas", command->areas, "CONFIG_CMA_AREAS, instead of what the architecture has; at most 63",
             {1, kMostAreas - 1});
  sub.flag("--node-areas", command->node_areas, "The kernel has areas for each node (CONFIG_DMA_NUMA_CMA)");
  sub.footer(
      "Prints what is reserved, a picture of memory, the kernel's lines, and for each area or region that could not be "
      "had the places that were considered, what was in the way, and changes that were tried and would make it fit; "
      "then what is there and not safe, as others have the same memory. Exit: 0 all is there and safe, 1 something "
      "is not, 2 bad input or usage, 3 dtc is missing.");
  sub.action([command] { return perform_boot(*command); });
}

}  // namespace cma
