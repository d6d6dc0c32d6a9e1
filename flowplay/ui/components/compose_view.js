/**
 * What Python sends of one stack of maps.
 * @typedef {Object} Frame
 * @property {number} number  of the last message that Python had seen
 * @property {string} base
 * @property {string[][]} maps  name and label of all there are
 * @property {number} most  maps
 * @property {{map: string, dials: Dial[]}[]} steps
 * @property {number} drawn  maps that are drawn, K
 * @property {string} rows  base64 of float64: z_0 … z_K, p_0 … p_K, K log-slopes, log p_0 and
 *   log p_K, and the log-slope of the whole; each [n]
 * @property {number[]} edges  rows at which slices of equal probability end
 * @property {number[][]} windows  of z_0 … z_K
 * @property {number[]} tops  of p_0 … p_K
 * @property {Tick[][]} ticks
 * @property {string} refusal
 * @property {string} alt
 */

const SIDE = 1000; // of every panel, in its own units
const PICTURE = `
  <div class="plot" role="img" tabindex="0" aria-describedby="hint">
    <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
      <path class="slice0"></path><path class="slice1"></path><path class="held"></path>
      <path class="hair"></path><path class="curve"></path><path class="dot"></path>
    </svg>
    <span class="name"></span>
  </div>
  <div class="x ticks" aria-hidden="true"></div>`;
const EDITOR = `
  <div class="editor">
    <label class="choice"><span></span><select title="Which map this is."></select></label>
    <button type="button" class="remove" title="Remove this map.">Remove</button>
    <div class="dials"></div>
    <span class="slope"></span>
  </div>`;

class ComposeView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".steps");
    /** @type {{map: string, values: Object<string, number>}[]} what is set now */
    this.steps = [];
    this.editors = [];
    this.exchange = new Exchange(this, () => ({ steps: this.steps }));
    root.querySelector(".add").addEventListener("click", () => {
      this.change([...this.steps, { map: "affine", values: { a: 1.5, b: 0 } }]);
    });
  }

  destroy() {
    clearTimeout(this.exchange.timer);
  }

  /** @param {Object[]} steps */
  change(steps) {
    this.steps = steps;
    this.exchange.changed();
  }

  /** @param {Frame} frame */
  show(frame) {
    const settled = this.exchange.answered(frame.number);
    this.frame = frame;
    const values = new Float64Array(bytes(frame.rows).buffer);
    const k = frame.drawn;
    const n = values.length / (3 * k + 5);
    const row = (i) => values.subarray(i * n, (i + 1) * n);
    this.states = Array.from({ length: k + 1 }, (_, i) => row(i));
    this.densities = Array.from({ length: k + 1 }, (_, i) => row(k + 1 + i));
    this.slopes = Array.from({ length: k }, (_, i) => row(2 * k + 2 + i));
    [this.first, this.last, this.once] = [0, 1, 2].map((i) => row(3 * k + 2 + i));
    if (settled) {
      this.steps = frame.steps.map(({ map, dials }) => ({
        map,
        values: Object.fromEntries(dials.map(({ name, value }) => [name, value])),
      }));
    }
    this.root.querySelector(".refusal").textContent = frame.refusal;
    this.root.querySelector(".add").disabled = frame.steps.length >= frame.most;
    this.match(frame.steps.length + 1);
    frame.steps.forEach((step, i) => this.showEditor(this.list.children[i + 1], i, step, settled));
    this.rows = [...this.list.children].slice(0, k + 1);
    this.rows.forEach((item, i) => this.showDensity(item, i));
    const at = this.at ?? this.states[0][frame.edges[8]];
    this.setRow(this.nearest(this.states[0], at));
  }

  /** @param {number} count  of rows: the base and the maps */
  match(count) {
    while (this.list.children.length > count) this.list.lastChild.remove();
    while (this.list.children.length < count) {
      const index = this.list.children.length;
      const item = document.createElement("li");
      item.innerHTML = (index ? EDITOR : '<div class="editor base"></div>') + PICTURE;
      const plot = item.querySelector(".plot");
      plot.addEventListener("pointermove", (event) => this.pointAt(index, plot, event));
      plot.addEventListener("pointerdown", (event) => this.pointAt(index, plot, event));
      plot.addEventListener("keydown", (event) => this.pressKey(event));
      this.list.append(item);
      if (index) this.makeEditor(item, index - 1);
    }
  }

  /** @type {(item: HTMLElement, i: number) => void} */
  makeEditor(item, i) {
    const select = item.querySelector("select");
    select.append(...this.frame.maps.map(([name, label]) => new Option(label, name)));
    select.addEventListener("change", () => {
      this.change(this.steps.map((step, j) => (j === i ? { map: select.value } : step)));
    });
    item.querySelector(".remove").addEventListener("click", () => {
      this.change(this.steps.filter((_, j) => j !== i));
    });
    this.editors[i] = new Dials(item.querySelector(".dials"), () => {
      const values = this.editors[i].values();
      this.change(this.steps.map((step, j) => (j === i ? { ...step, values } : step)));
    });
  }

  /** @type {(item: HTMLElement, i: number, step: Object, settled: boolean) => void} */
  showEditor(item, i, step, settled) {
    const select = item.querySelector("select");
    item.querySelector(".choice span").textContent = `Map ${i + 1}`;
    item.querySelector(".remove").disabled = this.frame.steps.length < 2;
    if (settled) select.value = step.map;
    this.editors[i].show(step.dials, settled);
  }

  /** @type {(item: HTMLElement, k: number) => void} */
  showDensity(item, k) {
    const { edges, tops, windows, ticks, alt, base, drawn } = this.frame;
    const xs = Array.from(this.states[k], (value) => this.place(value, windows[k]));
    const ys = Array.from(this.densities[k], (p) => SIDE * (1 - Math.min(3, p / tops[k])));
    const area = (from, to) => {
      const points = xs.slice(from, to + 1).map((x, i) => `L${x.toFixed(1)},${ys[from + i].toFixed(1)}`);
      return `M${xs[from].toFixed(1)},${SIDE}${points.join("")}V${SIDE}Z`;
    };
    const slices = edges.slice(1).map((end, i) => area(edges[i], end));
    item.slices = slices;
    item.xs = xs;
    item.ys = ys;
    item.classList.toggle("from", k === 0);
    for (const odd of [0, 1]) this.draw(item, `slice${odd}`, slices.filter((_, i) => i % 2 === odd).join(""));
    this.draw(item, "curve", area(0, xs.length - 1).replace("Z", ""));
    item.querySelector(".name").textContent = ["base, z₀", ...Array(drawn - 1).fill("z")][k] ?? "x";
    if (k > 0 && k < drawn) item.querySelector(".name").textContent = `z${"₀₁₂₃₄₅₆"[k]}`;
    if (k === drawn) item.querySelector(".name").textContent = `z${"₀₁₂₃₄₅₆"[k]} = x`;
    if (k === 0) item.querySelector(".base").textContent = `Base: ${base}`;
    item.querySelector(".plot").setAttribute("aria-label", alt);
    setTicks(item, { x: ticks[k] });
  }

  /** @type {(value: number, window: number[]) => number} */
  place(value, [low, high]) {
    return Math.min(3 * SIDE, Math.max(-2 * SIDE, (SIDE * (value - low)) / (high - low)));
  }

  /** @type {(item: HTMLElement, name: string, path: string) => void} */
  draw(item, name, path) {
    item.querySelector(`path.${name}`).setAttribute("d", path);
  }

  /** @type {(k: number, plot: HTMLElement, event: PointerEvent) => void} */
  pointAt(k, plot, event) {
    if (k > this.frame.drawn) return;
    const { left, width } = plot.getBoundingClientRect();
    const [low, high] = this.frame.windows[k];
    const wanted = low + ((event.clientX - left) / width) * (high - low);
    this.setRow(this.nearest(this.states[k], wanted));
  }

  /** @type {(values: Float64Array, wanted: number) => number} */
  nearest(values, wanted) {
    let best = 0;
    values.forEach((value, i) => {
      if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
    });
    return best;
  }

  /** @param {KeyboardEvent} event  arrows move the cursor by a row, with Shift by eight */
  pressKey(event) {
    const rows = event.shiftKey ? 8 : 1;
    const last = this.once.length - 1;
    const next = { ArrowLeft: this.row - rows, ArrowRight: this.row + rows, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.setRow(Math.min(last, Math.max(0, next)));
    this.root.querySelector(".spoken").textContent = this.root.querySelector(".formula").textContent;
  }

  /** @param {number} row  where the cursor stands in every picture */
  setRow(row) {
    this.row = row;
    this.at = this.states[0][row];
    const slice = this.frame.edges.slice(1, -1).filter((edge) => edge <= row).length;
    const six = (value) => signed(value, 6);
    this.rows.forEach((item, k) => {
      this.draw(item, "hair", `M${item.xs[row]},0V${SIDE}`);
      this.draw(item, "dot", `M${item.xs[row]},${item.ys[row]}h0`);
      this.draw(item, "held", item.slices[slice]);
      const slope = item.querySelector(".slope");
      if (slope) slope.textContent = `log|f′| = ${six(this.slopes[k - 1][row])}`;
    });
    const parts = this.slopes.map((slope) => slope[row]);
    const sum = parts.reduce((a, b) => a + b, 0);
    const terms = parts.map((v, i) => (i ? (v < 0 ? " − " : " + ") + six(Math.abs(v)) : six(v)));
    this.root.querySelector(".sum").textContent = `${terms.join("")} = ${six(sum)}`;
    const once = this.once[row];
    this.root.querySelector(".once").textContent = Number.isFinite(once) ? six(once) : "too flat to measure";
    const minus = sum < 0 ? `(${six(sum)})` : six(sum);
    this.root.querySelector(".density").textContent =
      `${six(this.first[row])} − ${minus} = ${six(this.last[row])}`;
    Object.assign(this.root.dataset, { sum: sum.toFixed(6), once: once.toFixed(6) });
  }
}

export default mounting(ComposeView);
