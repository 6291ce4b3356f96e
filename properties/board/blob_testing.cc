#include "properties/board/blob_testing.h"

#include <libfdt.h>

#include "allocator/base/assert.h"

namespace cma {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

void succeed(int error) { CMA_ASSERT(error == 0); }

}  // namespace

BlobWriter::BlobWriter(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& reservations)
    : buffer_(kMostBytes / 8) {
  succeed(fdt_create(buffer_.data(), kMostBytes));
  for (const auto& [base, size] : reservations) succeed(fdt_add_reservemap_entry(buffer_.data(), base, size));
  succeed(fdt_finish_reservemap(buffer_.data()));
  succeed(fdt_begin_node(buffer_.data(), ""));
}

BlobWriter& BlobWriter::begin(const std::string& node) {
  succeed(fdt_begin_node(buffer_.data(), node.c_str()));
  return *this;
}

BlobWriter& BlobWriter::end() {
  succeed(fdt_end_node(buffer_.data()));
  return *this;
}

BlobWriter& BlobWriter::property(const std::string& name, std::string_view value) {
  succeed(fdt_property(buffer_.data(), name.c_str(), value.data(), static_cast<int>(value.size())));
  return *this;
}

BlobWriter& BlobWriter::cells(const std::string& name, const std::vector<std::uint32_t>& numbers) {
  std::string value;
  for (const std::uint32_t number : numbers)
    for (unsigned shift = 32; shift > 0; shift -= 8) value += static_cast<char>(number >> (shift - 8) & 0xff);
  return property(name, value);
}

BlobWriter& BlobWriter::text(const std::string& name, const std::string& value) {
  return property(name, std::string_view(value.c_str(), value.size() + 1));
}

std::string BlobWriter::finish() {
  end();
  succeed(fdt_finish(buffer_.data()));
  const void* blob = buffer_.data();
  return {static_cast<const char*>(blob), fdt_totalsize(blob)};
}

BlobWriter board_writer(const std::string& bootargs) {
  BlobWriter writer({{0x3ff00000, 0x1000}});
  writer.cells("#address-cells", {1}).cells("#size-cells", {1}).text("model", "a board");
  writer.begin("memory@0").text("device_type", "memory").cells("reg", {0, 0x40000000}).end();
  writer.begin("chosen").text("bootargs", bootargs).end();
  writer.begin("reserved-memory").cells("#address-cells", {1}).cells("#size-cells", {1}).property("ranges");
  return writer;
}

}  // namespace cma
