// Draws the trend from the table below it, which stays for those who read it.
const target = document.getElementById("plot");
const cells = [...document.querySelectorAll("#points td[data-period]")];
const periods = cells.map((cell) => cell.dataset.period);
const values = cells.map((cell) => (cell.dataset.value === undefined ? null : Number(cell.dataset.value) * 100));
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const axis = () => ({ stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } });
const every = () => Math.max(1, Math.ceil((periods.length * 75) / Math.max(target.clientWidth - 60, 100)));
const options = () => ({
  width: Math.max(target.clientWidth, 280),
  height: 220,
  legend: { show: false },
  cursor: { show: false },
  scales: { x: { time: false, range: [-0.5, periods.length - 0.5] }, y: { range: [0, 100] } },
  axes: [
    { ...axis(), splits: () => periods.map((_, at) => at).filter((at) => (periods.length - 1 - at) % every() === 0), values: (_, at) => at.map((each) => periods[each].slice(periods[each].length > 7 ? 5 : 0)), space: 60 },
    { ...axis(), values: (_, at) => at.map((each) => `${each} %`), size: 60 },
  ],
  series: [{}, { stroke: color("--accent"), width: 2, spanGaps: false, points: { show: true, size: 8, fill: color("--accent") } }],
});

function draw() {
  let plot = new uPlot(options(), [periods.map((_, at) => at), values], target);
  new ResizeObserver(() => plot.setSize({ width: Math.max(target.clientWidth, 280), height: 220 })).observe(target);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.destroy();
    plot = new uPlot(options(), [periods.map((_, at) => at), values], target);
  });
}

if (target && cells.length > 1) draw();
