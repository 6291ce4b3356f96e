#include "allocator/oom/oom_text.h"

#include <algorithm>

#include "allocator/trace/trace.h"

namespace cma {
namespace {

// Returns the number right-aligned in so many columns (%*lu).
std::string column(const std::string& digits, std::size_t width) {
  return std::string(width - std::min(width, digits.size()), ' ') + digits;
}
std::string column(std::uint64_t value, std::size_t width) { return column(std::to_string(value), width); }

// Returns a name and so many pages in KiB: " anon-rss:4kB".
std::string kilobytes(const char* name, std::uint64_t pages, const OomKernel& kernel) {
  return name + std::to_string(pages * (kernel.page_size / 1024)) + "kB";
}

std::string named(const OomProcess& process) { return std::to_string(process.pid) + " (" + process.name + ")"; }

// Returns the sizes of the parts of what is resident. Up to 4.4 shared memory counts as a file's.
std::string resident_parts(const OomProcess& process, const OomKernel& kernel) {
  std::string text = kilobytes(" anon-rss:", process.anonymous, kernel);
  const bool apart = kernel.release >= Release::v4_5;
  text += kilobytes(", file-rss:", process.file + (apart ? 0 : process.shared), kernel);
  if (apart) text += kilobytes(", shmem-rss:", process.shared, kernel);
  return text;
}

// Returns the older measure of a task's choice (up to 3.6), of which -17 is never.
int oom_adj(int score_adj) { return score_adj == 1000 ? 15 : score_adj * 17 / 1000; }

// The words above the columns that differ.
std::string head_of(Release release) {
  if (release < Release::v4_0) return "nr_ptes ";
  if (release < Release::v4_15) return "nr_ptes nr_pmds ";
  if (release < Release::v6_8) return "pgtables_bytes ";
  return "rss_anon rss_file rss_shmem pgtables_bytes ";
}

std::string row_of(const OomProcess& process, const OomKernel& kernel) {
  const Release release = kernel.release;
  std::string row = "[" + column(process.pid, release >= Release::v4_19 ? 7 : 5) + "] " + column(process.uid, 5) + " " +
                    column(process.pid, 5) + " " + column(process.total, 8) + " " + column(process.resident(), 8) + " ";
  if (release >= Release::v6_8)
    row += column(process.anonymous, 8) + " " + column(process.file, 8) + " " + column(process.shared, 9) + " ";
  if (release >= Release::v4_15)
    row += column(process.page_tables * kernel.page_size, 8) + " ";
  else
    row += column(process.page_tables - process.pmds, 7) + " ";
  if (release >= Release::v4_0 && release < Release::v4_15) row += column(process.pmds, 7) + " ";
  return row + column(process.swapped, 8) + "         " + column(std::to_string(process.score_adj), 5) + " " +
         process.name;
}

}  // namespace

std::vector<std::string> oom_first_lines(const OomRequest& request, const OomKernel& kernel) {
  const Release release = kernel.release;
  std::string line = request.task + " invoked oom-killer: gfp_mask=0x" + hex(gfp_value(request.gfp, release));
  if (release >= Release::v4_6) line += "(" + gfp_text(request.gfp, release) + ")";
  // 4.9 names the nodes that the task may have where no policy restricts them.
  if (release >= Release::v4_9 && release < Release::v5_0)
    line += ", nodemask=" + (release < Release::v4_10 ? request.mems_allowed : "(null)");
  const bool two_blanks = release >= Release::v4_10 && release < Release::v4_15;
  line += (two_blanks ? ",  order=" : ", order=") + std::to_string(request.order);
  if (release < Release::v3_7) line += ", oom_adj=" + std::to_string(oom_adj(request.score_adj));
  line += ", oom_score_adj=" + std::to_string(request.score_adj);
  if (release >= Release::v5_0) return {line};
  return {line, request.task + " cpuset=" + request.cpuset + " mems_allowed=" + request.mems_allowed};
}

std::vector<std::string> oom_process_lines(const std::vector<OomProcess>& processes, const OomKernel& kernel) {
  const bool wide = kernel.release >= Release::v4_19;
  std::vector<std::string> lines;
  if (wide) lines.emplace_back("Tasks state (memory values in pages):");
  lines.push_back(std::string(wide ? "[  pid  ]" : "[ pid ]") + "   uid  tgid total_vm      rss " +
                  head_of(kernel.release) + "swapents oom_score_adj name");
  for (const OomProcess& process : processes) lines.push_back(row_of(process, kernel));
  return lines;
}

std::vector<std::string> oom_summary_lines(const OomRequest& request, const OomProcess& victim) {
  return {"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=" + request.cpuset +
          ",mems_allowed=" + request.mems_allowed + ",global_oom,task_memcg=/,task=" + victim.name +
          ",pid=" + std::to_string(victim.pid) + ",uid=" + std::to_string(victim.uid)};
}

std::vector<std::string> oom_chosen_lines(const OomProcess& chosen, std::uint64_t score, const OomKernel& kernel) {
  if (kernel.release >= Release::v5_1) return {};
  return {"Out of memory: Kill process " + named(chosen) + " score " + std::to_string(score) + " or sacrifice child"};
}

std::string oom_killed_line(const OomProcess& victim, const OomKernel& kernel) {
  std::string line = "Killed process " + named(victim) + kilobytes(" total-vm:", victim.total, kernel) + "," +
                     resident_parts(victim, kernel);
  if (kernel.release >= Release::v5_1) line.insert(0, "Out of memory: ");
  if (kernel.release < Release::v5_4) return line;
  return line + ", UID:" + std::to_string(victim.uid) + kilobytes(" pgtables:", victim.page_tables, kernel) +
         " oom_score_adj:" + std::to_string(victim.score_adj);
}

std::string oom_reaped_line(const OomProcess& victim, const OomKernel& kernel) {
  return "oom_reaper: reaped process " + named(victim) + ", now" + resident_parts(victim, kernel);
}

std::vector<std::string> oom_panic_lines(Release release) {
  const std::string none = "Out of memory and no killable processes...";
  if (release < Release::v4_19) return {"Kernel panic - not syncing: " + none};
  return {none, "Kernel panic - not syncing: System is deadlocked on memory"};
}

}  // namespace cma
