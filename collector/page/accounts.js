/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * accounts.js - the CPU budget and the demand of a selection.
 *
 * Owns:     what the program's analysis does with the same sums at the end of a pass (acct_charge.c); so a
 *           selection's accounts are those of `report --time` of that span.
 * Must not: touch the page.
 *
 * Sums have a fraction, of part_bits bits; what is to be exact is counted in BigInt.
 */

/* whole * num / den, at most whole. */
function share_of(whole, num, den) {
	if (!den || num >= den) return den ? whole : 0;
	return Number((BigInt(whole) * BigInt(num)) / BigInt(den));
}

class Accounts {
	/* words: budget, demand and reasons by name, in the order of the analysis. */
	constructor(grid, words) {
		this.grid = grid;
		this.bits = BigInt(grid.part_bits);
		this.items = Object.keys(words.budget);
		this.reasons = Object.keys(words.reasons);
	}
	/* Sum of bins [a, b), in units of the fraction. */
	fixed(name, a, b) {
		const of = (sums) => BigInt(sums ? sums[b] - sums[a] : 0);
		return (of(this.grid.charges[name]) << this.bits) + of(this.grid.charge_parts[name]);
	}
	/* Each rounded down, what is missing of the total to the largest remainders: counted to 2^-16 ns, and
	 * the first of equal ones. */
	rounded(total, a, b) {
		const names = [...this.items, ...this.reasons], below = (1n << this.bits) - 1n, ns = {}, left = {};
		let missing = total;
		for (const name of names) {
			const sum = this.fixed(name, a, b);
			ns[name] = Number(sum >> this.bits);
			left[name] = Number(((sum & below) + (1n << (this.bits - 17n))) >> (this.bits - 16n));
			missing -= ns[name];
		}
		for (; missing > 0 && missing < names.length; missing--) {
			let best = null;
			for (const name of names) if (name in left && (best === null || left[name] > left[best])) best = name;
			ns[best]++;
			delete left[best];
		}
		ns.unknown += missing;
		return ns;
	}
	/* {budget, demand} of the bins [a, b), f being their figures; as in the report. */
	of(a, b, f) {
		const g = this.grid, claim = (name) => (g.demands[name] ? g.demands[name][b] - g.demands[name][a] : 0);
		const budget = { total: f.allowed_ns, ...this.rounded(f.allowed_ns - f.cpu_time_ns, a, b) };
		const idle = claim("idle"), doubt = Math.max(idle, claim("doubt"));
		const demand = { total: f.runnable_ns, cpus: claim("cpus"), mask: claim("mask"), quota: claim("quota"),
			placement: idle, others: claim("open") - doubt, unknown: claim("unknown") + doubt - idle };
		const foreign = Number((this.fixed("foreign", a, b) + (1n << (this.bits - 1n))) >> this.bits);
		const tracer = share_of(budget.others, share_of(g.tracer_ns, f.window_ns, g.run_ns), Math.max(foreign, budget.others));
		const kept = share_of(demand.others, tracer, budget.others);
		budget.used = f.cpu_time_ns;
		budget.others -= tracer;
		budget.tracer = tracer;
		demand.others -= kept;
		demand.tracer = kept;
		return { budget, demand };
	}
}
