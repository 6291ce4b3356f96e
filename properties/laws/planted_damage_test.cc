// Damages single fields of a machine by hand, and expects the sentence of the audit about it. planted_test.cc has the
// damage that tells a story; here stands what is left of the checks, one line each.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <span>

#include "properties/laws/laws_testing.h"

namespace cma {
namespace {

// A machine on which a bit of everything lies about: pages of owners on the LRU, a buffer of a file, pages on per-CPU
// lists, pages of drivers, a free page of the hugetlb pool, a huge page.
class Damaged {
 public:
  explicit Damaged(Release release) : watched(geometry(release)), machine(watched.machine()), laws(watched.laws()) {
    watched.perform(watched.alloc_pages(kGfpKernel, 0));
    watched.perform(watched.alloc_pages(kGfpKernel, 3));
    for (int i = 0; i < 3; ++i)
      for (const PageKind kind : {PageKind::anonymous, PageKind::shmem}) watched.perform(watched.own(kind));
    const FileId file = machine.files.open(FileMethod::block_device, false);
    file_page = run_now(machine.files.read(file, 0, false)).page;
    buffer = machine.page_cache.buffer_of(file_page);
    CMA_ASSERT(run_now(machine.hugetlb.grow()));
    const SpaceId process = machine.processes.spawn();
    machine.processes.mmap_huge(process, 1);
    huge = machine.buddy.alloc_pages(kGfpHighuserMovable | kGfpComp, machine.processes.huge_order());
    run_now(machine.processes.fault_in_huge(process, 0, 0, huge));
    run_now(machine.lru.drain().add_drain_all());
    watched.perform(watched.cma_alloc(0, 20, 0));
    cached = watched.buffers[0].pfn + 19;  // the one freed last
    watched.perform(watched.cma_release(0));
    laws.audit();
  }

  // Returns what the next audit finds, as "law: sentence".
  std::string audit() {
    return broken_by([&] { laws.audit(); });
  }
  std::string audit_everything() {
    return broken_by([&] { laws.audit_everything(); });
  }
  Page& page(Pfn pfn) { return machine.map.edit(pfn); }
  // Returns a page without the audit's knowledge that it was touched: only what leads there can show the damage.
  Page& unseen(Pfn pfn) { return const_cast<Page&>(machine.map.page(pfn)); }
  Pfn driver() const { return watched.blocks[0].pfn; }
  Pfn pfn_of(OwnerId owner) const { return watched.machine_const().owners.owner(owner).pfn; }
  Pfn owned(std::size_t index) const { return pfn_of(watched.owners[index]); }
  Buffer& head() { return const_cast<Buffer&>(machine.buffers.buffer(buffer)); }
  std::vector<BufferId>& slots() { return const_cast<std::vector<BufferId>&>(machine.buffers.lru_slots(0)); }
  PageList& lru(LruList list) { return const_cast<PageList&>(machine.lru.lists().list(list)); }
  Area& area() { return const_cast<Area&>(machine.areas.area(0)); }
  Pfn pooled() const { return machine.map.pfn(machine.hugetlb.free_list().first); }
  HugePage& huge_page() {
    const Owner& first = machine.owners.owner(machine.map.page(huge).owner);
    return const_cast<HugePage&>(machine.owners.huge_page(first.huge));
  }
  // Returns the list of CPU 0 that the cached page is on.
  PageList& pcp_list() {
    for (PageList& list : machine.buddy.zone(0).pcp[0].lists)
      for (Frame frame = list.first; frame != kNil; frame = machine.map.at(frame).next)
        if (machine.map.pfn(frame) == cached) return list;
    CMA_ASSERT(false);
    return machine.buddy.zone(0).pcp[0].lists[0];
  }
  // Counts a page of the per-CPU lists for the wrong CPU, so that the audit looks at both CPUs' lists.
  void count_for_another_cpu() {
    ++machine.buddy.zone(0).pcp[0].count;
    --machine.buddy.zone(0).pcp[1].count;
  }
  // Returns a list of free blocks of this order that is empty.
  PageList& empty_list(unsigned order) {
    PageList* empty = nullptr;
    for (PageList& list : machine.buddy.zone(0).free_by_order[order].lists)
      if (list.empty()) empty = &list;
    CMA_ASSERT(empty != nullptr);
    return *empty;
  }
  // Links the ends of a list with each other.
  void close_ring(const PageList& list) {
    machine.map.edit_at(list.first).prev = list.last;
    machine.map.edit_at(list.last).next = list.first;
  }
  // Returns a free block of at least this order.
  Pfn free_block(unsigned order) const {
    for (Pfn pfn = machine.map.range().start; pfn < machine.map.range().end; ++pfn)
      if (machine.map.page(pfn).has(kPageBuddy) && machine.map.page(pfn).order >= order) return pfn;
    return kNoPfn;
  }

  WatchedMachine watched;
  Machine& machine;
  Laws& laws;
  OwnerId file_page = 0;
  BufferId buffer = 0;
  Pfn cached = kNoPfn;
  Pfn huge = kNoPfn;

 private:
  static Geometry geometry(Release release) {
    Geometry geometry = default_small_geometry(release);
    geometry.transparent_hugepages = true;
    return geometry;
  }
};

struct Damage {
  const char* finding;  // the law, and a piece of the sentence
  std::function<void(Damaged&)> plant;
  Release since = Release::v3_5;
};

void expect_each(std::span<const Damage> damages) {
  for (const Release release : modelled_releases()) {
    for (const Damage& damage : damages) {
      if (release < damage.since) continue;
      Damaged damaged(release);
      damage.plant(damaged);
      const std::string found = damaged.audit();
      const std::string_view wanted = damage.finding;
      const std::size_t colon = wanted.find(": ");
      const bool law = found.starts_with(wanted.substr(0, colon + 1));
      EXPECT_TRUE(law && found.find(wanted.substr(colon + 2)) != std::string::npos)
          << wanted << ", but on " << name_of(release) << " it found: " << found;
    }
  }
}

TEST(DamagedMachine, NothingIsFoundBeforeItIsDamaged) {
  for (const Release release : modelled_releases()) {
    Damaged damaged(release);
    EXPECT_EQ(damaged.audit(), "");
    EXPECT_EQ(damaged.audit_everything(), "");
  }
}

TEST(DamagedMachine, EachFieldOfACachedPageIsChecked) {
  constexpr const char* kSentence = "conserved: on a per-CPU list has";
  const Damage damages[] = {
      {kSentence, [](Damaged& d) { d.page(d.cached).ref = 1; }},
      {kSentence, [](Damaged& d) { d.page(d.cached).map = 1; }},
      {kSentence, [](Damaged& d) { d.page(d.cached).flags |= kPageDirty; }},
      {kSentence, [](Damaged& d) { d.page(d.cached).owner = 1; }},
      {kSentence, [](Damaged& d) { d.page(d.cached).pagevecs = 1; }},
      {"lists: on a per-CPU list has order 3", [](Damaged& d) { d.page(d.cached).order = 3; }},
      {"lists: is cached as Isolate", [](Damaged& d) { d.page(d.cached).list_type = Migratetype::isolate; }},
      {"conserved: is in two states at once", [](Damaged& d) { d.page(d.cached).flags |= kPageBuddy; }},
      {"lists: is not linked into the list", [](Damaged& d) { d.page(d.cached).next = kNil - 1; }},
      {"lists: is not linked into the list",
       [](Damaged& d) {
         Page& page = d.page(d.cached);
         page.next = d.machine.map.frame(d.driver());
       }},
  };
  expect_each(damages);
}

TEST(DamagedMachine, ThePerCpuListsAreWalkedFromTheirHeads) {
  const Damage damages[] = {
      {"lists: holds something else than pages of order 0",
       [](Damaged& d) { d.pcp_list().first = d.machine.map.frame(d.driver()); }},
      {"lists: does not end where its head says",
       [](Damaged& d) { d.pcp_list().last = d.machine.map.frame(d.driver()); }},
      {"lists: is on list 0 of CPU 0",
       [](Damaged& d) {
         PageList& list = d.pcp_list();
         std::swap(list, d.machine.buddy.zone(0).pcp[0].lists[0]);
       }},
      {"lists: holds something else than pages of order 0", [](Damaged& d) { d.pcp_list().first = kNil - 1; }},
      {"lists: holds something else than pages of order 0",
       [](Damaged& d) { d.pcp_list().first = d.machine.map.at(d.pcp_list().first).next; }},
      {"lists: holds something else than pages of order 0",
       [](Damaged& d) {
         d.unseen(d.cached).order = 1;
         d.count_for_another_cpu();
       }},
      {"lists: holds something else than pages of order 0",
       [](Damaged& d) {
         d.unseen(d.cached).zone = 1;
         d.count_for_another_cpu();
       }},
      {"lists: does not end where its head says",
       [](Damaged& d) {
         for (PageList& list : d.machine.buddy.zone(0).pcp[0].lists) {
           if (!list.empty()) continue;
           list.last = d.machine.map.frame(d.driver());
           return;
         }
       }},
  };
  expect_each(damages);
}

// A list that was empty, so that only its new ends can show the damage.
TEST(DamagedMachine, TheEndsOfAListArePagesOfItsOwn) {
  const Damage damages[] = {
      {"lists: ends in no block of its own",
       [](Damaged& d) {
         const Pfn block = d.free_block(3);
         PageList& list = d.empty_list(d.machine.map.page(block).order);
         list.first = list.last = d.machine.map.frame(block);
       }},
      {"lists: ends in no block of its own",
       [](Damaged& d) {
         const Pfn block = d.free_block(3);
         d.empty_list(d.machine.map.page(block).order).last = d.machine.map.frame(block);
       }},
      {"lists: LRU list 4 ends in no page of its own",
       [](Damaged& d) {
         PageList& unevictable = d.lru(LruList::unevictable);
         unevictable.first = unevictable.last = d.machine.map.frame(d.owned(0));
       }},
      {"lists: LRU list 4 ends in no page of its own",
       [](Damaged& d) { d.lru(LruList::unevictable).last = d.machine.map.frame(d.owned(0)); }},
      {"lists: LRU list 4 ends in no page of its own",
       [](Damaged& d) {
         d.unseen(d.owned(0)).flags |= kPageUnevictable;
         d.lru(LruList::unevictable).first = d.machine.map.frame(d.owned(0));
         d.lru(LruList::unevictable).last = d.machine.map.frame(d.driver());
       }},
  };
  expect_each(damages);
}

TEST(DamagedMachine, FreeBlocksAreLinkedBothWays) {
  constexpr const char* kSentence = "lists: is not linked into its list";
  const Damage damages[] = {
      {kSentence, [](Damaged& d) { d.page(d.free_block(3)).next = kNil - 1; }},
      {kSentence, [](Damaged& d) { d.page(d.free_block(3)).prev = kNil - 1; }},
      {"lists: is not linked into its list",
       [](Damaged& d) {
         Pfn block = d.free_block(0);
         while (!d.machine.map.page(block).has(kPageBuddy) || d.machine.map.page(block).next == kNil) ++block;
         const Pfn next = d.machine.map.pfn(d.machine.map.page(block).next);
         d.unseen(next).prev = kNil;
         d.page(block);
       }},
      {"lists: covers pageblocks of type Unmovable and Reclaimable",
       [](Damaged& d) {
         const Pfn block = d.free_block(5);
         d.machine.map.set_pageblock_type(block + 16, Migratetype::reclaimable);
         d.page(block);
       },
       Release::v6_10},
  };
  expect_each(damages);
}

TEST(DamagedMachine, EachFieldOfAPageInUseIsChecked) {
  const Damage damages[] = {
      {"conserved: is in use by a program, and leaked or missing",
       [](Damaged& d) { d.page(d.driver()).flags = kPageLeaked; }},
      {"conserved: is not the head of its block", [](Damaged& d) { d.page(d.driver()).flags = kPageTail; }},
      {"conserved: is not the head of its block",
       [](Damaged& d) {
         Page& page = d.page(d.owned(0) | 1);
         page.flags |= kPageHead;
         page.order = 6;
       }},
      {"conserved: is on a task's list though", [](Damaged& d) { d.machine.lru.listed().isolate(d.owned(0)); }},
      {"conserved: still belongs to an owner that has let go",
       [](Damaged& d) {
         d.laws.owner_releasing(d.watched.owners[0]);
         d.page(d.owned(0));
       }},
      {"content: is mapped 1 times and has no owner", [](Damaged& d) { d.page(d.driver()).map = 1; }},
      {"content: names an owner that never was", [](Damaged& d) { d.page(d.driver()).owner = 9999; }},
      {"content: names an owner whose page is",
       [](Damaged& d) {
         Page& page = d.page(d.driver());
         page.owner = d.watched.owners[0];
         page.token = d.machine.map.page(d.owned(0)).token;
       }},
      {"lists: is not linked into its LRU list",
       [](Damaged& d) { d.lru(LruList::inactive_anon).last = d.machine.map.frame(d.driver()); }},
      {"lists: is not linked into its LRU list", [](Damaged& d) { d.lru(LruList::inactive_anon).first = kNil; }},
      {"lists: is not linked into the list it is on",
       [](Damaged& d) { d.page(d.pfn_of(d.file_page)).next = kNil - 1; }},
      {"lists: is not linked into the list it is on",
       [](Damaged& d) { d.page(d.pfn_of(d.file_page)).next = d.machine.map.frame(d.owned(0)); }},
      {"lists: is not linked into the list it is on",
       [](Damaged& d) { d.page(d.pfn_of(d.file_page)).prev = d.machine.map.frame(d.driver()); }},
      {"content: names an owner that never was",
       [](Damaged& d) {
         d.watched.perform(d.watched.alloc_pages(kGfpHighuserMovable | kGfpComp, 2));
         d.page(d.watched.blocks.back().pfn).owner = 9999;
       }},
      {"lists: LRU list 1 ends in no page of its own",
       [](Damaged& d) {
         PageList& active = d.lru(LruList::active_anon);
         active.first = active.last = d.machine.map.frame(d.driver());
       }},
  };
  expect_each(damages);
}

TEST(DamagedMachine, CountersOfTheMachineAreRecounted) {
  const Damage damages[] = {
      {"views: area 0 counts 20 and 1 pages", [](Damaged& d) { d.area().nr_pages_failed = 1; }, Release::v5_13},
      {"views: area 0 counts 21 and 0 pages", [](Damaged& d) { ++d.area().nr_pages_succeeded; }, Release::v5_13},
      {"views: area 0 counts 21 pages released, there were 20", [](Damaged& d) { ++d.area().nr_pages_released; },
       Release::v5_13},
      {"counters: NR_MLOCK is 1, a recount gives 0",
       [](Damaged& d) {
         const_cast<LruLists&>(d.machine.lru.lists()).set_mlocked(d.owned(0));
         d.page(d.owned(0)).flags &= ~kPageMlocked;
       }},
      {"counters: LRU list 0 counts",
       [](Damaged& d) {
         d.lru(LruList::inactive_anon).remove(d.machine.map, d.machine.map.frame(d.owned(0)));
         d.page(d.owned(0)).flags &= ~kPageLru;
       }},
      {"counters: NR_ISOLATED_ANON/FILE are 0/1",
       [](Damaged& d) {
         const Pfn page = d.pfn_of(d.file_page);
         d.machine.lru.listed().isolate(page);
         d.page(page).flags &= ~kPageTaskList;
         --d.page(page).ref;
       }},
      {"counters: pagevecs hold 0 pages, 1 references are theirs",
       [](Damaged& d) {
         ++d.page(d.owned(0)).pagevecs;
         ++d.page(d.owned(0)).ref;
       }},
      {"counters: nr_free_highatomic is 1", [](Damaged& d) { ++d.machine.buddy.zone(0).nr_free_highatomic; },
       Release::v6_10},
      {"locks: a buffer lock is held", [](Damaged& d) { d.machine.buffers.locks().try_lock(d.buffer); }},
      {"locks: cma->lock of area 0 is held", [](Damaged& d) { d.area().lock.try_lock(d.machine.engine); }},
  };
  expect_each(damages);
}

TEST(DamagedMachine, BuffersAreUnderTheirPages) {
  const Damage damages[] = {
      {"content: CPU 0 has", [](Damaged& d) { d.slots().resize(d.machine.buffers.slots() + 1, d.buffer); }},
      {"content: is in two slots of CPU 0", [](Damaged& d) { d.slots() = {d.buffer, d.buffer}; }},
      {"content: is used and attached to no page",
       [](Damaged& d) {
         d.head().pfn = kNoPfn;
         d.head().count = 1;
       }},
      {"content: is used and attached to no page",
       [](Damaged& d) {
         d.head().pfn = kNoPfn;
         d.head().count = 0;
         d.head().locked = true;
       }},
      {"content: is used and attached to no page",
       [](Damaged& d) {
         Page& page = d.page(d.pfn_of(d.file_page));
         page.flags &= ~kPagePrivate;
         --page.ref;
       }},
      {"content: which is not the page that it was read into",
       [](Damaged& d) {
         d.machine.buffers.get(d.buffer);
         d.laws.buffer_held(d.buffer);
         const Pfn other = d.owned(1);
         const_cast<Owner&>(d.machine.owners.owner(d.watched.owners[1])).token =
             d.machine.owners.owner(d.file_page).token;
         d.page(other).token = d.machine.owners.owner(d.file_page).token;
         d.page(other).flags |= kPagePrivate;
         ++d.page(other).ref;
         d.head().pfn = other;
       }},
      {"content: and its data at",
       [](Damaged& d) {
         d.machine.buffers.get(d.buffer);
         d.laws.buffer_held(d.buffer);
         d.watched.perform(d.watched.cma_alloc(1, 1, 0));  // far from the page of the file
         const Pfn other = d.watched.buffers.back().pfn;
         d.page(other).token = d.machine.owners.owner(d.file_page).token;
         d.page(other).flags |= kPagePrivate;
         ++d.page(other).ref;
         d.head().pfn = other;
       }},
  };
  expect_each(damages);
}

TEST(DamagedMachine, HugePagesAndTheirPoolAreChecked) {
  const Damage damages[] = {
      {"content: belongs to the record of another one",
       [](Damaged& d) {
         ++d.huge_page().first;
         d.page(d.huge);
       }},
      {"content: belongs to the record of another one", [](Damaged& d) { d.page(d.huge).order = 3; }},
      {"content: names an owner whose page is elsewhere",
       [](Damaged& d) {
         const OwnerId third = d.machine.map.page(d.huge + 3).owner;
         const_cast<Owner&>(d.machine.owners.owner(third)).pfn = d.driver();
         d.page(d.huge);
       }},
      {"exclusive: is held by a program and lies in the huge page",
       [](Damaged& d) {
         Page& tail = d.page(d.huge + 3);
         const Page whole = tail;
         tail = Page{};
         tail.ref = 1;
         d.laws.pages_allocated(d.huge + 3, 0, kGfpHighuserMovable);
         tail = whole;
       }},
      {"content: pmds map the huge page",
       [](Damaged& d) {
         ++d.huge_page().pmds;
         d.page(d.huge);
       }},
      {"conserved: inside the huge page", [](Damaged& d) { d.page(d.huge + 3).flags |= kPageDirty; }},
      {"conserved: inside the huge page", [](Damaged& d) { d.page(d.huge + 3).pagevecs = 1; }},
      {"lists: inside the huge page", [](Damaged& d) { d.page(d.huge + 3).prev = 5; }},
      {"conserved: of the hugetlb pool has", [](Damaged& d) { d.page(d.pooled()).owner = 1; }},
      {"conserved: of the hugetlb pool has", [](Damaged& d) { d.page(d.pooled()).flags |= kPageDirty; }},
      {"conserved: of the hugetlb pool has", [](Damaged& d) { d.page(d.pooled()).order = 3; }},
      {"conserved: inside", [](Damaged& d) { d.page(d.pooled() + 3).flags |= kPageDirty; }},
      {"lists: on the list of the hugetlb pool is no free page", [](Damaged& d) { d.unseen(d.pooled()).ref = 1; }},
      {"lists: on the list of the hugetlb pool is no free page",
       [](Damaged& d) {
         const_cast<PageList&>(d.machine.hugetlb.free_list()).first = d.machine.map.frame(d.driver());
       }},
      {"counters: the hugetlb pool has 0 free pages and counts 1",
       [](Damaged& d) { const_cast<PageList&>(d.machine.hugetlb.free_list()).first = kNil; }},
      {"counters: the hugetlb pool has 2 free pages and counts 1",
       [](Damaged& d) { d.unseen(d.pooled()).next = d.machine.map.frame(d.pooled()); }},
  };
  expect_each(damages);
}

TEST(DamagedMachine, OnlyATotalAuditSeesARingOfPagesOnNoLruList) {
  for (const Release release : modelled_releases()) {
    Damaged d(release);
    const Frame frame = d.machine.map.frame(d.owned(0));
    d.lru(LruList::inactive_anon).remove(d.machine.map, frame);
    d.page(d.owned(0)).next = frame;
    d.page(d.owned(0)).prev = frame;
    EXPECT_EQ(d.audit(), "");
    EXPECT_TRUE(d.audit_everything().starts_with("lists: LRU list 0 has")) << d.audit_everything();
  }
}

// Each page of such a list is linked as it should be.
TEST(DamagedMachine, OnlyATotalAuditSeesAListWithoutAnEnd) {
  for (const Release release : modelled_releases()) {
    Damaged blocks(release);
    const Page& block = blocks.machine.map.page(blocks.free_block(3));
    blocks.close_ring(blocks.machine.buddy.zone(0).free_by_order[block.order].lists[index_of(block.list_type)]);
    EXPECT_EQ(blocks.audit(), "");
    const std::string found = blocks.audit_everything();
    EXPECT_TRUE(found.starts_with("lists: ") && found.find(" are listed, ") != std::string::npos) << found;
    Damaged pages(release);
    pages.close_ring(pages.lru(LruList::inactive_anon));
    EXPECT_EQ(pages.audit(), "");
    EXPECT_TRUE(pages.audit_everything().starts_with("lists: LRU list 0 has")) << pages.audit_everything();
  }
}

// The recount of /proc/zoneinfo ends, and differs from what the CPU counts.
TEST(DamagedMachine, APerCpuListWithoutAnEndIsNotCountedForEver) {
  for (const Release release : modelled_releases()) {
    Damaged d(release);
    d.close_ring(d.pcp_list());
    const std::string found = broken_by([&] { d.laws.check_views(); });
    EXPECT_TRUE(found.starts_with("views: zoneinfo reads ")) << found;
  }
}

TEST(DamagedMachine, ABufferWithoutAPageIsHeldForNoOwner) {
  for (const Release release : modelled_releases()) {
    Damaged d(release);
    d.head().pfn = kNoPfn;
    d.laws.buffer_held(d.buffer);
    EXPECT_EQ(d.laws.ledger().held_buffer(d.buffer).owner, 0U);
    EXPECT_EQ(d.laws.ledger().held_buffer(d.buffer).token, 0U);
    EXPECT_EQ(d.laws.ledger().held_buffer(d.buffer).counts, 1);
  }
}

// While an actor is inside an operation its pageblocks are its own.
TEST(DamagedMachine, TwoActorsNeverIsolateOnePageblock) {
  for (const Release release : modelled_releases()) {
    Damaged d(release);
    d.watched.start(1, d.watched.cma_alloc(0, 4, 0), Point::isolate_done);
    ASSERT_FALSE(d.machine.isolation.isolators().held().empty());
    auto& held = const_cast<std::vector<Isolators::Held>&>(d.machine.isolation.isolators().held());
    held.push_back({held.front().block, ActorId{2}});
    EXPECT_TRUE(d.audit().starts_with("restored: ")) << d.audit();
    EXPECT_NE(d.audit().find("was isolated by two actors at once"), std::string::npos);
  }
}

// A pageblock that two zones share may be counted in either, so only the sum of zones is compared there.
TEST(DamagedMachine, AReserveIsRecountedAcrossZonesThatCutPageblocks) {
  Geometry geometry = default_small_geometry(Release::v6_1);
  geometry.zones = {{"DMA32", {0, 0x108}}, {"Normal", {0x108, 1024}}};
  WatchedMachine watched(geometry);
  EXPECT_EQ(broken_by([&] { watched.laws().audit(); }), "");
  watched.machine().buddy.zone(1).nr_reserved_highatomic = 16;
  const std::string found = broken_by([&] { watched.laws().audit(); });
  EXPECT_TRUE(found.starts_with("counters: nr_reserved_highatomic is 16 in all zones")) << found;
  // The other zone has given it up. What is counted besides is a mistake all the same.
  watched.machine().buddy.zone(0).lost_highatomic = 16;
  EXPECT_EQ(broken_by([&] { watched.laws().audit(); }), "");
  for (const std::uint64_t counted : {0U, 32U}) {
    watched.machine().buddy.zone(1).nr_reserved_highatomic = counted;
    EXPECT_TRUE(broken_by([&] { watched.laws().audit(); }).starts_with("counters: nr_reserved_highatomic is "));
  }
}

// Since 6.8 a zone has no reserve unless its share of 1 % is a pageblock; it ends with the pageblock that reaches that.
TEST(DamagedMachine, AReserveMayGrowToItsShareAndNoFurther) {
  Geometry geometry = default_small_geometry(Release::v6_12);
  geometry.memory = {0, 4096};  // 1 % is 40 pages, 3 pageblocks with the one that is begun
  WatchedMachine watched(geometry);
  Zone& zone = watched.machine().buddy.zone(0);
  const auto found_with = [&](std::uint64_t pages) {
    zone.nr_reserved_highatomic = zone.lost_highatomic = pages;
    return broken_by([&] { watched.laws().audit(); });
  };
  EXPECT_EQ(found_with(48), "");
  EXPECT_EQ(found_with(96), "") << "the last block that was added had 4 pageblocks";
  EXPECT_TRUE(found_with(112).starts_with("counters: ")) << found_with(112);
}

TEST(DamagedMachine, WhatIsHandedOutIsAWholeBlockOfUnusedPages) {
  Damaged d(Release::v6_1);
  const auto blocks = [&](Pfn pfn, unsigned order) {
    return law_broken_by([&] { d.laws.pages_allocated(pfn, order, kGfpKernel); });
  };
  EXPECT_EQ(blocks(0x101, 1), "contract") << "misaligned";
  EXPECT_EQ(blocks(4096, 0), "contract") << "no memory";
  EXPECT_EQ(blocks(1020, 3), "contract");
  const auto buffers = [&](const std::function<void(Page&)>& damage) {
    const Pfn pfn = run_now(d.machine.areas.cma_alloc(0, 1, 0, Warn::no));
    damage(d.page(pfn));
    return law_broken_by([&] { d.laws.buffer_allocated(0, pfn, 1, 0); });
  };
  EXPECT_EQ(buffers([](Page& page) { page.map = 1; }), "contract");
  EXPECT_EQ(buffers([](Page& page) { page.flags = kPageDirty; }), "contract");
  EXPECT_EQ(buffers([](Page& page) { page.prev = 5; }), "contract");
}

TEST(DamagedMachine, OneSetOfLawsWatchesMachinesOfSeveralKindsInTurn) {
  Laws laws;
  for (const std::uint64_t pages : {1024U, 4096U, 65536U, 1024U}) {
    Geometry geometry = default_small_geometry(Release::v6_1);
    geometry.memory = {0, pages};
    const std::unique_ptr<Machine> machine = make_machine(geometry);
    laws.program_begins(*machine);
    EXPECT_EQ(broken_by([&] { laws.audit_everything(); }), "");
    ++machine->buddy.zone(0).nr_free_pages;
    EXPECT_EQ(law_broken_by([&] { laws.audit(); }), "counters");
  }
}

// With two zones the lists are recounted in each.
TEST(DamagedMachine, ListsAreRecountedByZone) {
  Geometry geometry = default_small_geometry(Release::v6_1);
  const Pfn border = geometry.memory.start + 512;
  geometry.zones = {{.name = "DMA", .range = {geometry.memory.start, border}},
                    {.name = "Normal", .range = {border, geometry.memory.end}}};
  WatchedMachine watched(geometry);
  watched.perform(watched.own(PageKind::anonymous));
  watched.perform(watched.own(PageKind::anonymous));
  Machine& machine = watched.machine();
  run_now(machine.lru.drain().add_drain_all());
  EXPECT_EQ(broken_by([&] { watched.laws().audit(); }), "");
  auto& lists = const_cast<LruLists&>(machine.lru.lists());
  const Pfn page = machine.owners.owner(watched.owners[0]).pfn;
  // A page that is counted as isolated, though it is on its list.
  lists.count_isolated(page);
  const std::string zone = machine.buddy.zone_title(machine.map.page(page).zone);
  EXPECT_EQ(broken_by([&] { watched.laws().audit(); }),
            "counters: zone " + zone + ": NR_ISOLATED_ANON/FILE are 1/0, a recount gives 0/0");
  // A page that leaves its list as one of another zone.
  Page& listed = machine.map.edit(machine.owners.owner(watched.owners[1]).pfn);
  const std::uint8_t own_zone = listed.zone;
  ASSERT_EQ(own_zone, 1);
  listed.zone = 0;
  lists.remove(machine.owners.owner(watched.owners[1]).pfn);
  listed.zone = own_zone;
  lists.add(machine.owners.owner(watched.owners[1]).pfn);
  EXPECT_THAT(broken_by([&] { watched.laws().audit(); }),
              ::testing::StartsWith("counters: zone DMA: LRU list 0 counts "));
}

TEST(DamagedMachine, IsolatedPagesOfFilesAreRecountedByZone) {
  Geometry geometry = default_small_geometry(Release::v6_1);
  const Pfn border = geometry.memory.start + 512;
  geometry.zones = {{.name = "DMA", .range = {geometry.memory.start, border}},
                    {.name = "Normal", .range = {border, geometry.memory.end}}};
  WatchedMachine watched(geometry);
  Machine& machine = watched.machine();
  const OwnerId id = run_now(machine.files.read(machine.files.open(FileMethod::ordered, false), 0, true)).page;
  run_now(machine.lru.drain().add_drain_all());
  const Pfn pfn = machine.owners.owner(id).pfn;
  auto& lists = const_cast<LruLists&>(machine.lru.lists());
  // A page that is put back without being counted.
  ASSERT_TRUE(machine.lru.listed().isolate(pfn));
  Page& page = machine.map.edit(pfn);
  page.flags &= ~std::uint32_t{kPageTaskList};
  --page.ref;
  lists.add(pfn);
  const std::string zone = machine.buddy.zone_title(machine.map.page(pfn).zone);
  EXPECT_EQ(broken_by([&] { watched.laws().audit(); }),
            "counters: zone " + zone + ": NR_ISOLATED_ANON/FILE are 0/1, a recount gives 0/0");
}

TEST(DamagedMachine, ABlockThatLeaksAsAWholeHasOneReport) {
  for (const Release release : modelled_releases()) {
    Damaged d(release);
    const Pfn block = d.watched.blocks[1].pfn;  // order 3
    d.laws.pages_freeing(block, 3);
    d.page(block).ref = 0;
    d.page(block).flags = kPageSlab;
    d.machine.buddy.free_now(block, 3);
    EXPECT_TRUE(d.machine.map.page(block).has(kPageLeaked));
    EXPECT_EQ(d.audit(), "");
  }
}

}  // namespace
}  // namespace cma
