#include "allocator/areas/printed.h"

#include <algorithm>

#include "allocator/trace/trace.h"

namespace cma {
namespace {

// Returns the number in hexadecimal with at least so many digits.
std::string padded(std::uint64_t value, std::size_t width) {
  const std::string digits = hex(value);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

}  // namespace

std::uint64_t as_long(const Geometry& geometry, std::uint64_t value) {
  return value & (~std::uint64_t{0} >> (64 - geometry.bits_per_long()));
}

std::string printed_address(const Geometry& geometry, std::uint64_t address) {
  if (geometry.release < Release::v3_18) return padded(as_long(geometry, address), 8);
  return "0x" + padded(address, geometry.phys_addr_bits / 4);
}

std::string printed_mebibytes(const Geometry& geometry, std::uint64_t bytes) {
  return std::to_string(as_long(geometry, bytes) >> 20) + " MiB";
}

}  // namespace cma
