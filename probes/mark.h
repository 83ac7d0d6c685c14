/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mark.h - CPT_MARK("name"): from here on the program is in the phase `name`, for cpartrace's report.
 *
 * Needs no library and no other header: it leaves one instruction that does nothing where it stands, and a note
 * in the file that says where (the USDT probe cpartrace:mark; any tool that knows such probes can use it). While
 * nobody records, it costs that instruction and the reading of two bytes of the name. While cpartrace records, the
 * kernel stops there for as long as the probe takes, a few microseconds.
 *
 *   CPT_MARK("load");
 *   load();
 *   CPT_MARK("work");
 *
 * A name is at most 63 bytes; what is beyond is cut. On other machines than x86-64 and arm64 it does nothing.
 */
#ifndef CPARTRACE_MARK_H
#define CPARTRACE_MARK_H

#if defined(__linux__) && defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))

static inline __attribute__((always_inline, unused)) void cpt_mark(const char *name)
{
	/* Whoever reads it from the kernel cannot wait for memory that is not there yet. */
	(void)*(const volatile char *)name;
	(void)*(const volatile char *)(name + __builtin_strlen(name));
	__asm__ volatile("990:\tnop\n"
			 "\t.pushsection .note.stapsdt,\"?\",\"note\"\n"
			 "\t.balign 4\n"
			 "\t.4byte 992f-991f, 994f-993f, 3\n"
			 "991:\t.asciz \"stapsdt\"\n"
			 "992:\t.balign 4\n"
			 "993:\t.8byte 990b\n"
			 "\t.8byte _.stapsdt.base\n"
			 "\t.8byte 0\n"
			 "\t.asciz \"cpartrace\"\n"
			 "\t.asciz \"mark\"\n"
			 "\t.asciz \"8@%0\"\n"
			 "994:\t.balign 4\n"
			 "\t.popsection\n"
			 "\t.ifndef _.stapsdt.base\n"
			 "\t.pushsection .stapsdt.base,\"aG\",\"progbits\","
			 ".stapsdt.base,comdat\n"
			 "\t.weak _.stapsdt.base\n"
			 "\t.hidden _.stapsdt.base\n"
			 "_.stapsdt.base:\t.space 1\n"
			 "\t.size _.stapsdt.base, 1\n"
			 "\t.popsection\n"
			 "\t.endif\n"
			 :
			 : "r"(name)
			 : "memory");
}

#else

static inline void cpt_mark(const char *name)
{
	(void)name;
}

#endif

#define CPT_MARK(name) cpt_mark(name)

#endif /* CPARTRACE_MARK_H */
