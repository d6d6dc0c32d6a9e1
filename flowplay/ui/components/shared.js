/**
 * Comes before each component's own script, in the same module.
 * @typedef {[number, string]} Tick  position along the axis (0 to 1), label
 */

/** @type {(text: string) => Uint8Array} */
const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/**
 * @type {(value: number, digits: number) => string} as `flowplay.numbers.fixed` writes it; only what
 * lies exactly between two roundings goes up here, and to the even digit there
 */
function signed(value, digits) {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e6) return number(value);
  const [whole, ...decimals] = Math.abs(value).toFixed(digits).split(".");
  const text = [Number(whole).toLocaleString("en"), ...decimals].join(".");
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** @type {(value: number, digits?: number) => string} as `flowplay.numbers.number` writes it */
function number(value, digits = 2) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) {
    const rounded = Number(value.toPrecision(digits));
    return rounded.toLocaleString("en", { maximumFractionDigits: 10 }).replace("-", "−");
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const raised = String(Number(exponent)).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
  return `${Number(mantissa)} × 10${raised}`.replace("-", "−");
}

/** Messages between the components of a page, by topic: the last of each, and the listeners. */
const said = (globalThis.flowplaySaid ??= { last: new Map(), voice: new EventTarget() });

/** @type {(topic: string, value: any) => void} */
function say(topic, value) {
  said.last.set(topic, value);
  said.voice.dispatchEvent(new CustomEvent(topic, { detail: value }));
}

/**
 * Call `act` with the last message on a topic, if there is one, and with all that follow.
 * @param {string} topic
 * @param {(value: any) => void} act
 * @param {AbortSignal} signal  ends it
 */
function hear(topic, act, signal) {
  said.voice.addEventListener(topic, ({ detail }) => act(detail), { signal });
  if (said.last.has(topic)) act(said.last.get(topic));
}

/**
 * @param {string} text  base64 of colours, 3 bytes each
 * @returns {Uint32Array} the same as little-endian RGBA pixels
 */
function readPalette(text) {
  const rgb = bytes(text);
  return Uint32Array.from(
    { length: rgb.length / 3 },
    (_, i) => (0xff << 24) | (rgb[3 * i + 2] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i],
  );
}

/**
 * @param {HTMLElement} root
 * @param {Object<string, Tick[]>} ticks  by the axis, a class beside .ticks
 */
function setTicks(root, ticks) {
  for (const [axis, marks] of Object.entries(ticks)) {
    const box = root.querySelector(`.ticks.${axis}`);
    const spec = JSON.stringify(marks);
    if (box.dataset.spec === spec) continue;
    box.dataset.spec = spec;
    box.style.setProperty("--chars", Math.max(0, ...marks.map(([, label]) => label.length)));
    box.replaceChildren(
      ...marks.map(([at, label]) => {
        const span = document.createElement("span");
        span.textContent = label;
        span.style.setProperty("--at", at);
        return span;
      }),
    );
  }
}

/**
 * What Streamlit calls with every new frame, and whenever the theme changes: one view per element,
 * as long as its figure is on the page.
 * @param {new (root: HTMLElement) => {root: HTMLElement, show: Function, destroy: Function}} View
 *   whose `show` gets the data, and a function that tells Python of an event
 * @param {boolean} skipsEqual  whether the data that it got last would show nothing new
 */
function mounting(View, skipsEqual = false) {
  const views = new WeakMap();
  return ({ data, parentElement, setStateValue, setTriggerValue }) => {
    let view = views.get(parentElement);
    if (!view?.root.isConnected) {
      view?.destroy();
      view = new View(parentElement.querySelector("figure"));
      views.set(parentElement, view);
    }
    Object.assign(view, { setStateValue, setTriggerValue });
    // A page is sent whole, also the parts in which nothing has changed.
    const sent = skipsEqual && JSON.stringify(data);
    if (!skipsEqual || sent !== view.sent) view.show(data);
    view.sent = sent;
    // Streamlit also runs this for frames that were overtaken, while the picture is still there.
    return () => {
      if (!view.root.isConnected) view.destroy();
    };
  };
}
