/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * main.js - puts the page together.
 *
 * Owns:     the order of things, the choice of colours, the selection in the page's address, printing.
 */

const THEMES = ["auto", "light", "dark"];

/* #t=0.5,0.75: selected from so many seconds to so many. */
function selection_in_address() {
	const found = /^#t=([\d.]+),([\d.]+)$/.exec(location.hash);
	return found ? [Number(found[1]) * 1e9, Number(found[2]) * 1e9] : null;
}
function keep_selection(text) {
	try {
		history.replaceState(null, "", text ? "#t=" + text : location.pathname);
	} catch (_) { /* some browsers do not for files */ }
}

function exact_seconds(ns) {
	return (ns / 1e9).toFixed(9).replace(/\.?0+$/, "");
}

class Page {
	constructor(page, grid) {
		this.page = page;
		this.grid = grid;
		this.whole = whole_figures(page.report);
		show_head(page);
		show_verdict(page.report);
		show_loops(page.report, grid, (from, ns) => this.timeline.show_moment(from, ns));
		show_phases(page.report, (from, ns) => this.timeline.show_moment(from, ns));
		show_path(page.report);
		show_quality(page.report);
		this.accounts = new Accounts(grid, page.words);
		this.threads = new ThreadTable(page, grid);
		this.timeline = new Timeline(page, grid, (picked) => this.select(picked));
		this.show(this.whole, "");
		this.show_parts(null);
		this.listen();
		const kept = selection_in_address();
		if (kept) this.timeline.select_span(kept[0] - grid.start_ns, kept[1] - grid.start_ns);
	}
	show(f, text) {
		show_ledger(f, this.page.words);
		show_profiles(f, this.grid, !!this.whole.bounds && this.whole.bounds.open);
		show_accounts(f, this.whole, this.page.words);
		show_scopes(text, f);
	}
	/* What is not made of figures alone: of the run, or of the bins [a, b). */
	show_parts(picked, f) {
		const r = this.page.report, g = this.grid, start = g.start_ns;
		show_bottle(r, picked ? boxes_of(this.page, g, picked.a, picked.b, f) : whole_boxes(r), !picked);
		show_locks(r, g, picked);
		if (!picked) return show_overlap(r.overlap);
		const tiles = g.overlap(picked.a, picked.b, r.overlap.names.length);
		show_overlap({ names: r.overlap.names, ns: tiles.ns });
		if (tiles.a === picked.a && tiles.b === picked.b) return undefined;
		const from = g.border(tiles.a) + start, to = g.border(tiles.b) + start;
		return put(by_id("overlap").querySelector(".scope"), el("span", { id: "overlap-span", "data-span": exact_seconds(from) + "," + exact_seconds(to) },
			"Around the selection: " + moment(from, g.bin_ns) + " to " + moment(to, g.bin_ns)),
		". With so many names this is kept in steps of " + short_time(g.tile * g.bin_ns) + ".");
	}
	select(picked) {
		const g = this.grid;
		this.threads.picked = picked;
		this.threads.show();
		show_flights_of(this.grid, picked);
		by_id("picked").hidden = !picked;
		if (!picked) {
			keep_selection("");
			this.show(this.whole, "");
			return this.show_parts(null);
		}
		const f = g.figures(picked.a, picked.b), start = g.start_ns;
		if (g.has_accounts) Object.assign(f, this.accounts.of(picked.a, picked.b, f));
		const span = exact_seconds(f.from_ns + start) + "," + exact_seconds(f.to_ns + start);
		const text = moment(f.from_ns + start, g.bin_ns) + " to " + moment(f.to_ns + start, g.bin_ns);
		this.show(f, text);
		this.show_parts(picked, f);
		put(by_id("picked-text"), "Selected " + text + " (" + short_time(f.window_ns) + "), exact: " +
			"from border to border of bins of " + short_time(g.bin_ns));
		bar(by_id("picked-bar"), CLASSES.map((cls) => ({ kind: cls, ns: f.ledger[cls], label: cls })), f.window_ns, true);
		put(by_id("picked-figures"), el("b", {}, level(f.concurrent_average)), " in progress, ", el("b", {}, level(f.parallel_average)),
			" CPUs busy on average. The ledger and the profiles above and all below follow it, but for event loops and the critical path.");
		put(by_id("picked-command"), "--time " + span);
		keep_selection(span);
	}
	search() {
		const text = by_id("search").value;
		this.threads.wanted = text.trim().toLowerCase();
		this.threads.rows = THREAD_ROWS;
		this.threads.show();
		this.timeline.arrange(text, by_id("order").value);
	}
	listen() {
		by_id("search").addEventListener("input", () => this.search());
		by_id("order").addEventListener("change", () => this.search());
		by_id("drag-select").addEventListener("click", () => { this.timeline.touch_asked = true; });
		const system = matchMedia("(prefers-color-scheme: dark)");
		system.addEventListener("change", () => this.paint());
		this.theme = "auto";
		by_id("theme").addEventListener("click", () => {
			this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length];
			put(by_id("theme"), "Colours: " + this.theme);
			by_id("theme").setAttribute("aria-label", "Colours: " + (this.theme === "auto" ? "as the system has them" : this.theme));
			this.paint();
		});
		window.addEventListener("beforeprint", () => this.paint("light"));
		window.addEventListener("afterprint", () => this.paint());
	}
	paint(theme) {
		set_theme(theme || this.theme);
		this.timeline.draw(true);
	}
}

function set_theme(choice) {
	const dark = choice === "dark" || (choice === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
	document.documentElement.setAttribute("data-theme", dark ? "dark" : "light");
	read_colours();
}

async function main() {
	set_theme("auto");
	const page = JSON.parse(new TextDecoder().decode(await unpack("data")));
	const grid = new Grid(page.grid, await unpack("series"), page.report.window_ns);
	by_id("main").hidden = false;
	window.cpartrace = new Page(page, grid);
	performance.mark("ready");
	document.documentElement.setAttribute("data-ready", "");
}

main().catch((error) => {
	put(by_id("failed"), "This page cannot be shown: " + error.message +
		". It needs a browser of 2023 or later (one that knows DecompressionStream).");
	by_id("failed").hidden = false;
	throw error;
});
