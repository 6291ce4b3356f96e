// A board: what `cmacheck boot` makes of a device tree and of what the tree does not say, and what boot makes of that.
//
// The command and its tests use it. Cost: making the machine is linear in its memory (32 bytes a page), and boot costs
// what allocator/boot/ says. No locks; it stands on allocator/.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "allocator/boot/boot.h"
#include "allocator/machine.h"
#include "properties/program/observer.h"

namespace cma {

// What the tree does not say, or what is to replace it. Addresses and sizes are in bytes.
struct BoardSettings {
  Release release = Release::v6_1;
  std::uint64_t page_size = 4096;
  BootConfig config;
  std::vector<ByteRange> memory;       // instead of the tree's, if there is any
  std::vector<ByteRange> reserved;     // kernel, initial ramdisk, whatever else boot has before it looks at the tree
  std::optional<std::uint64_t> limit;  // the end of the memory that all devices reach; nullopt: the architecture's
  std::optional<std::string> cmdline;  // instead of the tree's `bootargs`
  std::optional<unsigned> areas;       // CONFIG_CMA_AREAS; nullopt: the architecture's
};

// The most areas that a machine has room for (Geometry::impossible).
inline constexpr std::size_t kMostAreas = 64;
// Returns by how much MAX_CMA_AREAS exceeds CONFIG_CMA_AREAS: 1, and since 6.9 (recalled) 0.
unsigned areas_beyond(Release release);

// A machine that is about to boot.
struct Board {
  Geometry geometry;
  BootConfig config;
  BootTree tree;
  std::string cmdline;
  std::uint64_t limit = 0;         // of the default area
  std::vector<std::string> notes;  // what the command line and the tree say that changes the board, or is not modelled
};

// Makes a board. Zones are those of the architecture: on arm low memory ends 768 MiB after its start; on arm64 and
// riscv the first zone ends at the limit, 4 GiB if none is given; kernelcore= and movablecore= on the command line make
// a zone Movable of their end. Fails with the reason: there is no memory, or no machine can have it.
std::expected<Board, std::string> make_board(BootTree tree, const BoardSettings& settings);

// A boot of a board: from the command line to the activation of areas.
class BoardRun {
 public:
  // Boots. Refers to the board. Reports to the observer, if there is one, as a program of a single operation would;
  // what it throws comes out.
  explicit BoardRun(const Board& board, Observer* observer = nullptr);

  const Board& board() const { return board_; }
  const Machine& machine() const { return machine_; }
  const Boot& boot() const { return *boot_; }
  // Returns the areas of the DMA layer and of gigantic pages that were asked for.
  std::vector<AreaAttempt> attempts() const { return boot_->attempts(); }
  // Returns the ranges of the areas as they were declared, in their order.
  const std::vector<PfnRange>& declared() const { return declared_; }
  // Returns why the areas were not activated; empty if they were. The kernel activates them all the same, and hands
  // memory out twice, or follows descriptors that do not exist.
  const std::string& not_activated() const { return not_activated_; }

 private:
  const Board& board_;
  Machine machine_;
  std::unique_ptr<Boot> boot_;
  std::vector<PfnRange> declared_;
  std::string not_activated_;
};

}  // namespace cma
