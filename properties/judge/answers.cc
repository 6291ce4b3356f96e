#include "properties/judge/answers.h"

namespace cma::judge {
namespace {

// Replaces a null pointer as the driver does, which replaces every address that the kernel prints.
std::string with_opaque_pointers(std::string line) {
  constexpr std::string_view kNull = "0000000000000000";
  const std::size_t at = line.find(kNull);
  if (at != std::string::npos) line.replace(at, kNull.size(), "(ptrval)");
  return line;
}

std::string bitmap_line(const Area& area) {
  std::string line = "bm ";
  for (std::uint64_t bit = 0; bit < area.bitmap.size(); bit += 4) {
    unsigned digit = 0;
    for (unsigned b = 0; b < 4 && bit + b < area.bitmap.size(); ++b) digit |= area.bitmap.test(bit + b) ? 1U << b : 0U;
    line += "0123456789abcdef"[digit];
  }
  return line;
}

// Returns the kind of a page in use and its reference count: m movable-ops, l LRU, a other, p no reference.
std::string page_kind(const Page& page) {
  const char* kind = "a";
  if (page.has(kPageMovableOps)) kind = "m";
  if (page.has(kPageLru)) kind = "l";
  return page.ref == 0 ? "p0" : kind + std::to_string(page.ref);
}

// Returns the first page of the page's compound block; the page itself if it is in none.
const Page& head_of(const MemoryMap& map, Pfn pfn) {
  while (map.page(pfn).has(kPageTail)) --pfn;
  return map.page(pfn);
}

// Returns the head of the free block that covers the page; kNoPfn if none does. It may lie before the page's area.
Pfn free_block_over(const Machine& machine, Pfn pfn) {
  for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order) {
    const Pfn head = align_order(pfn, order);
    if (!machine.map.present(head)) return kNoPfn;
    const Page& page = machine.map.page(head);
    if (page.has(kPageBuddy)) return page.order >= order ? head : kNoPfn;
  }
  return kNoPfn;
}

// Returns the offset at which the first free block that begins in the area can lie: after one that reaches into it.
std::uint64_t first_own_offset(const Machine& machine, const Area& area) {
  const Pfn head = free_block_over(machine, area.base);
  return head == kNoPfn ? 0 : head + order_pages(machine.map.page(head).order) - area.base;
}

std::string pages_line(const Machine& machine, const Area& area, std::uint64_t pages) {
  std::string line = "pg";
  for (std::uint64_t offset = first_own_offset(machine, area); offset < pages;) {
    const Page& page = machine.map.page(area.base + offset);
    if (page.has(kPageBuddy)) {
      offset += order_pages(page.order);
      continue;
    }
    const std::string kind = page_kind(head_of(machine.map, area.base + offset));
    const std::uint64_t first = offset;
    while (offset < pages) {
      const Page& next = machine.map.page(area.base + offset);
      if (next.has(kPageBuddy) || page_kind(head_of(machine.map, area.base + offset)) != kind) break;
      ++offset;
    }
    line += " " + std::to_string(first) + "+" + std::to_string(offset - first) + ":" + kind;
  }
  return line;
}

}  // namespace

std::string place_of(const Machine& machine, Pfn pfn) {
  const auto area = machine.areas.area_of(pfn);
  if (!area) return "other";
  return machine.areas.area(*area).name + "+" + std::to_string(pfn - machine.areas.area(*area).base);
}

std::string free_cma_line(const Machine& machine) {
  const Zone& zone = machine.buddy.zone(0);
  return "cmaf free=" + std::to_string(zone.nr_free_cma) + " isolblk=" + std::to_string(zone.nr_isolate_pageblock);
}

std::string pcp_line(const Machine& machine) {
  const PerCpuPages& pcp = machine.buddy.zone(0).pcp[0];
  int pages = 0;
  for (Frame frame = pcp.lists[index_of(Migratetype::movable)].first; frame != kNil; frame = machine.map.at(frame).next)
    pages += machine.map.pageblock_type(machine.map.pfn(frame)) == Migratetype::cma ? 1 : 0;
  return "pcp high=" + std::to_string(pcp.high) + " batch=" + std::to_string(pcp.batch) +
         " cma_pages_on_it=" + std::to_string(pages);
}

std::string lru_line(const Machine& machine) {
  const auto size = [&](LruList list) { return std::to_string(machine.lru.lists().size(list)); };
  return "lru inactive_anon=" + size(LruList::inactive_anon) + " active_anon=" + size(LruList::active_anon) +
         " inactive_file=" + size(LruList::inactive_file) + " active_file=" + size(LruList::active_file) +
         " isolated_anon=" + std::to_string(machine.lru.lists().isolated_anon()) +
         " isolated_file=" + std::to_string(machine.lru.lists().isolated_file());
}

std::string unevictable_line(const Machine& machine) {
  return "unev pages=" + std::to_string(machine.lru.lists().size(LruList::unevictable)) +
         " mlocked=" + std::to_string(machine.lru.lists().mlocked());
}

std::string owner_line(const Machine& machine, OwnerId id) {
  const Owner& owner = machine.owners.owner(id);
  if (owner.pfn == kNoPfn) return "none";
  const Page& page = machine.map.page(owner.pfn);
  const std::string place = place_of(machine, owner.pfn);
  switch (owner.kind) {
    case PageKind::movable_ops: return "mov " + place;
    case PageKind::shmem: return "shm " + place;
    case PageKind::anonymous:
      return place + " ref=" + std::to_string(page.ref) + " map=" + std::to_string(page.map) +
             (page.has(kPageLru) ? " lru" : "");
    case PageKind::block_device: {
      std::string line = place + " ref=" + std::to_string(page.ref);
      if (owner.buffer == 0) return line;
      const Buffer& buffer = machine.buffers.buffer(owner.buffer);
      return line + " b_count=" + std::to_string(buffer.count) + (buffer.dirty ? " dirty" : "");
    }
    case PageKind::none:
    case PageKind::unmovable:
    case PageKind::file:
    case PageKind::hugetlb: break;
  }
  return place;
}

std::string move_line(const Machine& machine, Pfn pfn, int error) {
  std::string line = "ev try " + place_of(machine, pfn);
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(id);
    line += " " + area.name + "=";
    for (Pfn block = area.base; block < area.base + area.pages; block += machine.map.pageblock_pages())
      line += letter_of(machine.map.pageblock_type(block));
  }
  const Zone& zone = machine.buddy.zone(0);
  return line + " cmafree=" + std::to_string(zone.nr_free_cma) +
         " isolblk=" + std::to_string(zone.nr_isolate_pageblock) + (error != 0 ? " refuse" : "");
}

std::vector<std::string> dump_area(const Machine& machine, AreaId id, bool lists) {
  const Area& area = machine.areas.area(id);
  std::vector<std::string> lines;
  lines.push_back(bitmap_line(area));
  std::string types = "mt ";
  std::string blocks = "bd";
  const std::uint64_t step = machine.map.pageblock_pages();
  for (Pfn pfn = area.base; pfn < area.base + area.pages; pfn += step)
    types += letter_of(machine.map.pageblock_type(pfn));
  const Pfn first = free_block_over(machine, area.base);
  if (first != kNoPfn && first != area.base)
    blocks += " -" + std::to_string(area.base - first) + ":" + std::to_string(machine.map.page(first).order);
  for (Pfn pfn = area.base + (first == area.base ? 0 : first_own_offset(machine, area));
       pfn < area.base + area.pages;) {
    const Page& page = machine.map.page(pfn);
    if (!page.has(kPageBuddy)) {
      ++pfn;
      continue;
    }
    blocks += " " + std::to_string(pfn - area.base) + ":" + std::to_string(page.order);
    pfn += order_pages(page.order);
  }
  lines.push_back(types);
  lines.push_back(blocks);
  lines.push_back(pages_line(machine, area, area.pages));
  if (!lists) return lines;
  const Zone& zone = machine.buddy.zone_of(area.base);
  for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order)
    for (unsigned type = 0; type < kMigratetypes; ++type) {
      std::string line;
      for (Frame frame = zone.free_by_order[order].lists[type].first; frame != kNil;
           frame = machine.map.at(frame).next) {
        const Pfn pfn = machine.map.pfn(frame);
        if (area.contains(pfn)) line += " " + std::to_string(pfn - area.base);
      }
      if (!line.empty()) lines.push_back("fl " + std::to_string(order) + kMigratetypeLetters[type] + line);
    }
  return lines;
}

namespace {

// Returns the driver's line for a tracepoint; empty if it has none.
std::string tracepoint_line(const Machine& machine, const Record& r) {
  switch (r.event) {
    case Event::test_pages_isolated:
      return "ev test_pages_isolated " + place_of(machine, r.a) + " len=" + std::to_string(r.b - r.a) + " fin=+" +
             std::to_string(r.c - r.a) + (r.b <= r.c ? " ok" : " BUSY");
    case Event::mm_migrate_pages: return "ev migrate ok=" + std::to_string(r.a) + " failed=" + std::to_string(r.b);
    case Event::cma_alloc:
      return "ev cma_alloc " + (r.a == kNoPfn ? "none" : place_of(machine, r.a)) + " count=" + std::to_string(r.b) +
             " align=" + std::to_string(r.c) + (r.d != 0 ? " ok" : " fail");
    case Event::cma_alloc_start:
      return "ev cma_alloc_start " + machine.areas.area(static_cast<AreaId>(r.a)).name +
             " count=" + std::to_string(r.b) + " align=" + std::to_string(r.c);
    case Event::cma_alloc_busy_retry:
      return "ev cma_alloc_busy_retry " + place_of(machine, r.b) + " count=" + std::to_string(r.c) +
             " align=" + std::to_string(r.d);
    case Event::cma_alloc_finish:
      return "ev cma_alloc_finish " + (r.b == kNoPfn ? "none" : place_of(machine, r.b)) +
             " count=" + std::to_string(r.c) + " align=" + std::to_string(FinishedAlloc::unpack(r.d).align) +
             (FinishedAlloc::unpack(r.d).success ? " ok" : " fail");
    case Event::isolate_migratepages:
    case Event::isolate_freepages:
      return std::string(r.event == Event::isolate_migratepages ? "ev isolate_migratepages "
                                                                : "ev isolate_freepages ") +
             place_of(machine, r.a) + " len=" + std::to_string(r.b - r.a) + " scanned=" + std::to_string(r.c) +
             " taken=" + std::to_string(r.d);
    // The driver reports no others; log lines are no tracepoints.
    case Event::cma_release:
    case Event::mm_page_alloc:
    case Event::mm_page_free:
    case Event::mm_page_pcpu_drain:
    case Event::mm_page_alloc_zone_locked:
    case Event::mm_page_alloc_extfrag:
    case Event::log_text:
    case Event::log_cma_alloc:
    case Event::log_cma_busy_retrying:
    case Event::log_cma_returned:
    case Event::log_cma_release:
    case Event::log_cma_pages_valid:
    case Event::log_cma_alloc_failed:
    case Event::log_pfns_busy:
    case Event::log_still_in_use:
    case Event::log_suppressed:
    case Event::log_memory: break;
  }
  return "";
}

}  // namespace

std::string event_line(const Machine& machine, const Record& r, EventLevel level, bool raw, bool log) {
  // A kernel's own use of memory is in each figure of such a report.
  if (r.event == Event::log_memory) return "";
  if (is_log(r.event)) return log ? "log " + with_opaque_pointers(machine.trace.format(r)) : "";
  if (level == EventLevel::none) return "";
  if (raw) {
    const bool reported = r.event == Event::test_pages_isolated || r.event == Event::cma_alloc;
    return reported ? "tr " + machine.trace.format(r) : "";
  }
  const bool failing_test = r.event == Event::test_pages_isolated && r.c < r.b;
  const bool scan = r.event == Event::isolate_migratepages || r.event == Event::isolate_freepages;
  if ((level == EventLevel::failures && !failing_test) || (level < EventLevel::scans && scan)) return "";
  return tracepoint_line(machine, r);
}

}  // namespace cma::judge
