// Streams answers, follows jobs, checks recipes. Everything else works without it.
"use strict";

const cell = (row, text, tag = "td") => { const c = document.createElement(tag); c.textContent = text; row.append(c); return c; };

// A form with data-stream shows what comes as it comes.
for (const form of document.querySelectorAll("form[data-stream]")) {
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const data = new FormData(form), out = form.querySelector("output"), button = form.querySelector("button");
    out.textContent = "";
    button.disabled = true;
    try {
      const r = await fetch(form.dataset.stream, { method: "POST", body: new URLSearchParams(data), headers: { Accept: "application/json" } });
      if (!r.ok) { out.textContent = await r.text(); return; }
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part; !(part = await reader.read()).done;) out.textContent += part.value;
    } catch (err) { out.textContent = "The studio does not answer: " + err.message; } finally { button.disabled = false; }
  });
}

// A form with data-json shows a list of answers as a table.
for (const form of document.querySelectorAll("form[data-json]")) {
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const out = form.querySelector(".answers");
    out.textContent = "…";
    try {
      const r = await fetch(form.dataset.json, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" } });
      if (!r.ok) { out.textContent = await r.text(); return; }
      const table = document.createElement("table");
      for (const a of await r.json()) {
        const row = table.insertRow();
        cell(row, a.text);
        if (a.cosine !== undefined) cell(row, a.cosine.toFixed(3));
        if (a.answer !== undefined) cell(row, a.answer);
        for (const [label, p] of Object.entries(a.probabilities || {})) cell(row, `${label} ${(100 * p).toFixed(1)} %`);
      }
      out.replaceChildren(table);
    } catch (err) { out.textContent = "The studio does not answer: " + err.message; }
  });
}

// A map of words: a dot each, and as many names as fit beside one another.
const map = document.querySelector("[data-map]");
if (map) {
  const W = 760, H = 520, svg = (name, attributes, parent) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    parent.append(e);
    return e;
  };
  const draw = (words, wanted) => {
    map.replaceChildren();
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": `${words.length} words` }, map), taken = [];
    const hit = (w) => wanted && w.text.toLowerCase().includes(wanted);
    const sorted = [...words].sort((a, b) => hit(b) - hit(a)); // what is looked for is named first
    for (const w of sorted) {
      const x = 40 + ((w.x + 1) / 2) * (W - 130), y = 16 + ((1 - w.y) / 2) * (H - 32), found = hit(w);
      const dot = svg("circle", { cx: x, cy: y, r: found ? 5 : 2.5, class: found ? "word found" : "word" }, root);
      svg("title", {}, dot).textContent = w.text;
      const box = [x + 5, y - 8, x + 9 + 7.2 * w.text.length, y + 8];
      if (taken.some((t) => t[0] < box[2] && box[0] < t[2] && t[1] < box[3] && box[1] < t[3])) continue;
      taken.push(box);
      svg("text", { x: x + 6, y: y + 4, class: found ? "name found" : "name" }, root).textContent = w.text;
    }
    document.querySelector("#map-found").textContent = wanted ? `${words.filter(hit).length} found` : "";
  };
  fetch(map.dataset.map, { headers: { Accept: "application/json" } }).then(async (r) => {
    if (!r.ok) { map.textContent = await r.text(); return; }
    const words = await r.json();
    if (!words.length) { map.textContent = "The vocabulary has no whole words."; return; }
    draw(words, "");
    document.querySelector("#map-find").addEventListener("input", (e) => draw(words, e.target.value.trim().toLowerCase()));
  });
}

// The editor's Check lists every fault; a click on one goes to its line.
const recipe = document.querySelector("#recipe");
recipe?.querySelector("[data-check]").addEventListener("click", async () => {
  const list = document.querySelector("#faults"), source = recipe.elements.source;
  const r = await fetch("/recipe/check", { method: "POST", body: new URLSearchParams({ source: source.value }) });
  const faults = await r.json();
  list.replaceChildren(...(faults.length ? faults : [{ message: "No fault." }]).map((f) => {
    const item = document.createElement("li");
    item.textContent = (f.line ? `line ${f.line}: ` : "") + f.message + (f.hint ? ` – ${f.hint}` : "");
    if (f.line) {
      item.className = "fail";
      item.addEventListener("click", () => {
        const lines = source.value.split("\n"), at = lines.slice(0, f.line - 1).join("\n").length + (f.line > 1 ? 1 : 0);
        source.focus();
        source.setSelectionRange(at, at + lines[f.line - 1].length);
      });
    }
    return item;
  }));
});

// A job tells where it stands; the page draws its curves as they grow.
const job = document.querySelector("[data-job]");
if (job) {
  const at = document.querySelector("#at"), log = document.querySelector("#log"), charts = document.querySelector("#charts"), list = document.querySelector("#stages");
  const size = (n) => (n >= 1e9 ? (n / 1e9).toFixed(1) + " GB" : Math.round(n / 1e6) + " MB");
  const position = (p) => [`${p.stage}: ${p.phase || ""} ${(100 * (p.share || 0)).toFixed(0)} %`, p.rate && `${p.rate.toPrecision(3)} ${p.unit || "tasks"}/s`, p.left && p.left + " left", p.memory && size(p.memory)].filter(Boolean).join(", ");
  let drawn = "";
  const follow = async () => {
    try {
      const s = await (await fetch("/job/state?id=" + job.dataset.job, { headers: { Accept: "application/json" } })).json();
      const p = s.progress || {};
      at.textContent = s.end || (p.stage ? position(p) : "starting");
      document.querySelector("#share").value = s.end === "done" ? 1 : p.share || 0;
      list.replaceChildren(...(s.stages || []).map((x) => {
        const item = document.createElement("li");
        item.className = x.state;
        item.textContent = x.name + (x.state === "skipped" ? " (at hand)" : x.seconds ? ` ${x.seconds.toFixed(1)} s` : "");
        return item;
      }));
      const html = s.charts.join("");
      if (html !== drawn) charts.innerHTML = drawn = html; // the server's own pictures, escaped there
      const end = log.scrollTop + log.clientHeight > log.scrollHeight - 30;
      log.textContent = s.log;
      if (end) log.scrollTop = log.scrollHeight;
      document.querySelector("#open").hidden = !s.end;
      document.querySelector("#stopping").hidden = !!s.end;
      if (s.end) return;
    } catch (err) { at.textContent = "The studio does not answer: " + err.message; }
    setTimeout(follow, 500);
  };
  follow();
}
