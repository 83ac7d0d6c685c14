/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * phases.js - what marks split the run into: a table, and a strip of the timeline.
 *
 *   marks         load   work        load
 *   spans  (start)|load  |work       |load     |     each from its mark to the next one
 *
 * Owns:     the spans, and what they look like.
 */

/* [{name, from, to}] in ns of the run, in order. None where they are not those of the page's time: of phases that were put
 * together, or with marks that are not listed. */
function spans_of_phases(r) {
	const phases = r.phases || [], spans = [], left = new Map();
	if (!phases.length) return spans;
	for (const p of phases) left.set(p.name, (left.get(p.name) || 0) + p.span_ns);
	let from = 0, name = phases[0].name;
	for (const mark of [...r.marks, { at_ns: r.window_ns }]) {
		spans.push({ name, from, to: mark.at_ns });
		left.set(name, left.get(name) - (mark.at_ns - from));
		from = mark.at_ns;
		name = mark.name;
	}
	return [...left.values()].some((ns) => ns !== 0) ? [] : spans;
}

/* For how long each was, between two moments: [[name, ns]] in order of their first spans. */
function phases_within(spans, from, to) {
	const sums = new Map();
	for (const s of spans) {
		const ns = Math.min(to, s.to) - Math.max(from, s.from);
		if (ns > 0) sums.set(s.name, (sums.get(s.name) || 0) + ns);
	}
	return [...sums];
}

/* By turns light and dark, with their names where these have room. */
function draw_spans(canvas, view, spans) {
	const { context, width, height, ratio } = fit(canvas);
	const x_of = (ns) => Math.round(Math.max(0, Math.min(1, (ns - view.from) / (view.to - view.from))) * width);
	context.clearRect(0, 0, width, height);
	context.font = 11 * ratio + "px system-ui, sans-serif";
	context.textBaseline = "middle";
	spans.forEach((s, i) => {
		const x = x_of(s.from), end = x_of(s.to);
		if (end <= x) return;
		context.globalAlpha = i % 2 ? 0.9 : 0.45;
		context.fillStyle = colours.line.css;
		context.fillRect(x, 0, end - x, height);
		context.globalAlpha = 1;
		context.fillStyle = colours.ink.css;
		context.fillRect(x, 0, ratio, height);
		if (context.measureText(s.name).width + 8 * ratio < end - x) context.fillText(s.name, x + 4 * ratio, height / 2);
	});
}

function phase_row(p, i, show) {
	const was = el("div", { class: "bar small", "aria-hidden": "true" }), key = "phase." + i + ".";
	bar(was, CLASSES.map((cls) => ({ kind: cls, ns: p.ledger_ns[cls], label: cls })), p.span_ns, false);
	const average = (name, value) => el("td", { class: "n", "data-key": key + name, "data-value": value }, level(value));
	return el("tr", {}, el("th", { scope: "row", class: "name" }, show
		? el("button", { type: "button", class: "link", title: "Show its first span in the timeline", onclick: () => show(p) }, p.name) : p.name),
	cell(p.spans.toLocaleString("en"), "n"), figure(key + "span", p.span_ns), el("td", {}, was),
	average("busy", p.parallelism), average("progress", p.concurrency), figure(key + "cpu_time", p.cpu_time_ns), cell(p.summary, "wide"));
}

function show_phases(r, show) {
	const phases = r.phases || [], first = new Map();
	for (const s of spans_of_phases(r)) if (!first.has(s.name)) first.set(s.name, s);
	const show_first = (p) => show(first.get(p.name).from, first.get(p.name).to - first.get(p.name).from);
	by_id("phases").hidden = !phases.length;
	show_rows(by_id("phases-table"), { caption: "Phases of the run", most: TABLE_ROWS, what: "phase", items: phases,
		heads: head([["Phase"], ["Spans", "n"], ["Time", "n"], ["What it was"], ["CPUs busy", "n"], ["In progress", "n"], ["CPU time", "n"], ["Mostly"]]),
		row: (p, i) => phase_row(p, i, first.has(p.name) && show_first) });
}
