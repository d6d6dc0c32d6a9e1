const HELP = '[data-testid="stTooltipIcon"] [tabindex], [data-testid="stTooltipIcon"] button';
const SKIP = "flowplay-skip";
const DIALOG = '[role="dialog"], [aria-modal="true"]';
const TARGETS = ".st-key-target";
const [SEEK_MS, SEEKS] = [250, 40];

/** What does something with the space bar, or with letters. */
const OWN_KEYS =
  'button, a[href], textarea, select, summary, [contenteditable="true"], [role="button"], [role="option"], [role="switch"], [role="checkbox"], [role="combobox"], [role="textbox"], [role="menuitem"], [role="tab"], input:not([type="radio"]):not([type="range"])';
/** What does something with arrows. */
const OWN_ARROWS = 'input, textarea, select, canvas, [contenteditable="true"], [role="slider"], [role="option"], [role="radio"], [role="combobox"], [role="tab"], .slider-container';

const STYLE = `#${SKIP} { position: fixed; top: -4rem; left: 1rem; z-index: 1000000; padding: 0.6rem 1rem;
  border-radius: 0.5rem; background: #c8500a; color: #fff; font: 600 1rem sans-serif; text-decoration: none; }
#${SKIP}:focus { top: 0.5rem; }`;

class KeysView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.ending = new AbortController();
    const { signal } = this.ending;
    document.addEventListener("keydown", (event) => this.press(event), { signal });
    // Help is reached by a key: as stops of Tab its icons would double the way through the page.
    this.observer = new MutationObserver(() => {
      this.tidying ??= setTimeout(() => this.skipHelp(), SEEK_MS);
    });
    this.observer.observe(document.body, { childList: true, subtree: true });
    document.addEventListener("change", () => this.showChosen(), { signal });
    this.addSkipLink();
    this.skipHelp();
    this.seekChosen();
  }

  destroy() {
    this.ending.abort();
    this.observer.disconnect();
    clearTimeout(this.seeking);
    clearTimeout(this.tidying);
    document.getElementById(SKIP)?.remove();
  }

  show() {
    this.addSkipLink();
    this.skipHelp();
    this.seekChosen();
  }

  /** Scroll to the chosen target as soon as it is drawn. */
  seekChosen(times = 0) {
    clearTimeout(this.seeking);
    if (!this.showChosen() && times < SEEKS) {
      this.seeking = setTimeout(() => this.seekChosen(times + 1), SEEK_MS);
    }
  }

  /** Bring the chosen target to the middle of its row, where the row scrolls, as on a phone. */
  showChosen() {
    const chosen = document.querySelector(`${TARGETS} [data-selected="true"]`);
    const row = chosen?.closest('[role="radiogroup"]');
    if (!row?.clientWidth) return false;
    const middle = chosen.offsetLeft + chosen.offsetWidth / 2;
    if (row.scrollWidth > row.clientWidth) row.scrollLeft = middle - row.clientWidth / 2;
    return true;
  }

  /** The first stop of Tab leads to Train, where there is such a button. */
  addSkipLink() {
    if (document.getElementById(SKIP)) return;
    const link = document.createElement("a");
    Object.assign(link, { id: SKIP, href: "#", textContent: "Go to Train" });
    link.addEventListener("click", (event) => {
      event.preventDefault();
      (button("train") ?? button("pause"))?.focus();
    });
    const style = document.createElement("style");
    style.textContent = STYLE;
    link.append(style);
    document.body.prepend(link);
  }

  skipHelp() {
    this.tidying = null;
    const link = document.getElementById(SKIP);
    // Only a change is written: it would be one more to be noticed.
    const hidden = !document.querySelector(".st-key-train");
    if (link && link.hidden !== hidden) link.hidden = hidden;
    for (const icon of document.querySelectorAll(HELP)) {
      if (icon.tabIndex !== -1) icon.tabIndex = -1;
    }
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = event.composedPath();
    const on = (selector) => path.some((node) => node.matches?.(selector));
    const dialog = this.root.querySelector("dialog");
    if (dialog.open) return;
    // Help is of the control that has the keyboard, which may be one of the dialog in front.
    if (event.key.toLowerCase() !== "h" && isCovered()) return;
    if (event.key === "?" && !on('textarea, [contenteditable="true"], input:not([type="radio"]):not([type="range"])')) {
      event.preventDefault();
      dialog.showModal();
    } else if (event.key === " " && !on(OWN_KEYS)) {
      const pressed = [button("pause"), button("train")].find((one) => one && !one.disabled);
      if (!pressed) return;
      event.preventDefault();
      if (!event.repeat) pressed.click();
    } else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !on(OWN_ARROWS)) {
      if (said.voice.dispatchEvent(new CustomEvent("step layer", { detail: event.key === "ArrowRight" ? 1 : -1, cancelable: true }))) return;
      event.preventDefault();
    } else if (event.key.toLowerCase() === "h" && !on(OWN_KEYS.replace("button, a[href], ", "").replace('[role="button"], ', ""))) {
      this.help(path);
    }
  }

  /** Show the help of the control that has the keyboard: the nearest icon around it. */
  help(path) {
    for (const node of path) {
      const icon = node.querySelector?.(HELP);
      if (icon) {
        icon.focus();
        return;
      }
      if (node.matches?.('[data-testid="stVerticalBlock"]')) return;
    }
  }
}

/** @type {() => boolean} whether a dialog, of Streamlit or of ours, stands before the page */
function isCovered() {
  return [...document.querySelectorAll(DIALOG)].some((node) => node.checkVisibility({ visibilityProperty: true }));
}

/** @type {(name: string) => ?HTMLButtonElement} the one that is seen: Streamlit keeps unseen copies */
function button(name) {
  const found = [...document.querySelectorAll(`.st-key-${name} button`)];
  return found.find((node) => node.checkVisibility({ visibilityProperty: true })) ?? null;
}

export default mounting(KeysView);
