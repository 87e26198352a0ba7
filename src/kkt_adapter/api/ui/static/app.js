// What the pages do beyond HTML. Everything is readable without it.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);

  // --- live parts: fetched anew by htmx when the stream names their mark ---

  const state = $("[data-live-state]");
  const show = (on) => {
    if (!state) return;
    state.textContent = on ? state.dataset.on : state.dataset.off;
    state.classList.toggle("on", on);
    state.classList.toggle("off", !on);
  };
  document.addEventListener("htmx:sse:after:connection", () => show(true));
  document.addEventListener("htmx:sse:error", () => show(false));
  document.addEventListener("htmx:sse:close", () => document.hidden || show(false));
  document.addEventListener("signed-out", () => location.reload());

  // A part that somebody is reading closely or writing into stays as it is; it comes later.
  const isHeld = (part) => {
    if (document.hidden) return true;
    const chosen = getSelection();
    if (chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode)) return true;
    const field = document.activeElement;
    return Boolean(field && part.contains(field) && field.matches("input, textarea, select"));
  };
  const late = new Set();
  document.addEventListener("htmx:before:request", (event) => {
    const part = event.target.closest?.("[data-live]");
    if (part && part === event.target && isHeld(part)) {
      late.add(part);
      event.preventDefault();
    }
  });
  const catchUp = () => {
    for (const part of [...late]) {
      if (!part.isConnected) late.delete(part);
      else if (!isHeld(part)) {
        late.delete(part);
        const mark = (part.getAttribute("hx-trigger") || "").split(" ")[0];
        if (mark) htmx.trigger(document.body, mark);
      }
    }
  };
  document.addEventListener("visibilitychange", catchUp);
  document.addEventListener("selectionchange", () => setTimeout(catchUp, 400));
  document.addEventListener("focusout", () => setTimeout(catchUp, 0));

  // On a narrow screen the sections scroll; the one that is open is to be seen.
  const open = $(".sections [aria-current]");
  if (open) open.closest(".sections").scrollLeft = open.offsetLeft - open.closest(".sections").clientWidth / 2 + open.offsetWidth / 2;

  // --- copying, dialogs, filters that apply themselves ---

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-show]");
    if (!button) {
      for (const menu of document.querySelectorAll("details.menu[open]"))
        if (!menu.contains(event.target)) menu.open = false;
      return;
    }
    if (button.dataset.show) return $("#" + button.dataset.show)?.showModal();
    const source = $("#" + button.dataset.copy);
    if (!source) return;
    await navigator.clipboard.writeText(source.textContent);
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 1500);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form && !event.target.matches("input[type=text], input[type=search], input:not([type])")) form.requestSubmit();
  });
  // Empty filters do not clutter the address.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[method=get]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });

  // --- keyboard ---

  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "?") $("#keys")?.showModal();
    else if (event.key === "/") {
      const search = $("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "g") { going = Date.now(); return; }
    else if (Date.now() - going < 1500) {
      const link = $(`.sections [data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); location.assign(link.href); }
    }
    going = 0;
  });

  // --- charts: numbers are in the page (data-chart, JSON), the drawing follows the theme ---

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const resolved = (name) => {
    const probe = document.createElement("span");
    probe.style.color = color(name);
    document.body.append(probe);
    const seen = getComputedStyle(probe).color;
    probe.remove();
    return seen;
  };
  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8]; // steps of counts
  // A name that the tick before bears already is not repeated: many receipts are confirmed in one minute.
  const named = (ticks, names) => ticks.map((tick, at) => (at && names[tick] === names[ticks[at - 1]] ? "" : names[tick] ?? ""));
  const draw = (box) => {
    if (typeof uPlot === "undefined" || box.drawn === box.dataset.chart + innerWidth) return;
    box.drawn = box.dataset.chart + innerWidth;
    const data = JSON.parse(box.dataset.chart);
    box.plot?.destroy();
    const whole = data.series.every((one) => one.values.every(Number.isInteger));
    const axis = { stroke: resolved("--text-2"), grid: { stroke: resolved("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    box.plot = new uPlot({
      width: box.clientWidth, height: Number(box.dataset.height || 180),
      cursor: { y: false }, legend: { live: true }, padding: [8, 8, 0, 0],
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.08] } },
      axes: [
        { ...axis, values: (_, ticks) => named(ticks, data.names) },
        { ...axis, size: 44, ...(whole && { incrs: WHOLE }) },
      ],
      series: [
        { label: data.x, value: (_, at) => (at == null ? "" : data.names[at] ?? at) },
        ...data.series.map((one) => ({
          label: one.name, stroke: resolved(one.color), width: one.dashed ? 1.5 : 2, dash: one.dashed ? [4, 4] : undefined,
          points: { show: false },
          fill: one.bars ? resolved(one.color) : undefined,
          paths: one.bars ? uPlot.paths.bars({ size: [0.6, 28] }) : one.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
          value: (_, value) => (value == null ? "—" : `${value}${data.unit ?? ""}`),
        })),
      ],
    }, [data.names.map((_, i) => i), ...data.series.map((one) => one.values)], box);
  };
  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);
  addEventListener("resize", () => { clearTimeout(drawAll.later); drawAll.later = setTimeout(drawAll, 200); });
  document.addEventListener("htmx:after:swap", drawAll);
  drawAll();
})();
