/**
 * What Python sends of the tour.
 * @typedef {Object} Frame
 * @property {string} phase  offered, running, left or done
 * @property {string} step  names the step
 * @property {string} count
 * @property {string} text
 * @property {string} main  label of the first button
 * @property {string} leave  label of the last button
 * @property {string} selector  of the control to highlight
 * @property {string} part  the part of it that gets the focus and counts; all of it if empty
 * @property {boolean} happened  whether the first button says that it was seen
 * @property {string} notice  act or look if the bar reports that the control is used, or looked at
 */

const REMEMBERED = "flowplay-tour"; // in this browser: the offer was answered before
const ACTS = ["click", "input", "change", "keydown"];
const LOOKS = ["pointerover", "focusin"];
const EVENTS = [...ACTS, ...LOOKS, "pointerdown"];
const KEYS = new Set(["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const FOCUSABLE = 'button:not([disabled]), [tabindex="0"], a[href]';

/** Whether the bar was last used by keyboard. Here, since each page makes a new bar. */
let byKeyboard = false;

/** The step to whose control the visitor is going, by way of another page. */
let going = "";

/** Milliseconds between two looks for a control that is not drawn yet, and how often at most. */
const SEEK = 150;
const LOOKS_FOR = 400;
/** After so many looks, the control is used without its missing part. */
const PATIENCE = 40;

class TourView {
  /** @param {HTMLElement} root  the bar */
  constructor(root) {
    this.root = root;
    /** Says whether the highlighted control is in sight. */
    this.sight = new IntersectionObserver(([entry]) => {
      this.root.dataset.inSight = entry.isIntersecting;
    });
    this.light = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.light];
    this.notice = (event) => this.noticeAct(event);
    for (const name of EVENTS) document.addEventListener(name, this.notice, true);
    this.button("main").addEventListener("click", (event) => {
      byKeyboard = event.detail === 0;
      this.told = true; // A second message would replace this one, if it is not sent yet.
      this.begin();
    });
    this.button("skip").addEventListener("click", () => this.say("skip"));
    this.button("leave").addEventListener("click", () => {
      remember();
      this.say("leave");
    });
  }

  destroy() {
    clearTimeout(this.seeking);
    clearTimeout(this.watching);
    this.sight.disconnect();
    for (const name of EVENTS) document.removeEventListener(name, this.notice, true);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== this.light);
  }

  /** @type {(name: string) => HTMLButtonElement} */
  button(name) {
    return this.root.querySelector(`.${name}`);
  }

  /** @param {Frame} frame */
  show(frame) {
    const before = this.frame;
    this.frame = frame;
    this.root.dataset.phase = frame.phase;
    this.root.dataset.step = frame.step;
    const texts = { ".count": frame.count, ".text": frame.text, ".main": frame.main, ".leave": frame.leave };
    for (const [selector, text] of Object.entries(texts)) {
      const box = this.root.querySelector(selector);
      if (box.textContent !== text) box.textContent = text;
    }
    this.button("skip").hidden = frame.phase !== "running" || frame.happened;
    this.root.dataset.happened = frame.happened;
    const lit = frame.selector ? `${frame.selector} { ${LIGHT} }` : "";
    this.light.replaceSync(frame.phase === "running" ? `${BAR} { ${STAY} } ${lit}` : "");
    if (frame.phase === "done") remember();
    if (frame.phase === "offered" && remembered() && !this.told) {
      this.told = true;
      this.say("seen");
    }
    if (before?.step !== frame.step || before.phase !== frame.phase || before.happened !== frame.happened) {
      this.acted = false;
      clearTimeout(this.seeking);
      // The focus of keyboard users returns to the bar for the next step.
      if (byKeyboard) this.button("main").focus();
    }
    this.watch();
    if (going === frame.step && frame.selector) {
      going = "";
      this.seek();
    }
  }

  /** @param {string} word */
  say(word) {
    const { step } = this.frame;
    this.setTriggerValue("said", { word, step });
  }

  /** The first button: answers the offer, or goes to the control. */
  begin() {
    const { phase } = this.frame;
    if (phase !== "running") {
      remember();
      this.say("start");
      return;
    }
    if (this.frame.happened) {
      this.say("next");
      return;
    }
    if (this.frame.selector) {
      this.seek();
      return;
    }
    going = this.frame.step;
    this.say("go");
  }

  /** @returns {HTMLElement[]} the highlighted control; Streamlit keeps unseen copies of buttons */
  controls() {
    const { selector } = this.frame;
    return selector ? [...document.querySelectorAll(selector)] : [];
  }

  /** @returns {?HTMLElement} */
  visibleControl() {
    return this.controls().find((node) => node.checkVisibility({ visibilityProperty: true }));
  }

  /** Follow whether the control is in sight; it may be drawn after the bar. */
  watch(times = 0) {
    clearTimeout(this.watching);
    this.sight.disconnect();
    const control = this.visibleControl();
    if (control) this.sight.observe(control);
    else {
      this.root.dataset.inSight = false;
      if (this.frame.selector && times < PATIENCE) {
        this.watching = setTimeout(() => this.watch(times + 1), SEEK);
      }
    }
  }

  /** Go to the control as soon as it is drawn: a page that was just opened may take a while. */
  seek(times = 0) {
    clearTimeout(this.seeking);
    const { selector, part } = this.frame;
    if (!selector || times > LOOKS_FOR) return;
    const control = this.visibleControl() ?? this.controls()[0];
    // The control may be there before the part.
    const place = control && (part ? within(control, part) : control);
    const goal = place && focusable(place);
    if (goal || (control && times > PATIENCE)) this.goTo(control, goal ?? focusable(control));
    else this.seeking = setTimeout(() => this.seek(times + 1), SEEK);
  }

  /**
   * @param {HTMLElement} control  what may be hidden in the sidebar of a phone
   * @param {?HTMLElement} goal  what takes the keyboard
   */
  goTo(control, goal) {
    if (control.getBoundingClientRect().right <= 0) {
      document.querySelector('[data-testid="stExpandSidebarButton"]')?.click();
    }
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    control.scrollIntoView({ block: "center", behavior: smooth ? "smooth" : "auto" });
    goal?.focus({ preventScroll: true });
  }

  /** @param {Event} event  anywhere in the page; it counts only on the highlighted control */
  noticeAct(event) {
    const { phase, selector, part, notice } = this.frame ?? {};
    if (event.type === "pointerdown") {
      // It may be the begin of a swipe, which is no choice.
      byKeyboard = false;
      return;
    }
    if (phase !== "running" || !selector || this.acted) return;
    const key = event.type === "keydown";
    if (key && !KEYS.has(event.key)) return;
    if (LOOKS.includes(event.type) && notice !== "look") return;
    const path = event.composedPath();
    const control = path.find((node) => node.matches?.(selector));
    if (!control) return;
    // If the part is missing, the whole control counts.
    if (part && within(control, part) && !path.some((node) => node.matches?.(part))) return;
    byKeyboard ||= key;
    this.acted = true;
    if (!notice) return;
    // Later than the control's own message: the step is judged by what the control did.
    setTimeout(() => this.say("acted"), 60);
  }
}

// Streamlit's wrapper is as high as the bar, so the wrapper must be sticky, not the bar.
const BAR = '[data-testid="stLayoutWrapper"]:has(> .st-key-tour)';
const STAY = "position: sticky; top: 3.75rem; z-index: 30;";
const LIGHT =
  "outline: 3px solid #e8720c !important; outline-offset: 4px; border-radius: 6px; scroll-margin: 6rem;";

/** @type {(node: ParentNode) => ?HTMLElement} it, or the first in it that takes the keyboard, shadows included */
function focusable(node) {
  if (node.matches?.(FOCUSABLE)) return node;
  const input = node.querySelector("input:checked") ?? node.querySelector("input:not([disabled])");
  return input ?? within(node, FOCUSABLE);
}

/** @type {(node: ParentNode, selector: string) => ?HTMLElement} the first that matches, shadows included */
function within(node, selector) {
  for (const child of node.querySelectorAll("*")) {
    if (child.matches(selector)) return child;
    const inside = child.shadowRoot && within(child.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}

/** A browser may refuse to remember; then the tour is offered again. */
function remember() {
  try {
    localStorage.setItem(REMEMBERED, "answered");
  } catch (refused) {
    console.debug(refused);
  }
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) !== null;
  } catch (refused) {
    return false;
  }
}

export default mounting(TourView);
