/**
 * What Python sends of one frame.
 * @typedef {Object} Frame
 * @property {string} levels  base64 of [n, height, width, channels] uint8
 * @property {number[]} shape  n, height, width, channels
 * @property {number} brightest  the highest level
 * @property {number} columns  images in a row
 * @property {string} alt
 * @property {string} note
 * @property {string} frame  shown as data-frame
 */

const GAP = 1; // pixels of an image between two images

class ImagesView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector(".plot");
    this.frames = 0;
  }

  destroy() {}

  /** @param {Frame} frame */
  show(frame) {
    this.frames++;
    const [n, height, width, channels] = frame.shape;
    const columns = Math.min(n, frame.columns) || 1;
    const rows = Math.ceil(n / columns);
    const size = {
      width: columns * (width + GAP) - GAP,
      height: Math.max(1, rows * (height + GAP) - GAP),
    };
    if (this.canvas.width !== size.width || this.canvas.height !== size.height) {
      Object.assign(this.canvas, size);
    }
    const context = this.canvas.getContext("2d");
    const levels = bytes(frame.levels);
    for (let i = 0; i < n; i++) {
      const image = context.createImageData(width, height);
      for (let p = 0; p < width * height; p++) {
        for (let c = 0; c < 3; c++) {
          const level = levels[(i * width * height + p) * channels + (channels === 3 ? c : 0)];
          const light = (255 * level) / frame.brightest;
          image.data[4 * p + c] = Math.round(channels === 3 ? light : 255 - light);
        }
        image.data[4 * p + 3] = 255;
      }
      const x = (i % columns) * (width + GAP);
      const y = Math.floor(i / columns) * (height + GAP);
      context.putImageData(image, x, y);
    }
    this.canvas.dataset.frame = frame.frame || String(this.frames);
    this.canvas.setAttribute("aria-label", frame.alt);
    this.root.querySelector(".note").textContent = frame.note;
  }
}

export default mounting(ImagesView, true);
