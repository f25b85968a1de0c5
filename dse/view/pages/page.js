"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const keep = {
    get(key) { try { return sessionStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { sessionStorage.setItem(key, value); } catch { /* a file may have no storage */ } },
  };

  // light and dark
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  if (keep.get("dse-theme")) root.dataset.theme = keep.get("dse-theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep.set("dse-theme", root.dataset.theme);
    label();
  });
  label();

  // while the campaign goes on, the file is written anew; follow it
  const follow = document.getElementById("follow");
  if (follow) {
    follow.checked = keep.get("dse-follow") === "yes";
    let timer = 0;
    const arm = () => { clearTimeout(timer); if (follow.checked) timer = setTimeout(() => location.reload(), 5000); };
    follow.addEventListener("change", () => { keep.set("dse-follow", follow.checked ? "yes" : "no"); arm(); });
    arm();
  }

  // one trial lights up everywhere
  const groups = new Map();
  for (const group of all("g[data-n]")) {
    const n = Number(group.dataset.n);
    if (!groups.has(n)) groups.set(n, []);
    groups.get(n).push(group);
  }
  const rows = new Map(all("tr[data-n]").map((row) => [Number(row.dataset.n), row]));
  const trials = new Map(data.trials.map((trial) => [trial.n, trial]));
  const detail = document.getElementById("detail");
  const live = document.getElementById("live");
  let pinned = data.best !== null ? data.best : data.trials.length ? data.trials[data.trials.length - 1].n : null;
  let shown = null;

  const mark = (n, on) => {
    for (const group of groups.get(n) || []) group.classList.toggle("on", on);
    if (rows.has(n)) rows.get(n).classList.toggle("on", on);
  };
  const show = (n, dim) => {
    for (const figure of all(".figure.focus")) figure.classList.remove("focus");
    if (shown !== null) mark(shown, false);
    shown = n;
    if (n === null) return;
    mark(n, true);
    if (dim) for (const group of groups.get(n) || []) group.closest("svg").classList.add("focus");
    describe(trials.get(n));
  };
  const reveal = (n) => {
    for (const group of groups.get(n) || []) {
      const box = group.closest(".scroll");
      if (box) box.scrollLeft += group.getBoundingClientRect().left - box.getBoundingClientRect().left - box.clientWidth / 2;
    }
  };
  const pin = (n) => {
    pinned = n;
    show(n, true);
    reveal(n);
    if (live) live.textContent = sentence(trials.get(n));
  };

  const number = (value, digits) => value === null || value === undefined ? "\u2013" : value.toLocaleString("en-US", { maximumFractionDigits: digits || 0 });
  const sentence = (t) => `Trial ${t.n}: ${t.failed || data.columns.map((c, i) => `${c} ${number(t.v[i])}`).join(", ")}`;
  const make = (tag, text, parent, space) => {
    const element = space ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    if (text !== null) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  const bars = (t, parent) => {
    const known = t.c.filter((c) => c !== null);
    if (!known.length) return;
    const step = 16, left = 96, most = Math.max(...known);
    const svg = make("svg", null, parent, true);
    svg.setAttribute("viewBox", `0 0 300 ${t.c.length * step + 4}`);
    svg.setAttribute("class", "bars");
    svg.setAttribute("aria-hidden", "true");
    t.c.forEach((cycles, i) => {
      const text = make("text", `${data.layers[i]}  ${t.r[i]}`, svg, true);
      text.setAttribute("class", "f-tick");
      text.setAttribute("x", left - 6);
      text.setAttribute("y", i * step + 12);
      text.setAttribute("text-anchor", "end");
      if (cycles === null) return;
      const width = Math.max(1, 150 * cycles / most);
      const bar = make("path", null, svg, true);
      bar.setAttribute("class", `f-layer${i % data.colors}`);
      bar.setAttribute("d", `M${left} ${i * step + 3}h${width}v11h-${width}z`);
      const value = make("text", number(cycles, 1), svg, true);
      value.setAttribute("class", "f-tick");
      value.setAttribute("x", left + width + 5);
      value.setAttribute("y", i * step + 12);
    });
  };
  const describe = (t) => {
    if (!detail || !t) return;
    detail.textContent = "";
    make("h2", `Trial ${t.n}${t.n === data.best ? ", the best" : ""}`, detail);
    const row = rows.get(t.n);
    make("p", `${row.querySelector(".by").textContent}: ${row.querySelector(".why").textContent}`, detail).className = "hint";
    if (t.failed) make("p", t.failed, detail);
    if (t.v) {
      const list = make("dl", null, detail);
      list.className = "facts";
      data.columns.forEach((column, i) => { make("dt", column, list); make("dd", `${number(t.v[i], 4)}${t.p[i] ? ` (${t.p[i]} %)` : ""}`, list); });
      make("h3", `${data.cycles} by layer, after its reuse factor`, detail);
      bars(t, detail);
    }
  };

  const numberOf = (target) => {
    const element = target.closest && target.closest("[data-n]");
    return element ? Number(element.dataset.n) : null;
  };
  document.addEventListener("mouseover", (event) => {
    const n = numberOf(event.target);
    if (n !== null && n !== shown) show(n, true);
    else if (n === null && shown !== pinned) show(pinned, pinned !== data.best);
  });
  document.addEventListener("click", (event) => {
    const n = numberOf(event.target);
    if (n !== null) pin(n);
  });
  for (const box of all("[data-steps]")) {
    box.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const order = Array.from(new Set(all("g[data-n]", box).map((g) => Number(g.dataset.n)))).sort((a, b) => a - b);
      if (!order.length) return;
      const at = order.indexOf(pinned);
      pin(order[Math.min(order.length - 1, Math.max(0, at < 0 ? 0 : at + step))]);
      event.preventDefault();
    });
  }
  if (pinned !== null) { show(pinned, false); reveal(pinned); }

  // tables sort
  for (const head of all("th[data-sort]")) {
    const name = head.textContent;
    head.textContent = "";
    const press = make("button", name, head);
    press.type = "button";
    press.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const table = head.closest("table"), index = Array.from(head.parentNode.children).indexOf(head);
      for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => { const text = row.children[index].dataset.v; return text === undefined || text === "" ? Infinity : Number(text); };
      const body = table.tBodies[0];
      body.append(...Array.from(body.rows).sort((a, b) => (value(a) === value(b) ? 0 : value(a) === Infinity ? 1 : value(b) === Infinity ? -1 : (value(a) - value(b)) * (up ? 1 : -1))));
    });
  }
})();
