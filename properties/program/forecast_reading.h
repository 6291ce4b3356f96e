// What the forecast reads in the fields of an operation. Included by the sources of the forecast alone.
#pragma once

#include <algorithm>
#include <array>

#include "properties/program/forecast.h"

namespace cma {

struct Forecast::Reading : IgnoreFields {
  explicit Reading(const OpBody& body) {
    visit_fields(body, *this);
    see(target.declared ? target.id : OpId{0});
    see(named.result.id);
  }

  std::array<OpId, 2> operands{};  // those that it cannot do without
  std::size_t count = 0;
  OpId in = 0;  // the process in which a mapping is named
  AreaRef target;
  Place named;
  bool chosen = false;  // it takes the frames that are there
  std::uint64_t pages = 1;
  std::uint64_t order = 0;
  std::uint64_t align = 0;
  OpId highest = 0;  // of all identifiers that it names

  OpId first() const { return operands[0]; }
  void see(OpId id) { highest = std::max(highest, id); }

  void area(const AreaRef& area) { target = area; }
  void operand(const OpRef& operand, const OperandSpec& spec) {
    see(operand.id);
    if (spec.name == "in")
      in = operand.id;
    else if (spec.required && count < operands.size())
      operands[count++] = operand.id;
  }
  void place(const Place& place, const PlaceSpec& spec) {
    named = place;
    chosen = !spec.required && place.kind != Place::Kind::none;
  }
  void number(const std::uint64_t& value, const NumberSpec& spec) {
    if (spec.name == "pages" || spec.name == "count") pages = value;
    if (spec.name == "order") order = value;
    if (spec.name == "align") align = value;
  }
};

}  // namespace cma
