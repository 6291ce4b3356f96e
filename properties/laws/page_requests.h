// The witness of requests for pages: which of them must be granted, from which zone, and with which pages.
//
// It sees each attempt at a request before anything is taken, inside operations too: faults, targets of migration,
// pages of files. From watermarks, reserves and free blocks of the zones it computes what the release's arithmetic
// gives, and compares that with what the allocator gave (law `granted`). A request that fails must have made each
// attempt that it has a right to. A victim of the OOM killer may be chosen while its request is under way. It has the
// right to the reserves from when the request next asks for it: each turn that begins so must make that attempt before
// the next one. A page that the request may not have breaks law `policy`.
//
// The arithmetic is that of allocator/buddy/watermark.cc, written down a second time on purpose.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/machine.h"

namespace cma {

class PageRequests final : public AllocationWatcher {
 public:
  // Watches the requests of a booted machine, until another watcher replaces this one. Passes each call on to the
  // watcher that the machine had, which must stay as long.
  void watch(Machine& machine);

  // Throw LawBroken, the two that end and rights_taken(), inside the operation that asked.
  void allocation_begins(Gfp gfp, unsigned order, unsigned node) override;
  void rights_taken() override;
  void attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned node) override;
  void attempt_ended(Pfn pfn) override;
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override;

 private:
  // What one attempt may do. The first one, which since 5.1 may be made twice, stays above the low watermark, the
  // second above the min watermark. A third one, of requests with __GFP_MEMALLOC and of tasks with PF_MEMALLOC, keeps
  // to no watermark; that of a victim of the OOM killer since 4.14 to half of the min watermark. Before a process is
  // killed, one stays above the high watermark. A request that must not fail has some of the reserves (4.12), and the
  // last page once a process was killed.
  struct Attempt {
    Watermark mark = Watermark::low;
    bool keeps_none = false;
    bool victim = false;
    bool counts_no_areas = false;    // up to 5.8: free pages of areas do not count, though they may serve it
    bool keeps_types_apart = false;  // since 5.1: blocks of other types serve it as whole pageblocks only
    bool urgent = false;             // __GFP_HIGH; since 6.3 a real-time task that can wait
    bool cannot_wait = false;        // GFP_ATOMIC; since 6.3 without __GFP_DIRECT_RECLAIM; up to 6.2 a real-time task
    bool counts_reserve = false;     // the reserve for atomic requests counts as free
    bool has_reserve = false;        // blocks of the reserve may serve it, and do so first
    bool has_reserve_last = false;   // if nothing else can
  };
  // A zone that must serve the request.
  struct Grant {
    std::size_t zone = 0;
    Attempt attempt;
  };

  // A request under way. An actor's requests are nested: it may reclaim, and ask for pages meanwhile.
  struct Open {
    ActorId actor = 0;
    Gfp gfp = 0;
    unsigned made = 0;      // bit by AllocAttempt: the attempts made
    bool entitled = false;  // its task had a right to the reserves when it was last asked for that
    bool in_turns = false;  // it was asked for that as a turn of the slow path began
    unsigned order = 0;
  };

  Attempt second_attempt() const;
  std::optional<Attempt> third_attempt() const;
  Open* open_request();
  bool has_right_to_reserves(Gfp gfp) const;
  Attempt helped_attempt() const;
  std::optional<Attempt> rights_of(AllocAttempt attempt) const;
  bool ends_at_first_attempt() const;
  void begin(Gfp gfp, unsigned order, unsigned node);
  [[noreturn]] void broken(const std::string& what) const;
  std::int64_t free_of_areas(const Zone& zone, const Attempt& attempt) const;
  bool has_zone(std::string_view name) const;
  std::size_t highest_zone(unsigned node) const;
  std::optional<Grant> expected(AllocAttempt attempt) const;
  std::optional<unsigned> first_node(unsigned steps) const;
  std::optional<Grant> on_node(unsigned node, const Attempt& attempt) const;
  bool keeps_types_apart_on(unsigned node) const;
  bool leaves_enough(const Zone& zone, const Attempt& attempt) const;
  bool is_above(const Zone& zone, const Attempt& attempt, std::uint64_t mark) const;
  bool has_large_block(const Zone& zone, const Attempt& attempt) const;
  bool can_serve(const Zone& zone, const Attempt& attempt) const;
  bool has_block(const Zone& zone, Migratetype type, unsigned least = 0) const;
  bool asks_per_cpu_lists() const;
  unsigned per_cpu_list() const;
  bool is_of_area(Pfn pfn) const;
  void check_areas(Pfn pfn) const;
  void check_reserve(Pfn pfn) const;
  void check_reserved(Pfn pfn) const;

  Machine* machine_ = nullptr;
  AllocationWatcher* next_ = nullptr;
  Release release_ = Release::v3_5;
  std::vector<Open> open_;  // the latest last
  // The attempt under way.
  Gfp gfp_ = 0;  // without what the task's scope takes away
  unsigned order_ = 0;
  Migratetype type_ = Migratetype::unmovable;
  bool may_have_areas_ = false;
  unsigned node_ = 0;
  std::array<std::size_t, kMaxNodes> highest_zone_{};  // by node
  std::optional<Grant> expected_;
  std::vector<std::uint64_t> reserved_;  // by zone, when the attempt begins: the pages of the reserve
};

}  // namespace cma
