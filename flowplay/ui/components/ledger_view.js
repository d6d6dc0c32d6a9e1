/**
 * What Python sends of a point.
 * @typedef {Object} Ledger
 * @property {string} token  names the training state
 * @property {number[][]} states  z_0 … z_K
 * @property {number[][][]} jacobians
 * @property {{k: number, cells: string[]}[]} rows  from the data to the base
 * @property {Object<string, any>[]} worked  of each layer: how its log-det follows, as text
 * @property {string[]} sums  the last lines, name and number in turn
 * @property {string} alt
 */

class LedgerView {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.body = root.querySelector("tbody");
    this.worked = root.querySelector(".worked");
    this.at = Infinity;
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.body.addEventListener("click", ({ target }) => this.goTo(target), { signal });
    hear("layer", (where) => this.mark(where), signal);
  }

  destroy() {
    this.ending.abort();
    say("ledger", { token: this.ledger?.token });
  }

  /** @param {Ledger} ledger */
  show(ledger) {
    this.ledger = ledger;
    this.root.querySelector("caption").textContent = ledger.alt;
    const rows = ledger.rows.map(({ k, cells }) => {
      const row = document.createElement("tr");
      row.dataset.k = k;
      row.title = "Show this layer in the picture";
      row.append(
        ...cells.map((text, n) => {
          const cell = document.createElement(n ? "td" : "th");
          if (!n) cell.scope = "row";
          cell.textContent = text;
          return cell;
        }),
      );
      return row;
    });
    this.body.replaceChildren(...rows);
    this.root.querySelectorAll("dd").forEach((cell, n) => (cell.textContent = ledger.sums[n]));
    this.work(this.at);
    say("ledger", ledger);
    if (said.last.has("layer")) this.mark(said.last.get("layer"));
  }

  /** @param {HTMLElement} target */
  goTo(target) {
    const row = target.closest("tr");
    if (row) say("go to", { token: this.ledger.token, k: Number(row.dataset.k) });
  }

  /** @param {{token: string, k: number}} where  the layer that the picture shows */
  mark({ token, k }) {
    if (token === this.ledger?.token) this.work(k);
    for (const row of this.body.rows) {
      row.classList.toggle("here", token === this.ledger?.token && Number(row.dataset.k) === k);
    }
  }

  /**
   * Show the log-det by hand of the row of z_k; at x, of the first row below.
   * @param {number} k
   */
  work(k) {
    this.at = k;
    const { worked } = this.ledger;
    this.worked.hidden = !worked.length;
    if (!worked.length) return;
    const layer = worked[Math.min(k, worked.length - 1)];
    const set = (name, text) => (this.worked.querySelector(name).textContent = text);
    set("h4", layer.title);
    for (const part of ["name", "det", "log", "sign"]) set(`.${part}`, layer[part]);
    this.worked.querySelectorAll(".entries i").forEach((cell, n) => (cell.textContent = layer.entries[n]));
  }
}

export default mounting(LedgerView);
