#include "properties/laws/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cma {

void Requests::program_begins(Machine& machine) {
  machine_ = &machine;
  machine.trace.watch_windows(this);
}

void Requests::stop_watching() {
  if (machine_ != nullptr) machine_->trace.watch_windows(nullptr);
}

void Requests::alloc_begins(AreaId area, std::uint64_t count, unsigned align) {
  text_ += fmt::format("{} pages of area {}, align {}:", count, area, align);
  asking_ = true;
}

void Requests::alloc_failed(AreaId, std::uint64_t, unsigned) { answer("none"); }

void Requests::buffer_allocated(AreaId, Pfn pfn, std::uint64_t, unsigned) { answer(fmt::format("{:x}", pfn)); }

void Requests::window_begins(Pfn start, Pfn end) {
  if (asking_) text_ += fmt::format(" [{:x}, {:x})", start, end);
}

void Requests::window_ended(int error) {
  if (asking_) text_ += fmt::format(" {}", error);
}

void Requests::op_performed(Machine& machine, std::size_t) {
  texts.push_back(std::exchange(text_, ""));
  for (AreaId id = 0; id < machine.areas.size(); ++id) bitmaps.push_back(machine.areas.area(id).bitmap.words());
}

void Requests::answer(const std::string& got) {
  text_ += " " + got + ";";
  asking_ = false;
}

std::string difference(const Requests& one, const Requests& other) {
  for (std::size_t i = 0; i < std::min(one.texts.size(), other.texts.size()); ++i)
    if (one.texts[i] != other.texts[i])
      return fmt::format("operation {}: {} instead of {}", i + 1, other.texts[i], one.texts[i]);
  if (one.texts.size() != other.texts.size())
    return fmt::format("{} operations instead of {}", other.texts.size(), one.texts.size());
  return one.bitmaps == other.bitmaps ? "" : "other bitmaps";
}

bool all_areas_active(const Areas& areas) {
  for (AreaId id = 0; id < areas.size(); ++id)
    if (!areas.area(id).active()) return false;
  return true;
}

std::optional<Program> on_release(const Program& program, Release release) {
  Program other = program;
  other.machine.release = release;
  other.machine.bugs = {};
  if (other.machine.impossible()) return std::nullopt;
  const auto aligned_to_more = [](const Op& op) {
    const auto* request = std::get_if<CmaAlloc>(&op.body);
    return request != nullptr && request->align > kCmaAlignment;
  };
  const bool differs = (release < Release::v3_17) != (program.machine.release < Release::v3_17);
  if (differs && std::ranges::any_of(program.ops, aligned_to_more)) return std::nullopt;
  return other;
}

Program with_pages_in_areas(Program program) {
  using Pages = OwnedPages<PageKind::unmovable>;
  std::erase_if(program.ops, [](const Op& op) {
    const auto* pages = std::get_if<Pages>(&op.body);
    return pages != nullptr && (pages->at.kind != Place::Kind::area || pages->at.area.declared);
  });
  for (Op& op : program.ops)
    if (auto* pages = std::get_if<Pages>(&op.body)) {
      const std::uint64_t size = program.machine.areas[pages->at.area.id].pages;
      pages->at.offset = std::min(pages->at.offset, size - 1);
      pages->pages = std::min(pages->pages, size - pages->at.offset);
    }
  return program;
}

}  // namespace cma
