// Draws the numbers of the table beside it. Without this script there is the table alone.
(() => {
  let drawn = null;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const font = "13px system-ui, sans-serif";
  const clock = (at) => new Date(at * 1000).toLocaleTimeString(undefined, {hour: "2-digit", minute: "2-digit"});
  const width = (text) => {
    const context = document.createElement("canvas").getContext("2d");
    context.font = font;
    return context.measureText(text).width;
  };
  const numbers = (rows, column) => rows.map((row) => Number(row.cells[column].dataset.count));

  const draw = () => {
    const place = document.getElementById("chart"), table = document.getElementById("rates");
    if (drawn) drawn.destroy();
    drawn = null;
    if (!place || !table) return;
    place.hidden = false;
    const rows = [...table.tBodies[0].rows].reverse();  // the table begins with the newest
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const axis = {stroke: colour("--quiet"), grid: {stroke: colour("--line"), width: 1}, ticks: {show: false}, font};
    const whole = (u, values) => values.map((value) => Number.isInteger(value) ? String(value) : "");
    const series = heads.map((head) => ({
      label: head.textContent.trim(), stroke: colour(head.dataset.colour), width: 2, dash: JSON.parse(head.dataset.dash), points: {show: false},
    }));
    drawn = new uPlot({
      width: place.clientWidth, height: 240,
      padding: [null, Math.ceil(width(clock(0)) / 2) + 2, null, null],  // half of a time may stand right of the lines
      series: [{}, ...series], legend: {live: false}, cursor: {show: false},
      scales: {y: {range: (u, least, most) => [0, Math.max(4, Math.ceil(most * 1.1))]}},
      axes: [{...axis, size: 32, values: (u, splits) => splits.map(clock)},
             {...axis, values: whole, size: 56}],
    }, [rows.map((row) => Number(row.dataset.at)), ...heads.map((_, n) => numbers(rows, n + 1))], place);
  };

  draw();
  document.addEventListener("htmx:after:swap", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", () => { if (drawn) drawn.setSize({width: document.getElementById("chart").clientWidth, height: 240}); });
})();
