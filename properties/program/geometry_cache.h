// One T a machine geometry: what is costly to make for a machine and serves all programs on machines like it.
//
// Used by the interpreter for booted machines and by the laws for auditors. A fuzzer meets a handful of geometries;
// real machines are too large to keep many, so the cache is emptied when it would hold too many entries or pages. Cost:
// a comparison when the geometry is the last one again, else linear in the entries. Not thread safe.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "allocator/base/geometry.h"

namespace cma {

template <class T>
class GeometryCache {
 public:
  // Returns the T of this geometry. If there is none, `make()` makes it, as a unique_ptr, and all others may be
  // destroyed first.
  template <class Make>
  T& find(const Geometry& geometry, Make make) {
    if (recent_ < entries_.size() && entries_[recent_].geometry == geometry) return *entries_[recent_].value;
    for (recent_ = 0; recent_ < entries_.size(); ++recent_)
      if (entries_[recent_].geometry == geometry) return *entries_[recent_].value;
    pages_ += geometry.memory.pages();
    if (entries_.size() >= kMostEntries || pages_ > kMostPages) {
      entries_.clear();
      pages_ = geometry.memory.pages();
    }
    entries_.push_back({geometry, make()});
    recent_ = entries_.size() - 1;
    return *entries_[recent_].value;
  }

 private:
  static constexpr std::size_t kMostEntries = 64;
  static constexpr std::uint64_t kMostPages = std::uint64_t{1} << 22;

  struct Entry {
    Geometry geometry;
    std::unique_ptr<T> value;
  };

  std::vector<Entry> entries_;
  std::size_t recent_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace cma
