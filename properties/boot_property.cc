// Promise: what boot reserves lies where it was asked for, apart from all else, and memblock keeps exactly that.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/error.h"
#include "properties/arbitrary/boards_testing.h"
#include "properties/arbitrary/promise_testing.h"
#include "properties/program/text.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// A range that boot was to keep, and what became of it.
struct BootRange {
  std::string name;
  ByteRange range;
  bool placed = false;      // the kernel looked for the place
  bool nomap = false;       // without a mapping
  bool given_back = false;  // nothing could be made of it
  const Region* region = nullptr;
  std::optional<AreaId> area = std::nullopt;
};

// Judges the state that a `boot` operation leaves, by the operations of the program and by what was reserved before.
class BootWitness : public Witness {
 public:
  explicit BootWitness(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    before_ = machine.memblock.reserved();
  }
  void op_performed(Machine&, std::size_t op) override {
    if (machine_->booted()) return;
    const auto* boot = std::get_if<RunBoot>(&program_.ops[op].body);
    if (boot != nullptr) judge(*boot, static_cast<Slot>(op));
    before_ = machine_->memblock.reserved();
  }

 protected:
  const Geometry& geometry() const { return machine_->geometry(); }
  // Returns the zones of the machine, each with its node.
  virtual std::vector<ZoneSpec> zones() const { return geometry().effective_zones(); }
  virtual void deny(bool wrong, const BootRange& kept, const std::string& sentence) {
    if (wrong) claim(false, fmt::format("{} [{:#x}, {:#x}) {}", kept.name, kept.range.start, kept.range.end, sentence));
  }

 private:
  Release release() const { return geometry().release; }
  std::uint64_t unit() const { return geometry().isolation_unit() << geometry().page_shift(); }
  ByteRange bytes(const PfnRange& range) const {
    return {range.start << geometry().page_shift(), range.end << geometry().page_shift()};
  }
  ByteRange bytes(AreaId id) const {
    const Area& area = machine_->areas.area(id);
    return bytes({area.base, area.base + area.pages});
  }
  const ProgramBoot& made() const { return *last_plain_run().world().boot; }

  void judge(const RunBoot& boot, Slot slot);
  void judge_skip(const RunBoot& boot);
  void collect();
  void collect_areas();
  bool lost(const ByteRange& range) const;
  bool unreserved(const BootRange& kept) const;
  bool unmapped_only(const BootRange& kept) const;
  void judge_apart(const BootRange& kept);
  void judge_place(const BootRange& kept);
  void judge_region(const BootRange& kept);
  void judge_default_area(const AreaAttempt& attempt);
  void judge_node_area(const AreaAttempt& attempt);
  void judge_precedence(const RunBoot& boot);
  void judge_books();
  std::vector<bool> pages_of(const std::function<bool(const BootRange&)>& which) const;

  const Program& program_;
  Machine* machine_ = nullptr;
  std::vector<PfnRange> before_;  // what was reserved before the operation
  std::vector<BootRange> kept_;
};

void BootWitness::judge(const RunBoot& boot, Slot slot) {
  if (last_plain_run().world().result(slot).state == Result::State::skipped) return judge_skip(boot);
  collect();
  for (const BootRange& kept : kept_) {
    judge_apart(kept);
    judge_place(kept);
    if (kept.region != nullptr) judge_region(kept);
  }
  for (const AreaAttempt& attempt : made().boot->dma().attempts()) {
    if (!attempt.area) continue;
    if (attempt.request.name == "reserved")
      judge_default_area(attempt);
    else
      judge_node_area(attempt);
  }
  judge_precedence(boot);
  judge_books();
}

// The model refuses a boot after which no kernel lives: only fixed places can make one.
void BootWitness::judge_skip(const RunBoot& boot) {
  const bool fixed = std::ranges::any_of(program_.ops, [](const Op& op) {
    const auto* region = std::get_if<Region>(&op.body);
    return region != nullptr && region->base != kNotGiven;
  });
  claim(fixed || boot.cmdline.find('@') != std::string::npos, "boot without fixed places makes areas that overlap");
}

// --- what there is ---

// Collects regions with a place, then areas that were declared.
void BootWitness::collect() {
  kept_.clear();
  const auto& memory = made().boot->reserved_memory();
  for (const ReservedRegion& region : memory ? memory->regions() : std::vector<ReservedRegion>()) {
    if (region.size == 0) continue;
    const Op& op = program_.ops[*made().regions[region.node]];
    BootRange kept;
    kept.name = program_.name_of(op);
    kept.region = &std::get<Region>(op.body);
    kept.range = {region.base, region.base + region.size};
    kept.placed = kept.region->base == kNotGiven;
    kept.nomap = kept.region->no_map;
    kept.given_back = region.error != 0 && region.error != -kENOENT;
    kept.area = region.area;
    kept_.push_back(kept);
  }
  collect_areas();
}

void BootWitness::collect_areas() {
  for (const AreaAttempt& attempt : made().boot->dma().attempts()) {
    if (!attempt.area) continue;
    const bool old = release() < Release::v3_17;
    const bool fixed = old ? attempt.request.base != 0 : attempt.request.fixed;
    kept_.push_back(
        {.name = attempt.request.name, .range = bytes(*attempt.area), .placed = !fixed, .area = attempt.area});
  }
}

// Returns whether a region that was given back has a part of the range.
bool BootWitness::lost(const ByteRange& range) const {
  return std::ranges::any_of(kept_,
                             [&](const BootRange& other) { return other.given_back && other.range.overlaps(range); });
}

// Returns whether nothing may keep a fixed region: since 5.12 memory that is reserved cannot be left without a mapping.
bool BootWitness::unreserved(const BootRange& kept) const {
  if (!kept.nomap || kept.placed || release() < Release::v5_12) return false;
  const auto overlaps = [&](const PfnRange& range) { return bytes(range).overlaps(kept.range); };
  return std::ranges::any_of(before_, overlaps) || std::ranges::any_of(kept_, [&](const BootRange& other) {
           return &other != &kept && !other.placed && other.region != nullptr && other.range.overlaps(kept.range);
         });
}

// Returns whether a region is without a mapping and not reserved: no release looks for that when it declares an area.
// Boot reserves what it places, but for 5.10 to 5.14.
bool BootWitness::unmapped_only(const BootRange& kept) const {
  const bool reserves = release() < Release::v5_10 || release() >= Release::v5_15;
  return kept.nomap && (!kept.placed || !reserves);
}

// --- what must hold ---

// What boot places overlaps nothing, but for fixed areas over memory without a mapping that is not reserved.
void BootWitness::judge_apart(const BootRange& kept) {
  const auto fixed_area = [](const BootRange& range) { return range.region == nullptr && !range.placed; };
  if (!kept.placed && !fixed_area(kept)) return;
  for (const PfnRange& range : before_)
    deny(bytes(range).overlaps(kept.range) && !lost(bytes(range)), kept, "lies over memory that was reserved before");
  for (const BootRange& other : kept_) {
    if (&other == &kept || !other.range.overlaps(kept.range)) continue;
    if (lost(other.range) || lost(kept.range) || unreserved(other)) continue;
    const bool unseen = (fixed_area(kept) && unmapped_only(other)) || (fixed_area(other) && unmapped_only(kept));
    deny(!unseen, kept, "overlaps " + other.name);
  }
}

void BootWitness::judge_place(const BootRange& kept) {
  const ByteRange memory = bytes(machine_->memblock.memory());
  if (kept.placed) {
    deny(kept.range.start < memory.start || kept.range.end > memory.end, kept, "was placed outside memory");
    deny(kept.range.start < geometry().page_size, kept, "was placed on the first page of all");
    for (const PfnRange& hole : program_.machine.holes)
      deny(bytes(hole).overlaps(kept.range), kept, "was placed where there is no memory");
  }
  if (!kept.area) return;
  deny(!is_aligned(kept.range.start | kept.range.end, unit()), kept, "is an area of broken units");
  deny(bytes(*kept.area) != kept.range, kept, "is not where its area is");
}

// A region lies where its node says.
void BootWitness::judge_region(const BootRange& kept) {
  const Region& asked = *kept.region;
  deny(kept.range.size() != asked.size, kept, "is of another size");
  if (!kept.placed) return deny(kept.range.start != asked.base, kept, "is not where its node says");
  if (asked.alignment != 0) deny(!is_aligned(kept.range.start, asked.alignment), kept, "is misaligned");
  if (asked.alloc_base == kNotGiven) return;
  const ByteRange range{asked.alloc_base, asked.alloc_base + asked.alloc_size};
  deny(kept.range.start < range.start || kept.range.end > range.end, kept, "lies outside its alloc-ranges");
}

// The default area has the size, the base and the limit that the command line or the configuration asks for.
void BootWitness::judge_default_area(const AreaAttempt& attempt) {
  const BootParameters& asked = made().boot->parameters();
  const RunBoot* boot = nullptr;
  for (const Op& op : program_.ops)
    if (boot == nullptr) boot = std::get_if<RunBoot>(&op.body);
  const BootRange kept{.name = "the default area", .range = bytes(*attempt.area)};
  const std::uint64_t mask = geometry().phys_mask();
  std::uint64_t limit = align_down(boot->limit & mask, unit());
  bool fixed = false;
  if (asked.size) {
    deny(kept.range.size() != align_up(*asked.size, unit()), kept, "is of another size than cma= says");
    const std::uint64_t base = align_up(asked.base, unit());
    fixed = base != 0 && asked.base + *asked.size == asked.limit;
    deny(fixed ? kept.range.start != base : kept.range.start < base, kept, "is not where cma= says");
    // A limit of less than a unit rounds to none.
    const bool lower = asked.limit != 0 && ((boot->limit & mask) == 0 || asked.limit < (boot->limit & mask));
    if (lower) limit = align_down(asked.limit, unit());
  }
  // Up to 4.18 a fixed area has no limit.
  const bool limited = limit != 0 && (!fixed || release() >= Release::v4_19);
  deny(limited && kept.range.end > limit, kept, "reaches past its limit");
}

// The area of a node lies in the node's memory.
void BootWitness::judge_node_area(const AreaAttempt& attempt) {
  const BootRange kept{.name = attempt.request.name, .range = bytes(*attempt.area)};
  const std::vector<ZoneSpec> all = zones();
  const bool inside = std::ranges::any_of(all, [&](const ZoneSpec& zone) {
    const ByteRange memory = bytes(zone.range);
    return attempt.request.name.ends_with(std::to_string(zone.node)) && memory.start <= kept.range.start &&
           kept.range.end <= memory.end;
  });
  deny(!inside, kept, "is not in the memory of its node");
}

// Of the command line and a node that wants to be the default area one comes first.
void BootWitness::judge_precedence(const RunBoot& boot) {
  const DmaAreas& dma = made().boot->dma();
  const bool cmdline = made().boot->parameters().size.has_value();
  const bool declared = std::ranges::any_of(
      dma.attempts(), [](const AreaAttempt& attempt) { return attempt.request.name == "reserved"; });
  for (const BootRange& kept : kept_) {
    if (kept.region == nullptr || !kept.area) continue;
    deny(release() < Release::v3_18, kept, "is an area, though nodes were none");
    if (!kept.region->cma_default) continue;
    deny(release() >= Release::v5_8 && cmdline, kept, "is an area, though the command line comes first");
    // Since 6.12 these set fixed regions up when the default area is declared already.
    const bool late = release() >= Release::v6_12 && boot.arch != ArchWord::arm64 && !kept.placed;
    deny(declared && !late, kept, "is the default area, and another was declared");
  }
  const std::optional<AreaId> area = dma.default_area();
  const bool asked_for = std::ranges::any_of(kept_, [&](const BootRange& kept) {
    return kept.area == area && (kept.region == nullptr ? kept.name == "reserved" : kept.region->cma_default);
  });
  claim(!area || asked_for, "the default area is one that nothing asked for");
}

// --- memblock's books ---

// Returns which pages of memory are touched by such ranges.
std::vector<bool> BootWitness::pages_of(const std::function<bool(const BootRange&)>& which) const {
  const PfnRange& memory = machine_->memblock.memory();
  const unsigned shift = geometry().page_shift();
  std::vector<bool> pages(memory.pages(), false);
  for (const BootRange& kept : kept_) {
    if (!which(kept)) continue;
    const Pfn end = std::min(memory.end, ((kept.range.end - 1) >> shift) + 1);
    for (Pfn pfn = std::max(memory.start, kept.range.start >> shift); pfn < end; ++pfn)
      pages[pfn - memory.start] = true;
  }
  return pages;
}

// Reserved is what was reserved before and what boot keeps, less what was given back.
void BootWitness::judge_books() {
  const PfnRange& memory = machine_->memblock.memory();
  const auto mark = [&](const std::vector<PfnRange>& ranges) {
    std::vector<bool> pages(memory.pages(), false);
    for (const PfnRange& range : ranges)
      for (Pfn pfn = std::max(range.start, memory.start); pfn < std::min(range.end, memory.end); ++pfn)
        pages[pfn - memory.start] = true;
    return pages;
  };
  const std::vector<bool> before = mark(before_);
  const std::vector<bool> now = mark(machine_->memblock.reserved());
  const std::vector<bool> kept = pages_of([](const BootRange& k) { return !k.given_back; });
  // Since 5.15 memory that is placed without a mapping stays reserved when it is mapped again.
  const std::vector<bool> left =
      pages_of([&](const BootRange& k) { return k.given_back && k.nomap && k.placed && release() >= Release::v5_15; });
  const std::vector<bool> lost = pages_of([&](const BootRange& k) { return k.given_back || unreserved(k); });
  // What has no mapping is taken out of memory, which a hole is no part of: there only other ranges are reserved.
  const std::vector<bool> mapped = pages_of([](const BootRange& k) { return !k.given_back && !k.nomap; });
  const std::vector<bool> holes = mark(geometry().holes);
  for (Pfn pfn = memory.start; pfn < memory.end; ++pfn) {
    const std::size_t i = pfn - memory.start;
    if (now[i] && !before[i] && !kept[i] && !left[i])
      claim(false, fmt::format("page {:#x} is reserved, and nothing keeps it", pfn));
    const bool reserved = before[i] || (holes[i] ? mapped[i] : kept[i]);
    if (!now[i] && reserved && !lost[i]) claim(false, fmt::format("page {:#x} is free, and something keeps it", pfn));
  }
}

// No planted mistake moves an area to another node. Here it is the witness that is wrong: it takes each node for the
// other one.
class CrossedWitness final : public BootWitness {
 public:
  using BootWitness::BootWitness;
  std::size_t denied = 0;

 private:
  std::vector<ZoneSpec> zones() const override {
    std::vector<ZoneSpec> crossed = BootWitness::zones();
    for (ZoneSpec& zone : crossed) zone.node = 1 - zone.node;
    return crossed;
  }
  void deny(bool wrong, const BootRange&, const std::string& sentence) override {
    if (!wrong) return;
    EXPECT_EQ(sentence, "is not in the memory of its node");
    ++denied;
  }
};

struct NodesCase {
  const char* release;
  const char* cmdline;
};

TEST(BootWitnesses, SeeThatAnAreaIsNotOnItsNode) {
  for (const auto& [release, cmdline] :
       {NodesCase{"6.1", "cma_pernuma=8M cma=0"}, NodesCase{"6.12", "numa_cma=0:8M,1:8M cma=0"}}) {
    const Program program = *parse(fmt::format("machine release={} pages=0x10000 pageblock_order=9 debug=off\n"
                                               "zone Normal base=0 pages=0x8000\n"
                                               "zone Normal base=0x8000 pages=0x8000 node=1\n"
                                               "boot cmdline=\"{}\" node_areas\n",
                                               release, cmdline),
                                   "nodes");
    BootWitness right(program);
    run_plainly(program, &right);
    right.assert_all_held();
    CrossedWitness crossed(program);
    run_plainly(program, &crossed);
    EXPECT_EQ(crossed.denied, 2U) << release;
  }
}

// Boards without anything after boot.
Programs that_boot() {
  Programs programs;
  programs.prepare = [](Random& random, Program& program) {
    program.ops.clear();
    program.actors.clear();
    boot_a_board(random, program);
  };
  return programs;
}

PROMISE(BootPromise, keeps_what_was_asked_for_apart_and_in_its_place_and_nothing_else,
        {.programs = that_boot(),
         .planted = {Bug::region_unreserved,
                     Bug::alloc_ranges_ignored,
                     Bug::failed_region_kept,
                     {Bug::node_before_cmdline, Release::v6_1},
                     {Bug::cmdline_limit_ignored, Release::v4_19},
                     Bug::fixed_over_reserved,
                     Bug::limit_ignored}}) {
  BootWitness witness(program);
  run_plainly(program, &witness);
  witness.assert_all_held();
}

}  // namespace
}  // namespace cma
