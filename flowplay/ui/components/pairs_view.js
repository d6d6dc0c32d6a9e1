/**
 * What Python sends.
 * @typedef {Object} Pairs
 * @property {string[]} columns
 * @property {string} data  base64 of [n, D] uint8, from -REACH to REACH standard deviations
 * @property {?string} samples  the same of the model's samples
 * @property {number[]} pair  the columns that other pictures show: across, up
 * @property {string} blue  of the data
 * @property {string} orange  of the samples
 * @property {string} alt
 * @property {string} note
 * @property {string} frame  shown as data-frame
 */

const BARS = 24;
const GAP = 2; // CSS pixels between panels
const NAMED = 54; // CSS pixels of a panel that has room for a name
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/** Every pair of columns: rows of the data below the diagonal, samples of the model above it. */
class PairsView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector(".plot");
    /** @type {?[number, number]} row and column of the panel that the reader points at */
    this.cursor = null;
    this.observer = new ResizeObserver(() => this.paint());
    this.observer.observe(this.canvas);
    this.canvas.addEventListener("pointermove", (event) => this.setCursor(this.panelAt(event)));
    this.canvas.addEventListener("pointerleave", () => this.setCursor(null));
    this.canvas.addEventListener("blur", () => this.setCursor(null));
    this.canvas.addEventListener("click", (event) => this.pick(this.panelAt(event)));
    this.canvas.addEventListener("keydown", (event) => this.pressKey(event));
  }

  destroy() {
    this.observer.disconnect();
  }

  /** @param {Pairs} frame */
  show(frame) {
    this.frame = frame;
    this.data = bytes(frame.data);
    this.samples = frame.samples ? bytes(frame.samples) : null;
    this.canvas.setAttribute("aria-label", frame.alt);
    this.canvas.dataset.frame = frame.frame;
    this.root.querySelector(".note").textContent = frame.note;
    this.paint();
  }

  /** @param {PointerEvent} event @returns {[number, number]} row and column */
  panelAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const count = this.frame.columns.length;
    const place = (share) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return [
      place((event.clientY - box.top) / box.height),
      place((event.clientX - box.left) / box.width),
    ];
  }

  /** @param {KeyboardEvent} event  arrows move by a panel, Enter chooses its columns */
  pressKey(event) {
    const last = this.frame.columns.length - 1;
    const move = MOVES[event.key];
    if (event.key === "Escape") return this.setCursor(null);
    if (this.cursor && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      return this.pick(this.cursor);
    }
    if (!move) return;
    event.preventDefault();
    const from = this.cursor ?? [1, 0];
    this.setCursor(from.map((at, i) => Math.min(last, Math.max(0, at + move[i]))));
    this.root.querySelector(".spoken").textContent = this.told();
  }

  /** @param {[number, number]} panel */
  pick([up, across]) {
    if (up !== across) this.setStateValue("pair", { across, up, sent: Date.now() });
  }

  /** @param {?[number, number]} panel */
  setCursor(panel) {
    if (String(panel) === String(this.cursor)) return;
    this.cursor = panel;
    this.root.querySelector(".readout").textContent = this.told();
    this.paint();
  }

  /** @returns {string} what the panel shows */
  told() {
    if (!this.cursor) return "";
    const { columns } = this.frame;
    const [up, across] = this.cursor;
    if (up === across) return `${columns[up]}: how often each value occurs`;
    return `${up > across ? "Data" : "Samples"}: ${columns[across]} across, ${columns[up]} up`;
  }

  paint() {
    const { canvas, frame } = this;
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round(canvas.clientWidth * ratio);
    if (!frame || !side) return;
    if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    const count = frame.columns.length;
    const gap = GAP * ratio;
    const wide = (side + gap) / count;
    const inner = wide - gap;
    for (let up = 0; up < count; up++) {
      for (let across = 0; across < count; across++) {
        const left = across * wide;
        const top = up * wide;
        const chosen = [up, across].sort().join() === [...frame.pair].sort().join() && up !== across;
        context.fillStyle = chosen ? "rgba(128, 136, 150, 0.34)" : "rgba(128, 136, 150, 0.13)";
        context.fillRect(left, top, inner, inner);
        if (up === across) this.paintBars(context, up, left, top, inner, ratio);
        else if (up > across) this.paintDots(context, this.data, frame.blue, across, up, left, top, inner, ratio);
        else if (this.samples) {
          this.paintDots(context, this.samples, frame.orange, across, up, left, top, inner, ratio);
        }
        if (String(this.cursor) === String([up, across])) {
          context.strokeStyle = getComputedStyle(this.root).color;
          context.lineWidth = ratio;
          context.strokeRect(left + ratio / 2, top + ratio / 2, inner - ratio, inner - ratio);
        }
      }
    }
  }

  /** Draw two columns of points in a panel. */
  paintDots(context, points, color, across, up, left, top, inner, ratio) {
    const count = this.frame.columns.length;
    const size = ratio * Math.min(2.4, Math.max(1, inner / ratio / 60));
    context.fillStyle = color;
    context.globalAlpha = 0.75;
    for (let i = 0; i < points.length; i += count) {
      const x = left + (points[i + across] / 255) * (inner - size);
      const y = top + (1 - points[i + up] / 255) * (inner - size);
      context.fillRect(x, y, size, size);
    }
    context.globalAlpha = 1;
  }

  /** Draw how often the values of a column occur, in the data and in the samples. */
  paintBars(context, column, left, top, inner, ratio) {
    const { columns, blue, orange } = this.frame;
    const shares = [this.data, this.samples].map((points) => {
      const bars = new Float32Array(BARS);
      if (!points) return bars;
      for (let i = column; i < points.length; i += columns.length) {
        bars[Math.min(BARS - 1, Math.floor((points[i] / 256) * BARS))] += columns.length / points.length;
      }
      return bars;
    });
    const most = Math.max(...shares[0], ...shares[1], 1e-9);
    const named = inner / ratio >= NAMED;
    const room = named ? 0.72 * inner : 0.92 * inner;
    shares.forEach((bars, which) => {
      context.beginPath();
      bars.forEach((bar, i) => {
        const y = top + inner - (bar / most) * room;
        context.lineTo(left + (i / BARS) * inner, y);
        context.lineTo(left + ((i + 1) / BARS) * inner, y);
      });
      context.strokeStyle = which ? orange : blue;
      context.lineWidth = 1.2 * ratio;
      if (!which || this.samples) context.stroke();
    });
    if (!named) return;
    context.save();
    context.beginPath();
    context.rect(left, top, inner, inner);
    context.clip();
    context.fillStyle = getComputedStyle(this.root).color;
    context.font = `${10 * ratio}px ${getComputedStyle(this.root).fontFamily}`;
    context.fillText(columns[column], left + 3 * ratio, top + 12 * ratio);
    context.restore();
  }
}

export default mounting(PairsView);
