#include "allocator/lru/listed_pages.h"

#include "allocator/lru/pagevecs.h"
#include "allocator/lru/references.h"

namespace cma {

ListedPages::ListedPages(const Core& core, References& references, Pagevecs& pagevecs, LruLists& lists)
    : release_(core.geometry.release), core_(core), references_(references), pagevecs_(pagevecs), lists_(lists) {}

bool ListedPages::isolate(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageLru) || core_.map.page(pfn).ref == 0) return false;
  lists_.remove(pfn);
  Page& page = core_.map.edit(pfn);
  ++page.ref;
  page.flags |= kPageTaskList;
  lists_.count_isolated(pfn);
  return true;
}

void ListedPages::undo_lazyfree(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.has(kPageTaskList) && !page.has(kPageSwapbacked));
  lists_.uncount_isolated(pfn);
  page.flags |= kPageSwapbacked;
  lists_.count_isolated(pfn);
}

Task<void> ListedPages::putback(Pfn pfn) {
  let_go(pfn);
  Page& page = core_.map.edit(pfn);
  if (release_ < Release::v4_16 && page.has(kPageMlocked)) {
    page.flags = (page.flags | kPageUnevictable) & ~kPageActive;
    lists_.add(pfn);
  } else {
    co_await pagevecs_.cache_add(pfn);
  }
  co_await references_.put_page(pfn);
}

bool ListedPages::put_on_list(Pfn pfn) {
  let_go(pfn);
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(!page.has(kPageMlocked));
  if (--page.ref > 0) {
    lists_.add(pfn);
    return true;
  }
  page.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced);
  page.flags |= kPageInFlight;
  return false;
}

void ListedPages::let_go(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.has(kPageTaskList));
  lists_.uncount_isolated(pfn);
  page.flags &= ~kPageTaskList;
}

void ListedPages::split_tail(Pfn tail, Pfn head) {
  // Up to 4.6 the head may wait in a pagevec; its tails do not.
  if (core_.map.page(head).has(kPageLru))
    lists_.insert_before(tail, head);
  else
    lists_.add(tail);
}

}  // namespace cma
