// Task<T>: kernel control flow that can be interrupted, as a C++20 coroutine.
//
// A modelled function that contains a place where other actors may run returns Task<T>; its callers write
// `co_await f(...)`. Awaiting a task runs it at once, on the caller's stack, up to its first real suspension. If it
// never suspends, it costs one coroutine frame from a pool and no scheduling. If it does, the whole chain of callers is
// suspended; the engine later resumes the innermost one and goes outwards as they finish.
//
// There is no symmetric transfer, because g++ 12 does not make it a tail call below -O2 or under AddressSanitizer: long
// loops over finished tasks would overflow the stack. For the same compiler, arguments of awaited calls are named
// variables or plain values: it destroys an aggregate temporary inside a co_await expression twice
// (ci/check/co_await looks for them).
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "allocator/base/assert.h"

namespace cma {

// The engine's view of a suspended coroutine: how to resume it, and which coroutine awaits it.
class PromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  std::coroutine_handle<> handle() const { return handle_; }
  PromiseBase* parent() const { return parent_; }
  void set_parent(PromiseBase* parent) { parent_ = parent; }
  void rethrow_if_failed() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  // Frames come from free lists by size, because a cma_alloc makes dozens. Under AddressSanitizer they come from the
  // heap, so that use of a dead frame is seen.
  static void* operator new(std::size_t size);
  static void operator delete(void* frame, std::size_t size) noexcept;

 protected:
  std::coroutine_handle<> handle_;

 private:
  PromiseBase* parent_ = nullptr;
  std::exception_ptr error_;
};

namespace internal {

template <class T>
class Promise : public PromiseBase {
 public:
  Promise() { handle_ = std::coroutine_handle<Promise>::from_promise(*this); }
  auto get_return_object() { return std::coroutine_handle<Promise>::from_promise(*this); }
  void return_value(T value) { value_.emplace(std::move(value)); }
  T take() {
    rethrow_if_failed();
    CMA_ASSERT(value_.has_value());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Promise() { handle_ = std::coroutine_handle<Promise>::from_promise(*this); }
  auto get_return_object() { return std::coroutine_handle<Promise>::from_promise(*this); }
  void return_void() noexcept {}
  void take() { rethrow_if_failed(); }
};

}  // namespace internal

// Owns a coroutine: destroying the Task destroys it, suspended or not.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;

  // Owns none.
  Task() = default;
  Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}  // NOLINT: made by the compiler
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() { destroy(); }

  // Returns whether it owns a coroutine.
  explicit operator bool() const { return static_cast<bool>(handle_); }
  // Returns whether it owns one that has ended, or has thrown.
  bool done() const { return handle_ && handle_.done(); }
  // Returns what the engine sees of the coroutine. Requires: it owns one.
  PromiseBase& promise() { return handle_.promise(); }
  // Returns the result of a finished task, or rethrows what it threw. Requires done(), and no take() before.
  T take() {
    CMA_ASSERT(done());
    return handle_.promise().take();
  }

  // --- awaiting ---
  bool await_ready() {
    handle_.resume();
    return handle_.done();
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P> parent) noexcept {
    handle_.promise().set_parent(&parent.promise());
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  void destroy() {
    if (handle_) handle_.destroy();
    handle_ = nullptr;
  }

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace cma
