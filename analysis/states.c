// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * states.c - names and meanings of the words in states.h.
 *
 * Owns:     nothing but tables generated from the lists.
 * Must not: be edited when a word is added: the lists in states.h are the only place.
 */
#include "states.h"

#define TABLE_STR2(name, str)		   str,
#define TABLE_STR3(name, str, text)	   str,
#define TABLE_TEXT3(name, str, text)	   text,
#define TABLE_STR4(cls, name, str, text)   str,
#define TABLE_TEXT4(cls, name, str, text)  text,
#define TABLE_CLASS4(cls, name, str, text) CPT_CLASS_##cls,

const char *state_name(enum cpt_state state)
{
	static const char *const names[] = {CPT_STATES(TABLE_STR3)};

	return state < CPT_STATE_CNT ? names[state] : "?";
}

const char *reason_name(enum cpt_reason reason)
{
	static const char *const names[] = {CPT_WAITING_REASONS(TABLE_STR3)
						    CPT_PARKED_REASONS(TABLE_STR3)};

	return reason < CPT_REASON_CNT ? names[reason] : "?";
}

const char *reason_text(enum cpt_reason reason)
{
	static const char *const texts[] = {CPT_WAITING_REASONS(TABLE_TEXT3)
						    CPT_PARKED_REASONS(TABLE_TEXT3)};

	return reason < CPT_REASON_CNT ? texts[reason] : "?";
}

const char *class_name(enum cpt_class cls)
{
	static const char *const names[] = {CPT_CLASSES(TABLE_STR2)};

	return cls < CPT_CLASS_CNT ? names[cls] : "?";
}

const char *split_name(enum cpt_split split)
{
	static const char *const names[] = {CPT_SPLITS(TABLE_STR4) "unknown"};

	return split < CPT_SPLIT_CNT ? names[split] : "?";
}

const char *split_text(enum cpt_split split)
{
	static const char *const texts[] = {CPT_SPLITS(TABLE_TEXT4) "events were lost"};

	return split < CPT_SPLIT_CNT ? texts[split] : "?";
}

enum cpt_class split_class(enum cpt_split split)
{
	static const enum cpt_class classes[] = {CPT_SPLITS(TABLE_CLASS4) CPT_CLASS_UNKNOWN};

	return split < CPT_SPLIT_CNT ? classes[split] : CPT_CLASS_UNKNOWN;
}
