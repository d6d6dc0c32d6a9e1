/**
 * What Python sends.
 * @typedef {Object} Frame
 * @property {number} cells  along each side of the canvas
 * @property {number} side  of the canvas, in data units
 * @property {number} most  dots
 * @property {string} dots  base64 of pairs of uint16: cell, dots; cell 0 is the upper left one
 * @property {string} load  names these dots
 * @property {boolean} isTarget  whether they are what is learned now
 * @property {number} noise  standard deviation of each dot's Gaussian, in data units
 * @property {[string, string][]} starts  name and label
 * @property {boolean} canUpdate
 * @property {string} refusal
 */

/**
 * What is on a canvas; it outlives the element, as when another page is looked at.
 * @typedef {Object} Painting
 * @property {string} load
 * @property {Uint16Array} dots
 * @property {Uint16Array[]} undo
 * @property {Uint16Array[]} redo
 * @property {boolean} changed  since it was what is learned
 */

const RATE = 260; // dots a second while the brush is held down
const AT_ONCE = 10; // dots at the first touch
const ALONG = 0.8; // dots for each cell that the brush moves
const STAMP = 30; // dots of a stamp by keyboard
const STROKES = 60; // that can be taken back
const REACH = 4; // standard deviations of a Gaussian that are drawn

class PaintView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector(".plot");
    this.palette = readPalette(root.dataset.palette);
    this.raster = document.createElement("canvas");
    this.erasing = false;
    /** Where the cursor of the keyboard stands, in cells. */
    this.cursor = { x: 0, y: 0 };
    /** @type {?{x: number, y: number}} where the pointer is */
    this.over = null;
    /** @type {?{id: number, x: number, y: number, strength: number, owed: number, at: number, before: Uint16Array}} */
    this.stroke = null;
    const listen = (name, act) => this.canvas.addEventListener(name, act);
    listen("pointerdown", (event) => this.begin(event));
    listen("pointermove", (event) => this.move(event));
    listen("pointerup", (event) => this.lift(event));
    listen("pointercancel", (event) => this.lift(event));
    listen("lostpointercapture", (event) => this.lift(event));
    listen("pointerleave", () => this.hover(null));
    listen("contextmenu", (event) => event.preventDefault());
    listen("keydown", (event) => this.pressKey(event));
    for (const event of ["focus", "blur"]) listen(event, () => this.later());
    const press = (name, act) => this.find(name).addEventListener("click", act);
    press("brush", () => this.hold(false));
    press("eraser", () => this.hold(true));
    press("undo", () => this.undo());
    press("redo", () => this.redo());
    press("clear", () => this.clear());
    press("learn", () => this.send("learn"));
    press("update", () => this.send("update"));
    this.find("size").addEventListener("input", () => this.later());
    this.find("start").addEventListener("change", ({ target }) => {
      if (target.value) this.setTriggerValue("painted", { act: "start", start: target.value });
      target.value = "";
    });
    this.observer = new ResizeObserver(() => this.later());
    this.observer.observe(this.canvas);
    this.hold(false);
  }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.drawing);
    cancelAnimationFrame(this.spraying);
  }

  /** @type {(name: string) => any} */
  find(name) {
    return this.root.querySelector(`.${name}`);
  }

  /** @param {Frame} frame */
  show(frame) {
    if (!this.frame) this.cursor = { x: frame.cells / 2, y: frame.cells / 2 };
    this.frame = frame;
    const kept = globalThis.flowplayPainting;
    if (kept?.load === frame.load) this.painting = kept;
    else this.load(kept);
    if (frame.refusal) this.painting.changed = true;
    this.find("refusal").textContent = frame.refusal;
    this.find("update").hidden = !frame.canUpdate;
    const spec = JSON.stringify(frame.starts);
    const start = this.find("start");
    if (start.dataset.spec !== spec) {
      start.dataset.spec = spec;
      start.replaceChildren(new Option("a target…", ""), ...frame.starts.map(([name, label]) => new Option(label, name)));
    }
    this.later();
  }

  /** @param {?Painting} before  what was on the canvas */
  load(before) {
    const { cells, dots, load, isTarget } = this.frame;
    const pairs = new Uint16Array(bytes(dots).buffer);
    const found = new Uint16Array(cells * cells);
    for (let i = 0; i < pairs.length; i += 2) found[pairs[i]] = pairs[i + 1];
    const undo = before ? [...before.undo, before.dots].slice(-STROKES) : [];
    this.stroke = null;
    this.painting = { load, dots: found, undo, redo: [], changed: !isTarget };
    globalThis.flowplayPainting = this.painting;
  }

  /** @param {boolean} erasing */
  hold(erasing) {
    this.erasing = erasing;
    this.find("brush").setAttribute("aria-pressed", String(!erasing));
    this.find("eraser").setAttribute("aria-pressed", String(erasing));
  }

  /** Radius of the brush, in cells. */
  get radius() {
    return (this.find("size").valueAsNumber / this.frame.side) * this.frame.cells;
  }

  get total() {
    let total = 0;
    for (const dots of this.painting.dots) total += dots;
    return total;
  }

  /** @param {PointerEvent} event */
  place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const { cells } = this.frame;
    return { x: ((event.clientX - left) / width) * cells, y: ((event.clientY - top) / height) * cells };
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (this.stroke || event.button > 0) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { id: event.pointerId, ...this.place(event), strength: 1, owed: 0, at: performance.now(), before: this.painting.dots.slice() };
    this.press(event);
    this.over = this.place(event);
    this.touch(this.stroke, AT_ONCE);
    this.spraying = requestAnimationFrame((now) => this.spray(now));
  }

  /** @param {PointerEvent} event  whose pen may press lightly */
  press(event) {
    if (event.pointerType === "pen" && event.pressure) this.stroke.strength = 2 * event.pressure;
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (event.pointerType !== "touch" || this.stroke) this.hover(this.place(event));
    if (this.stroke?.id !== event.pointerId) return;
    this.press(event);
    for (const each of event.getCoalescedEvents?.() ?? [event]) this.follow(this.place(each));
  }

  /** @param {{x: number, y: number}} to */
  follow(to) {
    const { stroke } = this;
    const { x, y } = stroke;
    const length = Math.hypot(to.x - x, to.y - y);
    const pieces = Math.max(1, Math.ceil(length / Math.max(1, this.radius / 2)));
    for (let i = 1; i <= pieces; i++) {
      stroke.x = x + ((to.x - x) * i) / pieces;
      stroke.y = y + ((to.y - y) * i) / pieces;
      this.touch(stroke, (stroke.strength * ALONG * length) / pieces);
    }
  }

  /** @param {number} now  milliseconds */
  spray(now) {
    const { stroke } = this;
    if (!stroke) return;
    const seconds = Math.min(0.1, Math.max(0, now - stroke.at) / 1000);
    stroke.at = now;
    this.touch(stroke, RATE * stroke.strength * seconds);
    this.spraying = requestAnimationFrame((next) => this.spray(next));
  }

  /** @param {PointerEvent} event */
  lift(event) {
    const { stroke } = this;
    if (stroke?.id !== event.pointerId) return;
    cancelAnimationFrame(this.spraying);
    this.stroke = null;
    if (event.pointerType === "touch") this.over = null;
    this.done(stroke.before);
  }

  /**
   * Add dots below the brush, or take away those below the eraser.
   * @param {{x: number, y: number, owed: number}} at
   * @param {number} dots
   */
  touch(at, dots) {
    if (this.erasing) this.erase(at);
    else {
      at.owed += dots;
      const whole = Math.floor(at.owed);
      at.owed -= whole;
      this.add(at, whole);
    }
    this.later();
  }

  /** @param {{x: number, y: number}} at @param {number} n */
  add({ x, y }, n) {
    const { cells, most } = this.frame;
    const { dots } = this.painting;
    const room = Math.max(0, most - this.total);
    for (let i = 0; i < Math.min(n, room); i++) {
      const angle = 2 * Math.PI * Math.random();
      const away = this.radius * Math.sqrt(Math.random());
      const column = Math.floor(x + away * Math.cos(angle));
      const row = Math.floor(y + away * Math.sin(angle));
      if (column >= 0 && row >= 0 && column < cells && row < cells) dots[row * cells + column] += 1;
    }
  }

  /**
   * Empty all cells that the eraser touches, so that it takes away all that a brush of its size adds.
   * @param {{x: number, y: number}} at
   */
  erase({ x, y }) {
    const { cells } = this.frame;
    const { dots } = this.painting;
    const radius = Math.max(0.8, this.radius);
    const within = (value) => Math.min(cells - 1, Math.max(0, Math.floor(value)));
    for (let row = within(y - radius); row <= within(y + radius); row++) {
      for (let column = within(x - radius); column <= within(x + radius); column++) {
        const across = Math.max(column - x, 0, x - column - 1);
        const along = Math.max(row - y, 0, y - row - 1);
        if (Math.hypot(across, along) <= radius) dots[row * cells + column] = 0;
      }
    }
  }

  /** @param {Uint16Array} before  what was there before the stroke */
  done(before) {
    const { painting } = this;
    if (before.every((dots, i) => dots === painting.dots[i])) return;
    painting.undo = [...painting.undo, before].slice(-STROKES);
    painting.redo = [];
    painting.changed = true;
    this.later();
  }

  undo() {
    this.swap(this.painting.undo, this.painting.redo);
  }

  redo() {
    this.swap(this.painting.redo, this.painting.undo);
  }

  /** @param {Uint16Array[]} from @param {Uint16Array[]} to */
  swap(from, to) {
    if (!from.length || this.stroke) return;
    to.push(this.painting.dots);
    this.painting.dots = from.pop();
    this.painting.changed = true;
    this.tell(`${this.total} dots`);
    this.later();
  }

  clear() {
    if (this.stroke) return;
    const before = this.painting.dots.slice();
    this.painting.dots.fill(0);
    this.done(before);
    this.tell("The canvas is empty");
  }

  /** @param {KeyboardEvent} event */
  pressKey(event) {
    const { cells } = this.frame;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    const size = this.find("size");
    const command = event.ctrlKey || event.metaKey;
    if (command && !["z", "y"].includes(key)) return;
    if (arrow) {
      const by = event.shiftKey ? 20 : 4;
      const inside = (value) => Math.min(cells - 0.5, Math.max(0.5, value));
      this.cursor = { x: inside(this.cursor.x + by * arrow[0]), y: inside(this.cursor.y + by * arrow[1]) };
      this.over = null;
      this.tell(`Column ${Math.ceil(this.cursor.x)}, row ${Math.ceil(this.cursor.y)} of ${cells}`);
    } else if (command) {
      if (key === "y" || event.shiftKey) this.redo();
      else this.undo();
    } else if (key === " " || key === "Enter") this.stamp();
    else if (key === "Delete" || key === "Backspace") this.clear();
    else if (key === "b" || key === "e") {
      this.hold(key === "e");
      this.tell(key === "e" ? "Eraser" : "Brush");
    } else if (key === "[" || key === "]") {
      if (key === "[") size.stepDown(2);
      else size.stepUp(2);
      this.tell(`Size ${size.value}`);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.later();
  }

  stamp() {
    if (this.stroke) return;
    const before = this.painting.dots.slice();
    this.touch({ ...this.cursor, owed: 0 }, STAMP);
    this.done(before);
    this.tell(`${this.total} dots`);
  }

  /** @param {string} what */
  tell(what) {
    this.find("spoken").textContent = what;
  }

  /** @param {?{x: number, y: number}} where  in cells */
  hover(where) {
    this.over = where;
    this.later();
  }

  /** @param {"learn"|"update"} act */
  send(act) {
    const { dots } = this.painting;
    const pairs = [];
    dots.forEach((n, cell) => n && pairs.push(cell, n));
    const packed = new Uint8Array(Uint16Array.from(pairs).buffer);
    let text = "";
    for (const byte of packed) text += String.fromCharCode(byte);
    this.painting.changed = false;
    this.setTriggerValue("painted", { act, dots: btoa(text) });
    this.later();
  }

  later() {
    cancelAnimationFrame(this.drawing);
    this.drawing = requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (!this.frame || !this.root.isConnected) return;
    const { painting } = this;
    const { most } = this.frame;
    const total = this.total;
    const full = total >= most ? `; that is the most it can have` : "";
    this.find("count").textContent = `${total.toLocaleString("en")} dot${total === 1 ? "" : "s"}${full}`;
    this.canvas.setAttribute("aria-label", `Canvas with ${total} dots`);
    this.root.dataset.dots = String(total);
    this.find("undo").disabled = !painting.undo.length;
    this.find("redo").disabled = !painting.redo.length;
    this.find("clear").disabled = !total;
    for (const name of ["learn", "update"]) this.find(name).disabled = !total || !painting.changed;
    this.root.dataset.changed = String(painting.changed);
    this.paint();
  }

  paint() {
    const { cells } = this.frame;
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
    if (!side) return;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const density = this.density();
    let highest = 0;
    for (const value of density) highest = Math.max(highest, value);
    const image = new ImageData(cells, cells);
    const colours = new Uint32Array(image.data.buffer);
    const top = this.palette.length - 1;
    density.forEach((value, i) => {
      colours[i] = this.palette[highest ? Math.round(top * Math.sqrt(value / highest)) : 0];
    });
    Object.assign(this.raster, { width: cells, height: cells });
    this.raster.getContext("2d").putImageData(image, 0, 0);
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = true;
    context.drawImage(this.raster, 0, 0, side, side);
    const focused = this.canvas === this.root.getRootNode().activeElement;
    const at = this.over ?? (focused ? this.cursor : null);
    if (!at) return;
    for (const [width, colour] of [[4, this.root.dataset.outline], [2, this.root.dataset.orange]]) {
      context.lineWidth = width * devicePixelRatio;
      context.strokeStyle = colour;
      context.setLineDash(this.erasing ? [5 * devicePixelRatio, 4 * devicePixelRatio] : []);
      context.beginPath();
      context.arc((at.x / cells) * side, (at.y / cells) * side, (Math.max(0.8, this.radius) / cells) * side, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** @returns {Float32Array} the density at the middle of each cell, up to a constant */
  density() {
    const { cells, side, noise } = this.frame;
    const sigma = (noise / side) * cells;
    const reach = Math.ceil(REACH * sigma);
    const weight = Float32Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigma) ** 2));
    const across = new Float32Array(cells * cells);
    this.painting.dots.forEach((dots, cell) => {
      if (!dots) return;
      const row = Math.floor(cell / cells) * cells;
      const column = cell - row;
      const last = Math.min(cells - 1, column + reach);
      for (let c = Math.max(0, column - reach); c <= last; c++) across[row + c] += dots * weight[c - column + reach];
    });
    const found = new Float32Array(cells * cells);
    for (let row = 0; row < cells; row++) {
      const last = Math.min(cells - 1, row + reach);
      for (let r = Math.max(0, row - reach); r <= last; r++) {
        const share = weight[r - row + reach];
        for (let c = 0; c < cells; c++) found[r * cells + c] += share * across[row * cells + c];
      }
    }
    return found;
  }
}

export default mounting(PaintView);
