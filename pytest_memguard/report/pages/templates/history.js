// The page of a history: the runs as a plot, and every test to be searched for, sorted and opened.
"use strict";

(() => {
  const { data, plain } = memguard;
  const { runs, words } = data;
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const STEPS = ALPHABET.length ** 2 - 2;
  const VALUE = new Map([...ALPHABET].map((char, value) => [char, value]));
  // A row: id, verdict, outcome, last run, then what the newest run has of a metric, and how it came to that.
  const METRICS = {
    retained: { now: 4, change: 5, lowest: 6, highest: 7, series: 8 },
    peak: { now: 9, change: 10, lowest: 11, highest: 12, series: 13 },
  };

  const bytes = (size, signed = false) => {
    if (size === null) return "\u2013";
    const sign = size < 0 ? "-" : signed ? "+" : "";
    let amount = Math.abs(size);
    if (amount < 1023.5) return `${sign}${amount} B`;
    for (const unit of ["KiB", "MiB", "GiB", "TiB"]) {
      amount /= 1024;
      if (amount < 99.95) return `${sign}${amount.toFixed(1)} ${unit}`;
      if (amount < 1023.5) return `${sign}${amount.toFixed(0)} ${unit}`;
    }
    return `${sign}${(amount / 1024).toFixed(1)} PiB`;
  };

  function unpacked(row, { now, lowest, highest, series }) {
    const text = row[series];
    if (!text) return runs.map(() => (row[lowest] === null ? null : row[lowest]));
    const span = row[highest] - row[lowest];
    return runs.map((_, place) => {
      const step = VALUE.get(text[2 * place]) * ALPHABET.length + VALUE.get(text[2 * place + 1]);
      if (step > STEPS) return null;
      return place === runs.length - 1 ? row[now] : Math.round(row[lowest] + (step / STEPS) * span);
    });
  }

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  // -- the runs

  const label = ([number, date, commit, branch]) =>
    `run ${number}, ${date} UTC${commit ? `<br>commit ${plain(commit)}` : ""}${branch ? `<br>branch ${plain(branch)}` : ""}`;

  // Numbers, not names: a category axis would take runs of the same commit for one.
  function runAxis() {
    const stride = Math.max(1, Math.ceil(runs.length / (memguard.narrow.matches ? 4 : 10)));
    const shown = runs.map((_, place) => place).filter((place) => (runs.length - 1 - place) % stride === 0);
    return {
      zeroline: false, tickvals: shown, tickangle: 0, range: [-0.5, runs.length - 0.5],
      ticktext: shown.map((place) => (runs[place][2] ? `${runs[place][0]}<br>${plain(runs[place][2])}` : String(runs[place][0]))),
    };
  }

  const UNITS = [1, 2 ** 10, 2 ** 20, 2 ** 30, 2 ** 40];

  function sizeAxis(values) {
    const known = values.filter((value) => value !== null);
    const [low, high] = [Math.min(0, ...known), Math.max(1, ...known)];
    const unit = UNITS.findLast((each) => each <= Math.max(high, -low)) ?? 1;
    const rough = (high - low) / unit / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) * power * unit;
    const ticks = [];
    for (let at = Math.floor(low / step) * step; at <= high + step * 0.5; at += step) ticks.push(at);
    return { tickvals: ticks, ticktext: ticks.map((tick) => bytes(tick)), range: [Math.min(low, 0) * 1.05, high * 1.08] };
  }

  memguard.plot("runs-plot", (color) => {
    const places = runs.map((_, place) => place);
    const peaks = runs.map((run) => run[4]);
    const leaks = runs.map((run) => run[5]);
    return {
      traces: [
        {
          type: "scatter", mode: "lines+markers", name: "highest memory", x: places, y: peaks, line: { color: color("curve"), width: 2 },
          marker: { size: runs.length > 60 ? 3 : 6 }, text: runs.map((run) => `${label(run)}<br>${bytes(run[4])}, ${run[6]} tests`), hovertemplate: "%{text}<extra></extra>",
        },
        {
          type: "bar", name: "leaks", x: places, y: leaks, yaxis: "y2", marker: { color: color("bad") },
          text: runs.map((run) => `${label(run)}<br>leaks: ${run[5]}`), textposition: "none", hovertemplate: "%{text}<extra></extra>",
        },
      ],
      layout: {
        xaxis: { ...runAxis(), anchor: "y2" },
        yaxis: { ...sizeAxis(peaks), domain: [0.32, 1] },
        yaxis2: {
          domain: [0, 0.2], color: color("muted"), gridcolor: color("line"), rangemode: "tozero", dtick: Math.max(1, Math.ceil(Math.max(...leaks) / 2)), automargin: true,
          range: [0, Math.max(1, ...leaks) * 1.1], tickfont: { size: 12 }, fixedrange: true,
        },
      },
    };
  });

  // -- the tests

  function sparkline(row) {
    const series = unpacked(row, METRICS.peak);
    const [low, high] = [row[METRICS.peak.lowest], row[METRICS.peak.highest]];
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 100 20");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    if (low === null) return svg;
    // A wobble of a page or two is no course: the scale begins at zero unless something has moved.
    const floor = high - low > 0.2 * high ? Math.min(low, 0) : 0;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    let line = "", pen = "M";
    series.forEach((size, place) => {
      if (size === null) { pen = "M"; return; }
      const x = ((place + 0.5) / series.length) * 100;
      const y = 19 - ((size - floor) / ((high - floor) || 1)) * 18;
      line += `${pen}${x.toFixed(1)} ${y.toFixed(1)}${pen === "M" ? "h.1" : ""}`;
      pen = "L";
    });
    path.setAttribute("d", line);
    svg.append(path);
    return svg;
  }

  function figure(label, size, signed) {
    const made = element("td", { className: "figure" }, bytes(size, signed));
    made.dataset.label = label;
    if (size === null) made.title = "not known";
    return made;
  }

  function changed(size) {
    const made = figure("change", size, true);
    if (Math.abs(size) >= 2 ** 20) made.classList.add(size > 0 ? "up" : "down");
    return made;
  }

  let opened = 0;

  function details(row) {
    const id = `course-${++opened}`;
    const said = Object.entries(METRICS).map(([name, at]) =>
      row[at.lowest] === null ? `${name} not known` : `${name} ${bytes(row[at.lowest])} to ${bytes(row[at.highest])}`);
    const facts = `${said.reverse().join(", ")}; ${words[row[1]]}, ${words[row[2]]} in run ${runs[row[3]][0]}`;
    const drawn = element("figure", { id, className: "plot" }, element("div", { className: "plot-live", hidden: true }), element("figcaption", { textContent: facts }));
    drawn.setAttribute("role", "group");
    drawn.setAttribute("aria-label", "Course of this test");
    const columns = [...document.getElementById("test-table").tHead.rows[0].cells].filter((head) => head.offsetParent !== null);
    const box = element("td", { colSpan: columns.length }, drawn);
    const leaks = data.leaks.filter(([nodeid]) => nodeid === row[0]);
    if (leaks.length) box.append(element("ul", {}, ...leaks.map(([, title, when]) => element("li", { textContent: `${title}, ${when}` }))));
    // The figure has to be on the page before it can come into view.
    queueMicrotask(() => memguard.plot(id, (color) => course(row, color)));
    return element("tr", { className: "opened" }, box);
  }

  function rowOf(row) {
    const { peak, retained } = METRICS;
    const opens = element("button", { type: "button", className: "opens", textContent: row[0] });
    opens.setAttribute("aria-expanded", "false");
    const made = element("tr", {},
      element("td", { className: "test" }, opens),
      figure("peak", row[peak.now]), changed(row[peak.change]), figure("retained", row[retained.now], true), changed(row[retained.change]),
      element("td", { className: "drawn" }, sparkline(row)));
    opens.addEventListener("click", () => {
      const open = opens.getAttribute("aria-expanded") === "true";
      opens.setAttribute("aria-expanded", String(!open));
      if (open) made.nextElementSibling.remove();
      else made.after(details(row));
    });
    return made;
  }

  function course(row, color) {
    const places = runs.map((_, place) => place);
    const [peak, retained] = [unpacked(row, METRICS.peak), unpacked(row, METRICS.retained)];
    const trace = (name, values, ink) => ({
      type: "scatter", mode: "lines+markers", name, x: places, y: values, line: { color: color(ink), width: 2 }, marker: { size: runs.length > 60 ? 3 : 6 },
      text: runs.map((run, place) => `${label(run)}<br>${name} ${bytes(values[place])}`), hovertemplate: "%{text}<extra></extra>", connectgaps: false,
    });
    return {
      traces: [trace("peak", peak, "curve"), trace("retained", retained, "warn")],
      layout: { xaxis: runAxis(), yaxis: sizeAxis([...peak, ...retained]) },
    };
  }

  function showTable() {
    const { peak, retained } = METRICS;
    const size = (at) => ({ value: (row) => row[at], first: "descending" });
    const distance = (at) => ({ value: (row) => (row[at] === null ? null : Math.abs(row[at])), first: "descending" });
    const search = document.getElementById("test-search");
    const filters = document.getElementById("test-filters");
    const matches = document.getElementById("test-matches");
    const texts = new Map(data.tests.map((row) => [row, row[0].toLowerCase()]));
    const shown = memguard.table({
      table: document.getElementById("test-table"),
      pages: document.getElementById("test-pages"),
      rows: data.tests,
      sorted: { column: "peak-change", ascending: false },
      columns: {
        name: { value: (row) => row[0], first: "ascending" },
        peak: size(peak.now), "peak-change": distance(peak.change), retained: size(retained.now), "retained-change": distance(retained.change),
        span: { value: (row) => (row[peak.lowest] === null ? null : row[peak.highest] - row[peak.lowest]), first: "descending" },
      },
      element: rowOf,
      matches: (row) => search.value.toLowerCase().split(" ").every((word) => texts.get(row).includes(word)),
      told: (number) => { matches.textContent = `${number.toLocaleString("en")} of ${data.tests.length.toLocaleString("en")} tests`; },
    });
    let waiting = 0;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(shown.search, 120); });
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.hidden = false;
    document.getElementById("test-note")?.remove();
  }

  showTable();
})();
