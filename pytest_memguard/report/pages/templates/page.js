// What every page has: its data, plots that follow the colours of the page, buttons that copy.
"use strict";

const memguard = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 600px)");
  const plots = new Map();
  let library = null;

  // Plotly reads a few tags in what it shows: names of others must have none.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const ink = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  };

  async function unpacked(base64) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  async function loaded() {
    const source = document.getElementById("plot-library");
    const script = document.createElement("script");
    script.textContent = await unpacked(source.textContent);
    source.remove();
    document.head.append(script); // the policy of the page knows its hash
    return window.Plotly;
  }

  function frame(color) {
    const axis = {
      color: color("muted"), gridcolor: color("line"), linecolor: color("line"), zerolinecolor: color("line"),
      fixedrange: false, automargin: true, tickfont: { size: 12 },
    };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: true, dragmode: "zoom",
      font: { family: getComputedStyle(document.body).fontFamily, color: color("text"), size: 13 },
      margin: { l: 56, r: 12, t: 8, b: 40 }, hovermode: "closest",
      hoverlabel: { bgcolor: color("surface"), bordercolor: color("line"), font: { family: getComputedStyle(document.body).fontFamily, color: color("text") }, align: "left" },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 12 } },
      xaxis: { ...axis, showgrid: false }, yaxis: { ...axis, rangemode: "tozero" },
    };
  }

  async function show(figure, build) {
    try {
      library ??= loaded();
      const Plotly = await library;
      const color = ink();
      const { traces, layout } = build(color);
      const base = frame(color);
      const whole = { ...base, ...layout };
      for (const axis of ["xaxis", "yaxis"]) whole[axis] = { ...base[axis], ...(layout[axis] ?? {}) };
      const target = figure.querySelector(".plot-live");
      target.hidden = false;
      await Plotly.react(target, traces, whole, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
      target.removeAllListeners("plotly_click");
      target.on("plotly_click", ({ points: [point] }) => { if (point.customdata) location.hash = point.customdata; });
      figure.classList.add("is-live");
    } catch (error) {
      figure.querySelector(".plot-live").hidden = true; // the picture stays, where there is one
      if (!figure.querySelector(".plot-still")) figure.hidden = true;
      console.warn("memguard: no interactive plot:", error);
    }
  }

  /**
   * Draw into the figure with that id when it comes into view: `build(color)` gives `{ traces, layout }`.
   * A point whose `customdata` is the id of an element leads there.
   */
  function plot(id, build) {
    const figure = document.getElementById(id);
    if (!figure || !window.DecompressionStream) return;
    figure.classList.remove("only-live");
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      plots.set(figure, build);
      show(figure, build);
    }, { rootMargin: "400px" }).observe(figure);
  }

  // Other colours, or room for fewer words on an axis.
  for (const look of [dark, narrow]) look.addEventListener("change", () => plots.forEach((build, figure) => show(figure, build)));

  async function copy(button) {
    const target = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(target.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(target);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }

  // A link may lead to what is folded away.
  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    let folded = target && target.closest("details:not([open])");
    if (!folded) return;
    for (; folded; folded = folded.parentElement.closest("details:not([open])")) folded.open = true;
    target.scrollIntoView();
  }

  addEventListener("hashchange", reveal);
  reveal();

  // What is folded away is printed, too.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));

  return { data, narrow, plot, plain };
})();
