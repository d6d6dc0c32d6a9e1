"use strict";
{
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");

  /** The page's own colours, as a Plotly layout update. */
  const colors = () => {
    const style = getComputedStyle(document.documentElement);
    return {
      "font.color": style.getPropertyValue("--text").trim(),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
    };
  };

  figures.forEach(async (figure, i) => {
    const div = document.getElementById(`figure-${i}`);
    const config = { responsive: true, displaylogo: false };
    await Plotly.newPlot(div, { ...figure, config });
    await Plotly.relayout(div, colors());
    dark.addEventListener("change", () => Plotly.relayout(div, colors()));
  });
}
