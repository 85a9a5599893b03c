// The page of a run: the table of its tests, and its plots.
"use strict";

(() => {
  const { data, plain } = memguard;
  const { words, marks } = data;
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
  const TONES = { leak: "bad", suspect: "warn", inconclusive: "warn", suppressed: "warn", clean: "good" };
  const RANK = ["leak", "suspect", "inconclusive", "suppressed", "saturating", "one-off", "deferred", "unchecked", "clean"];

  const tests = data.rows.map(([file, name, verdict, outcome, worker, ms, before, after, peak, size, blocks, reason, anchor], index) => ({
    index, ms, before, after, peak, anchor,
    retained: data.inBlocks ? blocks : size,
    id: words.file[file] ? `${words.file[file]}::${name}` : name,
    verdict: words.verdict[verdict], outcome: words.outcome[outcome], worker: words.worker[worker],
    reason: reason === null ? "" : words.reason[reason],
    growth: peak === null || before === null ? null : peak - before,
  }));

  function bytes(size, signed = false) {
    if (size === null) return "–";
    const sign = size < 0 ? "-" : signed && size > 0 ? "+" : "";
    let amount = Math.abs(size);
    let unit = 0;
    while (amount >= 1023.5 && unit < UNITS.length - 1) { amount /= 1024; unit += 1; }
    return `${sign}${unit && amount < 99.95 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[unit]}`;
  }

  const kept = (test) => (data.inBlocks && test.retained !== null ? `${test.retained > 0 ? "+" : ""}${test.retained} blocks` : bytes(test.retained, true));

  // The line of an id ends where its parts do.
  const broken = (text) => text.split(/(?<=\/|::|[[._-])(?=.)/).flatMap((piece) => [piece, document.createElement("wbr")]);

  function time(ms) {
    if (ms < 1000) return `${ms < 10 ? ms : Math.round(ms)} ms`;
    return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min ${Math.round(ms % 60000 / 1000)} s`;
  }

  function node(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  function rowOf(test) {
    const row = node("tr", "");
    const name = node("td", "test", node("span", "mono", ...broken(test.id)));
    if (test.outcome !== "passed") name.append(" ", node("span", "badge warn", test.outcome));
    if (test.reason) name.append(node("span", "reason hushed", test.reason));
    let verdict = node("span", `badge ${TONES[test.verdict] ?? ""}`, test.verdict);
    if (test.anchor) {
      const link = node("a", "", verdict);
      link.href = `#${test.anchor}`;
      verdict = link;
    }
    row.append(name, node("td", "", verdict));
    const figures = { peak: bytes(test.peak), "above start": bytes(test.growth, true), retained: kept(test), time: time(test.ms) };
    for (const [label, text] of Object.entries(figures)) {
      const cell = node("td", "figure", text);
      cell.dataset.label = label;
      row.append(cell);
    }
    return row;
  }

  function showTable() {
    const filters = document.getElementById("test-filters");
    const search = document.getElementById("test-search");
    const verdict = document.getElementById("test-verdict");
    const matches = document.getElementById("test-matches");
    const counts = new Map();
    for (const test of tests) counts.set(test.verdict, (counts.get(test.verdict) ?? 0) + 1);
    for (const name of RANK.filter((each) => counts.has(each))) verdict.append(new Option(`${name} (${counts.get(name).toLocaleString("en")})`, name));
    const texts = tests.map((test) => `${test.id}\n${test.reason}`.toLowerCase());
    const shown = memguard.table({
      table: document.getElementById("test-table"),
      pages: document.getElementById("test-pages"),
      rows: tests,
      sorted: { column: "verdict", ascending: true },
      columns: {
        name: { value: (test) => test.id, first: "ascending" },
        verdict: { value: (test) => RANK.indexOf(test.verdict), first: "ascending" },
        peak: { value: (test) => test.peak, first: "descending" },
        growth: { value: (test) => test.growth, first: "descending" },
        retained: { value: (test) => test.retained, first: "descending" },
        time: { value: (test) => test.ms, first: "descending" },
      },
      element: rowOf,
      matches: (test) => (!verdict.value || test.verdict === verdict.value)
        && search.value.toLowerCase().split(" ").every((word) => texts[test.index].includes(word)),
      told: (number) => { matches.textContent = `${number.toLocaleString("en")} of ${tests.length.toLocaleString("en")} tests`; },
    });
    let waiting = 0;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(shown.search, 120); });
    verdict.addEventListener("change", shown.search);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.hidden = false;
    document.getElementById("test-note")?.remove();
  }

  const shortId = (id) => (id.length <= 90 ? id : `${id.slice(0, 35)}…${id.slice(-54)}`);

  function sizes(test) {
    const facts = [`after ${bytes(test.after)}`];
    if (test.peak !== null) facts.push(`peak ${bytes(test.peak)}`);
    if (test.retained !== null) facts.push(`retained ${kept(test)}`);
    return `${plain(shortId(test.id))}<br>${facts.join(", ")}`;
  }

  const hover = (test) => sizes(test) + (test.verdict === "clean" ? "" : `<br>${test.verdict}`);

  const hue = (index) => `hsl(${(215 + index * 47) % 360}, 60%, 54%)`;

  function resident(color) {
    const traces = [];
    const workers = new Map();
    for (const test of tests) {
      if (!workers.has(test.worker)) workers.set(test.worker, []);
      workers.get(test.worker).push(test);
    }
    // Tests of several processes end in turn: a line through their peaks would mean nothing.
    const alone = workers.size === 1;
    const peaks = tests.filter((test) => test.peak !== null && (alone || test.peak > 1.05 * Math.max(test.before ?? 0, test.after ?? 0)));
    traces.push({
      name: "peak in a test", x: peaks.map((test) => test.index + 1), y: peaks.map((test) => test.peak), type: "scatter",
      mode: alone ? "lines" : "markers", line: { color: color("peak"), width: 1 }, marker: { color: color("peak"), size: 4 }, text: peaks.map(hover), hovertemplate: "%{text}<extra></extra>",
    });
    for (const [worker, list] of workers) {
      const line = alone ? color("curve") : hue(traces.length - 1);
      traces.push({
        name: alone ? "resident after each test" : plain(worker), x: list.map((test) => test.index + 1), y: list.map((test) => test.after),
        type: "scatter", mode: tests.length < 60 ? "lines+markers" : "lines", line: { color: line, width: 2 }, connectgaps: true, text: list.map(hover), hovertemplate: "%{text}<extra></extra>",
        ...(alone ? { fill: marks.ticks[0][0] === 0 ? "tozeroy" : "none", fillcolor: color("curve-soft") } : {}),
      });
    }
    return traces;
  }

  function marked(color) {
    const at = (rows) => rows.map(([row]) => tests[row]).map((test) => test.after ?? test.peak ?? 0);
    const traces = [];
    const add = (name, rows, text, marker, more = {}) => rows.length && traces.push({
      name, x: rows.map(([row]) => row + 1), y: at(rows), text, type: "scatter", mode: "markers", marker, hovertemplate: "%{text}<extra></extra>", ...more,
    });
    for (const level of ["warning", "critical", "emergency"]) {
      const spans = marks.spans.filter(([, , each]) => each === level);
      add(`pressure: ${level}`, spans, spans.map(([row, , , share]) => `${level}: ${plain(share)}<br>at ${plain(shortId(tests[row].id))}`),
        { color: color(level === "warning" ? "warn" : "bad"), symbol: "diamond", size: 10 });
    }
    add("cleanup", marks.cleanups, marks.cleanups.map(([row, told]) => `${plain(told)}<br>after ${plain(shortId(tests[row].id))}`),
      { color: color("good"), symbol: "triangle-down", size: 9 });
    add("leak", marks.leaks, marks.leaks.map(([row]) => `<b>leak</b> ${sizes(tests[row])}<br>click to see it`),
      { color: color("bad"), symbol: "circle", size: 11, line: { color: color("surface"), width: 2 } },
      { customdata: marks.leaks.map(([, anchor]) => anchor) });
    return traces;
  }

  function memory(color) {
    const shapes = marks.spans.map(([start, end, level]) => ({
      type: "rect", xref: "x", yref: "paper", x0: start + 0.5, x1: end + 1.5, y0: 0, y1: 1, layer: "below", line: { width: 0 },
      fillcolor: color(level === "warning" ? "warn-soft" : "bad-soft"),
    }));
    const annotations = [];
    if (marks.limit !== null) {
      shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: marks.limit, y1: marks.limit, line: { color: color("bad"), width: 1, dash: "dash" } });
      annotations.push({ xref: "paper", x: 1, xanchor: "right", y: marks.limit, yanchor: "bottom", showarrow: false, text: `limit ${bytes(marks.limit)}`, font: { size: 11, color: color("bad") } });
    }
    const values = marks.ticks.map(([value]) => value);
    return {
      traces: [...resident(color), ...marked(color)],
      layout: {
        shapes, annotations,
        xaxis: { title: { text: "tests, in the order in which they ended", font: { size: 12 } }, range: [0.5, tests.length + 0.5], tickformat: ",d", ...(tests.length < 8 ? { dtick: 1 } : {}) },
        yaxis: { tickvals: values, ticktext: marks.ticks.map(([, text]) => text), range: [values[0], values.at(-1)], fixedrange: true },
      },
    };
  }

  function components(color) {
    const highest = data.held.map(({ points }) => Math.max(...points.map(([, entries]) => entries)));
    const uneven = Math.max(...highest) > 40 * Math.max(Math.min(...highest), 1);
    return {
      traces: data.held.map(({ name, points }, index) => ({
        name: plain(name), x: points.map(([at]) => at), y: points.map(([, entries]) => entries), type: "scatter", mode: "lines",
        line: { shape: "hv", width: 2, color: hue(index) }, hovertemplate: `${plain(name)}: %{y:,} entries after %{x:,} tests<extra></extra>`,
      })),
      layout: {
        xaxis: { title: { text: "tests", font: { size: 12 } }, tickformat: ",d" },
        yaxis: { title: { text: uneven ? "entries (logarithmic)" : "entries", font: { size: 12 } }, type: uneven ? "log" : "linear", tickformat: ",d", fixedrange: true, ...(uneven ? { dtick: 1 } : {}) },
      },
    };
  }

  if (tests.length) showTable();
  if (marks !== null) memguard.plot("memory-plot", memory);
  if (data.held.length) memguard.plot("components-plot", components);
})();
