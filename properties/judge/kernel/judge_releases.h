/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the judge driver is compiled into, from 5.10 on: a part of judge_driver.c, which
 * includes it once. The rest of the driver asks for no version. A condition names the version that brought a change;
 * only those that ci/judge-kernel builds are tried.
 *
 * A new kernel is one more branch where its interfaces differ, and where it lacks something a function that answers so.
 */
#include <linux/version.h>

#define SINCE(major, minor) (LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

#if SINCE(5, 14)
#include <linux/panic_notifier.h>
#endif

/* ---- names ---- */

#if SINCE(5, 18)
#define BUDDY_LIST buddy_list
#define PCP_LIST pcp_list
#else
#define BUDDY_LIST lru
#define PCP_LIST lru
#endif

#if !SINCE(5, 14)
/* Per-CPU lists hold single pages. */
#define NR_PCP_LISTS MIGRATE_PCPTYPES
#define file_open_root_mnt(mnt, path, flags, mode) file_open_root((mnt)->mnt_root, mnt, path, flags, mode)
#endif

#if !SINCE(5, 13)
#define MR_LONGTERM_PIN MR_CONTIG_RANGE
/* There is no such switch, and no program that asks for it. */
#define lru_cache_disable() lru_add_drain_all()
#define lru_cache_enable() do { } while (0)
#endif

/* ---- folios: before 5.16 a page, as all of the driver's are single ones ---- */

#if !SINCE(5, 16)

struct folio {
	union {
		struct page page;
		struct {
			unsigned long flags;
			struct list_head lru;
			struct address_space *mapping;
			pgoff_t index;
		};
	};
};

static_assert(sizeof(struct folio) == sizeof(struct page));
static_assert(offsetof(struct folio, lru) == offsetof(struct page, lru));
static_assert(offsetof(struct folio, mapping) == offsetof(struct page, mapping));
static_assert(offsetof(struct folio, index) == offsetof(struct page, index));

static inline struct folio *page_folio(struct page *page)
{
	return (struct folio *)compound_head(page);
}

#define FOLIO_DOES(folio_name, page_name) \
	static inline void folio_name(struct folio *folio) { page_name(&folio->page); }
#define FOLIO_TELLS(folio_name, page_name) \
	static inline int folio_name(struct folio *folio) { return page_name(&folio->page); }

FOLIO_DOES(folio_lock, lock_page)
FOLIO_DOES(folio_unlock, unlock_page)
FOLIO_DOES(folio_get, get_page)
FOLIO_DOES(folio_put, put_page)
FOLIO_DOES(folio_mark_uptodate, SetPageUptodate)
FOLIO_DOES(folio_mark_accessed, mark_page_accessed)
FOLIO_DOES(folio_set_dirty, SetPageDirty)
FOLIO_DOES(folio_clear_dirty, ClearPageDirty)
FOLIO_DOES(__folio_set_swapbacked, __SetPageSwapBacked)
FOLIO_DOES(__folio_clear_swapbacked, __ClearPageSwapBacked)
FOLIO_DOES(folio_add_lru, lru_cache_add)
FOLIO_DOES(folio_start_writeback, set_page_writeback)
FOLIO_DOES(folio_end_writeback, end_page_writeback)
FOLIO_DOES(folio_wait_writeback, wait_on_page_writeback)
FOLIO_DOES(deactivate_file_folio, deactivate_file_page)
FOLIO_DOES(filemap_remove_folio, delete_from_page_cache)
FOLIO_TELLS(folio_clear_dirty_for_io, clear_page_dirty_for_io)
FOLIO_TELLS(folio_test_set_dirty, TestSetPageDirty)
FOLIO_TELLS(folio_test_dirty, PageDirty)
FOLIO_TELLS(folio_test_writeback, PageWriteback)
FOLIO_TELLS(folio_test_referenced, PageReferenced)
FOLIO_TELLS(folio_test_reclaim, PageReclaim)
FOLIO_TELLS(folio_test_private, PagePrivate)
FOLIO_TELLS(folio_test_anon, PageAnon)
FOLIO_TELLS(folio_mapped, page_mapped)
FOLIO_TELLS(folio_mapcount, page_mapcount)

static inline void folio_ref_add(struct folio *folio, int n)
{
	page_ref_add(&folio->page, n);
}

static inline void __lruvec_stat_mod_folio(struct folio *folio, enum node_stat_item item, int n)
{
	__mod_lruvec_page_state(&folio->page, item, n);
}

static inline struct buffer_head *folio_buffers(struct folio *folio)
{
	return PagePrivate(&folio->page) ? page_buffers(&folio->page) : NULL;
}

static inline void __folio_mark_dirty(struct folio *folio, struct address_space *mapping, int warn)
{
	__set_page_dirty(&folio->page, mapping, warn);
}

static inline int filemap_add_folio(struct address_space *mapping, struct folio *folio, pgoff_t index, gfp_t gfp)
{
	return add_to_page_cache_lru(&folio->page, mapping, index, gfp);
}

static inline int truncate_inode_folio(struct address_space *mapping, struct folio *folio)
{
	return truncate_inode_page(mapping, &folio->page);
}

#endif

static void create_buffers(struct folio *folio, unsigned long state)
{
#if SINCE(6, 7)
	create_empty_buffers(folio, PAGE_SIZE, state);
#else
	create_empty_buffers(&folio->page, PAGE_SIZE, state);
#endif
}

/* Removes a page of shared memory from the cache. Up to 5.16 the kernel warns if it is dirty, as such pages are. */
static void remove_shmem(struct folio *folio)
{
#if SINCE(5, 17)
	filemap_remove_folio(folio);
#else
	bool dirty = folio_test_dirty(folio);

	folio_clear_dirty(folio);
	filemap_remove_folio(folio);
	if (dirty)
		folio_set_dirty(folio);
#endif
}

static void deactivate(struct folio *folio)
{
#if SINCE(6, 3)
	folio_deactivate(folio);
#else
	deactivate_page(&folio->page);
#endif
}

/* ---- tracepoints ---- */

/* The driver's. */
static __printf(1, 2) void say(const char *fmt, ...);
static void say_migrated(unsigned long succeeded, unsigned long failed, int reason);
/* These two only where calls have tracepoints at both ends. */
static void __maybe_unused say_started(const char *area, unsigned long count, unsigned int align);
static void __maybe_unused say_retrying(unsigned long pfn, unsigned long count, unsigned int align);
static void say_ended(const char *event, unsigned long pfn, const struct page *page, unsigned long count,
		      unsigned int align);

#if SINCE(6, 7)
static void on_migrate_pages(void *data, unsigned long succeeded, unsigned long failed, unsigned long thp_succeeded,
			     unsigned long thp_failed, unsigned long thp_split, unsigned long large_split,
			     enum migrate_mode mode, int reason)
#else
static void on_migrate_pages(void *data, unsigned long succeeded, unsigned long failed, unsigned long thp_succeeded,
			     unsigned long thp_failed, unsigned long thp_split, enum migrate_mode mode, int reason)
#endif
{
	say_migrated(succeeded, failed, reason);
}

#if SINCE(5, 13)

static void on_cma_alloc_start(void *data, const char *name, unsigned long count, unsigned int align)
{
	say_started(name, count, align);
}

static void on_cma_alloc_busy_retry(void *data, const char *name, unsigned long pfn, const struct page *page,
				    unsigned long count, unsigned int align)
{
	say_retrying(pfn, count, align);
}

#if SINCE(6, 3)
static void on_cma_alloc_finish(void *data, const char *name, unsigned long pfn, const struct page *page,
				unsigned long count, unsigned int align, int error)
#else
static void on_cma_alloc_finish(void *data, const char *name, unsigned long pfn, const struct page *page,
				unsigned long count, unsigned int align)
#endif
{
	say_ended("cma_alloc_finish", pfn, page, count, align);
}

static void hook_release_events(void)
{
	register_trace_mm_migrate_pages(on_migrate_pages, NULL);
	register_trace_cma_alloc_start(on_cma_alloc_start, NULL);
	register_trace_cma_alloc_busy_retry(on_cma_alloc_busy_retry, NULL);
	register_trace_cma_alloc_finish(on_cma_alloc_finish, NULL);
}

#else

static void on_cma_alloc(void *data, unsigned long pfn, const struct page *page, unsigned int count, unsigned int align)
{
	say_ended("cma_alloc", pfn, page, count, align);
}

static void hook_release_events(void)
{
	register_trace_mm_migrate_pages(on_migrate_pages, NULL);
	register_trace_cma_alloc(on_cma_alloc, NULL);
}

#endif

/* ---- non-LRU movable pages ---- */

static bool movable_isolate(struct page *page, isolate_mode_t mode);
static int movable_migrate(struct page *dst, struct page *src, enum migrate_mode mode);
static void movable_putback(struct page *page);

#if SINCE(6, 0)

static const struct movable_operations movable_ops = {
	.isolate_page = movable_isolate,
	.migrate_page = movable_migrate,
	.putback_page = movable_putback,
};

static void give_driver(struct page *page)
{
	__SetPageMovable(page, &movable_ops);
}

#else

static int movable_migratepage(struct address_space *mapping, struct page *dst, struct page *src,
			       enum migrate_mode mode)
{
	return movable_migrate(dst, src, mode);
}

static const struct address_space_operations movable_ops = {
	.isolate_page = movable_isolate,
	.migratepage = movable_migratepage,
	.putback_page = movable_putback,
};

static struct address_space movable_mapping = { .a_ops = &movable_ops };

static void give_driver(struct page *page)
{
	__SetPageMovable(page, &movable_mapping);
}

#endif

/* Whether the page has a driver: the mark alone stays on one that had another holder when its driver freed it. */
static bool is_movable_ops(struct page *page)
{
#if SINCE(6, 4)
	return __folio_test_movable(page_folio(page)) && page_movable_ops(page);
#elif SINCE(6, 0)
	return __PageMovable(page) && page_movable_ops(page);
#else
	return __PageMovable(page) && page_mapping(page);
#endif
}

/* ---- address spaces ---- */

static void set_flags(struct vm_area_struct *vma, unsigned long flags)
{
#if SINCE(6, 3)
	vm_flags_init(vma, flags);
#else
	vma->vm_flags = flags;
#endif
}

/* The caller has locked the mapping's mm for writing. */
static void change_flags(struct vm_area_struct *vma, unsigned long on, unsigned long off)
{
#if SINCE(6, 3)
	vm_flags_mod(vma, on, off);
#else
	vma->vm_flags = (vma->vm_flags | on) & ~off;
#endif
}

/* Returns the entry that a fault makes for the first write to a page. */
static pte_t writable_entry(struct vm_area_struct *vma, struct page *page)
{
#if SINCE(6, 6)
	return pte_mkwrite(pte_mkdirty(mk_pte(page, vma->vm_page_prot)), vma);
#else
	return pte_mkwrite(pte_mkdirty(mk_pte(page, vma->vm_page_prot)));
#endif
}

/* Makes a page anonymous memory of this mapping, and puts it on the LRU. The caller has locked the page table. */
static void add_new_anon(struct page *page, struct vm_area_struct *vma, unsigned long address)
{
#if SINCE(6, 11)
	folio_add_new_anon_rmap(page_folio(page), vma, address, RMAP_EXCLUSIVE);
	folio_add_lru_vma(page_folio(page), vma);
#elif SINCE(5, 18)
	page_add_new_anon_rmap(page, vma, address);
	lru_cache_add_inactive_or_unevictable(page, vma);
#else
	page_add_new_anon_rmap(page, vma, address, false);
	lru_cache_add_inactive_or_unevictable(page, vma);
#endif
}

/* Before 5.18 memory is unlocked apart, before it is unmapped. The flags would be those of a part that is gone then. */
static void unlock_before_unmapping(struct vm_area_struct *vma, unsigned long address, unsigned long size)
{
#if !SINCE(5, 18)
	unsigned long flags = vma->vm_flags;

	if (!(flags & VM_LOCKED))
		return;
	munlock_vma_pages_range(vma, address, address + size);
	vma->vm_flags = flags;
#endif
}

/* Does what munmap does with the pages there. */
static void unmap_pages(struct vm_area_struct *vma, unsigned long address, unsigned long size)
{
	unlock_before_unmapping(vma, address, size);
#if SINCE(6, 3)
	zap_page_range_single(vma, address, size, NULL);
#else
	zap_page_range(vma, address, size);
#endif
}

/* Does what exit_mmap does before it removes mappings and page tables. The caller has locked the mm for reading. */
static void unmap_address_space(struct mm_struct *mm, struct vm_area_struct *first)
{
	struct mmu_gather tlb;
#if SINCE(6, 6)
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma = vma_next(&vmi);
#elif !SINCE(5, 18)
	struct vm_area_struct *vma;

	for (vma = first; vma; vma = vma->vm_next)
		unlock_before_unmapping(vma, vma->vm_start, vma->vm_end - vma->vm_start);
#endif
	lru_add_drain();
	flush_cache_mm(mm);
#if SINCE(5, 12)
	tlb_gather_mmu_fullmm(&tlb, mm);
#else
	tlb_gather_mmu(&tlb, mm, 0, -1);
#endif
#if SINCE(6, 6)
	unmap_vmas(&tlb, &vmi.mas, vma, 0, ULONG_MAX, ULONG_MAX, false);
#elif SINCE(6, 1)
	unmap_vmas(&tlb, &mm->mm_mt, first, 0, ULONG_MAX);
#else
	unmap_vmas(&tlb, first, 0, ULONG_MAX);
#endif
#if SINCE(5, 12)
	tlb_finish_mmu(&tlb);
#else
	tlb_finish_mmu(&tlb, 0, -1);
#endif
}

/* Takes a reference on a page as a driver that does I/O from it. Returns how many it took, or an error. */
static long get_written_page(struct mm_struct *mm, unsigned long address, struct page **page)
{
#if SINCE(6, 5)
	return get_user_pages_remote(mm, address, 1, FOLL_WRITE, page, NULL);
#else
	return get_user_pages_remote(mm, address, 1, FOLL_WRITE, page, NULL, NULL);
#endif
}

/* The same with a long-term pin, as a driver whose device may write at any time. */
static long pin_written_page(struct mm_struct *mm, unsigned long address, struct page **page)
{
#if SINCE(6, 5)
	return pin_user_pages_remote(mm, address, 1, FOLL_WRITE | FOLL_LONGTERM, page, NULL);
#else
	return pin_user_pages_remote(mm, address, 1, FOLL_WRITE | FOLL_LONGTERM, page, NULL, NULL);
#endif
}

/* ---- per-CPU lists, zones, areas ---- */

static struct per_cpu_pages *pcp_of(struct zone *zone)
{
#if SINCE(5, 14)
	return this_cpu_ptr(zone->per_cpu_pageset);
#else
	return &this_cpu_ptr(zone->pageset)->pcp;
#endif
}

/* Ends the answer of `pcp` with what the lists have learnt. */
static void say_learnt(const struct per_cpu_pages *pcp)
{
#if SINCE(6, 7)
	say(" high_min=%d high_max=%d free_count=%d alloc_factor=%d\n", pcp->high_min, pcp->high_max, pcp->free_count,
	    pcp->alloc_factor);
#elif SINCE(5, 14)
	say(" factor=%d\n", pcp->free_factor);
#else
	say("\n");
#endif
}

/* Forgets what the lists have learnt from earlier requests, those of the boot too. */
static void forget_learnt(struct per_cpu_pages *pcp)
{
#if SINCE(6, 7)
	pcp->alloc_factor = 0;
	pcp->free_count = 0;
	pcp->flags = 0;
	pcp->high = pcp->high_min;
#elif SINCE(5, 14)
	pcp->free_factor = 0;
#endif
}

/* Forgets what a zone has learnt while it had little left. */
static void forget_shortage(struct zone *zone)
{
	zone->watermark_boost = 0;
	clear_bit(ZONE_BOOSTED_WATERMARK, &zone->flags);
#if SINCE(6, 7)
	clear_bit(ZONE_BELOW_HIGH, &zone->flags);
#endif
}

static int isolate_area_pages(unsigned long pfn, unsigned long n)
{
#if SINCE(5, 19)
	return start_isolate_page_range(pfn, pfn + n, MIGRATE_CMA, 0, GFP_KERNEL);
#else
	return start_isolate_page_range(pfn, pfn + n, MIGRATE_CMA, 0);
#endif
}

static void say_cma_events(const unsigned long *events)
{
#if SINCE(5, 13)
	say(" cma_alloc_success=%lu cma_alloc_fail=%lu", events[CMA_ALLOC_SUCCESS], events[CMA_ALLOC_FAIL]);
#endif
}

/* Says an area's counters in sysfs. Returns false if the kernel has none. */
static bool say_sysfs(const char *name, struct cma *cma)
{
#if SINCE(5, 13)
	say("sysfs %s success=%lld fail=%lld", name, (long long)atomic64_read(&cma->nr_pages_succeeded),
	    (long long)atomic64_read(&cma->nr_pages_failed));
#if SINCE(6, 9)
	say(" released=%lld", (long long)atomic64_read(&cma->nr_pages_released));
#endif
	say("\n");
	return true;
#else
	return false;
#endif
}

/* Writes the path of an area's file in debugfs. */
static void path_in_debugfs(char *path, size_t bytes, const struct cma *cma, const char *file)
{
#if SINCE(5, 11)
	snprintf(path, bytes, "cma/%s/%s", cma->name, file);
#else
	/* The folder's name is cut to 15 letters. */
	snprintf(path, bytes, "cma/cma-%.11s/%s", cma->name, file);
#endif
}

/* ---- what an address space asks of a file ---- */

/* The driver's. */
static bool dirty_judge_folio(struct address_space *mapping, struct folio *folio);
static void write_locked_folio(struct address_space *mapping, struct folio *folio);

#if SINCE(5, 18)
#define DIRTY_AND_INVALIDATE .dirty_folio = dirty_judge_folio, .invalidate_folio = block_invalidate_folio
#else
static int dirty_judge_page(struct page *page)
{
	return dirty_judge_folio(page->mapping, page_folio(page));
}
#define DIRTY_AND_INVALIDATE .set_page_dirty = dirty_judge_page, .invalidatepage = block_invalidatepage
#endif

#if SINCE(6, 0)
#define MOVE_WITH_BUFFERS .migrate_folio = buffer_migrate_folio
#else
#define MOVE_WITH_BUFFERS .migratepage = buffer_migrate_page
#endif

/* Before 6.4 nothing: the kernel moves such pages without their buffers, if these can be freed. */
#if SINCE(6, 4)
#define MOVE_IN_JOURNAL .migrate_folio = buffer_migrate_folio_norefs,
#else
#define MOVE_IN_JOURNAL
#endif

/* Since 6.2 reclaim writes no page of a file system by itself. */
#if SINCE(6, 2)
#define WRITE_PAGES
#else
static int judge_writepage(struct page *page, struct writeback_control *control)
{
	write_locked_folio(page->mapping, page_folio(page));
	return 0;
}
#define WRITE_PAGES .writepage = judge_writepage,
#endif

/* Of a file system that moves its pages with their buffers, as most do. */
static const struct address_space_operations ordered_operations = {
	WRITE_PAGES
	DIRTY_AND_INVALIDATE,
	MOVE_WITH_BUFFERS,
};

/* Of a file system whose journal may have counts on buffers of data. */
static const struct address_space_operations journalled_operations = {
	WRITE_PAGES
	MOVE_IN_JOURNAL
	DIRTY_AND_INVALIDATE,
};

/* ---- the host's side of processes, of which kernels with coverage have none (judge_coverage.c) ---- */

#ifdef JUDGE_COVERAGE

#if SINCE(6, 11)

int map(struct mm_id *id, unsigned long virt, unsigned long length, int prot, int fd, unsigned long long offset)
{
	return 0;
}

int unmap(struct mm_id *id, unsigned long virt, unsigned long length)
{
	return 0;
}

int protect(struct mm_id *id, unsigned long virt, unsigned long length, unsigned int prot)
{
	return 0;
}

#else

int map(struct mm_id *id, unsigned long virt, unsigned long length, int prot, int fd, unsigned long long offset,
	int done, void **data)
{
	return 0;
}

int unmap(struct mm_id *id, unsigned long virt, unsigned long length, int done, void **data)
{
	return 0;
}

int protect(struct mm_id *id, unsigned long virt, unsigned long length, unsigned int prot, int done, void **data)
{
	return 0;
}

/* A new process forgets the segments that the host's one would have. */
long run_syscall_stub(struct mm_id *id, int number, unsigned long *args, long expected, void **data, int done)
{
	return 0;
}

#endif
#endif
