class SettingsButton {
  /** @param {HTMLElement} root  the component's figure */
  constructor(root) {
    this.root = root;
    root.querySelector("button").addEventListener("click", () => {
      document.querySelector('[data-testid="stExpandSidebarButton"]')?.click();
    });
  }

  destroy() {}

  show() {}
}

export default mounting(SettingsButton);
