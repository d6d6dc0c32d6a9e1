/**
 * What Python sends of one map of the plane.
 * @typedef {Object} Frame
 * @property {number} number  of the last message that Python had seen
 * @property {Dial[]} dials
 * @property {number[][]} matrix
 * @property {number} area  of the unit square's image, from its corners
 * @property {number} determinant
 * @property {{x: Tick[], y: Tick[]}} ticks
 * @property {string} refusal
 * @property {string} alt
 */

class PlaneView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.exchange = new Exchange(this, () => ({ values: this.dials.values() }));
    this.dials = new Dials(root.querySelector(".dials"), () => this.exchange.changed());
  }

  destroy() {
    clearTimeout(this.exchange.timer);
  }

  /** @param {Frame} frame */
  show(frame) {
    const settled = this.exchange.answered(frame.number);
    this.dials.show(frame.dials, settled);
    const [[a, b], [c, d]] = frame.matrix;
    this.root.querySelector(".after").setAttribute("transform", `matrix(${a} ${c} ${b} ${d} 0 0)`);
    this.root.querySelector(".plot").setAttribute("aria-label", frame.alt);
    const two = (value) => signed(value, 2);
    const size = Math.abs(frame.determinant);
    const mirrored = frame.determinant < 0 ? ", mirrored" : "";
    this.write(".matrix", `( ${two(a)}  ${two(b)} )\n( ${two(c)}  ${two(d)} )`);
    this.write(".area", signed(frame.area, 4));
    this.write(".determinant", `${signed(size, 4)}${mirrored}`);
    this.write(".log", `${signed(Math.log(size), 4)} nats`);
    this.write(".refusal", frame.refusal);
    setTicks(this.root, frame.ticks);
  }

  /** @type {(selector: string, text: string) => void} */
  write(selector, text) {
    this.root.querySelector(selector).textContent = text;
  }
}

export default mounting(PlaneView);
