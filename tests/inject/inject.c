// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * inject.c - a shared object that makes one chosen allocation, or one chosen system call that writes, of the real
 * program fail. It is loaded by LD_PRELOAD and talks to inject.py.
 *
 * Owns:     how a fault comes about, and what a site is: the chain of callers that an allocation or a call has.
 * Must not: judge what came of it.
 *
 *   before main()    waits for orders; each of them is one fork, which goes on into main()
 *   allocations      malloc and those like it, mmap and pthread_create are defined here and come before the C
 *                    library's. What the C library itself allocates (strdup, fopen, ...) comes through here, too
 *   system calls     a seccomp filter turns those that leave from the C library's text into SIGSYS, whose handler
 *                    makes them from here or says that they failed: so what stdio and sqlite write is reached as well
 *
 * The filter outlives an exec, where nobody would answer the signal; but there the C library stands elsewhere.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#ifndef __x86_64__
#error "the registers of a system call are x86-64's here"
#endif

enum { ALLOCATION, WRITING, CLASS_CNT };

#define LOG_MAX	  (1u << 17)
#define DEPTH_MAX 32
#define SHORTENED 1000 /* as an error: half is written */

struct entry {
	uint64_t site;
	uint32_t nr; /* of the system call; of an allocation 0 */
	int32_t fd;  /* its first argument */
};

/* One order, and what became of it; inject.py has the same. */
struct shared {
	/* the order */
	uint32_t class;
	uint32_t err;	  /* what the call fails with */
	uint64_t at;	  /* which one fails, from 1; 0: none, they are counted */
	uint64_t site;	  /* instead, the first one there; 0: none */
	uint32_t lasting; /* all behind it fail, too */
	uint32_t depth;	  /* callers that make up a site */
	/* what came of it */
	_Atomic uint64_t cnt[CLASS_CNT];
	_Atomic uint32_t hits;
	uint32_t pc_cnt;
	uint64_t pcs[DEPTH_MAX];
	struct entry hit;
	struct entry log[CLASS_CNT][LOG_MAX];
};

static struct shared *shared;
static bool armed;
static _Thread_local int busy __attribute__((tls_model("initial-exec")));

/* ---- sites --------------------------------------------------------------------------------------- */

static struct module {
	uint64_t from, to, base;
} modules[64];
static int module_cnt, own_module = -1;
static uint64_t libc_from, libc_to;

static int add_module(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	uint64_t id = 14695981039346656037u;

	(void)sz;
	(void)ctx;
	for (const char *c = info->dlpi_name; *c; c++)
		id = (id ^ (uint8_t)*c) * 1099511628211u;
	for (int i = 0; i < info->dlpi_phnum && module_cnt < 64; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const uint64_t from = info->dlpi_addr + p->p_vaddr, to = from + p->p_memsz;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		if ((uint64_t)(uintptr_t)add_module >= from && (uint64_t)(uintptr_t)add_module < to)
			own_module = module_cnt;
		if (strstr(info->dlpi_name, "/libc.so")) {
			libc_from = from;
			libc_to = to;
		}
		/* So that a site is the same in each process. */
		modules[module_cnt++] =
			(struct module){from, to, info->dlpi_addr - (id & 0xffffffffff000)};
	}
	return 0;
}

struct chain {
	uint32_t cnt, wanted;
	uint64_t hash;
	uint64_t pcs[DEPTH_MAX];
};

static _Unwind_Reason_Code add_caller(struct _Unwind_Context *context, void *ctx)
{
	struct chain *c = ctx;
	const uint64_t pc = _Unwind_GetIP(context);
	uint64_t place = pc;

	for (int i = 0; i < module_cnt; i++) {
		if (pc < modules[i].from || pc >= modules[i].to)
			continue;
		if (i == own_module)
			return _URC_NO_REASON;
		place = pc - modules[i].base;
		break;
	}
	c->hash = (c->hash ^ place) * 1099511628211u;
	c->hash ^= c->hash >> 29;
	c->pcs[c->cnt++] = pc;
	return c->cnt < c->wanted ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void find_callers(struct chain *c)
{
	*c = (struct chain){.wanted = shared->depth < DEPTH_MAX ? shared->depth : DEPTH_MAX,
			    .hash = 14695981039346656037u};
	_Unwind_Backtrace(add_caller, c);
}

/* Does this one fail? Counts it. */
static bool is_chosen(int class, uint32_t nr, int fd)
{
	struct chain chain;
	uint64_t n;
	bool chosen;

	if (!armed || busy)
		return false;
	busy++;
	n = atomic_fetch_add(&shared->cnt[class], 1) + 1;
	chosen = shared->class == (uint32_t) class &&
		 ((shared->at &&
		   (n == shared->at || (shared->lasting && n > shared->at && fd != 2))) ||
		  (shared->lasting && shared->hits && fd != 2));
	if (!shared->at || chosen) {
		find_callers(&chain);
		if (!shared->at && n <= LOG_MAX)
			shared->log[class][n - 1] = (struct entry){chain.hash, nr, fd};
		if (shared->site && shared->class == (uint32_t) class &&
		    shared->site == chain.hash && !shared->hits)
			chosen = true;
	}
	if (chosen && !atomic_fetch_add(&shared->hits, 1)) {
		shared->hit = (struct entry){chain.hash, nr, fd};
		shared->pc_cnt = chain.cnt;
		memcpy(shared->pcs, chain.pcs, sizeof(chain.pcs));
	}
	busy--;
	return chosen;
}

/* ---- allocations --------------------------------------------------------------------------------- */

#define REAL(type, name, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (!real)                                                                                 \
	real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static bool no_memory(void)
{
	if (!is_chosen(ALLOCATION, 0, -1))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t sz)
{
	REAL(void *, "malloc", size_t);
	return no_memory() ? NULL : real(sz);
}

void *calloc(size_t cnt, size_t sz)
{
	REAL(void *, "calloc", size_t, size_t);
	return no_memory() ? NULL : real(cnt, sz);
}

void *realloc(void *p, size_t sz)
{
	REAL(void *, "realloc", void *, size_t);
	return no_memory() ? NULL : real(p, sz);
}

void *reallocarray(void *p, size_t cnt, size_t sz)
{
	size_t all;

	if (__builtin_mul_overflow(cnt, sz, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

int posix_memalign(void **p, size_t alignment, size_t sz)
{
	REAL(int, "posix_memalign", void **, size_t, size_t);
	return no_memory() ? ENOMEM : real(p, alignment, sz);
}

void *aligned_alloc(size_t alignment, size_t sz)
{
	REAL(void *, "aligned_alloc", size_t, size_t);
	return no_memory() ? NULL : real(alignment, sz);
}

/* A sanitizer's own would not come through here. */
char *strdup(const char *s)
{
	const size_t sz = strlen(s) + 1;
	char *copy = malloc(sz);

	return copy ? memcpy(copy, s, sz) : NULL;
}

char *strndup(const char *s, size_t max)
{
	const size_t len = strnlen(s, max);
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

int vasprintf(char **p, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	*p = len < 0 ? NULL : malloc((size_t)len + 1);
	return *p ? vsnprintf(*p, (size_t)len + 1, fmt, args) : -1;
}

int asprintf(char **p, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(p, fmt, args);
	va_end(args);
	return len;
}

int __vasprintf_chk(char **p, int flag, const char *fmt, va_list args);
int __vasprintf_chk(char **p, int flag, const char *fmt, va_list args)
{
	(void)flag;
	return vasprintf(p, fmt, args);
}

int __asprintf_chk(char **p, int flag, const char *fmt, ...);
int __asprintf_chk(char **p, int flag, const char *fmt, ...)
{
	va_list args;
	int len;

	(void)flag;
	va_start(args, fmt);
	len = vasprintf(p, fmt, args);
	va_end(args);
	return len;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
	REAL(void *, "mmap", void *, size_t, int, int, int, off_t);
	return no_memory() ? MAP_FAILED : real(at, len, prot, flags, fd, pos);
}

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
	return mmap(at, len, prot, flags, fd, pos);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	REAL(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	return no_memory() ? EAGAIN : real(thread, attr, start, arg);
}

/* ---- system calls -------------------------------------------------------------------------------- */

static const int watched[] = {
	SYS_write,	     SYS_pwrite64,	SYS_writev, SYS_pwritev,
	SYS_fsync,	     SYS_fdatasync,	SYS_close,  SYS_rename,
	SYS_renameat,	     SYS_renameat2,	SYS_link,   SYS_linkat,
	SYS_ftruncate,	     SYS_fallocate,	SYS_open,   SYS_creat,
	SYS_openat,	     SYS_fchmod,	SYS_fchown, SYS_bpf,
	SYS_perf_event_open, SYS_epoll_create1, SYS_pipe2,  SYS_pidfd_open,
	SYS_memfd_create,
};
#define WATCHED_CNT (sizeof(watched) / sizeof(watched[0]))

/* What the kernel needs memory for: these count as allocations. */
static bool is_of_kernel(long nr)
{
	switch (nr) {
	case SYS_bpf:
	case SYS_perf_event_open:
	case SYS_pipe2:
	case SYS_epoll_create1:
	case SYS_pidfd_open:
	case SYS_memfd_create:
		return true;
	default:
		return false;
	}
}

/* A full disk, from there on, keeps nobody from reading. */
static bool only_reads(long nr, const greg_t *r)
{
	const int flags = nr == SYS_open     ? (int)r[REG_RSI]
			  : nr == SYS_openat ? (int)r[REG_RDX]
					     : O_RDWR;

	return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT);
}

static long make_call(long nr, const greg_t *r)
{
	register long r10 __asm__("r10") = r[REG_R10];
	register long r8 __asm__("r8") = r[REG_R8];
	register long r9 __asm__("r9") = r[REG_R9];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(r[REG_RDI]), "S"(r[REG_RSI]), "d"(r[REG_RDX]), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static long fail_call(long nr, greg_t *r)
{
	if (shared->err == SHORTENED) {
		if ((nr == SYS_write || nr == SYS_pwrite64) && r[REG_RDX] > 1)
			r[REG_RDX] /= 2;
		else if ((nr == SYS_writev || nr == SYS_pwritev) && r[REG_RDX] > 1)
			r[REG_RDX] = 1;
		return make_call(nr, r);
	}
	/* What cannot be closed is closed nevertheless. */
	if (nr == SYS_close)
		make_call(nr, r);
	return -(long)shared->err;
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	const long nr = info->si_syscall;
	const int saved = errno;
	bool fails;

	(void)sig;
	fails = is_chosen(is_of_kernel(nr) ? ALLOCATION : WRITING, (uint32_t)nr, (int)r[REG_RDI]);
	if (fails && shared->hits > 1 && only_reads(nr, r))
		fails = false;
	r[REG_RAX] = fails ? fail_call(nr, r) : make_call(nr, r);
	errno = saved;
}

/* Whoever blocks all signals means those of others. */
static const sigset_t *without_ours(const sigset_t *set, sigset_t *copy)
{
	if (!set)
		return NULL;
	*copy = *set;
	sigdelset(copy, SIGSYS);
	return copy;
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy;

	REAL(int, "pthread_sigmask", int, const sigset_t *, sigset_t *);
	return real(how, how == SIG_UNBLOCK ? set : without_ours(set, &copy), old);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy;

	REAL(int, "sigprocmask", int, const sigset_t *, sigset_t *);
	return real(how, how == SIG_UNBLOCK ? set : without_ours(set, &copy), old);
}

static void install_filter(void)
{
	struct sock_filter f[WATCHED_CNT + 8];
	struct sock_fprog program = {.filter = f};
	struct sigaction action = {.sa_sigaction = on_sigsys,
				   .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
	const uint8_t cnt = (uint8_t)WATCHED_CNT;
	unsigned short n = 0;

	sigaction(SIGSYS, &action, NULL);
	f[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
					      (uint32_t)(libc_from >> 32), 0, (uint8_t)(cnt + 4));
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, instruction_pointer));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)libc_from, 0,
					      (uint8_t)(cnt + 2));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)libc_to,
					      (uint8_t)(cnt + 1), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (uint8_t i = 0; i < cnt; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						      (uint32_t)watched[i], (uint8_t)(cnt - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	program.len = n;
	if (geteuid() != 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(98);
}

/* ---- orders -------------------------------------------------------------------------------------- */

/* Returns in each process that is to be the program; otherwise when there are no more orders. */
static void serve(int fd)
{
	int32_t status = 0;
	char order;

	while (read(fd, &order, 1) == 1) {
		const int32_t pid = fork();

		if (!pid) {
			close(fd);
			setsid();
			install_filter();
			armed = true;
			return;
		}
		if (write(fd, &pid, sizeof(pid)) != sizeof(pid) ||
		    (pid > 0 && waitpid(pid, &status, 0) != pid) ||
		    write(fd, &status, sizeof(status)) != sizeof(status))
			break;
	}
	_exit(0);
}

__attribute__((constructor)) static void begin(void)
{
	const char *memory = getenv("INJECT_MEMORY"), *orders = getenv("INJECT_ORDERS");
	struct chain chain;
	int fd;

	if (!memory || !orders)
		return;
	fd = open(memory, O_RDWR | O_CLOEXEC);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || shared == MAP_FAILED)
		_exit(98);
	close(fd);
	fd = atoi(orders);
	unsetenv("LD_PRELOAD");
	unsetenv("INJECT_MEMORY");
	unsetenv("INJECT_ORDERS");
	dl_iterate_phdr(add_module, NULL);
	if (!libc_from || own_module < 0 || libc_from >> 32 != libc_to >> 32)
		_exit(97);    /* inject.py tries again */
	find_callers(&chain); /* what this loads it loads now */
	serve(fd);
}
