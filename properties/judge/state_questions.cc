#include "properties/judge/state_questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "properties/judge/answers.h"

namespace cma::judge {
namespace {

std::string zone_line(const Machine& machine, const FreeCounts& boot) {
  const Zone& zone = machine.buddy.zone(0);
  return fmt::format("zone free={:+} cma={:+}", zone.nr_free_pages - boot.pages, zone.nr_free_cma - boot.cma);
}

std::string full_pcp_line(const Machine& machine) {
  const PerCpuPages& pcp = machine.buddy.zone(0).pcp[0];
  std::uint64_t cma = 0;
  for (unsigned order = 0; order <= kPcpLargestOrder; ++order) {
    const PageList& list = pcp.lists[3 * order + index_of(Migratetype::movable)];
    for (Frame frame = list.first; frame != kNil; frame = machine.map.at(frame).next)
      if (machine.map.pageblock_type(machine.map.pfn(frame)) == Migratetype::cma) cma += order_pages(order);
  }
  std::string line =
      fmt::format("pcp high={} batch={} cma_pages_on_it={} count={}", pcp.high, pcp.batch, cma, pcp.count);
  if (machine.release() >= Release::v6_7)
    line += fmt::format(" high_min={} high_max={} free_count={} alloc_factor={}", pcp.high_min, pcp.high_max,
                        pcp.free_count, pcp.alloc_factor);
  else if (machine.release() >= Release::v5_14)
    line += fmt::format(" factor={}", pcp.free_factor);
  return line;
}

// Lists the owned pages that are inside an area now. The handle of a page is its index in World::owner_of.
std::string locations_line(const Machine& machine, const World& world) {
  std::string line = "locs";
  const std::vector<OwnerId>& owners = world.owner_of;
  for (std::size_t handle = 0; handle < owners.size(); ++handle) {
    if (owners[handle] == 0) continue;
    const Pfn pfn = machine.owners.owner(owners[handle]).pfn;
    if (pfn != kNoPfn && machine.areas.area_of(pfn)) line += fmt::format(" {}:{}", handle, place_of(machine, pfn));
  }
  return line;
}

// Lists the pages of processes that are inside an area now, as PROCESS.MAPPING.INDEX:PLACE.
std::string process_locations_line(const Machine& machine) {
  std::string line = "plocs";
  const Processes& processes = machine.processes;
  for (SpaceId process = 1; process < processes.count(); ++process) {
    if (!processes.alive(process)) continue;
    for (MappingId mapping = 0; processes.has_mapping(process, mapping); ++mapping)
      for (std::uint64_t i = 0; i < processes.pages_of(process, mapping); ++i) {
        const OwnerId owner = processes.page_at(process, mapping, i);
        const Pfn pfn = owner == 0 ? kNoPfn : machine.owners.owner(owner).pfn;
        if (pfn != kNoPfn && machine.areas.area_of(pfn))
          line += fmt::format(" {}.{}.{}:{}", process, mapping, i, place_of(machine, pfn));
      }
  }
  return line;
}

// Where each page of a file is in it, by its number as an owner.
struct FilePlace {
  FileId file = 0;
  std::uint64_t index = 0;
};

std::vector<FilePlace> file_places(const Machine& machine) {
  std::vector<FilePlace> places(machine.owners.size() + 1);
  for (FileId file = 1; file <= machine.files.count(); ++file)
    for (std::uint64_t index = 0; index < machine.files.size(file); ++index)
      places[machine.files.cached(file, index)] = {file, index};
  places[0] = {};
  return places;
}

// Returns a page of an LRU list as its place in its file, or elsewhere in an area, and what its flags are.
std::string lru_page(const Machine& machine, Pfn pfn, const std::vector<FilePlace>& places) {
  const Page& page = machine.map.page(pfn);
  const FilePlace& place = places[page.owner];
  const char* referenced = page.has(kPageReferenced) ? "r" : "";
  if (place.file == 0) return place_of(machine, pfn) + referenced;
  std::string text = fmt::format("f{}.{}{}", place.file, place.index, referenced);
  if (page.has(kPageDirty)) text += "d";
  if (page.has(kPageWriteback)) text += "w";
  if (page.has(kPageReclaim)) text += "R";
  if (page.has(kPagePrivate)) text += "b";
  return text;
}

std::vector<std::string> lru_lines(const Machine& machine) {
  static constexpr std::pair<LruList, std::string_view> kNames[] = {{LruList::inactive_anon, "ia"},
                                                                    {LruList::active_anon, "aa"},
                                                                    {LruList::inactive_file, "if"},
                                                                    {LruList::active_file, "af"}};
  const std::vector<FilePlace> places = file_places(machine);
  std::uint64_t dirty = 0;
  std::uint64_t writeback = 0;
  for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
    if (places[id].file == 0) continue;
    const Page& page = machine.map.page(machine.owners.owner(id).pfn);
    dirty += page.has(kPageDirty) ? 1 : 0;
    writeback += page.has(kPageWriteback) ? 1 : 0;
  }
  std::vector<std::string> lines{fmt::format("lrus dirty={} writeback={}", dirty, writeback)};
  for (const auto& [list, name] : kNames) {
    std::string line = fmt::format("lo {}", name);
    const PageList& pages = machine.lru.lists().list(list);
    for (Frame frame = pages.first; frame != kNil; frame = machine.map.at(frame).next)
      line += " " + lru_page(machine, machine.map.pfn(frame), places);
    lines.push_back(std::move(line));
  }
  lines.emplace_back("end");
  return lines;
}

}  // namespace

bool watches_lrus(const Program& program) {
  return std::any_of(program.ops.begin(), program.ops.end(), [](const Op& op) {
    return std::holds_alternative<OpenFile>(op.body) || std::holds_alternative<DirectReclaim>(op.body) ||
           std::holds_alternative<RunKswapd>(op.body) ||
           std::holds_alternative<MappingOp<MappingVerb::madv_free>>(op.body);
  });
}

FreeCounts free_counts(const Machine& machine) {
  const Zone& zone = machine.buddy.zone(0);
  return {zone.nr_free_pages, zone.nr_free_cma};
}

std::vector<Question> state_questions(const Machine& machine, const World& world, const FreeCounts& boot, bool lrus) {
  std::vector<Question> questions;
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(id);
    Question question{fmt::format("dump {} f", area.name), dump_area(machine, id, true)};
    question.answer.insert(question.answer.begin(),
                           fmt::format("dump {} count={} opb={}", area.name, area.pages, area.order_per_bit));
    question.answer.emplace_back("end");
    questions.push_back(std::move(question));
  }
  for (auto& [words, line] : {std::pair<const char*, std::string>{"zone", zone_line(machine, boot)},
                              {"cmaf", free_cma_line(machine)},
                              {"lru", lru_line(machine)},
                              {"locs", locations_line(machine, world)},
                              {"pcp", full_pcp_line(machine)}})
    questions.push_back({words, {line}});
  if (machine.processes.count() > 1) {
    questions.push_back({"plocs", {process_locations_line(machine)}});
    questions.push_back({"unev", {unevictable_line(machine)}});
  }
  if (lrus) questions.push_back({"lrus", lru_lines(machine)});
  return questions;
}

}  // namespace cma::judge
