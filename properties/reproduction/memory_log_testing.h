// For tests: a log with a memory report from which a machine can be made.
#pragma once

namespace cma::reproduction {

// 64 MiB, of which half a MiB is free in pages and blocks of two pages.
inline constexpr const char* kMemoryInPieces =
    "a: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO), nodemask=(null)\n"
    "Normal free:4096kB boost:0kB min:1024kB low:1280kB high:1536kB reserved_highatomic:0KB present:65536kB "
    "managed:61440kB free_cma:0kB\n"
    "lowmem_reserve[]: 0 0\n"
    "Normal: 512*4kB (UM) 256*8kB (UM) 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = "
    "4096kB\n";

}  // namespace cma::reproduction
