// The parts of explain_boot() (why_not.h): the rule for each kind of loss, and the changes that are tried for it.
//
// why_not.cc alone makes one. Cost: see why_not.h. No locks; it stands on trials.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/board/dangers.h"
#include "properties/board/trials.h"
#include "properties/board/why_not.h"

namespace cma {

class Explainer {
 public:
  // Refers to the boot.
  explicit Explainer(const BoardRun& run) : run_(run), trials_(run) {}
  // Returns all answers. Requires: it is called once.
  std::vector<WhyNot> explain();

 private:
  // --- why_region.cc ---
  void explain_tree();
  void explain_ignored(const IgnoredNode& ignored);
  void explain_region(const ReservedRegion& region);
  void add_region_remedies(const ReservedRegion& region, const TreeNode& node);
  void add_room_remedies(const ReservedRegion& region, const TreeNode& node);
  void add_order_remedy(const TreeNode& node);
  bool try_node_property(std::size_t index, const std::string& text, const char* property,
                         const std::optional<std::string>& value);

  // --- why_fixed.cc: regions at a place that their nodes name ---
  void add_unit_remedies(const ReservedRegion& region);
  void explain_inactive(const InactiveArea& inactive);
  void explain_danger(const Danger& danger);
  void add_fixed_remedy(const std::string& subject, std::size_t node, std::uint64_t base, std::uint64_t size);
  void add_keeper_remedy(const std::string& subject, std::size_t node, const ByteRange& kept);
  void add_placed_remedy(const std::string& subject, std::size_t node, std::uint64_t size);

  // --- why_area.cc: areas of the DMA layer and of gigantic pages ---
  void explain_attempt(const AreaAttempt& attempt);
  std::string attempt_rule(const AreaAttempt& attempt) const;
  std::string place_rule(const AreaAttempt& attempt) const;
  void add_attempt_remedies(const AreaAttempt& attempt, const ByteRange& window);
  void add_slot_remedy(const std::string& subject, const Trials::Place& place);

  // Tries a change for what is explained last.
  bool try_change(const std::string& text, const std::string& subject, const Trials::Change& change,
                  const Trials::Place& place);
  void add_places(const ByteRange& searched, const std::vector<ByteRange>& free, std::uint64_t alignment);
  std::uint64_t most_free(const ByteRange& searched, const std::vector<ByteRange>& free, std::uint64_t alignment) const;

  const BoardRun& run_;
  Trials trials_;
  std::vector<WhyNot> answers_;
};

}  // namespace cma
