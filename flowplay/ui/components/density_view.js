/**
 * What Python sends of one frame.
 * @typedef {Object} Frame
 * @property {number} height  rows of the picture
 * @property {number} width  columns of the picture
 * @property {string} code  base64 of [height, width] uint8, 255 * sqrt(density / scale); row 0 is lowest
 * @property {number} scale  the density of code 255
 * @property {number[]} bounds  x_min, x_max, y_min, y_max
 * @property {{x: Tick[], y: Tick[], bar: Tick[]}} ticks
 * @property {boolean} plain  whether there is no density, only points
 * @property {?string} points  base64 of [n, 2] int16, from the window's lower left, in POINT_UNITS
 * @property {string} color  of the points
 * @property {string} outline  of the points
 * @property {string} alt
 * @property {string} note
 * @property {number} fade  milliseconds
 * @property {string} frame  shown as data-frame; begins with the run, before the first "-"
 * @property {?{steps: number[], height: number, width: number, code: string}} replay  earlier
 *   pictures, base64 of [n, height, width] uint8 like code
 */

const POINT_UNITS = 2 ** 14;
const DOT_SHARE = 1 / 270;
const DOT_RADII = [1.3, 2];
const CURSOR_RADIUS = 5;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

const REPLAY_MS = 190; // for each earlier picture
const PAINT_MS = 40; // between two paints of a fade: a page may have many pictures

const LONGEST_FADE = 1200; // milliseconds
const RESTED = 4000; // after which a picture is no successor of the one before
/** How much of the pace is that of the last picture; and how much longer than it a fade lasts. */
const [NEWEST, LONGER] = [0.3, 1.1];

/** What tells other parts of the page which step a replay shows: a number, null when it is over. */
const REPLAY = "replay";

/** Whether this tab has seen a replay. */
let replayed = false;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Numbers on their way from one frame's to the next. */
class Fading {
  /** @param {Float32Array} values */
  constructor(values) {
    this.from = this.to = this.shown = values;
  }

  /**
   * Head for new values, from those shown now; jump where the two cannot be matched.
   * @param {Float32Array} values
   */
  aim(values) {
    this.from = values.length === this.shown.length ? this.shown : values;
    this.to = values;
    this.shown = Float32Array.from(this.from);
  }

  /** @param {number} t  the way behind us, 0 to 1 */
  move(t) {
    const { from, to, shown } = this;
    for (let i = 0; i < to.length; i++) shown[i] = from[i] + t * (to[i] - from[i]);
  }
}

class DensityView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector(".plot");
    this.context = this.canvas.getContext("2d");
    this.raster = document.createElement("canvas");
    this.palette = readPalette(this.canvas.dataset.palette);
    this.codes = new Fading(new Float32Array(0));
    this.points = new Fading(new Float32Array(0));
    this.frames = 0;
    /** @type {?[number, number]} column and row that the reader points at */
    this.cursor = null;
    this.drawBar();
    this.observer = new ResizeObserver(() => this.paint());
    this.canvas.addEventListener("pointermove", (event) => this.pointAt(event));
    this.canvas.addEventListener("pointerdown", (event) => this.pointAt(event));
    this.canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.setCursor(null);
    });
    this.canvas.addEventListener("blur", () => this.setCursor(null));
    this.canvas.addEventListener("keydown", (event) => this.pressKey(event));
  }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.request);
    this.endReplay();
  }

  endReplay() {
    if (this.replaying) say(REPLAY, null);
    clearTimeout(this.replaying);
    this.replaying = 0;
  }

  /** @param {Frame} frame */
  show(frame) {
    const first = this.frames === 0;
    // The same frame again, as when another part of the page is drawn: the replay goes on.
    if (this.replaying && frame.replay && frame.frame === this.last.frame) {
      this.last = frame;
      return;
    }
    this.endReplay();
    this.last = frame;
    if (first && frame.replay && !replayed && !reducedMotion.matches) {
      this.replay(0);
      return;
    }
    this.draw(frame, first);
  }

  /**
   * Show the earlier pictures from this one on, then the last frame.
   * @param {number} i
   */
  replay(i) {
    const { steps, height, width, code } = this.last.replay;
    replayed = true;
    if (i === 0) this.earlier = bytes(code);
    if (i >= steps.length) {
      this.endReplay();
      this.root.dataset.replay = "over";
      this.draw(this.last, false);
      return;
    }
    this.root.dataset.replay = steps[i];
    say(REPLAY, steps[i]);
    const cells = this.earlier.subarray(i * height * width, (i + 1) * height * width);
    const [now, last] = [steps[i], steps.at(-1)].map((step) => step.toLocaleString("en"));
    const note = `Its training, replayed: step ${now} of ${last}`;
    this.draw({ ...this.last, height, width, cells, note, points: null, fade: REPLAY_MS }, i === 0);
    this.replaying = setTimeout(() => this.replay(i + 1), i === 0 ? 4 * REPLAY_MS : REPLAY_MS);
  }

  /**
   * @param {Frame} frame
   * @param {boolean} first
   */
  draw(frame, first) {
    this.frames++;
    const { width, height, bounds, ticks } = (this.frame = frame);
    this.codes.aim(Float32Array.from(frame.cells ?? bytes(frame.code)));
    const points = frame.points ? new Int16Array(bytes(frame.points).buffer) : [];
    this.points.aim(Float32Array.from(points, (unit) => unit / POINT_UNITS));
    Object.assign(this.raster, { width, height });
    this.canvas.dataset.frame = frame.frame || String(this.frames);
    this.canvas.setAttribute("aria-label", frame.alt);
    this.root.classList.toggle("plain", frame.plain);
    this.root.style.setProperty("--aspect", (bounds[1] - bounds[0]) / (bounds[3] - bounds[2]));
    this.root.querySelector(".note").textContent = frame.note;
    setTicks(this.root, ticks);
    this.readOut();
    this.start = performance.now();
    // Two runs have nothing between their pictures.
    const [run] = frame.frame.split("-");
    const other = first || run !== this.run;
    this.run = run;
    this.fade = other || reducedMotion.matches ? 0 : this.evenFade(frame);
    this.tick(this.start);
    if (first) this.observer.observe(this.canvas);
  }

  /**
   * Pictures come after uneven times. A fade that lasts about as long as their usual distance moves
   * on until the next one comes, instead of standing still between two.
   * @param {Frame} frame
   * @returns {number} milliseconds
   */
  evenFade(frame) {
    if (this.replaying || frame.frame === this.cameAs) return frame.fade;
    const since = this.start - (this.came ?? -RESTED);
    this.came = this.start;
    this.cameAs = frame.frame;
    if (since >= RESTED) {
      this.pace = null;
      return frame.fade;
    }
    this.pace = (this.pace ?? since) * (1 - NEWEST) + since * NEWEST;
    return Math.min(LONGEST_FADE, Math.max(frame.fade, LONGER * this.pace));
  }

  /** @param {DOMHighResTimeStamp} now */
  tick(now) {
    cancelAnimationFrame(this.request);
    const t = this.fade > 0 ? Math.min(1, Math.max(0, now - this.start) / this.fade) : 1;
    if (t === 0 || t === 1 || now - this.painted >= PAINT_MS) {
      this.painted = now;
      this.codes.move(t);
      this.points.move(t);
      this.paint();
    }
    if (t < 1) this.request = requestAnimationFrame((later) => this.tick(later));
  }

  /** Draw what is shown at this instant, at the screen's own resolution. */
  paint() {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.paintRaster();
    context.imageSmoothingQuality = "high";
    context.drawImage(this.raster, 0, 0, width, height);
    this.paintPoints(ratio);
    if (this.cursor) this.paintCursor(ratio);
  }

  /** Colour the codes, one pixel each, highest y first. */
  paintRaster() {
    const { width, height } = this.raster;
    const context = this.raster.getContext("2d");
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const codes = this.codes.shown;
    for (let row = 0; row < height; row++) {
      const target = (height - 1 - row) * width;
      for (let column = 0; column < width; column++) {
        pixels[target + column] = this.palette[Math.round(codes[row * width + column])];
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** @param {number} ratio  device pixels per CSS pixel */
  paintPoints(ratio) {
    const { canvas, context } = this;
    const points = this.points.shown;
    const [least, most] = DOT_RADII;
    const radius = ratio * Math.min(most, Math.max(least, DOT_SHARE * canvas.clientWidth));
    context.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      const x = points[i] * canvas.width;
      const y = (1 - points[i + 1]) * canvas.height;
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.strokeStyle = this.frame.outline;
    context.lineWidth = 0.8 * ratio;
    context.stroke();
    context.globalAlpha = 0.9;
    context.fillStyle = this.frame.color;
    context.fill();
    context.globalAlpha = 1;
  }

  /** @param {number} ratio  device pixels per CSS pixel */
  paintCursor(ratio) {
    const { canvas, context, cursor, frame } = this;
    const x = ((cursor[0] + 0.5) / frame.width) * canvas.width;
    const y = (1 - (cursor[1] + 0.5) / frame.height) * canvas.height;
    for (const [color, line] of [["black", 3], ["white", 1.5]]) {
      context.beginPath();
      context.arc(x, y, CURSOR_RADIUS * ratio, 0, 2 * Math.PI);
      context.strokeStyle = color;
      context.lineWidth = line * ratio;
      context.stroke();
    }
  }

  drawBar() {
    const context = this.root.querySelector("canvas.bar").getContext("2d");
    const image = context.createImageData(1, 256);
    new Uint32Array(image.data.buffer).set(this.palette.toReversed());
    context.putImageData(image, 0, 0);
  }

  /** @param {PointerEvent} event */
  pointAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.frame;
    const column = Math.floor(((event.clientX - box.left) / box.width) * width);
    const row = Math.floor((1 - (event.clientY - box.top) / box.height) * height);
    this.setCursor([column, row]);
  }

  /** @param {KeyboardEvent} event  arrows move by a cell, with Shift by eight; Escape ends */
  pressKey(event) {
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") this.setCursor(null);
    if (!arrow) return;
    event.preventDefault();
    const { width, height } = this.frame;
    const [column, row] = this.cursor ?? [width >> 1, height >> 1];
    const cells = event.shiftKey ? 8 : 1;
    this.setCursor([column + cells * arrow[0], row + cells * arrow[1]]);
    this.root.querySelector(".spoken").textContent = this.readOut();
  }

  /** @param {?[number, number]} cell */
  setCursor(cell) {
    const { width, height } = this.frame;
    const clamp = (value, cells) => Math.min(cells - 1, Math.max(0, value));
    this.cursor = cell && [clamp(cell[0], width), clamp(cell[1], height)];
    this.readOut();
    this.paint();
  }

  /**
   * Show the density at the cursor, as exact as 8 bits are.
   * @returns {string} what is shown
   */
  readOut() {
    const { frame, cursor } = this;
    let text = "";
    if (cursor) {
      const { bounds, width, height, scale } = frame;
      const x = bounds[0] + ((cursor[0] + 0.5) / width) * (bounds[1] - bounds[0]);
      const y = bounds[2] + ((cursor[1] + 0.5) / height) * (bounds[3] - bounds[2]);
      text = `x = ${signed(x, 2)}, y = ${signed(y, 2)}`;
      if (!frame.plain) {
        const code = this.codes.to[cursor[1] * width + cursor[0]];
        const density = number((code / 255) ** 2 * scale);
        const relation = code === 255 ? "≥" : "≈";
        text += `, density ${relation} ${density}`;
      }
    }
    this.root.querySelector(".readout").textContent = text;
    return text;
  }
}

export default mounting(DensityView, true);
