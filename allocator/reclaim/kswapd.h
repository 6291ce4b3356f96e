// kswapd (mm/vmscan.c): frees pages of a node in the background until one of its zones has enough again.
//
// A part of Reclaim. Requests that find too little memory wake it (wake()); an actor of its own runs it (run()). Passes
// a point before each priority and before it decides whether to sleep; sleeps 100 ms before it does so for long. Cost:
// O(pages scanned).
//
// kswapd of 4.8 and later, which works on nodes, is modelled. Direct reclaimers are not throttled until it has freed
// something, and per-CPU lists do not shrink while it runs (ZONE_RECLAIM_ACTIVE, 5.14).
//
// Locks: callers hold none; zone->lock is taken inside to take back boosts of watermarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/reclaim/lruvecs.h"
#include "allocator/reclaim/node_reclaim.h"
#include "allocator/reclaim/scan_control.h"

namespace cma {

// Receives what kswapd asks of kcompactd, which is not modelled.
class KcompactdWaker {
 public:
  virtual ~KcompactdWaker() = default;
  // wakeup_kcompactd: a block of 2^order pages is wanted in the node's zones up to the ceiling.
  virtual void wakeup_kcompactd(unsigned node, unsigned order, std::size_t ceiling) = 0;
};

class Kswapd {
 public:
  static constexpr std::size_t kNoZone = ~std::size_t{0};

  // Refers to its arguments, which outlive it.
  Kswapd(const Core& core, Buddy& buddy, NodeReclaim& reclaim, LruVecs& vecs, ReclaimEvents& events);
  // Sets the receiver of work for kcompactd, nullptr for none. It is not owned.
  void set_kcompactd(KcompactdWaker* waker) { kcompactd_ = waker; }

  // wakeup_kswapd, for a request for 2^order pages that may use zones of the node up to `ceiling`. Records order and
  // ceiling, the largest of each. Returns whether kswapd is awake now: it was, or it had a reason to wake up.
  // Requires: 4.8, here and below; `zone` and `ceiling` are of the same node.
  bool wake(std::size_t zone, Gfp gfp, unsigned order, std::size_t ceiling);
  // Returns whether kswapd of a node has been woken and has not gone to sleep since.
  bool awake(unsigned node) const { return nodes_[node].awake; }
  // Returns whether it has found the node balanced or hopeless, and sleeps for a moment before it looks again.
  bool dozing(unsigned node) const { return nodes_[node].dozing; }
  // Returns whether an actor runs it.
  bool running(unsigned node) const { return nodes_[node].running; }

  // Runs kswapd of a node until it goes to sleep for long: until a zone is balanced, or the node is given up after 16
  // runs without a page. Balances for blocks of 2^order pages, or larger ones that it was woken for, and for all zones
  // of the node if it was not woken. Requires: no other actor runs it.
  Task<void> run(unsigned node, unsigned order = 0);
  // balance_pgdat: one run down the priorities. Returns the order for which it stopped: 0 instead of `order` if so much
  // was freed that a direct compaction should do.
  Task<unsigned> balance(unsigned node, unsigned order, std::size_t ceiling);

  // Returns whether a zone of the node up to the ceiling has enough free pages, and a free block of 2^order pages,
  // above its high watermark (pgdat_balanced). Free pages of areas do not count.
  bool balanced(unsigned node, unsigned order, std::size_t ceiling);

  // Takes the state of a machine of the same geometry.
  void copy_from(const Kswapd& other) { nodes_ = other.nodes_; }

 private:
  struct Node {
    bool awake = false;
    bool running = false;
    bool dozing = false;             // in its short sleep, from which wake() wakes it
    unsigned order = 0;              // kswapd_order
    std::size_t ceiling = kNoZone;   // kswapd_highest_zoneidx; kNoZone: no request since it was read
    std::size_t previous = kNoZone;  // that of the run before
  };

  // How a run down the priorities ends.
  enum class End : std::uint8_t { balanced, exhausted, begin_anew };

  std::size_t last_zone(unsigned node) const;
  bool zone_balanced(std::size_t zone, unsigned order, std::size_t ceiling);
  bool boosted(unsigned node, std::size_t ceiling) const;
  bool ready_to_sleep(unsigned node, unsigned order, std::size_t ceiling);
  Task<bool> try_to_sleep(unsigned node, unsigned alloc_order, unsigned order, std::size_t ceiling);
  Task<bool> shrink(unsigned node, ScanControl& control);
  Task<End> down_the_priorities(unsigned node, ScanControl& control, std::uint64_t& boost);
  std::vector<std::uint64_t> boosts(unsigned node, std::size_t ceiling) const;
  void take_back(const std::vector<std::uint64_t>& boosts);
  void wake_kcompactd(unsigned node, unsigned order, std::size_t ceiling);

  Release release_;
  Core core_;
  Buddy& buddy_;
  NodeReclaim& reclaim_;
  LruVecs& vecs_;
  ReclaimEvents& events_;
  KcompactdWaker* kcompactd_ = nullptr;
  std::vector<Node> nodes_;
};

}  // namespace cma
