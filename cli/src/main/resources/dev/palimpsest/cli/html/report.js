"use strict";
// Draws each figure.plot from the data in it. Plots share their cursor and their zoom.
(() => {
  const failures = [];
  addEventListener("error", (event) => {
    failures.push(event.message);
    document.body.dataset.errors = failures.join("; ");
  });

  const HUES = [215, 25, 150, 285, 345, 185, 48, 95];
  const plots = [];
  const all = uPlot.sync("examples");
  let zooming = false;

  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const colour = (line) => {
    const hue = line.colour < HUES.length ? HUES[line.colour] : (line.colour * 137 + 50) % 360;
    const strength = line.style === "faint" ? 0.3 : 1;
    return `hsl(${hue} 65% ${variable("--lightness")} / ${strength})`;
  };

  // Hues repeat.
  const dashed = (line) => line.colour >= HUES.length;

  const markers = (lines) => ({
    width: (u, i) => (i > 0 && dashed(lines[i - 1]) ? 2 : 0),
    dash: () => "dashed",
    stroke: (u, i) => colour(lines[i - 1]),
    fill: (u, i) => (i > 0 && !dashed(lines[i - 1]) ? colour(lines[i - 1]) : "transparent"),
  });

  // Lines of a logarithmic grid between powers of ten would be a grey area.
  const decades = (u, at) => at.map((v) => (Number.isInteger(+Math.log10(v).toFixed(9)) ? v : null));

  const count = (n) => {
    if (n === 0) return "0";
    for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (Math.abs(n) >= size) return +(n / size).toPrecision(3) + unit;
    }
    return String(+n.toPrecision(3));
  };

  const value = (v) => (v == null ? "–" : Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(2) : String(+v.toPrecision(4)));

  const tick = (v) => (v === 0 ? "0" : Math.abs(v) < 1e-4 ? v.toExponential(0).replace("e-", "e−") : Math.abs(v) >= 1e4 ? count(v) : String(+v.toPrecision(4)));

  // A line where a stage begins, with the stage's name where there is room for it.
  const stages = (bounds) => (u) => {
    const ctx = u.ctx;
    const ratio = devicePixelRatio || 1;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top - 16 * ratio, width, height + 16 * ratio);
    ctx.clip();
    ctx.font = `${11 * ratio}px system-ui, "DejaVu Sans", sans-serif`;
    ctx.fillStyle = variable("--soft");
    ctx.strokeStyle = variable("--soft");
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.lineWidth = ratio;
    ctx.globalAlpha = 0.7;
    bounds.forEach((bound, i) => {
      const x = Math.max(u.valToPos(bound.at, "x", true), left);
      const end = i + 1 < bounds.length ? u.valToPos(bounds[i + 1].at, "x", true) : left + width;
      if (end <= left || x >= left + width) return;
      if (i > 0 && x > left) {
        ctx.setLineDash([3 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(Math.round(x) + 0.5, top);
        ctx.lineTo(Math.round(x) + 0.5, top + height);
        ctx.stroke();
      }
      if (ctx.measureText(bound.label).width + 8 * ratio < Math.min(end, left + width) - x) {
        ctx.fillText(bound.label, x + 4 * ratio, top - 5 * ratio);
      }
    });
    ctx.restore();
  };

  const draw = (figure) => {
    const place = figure.querySelector(".canvas");
    const data = JSON.parse(figure.querySelector("script").textContent);
    place.replaceChildren();
    const wide = place.clientWidth > 640;
    const axis = {
      stroke: variable("--soft"),
      font: '11px system-ui, "DejaVu Sans", sans-serif',
      grid: { stroke: variable("--line"), width: 1 },
      ticks: { stroke: variable("--line"), width: 1, size: 4 },
    };
    const options = {
      width: place.clientWidth,
      height: wide ? 300 : 220,
      padding: [18, 12, 0, 0],
      scales: {
        x: { time: false },
        y: data.log ? { distr: 3 } : { range: (u, low, high) => range(low, high, data.fromZero) },
      },
      axes: [
        { ...axis, values: (u, at) => at.map(count), space: 70, size: 28 },
        { ...axis, ...(data.log && { grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades } }), values: (u, at) => at.map((v) => (v == null ? "" : tick(v))), space: 32, size: 50, label: data.unit || undefined, labelSize: 16, labelFont: axis.font },
      ],
      series: [
        { label: "examples", value: (u, v) => (v == null ? "–" : count(v)) },
        ...data.lines.map((line) => ({
          label: line.label,
          stroke: colour(line),
          width: line.style === "strong" ? 2 : 1.4,
          value: (u, v) => value(v),
          dash: dashed(line) ? [6, 3] : undefined,
          points: { show: line.x.length < 3 },
        })),
      ],
      cursor: { sync: { key: all.key }, drag: { x: true, y: false }, points: { size: 6 } },
      legend: { live: true, markers: markers(data.lines) },
      hooks: {
        draw: [stages(data.bounds), (u) => mark(figure, u)],
        setScale: [(u, key) => key === "x" && zoom(u)],
      },
    };
    const joined = uPlot.join(data.lines.map((line) => [line.x, line.y]));
    const plot = new uPlot(options, joined, place);
    all.sub(plot);
    plots.push(plot);
  };

  const range = (low, high, fromZero) => {
    if (low == null || high == null) return [0, 1];
    if (fromZero && low >= 0) low = 0;
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [fromZero && low === 0 ? 0 : low - room, high + room];
  };

  // Whether there is something on the canvas.
  const mark = (figure, u) => {
    if (figure.dataset.drawn) return;
    const { left, top, width, height } = u.bbox;
    const pixels = u.ctx.getImageData(left, top, Math.max(1, width), Math.max(1, height)).data;
    let inked = 0;
    for (let i = 3; i < pixels.length; i += 4) inked += pixels[i] > 0;
    if (inked > 0) figure.dataset.drawn = inked;
  };

  const zoom = (from) => {
    if (zooming) return;
    zooming = true;
    const { min, max } = from.scales.x;
    plots.forEach((plot) => {
      if (plot !== from && min != null) plot.setScale("x", { min, max });
    });
    zooming = false;
  };

  // The part of the axis that is shown, if it is not all of it.
  const zoomed = () => {
    if (!plots.length) return null;
    const { min, max } = plots[0].scales.x;
    const all = plots[0].data[0];
    return min > all[0] || max < all[all.length - 1] ? { min, max } : null;
  };

  const drawAll = () => {
    zooming = true; // each plot begins with its own range
    const kept = zoomed();
    plots.splice(0).forEach((plot) => {
      all.unsub(plot);
      plot.destroy();
    });
    document.querySelectorAll("figure.plot").forEach(draw);
    queueMicrotask(() => {
      zooming = false;
      if (kept && plots.length) plots[0].setScale("x", kept);
    });
  };

  let width = 0;
  const fit = () => {
    if (innerWidth !== width) {
      width = innerWidth;
      drawAll();
    }
  };
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(fit, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  matchMedia("print").addEventListener("change", drawAll);
  addEventListener("newpage", drawAll);
  fit();
})();
