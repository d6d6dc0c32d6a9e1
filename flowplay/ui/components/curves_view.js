/**
 * What Python sends of one frame.
 * @typedef {Object} Frame
 * @property {{name: string, note: string, color: string, dashes: string, points: string}[]} lines
 *   points are base64 of [2, n] float32: across, up
 * @property {number[]} bounds  x_min, x_max, y_min, y_max
 * @property {{x: Tick[], y: Tick[]}} ticks
 * @property {?number} floor
 * @property {string} label  of the floor
 * @property {string} across  what goes across
 * @property {string} unit  of what goes up
 * @property {number} digits  decimals of a place across
 * @property {string} alt
 * @property {number} height  pixels
 */

const SIDE = 1000; // of the picture, in its own units
const FAR = 100 * SIDE; // what lies further off is drawn here
const GAP = 10; // pixels between the crosshair and its readout
const KEYS = 100; // an arrow key moves by this part of the width

class CurvesView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.plot = root.querySelector(".plot");
    this.box = root.querySelector(".readout");
    /** @type {?number} the share of the width that is read */
    this.cursor = null;
    this.plot.addEventListener("pointermove", (event) => this.pointAt(event));
    this.plot.addEventListener("pointerdown", (event) => this.pointAt(event));
    this.plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.setCursor(null);
    });
    this.plot.addEventListener("blur", () => this.setCursor(null));
    this.plot.addEventListener("keydown", (event) => this.pressKey(event));
  }

  destroy() {}

  /** @param {Frame} frame */
  show(frame) {
    this.frame = frame;
    this.lines = frame.lines.map((line) => {
      const rows = new Float32Array(bytes(line.points).buffer);
      const n = rows.length / 2;
      return { ...line, x: rows.subarray(0, n), y: rows.subarray(n) };
    });
    this.root.style.setProperty("--height", `${frame.height}px`);
    this.plot.setAttribute("aria-label", frame.alt);
    this.root.querySelector("figcaption").textContent = frame.across;
    setTicks(this.root, frame.ticks);
    this.path("grid").setAttribute(
      "d",
      frame.ticks.y.map(([at]) => `M0,${SIDE * (1 - at)}h${SIDE}`).join(""),
    );
    this.showFloor();
    this.arrange();
    this.lines.forEach((line, i) => this.curves[i].setAttribute("d", this.drawn(line)));
    this.readOut();
  }

  /** Make legend, paths and readout for these lines, if there were others before. */
  arrange() {
    const styles = this.lines.map(({ name, note, color, dashes }) => [name, note, color, dashes]);
    const spec = JSON.stringify([this.frame.unit, styles]);
    if (this.spec === spec) return;
    this.spec = spec;
    const legend = this.lines.map((line) => {
      const entry = document.createElement("span");
      entry.append(this.sample(line), ` ${line.name}`);
      if (line.note) entry.append(` (${line.note})`);
      return entry;
    });
    const unit = document.createElement("span");
    unit.className = "unit";
    unit.textContent = this.frame.unit;
    this.root.querySelector(".legend").replaceChildren(unit, ...legend);
    const group = this.root.querySelector("g");
    this.curves = this.lines.map((line) => this.stroke(line));
    group.replaceChildren(...this.curves);
    this.cells = this.lines.map((line) => {
      const term = document.createElement("dt");
      term.append(this.sample(line), ` ${line.name}`);
      const value = document.createElement("dd");
      return [term, value];
    });
    const head = [document.createElement("dt"), document.createElement("dd")];
    this.head = head;
    this.box.replaceChildren(...head, ...this.cells.flat());
  }

  /** @returns {SVGPathElement} an empty path in a line's style */
  stroke({ color, dashes }) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", "curve");
    path.style.stroke = color;
    path.style.strokeDasharray = dashes || "none";
    return path;
  }

  /** @returns {SVGElement} a short piece of a line */
  sample(line) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "sample");
    const path = this.stroke(line);
    path.setAttribute("d", "M0,5h26");
    svg.append(path);
    return svg;
  }

  showFloor() {
    const { floor, label } = this.frame;
    const box = this.root.querySelector(".label");
    this.path("floor").setAttribute("d", floor === null ? "" : `M0,${this.y(floor)}h${SIDE}`);
    box.textContent = label;
    if (floor !== null) box.style.setProperty("--at", 1 - this.y(floor) / SIDE);
  }

  /** @type {(name: string) => SVGPathElement} */
  path(name) {
    return this.root.querySelector(`path.${name}`);
  }

  /** @type {(value: number) => number} */
  x(value) {
    const [low, high] = this.frame.bounds;
    return (SIDE * (value - low)) / (high - low);
  }

  /** @type {(value: number) => number} */
  y(value) {
    const [, , low, high] = this.frame.bounds;
    const y = (SIDE * (high - value)) / (high - low);
    return Math.min(FAR, Math.max(-FAR, y));
  }

  /** @returns {string} a path through all points */
  drawn({ x, y }) {
    let path = "";
    x.forEach((value, i) => {
      path += `${i ? "L" : "M"}${this.x(value).toFixed(1)},${this.y(y[i]).toFixed(1)}`;
    });
    return path;
  }

  /**
   * @param {{x: Float32Array, y: Float32Array}} line
   * @param {number} at
   * @returns {?number} the line's value there, on the straight piece that is drawn; null beyond it
   */
  value({ x, y }, at) {
    const next = x.findIndex((value) => value >= at);
    if (next < 0 || !x.length || at < x[0]) return null;
    if (next === 0) return y[0];
    const share = (at - x[next - 1]) / (x[next] - x[next - 1]);
    return y[next - 1] + share * (y[next] - y[next - 1]);
  }

  /** @param {PointerEvent} event */
  pointAt(event) {
    const { left, width } = this.plot.getBoundingClientRect();
    this.setCursor((event.clientX - left) / width);
  }

  /** @param {KeyboardEvent} event  arrows move, with Shift faster; Escape ends */
  pressKey(event) {
    if (event.key === "Escape") this.setCursor(null);
    const at = this.cursor ?? 1;
    const by = (event.shiftKey ? 8 : 1) / KEYS;
    const next = { ArrowLeft: at - by, ArrowRight: at + by, Home: 0, End: 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.setCursor(next);
    this.root.querySelector(".spoken").textContent = this.readOut();
  }

  /** @param {?number} share */
  setCursor(share) {
    this.cursor = share === null ? null : Math.min(1, Math.max(0, share));
    this.readOut();
  }

  /** @returns {string} what is shown at the cursor */
  readOut() {
    const { cursor, frame } = this;
    this.box.hidden = cursor === null;
    this.path("hair").setAttribute("d", cursor === null ? "" : `M${SIDE * cursor},0v${SIDE}`);
    if (cursor === null) return "";
    const at = frame.bounds[0] + cursor * (frame.bounds[1] - frame.bounds[0]);
    const place = Number(at.toFixed(frame.digits)).toLocaleString("en");
    this.head[0].textContent = frame.across;
    this.head[1].textContent = place;
    const texts = this.lines.map((line) => {
      const value = this.value(line, at);
      return value === null ? "–" : signed(value, 4);
    });
    this.cells.forEach(([, cell], i) => (cell.textContent = texts[i]));
    this.place(cursor * this.plot.clientWidth);
    const told = this.lines.map((line, i) => `${line.name} ${texts[i]}`).join(", ");
    return `${frame.across} ${place}: ${told} ${frame.unit}`;
  }

  /** @param {number} x  put the readout beside this, in pixels, on the side that has room */
  place(x) {
    const room = this.plot.clientWidth - this.box.offsetWidth;
    const left = x + GAP <= room ? x + GAP : Math.max(0, x - GAP - this.box.offsetWidth);
    this.box.style.setProperty("--left", `${left}px`);
  }
}

export default mounting(CurvesView, true);
