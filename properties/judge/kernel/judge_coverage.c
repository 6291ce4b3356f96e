// SPDX-License-Identifier: GPL-2.0
/*
 * The judge's driver for fuzzing: it counts which code of mm/ its operations execute, and serves each client with a
 * copy of the kernel as it was after boot. It takes the place of judge_driver.c, of which it is a superset, in kernels
 * that ci/judge-kernel --coverage builds. README.md next to this file has the protocol.
 */
#include <linux/init.h>
#undef late_initcall_sync
/* The driver's own start is called from here. */
#define late_initcall_sync(function)
#define JUDGE_COVERAGE
#include "judge_driver.c"
#undef late_initcall_sync
#define late_initcall_sync(function) __define_initcall(function, 7s)

#include <linux/preempt.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <asm/sections.h>
#include <asm/unistd.h>
#include <as-layout.h>
#include <mem_user.h>
#include <uapi/linux/wait.h>

/* arch/um/kernel/um_arch.c; no header declares it. */
extern unsigned long long physmem_size;

/* ---- the table of counters, which the client has mapped too ---- */

/*
 * A call of the hook below is five bytes long, so that two of them never have their return addresses in the same four.
 * properties/judge/kernel_coverage.cc has the same layout.
 */
#define BYTES_A_SLOT 4
#define SLOTS (1 << 20)
#define MAGIC "cmacov1\n"

static struct {
	char magic[8];
	u64 text;		/* the address that slot 0 begins with */
	u64 slots;
	u32 recording;		/* the client's: nothing is counted while it is 0 */
	char unused[PAGE_SIZE - 28];
	u8 counters[SLOTS];
} cover __aligned(PAGE_SIZE);

static int coverage_fd = -1, snapshots_fd = -1;

static int __init set_coverage_fd(char *s)
{
	return kstrtoint(s, 10, &coverage_fd);
}
early_param("cmacheck_coverage", set_coverage_fd);

static int __init set_snapshots_fd(char *s)
{
	return kstrtoint(s, 10, &snapshots_fd);
}
early_param("cmacheck_snapshots", set_snapshots_fd);

/*
 * Called at the beginning of each block of code that is compiled with -fsanitize-coverage=trace-pc. Counts only what an
 * operation does, or work that it waits for: no boot, no interrupt.
 */
void __sanitizer_cov_trace_pc(void);
notrace void __sanitizer_cov_trace_pc(void)
{
	unsigned long slot = ((unsigned long)__builtin_return_address(0) - (unsigned long)_stext) / BYTES_A_SLOT;

	if (!READ_ONCE(cover.recording) || !in_operation || !in_task() || slot >= SLOTS)
		return;
	if (cover.counters[slot] != 255)
		cover.counters[slot]++;
}

static void __init share_table(void)
{
	if (os_map_memory(&cover, coverage_fd, 0, sizeof(cover), 1, 1, 0))
		panic("judge: the table of counters cannot be mapped");
	cover.text = (unsigned long)_stext;
	cover.slots = SLOTS;
	/* Last: with it the client knows that the rest is there. */
	memcpy(cover.magic, MAGIC, sizeof(cover.magic));
}

/* ---- processes have no other side on the host ---- */

/*
 * The kernel of User Mode Linux runs the code of each process in a process of the host, which maps the same file of
 * memory. A copy of the kernel has memory of its own, which such a process would not see. The driver's processes run no
 * code, so they have none. The real functions are renamed when they are compiled (ci/judge-kernel). Those whose
 * arguments differ between releases are in judge_releases.h.
 */
int start_userspace(unsigned long stack)
{
	return INT_MAX;
}

void os_kill_ptraced_process(int pid, int reap_child)
{
}

/* ---- snapshots ---- */

/* A system call of the host. */
static long host_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long result;

	asm volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

#define HOST_PROT_ALL 7
#define HOST_MAP_PRIVATE_FIXED 0x12

/*
 * Memory is a file that is mapped shared. From now on what is written stays with the process that wrote it, so that a
 * child of this process has the memory of this moment and leaves it as it is.
 */
static void __init keep_writes_private(void)
{
	unsigned long begin = uml_reserved, end = uml_physmem + physmem_size;
	unsigned long long offset;
	int fd = phys_mapping(begin - uml_physmem, &offset);

	if (host_call(__NR_mmap, begin, end - begin, HOST_PROT_ALL, HOST_MAP_PRIVATE_FIXED, fd, offset) != begin)
		panic("judge: memory cannot be mapped private");
}

#define CLIENT_FDS 3

struct client {
	int in, out, console;
};

/* Waits for a message with a client's three descriptors. Returns false at the end of them. */
static bool __init next_client(struct client *client)
{
	char byte, control[CMSG_SPACE(CLIENT_FDS * sizeof(int))] __aligned(sizeof(long));
	struct iovec data = { .iov_base = (void __user *)&byte, .iov_len = 1 };
	struct user_msghdr message = {
		.msg_iov = (void __user *)&data, .msg_iovlen = 1,
		.msg_control = (void __user *)control, .msg_controllen = sizeof(control),
	};
	long n;

	do {
		n = host_call(__NR_recvmsg, snapshots_fd, (long)&message, 0, 0, 0, 0);
	} while (n == -EINTR);
	if (n != 1 || message.msg_controllen < CMSG_LEN(CLIENT_FDS * sizeof(int)))
		return false;
	memcpy(client, CMSG_DATA((struct cmsghdr *)control), sizeof(*client));
	return true;
}

static void __init report(int value)
{
	host_call(__NR_write, snapshots_fd, (long)&value, sizeof(value), 0, 0, 0);
}

static void __init close_client(const struct client *client)
{
	host_call(__NR_close, client->in, 0, 0, 0, 0, 0);
	host_call(__NR_close, client->out, 0, 0, 0, 0, 0);
	host_call(__NR_close, client->console, 0, 0, 0, 0, 0);
}

/* Serves one client, in a process that ends with it. */
static void __init serve_client(const struct client *client)
{
	/* A group of its own, as a kernel that panics ends its whole group. */
	host_call(__NR_setpgid, 0, 0, 0, 0, 0, 0);
	host_call(__NR_close, snapshots_fd, 0, 0, 0, 0, 0);
	host_call(__NR_dup2, client->in, in_fd, 0, 0, 0, 0);
	host_call(__NR_dup2, client->out, out_fd, 0, 0, 0, 0);
	host_call(__NR_dup2, client->console, 1, 0, 0, 0, 0);
	host_call(__NR_dup2, client->console, 2, 0, 0, 0, 0);
	close_client(client);
	serve();
	host_call(__NR_exit_group, 0, 0, 0, 0, 0, 0);
}

/* Makes a copy of this process for each client, one after the other, and reports its number and how it ended. */
static void __init serve_clients(void)
{
	struct client client;

	keep_writes_private();
	while (next_client(&client)) {
		long pid = host_call(__NR_fork, 0, 0, 0, 0, 0, 0);
		int status = 0;

		if (!pid)
			serve_client(&client);
		close_client(&client);
		report(pid);
		if (pid < 0)
			continue;
		while (host_call(__NR_wait4, pid, (long)&status, __WALL, 0, 0, 0) == -EINTR)
			;
		report(status);
	}
	host_call(__NR_exit_group, 0, 0, 0, 0, 0, 0);
}

static int __init judge_with_coverage(void)
{
	if (coverage_fd >= 0)
		share_table();
	if (snapshots_fd < 0)
		return judge();
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	if (prepare_shmem())
		panic("judge: no shmem file");
	set_log_level();
	drain();
	note_counters();
	serving = true;
	serve_clients();
	return 0;
}
late_initcall_sync(judge_with_coverage);
