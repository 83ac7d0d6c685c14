/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * draw.js - small things everything on the page is made of.
 *
 * Owns:     elements, numbers as people read them, colours. Whatever comes from a trace becomes text
 *           (text nodes, attributes that are no code); no markup is ever made from a string.
 */

/* el("td", {class: "n"}, "text", child …). Properties of the style are set one by one. */
function el(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}
function svg(tag, attributes, ...children) {
	return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}
function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === null || value === undefined || value === false) continue;
		if (name === "width_share") node.style.width = (100 * value).toFixed(3) + "%";
		else if (name === "grow") node.style.flex = value.toFixed(6) + " 1 0";
		else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
		else node.setAttribute(name, value === true ? "" : String(value));
	}
	for (const child of children.flat(Infinity))
		if (child !== null && child !== undefined)
			node.append(child instanceof Node ? child : document.createTextNode(String(child)));
	return node;
}
function by_id(id) {
	return document.getElementById(id);
}
function put(node, ...children) {
	node.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined));
}

/* ---- numbers ---- */

function short_time(ns) {
	const units = [[60e9, "min", 2], [1e9, "s", 3], [1e6, "ms", 3], [1e3, "µs", 3]];
	for (const [scale, unit] of units)
		if (ns >= scale * (unit === "min" ? 2 : 1)) return digits(ns / scale) + " " + unit;
	return ns + " ns";
}
/* Three digits that count. */
function digits(x) {
	if (x >= 100 || x === 0) return x.toFixed(0);
	return x >= 10 ? x.toFixed(1) : x.toFixed(2);
}
/* To the ns: 12.345 678 ms. */
function exact_time(ns) {
	const text = String(ns).padStart(7, "0");
	const ms = text.slice(0, -6).replace(/\B(?=(\d{3})+$)/g, "\u202f");
	return ms + "." + text.slice(-6, -3) + "\u202f" + text.slice(-3) + " ms";
}
/* A moment of the run, as finely as the bins are. */
function moment(ns, step_ns) {
	const places = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(Math.max(step_ns, 1)))));
	return (ns / 1e9).toFixed(places) + " s";
}
function percent(part, whole) {
	if (!whole || !part) return "0 %";
	const share = (100 * part) / whole;
	if (share < 0.05) return "<0.1 %";
	return (share > 99.95 && part !== whole ? ">99.9" : share.toFixed(share === 100 ? 0 : 1)) + " %";
}
function level(x) {
	return x.toFixed(2);
}
function plural(n, word) {
	return n.toLocaleString("en") + " " + word + (n === 1 ? "" : /(s|ch)$/.test(word) ? "es" : "s");
}

/* A cell with a figure: what it says is rounded, what it is stands beside it. */
function figure(key, ns, text) {
	return el("td", { class: "n", "data-key": key, "data-ns": ns, title: exact_time(ns) }, text || short_time(ns));
}
function cell(text, cls) {
	return el("td", { class: cls }, text);
}
function swatch(kind) {
	return el("span", { class: "swatch " + kind + "-fill", "aria-hidden": "true" });
}

/* parts: [{kind, ns, label}]: a bar of segments whose widths are their shares. */
function bar(node, parts, total, labels) {
	const room = (p) => node.clientWidth * p.ns / (total || 1) > 7.4 * (p.label.length + percent(p.ns, total).length + 1) + 18;
	put(node, parts.filter((p) => p.ns > 0).map((p) =>
		el("span", { class: p.kind + "-fill" + (p.half ? " half" : ""), grow: p.ns / (total || 1),
			title: p.label + ": " + exact_time(p.ns) + ", " + percent(p.ns, total) },
		labels && room(p) ? el("span", {}, p.label + " " + percent(p.ns, total)) : null)));
}

/* ---- colours ---- */

const colours = {};

/* Reads them from the style sheet; canvases want them as numbers, too. */
function read_colours() {
	const style = getComputedStyle(document.documentElement);
	for (const name of ["ink", "soft", "line", "shade", "card", "parallel", "concurrent", "serial", "idle",
		"unknown", "running", "runnable", "lock", "io", "flight", "parked", "path", "picked", "edge"]) {
		const css = style.getPropertyValue("--" + name).trim();
		colours[name] = { css, pixel: pixel_of(css) };
	}
}
/* #rrggbb as a canvas keeps it: red first in memory. */
function pixel_of(css) {
	const n = /^#[0-9a-f]{6}$/i.test(css) ? parseInt(css.slice(1), 16) : 0;
	return ((255 << 24) | ((n & 255) << 16) | (n & 0xff00) | (n >> 16)) >>> 0;
}

/* The canvas's own size in pixels; its context. */
function fit(canvas) {
	const ratio = Math.min(window.devicePixelRatio || 1, 2);
	const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
	const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
	if (canvas.width !== width || canvas.height !== height) {
		canvas.width = width;
		canvas.height = height;
	}
	return { context: canvas.getContext("2d"), width, height, ratio };
}
