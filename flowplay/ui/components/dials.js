/**
 * A number that a visitor sets; Python describes it and decides its value.
 * @typedef {Object} Dial
 * @property {string} name
 * @property {string} label
 * @property {string} help
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} value
 */

const ANSWER_WITHIN = 1500; // milliseconds, then a message counts as lost

/** Sends what a visitor sets; the next message waits for the answer to the last one. */
class Exchange {
  /**
   * @param {{setStateValue: Function}} view
   * @param {() => Object} message  all that is set now
   */
  constructor(view, message) {
    Object.assign(this, { view, message, number: 0, waiting: false, dirty: false });
  }

  changed() {
    this.dirty = true;
    if (this.waiting) return;
    this.dirty = false;
    this.waiting = true;
    this.number += 1;
    this.view.setStateValue("sent", { number: this.number, ...this.message() });
    this.timer = setTimeout(() => this.free(), ANSWER_WITHIN);
  }

  /**
   * @param {number} number  of the last message that Python had seen
   * @returns {boolean} whether it answers all that was set
   */
  answered(number) {
    this.number = Math.max(this.number, number);
    if (this.waiting && number >= this.number) this.free();
    return !this.waiting;
  }

  /** Forget what was set and not yet sent. */
  drop() {
    this.dirty = false;
  }

  free() {
    clearTimeout(this.timer);
    this.waiting = false;
    if (this.dirty) this.changed();
  }
}

/** A row of sliders, made once for each set of names and then kept. */
class Dials {
  /**
   * @param {HTMLElement} box
   * @param {() => void} changed
   */
  constructor(box, changed) {
    Object.assign(this, { box, changed });
  }

  /**
   * @param {Dial[]} dials
   * @param {boolean} settled  whether Python's values answer the last ones set here
   */
  show(dials, settled) {
    const names = dials.map(({ name, label }) => `${name}:${label}`).join();
    if (this.names !== names) {
      this.names = names;
      this.box.replaceChildren(...dials.map((dial) => this.make(dial)));
    } else if (settled) {
      dials.forEach(({ value }, i) => this.write(this.box.children[i], value));
    }
  }

  /** @param {Dial} dial */
  make({ name, label, help, min, max, step, value }) {
    const row = document.createElement("label");
    const input = document.createElement("input");
    const title = document.createElement("span");
    title.textContent = label;
    Object.assign(input, { type: "range", name, min, max, step, title: help });
    input.setAttribute("aria-description", help);
    row.title = help;
    row.append(title, input, document.createElement("output"));
    input.addEventListener("input", () => {
      this.write(row, input.valueAsNumber);
      this.changed();
    });
    this.write(row, value);
    return row;
  }

  /** @type {(row: HTMLElement, value: number) => void} */
  write(row, value) {
    const [, input, output] = row.children;
    input.value = value;
    output.textContent = signed(Number(value), Number(input.step) % 1 ? 2 : 0);
  }

  /** @returns {Object<string, number>} */
  values() {
    const inputs = [...this.box.querySelectorAll("input")];
    return Object.fromEntries(inputs.map((input) => [input.name, input.valueAsNumber]));
  }
}
