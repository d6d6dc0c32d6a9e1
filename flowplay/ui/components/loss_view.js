/**
 * What Python sends of one frame.
 * @typedef {Object} Frame
 * @property {string} rows  base64 of [3, n] float32: step, train, held-out; NaN if unknown
 * @property {number[]} bounds  x_min, x_max, y_min, y_max
 * @property {{x: Tick[], y: Tick[]}} ticks
 * @property {?number} floor  the target's entropy
 * @property {string} label  of the floor
 * @property {[string, number][]} references  values to compare with, by their label
 * @property {string} unit  of the losses; empty where they have none
 * @property {string[]} names  of the two curves; empty for one that is not there
 * @property {string[]} short  what they are called where numbers are read
 * @property {string} alt
 * @property {number} height  pixels
 */

const CURVES = ["train", "held-out"];
const SIDE = 1000; // of the picture, in its own units
const FAR = 100 * SIDE; // what lies further off is drawn here
const GAP = 10; // pixels between the crosshair and its readout

class LossView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.plot = root.querySelector(".plot");
    this.box = root.querySelector(".readout");
    /** @type {?({at: number}|{step: number})} the share of the width, or step, that is read */
    this.cursor = null;
    /** @type {number} the last step that is drawn, while the run's training is replayed */
    this.until = Infinity;
    this.gone = new AbortController();
    hear("replay", (step) => this.follow(step ?? Infinity), this.gone.signal);
    this.observer = new ResizeObserver(() => this.readOut());
    this.observer.observe(this.plot);
    this.plot.addEventListener("pointermove", (event) => this.pointAt(event));
    this.plot.addEventListener("pointerdown", (event) => this.pointAt(event));
    this.plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.setCursor(null);
    });
    this.plot.addEventListener("blur", () => this.setCursor(null));
    this.plot.addEventListener("keydown", (event) => this.pressKey(event));
  }

  destroy() {
    this.observer.disconnect();
    this.gone.abort();
  }

  /** @param {Frame} frame */
  show(frame) {
    this.frame = frame;
    const rows = new Float32Array(bytes(frame.rows).buffer);
    const n = rows.length / 3;
    this.steps = rows.subarray(0, n);
    this.values = CURVES.map((_, i) => rows.subarray((i + 1) * n, (i + 2) * n));
    this.root.style.setProperty("--height", `${frame.height}px`);
    this.plot.dataset.step = n ? this.steps[n - 1] : "";
    this.plot.setAttribute("aria-label", frame.alt);
    setTicks(this.root, frame.ticks);
    this.draw("grid", frame.ticks.y.map(([at]) => `M0,${SIDE * (1 - at)}h${SIDE}`).join(""));
    this.showFloor();
    this.showReferences();
    this.root.querySelector(".unit").textContent = frame.unit;
    CURVES.forEach((name, i) => {
      this.root.querySelector(`.legend .${name}`).textContent = frame.names[i];
      this.root.querySelector(`.readout dt.${name}`).textContent = frame.short[i];
      for (const part of this.root.querySelectorAll(`.legend .${name}, .readout .${name}`)) {
        part.hidden = !frame.names[i];
      }
    });
    this.showCurves();
  }

  showCurves() {
    CURVES.forEach((name, i) => this.draw(name, this.line(this.values[i])));
    this.readOut();
  }

  /** @param {number} step  the last that is drawn */
  follow(step) {
    this.until = step;
    if (this.frame) this.showCurves();
  }

  showFloor() {
    const { floor, label } = this.frame;
    const known = floor !== null;
    const box = this.root.querySelector(".label");
    this.draw("floor", known ? `M0,${this.y(floor)}h${SIDE}` : "");
    box.textContent = label;
    if (known) box.style.setProperty("--at", 1 - this.y(floor) / SIDE);
  }

  showReferences() {
    const at = this.frame.references.map(([, value]) => this.y(value));
    this.draw("reference", at.map((y) => `M0,${y}h${SIDE}`).join(""));
    const spec = JSON.stringify([this.frame.references, at]);
    const box = this.root.querySelector(".references");
    if (box.dataset.spec === spec) return;
    box.dataset.spec = spec;
    const labels = this.frame.references.map(([label, value], i) => {
      const span = document.createElement("span");
      span.textContent = `${label} ${signed(value, 2)}`;
      span.style.setProperty("--at", 1 - at[i] / SIDE);
      return span;
    });
    box.replaceChildren(...labels);
  }

  /**
   * @param {string} name  the path's classes
   * @param {string} path
   */
  draw(name, path) {
    this.root.querySelector(`path[class="${name}"]`).setAttribute("d", path);
  }

  /** @type {(step: number) => number} */
  x(step) {
    const [low, high] = this.frame.bounds;
    return (SIDE * (step - low)) / (high - low);
  }

  /** @type {(value: number) => number} */
  y(value) {
    const [, , low, high] = this.frame.bounds;
    const y = (SIDE * (high - value)) / (high - low);
    return Math.min(FAR, Math.max(-FAR, y));
  }

  /**
   * @param {Float32Array} values
   * @returns {string} a path through all that is known
   */
  line(values) {
    let path = "";
    let drawing = false;
    values.forEach((value, i) => {
      if (this.steps[i] > this.until) return;
      const point = `${this.x(this.steps[i]).toFixed(1)},${this.y(value).toFixed(1)}`;
      if (Number.isFinite(value)) path += drawing ? `L${point}` : `M${point}h0`;
      drawing = Number.isFinite(value);
    });
    return path;
  }

  /** @type {(values: Float32Array, row: number) => string} a path of no length */
  dot(values, row) {
    const point = `M${this.x(this.steps[row])},${this.y(values[row])}h0`;
    return Number.isFinite(values[row]) ? point : "";
  }

  /** @param {PointerEvent} event */
  pointAt(event) {
    const { left, width } = this.plot.getBoundingClientRect();
    this.setCursor({ at: (event.clientX - left) / width });
  }

  /** @param {KeyboardEvent} event  arrows move by a row, with Shift by eight; Escape ends */
  pressKey(event) {
    if (event.key === "Escape") this.setCursor(null);
    const last = this.steps.length - 1;
    const row = this.row() ?? last + 1;
    const rows = event.shiftKey ? 8 : 1;
    const next = { ArrowLeft: row - rows, ArrowRight: row + rows, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.setCursor({ step: this.steps[Math.min(last, Math.max(0, next))] });
    this.root.querySelector(".spoken").textContent = this.readOut();
  }

  /** @param {?({at: number}|{step: number})} cursor */
  setCursor(cursor) {
    this.cursor = cursor;
    this.readOut();
  }

  /** @returns {?number} the row nearest to the cursor, which stays where it is on the page */
  row() {
    const { cursor, steps, frame } = this;
    if (!cursor || !(steps[0] <= this.until)) return null;
    const [low, high] = frame.bounds;
    const step = cursor.step ?? low + cursor.at * (high - low);
    const drawn = steps.filter((other) => other <= this.until);
    const away = drawn.map((other) => Math.abs(other - step));
    return away.indexOf(Math.min(...away));
  }

  /**
   * Show crosshair and numbers of the row at the cursor, or a dot at the newest held-out NLL.
   * @returns {string} what is shown
   */
  readOut() {
    const row = this.row();
    const latest = this.values[1].findLastIndex(
      (value, i) => Number.isFinite(value) && this.steps[i] <= this.until,
    );
    this.box.hidden = row === null;
    this.draw("hair", row === null ? "" : `M${this.x(this.steps[row])},0v${SIDE}`);
    this.draw("train dot", row === null ? "" : this.dot(this.values[0], row));
    this.draw("held-out dot", this.dot(this.values[1], row ?? latest));
    if (row === null) return "";
    const values = this.values.map((curve) => curve[row]);
    const known = values.map((nats) => (Number.isFinite(nats) ? signed(nats, 4) : "–"));
    const texts = [this.steps[row].toLocaleString("en"), ...known];
    this.box.querySelectorAll("dd").forEach((cell, i) => (cell.textContent = texts[i]));
    this.place((this.x(this.steps[row]) / SIDE) * this.plot.clientWidth);
    const told = this.frame.short.map((name, i) => `${name} ${texts[i + 1]}`);
    const there = told.filter((_, i) => this.frame.names[i]).join(", ");
    return `Step ${texts[0]}: ${there} ${this.frame.unit}`.trimEnd();
  }

  /** @param {number} x  put the readout beside this, in pixels, on the side that has room */
  place(x) {
    const room = this.plot.clientWidth - this.box.offsetWidth;
    const left = x + GAP <= room ? x + GAP : Math.max(0, x - GAP - this.box.offsetWidth);
    this.box.style.setProperty("--left", `${left}px`);
  }
}

export default mounting(LossView, true);
