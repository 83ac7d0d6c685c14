/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output_file.h - files the program writes, mostly as root into directories of others.
 *
 * Owns:     how a file comes into being: in a directory that is opened once, under a temporary name that did
 *           not exist, never through a symbolic link, as the user behind sudo; then renamed to its place.
 * Must not: know what is in it.
 *
 *   output_file__create()    DIR is opened; in it a file without a name, mode 0600: if we are killed it is gone.
 *                            Where there are none such (NFS), or it needs one: .NAME.PID-N.tmp, O_EXCL | O_NOFOLLOW
 *   output_file__publish()   it gets that name if it has none, an older NAME moves to NAME.old (if asked for), the
 *                            new one takes its place
 *   output_file__discard()   as if nothing had been
 *
 * Under sudo each of these is done with the user, group and groups of who typed the command: what that user
 * could not have written or replaced is not written or replaced, and the file is that user's. Whoever owns the
 * directory may move it or put things into it at any time: names are looked up in the directory that was
 * opened, and what is renamed is what was written.
 *
 * A device or FIFO that stands at the place (/dev/null) is written to as it is, where that is allowed; so
 * are our own streams (/dev/stdout, /dev/fd/N). A symbolic link to a file gives way to the file itself.
 */
#ifndef CPT_OUTPUT_FILE_H
#define CPT_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rights.h"

struct output_file {
	int fd;	       /* -1: not open; read and write for regular files */
	int dir_fd;    /* of the directory it goes to, -1 none */
	char *path;    /* where it goes; owned */
	char *temp;    /* where it is until published; NULL once published or for devices; owned */
	bool nameless; /* nothing is at temp yet */
	bool quiet;    /* errors are the caller's to say */
	dev_t dev;     /* of the file at temp */
	ino_t ino;
	struct rights_user behind; /* as whom all of it is done */
};

#define OUTPUT_KEEP_OLD 0x1  /* the older file moves to PATH.old instead of being replaced */
#define OUTPUT_SEEKABLE 0x2  /* only a regular file will do */
#define OUTPUT_PUBLIC	0x4  /* all may read it: for monitoring that runs as another user */
#define OUTPUT_NAMED	0x8  /* at temp from the start: for who must open it by a name */
#define OUTPUT_QUIET	0x10 /* what goes wrong with it is not said */

/* 0, or -errno after having said what is wrong, in one line. */
int output_file__create(struct output_file *f, const char *path, unsigned int flags);
/* Likewise in a directory that was opened for another one: path is of that directory, which may lead elsewhere by now.
 * dir_fd is borrowed; -1: that path leads to. */
int output_file__create_in(struct output_file *f, int dir_fd, const char *path, unsigned int flags);
int output_file__publish(struct output_file *f, unsigned int flags);
/* Writes all of it. 0 or -errno (nothing said). */
int output_file__write(struct output_file *f, const char *text, size_t len);
/* Closes a descriptor of it: data that was taken can still be refused then (NFS, quotas), and should not take the place
 * of an older file. 0, also where none is open, or -errno (nothing said). */
int output_file__settle(const struct output_file *f);

/* Somebody has removed it since it was put in its place, or its directory: what is written to it is lost. */
bool output_file__is_gone(const struct output_file *f);
/* Closes; one that could not be published stays at its temporary name. The caller has said where. */
void output_file__leave(struct output_file *f);

/* Closes; a file that was not published goes away. Safe on {.fd = -1} and after itself. */
void output_file__discard(struct output_file *f);

/* Takes a published file away again, if it still is the one that stands at its name; it stays open. */
void output_file__remove(const struct output_file *f);
/* Likewise of one of that name that has been closed, in the directory of f, as its user. */
void output_file__unlink(const struct output_file *f, const char *path, dev_t dev, ino_t ino);

/* Would two files that are to be made there take each other's place? Not where a device or FIFO stands, and our own
 * streams take several. NULL, or "-": no file. */
bool output_file__same_place(const char *a, const char *b);
/* Is it this file, open, that would give way to one made at path? */
bool output_file__replaces(const char *path, int fd);

/* write, publish, close: for reports. 0 or -errno after having said why; f is done with either way. */
int output_file__finish(struct output_file *f, const char *text, size_t len);

/* Capabilities (RIGHT()) that root needs to publish it, or to make others in its directory: none where that is its
 * own. */
uint64_t output_file__rights(const struct output_file *f);

#define OUTPUT_FILE_NONE ((struct output_file){.fd = -1, .dir_fd = -1})

#endif /* CPT_OUTPUT_FILE_H */
