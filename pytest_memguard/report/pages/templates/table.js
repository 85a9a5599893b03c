// A table of many rows: searched, narrowed and sorted as data, and shown a page at a time.
"use strict";

/**
 * `rows` is the data, `columns` by the name in `data-sort`: { value(row), first: "ascending" | "descending" }.
 * `element(row)` makes the <tr>, `matches(row)` decides, `told(number)` says how many there are.
 */
memguard.table = ({ table, rows, columns, element, matches, told, pages, sorted }) => {
  const size = 50;
  const body = table.tBodies[0];
  const label = pages.querySelector("span");
  const [back, on] = pages.querySelectorAll("button");
  const collator = new Intl.Collator("en", { numeric: true });
  let order = sorted;
  let found = [];
  let page = 0;

  // What is not known comes last, whichever way the rest goes.
  function compared(one, two) {
    const { value } = columns[order.column];
    const [left, right] = [value(one), value(two)];
    if (left === null || right === null) return (left === null) - (right === null);
    const difference = typeof left === "string" ? collator.compare(left, right) : left - right;
    return order.ascending ? difference : -difference;
  }

  function show() {
    const count = Math.max(Math.ceil(found.length / size), 1);
    page = Math.min(page, count - 1);
    body.replaceChildren(...found.slice(page * size, (page + 1) * size).map(element));
    pages.hidden = count === 1;
    label.textContent = `Page ${page + 1} of ${count}`;
    back.disabled = page === 0;
    on.disabled = page === count - 1;
  }

  function sort() {
    for (const head of table.tHead.rows[0].cells) {
      if (head.dataset.sort === order.column) head.setAttribute("aria-sort", order.ascending ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    found.sort(compared);
    page = 0;
    show();
  }

  function search() {
    found = rows.filter(matches);
    told(found.length);
    sort();
  }

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      const column = head.dataset.sort;
      const same = order.column === column;
      order = { column, ascending: same ? !order.ascending : columns[column].first === "ascending" };
      sort();
    });
    head.append(button);
  }
  for (const button of [back, on]) {
    button.addEventListener("click", () => {
      page += Number(button.dataset.step);
      show();
      table.scrollIntoView({ block: "start" });
    });
  }
  search();
  return { search };
};
