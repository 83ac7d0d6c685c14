// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mark_lock.c - see mark_lock.h. */
#include "mark_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_FILE "/proc/self/exe"
#define LOCK_AT	 0x6d61726b /* one byte, behind the end of the file or not */

static struct flock lock_of(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = 1};
}

int mark_lock__hold(void)
{
	struct flock lock = lock_of(F_RDLCK);
	int fd = open(OWN_FILE, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void mark_lock__leave(int fd)
{
	struct flock lock = lock_of(F_UNLCK);

	if (fd < 0)
		return;
	(void)fcntl(fd, F_OFD_SETLK, &lock);
	close(fd);
}

/* Whoever may execute the file may read it. */
static bool all_can_hold(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !(st.st_mode & 0111 & ~(st.st_mode >> 2));
}

int mark_lock__is_held(void)
{
	struct flock lock = lock_of(F_WRLCK); /* would it be in somebody's way? */
	int fd = open(OWN_FILE, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = fcntl(fd, F_OFD_GETLK, &lock) ? -errno : lock.l_type != F_UNLCK;
	if (!ret && !all_can_hold(fd))
		ret = -EACCES;
	close(fd);
	return ret;
}
