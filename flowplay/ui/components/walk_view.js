/**
 * What Python sends: one image after each layer.
 * @typedef {Object} Walk
 * @property {number[]} shape  height, width
 * @property {string} states  base64 of [K + 1, height, width, 3] uint8
 * @property {string} maps  base64 of [K, height, width, 3] uint8
 * @property {string} bar  base64 of [1, n, 3] uint8, the colours from low to high
 * @property {string[]} reach  half of the range of the states' colours, and of each map's
 * @property {string[]} names  K + 1
 * @property {number[]} log_dets  K
 * @property {number[]} bits  K + 1
 * @property {number[]} bounds  low and high of the chart
 * @property {Tick[]} ticks  of the chart
 */

const PACE = 350; // milliseconds that a layer is shown while it plays

class WalkView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.slider = root.querySelector(".at");
    this.button = root.querySelector(".play");
    this.slider.addEventListener("input", () => this.stand());
    this.button.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    this.timer = 0;
  }

  destroy() {
    this.stop();
  }

  /** @param {Walk} walk */
  show(walk) {
    const first = !this.walk;
    this.walk = walk;
    this.states = bytes(walk.states);
    this.maps = bytes(walk.maps);
    this.slider.max = String(walk.names.length - 1);
    if (first) this.slider.value = "0";
    const bar = bytes(walk.bar);
    for (const canvas of this.root.querySelectorAll(".bar")) {
      paint(canvas, bar, 0, 1, bar.length / 3);
    }
    setTicks(this.root, { y: walk.ticks });
    const grid = walk.ticks.map(([at]) => `M0,${1000 * (1 - at)}h1000`).join("");
    this.root.querySelector("path.grid").setAttribute("d", grid);
    const line = walk.bits.map((bits, k) => `${k ? "L" : "M"}${this.x(k)},${this.y(bits)}`).join("");
    this.root.querySelector("path.line").setAttribute("d", line);
    this.stand();
  }

  /** @type {(k: number) => number} */
  x(k) {
    return (1000 * k) / Math.max(1, this.walk.names.length - 1);
  }

  /** @type {(bits: number) => number} */
  y(bits) {
    const [low, high] = this.walk.bounds;
    return 1000 * (1 - (Math.min(bits, high) - low) / (high - low));
  }

  stand() {
    const k = Number(this.slider.value);
    const { names, log_dets, bits, shape, reach } = this.walk;
    const [height, width] = shape;
    const size = 3 * height * width;
    paint(this.root.querySelector(".state"), this.states, k * size, height, width);
    const map = this.root.querySelector(".map");
    if (k) paint(map, this.maps, (k - 1) * size, height, width);
    map.parentElement.classList.toggle("nothing", !k);
    const [state, logDet] = this.root.querySelectorAll(".scale");
    state.classList.toggle("nothing", !k);
    this.range(state, reach[0]);
    this.range(logDet, k ? reach[k] : "");
    this.root.querySelector("path.hair").setAttribute("d", `M${this.x(k)},0v1000`);
    const layer = k ? `${k}. ${names[k]}: log-det ${signed(log_dets[k - 1], 2)} nats, ` : `${names[k]}: `;
    const said = `${layer}${signed(bits[k], 3)} bits/dim so far`;
    this.root.querySelector(".said").textContent = said;
    this.slider.setAttribute("aria-valuetext", said);
    this.root.dataset.layer = String(k);
  }

  /** @type {(box: Element, reach: string) => void} */
  range(box, reach) {
    box.querySelector(".low").textContent = `−${reach}`;
    box.querySelector(".high").textContent = reach;
  }

  play() {
    const last = this.walk.names.length - 1;
    if (Number(this.slider.value) >= last) this.slider.value = "0";
    this.button.textContent = "⏸";
    this.button.setAttribute("aria-label", "Pause");
    this.timer = setInterval(() => {
      this.slider.value = String(Number(this.slider.value) + 1);
      this.stand();
      if (Number(this.slider.value) >= last) this.stop();
    }, PACE);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = "▶";
    this.button.setAttribute("aria-label", "Play");
  }
}

export default mounting(WalkView);
