// Boots of small boards for tests of what explains them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "properties/board/blob_testing.h"
#include "properties/board/boot_report.h"
#include "properties/board/tree_blob.h"
#include "properties/board/why_not.h"

namespace cma {

class ExplainTest : public ::testing::Test {
 protected:
  // Boots a board of 1 GiB, or of the settings, with these regions.
  std::vector<WhyNot> explain(const std::function<void(BlobWriter&)>& regions, const std::string& bootargs = "cma=0") {
    BlobWriter writer = board_writer(bootargs);
    regions(writer);
    return explain_blob(writer.end().finish());
  }
  // Boots the board of a blob.
  std::vector<WhyNot> explain_blob(const std::string& blob) {
    auto tree = read_boot_tree(blob);
    EXPECT_TRUE(tree);
    auto made = make_board(std::move(*tree), settings);
    EXPECT_TRUE(made) << made.error();
    board = std::move(*made);
    const BoardRun run(board);
    std::vector<WhyNot> answers = explain_boot(run);
    report = boot_report(run, answers);
    return answers;
  }
  static BlobWriter& area(BlobWriter& writer, const std::string& name) {
    return writer.begin(name).text("compatible", "shared-dma-pool").property("reusable");
  }

  BoardSettings settings;
  Board board;
  std::string report;
};

}  // namespace cma
