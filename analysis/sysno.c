// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sysno.c - the tables behind sysno.h.
 */
#include "sysno.h"

#include <string.h>

void sysno_table(const char *machine, uint8_t table[CPT_SYSNO_TABLE_SZ])
{
#define X86_64_NO(name, str, x86, generic, group)  [CPT_SYS_##name] = (x86),
#define GENERIC_NO(name, str, x86, generic, group) [CPT_SYS_##name] = (generic),
	static const int16_t x86_64[CPT_SYS_CNT] = {[CPT_SYS_UNKNOWN] = -1,
						    CPT_SYSCALLS(X86_64_NO)};
	static const int16_t generic[CPT_SYS_CNT] = {[CPT_SYS_UNKNOWN] = -1,
						     CPT_SYSCALLS(GENERIC_NO)};
	const int16_t *numbers;

	_Static_assert(CPT_SYS_CNT <= UINT8_MAX, "the look-up table holds bytes");
	memset(table, CPT_SYS_UNKNOWN, CPT_SYSNO_TABLE_SZ);
	if (machine && !strcmp(machine, "x86_64"))
		numbers = x86_64;
	else if (machine && !strcmp(machine, "aarch64"))
		numbers = generic;
	else
		return;
	for (int sys = 0; sys < CPT_SYS_CNT; sys++)
		if (numbers[sys] >= 0 && numbers[sys] < CPT_SYSNO_TABLE_SZ)
			table[numbers[sys]] = (uint8_t)sys;
}

const char *sys_name(enum cpt_sys sys)
{
#define SYS_STR(name, str, x86, generic, group) [CPT_SYS_##name] = (str),
	static const char *const names[CPT_SYS_CNT] = {[CPT_SYS_UNKNOWN] = "?",
						       CPT_SYSCALLS(SYS_STR)};

	return sys < CPT_SYS_CNT ? names[sys] : "?";
}

enum cpt_sys_group sys_group(enum cpt_sys sys)
{
#define SYS_GROUP(name, str, x86, generic, group) [CPT_SYS_##name] = CPT_SYS_GROUP_##group,
	static const uint8_t groups[CPT_SYS_CNT] = {CPT_SYSCALLS(SYS_GROUP)};

	return sys < CPT_SYS_CNT ? (enum cpt_sys_group)groups[sys] : CPT_SYS_GROUP_OTHER;
}
