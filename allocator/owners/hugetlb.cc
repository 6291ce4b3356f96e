#include "allocator/owners/hugetlb.h"

#include "allocator/base/error.h"

namespace cma {
namespace {

// htlb_alloc_mask of a size that can migrate, with the flags that alloc_buddy_huge_page adds.
constexpr Gfp kGfpHugetlb = kGfpHighuserMovable | kGfpComp | kGfpNowarn | kGfpRetryMayfail;

}  // namespace

HugetlbPool::HugetlbPool(const Core& core, Buddy& buddy, PageAllocator& page_allocator)
    : release_(core.geometry.release),
      order_(core.geometry.huge_page_order()),
      core_(core),
      buddy_(buddy),
      page_allocator_(page_allocator) {}

// Allocates a page for the pool, with one reference.
Task<Pfn> HugetlbPool::fresh() {
  const Pfn head = co_await page_allocator_.alloc_pages(kGfpHugetlb, order_);
  if (head != kNoPfn) core_.map.edit(head).flags |= kPageHugetlb;
  co_return head;
}

void HugetlbPool::enqueue(Pfn head) {
  Page& page = core_.map.edit(head);
  page.ref = 0;
  page.flags = kPageHead | kPageHugetlb;
  page.owner = 0;
  page.token = 0;
  free_.push_front(core_.map, core_.map.frame(head));
  ++free_count_;
}

Pfn HugetlbPool::dequeue() {
  if (free_.empty()) return kNoPfn;
  const Pfn head = core_.map.pfn(free_.pop_front(core_.map));
  --free_count_;
  core_.map.edit(head).ref = 1;
  return head;
}

Task<bool> HugetlbPool::grow(Pfn head) {
  if (head == kNoPfn) head = co_await fresh();
  if (head == kNoPfn) co_return false;
  co_await at(core_.engine, Point::hugetlb_allocated);
  core_.map.edit(head).flags |= kPageHugetlb;
  // Another actor may have found it by its number; that actor's reference brings it into the pool then.
  if (--core_.map.edit(head).ref == 0) enqueue(head);
  co_return true;
}

// Takes a page whose last reference is gone back into the pool (free_huge_page); a page that was lent for a migration
// goes to the buddy allocator.
Task<void> HugetlbPool::free_huge_page(Pfn head) {
  CMA_ASSERT(core_.map.page(head).ref == 0 && core_.map.page(head).map == 0);
  if (core_.map.page(head).has(kPageHugetlbTemporary))
    co_await give_to_buddy(head);
  else
    enqueue(head);
}

Task<void> HugetlbPool::give_to_buddy(Pfn head) {
  Page& page = core_.map.edit(head);
  page.flags = kPageHead;
  page.owner = 0;
  page.ref = 0;
  co_await buddy_.free_unreferenced(head, order_);
}

// --- HugetlbPages ---

// Appends the page to the list (isolate_hugetlb).
bool HugetlbPool::isolate(Pfn head, PageList& list) {
  Page& page = core_.map.edit(head);
  if (!page.has(kPageHugetlb) || page.has(kPageTaskList) || page.ref == 0 || page.owner == 0) return false;
  ++page.ref;
  page.flags |= kPageTaskList;
  list.push_back(core_.map, core_.map.frame(head));
  return true;
}

Task<int> HugetlbPool::isolate_or_dissolve(Pfn head, PageList& list) {
  CMA_ASSERT(release_ >= Release::v5_13);
  const bool is_free = core_.map.page(head).ref == 0;
  if (is_free && core_.bugs.fires(Bug::hugetlb_stays)) co_return -kEBUSY;
  if (is_free) co_return co_await alloc_and_dissolve(head, list);
  co_return isolate(head, list) ? 0 : -kEBUSY;
}

// Gives the pool another page before this one goes to the buddy allocator (alloc_and_dissolve_huge_page).
Task<int> HugetlbPool::alloc_and_dissolve(Pfn head, PageList& list) {
  const Pfn other = co_await fresh();
  if (other == kNoPfn) co_return -kENOMEM;
  co_await at(core_.engine, Point::hugetlb_allocated);
  const bool still_free = core_.map.page(head).has(kPageHugetlb) && core_.map.page(head).ref == 0;
  if (!still_free) {
    int error = 0;
    if (core_.map.page(head).has(kPageHugetlb)) error = isolate(head, list) ? 0 : -kEBUSY;
    if (--core_.map.edit(other).ref == 0) co_await give_to_buddy(other);
    co_return error;
  }
  free_.remove(core_.map, core_.map.frame(head));
  --free_count_;
  if (--core_.map.edit(other).ref == 0) enqueue(other);
  co_await give_to_buddy(head);
  co_return 0;
}

// Returns a free page of the pool, or one that is lent until the page that moves is free (alloc_huge_page_nodemask).
Task<Pfn> HugetlbPool::target() {
  Pfn head = dequeue();
  if (head == kNoPfn) {
    head = co_await fresh();
    if (head != kNoPfn) core_.map.edit(head).flags |= kPageHugetlbTemporary;
  }
  if (head != kNoPfn) co_await at(core_.engine, Point::migrate_target);
  co_return head;
}

// Makes the page that the data left the one that was lent (move_hugetlb_state).
void HugetlbPool::moved(Pfn old, Pfn target) {
  Page& to = core_.map.edit(target);
  if (!to.has(kPageHugetlbTemporary)) return;
  to.flags &= ~kPageHugetlbTemporary;
  if (core_.bugs.fires(Bug::lent_page_stays)) return;
  core_.map.edit(old).flags |= kPageHugetlbTemporary;
}

}  // namespace cma
