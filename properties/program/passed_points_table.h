// Measured: which points each kind of operation passes; of a hundred such operations how many, how many twice, and how
// many four times (left out where it is none).
// Included by passed_points.cc alone. passed_points_slow_test.cc prints this file anew (README.md has the command).
//
// A row holds for its kind (its number in the list of op.h) and prospect since its release, up to that of the next row.
// The points of a row are in the order in which they are passed.
#pragma once

#include <array>

#include "properties/program/passed_points.h"

// Apart, as the names of points would hide others.
namespace cma::passed {

struct PassedRow {
  std::uint8_t kind;
  Prospect prospect;
  Release since;
  std::array<PassedPoint, 64> points;  // those that it has, then empty ones
};

// clang-format off: a row is a paragraph
using enum Point;
using enum Prospect;
inline constexpr auto kPassedRows = std::to_array<PassedRow>({
    // cma_alloc, 3955 runs
    {0, plain, Release::v3_5, {{
        {cma_alloc_entry, 100}, {cma_mutex_taken, 100}, {isolate_block, 100, 96, 95},
        {drain_pcp_begin, 100, 99, 95}, {drain_pcp_cpu, 21, 1}, {isolate_done, 100, 2, 1},
        {drain_lru_begin, 100, 91, 2}, {scan_batch, 82, 21, 5}, {drain_lru_cpu, 12, 1}, {scan_block, 92, 2, 1},
        {contig_migrated, 92, 2, 1}, {contig_outer_start, 92, 2, 1}, {contig_tested, 92},
        {capture_batch, 80, 19, 3}, {contig_captured, 91}, {free_page_prepared, 80, 73, 71},
        {undo_block, 100, 96, 95}, {undo_taken, 74, 48, 1}, {free_block_typed, 74, 49, 1},
        {cma_mutex_dropped, 100},
    }}},
    // cma_alloc, 7878 runs
    {0, plain, Release::v4_9, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 2, 1}, {cma_mutex_taken, 100, 2, 1},
        {isolate_block, 100, 96, 95}, {drain_pcp_begin, 100, 99, 95}, {isolate_done, 100, 2, 1},
        {drain_pcp_cpu, 20, 1}, {drain_lru_begin, 100, 92, 2}, {scan_batch, 82, 28, 11}, {drain_lru_cpu, 11, 1},
        {scan_block, 93, 44, 26}, {contig_migrated, 93, 2, 1}, {contig_outer_start, 93, 2, 1},
        {cma_bitmap_cleared, 11, 1, 1}, {contig_tested, 92}, {capture_batch, 81, 19, 3}, {contig_captured, 92},
        {free_page_prepared, 80, 73, 71}, {undo_block, 100, 96, 95}, {undo_taken, 74, 49, 1},
        {cma_mutex_dropped, 100, 2, 1}, {free_block_typed, 74, 49, 1},
    }}},
    // cma_alloc, 3931 runs
    {0, plain, Release::v5_10, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 2, 1}, {cma_mutex_taken, 100, 2, 1},
        {isolate_block, 100, 96, 95}, {drain_pcp_begin, 100, 96, 95}, {drain_pcp_cpu, 20, 1},
        {isolate_done, 100, 2, 1}, {drain_lru_begin, 100, 91, 2}, {scan_batch, 82, 28, 11}, {drain_lru_cpu, 11, 1},
        {scan_block, 93, 43, 26}, {contig_migrated, 93, 2, 1}, {contig_outer_start, 93, 2, 1},
        {cma_bitmap_cleared, 11, 2, 1}, {contig_tested, 92}, {capture_batch, 81, 19, 3}, {contig_captured, 92},
        {free_page_prepared, 81, 74, 71}, {undo_block, 100, 96, 95}, {cma_mutex_dropped, 100, 2, 1},
    }}},
    // cma_alloc, 3846 runs
    {0, plain, Release::v5_15, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 1}, {cma_mutex_taken, 100, 1},
        {isolate_block, 100, 96, 95}, {isolate_done, 100, 1}, {drain_pcp_begin, 100, 1}, {drain_pcp_cpu, 23, 1},
        {drain_lru_begin, 100, 1}, {lru_cache_disabled, 100, 1}, {drain_lru_cpu, 10}, {scan_batch, 81, 27, 11},
        {scan_block, 93, 43, 25}, {hugetlb_allocated, 2}, {scan_page_isolated, 2}, {contig_migrated, 93, 1},
        {contig_outer_start, 93, 1}, {cma_bitmap_cleared, 10}, {migrate_page, 2}, {contig_tested, 92},
        {migrate_target, 2}, {capture_batch, 81, 19, 3}, {contig_captured, 92}, {free_page_prepared, 81, 73, 71},
        {undo_block, 100, 96, 95}, {cma_mutex_dropped, 100, 1},
    }}},
    // cma_alloc, 7690 runs
    {0, plain, Release::v6_1, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 1}, {cma_mutex_taken, 100, 1},
        {isolate_block, 100, 41, 20}, {isolate_peek, 67}, {isolate_done, 100, 1}, {drain_pcp_begin, 100, 1},
        {drain_pcp_cpu, 24, 2}, {drain_lru_begin, 100, 1}, {lru_cache_disabled, 100, 1}, {drain_lru_cpu, 10},
        {scan_batch, 79, 20, 10}, {scan_block, 93, 38, 19}, {hugetlb_allocated, 2}, {scan_page_isolated, 2},
        {contig_migrated, 100, 1}, {contig_outer_start, 93, 1}, {migrate_page, 2}, {cma_bitmap_cleared, 10, 1},
        {contig_tested, 92}, {migrate_target, 2}, {capture_batch, 79, 17, 4}, {contig_captured, 92},
        {free_page_prepared, 76, 66, 59}, {undo_block, 100, 41, 20}, {cma_mutex_dropped, 100, 1},
    }}},
    // cma_alloc, 3850 runs
    {0, plain, Release::v6_12, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 1}, {cma_mutex_taken, 100, 1},
        {isolate_block, 100, 41, 20}, {isolate_done, 100, 1}, {drain_pcp_begin, 100, 1}, {drain_pcp_cpu, 24, 2},
        {drain_lru_begin, 100, 1}, {lru_cache_disabled, 100, 1}, {drain_lru_cpu, 10}, {scan_batch, 80, 20, 11},
        {scan_block, 93, 38, 19}, {hugetlb_allocated, 2}, {scan_page_isolated, 2}, {contig_migrated, 100, 1},
        {contig_outer_start, 93, 1}, {migrate_page, 2}, {cma_bitmap_cleared, 10}, {contig_tested, 92},
        {migrate_target, 2}, {capture_batch, 79, 20, 10}, {migrate_locked, 2}, {contig_captured, 92},
        {migrate_unmapped, 2}, {free_page_prepared, 76, 66, 59}, {undo_block, 100, 41, 20},
        {cma_mutex_dropped, 100, 1},
    }}},
    // cma_alloc, 1924 runs
    {0, moves, Release::v3_5, {{
        {cma_alloc_entry, 100}, {cma_mutex_taken, 100}, {isolate_block, 100, 96, 96},
        {drain_pcp_begin, 100, 99, 96}, {isolate_done, 100, 6, 4}, {drain_lru_begin, 100, 88, 5},
        {drain_pcp_cpu, 28, 3}, {scan_batch, 75, 18, 5}, {drain_lru_cpu, 44, 7}, {scan_block, 90, 6, 4},
        {scan_page_isolated, 10, 5, 3}, {contig_migrated, 89, 5, 3}, {migrate_page, 10, 5, 4},
        {contig_outer_start, 89, 5, 3}, {migrate_target, 9, 5, 3}, {contig_tested, 88}, {migrate_locked, 9, 4, 3},
        {capture_batch, 70, 15, 1}, {migrate_unmapped, 7, 4, 3}, {contig_captured, 88}, {alloc_reclaim, 2, 1, 1},
        {free_page_prepared, 80, 73, 68}, {migrate_moved, 9, 4, 2}, {undo_block, 100, 96, 96},
        {reclaim_priority, 2, 1, 1}, {put_page_dropped, 9, 5, 3}, {undo_taken, 75, 47, 4}, {reclaim_node, 2, 1, 1},
        {free_block_typed, 75, 47, 4}, {cma_mutex_dropped, 100},
    }}},
    // cma_alloc, 3805 runs
    {0, moves, Release::v4_9, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 4, 3}, {cma_mutex_taken, 100, 4, 3},
        {isolate_block, 100, 96, 96}, {drain_pcp_begin, 100, 99, 96}, {isolate_done, 100, 4, 3},
        {drain_lru_begin, 100, 88, 4}, {drain_pcp_cpu, 25, 3}, {scan_batch, 74, 22, 9}, {drain_lru_cpu, 37, 5},
        {scan_block, 90, 39, 21}, {scan_page_isolated, 10, 5, 3}, {contig_migrated, 89, 4, 3},
        {reclaim_clean_page, 2}, {migrate_page, 9, 5, 4}, {contig_outer_start, 89, 4, 3},
        {migrate_target, 8, 4, 2}, {contig_tested, 87}, {cma_bitmap_cleared, 17, 3, 2}, {migrate_locked, 7, 4, 2},
        {capture_batch, 70, 14, 1}, {alloc_reclaim, 2, 1, 1}, {migrate_unmapped, 6, 3, 2}, {contig_captured, 87},
        {free_page_prepared, 80, 73, 69}, {migrate_moved, 8, 4, 2}, {reclaim_priority, 2, 1, 1},
        {undo_block, 100, 96, 96}, {put_page_dropped, 8, 4, 2}, {reclaim_node, 2, 1, 1}, {undo_taken, 75, 45, 2},
        {free_block_typed, 75, 45, 2}, {cma_mutex_dropped, 100, 4, 3},
    }}},
    // cma_alloc, 1929 runs
    {0, moves, Release::v5_10, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 4, 2}, {cma_mutex_taken, 100, 4, 2},
        {isolate_block, 100, 96, 95}, {drain_pcp_begin, 100, 96, 95}, {isolate_done, 100, 4, 2},
        {drain_pcp_cpu, 24, 2}, {drain_lru_begin, 100, 86, 3}, {scan_batch, 73, 22, 9}, {drain_lru_cpu, 38, 5},
        {scan_block, 90, 39, 21}, {scan_page_isolated, 15, 7, 5}, {reclaim_clean_page, 2},
        {contig_migrated, 88, 3, 2}, {migrate_page, 14, 7, 5}, {contig_outer_start, 88, 3, 2},
        {migrate_target, 12, 5, 3}, {cma_bitmap_cleared, 18, 2, 2}, {contig_tested, 87},
        {migrate_locked, 10, 4, 3}, {alloc_reclaim, 3, 2, 2}, {migrate_unmapped, 9, 4, 2},
        {capture_batch, 69, 14, 1}, {reclaim_priority, 3, 2, 2}, {migrate_moved, 12, 5, 3}, {contig_captured, 86},
        {free_page_prepared, 79, 72, 67}, {undo_block, 100, 96, 95}, {put_page_dropped, 12, 5, 3},
        {reclaim_node, 3, 2, 2}, {cma_mutex_dropped, 100, 4, 2}, {free_block_typed, 3},
    }}},
    // cma_alloc, 1877 runs
    {0, moves, Release::v5_15, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 2, 1}, {cma_mutex_taken, 100, 2, 1},
        {isolate_block, 100, 96, 95}, {isolate_done, 100, 2, 1}, {drain_pcp_begin, 100, 2, 1},
        {drain_lru_begin, 100, 2, 1}, {drain_pcp_cpu, 28, 2}, {drain_lru_cpu, 35, 2},
        {lru_cache_disabled, 100, 2, 1}, {scan_batch, 74, 20, 7}, {scan_block, 90, 37, 19},
        {scan_page_isolated, 15, 6, 4}, {contig_migrated, 88, 2, 1}, {hugetlb_allocated, 2},
        {migrate_page, 14, 5, 3}, {reclaim_clean_page, 2}, {contig_outer_start, 88, 2, 1},
        {migrate_target, 12, 5, 3}, {cma_bitmap_cleared, 15, 1}, {contig_tested, 88}, {migrate_locked, 10, 4, 2},
        {alloc_reclaim, 3}, {migrate_unmapped, 8, 4, 2}, {capture_batch, 72, 15, 2}, {reclaim_priority, 3, 2, 2},
        {migrate_moved, 11, 4, 2}, {free_page_prepared, 81, 75, 69}, {contig_captured, 88},
        {reclaim_node, 3, 2, 2}, {undo_block, 100, 96, 95}, {put_page_dropped, 12, 5, 2},
        {cma_mutex_dropped, 100, 2, 1},
    }}},
    // cma_alloc, 3749 runs
    {0, moves, Release::v6_1, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 2}, {cma_mutex_taken, 100, 2},
        {isolate_block, 100, 38, 16}, {isolate_peek, 51}, {isolate_done, 100, 2}, {drain_pcp_begin, 100, 2},
        {drain_lru_begin, 100, 2}, {drain_pcp_cpu, 29, 2}, {drain_lru_cpu, 34, 2}, {lru_cache_disabled, 100, 2},
        {scan_batch, 71, 15, 8}, {scan_page_isolated, 14, 6, 4}, {scan_block, 90, 34, 14}, {hugetlb_allocated, 2},
        {migrate_page, 13, 5, 3}, {contig_migrated, 100, 2}, {reclaim_clean_page, 2}, {migrate_target, 12, 5, 3},
        {contig_outer_start, 88, 2}, {alloc_reclaim, 3}, {migrate_locked, 11, 4, 2}, {contig_tested, 88},
        {cma_bitmap_cleared, 15, 1}, {reclaim_priority, 3, 2, 2}, {migrate_unmapped, 10, 4, 2},
        {capture_batch, 68, 13, 2}, {reclaim_node, 3, 2, 2}, {migrate_moved, 11, 4, 2}, {contig_captured, 88},
        {free_page_prepared, 77, 68, 59}, {put_page_dropped, 12, 5, 3}, {undo_block, 100, 38, 16},
        {cma_mutex_dropped, 100, 2},
    }}},
    // cma_alloc, 1873 runs
    {0, moves, Release::v6_12, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 2}, {cma_mutex_taken, 100, 2},
        {isolate_block, 100, 38, 16}, {isolate_done, 100, 2}, {drain_pcp_begin, 100, 2}, {drain_lru_begin, 100, 2},
        {drain_pcp_cpu, 29, 2}, {drain_lru_cpu, 34, 2}, {lru_cache_disabled, 100, 2}, {scan_batch, 71, 14, 7},
        {scan_block, 90, 34, 13}, {scan_page_isolated, 15, 6, 4}, {hugetlb_allocated, 2},
        {contig_migrated, 100, 2}, {migrate_page, 13, 5, 3}, {reclaim_clean_page, 2}, {contig_outer_start, 88, 2},
        {migrate_target, 12, 5, 3}, {alloc_reclaim, 2}, {contig_tested, 88}, {migrate_locked, 12, 5, 3},
        {cma_bitmap_cleared, 15, 1}, {reclaim_priority, 2, 1, 1}, {migrate_unmapped, 12, 5, 3},
        {capture_batch, 69, 13, 6}, {reclaim_node, 2, 1, 1}, {contig_captured, 88},
        {free_page_prepared, 78, 68, 60}, {migrate_moved, 11, 5, 3}, {undo_block, 100, 38, 16},
        {put_page_dropped, 12, 5, 3}, {cma_mutex_dropped, 100, 2},
    }}},
    // cma_alloc, 485 runs
    {0, in_way, Release::v3_5, {{
        {cma_alloc_entry, 100}, {cma_mutex_taken, 100}, {isolate_block, 100, 98, 97},
        {drain_pcp_begin, 100, 99, 98}, {isolate_done, 100, 37, 12}, {drain_lru_begin, 100, 88, 23},
        {scan_batch, 81, 25, 13}, {scan_page_isolated, 67, 32, 7}, {scan_block, 91, 37, 12},
        {migrate_page, 67, 40, 24}, {migrate_target, 66, 40, 24}, {drain_lru_cpu, 69, 33, 2},
        {migrate_locked, 65, 39, 23}, {migrate_unmapped, 23, 13, 7}, {migrate_writeout, 3, 1},
        {migrate_moved, 56, 23, 4}, {put_page_dropped, 66, 41, 24}, {buffer_mapping_moved, 2},
        {drain_pcp_cpu, 58, 13, 1}, {free_page_prepared, 85, 76, 68}, {contig_migrated, 89, 19, 10},
        {contig_outer_start, 89, 19, 10}, {undo_block, 100, 98, 97}, {undo_taken, 84, 70, 32}, {contig_tested, 86},
        {free_block_typed, 84, 70, 32}, {capture_batch, 52, 15, 2}, {contig_captured, 86},
        {cma_mutex_dropped, 100},
    }}},
    // cma_alloc, 952 runs
    {0, in_way, Release::v4_9, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 26, 4}, {cma_mutex_taken, 100, 26, 4},
        {isolate_block, 100, 97, 97}, {drain_pcp_begin, 100, 98, 97}, {isolate_done, 100, 26, 4},
        {drain_lru_begin, 100, 90, 25}, {scan_batch, 82, 22, 14}, {scan_page_isolated, 82, 38, 7},
        {scan_block, 92, 50, 23}, {reclaim_clean_page, 27, 15, 9}, {migrate_page, 68, 40, 24},
        {drain_lru_cpu, 61, 28, 1}, {migrate_target, 67, 40, 23}, {migrate_locked, 48, 30, 20},
        {migrate_unmapped, 20, 9, 4}, {migrate_moved, 55, 24, 4}, {put_page_dropped, 67, 41, 24},
        {free_page_prepared, 90, 80, 72}, {drain_pcp_cpu, 57, 10}, {migrate_writeout, 3, 1},
        {contig_migrated, 91, 25, 4}, {contig_outer_start, 91, 25, 4}, {buffer_mapping_moved, 2},
        {undo_block, 100, 97, 97}, {contig_tested, 90}, {capture_batch, 63, 16, 3}, {cma_bitmap_cleared, 35, 7, 3},
        {undo_taken, 82, 68, 20}, {contig_captured, 89}, {free_block_typed, 82, 68, 20},
        {cma_mutex_dropped, 100, 26, 4},
    }}},
    // cma_alloc, 464 runs
    {0, in_way, Release::v5_10, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 26, 4}, {cma_mutex_taken, 100, 26, 4},
        {isolate_block, 100, 98, 98}, {drain_pcp_begin, 100, 98, 98}, {isolate_done, 100, 26, 4},
        {drain_lru_begin, 100, 89, 25}, {scan_batch, 81, 23, 15}, {scan_page_isolated, 82, 39, 9},
        {scan_block, 91, 49, 22}, {reclaim_clean_page, 27, 14, 8}, {migrate_page, 68, 42, 25},
        {drain_lru_cpu, 63, 28, 1}, {migrate_target, 66, 40, 25}, {drain_pcp_cpu, 25, 3, 1},
        {migrate_locked, 50, 31, 20}, {migrate_unmapped, 22, 9, 4}, {migrate_moved, 56, 26, 6},
        {put_page_dropped, 67, 41, 25}, {free_page_prepared, 88, 79, 71}, {contig_migrated, 90, 25, 4},
        {contig_outer_start, 90, 25, 4}, {cma_bitmap_cleared, 38, 7, 4}, {buffer_checked, 2},
        {undo_block, 100, 98, 98}, {contig_tested, 88}, {capture_batch, 62, 15, 3},
        {cma_mutex_dropped, 100, 26, 4}, {contig_captured, 88},
    }}},
    // cma_alloc, 455 runs
    {0, in_way, Release::v5_15, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 23, 3}, {cma_mutex_taken, 100, 23, 3},
        {isolate_block, 100, 98, 98}, {isolate_done, 100, 23, 3}, {drain_pcp_begin, 100, 23, 3},
        {drain_lru_begin, 100, 23, 3}, {lru_cache_disabled, 100, 23, 3}, {drain_lru_cpu, 44, 7},
        {scan_batch, 81, 21, 13}, {scan_page_isolated, 84, 40, 10}, {scan_block, 92, 49, 22},
        {reclaim_clean_page, 26, 13, 7}, {migrate_page, 70, 41, 25}, {migrate_target, 67, 39, 25},
        {drain_pcp_cpu, 24, 2, 1}, {migrate_locked, 51, 30, 20}, {migrate_unmapped, 25, 11, 5},
        {migrate_moved, 59, 27, 7}, {free_page_prepared, 90, 79, 71}, {put_page_dropped, 68, 41, 25},
        {contig_migrated, 91, 23, 3}, {contig_outer_start, 91, 23, 3}, {buffer_checked, 2},
        {cma_bitmap_cleared, 34, 5, 2}, {contig_tested, 90}, {undo_block, 100, 98, 98}, {capture_batch, 62, 15, 3},
        {cma_mutex_dropped, 100, 23, 3}, {contig_captured, 89},
    }}},
    // cma_alloc, 447 runs
    {0, in_way, Release::v6_1, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 23, 2}, {cma_mutex_taken, 100, 23, 2},
        {isolate_block, 100, 51, 22}, {isolate_done, 100, 23, 2}, {drain_pcp_begin, 100, 23, 2},
        {isolate_peek, 13, 1, 1}, {drain_lru_begin, 100, 23, 2}, {lru_cache_disabled, 100, 23, 2},
        {drain_lru_cpu, 44, 7}, {scan_batch, 80, 18, 14}, {scan_page_isolated, 86, 39, 8},
        {scan_block, 94, 46, 19}, {reclaim_clean_page, 27, 13, 7}, {migrate_page, 71, 40, 23},
        {drain_pcp_cpu, 24, 3}, {migrate_target, 68, 38, 23}, {migrate_locked, 51, 30, 19},
        {migrate_unmapped, 24, 10, 4}, {migrate_moved, 60, 26, 6}, {put_page_dropped, 69, 40, 24},
        {free_page_prepared, 91, 78, 68}, {contig_migrated, 100, 23, 2}, {contig_outer_start, 93, 23, 2},
        {buffer_checked, 2}, {cma_bitmap_cleared, 33, 5, 2}, {contig_tested, 91}, {capture_batch, 61, 14, 4},
        {undo_block, 100, 51, 22}, {cma_mutex_dropped, 100, 23, 2}, {contig_captured, 90},
    }}},
    // cma_alloc, 448 runs
    {0, in_way, Release::v6_6, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 25, 2}, {cma_mutex_taken, 100, 25, 2},
        {isolate_block, 100, 52, 22}, {isolate_done, 100, 25, 2}, {drain_pcp_begin, 100, 25, 2},
        {isolate_peek, 13, 1, 1}, {drain_lru_begin, 100, 25, 2}, {lru_cache_disabled, 100, 25, 2},
        {scan_batch, 80, 18, 14}, {drain_lru_cpu, 45, 8}, {scan_page_isolated, 86, 39, 8},
        {scan_block, 94, 48, 19}, {reclaim_clean_page, 27, 13, 7}, {migrate_page, 71, 41, 22},
        {migrate_target, 69, 39, 22}, {drain_pcp_cpu, 24, 3}, {migrate_locked, 69, 39, 22},
        {migrate_unmapped, 68, 39, 22}, {migrate_moved, 60, 27, 6}, {free_page_prepared, 91, 79, 68},
        {contig_migrated, 100, 25, 2}, {put_page_dropped, 69, 41, 22}, {contig_outer_start, 93, 24, 2},
        {buffer_checked, 2}, {cma_bitmap_cleared, 34, 5, 2}, {contig_tested, 91}, {undo_block, 100, 52, 22},
        {capture_batch, 60, 14, 4}, {cma_mutex_dropped, 100, 25, 2}, {contig_captured, 91},
    }}},
    // cma_alloc, 460 runs
    {0, in_way, Release::v6_12, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 100, 25, 3}, {cma_mutex_taken, 100, 25, 3},
        {isolate_block, 100, 53, 23}, {isolate_done, 100, 25, 3}, {drain_pcp_begin, 100, 25, 3},
        {drain_lru_begin, 100, 25, 3}, {lru_cache_disabled, 100, 25, 3}, {scan_batch, 80, 18, 14},
        {drain_lru_cpu, 45, 8, 1}, {scan_page_isolated, 84, 40, 9}, {scan_block, 92, 48, 20},
        {hugetlb_allocated, 2}, {reclaim_clean_page, 27, 15, 7}, {migrate_page, 69, 41, 23},
        {migrate_target, 67, 40, 23}, {drain_pcp_cpu, 27, 3, 1}, {migrate_locked, 67, 40, 23},
        {migrate_unmapped, 66, 39, 24}, {migrate_moved, 58, 27, 7}, {free_page_prepared, 89, 78, 69},
        {contig_migrated, 100, 25, 3}, {put_page_dropped, 67, 41, 23}, {buffer_checked, 2},
        {contig_outer_start, 92, 25, 3}, {cma_bitmap_cleared, 35, 6, 3}, {contig_tested, 90},
        {undo_block, 100, 53, 23}, {capture_batch, 60, 16, 11}, {cma_mutex_dropped, 100, 25, 3},
        {contig_captured, 90},
    }}},
    // cma_alloc, 1011 runs
    {0, doubtful, Release::v3_5, {{
        {cma_alloc_entry, 75}, {cma_mutex_taken, 48}, {isolate_block, 16, 15, 15}, {drain_pcp_begin, 16, 15, 15},
        {isolate_done, 16}, {drain_lru_begin, 16, 12}, {drain_pcp_cpu, 4}, {cma_mutex_dropped, 48},
        {scan_batch, 13, 4, 2}, {drain_lru_cpu, 3}, {scan_block, 13}, {scan_page_isolated, 2},
        {contig_migrated, 13}, {migrate_page, 2}, {contig_outer_start, 13}, {contig_tested, 11},
        {capture_batch, 10, 2}, {undo_block, 16, 15, 15}, {contig_captured, 11}, {free_page_prepared, 10, 8, 7},
        {undo_taken, 11, 6}, {free_block_typed, 11, 6},
    }}},
    // cma_alloc, 6916 runs
    {0, doubtful, Release::v4_9, {{
        {cma_alloc_entry, 75}, {cma_bitmap_marked, 5}, {cma_mutex_taken, 5}, {isolate_block, 5, 3, 3},
        {drain_pcp_begin, 5, 2, 2}, {isolate_done, 5}, {drain_lru_begin, 5, 1}, {drain_pcp_cpu, 2},
        {lru_cache_disabled, 3}, {scan_batch, 4, 2, 1}, {scan_block, 4, 2, 1}, {contig_migrated, 4},
        {contig_outer_start, 4}, {contig_tested, 2}, {undo_taken, 1}, {undo_block, 5, 3, 3}, {capture_batch, 2},
        {cma_bitmap_cleared, 3}, {free_block_typed, 1}, {contig_captured, 2}, {free_page_prepared, 2, 1, 1},
        {cma_mutex_dropped, 5},
    }}},
    // cma_release, 13493 runs
    {1, plain, Release::v3_5, {{
        {free_page_prepared, 100, 89, 70}, {cma_release_pages_freed, 100, 4},
    }}},
    // cma_release, 3 runs
    {1, doubtful, Release::v3_5, {{
        {free_page_prepared, 100, 100, 100}, {cma_release_pages_freed, 100},
    }}},
    // alloc_pages, 1377 runs
    {2, doubtful, Release::v3_5, {{
        {alloc_reclaim, 10, 3, 1}, {reclaim_priority, 10, 9, 9}, {compact_begin, 2}, {alloc_compacted, 2, 1},
        {reclaim_node, 10, 9, 9}, {zap_range_done, 6, 4, 3}, {free_page_prepared, 6, 5, 5}, {alloc_retry, 7, 2, 1},
        {zap_unflushed, 6, 2}, {compact_block, 2, 1, 1}, {scan_batch, 2, 1, 1},
    }}},
    // free_pages, 1243 runs
    {3, plain, Release::v3_5, {{
        {free_page_prepared, 99},
    }}},
    // free_pages, 696 runs
    {3, large, Release::v3_5, {{
        {free_block_typed, 73}, {free_page_prepared, 28},
    }}},
    // unmovable_page, 7522 runs
    {4, plain, Release::v3_5, {{
        {report_part, 12, 11, 11},
    }}},
    // unmovable_page, 3142 runs
    {4, moves, Release::v3_5, {{
        {isolate_block, 98, 95, 94}, {drain_pcp_begin, 98, 97, 95}, {isolate_done, 98, 27, 7},
        {drain_pcp_cpu, 21, 3}, {drain_lru_begin, 98, 86, 27}, {scan_block, 87, 27, 7}, {drain_lru_cpu, 21, 2},
        {contig_migrated, 87, 27, 7}, {scan_page_isolated, 2}, {contig_outer_start, 87, 27, 7}, {scan_batch, 10},
        {contig_tested, 86, 27, 7}, {capture_batch, 79, 2}, {contig_captured, 85, 27, 7},
        {free_page_prepared, 85, 82, 81}, {undo_block, 98, 95, 94}, {undo_taken, 69, 44, 12},
        {free_block_typed, 69, 44, 12},
    }}},
    // unmovable_page, 1047 runs
    {4, moves, Release::v5_10, {{
        {isolate_block, 98, 94, 94}, {drain_pcp_begin, 98, 94, 94}, {isolate_done, 97, 23, 6},
        {drain_pcp_cpu, 23, 3}, {drain_lru_begin, 97, 85, 23}, {scan_block, 87, 23, 6}, {drain_lru_cpu, 21, 2},
        {scan_page_isolated, 2}, {contig_migrated, 87, 23, 6}, {scan_batch, 9}, {contig_outer_start, 87, 23, 6},
        {migrate_page, 2}, {contig_tested, 86, 23, 6}, {capture_batch, 79, 1}, {migrate_target, 2},
        {contig_captured, 86, 23, 6}, {migrate_locked, 2}, {free_page_prepared, 85, 83, 81}, {migrate_unmapped, 2},
        {undo_block, 98, 94, 94}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // unmovable_page, 1029 runs
    {4, moves, Release::v5_15, {{
        {isolate_block, 99, 95, 94}, {isolate_done, 98, 24, 6}, {drain_pcp_begin, 98, 24, 6},
        {drain_pcp_cpu, 25, 3}, {drain_lru_begin, 98, 24, 6}, {lru_cache_disabled, 98, 24, 6},
        {drain_lru_cpu, 20, 1}, {scan_block, 88, 24, 6}, {contig_migrated, 88, 24, 6}, {scan_page_isolated, 2},
        {scan_batch, 10}, {contig_outer_start, 88, 24, 6}, {contig_tested, 88, 24, 6}, {migrate_page, 2},
        {capture_batch, 80, 1}, {contig_captured, 87, 24, 6}, {free_page_prepared, 87, 84, 82},
        {undo_block, 99, 95, 94},
    }}},
    // unmovable_page, 2078 runs
    {4, moves, Release::v6_1, {{
        {isolate_block, 99, 24, 6}, {isolate_peek, 83, 18}, {isolate_done, 99, 24, 6},
        {drain_pcp_begin, 99, 24, 6}, {drain_lru_begin, 99, 24, 6}, {drain_pcp_cpu, 26, 3},
        {lru_cache_disabled, 99, 24, 6}, {drain_lru_cpu, 20, 1}, {scan_block, 90, 24, 6},
        {contig_migrated, 99, 24, 6}, {scan_page_isolated, 2}, {scan_batch, 9}, {contig_outer_start, 89, 24, 6},
        {migrate_page, 2}, {contig_tested, 89, 24, 6}, {migrate_target, 2}, {capture_batch, 52},
        {contig_captured, 89, 24, 6}, {migrate_locked, 2}, {free_page_prepared, 89, 86, 84}, {migrate_unmapped, 2},
        {migrate_moved, 2}, {undo_block, 99, 24, 6}, {put_page_dropped, 2},
    }}},
    // unmovable_page, 1022 runs
    {4, moves, Release::v6_12, {{
        {isolate_block, 99, 25, 7}, {isolate_done, 99, 25, 7}, {drain_pcp_begin, 99, 25, 7},
        {drain_pcp_cpu, 28, 3}, {drain_lru_begin, 99, 25, 7}, {lru_cache_disabled, 99, 25, 7},
        {drain_lru_cpu, 21, 2}, {scan_block, 90, 25, 7}, {contig_migrated, 99, 25, 7}, {scan_batch, 10},
        {contig_outer_start, 89, 25, 7}, {contig_tested, 89, 25, 7}, {scan_page_isolated, 2}, {capture_batch, 52},
        {contig_captured, 89, 25, 7}, {migrate_page, 2}, {free_page_prepared, 89, 86, 84}, {undo_block, 99, 25, 7},
        {migrate_target, 2}, {migrate_locked, 2}, {migrate_unmapped, 2}, {put_page_dropped, 2},
    }}},
    // unmovable_page, 51 runs
    {4, in_way, Release::v3_5, {{
        {isolate_block, 100, 66, 64}, {drain_pcp_begin, 100, 54, 52}, {isolate_done, 100, 17, 7},
        {drain_lru_begin, 100, 39, 15}, {drain_pcp_cpu, 50, 7}, {lru_cache_disabled, 55, 9, 7},
        {drain_lru_cpu, 44, 9}, {scan_block, 75, 17, 7}, {scan_page_isolated, 73},
        {reclaim_clean_page, 26, 23, 23}, {migrate_page, 71, 25, 25}, {isolate_peek, 8, 3},
        {migrate_target, 71, 25, 25}, {migrate_locked, 55, 25, 25}, {contig_migrated, 81, 17, 7},
        {free_page_prepared, 75, 41, 33}, {migrate_unmapped, 28, 7, 7}, {migrate_moved, 46},
        {contig_tested, 50, 15, 7}, {undo_block, 100, 66, 64}, {put_page_dropped, 71, 25, 25},
        {contig_outer_start, 73, 17, 7}, {undo_taken, 22, 17, 5}, {contig_captured, 50, 15, 7},
        {free_block_typed, 22, 17, 5}, {scan_batch, 10}, {capture_batch, 10},
    }}},
    // unmovable_page, 1573 runs
    {4, doubtful, Release::v3_5, {{
        {isolate_block, 72, 46, 44}, {alloc_reclaim, 7, 3, 2}, {drain_pcp_begin, 71, 39, 36},
        {reclaim_priority, 7, 6, 6}, {isolate_done, 70, 4, 1}, {reclaim_node, 7, 6, 6},
        {drain_lru_begin, 70, 34, 3}, {isolate_peek, 1}, {zap_range_done, 5, 3, 2}, {lru_cache_disabled, 33, 1},
        {drain_pcp_cpu, 25, 3}, {alloc_retry, 6, 3, 2}, {scan_page_isolated, 18, 1}, {scan_block, 62, 4, 1},
        {drain_lru_cpu, 19, 4}, {zap_unflushed, 5, 1}, {scan_batch, 19}, {reclaim_clean_page, 4, 1, 1},
        {migrate_page, 16, 4, 3}, {contig_migrated, 64, 4, 1}, {migrate_target, 16, 4, 3},
        {contig_outer_start, 61, 4, 1}, {migrate_locked, 13, 3, 2}, {undo_block, 72, 46, 44},
        {migrate_unmapped, 9, 1, 1}, {free_page_prepared, 24, 19, 16}, {migrate_moved, 13, 1},
        {undo_taken, 17, 8, 1}, {put_page_dropped, 16, 4, 3}, {free_block_typed, 17, 8, 1},
        {contig_tested, 17, 4, 1}, {capture_batch, 11}, {contig_captured, 17, 4, 1},
    }}},
    // movable_page, 3316 runs
    {5, moves, Release::v3_5, {{
        {isolate_block, 99, 95, 94}, {drain_pcp_begin, 99, 98, 95}, {isolate_done, 99, 31, 7},
        {drain_pcp_cpu, 23, 3}, {drain_lru_begin, 99, 89, 31}, {scan_block, 90, 31, 7}, {drain_lru_cpu, 21, 2},
        {contig_migrated, 90, 31, 7}, {scan_batch, 16}, {contig_outer_start, 90, 31, 7}, {scan_page_isolated, 2},
        {contig_tested, 89, 30, 7}, {capture_batch, 81, 2}, {migrate_page, 2}, {contig_captured, 88, 30, 7},
        {free_page_prepared, 88, 86, 84}, {undo_block, 99, 95, 94}, {migrate_target, 2}, {undo_taken, 70, 46, 15},
        {free_block_typed, 70, 46, 15}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // movable_page, 1087 runs
    {5, moves, Release::v5_10, {{
        {isolate_block, 99, 95, 94}, {drain_pcp_begin, 99, 95, 94}, {isolate_done, 99, 31, 6},
        {drain_pcp_cpu, 24, 3}, {drain_lru_begin, 98, 87, 31}, {scan_block, 89, 31, 6}, {drain_lru_cpu, 22, 1},
        {contig_migrated, 89, 31, 6}, {scan_batch, 16}, {contig_outer_start, 89, 31, 6}, {scan_page_isolated, 2},
        {contig_tested, 88, 31, 6}, {migrate_page, 2}, {capture_batch, 80, 2}, {contig_captured, 88, 31, 6},
        {free_page_prepared, 87, 85, 84}, {undo_block, 99, 95, 94},
    }}},
    // movable_page, 1050 runs
    {5, moves, Release::v5_15, {{
        {isolate_block, 99, 96, 94}, {isolate_done, 99, 31, 7}, {drain_pcp_begin, 99, 31, 7},
        {drain_lru_begin, 99, 31, 7}, {drain_pcp_cpu, 26, 3}, {lru_cache_disabled, 99, 31, 7},
        {drain_lru_cpu, 21, 1}, {scan_block, 90, 31, 7}, {contig_migrated, 90, 31, 7}, {scan_batch, 16},
        {scan_page_isolated, 2}, {contig_outer_start, 90, 31, 7}, {contig_tested, 90, 30, 7}, {migrate_page, 2},
        {capture_batch, 81, 2}, {migrate_target, 2}, {contig_captured, 89, 30, 7},
        {free_page_prepared, 89, 87, 85}, {undo_block, 99, 96, 94},
    }}},
    // movable_page, 2163 runs
    {5, moves, Release::v6_1, {{
        {isolate_block, 100, 31, 7}, {isolate_peek, 83, 16}, {isolate_done, 100, 31, 7},
        {drain_pcp_begin, 100, 31, 7}, {drain_lru_begin, 100, 31, 7}, {drain_pcp_cpu, 27, 3},
        {lru_cache_disabled, 100, 31, 7}, {drain_lru_cpu, 22, 1}, {scan_block, 90, 31, 7},
        {contig_migrated, 100, 31, 7}, {scan_page_isolated, 2}, {scan_batch, 15}, {contig_outer_start, 90, 31, 7},
        {migrate_page, 2}, {contig_tested, 90, 31, 7}, {migrate_target, 2}, {capture_batch, 53},
        {contig_captured, 89, 31, 7}, {free_page_prepared, 89, 87, 85}, {undo_block, 100, 31, 7},
    }}},
    // movable_page, 1057 runs
    {5, moves, Release::v6_12, {{
        {isolate_block, 100, 32, 8}, {isolate_done, 100, 32, 8}, {drain_pcp_begin, 100, 32, 8},
        {drain_lru_begin, 100, 32, 8}, {drain_pcp_cpu, 27, 4}, {lru_cache_disabled, 100, 32, 8},
        {drain_lru_cpu, 21, 1}, {scan_block, 91, 32, 8}, {contig_migrated, 100, 32, 8}, {scan_batch, 16},
        {scan_page_isolated, 2}, {contig_outer_start, 91, 32, 8}, {contig_tested, 91, 31, 8}, {migrate_page, 2},
        {capture_batch, 53}, {contig_captured, 91, 31, 8}, {migrate_target, 2}, {free_page_prepared, 90, 88, 86},
        {migrate_locked, 2}, {undo_block, 100, 32, 8}, {migrate_unmapped, 2}, {migrate_moved, 2},
        {put_page_dropped, 2},
    }}},
    // movable_page, 102 runs
    {5, in_way, Release::v3_5, {{
        {isolate_block, 100, 71, 68}, {isolate_peek, 2}, {drain_pcp_begin, 100, 63, 59},
        {isolate_done, 100, 33, 22}, {drain_lru_begin, 100, 51, 29}, {lru_cache_disabled, 48, 13, 9},
        {scan_block, 72, 33, 22}, {drain_lru_cpu, 33, 11}, {scan_page_isolated, 59, 4}, {scan_batch, 11, 2, 2},
        {reclaim_clean_page, 10, 6, 6}, {migrate_page, 56, 12, 7}, {migrate_target, 56, 12, 7},
        {contig_migrated, 81, 33, 22}, {migrate_locked, 35, 8, 7}, {migrate_unmapped, 27, 2, 1},
        {contig_outer_start, 71, 33, 22}, {free_page_prepared, 69, 52, 42}, {migrate_moved, 49, 4},
        {contig_tested, 62, 23, 22}, {undo_block, 100, 71, 68}, {put_page_dropped, 56, 12, 7},
        {drain_pcp_cpu, 44, 9}, {contig_captured, 62, 23, 22}, {undo_taken, 26, 22, 7}, {capture_batch, 28, 2, 2},
        {free_block_typed, 26, 22, 7},
    }}},
    // movable_page, 1385 runs
    {5, doubtful, Release::v3_5, {{
        {isolate_block, 70, 47, 44}, {alloc_reclaim, 3, 1}, {drain_pcp_begin, 70, 41, 36},
        {reclaim_priority, 3, 2, 2}, {isolate_done, 69, 9, 1}, {reclaim_node, 3, 2, 2},
        {drain_lru_begin, 69, 37, 4}, {lru_cache_disabled, 32, 4}, {isolate_peek, 1}, {scan_batch, 16},
        {scan_page_isolated, 24, 3}, {scan_block, 62, 9, 1}, {zap_range_done, 2, 1, 1}, {drain_lru_cpu, 18, 3},
        {drain_pcp_cpu, 27, 5}, {zap_unflushed, 2}, {reclaim_clean_page, 3, 1}, {alloc_retry, 2, 1},
        {migrate_page, 21, 3, 1}, {migrate_target, 21, 3, 1}, {contig_migrated, 64, 9, 1}, {migrate_locked, 14, 2},
        {contig_outer_start, 62, 9, 1}, {migrate_unmapped, 10}, {migrate_moved, 20, 2}, {undo_block, 70, 47, 44},
        {free_page_prepared, 27, 17, 15}, {put_page_dropped, 20, 3, 1}, {undo_taken, 17, 9, 1},
        {free_block_typed, 17, 9, 1}, {contig_tested, 24, 8, 1}, {capture_batch, 13}, {contig_captured, 24, 8, 1},
    }}},
    // anon_page, 3190 runs
    {6, moves, Release::v3_5, {{
        {isolate_block, 99, 95, 94}, {drain_pcp_begin, 99, 97, 95}, {isolate_done, 99, 31, 6},
        {drain_pcp_cpu, 24, 2}, {drain_lru_begin, 99, 87, 31}, {scan_block, 88, 31, 6},
        {contig_migrated, 88, 31, 6}, {contig_outer_start, 88, 31, 6}, {scan_batch, 13},
        {contig_tested, 87, 30, 6}, {drain_lru_cpu, 50, 23, 6}, {capture_batch, 79, 2},
        {contig_captured, 87, 30, 6}, {free_page_prepared, 87, 84, 82}, {undo_block, 99, 95, 94},
        {undo_taken, 70, 47, 15}, {free_block_typed, 70, 47, 15},
    }}},
    // anon_page, 1055 runs
    {6, moves, Release::v5_10, {{
        {isolate_block, 99, 95, 94}, {drain_pcp_begin, 99, 95, 94}, {isolate_done, 99, 28, 5},
        {drain_pcp_cpu, 24, 2}, {drain_lru_begin, 99, 86, 27}, {scan_block, 87, 28, 5},
        {contig_migrated, 87, 28, 5}, {scan_batch, 12}, {scan_page_isolated, 2}, {contig_outer_start, 87, 28, 5},
        {drain_lru_cpu, 47, 20, 5}, {contig_tested, 87, 27, 5}, {migrate_page, 2}, {capture_batch, 79, 2},
        {migrate_target, 2}, {contig_captured, 86, 27, 5}, {free_page_prepared, 86, 84, 81},
        {undo_block, 99, 95, 94}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // anon_page, 1054 runs
    {6, moves, Release::v5_15, {{
        {isolate_block, 98, 95, 94}, {isolate_done, 98, 27, 5}, {drain_pcp_begin, 98, 27, 5},
        {drain_lru_begin, 98, 27, 5}, {drain_pcp_cpu, 25, 2}, {lru_cache_disabled, 98, 27, 5},
        {scan_block, 87, 27, 5}, {contig_migrated, 87, 27, 5}, {scan_batch, 12}, {drain_lru_cpu, 46, 18, 4},
        {scan_page_isolated, 2}, {contig_outer_start, 87, 27, 5}, {contig_tested, 87, 26, 5}, {migrate_page, 2},
        {capture_batch, 78, 1}, {migrate_target, 2}, {contig_captured, 86, 26, 5},
        {free_page_prepared, 86, 84, 81}, {undo_block, 98, 95, 94}, {migrate_locked, 2}, {migrate_moved, 2},
        {put_page_dropped, 2},
    }}},
    // anon_page, 2108 runs
    {6, moves, Release::v6_1, {{
        {isolate_block, 100, 28, 5}, {isolate_peek, 84, 16}, {isolate_done, 100, 28, 5},
        {drain_pcp_begin, 100, 28, 5}, {drain_lru_begin, 100, 28, 5}, {drain_pcp_cpu, 26, 3},
        {lru_cache_disabled, 100, 28, 5}, {scan_block, 89, 28, 5}, {contig_migrated, 100, 28, 5},
        {scan_page_isolated, 2}, {drain_lru_cpu, 48, 18, 5}, {scan_batch, 12}, {contig_outer_start, 88, 28, 5},
        {migrate_page, 2}, {contig_tested, 88, 27, 5}, {migrate_target, 2}, {capture_batch, 51},
        {contig_captured, 88, 27, 5}, {migrate_locked, 2}, {free_page_prepared, 88, 85, 83},
        {undo_block, 100, 28, 5}, {migrate_unmapped, 2}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // anon_page, 1048 runs
    {6, moves, Release::v6_12, {{
        {isolate_block, 100, 29, 5}, {isolate_done, 100, 29, 5}, {drain_pcp_begin, 100, 29, 5},
        {drain_lru_begin, 100, 29, 5}, {drain_pcp_cpu, 25, 3}, {lru_cache_disabled, 100, 29, 5},
        {scan_block, 89, 29, 5}, {contig_migrated, 100, 29, 5}, {scan_batch, 12}, {drain_lru_cpu, 47, 19, 4},
        {scan_page_isolated, 2}, {contig_outer_start, 89, 29, 5}, {contig_tested, 89, 28, 5}, {migrate_page, 2},
        {capture_batch, 51}, {contig_captured, 89, 28, 5}, {migrate_target, 2}, {free_page_prepared, 89, 86, 84},
        {migrate_locked, 2}, {undo_block, 100, 29, 5}, {migrate_unmapped, 2},
    }}},
    // anon_page, 47 runs
    {6, in_way, Release::v3_5, {{
        {isolate_block, 98, 87, 74}, {isolate_peek, 5}, {drain_pcp_begin, 98, 82, 68}, {isolate_done, 98, 68, 27},
        {drain_lru_begin, 98, 82, 53}, {lru_cache_disabled, 43, 27, 12}, {scan_block, 98, 68, 27}, {scan_batch, 9},
        {contig_migrated, 98, 68, 27}, {drain_pcp_cpu, 73, 31, 2}, {contig_outer_start, 98, 68, 27},
        {drain_lru_cpu, 73, 46, 27}, {contig_tested, 96, 65, 27}, {capture_batch, 88, 2},
        {scan_page_isolated, 64, 27}, {free_page_prepared, 96, 89, 76}, {contig_captured, 96, 65, 27},
        {migrate_page, 62, 31, 10}, {undo_taken, 37, 36, 29}, {migrate_target, 62, 31, 10},
        {migrate_unmapped, 32, 8}, {undo_block, 98, 87, 74}, {free_block_typed, 37, 36, 29},
        {migrate_locked, 62, 31, 10}, {migrate_moved, 56, 25}, {put_page_dropped, 62, 31, 10},
        {reclaim_clean_page, 9, 4, 4},
    }}},
    // anon_page, 671 runs
    {6, doubtful, Release::v3_5, {{
        {isolate_block, 64, 61, 60}, {alloc_reclaim, 2}, {report_part, 22, 14, 14}, {drain_pcp_begin, 64, 62, 60},
        {reclaim_priority, 2, 1, 1}, {reclaim_node, 2, 1, 1}, {isolate_done, 62, 6}, {drain_lru_begin, 62, 55, 6},
        {scan_page_isolated, 17, 2}, {scan_block, 57, 6}, {scan_batch, 21}, {reclaim_clean_page, 2},
        {migrate_page, 17, 3}, {drain_lru_cpu, 26, 10, 1}, {migrate_target, 17, 3}, {contig_migrated, 56, 6},
        {drain_pcp_cpu, 23, 3}, {migrate_locked, 15, 2}, {contig_outer_start, 56, 6}, {migrate_unmapped, 10},
        {undo_block, 64, 61, 60}, {migrate_moved, 16, 2}, {put_page_dropped, 17, 3},
        {free_page_prepared, 20, 16, 13}, {undo_taken, 37, 22, 4}, {free_block_typed, 37, 22, 4},
        {contig_tested, 19, 5}, {capture_batch, 13, 1}, {contig_captured, 19, 5},
    }}},
    // anon_page, 232 runs
    {6, doubtful, Release::v5_10, {{
        {isolate_block, 62, 59, 58}, {alloc_reclaim, 4, 1}, {drain_pcp_begin, 62, 59, 58},
        {reclaim_priority, 4, 3, 3}, {reclaim_node, 4, 3, 3}, {isolate_done, 60, 5}, {drain_lru_begin, 60, 55, 5},
        {drain_pcp_cpu, 16, 2}, {zap_range_done, 2, 1, 1}, {scan_page_isolated, 17, 1}, {scan_block, 56, 5},
        {zap_unflushed, 2}, {scan_batch, 20}, {alloc_retry, 2}, {migrate_page, 16, 1}, {contig_migrated, 56, 5},
        {migrate_target, 16, 1}, {drain_lru_cpu, 24, 9}, {contig_outer_start, 56, 5}, {migrate_locked, 13},
        {migrate_unmapped, 10}, {undo_block, 62, 59, 58}, {migrate_moved, 16, 1}, {put_page_dropped, 16, 1},
        {free_page_prepared, 20, 16, 12}, {contig_tested, 19, 4}, {capture_batch, 13}, {contig_captured, 19, 4},
    }}},
    // anon_page, 892 runs
    {6, doubtful, Release::v5_15, {{
        {isolate_block, 61, 21, 16}, {isolate_done, 61, 7, 1}, {alloc_reclaim, 3, 1, 1},
        {drain_pcp_begin, 61, 7, 1}, {reclaim_priority, 3, 2, 2}, {drain_lru_begin, 61, 7, 1},
        {reclaim_node, 3, 2, 2}, {lru_cache_disabled, 61, 7, 1}, {alloc_retry, 2, 1, 1}, {drain_pcp_cpu, 16, 3},
        {isolate_peek, 2}, {scan_page_isolated, 20, 2}, {scan_block, 57, 7, 1}, {scan_batch, 19},
        {reclaim_clean_page, 3, 1}, {migrate_page, 18, 1}, {drain_lru_cpu, 18, 7, 1}, {migrate_target, 18, 1},
        {contig_migrated, 60, 7, 1}, {migrate_locked, 16, 1}, {contig_outer_start, 57, 7, 1},
        {migrate_unmapped, 14}, {migrate_moved, 18, 1}, {undo_block, 61, 21, 16}, {put_page_dropped, 18, 1},
        {free_page_prepared, 23, 18, 14}, {contig_tested, 22, 6, 1}, {contig_captured, 22, 6, 1},
        {capture_batch, 13},
    }}},
    // shmem_page, 3305 runs
    {7, moves, Release::v3_5, {{
        {isolate_block, 99, 95, 95}, {drain_pcp_begin, 99, 98, 95}, {isolate_done, 99, 29, 6},
        {drain_pcp_cpu, 22, 2}, {drain_lru_begin, 99, 89, 29}, {scan_block, 90, 29, 6},
        {contig_migrated, 90, 29, 6}, {scan_batch, 13}, {scan_page_isolated, 2}, {contig_outer_start, 90, 29, 6},
        {contig_tested, 89, 28, 6}, {drain_lru_cpu, 49, 21, 6}, {migrate_page, 2}, {capture_batch, 80, 2},
        {contig_captured, 89, 28, 6}, {migrate_target, 2}, {free_page_prepared, 89, 86, 84},
        {undo_block, 99, 95, 95}, {migrate_locked, 2}, {undo_taken, 73, 47, 15}, {migrate_moved, 2},
        {free_block_typed, 73, 47, 15}, {put_page_dropped, 2},
    }}},
    // shmem_page, 1090 runs
    {7, moves, Release::v5_10, {{
        {isolate_block, 98, 94, 94}, {drain_pcp_begin, 98, 94, 94}, {isolate_done, 98, 27, 5},
        {drain_pcp_cpu, 24, 2}, {drain_lru_begin, 98, 88, 26}, {scan_block, 90, 26, 5}, {scan_page_isolated, 2},
        {contig_migrated, 89, 26, 5}, {scan_batch, 13}, {contig_outer_start, 89, 26, 5},
        {drain_lru_cpu, 46, 19, 4}, {migrate_page, 2}, {contig_tested, 89, 25, 5}, {capture_batch, 80, 1},
        {contig_captured, 89, 25, 5}, {free_page_prepared, 89, 86, 84}, {undo_block, 98, 94, 94},
    }}},
    // shmem_page, 1071 runs
    {7, moves, Release::v5_15, {{
        {isolate_block, 98, 94, 93}, {isolate_done, 98, 26, 5}, {drain_pcp_begin, 98, 26, 5},
        {drain_lru_begin, 98, 26, 5}, {drain_pcp_cpu, 24, 2}, {lru_cache_disabled, 98, 26, 5},
        {scan_block, 89, 26, 5}, {contig_migrated, 89, 26, 5}, {scan_batch, 13}, {drain_lru_cpu, 43, 17, 4},
        {contig_outer_start, 89, 26, 5}, {scan_page_isolated, 2}, {contig_tested, 88, 25, 5},
        {capture_batch, 80, 1}, {migrate_page, 2}, {contig_captured, 88, 25, 5}, {migrate_target, 2},
        {migrate_locked, 2}, {free_page_prepared, 88, 86, 84}, {undo_block, 98, 94, 93}, {migrate_moved, 2},
        {put_page_dropped, 2},
    }}},
    // shmem_page, 2166 runs
    {7, moves, Release::v6_1, {{
        {isolate_block, 100, 26, 5}, {isolate_peek, 82, 18}, {isolate_done, 100, 26, 5},
        {drain_pcp_begin, 100, 26, 5}, {drain_lru_begin, 100, 26, 5}, {drain_pcp_cpu, 26, 3},
        {lru_cache_disabled, 100, 26, 5}, {scan_block, 91, 26, 5}, {contig_migrated, 100, 26, 5},
        {scan_page_isolated, 2}, {scan_batch, 13}, {drain_lru_cpu, 45, 18, 5}, {contig_outer_start, 91, 26, 5},
        {migrate_page, 2}, {contig_tested, 90, 25, 5}, {migrate_target, 2}, {capture_batch, 52},
        {contig_captured, 90, 25, 5}, {migrate_locked, 2}, {free_page_prepared, 90, 88, 86},
        {undo_block, 100, 26, 5}, {migrate_unmapped, 2}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // shmem_page, 1082 runs
    {7, moves, Release::v6_12, {{
        {isolate_block, 99, 26, 5}, {isolate_done, 99, 26, 5}, {drain_pcp_begin, 99, 26, 5},
        {drain_lru_begin, 99, 26, 5}, {drain_pcp_cpu, 27, 3}, {lru_cache_disabled, 99, 26, 5},
        {scan_block, 91, 26, 5}, {contig_migrated, 99, 26, 5}, {scan_batch, 13}, {scan_page_isolated, 2},
        {drain_lru_cpu, 45, 19, 5}, {contig_outer_start, 90, 26, 5}, {contig_tested, 90, 25, 5}, {migrate_page, 2},
        {capture_batch, 53}, {migrate_target, 2}, {contig_captured, 90, 25, 5}, {migrate_locked, 2},
        {free_page_prepared, 90, 87, 86}, {undo_block, 99, 26, 5}, {migrate_unmapped, 2}, {put_page_dropped, 2},
    }}},
    // shmem_page, 74 runs
    {7, in_way, Release::v3_5, {{
        {isolate_block, 100, 78, 74}, {isolate_peek, 3}, {drain_pcp_begin, 100, 70, 64},
        {isolate_done, 100, 32, 18}, {drain_lru_begin, 100, 70, 27}, {lru_cache_disabled, 42, 12, 6},
        {scan_block, 95, 32, 18}, {drain_lru_cpu, 78, 50, 22}, {scan_page_isolated, 84, 8, 2},
        {migrate_page, 75, 12, 2}, {migrate_target, 75, 12, 2}, {capture_batch, 11, 4, 4}, {migrate_writeout, 5},
        {migrate_unmapped, 23}, {migrate_locked, 64, 9}, {contig_migrated, 99, 32, 18}, {migrate_moved, 75, 8, 2},
        {scan_batch, 6, 4, 4}, {contig_outer_start, 95, 32, 18}, {free_page_prepared, 84, 45, 32},
        {drain_pcp_cpu, 50, 9, 2}, {put_page_dropped, 75, 12, 2}, {reclaim_clean_page, 10},
        {contig_tested, 84, 32, 18}, {undo_block, 100, 78, 74}, {contig_captured, 84, 32, 18},
        {undo_taken, 28, 18, 9}, {free_block_typed, 28, 18, 9},
    }}},
    // shmem_page, 1256 runs
    {7, doubtful, Release::v3_5, {{
        {isolate_block, 70, 45, 42}, {drain_pcp_begin, 70, 39, 33}, {isolate_done, 69, 7},
        {drain_lru_begin, 69, 37, 4}, {lru_cache_disabled, 33, 3}, {scan_page_isolated, 27, 1},
        {scan_block, 65, 7}, {scan_batch, 23}, {drain_lru_cpu, 28, 11, 1}, {drain_pcp_cpu, 25, 4},
        {migrate_page, 25, 4, 2}, {reclaim_clean_page, 3}, {migrate_target, 25, 4, 2}, {contig_migrated, 66, 7},
        {migrate_locked, 21, 4, 2}, {contig_outer_start, 64, 7}, {migrate_unmapped, 11, 1}, {migrate_moved, 23, 1},
        {put_page_dropped, 24, 4, 2}, {undo_block, 70, 45, 42}, {migrate_writeout, 2},
        {free_page_prepared, 28, 21, 16}, {undo_taken, 16, 10, 1}, {free_block_typed, 16, 10, 1},
        {contig_tested, 25, 7}, {capture_batch, 16}, {contig_captured, 25, 7},
    }}},
    // free, 7681 runs
    {8, plain, Release::v3_5, {{
        {truncate_locked, 36, 14, 7}, {put_page_dropped, 77, 34, 20}, {truncate_removed, 36, 14, 7},
        {free_page_prepared, 77, 34, 20},
    }}},
    // unpin, 799 runs
    {11, plain, Release::v3_5, {{
        {put_page_dropped, 11}, {free_page_prepared, 11},
    }}},
    // put_page, 54 runs
    {13, doubtful, Release::v3_5, {{
        {put_page_dropped, 86}, {free_page_prepared, 86},
    }}},
    // drain, 15766 runs
    {14, plain, Release::v3_5, {{
        {drain_lru_begin, 99}, {drain_lru_cpu, 18, 1}, {drain_pcp_begin, 100}, {drain_pcp_cpu, 23, 2},
    }}},
    // drain, 840 runs
    {14, doubtful, Release::v3_5, {{
        {drain_lru_begin, 100}, {drain_lru_cpu, 12}, {drain_pcp_begin, 15},
    }}},
    // drain_pages, 15744 runs
    {15, plain, Release::v3_5, {{
        {drain_pcp_begin, 100}, {drain_pcp_cpu, 26, 2},
    }}},
    // drain_pages, 1075 runs
    {15, doubtful, Release::v3_5, {{
        {drain_pcp_begin, 2},
    }}},
    // drain_lru, 19074 runs
    {16, plain, Release::v3_5, {{
        {drain_lru_begin, 99}, {drain_lru_cpu, 24, 1},
    }}},
    // debugfs_alloc, 1216 runs
    {26, plain, Release::v3_5, {{
        {cma_alloc_entry, 98}, {cma_mutex_taken, 95}, {isolate_block, 90, 86, 86}, {drain_pcp_begin, 90, 88, 86},
        {isolate_done, 90, 1}, {drain_pcp_cpu, 20, 1}, {drain_lru_begin, 90, 81, 1}, {scan_batch, 67, 17, 4},
        {drain_lru_cpu, 12, 1}, {scan_block, 82, 1}, {contig_migrated, 82, 1}, {contig_outer_start, 82, 1},
        {contig_tested, 81}, {capture_batch, 67, 17, 3}, {contig_captured, 81}, {free_page_prepared, 70, 63, 61},
        {undo_block, 90, 86, 86}, {undo_taken, 67, 42}, {cma_mutex_dropped, 95}, {free_block_typed, 67, 42},
    }}},
    // debugfs_alloc, 2400 runs
    {26, plain, Release::v4_9, {{
        {cma_alloc_entry, 98}, {cma_bitmap_marked, 90, 1, 1}, {cma_mutex_taken, 90, 1, 1},
        {isolate_block, 90, 87, 86}, {drain_pcp_begin, 90, 89, 86}, {isolate_done, 90, 1, 1},
        {drain_pcp_cpu, 20, 2}, {drain_lru_begin, 90, 81, 1}, {scan_batch, 67, 23, 11}, {drain_lru_cpu, 11, 1},
        {scan_block, 82, 40, 23}, {contig_migrated, 82, 1, 1}, {contig_outer_start, 82, 1, 1},
        {cma_bitmap_cleared, 10, 1, 1}, {contig_tested, 82}, {capture_batch, 67, 17, 3}, {contig_captured, 82},
        {free_page_prepared, 71, 64, 62}, {undo_block, 90, 87, 86}, {undo_taken, 68, 43, 1},
        {free_block_typed, 68, 43, 1}, {cma_mutex_dropped, 90, 1, 1},
    }}},
    // debugfs_alloc, 1180 runs
    {26, plain, Release::v5_10, {{
        {cma_alloc_entry, 98}, {cma_bitmap_marked, 91, 2, 1}, {cma_mutex_taken, 91, 2, 1},
        {isolate_block, 91, 88, 87}, {drain_pcp_begin, 91, 88, 87}, {drain_pcp_cpu, 19, 1},
        {isolate_done, 91, 2, 1}, {drain_lru_begin, 91, 82, 1}, {scan_batch, 69, 24, 11}, {drain_lru_cpu, 11, 1},
        {scan_block, 84, 41, 24}, {scan_page_isolated, 2}, {contig_migrated, 84, 1, 1},
        {contig_outer_start, 84, 1, 1}, {cma_bitmap_cleared, 10, 1, 1}, {contig_tested, 83},
        {capture_batch, 68, 17, 3}, {contig_captured, 83}, {free_page_prepared, 72, 65, 63},
        {undo_block, 91, 88, 87}, {cma_mutex_dropped, 91, 2, 1},
    }}},
    // debugfs_alloc, 1150 runs
    {26, plain, Release::v5_15, {{
        {cma_alloc_entry, 98}, {cma_bitmap_marked, 90, 1}, {cma_mutex_taken, 90, 1}, {isolate_block, 90, 87, 86},
        {isolate_done, 90, 1}, {drain_pcp_begin, 90, 1}, {drain_pcp_cpu, 21, 1}, {drain_lru_begin, 90, 1},
        {lru_cache_disabled, 90, 1}, {drain_lru_cpu, 10, 1}, {scan_batch, 68, 24, 11}, {scan_block, 82, 39, 23},
        {scan_page_isolated, 2}, {contig_migrated, 82, 1}, {contig_outer_start, 82, 1},
        {cma_bitmap_cleared, 10, 1}, {migrate_page, 2}, {contig_tested, 82}, {migrate_target, 2},
        {capture_batch, 68, 17, 3}, {contig_captured, 82}, {free_page_prepared, 72, 65, 63},
        {undo_block, 90, 87, 86}, {cma_mutex_dropped, 90, 1},
    }}},
    // debugfs_alloc, 2272 runs
    {26, plain, Release::v6_1, {{
        {cma_alloc_entry, 98}, {cma_bitmap_marked, 90, 1}, {cma_mutex_taken, 90, 1}, {isolate_block, 90, 39, 18},
        {isolate_peek, 57}, {isolate_done, 90, 1}, {drain_pcp_begin, 90, 1}, {drain_pcp_cpu, 21, 1},
        {drain_lru_begin, 90, 1}, {lru_cache_disabled, 90, 1}, {drain_lru_cpu, 10, 1}, {scan_batch, 66, 18, 11},
        {scan_block, 82, 34, 17}, {contig_migrated, 90, 1}, {contig_outer_start, 82, 1},
        {cma_bitmap_cleared, 10, 1}, {contig_tested, 82}, {capture_batch, 66, 16, 3}, {contig_captured, 82},
        {free_page_prepared, 68, 59, 53}, {undo_block, 90, 39, 18}, {cma_mutex_dropped, 90, 1},
    }}},
    // debugfs_alloc, 1151 runs
    {26, plain, Release::v6_12, {{
        {cma_alloc_entry, 98}, {cma_bitmap_marked, 90, 1}, {cma_mutex_taken, 90, 1}, {isolate_block, 90, 39, 18},
        {isolate_done, 90, 1}, {drain_pcp_begin, 90, 1}, {drain_pcp_cpu, 22, 1}, {drain_lru_begin, 90, 1},
        {lru_cache_disabled, 90, 1}, {drain_lru_cpu, 11}, {scan_batch, 66, 18, 11}, {scan_block, 83, 35, 17},
        {contig_migrated, 90, 1}, {contig_outer_start, 83, 1}, {cma_bitmap_cleared, 10, 1}, {contig_tested, 83},
        {capture_batch, 66, 18, 11}, {contig_captured, 82}, {free_page_prepared, 69, 60, 54},
        {undo_block, 90, 39, 18}, {cma_mutex_dropped, 90, 1},
    }}},
    // debugfs_alloc, 603 runs
    {26, moves, Release::v3_5, {{
        {cma_alloc_entry, 97}, {cma_mutex_taken, 91}, {isolate_block, 85, 81, 80}, {drain_pcp_begin, 85, 83, 80},
        {isolate_done, 85, 3, 2}, {drain_lru_begin, 85, 72, 3}, {drain_pcp_cpu, 20, 1}, {scan_batch, 56, 13, 3},
        {drain_lru_cpu, 34, 5}, {scan_block, 73, 3, 2}, {scan_page_isolated, 7, 4, 2}, {contig_migrated, 73, 2, 1},
        {migrate_page, 7, 4, 3}, {contig_outer_start, 73, 2, 1}, {contig_tested, 72}, {migrate_target, 6, 3, 2},
        {capture_batch, 52, 12, 1}, {migrate_locked, 6, 3, 2}, {contig_captured, 71}, {migrate_unmapped, 4, 2, 1},
        {undo_block, 85, 81, 80}, {free_page_prepared, 64, 58, 52}, {migrate_moved, 6, 3, 1},
        {put_page_dropped, 6, 3, 2}, {undo_taken, 59, 29, 1}, {cma_mutex_dropped, 91},
        {free_block_typed, 59, 29, 1},
    }}},
    // debugfs_alloc, 1149 runs
    {26, moves, Release::v4_9, {{
        {cma_alloc_entry, 97}, {cma_bitmap_marked, 86, 2, 1}, {cma_mutex_taken, 86, 2, 1},
        {isolate_block, 86, 83, 82}, {drain_pcp_begin, 86, 85, 82}, {isolate_done, 86, 2, 1},
        {drain_lru_begin, 86, 74, 2}, {drain_pcp_cpu, 21, 1}, {drain_lru_cpu, 33, 4}, {scan_batch, 57, 16, 7},
        {scan_block, 76, 38, 15}, {scan_page_isolated, 7, 4, 2}, {contig_migrated, 75, 2, 1},
        {migrate_page, 7, 4, 3}, {reclaim_clean_page, 2}, {contig_outer_start, 75, 2, 1},
        {migrate_target, 6, 3, 2}, {contig_tested, 74}, {cma_bitmap_cleared, 15, 2, 1}, {migrate_locked, 5, 2, 2},
        {capture_batch, 55, 11, 1}, {contig_captured, 74}, {migrate_unmapped, 4, 2, 2},
        {free_page_prepared, 68, 61, 56}, {undo_block, 86, 83, 82}, {migrate_moved, 6, 2, 2},
        {put_page_dropped, 6, 3, 2}, {undo_taken, 62, 30, 1}, {free_block_typed, 62, 30, 1},
        {cma_mutex_dropped, 86, 2, 1},
    }}},
    // debugfs_alloc, 583 runs
    {26, moves, Release::v5_10, {{
        {cma_alloc_entry, 96}, {cma_bitmap_marked, 85, 2, 1}, {cma_mutex_taken, 85, 2, 1},
        {isolate_block, 85, 82, 81}, {drain_pcp_begin, 85, 82, 81}, {drain_pcp_cpu, 24, 1},
        {isolate_done, 85, 2, 1}, {drain_lru_begin, 85, 73, 2}, {drain_lru_cpu, 34, 4}, {scan_batch, 58, 18, 8},
        {scan_block, 75, 38, 16}, {scan_page_isolated, 9, 4, 2}, {contig_migrated, 74, 2, 1},
        {migrate_page, 7, 4, 3}, {reclaim_clean_page, 2}, {contig_outer_start, 74, 2, 1},
        {cma_bitmap_cleared, 15, 1, 1}, {migrate_target, 7, 3, 2}, {contig_tested, 73}, {migrate_locked, 5, 2, 1},
        {capture_batch, 56, 12, 1}, {alloc_reclaim, 2, 1, 1}, {migrate_unmapped, 4, 2, 1}, {contig_captured, 73},
        {migrate_moved, 7, 2, 1}, {free_page_prepared, 67, 60, 56}, {undo_block, 85, 82, 81},
        {reclaim_priority, 2, 1, 1}, {put_page_dropped, 7, 3, 2}, {cma_mutex_dropped, 85, 2, 1},
        {reclaim_node, 2, 1, 1},
    }}},
    // debugfs_alloc, 550 runs
    {26, moves, Release::v5_15, {{
        {cma_alloc_entry, 97}, {cma_bitmap_marked, 86, 2, 1}, {cma_mutex_taken, 86, 2, 1},
        {isolate_block, 86, 82, 81}, {isolate_done, 86, 2, 1}, {drain_pcp_begin, 86, 2, 1}, {drain_pcp_cpu, 24, 2},
        {drain_lru_begin, 86, 2, 1}, {drain_lru_cpu, 32, 1}, {lru_cache_disabled, 86, 2, 1},
        {scan_batch, 58, 18, 8}, {scan_block, 76, 38, 16}, {scan_page_isolated, 9, 4, 2},
        {contig_migrated, 75, 2, 1}, {reclaim_clean_page, 2}, {migrate_page, 8, 3, 2},
        {contig_outer_start, 75, 2, 1}, {cma_bitmap_cleared, 14, 1, 1}, {migrate_target, 7, 3, 2},
        {contig_tested, 74}, {migrate_locked, 5, 2, 1}, {alloc_reclaim, 2}, {capture_batch, 56, 12, 1},
        {contig_captured, 74}, {reclaim_priority, 2, 1, 1}, {migrate_unmapped, 5, 2, 1},
        {free_page_prepared, 68, 62, 56}, {migrate_moved, 7, 3, 1}, {undo_block, 86, 82, 81},
        {reclaim_node, 2, 1, 1}, {put_page_dropped, 7, 3, 1}, {cma_mutex_dropped, 86, 2, 1},
    }}},
    // debugfs_alloc, 1072 runs
    {26, moves, Release::v6_1, {{
        {cma_alloc_entry, 97}, {cma_bitmap_marked, 85, 1, 1}, {cma_mutex_taken, 85, 1, 1},
        {isolate_block, 85, 38, 14}, {isolate_peek, 43}, {isolate_done, 85, 1, 1}, {drain_pcp_begin, 85, 2, 1},
        {drain_pcp_cpu, 24, 2}, {drain_lru_begin, 85, 1, 1}, {drain_lru_cpu, 32, 1},
        {lru_cache_disabled, 85, 1, 1}, {scan_batch, 55, 12, 7}, {scan_page_isolated, 11, 5, 3},
        {scan_block, 75, 34, 11}, {contig_migrated, 85, 1, 1}, {migrate_page, 9, 3, 2}, {reclaim_clean_page, 2},
        {migrate_target, 8, 3, 2}, {contig_outer_start, 73, 1, 1}, {migrate_locked, 7, 3, 1}, {contig_tested, 73},
        {alloc_reclaim, 2}, {cma_bitmap_cleared, 15, 1, 1}, {reclaim_priority, 2, 1, 1},
        {migrate_unmapped, 7, 3, 1}, {capture_batch, 52, 10, 1}, {contig_captured, 73},
        {free_page_prepared, 65, 56, 49}, {migrate_moved, 8, 3, 1}, {reclaim_node, 2, 1, 1},
        {undo_block, 85, 38, 14}, {put_page_dropped, 8, 3, 1}, {cma_mutex_dropped, 85, 1, 1},
    }}},
    // debugfs_alloc, 536 runs
    {26, moves, Release::v6_12, {{
        {cma_alloc_entry, 97}, {cma_bitmap_marked, 86, 2, 1}, {cma_mutex_taken, 86, 2, 1},
        {isolate_block, 86, 39, 14}, {isolate_done, 86, 2, 1}, {drain_pcp_begin, 86, 2, 1},
        {drain_lru_begin, 86, 2, 1}, {drain_pcp_cpu, 25, 2}, {drain_lru_cpu, 33, 1},
        {lru_cache_disabled, 86, 2, 1}, {scan_batch, 55, 14, 7}, {scan_block, 75, 36, 12},
        {scan_page_isolated, 9, 3, 2}, {contig_migrated, 86, 2, 1}, {migrate_page, 8, 2, 1},
        {reclaim_clean_page, 2}, {contig_outer_start, 75, 2, 1}, {migrate_target, 7, 2, 1},
        {cma_bitmap_cleared, 14, 1, 1}, {contig_tested, 74}, {migrate_locked, 7, 2, 1}, {capture_batch, 53, 12, 5},
        {migrate_unmapped, 7, 2, 1}, {contig_captured, 73}, {free_page_prepared, 65, 56, 49},
        {undo_block, 86, 39, 14}, {migrate_moved, 7, 2, 1}, {put_page_dropped, 7, 2, 1},
        {cma_mutex_dropped, 86, 2, 1},
    }}},
    // debugfs_alloc, 608 runs
    {26, in_way, Release::v3_5, {{
        {cma_alloc_entry, 100}, {cma_bitmap_marked, 87, 5, 2}, {cma_mutex_taken, 100, 5, 2},
        {isolate_block, 100, 85, 75}, {drain_pcp_begin, 100, 52, 49}, {isolate_done, 100, 10, 6},
        {isolate_peek, 7}, {drain_lru_begin, 100, 47, 8}, {lru_cache_disabled, 50, 2}, {scan_batch, 70, 35, 27},
        {scan_page_isolated, 77, 33, 8}, {drain_lru_cpu, 46, 18, 3}, {scan_block, 89, 56, 33},
        {drain_pcp_cpu, 38, 7, 2}, {migrate_page, 64, 26, 8}, {reclaim_clean_page, 19, 8, 3},
        {migrate_target, 64, 26, 8}, {migrate_locked, 49, 22, 6}, {cma_bitmap_cleared, 17, 3, 2},
        {migrate_moved, 61, 22, 3}, {migrate_unmapped, 30, 11, 1}, {put_page_dropped, 64, 26, 8},
        {free_page_prepared, 88, 80, 65}, {contig_migrated, 93, 9, 6}, {contig_outer_start, 89, 9, 6},
        {contig_tested, 89}, {undo_block, 100, 85, 75}, {undo_taken, 29, 16, 6}, {capture_batch, 66, 31, 13},
        {contig_captured, 89}, {free_block_typed, 29, 16, 6}, {cma_mutex_dropped, 100, 5, 2},
    }}},
    // debugfs_free, 1081 runs
    {27, large, Release::v3_5, {{
        {free_page_prepared, 71, 64, 56}, {cma_release_pages_freed, 71, 4},
    }}},
    // block_device_page, 3171 runs
    {37, moves, Release::v3_5, {{
        {isolate_block, 99, 95, 93}, {drain_pcp_begin, 99, 97, 94}, {isolate_done, 99, 30, 6},
        {drain_pcp_cpu, 22, 2}, {drain_lru_begin, 99, 88, 29}, {scan_block, 89, 29, 6},
        {contig_migrated, 89, 29, 6}, {scan_page_isolated, 2}, {contig_outer_start, 89, 29, 6}, {scan_batch, 14},
        {migrate_page, 2}, {contig_tested, 88, 29, 6}, {drain_lru_cpu, 51, 23, 6}, {capture_batch, 79, 2},
        {migrate_target, 2}, {contig_captured, 88, 29, 6}, {migrate_locked, 2}, {free_page_prepared, 87, 84, 82},
        {undo_block, 99, 95, 93}, {migrate_moved, 2}, {undo_taken, 70, 45, 14}, {put_page_dropped, 2},
        {free_block_typed, 70, 45, 14},
    }}},
    // block_device_page, 1031 runs
    {37, moves, Release::v5_10, {{
        {isolate_block, 98, 93, 92}, {drain_pcp_begin, 98, 93, 92}, {isolate_done, 98, 26, 5},
        {drain_pcp_cpu, 23, 2}, {drain_lru_begin, 97, 86, 25}, {scan_block, 88, 25, 5},
        {contig_migrated, 87, 25, 5}, {scan_batch, 14}, {contig_outer_start, 87, 25, 5}, {scan_page_isolated, 2},
        {drain_lru_cpu, 48, 20, 5}, {contig_tested, 87, 25, 5}, {migrate_page, 2}, {capture_batch, 79, 2},
        {contig_captured, 86, 25, 5}, {migrate_target, 2}, {migrate_locked, 2}, {free_page_prepared, 86, 83, 81},
        {undo_block, 98, 93, 92}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // block_device_page, 1041 runs
    {37, moves, Release::v5_15, {{
        {isolate_block, 98, 93, 92}, {isolate_done, 98, 26, 5}, {drain_pcp_begin, 98, 26, 5},
        {drain_lru_begin, 98, 26, 5}, {drain_pcp_cpu, 25, 3}, {lru_cache_disabled, 98, 26, 5},
        {scan_block, 89, 26, 5}, {contig_migrated, 88, 26, 5}, {scan_batch, 14}, {drain_lru_cpu, 47, 20, 5},
        {scan_page_isolated, 2}, {contig_outer_start, 88, 26, 5}, {contig_tested, 88, 26, 5}, {migrate_page, 2},
        {capture_batch, 79, 2}, {migrate_target, 2}, {contig_captured, 88, 26, 5}, {migrate_locked, 2},
        {free_page_prepared, 87, 84, 82}, {migrate_unmapped, 2}, {undo_block, 98, 93, 92}, {migrate_moved, 2},
        {put_page_dropped, 2},
    }}},
    // block_device_page, 2098 runs
    {37, moves, Release::v6_1, {{
        {isolate_block, 99, 26, 4}, {isolate_peek, 80, 17}, {isolate_done, 99, 26, 4},
        {drain_pcp_begin, 99, 26, 4}, {drain_pcp_cpu, 25, 2}, {drain_lru_begin, 99, 26, 4},
        {lru_cache_disabled, 99, 26, 4}, {scan_block, 90, 26, 4}, {contig_migrated, 99, 26, 4},
        {scan_page_isolated, 2}, {drain_lru_cpu, 47, 19, 4}, {scan_batch, 14}, {contig_outer_start, 90, 26, 4},
        {contig_tested, 89, 25, 4}, {migrate_page, 2}, {migrate_target, 2}, {capture_batch, 51},
        {contig_captured, 89, 25, 4}, {migrate_locked, 2}, {free_page_prepared, 89, 85, 84}, {migrate_unmapped, 2},
        {undo_block, 99, 26, 4}, {migrate_moved, 2}, {put_page_dropped, 2},
    }}},
    // block_device_page, 1052 runs
    {37, moves, Release::v6_12, {{
        {isolate_block, 99, 27, 5}, {isolate_done, 99, 27, 5}, {drain_pcp_begin, 99, 27, 5},
        {drain_lru_begin, 99, 27, 5}, {drain_pcp_cpu, 28, 3}, {lru_cache_disabled, 99, 27, 5},
        {scan_block, 90, 26, 5}, {contig_migrated, 99, 27, 5}, {drain_lru_cpu, 48, 20, 4}, {scan_batch, 14},
        {scan_page_isolated, 2}, {contig_outer_start, 89, 26, 5}, {contig_tested, 89, 26, 5}, {migrate_page, 2},
        {capture_batch, 51}, {contig_captured, 88, 26, 5}, {migrate_target, 2}, {free_page_prepared, 88, 85, 83},
        {undo_block, 99, 27, 5}, {migrate_locked, 2}, {migrate_unmapped, 2}, {migrate_moved, 2},
        {put_page_dropped, 2},
    }}},
    // block_device_page, 40 runs
    {37, in_way, Release::v3_5, {{
        {isolate_block, 100, 82, 75}, {drain_pcp_begin, 100, 75, 65}, {isolate_done, 100, 27, 7},
        {drain_lru_begin, 100, 60, 17}, {lru_cache_disabled, 43, 17, 7}, {scan_batch, 30}, {scan_block, 85, 27, 7},
        {scan_page_isolated, 40}, {migrate_page, 40, 5, 5}, {contig_migrated, 83, 27, 7},
        {migrate_target, 40, 5, 5}, {contig_outer_start, 80, 27, 7}, {migrate_locked, 40, 5, 5},
        {undo_block, 100, 82, 75}, {migrate_unmapped, 13, 5, 5}, {free_page_prepared, 43, 42, 42},
        {migrate_moved, 35}, {put_page_dropped, 40, 5, 5}, {drain_pcp_cpu, 35, 7}, {drain_lru_cpu, 43, 17, 7},
        {contig_tested, 38, 27, 7}, {undo_taken, 23, 22, 7}, {contig_captured, 38, 27, 7},
        {free_block_typed, 23, 22, 7}, {capture_batch, 30},
    }}},
    // block_device_page, 1386 runs
    {37, doubtful, Release::v3_5, {{
        {isolate_block, 74, 48, 44}, {alloc_reclaim, 3}, {reclaim_priority, 3, 2, 2},
        {drain_pcp_begin, 74, 42, 36}, {isolate_done, 73, 9, 2}, {reclaim_node, 3, 2, 2},
        {drain_lru_begin, 73, 38, 6}, {zap_range_done, 3, 2, 1}, {lru_cache_disabled, 35, 4, 1},
        {zap_unflushed, 3}, {drain_pcp_cpu, 26, 5}, {scan_page_isolated, 26, 2}, {scan_block, 66, 9, 2},
        {scan_batch, 19}, {alloc_retry, 3}, {drain_lru_cpu, 29, 11, 3}, {migrate_page, 18, 4, 2},
        {reclaim_clean_page, 10, 1, 1}, {contig_migrated, 68, 9, 2}, {migrate_target, 18, 4, 2},
        {contig_outer_start, 66, 9, 2}, {migrate_locked, 15, 3, 2}, {free_page_prepared, 32, 22, 20},
        {migrate_moved, 16, 1}, {undo_block, 74, 48, 44}, {migrate_unmapped, 9, 1, 1},
        {put_page_dropped, 18, 4, 2}, {undo_taken, 17, 11, 2}, {contig_tested, 28, 8, 2},
        {free_block_typed, 17, 11, 2}, {capture_batch, 14}, {contig_captured, 28, 8, 2},
    }}},
    // mmap_anon, 3123 runs
    {44, plain, Release::v3_5, {{
        {fault_allocated, 100, 95, 87},
    }}},
    // mmap_anon, 804 runs
    {44, moves, Release::v3_5, {{
        {isolate_block, 99, 75, 59}, {isolate_peek, 19}, {drain_pcp_begin, 99, 69, 47}, {isolate_done, 99, 41},
        {drain_lru_begin, 99, 65, 20}, {drain_pcp_cpu, 23, 3}, {lru_cache_disabled, 50, 21}, {scan_batch, 51},
        {scan_block, 94, 41}, {scan_page_isolated, 6, 1}, {contig_migrated, 94, 41}, {contig_outer_start, 92, 41},
        {migrate_page, 5, 1}, {alloc_reclaim, 2}, {contig_tested, 88, 36}, {reclaim_priority, 2, 1, 1},
        {migrate_target, 4, 1}, {drain_lru_cpu, 48, 13}, {capture_batch, 70}, {reclaim_node, 2, 1, 1},
        {migrate_locked, 4, 1}, {contig_captured, 88, 36}, {migrate_unmapped, 4, 1},
        {free_page_prepared, 85, 79, 75}, {undo_block, 99, 75, 59}, {undo_taken, 28, 24, 10},
        {migrate_moved, 3, 1}, {free_block_typed, 29, 24, 10}, {put_page_dropped, 3, 1}, {fault_allocated, 88, 36},
    }}},
    // mmap_anon, 815 runs
    {44, doubtful, Release::v3_5, {{
        {isolate_block, 94, 92, 91}, {drain_pcp_begin, 94, 93, 92}, {isolate_done, 94, 73, 55},
        {drain_lru_begin, 94, 86, 73}, {drain_pcp_cpu, 24, 4}, {scan_block, 87, 73, 55},
        {contig_migrated, 87, 73, 55}, {contig_outer_start, 87, 73, 55}, {scan_page_isolated, 3, 1},
        {contig_tested, 79, 72, 55}, {capture_batch, 70, 10}, {migrate_page, 3, 2, 1}, {scan_batch, 29},
        {contig_captured, 79, 72, 55}, {free_page_prepared, 80, 78, 77}, {undo_block, 94, 92, 91},
        {migrate_target, 3, 1, 1}, {drain_lru_cpu, 77, 71, 54}, {migrate_locked, 3, 1, 1},
        {migrate_unmapped, 3, 1, 1}, {undo_taken, 72, 65, 56}, {free_block_typed, 72, 65, 56},
        {fault_allocated, 81, 75, 57}, {migrate_moved, 3, 1}, {put_page_dropped, 3, 1, 1},
    }}},
    // mmap_anon, 265 runs
    {44, doubtful, Release::v5_10, {{
        {isolate_block, 93, 91, 90}, {drain_pcp_begin, 93, 91, 90}, {alloc_reclaim, 2, 1},
        {isolate_done, 93, 67, 49}, {reclaim_priority, 2, 1, 1}, {drain_pcp_cpu, 27, 6, 1},
        {drain_lru_begin, 93, 86, 67}, {reclaim_node, 2, 1, 1}, {zap_range_done, 2, 1, 1}, {alloc_retry, 2},
        {scan_block, 87, 67, 49}, {zap_unflushed, 2}, {contig_migrated, 87, 67, 49},
        {contig_outer_start, 87, 67, 49}, {scan_page_isolated, 4, 1, 1}, {contig_tested, 79, 65, 49},
        {scan_batch, 27}, {capture_batch, 70, 9}, {migrate_page, 4, 2, 1}, {contig_captured, 79, 65, 49},
        {drain_lru_cpu, 72, 64, 48}, {free_page_prepared, 80, 78, 77}, {migrate_target, 4, 1, 1},
        {undo_block, 93, 91, 90}, {migrate_locked, 4, 1, 1}, {fault_allocated, 81, 69, 52},
        {migrate_unmapped, 4, 1, 1}, {migrate_moved, 4, 1, 1}, {put_page_dropped, 4, 1, 1},
    }}},
    // mmap_anon, 269 runs
    {44, doubtful, Release::v5_15, {{
        {isolate_block, 93, 91, 89}, {isolate_done, 92, 63, 49}, {drain_pcp_begin, 92, 63, 49},
        {drain_lru_begin, 92, 63, 49}, {alloc_reclaim, 4}, {zap_range_done, 2, 1, 1}, {alloc_retry, 2},
        {lru_cache_disabled, 92, 63, 49}, {reclaim_priority, 4, 3, 3}, {drain_pcp_cpu, 29, 7, 1},
        {zap_unflushed, 2}, {reclaim_node, 4, 3, 3}, {scan_block, 86, 63, 49}, {contig_migrated, 84, 63, 49},
        {scan_page_isolated, 8, 2, 1}, {contig_outer_start, 84, 63, 49}, {migrate_page, 8, 2, 2},
        {contig_tested, 79, 62, 49}, {scan_batch, 26}, {capture_batch, 69, 8}, {hugetlb_allocated, 2},
        {migrate_target, 6, 2, 2}, {drain_lru_cpu, 67, 60, 46}, {contig_captured, 79, 62, 49},
        {free_page_prepared, 80, 78, 78}, {migrate_locked, 5, 2, 1}, {undo_block, 93, 91, 89},
        {migrate_unmapped, 5, 2, 1}, {migrate_moved, 5, 1, 1}, {fault_allocated, 80, 65, 51},
        {put_page_dropped, 6, 2, 2},
    }}},
    // mmap_anon, 539 runs
    {44, doubtful, Release::v6_1, {{
        {isolate_block, 93, 64, 49}, {isolate_peek, 67, 17}, {isolate_done, 93, 64, 49},
        {drain_pcp_begin, 93, 64, 49}, {drain_lru_begin, 93, 64, 49}, {alloc_reclaim, 4, 1},
        {lru_cache_disabled, 93, 64, 49}, {reclaim_priority, 4, 3, 3}, {alloc_retry, 2}, {drain_pcp_cpu, 31, 6, 1},
        {scan_block, 87, 64, 49}, {reclaim_node, 4, 3, 3}, {scan_page_isolated, 9, 2, 1},
        {contig_migrated, 93, 64, 49}, {contig_outer_start, 85, 64, 49}, {hugetlb_allocated, 2},
        {migrate_page, 9, 3, 3}, {contig_tested, 79, 63, 49}, {scan_batch, 25}, {migrate_target, 7, 3, 3},
        {contig_captured, 79, 63, 49}, {drain_lru_cpu, 68, 61, 47}, {free_page_prepared, 80, 78, 78},
        {capture_batch, 53}, {migrate_locked, 6, 3, 3}, {undo_block, 93, 64, 49}, {migrate_unmapped, 6, 3, 2},
        {migrate_moved, 5, 2, 1}, {fault_allocated, 81, 66, 51}, {put_page_dropped, 6, 3, 3},
    }}},
    // mmap_anon, 260 runs
    {44, doubtful, Release::v6_12, {{
        {isolate_block, 92, 65, 49}, {isolate_done, 92, 65, 49}, {drain_pcp_begin, 92, 65, 49},
        {drain_lru_begin, 92, 65, 49}, {alloc_reclaim, 3}, {alloc_retry, 2}, {drain_pcp_cpu, 33, 9},
        {reclaim_priority, 3, 2, 2}, {lru_cache_disabled, 92, 65, 49}, {reclaim_node, 3, 2, 2},
        {scan_block, 87, 64, 49}, {contig_migrated, 92, 65, 49}, {contig_outer_start, 86, 64, 49},
        {scan_page_isolated, 7, 2, 1}, {contig_tested, 82, 63, 49}, {scan_batch, 27}, {hugetlb_allocated, 2},
        {migrate_page, 7, 3, 2}, {contig_captured, 82, 63, 49}, {drain_lru_cpu, 69, 60, 46},
        {free_page_prepared, 83, 81, 80}, {capture_batch, 55}, {migrate_target, 6, 3, 2}, {undo_block, 92, 65, 49},
        {migrate_locked, 6, 3, 2}, {fault_allocated, 84, 66, 51}, {migrate_unmapped, 6, 3, 2},
        {migrate_moved, 5, 1, 1}, {put_page_dropped, 6, 3, 2},
    }}},
    // write, 1698 runs
    {45, plain, Release::v3_5, {{
        {fault_allocated, 8, 5, 4}, {huge_fault_allocated, 6, 3, 1},
    }}},
    // write, 155 runs
    {45, large, Release::v3_5, {{
        {huge_fault_allocated, 28, 9, 6}, {split_pmd_referenced, 22, 12, 9}, {shared_fault_locked, 11},
        {fault_allocated, 50, 43, 34},
    }}},
    // munmap, 257 runs
    {46, plain, Release::v3_5, {{
        {split_pmd_referenced, 30, 6}, {zap_range_done, 100, 27, 17}, {split_unmapped, 30, 3},
        {zap_unflushed, 100}, {free_page_prepared, 68, 48, 40}, {free_block_typed, 18, 10, 8},
    }}},
    // munmap, 761 runs
    {46, plain, Release::v4_9, {{
        {split_pmd_referenced, 29, 3}, {zap_range_done, 100, 29, 18}, {zap_unflushed, 100},
        {free_page_prepared, 60, 24, 19}, {free_block_typed, 20, 12, 8},
    }}},
    // munmap, 986 runs
    {46, plain, Release::v5_15, {{
        {split_pmd_referenced, 26, 2}, {zap_range_done, 100, 27, 20}, {zap_unflushed, 100},
        {free_page_prepared, 70, 39, 30},
    }}},
    // mlock, 655 runs
    {47, plain, Release::v3_5, {{
        {drain_lru_begin, 24}, {mlock_walked, 84}, {drain_lru_cpu, 9},
    }}},
    // fork, 6184 runs
    {48, plain, Release::v3_5, {{
        {fork_referenced, 13, 8, 6}, {fork_unlocked, 5, 3, 1},
    }}},
    // fork, 1009 runs
    {48, large, Release::v3_5, {{
        {fork_referenced, 92, 70, 60}, {fork_unlocked, 42, 32, 22},
    }}},
    // exit, 2466 runs
    {49, plain, Release::v3_5, {{
        {zap_range_done, 15, 7, 5}, {zap_unflushed, 100}, {free_page_prepared, 8, 4, 3},
        {free_block_typed, 3, 1, 1},
    }}},
    // exit, 412 runs
    {49, large, Release::v3_5, {{
        {zap_range_done, 100, 44, 20}, {zap_unflushed, 100}, {free_page_prepared, 77, 51, 49},
        {free_block_typed, 8, 2},
    }}},
    // read, 1029 runs
    {52, plain, Release::v3_5, {{
        {file_page_allocated, 99, 41, 33}, {io_submitted, 19, 6, 5},
    }}},
    // read, 753 runs
    {52, moves, Release::v3_5, {{
        {isolate_block, 95, 92, 92}, {drain_pcp_begin, 95, 93, 92}, {isolate_done, 95, 37, 6},
        {drain_pcp_cpu, 19, 3}, {drain_lru_begin, 95, 84, 37}, {scan_block, 85, 37, 6}, {scan_batch, 31},
        {contig_migrated, 85, 37, 6}, {contig_outer_start, 85, 37, 6}, {contig_tested, 83, 34, 6},
        {scan_page_isolated, 2}, {capture_batch, 70, 1}, {contig_captured, 83, 34, 6}, {drain_lru_cpu, 49, 24, 6},
        {migrate_page, 2}, {free_page_prepared, 81, 77, 74}, {undo_block, 95, 92, 92}, {migrate_target, 2},
        {undo_taken, 75, 57, 26}, {migrate_locked, 2}, {free_block_typed, 75, 57, 26}, {migrate_moved, 2},
        {file_page_allocated, 83, 34, 6}, {put_page_dropped, 2}, {io_submitted, 16, 5, 1},
    }}},
    // read, 244 runs
    {52, moves, Release::v5_10, {{
        {isolate_block, 96, 93, 93}, {drain_pcp_begin, 96, 93, 93}, {isolate_done, 96, 36, 6},
        {drain_lru_begin, 96, 85, 35}, {drain_pcp_cpu, 23, 4}, {scan_block, 87, 35, 6}, {scan_batch, 32},
        {contig_migrated, 87, 35, 6}, {contig_outer_start, 87, 35, 6}, {contig_tested, 85, 32, 6},
        {scan_page_isolated, 3}, {capture_batch, 73, 2}, {drain_lru_cpu, 48, 25, 6}, {contig_captured, 85, 32, 6},
        {migrate_page, 3}, {free_page_prepared, 84, 79, 76}, {undo_block, 96, 93, 93}, {migrate_target, 3},
        {migrate_locked, 3}, {migrate_unmapped, 2}, {file_page_allocated, 85, 32, 5}, {io_submitted, 17, 6, 1},
        {migrate_moved, 3}, {put_page_dropped, 3},
    }}},
    // read, 233 runs
    {52, moves, Release::v5_15, {{
        {isolate_block, 96, 93, 93}, {isolate_done, 96, 36, 8}, {drain_pcp_begin, 96, 36, 8},
        {drain_lru_begin, 96, 36, 8}, {lru_cache_disabled, 96, 36, 8}, {drain_pcp_cpu, 26, 5},
        {scan_block, 88, 36, 8}, {scan_batch, 33}, {contig_migrated, 88, 36, 8}, {contig_outer_start, 88, 36, 8},
        {hugetlb_allocated, 2}, {contig_tested, 87, 33, 8}, {capture_batch, 73, 1}, {drain_lru_cpu, 46, 22, 8},
        {contig_captured, 87, 33, 8}, {scan_page_isolated, 3}, {free_page_prepared, 85, 81, 77},
        {undo_block, 96, 93, 93}, {migrate_page, 3}, {migrate_target, 3}, {migrate_locked, 3},
        {file_page_allocated, 87, 33, 8}, {io_submitted, 16, 4, 1}, {migrate_moved, 3}, {put_page_dropped, 3},
    }}},
    // read, 481 runs
    {52, moves, Release::v6_1, {{
        {isolate_block, 98, 37, 7}, {isolate_peek, 76, 11}, {isolate_done, 98, 37, 7},
        {drain_pcp_begin, 98, 37, 7}, {drain_lru_begin, 98, 37, 7}, {lru_cache_disabled, 98, 37, 7},
        {drain_pcp_cpu, 27, 4}, {scan_block, 88, 37, 7}, {scan_batch, 33}, {contig_migrated, 98, 37, 7},
        {contig_outer_start, 88, 37, 7}, {scan_page_isolated, 3}, {contig_tested, 88, 35, 7}, {migrate_page, 3},
        {drain_lru_cpu, 46, 23, 7}, {capture_batch, 56}, {contig_captured, 88, 35, 7}, {migrate_target, 3},
        {free_page_prepared, 86, 82, 79}, {undo_block, 98, 37, 7}, {migrate_locked, 3}, {migrate_unmapped, 2},
        {file_page_allocated, 87, 35, 7}, {migrate_moved, 3}, {put_page_dropped, 4}, {io_submitted, 16, 5, 1},
    }}},
    // read, 232 runs
    {52, moves, Release::v6_12, {{
        {isolate_block, 97, 37, 8}, {isolate_done, 97, 37, 8}, {drain_pcp_begin, 97, 37, 8},
        {drain_lru_begin, 97, 37, 8}, {lru_cache_disabled, 97, 37, 8}, {drain_pcp_cpu, 29, 6},
        {scan_block, 88, 37, 8}, {scan_batch, 35}, {contig_migrated, 97, 37, 8}, {contig_outer_start, 88, 37, 8},
        {scan_page_isolated, 3}, {hugetlb_allocated, 2}, {contig_tested, 88, 35, 8}, {capture_batch, 55},
        {migrate_page, 3}, {contig_captured, 88, 35, 8}, {drain_lru_cpu, 45, 22, 7}, {migrate_target, 3},
        {free_page_prepared, 85, 82, 78}, {undo_block, 97, 37, 8}, {migrate_locked, 3}, {migrate_unmapped, 3},
        {file_page_allocated, 87, 35, 8}, {migrate_moved, 3}, {io_submitted, 15, 5, 1}, {put_page_dropped, 3},
    }}},
    // read, 18 runs
    {52, in_way, Release::v3_5, {{
        {isolate_block, 100, 83, 83}, {drain_pcp_begin, 100, 77, 77}, {isolate_done, 100, 55, 33},
        {drain_lru_begin, 100, 77, 55}, {lru_cache_disabled, 34, 11, 11}, {scan_block, 100, 55, 33},
        {drain_lru_cpu, 100, 55, 33}, {scan_page_isolated, 62}, {migrate_page, 62}, {migrate_locked, 45},
        {contig_migrated, 100, 55, 33}, {migrate_target, 62}, {migrate_unmapped, 45},
        {contig_outer_start, 100, 55, 33}, {contig_tested, 100, 50, 33}, {migrate_moved, 62},
        {contig_captured, 100, 50, 33}, {free_page_prepared, 95, 77, 33}, {put_page_dropped, 62},
        {undo_taken, 50, 50, 16}, {undo_block, 100, 83, 83}, {free_block_typed, 50, 50, 16},
        {file_page_allocated, 100, 50, 33}, {drain_pcp_cpu, 28},
    }}},
    // read, 255 runs
    {52, doubtful, Release::v3_5, {{
        {isolate_block, 76, 46, 45}, {alloc_reclaim, 4}, {reclaim_priority, 4, 3, 3},
        {drain_pcp_begin, 76, 38, 36}, {isolate_done, 76, 8, 1}, {reclaim_node, 4, 3, 3},
        {drain_lru_begin, 76, 32, 6}, {lru_cache_disabled, 40, 1}, {scan_batch, 20}, {scan_block, 64, 8, 1},
        {scan_page_isolated, 17, 1}, {drain_lru_cpu, 20, 5, 2}, {reclaim_clean_page, 2}, {drain_pcp_cpu, 16, 2},
        {migrate_page, 15, 3}, {contig_migrated, 69, 8, 1}, {migrate_target, 15, 3},
        {contig_outer_start, 64, 8, 1}, {migrate_locked, 14, 3}, {io_submitted, 6, 3, 2}, {undo_block, 76, 46, 45},
        {migrate_unmapped, 10}, {migrate_writeout, 1}, {migrate_moved, 15, 1}, {free_page_prepared, 24, 18, 13},
        {put_page_dropped, 15, 3}, {undo_taken, 20, 9, 3}, {file_page_allocated, 31, 13, 10},
        {free_block_typed, 20, 9, 3}, {contig_tested, 23, 4, 1}, {capture_batch, 13}, {contig_captured, 23, 4, 1},
    }}},
    // bread, 321 runs
    {53, plain, Release::v3_5, {{
        {file_page_allocated, 95, 38, 37}, {put_page_dropped, 3}, {io_submitted, 7, 1, 1}, {free_page_prepared, 3},
    }}},
    // bread, 409 runs
    {53, moves, Release::v3_5, {{
        {isolate_block, 91, 60, 53}, {isolate_peek, 18, 2}, {drain_pcp_begin, 91, 54, 43},
        {isolate_done, 91, 22, 1}, {drain_pcp_cpu, 28, 3}, {drain_lru_begin, 91, 50, 13},
        {lru_cache_disabled, 44, 9}, {scan_block, 79, 22, 1}, {contig_migrated, 84, 22, 1}, {scan_batch, 14},
        {contig_outer_start, 79, 22, 1}, {contig_tested, 78, 22, 1}, {capture_batch, 60, 1},
        {drain_lru_cpu, 38, 13}, {contig_captured, 78, 22, 1}, {free_page_prepared, 78, 77, 75},
        {undo_block, 91, 60, 53}, {undo_taken, 25, 16, 4}, {free_block_typed, 25, 16, 4},
        {file_page_allocated, 78, 22, 1}, {io_submitted, 10}, {put_page_dropped, 1},
    }}},
    // bread, 25 runs
    {53, doubtful, Release::v3_5, {{
        {isolate_block, 56, 36, 36}, {isolate_peek, 8, 8}, {drain_pcp_begin, 56, 36, 32},
        {isolate_done, 56, 20, 20}, {drain_lru_begin, 56, 36, 20}, {drain_pcp_cpu, 24},
        {file_page_allocated, 52, 52, 52}, {lru_cache_disabled, 28, 8, 8}, {scan_block, 56, 20, 20},
        {io_submitted, 52, 52, 52}, {scan_page_isolated, 20}, {contig_tested, 20, 20, 20},
        {migrate_page, 20, 20, 20}, {capture_batch, 20}, {contig_migrated, 56, 20, 20},
        {migrate_target, 20, 20, 20}, {contig_captured, 20, 20, 20}, {contig_outer_start, 56, 20, 20},
        {drain_lru_cpu, 44, 40, 20}, {migrate_locked, 20, 20, 20}, {undo_taken, 12, 12, 12},
        {migrate_unmapped, 8, 8, 8}, {free_page_prepared, 40, 40, 40}, {put_page_dropped, 20, 20, 20},
        {undo_block, 56, 36, 36}, {free_block_typed, 12, 12, 12},
    }}},
    // truncate, 2959 runs
    {54, plain, Release::v3_5, {{
        {truncate_locked, 2}, {truncate_removed, 2},
    }}},
    // truncate, 215 runs
    {54, large, Release::v3_5, {{
        {truncate_locked, 87, 40, 28}, {truncate_removed, 87, 40, 28}, {free_page_prepared, 53, 33, 26},
    }}},
    // drop, 3058 runs
    {55, plain, Release::v3_5, {{
        {drop_locked, 3}, {free_page_prepared, 2},
    }}},
    // drop, 234 runs
    {55, large, Release::v3_5, {{
        {drop_locked, 82, 42, 23}, {free_page_prepared, 30, 15, 7},
    }}},
    // writeback, 299 runs
    {57, plain, Release::v3_5, {{
        {io_submitted, 3, 1},
    }}},
    // madv_free, 647 runs
    {63, plain, Release::v3_5, {{
        {free_page_prepared, 2, 1},
    }}},
    // lru_cache_off, 8357 runs
    {64, plain, Release::v3_5, {{
        {drain_lru_begin, 100}, {drain_lru_cpu, 16}, {lru_cache_disabled, 100},
    }}},
    // mmap_huge, 3721 runs
    {65, plain, Release::v3_5, {{
        {huge_fault_allocated, 99, 45, 37}, {alloc_reclaim, 3, 1}, {alloc_compacted, 1},
        {reclaim_priority, 3, 2, 2}, {reclaim_node, 3, 2, 2}, {zap_range_done, 2, 1, 1}, {alloc_retry, 2},
        {free_page_prepared, 2}, {zap_unflushed, 2}, {fault_allocated, 2, 1, 1},
    }}},
    // mmap_huge, 651 runs
    {65, doubtful, Release::v3_5, {{
        {isolate_block, 60, 57, 56}, {drain_pcp_begin, 60, 58, 57}, {isolate_done, 60, 16, 11},
        {drain_pcp_cpu, 14, 3}, {drain_lru_begin, 60, 53, 16}, {scan_block, 54, 16, 11}, {scan_batch, 41, 14, 7},
        {contig_migrated, 54, 16, 11}, {contig_outer_start, 54, 16, 11}, {contig_tested, 38, 15, 11},
        {drain_lru_cpu, 27, 16, 9}, {scan_page_isolated, 3, 1}, {capture_batch, 37, 13, 7},
        {contig_captured, 38, 15, 11}, {undo_block, 60, 57, 56}, {migrate_page, 3, 1},
        {free_page_prepared, 35, 34, 34}, {migrate_target, 3, 1}, {undo_taken, 41, 26, 11}, {migrate_locked, 3, 1},
        {migrate_unmapped, 2}, {free_block_typed, 41, 26, 11}, {migrate_moved, 2}, {put_page_dropped, 3, 1},
    }}},
    // mmap_huge, 1277 runs
    {65, doubtful, Release::v4_9, {{
        {isolate_block, 59, 56, 56}, {drain_pcp_begin, 59, 58, 56}, {isolate_done, 59, 17, 12},
        {drain_lru_begin, 59, 53, 17}, {drain_pcp_cpu, 15, 2}, {scan_block, 54, 17, 12}, {scan_batch, 41, 15, 7},
        {drain_lru_cpu, 11, 1}, {contig_migrated, 54, 17, 12}, {contig_outer_start, 54, 17, 12},
        {contig_tested, 39, 16, 12}, {scan_page_isolated, 3, 1}, {capture_batch, 38, 14, 8}, {migrate_page, 3, 1},
        {contig_captured, 39, 16, 12}, {undo_block, 59, 56, 56}, {free_page_prepared, 37, 36, 35},
        {migrate_target, 3, 1}, {undo_taken, 41, 28, 12}, {migrate_locked, 3, 1}, {migrate_unmapped, 2},
        {free_block_typed, 41, 28, 12}, {migrate_moved, 2}, {put_page_dropped, 3, 1},
    }}},
    // mmap_huge, 648 runs
    {65, doubtful, Release::v5_10, {{
        {isolate_block, 59, 55, 55}, {drain_pcp_begin, 59, 55, 55}, {isolate_done, 59, 16, 12},
        {drain_pcp_cpu, 14, 2}, {drain_lru_begin, 59, 52, 16}, {scan_block, 54, 16, 12}, {scan_batch, 42, 15, 8},
        {drain_lru_cpu, 11, 1}, {contig_migrated, 53, 16, 12}, {scan_page_isolated, 7, 3, 2},
        {contig_outer_start, 53, 16, 12}, {contig_tested, 39, 15, 12}, {migrate_page, 6, 3, 2},
        {capture_batch, 37, 14, 8}, {migrate_target, 6, 2, 2}, {contig_captured, 39, 15, 12},
        {undo_block, 59, 55, 55}, {migrate_locked, 6, 2, 2}, {free_page_prepared, 35, 34, 33},
        {migrate_unmapped, 5, 2, 2}, {migrate_moved, 5, 2, 1}, {put_page_dropped, 6, 2, 2},
        {free_block_typed, 4, 1},
    }}},
    // mmap_huge, 614 runs
    {65, doubtful, Release::v5_15, {{
        {isolate_block, 59, 56, 55}, {isolate_done, 59, 17, 13}, {drain_pcp_begin, 59, 17, 13},
        {drain_lru_begin, 59, 17, 13}, {drain_lru_cpu, 10}, {lru_cache_disabled, 59, 17, 13},
        {drain_pcp_cpu, 22, 5, 1}, {scan_block, 54, 16, 13}, {scan_batch, 42, 15, 8},
        {contig_migrated, 54, 16, 13}, {scan_page_isolated, 9, 4, 2}, {contig_outer_start, 54, 16, 13},
        {contig_tested, 42, 16, 13}, {migrate_page, 8, 3, 2}, {capture_batch, 39, 15, 8}, {hugetlb_allocated, 3},
        {migrate_target, 8, 3, 2}, {contig_captured, 42, 16, 13}, {free_page_prepared, 40, 36, 36},
        {undo_block, 59, 56, 55}, {migrate_locked, 8, 3, 2}, {migrate_unmapped, 7, 3, 2}, {migrate_moved, 7, 2, 2},
        {put_page_dropped, 7, 3, 2},
    }}},
    // mmap_huge, 1277 runs
    {65, doubtful, Release::v6_1, {{
        {isolate_block, 59, 17, 13}, {isolate_peek, 36, 15, 8}, {isolate_done, 59, 17, 13},
        {drain_pcp_begin, 59, 17, 13}, {drain_lru_begin, 59, 17, 13}, {drain_lru_cpu, 9},
        {drain_pcp_cpu, 20, 4, 1}, {lru_cache_disabled, 59, 17, 13}, {scan_block, 53, 16, 12},
        {scan_batch, 41, 15, 8}, {contig_migrated, 59, 17, 13}, {scan_page_isolated, 8, 3, 2},
        {contig_outer_start, 54, 17, 13}, {migrate_page, 8, 3, 2}, {contig_tested, 40, 16, 12},
        {migrate_target, 8, 3, 2}, {undo_block, 59, 17, 13}, {contig_captured, 40, 16, 12},
        {capture_batch, 31, 14, 8}, {hugetlb_allocated, 3}, {migrate_locked, 7, 3, 2}, {migrate_unmapped, 7, 3, 2},
        {migrate_moved, 6, 2, 2}, {free_page_prepared, 10, 5, 3}, {put_page_dropped, 6, 3, 2},
    }}},
    // mmap_huge, 621 runs
    {65, doubtful, Release::v6_12, {{
        {isolate_block, 59, 16, 12}, {isolate_done, 59, 16, 12}, {drain_pcp_begin, 59, 16, 12},
        {drain_lru_begin, 59, 16, 12}, {drain_pcp_cpu, 21, 4, 1}, {lru_cache_disabled, 59, 16, 12},
        {drain_lru_cpu, 9}, {scan_block, 54, 16, 12}, {scan_batch, 40, 14, 8}, {contig_migrated, 59, 16, 12},
        {scan_page_isolated, 9, 3, 2}, {contig_outer_start, 54, 16, 12}, {hugetlb_allocated, 3},
        {contig_tested, 41, 15, 12}, {migrate_page, 8, 3, 3}, {migrate_target, 8, 3, 3},
        {contig_captured, 41, 15, 12}, {undo_block, 59, 16, 12}, {capture_batch, 30, 13, 8},
        {migrate_locked, 8, 3, 3}, {migrate_unmapped, 7, 3, 2}, {free_page_prepared, 10, 5, 3},
        {migrate_moved, 6, 2, 2}, {put_page_dropped, 7, 3, 2},
    }}},
    // split_huge, 1171 runs
    {66, plain, Release::v3_5, {{
        {split_pmd_referenced, 67, 37, 28}, {split_unmapped, 71, 33, 28}, {put_page_dropped, 7, 6, 6},
        {free_page_prepared, 7, 6, 6},
    }}},
    // pin_longterm, 558 runs
    {67, plain, Release::v3_5, {{
        {pin_taken, 99, 16}, {fault_allocated, 11}, {drain_lru_begin, 12}, {pin_isolated, 24}, {drain_lru_cpu, 4},
        {pin_again, 1}, {alloc_reclaim, 10, 8, 4}, {migrate_page, 24, 4, 2}, {reclaim_priority, 10, 9, 9},
        {migrate_target, 18, 4, 2}, {reclaim_node, 10, 9, 9}, {migrate_locked, 18, 4, 2},
        {migrate_unmapped, 18, 4, 4}, {reclaim_isolated, 2}, {alloc_retry, 9, 5, 4}, {zap_range_done, 9, 6, 4},
        {reclaim_page, 2}, {migrate_moved, 14}, {free_page_prepared, 24, 10, 8}, {put_page_dropped, 19, 4, 2},
        {zap_unflushed, 9, 1}, {reclaim_dropped, 2}, {reclaim_lists, 2}, {alloc_reclaimed, 2},
        {drain_pcp_begin, 2}, {drain_pcp_cpu, 2},
    }}},
    // hugetlb_pool, 4600 runs
    {68, plain, Release::v3_5, {{
        {hugetlb_allocated, 99, 43, 37}, {alloc_reclaim, 3}, {reclaim_priority, 3, 2, 2}, {reclaim_node, 3, 2, 2},
    }}},
    // hugetlb_pool, 2724 runs
    {68, moves, Release::v3_5, {{
        {isolate_block, 58, 55, 55}, {drain_pcp_begin, 58, 56, 55}, {isolate_done, 58, 17, 13},
        {drain_lru_begin, 58, 52, 17}, {drain_pcp_cpu, 12, 1}, {scan_block, 54, 17, 13}, {drain_lru_cpu, 11},
        {scan_batch, 39, 14, 7}, {contig_migrated, 53, 17, 13}, {scan_page_isolated, 3},
        {contig_outer_start, 53, 17, 13}, {contig_tested, 41, 16, 12}, {migrate_page, 3, 1},
        {capture_batch, 39, 14, 8}, {contig_captured, 40, 16, 12}, {migrate_target, 2}, {undo_block, 58, 55, 55},
        {migrate_locked, 2}, {free_page_prepared, 38, 37, 37}, {undo_taken, 43, 28, 12}, {migrate_moved, 2},
        {free_block_typed, 43, 28, 12}, {put_page_dropped, 2}, {hugetlb_allocated, 40, 16, 12},
    }}},
    // hugetlb_pool, 900 runs
    {68, moves, Release::v5_10, {{
        {isolate_block, 58, 56, 55}, {drain_pcp_begin, 58, 56, 55}, {isolate_done, 58, 18, 14},
        {drain_pcp_cpu, 12, 1}, {drain_lru_begin, 58, 53, 18}, {scan_block, 54, 18, 13}, {drain_lru_cpu, 10, 1},
        {scan_batch, 39, 15, 8}, {contig_migrated, 54, 18, 14}, {scan_page_isolated, 4, 1, 1},
        {contig_outer_start, 54, 18, 14}, {contig_tested, 42, 17, 13}, {migrate_page, 4, 1, 1},
        {capture_batch, 40, 15, 8}, {migrate_target, 4, 1}, {contig_captured, 42, 17, 13}, {migrate_locked, 3},
        {undo_block, 58, 56, 55}, {free_page_prepared, 39, 37, 37}, {migrate_unmapped, 3}, {migrate_moved, 3},
        {hugetlb_allocated, 42, 17, 13}, {put_page_dropped, 4, 1}, {free_block_typed, 2},
    }}},
    // hugetlb_pool, 894 runs
    {68, moves, Release::v5_15, {{
        {isolate_block, 60, 58, 58}, {isolate_done, 60, 19, 15}, {drain_pcp_begin, 60, 19, 15},
        {drain_lru_begin, 60, 19, 15}, {lru_cache_disabled, 60, 19, 15}, {drain_pcp_cpu, 20, 3},
        {drain_lru_cpu, 9}, {scan_block, 57, 19, 15}, {scan_batch, 41, 16, 9}, {contig_migrated, 57, 19, 15},
        {contig_outer_start, 57, 19, 15}, {scan_page_isolated, 6, 1, 1}, {contig_tested, 46, 18, 14},
        {capture_batch, 45, 17, 10}, {migrate_page, 6, 1}, {contig_captured, 46, 18, 14}, {migrate_target, 5, 1},
        {free_page_prepared, 44, 42, 41}, {undo_block, 60, 58, 58}, {migrate_locked, 5, 1},
        {migrate_unmapped, 5, 1}, {hugetlb_allocated, 46, 19, 14}, {migrate_moved, 4, 1}, {put_page_dropped, 4, 1},
    }}},
    // hugetlb_pool, 1783 runs
    {68, moves, Release::v6_1, {{
        {isolate_block, 60, 18, 14}, {isolate_peek, 40, 18, 9}, {isolate_done, 60, 18, 14},
        {drain_pcp_begin, 60, 18, 14}, {drain_lru_begin, 60, 18, 14}, {drain_pcp_cpu, 20, 3},
        {lru_cache_disabled, 60, 18, 14}, {drain_lru_cpu, 9}, {scan_block, 56, 18, 14}, {scan_batch, 41, 15, 8},
        {contig_migrated, 60, 18, 14}, {scan_page_isolated, 6, 2, 1}, {contig_outer_start, 56, 18, 14},
        {contig_tested, 45, 17, 13}, {migrate_page, 6, 1}, {migrate_target, 6, 1}, {contig_captured, 45, 17, 13},
        {undo_block, 60, 18, 14}, {capture_batch, 32, 14, 8}, {migrate_locked, 6, 1}, {migrate_unmapped, 5, 1},
        {hugetlb_allocated, 45, 18, 13}, {free_page_prepared, 6, 2, 1}, {migrate_moved, 4, 1},
        {put_page_dropped, 4, 1},
    }}},
    // hugetlb_pool, 895 runs
    {68, moves, Release::v6_12, {{
        {isolate_block, 60, 18, 14}, {isolate_done, 60, 18, 14}, {drain_pcp_begin, 60, 18, 14},
        {drain_lru_begin, 60, 18, 14}, {lru_cache_disabled, 60, 18, 14}, {drain_pcp_cpu, 19, 4},
        {drain_lru_cpu, 9}, {scan_block, 56, 18, 14}, {scan_batch, 40, 16, 9}, {contig_migrated, 60, 18, 14},
        {scan_page_isolated, 7, 2, 1}, {contig_outer_start, 56, 18, 14}, {contig_tested, 45, 18, 14},
        {migrate_page, 6, 1}, {migrate_target, 6, 1}, {contig_captured, 45, 18, 14}, {undo_block, 60, 18, 14},
        {capture_batch, 32, 15, 9}, {migrate_locked, 6, 1}, {hugetlb_allocated, 45, 18, 14},
        {migrate_unmapped, 6, 1}, {free_page_prepared, 6, 2, 1}, {migrate_moved, 4, 1}, {put_page_dropped, 4, 1},
    }}},
    // hugetlb_pool, 40 runs
    {68, in_way, Release::v3_5, {{
        {isolate_block, 85, 70, 70}, {drain_pcp_begin, 85, 62, 60}, {isolate_done, 85, 27, 25},
        {drain_lru_begin, 85, 62, 25}, {lru_cache_disabled, 40, 17, 15}, {scan_block, 85, 27, 25},
        {scan_page_isolated, 35, 7, 5}, {drain_lru_cpu, 15}, {scan_batch, 60, 25, 15}, {drain_pcp_cpu, 55, 20, 12},
        {reclaim_clean_page, 8}, {migrate_page, 28, 7, 5}, {contig_migrated, 85, 27, 25},
        {migrate_target, 28, 7, 5}, {contig_outer_start, 85, 27, 25}, {migrate_locked, 20, 7, 5},
        {migrate_moved, 28, 7, 5}, {undo_block, 85, 70, 70}, {free_page_prepared, 35, 27, 25},
        {put_page_dropped, 28, 7, 5}, {undo_taken, 23, 10, 7}, {migrate_unmapped, 10, 5, 2},
        {free_block_typed, 23, 10, 7}, {contig_tested, 28, 27, 25}, {capture_batch, 28, 25, 15},
        {contig_captured, 28, 27, 25}, {hugetlb_allocated, 28, 27, 25},
    }}},
    // mmap_shared, 638 runs
    {70, plain, Release::v3_5, {{
        {shared_fault_locked, 100, 29, 18},
    }}},
    // alloc_range, 201 runs
    {71, plain, Release::v3_5, {{
        {isolate_block, 75, 49, 46}, {isolate_peek, 15, 4}, {drain_pcp_begin, 74, 38, 37}, {isolate_done, 72},
        {drain_pcp_cpu, 18, 1}, {drain_lru_begin, 72, 33}, {drain_lru_cpu, 8}, {lru_cache_disabled, 33},
        {scan_block, 63, 8, 1}, {scan_batch, 7, 1}, {scan_page_isolated, 5, 1, 1}, {contig_migrated, 65},
        {contig_outer_start, 63}, {migrate_page, 5, 1, 1}, {contig_tested, 55}, {migrate_target, 5, 1, 1},
        {capture_batch, 46, 3}, {migrate_locked, 5}, {contig_captured, 55}, {undo_block, 75, 49, 46},
        {migrate_unmapped, 4}, {free_page_prepared, 54, 52, 52}, {migrate_moved, 3, 1, 1}, {undo_taken, 22, 8},
        {put_page_dropped, 3, 1, 1}, {free_block_typed, 22, 8},
    }}},
    // alloc_range, 148 runs
    {71, moves, Release::v3_5, {{
        {isolate_block, 65, 43, 41}, {isolate_peek, 6}, {drain_pcp_begin, 63, 39, 35}, {isolate_done, 62},
        {drain_lru_begin, 62, 31}, {lru_cache_disabled, 22}, {drain_pcp_cpu, 14, 2}, {scan_batch, 33},
        {scan_page_isolated, 11, 3, 3}, {scan_block, 50, 8}, {drain_lru_cpu, 22, 1}, {migrate_page, 11, 3, 3},
        {contig_migrated, 53}, {migrate_target, 11, 3, 3}, {contig_outer_start, 50}, {migrate_locked, 9, 1, 1},
        {contig_tested, 40}, {migrate_unmapped, 7, 1, 1}, {capture_batch, 34, 4}, {migrate_moved, 11, 3, 3},
        {undo_block, 64, 43, 41}, {undo_taken, 21, 13}, {free_page_prepared, 44, 40, 39},
        {put_page_dropped, 11, 3, 3}, {contig_captured, 40}, {free_block_typed, 21, 13},
    }}},
    // alloc_range, 1191 runs
    {71, doubtful, Release::v3_5, {{
        {isolate_block, 5, 4, 3}, {isolate_peek, 2}, {drain_pcp_begin, 5, 2, 2}, {isolate_done, 5},
        {drain_pcp_cpu, 2}, {drain_lru_begin, 5, 1}, {lru_cache_disabled, 3}, {scan_block, 3, 2, 2},
        {scan_batch, 3, 2, 1}, {contig_migrated, 4}, {contig_outer_start, 3}, {contig_tested, 3}, {undo_taken, 2},
        {capture_batch, 3, 2}, {undo_block, 5, 4, 3}, {free_block_typed, 2}, {contig_captured, 3},
        {free_page_prepared, 3, 2, 2},
    }}},
    // free_range, 37 runs
    {72, plain, Release::v3_5, {{
        {free_page_prepared, 100, 78, 70},
    }}},
    // compact, 410 runs
    {73, plain, Release::v3_5, {{
        {drain_lru_begin, 58}, {compact_begin, 59, 7}, {drain_lru_cpu, 2}, {scan_batch, 51, 50, 50},
        {compact_isolated, 51, 50, 50}, {scan_page_isolated, 2}, {migrate_page, 2, 1, 1},
        {compact_target, 2, 1, 1}, {capture_batch, 2, 1}, {migrate_target, 2, 1, 1}, {migrate_locked, 2, 1, 1},
        {free_page_prepared, 3, 1, 1}, {put_page_dropped, 2, 1, 1}, {compact_migrated, 2},
    }}},
    // compact, 2717 runs
    {73, plain, Release::v4_9, {{
        {drain_lru_begin, 57}, {compact_begin, 58, 6}, {drain_lru_cpu, 2}, {compact_block, 56, 49, 49},
        {scan_batch, 56, 49, 48}, {scan_page_isolated, 9, 5, 3}, {compact_isolated, 9}, {migrate_page, 9, 3, 2},
        {compact_target, 9, 7, 7}, {capture_batch, 8, 6, 6}, {migrate_target, 5, 2, 1}, {migrate_locked, 2, 1},
        {compact_migrated, 7}, {migrate_moved, 4, 2, 1}, {migrate_unmapped, 2}, {free_page_prepared, 5, 3, 2},
        {put_page_dropped, 4, 2, 1}, {compact_release, 3},
    }}},
    // compact, 251 runs
    {73, large, Release::v3_5, {{
        {drain_lru_begin, 63}, {drain_lru_cpu, 29, 1}, {compact_begin, 64, 8}, {scan_batch, 55, 54, 54},
        {compact_isolated, 55, 54, 54}, {scan_page_isolated, 52, 33, 22}, {migrate_page, 52, 31, 22},
        {compact_target, 48, 46, 36}, {capture_batch, 42, 36, 2}, {migrate_target, 46, 31, 22},
        {migrate_locked, 46, 31, 21}, {compact_migrated, 17, 1}, {migrate_moved, 43, 28, 18},
        {migrate_unmapped, 18, 9, 7}, {put_page_dropped, 46, 31, 22}, {free_page_prepared, 46, 45, 44},
        {compact_release, 44},
    }}},
    // compact, 1666 runs
    {73, large, Release::v4_9, {{
        {drain_lru_begin, 59}, {drain_lru_cpu, 30, 1}, {compact_begin, 59, 7}, {compact_block, 57, 42, 42},
        {scan_batch, 57, 42, 41}, {scan_page_isolated, 49, 31, 20}, {compact_isolated, 49, 12, 1},
        {migrate_page, 49, 21, 14}, {compact_target, 49, 45, 40}, {capture_batch, 44, 35, 26},
        {migrate_target, 27, 20, 14}, {migrate_locked, 25, 19, 11}, {compact_migrated, 33},
        {migrate_unmapped, 16, 11, 7}, {migrate_moved, 26, 19, 12}, {put_page_dropped, 26, 19, 12},
        {free_page_prepared, 27, 24, 18}, {compact_release, 16},
    }}},
    // alloc_pages, 361 runs
    {74, doubtful, Release::v3_5, {{
        {alloc_reclaim, 8, 3, 2}, {reclaim_priority, 8, 7, 7}, {reclaim_node, 8, 7, 7}, {reclaim_isolated, 2, 1},
        {reclaim_page, 2, 1, 1}, {free_page_prepared, 4, 3, 3}, {zap_range_done, 3, 2, 1}, {reclaim_unmapped, 1},
        {reclaim_dropped, 2, 1}, {alloc_retry, 5, 2, 2}, {zap_unflushed, 3}, {reclaim_lists, 2, 1},
        {alloc_reclaimed, 2}, {drain_pcp_begin, 2}, {drain_pcp_cpu, 2},
    }}},
    // reclaim, 2900 runs
    {77, plain, Release::v3_5, {{
        {reclaim_priority, 100, 78, 73}, {reclaim_node, 80, 76, 71}, {reclaim_isolated, 2}, {reclaim_page, 2},
        {reclaim_lists, 2},
    }}},
    // reclaim, 249 runs
    {77, large, Release::v3_5, {{
        {reclaim_priority, 100, 95, 86}, {reclaim_node, 83, 79, 71}, {reclaim_isolated, 20, 13, 7},
        {reclaim_page, 20, 14, 9}, {reclaim_dropped, 15, 9, 5}, {free_page_prepared, 15, 10, 7},
        {reclaim_lists, 20, 13, 7}, {reclaim_active_page, 3, 1},
    }}},
    // reclaim, 232 runs
    {77, large, Release::v4_9, {{
        {reclaim_priority, 100, 80, 76}, {reclaim_node, 82, 80, 76}, {reclaim_lists, 18, 16, 11},
    }}},
    // reclaim, 1335 runs
    {77, large, Release::v4_19, {{
        {reclaim_priority, 100, 74, 69}, {reclaim_node, 79, 74, 69}, {reclaim_isolated, 16, 8, 5},
        {reclaim_page, 16, 7, 6}, {reclaim_dropped, 13, 6, 3}, {free_page_prepared, 13, 6, 5},
        {reclaim_active_page, 2, 1}, {reclaim_lists, 16, 8, 5},
    }}},
    // kswapd, 3284 runs
    {78, plain, Release::v3_5, {{
        {kswapd_priority, 100, 2, 2}, {reclaim_node, 3, 2, 2}, {kswapd_try_to_sleep, 100, 2, 1},
    }}},
    // dma_alloc, 543 runs
    {81, plain, Release::v3_5, {{
        {cma_alloc_entry, 26}, {compact_begin, 3, 2}, {cma_bitmap_marked, 20}, {alloc_compacted, 3, 2},
        {cma_mutex_taken, 24}, {alloc_reclaim, 3}, {isolate_block, 23, 15, 12}, {reclaim_priority, 3, 2, 2},
        {compact_block, 2, 1, 1}, {isolate_peek, 6}, {reclaim_node, 3, 2, 2}, {isolate_done, 23},
        {drain_pcp_begin, 23, 9, 9}, {drain_lru_begin, 23, 8}, {drain_pcp_cpu, 4, 1}, {drain_lru_cpu, 3},
        {lru_cache_disabled, 14}, {scan_batch, 19, 7, 1}, {scan_block, 22, 9, 3}, {scan_page_isolated, 2},
        {contig_migrated, 22}, {contig_outer_start, 22}, {cma_bitmap_cleared, 2}, {migrate_page, 1},
        {contig_tested, 22}, {migrate_target, 1}, {capture_batch, 18, 4}, {migrate_locked, 1},
        {contig_captured, 22}, {free_page_prepared, 20, 18, 16}, {migrate_unmapped, 1}, {undo_block, 23, 15, 12},
        {undo_taken, 6, 2}, {migrate_moved, 1}, {free_block_typed, 6, 2}, {put_page_dropped, 1},
        {cma_mutex_dropped, 24},
    }}},
    // dma_alloc, 284 runs
    {81, moves, Release::v3_5, {{
        {cma_alloc_entry, 30}, {cma_bitmap_marked, 19}, {cma_mutex_taken, 24}, {isolate_block, 24, 14, 10},
        {isolate_peek, 5}, {drain_pcp_begin, 24, 10, 8}, {isolate_done, 24}, {drain_pcp_cpu, 6, 1},
        {drain_lru_begin, 24, 10}, {drain_lru_cpu, 14, 1}, {lru_cache_disabled, 13}, {scan_batch, 19, 3},
        {scan_block, 22, 6}, {contig_migrated, 24}, {contig_outer_start, 22}, {contig_tested, 22},
        {cma_bitmap_cleared, 3}, {capture_batch, 19, 1}, {contig_captured, 22}, {free_page_prepared, 21, 20, 20},
        {undo_block, 24, 14, 10}, {undo_taken, 6}, {cma_mutex_dropped, 24}, {free_block_typed, 6},
    }}},
    // dma_free, 130 runs
    {82, plain, Release::v3_5, {{
        {free_page_prepared, 62, 47, 45}, {free_block_typed, 39}, {cma_release_pages_freed, 55},
    }}},
});
// clang-format on

}  // namespace cma::passed
