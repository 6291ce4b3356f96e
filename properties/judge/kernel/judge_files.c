// SPDX-License-Identifier: GPL-2.0
/*
 * Files of the judge driver's own: page cache and buffers of inodes that lie on no disk, reads and writes that end at
 * once or when they are told to, and reclaim of all that. A part of judge_driver.c, which includes it: the language of
 * both is one. README.md next to this file has it.
 *
 * The pages, buffers and LRU lists are the kernel's, and so is all that reclaims, moves, drops and truncates them. Only
 * what a disk and a journal would do is done here, in the order in which the kernel's own completions do it.
 */

#define MAX_FILES 16
#define MAX_FILE_PAGES 4096
#define MAX_BUFFERS 16384
#define MAX_WARM_BUFFERS 4096
#define MAX_WARM_NODES 1024
#define JUDGE_FS_MAGIC 0x6a756467

static struct judge_file {
	struct inode *inode;
	bool open, slow;
	/* How often a page was put at an index: one that was dropped and read again is another page. */
	unsigned short generation[MAX_FILE_PAGES];
} files[MAX_FILES + 1];

/* The buffers in the order in which they were made: that is their number, from 1 on. */
static struct buffer_head *buffer_of_id[MAX_BUFFERS + 1];
static unsigned long nr_buffers;

/* Buffers on which the running transaction of their file has a count, in the order in which they came. */
static struct { struct buffer_head *buffer; struct judge_file *file; } journal[MAX_BUFFERS];
static unsigned long journal_used;

/* I/O of slow files that has not ended, oldest first. */
static struct judge_io { struct folio *folio; bool write; } pending_io[MAX_BUFFERS];
static unsigned long pending_from, pending_to;

static struct judge_file *file_of_mapping(const struct address_space *mapping)
{
	long i;

	for (i = 1; i <= MAX_FILES; i++)
		if (files[i].inode && files[i].inode->i_mapping == mapping)
			return &files[i];
	return NULL;
}

/* ---- I/O ---- */

/* Does what the end of a read or write does: first the buffer, then the page (end_buffer_async_write, mpage_end_io). */
static void finish_io(struct judge_io io)
{
	struct buffer_head *buffer = folio_buffers(io.folio);

	if (io.write) {
		unlock_buffer(buffer);
		folio_end_writeback(io.folio);
	} else {
		folio_mark_uptodate(io.folio);
		folio_unlock(io.folio);
	}
}

static void submit_io(struct judge_file *file, struct folio *folio, bool write)
{
	struct judge_io io = { .folio = folio, .write = write };

	if (file->slow)
		pending_io[pending_to++ % MAX_BUFFERS] = io;
	else
		finish_io(io);
}

/* ---- what the address space asks of its file ---- */

/* Gives the page a buffer, if it has none. */
static struct buffer_head *buffer_of(struct folio *folio)
{
	if (!folio_buffers(folio)) {
		create_buffers(folio, BIT(BH_Uptodate) | BIT(BH_Mapped));
		if (nr_buffers < MAX_BUFFERS)
			buffer_of_id[++nr_buffers] = folio_buffers(folio);
	}
	return folio_buffers(folio);
}

/* Does what block_dirty_folio does, but leaves the inode off the flushers' lists: programs write pages back. */
static bool dirty_judge_folio(struct address_space *mapping, struct folio *folio)
{
	if (folio_buffers(folio))
		set_buffer_dirty(folio_buffers(folio));
	if (folio_test_set_dirty(folio))
		return false;
	__folio_mark_dirty(folio, mapping, 1);
	return true;
}

/* Does what block_write_full_folio does with a page of one buffer, which does not wait for the buffer's lock. */
static void write_locked_folio(struct address_space *mapping, struct folio *folio)
{
	struct buffer_head *buffer = buffer_of(folio);

	if (!trylock_buffer(buffer)) {
		dirty_judge_folio(mapping, folio);
		folio_unlock(folio);
		return;
	}
	if (!test_clear_buffer_dirty(buffer)) {
		unlock_buffer(buffer);
		folio_start_writeback(folio);
		folio_unlock(folio);
		folio_end_writeback(folio);
		return;
	}
	folio_start_writeback(folio);
	folio_unlock(folio);
	submit_io(file_of_mapping(mapping), folio, true);
}

/* ---- getting ready ---- */

static int init_judge_fs(struct fs_context *context)
{
	return init_pseudo(context, JUDGE_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type judge_fs = {
	.name = "judge", .init_fs_context = init_judge_fs, .kill_sb = kill_anon_super,
};

/* Leaves as many free objects of the page cache's trees, and of buffers, in their slabs. */
static bool warm_cache(long nodes, long buffers)
{
	static void *warm[MAX_WARM_BUFFERS];
	DEFINE_XARRAY(tree);
	long i;
	bool all = true;

	/* A node of the tree for each entry that is so far away from the last. */
	for (i = 0; i < nodes && all; i++)
		all = !xa_is_err(xa_store(&tree, i << XA_CHUNK_SHIFT, xa_mk_value(1), GFP_KERNEL));
	xa_destroy(&tree);
	for (i = 0; i < buffers && all; i++) {
		warm[i] = alloc_buffer_head(GFP_KERNEL);
		all = warm[i];
	}
	while (i-- > 0)
		if (warm[i])
			free_buffer_head(warm[i]);
	return all;
}

/* Sets vm.watermark_boost_factor to 0: whether a request falls back to another type's blocks depends on the kernel's own
 * memory, and the pages that kswapd frees because of that would not be known.
 */
static bool boost_no_watermark(void)
{
	struct file *factor = open_in("proc", "sys/vm/watermark_boost_factor", O_WRONLY);
	loff_t position = 0;

	if (IS_ERR(factor) || kernel_write(factor, "0\n", 2, &position) != 2)
		return false;
	the_zone()->watermark_boost = 0;
	clear_bit(ZONE_BOOSTED_WATERMARK, &the_zone()->flags);
	return true;
}

/* prepare reading NODES BUFFERS: files can be opened; trees and buffers have so many objects without an allocation. */
static bool prepare_reading(const struct words *op)
{
	struct vfsmount *mount;
	long nodes, buffers, i;

	if (!number(op, 2, &nodes) || !number(op, 3, &buffers) || nodes < 0 || nodes > MAX_WARM_NODES || buffers < 0 ||
	    buffers > MAX_WARM_BUFFERS || files[1].inode)
		return false;
	keep_empty_slabs();
	mount = kern_mount(&judge_fs);
	/* With a device behind it, so that dirty pages and writeback are counted. */
	if (IS_ERR(mount) || super_setup_bdi(mount->mnt_sb) || !boost_no_watermark())
		return false;
	for (i = 1; i <= MAX_FILES; i++) {
		files[i].inode = new_inode(mount->mnt_sb);
		if (!files[i].inode)
			return false;
		files[i].inode->i_mode = S_IFREG;
		files[i].inode->i_ino = i;
		files[i].inode->i_size = (loff_t)MAX_FILE_PAGES * PAGE_SIZE;
	}
	return warm_cache(nodes, buffers);
}

/* ---- pages of files, by handle ---- */

/* Takes no reference. */
static struct page *page_of_file(const struct handle *h)
{
	struct page *page;

	if (files[h->file].generation[h->index] != h->generation)
		return NULL;
	page = find_get_page(files[h->file].inode->i_mapping, h->index);
	if (page)
		put_page(page);
	return page;
}

/* Truncates one page. */
static void free_file_page(unsigned long id)
{
	struct page *page = page_of_file(&handles[id]);
	struct folio *folio;

	if (!page)
		return;
	folio = page_folio(page);
	if (folio_mapped(folio))
		unmap_mapping_pages(folio->mapping, folio->index, 1, false);
	folio_get(folio);
	folio_lock(folio);
	folio_wait_writeback(folio);
	truncate_inode_folio(folio->mapping, folio);
	folio_unlock(folio);
	folio_put(folio);
}

/* Forgets that a page was here before: what a reader makes of that (a refault) is not modelled. */
static void forget_shadow(struct address_space *mapping, pgoff_t index)
{
	XA_STATE(xas, &mapping->i_pages, index);

	xas_lock_irq(&xas);
	/* As clear_shadow_entry does: a node that becomes empty is on a list of nodes with nothing but shadows. */
	mapping_set_update(&xas, mapping);
	if (xa_is_value(xas_load(&xas)))
		xas_store(&xas, NULL);
	xas_unlock_irq(&xas);
}

/* Adds a page to the cache, on that frame or where the allocator puts it, and begins to read it. Returns it with a
 * reference, locked if the file is slow.
 */
static struct page *read_new_page(struct judge_file *file, pgoff_t index, struct page *page)
{
	struct address_space *mapping = file->inode->i_mapping;
	gfp_t gfp = mapping_gfp_mask(mapping);

	if (!page)
		page = alloc_page(gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!page)
		return NULL;
	forget_shadow(mapping, index);
	if (filemap_add_folio(mapping, page_folio(page), index, gfp)) {
		put_page(page);
		return NULL;
	}
	file->generation[index]++;
	submit_io(file, page_folio(page), false);
	return page;
}

/* Reads a page unless it is cached, as a reader does or, `ahead`, as readahead. Returns 0 or an error. */
static int read_file_page(struct judge_file *file, pgoff_t index, unsigned long pfn, bool ahead)
{
	struct page *page = find_get_page(file->inode->i_mapping, index);
	int error = 0;

	if (!page && pfn)
		error = alloc_contig_range(pfn, pfn + 1, get_pageblock_migratetype(pfn_to_page(pfn)), GFP_KERNEL);
	if (error)
		return error;
	if (!page)
		page = read_new_page(file, index, pfn ? pfn_to_page(pfn) : NULL);
	if (!page)
		return -ENOMEM;
	if (!ahead) {
		if (!PageUptodate(page))
			wait_on_page_locked(page);
		folio_mark_accessed(page_folio(page));
	}
	put_page(page);
	return 0;
}

static struct judge_file *file_word(const struct words *op, int i, bool open)
{
	long id;

	if (!number(op, i, &id) || id < 1 || id > MAX_FILES || !files[id].inode || files[id].open != open)
		return NULL;
	return &files[id];
}

/* ---- operations ---- */

/* file F ordered|journalled fast|slow */
static bool op_file(const struct words *op)
{
	struct judge_file *file = file_word(op, 1, false);

	if (!file || op->n < 4)
		return false;
	file->open = true;
	file->slow = op->w[3][0] == 's';
	file->inode->i_mapping->a_ops = op->w[2][0] == 'o' ? &ordered_operations : &journalled_operations;
	return true;
}

/* fread H F FROM N wait|ahead [AREA OFF]: handles from H on name pages FROM to FROM+N-1 of a file. */
static bool op_fread(const struct words *op)
{
	struct judge_file *file = file_word(op, 2, true);
	unsigned long id, pfn = 0;
	struct area *area;
	long from, n, i;
	bool ahead;

	if (!file || !unused_handle(op, &id) || !number(op, 3, &from) || !number(op, 4, &n) || op->n < 6 || from < 0 ||
	    n < 1 || from + n > MAX_FILE_PAGES || id + n > MAX_HANDLES)
		return false;
	ahead = op->w[5][0] == 'a';
	if (op->n > 6 && (!page_word(op, 6, &area, &pfn) || pfn + n > area->cma->base_pfn + area->cma->count))
		return false;
	owned_handles_end = max(owned_handles_end, id + n);
	for (i = 0; i < n; i++) {
		int error = read_file_page(file, from + i, pfn ? pfn + i : 0, ahead);

		say("fread %lu %d\n", id + i, error);
		if (error)
			break;
		handles[id + i] = (struct handle){ .kind = FILE_PAGE, .file = file - files, .index = from + i,
						   .generation = file->generation[from + i] };
	}
	return true;
}

/* Each of these is done to a page on which the caller has a reference. */
static void write_to(struct judge_file *file, struct folio *folio)
{
	folio_lock(folio);
	buffer_of(folio);
	dirty_judge_folio(folio->mapping, folio);
	folio_unlock(folio);
	folio_mark_accessed(folio);
}

static void write_back(struct judge_file *file, struct folio *folio)
{
	folio_lock(folio);
	if (folio_test_dirty(folio) && !folio_test_writeback(folio) && folio_clear_dirty_for_io(folio))
		write_locked_folio(folio->mapping, folio);
	else
		folio_unlock(folio);
}

static void hold_buffer(struct judge_file *file, struct folio *folio)
{
	get_bh(buffer_of(folio));
}

static void add_to_journal(struct judge_file *file, struct folio *folio)
{
	struct buffer_head *buffer;
	unsigned long i;

	if (journal_used == MAX_BUFFERS || file->inode->i_mapping->a_ops != &journalled_operations)
		return;
	/* A file system reads a page before it changes part of it; the kernel warns of one that is dirty and was not read. */
	if (!PageUptodate(&folio->page))
		return;
	buffer = buffer_of(folio);
	for (i = 0; i < journal_used; i++)
		if (journal[i].buffer == buffer)
			return;
	get_bh(buffer);
	journal[journal_used].buffer = buffer;
	journal[journal_used++].file = file;
}

static const struct {
	const char *name;
	void (*perform)(struct judge_file *file, struct folio *folio);
} page_verbs[] = {
	{ "fdirty", write_to }, { "fwriteback", write_back }, { "fhold", hold_buffer }, { "fjournal", add_to_journal },
};

/* fdirty, fwriteback, fhold, fjournal H N: to each page that handles H to H+N-1 name and the cache still has. */
static bool op_file_pages(const struct words *op)
{
	unsigned long id;
	long i, n;
	int verb = 0;

	while (strcmp(page_verbs[verb].name, op->w[0]))
		verb++;
	if (!handle_word(op, 1, &id) || !number(op, 2, &n) || n < 1 || id + n > MAX_HANDLES)
		return false;
	for (i = id; i < id + n; i++) {
		struct page *page = handles[i].kind == FILE_PAGE ? page_of_file(&handles[i]) : NULL;
		struct folio *folio;

		if (!page)
			continue;
		folio = page_folio(page);
		folio_get(folio);
		page_verbs[verb].perform(&files[handles[i].file], folio);
		folio_put(folio);
	}
	return true;
}

/* fput B: gives a count on the buffer with this number back. */
static bool op_fput(const struct words *op)
{
	long id;

	if (!number(op, 1, &id) || id < 1 || id > nr_buffers)
		return false;
	put_bh(buffer_of_id[id]);
	return true;
}

/* fcommit F: the transaction ends; its buffers are dirty now, and its counts are given back. */
static bool op_fcommit(const struct words *op)
{
	struct judge_file *file = file_word(op, 1, true);
	unsigned long i, kept = 0;

	if (!file)
		return false;
	for (i = 0; i < journal_used; i++) {
		struct buffer_head *buffer = journal[i].buffer;
		struct folio *folio;

		if (journal[i].file != file) {
			journal[kept++] = journal[i];
			continue;
		}
		/* A page that was truncated is forgotten, not written. */
		folio = page_folio(buffer->b_page);
		if (folio->mapping)
			dirty_judge_folio(folio->mapping, folio);
		put_bh(buffer);
	}
	journal_used = kept;
	return true;
}

/* ftruncate F, fdrop F: all of a file's pages, or those that are clean and unused. */
static bool op_file_all(const struct words *op)
{
	struct judge_file *file = file_word(op, 1, true);
	pgoff_t index;

	if (!file)
		return false;
	/* Each would take the place of a page in a batch. */
	for (index = 0; index < MAX_FILE_PAGES; index++)
		forget_shadow(file->inode->i_mapping, index);
	if (op->w[0][1] == 't')
		truncate_pagecache(file->inode, 0);
	else
		invalidate_mapping_pages(file->inode->i_mapping, 0, -1);
	return true;
}

/* fdone N: ends the N oldest I/O under way. */
static bool op_fdone(const struct words *op)
{
	long n;

	if (!number(op, 1, &n) || n < 1)
		return false;
	while (n-- > 0 && pending_from < pending_to)
		finish_io(pending_io[pending_from++ % MAX_BUFFERS]);
	return true;
}

/* ---- LRU lists ---- */

/* accessed, deactivate, deactfile PLACE: to the page that is there. */
static bool op_lru_move(const struct words *op)
{
	struct page *page = place_word(op, 1);
	struct folio *folio;

	if (!page)
		return false;
	folio = page_folio(page);
	if (op->w[0][0] == 'a')
		folio_mark_accessed(folio);
	else if (op->w[0][5] == 'f')
		deactivate_file_folio(folio);
	else
		deactivate(folio);
	return true;
}

/* lruoff: does what another user of lru_cache_disable does. */
static bool op_lru_off(const struct words *op)
{
	lru_cache_disable();
	lru_cache_enable();
	return true;
}

/* lazyfree P M FROM N: MADV_FREE. */
static bool op_lazyfree(const struct words *op)
{
	struct vm_area_struct *vma;
	long from, n;

	if (!mapping_part(op, &vma, &from, &n))
		return false;
	say("lazyfree %s.%s %d\n", op->w[1], op->w[2],
	    do_madvise(vma->vm_mm, address_in(vma, from), n * PAGE_SIZE, MADV_FREE));
	return true;
}

/* A page by its place in an area or, outside, in its file; then what its flags are. */
static void say_lru_page(struct folio *folio)
{
	struct judge_file *file = folio_test_anon(folio) ? NULL : file_of_mapping(folio->mapping);

	say(" ");
	if (file)
		say("f%ld.%lu", (long)(file - files), folio->index);
	else
		say_place_or_other(&folio->page);
	if (folio_test_referenced(folio))
		say("r");
	if (!file)
		return;
	if (folio_test_dirty(folio))
		say("d");
	if (folio_test_writeback(folio))
		say("w");
	if (folio_test_reclaim(folio))
		say("R");
	if (folio_test_private(folio))
		say("b");
}

/* lrus: the lists that reclaim scans, in order, head first; what is dirty and under writeback. */
static bool op_lrus(const struct words *op)
{
	static const char *const names[] = {
		[LRU_INACTIVE_ANON] = "ia", [LRU_ACTIVE_ANON] = "aa", [LRU_INACTIVE_FILE] = "if", [LRU_ACTIVE_FILE] = "af",
	};
	struct lruvec *lruvec = &NODE_DATA(0)->__lruvec;
	struct folio *folio;
	int lru;

	say("lrus dirty=%lu writeback=%lu\n", global_node_page_state(NR_FILE_DIRTY),
	    global_node_page_state(NR_WRITEBACK));
	for (lru = 0; lru < ARRAY_SIZE(names); lru++) {
		say("lo %s", names[lru]);
		list_for_each_entry(folio, &lruvec->lists[lru], lru)
			say_lru_page(folio);
		say("\n");
	}
	say("end\n");
	return true;
}

/* ---- reclaim ---- */

static const struct { const char *name; enum vm_event_item item; } reclaim_events[] = {
	{ "scan", PGSCAN_DIRECT }, { "steal", PGSTEAL_DIRECT }, { "kscan", PGSCAN_KSWAPD }, { "ksteal", PGSTEAL_KSWAPD },
	{ "refill", PGREFILL }, { "lazyfreed", PGLAZYFREED },
};

static unsigned long events_before[NR_VM_EVENT_ITEMS], immediate_before, written_before;

static void note_reclaim_events(void)
{
	all_vm_events(events_before);
	immediate_before = global_node_page_state(NR_VMSCAN_IMMEDIATE);
	written_before = global_node_page_state(NR_VMSCAN_WRITE);
}

static void say_reclaim_events(void)
{
	static unsigned long events[NR_VM_EVENT_ITEMS];
	int i;

	all_vm_events(events);
	for (i = 0; i < ARRAY_SIZE(reclaim_events); i++)
		say(" %s=%lu", reclaim_events[i].name,
		    events[reclaim_events[i].item] - events_before[reclaim_events[i].item]);
	say(" immediate=%lu written=%lu\n", global_node_page_state(NR_VMSCAN_IMMEDIATE) - immediate_before,
	    global_node_page_state(NR_VMSCAN_WRITE) - written_before);
}

/* reclaim ORDER: try_to_free_pages as a request for a block calls it. */
static bool op_reclaim(const struct words *op)
{
	unsigned long freed;
	unsigned int saved;
	long order;

	if (!number(op, 1, &order) || order < 0 || order > HIGHEST_ORDER)
		return false;
	note_reclaim_events();
	saved = memalloc_noreclaim_save();
	freed = try_to_free_pages(node_zonelist(0, GFP_KERNEL), order, GFP_KERNEL, NULL);
	memalloc_noreclaim_restore(saved);
	say("reclaim %s", freed ? "ok" : "fail");
	say_reclaim_events();
	return true;
}

/* kswapd: wakes it for single pages, and waits until it has slept for longer than it does between two looks. */
static bool op_kswapd(const struct words *op)
{
	pg_data_t *node = NODE_DATA(0);
	unsigned long switches, ticks = 0;

	note_reclaim_events();
	WRITE_ONCE(node->kswapd_highest_zoneidx, zone_idx(the_zone()));
	wake_up_interruptible(&node->kswapd_wait);
	switches = node->kswapd->nvcsw;
	while (++ticks * 8 < HZ) {
		schedule_timeout_uninterruptible(1);
		if (node->kswapd->nvcsw != switches)
			ticks = 0;
		switches = node->kswapd->nvcsw;
	}
	say("kswapd");
	say_reclaim_events();
	return true;
}
