// Comfort only: every page works without this file. Elements ask for it with data attributes.

const confirmMs = 2000;

/** Copies text; where the clipboard is not allowed (plain http), selects it the old way. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.className = "vh";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** `<button data-copy="#id-of-the-text">`: the word changes and is announced, then changes back. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  if (!source) return;
  const label = button.querySelector("[data-label]") ?? button;
  button.dataset.word ??= label.textContent;
  const done = await copyText((source.value ?? source.textContent).trim());
  if (!done) getSelection()?.selectAllChildren(source);
  label.textContent = done ? "Copied" : "Press Ctrl+C";
  announce(done ? "Copied" : "The text is selected: copy it with Ctrl+C");
  clearTimeout(button.timer);
  button.timer = setTimeout(() => (label.textContent = button.dataset.word), confirmMs);
});

function announce(text) {
  let live = document.getElementById("live");
  if (!live) {
    live = document.createElement("p");
    live.id = "live";
    live.className = "vh";
    live.setAttribute("role", "status");
    document.body.append(live);
  }
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

/** `<button data-fill="#amount" data-value="1200.00">`: puts a value into a field. */
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-fill]");
  const field = button && document.querySelector(button.dataset.fill);
  if (!field) return;
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

/** `<button data-add="template id" data-to="list id">`: `__i__` in the template becomes the next free number. */
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-add]");
  const template = button && document.getElementById(button.dataset.add);
  const list = button && document.getElementById(button.dataset.to);
  if (!template || !list) return;
  event.preventDefault();
  const next = Number(list.dataset.next ?? list.children.length);
  list.dataset.next = next + 1;
  const holder = document.createElement("template");
  holder.innerHTML = template.innerHTML.replaceAll("__i__", next).replaceAll("__n__", next + 1);
  const row = holder.content.firstElementChild;
  list.append(row);
  row.querySelector("select, input:not([type=hidden]), textarea")?.focus();
  const form = list.closest("form[data-guard]");
  if (form) markDirty(form);
});

/** `<form data-guard>`: leaving with unsaved changes warns; `data-guard="dirty"` (an answer with errors) warns at once. */
const dirty = new Set();

function markDirty(form) {
  dirty.add(form);
  for (const note of form.querySelectorAll("[data-unsaved]")) note.hidden = false;
}

for (const form of document.querySelectorAll("form[data-guard]")) {
  if (form.dataset.guard === "dirty") markDirty(form);
  for (const kind of ["input", "change"]) form.addEventListener(kind, () => markDirty(form));
  form.addEventListener("reset", () => {
    dirty.delete(form);
    for (const note of form.querySelectorAll("[data-unsaved]")) note.hidden = true;
  });
}

/** `<div data-when-changed="selector">`: shown once a field of the form that fits the selector has another value. */
for (const part of document.querySelectorAll("[data-when-changed]")) {
  const form = part.closest("form");
  const isChanged = (field) =>
    field.options ? [...field.options].some((it) => it.selected !== it.defaultSelected) : field.value !== field.defaultValue;
  const look = () => {
    const changed = [...form.querySelectorAll(part.dataset.whenChanged)].some(isChanged);
    part.hidden = !changed && form.dataset.guard !== "dirty";
  };
  for (const kind of ["input", "change"]) form.addEventListener(kind, look);
  look();
}

addEventListener("beforeunload", (event) => {
  if (dirty.size) event.preventDefault();
});

/** A posted form is posted once: its buttons rest until the answer comes, or the page is shown again from the cache. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  dirty.delete(form);
  if (form.method !== "post") return;
  // Later, so that the pressed button's own name and value are still sent.
  setTimeout(() => {
    for (const button of form.querySelectorAll("button:not([type=button]):enabled")) {
      button.disabled = true;
      button.dataset.resting = "";
    }
  });
});

addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-resting]")) {
    button.disabled = false;
    delete button.dataset.resting;
  }
});

/** `<button data-print>`: opens the browser's dialogue for printing. */
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) print();
});

/** `<select data-auto>`: choosing applies the filter; by keyboard the button does, since arrows pass through every choice. */
let byKeyboard = false;
addEventListener("keydown", () => (byKeyboard = true), true);
addEventListener("pointerdown", () => (byKeyboard = false), true);
document.addEventListener("change", (event) => {
  if (!byKeyboard && event.target.matches?.("select[data-auto]")) event.target.form?.requestSubmit();
});

/** Times are printed in UTC; their title tells the reader's own time and how long ago. */
const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(date) {
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (isNaN(date) || !time.dateTime.includes("T")) continue;
  const local = date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  time.title = `${local} your time, ${ago(date)}`;
}

// On a phone the navigation scrolls sideways: show where we are. Only sideways, the page itself stays.
const here = document.querySelector(".nav [aria-current]");
const bar = here?.closest(".nav");
if (bar && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = here.offsetLeft - 40;

// A refused form: take the reader to what was refused.
document.querySelector("[role=alert][tabindex]")?.focus();
