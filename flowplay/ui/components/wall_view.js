/**
 * What Python sends of a student.
 * @typedef {Object} Tile
 * @property {string} id
 * @property {string} name
 * @property {string} family
 * @property {string} facts
 * @property {?number} gap
 * @property {?number} time
 * @property {boolean} reached
 * @property {boolean} active
 * @property {string} inside  address of a copy of the run
 * @property {string} code  base64 of [side, side] uint8; row 0 is lowest
 * @property {string} frame
 */

const ORDERS = {
  joined: () => 0,
  name: (a, b) => a.name.localeCompare(b.name),
  gap: (a, b) => (a.gap ?? Infinity) - (b.gap ?? Infinity) || 0,
  time: (a, b) => (a.time ?? Infinity) - (b.time ?? Infinity) || 0,
};

class WallView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.palette = readPalette(root.dataset.palette);
    this.tiles = [];
    /** @type {Map<string, HTMLElement>} */
    this.elements = new Map();
    this.chosen = null;
    this.spot = root.querySelector(".spot");
    root.querySelector("select").addEventListener("change", () => this.arrange());
    root.querySelector(".close").addEventListener("click", () => this.spot.close());
    this.spot.addEventListener("close", () => this.choose(null));
  }

  destroy() {}

  /** @param {{tiles: Tile[]}} frame */
  show({ tiles }) {
    this.tiles = tiles;
    const present = new Set(tiles.map(({ id }) => id));
    for (const [id, element] of this.elements) {
      if (present.has(id)) continue;
      element.remove();
      this.elements.delete(id);
    }
    for (const tile of tiles) this.update(tile);
    const reached = tiles.filter((tile) => tile.reached).length;
    this.root.querySelector(".count").textContent =
      `${tiles.length} student${tiles.length === 1 ? "" : "s"}` +
      (reached ? `, ${reached} at the goal` : "");
    this.arrange();
    this.showSpot();
  }

  /** @param {Tile} tile */
  update(tile) {
    let element = this.elements.get(tile.id);
    if (!element) {
      element = document.createElement("button");
      element.type = "button";
      element.className = "tile";
      for (const [name, tag] of [["picture", "canvas"], ["name", "span"], ["facts", "span"]]) {
        const part = document.createElement(tag);
        part.className = name;
        element.append(part);
      }
      element.addEventListener("click", () => this.choose(tile.id));
      this.elements.set(tile.id, element);
    }
    element.querySelector(".name").textContent = tile.name;
    element.querySelector(".facts").textContent = `${tile.family}\n${tile.facts}`;
    element.classList.toggle("reached", tile.reached);
    element.classList.toggle("active", tile.active);
    element.title = `${tile.name}: show it in large`;
    if (element.dataset.frame !== tile.frame) {
      element.dataset.frame = tile.frame;
      this.draw(element.querySelector("canvas"), tile);
    }
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Tile} tile
   */
  draw(canvas, tile) {
    const codes = bytes(tile.code);
    const side = Math.round(Math.sqrt(codes.length));
    Object.assign(canvas, { width: side || 1, height: side || 1 });
    const context = canvas.getContext("2d");
    if (!side) return;
    const image = context.createImageData(side, side);
    const pixels = new Uint32Array(image.data.buffer);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        pixels[(side - 1 - row) * side + column] = this.palette[codes[row * side + column]];
      }
    }
    context.putImageData(image, 0, 0);
  }

  arrange() {
    const order = ORDERS[this.root.querySelector("select").value];
    const elements = this.tiles.toSorted(order).map(({ id }) => this.elements.get(id));
    const box = this.root.querySelector(".tiles");
    // What is in its place already keeps the focus.
    elements.forEach((element, i) => {
      if (box.children[i] !== element) box.insertBefore(element, box.children[i] ?? null);
    });
  }

  /** @param {?string} id */
  choose(id) {
    const before = this.chosen;
    this.chosen = id;
    this.showSpot();
    if (id === null && before !== null) this.elements.get(before)?.focus();
  }

  showSpot() {
    const tile = this.tiles.find(({ id }) => id === this.chosen);
    if (!tile) {
      this.spot.close();
      return;
    }
    // A modal dialog lies above all else, whatever stands around this component.
    if (!this.spot.open) {
      this.spot.showModal();
      this.spot.querySelector(".close").focus();
    }
    this.spot.querySelector(".name").textContent = tile.name;
    this.spot.querySelector(".facts").textContent = `${tile.family} · ${tile.facts}`;
    const link = this.spot.querySelector("a");
    link.hidden = !tile.inside;
    if (tile.inside) link.href = tile.inside;
    const canvas = this.spot.querySelector("canvas");
    canvas.setAttribute("aria-label", `What ${tile.name}'s model has learned`);
    this.draw(canvas, tile);
  }
}

export default mounting(WallView);
