// How the page shows what it knows. Names come from anybody: they are only ever set as text.

import { picture } from "/server.js";

export const element = (id) => document.getElementById(id);

const MOST_READY = 8; // large pictures
const MOST_CLASSES = 100; // the others are found by their names
const readied = new Map(); // by their ids, those asked for last at the end
const number = (value) => value.toLocaleString("en");
const WAYS = {
  typical: "typical pictures first",
  uncertain: "uncertain pictures first",
};

export function shown(id, isShown) {
  element(id).hidden = !isShown;
}

export function showState(state) {
  const { totals, chooser, training } = state;
  const all = totals.open + totals.labelled + totals.skipped;
  element("folder").textContent = state.folder;
  element("labelled").textContent = number(totals.labelled);
  element("of").textContent = `of ${number(all)} pictures labelled`;
  element("share").value = all ? totals.labelled / all : 0;
  const by = chooser.seen_by ? `, as ${chooser.seen_by} sees them` : "";
  element("way").textContent = chooser.looking ? "the run is looking at the pictures …" : WAYS[chooser.way] + by;
  element("undo").disabled = !state.can_undo;
  element("guess").disabled = element("doubts").disabled = !chooser.seen_by;
  const others = [
    [totals.skipped, "skipped"], [totals.broken, "broken"], [totals.test, "for testing"], [state.left_out, "cannot be shown"],
  ].filter(([count]) => count).map(([count, what]) => `${number(count)} ${what}`);
  element("counts").textContent = [`in ${state.labels_file}`, ...others].join(" · ");
  showTraining(training, chooser.error);
  shown("notice", state.notice);
  element("notice").firstElementChild.textContent = state.notice;
}

function showTraining(training, error) {
  const isRunning = training.phase === "running";
  shown("train", !isRunning);
  shown("stop", isRunning);
  shown("resume", training.phase === "stopped");
  shown("steps", isRunning);
  element("steps").value = training.steps ? training.step / training.steps : 0;
  const words = {
    none: "trains on the labels so far while you go on",
    running: training.steps
      ? `step ${number(training.step)} of ${number(training.steps)}, ${training.left} left`
      : "is being prepared …",
    done: `${training.run} is trained`,
    stopped: `${training.run}: ${training.message || "was stopped"}`,
    failed: training.message,
  };
  element("trained").textContent = error || words[training.phase];
  element("trained").classList.toggle("idle", !error && training.phase === "none");
}

export function showClasses(classes, filter, choose) {
  const list = element("classes");
  const place = [...list.children].findIndex((item) => item.contains(document.activeElement));
  const most = Math.max(1, ...classes.map((one) => one.count));
  list.replaceChildren(...matching(classes, filter).slice(0, MOST_CLASSES).map(({ name, count, index }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => choose(index));
    const key = document.createElement("kbd");
    key.textContent = index < 10 ? (index + 1) % 10 : "";
    const label = document.createElement("bdi");
    label.textContent = name;
    const bar = document.createElement("meter");
    Object.assign(bar, { max: most, value: count });
    bar.setAttribute("aria-hidden", "true");
    const amount = document.createElement("small");
    amount.textContent = number(count);
    button.append(key, label, bar, amount);
    button.setAttribute("aria-label", `${name}, ${count} so far`);
    if (index < 10) button.setAttribute("aria-keyshortcuts", key.textContent);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  list.children[place]?.firstElementChild.focus();
}

const plain = (text) => text.trim().normalize("NFKC").toLowerCase();

export const isCalled = (one, name) => plain(one.name) === plain(name);

// Returns the classes in whose names the letters are: first the one that is called so, then those that begin so.
export function matching(classes, letters) {
  const wanted = plain(letters);
  const found = classes.map((one, index) => ({ ...one, index })).filter((one) => plain(one.name).includes(wanted));
  const near = (one) => isCalled(one, letters) + plain(one.name).startsWith(wanted);
  return found.sort((a, b) => near(b) - near(a) || a.index - b.index);
}

export function showEmpty(message) {
  shown("empty", message);
  element("empty").textContent = message;
}

// Returns the element of a large picture when it can be seen at once.
export function ready(id) {
  const found = readied.get(id) ?? decoded(id);
  readied.delete(id);
  readied.set(id, found);
  found.catch(() => readied.delete(id));
  if (readied.size > MOST_READY) readied.delete(readied.keys().next().value);
  return found;
}

async function decoded(id) {
  const image = new Image();
  image.src = await picture(id, "large");
  await image.decode();
  image.alt = `Picture ${id + 1} of the folder`;
  image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= 48);
  image.dataset.id = id;
  return image;
}

// Shows one picture; returns when it can be seen.
export async function showOne(id) {
  const figure = element("one");
  if (Number(figure.firstElementChild?.dataset.id) !== id) figure.replaceChildren(await ready(id));
}

// Shows a grid of pictures; those that are there already stay where they are.
export async function showGrid(ids, focused, selected) {
  const grid = element("grid");
  const there = new Map([...grid.children].map((cell) => [Number(cell.dataset.id), cell]));
  grid.replaceChildren(...ids.map((id) => there.get(id) ?? cellOf(id)));
  for (const cell of grid.children) {
    const id = Number(cell.dataset.id);
    cell.tabIndex = id === focused ? 0 : -1;
    cell.setAttribute("aria-selected", selected.has(id));
  }
  await Promise.all([...grid.children].map((cell) => cell.isSeen));
}

function cellOf(id) {
  const cell = document.createElement("div");
  cell.setAttribute("role", "option");
  cell.dataset.id = id;
  const image = document.createElement("img");
  image.alt = `Picture ${id + 1} of the folder`;
  cell.isSeen = picture(id, "small")
    .then((address) => { image.src = address; return image.decode(); })
    .catch((error) => { image.alt = error.message; });
  cell.append(image);
  return cell;
}
