// Breaks law views on purpose: files that show what is not so.

#include <gtest/gtest.h>

#include "allocator/areas/area_files.h"
#include "properties/laws/planted_testing.h"
#include "properties/laws/recount.h"

namespace cma {
namespace {

// --- views ---

TEST_P(PlantedTest, ViewsSeeAFileThatDoesNotExist) {
  const auto found = [&](const std::string& path, const std::optional<std::string>& text) {
    return law_broken_by([&] { laws_.file_read(path, text); });
  };
  EXPECT_EQ(found("cma/a/nothing", std::nullopt), "");
  EXPECT_EQ(found("cma/a/nothing", "0\n"), "views");
  const bool counts_releases = GetParam() >= Release::v6_9;
  EXPECT_EQ(found("sys/a/release_pages_success", std::nullopt), counts_releases ? "views" : "");
  try {
    laws_.file_read("cma/a/nothing", "0\n");
    FAIL();
  } catch (const LawBroken& broken) {
    EXPECT_EQ(broken.function(), "cma_debugfs_get") << "what reads numbers";
  }
}

// As /proc/pagetypeinfo does.
TEST(Views, TheRecountCountsToAHundredThousand) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, 0x20000};
  const std::unique_ptr<Machine> machine = make_machine(g);
  for (Page& page : machine->map.edit_run(0, 0x20000)) {
    page.flags = kPageBuddy;
    page.order = 0;
    page.list_type = Migratetype::movable;
  }
  const std::string text = recounted_view(*machine, Ledger(), "pagetypeinfo").value_or("");
  EXPECT_NE(text.find("type      Movable >100000      0 "), std::string::npos) << text;
}

TEST(Views, NodesShowTheHighMemoryThatTheyLack) {
  for (const Release release : modelled_releases()) {
    Geometry g = default_small_geometry(release);
    g.zones = {{"Normal", {0, 256}}, {"HighMem", {256, 512}}, {"Normal", {512, 1024}, 1}};
    g.areas.clear();
    WatchedMachine watched(g);
    EXPECT_EQ(broken_by([&] { watched.laws().check_views(); }), "") << name_of(release);
  }
}

TEST(Views, ALongNameOfAZoneIsNotCut) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.zones = {{"Normal", {0, 512}}, {"Reservoir", {512, 1024}}};
  g.areas.clear();
  WatchedMachine watched(g);
  watched.laws().check_views();
  const Machine& machine = watched.machine_const();
  const std::string text = machine.read_file("buddyinfo").value_or("");
  EXPECT_NE(text.find("\nNode 0, zone Reservoir      0 "), std::string::npos) << text;
}

TEST_P(PlantedTest, ViewsSeeAFileThatIsWrong) {
  for (const std::string& path : all_views(machine_)) {
    const auto text = machine_.read_file(path);
    const auto wrong = "7" + text.value_or("");
    EXPECT_EQ(law_broken_by([&] { laws_.file_read(path, text); }), "") << path;
    EXPECT_EQ(law_broken_by([&] { laws_.file_read(path, wrong); }), "views") << path;
    if (text) {
      EXPECT_EQ(law_broken_by([&] { laws_.file_read(path, std::nullopt); }), "views") << path;
    }
  }
}

TEST_P(PlantedTest, ViewsSeeACallThatIsNotCounted) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "areas count nothing";
  ++const_cast<Area&>(machine_.areas.area(0)).nr_pages_failed;
  EXPECT_EQ(audit(), "views");
}

}  // namespace
}  // namespace cma
