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

  friend bool operator==(const PageList&, const PageList&) = default;
};

}  // namespace cma
