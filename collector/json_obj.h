/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_obj.h - building JSON without checking every step.
 *
 * Owns:     a failure that is remembered until the object is done; strings made valid UTF-8.
 * Must not: know any report's keys.
 *
 * Every part of a report is built by a small function of its own that returns an object or NULL:
 *
 *   struct json_obj o = json_obj__new();
 *   json_obj__put_ns(&o, "window_ns", n);
 *   json_obj__put(&o, "cpus", cpus(r));      (takes the value over; NULL counts as failure)
 *   return json_obj__done(&o);
 */
#ifndef CPT_JSON_OBJ_H
#define CPT_JSON_OBJ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits that tell any two doubles apart that differ by more than rounding of a division. */
#define CPT_JSON_REAL_DIGITS 12

struct json_obj {
	json_t *json;
	bool failed;
};

struct json_obj json_obj__new(void);

/* Takes value over whatever happens; NULL makes the object fail. */
void json_obj__put(struct json_obj *o, const char *key, json_t *value);
void json_obj__put_ns(struct json_obj *o, const char *key, uint64_t n); /* any whole number */
void json_obj__put_real(struct json_obj *o, const char *key, double x);

/* The object, the caller's; NULL if anything failed on the way. */
json_t *json_obj__done(struct json_obj *o);

/* A number; 0 for what JSON cannot say (infinite, not a number). NULL without memory, as all below. */
json_t *json_value__real(double x);

/* len bytes as a string; what is not valid UTF-8 has U+FFFD in its place. */
json_t *json_value__text(const char *s, size_t len);
json_t *json_value__string(const char *s);  /* NUL-terminated; NULL: null */
json_t *json_value__comm(const char *name); /* at most CPT_COMM_LEN bytes */
json_t *json_value__array_ns(const uint64_t *ns, uint32_t cnt);

/* json as text, by jansson's flags; the caller's. NULL without memory. Not json_dumps(), which leaves out of its text
 * the name of a member that it had no memory for. */
char *json_value__dump(const json_t *json, size_t flags);

/* Appends value, taking it over. Returns array, or NULL (array is released) if array or value is NULL
 * or memory ran out: to be written as array = json_array__append(array, …). */
json_t *json_array__append(json_t *array, json_t *value);

#endif /* CPT_JSON_OBJ_H */
