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

// A job tells where it stands.
const job = document.querySelector("[data-job]");
if (job) {
  const follow = async () => {
    try {
      const s = await (await fetch("/job/state?id=" + job.dataset.job, { headers: { Accept: "application/json" } })).json();
      const p = s.progress || {};
      document.querySelector("#at").textContent = s.end || (p.stage ? `${p.stage}: ${p.phase || ""} ${(100 * (p.share || 0)).toFixed(0)} %${p.left ? ", " + p.left + " left" : ""}` : "starting");
      document.querySelector("#share").value = s.end === "done" ? 1 : p.share || 0;
      document.querySelector("#log").textContent = s.log;
      document.querySelector("#open").hidden = !s.end;
      document.querySelector("#stop").disabled = !!s.end;
      if (s.end) return;
    } catch (err) { document.querySelector("#at").textContent = "The studio does not answer: " + err.message; }
    setTimeout(follow, 500);
  };
  follow();
}
