#include "properties/explain/zone_holders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "properties/explain/name_runs.h"
#include "properties/explain/names.h"
#include "properties/explain/page_facts.h"

namespace cma {
namespace {

// Holders of a zone's pages that are listed, those of one size as one.
constexpr std::size_t kHoldersListed = 6;

// Returns the results that hold pages, by their ranges: buffers, blocks and ranges, which have no owner records.
std::map<Pfn, std::pair<Pfn, Slot>> held_ranges(const World& world) {
  std::map<Pfn, std::pair<Pfn, Slot>> ranges;
  for (const World::Piece& piece : world.pieces) ranges[piece.start] = {piece.start + piece.pages, piece.slot};
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const Result& result = world.result(slot);
    const bool held = result.yields == Yields::block || result.yields == Yields::range;
    if (held && !result.gone && result.pfn != kNoPfn) ranges[result.pfn] = {result.pfn + result.pages, slot};
  }
  return ranges;
}

// Returns the mappings of live processes, by the owner of each page that they map.
std::map<OwnerId, Slot> mappings_by_owner(const World& world) {
  const Processes& processes = world.machine().processes;
  std::map<OwnerId, Slot> mappings;
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const Result& result = world.result(slot);
    if (result.yields != Yields::mapping || !processes.has_mapping(result.process, result.mapping)) continue;
    for (std::uint64_t i = 0; i < processes.pages_of(result.process, result.mapping); ++i)
      if (const OwnerId owner = processes.page_at(result.process, result.mapping, i); owner != 0)
        mappings.emplace(owner, slot);
  }
  return mappings;
}

std::map<Pfn, BufferId> buffers_by_page(const Machine& machine) {
  std::map<Pfn, BufferId> buffers;
  for (BufferId id = 1; id <= machine.buffers.size(); ++id)
    if (const Pfn pfn = machine.buffers.buffer(id).pfn; pfn != kNoPfn) buffers[pfn] = id;
  return buffers;
}

// The holders of pages, by name, and what reclaim finds of those in caches.
class ZoneHolders {
 public:
  explicit ZoneHolders(const World& world)
      : world_(world),
        machine_(world.machine()),
        owners_(results_by_owner(world)),
        mappings_(mappings_by_owner(world)),
        ranges_(held_ranges(world)),
        buffers_(buffers_by_page(world.machine())) {}

  // Returns who holds the page; empty if it is free for requests.
  std::string holder(Pfn pfn) const;
  // Returns what reclaim would find of the page; nullopt if it is in no cache.
  std::optional<CacheState> cache_state(Pfn pfn) const;

 private:
  std::string name(Slot slot) const { return name_or_text(world_.program(), slot); }

  const World& world_;
  const Machine& machine_;
  std::map<OwnerId, Slot> owners_;
  std::map<OwnerId, Slot> mappings_;
  std::map<Pfn, std::pair<Pfn, Slot>> ranges_;
  std::map<Pfn, BufferId> buffers_;
};

std::string ZoneHolders::holder(Pfn pfn) const {
  const Page& head = machine_.map.page(machine_.map.compound_head(pfn));
  if (head.has(kPageReserved)) return "boot";
  // Of a block that is no compound page, only the first page has a reference.
  const auto after = ranges_.upper_bound(pfn);
  if (after != ranges_.begin() && pfn < std::prev(after)->second.first) return name(std::prev(after)->second.second);
  if (head.ref == 0) {
    if (head.has(kPageHugetlb)) return "the hugetlb pool";
    return head.has(kPagePcp) ? "per-CPU lists, free" : "";
  }
  if (const auto owner = owners_.find(head.owner); owner != owners_.end()) return name(owner->second);
  const PageFacts facts(world_, pfn, /*ours=*/false);
  const std::string user = facts.user_name();
  if (const auto mapping = mappings_.find(head.owner); mapping != mappings_.end())
    return name(mapping->second) + (user.empty() ? "" : " of " + user);
  return user.empty() ? "others without a name" : user;
}

// What keeps a page for good comes first: a dirty page that is pinned does not go when it is written.
std::optional<CacheState> ZoneHolders::cache_state(Pfn pfn) const {
  const Page& page = machine_.map.page(pfn);
  if (page.owner == 0 || page.ref == 0 || !is_cached(machine_.owners.owner(page.owner).kind)) return std::nullopt;
  if (machine_.owners.owner(page.owner).kind == PageKind::shmem) return CacheState::shared;
  if (page.has(kPageMlocked | kPageUnevictable)) return CacheState::locked;
  const auto buffer = buffers_.find(pfn);
  if (buffer != buffers_.end() && machine_.buffers.buffer(buffer->second).count > 0) return CacheState::buffers;
  if (page.has(kPageWriteback)) return CacheState::writeback;
  if (PageFacts(world_, pfn, /*ours=*/false).stays()) return CacheState::references;
  if (page.has(kPageDirty)) return CacheState::dirty;
  return page.has(kPageLocked) ? CacheState::locked : CacheState::clean;
}

// Returns whether the page is part of an active area.
bool in_area(const Machine& machine, Pfn pfn) {
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    if (machine.areas.area(id).active() && machine.areas.area(id).contains(pfn)) return true;
  return false;
}

// The pages of one holder.
struct HeldPages {
  std::uint64_t pages = 0;
  std::array<std::uint64_t, kCacheStates> cached{};
  std::array<Pfn, kCacheStates> first{};  // of each state

  std::uint64_t in(CacheState state) const { return cached[static_cast<std::size_t>(state)]; }
  std::uint64_t to_be_written() const { return in(CacheState::dirty) + in(CacheState::writeback); }
  bool in_caches() const { return cached != std::array<std::uint64_t, kCacheStates>{}; }
  void count(Pfn pfn, std::optional<CacheState> state) {
    ++pages;
    if (!state) return;
    const auto index = static_cast<std::size_t>(*state);
    if (cached[index]++ == 0) first[index] = pfn;
  }
};

std::string_view words_of(CacheState state) {
  switch (state) {
    case CacheState::clean: return "clean";
    case CacheState::dirty: return "dirty";
    case CacheState::writeback: return "under writeback";
    case CacheState::shared: return "of shared memory, which cannot be dropped without swap";
    case CacheState::locked: return "locked";
    case CacheState::buffers: return "with buffers in use, which cannot be dropped";
    case CacheState::references: return "with other references, which cannot be dropped";
  }
  return "?";
}

std::string_view figure_of(CacheState state) {
  switch (state) {
    case CacheState::clean: return "cache_clean";
    case CacheState::dirty: return "cache_dirty";
    case CacheState::writeback: return "cache_writeback";
    case CacheState::shared: return "cache_shared";
    case CacheState::locked: return "cache_locked";
    case CacheState::buffers: return "cache_buffers_in_use";
    case CacheState::references: return "cache_referenced";
  }
  return "?";
}

// Returns in parentheses who else has the page, as far as its kind does not show it.
std::string others_text(const World& world, Pfn pfn) {
  std::string text;
  for (const std::string& holder : PageFacts(world, pfn, /*ours=*/false).holders())
    text += (text.empty() ? "" : ", ") + holder;
  return text.empty() ? text : fmt::format(" (page {:#x}: {})", pfn, text);
}

// Returns what of a holder's pages is cache, and what reclaim finds of it; empty if none is.
std::string cache_text(const World& world, const HeldPages& held, std::vector<Figure>& figures) {
  std::string text;
  for (std::size_t i = 0; i < kCacheStates; ++i) {
    if (held.cached[i] == 0) continue;
    const auto state = static_cast<CacheState>(i);
    text += fmt::format("{} {} {}", text.empty() ? ": page cache," : ",", held.cached[i], words_of(state));
    const bool held_by_others = state == CacheState::buffers || state == CacheState::references;
    if (held_by_others) text += others_text(world, held.first[i]);
    figures.push_back({figure_of(state), held.cached[i]});
  }
  return text;
}

// Holders of as many pages each, none of them cache, whose names differ in numbers only; else one holder.
struct HolderGroup {
  std::vector<std::string> names;
  HeldPages each;
  std::uint64_t pages() const { return names.size() * each.pages; }
};

// Returns the holders of a zone's pages, those with most pages first, of equally many by name.
std::vector<HolderGroup> by_size(const std::map<std::string, HeldPages>& pages) {
  std::vector<HolderGroup> groups;
  std::map<std::pair<std::uint64_t, std::string>, std::size_t> known;
  for (const auto& [name, held] : pages) {
    if (!held.in_caches()) {
      const auto [group, is_new] = known.try_emplace({held.pages, without_numbers(name)}, groups.size());
      if (!is_new) {
        groups[group->second].names.push_back(name);
        continue;
      }
    }
    groups.push_back({{name}, held});
  }
  std::ranges::sort(groups, [](const HolderGroup& a, const HolderGroup& b) {
    return a.pages() != b.pages() ? a.pages() > b.pages() : comes_before(a.names.front(), b.names.front());
  });
  return groups;
}

}  // namespace

std::uint64_t add_zone_holders(const World& world, std::size_t zone, bool may_use_areas,
                               std::vector<Evidence>& evidence) {
  const Machine& machine = world.machine();
  const ZoneHolders holders(world);
  std::map<std::string, HeldPages> pages;
  std::uint64_t of_no_use = 0;
  const PfnRange range = machine.buddy.zone(zone).range;
  for (Pfn pfn = range.start; pfn < range.end; ++pfn) {
    if (!machine.map.present(pfn)) continue;
    const std::string name = holders.holder(pfn);
    if (name.empty()) continue;
    if (may_use_areas || !in_area(machine, pfn))
      pages[name].count(pfn, holders.cache_state(pfn));
    else
      ++of_no_use;
  }
  const auto add = [&](std::uint64_t count, std::string text, std::vector<Figure> figures) {
    figures.insert(figures.begin(), Figure{"pages", count});
    evidence.push_back(
        {About::held,
         fmt::format("{} of zone {} {}", plural(count, "page"), machine.buddy.zone_title(zone), std::move(text)),
         std::move(figures)});
  };
  std::uint64_t smaller = 0;
  std::uint64_t others = 0;
  std::uint64_t to_be_written = 0;
  const std::vector<HolderGroup> groups = by_size(pages);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto& [names, each] = groups[i];
    to_be_written += each.to_be_written();
    if (i >= kHoldersListed) {
      smaller += groups[i].pages();
      others += names.size();
      continue;
    }
    const std::string name = names_in_runs(names);
    std::vector<Figure> figures = {{"name", name}, {"holders", std::uint64_t{names.size()}}};
    const std::string cache = cache_text(world, each, figures);
    add(groups[i].pages(),
        fmt::format("by {}{}{}", name, names.size() == 1 ? "" : fmt::format(", {} each", each.pages), cache),
        std::move(figures));
  }
  if (smaller > 0) {
    const std::string rest = plural(others, "more holder");
    add(smaller, "by " + rest, {{"name", rest}, {"holders", others}});
  }
  if (of_no_use > 0) {
    const std::string areas = "in areas: of no use to this request if they were freed";
    add(of_no_use, areas, {{"name", areas}});
  }
  return to_be_written;
}

}  // namespace cma
