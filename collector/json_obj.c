// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_obj.c - see json_obj.h. */
#include "json_obj.h"

#include <math.h>
#include <string.h>

#include "escape.h"
#include "strbuf.h"
#include "probes/cpt_abi.h"

struct json_obj json_obj__new(void)
{
	struct json_obj o = {json_object(), false};

	o.failed = !o.json;
	return o;
}

void json_obj__put(struct json_obj *o, const char *key, json_t *value)
{
	/* json_object_set_new releases the value when it fails, and refuses NULL. */
	if (json_object_set_new(o->json, key, value) < 0)
		o->failed = true;
}

void json_obj__put_ns(struct json_obj *o, const char *key, uint64_t n)
{
	json_obj__put(o, key, json_integer((json_int_t)n));
}

void json_obj__put_real(struct json_obj *o, const char *key, double x)
{
	json_obj__put(o, key, json_value__real(x));
}

json_t *json_obj__done(struct json_obj *o)
{
	if (!o->failed)
		return o->json;
	json_decref(o->json);
	return NULL;
}

json_t *json_value__real(double x)
{
	return json_real(isfinite(x) ? x : 0);
}

json_t *json_value__text(const char *s, size_t len)
{
	struct strbuf valid = {0};
	json_t *json;

	utf8_add_valid(&valid, s, len);
	json = valid.failed ? NULL : json_string(strbuf__str(&valid));
	strbuf__free(&valid);
	return json;
}

json_t *json_value__string(const char *s)
{
	return s ? json_value__text(s, strlen(s)) : json_null();
}

json_t *json_value__comm(const char *name)
{
	return json_value__text(name, strnlen(name, CPT_COMM_LEN));
}

json_t *json_array__append(json_t *array, json_t *value)
{
	/* Takes the value over whatever happens. */
	if (array && json_array_append_new(array, value) == 0)
		return array;
	if (!array)
		json_decref(value);
	json_decref(array);
	return NULL;
}

json_t *json_value__array_ns(const uint64_t *ns, uint32_t cnt)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; array && i < cnt; i++)
		array = json_array__append(array, json_integer((json_int_t)ns[i]));
	return array;
}

static int add_dumped(const char *text, size_t len, void *buf)
{
	struct strbuf *b = buf;

	strbuf__add(b, text, len);
	return b->failed ? -1 : 0;
}

char *json_value__dump(const json_t *json, size_t flags)
{
	struct strbuf text = {0};

	if (json_dump_callback(json, add_dumped, &text, flags) < 0)
		text.failed = true;
	if (text.failed)
		strbuf__free(&text);
	return text.s;
}
