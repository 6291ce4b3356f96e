// What is known of a page at one moment: its kind, its holders by the names of the program's results, and the step that
// refused it. Used by the records of windows and by the answers for single pages. Cost: linear in the results and in
// the buffers of the machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "allocator/trace/window_watcher.h"
#include "properties/explain/answer.h"
#include "properties/explain/names.h"
#include "properties/program/world.h"

namespace cma {

// Returns the step that refuses pages for this reason, and why.
std::string_view refusal_text(Refusal why);

// The facts about one page, as it is now.
class PageFacts {
 public:
  // For a page of a compound page, the facts are those of its first page. `ours`: a page on a task's list is on that of
  // the allocation that asks.
  PageFacts(const World& world, Pfn pfn, bool ours)
      : world_(world), machine_(world.machine()), pfn_(machine_.map.compound_head(pfn)), ours_(ours) {}

  // Returns all facts, beside the verdict of a step.
  StoppedPage stopped(std::string verdict) const {
    return {.pfn = pfn_,
            .pages = pages(),
            .what = what(),
            .holders = holders(),
            .refused = std::move(verdict),
            .in_slots_only = in_slots_only()};
  }
  // Returns the number of pages of its compound page; 1 if it is of none.
  std::uint64_t pages() const { return pages_of(page()); }
  // Returns the step that refused the page, and its error; `error` is 0 if the step returns none.
  std::string refused(Refusal why, int error) const;
  // Returns why an attempt to move it failed with -EAGAIN, after a colon; empty if the page does not show it.
  std::string cause() const;
  // Returns its kind, whose it is, and its references: "anonymous page of n: 2 references, 1 mapping".
  std::string what() const;
  // Returns whether it is in use in a way that keeps every attempt from moving it: none of its users lets it go, or
  // some have references that migration cannot account for.
  bool stays() const;
  // Returns its holders besides what its kind shows. Names operations under way if nothing else accounts
  // for a reference.
  std::vector<std::string> holders() const;
  // Returns whether slots of buffer heads hold its buffer, and nothing else holds it besides what its kind shows.
  bool in_slots_only() const;
  // Returns the name of the result that it belongs to, in whatever way; empty if the program names none.
  std::string result_name() const;
  // Returns the processes that map it or the file whose cache has it, and which of both; empty if there are none.
  std::string user_name() const;

 private:
  const Page& page() const { return machine_.map.page(pfn_); }
  const Owner* owner() const { return page().owner == 0 ? nullptr : &machine_.owners.owner(page().owner); }
  std::string name(Slot slot) const { return name_or_text(world_.program(), slot); }
  std::string owner_name() const;
  std::string process_name(SpaceId space) const;
  // Returns the huge page that begins with it; nullptr if none does.
  const HugePage* huge() const {
    return owner() == nullptr || owner()->huge == 0 ? nullptr : &machine_.owners.huge_page(owner()->huge);
  }
  std::string mapper_names() const;
  void add_mappers(PteId first, std::string& names) const;
  std::string kind() const;
  std::string file_name(FileId file) const;
  std::string allocation() const;
  std::string extent() const;
  std::string without_owner() const;
  std::size_t buffer_slots() const;
  // These append to `holders`.
  void add_lock(std::vector<std::string>& holders) const;
  void add_pagevecs(std::vector<std::string>& holders) const;
  void add_counts(std::vector<std::string>& holders, BufferId id, std::int64_t slots) const;
  void add_buffer(std::vector<std::string>& holders) const;
  std::int64_t add_owner(std::vector<std::string>& holders) const;
  std::string count_holder(const World::HeldCount& held) const;
  std::int64_t own_references() const;
  std::int64_t add_pins(std::vector<std::string>& holders) const;
  void add_operations(std::vector<std::string>& holders) const;
  void add_unknown(std::vector<std::string>& holders, std::int64_t references) const;
  // The first page of the free block that it lies in; kNoPfn if it lies in none.
  Pfn free_block() const { return machine_.buddy.free_lists().covering_block(pfn_); }

  const World& world_;
  const Machine& machine_;
  Pfn pfn_;
  bool ours_;
};

}  // namespace cma
