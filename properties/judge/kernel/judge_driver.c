// SPDX-License-Identifier: GPL-2.0
/*
 * The judge driver: compiled into mm/ of a User Mode Linux kernel, it reads operations as text lines from one inherited
 * file descriptor, performs them on the real memory management, and writes the outcome to another. No user space is
 * needed: a late initcall serves the lines and powers off at end of file. README.md next to this file has the language.
 * judge_files.c is the part of it that has files and reclaim; judge_releases.h has what differs between kernels.
 *
 * It relies on a kernel with one CPU, one node and one populated zone.
 */
#include <linux/mm.h>
#include <linux/backing-dev.h>
#include <linux/buffer_head.h>
#include <linux/cma.h>
#include <linux/compaction.h>
#include <linux/console.h>
#include <linux/ctype.h>
#include <linux/dax.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mman.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/mount.h>
#include <linux/page-isolation.h>
#include <linux/pseudo_fs.h>
#include <linux/pagemap.h>
#include <linux/ratelimit.h>
#include <linux/reboot.h>
#include <linux/rmap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include <linux/writeback.h>
#include <linux/xarray.h>
#include <linux/syscalls.h>
#include <asm/tlb.h>
#include "internal.h"
#include "slab.h"
#include "cma.h"
#include <trace/events/cma.h>
#include <trace/events/compaction.h>
#include <trace/events/migrate.h>
#include <trace/events/page_isolation.h>
#include <os.h>
#include "judge_releases.h"

#define MAX_HANDLES 65536
/* Page-cache slots of handles below this are prepared at boot, so that placing a page there allocates nothing else. */
#define PREPARED_HANDLES 4096
#define HIGHEST_ORDER 10
#define IN_BYTES 65536
/* About a second of an operation whose windows fail: the client sees that it is still running. */
#define OUT_BYTES (1 << 16)
#define OUT_MARGIN 4096
#define MAX_WORDS 8

enum handle_kind {
	FREE_HANDLE, CMA_RANGE, MOVABLE_OPS_PAGE, SHMEM_PAGE, ANON_PAGE, UNMOVABLE_PAGE, FILE_PAGE, BUDDY_BLOCK, HELD_PAGE,
	LONGTERM_PAGE, FOREIGN_RANGE,
	PINNED_REMAINS,
};

struct handle {
	u8 kind;
	u8 order;		/* BUDDY_BLOCK */
	u8 area;		/* CMA_RANGE */
	bool pinned_by_gup;
	u8 file;		/* FILE_PAGE; so are index and generation */
	unsigned short index, generation;
	int pins;
	int again;		/* refusals left with -EAGAIN, -1: without end */
	int eio;		/* refusals left with -EIO */
	unsigned int count;	/* CMA_RANGE, FOREIGN_RANGE */
	struct page *page;
};

static struct handle handles[MAX_HANDLES];
/* Handles from here on never name an owned page. */
static unsigned long owned_handles_end;

/* ---- output ---- */

static int in_fd = 0, out_fd = 1;
static char out[OUT_BYTES];
static int out_used;
static bool quiet, in_operation, serving, compacting;

static int ev_level;
static bool log_on, warn_on = true, rate_limited, auto_drain, sync_marks, lazy_lru;
static unsigned long operations, eaten;
static unsigned long boot_free, boot_free_cma;

static void flush_out(void)
{
	int done = 0;

	while (done < out_used) {
		int n = os_write_file(out_fd, out + done, out_used - done);

		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	out_used = 0;
}

static __printf(1, 2) void say(const char *fmt, ...)
{
	va_list args;

	if (quiet)
		return;
	if (out_used > OUT_BYTES - OUT_MARGIN)
		flush_out();
	va_start(args, fmt);
	out_used += vscnprintf(out + out_used, OUT_MARGIN, fmt, args);
	va_end(args);
}

/* ---- kernel log ---- */

/*
 * mm/ is compiled with ___ratelimit renamed to this, so that failure reports can be made independent of the clock. The
 * simulated clock stands still while the kernel computes, hence "rate 1" means: ten lines per call site, then none.
 */
#undef ___ratelimit
int ___ratelimit(struct ratelimit_state *rs, const char *func);
int cmacheck_ratelimit(struct ratelimit_state *rs, const char *func);
int cmacheck_ratelimit(struct ratelimit_state *rs, const char *func)
{
	return rate_limited ? ___ratelimit(rs, func) : 1;
}

/* Whether the log is inside the report of a warning, whose message is part of an answer and whose call trace is not. */
static enum { PLAIN, CUT_HERE_SEEN, WARNING_SEEN, IN_TRACE } splat;

/* A printed address is a hash of 32 bits, or null: numbers do not begin with eight zeros. */
static bool hex_pointer(const char *s)
{
	int i;

	for (i = 0; i < 16; i++)
		if (i < 8 ? s[i] != '0' : !isxdigit(s[i]))
			return false;
	return !isxdigit(s[16]);
}

static void say_log_text(const char *prefix, const char *s)
{
	char line[1024];
	int n = 0;

	while (*s && n < (int)sizeof(line) - 16) {
		int skip = 0;

		if (!strncmp(s, "(____ptrval____)", 16))
			skip = 16;
		else if (hex_pointer(s))
			skip = 16;
		if (skip) {
			n += scnprintf(line + n, sizeof(line) - n, "(ptrval)");
			s += skip;
		} else {
			line[n++] = *s++;
		}
	}
	line[n] = 0;
	say("  %s %s\n", prefix, line);
}

/* "WARNING: CPU: 0 PID: 1 at mm/x.c:12 0x60012345": only the place in the source does not depend on the build. */
static void say_warning(const char *s)
{
	const char *at = strstr(s, " at ");
	char where[256];
	char *space;

	strscpy(where, at ? at + 4 : s, sizeof(where));
	space = strchr(where, ' ');
	if (space)
		*space = 0;
	say_log_text("splat WARNING", where);
}

static bool opens_bug_report(const char *s)
{
	return !strncmp(s, "BUG:", 4) || strstr(s, "kernel BUG at") || strstr(s, "Kernel panic") || strstr(s, "Oops");
}

static void log_line(const char *s)
{
	if (splat == PLAIN && strstr(s, "[ cut here ]")) {
		splat = CUT_HERE_SEEN;
	} else if (!strncmp(s, "WARNING: CPU", 12)) {
		say_warning(s);
		splat = WARNING_SEEN;
	} else if (strstr(s, "[ end trace")) {
		splat = PLAIN;
	} else if (opens_bug_report(s)) {
		say_log_text("splat", s);
		splat = IN_TRACE;
	} else if (splat == WARNING_SEEN && (!strncmp(s, "Modules linked", 14) || !strncmp(s, "CPU:", 4))) {
		splat = IN_TRACE;
	} else if (log_on && splat != IN_TRACE && in_operation) {
		say_log_text("log", s);
	}
}

static void judge_console_write(struct console *con, const char *text, unsigned int length)
{
	static char line[1024];
	static unsigned int used;
	unsigned int i;

	if (!serving || splat != PLAIN || strnstr(text, "[ cut here ]", length) || !log_on)
		os_write_file(2, text, length);
	if (!serving)
		return;
	for (i = 0; i < length; i++) {
		if (text[i] == '\n' || used == sizeof(line) - 1) {
			line[used] = 0;
			used = 0;
			log_line(line);
		} else {
			line[used++] = text[i];
		}
	}
}

static struct console judge_console = {
	.name = "judge",
	.write = judge_console_write,
	.flags = CON_PRINTBUFFER | CON_ENABLED,
	.index = -1,
};

static int __init judge_console_init(void)
{
	register_console(&judge_console);
	return 0;
}
console_initcall(judge_console_init);

/* Sends the answers so far to the client before a crash, and the reason to the console, which is silent while log lines
 * are answers.
 */
static int flush_on_panic(struct notifier_block *nb, unsigned long action, void *data)
{
	static char line[256];
	int length = scnprintf(line, sizeof(line), "Kernel panic - %s\n", (char *)data);

	if (serving && log_on)
		os_write_file(2, line, length);
	quiet = false;
	if (serving)
		say("  splat panic %s\n", (char *)data);
	flush_out();
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = { .notifier_call = flush_on_panic, .priority = INT_MAX };

static void set_log_level(void)
{
	console_loglevel = log_on ? CONSOLE_LOGLEVEL_MOTORMOUTH : 5;
}

/* ---- areas ---- */

struct area {
	char name[16];
	struct cma *cma;
	int error;
};

static struct area areas[MAX_CMA_AREAS];
static int nr_areas;

static int __init declare_one(char *spec)
{
	struct area *area = &areas[nr_areas];
	phys_addr_t size, base = 0;
	unsigned long order = 0;
	char *colon = strchr(spec, ':');

	if (!colon || nr_areas == MAX_CMA_AREAS)
		return -EINVAL;
	*colon = 0;
	strscpy(area->name, spec, sizeof(area->name));
	size = memparse(colon + 1, &spec);
	if (*spec == '@')
		base = memparse(spec + 1, &spec);
	if (*spec == ':')
		order = simple_strtoul(spec + 1, &spec, 10);
	nr_areas++;
	area->error = cma_declare_contiguous(base, size, 0, 0, order, base != 0, area->name, &area->cma);
	return area->error;
}

static int __init declare_areas(char *list)
{
	char *spec;

	while ((spec = strsep(&list, ",")))
		if (*spec && declare_one(spec))
			pr_err("judge: area %s refused\n", spec);
	return 0;
}
early_param("cmacheck_areas", declare_areas);

static int __init set_in_fd(char *s)
{
	return kstrtoint(s, 10, &in_fd);
}
early_param("cmacheck_in", set_in_fd);

static int __init set_out_fd(char *s)
{
	return kstrtoint(s, 10, &out_fd);
}
early_param("cmacheck_out", set_out_fd);

static struct zone *the_zone(void)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		return zone;
	return NULL;
}

static struct area *find_area(const char *name)
{
	int i;

	for (i = 0; i < nr_areas; i++)
		if (!strcmp(areas[i].name, name))
			return areas[i].cma && areas[i].cma->count ? &areas[i] : NULL;
	return NULL;
}

static struct area *area_of_pfn(unsigned long pfn)
{
	int i;

	for (i = 0; i < nr_areas; i++) {
		struct cma *cma = areas[i].cma;

		if (cma && pfn >= cma->base_pfn && pfn < cma->base_pfn + cma->count)
			return &areas[i];
	}
	return NULL;
}

/* A range that begins up to one largest block before an area is named by that area, with a negative offset. */
static struct area *area_near_pfn(unsigned long pfn)
{
	struct area *area = area_of_pfn(pfn);

	return area ? area : area_of_pfn(pfn + (1UL << HIGHEST_ORDER) - 1);
}

static void say_place(unsigned long pfn)
{
	struct area *area = area_near_pfn(pfn);

	if (!area)
		say("other");
	else
		say("%s%+ld", area->name, (long)(pfn - area->cma->base_pfn));
}

static char type_letter(unsigned long pfn)
{
	int type = get_pageblock_migratetype(pfn_to_page(pfn));

	switch (type) {
	case MIGRATE_UNMOVABLE: return 'U';
	case MIGRATE_MOVABLE: return 'M';
	case MIGRATE_RECLAIMABLE: return 'E';
	case MIGRATE_HIGHATOMIC: return 'H';
	case MIGRATE_CMA: return 'C';
	case MIGRATE_ISOLATE: return 'I';
	default: return '?';
	}
}

static const char list_letters[] = {
	[MIGRATE_UNMOVABLE] = 'U', [MIGRATE_MOVABLE] = 'M', [MIGRATE_RECLAIMABLE] = 'E', [MIGRATE_HIGHATOMIC] = 'H',
	[MIGRATE_CMA] = 'C', [MIGRATE_ISOLATE] = 'I',
};

static void say_types(struct area *area)
{
	unsigned long pfn = area->cma->base_pfn, end = pfn + area->cma->count;

	for (; pfn < end; pfn += pageblock_nr_pages)
		say("%c", type_letter(pfn));
}

static unsigned long free_cma_pages(void)
{
	return zone_page_state(the_zone(), NR_FREE_CMA_PAGES);
}

/* ---- events ---- */

static void on_test_pages_isolated(void *data, unsigned long start, unsigned long end, unsigned long fin)
{
	bool isolated = fin >= end;

	if (!in_operation || ev_level < 1 || (ev_level == 1 && isolated))
		return;
	say("  ev test_pages_isolated ");
	say_place(start);
	say(" len=%lu fin=%+ld %s\n", end - start, (long)(fin - start), isolated ? "ok" : "BUSY");
}

static void say_migrated(unsigned long succeeded, unsigned long failed, int reason)
{
	if (in_operation && ev_level >= 2 &&
	    (reason == MR_CONTIG_RANGE || reason == MR_LONGTERM_PIN || reason == MR_COMPACTION))
		say("  ev migrate ok=%lu failed=%lu\n", succeeded, failed);
}

static void say_started(const char *area, unsigned long count, unsigned int align)
{
	if (in_operation && ev_level >= 2)
		say("  ev cma_alloc_start %s count=%lu align=%u\n", area, count, align);
}

static void say_retrying(unsigned long pfn, unsigned long count, unsigned int align)
{
	if (!in_operation || ev_level < 2)
		return;
	say("  ev cma_alloc_busy_retry ");
	say_place(pfn);
	say(" count=%lu align=%u\n", count, align);
}

static void say_ended(const char *event, unsigned long pfn, const struct page *page, unsigned long count,
		      unsigned int align)
{
	if (!in_operation || ev_level < 2)
		return;
	say("  ev %s ", event);
	if (pfn == -1UL)
		say("none");
	else
		say_place(pfn);
	say(" count=%lu align=%u %s\n", count, align, page ? "ok" : "fail");
}

static void say_isolated(const char *what, unsigned long start, unsigned long end, unsigned long scanned,
			 unsigned long taken)
{
	if (!in_operation || ev_level < 3)
		return;
	/* Compaction scans all of memory, the kernel's own included, which no model knows. */
	if (compacting && !area_of_pfn(start))
		return;
	say("  ev %s ", what);
	say_place(start);
	say(" len=%lu scanned=%lu taken=%lu\n", end - start, scanned, taken);
}

static void on_isolate_migratepages(void *data, unsigned long start, unsigned long end, unsigned long scanned,
				    unsigned long taken)
{
	say_isolated("isolate_migratepages", start, end, scanned, taken);
}

static void on_isolate_freepages(void *data, unsigned long start, unsigned long end, unsigned long scanned,
				 unsigned long taken)
{
	say_isolated("isolate_freepages", start, end, scanned, taken);
}

/* Probes are hooked in only when events are first asked for: without them the kernel runs undisturbed. */
static void hook_events(void)
{
	static bool hooked;

	if (hooked)
		return;
	hooked = true;
	register_trace_test_pages_isolated(on_test_pages_isolated, NULL);
	hook_release_events();
	register_trace_mm_compaction_isolate_migratepages(on_isolate_migratepages, NULL);
	register_trace_mm_compaction_isolate_freepages(on_isolate_freepages, NULL);
}

/* ---- non-LRU movable pages ---- */

static void say_try(struct page *page, const char *refusal)
{
	int i;

	if (!in_operation || ev_level < 3)
		return;
	say("  ev try ");
	say_place(page_to_pfn(page));
	for (i = 0; i < nr_areas; i++) {
		if (!areas[i].cma)
			continue;
		say(" %s=", areas[i].name);
		say_types(&areas[i]);
	}
	say(" cmafree=%lu isolblk=%lu%s\n", free_cma_pages(), the_zone()->nr_isolate_pageblock, refusal);
}

static bool movable_isolate(struct page *page, isolate_mode_t mode)
{
	return true;
}

static void movable_putback(struct page *page)
{
}

/* Counts a limited refusal down; an endless one (-1) stays. */
static bool refuses(int *left)
{
	if (!*left)
		return false;
	if (*left > 0)
		--*left;
	return true;
}

static int movable_migrate(struct page *dst, struct page *src, enum migrate_mode mode)
{
	struct handle *h = &handles[page_private(src)];

	if (refuses(&h->eio)) {
		say_try(src, " refuse");
		return -EIO;
	}
	/* Somebody else's reference: as every real owner of such pages does, we say that it may go away and decline. */
	if (refuses(&h->again) || h->pins) {
		say_try(src, " refuse");
		return -EAGAIN;
	}
	say_try(src, "");
	get_page(dst);
	give_driver(dst);
	set_page_private(dst, page_private(src));
	h->page = dst;
	set_page_private(src, 0);
	__ClearPageMovable(src);
	put_page(src);
	return MIGRATEPAGE_SUCCESS;
}

static int become_movable_ops(unsigned long id, struct page *page)
{
	lock_page(page);
	set_page_private(page, id);
	give_driver(page);
	unlock_page(page);
	handles[id].page = page;
	return 0;
}

static void free_movable_ops(struct handle *h)
{
	lock_page(h->page);
	set_page_private(h->page, 0);
	__ClearPageMovable(h->page);
	unlock_page(h->page);
	put_page(h->page);
}

/* ---- shmem pages: slot number = handle ---- */

static struct file *shmem_file_of_judge;
static struct address_space *shmem_mapping_of_judge;

/* Nodes have 16 or 64 places, as the kernel is configured. */
#define SLOTS_OF_NODE (XA_CHUNK_SIZE - 1)

static pgoff_t slot_of(unsigned long id)
{
	return id / SLOTS_OF_NODE * XA_CHUNK_SIZE + id % SLOTS_OF_NODE;
}

static int __init prepare_shmem(void)
{
	struct file *file = shmem_kernel_file_setup("judge", (loff_t)MAX_HANDLES * PAGE_SIZE, VM_NORESERVE);
	struct address_space *mapping;
	unsigned long i;

	if (IS_ERR(file))
		return PTR_ERR(file);
	mapping = file->f_mapping;
	/* A value entry in the last place of each of the tree's nodes keeps it; slot numbers skip those places. */
	for (i = 0; i <= PREPARED_HANDLES; i += SLOTS_OF_NODE)
		xa_store(&mapping->i_pages, slot_of(i) + SLOTS_OF_NODE, xa_mk_value(1), GFP_KERNEL);
	shmem_file_of_judge = file;
	shmem_mapping_of_judge = mapping;
	return 0;
}

/* Does what shmem does for a page of its own: page cache reference, counters, LRU. It is on the LRU afterwards. */
static int become_shmem(unsigned long id, struct page *page)
{
	struct address_space *mapping = shmem_mapping_of_judge;
	struct folio *folio = page_folio(page);
	void *old;

	folio_lock(folio);
	__folio_set_swapbacked(folio);
	folio_mark_uptodate(folio);
	folio_set_dirty(folio);
	folio_ref_add(folio, 1);
	folio->mapping = mapping;
	folio->index = slot_of(id);
	xa_lock_irq(&mapping->i_pages);
	old = __xa_store(&mapping->i_pages, slot_of(id), folio, GFP_KERNEL);
	if (!xa_is_err(old)) {
		mapping->nrpages++;
		__lruvec_stat_mod_folio(folio, NR_FILE_PAGES, 1);
		__lruvec_stat_mod_folio(folio, NR_SHMEM, 1);
	}
	xa_unlock_irq(&mapping->i_pages);
	folio_unlock(folio);
	if (xa_is_err(old)) {
		folio->mapping = NULL;
		folio_clear_dirty(folio);
		__folio_clear_swapbacked(folio);
		folio_put(folio);
		return xa_err(old);
	}
	folio_add_lru(folio);
	folio_put(folio);
	if (!lazy_lru)
		lru_add_drain();
	return 0;
}

static void free_shmem(unsigned long id)
{
	struct page *page = find_get_page(shmem_mapping_of_judge, slot_of(id));

	if (!page)
		return;
	/* Mappings reach further than their pages: what none of them has touched belongs to none. */
	if (page_mapped(page))
		unmap_mapping_pages(shmem_mapping_of_judge, slot_of(id), 1, false);
	lock_page(page);
	remove_shmem(page_folio(page));
	unlock_page(page);
	put_page(page);
}

/* ---- anonymous pages: one private address space, page number = handle ---- */

#define ANON_BASE 0x10000000UL

static struct mm_struct *anon_mm;
static struct vm_area_struct *anon_vma_area;

/* Makes a mapping of anonymous pages, none of them touched. The caller has locked the mm for writing. */
static struct vm_area_struct *add_anon_mapping(struct mm_struct *mm, unsigned long start, unsigned long pages)
{
	struct vm_area_struct *vma = vm_area_alloc(mm);

	if (!vma)
		return NULL;
	vma_set_anonymous(vma);
	vma->vm_start = start;
	vma->vm_end = start + pages * PAGE_SIZE;
	set_flags(vma, VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	if (insert_vm_struct(mm, vma)) {
		vm_area_free(vma);
		return NULL;
	}
	return vma;
}

/* Fills the page tables for these addresses, so that nothing has to be allocated for them later. */
static bool fill_page_tables(struct mm_struct *mm, unsigned long address, unsigned long end)
{
	for (; address < end; address = (address | (PMD_SIZE - 1)) + 1) {
		spinlock_t *lock;
		pte_t *pte = get_locked_pte(mm, address, &lock);

		if (!pte)
			return false;
		pte_unmap_unlock(pte, lock);
	}
	return true;
}

/* Does what do_anonymous_page does with a page that it has allocated. */
static int map_anon(struct vm_area_struct *vma, unsigned long address, struct page *page)
{
	struct mm_struct *mm = vma->vm_mm;
	spinlock_t *lock;
	pte_t *pte;

	mmap_read_lock(mm);
	pte = anon_vma_prepare(vma) ? NULL : get_locked_pte(mm, address, &lock);
	if (!pte) {
		mmap_read_unlock(mm);
		return -ENOMEM;
	}
	__SetPageUptodate(page);
	inc_mm_counter(mm, MM_ANONPAGES);
	add_new_anon(page, vma, address);
	set_pte_at(mm, address, pte, writable_entry(vma, page));
	pte_unmap_unlock(pte, lock);
	mmap_read_unlock(mm);
	return 0;
}

/* Does what munmap does with pages. The mapping itself stays. */
static void unmap_anon(struct vm_area_struct *vma, unsigned long address, unsigned long pages)
{
	mmap_read_lock(vma->vm_mm);
	unmap_pages(vma, address, pages * PAGE_SIZE);
	mmap_read_unlock(vma->vm_mm);
}

/* Takes no reference. */
static struct page *page_mapped_at(struct mm_struct *mm, unsigned long address)
{
	struct page *page = NULL;
	spinlock_t *lock;
	pte_t *pte = get_locked_pte(mm, address, &lock);

	if (!pte)
		return NULL;
	if (pte_present(*pte))
		page = pte_page(*pte);
	pte_unmap_unlock(pte, lock);
	return page;
}

static int prepare_anon(void)
{
	int error;

	if (anon_vma_area)
		return 0;
	if (!anon_mm)
		anon_mm = mm_alloc();
	if (!anon_mm)
		return -ENOMEM;
	mmap_write_lock(anon_mm);
	anon_vma_area = add_anon_mapping(anon_mm, ANON_BASE, MAX_HANDLES);
	error = anon_vma_area ? anon_vma_prepare(anon_vma_area) : -ENOMEM;
	mmap_write_unlock(anon_mm);
	return error;
}

static int become_anon(unsigned long id, struct page *page)
{
	int error = map_anon(anon_vma_area, ANON_BASE + id * PAGE_SIZE, page);

	if (!error && !lazy_lru)
		lru_add_drain();
	return error;
}

static void free_anon(unsigned long id)
{
	unmap_anon(anon_vma_area, ANON_BASE + id * PAGE_SIZE, 1);
}

static struct page *anon_page(unsigned long id)
{
	return page_mapped_at(anon_mm, ANON_BASE + id * PAGE_SIZE);
}

/* Takes a reference by get_user_pages, as a driver that does I/O from this page. */
static struct page *gup_page(unsigned long id)
{
	struct page *page = NULL;
	long n;

	mmap_read_lock(anon_mm);
	n = get_written_page(anon_mm, ANON_BASE + id * PAGE_SIZE, &page);
	mmap_read_unlock(anon_mm);
	return n == 1 ? page : NULL;
}

/* ---- processes: address spaces made beforehand, each with the same mappings at the same places ---- */

#define MAX_PROCESSES 64
#define MAX_MAPPINGS 64
#define MAX_MAPPED_PAGES 4096
#define MAX_SHARED_PLACES 65536
#define MAX_WARM_FORKS 4096
/* Bits of a mapping's flags by which the kernel recognizes the temporary stack that exec moves. */
#define TEMPORARY_STACK (VM_GROWSDOWN | VM_STACK_INCOMPLETE_SETUP)

struct process {
	struct mm_struct *mm;
	struct vm_area_struct *mappings[MAX_MAPPINGS];
	unsigned long pages[MAX_MAPPINGS];	/* in use; 0: not mapped yet */
	bool alive, gone;
};

/* Their numbers begin with 1. */
static struct process processes[MAX_PROCESSES + 1];
static long nr_processes, nr_mappings;

/* One page between two mappings, so that they stay two. */
static bool prepare_process(struct process *process, long mappings, unsigned long pages)
{
	unsigned long start = ANON_BASE;
	long i;

	process->mm = mm_alloc();
	if (!process->mm)
		return false;
	mmap_write_lock(process->mm);
	for (i = 0; i < mappings; i++, start += (pages + 1) * PAGE_SIZE) {
		process->mappings[i] = add_anon_mapping(process->mm, start, pages);
		if (!process->mappings[i])
			break;
	}
	mmap_write_unlock(process->mm);
	nr_mappings = mappings;
	return i == mappings && fill_page_tables(process->mm, ANON_BASE, start);
}

/* A shared mapping has the page cache's order, with gaps where the cache has none of its pages. */
static unsigned long address_in(struct vm_area_struct *vma, unsigned long index)
{
	const unsigned short *places = vma->vm_private_data;

	return vma->vm_start + (places ? places[index] : index) * PAGE_SIZE;
}

/* Does what the processor does without a fault, if the page table allows it, and sets the bits that it would set. */
static bool touched_at(struct vm_area_struct *vma, unsigned long address, bool store)
{
	spinlock_t *lock;
	pte_t *pte = get_locked_pte(vma->vm_mm, address, &lock);
	bool may = pte && pte_present(*pte) && (!store || pte_write(*pte));

	if (may)
		set_pte(pte, store ? pte_mkdirty(pte_mkyoung(*pte)) : pte_mkyoung(*pte));
	if (pte)
		pte_unmap_unlock(pte, lock);
	return may;
}

/* Does a load or a store: faults until it succeeds. */
static int touch(struct vm_area_struct *vma, unsigned long index, bool store)
{
	unsigned long address = address_in(vma, index);

	while (!touched_at(vma, address, store)) {
		vm_fault_t fault;

		mmap_read_lock(vma->vm_mm);
		fault = handle_mm_fault(vma, address, (store ? FAULT_FLAG_WRITE : 0) | FAULT_FLAG_USER, NULL);
		mmap_read_unlock(vma->vm_mm);
		if (fault & VM_FAULT_OOM)
			return -ENOMEM;
		if (fault & VM_FAULT_ERROR)
			return -EFAULT;
	}
	return 0;
}

/* Does what shmem_fault does for a page that is in the cache; shmem_fault itself would make a missing one. */
static vm_fault_t shared_fault(struct vm_fault *vmf)
{
	vmf->page = find_lock_page(shmem_mapping_of_judge, vmf->pgoff);
	return vmf->page ? VM_FAULT_LOCKED : VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct shared_ops = { .fault = shared_fault };

/* Makes an untouched private mapping one of the shmem file. The caller has locked its mm for writing. */
static void make_shared(struct vm_area_struct *vma, unsigned long slot, const unsigned short *places)
{
	struct address_space *mapping = shmem_mapping_of_judge;

	unlink_anon_vmas(vma);
	/* A stack is private memory, whatever the mapping was. */
	change_flags(vma, VM_SHARED | VM_MAYSHARE, TEMPORARY_STACK);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	vma->vm_file = get_file(shmem_file_of_judge);
	vma->vm_pgoff = slot;
	vma->vm_ops = &shared_ops;
	vma->vm_private_data = (void *)places;
	i_mmap_lock_write(mapping);
	mapping_allow_writable(mapping);
	vma_interval_tree_insert(vma, &mapping->i_mmap);
	i_mmap_unlock_write(mapping);
}

/* Does what dup_mmap does for one mapping; the child has its own already. Faults find shared pages again: no copies. */
static int fork_mapping(struct vm_area_struct *child, struct vm_area_struct *parent)
{
	int error;

	if (parent->vm_file) {
		make_shared(child, parent->vm_pgoff, parent->vm_private_data);
		return 0;
	}
	error = anon_vma_fork(child, parent);
	return error ? error : copy_page_range(child, parent);
}

static void unmap_everything(struct process *process)
{
	mmap_read_lock(process->mm);
	unmap_address_space(process->mm, process->mappings[0]);
	mmap_read_unlock(process->mm);
}

static void set_temporary_stack(struct process *process, bool on)
{
	long i;

	mmap_write_lock(process->mm);
	for (i = 0; i < nr_mappings; i++) {
		struct vm_area_struct *vma = process->mappings[i];

		if (!vma->vm_file)
			change_flags(vma, on ? TEMPORARY_STACK : 0, on ? 0 : TEMPORARY_STACK);
	}
	mmap_write_unlock(process->mm);
}

/* Does mlock2 with MLOCK_ONFAULT, which works on the caller's own address space. */
static long lock_mapping(struct vm_area_struct *vma)
{
	long error;

	current->mm = vma->vm_mm;
	error = sys_mlock2(vma->vm_start, vma->vm_end - vma->vm_start, MLOCK_ONFAULT);
	current->mm = NULL;
	return error;
}

/* ---- handles ---- */

static struct page *page_of_file(const struct handle *h);
static void free_file_page(unsigned long id);

/* Returns the page that a handle names now: migration may have moved it. Takes no reference. */
static struct page *page_of(unsigned long id)
{
	struct handle *h = &handles[id];
	struct page *page;

	switch (h->kind) {
	case SHMEM_PAGE:
		page = find_get_page(shmem_mapping_of_judge, slot_of(id));
		if (page)
			put_page(page);
		return page;
	case ANON_PAGE:
		return anon_page(id);
	case FILE_PAGE:
		return page_of_file(h);
	default:
		return h->page;
	}
}

static int become(unsigned long id, enum handle_kind kind, struct page *page)
{
	int error = 0;

	memset(&handles[id], 0, sizeof(handles[id]));
	owned_handles_end = max(owned_handles_end, id + 1);
	switch (kind) {
	case MOVABLE_OPS_PAGE: error = become_movable_ops(id, page); break;
	case SHMEM_PAGE: error = become_shmem(id, page); break;
	case ANON_PAGE: error = become_anon(id, page); break;
	default: handles[id].page = page; break;
	}
	if (error)
		put_page(page);
	else
		handles[id].kind = kind;
	return error;
}

static void free_handle(unsigned long id)
{
	struct handle *h = &handles[id];
	struct page *page = page_of(id);
	int pins = h->pins;

	switch (h->kind) {
	case CMA_RANGE: cma_release(areas[h->area].cma, h->page, h->count); break;
	case MOVABLE_OPS_PAGE: free_movable_ops(h); break;
	case SHMEM_PAGE: free_shmem(id); break;
	case ANON_PAGE: free_anon(id); break;
	case UNMOVABLE_PAGE: __free_page(h->page); break;
	case FILE_PAGE: free_file_page(id); break;
	case BUDDY_BLOCK: __free_pages(h->page, h->order); break;
	case HELD_PAGE: put_page(h->page); break;
	case LONGTERM_PAGE: unpin_user_page(h->page); break;
	case FOREIGN_RANGE: free_contig_range(page_to_pfn(h->page), h->count); break;
	case PINNED_REMAINS: return;
	}
	memset(h, 0, sizeof(*h));
	if (!pins)
		return;
	h->kind = PINNED_REMAINS;
	h->page = page;
	h->pins = pins;
}

static void drop_pins(struct handle *h)
{
	while (h->pins) {
		put_page(h->page);
		h->pins--;
	}
	h->kind = FREE_HANDLE;
}

/* ---- operations: each returns false if it makes no sense ---- */

struct words {
	int n;
	char *w[MAX_WORDS];
};

static bool number(const struct words *op, int i, long *value)
{
	return i < op->n && !kstrtol(op->w[i], 0, value);
}

static bool number_or(const struct words *op, int i, long otherwise, long *value)
{
	*value = otherwise;
	return i >= op->n || number(op, i, value);
}

static bool handle_word(const struct words *op, int i, unsigned long *id)
{
	long value;

	if (!number(op, i, &value) || value < 0 || value >= MAX_HANDLES)
		return false;
	*id = value;
	return true;
}

static bool used_handle(const struct words *op, unsigned long *id)
{
	return handle_word(op, 1, id) && handles[*id].kind != FREE_HANDLE;
}

static bool unused_handle(const struct words *op, unsigned long *id)
{
	return handle_word(op, 1, id) && handles[*id].kind == FREE_HANDLE;
}

static bool page_word(const struct words *op, int i, struct area **area, unsigned long *pfn)
{
	long offset;

	if (i >= op->n)
		return false;
	*area = find_area(op->w[i]);
	if (!*area || !number(op, i + 1, &offset) || offset < 0 || offset >= (*area)->cma->count)
		return false;
	*pfn = (*area)->cma->base_pfn + offset;
	return true;
}

static bool op_ca(const struct words *op)
{
	unsigned long id;
	struct area *area;
	struct page *page;
	long count, align;
	bool no_warn = !warn_on || (op->n > 5 && !strcmp(op->w[5], "nowarn"));

	if (!unused_handle(op, &id) || op->n < 5)
		return false;
	area = find_area(op->w[2]);
	if (!area || !number(op, 3, &count) || !number(op, 4, &align) || count < 0 || align < 0 || align > 63)
		return false;
	page = cma_alloc(area->cma, count, align, no_warn);
	if (!page) {
		say("ca %lu fail\n", id);
		return true;
	}
	memset(&handles[id], 0, sizeof(handles[id]));
	handles[id] = (struct handle){ .kind = CMA_RANGE, .area = area - areas, .page = page, .count = count };
	say("ca %lu ok off=%lu\n", id, page_to_pfn(page) - area->cma->base_pfn);
	return true;
}

static bool op_cr(const struct words *op)
{
	unsigned long id;
	struct handle *h;
	long offset, n;
	bool released;

	if (!used_handle(op, &id) || handles[id].kind != CMA_RANGE)
		return false;
	h = &handles[id];
	if (!number_or(op, 2, 0, &offset) || !number_or(op, 3, h->count, &n) || op->n == 3)
		return false;
	if (offset < 0 || n <= 0 || offset + n > h->count)
		return false;
	released = cma_release(areas[h->area].cma, h->page + offset, n);
	if (released && offset == 0) {
		h->page += n;
		h->count -= n;
	} else if (released) {
		h->count = offset;
	}
	if (!h->count)
		h->kind = FREE_HANDLE;
	if (op->n > 2)
		say("cr %lu part %d\n", id, released);
	else
		say("cr %lu %s\n", id, released ? "ok" : "fail");
	return true;
}

/* cma_release of any range, so that the release itself refuses it. */
static bool op_crx(const struct words *op)
{
	struct area *area = op->n > 3 ? find_area(op->w[1]) : NULL;
	long offset, n;
	bool released;

	if (!area || !number(op, 2, &offset) || !number(op, 3, &n) || n <= 0)
		return false;
	released = cma_release(area->cma, pfn_to_page(area->cma->base_pfn + offset), n);
	say("crx %s\n", released ? "ok" : "fail");
	return true;
}

/* alloc_contig_range as callers other than areas call it: for ordinary memory, whatever the pageblocks are. */
static bool op_range(const struct words *op)
{
	unsigned long id, pfn;
	struct area *area;
	int error;
	long n;

	if (!unused_handle(op, &id) || !page_word(op, 2, &area, &pfn) || !number(op, 4, &n) || n < 1 ||
	    !pfn_valid(pfn + n - 1))
		return false;
	error = alloc_contig_range(pfn, pfn + n, MIGRATE_MOVABLE, GFP_KERNEL);
	if (!error) {
		memset(&handles[id], 0, sizeof(handles[id]));
		handles[id] = (struct handle){ .kind = FOREIGN_RANGE, .page = pfn_to_page(pfn), .count = n };
	}
	say("range %lu %d\n", id, error);
	return true;
}

static enum handle_kind kind_of_word(const char *w)
{
	switch (w[0]) {
	case 'm': return MOVABLE_OPS_PAGE;
	case 's': return SHMEM_PAGE;
	case 'a': return ANON_PAGE;
	default: return UNMOVABLE_PAGE;
	}
}

/* Allocates exactly that page, as a contiguous range of one, and makes it a page of that kind. */
static int take_place(unsigned long id, enum handle_kind kind, unsigned long pfn)
{
	int error = 0;

	if (kind == ANON_PAGE)
		error = prepare_anon();
	if (!error)
		error = alloc_contig_range(pfn, pfn + 1, get_pageblock_migratetype(pfn_to_page(pfn)), GFP_KERNEL);
	return error ? error : become(id, kind, pfn_to_page(pfn));
}

static int take_anywhere(unsigned long id, enum handle_kind kind)
{
	gfp_t gfp = kind == UNMOVABLE_PAGE ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE;
	struct page *page;

	if (kind == ANON_PAGE && prepare_anon())
		return -ENOMEM;
	page = alloc_page(gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	return page ? become(id, kind, page) : -ENOMEM;
}

/*
 * Makes n pages with handles from h on, up to the first that fails: mvat smat umat anat in consecutive pages of an
 * area, mv sm um an where the page allocator puts them.
 */
static bool op_take(const struct words *op)
{
	bool placed = op->w[0][2];
	unsigned long id, pfn = 0;
	struct area *area;
	long i, n;
	int error;

	if (!unused_handle(op, &id) || (placed && !page_word(op, 2, &area, &pfn)) ||
	    !number_or(op, placed ? 4 : 2, 1, &n) || n < 1 || id + n > MAX_HANDLES ||
	    (placed && pfn + n > area->cma->base_pfn + area->cma->count))
		return false;
	for (i = 0; i < n; i++) {
		enum handle_kind kind = kind_of_word(op->w[0]);

		if (handles[id + i].kind != FREE_HANDLE)
			return false;
		error = placed ? take_place(id + i, kind, pfn + i) : take_anywhere(id + i, kind);
		say("%s %lu %d\n", op->w[0], id + i, error);
		if (error)
			break;
	}
	return true;
}

/* Skips handles that hold nothing, as the recorded scripts do; so do refusals below. */
static bool op_mf(const struct words *op)
{
	unsigned long id;
	long i, n;

	if (!handle_word(op, 1, &id) || !number_or(op, 2, 1, &n) || n < 1 || id + n > MAX_HANDLES)
		return false;
	for (i = 0; i < n; i++)
		if (handles[id + i].kind != FREE_HANDLE)
			free_handle(id + i);
	return true;
}

static bool op_refuse(const struct words *op)
{
	unsigned long id;
	long n;

	if (!handle_word(op, 1, &id) || !number(op, 2, &n) || n < -1)
		return false;
	if (handles[id].kind != MOVABLE_OPS_PAGE)
		return true;
	if (op->w[0][2])
		handles[id].eio = n;
	else
		handles[id].again = n;
	return true;
}

static bool op_pin(const struct words *op)
{
	bool gup = op->w[0][0] == 'a';
	unsigned long id;
	struct page *page;

	if (!used_handle(op, &id))
		return false;
	if (gup ? handles[id].kind != ANON_PAGE
		: handles[id].kind != MOVABLE_OPS_PAGE && handles[id].kind != SHMEM_PAGE)
		return false;
	page = gup ? gup_page(id) : page_of(id);
	if (!page)
		return false;
	if (!gup)
		get_page(page);
	handles[id].pinned_by_gup = gup;
	handles[id].pins++;
	return true;
}

static bool op_unpin(const struct words *op)
{
	unsigned long id;

	if (!used_handle(op, &id) || !handles[id].pins)
		return false;
	if (handles[id].kind != PINNED_REMAINS && handles[id].pinned_by_gup != (op->w[0][0] == 'a'))
		return false;
	handles[id].pins--;
	put_page(page_of(id));
	if (handles[id].kind == PINNED_REMAINS && !handles[id].pins)
		handles[id].kind = FREE_HANDLE;
	return true;
}

static bool op_page_ref(const struct words *op)
{
	struct area *area;
	unsigned long pfn;
	struct page *page;
	int count;

	if (!page_word(op, 1, &area, &pfn))
		return false;
	page = pfn_to_page(pfn);
	if (!page_count(page))
		return false;
	if (op->w[0][0] == 'g') {
		get_page(page);
		count = page_count(page);
	} else {
		count = page_count(page) - 1;
		put_page(page);
	}
	say("%s %s%+ld rc=%d\n", op->w[0], area->name, (long)(pfn - area->cma->base_pfn), count);
	return true;
}

static void say_place_or_other(struct page *page)
{
	if (area_of_pfn(page_to_pfn(page)))
		say_place(page_to_pfn(page));
	else
		say("other");
}

static struct process *process_of(long id)
{
	return id >= 1 && id <= nr_processes ? &processes[id] : NULL;
}

/* Returns a page of a process; the word is PROCESS.MAPPING. */
static struct page *process_page(const char *word, long index)
{
	struct process *process;
	long id, mapping;

	if (sscanf(word, "%ld.%ld", &id, &mapping) != 2)
		return NULL;
	process = process_of(id);
	if (!process || !process->alive || mapping < 0 || mapping >= nr_mappings || index < 0 ||
	    index >= process->pages[mapping])
		return NULL;
	return page_mapped_at(process->mm, address_in(process->mappings[mapping], index));
}

/* "AREA OFF", or "@H OFF": a page of what a handle stands for now, or "@P.M OFF": of mapping M of process P. */
static struct page *place_word(const struct words *op, int i)
{
	unsigned long pfn, id;
	struct area *area;
	struct page *page;
	long offset;

	if (i >= op->n || op->w[i][0] != '@')
		return page_word(op, i, &area, &pfn) ? pfn_to_page(pfn) : NULL;
	if (strchr(op->w[i], '.'))
		return number(op, i + 1, &offset) ? process_page(op->w[i] + 1, offset) : NULL;
	if (kstrtoul(op->w[i] + 1, 0, &id) || id >= MAX_HANDLES || handles[id].kind == FREE_HANDLE)
		return NULL;
	if (!number(op, i + 1, &offset) || offset < 0 || offset >= 1L << HIGHEST_ORDER)
		return NULL;
	page = page_of(id);
	return page ? page + offset : NULL;
}

/* Takes a reference on the page that is there, as a caller that finds it by its number; `drop` puts it. */
static bool op_hold(const struct words *op)
{
	unsigned long id;
	struct page *page;

	if (!unused_handle(op, &id))
		return false;
	page = place_word(op, 2);
	if (!page)
		return false;
	page = compound_head(page);
	if (!get_page_unless_zero(page)) {
		say("hold %lu fail\n", id);
		return true;
	}
	handles[id] = (struct handle){ .kind = HELD_PAGE, .page = page };
	say("hold %lu ", id);
	say_place_or_other(page);
	say(" ref=%d\n", page_count(page));
	return true;
}

static bool op_drop(const struct words *op)
{
	unsigned long id;

	if (!used_handle(op, &id) || (handles[id].kind != HELD_PAGE && handles[id].kind != LONGTERM_PAGE))
		return false;
	free_handle(id);
	return true;
}

static bool block_gfp(const struct words *op, gfp_t *gfp)
{
	int i;

	switch (op->w[3][0]) {
	case 'm': *gfp = GFP_HIGHUSER_MOVABLE; break;
	case 'u': *gfp = GFP_KERNEL; break;
	case 'r': *gfp = GFP_KERNEL | __GFP_RECLAIMABLE; break;
	default: return false;
	}
	/* Never invokes the out-of-memory killer, which would find nothing to kill. */
	*gfp |= __GFP_RETRY_MAYFAIL;
	for (i = 4; i < op->n; i++) {
		if (!strcmp(op->w[i], "atomic"))
			*gfp = (*gfp & ~(__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_RETRY_MAYFAIL)) | GFP_ATOMIC;
		else if (!strcmp(op->w[i], "high"))
			*gfp |= __GFP_HIGH;
		else if (!strcmp(op->w[i], "nowait"))
			*gfp = (*gfp & ~(__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_RETRY_MAYFAIL)) | GFP_NOWAIT;
		else if (!strcmp(op->w[i], "noretry"))
			*gfp = (*gfp & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY;
		else if (!strcmp(op->w[i], "memalloc"))
			*gfp |= __GFP_MEMALLOC;
		else if (!strcmp(op->w[i], "comp"))
			*gfp |= __GFP_COMP;
		else if (!strcmp(op->w[i], "nowarn"))
			*gfp |= __GFP_NOWARN;
		else
			return false;
	}
	return true;
}

static bool say_block(unsigned long id, struct page *page, long order)
{
	if (!page) {
		say("pa %lu fail\n", id);
		return true;
	}
	handles[id] = (struct handle){ .kind = BUDDY_BLOCK, .order = order, .page = page };
	say("pa %lu ", id);
	say_place_or_other(page);
	say("\n");
	return true;
}

static bool op_pa(const struct words *op)
{
	unsigned long id;
	long order;
	gfp_t gfp;

	if (!unused_handle(op, &id) || !number(op, 2, &order) || order < 0 || order > 63 || op->n < 4 ||
	    !block_gfp(op, &gfp))
		return false;
	return say_block(id, alloc_pages(gfp | (warn_on ? 0 : __GFP_NOWARN), order), order);
}

/* pag H ORDER FLAGS: alloc_pages with these flags, a number of this kernel. */
static bool op_pag(const struct words *op)
{
	unsigned long id;
	long order, gfp;

	if (!unused_handle(op, &id) || !number(op, 2, &order) || order < 0 || order > 63 || !number(op, 3, &gfp) ||
	    gfp < 0 || gfp >= 1L << __GFP_BITS_SHIFT)
		return false;
	return say_block(id, alloc_pages((__force gfp_t)gfp | (warn_on ? 0 : __GFP_NOWARN), order), order);
}

/* scope none|nofs|noio|noreclaim|realtime: what the driver's task is from now on, as far as requests for pages ask. */
static bool op_scope(const struct words *op)
{
	const char *word = op->n > 1 ? op->w[1] : "";

	current->flags &= ~(PF_MEMALLOC | PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO);
	sched_set_normal(current, 0);
	if (!strcmp(word, "nofs"))
		current->flags |= PF_MEMALLOC_NOFS;
	else if (!strcmp(word, "noio"))
		current->flags |= PF_MEMALLOC_NOIO;
	else if (!strcmp(word, "noreclaim"))
		current->flags |= PF_MEMALLOC;
	else if (!strcmp(word, "realtime"))
		sched_set_fifo(current);
	else
		return !strcmp(word, "none");
	return true;
}

static bool op_pf(const struct words *op)
{
	unsigned long id;
	long order;

	if (!used_handle(op, &id) || handles[id].kind != BUDDY_BLOCK)
		return false;
	if (!number_or(op, 2, handles[id].order, &order) || order < 0 || order > HIGHEST_ORDER)
		return false;
	__free_pages(handles[id].page, order);
	handles[id].kind = FREE_HANDLE;
	return true;
}

static const char *const kind_names[] = {
	[CMA_RANGE] = "cma", [MOVABLE_OPS_PAGE] = "mov", [SHMEM_PAGE] = "shm", [ANON_PAGE] = "anon",
	[UNMOVABLE_PAGE] = "um", [FILE_PAGE] = "file", [BUDDY_BLOCK] = "pa", [HELD_PAGE] = "held", [LONGTERM_PAGE] = "longterm",
	[FOREIGN_RANGE] = "range",
	[PINNED_REMAINS] = "pinned",
};

static bool op_loc(const struct words *op)
{
	bool detailed = op->w[0][0] == 'a';
	unsigned long id;
	struct page *page;

	if (!used_handle(op, &id) || (detailed && handles[id].kind != ANON_PAGE))
		return false;
	page = page_of(id);
	if (!page)
		return false;
	if (!detailed) {
		say("loc %lu %s ", id, kind_names[handles[id].kind]);
		say_place_or_other(page);
		say("\n");
		return true;
	}
	say("anloc %lu ", id);
	say_place_or_other(page);
	say(" ref=%d map=%d%s\n", page_count(page), folio_mapcount(page_folio(page)), PageLRU(page) ? " lru" : "");
	return true;
}

/* Lists every owned page that is inside an area now. */
static bool op_locs(const struct words *op)
{
	unsigned long id;

	say("locs");
	for (id = 0; id < owned_handles_end; id++) {
		struct page *page;

		if (handles[id].kind < MOVABLE_OPS_PAGE || handles[id].kind > FILE_PAGE)
			continue;
		page = page_of(id);
		if (!page || !area_of_pfn(page_to_pfn(page)))
			continue;
		say(" %lu:", id);
		say_place(page_to_pfn(page));
	}
	say("\n");
	return true;
}

/* ---- operations on processes ---- */

static bool process_word(const struct words *op, bool alive, struct process **process)
{
	long id;

	*process = number(op, 1, &id) ? process_of(id) : NULL;
	return *process && (*process)->alive == alive;
}

/* Reads word 2: a mapping that exists, or with `mapped` false one that does not. */
static bool mapping_word(const struct words *op, bool mapped, struct process **process, long *mapping)
{
	return process_word(op, true, process) && number(op, 2, mapping) && *mapping >= 0 && *mapping < nr_mappings &&
	       !!(*process)->pages[*mapping] == mapped;
}

/* Reads the same, and from words 3 and 4 a part of it. */
static bool mapping_part(const struct words *op, struct vm_area_struct **vma, long *from, long *n)
{
	struct process *process;
	long mapping;

	if (!mapping_word(op, true, &process, &mapping) || !number(op, 3, from) || !number(op, 4, n))
		return false;
	*vma = process->mappings[mapping];
	return *from >= 0 && *n >= 1 && *from + *n <= process->pages[mapping];
}

static bool op_spawn(const struct words *op)
{
	struct process *process;

	if (!process_word(op, false, &process) || process->gone)
		return false;
	process->alive = true;
	return true;
}

static int store_to_placed(struct vm_area_struct *vma, unsigned long index, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	int error = alloc_contig_range(pfn, pfn + 1, get_pageblock_migratetype(page), GFP_KERNEL);

	if (error)
		return error;
	error = map_anon(vma, address_in(vma, index), page);
	if (error)
		put_page(page);
	return error;
}

/* mmap P M PAGES, mmapat P M AREA OFF PAGES: every page is written to. */
static bool op_mmap(const struct words *op)
{
	bool placed = op->w[0][4];
	struct process *process;
	struct area *area = NULL;
	unsigned long pfn = 0;
	long mapping, n, i;
	int error = 0;

	if (!mapping_word(op, false, &process, &mapping) || (placed && !page_word(op, 3, &area, &pfn)) ||
	    !number(op, placed ? 5 : 3, &n) || n < 1 || n > vma_pages(process->mappings[mapping]) ||
	    (placed && pfn + n > area->cma->base_pfn + area->cma->count))
		return false;
	process->pages[mapping] = n;
	for (i = 0; i < n && !error; i++) {
		struct vm_area_struct *vma = process->mappings[mapping];

		error = placed ? store_to_placed(vma, i, pfn + i) : touch(vma, i, true);
	}
	say("%s %s.%ld %d\n", op->w[0], op->w[1], mapping, error);
	return true;
}

/* The places of the pages of all shared mappings, mapping by mapping. */
static unsigned short shared_places[MAX_SHARED_PLACES];
static unsigned long nr_shared_places;

/* mapshared P M H N: those of the pages of handles H to H+N-1 that the cache has; each is read from. */
static bool op_mapshared(const struct words *op)
{
	unsigned short *places = shared_places + nr_shared_places;
	struct vm_area_struct *vma;
	struct process *process;
	unsigned long slot = 0;
	long mapping, first, n, i, mapped = 0;
	int error = 0;

	if (!mapping_word(op, false, &process, &mapping) || !number(op, 3, &first) || !number(op, 4, &n) || first < 0 ||
	    n < 1 || first + n > MAX_HANDLES || nr_shared_places + n > MAX_SHARED_PLACES)
		return false;
	vma = process->mappings[mapping];
	for (i = first; i < first + n; i++) {
		if (handles[i].kind != SHMEM_PAGE)
			continue;
		if (!mapped)
			slot = slot_of(i);
		places[mapped++] = slot_of(i) - slot;
	}
	if (!mapped || places[mapped - 1] >= vma_pages(vma))
		return false;
	nr_shared_places += mapped;
	mmap_write_lock(process->mm);
	make_shared(vma, slot, places);
	mmap_write_unlock(process->mm);
	process->pages[mapping] = mapped;
	for (i = 0; i < mapped && !error; i++)
		error = touch(vma, i, false);
	say("mapshared %s.%ld %d\n", op->w[1], mapping, error);
	return true;
}

static bool op_write(const struct words *op)
{
	struct vm_area_struct *vma;
	long from, n, i;
	int error = 0;

	if (!mapping_part(op, &vma, &from, &n))
		return false;
	for (i = from; i < from + n && !error; i++)
		error = touch(vma, i, true);
	say("write %s.%s %d\n", op->w[1], op->w[2], error);
	return true;
}

/* pin H P M OFF: takes a long-term pin, as a driver whose device may write at any time. */
static bool op_longterm(const struct words *op)
{
	struct process *process;
	struct page *page = NULL;
	unsigned long id;
	long mapping, index, n;
	struct mm_struct *mm;

	struct words place = { .n = op->n - 1 };

	memcpy(place.w, op->w + 1, sizeof(place.w) - sizeof(place.w[0]));
	if (!unused_handle(op, &id) || !mapping_word(&place, true, &process, &mapping) || !number(op, 4, &index) ||
	    index < 0 || index >= process->pages[mapping])
		return false;
	mm = process->mm;
	mmap_read_lock(mm);
	n = pin_written_page(mm, address_in(process->mappings[mapping], index), &page);
	mmap_read_unlock(mm);
	if (n != 1) {
		say("longterm %lu %ld\n", id, n);
		return true;
	}
	handles[id] = (struct handle){ .kind = LONGTERM_PAGE, .page = page };
	say("longterm %lu ", id);
	say_place_or_other(page);
	say(" ref=%d\n", page_count(page));
	return true;
}

static bool op_unmap(const struct words *op)
{
	struct vm_area_struct *vma;
	long from, n;

	if (!mapping_part(op, &vma, &from, &n))
		return false;
	unmap_anon(vma, address_in(vma, from), (address_in(vma, from + n - 1) - address_in(vma, from)) / PAGE_SIZE + 1);
	return true;
}

static bool op_mlock(const struct words *op)
{
	struct process *process;
	long mapping;

	if (!mapping_word(op, true, &process, &mapping))
		return false;
	say("mlock %s.%ld %ld\n", op->w[1], mapping, lock_mapping(process->mappings[mapping]));
	return true;
}

/* fork P C: C becomes a child of P. */
static bool op_fork(const struct words *op)
{
	struct process *parent, *child;
	int error = 0;
	long id, i;

	if (!process_word(op, true, &parent) || !number(op, 2, &id))
		return false;
	child = process_of(id);
	if (!child || child->alive || child->gone || child == &processes[1])
		return false;
	child->alive = true;
	mmap_write_lock(parent->mm);
	mmap_write_lock_nested(child->mm, SINGLE_DEPTH_NESTING);
	for (i = 0; i < nr_mappings && !error; i++) {
		child->pages[i] = parent->pages[i];
		if (parent->pages[i])
			error = fork_mapping(child->mappings[i], parent->mappings[i]);
	}
	mmap_write_unlock(child->mm);
	flush_tlb_mm(parent->mm);
	mmap_write_unlock(parent->mm);
	say("fork %s %ld %d\n", op->w[1], id, error);
	return true;
}

static bool op_exit(const struct words *op)
{
	struct process *process;

	if (!process_word(op, true, &process))
		return false;
	unmap_everything(process);
	process->alive = false;
	process->gone = true;
	return true;
}

/* stack P 0|1 */
static bool op_stack(const struct words *op)
{
	struct process *process;
	long on;

	if (!process_word(op, true, &process) || !number(op, 2, &on))
		return false;
	set_temporary_stack(process, on);
	return true;
}

static void say_process_pages(long id, long mapping)
{
	struct process *process = &processes[id];
	unsigned long i;

	for (i = 0; i < process->pages[mapping]; i++) {
		struct page *page = page_mapped_at(process->mm, address_in(process->mappings[mapping], i));

		if (!page || !area_of_pfn(page_to_pfn(page)))
			continue;
		say(" %ld.%ld.%lu:", id, mapping, i);
		say_place(page_to_pfn(page));
	}
}

/* Lists every page of a process that is inside an area now. */
static bool op_plocs(const struct words *op)
{
	long id, mapping;

	say("plocs");
	for (id = 1; id <= nr_processes; id++)
		for (mapping = 0; processes[id].alive && mapping < nr_mappings; mapping++)
			say_process_pages(id, mapping);
	say("\n");
	return true;
}

static void drain(void)
{
	lru_add_drain_all();
	drain_all_pages(NULL);
}

/* drain: both; drainp: per-CPU page lists; drainl: LRU caches of all CPUs; draint: LRU caches of this CPU. */
static bool op_drain(const struct words *op)
{
	switch (op->w[0][5]) {
	case 'p': drain_all_pages(NULL); break;
	case 'l': lru_add_drain_all(); break;
	case 't': lru_add_drain(); break;
	default: drain(); break;
	}
	return true;
}

/* ---- dump ---- */

static void say_bitmap(struct cma *cma)
{
	unsigned long bit, bits = cma_bitmap_maxno(cma);

	say("bm ");
	for (bit = 0; bit < bits; bit += 4) {
		unsigned int i, digit = 0;

		for (i = 0; i < 4 && bit + i < bits; i++)
			if (test_bit(bit + i, cma->bitmap))
				digit |= 1 << i;
		say("%x", digit);
	}
	say("\n");
}

/* Returns the head of the free block that covers pfn, or NULL. */
static struct page *free_block_of(unsigned long pfn)
{
	int order;

	for (order = 0; order <= HIGHEST_ORDER; order++) {
		struct page *head = pfn_to_page(pfn & (~0UL << order));

		if (PageBuddy(head))
			return buddy_order(head) >= order ? head : NULL;
	}
	return NULL;
}

static void say_free_blocks(struct cma *cma)
{
	unsigned long pfn = cma->base_pfn, end = pfn + cma->count;

	say("bd");
	while (pfn < end) {
		struct page *head = pfn == cma->base_pfn ? free_block_of(pfn) : pfn_to_page(pfn);

		if (!head || !PageBuddy(head)) {
			pfn++;
			continue;
		}
		say(" %ld:%u", (long)(page_to_pfn(head) - cma->base_pfn), buddy_order(head));
		pfn = page_to_pfn(head) + (1UL << buddy_order(head));
	}
	say("\n");
}

static char page_kind(struct page *page)
{
	if (!page_count(page))
		return 'p';
	if (is_movable_ops(page))
		return 'm';
	return PageLRU(page) ? 'l' : 'a';
}

static void say_used_run(unsigned long offset, unsigned long n, char kind, int count)
{
	if (n)
		say(" %lu+%lu:%c%d", offset, n, kind, count);
}

static void say_used_pages(struct cma *cma)
{
	unsigned long pfn = cma->base_pfn, end = pfn + cma->count;
	struct page *covering = free_block_of(pfn);
	unsigned long from = 0, run = 0;
	char kind = 0;
	int count = 0;

	if (covering)
		pfn = page_to_pfn(covering) + (1UL << buddy_order(covering));
	say("pg");
	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page)) {
			say_used_run(from, run, kind, count);
			run = 0;
			pfn += 1UL << buddy_order(page);
			continue;
		}
		if (run && (page_kind(page) != kind || page_count(page) != count)) {
			say_used_run(from, run, kind, count);
			run = 0;
		}
		if (!run++) {
			from = pfn - cma->base_pfn;
			kind = page_kind(page);
			count = page_count(page);
		}
		pfn++;
	}
	say_used_run(from, run, kind, count);
	say("\n");
}

static void say_free_lists(struct area *area)
{
	struct zone *zone = the_zone();
	struct page *page;
	int order, type;

	for (order = 0; order <= HIGHEST_ORDER; order++) {
		for (type = 0; type < MIGRATE_TYPES; type++) {
			bool any = false;

			list_for_each_entry(page, &zone->free_area[order].free_list[type], BUDDY_LIST) {
				if (area_of_pfn(page_to_pfn(page)) != area)
					continue;
				if (!any)
					say("fl %d%c", order, list_letters[type]);
				any = true;
				say(" %lu", page_to_pfn(page) - area->cma->base_pfn);
			}
			if (any)
				say("\n");
		}
	}
}

static bool op_dump(const struct words *op)
{
	struct area *area = op->n > 1 ? find_area(op->w[1]) : NULL;

	if (!area)
		return false;
	say("dump %s count=%lu opb=%u\n", area->name, area->cma->count, area->cma->order_per_bit);
	say_bitmap(area->cma);
	say("mt ");
	say_types(area);
	say("\n");
	say_free_blocks(area->cma);
	say_used_pages(area->cma);
	if (op->n > 2 && !strcmp(op->w[2], "f"))
		say_free_lists(area);
	say("end\n");
	return true;
}

/* ---- counters ---- */

static bool op_cmaf(const struct words *op)
{
	say("cmaf free=%lu isolblk=%lu\n", free_cma_pages(), the_zone()->nr_isolate_pageblock);
	return true;
}

static bool op_zone(const struct words *op)
{
	struct zone *zone = the_zone();

	if (op->n > 1 && !strcmp(op->w[1], "abs"))
		say("zone free=%lu cma=%lu managed=%lu min=%lu low=%lu high=%lu\n",
		    zone_page_state(zone, NR_FREE_PAGES), free_cma_pages(), zone_managed_pages(zone),
		    min_wmark_pages(zone), low_wmark_pages(zone), high_wmark_pages(zone));
	else
		say("zone free=%+ld cma=%+ld\n", (long)(zone_page_state(zone, NR_FREE_PAGES) - boot_free),
		    (long)(free_cma_pages() - boot_free_cma));
	return true;
}

static void say_pcp_lists(struct per_cpu_pages *pcp)
{
	struct page *page;
	int i;

	for (i = 0; i < NR_PCP_LISTS; i++) {
		if (list_empty(&pcp->lists[i]))
			continue;
		say("pl %d%c", i / MIGRATE_PCPTYPES, list_letters[i % MIGRATE_PCPTYPES]);
		list_for_each_entry(page, &pcp->lists[i], PCP_LIST) {
			say(" ");
			say_place_or_other(page);
		}
		say("\n");
	}
	say("end\n");
}

static bool op_pcp(const struct words *op)
{
	struct per_cpu_pages *pcp = pcp_of(the_zone());
	unsigned long cma = 0;
	struct page *page;
	int i;

	for (i = MIGRATE_MOVABLE; i < NR_PCP_LISTS; i += MIGRATE_PCPTYPES)
		list_for_each_entry(page, &pcp->lists[i], PCP_LIST)
			if (get_pageblock_migratetype(page) == MIGRATE_CMA)
				cma += 1UL << (i / MIGRATE_PCPTYPES);
	say("pcp high=%d batch=%d cma_pages_on_it=%lu count=%d", pcp->high, pcp->batch, cma, pcp->count);
	say_learnt(pcp);
	if (op->n > 1 && !strcmp(op->w[1], "f"))
		say_pcp_lists(pcp);
	return true;
}

/* Forgets what the per-CPU lists have learnt. */
static bool op_calm(const struct words *op)
{
	forget_learnt(pcp_of(the_zone()));
	return true;
}

static bool op_lru(const struct words *op)
{
	say("lru inactive_anon=%lu active_anon=%lu inactive_file=%lu active_file=%lu isolated_anon=%lu isolated_file=%lu\n",
	    global_node_page_state(NR_INACTIVE_ANON), global_node_page_state(NR_ACTIVE_ANON),
	    global_node_page_state(NR_INACTIVE_FILE), global_node_page_state(NR_ACTIVE_FILE),
	    global_node_page_state(NR_ISOLATED_ANON), global_node_page_state(NR_ISOLATED_FILE));
	return true;
}

/* Not part of `lru`, whose words are those of the recorded scripts. */
static bool op_unev(const struct words *op)
{
	say("unev pages=%lu mlocked=%lu\n", global_node_page_state(NR_UNEVICTABLE),
	    zone_page_state(the_zone(), NR_MLOCK));
	return true;
}

static bool op_vm(const struct words *op)
{
	static unsigned long events[NR_VM_EVENT_ITEMS];

	all_vm_events(events);
	say("vm");
	say_cma_events(events);
	say(" pgmigrate_success=%lu pgmigrate_fail=%lu\n", events[PGMIGRATE_SUCCESS], events[PGMIGRATE_FAIL]);
	return true;
}

static bool op_areas(const struct words *op)
{
	int i;

	for (i = 0; i < nr_areas; i++) {
		struct cma *cma = areas[i].cma;

		if (!cma || !cma->count)
			say("area %s failed=%d\n", areas[i].name, areas[i].error);
		else
			say("area %s base=%lu count=%lu opb=%u pbo=%u maxord=%d\n", areas[i].name, cma->base_pfn,
			    cma->count, cma->order_per_bit, (unsigned int)pageblock_order, HIGHEST_ORDER + 1);
	}
	return true;
}

static bool op_stat(const struct words *op)
{
	say("stat ops=%lu eaten=%lu\n", operations, eaten);
	return true;
}

static bool op_sysfs(const struct words *op)
{
	struct area *area = op->n > 1 ? find_area(op->w[1]) : NULL;

	return area && say_sysfs(area->name, area->cma);
}

/* ---- files ---- */

static struct file *open_in(const char *fs_name, const char *path, int flags)
{
	static struct { const char *name; struct vfsmount *mount; } mounts[3];
	struct file_system_type *type;
	int i;

	for (i = 0; i < ARRAY_SIZE(mounts) && mounts[i].name; i++)
		if (!strcmp(mounts[i].name, fs_name))
			return file_open_root_mnt(mounts[i].mount, path, flags, 0);
	type = get_fs_type(fs_name);
	if (!type || i == ARRAY_SIZE(mounts))
		return ERR_PTR(-ENODEV);
	mounts[i].mount = kern_mount(type);
	if (IS_ERR(mounts[i].mount))
		return ERR_CAST(mounts[i].mount);
	mounts[i].name = fs_name;
	return file_open_root_mnt(mounts[i].mount, path, flags, 0);
}

/* buddyinfo, pagetypeinfo: the text of the /proc file. Opened once and kept, as those below are. */
static bool op_proc(const struct words *op)
{
	static struct file *files[2];
	struct file *file = files[op->w[0][0] == 'p'];
	static char text[2048];
	loff_t position = 0;
	ssize_t n;

	if (!file)
		file = open_in("proc", op->w[0], O_RDONLY);
	if (IS_ERR(file))
		return false;
	files[op->w[0][0] == 'p'] = file;
	say("%s\n", op->w[0]);
	while ((n = kernel_read(file, text, sizeof(text) - 1, &position)) > 0) {
		text[n] = 0;
		say("%s", text);
	}
	say("end\n");
	return true;
}

/*
 * The first two members of what a debugfs number file keeps behind private_data. Going through read and write would
 * need a user address space, while these are exactly the functions that read and write call.
 */
struct number_file {
	int (*get)(void *data, u64 *value);
	int (*set)(void *data, u64 value);
};

static const char *const area_files[] = {
	"base_pfn", "count", "order_per_bit", "used", "maxchunk", "bitmap", "alloc", "free",
};

/* Returns whether the text of an area's bitmap comes from the page allocator, not from a slab cache. */
static bool text_is_a_block(const struct area *area)
{
	return DIV_ROUND_UP(cma_bitmap_maxno(area->cma), 32) * 11 + 1 > 2 * PAGE_SIZE;
}

static void drop_text(struct file *file)
{
	file->f_op->release(file_inode(file), file);
	file->private_data = NULL;
}

/* Opened once and kept: opening allocates, and closing gives back only some time later. */
static struct file *area_file(struct area *area, const char *name)
{
	static struct file *files[MAX_CMA_AREAS][ARRAY_SIZE(area_files)];
	int i = match_string(area_files, ARRAY_SIZE(area_files), name);
	struct file **file;
	char path[96];

	if (i < 0)
		return NULL;
	file = &files[area - areas][i];
	if (!*file) {
		path_in_debugfs(path, sizeof(path), area->cma, name);
		*file = open_in("debugfs", path, i < 6 ? O_RDONLY : O_WRONLY);
		if (IS_ERR(*file))
			*file = NULL;
		if (*file && !strcmp(name, "bitmap") && text_is_a_block(area))
			drop_text(*file);
	}
	return *file;
}

/*
 * The kernel makes the text when the file is opened. A block of the page allocator is held as a reader does, from then
 * to the release. A slab object is kept until the next text takes its place, so that no cache grows or shrinks.
 */
static const char *bitmap_text(struct file *file)
{
	if (file->private_data)
		drop_text(file);
	if (file->f_op->open(file_inode(file), file))
		return NULL;
	return strim(file->private_data);
}

static bool op_dbg(const struct words *op)
{
	struct area *area = op->n > 2 ? find_area(op->w[1]) : NULL;
	struct file *file;
	u64 value = 0;
	int error;

	if (!area)
		return false;
	file = area_file(area, op->w[2]);
	if (!file)
		return false;
	if (!strcmp(op->w[2], "bitmap")) {
		const char *text = bitmap_text(file);

		if (!text)
			return false;
		say("dbg %s bitmap ", area->name);
		for (; *text; text += strnlen(text, 1024))
			say("%.1024s", text);
		say("\n");
		if (text_is_a_block(area))
			drop_text(file);
	} else {
		struct number_file *numbers = file->private_data;

		error = numbers->get ? numbers->get(file_inode(file)->i_private, &value) : -EACCES;
		if (error)
			say("dbg %s %s %d\n", area->name, op->w[2], error);
		else
			say("dbg %s %s %llu\n", area->name, op->w[2], value);
	}
	return true;
}

static bool op_dbg_write(const struct words *op)
{
	struct area *area = op->n > 2 ? find_area(op->w[1]) : NULL;
	struct number_file *numbers;
	struct file *file;
	long value;

	if (!area || !number(op, 2, &value))
		return false;
	file = area_file(area, op->w[0] + 3);
	if (!file)
		return false;
	numbers = file->private_data;
	say("%s %s %d\n", op->w[0], area->name, numbers->set(file_inode(file)->i_private, value));
	return true;
}

/* ---- getting ready: allocates what later operations would allocate on the way ---- */

static void note_counters(void)
{
	boot_free = zone_page_state(the_zone(), NR_FREE_PAGES);
	boot_free_cma = free_cma_pages();
}

/* Afterwards an anonymous page with a handle below PREPARED_HANDLES needs no allocation but its own. */
static bool prepare_page_tables(void)
{
	return !prepare_anon() && fill_page_tables(anon_mm, ANON_BASE, ANON_BASE + PREPARED_HANDLES * PAGE_SIZE);
}

/* Keeps slabs that have become empty, so that what was allocated once needs no page the next time. */
static void keep_empty_slabs(void)
{
	struct kmem_cache *cache;

	mutex_lock(&slab_mutex);
	list_for_each_entry(cache, &slab_caches, list)
		cache->min_partial = ULONG_MAX;
	mutex_unlock(&slab_mutex);
}

/* Does this many forks of a mapping and undoes them: what they allocated stays in the slabs. */
static bool warm_forks(struct vm_area_struct *parent, long forks)
{
	static struct vm_area_struct *children[MAX_WARM_FORKS];
	bool all = true;
	long i, made;

	for (made = 0; made < forks && all; made++) {
		children[made] = vm_area_dup(parent);
		if (!children[made])
			break;
		all = !anon_vma_fork(children[made], parent);
	}
	for (i = 0; i < made; i++) {
		unlink_anon_vmas(children[i]);
		vm_area_free(children[i]);
	}
	return all && made == forks;
}

/* prepare processes N MAPPINGS PAGES FORKS: N processes, each with MAPPINGS of PAGES each; FORKS of a mapping. */
static bool prepare_processes(const struct words *op)
{
	long n, mappings, pages, forks, i;

	if (nr_processes || !number(op, 2, &n) || !number(op, 3, &mappings) || !number(op, 4, &pages) ||
	    !number(op, 5, &forks) || n < 1 || n > MAX_PROCESSES || mappings < 1 || mappings > MAX_MAPPINGS || pages < 1 ||
	    pages > MAX_MAPPED_PAGES || forks < 0 || forks > MAX_WARM_FORKS)
		return false;
	keep_empty_slabs();
	for (i = 1; i <= n; i++)
		if (!prepare_process(&processes[i], mappings, pages))
			return false;
	nr_processes = n;
	if (!forks)
		return true;
	mmap_write_lock(processes[1].mm);
	/* The first process has no parent, so it may have this already. */
	if (anon_vma_prepare(processes[1].mappings[0]) || !warm_forks(processes[1].mappings[0], forks))
		forks = -1;
	mmap_write_unlock(processes[1].mm);
	return forks >= 0;
}

#include "judge_files.c"

/* Reads each file once that can be asked for. */
static bool prepare_files(void)
{
	static const char *const proc_files[] = { "buddyinfo", "pagetypeinfo" };
	/* The debugfs files' records of buffers: freed again, their slabs stay. */
	static void *remembered[1024];
	bool was_quiet = quiet;
	int i, j;

	quiet = true;
	for (i = 0; i < ARRAY_SIZE(proc_files); i++) {
		struct words op = { .n = 1, .w = { (char *)proc_files[i] } };

		op_proc(&op);
	}
	quiet = was_quiet;
	for (i = 0; i < nr_areas; i++)
		for (j = 0; areas[i].cma && j < ARRAY_SIZE(area_files); j++)
			if (!area_file(&areas[i], area_files[j]))
				return false;
	for (i = 0; i < ARRAY_SIZE(remembered); i++)
		remembered[i] = kmalloc(32, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(remembered); i++)
		kfree(remembered[i]);
	return true;
}

static struct file *compact_memory;

/* Opened beforehand, as what that allocates is no part of a compaction. */
static bool prepare_compaction(void)
{
	compact_memory = open_in("proc", "sys/vm/compact_memory", O_WRONLY);
	return !IS_ERR(compact_memory);
}

static bool op_prepare(const struct words *op)
{
	bool ready = false;

	switch (op->n > 1 ? op->w[1][0] : 0) {
	case 'a': ready = prepare_page_tables(); break;
	case 'c': ready = prepare_compaction(); break;
	case 'f': ready = prepare_files(); break;
	case 'p': ready = prepare_processes(op); break;
	case 'r': ready = prepare_reading(op); break;
	}
	rcu_barrier();
	drain();
	note_counters();
	return ready;
}

/* keep PFN N: takes these pages out for good, wherever they are. */
static bool op_keep(const struct words *op)
{
	int events = ev_level, error;
	long pfn, n;

	if (!number(op, 1, &pfn) || !number(op, 2, &n) || n < 1 || !pfn_valid(pfn) || !pfn_valid(pfn + n - 1))
		return false;
	ev_level = 0;
	error = alloc_contig_range(pfn, pfn + n, MIGRATE_MOVABLE, GFP_KERNEL);
	ev_level = events;
	drain();
	note_counters();
	if (error)
		say("keep %ld %d\n", pfn, error);
	return true;
}

/* Allocates everything that is free outside the areas, block by block, the largest first. */
static void take_all_free(struct list_head *taken)
{
	int order;

	for (order = HIGHEST_ORDER; order >= 0; order--) {
		struct page *page;

		while ((page = alloc_pages(__GFP_MEMALLOC | __GFP_NOWARN, order))) {
			set_page_private(page, order);
			list_add(&page->lru, taken);
		}
	}
}

/* Frees blocks of the largest order, ascending, as a boot that frees nothing else. */
static void sort_largest(unsigned long pfn, unsigned long end)
{
	struct list_head *list = &the_zone()->free_area[HIGHEST_ORDER].free_list[MIGRATE_MOVABLE];
	unsigned long flags;

	spin_lock_irqsave(&the_zone()->lock, flags);
	for (; pfn < end; pfn += 1UL << HIGHEST_ORDER)
		list_move_tail(&pfn_to_page(pfn)->BUDDY_LIST, list);
	spin_unlock_irqrestore(&the_zone()->lock, flags);
}

/*
 * arena PFN N: from now on these largest blocks alone are free outside the areas, and every pageblock is Movable. So it
 * is known what is free in the whole zone and what a scanner passes on its way.
 */
static bool op_arena(const struct words *op)
{
	long pfn, n, free = 0, i;
	struct page *page, *next;
	LIST_HEAD(taken);

	if (!number(op, 1, &pfn) || !number(op, 2, &n) || n < 1 || (pfn | n) % (1 << HIGHEST_ORDER) ||
	    !pfn_valid(pfn) || !pfn_valid(pfn + n - 1))
		return false;
	drain();
	take_all_free(&taken);
	list_for_each_entry(page, &taken, lru)
		if (page_to_pfn(page) >= pfn && page_to_pfn(page) < pfn + n)
			free += 1L << page_private(page);
	/* As in the model: the free scanner skips others, and takes larger strides after a Movable one with nothing free. */
	for (i = the_zone()->zone_start_pfn; free == n && i < zone_end_pfn(the_zone()); i += pageblock_nr_pages)
		if (pfn_valid(i) && get_pageblock_migratetype(pfn_to_page(i)) < MIGRATE_PCPTYPES)
			set_pageblock_migratetype(pfn_to_page(i), MIGRATE_MOVABLE);
	list_for_each_entry_safe(page, next, &taken, lru) {
		unsigned int order = page_private(page);

		list_del(&page->lru);
		set_page_private(page, 0);
		if (page_to_pfn(page) >= pfn && page_to_pfn(page) < pfn + n)
			__free_pages(page, order);
	}
	drain();
	forget_shortage(the_zone());
	note_counters();
	if (free == n)
		sort_largest(pfn, pfn + n);
	else
		say("arena %ld %ld of %ld free\n", pfn, free, n);
	return true;
}

/* ---- compaction ---- */

static long compact_all(void)
{
	loff_t position = 0;
	ssize_t n;

	if (IS_ERR_OR_NULL(compact_memory))
		return -ENOENT;
	n = kernel_write(compact_memory, "1\n", 2, &position);
	return n < 0 ? n : 0;
}

/* No compaction is deferred: the counters of failed compactions are set as the caller asks. */
static long compact_for(int order, char priority, gfp_t gfp, bool restarting)
{
	struct zone *zone = the_zone();
	struct alloc_context context = {
		.zonelist = node_zonelist(0, gfp),
		.highest_zoneidx = gfp_zone(gfp),
		.migratetype = gfp_migratetype(gfp),
	};
	unsigned int flags = ALLOC_WMARK_MIN | (gfp & __GFP_MOVABLE ? ALLOC_CMA : 0);
	enum compact_priority prio = priority == 'a' ? COMPACT_PRIO_ASYNC :
				     priority == 'l' ? COMPACT_PRIO_SYNC_LIGHT : COMPACT_PRIO_SYNC_FULL;
	enum compact_result result;
	struct page *captured = NULL;
	unsigned int saved;

	zone->compact_order_failed = 0;
	zone->compact_defer_shift = restarting ? 6 : 0;
	zone->compact_considered = restarting ? 64 : 0;
	/* As the page allocator passes them on. */
	gfp = current_gfp_context(gfp);
	saved = memalloc_noreclaim_save();
	result = try_to_compact_pages(gfp, order, flags, &context, prio, &captured);
	memalloc_noreclaim_restore(saved);
	if (captured)
		__free_pages(captured, order);
	if (result == COMPACT_SUCCESS)
		return 0;
	return result == COMPACT_CONTENDED ? -EAGAIN : -ENOMEM;
}

/* compact, or compact ORDER async|light|full m|u|r 0|1 */
static bool op_compact(const struct words *op)
{
	long order, restarting, result;
	gfp_t gfp;

	if (op->n == 1) {
		compacting = true;
		result = compact_all();
		compacting = false;
		say("compact %ld\n", result);
		return true;
	}
	if (op->n != 5 || !number(op, 1, &order) || !number(op, 4, &restarting) || order < 1 || order > HIGHEST_ORDER)
		return false;
	gfp = op->w[3][0] == 'm' ? GFP_HIGHUSER_MOVABLE :
	      op->w[3][0] == 'r' ? GFP_KERNEL | __GFP_RECLAIMABLE : GFP_KERNEL;
	compacting = true;
	result = compact_for(order, op->w[2][0], gfp, restarting);
	compacting = false;
	say("compact %ld\n", result);
	return true;
}

/* ---- pressure, isolation, the rest ---- */

static LIST_HEAD(eaten_pages);

static bool op_eat(const struct words *op)
{
	long left;

	if (!number(op, 1, &left) || left < 0)
		return false;
	while (zone_page_state(the_zone(), NR_FREE_PAGES) > left) {
		struct page *page = alloc_page(GFP_NOWAIT | __GFP_MEMALLOC | __GFP_NOWARN);

		if (!page)
			break;
		list_add(&page->lru, &eaten_pages);
		eaten++;
	}
	say("eat eaten=%lu\n", eaten);
	return true;
}

static void spit(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &eaten_pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	eaten = 0;
}

static bool op_spit(const struct words *op)
{
	spit();
	return true;
}

static bool op_isolate(const struct words *op)
{
	bool undo = op->w[0][0] == 'u';
	unsigned long pfn;
	struct area *area;
	int error = 0;
	long n;

	if (!page_word(op, 1, &area, &pfn) || !number(op, 3, &n) || n < 1)
		return false;
	if (undo)
		undo_isolate_page_range(pfn, pfn + n, MIGRATE_CMA);
	else
		error = isolate_area_pages(pfn, n);
	say("%s %s%+ld %d\n", op->w[0], area->name, (long)(pfn - area->cma->base_pfn), error);
	return true;
}

/* ---- speed ---- */

/*
 * Turns of a fixed mix of allocations and releases, for measuring: in each, one of sixteen places is emptied if it is
 * full, else filled with an allocation of a size that a linear congruential generator chooses. ../mix_bench.cc does the
 * same with the model; a place that could not be filled stays empty.
 */
#define MIX_PLACES 16

static u32 mix_next(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state;
}

/* mix area turns largest align: contiguous ranges of 1 to `largest` pages. */
static bool op_mix(const struct words *op)
{
	struct area *area = op->n > 4 ? find_area(op->w[1]) : NULL;
	struct page *pages[MIX_PLACES] = { NULL };
	unsigned int counts[MIX_PLACES] = { 0 };
	long turns, largest, align, i, failed = 0;
	long long began;
	u32 state = 1;

	if (!area || !number(op, 2, &turns) || !number(op, 3, &largest) || !number(op, 4, &align) || largest < 1)
		return false;
	began = os_nsecs();
	for (i = 0; i < turns; i++) {
		unsigned int place = mix_next(&state) >> 28;

		if (pages[place]) {
			cma_release(area->cma, pages[place], counts[place]);
			pages[place] = NULL;
			continue;
		}
		counts[place] = 1 + (state >> 8 & 0xffff) % largest;
		pages[place] = cma_alloc(area->cma, counts[place], align, true);
		failed += !pages[place];
	}
	began = os_nsecs() - began;
	for (i = 0; i < MIX_PLACES; i++)
		if (pages[i])
			cma_release(area->cma, pages[i], counts[i]);
	say("mix turns=%ld failed=%ld ns=%lld\n", turns, failed, began);
	return true;
}

/* mixp turns orders: movable blocks of orders below `orders`. */
static bool op_mixp(const struct words *op)
{
	struct page *pages[MIX_PLACES] = { NULL };
	unsigned int order[MIX_PLACES] = { 0 };
	long turns, orders, i, failed = 0;
	long long began;
	u32 state = 1;

	if (!number(op, 1, &turns) || !number(op, 2, &orders) || orders < 1 || orders > HIGHEST_ORDER + 1)
		return false;
	began = os_nsecs();
	for (i = 0; i < turns; i++) {
		unsigned int place = mix_next(&state) >> 28;

		if (pages[place]) {
			__free_pages(pages[place], order[place]);
			pages[place] = NULL;
			continue;
		}
		order[place] = (state >> 8 & 0xffff) % orders;
		pages[place] = alloc_pages(GFP_HIGHUSER_MOVABLE, order[place]);
		failed += !pages[place];
	}
	began = os_nsecs() - began;
	for (i = 0; i < MIX_PLACES; i++)
		if (pages[i])
			__free_pages(pages[i], order[i]);
	say("mixp turns=%ld failed=%ld ns=%lld\n", turns, failed, began);
	return true;
}

/* For tests of what happens when a kernel dies or hangs. */
static bool op_panic(const struct words *op)
{
	panic("asked for");
	return true;
}

static bool op_hang(const struct words *op)
{
	flush_out();
	for (;;)
		cpu_relax();
	return true;
}

static bool op_reset(const struct words *op)
{
	unsigned long id;

	for (id = 0; id < MAX_HANDLES; id++) {
		if (handles[id].kind != FREE_HANDLE)
			free_handle(id);
		if (handles[id].kind == PINNED_REMAINS)
			drop_pins(&handles[id]);
	}
	spit();
	return true;
}

static bool op_switch(const struct words *op)
{
	static const struct { const char *name; bool *value; } switches[] = {
		{ "log", &log_on }, { "warn", &warn_on }, { "rate", &rate_limited }, { "autodrain", &auto_drain },
		{ "sync", &sync_marks }, { "quiet", &quiet }, { "lazy", &lazy_lru },
	};
	long value;
	int i;

	if (!number(op, 1, &value) || value < 0 || value > 3)
		return false;
	if (!strcmp(op->w[0], "ev")) {
		ev_level = value;
		if (value)
			hook_events();
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(switches); i++)
		if (!strcmp(op->w[0], switches[i].name) && value <= 1)
			*switches[i].value = value;
	set_log_level();
	return true;
}

static const struct {
	const char *name;
	bool (*perform)(const struct words *op);
} table[] = {
	{ "ca", op_ca }, { "cr", op_cr }, { "crx", op_crx }, { "range", op_range },
	{ "mvat", op_take }, { "smat", op_take }, { "umat", op_take }, { "anat", op_take },
	{ "mv", op_take }, { "sm", op_take }, { "um", op_take }, { "an", op_take },
	{ "mf", op_mf }, { "mp", op_refuse }, { "mpe", op_refuse },
	{ "pin", op_pin }, { "unpin", op_unpin }, { "anpin", op_pin }, { "anunpin", op_unpin },
	{ "gp", op_page_ref }, { "pp", op_page_ref }, { "hold", op_hold }, { "drop", op_drop },
	{ "longterm", op_longterm },
	{ "pa", op_pa }, { "pag", op_pag }, { "scope", op_scope }, { "pf", op_pf }, { "loc", op_loc }, { "anloc", op_loc }, { "locs", op_locs },
	{ "drain", op_drain }, { "drainp", op_drain }, { "drainl", op_drain }, { "draint", op_drain },
	{ "spawn", op_spawn }, { "mmap", op_mmap }, { "mmapat", op_mmap }, { "mapshared", op_mapshared },
	{ "write", op_write }, { "unmap", op_unmap },
	{ "mlock", op_mlock }, { "fork", op_fork }, { "exit", op_exit }, { "stack", op_stack }, { "plocs", op_plocs },
	{ "prepare", op_prepare }, { "keep", op_keep }, { "arena", op_arena }, { "compact", op_compact },
	{ "file", op_file }, { "fread", op_fread }, { "fdirty", op_file_pages }, { "fwriteback", op_file_pages },
	{ "fhold", op_file_pages }, { "fjournal", op_file_pages }, { "fput", op_fput }, { "fcommit", op_fcommit },
	{ "ftruncate", op_file_all }, { "fdrop", op_file_all }, { "fdone", op_fdone },
	{ "accessed", op_lru_move }, { "deactivate", op_lru_move }, { "deactfile", op_lru_move }, { "lruoff", op_lru_off },
	{ "lazyfree", op_lazyfree }, { "lrus", op_lrus }, { "reclaim", op_reclaim }, { "kswapd", op_kswapd },
	{ "mix", op_mix }, { "mixp", op_mixp }, { "dump", op_dump },
	{ "cmaf", op_cmaf }, { "zone", op_zone }, { "pcp", op_pcp }, { "calm", op_calm }, { "lru", op_lru },
	{ "unev", op_unev }, { "vm", op_vm },
	{ "areas", op_areas }, { "stat", op_stat }, { "sysfs", op_sysfs },
	{ "dbg", op_dbg }, { "dbgalloc", op_dbg_write }, { "dbgfree", op_dbg_write },
	{ "buddyinfo", op_proc }, { "pagetypeinfo", op_proc },
	{ "eat", op_eat }, { "spit", op_spit }, { "isolate", op_isolate }, { "undo", op_isolate },
	{ "reset", op_reset }, { "panic", op_panic }, { "hang", op_hang },
	{ "ev", op_switch }, { "log", op_switch }, { "warn", op_switch }, { "rate", op_switch },
	{ "autodrain", op_switch }, { "sync", op_switch }, { "quiet", op_switch }, { "lazy", op_switch },
};

static bool perform(const struct words *op)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, op->w[0]))
			return table[i].perform(op);
	return false;
}

static void serve_line(char *line)
{
	struct words op = { 0 };
	char *word;

	while (op.n < MAX_WORDS && (word = strsep(&line, " \t\r")))
		if (*word)
			op.w[op.n++] = word;
	if (!op.n || op.w[0][0] == '#')
		return;
	operations++;
	in_operation = true;
	splat = PLAIN;
	if (!perform(&op))
		say("? bad: %s\n", op.w[0]);
	in_operation = false;
	if (auto_drain)
		drain();
	if (sync_marks) {
		bool was_quiet = quiet;

		quiet = false;
		say(".\n");
		quiet = was_quiet;
	}
}

/* Writes answers when the input is exhausted: one write a line in lock step, few for a whole script. */
static void __init serve(void)
{
	static char in[IN_BYTES + 1];
	int used = 0;

	for (;;) {
		char *line = in, *end;
		int n;

		flush_out();
		n = os_read_file(in_fd, in + used, IN_BYTES - used);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			break;
		used += n;
		in[used] = 0;
		while ((end = strchr(line, '\n'))) {
			*end = 0;
			serve_line(line);
			line = end + 1;
		}
		used -= line - in;
		memmove(in, line, used);
		if (used == IN_BYTES)
			used = 0;
	}
	if (used) {
		in[used] = 0;
		serve_line(in);
	}
	flush_out();
}

static int __init judge(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	if (prepare_shmem())
		panic("judge: no shmem file");
	set_log_level();
	drain();
	note_counters();
	serving = true;
	serve();
	serving = false;
	kernel_power_off();
	return 0;
}
late_initcall_sync(judge);
