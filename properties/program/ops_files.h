// Operations on files and their page cache, on the journal, on the device below, and on LRU lists.
#pragma once

#include <utility>

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/ops_pages.h"
#include "properties/program/slot.h"

namespace cma {

inline constexpr std::uint64_t kMaxFilePages = 65536;

inline constexpr std::string_view kMethodWords[] = {"ordered", "journalled", "block_device"};
enum class MethodWord : std::uint8_t { ordered, journalled, block_device };

struct OpenFile {
  static constexpr OpInfo kInfo{.verb = "file",
                                .letter = 'f',
                                .yields = Yields::file,
                                .help = "a file without cached pages; `slow`: its I/O waits for io_done"};
  MethodWord method = MethodWord::ordered;
  bool slow = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.choice(self.method, {.words = kMethodWords, .required = false});
    visit.flag(self.slow, "slow");
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const OpenFile&, const OpenFile&) = default;
};

// `at` is a test device: it takes the frames for pages that are not cached yet.
struct ReadFile {
  static constexpr OpInfo kInfo{
      .verb = "read",
      .letter = 'r',
      .yields = Yields::pages,
      .help = "pages of a file, read unless cached; `readahead` leaves them locked meanwhile"};
  OpRef file;
  std::uint64_t from = 0;
  std::uint64_t pages = 1;
  Place at;
  bool readahead = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.file, {.wanted = Yields::file});
    visit.place(self.at, {.name = "at", .required = false});
    visit.number(self.from, {.name = "from", .max = kMaxFilePages, .scale = Scale::pages});
    visit.number(self.pages, {.name = "pages", .fallback = 1, .min = 1, .max = kMaxFilePages, .scale = Scale::pages});
    visit.flag(self.readahead, "readahead");
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const ReadFile&, const ReadFile&) = default;
};

struct BufferRead {
  static constexpr OpInfo kInfo{
      .verb = "bread",
      .letter = 'r',
      .yields = Yields::pages,
      .help = "blocks of a block device by their buffers; `keep`: the counts stay until bh_put"};
  OpRef file;
  std::uint64_t from = 0;
  std::uint64_t pages = 1;
  Place at;
  bool keep = false;
  bool unmovable = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.file, {.wanted = Yields::file});
    visit.place(self.at, {.name = "at", .required = false});
    visit.number(self.from, {.name = "from", .max = kMaxFilePages, .scale = Scale::pages});
    visit.number(self.pages, {.name = "pages", .fallback = 1, .min = 1, .max = kMaxFilePages, .scale = Scale::pages});
    visit.flag(self.keep, "keep");
    visit.flag(self.unmovable, "unmovable");
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const BufferRead&, const BufferRead&) = default;
};

enum class FileVerb : std::uint8_t { truncate, drop, commit };

template <FileVerb Verb>
struct FileOp {
  static constexpr OpInfo kInfo = [] {
    switch (Verb) {
      case FileVerb::truncate:
        return OpInfo{.verb = "truncate",
                      .help = "removes the file's pages from the cache; meanwhile the file is empty"};
      case FileVerb::drop:
        return OpInfo{.verb = "drop", .help = "drops the file's clean, unused pages and deactivates the others"};
      case FileVerb::commit:
        return OpInfo{.verb = "commit",
                      .help = "ends the running transaction: its buffers become dirty and are dropped"};
    }
    std::unreachable();  // no constant: a verb without a case does not compile
  }();
  OpRef file;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.file, {.wanted = Yields::file});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const FileOp&, const FileOp&) = default;
};

enum class FilePagesVerb : std::uint8_t { writeback, journal };

template <FilePagesVerb Verb>
struct FilePagesOp {
  static constexpr OpInfo kInfo =
      Verb == FilePagesVerb::writeback
          ? OpInfo{.verb = "writeback", .help = "starts to write the dirty pages of a file"}
          : OpInfo{.verb = "journal", .help = "adds the pages' buffers to the running transaction of their file"};
  OpRef pages;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pages, {.wanted = Yields::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const FilePagesOp&, const FilePagesOp&) = default;
};

struct IoDone {
  static constexpr OpInfo kInfo{.verb = "io_done",
                                .help = "completes the oldest I/O under way, or the `times` oldest, or all"};
  std::uint64_t times = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.times,
                 {.name = "times", .fallback = 1, .min = 1, .max = kAnyNumber, .scale = Scale::times, .all = "all"});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const IoDone&, const IoDone&) = default;
};

enum class LruVerb : std::uint8_t { mark_accessed, deactivate, deactivate_file };

// Moves a page from one LRU list to another, through the pagevec of the CPU it runs on.
template <LruVerb Verb>
struct LruOp {
  static constexpr OpInfo kInfo = [] {
    switch (Verb) {
      case LruVerb::mark_accessed:
        return OpInfo{.verb = "mark_accessed", .help = "mark_page_accessed: the second time activates the page"};
      case LruVerb::deactivate:
        return OpInfo{.verb = "deactivate", .help = "deactivate_page (since 5.4): moves a page to the inactive list"};
      case LruVerb::deactivate_file:
        return OpInfo{.verb = "deactivate_file",
                      .help = "deactivate_file_page: moves a file's page to the inactive list"};
    }
    std::unreachable();  // no constant: a verb without a case does not compile
  }();
  Place page = Place::of_pfn(0);
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.page, {});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const LruOp&, const LruOp&) = default;
};

// The same for pages of a result, from one of them on, in the order in which it has them.
struct MarkAccessedRange {
  static constexpr OpInfo kInfo{.verb = "mark_accessed_range",
                                .help = "mark_page_accessed of each of the pages that is on the LRU, or on its way"};
  OpRef pages;
  std::uint64_t from = 0;
  std::uint64_t count = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pages, {.wanted = Yields::pages});
    visit.number(self.from, {.name = "from", .max = kMaxOwnedPages, .scale = Scale::pages});
    visit.number(self.count,
                 {.name = "pages", .required = true, .min = 1, .max = kMaxOwnedPages, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const MarkAccessedRange&, const MarkAccessedRange&) = default;
};

struct CachesOff {
  static constexpr OpInfo kInfo{
      .verb = "lru_cache_off",
      .help = "another user of lru_cache_disable (move_pages, memory offlining): disables, does its work, enables"};
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const CachesOff&, const CachesOff&) = default;
};

}  // namespace cma
