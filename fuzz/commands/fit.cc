// `cmacheck fit`: reports how large an area must be for the requests of a program, or of a list.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "allocator/areas/area.h"
#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/program/text_line.h"
#include "properties/sizing/area_size.h"
#include "properties/sizing/demand.h"
#include "properties/sizing/sizing_report.h"

namespace cma {
namespace {

// Stands for "as the program has it" among the values of an option.
constexpr std::uint64_t kNotGiven = ~std::uint64_t{0};

struct FitCommand {
  std::string file;
  std::string release;
  std::uint64_t pageblock_order = kNotGiven;
  std::uint64_t largest_order = kNotGiven;
  std::string base;
  std::uint64_t cma_alignment = kCmaAlignment;
  bool dma = false;
  bool json = false;
};

std::unexpected<Failure> refused(const FitCommand& command, const sizing::BadDemand& bad) {
  const std::string file = command.file == "-" ? "standard input" : command.file;
  const std::string place = bad.line == 0 ? file : fmt::format("{}:{}", file, bad.line);
  return std::unexpected(Failure{kBadInput, fmt::format("{}: {}", place, bad.reason)});
}

// Reads the file, as requests or as a program, whose machine becomes the shape.
std::expected<std::vector<sizing::Demand>, Failure> read_demands(const FitCommand& command, Geometry& shape) {
  const auto content = read_file(command.file);
  if (!content) return std::unexpected(content.error());
  if (looks_like_text(*content) && sizing::looks_like_requests(*content)) {
    auto demand = sizing::read_requests(*content);
    if (!demand) return refused(command, demand.error());
    return std::vector{std::move(*demand)};
  }
  const auto loaded = program_of(command.file, *content);
  if (!loaded)
    return std::unexpected(Failure{loaded.error().exit_code,
                                   loaded.error().message + " (or lines of requests, which begin with their pages)"});
  auto demands = sizing::demands_of(loaded->program, loaded->lines);
  if (!demands) return refused(command, demands.error());
  shape = loaded->program.machine;
  return std::move(*demands);
}

// Applies the options to the setting. Throws UsageError where they contradict the kernel.
void apply_options(const FitCommand& command, sizing::Setting& setting) {
  Geometry& shape = setting.shape;
  if (!command.release.empty()) shape.release = *release_from_name(command.release);
  if (command.pageblock_order != kNotGiven) shape.pageblock_order = static_cast<unsigned>(command.pageblock_order);
  if (command.largest_order != kNotGiven) shape.largest_order = static_cast<unsigned>(command.largest_order);
  if (shape.pageblock_order > shape.largest_order)
    throw UsageError("a pageblock cannot be larger than a largest block");
  if (!command.base.empty()) setting.base = parse_number(command.base, 1);
  const auto [least, most] = sizing::cma_alignments(shape.release);
  // Up to 3.16 the model's allocator applies the limit itself, with this value.
  const unsigned highest = shape.release < Release::v3_17 ? kCmaAlignment : most;
  if (command.cma_alignment < least || command.cma_alignment > highest)
    throw UsageError(fmt::format("--cma-alignment must be {} to {} for {}", least, highest, name_of(shape.release)));
  setting.cma_alignment = static_cast<unsigned>(command.cma_alignment);
  setting.dma = command.dma;
}

int perform_fit(const FitCommand& command) {
  sizing::Setting setting;
  setting.shape.release = Release::v6_1;
  const auto demands = read_demands(command, setting.shape);
  if (!demands) return report_failure(demands.error());
  apply_options(command, setting);
  bool first = true;
  for (const sizing::Demand& demand : *demands) {
    const auto answer = sizing::area_size(demand, setting);
    if (!answer) return report_failure(refused(command, answer.error()).error());
    const sizing::Subject subject{command.file == "-" ? "standard input" : command.file, demand, setting};
    if (command.json)
      fmt::print("{}\n", answer_json(subject, *answer));
    else
      fmt::print("{}{}", first ? "" : "\n", answer_text(subject, *answer));
    first = false;
  }
  return kNothingFound;
}

std::string complaint_about_page(const std::string& text) {
  try {
    parse_number(text, 1);
    return "";
  } catch (const SyntaxError& error) {
    return error.what();
  }
}

std::vector<std::string> release_names() {
  std::vector<std::string> names;
  for (const Release release : releases_by_age()) names.push_back(name_of(release));
  return names;
}

}  // namespace

void add_fit(CommandLine& line) {
  auto command = std::make_shared<FitCommand>();
  Command sub = line.add("fit", "Reports how large an area must be for the requests of a program, and why");
  sub.text("PROGRAM", command->file,
           "A program, or lines `COUNT [xN] [align A] [order_per_bit B]`; - is the standard input")
      .required();
  sub.text("--release", command->release, "The kernel, instead of the program's; 6.1 for lines")
      .one_of(release_names());
  sub.number("--pageblock-order", command->pageblock_order, "Instead of the program's; 9 for lines",
             {1, kOrderLimit - 1});
  sub.number("--largest-order", command->largest_order, "Instead of the program's; 10 for lines", {1, kOrderLimit - 1});
  sub.text("--base", command->base, "The area's first page, decimal or 0x, instead of the program's")
      .check(complaint_about_page);
  sub.number("--cma-alignment", command->cma_alignment, "CONFIG_CMA_ALIGNMENT of the kernel that made the requests",
             {2, 12})
      .show_default();
  sub.flag("--dma", command->dma, "Align requests without an alignment as dma_alloc_contiguous does");
  sub.flag("--json", command->json, "Print one JSON object an area");
  sub.footer(
      "Prints for each area the smallest size, in whole units of the release, that holds all requests at once: in the "
      "given order and in the best one found; where its pages go; what another CONFIG_CMA_ALIGNMENT would save. Pages "
      "that others hold in the area, and that cannot be moved, come on top. Exit: 0 done, 2 bad input or usage.");
  sub.action([command] { return perform_fit(*command); });
}

}  // namespace cma
