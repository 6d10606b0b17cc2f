// Draws the charts of what the filters choose, and keeps the choice in the address.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const state = document.getElementById("state");
  const boxes = [...form.querySelectorAll("input")];
  const nameOf = (box) => box.closest("fieldset").dataset.filter;
  const PANELS_MAX = data.panels_max;
  const config = {
    background: "transparent", aria: false, font: "system-ui, 'Liberation Sans', Arial, sans-serif",
    legend: { disable: true },
    view: { stroke: "rgba(128,128,128,.3)" },
    axis: {
      labelColor: "currentColor", titleColor: "currentColor", labelOpacity: 0.85, titleOpacity: 0.85, titleFontWeight: "normal",
      gridColor: "rgba(128,128,128,.22)", domainColor: "rgba(128,128,128,.6)", tickColor: "rgba(128,128,128,.6)", labelFontSize: 11,
    },
    header: { labelColor: "currentColor", labelFontSize: 12 },
    text: { color: "currentColor" },
  };

  // A filter's name and the labels that it hides: protection is `a0`, paths `p`, groups `g`.
  const hidden = () => {
    const found = {};
    for (const box of boxes) if (!box.checked) (found[nameOf(box)] ??= new Set()).add(Number(box.value));
    return found;
  };
  const chooser = (off) => {
    const strata = data.strata.map((labels) => labels.every((label, axis) => !off["a" + axis]?.has(label)));
    return { s: (i) => strata[i], p: (i) => !off.p?.has(i), g: (i) => !off.g?.has(i), strata };
  };
  const anchor = () => location.hash.slice(1).split("~")[0];
  const written = (off) => Object.entries(off).map(([name, labels]) => "~" + name + "-" + [...labels].join(".")).join("");
  const keep = (where) => {
    const hash = "#" + where + written(hidden());
    try { history.replaceState(null, "", hash === "#" ? location.href.split("#")[0] : hash); } catch { location.hash = hash; }
  };
  const read = () => {
    const off = {};
    for (const part of location.hash.slice(1).split("~").slice(1)) {
      const [name, labels] = part.split("-");
      off[name] = new Set((labels ?? "").split(".").map(Number));
    }
    for (const box of boxes) box.checked = !off[nameOf(box)]?.has(Number(box.value));
  };

  // Rows of one chart and group as objects, without those that are filtered out.
  const rowsOf = (chart, group, shows) => {
    const rows = [];
    for (const [s, p, g, ...values] of chart.rows) {
      if (!shows.s(s) || !shows.p(p) || g !== group) continue;
      const row = { stratum: data.stratum_labels[s], stratum_rank: s, path: data.paths[p], path_rank: p };
      chart.fields.forEach((field, place) => { if (values[place] !== null) row[field] = values[place]; });
      rows.push(row);
    }
    return rows;
  };
  const fitted = (chart, width, rows) => {
    const spec = structuredClone(chart.spec);
    const inner = spec.facet ? spec.spec : spec;
    const layers = inner.layer ?? [inner];
    for (const { encoding } of layers) {
      for (const channel of ["color", "strokeDash", "opacity", "shape"]) if (encoding[channel]?.scale) encoding[channel].legend = null;
      if (width < 500 && encoding.y?.axis) encoding.y.axis.labelLimit = 92;
    }
    const side = layers[0].encoding.y;
    const names = side.type === "quantitative" ? [] : rows.map((row) => row[side.field].length);
    const margin = names.length ? Math.min(width < 500 ? 92 : 120, 6.4 * Math.max(...names)) + 16 : 58;
    if (spec.facet) {
      const strata = new Set(rows.map((row) => row.stratum));
      const kept = [...strata].slice(0, PANELS_MAX);
      rows = rows.filter((row) => kept.includes(row.stratum));
      const own = chart.own_heights ? 62 : 0;
      const fit = Math.max(1, Math.min(kept.length, 5, Math.floor((width - margin + own) / (128 + 22 + own))));
      spec.columns = Math.ceil(kept.length / Math.ceil(kept.length / fit));
      inner.width = Math.min(300, Math.floor((width - (own ? 20 : margin)) / spec.columns) - 22 - own);
      spec.facet.header.labelLimit = inner.width;
      spec.spacing = 22;
    } else {
      inner.width = Math.min(520, width - margin);
    }
    inner.width = Math.max(inner.width, 90);
    spec.datasets = { [spec.data.name]: rows };
    return spec;
  };

  // A drawing is one picture with one name, and the table has its numbers: marks do not speak for themselves.
  const silence = (place) => {
    for (const each of place.querySelectorAll("svg, svg [role], svg [aria-roledescription], svg [aria-label]")) {
      for (const name of ["role", "aria-roledescription", "aria-label"]) each.removeAttribute(name);
    }
    place.querySelector("svg")?.setAttribute("aria-hidden", "true");
  };

  const drawings = [...document.querySelectorAll(".drawing")];
  const drawn = new Map();
  let turn = 0;
  const draw = async () => {
    const mine = ++turn;
    delete document.documentElement.dataset.drawn;
    const shows = chooser(hidden());
    for (const place of drawings) {
      if (mine !== turn) return;
      const group = Number(place.dataset.group ?? -1);
      const chart = data.charts[place.dataset.chart];
      const rows = group < 0 || shows.g(group) ? rowsOf(chart, group, shows) : [];
      place.parentElement.hidden = rows.length === 0;
      drawn.get(place)?.finalize();
      drawn.delete(place);
      place.replaceChildren();
      if (!rows.length) continue;
      const spec = fitted(chart, place.clientWidth, rows);
      drawn.set(place, await vegaEmbed(place, spec, {
        ast: true, actions: false, renderer: "svg", config, defaultStyle: false, tooltip: { disableDefaultStyle: true },
      }));
      silence(place);
    }
    if (mine !== turn) return;
    for (const figure of document.querySelectorAll("figure")) {
      const views = [...figure.querySelectorAll(".view")];
      const note = figure.querySelector(".nothing");
      if (note) note.hidden = views.some((view) => !view.hidden);
    }
    document.documentElement.dataset.drawn = String(mine);
  };
  const apply = () => {
    const off = hidden();
    const shows = chooser(off);
    for (const each of document.querySelectorAll("[data-s], [data-p], [data-g]")) {
      if (each.classList.contains("view")) continue;
      const { s, p, g } = each.dataset;
      each.hidden = !((s === undefined || shows.s(Number(s))) && (p === undefined || shows.p(Number(p))) && (g === undefined || shows.g(Number(g))));
    }
    const count = boxes.filter((box) => !box.checked).length;
    const strata = shows.strata.filter(Boolean).length;
    const cut = strata > PANELS_MAX ? ` Charts show the first ${PANELS_MAX} of ${strata}: filter to see others.` : "";
    state.textContent = (count ? `${count} of ${boxes.length} hidden.` : "All shown.") + cut;
    return draw();
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => { keep(anchor()); apply(); });
  document.getElementById("all").addEventListener("click", () => {
    for (const box of boxes) box.checked = true;
    keep(anchor());
    apply();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    const name = link.getAttribute("href").slice(1);
    keep(name);
    go(name);
  });
  const go = (name) => {
    const target = name && document.getElementById(name);
    if (target) { target.scrollIntoView(); target.focus({ preventScroll: true }); }
  };
  addEventListener("hashchange", () => { read(); apply(); go(anchor()); });

  // The page's own light or dark, kept where the browser lets a file keep things.
  const button = document.getElementById("theme");
  const themes = ["", "light", "dark"];
  const memory = { get() { try { return localStorage.getItem("theme") ?? ""; } catch { return ""; } },
    set(value) { try { localStorage.setItem("theme", value); } catch { /* a file may not keep things */ } } };
  const wear = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
    button.textContent = "Theme: " + (theme || "as the system");
  };
  wear(themes.includes(memory.get()) ? memory.get() : "");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "") + 1) % themes.length];
    memory.set(next);
    wear(next);
  });

  const side = document.getElementById("side");
  const wide = matchMedia("(min-width: 68rem)");
  const fold = () => { side.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  let width = document.getElementById("main").clientWidth;
  let waiting = 0;
  new ResizeObserver(() => {
    const now = document.getElementById("main").clientWidth;
    if (Math.abs(now - width) < 4) return;
    width = now;
    clearTimeout(waiting);
    waiting = setTimeout(draw, 150);
  }).observe(document.getElementById("main"));
  read();
  apply().then(() => go(anchor()));
})();
