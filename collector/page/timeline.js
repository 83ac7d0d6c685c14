/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * timeline.js - the timeline: what part of the run is seen, what is selected, and how both are moved.
 *
 * Owns:     the view, the cursor, the selection (always between two borders of bins), the lanes' order.
 * Must not: draw pixels itself (lanes.js), or know what else shows a selection: it calls on_select.
 *
 *   view      |--------------------------------|     ns of the run, from its start
 *   selection        [a ======== b)                  borders
 *   cursor                 |
 */

const VIEW_MIN_BINS = 16;
const STALLS_MARKED = 64;

class Timeline {
	constructor(page, grid, on_select) {
		this.page = page;
		this.grid = grid;
		this.on_select = on_select;
		this.parked = new Set(page.words.parked);
		this.view = { from: 0, to: grid.window_ns };
		this.picked = null;
		this.cursor = null;
		this.moves = false; /* dragging moves instead of selecting */
		this.pointers = new Map();
		this.tracks = [];
		this.threads = this.make_threads();
		this.stalls = this.find_stalls();
		this.make_charts();
		this.make_cpu_lanes();
		this.make_thread_lanes();
		this.make_legend();
		this.listen();
		this.say_resolution();
	}

	/* ---- what there is to see ---- */

	make_threads() {
		const by_number = new Map(this.page.report.threads.map((t) => [t.id, t]));
		return this.grid.lanes.map((id, lane) => {
			const rows = this.grid.threads[lane], kinds = new Map();
			for (const name of Object.keys(rows)) {
				const kind = kind_of_state(name, this.parked);
				kinds.set(kind, [...(kinds.get(kind) || []), rows[name]]);
			}
			const layers = LANE_KINDS.filter(([kind]) => kinds.has(kind))
				.map(([kind]) => ({ kind, sums: add_series(kinds.get(kind), this.grid.bins + 1) }));
			return { id, lane, layers, thread: by_number.get(id) || { id, tid: 0, name: "?", command: "" } };
		});
	}
	/* The longest of each kind of stall of each loop: [{id, at, ns, text}]. */
	find_stalls() {
		return (this.page.report.event_loops || []).flatMap((l) => l.stalls.filter((s) => !s.rest).map((s) =>
			({ id: l.id, at: s.longest_start_ns, ns: s.longest_ns, text: s.syscall + (s.on ? " on " + s.on : "") })))
			.sort((x, y) => y.ns - x.ns).slice(0, STALLS_MARKED);
	}
	add_track(parent, cls, label, text, draw, tell) {
		const canvas = el("canvas", { role: "img", "aria-label": text });
		const row = el("div", { class: "track " + cls }, label, canvas);
		parent.append(row);
		const track = { row, canvas, draw, tell };
		this.tracks.push(track);
		return track;
	}
	label(title, text) {
		return el("div", { class: "label" }, el("b", {}, title), text ? el("small", { class: "dim" }, text) : null);
	}
	make_charts() {
		const g = this.grid, r = this.page.report, charts = by_id("charts");
		const layer = (kind, sums) => ({ kind, sums });
		this.add_track(charts, "axis", el("div", { class: "label" }), "Time",
			(t) => draw_axis(t.canvas, this.view, g.start_ns), null);
		const splits = CLASSES.map((cls) => layer(cls, add_series(
			g.splits.filter((s) => s.cls === cls).map((s) => s.sums).concat(g.zero), g.bins + 1)));
		this.add_track(charts, "chart-track strip", this.label("Class"), "Class of the ledger over time",
			(t) => draw_stack(t.canvas, this.colour(splits), g, this.view, 1), (a, b) => this.tell_classes(a, b));
		const spans = spans_of_phases(r);
		if (spans.length)
			this.add_track(charts, "chart-track strip", this.label("Phase"), "Phases over time",
				(t) => draw_spans(t.canvas, this.view, spans), (a, b) => ["Phase",
					phases_within(spans, g.border(a), g.border(b)).slice(0, 12).map(([name, ns]) => [name, exact_time(ns)])]);
		const cpus = Math.max(r.cpus.allowed, r.parallelism.peak, 1);
		this.add_track(charts, "chart-track busy", this.label("CPUs busy", "of " + cpus + ": how parallel"),
			"CPUs busy over time", (t) => {
				draw_stack(t.canvas, this.colour([layer("running", g.count("running"))]), g, this.view, cpus * 1.06);
				draw_level(t.canvas, cpus, cpus * 1.06, String(cpus));
			}, (a, b) => this.tell_counts(a, b));
		const stack = [layer("running", g.count("running")), layer("runnable", g.count("runnable")),
			layer("lock", this.reasons((kind) => kind === "lock")), layer("io", this.reasons((kind) => kind === "io")),
			layer("flight", g.count("in_flight"))];
		this.add_track(charts, "chart-track progress",
			this.label("In progress", "on a CPU, ready, waiting" + (g.counts.in_flight ? ", in flight" : "") +
				": how concurrent"),
			"Things in progress over time", (t) => {
				const most = this.highest(["running", "runnable", "waiting", "in_flight"].map((n) => g.count(n)));
				draw_stack(t.canvas, this.colour(stack), g, this.view, most);
				if (most > 1.9) draw_level(t.canvas, Math.floor(most / 1.06), most, String(Math.floor(most / 1.06)));
			}, (a, b) => this.tell_counts(a, b));
		const instances = new Map((r.epoll_instances || []).map((e) => [e.id, e]));
		const leaders = leaders_of(r.threads);
		for (const [id, sums] of g.flights)
			if (instances.has(id)) this.make_flight(charts, instances.get(id), leaders.get(instances.get(id).pid), sums);
	}
	/* L(t) of one epoll instance. */
	make_flight(charts, e, leader, sums) {
		const title = "In flight: " + instance_name(e), of = (leader ? leader.name + " " : "") + e.pid;
		this.add_track(charts, "chart-track flight", this.label(title, of + ", " + e.direction), title + " of " + of + " over time", (t) => {
			const most = this.highest([sums]);
			draw_stack(t.canvas, this.colour([{ kind: "flight", sums }]), this.grid, this.view, most);
			if (most > 1.9) draw_level(t.canvas, Math.floor(most / 1.06), most, String(Math.floor(most / 1.06)));
		}, (a, b) => {
			const average = this.grid.flight_average(e.id, a, b);
			return [title + " of " + of, [["on average", average === null ? "not known" : level(average)]]];
		});
	}
	/* All threads' waits of a kind. */
	reasons(wanted) {
		const sums = Object.keys(this.grid.reasons).filter((r) => wanted(kind_of_state(r, this.parked)))
			.map((r) => this.grid.reasons[r]);
		return add_series(sums.concat(this.grid.zero), this.grid.bins + 1);
	}
	/* Highest average of a bin that is in view, and a little room. */
	highest(sums) {
		const span = this.grid.count("span");
		let most = 0;
		for (let bin = this.grid.bin_at(this.view.from), end = this.grid.bin_at(this.view.to - 1); bin <= end; bin++) {
			let ns = 0;
			for (const s of sums) ns += s[bin + 1] - s[bin];
			most = Math.max(most, ns / (span[bin + 1] - span[bin]));
		}
		return Math.max(1, most) * 1.06;
	}
	colour(layers) {
		for (const l of layers) l.pixel = colours[l.kind].pixel;
		return layers;
	}
	make_cpu_lanes() {
		const parent = by_id("cpu-lanes");
		for (const [cpu, lane] of [...this.grid.cpus].sort((x, y) => x[0] - y[0])) {
			const label = el("div", { class: "label" }, el("span", { class: "who" }, "CPU " + cpu));
			const layers = [{ kind: "running", sums: lane.running }];
			this.add_track(parent, "lane", label, "CPU " + cpu + " over time",
				(t) => draw_stack(t.canvas, this.colour(layers), this.grid, this.view, 1),
				(a, b) => this.tell_cpu(cpu, lane, a, b));
		}
	}
	make_thread_lanes() {
		const parent = by_id("thread-lanes");
		for (const t of this.threads) {
			const label = el("div", { class: "label", title: t.thread.command },
				el("span", { class: "who" }, t.thread.name), el("span", { class: "tid" }, t.thread.tid));
			t.track = this.add_track(parent, "lane", label, "Thread " + t.thread.name + " over time",
				(track) => draw_stack(track.canvas, this.colour(t.layers), this.grid, this.view, 1),
				(a, b) => this.tell_thread(t, a, b));
		}
		this.arrange("", "busy");
	}
	/* Only threads in which the text is found, in this order. */
	arrange(text, order) {
		const wanted = text.trim().toLowerCase();
		const keys = {
			busy: (t) => t.lane, start: (t) => t.thread.start_ns || 0, tid: (t) => t.thread.tid,
			name: (t) => t.thread.name.toLowerCase(),
		};
		const key = keys[order] || keys.busy;
		const sorted = [...this.threads].sort((x, y) =>
			key(x) < key(y) ? -1 : key(x) > key(y) ? 1 : x.lane - y.lane);
		let shown = 0;
		for (const t of sorted) {
			t.track.row.hidden = !thread_matches(t.thread, wanted);
			shown += t.track.row.hidden ? 0 : 1;
			by_id("thread-lanes").append(t.track.row);
		}
		const all = this.page.threads_all;
		put(by_id("lanes-note"), wanted ? plural(shown, "thread") + " found of " + this.threads.length + " with a lane."
			: all > this.threads.length ? "The " + this.threads.length + " that had most in progress, of " +
				plural(all, "thread") + "." : "");
		this.redraw();
	}
	make_legend() {
		put(by_id("legend"), LANE_KINDS.filter(([kind]) => kind !== "unknown" || this.grid.counts.unknown ||
			this.threads.some((t) => t.layers.some((l) => l.kind === "unknown")))
			.map(([kind, text]) => el("li", {}, swatch(kind), text)),
		this.grid.counts.in_flight || this.grid.flights.size ? el("li", {}, swatch("flight"), "operation of an event loop in flight") : null,
		this.stalls.length ? el("li", {}, el("span", { class: "stall-mark", "aria-hidden": "true" }, "▼"), "longest stall of a loop") : null,
		this.grid.path ? el("li", {}, el("span", { class: "path-mark", "aria-hidden": "true" }), "critical path") : null);
	}

	/* ---- moving ---- */

	look_at(from, to) {
		const whole = this.grid.window_ns, least = Math.min(whole, VIEW_MIN_BINS * this.grid.bin_ns);
		const span = Math.max(least, Math.min(whole, to - from));
		from = Math.max(0, Math.min(whole - span, from - (span - (to - from)) / 2));
		this.view = { from, to: from + span };
		this.say_resolution();
		this.redraw();
	}
	zoom(times, at) {
		const { from, to } = this.view;
		if (at === undefined) at = this.cursor !== null && this.cursor > from && this.cursor < to ? this.cursor : (from + to) / 2;
		this.look_at(at - (at - from) / times, at + (to - at) / times);
	}
	pan(share) {
		const by = (this.view.to - this.view.from) * share;
		const from = Math.max(0, Math.min(this.grid.window_ns - (this.view.to - this.view.from), this.view.from + by));
		this.look_at(from, from + this.view.to - this.view.from);
	}
	say_resolution() {
		const { from, to } = this.view, g = this.grid;
		put(by_id("resolution"), moment(from + g.start_ns, (to - from) / 1000) + " to " +
			moment(to + g.start_ns, (to - from) / 1000) + " · bins of " + short_time(g.bin_ns));
		by_id("zoom-all").disabled = by_id("zoom-out").disabled = to - from >= g.window_ns;
		by_id("zoom-in").disabled = to - from <= VIEW_MIN_BINS * g.bin_ns;
	}

	/* Brings a stretch of the run into view, and the cursor to its start. */
	show_moment(from, ns) {
		const room = Math.max(ns, 8 * this.grid.bin_ns);
		this.cursor = this.grid.border(this.grid.nearest(from));
		this.look_at(from - room, from + ns + room);
		by_id("tracks").focus({ preventScroll: true });
		by_id("timeline").scrollIntoView();
	}

	/* ---- selecting ---- */

	select(a, b) {
		this.picked = a === null || a === b ? null : { a: Math.min(a, b), b: Math.max(a, b) };
		if (this.picked && !this.picked.a && this.picked.b === this.grid.bins) this.picked = null;
		this.redraw();
		this.on_select(this.picked);
	}
	select_span(from_ns, to_ns) {
		const a = this.grid.nearest(from_ns), b = this.grid.nearest(to_ns);
		this.select(a, a === b ? Math.min(this.grid.bins, b + 1) : b);
	}
	set_cursor(ns, selects) {
		const g = this.grid;
		const was = this.cursor === null ? (this.view.from + this.view.to) / 2 : this.cursor;
		this.cursor = g.border(g.nearest(Math.max(0, Math.min(g.window_ns, ns))));
		if (selects) {
			if (!this.picked) this.anchor = g.nearest(was);
			else if (this.anchor === undefined) this.anchor = this.picked.a;
			this.select(this.anchor, g.nearest(this.cursor));
		}
		if (this.cursor < this.view.from || this.cursor > this.view.to) {
			const half = (this.view.to - this.view.from) / 2;
			this.look_at(this.cursor - half, this.cursor + half);
		}
		this.redraw();
		const bin = Math.min(g.bins - 1, g.nearest(this.cursor)), f = g.figures(bin, bin + 1);
		put(by_id("said"), moment(this.cursor + g.start_ns, g.bin_ns) + ": " + level(f.parallel_average) + " CPUs busy, " +
			level(f.concurrent_average) + " in progress" + (this.picked ? ". Selected " +
			short_time(g.border(this.picked.b) - g.border(this.picked.a)) : ""));
	}

	/* ---- what the hand does ---- */

	listen() {
		const tracks = by_id("tracks");
		tracks.addEventListener("pointerdown", (e) => this.pointer_down(e));
		tracks.addEventListener("pointermove", (e) => this.pointer_move(e));
		for (const kind of ["pointerup", "pointercancel"])
			tracks.addEventListener(kind, (e) => this.pointer_up(e));
		tracks.addEventListener("pointerleave", () => this.hide_tip());
		tracks.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
		tracks.addEventListener("dblclick", (e) => e.target.tagName === "CANVAS" && this.zoom(4, this.time_at(e.clientX)));
		tracks.addEventListener("keydown", (e) => this.key(e));
		const on = (id, act) => by_id(id).addEventListener("click", act);
		on("zoom-in", () => this.zoom(2));
		on("zoom-out", () => this.zoom(0.5));
		on("pan-left", () => this.pan(-0.5));
		on("pan-right", () => this.pan(0.5));
		on("zoom-all", () => this.look_at(0, this.grid.window_ns));
		on("zoom-picked", () => this.zoom_to_picked());
		on("clear-picked", () => this.select(null));
		on("drag-select", () => this.set_drag(false));
		on("drag-move", () => this.set_drag(true));
		by_id("show-path").addEventListener("change", () => this.redraw());
		new ResizeObserver(() => this.redraw()).observe(tracks);
		window.addEventListener("scroll", () => this.redraw(), { passive: true });
	}
	set_drag(moves) {
		this.moves = moves;
		by_id("drag-select").setAttribute("aria-pressed", String(!moves));
		by_id("drag-move").setAttribute("aria-pressed", String(moves));
	}
	zoom_to_picked() {
		if (this.picked) this.look_at(this.grid.border(this.picked.a), this.grid.border(this.picked.b));
	}
	area() {
		return this.tracks[0].canvas.getBoundingClientRect();
	}
	time_at(x) {
		const box = this.area();
		return this.view.from + ((x - box.left) / box.width) * (this.view.to - this.view.from);
	}
	pointer_down(e) {
		if (e.target.tagName !== "CANVAS" || e.button > 1) return;
		const touch = e.pointerType === "touch";
		this.pointers.set(e.pointerId, e.clientX);
		const axis = e.target === this.tracks[0].canvas;
		this.drag = { x: e.clientX, from: this.time_at(e.clientX), view: { ...this.view }, far: false,
			moves: this.moves !== (e.shiftKey || axis) || e.button === 1 || (touch && !this.touch_selects()) };
		if (this.pointers.size === 2) {
			const xs = [...this.pointers.values()];
			this.pinch = { width: Math.abs(xs[0] - xs[1]) || 1, at: this.time_at((xs[0] + xs[1]) / 2), view: { ...this.view } };
			this.drag = null;
		}
		try {
			e.target.setPointerCapture(e.pointerId);
		} catch (_) { /* the pointer is gone already */ }
		if (!touch) by_id("tracks").focus({ preventScroll: true });
	}
	/* A finger moves the view, unless "Drag selects" was asked for by hand. */
	touch_selects() {
		return this.touch_asked && !this.moves;
	}
	pointer_move(e) {
		if (this.pointers.has(e.pointerId)) this.pointers.set(e.pointerId, e.clientX);
		if (this.pinch && this.pointers.size === 2) this.pinch_move();
		else if (this.drag) this.drag_move(e);
		if (!this.drag || !this.drag.moves) this.hover(e);
	}
	drag_move(e) {
		const d = this.drag;
		if (!d.far && Math.abs(e.clientX - d.x) < 4) return;
		d.far = true;
		if (d.moves) {
			const by = ((d.x - e.clientX) / this.area().width) * (d.view.to - d.view.from);
			const span = d.view.to - d.view.from;
			const from = Math.max(0, Math.min(this.grid.window_ns - span, d.view.from + by));
			this.look_at(from, from + span);
		} else {
			this.anchor = undefined;
			this.select_span(Math.min(d.from, this.time_at(e.clientX)), Math.max(d.from, this.time_at(e.clientX)));
		}
	}
	pinch_move() {
		const xs = [...this.pointers.values()], p = this.pinch;
		const times = Math.max(0.02, Math.abs(xs[0] - xs[1]) / p.width);
		this.look_at(p.at - (p.at - p.view.from) / times, p.at + (p.view.to - p.at) / times);
	}
	pointer_up(e) {
		if (this.drag && !this.drag.far && e.type === "pointerup") {
			this.cursor = this.grid.border(this.grid.nearest(this.time_at(e.clientX)));
			if (this.picked && !this.drag.moves) this.select(null);
			this.redraw();
		}
		this.pointers.delete(e.pointerId);
		if (!this.pointers.size) this.drag = this.pinch = null;
	}
	wheel(e) {
		if (e.ctrlKey || e.metaKey || e.altKey) this.zoom(Math.exp(-e.deltaY * 0.0022), this.time_at(e.clientX));
		else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.pan((e.deltaX || e.deltaY) / this.area().width);
		else return;
		e.preventDefault();
		this.hover(e);
	}
	key(e) {
		if (e.target !== by_id("tracks") || e.ctrlKey || e.metaKey || e.altKey) return;
		const at = this.cursor === null ? (this.view.from + this.view.to) / 2 : this.cursor;
		const step = Math.max(this.grid.bin_ns, (this.view.to - this.view.from) / 50);
		const keys = {
			ArrowLeft: () => this.set_cursor(at - step, e.shiftKey), ArrowRight: () => this.set_cursor(at + step, e.shiftKey),
			Home: () => this.set_cursor(0, e.shiftKey), End: () => this.set_cursor(this.grid.window_ns, e.shiftKey),
			PageUp: () => this.pan(-0.5), PageDown: () => this.pan(0.5),
			"+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(0.5),
			0: () => this.look_at(0, this.grid.window_ns), Enter: () => this.zoom_to_picked(),
			Escape: () => { this.anchor = undefined; this.select(null); },
		};
		if (!keys[e.key]) return;
		keys[e.key]();
		e.preventDefault();
	}

	/* ---- figures under the pointer ---- */

	hover(e) {
		const track = this.tracks.find((t) => t.canvas === e.target) || (this.drag && this.drag.far ? this.tracks[1] : null);
		if (!track || !track.tell) return this.hide_tip();
		const columns = columns_of(this.view, this.grid, Math.max(1, Math.round(this.area().width)));
		const x = Math.max(0, Math.min(columns.length / 2 - 1, Math.round(e.clientX - this.area().left)));
		const [a, b] = [columns[2 * x], columns[2 * x + 1]];
		this.hover_x = e.clientX;
		this.redraw();
		this.show_tip(e, a, b, track.tell(a, b));
	}
	show_tip(e, a, b, [title, rows]) {
		const tip = by_id("tip"), g = this.grid;
		put(tip, el("b", {}, title),
			el("span", {}, moment(g.border(a) + g.start_ns, g.bin_ns) + " + " + short_time(g.border(b) - g.border(a))),
			el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
		tip.hidden = false;
		const box = tip.getBoundingClientRect();
		const left = e.clientX + 16 + box.width < innerWidth ? e.clientX + 16 : Math.max(4, e.clientX - box.width - 16);
		const top = Math.min(innerHeight - box.height - 6, e.clientY + 18);
		tip.style.left = left + "px";
		tip.style.top = Math.max(4, top) + "px";
	}
	hide_tip() {
		by_id("tip").hidden = true;
		this.hover_x = null;
		this.redraw();
	}
	tell_classes(a, b) {
		const f = this.grid.figures(a, b), rows = [];
		for (const cls of CLASSES)
			for (const [name, ns] of Object.entries(f.split[cls]))
				if (ns) rows.push([cls === "unknown" ? cls : cls + ", " + name.replace(/_/g, " "), exact_time(ns)]);
		return ["Class of the ledger", rows];
	}
	tell_counts(a, b) {
		const f = this.grid.figures(a, b), span = f.window_ns;
		const rows = [["CPUs busy", level(f.parallel_average)], ["in progress", level(f.concurrent_average)],
			["ready, no CPU", level(f.runnable_ns / span)], ["waiting", level(f.waiting_ns / span)]];
		if (this.grid.counts.in_flight) rows.push(["in flight", level(f.in_flight_ns / span)]);
		rows.push(["CPU time", exact_time(f.cpu_time_ns)]);
		return ["On average", rows];
	}
	tell_cpu(cpu, lane, a, b) {
		const ns = lane.running[b] - lane.running[a], span = this.grid.border(b) - this.grid.border(a);
		const rows = [["ran the workload", exact_time(ns)], ["share", percent(ns, span)]];
		const longest = b === a + 1 && lane.longest ? lane.longest[a] : 0;
		if (longest) rows.push(["longest", this.threads[longest - 1].thread.name + " " + this.threads[longest - 1].thread.tid]);
		return ["CPU " + cpu, rows];
	}
	tell_thread(t, a, b) {
		const of = this.grid.thread(t.lane, a, b), rows = Object.entries(of).sort((x, y) => y[1] - x[1])
			.map(([name, ns]) => [name.replace(/_/g, " "), exact_time(ns)]);
		if (this.grid.path && this.grid.path[a] === t.id) rows.push(["critical path", "here"]);
		for (const s of this.stalls)
			if (s.id === t.id && s.at >= this.grid.border(a) && s.at < this.grid.border(b))
				rows.push(["stall: " + s.text, exact_time(s.ns)]);
		return [t.thread.name + " " + t.thread.tid, rows.length ? rows : [["not alive", ""]]];
	}

	/* ---- drawing ---- */

	redraw() {
		if (this.due) return;
		this.due = requestAnimationFrame(() => {
			this.due = 0;
			this.draw();
		});
	}
	/* All: also what is not in sight, as print wants it. */
	draw(all) {
		const key = [this.view.from, this.view.to, this.area().width, colours.ink.css].join(" ");
		for (const t of this.tracks) {
			if (t.row.hidden || (t.drawn === key && !all)) continue;
			const box = t.row.getBoundingClientRect();
			if (!all && (box.bottom < -200 || box.top > innerHeight + 200)) continue;
			t.draw(t);
			t.drawn = key;
		}
		this.draw_overlay(all);
	}
	/* It lies over what is in sight, and no more: a picture of all lanes is large. */
	draw_overlay(all) {
		const overlay = by_id("overlay"), box = this.area(), outer = this.overlay_box(all);
		overlay.style.top = outer.from + "px";
		overlay.style.height = all ? "100%" : outer.height + "px";
		const { context, width, height, ratio } = fit(overlay);
		const x_of = (ns) => ((ns - this.view.from) / (this.view.to - this.view.from)) * width;
		context.clearRect(0, 0, width, height);
		if (by_id("show-path").checked && this.grid.path) draw_path(context, this.path_points(outer, x_of, width, ratio), ratio);
		draw_marks(context, this.stall_points(outer, x_of, ratio).filter((p) => p.x >= 0 && p.x <= width), ratio);
		if (this.picked) {
			const a = x_of(this.grid.border(this.picked.a)), b = x_of(this.grid.border(this.picked.b));
			context.fillStyle = colours.picked.css;
			context.fillRect(a, 0, b - a, height);
			context.fillStyle = colours.edge.css;
			context.fillRect(a - ratio, 0, 2 * ratio, height);
			context.fillRect(b - ratio, 0, 2 * ratio, height);
		}
		context.fillStyle = colours.soft.css;
		if (this.hover_x) context.fillRect(Math.round((this.hover_x - box.left) * ratio), 0, 1, height);
		context.fillStyle = colours.edge.css;
		if (this.cursor !== null) context.fillRect(Math.round(x_of(this.cursor)), 0, ratio, height);
	}
	overlay_box(all) {
		const tracks = by_id("tracks").getBoundingClientRect();
		const top = all ? tracks.top : Math.max(tracks.top, Math.min(tracks.bottom, -200));
		const bottom = all ? tracks.bottom : Math.min(tracks.bottom, Math.max(tracks.top, innerHeight + 200));
		return { top, height: bottom - top, from: top - tracks.top };
	}
	stall_points(outer, x_of, ratio) {
		if (!this.stalls.length) return [];
		const rows = new Map(this.threads.filter((t) => !t.track.row.hidden).map((t) => [t.id, t.track.canvas]));
		return this.stalls.filter((s) => rows.has(s.id)).map((s) =>
			({ x: x_of(s.at), y: (rows.get(s.id).getBoundingClientRect().top - outer.top) * ratio }));
	}
	path_points(outer, x_of, width, ratio) {
		const g = this.grid, middles = new Map(), points = [];
		for (const t of this.threads) {
			if (t.track.row.hidden) continue;
			const box = t.track.canvas.getBoundingClientRect();
			middles.set(t.id, (box.bottom - 2 - outer.top) * ratio);
		}
		const first = Math.max(0, g.bin_at(this.view.from) - 1), last = Math.min(g.bins, g.bin_at(this.view.to) + 2);
		const every = Math.max(1, Math.floor((last - first) / width));
		for (let bin = first; bin < last; bin += every)
			points.push(middles.has(g.path[bin]) ? { x: x_of(g.border(bin)), y: middles.get(g.path[bin]) } : null);
		if (points.length && last === g.bins && points[points.length - 1])
			points.push({ x: x_of(g.border(last)), y: points[points.length - 1].y });
		return points;
	}
}

function thread_matches(thread, wanted) {
	return !wanted || String(thread.tid) === wanted || String(thread.pid) === wanted ||
		thread.name.toLowerCase().includes(wanted) || thread.command.toLowerCase().includes(wanted);
}
