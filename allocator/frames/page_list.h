// A doubly linked list of pages, linked through the memory map by frame index: free lists, per-CPU lists, LRU lists, a
// task's private lists. A page is on one list at most. Each list has the lock of its kind.
//
// A list is its two ends, so a copy is another view of the same pages, good until one of them changes. The map is the
// one of all its pages. Where a page is inserted, it is on no list; once it is removed, its links are kNil again.
//
// Cost: O(1), and at most four pages touched; linear in the run only for push_front_ascending() and ascending_tail().
#pragma once

#include "allocator/frames/memory_map.h"

namespace cma {

struct PageList {
  Frame first = kNil;  // kNil: the list is empty, and `last` is kNil too
  Frame last = kNil;

  bool empty() const { return first == kNil; }

  // Inserts `frame` as the first.
  void push_front(MemoryMap& map, Frame frame) {
    Page& page = map.edit_at(frame);
    page.prev = kNil;
    page.next = first;
    if (first == kNil)
      last = frame;
    else
      map.edit_at(first).prev = frame;
    first = frame;
  }

  // Inserts `frame` as the last.
  void push_back(MemoryMap& map, Frame frame) {
    Page& page = map.edit_at(frame);
    page.next = kNil;
    page.prev = last;
    if (last == kNil)
      first = frame;
    else
      map.edit_at(last).next = frame;
    last = frame;
  }

  // Inserts `frame` before `follower`. Requires: `follower` is on this list.
  void insert_before(MemoryMap& map, Frame frame, Frame follower) {
    if (first == follower) {
      push_front(map, frame);
      return;
    }
    Page& page = map.edit_at(frame);
    page.next = follower;
    page.prev = map.at(follower).prev;
    map.edit_at(page.prev).next = frame;
    map.edit_at(follower).prev = frame;
  }

  // Moves all of `other` to the back of this list, in its order, and leaves it empty. Requires: it is another list.
  void splice_back(MemoryMap& map, PageList& other) {
    if (other.empty()) return;
    if (empty()) {
      first = other.first;
    } else {
      map.edit_at(last).next = other.first;
      map.edit_at(other.first).prev = last;
    }
    last = other.last;
    other = PageList{};
  }

  // Unlinks `frame`. Requires: it is on this list.
  void remove(MemoryMap& map, Frame frame) {
    Page& page = map.edit_at(frame);
    if (page.prev == kNil) {
      CMA_ASSERT(first == frame);
      first = page.next;
    } else {
      map.edit_at(page.prev).next = page.next;
    }
    if (page.next == kNil) {
      CMA_ASSERT(last == frame);
      last = page.prev;
    } else {
      map.edit_at(page.next).prev = page.prev;
    }
    page.next = kNil;
    page.prev = kNil;
  }

  // Rotates the list until `frame` is the first. Requires: `frame` is on it.
  void rotate_to_front(MemoryMap& map, Frame frame) {
    if (first == frame) return;
    map.edit_at(last).next = first;
    map.edit_at(first).prev = last;
    last = map.at(frame).prev;
    map.edit_at(last).next = kNil;
    map.edit_at(frame).prev = kNil;
    first = frame;
  }

  // Remove and return one end. Require: the list is not empty.
  Frame pop_front(MemoryMap& map) {
    const Frame frame = first;
    remove(map, frame);
    return frame;
  }

  Frame pop_back(MemoryMap& map) {
    const Frame frame = last;
    remove(map, frame);
    return frame;
  }

  // Pushes `pages`, the first of which is `frame`, to the front one after the other: the highest becomes the first.
  // Requires: `pages` is not empty, comes from MemoryMap::edit_run(), and none of it is on a list.
  void push_front_ascending(MemoryMap& map, Frame frame, std::span<Page> pages) {
    Frame follower = first;
    if (follower == kNil)
      last = frame;
    else
      map.edit_at(follower).prev = frame;
    for (Page& page : pages) {
      page.next = follower;
      page.prev = frame + 1;
      follower = frame++;
    }
    pages.back().prev = kNil;
    first = follower;
  }

  // Returns how many of the last frames, at most `most`, are neighbours in memory, the lowest of them last on the list.
  // Requires: the list is not empty, most > 0.
  std::uint64_t ascending_tail(const MemoryMap& map, std::uint64_t most) const {
    std::uint64_t count = 1;
    for (Frame frame = last; count < most && map.at(frame).prev == frame + 1; ++frame) ++count;
    return count;
  }

  // Removes the last `count` frames, and leaves their own links to the caller. Requires: count > 0, and not more than
  // ascending_tail() finds.
  void cut_ascending_tail(MemoryMap& map, std::uint64_t count) {
    const Frame highest = last + static_cast<Frame>(count - 1);
    last = map.at(highest).prev;
    if (last == kNil)
      first = kNil;
    else
      map.edit_at(last).next = kNil;
  }

  friend bool operator==(const PageList&, const PageList&) = default;
};

}  // namespace cma
