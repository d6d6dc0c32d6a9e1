/**
 * What Python sends.
 * @typedef {Object} Frame
 * @property {string} uploader  its key
 * @property {string} kinds  what the type of a file begins with
 * @property {string} hint
 */

class PasteView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.ending = new AbortController();
    const { signal } = this.ending;
    document.addEventListener("paste", (event) => this.paste(event), { signal });
  }

  destroy() {
    this.ending.abort();
  }

  /** @param {Frame} frame */
  show(frame) {
    this.frame = frame;
    this.root.querySelector("p").textContent = frame.hint;
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    const file = files.find(({ type }) => type.startsWith(this.frame.kinds));
    const input = document.querySelector(`.st-key-${this.frame.uploader} input[type=file]`);
    if (!file || !input || !this.root.checkVisibility()) return;
    event.preventDefault();
    const pasted = new DataTransfer();
    pasted.items.add(file);
    input.files = pasted.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

export default mounting(PasteView);
