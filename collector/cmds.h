/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmds.h - the commands, each in its own file; commands.c puts them in order. */
#ifndef CPT_CMDS_H
#define CPT_CMDS_H

#include "command.h"

extern const struct command cmd_run;
extern const struct command cmd_record;
extern const struct command cmd_recover;
extern const struct command cmd_mark;
extern const struct command cmd_report;
extern const struct command cmd_export;
extern const struct command cmd_script;
extern const struct command cmd_diff;
extern const struct command cmd_stat;
extern const struct command cmd_doctor;
extern const struct command cmd_version;
extern const struct command cmd_help;

#endif /* CPT_CMDS_H */
