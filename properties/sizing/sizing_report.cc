#include "properties/sizing/sizing_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cma::sizing {
namespace {

using Json = nlohmann::ordered_json;

// The most runs of equal requests of an order that are printed.
constexpr std::size_t kMostRuns = 16;

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// Returns pages as an amount of memory: "84 MiB", "496 KiB", "56.2 MiB".
std::string memory_text(const Answer& answer, std::uint64_t pages) {
  const std::uint64_t kib = pages << (answer.page_shift - 10);
  if (kib < 1024) return fmt::format("{} KiB", kib);
  if (kib % 1024 == 0) return fmt::format("{} MiB", kib / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(kib) / 1024);
}

std::string request_text(const Request& request) {
  const std::string line = request.line == 0 ? "" : fmt::format("line {}: ", request.line);
  return fmt::format("{}{}, align {}", line, plural(request.pages, "page"), request.align);
}

std::string failure_text(const Answer& answer, const Size& size) {
  if (!size.fails_below) return "there is no smaller area";
  return fmt::format("in {} request {} of {} fails ({})", plural(size.units - 1, "unit"), *size.fails_below + 1,
                     answer.requests.size(), request_text(answer.requests[*size.fails_below]));
}

std::string size_line(std::string_view what, const Answer& answer, const Size& size) {
  return fmt::format("  {:<19} {:>9}  {}, {}; {}\n", what, memory_text(answer, size.pages), plural(size.units, "unit"),
                     plural(size.pages, "page"), failure_text(answer, size));
}

std::string proof_text(const Answer& answer) {
  switch (answer.proof) {
    case Proof::all_orders: return "no order needs less: all were compared";
    case Proof::bound: return "no order needs fewer units, by a lower bound";
    case Proof::none: break;
  }
  return fmt::format("the best order found; whether one needs less is open, and none needs less than {}",
                     plural(answer.least_units, "unit"));
}

// Returns an order as runs of equal requests: "385 align 8 x2, 4 align 2".
std::string order_text(const Answer& answer, const std::vector<std::size_t>& order) {
  std::string text;
  std::size_t runs = 0;
  for (std::size_t i = 0; i < order.size();) {
    const Request& first = answer.requests[order[i]];
    std::size_t end = i + 1;
    while (end < order.size() && answer.requests[order[end]].pages == first.pages &&
           answer.requests[order[end]].align == first.align)
      ++end;
    if (++runs > kMostRuns) return text + fmt::format(", and {} more (--json has them)", order.size() - i);
    text += fmt::format("{}{} align {}", i == 0 ? "" : ", ", first.pages, first.align);
    if (end - i > 1) text += fmt::format(" x{}", end - i);
    i = end;
  }
  return text;
}

std::string head_text(const Subject& subject, const Answer& answer) {
  std::uint64_t pages = 0;
  for (const Request& request : answer.requests) pages += request.pages;
  std::string text =
      fmt::format("{}: {}{}, {} ({}), all held at once\n", subject.file,
                  subject.demand.area.empty() ? "" : "area " + subject.demand.area + ", ",
                  plural(answer.requests.size(), "request"), plural(pages, "page"), memory_text(answer, pages));
  text += fmt::format("  Linux {}: an area is whole units of {} ({}); a bit is {}\n",
                      name_of(subject.setting.shape.release), plural(answer.unit, "page"),
                      memory_text(answer, answer.unit), plural(order_pages(answer.order_per_bit), "page"));
  text += answer.base_assumed ? "  its base is taken for a multiple of every alignment asked for (--base has another)\n"
                              : fmt::format("  its base is page {:#x}\n", answer.base);
  if (subject.demand.others != 0)
    text += fmt::format("  {} of the program that {} nothing of an area {} left out\n",
                        plural(subject.demand.others, "operation"), subject.demand.others == 1 ? "requests" : "request",
                        subject.demand.others == 1 ? "is" : "are");
  return text;
}

std::string sizes_text(const Answer& answer) {
  std::string text = size_line("in the given order", answer, answer.given);
  text += size_line("in the best order", answer, answer.best);
  text += fmt::format("    {}\n", proof_text(answer));
  if (answer.best.units != answer.given.units)
    text += fmt::format("    the order: {}\n", order_text(answer, answer.best.order));
  if (answer.released) text += size_line("with its releases", answer, *answer.released);
  const bool smaller = std::max(answer.given.units, answer.best.units) > 1;
  if (answer.given.checked)
    text += fmt::format("  each is checked: machines of that size perform all requests{}\n",
                        smaller ? ", and fail with a unit less" : "");
  else
    text += "  too large for a machine here: computed on the area's bitmap alone\n";
  return text;
}

std::string shares_text(const Answer& answer) {
  const Share& given = answer.given.share;
  const Share& best = answer.best.share;
  std::string text = fmt::format("\n  {:<38} {:>9} {:>9}\n", "where its pages go", "given", "best");
  const auto row = [&](std::string_view what, std::uint64_t a, std::uint64_t b) {
    text += fmt::format("    {:<36} {:>9} {:>9}\n", what, a, b);
  };
  row("asked for", given.asked, best.asked);
  row("bits: requests end on whole bits", given.whole_bits, best.whole_bits);
  row("alignment: gaps whatever the order", given.alignment, best.alignment);
  row("fragmentation: gaps of this order", given.fragmentation, best.fragmentation);
  row("units: the area ends on a whole unit", given.whole_units, best.whole_units);
  row("the area", answer.given.pages, answer.best.pages);
  const Request& largest = answer.requests[answer.largest];
  text += fmt::format("  the largest request ({}) alone needs {}\n", request_text(largest),
                      plural(answer.largest_alone, "page"));
  return text;
}

// Returns what a number of units less or more than another is worth; nothing if they are equal.
std::string saving_text(const Answer& answer, std::uint64_t before, std::uint64_t after) {
  if (before == after) return "";
  if (after < before) return fmt::format("saves {}", memory_text(answer, (before - after) * answer.unit));
  return fmt::format("costs {}", memory_text(answer, (after - before) * answer.unit));
}

std::string alternatives_text(const Subject& subject, const Answer& answer) {
  const unsigned made_with = subject.setting.cma_alignment;
  std::string text = fmt::format("\n  {:<20} {:>12} {:>12}\n", "CONFIG_CMA_ALIGNMENT", "given order", "best order");
  for (const Alternative& other : answer.alternatives) {
    const std::string note =
        other.cma_alignment == made_with ? "as it is" : saving_text(answer, answer.given.units, other.given_units);
    std::string line = fmt::format(
        "  {:>20} {:>12} {:>12}{}  {}", other.cma_alignment, memory_text(answer, other.given_units * answer.unit),
        memory_text(answer, other.best_units * answer.unit), other.best_proved ? " " : "?", note);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  text += fmt::format(
      "    a request aligned to its own order or to 2^{} pages follows the option, as the DMA layer's do;\n"
      "    an explicit alignment below these is limited by it, never raised\n",
      made_with);
  if (answer.beyond_cma_alignment != 0)
    text += fmt::format("    {} aligned to more than 2^{} pages: that is no request of the DMA layer, and stays\n",
                        plural(answer.beyond_cma_alignment, "request"), made_with);
  return text;
}

Json size_json(const Answer& answer, const Size& size) {
  Json json = {{"units", size.units}, {"pages", size.pages}, {"bytes", size.pages << answer.page_shift}};
  json["fails_with_a_unit_less"] = size.fails_below ? Json(*size.fails_below + 1) : Json(nullptr);
  json["checked"] = size.checked;
  json["places"] = size.places;
  return json;
}

Json shared_size_json(const Answer& answer, const Size& size) {
  Json json = size_json(answer, size);
  json["why"] = {{"asked", size.share.asked},
                 {"bits", size.share.whole_bits},
                 {"alignment", size.share.alignment},
                 {"fragmentation", size.share.fragmentation},
                 {"unit", size.share.whole_units}};
  Json order = Json::array();
  for (const std::size_t request : size.order) order.push_back(request + 1);
  json["order"] = std::move(order);
  return json;
}

std::string_view proof_name(Proof proof) {
  switch (proof) {
    case Proof::all_orders: return "all orders compared";
    case Proof::bound: return "lower bound";
    case Proof::none: break;
  }
  return "none";
}

}  // namespace

std::string answer_text(const Subject& subject, const Answer& answer) {
  return head_text(subject, answer) + sizes_text(answer) + shares_text(answer) + alternatives_text(subject, answer);
}

std::string answer_json(const Subject& subject, const Answer& answer) {
  Json json = {{"file", subject.file},
               {"area", subject.demand.area},
               {"release", name_of(subject.setting.shape.release)},
               {"unit_pages", answer.unit},
               {"base", answer.base},
               {"base_assumed", answer.base_assumed},
               {"order_per_bit", answer.order_per_bit},
               {"left_out", subject.demand.others}};
  for (const Request& request : answer.requests)
    json["requests"].push_back({{"pages", request.pages}, {"align", request.align}, {"line", request.line}});
  json["given"] = shared_size_json(answer, answer.given);
  json["best"] = shared_size_json(answer, answer.best);
  json["best"]["proof"] = proof_name(answer.proof);
  json["best"]["least_units"] = answer.least_units;
  if (answer.released) json["with_releases"] = size_json(answer, *answer.released);
  json["largest"] = {{"request", answer.largest + 1}, {"alone_pages", answer.largest_alone}};
  json["cma_alignment"] = subject.setting.cma_alignment;
  for (const Alternative& other : answer.alternatives)
    json["cma_alignments"].push_back({{"cma_alignment", other.cma_alignment},
                                      {"given_units", other.given_units},
                                      {"best_units", other.best_units},
                                      {"best_proved", other.best_proved}});
  return json.dump();
}

}  // namespace cma::sizing
