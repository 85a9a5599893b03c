// What can be wrong with how a page looks, as lists of sentences.

function say(element) {
  const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 50);
  const classes = typeof element.className === "string" ? element.className : element.className.baseVal;
  return `<${element.tagName.toLowerCase()}${classes ? "." + classes.split(/\s+/).join(".") : ""}> "${text}"`;
}

// What is asked of an element or those around it is asked once: nothing changes meanwhile.
function once(ask) {
  const known = new Map();
  return (element) => {
    if (!known.has(element)) known.set(element, ask(element));
    return known.get(element);
  };
}

const styleOf = once((element) => {
  const { position, clipPath, overflowX, overflowY, textOverflow } = getComputedStyle(element);
  return { position, clipPath, overflowX, overflowY, textOverflow };
});
const boxOf = once((element) => element.getBoundingClientRect());

// Whether it is there for screen readers alone.
const isSpoken = once((element) => {
  const { position, clipPath } = styleOf(element);
  if (clipPath === "inset(50%)" || (position === "absolute" && boxOf(element).width <= 1 && boxOf(element).height <= 1)) return true;
  return element.parentElement !== null && isSpoken(element.parentElement);
});

const isShown = once((element) =>
  element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true }) && !isSpoken(element));

// The part of a box that its ancestors let be seen.
function clipped(box, element) {
  let { left, top, right, bottom } = box;
  for (let each = element; each && each !== document.documentElement; each = each.parentElement) {
    if (each instanceof SVGElement && each.tagName !== "svg") continue;
    const style = styleOf(each);
    if (style.overflowX === "visible" && style.overflowY === "visible") continue;
    const outer = boxOf(each);
    if (style.overflowX !== "visible") { left = Math.max(left, outer.left); right = Math.min(right, outer.right); }
    if (style.overflowY !== "visible") { top = Math.max(top, outer.top); bottom = Math.min(bottom, outer.bottom); }
    if (style.position === "fixed") break;
  }
  return { left, top, right, bottom };
}

// Every piece of text that is to be seen, with its box.
const texts = once(() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element || element.closest("script, style, noscript, template, option") || !isShown(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const seen = clipped(box, element);
      if (seen.right - seen.left < 1 || seen.bottom - seen.top < 1) continue;
      found.push({ node, element, box: seen });
    }
  }
  return found;
});

// Texts that lie upon each other. Lines of one text may touch, and what sticks to an edge lies above what scrolls.
function overlapping() {
  const all = [...texts()].sort((one, other) => one.box.top - other.box.top);
  const found = [];
  for (let i = 0; i < all.length; i++) {
    for (let j = i + 1; j < all.length && all[j].box.top < all[i].box.bottom; j++) {
      const [a, b] = [all[i], all[j]];
      if (a.node === b.node || sticks(a.element) !== sticks(b.element)) continue;
      const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Boxes of lines are higher than letters.
      const least = 0.3 * Math.min(a.box.bottom - a.box.top, b.box.bottom - b.box.top);
      if (width > 2 && height > least) found.push(`${say(a.element)} lies upon ${say(b.element)}`);
    }
  }
  return [...new Set(found)].slice(0, 20);
}

function sticks(element) {
  for (let each = element; each; each = each.parentElement) {
    if (["sticky", "fixed"].includes(styleOf(each).position)) return each;
  }
  return null;
}

function scrolls(element) {
  for (let each = element; each; each = each.parentElement) {
    if (each !== document.documentElement && each !== document.body && ["auto", "scroll"].includes(styleOf(each).overflowX)) return true;
  }
  return false;
}

// Whether the page is wider than the window, and what makes it so.
function tooWide() {
  const root = document.documentElement;
  const found = [];
  if (root.scrollWidth > root.clientWidth) {
    found.push(`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`);
    const last = [...document.body.querySelectorAll("*")].reduce((a, b) => (boxOf(b).right >= boxOf(a).right ? b : a));
    found.push(`${say(last)} reaches furthest`);
  }
  for (const { element, box } of texts()) {
    // What lies wholly to the left is there for the keyboard, and comes into view by it.
    if ((box.right > root.clientWidth + 1 || (box.left < -1 && box.right > 0)) && !scrolls(element)) {
      found.push(`${say(element)} goes from ${Math.round(box.left)} to ${Math.round(box.right)}`);
    }
  }
  return [...new Set(found)].slice(0, 20);
}

// Elements that hide a part of their own text, but for those that say so and lead to the whole.
function cut() {
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    if (element instanceof SVGElement || !element.textContent.trim() || !isShown(element)) continue;
    const style = styleOf(element);
    if (style.textOverflow === "ellipsis" && element.closest("a[href^='#']")) continue;
    const hides = (overflow) => ["hidden", "clip"].includes(overflow);
    const wide = hides(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
    const high = hides(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
    if (wide || high) found.push(`${say(element)} is cut ${wide ? "at the side" : "below"}`);
  }
  return found.slice(0, 20);
}

// Text outside of the card, cell or button that it belongs to.
function spilling() {
  const found = [];
  for (const { element, box } of texts()) {
    if (element instanceof SVGElement) continue;
    const outer = element.closest("td, th, button, article, section, summary, header, pre, code, a, li");
    if (!outer || outer === document.body) continue;
    const frame = boxOf(outer);
    if (["inline", "contents"].includes(getComputedStyle(outer).display)) continue;
    if (box.right > frame.right + 1.5 || box.left < frame.left - 1.5) found.push(`${say(element)} goes beyond ${say(outer)}`);
  }
  return [...new Set(found)].slice(0, 20);
}

// All of these, by name; those that find nothing are left out.
function problems() {
  const checks = { overlapping, tooWide, cut, spilling };
  return Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, check()]).filter(([, found]) => found.length));
}
