/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sections.js - the answer, the ledger, the profiles, the accounts: figures of the run or of a selection.
 *
 * Owns:     what these sections look like. They are given figures (data.js) and know nothing of time.
 */

const CLASS_MEANING = {
	parallel: "two or more CPUs ran the workload at the same instant",
	concurrent: "two or more things in progress, at most one CPU ran any of them",
	serial: "one thing in progress",
	idle: "nothing in progress",
	unknown: "events were lost: it cannot be told",
};

function capital(text) {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/* ---- the answer ---- */

function show_head(page) {
	const r = page.report;
	const command = r.command.length ? r.command.join(" ") : "attached to running processes";
	put(by_id("command"), command);
	const facts = [
		short_time(r.window_ns), r.cpus.allowed + " of " + r.cpus.online + " CPUs allowed",
		plural(r.tasks.processes, "process") + ", " + plural(r.tasks.threads, "thread"),
		r.hostname, "Linux " + r.kernel, r.started_at.replace("T", " ").replace(/\.\d+Z$/, " UTC"),
	];
	if (page.note) facts.splice(1, 0, page.note);
	if (r.data_quality.lost_events) facts.push(plural(r.data_quality.lost_events, "event") + " lost");
	if (r.data_quality.incomplete) facts.push("incomplete");
	put(by_id("facts"), facts.join(" · "));
}

function show_verdict(r) {
	by_id("verdict").classList.add(r.verdict.class);
	put(by_id("verdict-class"), swatch(r.verdict.class),
		capital(r.verdict.class) + ": " + CLASS_MEANING[r.verdict.class]);
	put(by_id("verdict-text"), r.verdict.summary);
	put(by_id("verdict-limit"), [r.verdict.limit, r.verdict.blocked_loop].filter(Boolean).join(" "));
	put(by_id("verdict-caveat"), r.verdict.caveat || "");
	show_glance(r);
}

/* " [1.91, 1.96]" behind a figure that lost events leave open; nothing where it says no more. */
function between(value, pair, show) {
	if (!pair || pair[1] !== null && show(pair[0]) === show(value) && show(pair[1]) === show(value)) return "";
	return " [" + show(pair[0]) + (pair[1] === null ? " or more]" : ", " + show(pair[1]) + "]");
}

/* Likewise "in truth between 1.91 and 1.96", where the figure stands apart. */
function truth(value, pair, show) {
	if (!between(value, pair, show)) return "";
	return "in truth " + (pair[1] === null ? show(pair[0]) + " or more" : "between " + show(pair[0]) + " and " + show(pair[1]));
}

/* Two rows of boxes on one scale: as many as are in progress, as many as have a CPU. */
function show_glance(r) {
	const busy = r.parallelism.average, under_way = r.concurrency.average, allowed = r.cpus.allowed;
	const scale = Math.max(1, Math.ceil(Math.max(busy, under_way, allowed) - 1e-9));
	const bounds = r.bounds;
	const row = (value, kind, text, small, key, pair) => [
		el("div", { class: "glance-row" },
			el("span", {}, text + " ", el("small", {}, small)),
			el("b", { "data-key": key, "data-value": value }, level(value)), between(value, pair, level)),
		boxes(value, scale, kind, kind === "parallel" ? allowed : 0)];
	put(by_id("glance"),
		row(under_way, "concurrent", "in progress at once", "on average", "glance.concurrent",
			bounds && bounds.concurrency.average),
		row(busy, "parallel", "of them on a CPU", "on average, of " + plural(allowed, "CPU"), "glance.parallel",
			bounds && bounds.parallelism.average),
		el("figcaption", { id: "glance-text" },
			"One box is one thing. The first row is how concurrent the run was, the second how parallel."));
}

function boxes(value, scale, kind, frame) {
	const width = 420, height = 26, step = width / scale, gap = scale > 60 ? 0 : Math.min(4, step / 6);
	const node = svg("svg", { viewBox: "0 0 " + width + " " + height, preserveAspectRatio: "none", "aria-hidden": "true" });
	const box = (i, share, fill) => svg("rect", { x: i * step, y: 2, width: Math.max(0, (step - gap) * share),
		height: height - 4, rx: scale > 30 ? 0 : 3, fill });
	for (let i = 0; i < scale; i++) {
		if (i < frame || kind !== "parallel") node.append(box(i, 1, "var(--shade)"));
		const share = Math.max(0, Math.min(1, value - i));
		if (share > 0) node.append(box(i, share, "var(--" + kind + ")"));
	}
	return node;
}

/* What a row is of; where there is no room for a column, with its meaning. */
function row_head(mark, name, meaning) {
	return el("th", { scope: "row" }, mark, name.replace(/_/g, " "), el("small", { class: "narrow-only" }, meaning || ""));
}

/* ---- ledger ---- */

function show_ledger(f, words) {
	const total = f.window_ns;
	const parts = CLASSES.map((cls) => ({ kind: cls, ns: f.ledger[cls], label: cls }));
	bar(by_id("ledger-bar"), parts, total, true);
	/* And what each is made of, right below it. */
	bar(by_id("split-bar"), CLASSES.flatMap((cls) => cls === "unknown"
		? [{ kind: cls, ns: f.ledger.unknown, label: cls }]
		: Object.entries(f.split[cls]).map(([name, ns]) => ({ kind: cls, ns, label: name.replace(/_/g, " "), half: true }))), total, true);
	const rows = [], share = (ns) => percent(ns, total), open = f.bounds && f.bounds.open;
	const pairs = open ? f.bounds.ledger_ns : {}, [least, most] = open && f.bounds.window_ns || [total, total];
	/* As so much of the window: at the least it is a share of the longest, at the most of the shortest. */
	const pair = (cls) => pairs[cls] && [pairs[cls][0] * total / most, pairs[cls][1] < least ? pairs[cls][1] * total / least : total];
	for (const cls of CLASSES) {
		if (cls === "unknown" && !f.ledger.unknown) continue;
		rows.push(el("tr", { class: "class" }, row_head(swatch(cls), cls, CLASS_MEANING[cls]),
			figure("ledger." + cls, f.ledger[cls]),
			cell(share(f.ledger[cls]) + between(f.ledger[cls], pair(cls), share), "n"),
			cell(CLASS_MEANING[cls], "what")));
		for (const [name, ns] of Object.entries(f.split[cls] || {}))
			if (ns && cls !== "unknown")
				rows.push(el("tr", { class: "split" }, row_head(null, name, (words.splits[cls] || {})[name]),
					figure("split." + cls + "." + name, ns), cell(percent(ns, total), "n"),
					cell((words.splits[cls] || {})[name] || "", "what")));
	}
	put(by_id("ledger-table"), el("caption", { class: "hidden" }, "Wall-clock ledger: classes of time"),
		el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "class"), el("th", { scope: "col", class: "n" }, "time"),
			el("th", { scope: "col", class: "n" }, "share"), el("th", { scope: "col", class: "what" }, "meaning"))),
		el("tbody", {}, rows));
}

/* ---- profiles ---- */

const PROFILE_ROWS = 12;

/* Levels 0 and 1 stand alone, for they mean something of their own; of many others ranges of one size. */
function profile_rows(ns) {
	const rows = [];
	const size = Math.max(1, Math.ceil((ns.length - 2) / (PROFILE_ROWS - 2)));
	for (let k = 0; k < ns.length;) {
		const end = k < 2 ? k + 1 : Math.min(ns.length, k + size);
		let sum = 0;
		for (let i = k; i < end; i++) sum += ns[i];
		rows.push({ from: k, to: end - 1, ns: sum });
		k = end;
	}
	return rows;
}

function show_profile(id, ns, kind_of, total, folded_at) {
	const rows = profile_rows(ns);
	const most = Math.max(1, ...rows.map((r) => r.ns));
	const name = (r) => (r.from === r.to ? String(r.from) : r.from + "–" + r.to) +
		(folded_at && r.to >= folded_at ? " or more" : "");
	by_id(id + "-table").className = "profile";
	put(by_id(id + "-table"),
		el("caption", { class: "hidden" }, by_id(id + "-head").textContent),
		el("thead", { class: "hidden" }, el("tr", {}, el("th", {}, "at once"), el("th", {}, ""), el("th", {}, "time"), el("th", {}, "share"))),
		el("tbody", {}, rows.map((r) => el("tr", {}, el("th", { scope: "row" }, name(r)),
			el("td", { class: "chart", "aria-hidden": "true" },
				r.ns ? el("div", { class: kind_of(r.from) + "-fill", width_share: r.ns / most }) : null),
			figure(id + "." + r.from, r.ns), cell(percent(r.ns, total), "n")))));
}

/* What was lost leaves figures of a selection open, too: of who ran the page knows by how much, of the rest for the run
 * alone. */
function open_selection(f) {
	return " · events were lost, " + percent(f.ledger.unknown, f.window_ns) +
		" of this time is unknown: report with --time of it says between what all of these lie";
}

function show_profiles(f, grid, open) {
	/* From some level on levels are one: of a selection always, of the run where there were too many. */
	const last = f.concurrent.length - 1, folded = f.whole ? f.concurrent_folded && last : grid.levels - 1;
	show_profile("parallelism", f.parallel, (k) => (k > 1 ? "parallel" : k ? "serial" : "idle"), f.window_ns);
	show_profile("concurrency", f.concurrent, (k) => (k > 1 ? "concurrent" : k ? "serial" : "idle"), f.window_ns,
		folded || 0);
	const said = (text, key, value, show) => [text, el("b", { "data-key": key, "data-value": value }, show)];
	const ways = f.bounds ? f.bounds.parallelism : {}, share = (x) => percent(x, 1);
	put(by_id("parallelism-figures"), ...said("average ", "parallel.average", f.parallel_average, level(f.parallel_average)),
		between(f.parallel_average, ways.average, level),
		...said(" · while anything ran (TLP) ", "tlp", f.tlp, level(f.tlp)), between(f.tlp, ways.tlp, level),
		...said(" · most ", "parallel.peak", f.parallel.length - 1, f.parallel.length - 1),
		...said(" · of the CPU time allowed ", "efficiency", f.efficiency, percent(f.efficiency, 1)),
		between(f.efficiency, ways.efficiency, share),
		...said(" · CPU time ", "cpu_time", f.cpu_time_ns, short_time(f.cpu_time_ns)),
		between(f.cpu_time_ns, f.bounds && f.bounds.cpu_time_ns, short_time),
		...said_of_spin(f, said), open && !f.whole ? open_selection(f) : "");
	put(by_id("concurrency-figures"), ...said("average ", "concurrent.average", f.concurrent_average, level(f.concurrent_average)),
		between(f.concurrent_average, f.bounds && f.bounds.concurrency.average, level),
		...said(" · most ", "concurrent.peak", last, last + (folded && last >= folded ? " or more" : "")),
		open && !f.whole ? open_selection(f) : "");
}

/* Busy-waiting, where it is known: of the whole run alone. Without samples only what polls for rings is. */
function said_of_spin({ effective, spin }, said) {
	const parts = [];
	if (typeof effective === "number")
		parts.push(...said(" · less busy-waiting (effective) ", "effective", effective, level(effective)));
	if (spin && spin.share !== null)
		parts.push(...said(" ± ", "effective.error", spin.effective_error, level(spin.effective_error)),
			...said(" · waits busily ", "spin", spin.share, percent(spin.share, 1)),
			...said(" ± ", "spin.error", spin.share_error, percent(spin.share_error, 1)), " of the CPU time");
	else if (parts.length) parts.push(" at most: kernel threads spin for io_uring");
	if (spin && spin.yielding_threads)
		parts.push(...said(" · busy in sched_yield ", "yielders", spin.yielding_threads, plural(spin.yielding_threads, "thread")),
			...said(", ", "yields", spin.yields_per_second, Math.round(spin.yields_per_second).toLocaleString("en")), " times a second");
	return parts;
}

/* ---- accounts ---- */

/* pairs: between what the items lie, by name; none of a selection. */
function show_account(id, account, pairs, words, order) {
	const total = account.total;
	/* Also what may be a hundredth, by what was lost. */
	const most = (name) => !pairs[name] ? 0 : pairs[name][1] === null ? Infinity : pairs[name][1];
	const items = Object.keys({ ...account, ...pairs }).map((name) => [name, account[name] || 0])
		.filter(([name, ns]) => name !== "total" && (ns > 0 || most(name) > total / 100));
	const place = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
	items.sort((x, y) => place(x[0]) - place(y[0]) || y[1] - x[1]);
	bar(by_id(id + "-bar"), items.map(([name, ns]) => ({ kind: name, ns, label: name.replace(/_/g, " ") })), total, true);
	const meaning = (name) => words[id][name] || (words.reasons[name] ? "idle, while things waited for " + words.reasons[name] : "");
	const within = (name, ns) => truth(ns, pairs[name], short_time);
	const rows = items.map(([name, ns]) => el("tr", {}, row_head(swatch(name), name, meaning(name)), figure(id + "." + name, ns),
		cell(percent(ns, total), "n"), cell(meaning(name) + (within(name, ns) && "; " + within(name, ns)), "what")));
	rows.push(el("tr", { class: "class" }, el("th", { scope: "row" }, "in all"), figure(id + ".total", total),
		cell("", "n"), cell(within("total", total), "what")));
	put(by_id(id + "-table"), el("caption", { class: "hidden" }, by_id(id + "-head").textContent),
		el("thead", { class: "hidden" }, el("tr", {}, el("th", {}, "what"), el("th", {}, "time"), el("th", {}, "share"), el("th", {}, "meaning"))),
		el("tbody", {}, rows));
}

function show_accounts(f, whole, words) {
	const pairs = (id) => (!f[id] || f.whole) && whole.bounds && whole.bounds[id + "_ns"] || {};
	show_account("budget", f.budget || whole.budget, pairs("budget"), words, ["used"]);
	show_account("demand", f.demand || whole.demand, pairs("demand"), words, []);
	show_account_part("budget", f, "used " + short_time(f.cpu_time_ns) + " of " + short_time(f.allowed_ns || 0));
	show_account_part("demand", f, "threads were ready for " + short_time(f.runnable_ns));
}

/* Where the program could not tell the accounts of parts: threads bound to very many sets of CPUs. */
function show_account_part(id, f, text) {
	put(by_id(id + "-part"), f.whole || f[id] ? "" : "In the selection: " + text +
		". The items below are of the whole run; a closer look (see the timeline) has them for the selection.");
}

const OF_WHOLE_RUN = new Set(["phases", "loops", "path"]);

/* Which part of the run the figures below are of, while one is selected. */
function show_scopes(text, f) {
	for (const node of document.querySelectorAll(".scope")) {
		const id = node.closest("section").id;
		const whole = OF_WHOLE_RUN.has(id) || ((id === "budget" || id === "demand") && !f[id]);
		put(node, !text ? "" : whole ? "Whole run, not the selection" : "Selection: " + text);
		node.classList.toggle("whole", whole);
	}
}
