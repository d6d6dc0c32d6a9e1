/**
 * What Python sends: rows from top to bottom.
 * @typedef {Object} Row
 * @property {string} title
 * @property {string} pixels  base64 of [n, height, width, 3] uint8
 * @property {number[]} shape  n, height, width
 * @property {string[]} captions
 * @property {number} size  pixels of the page that a picture is wide at most
 * @property {string} step  what is done to come here
 * @property {?number} marked  the picture that stands out
 */

class TilesView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.box = root.querySelector(".rows");
    this.frames = 0;
  }

  destroy() {}

  /** @param {{alt: string, rows: Row[]}} frame */
  show(frame) {
    this.root.setAttribute("role", "img");
    this.root.setAttribute("aria-label", frame.alt);
    this.box.replaceChildren(...frame.rows.map((row) => this.row(row)));
    this.root.dataset.frame = String(++this.frames);
  }

  /** @param {Row} row */
  row(row) {
    const section = document.createElement("section");
    if (row.step) section.append(text("p", "step", `↓ ${row.step}`));
    if (row.title) section.append(text("p", "title", row.title));
    const tiles = document.createElement("div");
    tiles.className = "tiles";
    const [n, height, width] = row.shape;
    tiles.style.setProperty("--n", n);
    tiles.style.setProperty("--size", `${row.size}px`);
    const colours = bytes(row.pixels);
    for (let i = 0; i < n; i++) {
      const tile = document.createElement("div");
      tile.classList.toggle("marked", i === row.marked);
      const canvas = document.createElement("canvas");
      paint(canvas, colours, 3 * i * height * width, height, width);
      tile.append(canvas);
      if (row.captions[i]) tile.append(text("span", "", row.captions[i]));
      tiles.append(tile);
    }
    section.append(tiles);
    return section;
  }
}

/** @type {(tag: string, name: string, words: string) => HTMLElement} */
function text(tag, name, words) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = words;
  return element;
}

export default mounting(TilesView);
