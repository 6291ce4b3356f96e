// A doubly linked list of pages, linked through the memory map by frame index: free lists, per-CPU lists, LRU lists, a
// task's private lists. All operations are O(1) and touch at most three pages. A page is on one list at most; which
// lock protects it depends on the list.
#pragma once

#include "allocator/frames/memory_map.h"

namespace cma {

struct PageList {
  Frame first = kNil;
  Frame last = kNil;

  bool empty() const { return first == kNil; }

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

  // In front of `behind`, which is on this list.
  void insert_before(MemoryMap& map, Frame frame, Frame behind) {
    if (first == behind) {
      push_front(map, frame);
      return;
    }
    Page& page = map.edit_at(frame);
    page.next = behind;
    page.prev = map.at(behind).prev;
    map.edit_at(page.prev).next = frame;
    map.edit_at(behind).prev = frame;
  }

  // All of `other` goes to the back, and leaves it empty.
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

  // Turns the list until `frame`, which is on it, is the first one.
  void rotate_to_front(MemoryMap& map, Frame frame) {
    if (first == frame) return;
    map.edit_at(last).next = first;
    map.edit_at(first).prev = last;
    last = map.at(frame).prev;
    map.edit_at(last).next = kNil;
    map.edit_at(frame).prev = kNil;
    first = frame;
  }

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

  // Puts `pages`, the first of which is `frame`, to the front one after the other: the highest comes to lie first.
  void push_front_ascending(MemoryMap& map, Frame frame, std::span<Page> pages) {
    Frame behind = first;
    if (behind == kNil)
      last = frame;
    else
      map.edit_at(behind).prev = frame;
    for (Page& page : pages) {
      page.next = behind;
      page.prev = frame + 1;
      behind = frame++;
    }
    pages.back().prev = kNil;
    first = behind;
  }

  // How many of the last frames, at most `most`, lie behind each other in memory, the lowest of them last.
  std::uint64_t ascending_tail(const MemoryMap& map, std::uint64_t most) const {
    std::uint64_t count = 1;
    for (Frame frame = last; count < most && map.at(frame).prev == frame + 1; ++frame) ++count;
    return count;
  }

  // Removes the last `count` frames, which lie behind each other in memory, the lowest of them last on the list. Their
  // own links are left to the caller.
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
