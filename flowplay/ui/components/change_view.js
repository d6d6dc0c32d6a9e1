/**
 * What Python sends of one change of variables.
 * @typedef {Object} Frame
 * @property {number} number  of the last message that Python had seen
 * @property {number} epoch  of the values: a reset begins a new one
 * @property {Dial[]} dials
 * @property {?number[][]} knots  (z, x) of the spline; null for other maps
 * @property {number[]} limits  of the knots: reach and least distance
 * @property {string} rows  base64 of [5, n] float32: z, x, f'(z), p_z(z), p_x(x)
 * @property {number[]} edges  rows at which slices of equal probability end
 * @property {string} bars  base64 of float32 heights over the window of x
 * @property {{z: number[], x: number[], pz: number, px: number, result: number, strip: number[]}} windows
 * @property {Object<string, Tick[]>} ticks
 * @property {string} above  how high the density is where the picture cuts it off, else empty
 * @property {string} exact  integral of p_x, as text
 * @property {string} naive  integral without the slope, as text
 * @property {string} refusal
 * @property {boolean} isCurrent  whether all this is of the values that the sliders show
 * @property {?number} point  the only x, where the map sends every z to one
 * @property {string} alt
 */

const SIDE = 1000; // of every panel, in its own units
const FAR = 20 * SIDE; // what lies further off is drawn here
const TANGENT = 0.09; // half length, as a share of the z axis

class ChangeView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.exchange = new Exchange(this, () => ({
      map: this.frame.map,
      epoch: this.frame.epoch,
      values: this.dials.values(),
      knots: this.knots,
    }));
    this.dials = new Dials(this.find(".dials"), () => this.exchange.changed());
    this.panels = Object.fromEntries(
      ["map", "pz", "px", "result"].map((name) => [name, this.find(`.plot.${name}`)]),
    );
    for (const [name, panel] of Object.entries(this.panels)) {
      panel.addEventListener("pointermove", (event) => this.pointAt(name, event));
      panel.addEventListener("pointerdown", (event) => this.pointAt(name, event));
      panel.addEventListener("keydown", (event) => this.pressKey(event));
    }
  }

  destroy() {
    clearTimeout(this.exchange.timer);
  }

  /** @type {(selector: string) => HTMLElement} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  /** @param {Frame} frame */
  show(frame) {
    const other = this.frame?.map !== frame.map || this.frame.epoch !== frame.epoch;
    if (other) this.exchange.drop();
    const settled = this.exchange.answered(frame.number);
    this.frame = frame;
    const rows = new Float32Array(bytes(frame.rows).buffer);
    const n = rows.length / 5;
    [this.z, this.x, this.slope, this.pz, this.px] = [0, 1, 2, 3, 4].map((i) =>
      rows.subarray(i * n, (i + 1) * n),
    );
    this.dials.show(frame.dials, settled || other);
    if (settled || other || !frame.knots) this.knots = frame.knots;
    this.showKnots();
    this.find(".refusal").textContent = frame.refusal;
    this.root.dataset.exact = frame.exact;
    this.root.dataset.naive = frame.naive;
    this.root.classList.toggle("past", !frame.isCurrent);
    this.find(".plot.result .above").textContent = frame.isCurrent
      ? frame.above
      : frame.point === null
        ? ""
        : "All probability in one point: no density";
    this.find(".legend .exact b").textContent = frame.exact;
    this.find(".legend .naive b").textContent = frame.naive;
    for (const panel of Object.values(this.panels)) panel.setAttribute("aria-label", frame.alt);
    setTicks(this.root, frame.ticks);
    this.drawAll();
    this.row = this.nearest(this.z, this.at ?? this.z[frame.edges[8]]);
    this.readOut();
  }

  /** @type {(z: number) => number} */
  toZ(z) {
    return this.place(z, this.frame.windows.z);
  }

  /** @type {(x: number) => number} */
  toX(x) {
    return this.place(x, this.frame.windows.x);
  }

  /** @type {(value: number, window: number[]) => number} */
  place(value, [low, high]) {
    return Math.min(FAR, Math.max(-FAR, (SIDE * (value - low)) / (high - low)));
  }

  /** @type {(density: number, top: number) => number} */
  height(density, top) {
    return Math.min(FAR, (SIDE * density) / top);
  }

  drawAll() {
    const { windows, edges } = this.frame;
    const all = [...this.z.keys()];
    const zs = all.map((i) => this.toZ(this.z[i]));
    const xs = all.map((i) => this.toX(this.x[i]));
    const up = (values, top) => all.map((i) => SIDE - this.height(values[i], top));
    const base = up(this.pz, windows.pz);
    const exact = up(this.px, windows.result);
    const naive = up(this.pz, windows.result);
    const across = all.map((i) => this.height(this.px[i], windows.px));
    this.slices = edges.slice(1).map((end, i) => all.slice(edges[i], end + 1));
    const shade = (area) => [0, 1].map((odd) => this.odd(area, odd));
    const areas = {
      pz: (rows) => this.area(rows.map((i) => [zs[i], base[i]]), [SIDE, 1]),
      px: (rows) => this.area(rows.map((i) => [across[i], SIDE - xs[i]]), [0, 0]),
      map: (rows) => this.carried(rows.map((i) => [zs[i], SIDE - xs[i]])),
      above: (rows) => this.band(rows, 0),
      between: (rows) => this.band(rows, 1),
      below: (rows) => this.band(rows, 2),
    };
    this.areas = areas;
    for (const [name, area] of Object.entries(areas)) {
      if (name !== "map") shade(area).forEach((path, odd) => this.draw(name, `slice${odd}`, path));
    }
    const cuts = edges.slice(1, -1).map((i) => `M${zs[i]},${SIDE}V${SIDE - xs[i]}H${SIDE}`);
    this.draw("map", "cuts", cuts.join(""));
    this.draw("map", "curve", this.line(all.map((i) => [zs[i], SIDE - xs[i]])));
    this.draw("pz", "curve", this.outline(zs, base));
    this.draw("px", "curve", this.line(all.map((i) => [across[i], SIDE - xs[i]])));
    this.draw("result", "exact", this.outline(xs, exact));
    this.draw("result", "naive", this.outline(xs, naive));
    this.draw("result", "bars", this.bars());
    const { point } = this.frame;
    this.draw("result", "spike", point === null ? "" : `M${this.toX(point)},${SIDE}V0`);
  }

  /** @type {(panel: string, name: string, path: string) => void} */
  draw(panel, name, path) {
    this.find(`svg .${panel} .${name}, svg.${panel} .${name}`).setAttribute("d", path);
  }

  /** @type {(area: (rows: number[]) => string, odd: number) => string} every second slice */
  odd(area, odd) {
    return this.slices.filter((_, i) => i % 2 === odd).map(area).join("");
  }

  /** @type {(points: number[][]) => string} */
  line(points) {
    return points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)},${b.toFixed(1)}`).join("");
  }

  /** @type {(xs: number[], ys: number[]) => string} a curve that begins and ends on the axis */
  outline(xs, ys) {
    const points = xs.map((x, i) => [x, ys[i]]);
    return this.line([[xs[0], SIDE], ...points, [xs.at(-1), SIDE]]);
  }

  /** @type {(points: number[][], axis: number[]) => string} between a curve and an axis */
  area(points, [value, index]) {
    const foot = ([a, b]) => (index ? [a, value] : [value, b]);
    return `${this.line([foot(points[0]), ...points, foot(points.at(-1))])}Z`;
  }

  /** @type {(points: number[][]) => string} up from the base to the curve, then to the right */
  carried(points) {
    const [[a, b], [c, d]] = [points[0], points.at(-1)];
    return (
      `${this.line([[a, SIDE], ...points, [c, SIDE]])}Z` +
      `${this.line([[SIDE, b], ...points, [SIDE, d]])}Z`
    );
  }

  /** @type {(rows: number[], part: number) => string} a slice on the z bar, on its way, as x */
  band(rows, part) {
    const { strip } = this.frame.windows;
    const [z0, z1] = [rows[0], rows.at(-1)].map((i) => this.place(this.z[i], strip));
    const [x0, x1] = [rows[0], rows.at(-1)].map((i) => this.place(this.x[i], strip));
    return [
      `M${z0},0H${z1}V240H${z0}Z`,
      `M${z0},240H${z1}L${x1},760H${x0}Z`,
      `M${x0},760H${x1}V${SIDE}H${x0}Z`,
    ][part];
  }

  bars() {
    const heights = new Float32Array(bytes(this.frame.bars).buffer);
    const wide = SIDE / heights.length;
    return Array.from(heights, (height, i) => {
      const tall = this.height(height, this.frame.windows.result);
      return `M${i * wide},${SIDE}v${-tall}h${wide}v${tall}Z`;
    }).join("");
  }

  showKnots() {
    const box = this.find(".knots");
    const count = this.knots?.length ?? 0;
    while (box.children.length > count) box.lastChild.remove();
    while (box.children.length < count) box.append(this.makeKnot(box.children.length));
    (this.knots ?? []).forEach(([z, x], i) => {
      const knot = box.children[i];
      knot.style.left = `${this.toZ(z) / 10}%`;
      knot.style.bottom = `${this.toX(x) / 10}%`;
      knot.setAttribute("aria-label", `Knot ${i + 1}: z ${signed(z, 2)}, x ${signed(x, 2)}`);
    });
  }

  /** @type {(index: number) => HTMLElement} */
  makeKnot(index) {
    const knot = document.createElement("button");
    Object.assign(knot, { type: "button", title: "Drag me, or use the arrow keys." });
    knot.addEventListener("pointerdown", (event) => {
      knot.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    knot.addEventListener("pointermove", (event) => {
      event.stopPropagation();
      if (!knot.hasPointerCapture(event.pointerId)) return;
      const [a, b] = this.share("map", event);
      const { z, x } = this.frame.windows;
      this.moveKnot(index, z[0] + a * (z[1] - z[0]), x[0] + b * (x[1] - x[0]));
    });
    knot.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const far = event.shiftKey ? 0.25 : 0.05;
      const arrows = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
      const [dz, dx] = arrows[event.key] ?? [0, 0];
      if (!dz && !dx) return;
      event.preventDefault();
      this.moveKnot(index, this.knots[index][0] + dz, this.knots[index][1] + dx);
    });
    return knot;
  }

  /** Move a knot as far as its neighbours and the box let it. */
  moveKnot(index, ...wanted) {
    const [reach, gap] = this.frame.limits;
    const least = this.knots[index - 1]?.map((v) => v + gap) ?? [-reach, -reach];
    const most = this.knots[index + 1]?.map((v) => v - gap) ?? [reach, reach];
    const moved = wanted.map((v, i) => Math.min(most[i], Math.max(least[i], v)));
    this.knots = this.knots.map((knot, i) => (i === index ? moved : knot));
    this.showKnots();
    this.exchange.changed();
  }

  /** @type {(panel: string, event: PointerEvent) => number[]} from the lower left, 0 to 1 */
  share(panel, event) {
    const box = this.panels[panel].getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
  }

  /** @type {(panel: string, event: PointerEvent) => void} */
  pointAt(panel, event) {
    const [a, b] = this.share(panel, event);
    const { z, x } = this.frame.windows;
    const alongX = panel === "px" ? b : a;
    this.setRow(
      panel === "map" || panel === "pz"
        ? this.nearest(this.z, z[0] + a * (z[1] - z[0]))
        : this.nearest(this.x, x[0] + alongX * (x[1] - x[0])),
    );
  }

  /** @param {KeyboardEvent} event  arrows move the cursor by a row, with Shift by eight */
  pressKey(event) {
    const rows = event.shiftKey ? 8 : 1;
    const last = this.z.length - 1;
    const { row } = this;
    const next = { ArrowLeft: row - rows, ArrowRight: row + rows, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.setRow(Math.min(last, Math.max(0, next)));
    this.find(".spoken").textContent = this.find(".formula").textContent;
  }

  /** @type {(values: Float32Array, wanted: number) => number} */
  nearest(values, wanted) {
    let best = 0;
    values.forEach((value, i) => {
      if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
    });
    return best;
  }

  /** @param {number} row */
  setRow(row) {
    this.row = row;
    this.at = this.z[row];
    this.readOut();
  }

  /** Show the cursor in every picture, and its numbers in the formula. */
  readOut() {
    const { row, frame } = this;
    const { windows } = frame;
    const [z, x, slope, pz, px] = [this.z, this.x, this.slope, this.pz, this.px].map((v) => v[row]);
    const [a, b] = [this.toZ(z), SIDE - this.toX(x)];
    const rise = (slope * TANGENT * (windows.z[1] - windows.z[0]) * SIDE) / (windows.x[1] - windows.x[0]);
    const run = TANGENT * SIDE;
    const short = Math.min(1, run / Math.max(1e-9, Math.hypot(run, rise) / 1.6));
    this.draw("map", "hair", `M${a},${SIDE}V${b}H${SIDE}`);
    this.draw("map", "tangent", `M${a - short * run},${b + short * rise}L${a + short * run},${b - short * rise}`);
    this.draw("map", "dot", `M${a},${b}h0`);
    this.draw("pz", "hair", `M${a},0V${SIDE}`);
    this.draw("pz", "dot", `M${a},${SIDE - this.height(pz, windows.pz)}h0`);
    this.draw("px", "hair", `M0,${b}H${SIDE}`);
    this.draw("px", "dot", `M${this.height(px, windows.px)},${b}h0`);
    this.draw("result", "hair", `M${this.toX(x)},0V${SIDE}`);
    this.draw("result", "dot", `M${this.toX(x)},${SIDE - this.height(px, windows.result)}h0`);
    const slice = this.slices[frame.edges.slice(1, -1).filter((edge) => edge <= row).length];
    for (const [name, area] of Object.entries(this.areas)) this.draw(name, "held", area(slice));
    this.write({ z, x, slope, log: Math.log(Math.abs(slope)), pz, px });
  }

  /** @param {Object<string, number>} values */
  write(values) {
    const text = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, digits(value)]),
    );
    const negative = values.slope < 0;
    text.size = negative ? `|${text.slope}|` : text.slope;
    text.logpz = digits(Math.log(values.pz));
    text.logpx = digits(Math.log(values.px));
    text.minus = values.log < 0 ? `(${text.log})` : text.log;
    for (const slot of this.root.querySelectorAll("[data-value]")) {
      slot.textContent = this.frame.isCurrent ? text[slot.dataset.value] : "—";
    }
    this.root.dataset.z = values.z;
  }
}

/** @type {(value: number) => string} four digits, as a person writes them */
function digits(value) {
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return number(value, 3);
  return signed(value, size >= 100 ? 1 : size >= 10 ? 2 : 4);
}

export default mounting(ChangeView);
