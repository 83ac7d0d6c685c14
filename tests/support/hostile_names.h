/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hostile_names.h - names that would do harm where they are printed, drawn or stored carelessly.
 *
 * Owns:     the one list of them, for threads, locks, modules, functions and arguments alike.
 * Must not: know a format. A test of one takes the whole list.
 *
 * Each is shorter than CPT_COMM_LEN, so that it can be the name of a thread, and no two are equal.
 */
#ifndef HOSTILE_NAMES_H
#define HOSTILE_NAMES_H

/* X("name", "whom it would harm") */
/* clang-format off */
#define HOSTILE_NAMES(X)                                                                           \
	X("\033]0;owned\007", "a terminal: sets its title")                                        \
	X("\033[2J\033[31m", "a terminal: clears it")                                              \
	X("\302\23331mc1", "a terminal: CSI as one character")                                     \
	X("back\\slash\010\b", "a terminal; and a backslash that escapes what follows")            \
	X("\342\200\256evil", "a reader: turns the rest of the line around")                        \
	X("\xe2\x80\x8b\xef\xbb\xbf", "a reader: is not to be seen")                               \
	X("a\nb\rc\td", "formats of lines")                                                        \
	X("# EOF\nx 1", "OpenMetrics: ends the text")                                              \
	X("a\";'b`c", "quotes; folded stacks")                                                     \
	X("x\"} 1\ny{z=\"", "OpenMetrics: ends the label")                                         \
	X("a,\"b\",c", "csv: further columns")                                                     \
	X("=cmd()", "a spreadsheet: a formula")                                                    \
	X("+1-2", "a spreadsheet: a formula")                                                      \
	X("@SUM(A1)", "a spreadsheet: a formula")                                                  \
	X("-rf", "a command line: an option")                                                      \
	X("NULL", "csv: the text of a missing value")                                              \
	X("007", "csv: a number that it is not")                                                   \
	X("1e309", "csv: a number that is none")                                                   \
	X("'); DROP--", "SQL")                                                                     \
	X("%s%n%1$s", "printf")                                                                    \
	X("{\"x\":1}", "JSON")                                                                     \
	X("\\u0000\\", "JSON: an escape, and one that is cut off")                                 \
	X("</text><script>", "HTML, SVG")                                                          \
	X("</script><b>", "HTML: ends the data")                                                   \
	X("\"&amp;<&>'", "HTML, XML: entities and quotes")                                         \
	X("]]>-->", "XML: ends a section, a comment")                                              \
	X("<!--<script", "HTML: begins one inside of a script")                                    \
	X("\xff\xfe\x80", "UTF-8: bytes that never occur")                                         \
	X("\xe6\xbc", "UTF-8: cut off")                                                            \
	X("\xc0\xaf\xe0\x80\xaf", "UTF-8: overlong")                                               \
	X("\xed\xa0\x80", "UTF-8: a surrogate")                                                    \
	X("\xf4\x90\x80\x80", "UTF-8: beyond the last character")                                  \
	X("\xef\xbf\xbe\xef\xbf\xbf", "XML: characters that it does not have")                     \
	X("\x01\x02\x7f", "XML, terminals: control characters")                                    \
	X(" lead, trail ", "formats that trim")                                                    \
	X("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97", "layout: twice as wide")             \
	X("e\xcc\x81\xcc\x81\xcc\x81", "layout: no width of its own")                              \
	X("", "what expects a name")
/* clang-format on */

#define HOSTILE_NAME(name, harm) name,
static const char *const hostile_names[] = {HOSTILE_NAMES(HOSTILE_NAME)};
#undef HOSTILE_NAME

#define HOSTILE_NAMES_CNT (sizeof(hostile_names) / sizeof(hostile_names[0]))

#endif /* HOSTILE_NAMES_H */
