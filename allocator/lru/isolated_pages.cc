#include "allocator/lru/isolated_pages.h"

#include "allocator/lru/pagevecs.h"
#include "allocator/lru/references.h"

namespace cma {

IsolatedPages::IsolatedPages(const Core& core, References& references, Pagevecs& pagevecs, LruLists& lists)
    : release_(core.geometry.release), core_(core), references_(references), pagevecs_(pagevecs), lists_(lists) {}

bool IsolatedPages::isolate(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageLru) || core_.map.page(pfn).ref == 0) return false;
  lists_.remove(pfn);
  Page& page = core_.map.edit(pfn);
  ++page.ref;
  page.flags |= kPageTaskList;
  lists_.count_isolated(pfn);
  return true;
}

void IsolatedPages::let_go(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.has(kPageTaskList));
  lists_.uncount_isolated(pfn);
  page.flags &= ~kPageTaskList;
}

Task<void> IsolatedPages::putback(Pfn pfn) {
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

bool IsolatedPages::put_on_list(Pfn pfn) {
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

}  // namespace cma
