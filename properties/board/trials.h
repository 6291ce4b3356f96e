// Changes of a board, each tried by another boot: a change is a remedy only if what was lost is there then, and nothing
// is lost for it that was there before.
//
// why_not.h tries them. Cost: that of a boot for each. No locks; it stands on losses.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "properties/board/losses.h"

namespace cma {

class Trials {
 public:
  using Change = std::function<void(Board&)>;
  // Returns where something lies after a boot; nullopt if it is not there.
  using Place = std::function<std::optional<ByteRange>(const BoardRun&)>;

  // Refers to the boot.
  explicit Trials(const BoardRun& run) : run_(run), lost_(lost(run)) {}

  // Boots again with the change. Returns the text and where the place is then, "as the first node: at [0x0, 0x1000)";
  // the text alone without a place. Returns nullopt if this is no remedy for `subject`, a name of lost().
  std::optional<std::string> remedy(const std::string& text, const std::string& subject, const Change& change,
                                    const Place& place) const;

 private:
  const BoardRun& run_;
  std::vector<std::string> lost_;
};

// Returns where the region of this node is, if it has become what it is to be.
Trials::Place place_of_node(const std::string& name);
// Returns where the default area is.
std::optional<ByteRange> place_of_default(const BoardRun& run);

// Sets a property of a node, or takes it away.
void set_property(TreeNode& node, std::string_view name, const std::optional<std::string>& value);
// Returns the command line with this word in place of those of its name; without a value, without them.
std::string with_word(std::string_view cmdline, std::string_view name, const std::optional<std::string>& value);
// Returns the most that an area may take in a remedy: three quarters of memory, in whole units. The kernel needs some.
std::uint64_t most_for_an_area(const Machine& machine);

}  // namespace cma
