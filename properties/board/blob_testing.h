// Device-tree blobs for tests, written node by node.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cma {

class BlobWriter {
 public:
  // Begins a blob and its root. `reservations` are the header's: addresses and sizes.
  explicit BlobWriter(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& reservations = {});

  BlobWriter& begin(const std::string& node);
  BlobWriter& end();
  // Adds a property to the node that was begun last.
  BlobWriter& property(const std::string& name, std::string_view value = {});
  BlobWriter& cells(const std::string& name, const std::vector<std::uint32_t>& numbers);
  // Adds a text with its zero byte.
  BlobWriter& text(const std::string& name, const std::string& value);
  // Ends the root and returns the blob. Requires: all other nodes have been ended.
  std::string finish();

 private:
  std::vector<std::uint64_t> buffer_;
};

// Returns a writer of a board's tree with 1 GiB of memory from 0 on: it stands inside /reserved-memory, which has one
// cell for addresses and one for sizes.
BlobWriter board_writer(const std::string& bootargs = "");

}  // namespace cma
