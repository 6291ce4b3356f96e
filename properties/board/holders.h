// Who has which memory of a board that has booted: areas, regions, the blob's header, and what boot had before.
//
// The report's table and the explanations of why_not.h and dangers.h read it. Cost: O(n) in areas and regions. No
// locks; it stands on board.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/board/board.h"

namespace cma {

struct Holder {
  enum class Kind : std::uint8_t {
    area,
    pool,      // of coherent memory
    region,    // reserved for a device or firmware
    unmapped,  // the same, with `no-map`
    header,    // /memreserve/
    boot,      // --reserved
  };
  Kind kind = Kind::region;
  ByteRange range;  // not empty
  std::string name = {};
  std::optional<AreaId> area = std::nullopt;
  std::optional<std::size_t> node = std::nullopt;  // index in BootTree::regions
  bool further = false;  // a range of the node's `reg` after the first: reserved, and nothing else
};

// Returns all that has memory: areas in their order, then regions in theirs, the header and boot. Regions whose memory
// was given back are left out.
std::vector<Holder> holders(const BoardRun& run);

// Returns "area a, region b": what has memory of a range that was not free when something looked for a place, and
// holes; "reserved" if it is unknown.
std::string holders_of(const BoardRun& run, const ByteRange& range);

// Returns the regions of reserved memory; none without a tree.
const std::vector<ReservedRegion>& regions_of(const BoardRun& run);
// Returns whether a region has a place, which may be of size 0.
bool has_place(const ReservedRegion& region);
// Returns whether nothing could be made of a region, so that its memory was given back.
bool was_given_back(const ReservedRegion& region);

}  // namespace cma
