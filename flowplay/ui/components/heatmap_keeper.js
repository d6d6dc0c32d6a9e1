const LAYER = ".heatmaplayer";
const PLOT = ".js-plotly-plot";

/**
 * Keeps an animated chart in sight, and playing.
 *
 * At each frame of an animation Plotly first moves the points, and takes the layer of the heatmap
 * away for that; a redraw later makes a new one. In between a browser may draw the screen. So the
 * old layer stays behind the points until the image of the new one has been read.
 *
 * Where the theme changes, Streamlit hands Plotly new objects, and Plotly begins a new queue of
 * frames. The loop that plays belongs to the old one: it would hold the chart, and neither Pause nor
 * the slider would reach it. So it is ended, and the chart plays on from the frame it had reached.
 */
class HeatmapKeeper {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.ending = new AbortController();
    this.watched = new WeakSet();
    const part = (root.getRootNode().host ?? root).closest(root.dataset.part) ?? document.body;
    this.observer = new MutationObserver((records) => this.notice(records));
    this.observer.observe(part, { childList: true, subtree: true });
    const options = { capture: true, signal: this.ending.signal };
    part.addEventListener("load", ({ target }) => this.loaded(target.closest(LAYER)), options);
    this.part = part;
    this.watchAll();
  }

  destroy() {
    this.observer.disconnect();
    this.ending.abort();
    this.release();
  }

  show() {}

  /** @param {MutationRecord[]} records */
  notice(records) {
    this.watchAll();
    for (const { target, removedNodes } of records) {
      for (const node of removedNodes) {
        if (node.matches?.(LAYER) && node.querySelector("image") && target.isConnected) {
          this.keep(node, target);
        }
      }
    }
  }

  watchAll() {
    for (const chart of this.part.querySelectorAll(PLOT)) {
      // Plotly gives the element its class a moment before its events.
      if (this.watched.has(chart) || !chart.on) continue;
      this.watched.add(chart);
      this.watch(chart);
    }
  }

  /** @param {HTMLElement} chart  of Plotly */
  watch(chart) {
    let playing = null; // the queue whose frames are shown
    chart.on("plotly_animating", () => (playing = chart._transitionData));
    chart.on("plotly_animated", () => {
      if (playing === chart._transitionData) playing = null;
    });
    chart.on("plotly_react", () => {
      if (!playing || playing === chart._transitionData) return;
      const old = playing;
      playing = null;
      cancelAnimationFrame(old._animationRaf);
      old._animationRaf = null;
      if (!old._frameQueue?.length) return;
      old._frameQueue.length = 0;
      const [play] = chart.querySelectorAll(".updatemenu-button");
      play?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    });
  }

  /**
   * @param {Element} layer  that was taken away
   * @param {Element} plot  from which it was
   */
  keep(layer, plot) {
    // One that was never seen does not replace one that is.
    if (this.kept?.isConnected && !layer.dataset.read) return;
    this.release();
    // Under its own name Plotly would find it, and take it away again.
    layer.setAttribute("class", "kept");
    plot.prepend(layer);
    this.kept = layer;
  }

  /** @param {?Element} layer  whose image the browser has read */
  loaded(layer) {
    if (!layer) return;
    layer.dataset.read = "yes";
    this.release();
  }

  release() {
    this.kept?.remove();
    this.kept = null;
  }
}

export default mounting(HeatmapKeeper);
