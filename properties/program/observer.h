// What a running program reports. Operations report what they request and get; the interpreter reports when another
// actor is about to run. Implemented by the laws, which throw LawBroken (law.h), and by reports.
//
// Called a few times per operation, never per page.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "allocator/machine.h"
#include "properties/program/law.h"

namespace cma {

// The arguments of a cma_alloc.
struct AreaRequest {
  AreaId area = 0;
  std::uint64_t pages = 0;
  unsigned align = 0;
  friend bool operator==(const AreaRequest&, const AreaRequest&) = default;
};

class Observer {
 public:
  virtual ~Observer() = default;

  // A program is about to run on this machine, which is as booted, or before boot if the program begins with operations
  // of boot.
  virtual void program_begins(Machine&) {}
  // Boot has finished, in a program that began before boot had finished.
  virtual void booted(Machine&) {}

  // Buffers of areas. `releasing` comes before the first page is freed, `released` after the bits are cleared.
  virtual void alloc_begins(AreaId, std::uint64_t /*count*/, unsigned /*align*/) {}
  virtual void alloc_failed(AreaId, std::uint64_t /*count*/, unsigned /*align*/) {}
  virtual void buffer_allocated(AreaId, Pfn, std::uint64_t /*count*/, unsigned /*align*/) {}
  virtual void buffer_releasing(AreaId, Pfn, std::uint64_t /*count*/) {}
  virtual void buffer_released(AreaId, Pfn, std::uint64_t /*count*/) {}

  // Blocks of the page allocator. `freeing` comes before the reference is dropped.
  virtual void pages_allocated(Pfn, unsigned /*order*/, Gfp) {}
  virtual void pages_refused(unsigned /*order*/, Gfp) {}
  virtual void pages_freeing(Pfn, unsigned /*order*/) {}

  // Ranges that callers other than areas get by alloc_contig_range. `freeing` comes before the first page is freed.
  virtual void range_allocated(Pfn, std::uint64_t /*count*/) {}
  virtual void range_freeing(Pfn, std::uint64_t /*count*/) {}

  // Pages with an owner (anonymous, shmem, movable-ops, unmovable). The owner's record has the frame. `releasing` comes
  // before the owner frees the page.
  virtual void owner_adopted(OwnerId) {}
  virtual void owner_releasing(OwnerId) {}

  // References on a page (pin, get_page); `longterm`: they are one pin for the long term. `dropping` comes before they
  // are dropped.
  virtual void reference_taken(Pfn, int /*count*/, bool /*longterm*/) {}
  virtual void reference_dropping(Pfn, int /*count*/) {}

  // A file was read; nullopt if there is no such file.
  virtual void file_read(const std::string& /*path*/, const std::optional<std::string>& /*text*/) {}
  // Counts on buffers (bh_hold, bread). `letting_go` comes before the count is dropped.
  virtual void buffer_held(BufferId) {}
  virtual void buffer_letting_go(BufferId) {}

  // Another actor is about to run. The machine is between two steps.
  virtual void control_changes(Machine&) {}
  // An operation has ended, perhaps inside a later one that resumed or woke its actor. Nothing else has run since.
  virtual void op_ended(Machine&, std::size_t /*op*/) {}
  // The interpreter has performed an operation, which has ended or is suspended; actors that were woken have run.
  virtual void op_performed(Machine&, std::size_t /*op*/) {}
  // The program has ended: no actor is inside an operation.
  virtual void program_ended(Machine&) {}
};

}  // namespace cma
