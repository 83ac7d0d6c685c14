# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# format_man.awk - FORMAT.md as the manual page cpartrace.data(5).
#
#     awk -v version=V -v date=D -f format_man.awk FORMAT.md
#
# Headings, paragraphs and lists; code and tables stay as they are, line by line.

function escape(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	gsub(/'/, "\\(aq", s)
	gsub(/`/, "\\(ga", s)
	gsub(/\^/, "\\(ha", s)
	gsub(/~/, "\\(ti", s)
	return s ~ /^\./ ? "\\\\&" s : s
}

# Emphasis and code marks say nothing in plain text.
function plain(s) {
	gsub(/\*\*/, "", s)
	gsub(/`/, "", s)
	return s
}

function leave(kind) {
	if (block && block != kind)
		print ".EE"
	if (block != kind)
		block = ""
}

function enter(kind) {
	if (block != kind) {
		if (!fresh)
			print ".PP"
		print ".EX"
	}
	block = kind
	fresh = 0
	gap = 0
}

# Filled text, in source lines of a moderate length.
function fill(s,   words, n, i, line) {
	n = split(s, words, " ")
	line = ""
	for (i = 1; i <= n; i++) {
		if (line != "" && length(line) + 1 + length(words[i]) > 68) {
			print escape(line)
			line = ""
		}
		line = line (line == "" ? "" : " ") words[i]
		if (words[i] ~ /[.:]$/ && words[i + 1] ~ /^[A-Z]/) {
			print escape(line)
			line = ""
		}
	}
	if (line != "")
		print escape(line)
}

function heading(s) {
	leave("")
	print s
	gap = 0
	fresh = 1
}

NR == 1 {
	print ".\\\" Made from analysis/FORMAT.md."
	print ".TH CPARTRACE.DATA 5 " date " \"cpartrace " version "\" \"cpartrace manual\""
	print ".SH NAME"
	print "cpartrace.data \\- trace file of cpartrace"
	print ".SH DESCRIPTION"
	fresh = 1
	next
}

fenced && /^```/ { fenced = 0; leave(""); next }
fenced { print escape($0); next }
/^```/ { fenced = 1; leave("code"); enter("code"); next }
/^### / { heading(".SS " escape(plain(substr($0, 5)))); next }
/^## / { heading(".SH " toupper(escape(plain(substr($0, 4))))); next }
/^\|[-:| ]+\|$/ { next }
/^\|/ {
	leave("table")
	enter("table")
	line = plain($0)
	sub(/^\| */, "", line)
	sub(/ *\|$/, "", line)
	gsub(/ +\| +/, "  |  ", line)
	print escape(line)
	next
}
/^$/ { leave(""); gap = 1; next }
{
	leave("")
	line = plain($0)
	if (line ~ /^\* /) {
		print ".IP \\(bu 2"
		sub(/^\* /, "", line)
	} else if (gap && !fresh) {
		print ".PP"
	}
	gap = 0
	fresh = 0
	sub(/^ +/, "", line)
	fill(line)
}
END { leave("") }
