/**
 * What Python sends of one picture, beside a Frame.
 * @typedef {Object} Scores
 * @property {string} contour  base64 of [k, 4] int16, pieces of a line, in POINT_UNITS
 * @property {[string, string][]} lines  more lines: pieces like those of the contour, and a color
 * @property {number[][]} marks  chosen points, in data units
 * @property {?number[]} nats  log-densities of the codes 0 and 255, where codes are log-densities
 * @property {string} reads  what these are called
 * @property {string} line  color of the contour
 * @property {boolean} picks  whether a point can be chosen
 */

const MARK_RADIUS = 7;

/** A density with the contour of a threshold, in which a point can be chosen. */
class ScoreView extends DensityView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    super(root);
    this.canvas.addEventListener("click", (event) => {
      this.pointAt(event);
      const box = this.canvas.getBoundingClientRect();
      this.pick((event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height);
    });
  }

  /** @param {KeyboardEvent} event  Enter or the space bar chooses what the arrows point at */
  pressKey(event) {
    if (this.cursor && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      const { width, height } = this.frame;
      this.pick((this.cursor[0] + 0.5) / width, (this.cursor[1] + 0.5) / height);
    } else super.pressKey(event);
  }

  /**
   * @param {number} across  share of the picture's width
   * @param {number} up  share of its height
   */
  pick(across, up) {
    if (!this.frame.picks) return;
    const [left, right, bottom, top] = this.frame.bounds;
    const at = { x: left + across * (right - left), y: bottom + up * (top - bottom) };
    // A state, not a trigger: a trigger that meets a page just being drawn anew would be lost.
    this.setStateValue("point", { ...at, sent: Date.now() });
  }

  /** @param {Frame & Scores} frame  @param {boolean} first */
  draw(frame, first) {
    const read = (text) =>
      Float32Array.from(new Int16Array(bytes(text).buffer), (unit) => unit / POINT_UNITS);
    this.pieces = read(frame.contour);
    this.lines = frame.lines.map(([text, color]) => [read(text), color]);
    super.draw(frame, first);
    this.root.classList.toggle("picks", frame.picks);
    this.root.dataset.pieces = String(this.pieces.length / 4);
  }

  /** @param {number} ratio  device pixels per CSS pixel */
  paintPoints(ratio) {
    super.paintPoints(ratio);
    const { frame } = this;
    for (const [pieces, color] of this.lines) this.paintPieces(pieces, ratio, color);
    this.paintPieces(this.pieces, 1.6 * ratio, frame.line);
    for (const at of frame.marks) this.paintMark(at, ratio);
  }

  /** @param {Float32Array} pieces @param {number} wide @param {string} color */
  paintPieces(pieces, wide, color) {
    const { canvas, context } = this;
    context.beginPath();
    for (let i = 0; i < pieces.length; i += 4) {
      context.moveTo(pieces[i] * canvas.width, (1 - pieces[i + 1]) * canvas.height);
      context.lineTo(pieces[i + 2] * canvas.width, (1 - pieces[i + 3]) * canvas.height);
    }
    this.outlined(wide, color);
  }

  /** @param {number[]} at  in data units @param {number} ratio */
  paintMark(at, ratio) {
    const { canvas, context } = this;
    const [left, right, bottom, top] = this.frame.bounds;
    const x = ((at[0] - left) / (right - left)) * canvas.width;
    const y = (1 - (at[1] - bottom) / (top - bottom)) * canvas.height;
    const reach = MARK_RADIUS * ratio;
    context.beginPath();
    context.arc(x, y, reach, 0, 2 * Math.PI);
    for (const [dx, dy] of Object.values(ARROWS)) {
      context.moveTo(x + 0.5 * dx * reach, y + 0.5 * dy * reach);
      context.lineTo(x + 1.6 * dx * reach, y + 1.6 * dy * reach);
    }
    this.outlined(1.8 * ratio, "white");
  }

  /** Draw the path in a colour on a dark edge. @param {number} wide @param {string} color */
  outlined(wide, color) {
    for (const [style, width] of [["rgba(0, 0, 0, 0.75)", 2.2 * wide], [color, wide]]) {
      this.context.strokeStyle = style;
      this.context.lineWidth = width;
      this.context.stroke();
    }
  }

  /** @returns {string} what is shown */
  readOut() {
    const { frame, cursor } = this;
    if (!frame.nats || !cursor) return super.readOut();
    const { bounds, width, height, nats } = frame;
    const x = bounds[0] + ((cursor[0] + 0.5) / width) * (bounds[1] - bounds[0]);
    const y = bounds[2] + ((cursor[1] + 0.5) / height) * (bounds[3] - bounds[2]);
    const code = this.codes.to[cursor[1] * width + cursor[0]];
    const relation = code === 0 ? "≤" : "≈";
    const value = signed(nats[0] + (code / 255) * (nats[1] - nats[0]), nats[1] - nats[0] < 5 ? 2 : 1);
    const text = `${signed(x, 2)} across, ${signed(y, 2)} up, ${frame.reads} ${relation} ${value}`;
    this.root.querySelector(".readout").textContent = text;
    return text;
  }
}

export default mounting(ScoreView);
