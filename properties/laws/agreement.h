// Where releases agree: a program's requests, run on one release and on another, try the same windows and get the same
// buffers if nothing lies in the areas but pages that cannot move. Used by the promise about releases and by the fuzz
// target that compares two of them. They do not agree on more: where migrated pages go, how free blocks merge and which
// lists pages lie on changed often. Cost: a text for each request, and a copy of the bitmaps for each operation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "allocator/trace/window_watcher.h"
#include "properties/program/observer.h"
#include "properties/program/program.h"

namespace cma {

// Records what a program's requests got, which windows they tried, and the bitmaps after each operation.
class Requests final : public Observer, public WindowWatcher {
 public:
  void program_begins(Machine& machine) override;
  // Ends what program_begins() began. Requires: the machine of the run still lives.
  void stop_watching();
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override;
  void alloc_failed(AreaId area, std::uint64_t count, unsigned align) override;
  void buffer_allocated(AreaId area, Pfn pfn, std::uint64_t count, unsigned align) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void window_begins(Pfn start, Pfn end) override;
  void window_ended(int error) override;
  void page_refused(Pfn, Refusal, int) override {}
  void isolation_lost(Pfn) override {}
  void test_failed(Pfn, Pfn, Pfn) override {}

  std::vector<std::string> texts;  // by operation
  std::vector<std::vector<std::uint64_t>> bitmaps;

 private:
  void answer(const std::string& got);

  Machine* machine_ = nullptr;
  std::string text_;
  bool asking_ = false;
};

// Returns a sentence on the first difference; empty if there is none.
std::string difference(const Requests& one, const Requests& other);

// Returns the program on another release, without faults; nullopt if its machine or its requests do not mean the same
// there: up to 3.16 a bit is a page and alignment ends at 2^8 pages.
std::optional<Program> on_release(const Program& program, Release release);
// Returns the program with pages that cannot move lying in areas only, wholly. Elsewhere the releases let a driver have
// other frames.
Program with_pages_in_areas(Program program);
// Returns whether every area could be activated; what the others hold depends on the release.
bool all_areas_active(const Areas& areas);

}  // namespace cma
