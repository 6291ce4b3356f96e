// A running kernel: starts the User Mode Linux program that ci/judge-kernel built, sends it operations in the language
// of kernel/README.md and returns its answers. Used by compare.h, kernel_pool.h and a benchmark; knows nothing of what
// an op means.
//
// A kernel that does not start, dies, hangs or prints a BUG or WARNING is a finding, not an exception: failure()
// returns it, and log() the console. Once it has ended, calls return at once with incomplete answers.
//
// Not thread safe. Cost: about 11 ms to boot, 50 us for one op in lock step (ask), 7 us in a batch (ask_all). One
// process, and one more once a program uses anonymous pages; 20 to 60 MB. The destructor kills them, and
// reaps the kernel's own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "properties/judge/kernel_start.h"

namespace cma::judge {

// The lines that an op printed, without line ends: events in order, which begin with two blanks, then the answer.
struct KernelAnswer {
  std::vector<std::string> lines;
  // False for the op during which the kernel died or fell silent, and for those after it.
  bool complete = false;

  bool operator==(const KernelAnswer&) const = default;
};

struct KernelFailure {
  enum class Kind : std::uint8_t {
    not_started,  // no process could be made
    died,         // it ended, or could not be executed
    silent,       // no output for as long as the constructor was given; it was killed
    complained,   // BUG or WARNING; it goes on
  };
  Kind kind;
  std::string text;  // what happened, with the exit status or the kernel's own line
};

class KernelSnapshot;

class KernelProcess {
 public:
  // Starts the kernel, and does not wait for its boot. failure() returns why it could not.
  explicit KernelProcess(const KernelOptions& options);
  // Takes a copy of a kernel that has booted; `silence` as in KernelOptions. Requires: the snapshot outlives it, and no
  // other copy runs.
  KernelProcess(KernelSnapshot& snapshot, std::chrono::milliseconds silence);
  KernelProcess(const KernelProcess&) = delete;
  KernelProcess& operator=(const KernelProcess&) = delete;
  ~KernelProcess();

  // Sends one op and returns its answer. An op is one line of at most 4096 bytes without a zero byte that is neither
  // blank nor a comment; its first word is neither "sync", which this class sends, nor "quiet", which would leave it
  // without answers. Throws std::invalid_argument if it is anything else, and sends nothing.
  KernelAnswer ask(std::string_view op);
  // Sends all ops at once, so that the kernel runs ahead of the reader. Returns as many answers as ops, or throws
  // as ask() does.
  std::vector<KernelAnswer> ask_all(std::span<const std::string> ops);

  // Ends the input and waits until the kernel has ended. Returns false if it had failed, or complains or falls silent
  // meanwhile; with what status it ends does not matter.
  bool finish();

  // Returns the first failure; nullopt while all is well. Later ops still answer after a complaint.
  const std::optional<KernelFailure>& failure() const { return failure_; }
  // Returns whether it was started and has not been seen to end.
  bool running() const { return pid_ > 0 && !ended_; }
  // Returns the first 1 MB of what the kernel wrote to its console, as read so far: boot problems, warnings and oopses
  // with their traces. Of a copy without what was written before it was made.
  const std::string& log() const { return log_; }

 private:
  struct Pipes;
  template <class Start>
  void start(Start&& make_process);
  void exchange(std::string_view input, std::size_t answers_due);
  bool wait_for_kernel(bool writing);
  std::size_t send_some(std::string_view input);
  void read_answers();
  void read_console();
  void take_line(std::string_view line);
  void fail(KernelFailure::Kind kind, std::string text);
  void note_end(bool leaving);
  int kill_and_reap(bool leaving);
  void end();

  KernelSnapshot* snapshot_ = nullptr;  // of which it is a copy
  std::chrono::milliseconds silence_;
  pid_t pid_ = -1;
  // Our ends of its channels; -1 once closed.
  int input_ = -1;
  int output_ = -1;
  int console_ = -1;
  bool ended_ = false;                 // and was reaped
  std::string partial_line_;           // of the output, up to now
  KernelAnswer current_;               // the answer that is being read
  std::vector<KernelAnswer> answers_;  // those of this exchange
  std::size_t marks_to_skip_ = 0;      // ends of answers to what this class sent for itself
  std::optional<KernelFailure> failure_;
  std::string log_;
};

}  // namespace cma::judge
