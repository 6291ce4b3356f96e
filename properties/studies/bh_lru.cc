// Case 3: an area of 56 MB is allocated whole, as 56 buffers of 1 MB, and released, again and again, while files are
// read and written. A loop fails when one of its buffers cannot be allocated.
//
// Memory outside the area is full, as on a system that has been up for a while, so that new pages of the page cache lie
// in the area. After each loop clean, unused pages leave the cache, as if kswapd ran. Before each request the file
// system works on one of the CPUs: it looks up two metadata blocks that are always cached, reads eight pages of a file
// (and writes them one time in four), and sometimes reads a metadata block that is not cached. That share is the one
// free parameter. The buffer of such a block stays in a slot of its CPU until other lookups push it out. Up to 4.20 its
// page can be neither dropped nor moved meanwhile; since 5.0 migration empties the slots when it meets one, since 5.13
// before it begins.

#include "properties/studies/bh_lru.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>

#include "allocator/machine.h"
#include "properties/program/random.h"

namespace cma {
namespace {

constexpr std::uint64_t kAreaPages = 14336;  // 56 MB
constexpr std::uint64_t kBuffers = 56;
constexpr std::uint64_t kBufferPages = 256;
constexpr unsigned kBufferAlign = 8;
constexpr Pfn kAreaBase = 8192;
// Free pages outside the area, for unmovable requests and the watermarks.
constexpr std::uint64_t kSpare = 2048;
constexpr std::uint64_t kHotBlocks = 64;
constexpr std::uint64_t kFilePages = 4096;
// A loop must read more pages than the per-CPU lists hold, or the same few pages would be used again and again.
constexpr std::uint64_t kPagesRead = 8;
// New metadata blocks per 10,000 requests, chosen so that the reported machine fails as often as it did.
constexpr std::uint64_t kNewBlocks = 50;

Geometry geometry_of(Release release) {
  Geometry geometry;
  geometry.release = release;
  geometry.memory = {0, kAreaBase + kAreaPages};
  geometry.cpus = 2;
  geometry.areas = {{"camera", kAreaBase, kAreaPages, 0}};
  return geometry;
}

class Loops {
 public:
  Loops(Release release, std::uint64_t seed) : machine_(make_machine(geometry_of(release))) {
    // Each row draws the same numbers: the rows differ in the release alone.
    random_ = std::make_unique<Random>(seed);
    machine_->trace.set_recording(false);
    other_cpu_ = machine_->engine.add_actor(1);
    device_ = machine_->files.open(FileMethod::block_device, false);
    cold_ = machine_->files.open(FileMethod::block_device, false);
    data_ = machine_->files.open(FileMethod::ordered, false);
    fill_memory();
  }

  void run(std::uint64_t loops, StudyRow& row);

 private:
  void fill_memory();
  void file_system_works();
  bool loop();
  std::string cause() const;

  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Random> random_;
  ActorId other_cpu_ = kMainActor;
  FileId device_ = 0;  // blocks that are always cached
  FileId cold_ = 0;    // blocks that are not, until they are read
  FileId data_ = 0;
  std::vector<Pfn> held_;
};

// Reads the hot blocks, then fills the memory outside the area up to the spare pages, most of it for processes.
void Loops::fill_memory() {
  Machine& machine = *machine_;
  for (std::uint64_t block = 0; block < kHotBlocks; ++block) {
    const Files::Read read = run_now(machine.files.bread(device_, block, true));
    CMA_ASSERT(read.error == 0);
    machine.buffers.put(read.buffer);
  }
  // Unmovable requests get no page of an area, and turn the pageblocks that they take pages from Unmovable.
  std::vector<Pfn> outside;
  for (Pfn pfn = 0; (pfn = machine.buddy.alloc_pages(kGfpKernel | kGfpNowarn, 0)) != kNoPfn;) outside.push_back(pfn);
  // Movable requests get what the watermarks kept. Their pages in the area are freed again.
  std::vector<Pfn> inside;
  for (Pfn pfn = 0; machine.buddy.zone(0).nr_free_pages != machine.buddy.zone(0).nr_free_cma &&
                    (pfn = machine.buddy.alloc_pages(kGfpHighuserMovable, 0)) != kNoPfn;)
    (pfn < kAreaBase ? outside : inside).push_back(pfn);
  for (const Pfn pfn : inside) run_now(machine.buddy.free_pages(pfn, 0));
  // The spare pages are scattered, since movable requests would claim larger free blocks as a whole.
  for (std::size_t i = 0; i < outside.size(); ++i) {
    if (i % 2 == 1 && i < 2 * kSpare)
      run_now(machine.buddy.free_pages(outside[i], 0));
    else
      run_now(machine.owners.adopt_anonymous(outside[i]));
  }
  run_now(machine.buddy.per_cpu().drain_all_pages(0));
  run_now(machine.lru.drain().add_drain_all());
}

void Loops::file_system_works() {
  Machine& machine = *machine_;
  machine.engine.assume(random_->chance(50) ? kMainActor : other_cpu_);
  for (int lookup = 0; lookup < 2; ++lookup) {
    const std::uint64_t block = random_->below(kHotBlocks);
    const OwnerId page = machine.files.cached(device_, block);
    CMA_ASSERT(page != 0);
    machine.buffers.touch(machine.page_cache.buffer_of(page));
  }
  const bool writes = random_->chance(25);
  for (std::uint64_t i = 0; i < kPagesRead; ++i) {
    const std::uint64_t index = random_->below(kFilePages);
    const OwnerId page = run_now(machine.files.read(data_, index, false)).page;
    if (page == 0 || !writes) continue;
    run_now(machine.files.write(page));
    run_now(machine.files.writeback(page));
  }
  if (random_->below(10000) < kNewBlocks) {
    const std::uint64_t block = random_->below(kFilePages);
    const Files::Read read = run_now(machine.files.bread(cold_, block, false));
    if (read.error == 0) machine.buffers.put(read.buffer);
  }
  machine.engine.assume(kMainActor);
}

// Returns what keeps pages in the area that belong to none of the loop's buffers.
std::string Loops::cause() const {
  const Machine& machine = *machine_;
  bool held = false;
  for (Pfn pfn = kAreaBase; pfn < kAreaBase + kAreaPages; ++pfn) {
    const OwnerId id = machine.map.page(pfn).owner;
    if (id == 0 || machine.owners.owner(id).buffer == 0) continue;
    const BufferId buffer = machine.owners.owner(id).buffer;
    if (machine.buffers.buffer(buffer).count == 0) continue;
    int slots = 0;
    for (int cpu = 0; cpu < machine.engine.cpus(); ++cpu)
      slots += static_cast<int>(
          std::count(machine.buffers.lru_slots(cpu).begin(), machine.buffers.lru_slots(cpu).end(), buffer));
    // All counts are those of slots, as in the report.
    if (slots > 0 && slots == machine.buffers.buffer(buffer).count) return "a buffer's slot";
    held = true;
  }
  return held ? "a buffer in use" : "something else";
}

bool Loops::loop() {
  Machine& machine = *machine_;
  bool failed = false;
  for (std::uint64_t i = 0; i < kBuffers; ++i) {
    file_system_works();
    const Pfn pfn = run_now(machine.areas.cma_alloc(0, kBufferPages, kBufferAlign, Warn::no));
    if (pfn == kNoPfn)
      failed = true;
    else
      held_.push_back(pfn);
  }
  return failed;
}

void Loops::run(std::uint64_t loops, StudyRow& row) {
  for (std::uint64_t i = 0; i < loops; ++i) {
    const bool failed = loop();
    ++row.runs;
    row.sweeps += kBuffers;
    if (failed) {
      ++row.failed;
      const std::string why = cause();
      const auto known = std::find_if(row.causes.begin(), row.causes.end(),
                                      [&why](const StudyCause& cause) { return cause.name == why; });
      if (known != row.causes.end())
        ++known->count;
      else
        row.causes.push_back({why, 1});
    }
    for (const Pfn pfn : held_) run_now(machine_->areas.cma_release(0, pfn, kBufferPages));
    held_.clear();
    run_now(machine_->files.drop(data_));
    run_now(machine_->files.drop(cold_));
  }
  row.virtual_time = machine_->engine.now();
}

StudyRow row_of(Release release, const StudyOptions& options) {
  StudyRow row;
  row.release = name_of(release);
  Loops loops(release, options.seed);
  loops.run(options.size, row);
  return row;
}

}  // namespace

StudyResult study_bh_lru(const StudyOptions& options) {
  // The release of the report, with eight slots a CPU; one with sixteen; one that empties slots that are in the way;
  // and one that empties them before.
  constexpr Release kReleases[] = {Release::v3_6, Release::v4_19, Release::v5_10, Release::v6_1};
  StudyResult result;
  result.run_means = "loops of 56 buffers of 256 pages, all of the area";
  result.parameters = {
      {"area", "56 MB, memory outside it full"},
      {"CPUs", "2"},
      {"load", fmt::format("between two requests: 2 lookups among {} cached blocks, 8 pages of a file read, "
                           "and 1 time in 4 written",
                           kHotBlocks)},
      {"free parameter", fmt::format("{} of 10,000 times a block that is not cached is read", kNewBlocks)},
      {"seed", fmt::format("{}", options.seed)}};
  // Each machine is used by one thread only, and shares nothing with the others.
  std::vector<std::future<StudyRow>> rows;
  for (const Release release : kReleases) rows.push_back(std::async(std::launch::async, row_of, release, options));
  for (std::future<StudyRow>& row : rows) result.rows.push_back(row.get());
  return result;
}

}  // namespace cma
