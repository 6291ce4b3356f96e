#include "allocator/engine/task.h"

#include <array>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define CMA_POOL_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CMA_POOL_FRAMES 0
#endif
#endif
#ifndef CMA_POOL_FRAMES
#define CMA_POOL_FRAMES 1
#endif

namespace cma {

#if CMA_POOL_FRAMES
namespace {

constexpr std::size_t kClassBytes = 64;
// Frames of modelled functions measure 100 to 700 bytes; larger ones go to the heap.
constexpr std::size_t kClasses = 32;

struct FreeFrame {
  FreeFrame* next;
};

struct Pool {
  std::array<FreeFrame*, kClasses> free{};
  ~Pool() {
    for (FreeFrame* frame : free) {
      while (frame != nullptr) {
        FreeFrame* next = frame->next;
        ::operator delete(frame);
        frame = next;
      }
    }
  }
};

thread_local Pool pool;

constexpr std::size_t class_of(std::size_t size) { return (size + kClassBytes - 1) / kClassBytes; }

}  // namespace

void* PromiseBase::operator new(std::size_t size) {
  const std::size_t cls = class_of(size);
  if (cls >= kClasses) return ::operator new(size);
  FreeFrame*& head = pool.free[cls];
  if (head == nullptr) return ::operator new(cls * kClassBytes);
  FreeFrame* frame = head;
  head = frame->next;
  return frame;
}

void PromiseBase::operator delete(void* memory, std::size_t size) noexcept {
  const std::size_t cls = class_of(size);
  if (cls >= kClasses) return ::operator delete(memory);
  auto* frame = static_cast<FreeFrame*>(memory);
  frame->next = pool.free[cls];
  pool.free[cls] = frame;
}
#else
void* PromiseBase::operator new(std::size_t size) { return ::operator new(size); }
void PromiseBase::operator delete(void* memory, std::size_t) noexcept { ::operator delete(memory); }
#endif

}  // namespace cma
