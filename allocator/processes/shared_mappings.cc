// Shared memory and mapped files of processes (mm/filemap.c, mm/shmem.c, mm/memory.c): faults that map pages of a
// cache. Such pages have a mapping: the scan never takes them for pinned, and clean ones of a file are dropped, mapped
// or not.

#include "allocator/base/error.h"
#include "allocator/processes/processes.h"

namespace cma {

bool Processes::can_be_shared(OwnerId page) const {
  const Owner& owner = owners_.owner(page);
  if (owner.pfn == kNoPfn) return false;
  if (owner.kind == PageKind::shmem) return true;
  return owner.kind == PageKind::file && owner.method != FileMethod::block_device;
}

MappingId Processes::mmap_shared(SpaceId process, const std::vector<OwnerId>& pages, bool executable) {
  CMA_ASSERT(alive(process) && !pages.empty());
  const auto first = static_cast<std::uint32_t>(shared_.size());
  for (const OwnerId page : pages) {
    CMA_ASSERT(can_be_shared(page));
    SharedPage shared;
    shared.page = page;
    shared.file = owners_.owner(page).file;
    if (shared.file != 0) shared.index = files_.index_of(shared.file, page);
    shared_.push_back(shared);
  }
  const MappingId mapping = mmap_anon(process, pages.size());
  processes_[process].mappings[mapping].shared = true;
  processes_[process].mappings[mapping].first_shared = first;
  const PteId pte = processes_[process].mappings[mapping].first;
  for (std::uint64_t i = 0; i < pages.size(); ++i) spaces_.pte(static_cast<PteId>(pte + i)).executable = executable;
  return mapping;
}

// Finds the page in its cache, locks it and takes a reference (filemap_fault, shmem_fault). Reads a page of a file
// again if it was dropped. Returns 0, -ENOMEM, or -EFAULT (SIGBUS) for shared memory that was truncated, and for a page
// behind the end of its file, which is looked for again under the page lock.
Task<int> Processes::find_and_lock(const SharedPage& shared, OwnerId* page) {
  while (true) {
    core_.engine.turn();
    *page = shared.file == 0 ? shared.page : files_.cached(shared.file, shared.index);
    if (shared.file == 0 && owners_.released(*page)) co_return -kEFAULT;
    if (shared.file != 0 && files_.ends_before(shared.file, shared.index)) co_return -kEFAULT;
    if (*page == 0) {
      const Files::Read read = co_await files_.read_by_fault(shared.file, shared.index);
      if (read.error != 0) co_return read.error;
      continue;
    }
    const Pfn pfn = owners_.owner(*page).pfn;
    lru_.references().get_page(pfn);
    co_await locks_.lock(pfn);
    const bool beyond = shared.file != 0 && files_.ends_before(shared.file, shared.index);
    if (owners_.owner(*page).pfn == pfn && !beyond) {
      CMA_ASSERT(core_.map.page(pfn).has(kPageUptodate));
      co_return 0;
    }
    locks_.unlock(pfn);
    co_await lru_.references().put_page(pfn);
    if (beyond) co_return -kEFAULT;
  }
}

// Maps a page (do_read_fault, do_shared_fault, wp_page_shared). A file's page becomes writable after its file was asked
// (page_mkwrite), shared memory at the first fault.
Task<int> Processes::fault_in_shared(SpaceId process, const Mapping& where, std::uint64_t index, bool write) {
  OwnerId page = 0;
  const SharedPage shared = shared_[where.first_shared + index];
  const int error = co_await find_and_lock(shared, &page);
  if (error != 0) co_return error;
  const Pfn pfn = owners_.owner(page).pfn;
  co_await at(core_.engine, Point::shared_fault_locked);
  if (write && shared.file != 0) page_cache_.make_dirty(page);
  co_await spaces_.lock(process).lock(core_.engine);
  const auto id = static_cast<PteId>(where.first + index);
  const bool here = spaces_.pte(id).state == Pte::State::none;
  // The lookup's reference becomes the pte's. While the page is locked it does not move.
  if (here) reverse_map_.map_pte(id, page);
  Pte& pte = spaces_.pte(id);
  CMA_ASSERT(pte.page == page && pte.state == Pte::State::present);
  pte.young = true;
  pte.writable = pte.writable || write || shared.file == 0;
  spaces_.lock(process).unlock(core_.engine);
  locks_.unlock(pfn);
  if (!here) co_await lru_.references().put_page(pfn);
  co_return 0;
}

Task<int> Processes::touch_shared(SpaceId process, MappingId mapping, std::uint64_t index, bool write) {
  CMA_ASSERT(alive(process) && is_shared(process, mapping));
  const Inside inside(*this, process);
  const Mapping where = processes_[process].mappings[mapping];
  CMA_ASSERT(index < where.pages);
  const auto id = static_cast<PteId>(where.first + index);
  while (true) {
    core_.engine.turn();
    const Pte now = spaces_.pte(id);
    if (now.state == Pte::State::present && (now.writable || !write)) break;
    int error = 0;
    if (now.state == Pte::State::migration)
      co_await wait_for_migration(id);
    else
      error = co_await fault_in_shared(process, where, index, write);
    if (error != 0) co_return error;
  }
  Pte& pte = spaces_.pte(id);
  pte.young = true;
  if (!write) co_return 0;
  pte.dirty = true;
  change_content(pte.page);
  co_return 0;
}

}  // namespace cma
