class AnchorView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.keys = [];
    this.ending = new AbortController();
    window.addEventListener("hashchange", () => this.look(), { signal: this.ending.signal });
  }

  destroy() {
    this.ending.abort();
  }

  /** @param {{section: string, keys: string[]}} shown */
  show({ section, keys }) {
    if (this.section !== undefined && this.section !== section) {
      document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
    }
    this.section = section;
    this.keys = keys;
    this.look();
  }

  /** Tell which section the address names after its #, and take that away. */
  look() {
    const wanted = location.hash.slice(1);
    if (!this.keys.includes(wanted)) return;
    history.replaceState(history.state, "", location.pathname + location.search);
    this.setTriggerValue("wanted", wanted);
  }
}

export default mounting(AnchorView);
