// Keys, and what they do. A key is answered when its label is on the disk; until the next picture is seen, no other counts.

import { ask, picture, tell } from "/server.js";
import { element, isCalled, matching, ready, showClasses, showEmpty, showGrid, showOne, showState, shown } from "/view.js";

const AHEAD = 4; // pictures that are fetched before they are shown
const GRID = 15;
const POLL_MS = 700;

let state = null;
let busy = false;
let isGrid = false;
let doubts = null; // [{id, label, predicted}] at a second look
let focused = null; // the picture that a class goes to; of a grid, the one that the arrows move to
const selected = new Set();
const settled = new Set(); // what was kept at a second look

const ids = () => (doubts ? doubts.map((one) => one.id) : state.next);
const nameOf = (id) => doubts?.find((one) => one.id === id)?.name ?? state.names[state.next.indexOf(id)] ?? "";
const chosen = () => (isGrid && selected.size ? [...selected] : focused === null ? [] : [focused]);

async function show() {
  showState(state);
  showClasses(state.classes, element("search").value, label);
  const some = ids().slice(0, isGrid ? GRID : 1);
  for (const id of selected) if (!some.includes(id)) selected.delete(id);
  if (!some.includes(focused)) focused = some[0] ?? null;
  shown("one", !isGrid && some.length);
  shown("grid", isGrid && some.length);
  const choosing = state.chooser.choosing ? "Looking through the pictures for those that help most …" : "";
  const left = state.totals.open ? state.chooser.error : "Nothing is left: every picture has a label, or was skipped.";
  showEmpty(some.length ? "" : doubts ? "No label is in doubt." : choosing || left);
  element("what").textContent = doubts ? "Is this label right?" : isGrid ? "Which classes are these?" : "Which class is it?";
  const doubt = doubts?.find((one) => one.id === focused);
  element("said").textContent = doubt ? `Labelled ${doubt.label}; what looks like it is ${doubt.predicted}.` : "";
  element("name").textContent = nameOf(focused);
  if (isGrid) await showGrid(some, focused, selected);
  else if (some.length) await showOne(some[0]).catch(tellUnseen);
  for (const id of ids().slice(some.length, some.length + (isGrid ? GRID : AHEAD))) {
    (isGrid ? picture(id, "small") : ready(id)).catch(() => {});
  }
}

function tellUnseen({ message, status }) {
  shown("one", false);
  showEmpty(status === 404 ? `${message}. Press b if it is broken.` : message);
}

// Does one thing at a time; a mistake is told, and nothing else happens.
async function alone(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    tellMistake(error);
  } finally {
    busy = false;
  }
}

const doing = (work) => alone(async () => {
  await work();
  shown("error", false);
});

function tellMistake(error) {
  element("error").textContent = error.message;
  shown("error", true);
}

function announce(text) {
  element("live").textContent = text;
}

// Tells the server something about the pictures at hand, and goes on to the next.
function act(name, values, words) {
  return doing(async () => {
    const about = chosen();
    if (!about.length) return;
    const place = ids().indexOf(focused);
    state = await tell(name, { ids: about, ...values });
    if (doubts) doubts = doubts.filter((one) => !about.includes(one.id));
    selected.clear();
    focused = ids()[isGrid ? Math.min(place, ids().length - 1) : 0] ?? null;
    await show();
    if (isGrid) focusCell();
    announce(words);
  });
}

function label(index) {
  const one = state.classes[index];
  if (one) act("label", { class: index }, `${one.name}. Next picture.`);
}

function skip() {
  if (!doubts) return act("skip", {}, "Skipped. Next picture.");
  return doing(async () => { // at a second look, the label stays
    chosen().forEach((id) => settled.add(id));
    doubts = doubts.filter((one) => !settled.has(one.id));
    selected.clear();
    await show();
    announce("Kept. Next picture.");
  });
}

const undo = () => doing(async () => {
  state = await tell("undo");
  selected.clear();
  const { undone } = state;
  undone.forEach((id) => settled.delete(id));
  if (doubts) doubts = (await suspects()).sort((a, b) => undone.includes(b.id) - undone.includes(a.id));
  focused = undone.find((id) => ids().includes(id)) ?? focused;
  await show();
  announce("Undone.");
});

const guess = () => doing(async () => {
  if (focused === null) return;
  const found = await ask(`guess/${focused}`);
  const words = found.class === null ? "The run has not looked at it." : `The run takes it for ${found.class}, ${Math.round(100 * found.probability)} % sure.`;
  element("said").textContent = words;
});

const view = () => doing(async () => {
  isGrid = !isGrid;
  element("view").setAttribute("aria-pressed", isGrid);
  selected.clear();
  await show();
  if (isGrid) focusCell();
});

const suspects = async () => (await ask("suspects")).suspects.filter((one) => !settled.has(one.id));

const secondLook = () => doing(async () => {
  doubts = doubts ? null : await suspects();
  element("doubts").setAttribute("aria-pressed", Boolean(doubts));
  selected.clear();
  focused = null;
  await show();
});

const training = (name) => () => doing(async () => {
  state = await tell(name);
  await show();
});

// The grid

function focusCell() {
  element("grid").querySelector('[tabindex="0"]')?.focus();
}

function move(by) {
  const cells = [...element("grid").children].map((cell) => Number(cell.dataset.id));
  const place = Math.min(Math.max(cells.indexOf(focused) + by, 0), cells.length - 1);
  focusOn(cells[place] ?? null);
  focusCell();
}

function toggle(id) {
  if (!selected.delete(id)) selected.add(id);
  focusOn(id);
}

function focusOn(id) {
  focused = id;
  element("name").textContent = nameOf(id);
  showGrid([...element("grid").children].map((cell) => Number(cell.dataset.id)), focused, selected);
}

const columns = () => getComputedStyle(element("grid")).gridTemplateColumns.split(" ").length;

// Classes by name

function search() {
  const name = element("search").value.trim();
  const [first] = name ? matching(state.classes, name) : [];
  showClasses(state.classes, name, label);
  element("hint").textContent = !name ? "" : first ? `Enter: ${first.name}` : `Enter adds ${name}`;
  shown("add", first && !isCalled(first, name));
  element("add").firstElementChild.textContent = `Add ${name}`;
}

function endSearch() {
  element("search").value = "";
  search();
  element("search").blur();
}

async function labelByName(isNew) {
  const name = element("search").value.trim();
  if (!name) return;
  let index = isNew ? undefined : matching(state.classes, name)[0]?.index;
  if (index === undefined) {
    await doing(async () => {
      state = await tell("class", { name });
      index = state.class;
    });
  }
  if (index === undefined) return; // the name was refused, which is told
  endSearch();
  label(index);
}

// Keys

const KEYS = { u: undo, s: skip, b: () => act("broken", {}, "Broken. Next picture."), g: guess, v: view, d: secondLook };
Object.assign(KEYS, { r: training("train"), "?": () => element("keys").showModal(), "/": () => element("search").focus() });
const IN_GRID = { ArrowLeft: () => move(-1), ArrowRight: () => move(1) };
Object.assign(IN_GRID, { ArrowUp: () => move(-columns()), ArrowDown: () => move(columns()) });
IN_GRID[" "] = () => focused !== null && toggle(focused);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || element("keys").open || !state) return;
  if (event.target === element("search")) {
    const does = { Enter: () => labelByName(event.shiftKey), Escape: endSearch }[event.key];
    if (does) {
      event.preventDefault();
      does();
    }
    return;
  }
  const inGrid = isGrid && !event.target.closest("button") ? IN_GRID[event.key] : null;
  const key = event.key.toLowerCase(); // Caps Lock may be on, and digits may need Shift
  const digit = /^[0-9]$/.test(key) ? key : event.shiftKey ? null : /^Digit(.)$/.exec(event.code)?.[1];
  const does = inGrid ?? KEYS[key] ?? (digit ? () => label((Number(digit) + 9) % 10) : null);
  if (does) {
    event.preventDefault();
    does();
  }
});

for (const [id, does] of Object.entries({
  undo, skip, broken: KEYS.b, guess, view, doubts: secondLook, help: KEYS["?"],
  train: KEYS.r, resume: training("resume"), stop: training("stop"),
})) {
  element(id).addEventListener("click", does);
}
element("search").addEventListener("input", search);
element("add").addEventListener("click", () => labelByName(true));
element("notice").lastElementChild.addEventListener("click", () => doing(async () => {
  state = await tell("read");
  await show();
}));
element("grid").addEventListener("click", (event) => {
  const cell = event.target.closest("[data-id]");
  if (cell) toggle(Number(cell.dataset.id));
});

// What changes while nobody presses a key

async function poll() {
  const { chooser, training: { phase } } = state ?? { chooser: {}, training: {} };
  const isWaiting = !state || chooser.choosing || chooser.looking || phase === "running";
  if (isWaiting && !document.hidden && !busy) {
    const before = state;
    const found = await ask("state").catch(tellMistake);
    if (found && state === before && !busy) { // else a key was pressed meanwhile, whose answer is newer
      state = found;
      if (before && String(before.next.slice(0, GRID)) === String(state.next.slice(0, GRID))) showState(state);
      else await alone(show); // until they are seen, no key counts
    }
  }
  setTimeout(poll, POLL_MS);
}

poll().then(() => state && !state.classes.length && element("search").focus());
