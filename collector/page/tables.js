/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tables.js - threads, bottle graph, overlap, locks, event loops, critical path, quality of the data.
 *
 * Owns:     what these look like. Loops, the critical path and the quality are of the whole run.
 */

const THREAD_ROWS = 40;

function head(names) {
	return el("thead", {}, el("tr", {}, names.map(([name, cls]) => el("th", { scope: "col", class: cls }, name))));
}
function sum_of(object) {
	return Object.values(object || {}).reduce((x, y) => x + y, 0);
}
function largest(object) {
	return Object.entries(object || {}).sort((x, y) => y[1] - x[1])[0];
}

/* A table of the first `most` rows; what is left out is said, and shown when asked for. row(item, index). */
function show_rows(table, { caption, heads, items, row, most, what }) {
	const box = table.closest(".scroll") || table;
	let foot = box.nextElementSibling;
	if (!foot || !foot.classList.contains("more")) box.after(foot = el("p", { class: "more note" }));
	const show = (count) => {
		put(table, el("caption", { class: "hidden" }, caption), heads, el("tbody", {}, items.slice(0, count).map(row)));
		put(foot, count >= items.length ? null : [count + " of " + plural(items.length, what) + " shown. ",
			el("button", { type: "button", onclick: () => {
				show(items.length);
				table.setAttribute("tabindex", "-1");
				table.focus();
			} }, "Show all")]);
	};
	show(Math.min(most, items.length));
}

/* ---- threads ---- */

class ThreadTable {
	constructor(page, grid) {
		this.page = page;
		this.grid = grid;
		this.parked = new Set(page.words.parked);
		this.lane_of = new Map(grid.lanes.map((id, lane) => [id, lane]));
		this.sort = { by: "running", down: true };
		this.rows = THREAD_ROWS;
		this.wanted = "";
		this.picked = null;
		const more = (id, rows) => by_id(id).addEventListener("click", () => {
			this.rows += rows;
			this.show();
		});
		more("threads-some", 200);
		more("threads-every", Infinity);
		this.show();
	}
	/* What a thread did, of the run or of the selection; null: no lane, so nothing is known of a part. */
	facts(t) {
		if (!this.picked) {
			return { life: t.life_ns, running: t.running_ns, parallel: t.parallel_ns, runnable: t.runnable_ns, unknown: t.unknown_ns,
				waits: { ...t.waiting_ns, ...t.parked_ns } };
		}
		const lane = this.lane_of.get(t.id);
		if (lane === undefined) return null;
		const { running = 0, runnable = 0, unknown = 0, ...waits } = this.grid.thread(lane, this.picked.a, this.picked.b);
		const { parallel } = this.grid.box(lane, this.picked.a, this.picked.b);
		return { life: running + runnable + unknown + sum_of(waits), running, parallel, runnable, unknown, waits };
	}
	row(t) {
		const f = this.facts(t), of = { name: t.name.toLowerCase(), tid: t.tid, switches: t.switches.voluntary + t.switches.involuntary };
		if (!f) return { t, of: { ...of, running: -1, runnable: -1, waiting: -1, parked: -1, parallel: -1 } };
		of.running = f.running;
		of.runnable = f.runnable;
		of.waiting = of.parked = 0;
		const kinds = { running: f.running, runnable: f.runnable, unknown: f.unknown, lock: 0, io: 0, parked: 0 };
		for (const [reason, ns] of Object.entries(f.waits)) {
			const parked = this.parked.has(reason);
			of[parked ? "parked" : "waiting"] += ns;
			kinds[kind_of_state(reason, this.parked)] += ns;
		}
		of.parallel = f.running ? f.parallel / f.running : -1;
		return { t, f, of, kinds };
	}
	show() {
		const found = this.page.report.threads.filter((t) => thread_matches(t, this.wanted)).map((t) => this.row(t))
			.filter((r) => !this.picked || !r.f || r.f.life); /* who did not live in the selection has no figures there */
		const { by, down } = this.sort;
		found.sort((x, y) => (x.of[by] < y.of[by] ? 1 : x.of[by] > y.of[by] ? -1 : 0) * (down ? 1 : -1) || x.t.id - y.t.id);
		const longest = Math.max(1, ...found.map((r) => (r.f ? r.f.life : 0)));
		put(by_id("threads-table"), el("caption", { class: "hidden" }, "Threads and what they did"),
			el("thead", {}, el("tr", {}, this.column("Name", "name"), this.column("tid", "tid", "n"), this.column("On a CPU", "running", "n"),
				el("th", { scope: "col" }, "What it did, while it lived"), this.column("Ready", "runnable", "n"), this.column("Waiting", "waiting", "n"),
				this.column("Parked", "parked", "n"), el("th", { scope: "col" }, "Mostly for"),
				this.column("Ran in parallel", "parallel", "n"), this.column("Switches", "switches", "n"))),
			el("tbody", {}, found.slice(0, this.rows).map((r) => this.line(r, longest))));
		by_id("threads-more").hidden = found.length <= this.rows;
		const left_out = this.page.threads_all - this.page.report.threads.length;
		put(by_id("threads-note"), (found.length > this.rows ? this.rows + " of " + plural(found.length, "thread") + " shown. " : "") +
			(left_out ? plural(left_out, "thread") + " that did least have no place in this page; report --json has all. " : "") +
			(this.wanted ? plural(found.length, "thread") + " found. " : "") +
			(this.picked ? "Switches are of the whole run; – has no lane in the timeline." : ""));
	}
	column(text, by, cls) {
		const active = this.sort.by === by;
		return el("th", { scope: "col", class: cls, "aria-sort": active ? (this.sort.down ? "descending" : "ascending") : "none" },
			el("button", { type: "button", onclick: () => {
				this.sort = { by, down: active ? !this.sort.down : by !== "name" && by !== "tid" };
				this.show();
				by_id("threads-table").querySelector("th[aria-sort=descending] button, th[aria-sort=ascending] button").focus();
			} }, text));
	}
	line({ t, f, of, kinds }, longest) {
		const name = el("th", { scope: "row", class: "name", title: t.command }, t.name);
		const none = (cls) => cell("–", cls);
		if (!f)
			return el("tr", {}, name, cell(t.tid, "n"), none("n"), none(), none("n"), none("n"), none("n"), none(), none("n"), cell(of.switches, "n"));
		const did = el("div", { class: "bar small", "aria-hidden": "true", width_share: Math.max(0.04, f.life / longest) });
		bar(did, LANE_KINDS.map(([kind, text]) => ({ kind, ns: kinds[kind], label: text })), f.life, false);
		const most = largest(f.waits), key = "thread." + t.id + ".";
		return el("tr", {}, name, cell(t.tid, "n"), figure(key + "running", f.running), el("td", {}, did),
			figure(key + "runnable", f.runnable), figure(key + "waiting", of.waiting), figure(key + "parked", of.parked),
			el("td", { title: most ? this.page.words.reasons[most[0]] : null }, most ? most[0].replace(/_/g, " ") : "–"),
			cell(of.parallel < 0 ? "–" : percent(of.parallel, 1), "n"), cell(of.switches.toLocaleString("en"), "n"));
	}
}

/* ---- bottle graph ---- */

/* Boxes of the whole run: [{id, name, tid, height, width}]. */
function whole_boxes(r) {
	return r.threads.map((t) => ({ id: t.id, name: t.name, tid: t.tid, height: t.bottle.height_ns, width: t.bottle.width }));
}
/* Of the bins [a, b): one each for the threads with a lane, and one for all others. */
function boxes_of(page, grid, a, b, f) {
	const by_number = new Map(page.report.threads.map((t) => [t.id, t]));
	let running = f.cpu_time_ns, height = f.parallel.slice(1).reduce((x, y) => x + y, 0);
	let width = f.parallel.reduce((sum, ns, k) => sum + k * k * ns, 0);
	const boxes = grid.lanes.map((id, lane) => {
		const box = grid.box(lane, a, b), { name, tid } = by_number.get(id) || { name: "?", tid: 0 };
		running -= box.running;
		height -= box.height;
		width -= box.width;
		return { id, name, tid, height: box.height, width: box.running ? box.width / box.running : 0 };
	});
	if (running > 0 && height > 0) boxes.push({ id: "others", name: "all others", tid: "", height, width: width / running });
	return boxes;
}

/* Widest below, as the graph of Du Bois et al. has it. */
function show_bottle(r, boxes, whole) {
	const all = boxes.filter((t) => t.height > 0).sort((x, y) => x.width - y.width || y.height - x.height);
	const height = all.reduce((sum, t) => sum + t.height, 0);
	by_id("bottle").hidden = whole && !height;
	if (!height) return put(by_id("bottle-figure"), el("p", { class: "dim" }, "Nothing ran."));
	const widest = Math.max(2, r.cpus.allowed, Math.ceil(all[all.length - 1].width));
	const W = 520, H = 300, left = 62, top = 8, scale = (W - left - 12) / widest, middle = left + (widest * scale) / 2;
	const node = svg("svg", { viewBox: "0 0 " + W + " " + (H + 54), role: "img",
		"aria-label": "Bottle graph: " + all.slice(-5).reverse().map((t) => t.name + " " + percent(t.height, height) +
			" of the time, " + level(t.width) + " running").join("; ") });
	for (let k = 1; k <= widest; k++) {
		if (widest > 16 && k % Math.ceil(widest / 8)) continue;
		for (const side of [-1, 1])
			node.append(svg("line", { x1: middle + (side * k * scale) / 2, x2: middle + (side * k * scale) / 2, y1: top, y2: top + H, stroke: "var(--line)" }));
		node.append(svg("text", { x: middle + (k * scale) / 2, y: top + H + 16, "text-anchor": "middle", class: "soft" }, k));
	}
	let y = top;
	for (const t of all) {
		const h = (t.height / height) * H, w = t.width * scale;
		node.append(svg("rect", { x: middle - w / 2, y, width: w, height: Math.max(0.6, h - 1), rx: Math.min(3, h / 3),
			"data-key": "bottle." + t.id, "data-ns": t.height, "data-width": t.width, fill: t.width >= 1.5 ? "var(--parallel)" : "var(--serial)" },
		svg("title", {}, t.name + (t.id === "others" ? "" : " " + t.tid) + ": " + short_time(t.height) + " high, " + level(t.width) + " wide")));
		if (h > 15) node.append(svg("text", { x: middle, y: y + h / 2 + 4, "text-anchor": "middle", class: "in" },
			(t.name.length > w / 8 ? t.name.slice(0, Math.max(2, Math.floor(w / 8))) + "…" : t.name)));
		y += h;
	}
	node.append(svg("text", { x: middle, y: top + H + 36, "text-anchor": "middle", class: "soft" }, "running together, on average"));
	for (const share of [0, 0.5, 1])
		node.append(svg("text", { x: left - 6, y: top + H * (1 - share) + (share === 1 ? 10 : 0), "text-anchor": "end", class: "soft" },
			short_time(Math.round(height * share))));
	put(by_id("bottle-figure"), node, el("figcaption", { class: "note" },
		"Blue: mostly alone (less than 1.5 ran). Green: in parallel with others."));
}

/* ---- overlap ---- */

const OVERLAP_NAMES = 12;

/* names, and for how long those of two ran together: [[ns]]. */
function show_overlap({ names, ns }) {
	const run = names.map((_, i) => sum_of(ns[i]));
	const order = names.map((_, i) => i).filter((i) => run[i] > 0).sort((x, y) => run[y] - run[x]);
	if (!order.length) {
		put(by_id("overlap-more"));
		return put(by_id("overlap-table"), el("tbody", {}, el("tr", {}, cell("No two threads ran at the same instant.", "dim none"))));
	}
	show_overlap_of({ names, ns }, order, Math.min(OVERLAP_NAMES, order.length));
}

function show_overlap_of({ names, ns }, all, count) {
	const order = all.slice(0, count), most = Math.max(1, ...order.flatMap((i) => order.map((j) => ns[i][j])));
	const square = (i, j) => {
		const td = el("td", { "data-key": "overlap." + i + "." + j, "data-ns": ns[i][j], title: names[i] + " with " + names[j] + ": " + exact_time(ns[i][j]) },
			ns[i][j] ? short_time(ns[i][j]) : "·");
		if (ns[i][j]) td.style.background = "color-mix(in srgb, var(--parallel) " + Math.round(12 + 50 * ns[i][j] / most) + "%, var(--card))";
		return td;
	};
	put(by_id("overlap-table"), el("caption", { class: "hidden" }, "Time in which threads of two names ran together"),
		el("thead", {}, el("tr", {}, el("td"), order.map((i) => el("th", { scope: "col", title: names[i] }, names[i])))),
		el("tbody", {}, order.map((i) => el("tr", {}, el("th", { scope: "row", title: names[i] }, names[i]), order.map((j) => square(i, j))))));
	put(by_id("overlap-more"), count >= all.length ? null : [count + " of " + plural(all.length, "name") + " shown, those that ran together most. ",
		el("button", { type: "button", onclick: () => show_overlap_of({ names, ns }, all, all.length) }, "Show all")]);
}

/* ---- locks ---- */

const TABLE_ROWS = 30;

/* of: what is known of it in the selection (Grid.lock), null: the whole run is shown. */
function lock_row({ l, i, of }, names) {
	const did = el("div", { class: "bar small", "aria-hidden": "true" }), h = l.holder, f = of || l;
	const held_by = l.top_holders.slice(0, 3).map((t) => (names.get(t.id) || "another thread") + " (" + percent(t.blocked_ns, l.blocked_ns) + ")").join(", ");
	bar(did, [["running", h.running_ns, "ran"], ["runnable", h.runnable_ns, "had no CPU"], ["io", h.blocked_ns, "was blocked"],
		["unknown", h.unknown_ns, "not known"]].map(([kind, ns, label]) => ({ kind, ns, label })), l.blocked_ns, false);
	return el("tr", {},
		el("th", { scope: "row", class: "name", title: l.symbol || l.address }, l.rest ? "all others" : l.symbol || l.address,
			l.module ? el("span", { class: "dim" }, " " + l.module) : null),
		cell(l.kind.replace(/_/g, " ")), el("td", { class: "n", "data-key": "lock." + i + ".waits", "data-value": f.waits }, f.waits.toLocaleString("en")),
		figure("lock." + i + ".blocked", f.blocked_ns), el("td", { class: "n", "data-key": "lock." + i + ".waiters", "data-value": f.waiters }, ((of ? of.at_least : l.waiters_at_least) ? "≥ " : "") + f.waiters),
		figure("lock." + i + ".longest", l.longest_ns),
		el("td", {}, did, el("span", { class: "dim" }, h.running_ns ? "ran " + percent(h.running_ns, l.blocked_ns) : h.unknown_ns === l.blocked_ns ? "not known" : "")),
		cell(held_by ? held_by + (l.top_holders.length > 3 ? " and others" : "") : "–", "wide"));
}

/* Those of the selection first by how long was waited for them in it. */
function show_locks(r, grid, picked) {
	const names = new Map(r.threads.map((t) => [t.id, t.name + " " + t.tid]));
	let items = r.locks.map((l, i) => ({ l, i, of: null }));
	if (picked)
		items = items.map((x) => ({ ...x, of: grid.lock(x.i, picked.a, picked.b) })).filter((x) => x.of && x.of.waits)
			.sort((x, y) => y.of.blocked_ns - x.of.blocked_ns || x.i - y.i);
	by_id("locks").hidden = !r.locks.length;
	show_rows(by_id("locks-table"), { caption: "Locks, longest waits first", most: TABLE_ROWS, what: "lock", items,
		heads: head([["Lock"], ["Kind"], ["Waits", "n"], ["Waited in all", "n"], ["Threads", "n"], ["Longest", "n"], ["What the holder did meanwhile"], ["Held by"]]),
		row: (x) => lock_row(x, names) });
	const apart = r.locks.length - grid.locks.size;
	put(by_id("locks-note"), !picked ? "" : [items.length ? "" : "No wait for a lock in the selection. ",
		"The longest wait, what the holder did and who held it are of the whole run: what comes after a selection tells of it, too. " +
		"A closer look (see the timeline) has them for the selection.",
		apart > 0 ? " " + plural(apart, "lock") + " waited for least have no place over time." : ""].join(""));
}

/* ---- event loops ---- */

const STALLS_SHOWN = 2;

/* What a loop's thread was blocked in, and a way to where that took longest. */
function stall_line(s, show) {
	const what = s.rest ? "other calls" : s.syscall + (s.on ? " on " + s.on : "") + (s.reason ? " (" + s.reason.replace(/_/g, " ") + ")" : "");
	return el("li", {}, what + " " + s.count.toLocaleString("en") + "×, " + short_time(s.total_ns) + " in all, longest ",
		el("button", { type: "button", class: "link", title: "Show it in the timeline", onclick: () => show(s.longest_start_ns, s.longest_ns) }, short_time(s.longest_ns)),
		s.held_up ? ", with " + plural(s.held_up, "operation") + " in flight behind it" : "");
}
function stall_list(stalls, show) {
	const list = (some) => el("ul", { class: "stalls" }, some.map((s) => stall_line(s, show)));
	if (!stalls.length) return cell("–");
	const rest = stalls.slice(STALLS_SHOWN);
	return el("td", { class: "what wide" }, list(stalls.slice(0, STALLS_SHOWN)),
		rest.length ? el("details", {}, el("summary", {}, rest.length + " more"), list(rest)) : null);
}

function loop_row(l, i, show) {
	const did = el("div", { class: "bar small", "aria-hidden": "true" });
	bar(did, [["parked", l.waiting_ns, "waits for events"], ["runnable", l.runnable_ns, "ready, no CPU"],
		["running", l.on_cpu_ns, "on a CPU"], ["lock", l.blocked_ns, "blocked in another call"], ["unknown", l.unknown_ns, "not known"]]
		.map(([kind, ns, label]) => ({ kind, ns, label })), l.life_ns, false);
	return el("tr", {}, el("th", { scope: "row", class: "name" }, l.name, el("span", { class: "dim" }, " " + l.tid)),
		cell(l.rest ? "others" : l.kind + (l.epfd >= 0 ? " " + l.epfd : "")),
		cell((l.iterations_at_least ? "≥ " : "") + l.iterations.toLocaleString("en"), "n"),
		figure("loop." + i + ".on_cpu", l.on_cpu_ns), figure("loop." + i + ".blocked", l.blocked_ns), el("td", {}, did),
		figure("loop." + i + ".dispatch_max", l.dispatch.max_ns), stall_list(l.stalls, show));
}

function show_loops(r, grid, show) {
	const loops = r.event_loops || [];
	by_id("loops").hidden = !loops.length && !(r.epoll_instances || []).length;
	show_rows(by_id("loops-table"), { caption: "Event loops", most: TABLE_ROWS, what: "loop", items: loops,
		heads: head([["Thread"], ["Loop"], ["Iterations", "n"], ["On a CPU", "n"], ["Blocked", "n"], ["What it did"], ["Longest dispatch", "n"], ["Blocked in"]]),
		row: (l, i) => loop_row(l, i, show) });
	show_instances((r.epoll_instances || []).filter((e) => e.in_flight), grid, leaders_of(r.threads));
}

function instance_name(e) {
	return e.kind + (e.epfd >= 0 ? " " + e.epfd : "");
}
function instance_row(e, i, leader) {
	const f = e.in_flight, t = f.latency_ns || {};
	const time = (ns, name) => (typeof ns === "number" ? figure("instance." + i + "." + name, ns) : cell("–", "n"));
	return el("tr", {}, el("th", { scope: "row" }, instance_name(e)),
		el("td", {}, leader ? el("span", { class: "who" }, leader.name + " ") : null, el("span", { class: "dim" }, e.pid)), cell(e.direction || "–"),
		cell(level(f.average), "n"), el("td", { class: "n picked-only", "data-instance": e.id }, ""), cell(f.peak, "n"),
		cell(f.completed.toLocaleString("en"), "n"), time(t.p50, "p50"), time(t.p99, "p99"), time(t.max, "max"));
}

/* By pid: the thread that its process is called after. */
function leaders_of(threads) {
	return new Map(threads.filter((t) => t.pid === t.tid).map((t) => [t.pid, t]));
}

function show_instances(followed, grid, leaders) {
	put(by_id("instances"));
	if (!followed.length) return;
	const table = el("table", {}), box = el("div", { class: "scroll" }, table);
	by_id("instances").append(el("h3", {}, "Operations in flight, L(t)"),
		el("p", { class: "note" }, "Requests that a process has taken and not answered (inbound), or sent and not got answered (outbound). The timeline has a row for each" +
			(followed.length > grid.flights.size ? " of the " + grid.flights.size + " that had most" : "") + "."), box);
	show_rows(table, { caption: "Operations in flight of event loops", most: TABLE_ROWS, what: "instance", items: followed,
		heads: head([["Instance"], ["Process"], ["Direction"], ["On average", "n"], ["In the selection", "n picked-only"], ["Most", "n"], ["Completed", "n"],
			["Half within", "n"], ["99 % within", "n"], ["Longest", "n"]]),
		row: (e, i) => instance_row(e, i, leaders.get(e.pid)) });
}

/* L of the selection, on average, where the timeline has it. */
function show_flights_of(grid, picked) {
	by_id("instances").classList.toggle("picked", Boolean(picked));
	for (const td of document.querySelectorAll("[data-instance]")) {
		const sums = grid.flights.get(Number(td.dataset.instance));
		const ns = sums && picked ? sums[picked.b] - sums[picked.a] : 0;
		delete td.dataset.key;
		put(td, picked ? "–" : "");
		if (!sums || !picked) continue;
		td.dataset.key = "flight." + td.dataset.instance;
		td.dataset.ns = ns;
		const average = grid.flight_average(Number(td.dataset.instance), picked.a, picked.b);
		if (average !== null) put(td, level(average));
	}
}

/* ---- critical path ---- */

function show_path(r) {
	const p = r.critical_path, s = p.by_state, total = p.length_ns;
	const parts = [["running", p.serial_ns, "runs alone"], ["parallel", p.parallel_ns, "runs beside others"], ["runnable", s.runnable, "ready, no CPU"],
		["waiting", s.waiting, "waits"], ["parked", s.parked, "parked"], ["unknown", s.unknown, "not known"], ["absent", s.absent, "nobody there"]]
		.map(([kind, ns, label], i) => ({ kind: i ? kind : "serial", ns, label }));
	bar(by_id("path-bar"), parts, total, true);
	const w = r.work_span;
	put(by_id("path-figures"), parts.filter((x) => x.ns).map((x) => el("span", { class: "key" }, swatch(x.kind), x.label + " " + percent(x.ns, total))),
		w && w.span_ns && w.parallelism !== null ? el("div", {}, "Work over span " + level(w.parallelism) + ": with any number of CPUs, and the same threads, the run takes at least " +
			short_time(w.span_ns) + ".") : null);
	show_rows(by_id("path-table"), { caption: "Threads on the critical path", most: 15, what: "thread", items: p.by_thread,
		heads: head([["Thread"], ["On the path", "n"], ["Share", "n"], ["Runs alone", "n"], ["Runs beside others", "n"], ["Ready", "n"], ["Blocked", "n"]]),
		row: (t) => el("tr", {},
			el("th", { scope: "row", class: "name" }, t.name, el("span", { class: "dim" }, " " + t.tid)),
			figure("path." + t.id + ".total", t.total_ns), cell(percent(t.total_ns, total), "n"), figure("path." + t.id + ".serial", t.serial_ns),
			figure("path." + t.id + ".parallel", t.parallel_ns), figure("path." + t.id + ".runnable", t.runnable_ns), figure("path." + t.id + ".blocked", t.blocked_ns)) });
}

/* ---- quality ---- */

function show_quality(r) {
	const q = r.data_quality, lines = [...q.warnings];
	lines.push(q.lost_events ? plural(q.lost_events, "event") + " lost." : "No event was lost.");
	lines.push(plural(q.switches, "switch") + " and " + plural(q.wakes, "wake-up") + " recorded.");
	if (q.audit.cpu_time_error !== null)
		lines.push("CPU time differs from the kernel's own account by " + (100 * q.audit.cpu_time_error).toFixed(2) + " %.");
	if (q.incomplete) lines.push("The recording has no end of its own.");
	put(by_id("quality-list"), lines.map((text) => el("li", {}, text)));
}
