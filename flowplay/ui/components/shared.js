/**
 * Comes before each component's own script, in the same module.
 * @typedef {[number, string]} Tick  position along the axis (0 to 1), label
 */

/** @type {(text: string) => Uint8Array} */
const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/** @type {(value: number, digits: number) => string} */
const signed = (value, digits) => value.toFixed(digits).replace("-", "−");

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
 */
function mounting(View) {
  const views = new WeakMap();
  return ({ data, parentElement, setStateValue, setTriggerValue }) => {
    let view = views.get(parentElement);
    if (!view?.root.isConnected) {
      view?.destroy();
      view = new View(parentElement.querySelector("figure"));
      views.set(parentElement, view);
    }
    Object.assign(view, { setStateValue, setTriggerValue });
    view.show(data);
    // Streamlit also runs this for frames that were overtaken, while the picture is still there.
    return () => {
      if (!view.root.isConnected) view.destroy();
    };
  };
}
