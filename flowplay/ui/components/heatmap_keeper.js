const LAYER = ".heatmaplayer";

/**
 * At each frame of an animation Plotly first moves the points, and takes the layer of the heatmap
 * away for that; a redraw later makes a new one. In between a browser may draw the screen. So the
 * old layer stays behind the points until the image of the new one has been read.
 */
class HeatmapKeeper {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    this.ending = new AbortController();
    const part = (root.getRootNode().host ?? root).closest(root.dataset.part) ?? document.body;
    this.observer = new MutationObserver((records) => this.notice(records));
    this.observer.observe(part, { childList: true, subtree: true });
    const options = { capture: true, signal: this.ending.signal };
    part.addEventListener("load", ({ target }) => this.loaded(target.closest(LAYER)), options);
  }

  destroy() {
    this.observer.disconnect();
    this.ending.abort();
    this.release();
  }

  show() {}

  /** @param {MutationRecord[]} records */
  notice(records) {
    for (const { target, removedNodes } of records) {
      for (const node of removedNodes) {
        if (node.matches?.(LAYER) && node.querySelector("image") && target.isConnected) {
          this.keep(node, target);
        }
      }
    }
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
