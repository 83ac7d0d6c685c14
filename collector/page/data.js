/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * data.js - the data of the page: the report as JSON, and the run in bins as prefix sums.
 *
 * Owns:     decoding, and the figures of any stretch between two borders of bins.
 * Must not: touch the page.
 *
 *   border   0    1    2    3          sum(series, 1, 3) = prefix[3] - prefix[1]: exact, in ns
 *            |----|----|----|----|-|   the last bin may be shorter
 *
 * All numbers stay below 2^53, so that they are exact.
 */
"use strict";

const CLASSES = ["parallel", "concurrent", "serial", "idle", "unknown"];

async function unpack(id) {
	const text = atob(document.getElementById(id).textContent);
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* One series after the other, LEB128; a number may be longer than 32 bits. Those of pairs have one a tile. */
function decode_series(bytes, names, bins, tiles) {
	let at = 0;
	return names.map((name) => {
		const values = new Float64Array(name[0] === "pair" ? tiles : bins);
		for (let bin = 0; bin < values.length; bin++) {
			let n = 0, times = 1, byte;
			do {
				byte = bytes[at++];
				n += (byte & 127) * times;
				times *= 128;
			} while (byte > 127);
			values[bin] = n;
		}
		return { name, values };
	});
}

function prefix_sums(values) {
	const sums = new Float64Array(values.length + 1);
	for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i] + values[i];
	return sums;
}

function bits_of(n) {
	let bits = 0;
	for (; n; n = (n & (n - 1)) >>> 0) bits++;
	return bits;
}

class Grid {
	constructor(grid, bytes, window_ns) {
		this.bin_ns = grid.bin_ns;
		this.bins = grid.bins;
		this.start_ns = grid.start_ns;
		this.window_ns = window_ns;
		this.levels = grid.levels;
		this.lanes = grid.lanes;
		this.part_bits = grid.part_bits;
		this.tracer_ns = grid.tracer_ns;
		this.run_ns = grid.run_ns;
		this.has_accounts = grid.accounts;
		this.bounded = !!grid.bounded;
		this.zero = new Float64Array(this.bins + 1);
		this.counts = {};
		this.splits = [];
		this.parallel = [];
		this.concurrent = [];
		this.charges = {};
		this.charge_parts = {};
		this.demands = {};
		this.flights = new Map();
		this.flights_known = new Map();
		this.reasons = [];
		this.threads = grid.lanes.map(() => ({}));
		this.boxes = grid.lanes.map(() => ({}));
		this.height_parts = grid.height_parts;
		this.lock_at = new Map(grid.locks.map((id, i) => [id, i]));
		this.locks = new Map();
		this.tile = grid.tile;
		this.pairs = [];
		this.cpus = new Map();
		for (const { name, values } of decode_series(bytes, grid.series, grid.bins, grid.tiles))
			this.put(name, values);
	}
	put(name, values) {
		const [kind, a, b] = name;
		if (kind === "lock") return this.put_lock(a, b, values);
		if (kind === "thread_box") return void (this.boxes[a][b] = prefix_sums(values));
		if (kind === "pair") return void this.pairs.push({ g: a, h: b, sums: prefix_sums(values) });
		if (kind === "path") this.path = values;
		else if (kind === "longest") this.cpu(a).longest = values;
		else if (kind === "cpu") this.cpu(a).running = prefix_sums(values);
		else if (kind === "split") this.splits.push({ cls: a, name: b, sums: prefix_sums(values) });
		else if (kind === "reason") this.reasons[a] = prefix_sums(values);
		else if (kind === "charge") this.charges[a] = prefix_sums(values);
		else if (kind === "charge_part") this.charge_parts[a] = prefix_sums(values);
		else if (kind === "demand") this.demands[a] = prefix_sums(values);
		else if (kind === "flight") this.flights.set(a, prefix_sums(values));
		else if (kind === "flight_known") this.flights_known.set(a, prefix_sums(values));
		else if (kind === "thread") this.threads[a][b] = prefix_sums(values);
		else if (Array.isArray(this[kind])) this[kind][a] = prefix_sums(values);
		else this.counts[kind] = prefix_sums(values);
	}
	put_lock(id, what, values) {
		const i = this.lock_at.get(id);
		if (i === undefined) return;
		if (!this.locks.has(i)) this.locks.set(i, {});
		this.locks.get(i)[what] = what === "waits" || what === "blocked" ? prefix_sums(values) : values;
	}
	cpu(n) {
		if (!this.cpus.has(n)) this.cpus.set(n, { running: this.zero });
		return this.cpus.get(n);
	}
	border(bin) {
		return Math.min(bin * this.bin_ns, this.window_ns);
	}
	/* The border nearest to a time. */
	nearest(ns) {
		const bin = Math.max(0, Math.min(this.bins, Math.round(ns / this.bin_ns)));
		const last = this.border(this.bins);
		return bin === this.bins - 1 && last - ns < ns - this.border(bin) ? this.bins : bin;
	}
	bin_at(ns) {
		return Math.max(0, Math.min(this.bins - 1, Math.floor(ns / this.bin_ns)));
	}
	count(name) {
		return this.counts[name] || this.zero;
	}
	/* L of an instance in the bins [a, b), of the time that it is known, as the report has it; null: of none. */
	flight_average(instance, a, b) {
		const levels = this.flights.get(instance), known = this.flights_known.get(instance) || this.zero;
		return levels && known[b] > known[a] ? (levels[b] - levels[a]) / (known[b] - known[a]) : null;
	}
	/* Everything about the bins [a, b). */
	figures(a, b) {
		const of = (sums) => (sums ? sums[b] - sums[a] : 0);
		const profile = (list) => {
			const ns = Array.from(list, of);
			while (ns.length > 1 && !ns[ns.length - 1]) ns.pop();
			return ns.length ? ns : [0];
		};
		const f = {
			from_ns: this.border(a), to_ns: this.border(b), window_ns: of(this.counts.span),
			cpu_time_ns: of(this.counts.running), runnable_ns: of(this.counts.runnable),
			waiting_ns: of(this.counts.waiting), in_flight_ns: of(this.counts.in_flight),
			allowed_ns: of(this.counts.allowed), ledger: {}, split: {},
			parallel: profile(this.parallel), concurrent: profile(this.concurrent),
		};
		for (const cls of CLASSES) {
			f.ledger[cls] = 0;
			f.split[cls] = {};
		}
		for (const s of this.splits) {
			f.ledger[s.cls] += of(s.sums);
			f.split[s.cls][s.name] = of(s.sums);
		}
		f.in_progress_ns = f.cpu_time_ns + f.runnable_ns + f.waiting_ns + f.in_flight_ns;
		f.parallel_average = f.window_ns ? f.cpu_time_ns / f.window_ns : 0;
		f.concurrent_average = f.window_ns ? f.in_progress_ns / f.window_ns : 0;
		const busy = f.parallel.slice(1).reduce((x, y) => x + y, 0);
		f.tlp = busy ? f.cpu_time_ns / busy : 0;
		f.efficiency = f.allowed_ns ? f.cpu_time_ns / f.allowed_ns : 0;
		if (this.bounded && f.window_ns) f.bounds = this.bounds(f, of(this.counts.more), of(this.counts.may_parallel));
		return f;
	}
	/* Who ran, and what was parallel, as the report's bounds have it; what was in progress bins do not tell. */
	bounds(f, more, may_parallel) {
		const cpu = [f.cpu_time_ns, f.cpu_time_ns + more], parallel = f.ledger.parallel;
		return { open: true, cpu_time_ns: cpu, parallelism: { average: cpu.map((ns) => ns / f.window_ns) },
			concurrency: {}, ledger_ns: { parallel: [parallel, parallel + may_parallel] } };
	}
	/* The box of a lane's thread in the bottle graph: {parallel, running, height, width}, all ns; of its width, times running. */
	box(lane, a, b) {
		const of = (sums) => (sums ? sums[b] - sums[a] : 0), box = this.boxes[lane];
		const running = of(this.threads[lane].running), parallel = of(box.parallel);
		return { running, parallel, width: running + parallel + of(box.wider),
			height: Math.floor(running - parallel / 2 - of(box.lower) / this.height_parts + 0.5 + 1 / 64) };
	}
	/* Waits for the i-th lock of the report; null: not known by bins. */
	lock(i, a, b) {
		const l = this.locks.get(i);
		if (!l) return null;
		const of = (sums) => (sums ? sums[b] - sums[a] : 0);
		const any = (values) => (values ? values.slice(a, b).reduce((x, y) => x | y, 0) >>> 0 : 0);
		return { waits: of(l.waits) + (l.open && a ? l.open[a] : 0), blocked_ns: of(l.blocked),
			waiters: bits_of(any(l.low)) + bits_of(any(l.high)), at_least: any(l.others) > 0 };
	}
	/* The tiles that bins [a, b) lie in: borders, and for how long names ran together there, [[ns]]. */
	overlap(a, b, names) {
		const from = Math.floor(a / this.tile), to = Math.ceil(b / this.tile);
		const ns = Array.from({ length: names }, () => new Array(names).fill(0));
		for (const { g, h, sums } of this.pairs) ns[g][h] = ns[h][g] = sums[to] - sums[from];
		return { a: from * this.tile, b: Math.min(this.bins, to * this.tile), ns };
	}
	thread(lane, a, b) {
		const of = {};
		for (const [row, sums] of Object.entries(this.threads[lane])) {
			const ns = sums[b] - sums[a];
			if (ns) of[row] = ns;
		}
		return of;
	}
}

/* The same figures as the report has them, of the whole run. */
function whole_figures(report) {
	const f = {
		whole: true, from_ns: 0, to_ns: report.window_ns, window_ns: report.window_ns,
		cpu_time_ns: report.cpu_time_ns, runnable_ns: report.runnable_ns, ledger: {}, split: {},
		parallel: report.parallelism.profile_ns, concurrent: report.concurrency.profile_ns,
		concurrent_folded: report.concurrency.folded,
		parallel_average: report.parallelism.average, concurrent_average: report.concurrency.average,
		tlp: report.parallelism.tlp, efficiency: report.parallelism.efficiency,
		effective: report.parallelism.effective, spin: report.spin, bounds: report.bounds || null,
		budget: report.budget_ns, demand: report.demand_ns,
	};
	for (const cls of CLASSES) {
		f.ledger[cls] = report.ledger_ns[cls];
		f.split[cls] = report.ledger_ns[cls + "_split"] || {};
	}
	return f;
}
