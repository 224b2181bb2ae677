// Draws the report's plots. Colours are named in the specifications and looked up when a plot is
// drawn: again when the reader goes from light to dark.
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = n => n >= 1e9 ? n / 1e9 + ' G' : n >= 1e6 ? n / 1e6 + ' M' : n >= 1e3 ? n / 1e3 + ' k' : n;
let charts = [];
function draw() {
  charts.forEach(c => c.destroy());
  Chart.defaults.color = colour('--soft');
  Chart.defaults.borderColor = colour('--line');
  charts = [...document.querySelectorAll('canvas')].map(canvas => {
    const spec = JSON.parse(canvas.parentNode.nextElementSibling.textContent);
    for (const d of spec.data.datasets)
      for (const [k, v] of Object.entries(d.paint)) d[k] = Array.isArray(v) ? v.map(colour) : colour(v);
    for (const axis of Object.values(spec.options.scales))
      if (axis.type !== 'category') axis.ticks = { callback: short, maxTicksLimit: 6, maxRotation: 0 };
    return new Chart(canvas, spec);
  });
}
draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
