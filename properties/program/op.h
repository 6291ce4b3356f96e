// One operation of a program: its performer, the identifier of its result, where it stops, and what it does. The list
// below is the only one of all kinds; each kind is declared in its family's header.
//
// A kind's number in the byte form is its place in the list: append, never insert. Used by the text form, the byte
// form, the interpreter, the generator and everything above. Plain data; only texts in operations own memory.
#pragma once

#include <bitset>
#include <type_traits>
#include <variant>

#include "allocator/engine/point.h"
#include "allocator/engine/task_flags.h"
#include "properties/program/ops_area.h"
#include "properties/program/ops_board.h"
#include "properties/program/ops_boot.h"
#include "properties/program/ops_buffers.h"
#include "properties/program/ops_compaction.h"
#include "properties/program/ops_control.h"
#include "properties/program/ops_dma.h"
#include "properties/program/ops_expect.h"
#include "properties/program/ops_files.h"
#include "properties/program/ops_pages.h"
#include "properties/program/ops_processes.h"
#include "properties/program/ops_range.h"
#include "properties/program/ops_reclaim.h"
#include "properties/program/ops_reference.h"
#include "properties/program/ops_view.h"

namespace cma {

using OpVariant = std::variant<
    CmaAlloc, CmaRelease, AllocPages, FreePages, OwnedPages<PageKind::unmovable>, OwnedPages<PageKind::movable_ops>,
    OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>, FreeOwned, Refuse, Pin, Unpin, GetPage, PutPage,
    DrainOp<DrainKind::everything>, DrainOp<DrainKind::pages>, DrainOp<DrainKind::lru>,
    DrainOp<DrainKind::this_pagevec>, Signal, SleepOp, Resume, Reserve, Declare, InitReservedMem, Activate, Cat,
    DebugfsAlloc, DebugfsFree, ExpectState, ExpectFigure, ExpectError, ExpectCounter, ExpectLine<LineSource::log>,
    ExpectLine<LineSource::trace>, ExpectCat, ExpectPage, ExpectFinding, OwnedPages<PageKind::block_device>,
    BufferOp<BufferVerb::touch>, BufferOp<BufferVerb::hold>, BufferOp<BufferVerb::put>, BufferOp<BufferVerb::dirty>,
    BufferInvalidate, Spawn, MmapAnon, MappingOp<MappingVerb::write>, MappingOp<MappingVerb::munmap>,
    MappingOp<MappingVerb::mlock>, Fork, ExitProcess, ExecStack, OpenFile, ReadFile, BufferRead,
    FileOp<FileVerb::truncate>, FileOp<FileVerb::drop>, FileOp<FileVerb::commit>, FilePagesOp<FilePagesVerb::writeback>,
    FilePagesOp<FilePagesVerb::journal>, IoDone, LruOp<LruVerb::mark_accessed>, LruOp<LruVerb::deactivate>,
    LruOp<LruVerb::deactivate_file>, MappingOp<MappingVerb::madv_free>, CachesOff, MmapHuge, SplitHuge, PinLongterm,
    HugetlbGrow, HugetlbPagesUsed, MmapShared, AllocRange, FreeRange, Compact,
    // Allocation flags, and figures of zones.
    AllocGfp, ExpectZone,
    // Ranges of kernel addresses.
    Vmalloc,
    // Reclaim.
    DirectReclaim, RunKswapd,
    // Boot on a board.
    Region, RunBoot,
    // Buffers of devices.
    DmaBuffer, DmaFree,
    // Boot on a board, from its tree to areas of nodes.
    DeviceTree, BootArea,
    // What reports of the memory count.
    KernelPages, FreeRuns, MarkAccessedRange>;

// The most operations and actors of a program. The parser refuses more; Program::settle() cuts what is beyond.
inline constexpr std::size_t kMaxOps = 4096;
inline constexpr std::size_t kMaxActors = 16;

inline constexpr std::size_t kOpKinds = std::variant_size_v<OpVariant>;
// A set of kinds, by their numbers.
using KindSet = std::bitset<kOpKinds>;

// What an operation does: one of the kinds, read with std::visit and std::get_if. Copies, moves and comparisons are
// compiled once, in op.cc: a variant of so many kinds costs a compiler seconds wherever they are generated.
struct OpBody : OpVariant {
  using OpVariant::OpVariant;
  OpBody() noexcept;
  OpBody(const OpBody& other);
  OpBody(OpBody&& other) noexcept;
  OpBody& operator=(const OpBody& other);
  OpBody& operator=(OpBody&& other) noexcept;
  ~OpBody();
  friend bool operator==(const OpBody& a, const OpBody& b);
};

// How scopes are written, in the order of the enumerators.
inline constexpr std::string_view kScopeWords[] = {"none", "nofs", "noio", "noreclaim", "realtime", "victim"};

// `until=POINT#n`: the operation is suspended the nth time that it passes the point.
struct Stop {
  Point point = Point::kCount;  // kCount: nowhere
  std::uint16_t nth = 1;
  bool wanted() const { return point != Point::kCount; }
  friend bool operator==(const Stop&, const Stop&) = default;
};

struct Op {
  OpId id = 0;  // by which other operations name its result
  Performer performer;
  Stop until;
  OpBody body;
  // The scope in which the performer is meanwhile: between memalloc_nofs_save or the like and its restore, or with a
  // real-time policy.
  ReclaimScope scope = ReclaimScope::none;
  friend bool operator==(const Op&, const Op&) = default;
};

// Returns what is known of each kind, by its number.
std::span<const OpInfo> op_catalogue();
inline const OpInfo& info_of(const Op& op) { return op_catalogue()[op.body.index()]; }
// Returns an operation of this kind whose fields have their defaults. Requires: kind < kOpKinds.
OpBody default_body(std::size_t kind);
// Returns the number of kind T; kOpKinds if it is not in the list.
template <class T>
constexpr std::size_t kind_of() {
  return []<class... Kinds>(std::type_identity<std::variant<Kinds...>>) {
    std::size_t kind = 0;
    static_cast<void>(((std::is_same_v<T, Kinds> || (++kind, false)) || ...));
    return kind;
  }(std::type_identity<OpVariant>{});
}

// What an operation shows its fields to: the one `Visitor` of every kind's fields(), which are compiled once, in op.cc,
// and not anew for each visitor. Passes a choice on as the index of its word.
class FieldSink {
 public:
  virtual void area(AreaRef& area) = 0;
  virtual void operand(OpRef& operand, const OperandSpec& spec) = 0;
  virtual void place(Place& place, const PlaceSpec& spec) = 0;
  virtual void number(std::uint64_t& value, const NumberSpec& spec) = 0;
  virtual void flag(bool& flag, std::string_view name) = 0;
  virtual void word(std::uint8_t& index, const ChoiceSpec& spec) = 0;
  virtual void text(std::string& text, const TextSpec& spec) = 0;
  virtual void actor(Performer& performer) = 0;

  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) {
    static_assert(std::is_same_v<std::underlying_type_t<Enum>, std::uint8_t>);
    word(reinterpret_cast<std::uint8_t&>(value), spec);
  }

 protected:
  ~FieldSink() = default;
};

// Shows the fields of an operation in the order in which its kind declares them.
void show_fields(OpBody& body, FieldSink& sink);

// Passes fields on to a visitor, as constants if `kConst`. Compiled once for each visitor, so this is where a visitor
// without one of the members is refused.
template <class Visitor, bool kConst>
  requires FieldVisitor<Visitor, kConst>
class FieldsFor final : public FieldSink {
 public:
  explicit FieldsFor(Visitor& visitor) : visitor_(visitor) {}
  void area(AreaRef& area) override { visitor_.area(shown(area)); }
  void operand(OpRef& operand, const OperandSpec& spec) override { visitor_.operand(shown(operand), spec); }
  void place(Place& place, const PlaceSpec& spec) override { visitor_.place(shown(place), spec); }
  void number(std::uint64_t& value, const NumberSpec& spec) override { visitor_.number(shown(value), spec); }
  void flag(bool& flag, std::string_view name) override { visitor_.flag(shown(flag), name); }
  void word(std::uint8_t& index, const ChoiceSpec& spec) override { visitor_.choice(shown(index), spec); }
  void text(std::string& text, const TextSpec& spec) override { visitor_.text(shown(text), spec); }
  void actor(Performer& performer) override { visitor_.actor(shown(performer)); }

 private:
  template <class Field>
  static ShownField<Field, kConst> shown(Field& field) {
    return field;
  }
  Visitor& visitor_;
};

// Shows each field of an operation to a visitor (FieldVisitor in fields.h), as a constant if the operation is one.
template <class Visitor>
void visit_fields(const OpBody& body, Visitor& visitor) {
  // FieldsFor shows constants, so nothing changes the body.
  FieldsFor<Visitor, true> fields(visitor);
  show_fields(const_cast<OpBody&>(body), fields);
}
template <class Visitor>
void visit_fields(OpBody& body, Visitor& visitor) {
  FieldsFor<Visitor, false> fields(visitor);
  show_fields(body, fields);
}

// A visitor that does nothing, of constants and variables alike. Derive from it and hide the members of interest.
struct IgnoreFields {
  void area(const AreaRef&) {}
  void operand(const OpRef&, const OperandSpec&) {}
  void place(const Place&, const PlaceSpec&) {}
  void number(const std::uint64_t&, const NumberSpec&) {}
  void flag(const bool&, std::string_view) {}
  template <class Enum>
  void choice(const Enum&, const ChoiceSpec&) {}
  void text(const std::string&, const TextSpec&) {}
  void actor(const Performer&) {}
};

// The visitor of for_each_operand().
template <class See>
struct OperandVisitor : IgnoreFields {
  explicit OperandVisitor(See& function) : see(function) {}
  See& see;
  void area(auto& area) {
    if (area.declared) see(area.id);
  }
  void operand(auto& operand, const OperandSpec&) { see(operand.id); }
  void place(auto& place, const PlaceSpec&) {
    if (place.kind == Place::Kind::result) see(place.result.id);
    if (place.kind == Place::Kind::area && place.area.declared) see(place.area.id);
  }
};
// Calls `see(OpId&)` (`see(OpId)` if the body is const) for each identifier that the operation's operands name.
template <class Body, class See>
void for_each_operand(Body& body, See see) {
  OperandVisitor<See> visitor(see);
  visit_fields(body, visitor);
}

}  // namespace cma
