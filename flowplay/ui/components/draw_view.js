/**
 * What Python sends.
 * @typedef {Object} Sheet
 * @property {number} side  of the image
 * @property {number} brightest  the level of a block that is full
 * @property {number} fine  pixels of the sheet along a block
 */

const PEN = 0.62; // radius of the pen, in pixels of the image
const REST = 350; // milliseconds without ink after which an image is sent

class DrawView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.sheet = root.querySelector(".plot");
    this.pen = { x: 0.5, y: 0.3, down: false };
    this.last = null;
    this.sheet.addEventListener("pointerdown", (event) => this.begin(event));
    this.sheet.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.sheet.addEventListener(end, () => this.lift());
    }
    this.sheet.addEventListener("keydown", (event) => this.pressKey(event));
    this.sheet.addEventListener("focus", () => this.draw());
    this.sheet.addEventListener("blur", () => this.draw());
    root.querySelector(".clear").addEventListener("click", () => this.clear());
  }

  destroy() {
    clearTimeout(this.timer);
  }

  /** @param {Sheet} about */
  show(about) {
    const wide = about.side * about.fine;
    if (!this.ink || this.about.side !== about.side || this.about.fine !== about.fine) {
      this.ink = new Uint8Array(wide * wide);
    }
    this.about = about;
    this.wide = wide;
    this.draw();
  }

  /** @param {PointerEvent} event */
  place(event) {
    const { left, top, width, height } = this.sheet.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  /** @param {PointerEvent} event */
  begin(event) {
    event.preventDefault();
    this.sheet.focus({ preventScroll: true });
    this.sheet.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke(this.last, this.last);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.last) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const here = this.place(each);
      this.stroke(this.last, here);
      this.last = here;
    }
  }

  lift() {
    this.last = null;
  }

  /** @param {KeyboardEvent} event */
  pressKey(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!step && ![" ", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Delete" || event.key === "Backspace") return this.clear();
    const before = { ...this.pen };
    if (event.key === " ") this.pen.down = !this.pen.down;
    else {
      const by = (event.shiftKey ? 4 : 1) / this.wide;
      this.pen.x = Math.min(1, Math.max(0, this.pen.x + 2 * by * step[0]));
      this.pen.y = Math.min(1, Math.max(0, this.pen.y + 2 * by * step[1]));
    }
    const at = [this.pen.x, this.pen.y].map((v) => Math.min(this.about.side, 1 + Math.floor(v * this.about.side)));
    const said = `Pen ${this.pen.down ? "down" : "up"}, column ${at[0]}, row ${at[1]}`;
    this.root.querySelector(".spoken").textContent = said;
    if (this.pen.down) this.stroke(before, this.pen);
    else this.draw();
  }

  /** @param {{x: number, y: number}} from @param {{x: number, y: number}} to  shares of the sheet */
  stroke(from, to) {
    const { wide } = this;
    const radius = PEN * this.about.fine;
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) * wide));
    for (let s = 0; s <= steps; s++) {
      const x = (from.x + ((to.x - from.x) * s) / steps) * wide;
      const y = (from.y + ((to.y - from.y) * s) / steps) * wide;
      for (let r = Math.max(0, Math.floor(y - radius)); r < Math.min(wide, y + radius); r++) {
        for (let c = Math.max(0, Math.floor(x - radius)); c < Math.min(wide, x + radius); c++) {
          if (Math.hypot(c + 0.5 - x, r + 0.5 - y) <= radius) this.ink[r * wide + c] = 1;
        }
      }
    }
    this.draw();
    this.tell();
  }

  clear() {
    this.ink.fill(0);
    this.draw();
    this.tell();
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.setStateValue("drawn", this.levels()), REST);
  }

  /** @returns {number[]} how much ink each block holds, as a level */
  levels() {
    const { side, fine, brightest } = this.about;
    const found = new Array(side * side).fill(0);
    this.ink.forEach((ink, i) => {
      const row = Math.floor(Math.floor(i / this.wide) / fine);
      found[row * side + Math.floor((i % this.wide) / fine)] += ink;
    });
    return found.map((count) => Math.round((brightest * count) / fine ** 2));
  }

  draw() {
    const { wide, about } = this;
    const colours = new Uint8Array(3 * wide * wide);
    this.ink.forEach((ink, i) => {
      const edge = (i % wide) % about.fine === 0 || Math.floor(i / wide) % about.fine === 0;
      colours.fill(ink ? 20 : edge ? 236 : 255, 3 * i, 3 * i + 3);
    });
    if (this.sheet === this.root.getRootNode().activeElement) {
      const [c, r] = [this.pen.x, this.pen.y].map((v) => Math.min(wide - 1, Math.floor(v * wide)));
      colours.set([232, 114, 12], 3 * (r * wide + c));
    }
    paint(this.sheet, colours, 0, wide, wide);
    const levels = this.levels();
    const small = new Uint8Array(3 * levels.length);
    levels.forEach((level, i) => {
      small.fill(Math.round(255 * (1 - level / about.brightest)), 3 * i, 3 * i + 3);
    });
    paint(this.root.querySelector(".small"), small, 0, about.side, about.side);
    this.sheet.setAttribute("aria-label", `Sheet, ${Math.round((100 * this.ink.reduce((a, b) => a + b, 0)) / this.ink.length)} % ink`);
    this.root.dataset.ink = String(levels.reduce((a, b) => a + b, 0));
  }
}

export default mounting(DrawView);
