#include "properties/judge/kernel_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "properties/judge/kernel_snapshot.h"

namespace cma::judge {
namespace {

constexpr int kOutputPipeBytes = 1 << 20;
constexpr std::size_t kReadBytes = 1 << 16;
constexpr std::size_t kLongestOp = 4096;
// Console text beyond this is dropped: the beginning of a crash is what matters.
constexpr std::size_t kLongestLog = 1 << 20;
// The driver ends each answer with this line after the operation "sync 1".
constexpr std::string_view kMark = ".";
constexpr std::string_view kSync = "sync 1\n";
constexpr std::string_view kComplaint = "  splat ";

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("exited with status {}", WEXITSTATUS(status));
}

void check_op(std::string_view op) {
  // As the driver splits it.
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = std::min(op.find_first_not_of(kBlanks), op.size());
  const std::string_view word = op.substr(begin, op.find_first_of(kBlanks, begin) - begin);
  const bool one_line = op.find('\n') == std::string_view::npos && op.find('\0') == std::string_view::npos;
  if (!one_line || op.size() > kLongestOp || word.empty() || word.front() == '#' || word == "sync" || word == "quiet") {
    throw std::invalid_argument(fmt::format("not an op for the judge: '{}'", op.substr(0, 80)));
  }
}

}  // namespace

KernelProcess::KernelProcess(const KernelOptions& options) : silence_(options.silence) {
  start([&](int input, int output, int console) {
    const pid_t pid = start_kernel(options, console,
                                   {{input, kInputOfKernel, "cmacheck_in"}, {output, kOutputOfKernel, "cmacheck_out"}});
    if (pid < 0) fail(KernelFailure::Kind::not_started, fmt::format("fork: {}", std::strerror(errno)));
    return pid;
  });
}

KernelProcess::KernelProcess(KernelSnapshot& snapshot, std::chrono::milliseconds silence)
    : snapshot_(&snapshot), silence_(silence) {
  start([&](int input, int output, int console) {
    const pid_t pid = snapshot.copy(input, output, console);
    if (pid < 0) fail(KernelFailure::Kind::not_started, "no copy of the kernel: " + snapshot.why());
    return pid;
  });
}

KernelProcess::~KernelProcess() { end(); }

// Both ends of the channels of a new kernel. The destructor closes those that were not handed over.
struct KernelProcess::Pipes {
  std::array<int, 2> input{-1, -1};
  std::array<int, 2> output{-1, -1};
  std::array<int, 2> console{-1, -1};

  // Input is a socket, as only writes to a socket can leave out SIGPIPE when the kernel is gone.
  bool open() {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input.data()) == 0 &&
           pipe2(output.data(), O_CLOEXEC) == 0 && pipe2(console.data(), O_CLOEXEC) == 0;
  }
  ~Pipes() {
    for (std::array<int, 2>* pair : {&input, &output, &console}) {
      for (int& descriptor : *pair) close_if_open(descriptor);
    }
  }
};

// Makes the channels and, by `make_process`, the process at their other ends. That returns its number, or calls fail()
// and returns -1.
template <class Start>
void KernelProcess::start(Start&& make_process) {
  Pipes pipes;
  if (!pipes.open()) {
    fail(KernelFailure::Kind::not_started, fmt::format("no pipes: {}", std::strerror(errno)));
    return;
  }
  pid_ = make_process(pipes.input[0], pipes.output[1], pipes.console[1]);
  if (pid_ < 0) return;
  input_ = std::exchange(pipes.input[1], -1);
  output_ = std::exchange(pipes.output[0], -1);
  console_ = std::exchange(pipes.console[0], -1);
  for (const int descriptor : {input_, output_, console_}) fcntl(descriptor, F_SETFL, O_NONBLOCK);
  fcntl(output_, F_SETPIPE_SZ, kOutputPipeBytes);  // Only for speed, so it may fail.
  send_some(kSync);                                // Fits into an empty socket. Its mark is not an answer.
  marks_to_skip_ = 1;
}

KernelAnswer KernelProcess::ask(std::string_view op) {
  check_op(op);
  exchange(std::string(op) + '\n', 1);
  return std::move(answers_.front());
}

std::vector<KernelAnswer> KernelProcess::ask_all(std::span<const std::string> ops) {
  std::string script;
  for (const std::string& op : ops) {
    check_op(op);
    script += op;
    script += '\n';
  }
  exchange(script, ops.size());
  return std::move(answers_);
}

// Sends and receives at once, so that a full buffer cannot stop both sides. Leaves `answers_due` answers, the missing
// ones incomplete.
void KernelProcess::exchange(std::string_view input, std::size_t answers_due) {
  answers_.clear();
  while (running() && answers_.size() < answers_due) {
    input.remove_prefix(send_some(input));
    if (answers_.size() < answers_due && !wait_for_kernel(!input.empty())) break;
    read_console();
    read_answers();
  }
  if (answers_.size() < answers_due) answers_.push_back(std::exchange(current_, {}));
  answers_.resize(answers_due);
}

// Waits until the kernel has written something or can be written to. Kills it and returns false after a long silence.
bool KernelProcess::wait_for_kernel(bool writing) {
  std::array<pollfd, 3> channels{{{output_, POLLIN, 0}, {console_, POLLIN, 0}, {writing ? input_ : -1, POLLOUT, 0}}};
  int ready = 0;
  do {
    ready = poll(channels.data(), channels.size(), static_cast<int>(silence_.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return true;
  fail(KernelFailure::Kind::silent, fmt::format("no answer for {} ms", silence_.count()));
  end();
  return false;
}

std::size_t KernelProcess::send_some(std::string_view input) {
  if (input.empty()) return 0;
  const ssize_t sent = send(input_, input.data(), input.size(), MSG_NOSIGNAL);
  // That the kernel is gone is noticed at the end of its output.
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void KernelProcess::read_answers() {
  std::array<char, kReadBytes> buffer;
  ssize_t n = 0;
  while ((n = read(output_, buffer.data(), buffer.size())) > 0) {
    std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
      if (partial_line_.empty()) {
        take_line(text.substr(0, end));
      } else {
        partial_line_ += text.substr(0, end);
        take_line(std::exchange(partial_line_, {}));
      }
    }
    partial_line_ += text;
  }
  if (n == 0) note_end(true);
}

void KernelProcess::take_line(std::string_view line) {
  if (line != kMark) {
    if (line.starts_with(kComplaint)) {
      fail(KernelFailure::Kind::complained, std::string(line.substr(kComplaint.size())));
    }
    current_.lines.emplace_back(line);
    return;
  }
  current_.complete = true;
  if (marks_to_skip_ > 0) {
    --marks_to_skip_;
    current_ = {};
    return;
  }
  answers_.push_back(std::exchange(current_, {}));
}

void KernelProcess::read_console() {
  std::array<char, kReadBytes> buffer;
  ssize_t n = 0;
  while ((n = read(console_, buffer.data(), buffer.size())) > 0) {
    const std::size_t room = kLongestLog - std::min(log_.size(), kLongestLog);
    log_.append(buffer.data(), std::min(static_cast<std::size_t>(n), room));
  }
}

void KernelProcess::fail(KernelFailure::Kind kind, std::string text) {
  if (!failure_) failure_ = KernelFailure{kind, std::move(text)};
}

// Reaps the kernel. `leaving`: it has closed its output, so it powered off or died.
void KernelProcess::note_end(bool leaving) {
  if (ended_) return;
  ended_ = true;
  const int status = kill_and_reap(leaving);
  read_console();
  if (input_ >= 0) fail(KernelFailure::Kind::died, fmt::format("the kernel {}", describe_status(status)));
}

// Ends the process and its children. `leaving`: it has ended by itself, or is about to. Returns its status.
int KernelProcess::kill_and_reap(bool leaving) {
  if (snapshot_ != nullptr) return snapshot_->end_copy(leaving);
  int status = 0;
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

bool KernelProcess::finish() {
  close_if_open(input_);
  answers_.clear();
  while (running() && wait_for_kernel(false)) {
    read_console();
    read_answers();
  }
  end();
  return !failure_;
}

void KernelProcess::end() {
  close_if_open(input_);
  if (pid_ > 0 && !ended_) note_end(false);
  close_if_open(output_);
  close_if_open(console_);
}

}  // namespace cma::judge
