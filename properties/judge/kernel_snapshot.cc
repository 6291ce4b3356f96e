#include "properties/judge/kernel_snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace cma::judge {
namespace {

constexpr int kControlOfKernel = 5;
constexpr int kCountersOfKernel = 6;
// No healthy boot and no process that was killed takes as long, however busy the machine is.
constexpr int kLongestMilliseconds = 60'000;
// For a copy that is about to end. What takes longer is killed.
constexpr int kLeavingMilliseconds = 2'000;
constexpr std::size_t kChannels = 3;
constexpr int kKilled = SIGKILL;  // the status of a process that was killed

// Sends the descriptors with one byte. Returns false with errno set if that fails.
bool send_descriptors(int socket, const std::array<int, kChannels>& descriptors) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(descriptors))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(descriptors));
  std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(descriptors));
  return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

}  // namespace

KernelSnapshot::KernelSnapshot(const KernelOptions& options, int counters) {
  std::array<int, 2> control{-1, -1};
  std::array<int, 2> console{-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) == 0 &&
      pipe2(console.data(), O_CLOEXEC) == 0) {
    server_ = start_kernel(options, console[1],
                           {{control[1], kControlOfKernel, "cmacheck_snapshots"},
                            {counters, kCountersOfKernel, "cmacheck_coverage"},
                            {console[1], kInputOfKernel, "cmacheck_in"},
                            {console[1], kOutputOfKernel, "cmacheck_out"}});
  }
  if (server_ < 0) why_ = fmt::format("no process: {}", std::strerror(errno));
  control_ = std::exchange(control[0], -1);
  console_ = std::exchange(console[0], -1);
  if (console_ >= 0) fcntl(console_, F_SETFL, O_NONBLOCK);
  close_if_open(control[1]);
  close_if_open(console[1]);
}

KernelSnapshot::~KernelSnapshot() {
  if (copy_ > 0) end_copy(false);
  close_if_open(control_);
  if (server_ > 0) {
    kill(-server_, SIGKILL);
    while (waitpid(server_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close_if_open(console_);
}

// Reads a number that the kernel sends. Returns false if none comes in time, or none will come.
bool KernelSnapshot::receive(int& value, int milliseconds) {
  pollfd channel{control_, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&channel, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && recv(control_, &value, sizeof(value), 0) == sizeof(value);
}

void KernelSnapshot::give_up(const std::string& reason) {
  std::array<char, 4096> text{};
  const ssize_t n = read(console_, text.data(), text.size());
  why_ = reason + (n > 0 ? ":\n" + std::string(text.data(), static_cast<std::size_t>(n)) : "");
}

pid_t KernelSnapshot::copy(int input, int output, int console) {
  if (!why_.empty()) return -1;
  int pid = -1;
  if (!send_descriptors(control_, {input, output, console}))
    give_up(fmt::format("the kernel cannot be reached ({})", std::strerror(errno)));
  else if (!receive(pid, kLongestMilliseconds))
    give_up("the kernel did not boot");
  else if (pid < 0)
    give_up(fmt::format("the kernel cannot be copied ({})", std::strerror(-pid)));
  copy_ = pid < 0 ? -1 : pid;
  return copy_;
}

int KernelSnapshot::end_copy(bool leaving) {
  int status = kKilled;
  // Until its status has come, the number is the copy's and nothing else's.
  if (!receive(status, leaving ? kLeavingMilliseconds : 0)) {
    kill(copy_, SIGKILL);
    if (!receive(status, kLongestMilliseconds)) give_up("the kernel does not say how its copy ended");
  }
  copy_ = -1;
  return status;
}

}  // namespace cma::judge
