// What a running program reports. Operations report what they asked for and got; the interpreter reports when another
// actor runs. The laws implement this; an observer that finds a law broken throws LawBroken (law.h).
//
// Called a few times an operation, never per page.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "allocator/machine.h"
#include "properties/program/law.h"

namespace cma {

// A cma_alloc, whoever asks for it.
struct AreaRequest {
  AreaId area = 0;
  std::uint64_t pages = 0;
  unsigned align = 0;
  friend bool operator==(const AreaRequest&, const AreaRequest&) = default;
};

class Observer {
 public:
  virtual ~Observer() = default;

  // A program is about to run on this machine: freshly booted, or before boot when it begins with boot operations.
  virtual void program_begins(Machine&) {}
  virtual void booted(Machine&) {}

  // Area buffers. `releasing` comes before the first page is given back, `released` after the bits were cleared.
  virtual void alloc_begins(AreaId, std::uint64_t /*count*/, unsigned /*align*/) {}
  virtual void alloc_failed(AreaId, std::uint64_t /*count*/, unsigned /*align*/) {}
  virtual void buffer_allocated(AreaId, Pfn, std::uint64_t /*count*/, unsigned /*align*/) {}
  virtual void buffer_releasing(AreaId, Pfn, std::uint64_t /*count*/) {}
  virtual void buffer_released(AreaId, Pfn, std::uint64_t /*count*/) {}

  // Blocks of the page allocator. `freeing` comes before the reference is dropped.
  virtual void pages_allocated(Pfn, unsigned /*order*/, Gfp) {}
  virtual void pages_freeing(Pfn, unsigned /*order*/) {}

  // Ranges that somebody other than an area has got by alloc_contig_range. `freeing` comes before the first page is
  // given back.
  virtual void range_allocated(Pfn, std::uint64_t /*count*/) {}
  virtual void range_freeing(Pfn, std::uint64_t /*count*/) {}

  // Pages with an owner (anonymous, shmem, movable-ops, unmovable). The owner record says where the page is.
  virtual void owner_adopted(OwnerId) {}
  virtual void owner_releasing(OwnerId) {}

  // Extra references on a page (pin, get_page). `dropping` comes before they go.
  virtual void reference_taken(Pfn, int /*count*/) {}
  virtual void reference_dropping(Pfn, int /*count*/) {}

  // A file was read: what it said, nothing if there is no such file.
  virtual void file_read(const std::string& /*path*/, const std::optional<std::string>& /*text*/) {}
  // Counts on buffers (bh_hold, bread). `letting_go` comes before the count is given back.
  virtual void buffer_held(BufferId) {}
  virtual void buffer_letting_go(BufferId) {}

  // Control: another actor is about to run, or the current one has come to its end; the machine is between two steps.
  virtual void control_changes(Machine&) {}
  // An operation has ended, or has been left suspended.
  virtual void op_performed(Machine&, std::size_t /*op*/) {}
  // Everything has come to its end: nobody is inside an operation.
  virtual void program_ended(Machine&) {}
};

}  // namespace cma
