#include "properties/program/op.h"

#include <array>
#include <utility>

namespace cma {
namespace {

template <std::size_t... Index>
constexpr std::array<OpInfo, kOpKinds> make_catalogue(std::index_sequence<Index...>) {
  return {std::variant_alternative_t<Index, OpVariant>::kInfo...};
}
constexpr auto kCatalogue = make_catalogue(std::make_index_sequence<kOpKinds>{});

template <std::size_t Kind>
OpBody make_body() {
  return OpBody(std::in_place_index<Kind>);
}

template <std::size_t... Index>
constexpr auto make_factories(std::index_sequence<Index...>) {
  return std::array<OpBody (*)(), kOpKinds>{make_body<Index>...};
}
constexpr auto kFactories = make_factories(std::make_index_sequence<kOpKinds>{});

}  // namespace

OpBody::OpBody() noexcept = default;
OpBody::OpBody(const OpBody& other) = default;
OpBody::OpBody(OpBody&& other) noexcept = default;
OpBody& OpBody::operator=(const OpBody& other) = default;
OpBody& OpBody::operator=(OpBody&& other) noexcept = default;
OpBody::~OpBody() = default;

bool operator==(const OpBody& a, const OpBody& b) {
  return static_cast<const OpVariant&>(a) == static_cast<const OpVariant&>(b);
}

void show_fields(OpBody& body, FieldSink& sink) {
  std::visit([&]<class Kind>(Kind& op) { Kind::fields(op, sink); }, body);
}

std::span<const OpInfo> op_catalogue() { return kCatalogue; }

OpBody default_body(std::size_t kind) { return kFactories[kind](); }

}  // namespace cma
