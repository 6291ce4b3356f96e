// A file's page cache is a map from index to page. A read finds or adds a page, a write changes its data and makes it
// dirty, writeback makes it clean, a truncation removes all from an index on, and dropping caches removes what is clean
// and not in use. Reads and writes of a slow device are under way until it completes them, in order.

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "allocator/machine_testing.h"
#include "properties/arbitrary/state_testing.h"

namespace cma::file_as_map {
namespace {

constexpr unsigned kActors = 3;
constexpr std::uint64_t kIndexes = 6;
// File 1 lies on a fast device, file 2 on a slow one.
constexpr FileId kFiles = 2;
constexpr bool is_slow(FileId file) { return file == 2; }

using Key = std::pair<FileId, std::uint64_t>;  // a file and an index

struct Cached {
  int page = 0;     // no two pages have the same number
  int version = 0;  // of its data: no two writes or reads from the device give the same
  bool dirty = false;
  bool reading = false;
  bool writing = false;
  int readers = 0;  // who have a reference
  // The truncation that has looked it up and then stopped: it has a reference, and may have its lock. 0 for none.
  ActorId truncator = 0;
  bool locked = false;  // by it
};

// What an actor is inside of.
struct Inside {
  enum class What : std::uint8_t {
    nothing,
    allocated,   // a read that has a page, which is not in the cache yet
    submitted,   // a read that stopped after it asked the device
    waiting,     // a read that waits for the page's lock
    truncating,  // a truncation from `key` on that stopped when it had removed a page
  };
  What what = What::nothing;
  Key key;
  int page = 0;  // that it reads

  // Of a truncation. It goes over all twice, the second time until nothing is left.
  bool second_pass = false;
  std::uint64_t next = 0;         // where it looks up more pages when it has removed those that it knows
  std::vector<int> removed = {};  // pages that are out of the cache, and which it has locked still
};

struct Model {
  std::map<Key, Cached> cache;
  int versions = 0;
  std::deque<std::pair<Key, bool>> io;  // under way; true for reads
  std::array<Inside, kActors + 1> actors{};
  // Since 4.15 the first pass of a truncation locks all pages that it looks up before it removes the first.
  bool first_pass_locks = true;

  bool idle(ActorId actor) const { return actors[actor].what == Inside::What::nothing; }
  bool can_resume(ActorId actor) const { return !idle(actor) && actors[actor].what != Inside::What::waiting; }
  // Returns whether pages from this one to the file's end are under I/O.
  bool io_from(const Key& from) const {
    return std::ranges::any_of(
        io, [&](const auto& request) { return request.first.first == from.first && request.first >= from; });
  }

  bool looked_up(const Key& key) const {
    const auto page = cache.find(key);
    return page != cache.end() && page->second.truncator != 0;
  }
  // Returns whether another actor's truncation has looked up pages from this one to the file's end.
  bool another_looked_up_from(ActorId actor, const Key& from) const {
    return std::ranges::any_of(cache, [&](const auto& entry) {
      const ActorId truncator = entry.second.truncator;
      return entry.first.first == from.first && entry.first >= from && truncator != 0 && truncator != actor;
    });
  }
  // Returns whether a stopped truncation would wait when it goes on: for I/O, or for pages that another has locked.
  bool truncation_waits(ActorId actor) const {
    const Key& from = actors[actor].key;
    return io_from(from) || std::ranges::any_of(cache, [&](const auto& entry) {
             const Cached& page = entry.second;
             return entry.first.first == from.first && entry.first >= from && page.locked && page.truncator != actor;
           });
  }

  // Finds the page; waits for it if it is being read.
  void find(ActorId actor, const Key& key) {
    Cached& page = cache.at(key);
    actors[actor] = {};
    if (!page.reading) return;
    ++page.readers;
    actors[actor] = {Inside::What::waiting, key, page.page};
  }
  // Adds the page and reads it.
  void add(ActorId actor, const Key& key, bool stops) {
    actors[actor] = {};
    Cached& page = cache[key];
    page.page = page.version = ++versions;
    if (!is_slow(key.first)) return;
    page.reading = true;
    page.readers = 1;
    io.emplace_back(key, true);
    actors[actor] = {stops ? Inside::What::submitted : Inside::What::waiting, key, page.page};
  }
  // A reader that has what it wants drops its reference.
  void finish_read(ActorId actor) {
    const auto page = cache.find(actors[actor].key);
    if (page != cache.end() && page->second.page == actors[actor].page) --page->second.readers;
    actors[actor] = {};
  }
  // Ends the reads that wait for the page.
  void let_readers_go(int page) {
    for (ActorId actor = 1; actor <= kActors; ++actor)
      if (actors[actor].what == Inside::What::waiting && actors[actor].page == page) finish_read(actor);
  }
  // Returns whether a page is locked: it is being read, or removed.
  bool is_locked(int number) const {
    return std::ranges::any_of(
               cache, [&](const auto& entry) { return entry.second.page == number && entry.second.reading; }) ||
           std::ranges::any_of(actors, [&](const Inside& inside) {
             return std::ranges::find(inside.removed, number) != inside.removed.end();
           });
  }
  // A truncation lets go of the pages that it has removed.
  void unlock_removed(ActorId actor) {
    for (const int page : std::exchange(actors[actor].removed, {})) let_readers_go(page);
  }
  // A truncation looks up the pages that it removes next. Returns false if there are none. A file is not longer than
  // what a lookup finds at a time.
  bool look_up(ActorId actor) {
    Inside& inside = actors[actor];
    bool found = false;
    for (auto page = cache.lower_bound({inside.key.first, inside.next}); page != cache.end(); ++page) {
      if (page->first.first != inside.key.first) break;
      page->second.truncator = actor;
      page->second.locked = first_pass_locks && !inside.second_pass;
      inside.next = page->first.second + 1;
      found = true;
    }
    return found;
  }
  // A truncation knows no more pages. Returns false if it ends.
  bool look_further(ActorId actor) {
    Inside& inside = actors[actor];
    if (look_up(actor)) return true;
    const bool ends = inside.second_pass && inside.next == inside.key.second;
    inside.second_pass = true;
    inside.next = inside.key.second;
    return !ends;
  }
  // A truncation goes on: to the next page that it removes, if it stops then, or to its end.
  void go_on(ActorId actor, bool stops) {
    while (actors[actor].what == Inside::What::truncating) {
      const bool together = first_pass_locks && !actors[actor].second_pass;
      if (!together) unlock_removed(actor);
      const auto known = [&](const auto& entry) { return entry.second.truncator == actor; };
      const auto page = std::ranges::find_if(cache, known);
      if (page == cache.end()) {
        unlock_removed(actor);
        if (!look_further(actor)) actors[actor] = {};
        continue;
      }
      actors[actor].removed.push_back(page->second.page);
      cache.erase(page);
      if (stops) return;
    }
  }
  // Removes the pages from this one on.
  void truncate(ActorId actor, const Key& from, bool stops) {
    actors[actor] = {Inside::What::truncating, from, 0, false, from.second, {}};
    go_on(actor, stops);
  }
  void complete() {
    const auto [key, read] = io.front();
    io.pop_front();
    Cached& page = cache.at(key);
    (read ? page.reading : page.writing) = false;
    if (read) let_readers_go(page.page);
  }
  void drop(FileId file) {
    std::erase_if(cache, [&](const auto& entry) {
      const Cached& page = entry.second;
      return entry.first.first == file && !page.dirty && !page.reading && !page.writing && page.readers == 0 &&
             page.truncator == 0;
    });
  }
};

class Real {
 public:
  explicit Real(const Geometry& geometry, const std::array<FileMethod, kFiles>& methods) : machine(geometry, kActors) {
    for (FileId file = 1; file <= kFiles; ++file) machine->files.open(methods[file - 1], is_slow(file));
  }

  Task<void> read(Key key) { co_await machine->files.read(key.first, key.second, false); }
  // As writing to /proc/sys/vm/drop_caches, with the pagevecs drained before: a page in one is in use.
  Task<void> drop(FileId file) {
    co_await machine->lru.drain().add_drain_all();
    co_await machine->files.drop(file);
  }
  Task<void> complete() {
    const bool completed = co_await machine->device.complete_one();
    RC_ASSERT(completed);
  }
  OwnerId page(const Key& key) const { return machine->files.cached(key.first, key.second); }

  void compare(const Model& model) {
    for (FileId file = 1; file <= kFiles; ++file)
      for (std::uint64_t index = 0; index < kIndexes; ++index) {
        const auto expected = model.cache.find({file, index});
        RC_ASSERT((page({file, index}) != 0) == (expected != model.cache.end()));
        if (expected != model.cache.end()) compare_page(page({file, index}), expected->second);
      }
    RC_ASSERT(machine->device.pending().size() == model.io.size());
    for (ActorId actor = 1; actor <= kActors; ++actor) RC_ASSERT(machine.idle(actor) == model.idle(actor));
  }

  ActingMachine machine;

 private:
  void compare_page(OwnerId id, const Cached& expected) {
    const Page& real = machine->map.page(machine->owners.owner(id).pfn);
    RC_ASSERT(real.owner == id);
    RC_ASSERT(real.has(kPageDirty) == expected.dirty);
    RC_ASSERT(real.has(kPageUptodate) == !expected.reading);
    RC_ASSERT(real.has(kPageLocked) == (expected.reading || expected.locked));
    RC_ASSERT(real.has(kPageWriteback) == expected.writing);
    RC_ASSERT(real.ref == 1 + (real.has(kPagePrivate) ? 1 : 0) + real.pagevecs + expected.readers +
                              (expected.truncator != 0 ? 1 : 0));
    // Equal versions are equal data, and others are not.
    RC_ASSERT(data.emplace(expected.version, real.token).first->second == real.token);
    RC_ASSERT(versions.emplace(real.token, expected.version).first->second == expected.version);
  }

  std::map<int, std::uint32_t> data;
  std::map<std::uint32_t, int> versions;
};

// --- steps ---

using FileStep = Step<Model, Real>;

ActorId any_actor() { return *rc::gen::inRange<ActorId>(1, kActors + 1); }
Key any_key() { return {*rc::gen::inRange<FileId>(1, kFiles + 1), *rc::gen::inRange<std::uint64_t>(0, kIndexes)}; }
std::string text(const Key& key) { return fmt::format("file={} index={}", key.first, key.second); }

class Read final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.idle(actor_));
    RC_PRE(!model.looked_up(key_));
  }
  void apply(Model& model) const override {
    if (model.cache.contains(key_))
      model.find(actor_, key_);
    else if (until_ == Point::file_page_allocated)
      model.actors[actor_] = {Inside::What::allocated, key_, 0};
    else
      model.add(actor_, key_, until_ == Point::io_submitted);
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: read {}{}", actor_, text(key_), until(until_));
  }

 protected:
  void perform(const Model&, Real& real) const override { real.machine.start(actor_, real.read(key_), until_); }

 private:
  ActorId actor_ = any_actor();
  Key key_ = any_key();
  Point until_ = *rc::gen::element(Point::kCount, Point::kCount, Point::file_page_allocated, Point::io_submitted);
};

// Changes the data of a cached page.
class Write final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.idle(actor_));
    RC_PRE(model.cache.contains(key_));
    RC_PRE(!model.cache.at(key_).reading);
    RC_PRE(!model.looked_up(key_));
  }
  void apply(Model& model) const override {
    Cached& page = model.cache.at(key_);
    page.version = ++model.versions;
    page.dirty = true;
  }
  void show(std::ostream& out) const override { out << fmt::format("{}: write {}", actor_, text(key_)); }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.start(actor_, real.machine->files.write(real.page(key_)));
  }

 private:
  ActorId actor_ = any_actor();
  Key key_ = any_key();
};

class WriteBack final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.idle(actor_));
    RC_PRE(model.cache.contains(key_));
    RC_PRE(!model.cache.at(key_).reading);
    RC_PRE(!model.looked_up(key_));
  }
  void apply(Model& model) const override {
    Cached& page = model.cache.at(key_);
    if (!page.dirty || page.writing) return;
    page.dirty = false;
    page.writing = is_slow(key_.first);
    if (page.writing) model.io.emplace_back(key_, false);
  }
  void show(std::ostream& out) const override { out << fmt::format("{}: write back {}", actor_, text(key_)); }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.start(actor_, real.machine->files.writeback(real.page(key_)));
  }

 private:
  ActorId actor_ = any_actor();
  Key key_ = any_key();
};

// Pages under I/O would make it wait, and pages that another truncation has locked.
class Truncate final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.idle(actor_) && !model.io_from(from_) && !model.another_looked_up_from(actor_, from_));
  }
  void apply(Model& model) const override { model.truncate(actor_, from_, stops_); }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: truncate {}{}", actor_, text(from_), until(point()));
  }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.start(actor_, real.machine->files.truncate(from_.first, from_.second), point());
  }

 private:
  Point point() const { return stops_ ? Point::truncate_removed : Point::kCount; }

  ActorId actor_ = any_actor();
  Key from_ = any_key();
  bool stops_ = *rc::gen::inRange(0, 3) == 2;
};

class Drop final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(model.idle(actor_)); }
  void apply(Model& model) const override { model.drop(file_); }
  void show(std::ostream& out) const override { out << fmt::format("{}: drop file={}", actor_, file_); }

 protected:
  void perform(const Model&, Real& real) const override { real.machine.start(actor_, real.drop(file_)); }

 private:
  ActorId actor_ = any_actor();
  FileId file_ = *rc::gen::inRange<FileId>(1, kFiles + 1);
};

// The device completes its oldest request.
class Complete final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(!model.io.empty()); }
  void apply(Model& model) const override { model.complete(); }
  void show(std::ostream& out) const override { out << "I/O completes"; }

 protected:
  void perform(const Model&, Real& real) const override { real.machine.start(kMainActor, real.complete()); }
};

class Resume final : public FileStep {
 public:
  void checkPreconditions(const Model& model) const override {
    RC_PRE(model.can_resume(actor_));
    const Inside& inside = model.actors[actor_];
    const bool truncates = inside.what == Inside::What::truncating;
    RC_PRE(!truncates || !model.truncation_waits(actor_));
    RC_PRE(!truncates || !stops_ || !model.another_looked_up_from(actor_, inside.key));
    RC_PRE(truncates || !model.looked_up(inside.key));
  }
  void apply(Model& model) const override {
    const Inside inside = model.actors[actor_];
    switch (inside.what) {
      case Inside::What::nothing:
      case Inside::What::waiting: return;
      case Inside::What::truncating: return model.go_on(actor_, stops_);
      case Inside::What::allocated:
        if (model.cache.contains(inside.key)) return model.find(actor_, inside.key);
        return model.add(actor_, inside.key, false);
      case Inside::What::submitted:
        if (!model.is_locked(inside.page)) return model.finish_read(actor_);
        model.actors[actor_].what = Inside::What::waiting;
    }
  }
  void show(std::ostream& out) const override { out << actor_ << ": resume" << until(point()); }

 protected:
  void perform(const Model&, Real& real) const override {
    if (stops_) real.machine->engine.stop_at(actor_, point(), 1);
    real.machine.resume(actor_);
  }

 private:
  Point point() const { return stops_ ? Point::truncate_removed : Point::kCount; }

  ActorId actor_ = any_actor();
  bool stops_ = *rc::gen::inRange(0, 3) == 2;  // a truncation, when it removes another page
};

// --- the property ---

void reads_what_was_written(const Geometry& machine) {
  const auto any_method = [](const char* of) { return static_cast<FileMethod>(*rc::gen::inRange(0, 3).as(of)); };
  Real real(machine, {any_method("method of file 1"), any_method("method of file 2")});
  Model model;
  model.first_pass_locks = machine.release >= Release::v4_15;
  rc::state::check(model, real,
                   any_step<Read, Read, Read, Write, Write, WriteBack, WriteBack, Truncate, Drop, Complete, Complete,
                            Resume, Resume>());
}

const Stateful kReadsWhatWasWritten = {
    "FileAsMap.reads_what_was_written", reads_what_was_written, {Bug::truncate_keeps_first, Bug::write_stays_clean}};
TEST(FileAsMap, reads_what_was_written) { keep(kReadsWhatWasWritten); }
TEST(FileAsMapBroken, reads_what_was_written) { notice_planted(kReadsWhatWasWritten); }

}  // namespace
}  // namespace cma::file_as_map
