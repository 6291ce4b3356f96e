#include "properties/laws/agreement.h"

#include <gtest/gtest.h>

#include <memory>

#include "allocator/machine.h"

namespace cma {
namespace {

// Records one request on its own.
Requests one_request(std::uint64_t pages) {
  Requests requests;
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v6_1));
  requests.program_begins(*machine);
  requests.alloc_begins(0, pages, 0);
  const Pfn pfn = run_now(machine->areas.cma_alloc(0, pages, 0, Warn::yes));
  requests.buffer_allocated(0, pfn, pages, 0);
  requests.op_performed(*machine, 0);
  requests.stop_watching();
  return requests;
}

TEST(Agreement, ARequestIsItsWindowsAndWhatItGot) {
  const Requests requests = one_request(4);
  ASSERT_EQ(requests.texts.size(), 1U);
  EXPECT_EQ(requests.texts[0], "4 pages of area 0, align 0: [200, 204) 0 200;");
  EXPECT_EQ(requests.bitmaps.size(), 2U) << "one an area";
}

TEST(Agreement, OnlyWindowsOfRequestsAreRecorded) {
  Requests requests;
  requests.stop_watching();  // nothing has begun
  WindowWatcher& watcher = requests;
  watcher.window_begins(0x200, 0x204);
  watcher.window_ended(0);
  requests.alloc_begins(0, 4, 0);
  watcher.page_refused(0x201, Refusal::pinned, 0);
  watcher.isolation_lost(0x200);
  watcher.test_failed(0x200, 0x204, 0x201);
  requests.alloc_failed(0, 4, 0);
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v6_1));
  requests.op_performed(*machine, 0);
  EXPECT_EQ(requests.texts, std::vector<std::string>{"4 pages of area 0, align 0: none;"});
}

TEST(Agreement, TheFirstDifferenceIsNamed) {
  const Requests one = one_request(4);
  EXPECT_EQ(difference(one, one), "");
  EXPECT_EQ(difference(one, one_request(5)),
            "operation 1: 5 pages of area 0, align 0: [200, 205) 0 200; instead of 4 pages of area 0, align 0: "
            "[200, 204) 0 200;");
  Requests shorter = one;
  shorter.texts.clear();
  EXPECT_EQ(difference(one, shorter), "0 operations instead of 1");
  Requests other = one;
  other.bitmaps[1][0] = 1;
  EXPECT_EQ(difference(one, other), "other bitmaps");
}

TEST(Agreement, OnlyPagesInTheMachinesOwnAreasAreKept) {
  using Pages = OwnedPages<PageKind::unmovable>;
  const auto pages_at = [](Place at) {
    Op op;
    op.body = Pages{.at = at, .pages = 400};
    return op;
  };
  Program program;
  program.ops = {pages_at(Place::of_area({.declared = false, .id = 1}, 200)),
                 pages_at(Place::of_area({.declared = true, .id = 0}, 0)), pages_at(Place::of_pfn(5))};
  const Program kept = with_pages_in_areas(program);
  ASSERT_EQ(kept.ops.size(), 1U);
  const Pages& pages = std::get<Pages>(kept.ops[0].body);
  EXPECT_EQ(pages.at.area.id, 1);
  EXPECT_EQ(pages.at.offset, 200U);
  EXPECT_EQ(pages.pages, 56U) << "up to the area's end";
}

}  // namespace
}  // namespace cma
