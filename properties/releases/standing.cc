#include "properties/releases/standing.h"

namespace cma {
namespace {

constexpr Standing kStandings[] = {
    {Release::v3_6, "recalled", "the area and the contiguous path are checked against logs of the field",
     "vendors' kernels of 3.4 to 3.14 that took CMA over: phones and boards of 2012 to 2015"},
    {Release::v4_9, "read", "in a vendor's tree of 4.9, for the slow path, reclaim and reports too",
     "Android's 4.4 and 4.9, boards of NVIDIA and NXP of those years"},
    {Release::v4_19, "recorded", "a real 4.19.222 answered 137 scripts in two geometries: no difference",
     "Android 10 and 11 (4.14 and 4.19), Debian 10, Raspberry Pi OS of 2019"},
    {Release::v5_10, "judged", "the corpus and random programs on a real 5.10 (ci/judge): no difference",
     "Android 12 and 13 (5.10), Debian 11, boards of NVIDIA, NXP and Rockchip of those years"},
    {Release::v5_15, "read", "in a vendor's tree of 5.15.148",
     "Android 13 and 14 (5.15), Ubuntu 22.04, boards of NVIDIA, NXP, TI and MediaTek of those years"},
    {Release::v6_1, "judged", "the corpus and random programs on a real 6.1 (ci/judge): no difference",
     "Android 14 (6.1), Debian 12, Rockchip's 6.1"},
    {Release::v6_6, "read", "in trees of Android and vendors of 6.6",
     "Android 15 (6.6), openEuler 24.03, OpenWrt 24.10, boards of NXP, TI and Qualcomm of those years"},
    {Release::v6_12, "judged", "the corpus and random programs on a real 6.12 (ci/judge): no difference",
     "Android 16 (6.12), Debian 13, Raspberry Pi OS of 2025"},
};

}  // namespace

std::span<const Standing> standings() { return kStandings; }

}  // namespace cma
