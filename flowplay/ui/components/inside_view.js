/**
 * The header of what Python sends: `flowplay.wire.LayerFrames`; its arrays are read beside it.
 * @typedef {Object} Frames
 * @property {string} token  names the training state
 * @property {number} step
 * @property {number[]} window  x_min, x_max, y_min, y_max in which positions are coded
 * @property {number} near  half width that is shown at first
 * @property {number[][]} boxes  of each frame's maps
 * @property {number} layers
 * @property {number[]} states  k of each frame
 * @property {string[]} names  of the layer before each frame
 * @property {(?number)[]} times  of a continuous flow
 * @property {Object<string, Tick[]>} ticks  of the colour bars
 * @property {number} density_scale
 * @property {number} layer_limit
 * @property {number} total_limit
 * @property {number[]} mass
 * @property {?number} round_trip
 * @property {number} unsolved
 * @property {number[][]} base  weight, mean and standard deviation of each of its Gaussians
 * @property {number} base_reach
 */

const POINT_UNITS = 2 ** 14;
const ZOOM = 1.25;
const FINE_LATTICE = 49; // points along its side from which on it can carry the density
const MESH_PIXELS = 256; // along each side of the picture that is drawn from the lattice
const CLOSEST = 1.5; // half width of the closest view, in data units
const UNSOLVED = 255;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
const SLIDER_KEYS = { ArrowLeft: -0.25, ArrowDown: -0.25, ArrowRight: 0.25, ArrowUp: 0.25, PageDown: -1, PageUp: 1 };
const TYPES = { U8: Uint8Array, I8: Int8Array, I16: Int16Array };
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Explanations of layers whose names are not common. */
const KINDS = { standardization: "the fixed scaling to data units (standardization)" };

/** What can fill the picture: which map, its bar, its unit, and what it says. */
const PICTURES = {
  density: { map: "density", bar: "density", unit: "density" },
  layer: { map: "layer_area", bar: "layer", unit: "nats" },
  total: { map: "total_area", bar: "total", unit: "nats" },
  error: { map: "round_trip_map", bar: "error", unit: "|error|" },
  none: { map: null, bar: null, unit: "" },
};

/**
 * Read safetensors whose metadata hold a JSON header, as `flowplay.wire.Packed` writes them.
 * @param {Uint8Array} data
 * @returns {Frames & Object<string, Uint8Array|Int8Array|Int16Array>}
 */
function unpack(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const index = JSON.parse(new TextDecoder().decode(data.subarray(8, 8 + length)));
  const { __metadata__: about, ...arrays } = index;
  const frames = JSON.parse(about.header);
  for (const [name, { dtype, data_offsets: [from, to] }] of Object.entries(arrays)) {
    frames[name] = new TYPES[dtype](data.slice(8 + length + from, 8 + length + to).buffer);
  }
  return frames;
}

/** @type {(a: number, b: number, s: number) => number} */
const mix = (a, b, s) => a + s * (b - a);

/** @type {(k: number) => string} */
const sub = (k) => String(k).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);

/** @type {(half: number) => Tick[]} round values of an axis from -half to half */
function roundTicks(half) {
  const rough = (2 * half) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9));
  const ticks = [];
  for (let i = Math.ceil(-half / step); i <= half / step; i++) {
    ticks.push([(i * step + half) / (2 * half), String(+(i * step).toFixed(6)).replace("-", "−")]);
  }
  return ticks;
}

class InsideView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find(".plot");
    this.context = this.canvas.getContext("2d");
    this.slider = this.find(".way input");
    this.palettes = {
      density: readPalette(this.canvas.dataset.palette),
      signed: readPalette(this.canvas.dataset.diverging),
    };
    this.ending = new AbortController();
    this.direction = "generate";
    this.picture = "density";
    this.shown = { dots: true, grid: true, shade: false };
    /** @type {number} where we are, in frames from the base */
    this.t = null;
    this.half = null;
    this.rasters = new Map();
    this.cursor = null;
    this.ledger = null;
    this.paints = 0;
    this.observer = new ResizeObserver(() => this.paint());
    this.listen();
    this.showPlaying();
  }

  destroy() {
    this.ending.abort();
    this.observer.disconnect();
    this.stop();
  }

  listen() {
    const { canvas, slider } = this;
    const on = (target, type, act) =>
      target.addEventListener(type, act, { signal: this.ending.signal });
    on(slider, "input", () => {
      this.stop();
      this.go(this.fromSlider(Number(slider.value)));
    });
    on(slider, "keydown", (event) => {
      const by = SLIDER_KEYS[event.key];
      if (!by) return;
      event.preventDefault();
      this.stop();
      this.go(this.fromSlider(Number(slider.value) + by));
    });
    on(this.find(".play"), "click", () => (this.playing ? this.stop() : this.play()));
    for (const radio of this.root.querySelectorAll("input[type=radio]")) {
      on(radio, "change", () => this.setDirection(radio.value));
    }
    on(this.find("select"), "change", (event) => {
      this.picture = event.target.value;
      this.describe();
      this.paint();
    });
    for (const box of this.root.querySelectorAll("input[type=checkbox]")) {
      on(box, "change", () => {
        this.shown[box.name] = box.checked;
        this.describe();
        this.paint();
      });
    }
    on(this.find(".closer"), "click", () => this.zoom(1 / ZOOM));
    on(this.find(".further"), "click", () => this.zoom(ZOOM));
    on(canvas, "pointermove", (event) => this.setCursor(this.place(event)));
    on(canvas, "pointerleave", () => this.setCursor(null));
    on(canvas, "blur", () => this.setCursor(null));
    on(canvas, "click", (event) => this.pick(this.place(event)));
    on(canvas, "keydown", (event) => this.pressKey(event));
    hear("ledger", (ledger) => this.follow(ledger), this.ending.signal);
    hear("go to", (where) => this.goToLayer(where), this.ending.signal);
    on(said.voice, "step layer", (event) => this.stepLayer(event));
  }

  /** @param {Uint8Array} data */
  show(data) {
    // Also called when the theme changes, with the same bytes.
    if (data === this.bytes) return this.paint();
    const first = !this.frames;
    this.bytes = data;
    this.frames = unpack(data);
    const { boxes, density, token, near, window: full } = this.frames;
    this.count = boxes.length;
    this.cells = Math.sqrt(density.length / this.count);
    this.errorCells = Math.sqrt(this.frames.round_trip_map.length);
    this.rasters.clear();
    this.scaleDots();
    // The frame stays the same if the new state has as many.
    this.t = first ? this.count - 1 : Math.min(this.t, this.count - 1);
    this.full = full[1];
    this.half = Math.min(this.half ?? near, this.full);
    Object.assign(this.slider, { min: 0, max: this.count - 1, step: 0.01 });
    Object.assign(this.canvas.dataset, { token, frames: this.count });
    this.showTicks();
    // The path of the last ledger stays until the new one comes, so that it does not flicker.
    if (said.last.has("ledger")) this.follow(said.last.get("ledger"));
    if (first) this.observer.observe(this.canvas);
    this.go(this.t);
  }

  /** Positions as numbers of the window, once. */
  scaleDots() {
    const [low, high] = this.frames.window;
    const scale = (high - low) / POINT_UNITS;
    for (const name of ["samples", "data", "lattice"]) {
      this[name] = Float32Array.from(this.frames[name], (unit) => low + unit * scale);
    }
    this.side = Math.sqrt(this.lattice.length / 2 / this.count);
    this.squares = Math.sqrt(this.frames.cell_area.length / this.count);
  }

  /** @type {(value: number) => number} the slider runs the way of the direction */
  fromSlider(value) {
    return this.direction === "generate" ? value : this.count - 1 - value;
  }

  /** @param {string} direction */
  setDirection(direction) {
    this.stop();
    this.direction = direction;
    this.describe();
    this.go(this.t);
  }

  /** @param {{token: string, k: number}} where */
  goToLayer({ token, k }) {
    if (token !== this.frames?.token) return;
    this.stop();
    const { states } = this.frames;
    const away = states.map((state) => Math.abs(state - k));
    this.go(away.indexOf(Math.min(...away)));
  }

  /** @param {number} t  go there, in frames from the base */
  go(t) {
    this.t = Math.min(this.count - 1, Math.max(0, t));
    this.slider.value = this.fromSlider(this.t);
    this.describe();
    this.paint();
    const { token, states } = this.frames;
    say("layer", { token, k: states[Math.round(this.t)] });
  }

  /** @param {CustomEvent} event  with 1 for the next layer on the slider's way, -1 for the one before */
  stepLayer(event) {
    if (!this.frames) return;
    event.preventDefault();
    this.stop();
    const at = this.fromSlider(this.t);
    const next = event.detail > 0 ? Math.floor(at + 1e-6) + 1 : Math.ceil(at - 1e-6) - 1;
    this.go(this.fromSlider(next));
  }

  play() {
    const end = this.count - 1;
    if (this.fromSlider(this.t) >= end - 1e-6) this.go(this.fromSlider(0));
    // Neither too long for many layers nor too short for few.
    const pace = Math.min(1100, Math.max(280, 14000 / end));
    const start = performance.now();
    const from = this.fromSlider(this.t);
    this.playing = true;
    this.showPlaying();
    const tick = (now) => {
      const way = from + (now - start) / pace;
      const steps = reducedMotion.matches ? Math.floor(way) : way;
      this.go(this.fromSlider(Math.min(end, steps)));
      if (steps >= end) this.stop();
      else this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
  }

  stop() {
    cancelAnimationFrame(this.request);
    this.playing = false;
    this.showPlaying();
  }

  showPlaying() {
    const button = this.find(".play");
    button.textContent = this.playing ? "❚❚" : "▶";
    button.title = this.playing ? "Pause" : "Play: move through all layers";
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
  }

  /** @param {number} factor  of the window's width */
  zoom(factor) {
    this.half = Math.min(this.full, Math.max(CLOSEST, this.half * factor));
    this.showTicks();
    this.describe();
    this.paint();
  }

  showTicks() {
    const ticks = roundTicks(this.half);
    setTicks(this.root, { x: ticks, y: ticks });
    this.find(".closer").disabled = this.half <= CLOSEST;
    this.find(".further").disabled = this.half >= this.full;
  }

  /** Say what is shown: the label of the slider, the bar, and the sentence below. */
  describe() {
    const { frames, t, direction } = this;
    if (!frames) return;
    const label = this.whereText();
    this.find(".where").textContent = label;
    this.slider.setAttribute("aria-valuetext", label);
    for (const radio of this.root.querySelectorAll("input[type=radio]")) {
      radio.checked = radio.value === direction;
    }
    Object.assign(this.canvas.dataset, { t: t.toFixed(3), direction });
    this.canvas.setAttribute("aria-label", `${label}. ${this.sentence()}`);
    this.find(".note").textContent = this.sentence();
    this.showBar();
  }

  whereText() {
    const { frames, t, count } = this;
    const { states, names, times, layers } = frames;
    const name = (i) => {
      const z = states[i] === layers ? `z${sub(layers)} = x` : `z${sub(states[i])}`;
      return times[i] === null ? z : `${z}, time ${+times[i].toFixed(3)}`;
    };
    const i = Math.floor(t);
    if (t === i) {
      if (i === 0) return `${name(0)}: the base`;
      const skipped = states[i] - states[i - 1] > 1 ? `layers ${states[i - 1] + 1} to ` : "layer ";
      return `${name(i)}: after ${skipped}${states[i]} of ${layers}, ${KINDS[names[i]] ?? names[i]}`;
    }
    const j = Math.min(i + 1, count - 1);
    const both = times[i] !== null && times[j] !== null;
    const time = both ? `time ${mix(times[i], times[j], t - i).toFixed(3)}, ` : "";
    return `Between z${sub(states[i])} and z${sub(states[j])}: ${time}interpolated`;
  }

  /** What the picture is, and how exact. */
  sentence() {
    const { frames, t, picture, direction, shown } = this;
    const cells = `${this.cells} × ${this.cells} cells`;
    const parts = [];
    const back = direction === "normalize";
    const text = {
      density: `Exact density of z at ${cells}; ${this.massText()} of the probability lies in them.`,
      layer: `log|det| of ${back ? "undoing " : ""}this layer at ${cells}, in nats: orange gains area, blue loses it.`,
      total: `log|det| of all layers so far, from the base, at ${cells}, in nats.`,
      error: `|f(f⁻¹(x)) − x| at ${this.errorCells} × ${this.errorCells} cells around the data, in float32: ${this.errorText()}. It does not depend on the slider.`,
      none: "",
    }[picture];
    if (text) parts.push(text);
    if (frames.unsolved) parts.push(`${frames.unsolved} cells, where a numeric inverse was not solved, are empty.`);
    if (shown.dots) {
      const n = this.samples.length / 2 / this.count;
      const kind = back ? "held-out data that become noise" : "samples that become data";
      parts.push(`${n.toLocaleString("en")} dots: ${kind}${this.outsideText()}.`);
    }
    if (shown.grid || shown.shade) {
      parts.push(`Grid: squares of the base up to ±${frames.base_reach}, mapped by the layers.`);
    }
    if (shown.shade) parts.push("Cells are coloured by log|det| so far: density × area is constant.");
    if (t !== Math.floor(t)) {
      parts.push("Between two layers, positions and colours are interpolated in straight lines: this is not exact.");
    }
    return parts.join(" ");
  }

  massText() {
    return `${(100 * Math.min(1, this.frames.mass[Math.round(this.t)])).toFixed(1)} %`;
  }

  errorText() {
    const worst = this.frames.round_trip;
    return worst === null ? "not solved everywhere on the data" : `at most ${number(worst)} on held-out data`;
  }

  outsideText() {
    const points = this.dotsNow();
    let outside = 0;
    for (let i = 0; i < points.length; i += 2) {
      outside += Math.max(Math.abs(points[i]), Math.abs(points[i + 1])) > this.half;
    }
    const share = (200 * outside) / points.length;
    return share >= 0.5 ? `, ${share.toFixed(0)} % of them outside: zoom out (−)` : "";
  }

  showBar() {
    const shading = this.shown.shade && this.picture !== "layer";
    const key = shading ? "total" : this.picture;
    const { bar, unit } = PICTURES[key];
    this.root.classList.toggle("barless", !bar);
    if (!bar || (this.barShown === key && this.barOf === this.frames)) return;
    this.barShown = key;
    this.barOf = this.frames;
    const palette = key === "layer" || key === "total" ? this.palettes.signed : this.palettes.density;
    const canvas = this.find("canvas.bar");
    canvas.height = palette.length;
    const image = canvas.getContext("2d").createImageData(1, palette.length);
    new Uint32Array(image.data.buffer).set(palette.toReversed());
    canvas.getContext("2d").putImageData(image, 0, 0);
    setTicks(this.root, { bar: this.frames.ticks[bar] });
    this.find(".unit").textContent = unit;
  }

  /** Draw this instant, at the screen's own resolution. */
  paint() {
    const { canvas, context, frames } = this;
    const ratio = window.devicePixelRatio || 1;
    const size = Math.round(canvas.clientWidth * ratio);
    if (!size || !frames) return;
    if (canvas.width !== size) Object.assign(canvas, { width: size, height: size });
    this.ratio = ratio;
    this.i = Math.min(Math.floor(this.t), this.count - 1);
    this.j = Math.min(this.i + 1, this.count - 1);
    this.s = this.t - this.i;
    this.paintMap(size);
    if (this.shown.grid || this.shown.shade) this.paintLattice();
    if (this.shown.dots) this.paintDots();
    if (this.ledger) this.paintLedger();
    if (this.cursor?.byKey) this.ring(this.cursor, 5 * ratio);
    canvas.dataset.paints = ++this.paints;
    context.globalAlpha = 1;
  }

  /** @type {(x: number) => number} data units to device pixels */
  px(x) {
    return ((x + this.half) / (2 * this.half)) * this.canvas.width;
  }

  /** @type {(y: number) => number} */
  py(y) {
    return ((this.half - y) / (2 * this.half)) * this.canvas.height;
  }

  /** @param {number} size  device pixels */
  paintMap(size) {
    const { context, picture, i, j, s } = this;
    context.globalAlpha = 1;
    context.clearRect(0, 0, size, size);
    // Outside its box a density is next to nothing; the other maps are not known there.
    if (picture === "density") {
      context.fillStyle = css(this.palettes.density[0]);
      context.fillRect(0, 0, size, size);
    }
    context.imageSmoothingQuality = "high";
    const map = PICTURES[picture].map;
    if (!map) return;
    if (picture === "error") return this.drawRaster(map, 0, this.frames.boxes.at(-1));
    if (picture === "density" && s > 0 && this.side >= FINE_LATTICE) return this.paintMesh(size);
    const box = this.frames.boxes[i].map((edge, n) => mix(edge, this.frames.boxes[j][n], s));
    this.drawRaster(map, i, box);
    context.globalAlpha = s;
    if (s > 0) this.drawRaster(map, j, box);
    context.globalAlpha = 1;
  }

  /** The density between two layers: each cell of the lattice moves and keeps its probability. */
  paintMesh(size) {
    const { side, i, j, s, frames } = this;
    const [area, limit] = [frames.lattice_area, frames.total_limit];
    const points = side * side;
    const n = MESH_PIXELS;
    this.mesh ??= Object.assign(document.createElement("canvas"), { width: n, height: n });
    const context = this.mesh.getContext("2d");
    const image = context.createImageData(n, n);
    const pixels = new Uint32Array(image.data.buffer).fill(this.palettes.density[0]);
    const [x, y, code] = [0, 1, 2].map(() => new Float32Array(points));
    const scale = n / (2 * this.half);
    for (let at = 0; at < points; at++) {
      x[at] = (this.between(this.lattice, 2 * at) + this.half) * scale;
      y[at] = (this.half - this.between(this.lattice, 2 * at + 1)) * scale;
      const u = mix(-frames.base_reach, frames.base_reach, (at % side) / (side - 1));
      const v = mix(-frames.base_reach, frames.base_reach, Math.floor(at / side) / (side - 1));
      const grown = (mix(area[i * points + at], area[j * points + at], s) * limit) / 127;
      const density = baseDensity(frames, u, v) * Math.exp(-grown);
      code[at] = 255 * Math.sqrt(Math.min(1, density / frames.density_scale));
    }
    const draw = (a, b, c) => fillTriangle(pixels, n, this.palettes.density, x, y, code, a, b, c);
    for (let row = 0; row + 1 < side; row++) {
      for (let at = row * side; at < row * side + side - 1; at++) {
        draw(at, at + 1, at + side);
        draw(at + 1, at + side + 1, at + side);
      }
    }
    context.putImageData(image, 0, 0);
    this.context.drawImage(this.mesh, 0, 0, size, size);
  }

  /**
   * @param {string} map  name of its array
   * @param {number} frame
   * @param {number[]} box  where to draw it
   */
  drawRaster(map, frame, [left, right, bottom, top]) {
    const x = this.px(left);
    const y = this.py(top);
    this.context.drawImage(this.raster(map, frame), x, y, this.px(right) - x, this.py(bottom) - y);
  }

  /** @returns {HTMLCanvasElement} a frame's map, one pixel a cell, highest y first; made once */
  raster(map, frame) {
    const back = map === "layer_area" && this.direction === "normalize";
    const key = `${map} ${frame} ${back}`;
    if (!this.rasters.has(key)) {
      const n = map === "round_trip_map" ? this.errorCells : this.cells;
      const codes = this.frames[map].subarray(frame * n * n, (frame + 1) * n * n);
      const signed = codes instanceof Int8Array;
      const palette = signed ? this.palettes.signed : this.palettes.density;
      const canvas = Object.assign(document.createElement("canvas"), { width: n, height: n });
      const image = canvas.getContext("2d").createImageData(n, n);
      const pixels = new Uint32Array(image.data.buffer);
      for (let row = 0; row < n; row++) {
        for (let column = 0; column < n; column++) {
          const code = codes[row * n + column];
          const unsolved = map === "round_trip_map" && code === UNSOLVED;
          const at = signed ? (back ? -code : code) + 127 : code;
          pixels[(n - 1 - row) * n + column] = unsolved ? 0 : palette[at];
        }
      }
      canvas.getContext("2d").putImageData(image, 0, 0);
      this.rasters.set(key, canvas);
    }
    return this.rasters.get(key);
  }

  /** @type {(positions: Float32Array, at: number) => number} between the two frames */
  between(positions, at) {
    const size = positions.length / this.count;
    return mix(positions[this.i * size + at], positions[this.j * size + at], this.s);
  }

  /** @returns {Float32Array} positions [n, 2] at this instant */
  dotsNow() {
    const positions = this.direction === "generate" ? this.samples : this.data;
    const size = positions.length / this.count;
    const i = Math.min(Math.floor(this.t), this.count - 1);
    const j = Math.min(i + 1, this.count - 1);
    const now = new Float32Array(size);
    for (let n = 0; n < size; n++) {
      now[n] = mix(positions[i * size + n], positions[j * size + n], this.t - i);
    }
    return now;
  }

  paintLattice() {
    const { context, side, squares, ratio } = this;
    const step = (side - 1) / squares;
    const at = (row, column) => 2 * (row * side + column);
    const point = (row, column) => [
      this.px(this.between(this.lattice, at(row, column))),
      this.py(this.between(this.lattice, at(row, column) + 1)),
    ];
    if (this.shown.shade) {
      context.globalAlpha = 0.92;
      for (let row = 0; row < squares; row++) {
        for (let column = 0; column < squares; column++) {
          context.fillStyle = css(this.palettes.signed[127 + Math.round(this.squareCode(row, column))]);
          context.beginPath();
          for (const [r, c] of this.outline(row, column, step)) context.lineTo(...point(r, c));
          context.fill();
        }
      }
    }
    if (!this.shown.grid) return;
    const dark = this.picture === "density" || this.picture === "error";
    context.strokeStyle = this.shown.shade ? "#10182a" : dark ? "#ffffff" : this.lineColor();
    context.globalAlpha = 0.5;
    context.lineWidth = 0.8 * ratio;
    context.beginPath();
    for (let line = 0; line < side; line += step) {
      for (let n = 0; n < side; n++) {
        context[n ? "lineTo" : "moveTo"](...point(line, n));
      }
      for (let n = 0; n < side; n++) {
        context[n ? "lineTo" : "moveTo"](...point(n, line));
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  /** @type {(row: number, column: number) => number} code of a lattice cell's log-area, now */
  squareCode(row, column) {
    const codes = this.frames.cell_area;
    const size = codes.length / this.count;
    const at = row * this.squares + column;
    return mix(codes[this.i * size + at], codes[this.j * size + at], this.s);
  }

  /** @returns {number[][]} rows and columns of the lattice around one of its cells */
  outline(row, column, step) {
    const [top, left] = [row * step, column * step];
    const around = [];
    for (let n = 0; n < step; n++) around.push([top, left + n]);
    for (let n = 0; n < step; n++) around.push([top + n, left + step]);
    for (let n = 0; n < step; n++) around.push([top + step, left + step - n]);
    for (let n = 0; n < step; n++) around.push([top + step - n, left]);
    return around;
  }

  paintDots() {
    const { context, ratio } = this;
    const points = this.dotsNow();
    // Many dots on little room would hide the density: they are small, and shine through.
    const radius = ratio * Math.min(1.6, Math.max(0.9, this.canvas.clientWidth / 480));
    context.beginPath();
    for (let n = 0; n < points.length; n += 2) {
      const x = this.px(points[n]);
      const y = this.py(points[n + 1]);
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    const style = this.canvas.dataset;
    context.strokeStyle = style.outline;
    context.globalAlpha = 0.6;
    context.lineWidth = 0.6 * ratio;
    context.stroke();
    context.globalAlpha = 0.75;
    context.fillStyle = style.orange;
    context.fill();
    context.globalAlpha = 1;
  }

  /** The chosen point: its path, where it is now, and what this layer makes of a small circle. */
  paintLedger() {
    const { context, ratio, frames, i, j, s, ledger } = this;
    const path = frames.states.map((k) => ledger.states[k]);
    for (const [color, line] of [["#10182a", 4], ["#ffffff", 2]]) {
      context.strokeStyle = color;
      context.lineWidth = line * ratio;
      context.beginPath();
      for (const [x, y] of path) context.lineTo(this.px(x), this.py(y));
      context.stroke();
    }
    for (const [x, y] of path) this.disc([x, y], 2.5 * ratio, "#ffffff");
    const now = path[i].map((coordinate, n) => mix(coordinate, path[j][n], s));
    const { matrix, part } = this.stretch();
    if (matrix) {
      this.ellipse(now, [[1, 0], [0, 1]], true);
      const grown = matrix.map((row, r) => row.map((value, c) => mix(r === c ? 1 : 0, value, part)));
      this.ellipse(now, grown, false);
    }
    this.disc(now, 5 * ratio, this.canvas.dataset.orange);
  }

  /** @returns {{matrix: ?number[][], part: number}} the Jacobian on the way, and how far along */
  stretch() {
    const { i, j, s, direction } = this;
    const last = this.count - 1;
    if (direction === "generate") {
      const [from, to, part] = s > 0 ? [i, j, s] : [i - 1, i, 1];
      return { matrix: from < 0 ? null : this.jacobian(from, to), part };
    }
    const [from, to, part] = s > 0 ? [i, j, 1 - s] : [i, i + 1, 1];
    return { matrix: to > last ? null : inverted(this.jacobian(from, to)), part };
  }

  /** @returns {number[][]} dz_to/dz_from of two frames at the chosen point */
  jacobian(from, to) {
    const { states } = this.frames;
    let product = [[1, 0], [0, 1]];
    for (let k = states[from]; k < states[to]; k++) {
      product = times(this.ledger.jacobians[k], product);
    }
    return product;
  }

  ellipse([x, y], [[a, b], [c, d]], dashed) {
    const { context, ratio, half } = this;
    const radius = half / 14;
    context.beginPath();
    for (let n = 0; n <= 64; n++) {
      const [u, v] = [radius * Math.cos((n * Math.PI) / 32), radius * Math.sin((n * Math.PI) / 32)];
      context.lineTo(this.px(x + a * u + b * v), this.py(y + c * u + d * v));
    }
    context.setLineDash(dashed ? [4 * ratio, 4 * ratio] : []);
    for (const [color, line] of [["#10182a", 4], [dashed ? "#ffffff" : this.canvas.dataset.orange, 2]]) {
      context.strokeStyle = color;
      context.lineWidth = line * ratio;
      context.stroke();
    }
    context.setLineDash([]);
  }

  disc([x, y], radius, color) {
    const { context, ratio } = this;
    context.beginPath();
    context.arc(this.px(x), this.py(y), radius, 0, 2 * Math.PI);
    context.fillStyle = color;
    context.strokeStyle = "#10182a";
    context.lineWidth = 1.5 * ratio;
    context.stroke();
    context.fill();
  }

  ring({ x, y }, radius) {
    const { context, ratio } = this;
    context.beginPath();
    context.arc(this.px(x), this.py(y), radius, 0, 2 * Math.PI);
    for (const [color, line] of [["black", 3], ["white", 1.5]]) {
      context.strokeStyle = color;
      context.lineWidth = line * ratio;
      context.stroke();
    }
  }

  /** @returns {string} of lines on a light map, or on the page itself */
  lineColor() {
    return this.picture === "none" ? getComputedStyle(this.root).color : "#10182a";
  }

  /** @param {{token: string, states: number[][], jacobians: number[][][]}} ledger */
  follow(ledger) {
    if (!this.frames) return;
    if (ledger.states && ledger.token === this.frames.token) this.ledger = ledger;
    else if (!ledger.states && ledger.token === this.ledger?.token) this.ledger = null;
    else return;
    this.canvas.dataset.path = this.ledger ? this.ledger.states.length : 0;
    this.paint();
  }

  /** @param {PointerEvent} event @returns {{x: number, y: number}} in data units */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * 2 * this.half - this.half,
      y: this.half - ((event.clientY - box.top) / box.height) * 2 * this.half,
    };
  }

  /** @param {{x: number, y: number}} place  choose the point of the nearest layer that is here */
  pick({ x, y }) {
    if (!this.setStateValue) return; // an export has nobody to ask
    this.stop();
    this.go(Math.round(this.t));
    // A state, not a trigger: a trigger that meets a page just being drawn anew would be lost.
    const at = { token: this.frames.token, k: this.frames.states[this.t], x, y };
    this.setStateValue("point", { ...at, sent: Date.now() });
  }

  /** @param {KeyboardEvent} event  arrows move, Enter chooses, Escape ends */
  pressKey(event) {
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") this.setCursor(null);
    if (event.key === "Enter") this.pick(this.cursor ?? { x: 0, y: 0 });
    if (!arrow) return;
    event.preventDefault();
    const { x, y } = this.cursor ?? { x: 0, y: 0 };
    const step = (this.half / 50) * (event.shiftKey ? 5 : 1);
    const clamp = (value) => Math.min(this.half, Math.max(-this.half, value));
    this.setCursor({ x: clamp(x + step * arrow[0]), y: clamp(y + step * arrow[1]), byKey: true });
    this.find(".spoken").textContent = this.find(".readout").textContent;
  }

  /** @param {?{x: number, y: number}} place */
  setCursor(place) {
    const redraw = this.cursor?.byKey || place?.byKey;
    this.cursor = place;
    this.find(".readout").textContent = place && this.frames ? this.readText(place) : "";
    if (redraw) this.paint();
  }

  /** @returns {string} what the nearest frame says at a place, as exact as 8 bits are */
  readText({ x, y }) {
    const frame = Math.round(this.t);
    const place = `x₁ = ${signed(x, 2)}, x₂ = ${signed(y, 2)}`;
    const shaded = this.shown.shade ? this.squareText(x, y, frame) : "";
    if (shaded) return `${place}: ${shaded}`;
    const { map } = PICTURES[this.picture];
    if (!map) return place;
    const error = this.picture === "error";
    const at = error ? this.count - 1 : frame;
    const cells = error ? this.errorCells : this.cells;
    const [left, right, bottom, top] = this.frames.boxes[at];
    const column = Math.floor(((x - left) / (right - left)) * cells);
    const row = Math.floor(((y - bottom) / (top - bottom)) * cells);
    if (Math.min(row, column) < 0 || Math.max(row, column) >= cells) {
      return `${place}: outside the cells that were computed`;
    }
    const code = this.frames[map][(error ? 0 : frame * cells ** 2) + row * cells + column];
    return `${place}: ${this.valueText(code)} at z${sub(this.frames.states[at])}`;
  }

  /** @param {number} code  of the picture that is shown */
  valueText(code) {
    const { frames, picture, direction } = this;
    if (picture === "density") {
      const density = number((code / 255) ** 2 * frames.density_scale);
      return `density ${code === 255 ? "≥" : "≈"} ${density}`;
    }
    if (picture === "error") {
      return code === UNSOLVED ? "not solved" : `|error| ≈ ${number(10 ** (-8 + (8 * code) / 254), 1)}`;
    }
    const limit = picture === "layer" ? frames.layer_limit : frames.total_limit;
    const sign = picture === "layer" && direction === "normalize" ? -1 : 1;
    const beyond = Math.abs(code) === 127 ? "beyond" : "≈";
    return `log|det| ${beyond} ${signed((sign * code * limit) / 127, 2)} nats`;
  }

  /** @returns {string} density times area of the lattice cell at a place, beside the base's */
  squareText(x, y, frame) {
    const { side, squares } = this;
    const step = (side - 1) / squares;
    const size = this.lattice.length / this.count;
    const corner = (f, [r, c]) => {
      const at = f * size + 2 * (r * side + c);
      return [this.lattice[at], this.lattice[at + 1]];
    };
    const codes = this.frames.cell_area;
    for (let row = 0; row < squares; row++) {
      for (let column = 0; column < squares; column++) {
        const around = this.outline(row, column, step).map((place) => corner(frame, place));
        if (!inside(around, x, y)) continue;
        const width = (2 * this.frames.base_reach) / squares;
        const [u, v] = [column, row].map((n) => -this.frames.base_reach + (n + 0.5) * width);
        const base = baseDensity(this.frames, u, v);
        const code = codes[frame * squares ** 2 + row * squares + column];
        const growth = Math.exp((code * this.frames.total_limit) / 127);
        const area = polygonArea(around);
        const density = base / growth;
        return `density ${brief(density)} × area ${brief(area)} = ${brief(density * area)}; in the base ${brief(base * width * width)}`;
      }
    }
    return "";
  }
}

/** @returns {number} the density of the base at (u, v) */
function baseDensity(frames, u, v) {
  let density = 0;
  for (const [weight, x, y, std] of frames.base) {
    const square = ((u - x) ** 2 + (v - y) ** 2) / std ** 2;
    density += (weight * Math.exp(-square / 2)) / (2 * Math.PI * std ** 2);
  }
  return density;
}

/** Fill a triangle of the points a, b, c with colours of codes that run evenly between theirs. */
function fillTriangle(pixels, n, palette, x, y, code, a, b, c) {
  const det = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a]);
  if (Math.abs(det) < 1e-9) return;
  const left = Math.max(0, Math.ceil(Math.min(x[a], x[b], x[c]) - 0.5));
  const right = Math.min(n - 1, Math.floor(Math.max(x[a], x[b], x[c]) + 0.5));
  const top = Math.max(0, Math.ceil(Math.min(y[a], y[b], y[c]) - 0.5));
  const bottom = Math.min(n - 1, Math.floor(Math.max(y[a], y[b], y[c]) + 0.5));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x[a];
      const py = row + 0.5 - y[a];
      const p = (px * (y[c] - y[a]) - py * (x[c] - x[a])) / det;
      const q = (py * (x[b] - x[a]) - px * (y[b] - y[a])) / det;
      // A little over the edge, so that no seam is left between neighbours.
      if (p < -1e-3 || q < -1e-3 || p + q > 1.001) continue;
      const value = code[a] + p * (code[b] - code[a]) + q * (code[c] - code[a]);
      pixels[row * n + column] = palette[Math.min(255, Math.max(0, Math.round(value)))];
    }
  }
}

/** @type {(pixel: number) => string} */
const css = (pixel) => `rgb(${pixel & 255},${(pixel >> 8) & 255},${(pixel >> 16) & 255})`;

/** @type {(value: number) => string} */
const brief = (value) => number(value);

/** @type {(a: number[][], b: number[][]) => number[][]} */
const times = (a, b) => a.map((row) => b[0].map((_, c) => row[0] * b[0][c] + row[1] * b[1][c]));

/** @type {(m: number[][]) => number[][]} */
function inverted([[a, b], [c, d]]) {
  const det = a * d - b * c;
  return [[d / det, -b / det], [-c / det, a / det]];
}

/** @type {(around: number[][], x: number, y: number) => boolean} */
function inside(around, x, y) {
  let odd = false;
  for (let n = 0, m = around.length - 1; n < around.length; m = n++) {
    const [[ax, ay], [bx, by]] = [around[n], around[m]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

/** @type {(around: number[][]) => number} */
function polygonArea(around) {
  let twice = 0;
  for (let n = 0, m = around.length - 1; n < around.length; m = n++) {
    twice += around[m][0] * around[n][1] - around[n][0] * around[m][1];
  }
  return Math.abs(twice) / 2;
}

export default mounting(InsideView);
