/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lanes.js - pictures of series over time: stacks of columns, the axis, the critical path.
 *
 * Owns:     pixels. A column of a picture shows the bins that begin in it, and at least the one it lies in:
 *
 *   bins     |--|--|--|--|--|--|--|--|        zoomed out: several bins a column, each in exactly one
 *   columns  |     |     |     |     |
 *
 * Must not: know what is selected or how the view is moved (timeline.js).
 */

/* The six kinds of state that a lane tells apart, from the bottom up. */
const LANE_KINDS = [
	["running", "on a CPU"], ["runnable", "ready, no CPU"], ["lock", "waits for a lock"],
	["io", "waits: disk, socket, pipe, memory"], ["parked", "parked: waits for work or time"],
	["unknown", "not known: events were lost"],
];

function kind_of_state(name, parked) {
	if (name === "running" || name === "runnable" || name === "unknown") return name;
	if (name === "lock" || name === "handoff" || name === "kernel_lock") return "lock";
	return parked.has(name) ? "parked" : "io";
}

/* Sums of several series are one series. */
function add_series(list, length) {
	if (list.length === 1) return list[0];
	const sum = new Float64Array(length);
	for (const one of list) for (let i = 0; i < length; i++) sum[i] += one[i];
	return sum;
}

/* First and last bin of each column: 2 numbers a column. All lanes of a frame have the same. */
const last_columns = { view: null, width: 0, columns: null };

function columns_of(view, grid, width) {
	if (last_columns.view === view && last_columns.width === width) return last_columns.columns;
	const columns = find_columns(view, grid, width);
	Object.assign(last_columns, { view, width, columns });
	return columns;
}
function find_columns(view, grid, width) {
	const columns = new Int32Array(2 * width);
	const per = (view.to - view.from) / width;
	for (let x = 0; x < width; x++) {
		const a = grid.bin_at(view.from + x * per);
		const b = Math.floor((view.from + (x + 1) * per) / grid.bin_ns);
		columns[2 * x] = a;
		columns[2 * x + 1] = Math.min(grid.bins, Math.max(a + 1, b));
	}
	return columns;
}

/* A canvas's own, cleared: to make one for each frame costs more than to draw. */
const images = new WeakMap();

function blank_image(canvas, context, width, height) {
	let image = images.get(canvas);
	if (image && image.width === width && image.height === height) {
		image.data.fill(0);
		return image;
	}
	image = context.createImageData(width, height);
	images.set(canvas, image);
	return image;
}

/* layers: [{sums, pixel}], bottom first; a column is as high as their sums over its time come to, of `most`. */
function draw_stack(canvas, layers, grid, view, most) {
	const { context, width, height } = fit(canvas);
	const columns = columns_of(view, grid, width), span = grid.count("span");
	const image = blank_image(canvas, context, width, height);
	const pixels = new Uint32Array(image.data.buffer);
	for (let x = 0; x < width; x++) {
		const a = columns[2 * x], b = columns[2 * x + 1];
		const scale = height / ((span[b] - span[a]) * most);
		let done = 0, sum = 0;
		for (const layer of layers) {
			const ns = layer.sums[b] - layer.sums[a];
			if (!ns) continue;
			sum += ns;
			/* What is there is seen, if only as a line. */
			const end = Math.min(height, Math.max(Math.round(sum * scale), done ? done : 1));
			for (let y = done; y < end; y++) pixels[(height - 1 - y) * width + x] = layer.pixel;
			done = end;
		}
	}
	context.putImageData(image, 0, 0);
}

/* A dashed line at a level, and the number of it. */
function draw_level(canvas, value, most, text) {
	const { context, width, height, ratio } = fit(canvas);
	const y = Math.max(ratio, Math.round(height * (1 - value / most)));
	context.strokeStyle = context.fillStyle = colours.ink.css;
	context.setLineDash([4 * ratio, 4 * ratio]);
	context.lineWidth = ratio;
	context.globalAlpha = 0.6;
	context.beginPath();
	context.moveTo(0, y);
	context.lineTo(width, y);
	context.stroke();
	context.setLineDash([]);
	context.globalAlpha = 1;
	context.font = 11 * ratio + "px system-ui, sans-serif";
	context.textBaseline = y > 14 * ratio ? "bottom" : "top";
	const room = context.measureText(text).width + 8 * ratio;
	context.globalAlpha = 0.85;
	context.fillStyle = colours.card.css;
	context.fillRect(4 * ratio, y > 14 * ratio ? y - 15 * ratio : y + ratio, room, 14 * ratio);
	context.globalAlpha = 1;
	context.fillStyle = colours.ink.css;
	context.fillText(text, 8 * ratio, y > 14 * ratio ? y - ratio : y + 2 * ratio);
}

/* A round step so that marks have room: 1, 2 or 5 times a power of ten. */
function axis_step(span_ns, marks) {
	const least = span_ns / Math.max(1, marks);
	const power = 10 ** Math.floor(Math.log10(least));
	for (const times of [1, 2, 5, 10]) if (power * times >= least) return power * times;
	return power * 10;
}

function draw_axis(canvas, view, start_ns) {
	const { context, width, height, ratio } = fit(canvas);
	const step = axis_step(view.to - view.from, width / ratio / 110);
	context.clearRect(0, 0, width, height);
	context.fillStyle = colours.soft.css;
	context.strokeStyle = colours.line.css;
	context.font = 11.5 * ratio + "px system-ui, sans-serif";
	context.textBaseline = "middle";
	for (let t = Math.ceil((view.from + start_ns) / step) * step; t <= view.to + start_ns; t += step) {
		const x = ((t - start_ns - view.from) / (view.to - view.from)) * width;
		context.fillRect(Math.round(x), height - 5 * ratio, ratio, 5 * ratio);
		const text = moment(t, step);
		if (x + 4 * ratio + context.measureText(text).width < width) context.fillText(text, x + 4 * ratio, height / 2);
	}
}

/* Triangles that point down at moments of a lane. */
function draw_marks(context, points, ratio) {
	context.fillStyle = colours.lock.css;
	for (const { x, y } of points) {
		context.beginPath();
		context.moveTo(x - 4 * ratio, y - 1 * ratio);
		context.lineTo(x + 4 * ratio, y - 1 * ratio);
		context.lineTo(x, y + 6 * ratio);
		context.fill();
	}
}

/* The path: a line along the lane it is on, and where it changes over to another one a thin one across. */
function draw_path(context, points, ratio) {
	/* Where it changes over all the time, lines across would hide the lanes. */
	const many = points.filter((p, i) => p && points[i + 1] && points[i + 1].y !== p.y).length > 100;
	context.fillStyle = colours.path.css;
	for (let i = 0; i + 1 < points.length; i++) {
		const p = points[i], next = points[i + 1];
		if (!p) continue;
		context.globalAlpha = 1;
		context.fillRect(p.x, p.y - 1.5 * ratio, Math.max(1, next ? next.x - p.x : ratio), 3 * ratio);
		if (!next || next.y === p.y || many) continue;
		context.globalAlpha = 0.3;
		context.fillRect(next.x, Math.min(p.y, next.y), ratio, Math.abs(next.y - p.y));
	}
	context.globalAlpha = 1;
}
