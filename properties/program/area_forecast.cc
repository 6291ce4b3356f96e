#include "properties/program/area_forecast.h"

#include <algorithm>
#include <ranges>

namespace cma {

// Returns a piece that lies in these pages of the area; nullptr if they are free.
const AreaForecast::Piece* AreaForecast::in_the_way(AreaRef area, std::uint64_t start, std::uint64_t pages) const {
  const auto found = std::ranges::find_if(pieces_, [&](const Piece& piece) {
    return piece.sure && piece.area == area && piece.start < start + pages && start < piece.start + piece.pages;
  });
  return found == pieces_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> AreaForecast::window(AreaRef area, std::uint64_t pages, std::uint64_t align) const {
  const AreaSpec& wanted = machine_->areas[area.id];
  const std::uint64_t bit = order_pages(wanted.order_per_bit);
  if (pages == 0 || pages > wanted.pages) return std::nullopt;
  const std::uint64_t taken = align_up(pages, bit);
  const std::uint64_t unit = std::max(bit, order_pages(static_cast<unsigned>(std::min<std::uint64_t>(align, 20))));
  // Frames are aligned, not their places in the area.
  std::uint64_t start = align_up(wanted.base, unit) - wanted.base;
  while (start + taken <= wanted.pages) {
    const Piece* busy = in_the_way(area, start, taken);
    if (busy == nullptr) return start;
    start = align_up(wanted.base + busy->start + busy->pages, unit) - wanted.base;
  }
  return std::nullopt;
}

std::optional<AreaForecast::Piece> AreaForecast::page_at(const Place& place) const {
  if (place.kind == Place::Kind::area) return Piece{.area = place.area, .start = place.offset};
  if (place.kind != Place::Kind::pfn) return std::nullopt;
  for (std::size_t i = 0; i < machine_->areas.size(); ++i) {
    const AreaSpec& area = machine_->areas[i];
    if (place.offset >= area.base && place.offset < area.base + area.pages)
      return Piece{.area = {false, static_cast<std::uint16_t>(i)}, .start = place.offset - area.base};
  }
  return std::nullopt;
}

bool AreaForecast::release(OpId buffer, std::uint64_t from, std::uint64_t pages) {
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Piece piece = pieces_[i];
    const std::uint64_t end = piece.from + piece.pages;
    if (piece.owner != buffer || from >= end) continue;
    const std::uint64_t first = std::max(piece.from, from);
    if (pages != 0 && (first != from || pages > end - first)) return true;
    const std::uint64_t last = pages == 0 ? end : first + pages;
    pieces_[i].pages = first - piece.from;
    if (last < end) {
      Piece rest = piece;
      rest.start += last - piece.from;
      rest.from = last;
      rest.pages = end - last;
      pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
    }
    if (pages != 0) break;
  }
  std::erase_if(pieces_, [](const Piece& piece) { return piece.pages == 0; });
  return std::ranges::any_of(pieces_, [buffer](const Piece& piece) { return piece.owner == buffer; });
}

void AreaForecast::free_debugfs(AreaRef area, std::uint64_t pages) {
  for (Piece& piece : pieces_ | std::views::reverse) {
    if (piece.owner != 0 || piece.area != area) continue;
    const std::uint64_t freed = std::min(piece.pages, pages);
    piece.start += freed;
    piece.pages -= freed;
    pages -= freed;
  }
  std::erase_if(pieces_, [](const Piece& piece) { return piece.pages == 0; });
}

bool AreaForecast::has_debugfs(AreaRef area) const {
  return std::ranges::any_of(pieces_, [area](const Piece& piece) { return piece.owner == 0 && piece.area == area; });
}

std::optional<AreaForecast::Piece> AreaForecast::piece_of(Random& random, OpId buffer) const {
  const auto of_buffer = [buffer](const Piece& piece) { return piece.owner == buffer; };
  const auto count = static_cast<std::uint64_t>(std::ranges::count_if(pieces_, of_buffer));
  if (count == 0) return std::nullopt;
  std::uint64_t skip = random.below(count);
  for (const Piece& piece : pieces_)
    if (of_buffer(piece) && skip-- == 0) return piece;
  return std::nullopt;
}

}  // namespace cma
