// The page of a history: the runs as a plot, and every test to be searched for, sorted and opened.
"use strict";

(() => {
  const { data, plot, plain } = memguard;
  const { runs, words } = data;
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const STEPS = ALPHABET.length ** 2 - 2;
  const VALUE = new Map([...ALPHABET].map((char, value) => [char, value]));
  const PAGE = 50;
  // A row: id, verdict, outcome, last run, then what the newest run has of a metric, and how it came to that.
  const METRICS = {
    retained: { now: 4, change: 5, lowest: 6, highest: 7, series: 8 },
    peak: { now: 9, change: 10, lowest: 11, highest: 12, series: 13 },
  };

  const bytes = (size, signed = false) => {
    if (size === null) return "-";
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
    const stride = Math.max(1, Math.ceil(runs.length / (innerWidth < 600 ? 4 : 10)));
    const shown = runs.map((_, place) => place).filter((place) => (runs.length - 1 - place) % stride === 0);
    return {
      tickvals: shown, tickangle: 0, range: [-0.5, runs.length - 0.5],
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

  plot("runs-plot", (color) => {
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
          domain: [0, 0.2], color: color("muted"), gridcolor: color("line"), rangemode: "tozero", nticks: 3, tickformat: "d", automargin: true,
          range: [0, Math.max(1, ...leaks) * 1.1], tickfont: { size: 12 }, fixedrange: true,
        },
      },
    };
  });

  // -- the tests

  const table = { rows: data.tests, found: data.tests, shown: PAGE, sort: null, down: true };
  const COLUMNS = [
    { name: "Test", at: 0, kind: "text" },
    { name: "Peak", at: METRICS.peak.now, kind: "size" },
    { name: "Change", of: "of the peak", at: METRICS.peak.change, kind: "change" },
    { name: "Retained", at: METRICS.retained.now, kind: "size", minor: true },
    { name: "Change", of: "of what is retained", at: METRICS.retained.change, kind: "change", minor: true },
    { name: "Peak over the runs", kind: "drawn" },
  ];

  const lowered = new Map();
  const lower = (row) => {
    if (!lowered.has(row)) lowered.set(row, row[0].toLowerCase());
    return lowered.get(row);
  };

  function find(text) {
    const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
    table.found = parts.length ? table.rows.filter((row) => parts.every((part) => lower(row).includes(part))) : [...table.rows];
    arrange();
  }

  function arrange() {
    const { sort, down } = table;
    if (sort) {
      const sign = down ? -1 : 1;
      const key = sort.kind === "change" ? (value) => Math.abs(value) : (value) => value;
      // What is not known comes last, whichever way.
      table.found.sort((one, other) => {
        const [a, b] = [one[sort.at], other[sort.at]];
        if (a === null || b === null) return (a === null) - (b === null);
        if (sort.kind === "text") return sign * (a < b ? -1 : a > b ? 1 : 0);
        return sign * (key(a) - key(b)) || (one[0] < other[0] ? -1 : 1);
      });
    }
    table.shown = PAGE;
    draw();
  }

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

  function cell(row, column) {
    if (column.kind === "drawn") return element("td", { className: "drawn" }, sparkline(row));
    const value = row[column.at];
    const made = element("td", { className: `figure${column.minor ? " minor" : ""}` }, bytes(value, column.kind === "change"));
    if (column.kind === "change" && Math.abs(value) >= 1 << 20) made.classList.add(value > 0 ? "up" : "down");
    return made;
  }

  let opened = 0;

  function drawn(row) {
    const opens = element("button", { type: "button", className: "opens", textContent: row[0] });
    opens.setAttribute("aria-expanded", "false");
    const line = element("tr", {}, element("th", { scope: "row" }, opens), ...COLUMNS.slice(1).map((column) => cell(row, column)));
    opens.addEventListener("click", () => {
      const open = opens.getAttribute("aria-expanded") === "true";
      opens.setAttribute("aria-expanded", String(!open));
      if (open) line.nextElementSibling.remove();
      else line.after(details(row));
    });
    return line;
  }

  function details(row) {
    const id = `course-${++opened}`;
    const figure = element("figure", { id, className: "plot" }, element("div", { className: "plot-live", hidden: true }));
    const said = Object.entries(METRICS).map(([name, at]) =>
      row[at.lowest] === null ? `${name}: not known` : `${name}: ${bytes(row[at.lowest])} to ${bytes(row[at.highest])}`);
    const facts = `${said.reverse().join("; ")}. ${words[row[1]]}, ${words[row[2]]} in run ${runs[row[3]][0]}.`;
    figure.append(element("figcaption", { textContent: facts }));
    const box = element("td", { colSpan: COLUMNS.length }, figure);
    const leaks = data.leaks.filter(([nodeid]) => nodeid === row[0]);
    if (leaks.length) box.append(element("ul", {}, ...leaks.map(([, title, when]) => element("li", { textContent: `${title}, ${when}` }))));
    const line = element("tr", { className: "opened" }, box);
    // The figure has to be on the page before it can come into view.
    queueMicrotask(() => plot(id, (color) => course(row, color)));
    return line;
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

  const body = element("tbody");
  const status = element("output");
  const more = element("button", { type: "button", className: "more" });
  const heads = COLUMNS.map((column) => {
    const head = element("th", { scope: "col", className: [column.kind === "text" ? "" : column.kind === "drawn" ? "drawn" : "figure", column.minor ? "minor" : ""].join(" ").trim() });
    if (column.kind === "drawn") {
      head.textContent = column.name;
      return head;
    }
    const button = element("button", { type: "button" }, column.name);
    if (column.of) button.append(element("span", { className: "spoken", textContent: ` ${column.of}` }));
    const arrow = element("span", { className: "arrow" });
    arrow.setAttribute("aria-hidden", "true");
    button.append(arrow);
    button.addEventListener("click", () => {
      table.down = table.sort === column ? !table.down : column.kind !== "text";
      table.sort = column;
      arrange();
    });
    head.append(button);
    return head;
  });

  function draw() {
    const { found, shown, sort, down } = table;
    heads.forEach((head, place) => {
      const sorted = COLUMNS[place] === sort;
      if (sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      const arrow = head.querySelector(".arrow");
      if (arrow) arrow.textContent = sorted ? (down ? " \u2193" : " \u2191") : "";
    });
    body.replaceChildren(...found.slice(0, shown).map(drawn));
    tell();
  }

  function tell() {
    const { rows, found, shown } = table;
    const all = found.length === rows.length ? `${rows.length.toLocaleString("en")} tests` : `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} tests`;
    status.textContent = found.length > shown ? `${all}, the first ${shown} shown` : all;
    more.hidden = found.length <= shown;
    more.textContent = `Show ${Math.min(PAGE, found.length - shown)} more`;
  }

  more.addEventListener("click", () => {
    const from = table.shown;
    table.shown += PAGE;
    body.append(...table.found.slice(from, table.shown).map(drawn));
    tell();
    body.querySelectorAll(".opens")[from]?.focus();
  });

  const search = element("input", { type: "search", autocomplete: "off", spellcheck: false, placeholder: "part of an id; several words: all of them" });
  search.addEventListener("input", () => find(search.value));
  document.getElementById("tests-live").append(
    element("div", { className: "tools" }, element("label", {}, "Search", search), status),
    element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body),
    more,
  );
  find("");
  document.getElementById("tests-live").hidden = false;
  document.getElementById("tests-still").hidden = true;
})();
