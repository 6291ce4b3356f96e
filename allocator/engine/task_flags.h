// The flags that an actor's task has in the kernel. The engine keeps them by actor, over any number of operations, and
// clears them in reset() only; it reads none of them.
#pragma once

namespace cma {

struct TaskFlags {
  // A fatal signal is pending. Loops that look for one end early, most of them with -EINTR; the actor may begin further
  // operations, which see it too. A plain call sees the flag of the actor that is current, as an operation does.
  bool fatal_signal = false;
  // The task may not allocate from areas: PF_MEMALLOC_PIN, before 5.13 PF_MEMALLOC_NOCMA. A long-term pin sets it for
  // as long as it moves pages.
  bool memalloc_pin = false;
};

}  // namespace cma
