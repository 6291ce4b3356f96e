// Operations on processes: memory and its mappings, fork, exit.
#pragma once

#include <utility>

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

inline constexpr std::uint64_t kMaxMappedPages = 65536;

struct Spawn {
  static constexpr OpInfo kInfo{
      .verb = "spawn", .letter = 'p', .yields = Yields::process, .help = "a process without memory"};
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const Spawn&, const Spawn&) = default;
};

// `at` is a test device: it takes the frames.
struct MmapAnon {
  static constexpr OpInfo kInfo{.verb = "mmap_anon",
                                .letter = 'v',
                                .yields = Yields::mapping,
                                .help = "anonymous memory of a process, every page written to"};
  OpRef process;
  std::uint64_t pages = 1;
  Place at;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.process, {.wanted = Yields::process});
    visit.number(
        self.pages,
        {.name = "pages", .required = true, .fallback = 1, .min = 1, .max = kMaxMappedPages, .scale = Scale::pages});
    visit.place(self.at, {.name = "at", .required = false});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const MmapAnon&, const MmapAnon&) = default;
};

struct MmapShared {
  static constexpr OpInfo kInfo{.verb = "mmap_shared",
                                .letter = 'v',
                                .yields = Yields::mapping,
                                .help = "a process maps cached pages of a file or of shared memory, and reads them"};
  OpRef process;
  OpRef pages;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.process, {.wanted = Yields::process});
    visit.operand(self.pages, {.wanted = Yields::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const MmapShared&, const MmapShared&) = default;
};

inline constexpr std::uint64_t kMaxHugePages = 64;

// Memory under madvise(MADV_HUGEPAGE), every page written to: in huge pages where there are any. `at` is a test device
// and takes an aligned place.
struct MmapHuge {
  static constexpr OpInfo kInfo{.verb = "mmap_huge",
                                .letter = 'v',
                                .yields = Yields::mapping,
                                .help = "anonymous memory of a process in transparent huge pages"};
  OpRef process;
  std::uint64_t count = 1;
  Place at;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.process, {.wanted = Yields::process});
    visit.number(self.count, {.name = "count", .fallback = 1, .min = 1, .max = kMaxHugePages, .scale = Scale::pages});
    visit.place(self.at, {.name = "at", .required = false, .aligned = true});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const MmapHuge&, const MmapHuge&) = default;
};

struct SplitHuge {
  static constexpr OpInfo kInfo{.verb = "split_huge",
                                .help = "split_huge_page of a mapping's huge pages, as by reclaim; ends at one in use"};
  OpRef mapping;
  OpRef in;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.mapping, {.wanted = Yields::mapping});
    visit.operand(self.in, {.name = "in", .wanted = Yields::process, .required = false});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const SplitHuge&, const SplitHuge&) = default;
};

enum class MappingVerb : std::uint8_t { write, munmap, mlock, madv_free };

// A verb on pages of a mapping: in the process that made it, or in one that was forked from that.
template <MappingVerb Verb>
struct MappingOp {
  static constexpr OpInfo kInfo = [] {
    switch (Verb) {
      case MappingVerb::write:
        return OpInfo{.verb = "write", .help = "writes to pages of a mapping: faults them in, and copies shared ones"};
      case MappingVerb::munmap: return OpInfo{.verb = "munmap", .help = "unmaps pages of a mapping, in batches"};
      case MappingVerb::mlock:
        return OpInfo{.verb = "mlock", .help = "locks a mapping in memory; `from` and `pages` are ignored"};
      case MappingVerb::madv_free:
        return OpInfo{.verb = "madv_free",
                      .help = "MADV_FREE: pages of a mapping may be dropped until they are written to"};
    }
    std::unreachable();  // no constant: a verb without a case does not compile
  }();
  OpRef mapping;
  std::uint64_t from = 0;
  std::uint64_t pages = 0;  // 0: up to the mapping's end
  OpRef in;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.mapping, {.wanted = Yields::mapping});
    visit.number(self.from, {.name = "from", .scale = Scale::pages});
    visit.number(self.pages, {.name = "pages", .scale = Scale::pages});
    visit.operand(self.in, {.name = "in", .wanted = Yields::process, .required = false});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const MappingOp&, const MappingOp&) = default;
};

struct PinLongterm {
  static constexpr OpInfo kInfo{.verb = "pin_longterm",
                                .letter = 'k',
                                .yields = Yields::pin,
                                .help = "pins a page of a mapping for a long time; since 5.1 it leaves its area first"};
  OpRef mapping;
  std::uint64_t from = 0;
  OpRef in;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.mapping, {.wanted = Yields::mapping});
    visit.number(self.from, {.name = "from", .scale = Scale::pages});
    visit.operand(self.in, {.name = "in", .wanted = Yields::process, .required = false});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const PinLongterm&, const PinLongterm&) = default;
};

struct Fork {
  static constexpr OpInfo kInfo{
      .verb = "fork", .letter = 'p', .yields = Yields::process, .help = "a child process that shares every page"};
  OpRef process;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.process, {.wanted = Yields::process});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const Fork&, const Fork&) = default;
};

struct ExitProcess {
  static constexpr OpInfo kInfo{.verb = "exit", .help = "ends the process: all of its memory is unmapped"};
  OpRef process;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.process, {.wanted = Yields::process});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const ExitProcess&, const ExitProcess&) = default;
};

inline constexpr std::string_view kStackWords[] = {"begin", "end"};
enum class StackWord : std::uint8_t { begin, end };

struct ExecStack {
  static constexpr OpInfo kInfo{.verb = "exec_stack",
                                .performed = Performed::without_actor,
                                .help = "the process's memory is, or is no longer, exec's temporary stack"};
  OpRef process;
  StackWord word = StackWord::begin;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.process, {.wanted = Yields::process});
    visit.choice(self.word, {.words = kStackWords});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExecStack&, const ExecStack&) = default;
};

}  // namespace cma
