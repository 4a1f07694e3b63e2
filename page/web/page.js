"use strict";
// The page: what was typed or dropped, the settings, the list.

const PER_LIST = 100;
const $ = (id) => document.getElementById(id);
let source = {}; // what is shown

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const controls = () => [...$("settings").elements].filter(({ name }) => name);
const usual = (control) => control.options?.[0].value ?? control.defaultValue;
const settings = () => controls().slice(1).map((control) => control.selectedIndex ?? Number(control.value));
const reasonRow = (reason) => document.querySelector(`#reasons [data-reason="${reason}"]`);
const say = (id, text) => ($(id).textContent = text);

function readText() {
  show();
  try {
    const { packets, leftOut } = parse($("text").value);
    setAddress({ packet: packets.map(hex).join(".") });
    if (packets.length === 0) return;
    const link = Number($("link").value) || guessLink(packets[0]);
    const lines = leftOut ? `; lines without an offset were left out: ${leftOut}` : "";
    say("text-note", `Read with ${$("link").querySelector(`[value="${link}"]`).textContent}${lines}.`);
    show(toCapture(packets, link), "text-problem", true);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say("text-problem", error.message);
    setAddress({ text: $("text").value });
  }
}

function readFile(file) {
  if (!file) return;
  say("file-name", file.name);
  show(file, "file-problem", false);
}

// Answers all packets of a capture; without one, shows nothing. Problems go to an element of the page.
async function show(blob, problem, isTyped) {
  const mine = { blob, problem, isTyped, packets: [], total: 0, leftOut: new Set(), selected: 0, answers: new Map() };
  Object.assign(mine, { rst: 0, rstAck: 0, partial: 0, reasons: {}, classes: [0, 0, 0, 0], alone: 0, sent: new Comparison() });
  source = mine;
  for (const id of ["list", "detail", "summary", "text-problem", "file-problem", "settings-problem"]) $(id).replaceChildren();
  $("packets").hidden = $("progress").hidden = true;
  if (!isTyped) say("text-note", "");
  if (!$("settings").checkValidity()) say("settings-problem", "The hop limit has to be a whole number from 0 to 255.");
  if (!blob || $("settings-problem").textContent) return;
  const numbers = settings();
  try {
    await scan(blob, (packet, frame) => add(mine, packet, frame, numbers), (share) => {
      if (mine === source) Object.assign($("progress"), { value: share, hidden: false });
      return mine === source;
    });
    if (mine.leftOut.size) throw new Problem(`Packets left out: ${[...mine.leftOut].join(", ")}.`);
    if (mine.packets.length === 0) throw new Problem("The capture holds no packets.");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (mine === source) say(problem, error.message);
  }
  if (mine !== source) return;
  $("progress").hidden = true;
  $("packets").hidden = mine.packets.length === (isTyped ? 1 : 0);
  say("summary", summary(mine));
  if (mine.packets.length) await showList(0);
}

// Answers one packet, and counts it.
function add(to, packet, frame, numbers) {
  packet.number = ++to.total;
  const found = packet.on && answer(frame, packet.on.link, packet.isCut, numbers, false);
  if (found?.kind === UNKNOWN_LINK) packet.leftOut = `unknown link type ${packet.on.link}`;
  if (packet.leftOut) return void to.leftOut.add(packet.leftOut);
  const index = (packet.index = to.packets.push(packet) - 1), { reset, reason } = found;
  packet.isAnswered = Boolean(reset);
  if (reset) to[numberOf(parsed(reset), "flags") & 16 ? "rstAck" : "rst"]++;
  else to.reasons[reason] = (to.reasons[reason] ?? 0) + 1;
  to.partial += found.isPartial;
  if (found.kind !== TCP) return;
  found.packet = frame.subarray(found.packetAt);
  const [one, other] = directions(found);
  if (!(numberOf(found, "flags") & 4)) return to.sent.offender(index, one + other, found);
  if (reasonRow(reason).id !== "rst") return;
  packet.outcome = to.sent.reset(one + other, other + one, found, $("tcp").value === "trust");
  if (!packet.outcome) return void to.alone++;
  to.classes[packet.outcome.class]++;
  to.answers.set(packet.outcome.index, index);
}

// In the capture tool's words.
function summary({ packets, rst, rstAck, reasons, classes, sent, alone, partial }) {
  const list = (counts) => (counts.length ? ` (${counts.map(([name, count]) => `${name} ${count}`).join(", ")})` : "");
  const named = Object.entries(reasons).map(([reason, count]) => [reasonRow(reason).cells[0].textContent, count]);
  named.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const compared = classes.reduce((sum, count) => sum + count);
  const counts = CLASSES.map((name, index) => [name, classes[index]]).filter(([, count]) => count);
  return `packets: ${packets.length}
resets: ${rst + rstAck} (RST ${rst}, RST/ACK ${rstAck})
silences: ${packets.length - rst - rstAck}${list(named)}
same as the capture's own reset: ${classes[0] + classes[1]} of ${compared}${list(counts)}
not compared: ${sent.unmatched} resets of ours are not in the capture; ${alone} resets in the capture answer no packet in it${
    partial ? `\npartial TCP checksums: ${partial}, answered: the sending host recorded them before its network card completed them` : ""}`;
}

const load = async ({ from, length }, blob) => new Uint8Array((await readBytes(blob, from, from + length)).buffer);

// A packet's two lines, as the capture tool prints them.
async function linesOf(shown, packet) {
  const time = shown.isTyped ? "" : `${await sinceFirst(packet, shown)} `;
  const frame = await load(packet, shown.blob);
  const [what, reply, ...notes] = answer(frame, packet.on.link, packet.isCut, settings(), true).lines;
  const more = [packet.outcome ? describe(packet.outcome) : "", ...notes.map((note) => `  (${note})`)];
  return [`${packet.number} ${time}${what}`, `-> ${reply}${more.join("")}`];
}

async function showList(from) {
  const mine = source, only = $("only").value;
  const kindOf = ({ outcome, isAnswered }) => (outcome?.class > 0 ? "different" : isAnswered ? "resets" : "silences");
  const isWanted = (packet) => only === kindOf(packet) || (only === "silences" && !packet.isAnswered);
  const rows = only === "all" ? mine.packets : mine.packets.filter(isWanted);
  const part = rows.slice(from, from + PER_LIST);
  const lines = await Promise.all(part.map((packet) => linesOf(mine, packet)));
  if (mine !== source) return;
  mine.from = from;
  say("range", part.length ? `${from + 1}–${from + part.length} of ${rows.length}` : "none");
  [$("previous").disabled, $("next").disabled] = [from === 0, from + PER_LIST >= rows.length];
  const chosen = part.find(({ isAnswered }) => isAnswered) ?? part[0];
  $("list").replaceChildren(...part.map((packet, row) => {
    const radio = make("input", { type: "radio", name: "packet", value: packet.index });
    radio.checked = packet === chosen;
    const spans = lines[row].map((line) => make("span", {}, line));
    return make("label", { class: kindOf(packet) }, radio, ...spans);
  }));
  $("list").scrollTop = ($("list").querySelector(":checked")?.parentNode.offsetTop ?? 0) - $("list").offsetTop;
  if (chosen) await select(chosen.index);
}

function setAddress(what) {
  const parameters = new URLSearchParams();
  for (const control of controls()) if (control.value !== usual(control)) parameters.set(control.name, control.value);
  for (const [name, value] of Object.entries(what)) if (value) parameters.set(name, value);
  history.replaceState(null, "", `#${parameters}`);
}

function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const text = parameters.get("text") ?? (parameters.get("packet") ?? "").replaceAll(".", "\n\n");
  for (const control of controls()) {
    control.value = parameters.get(control.name) ?? usual(control);
    if (control.value === (parameters.get(control.name) ?? usual(control))) parameters.delete(control.name);
    else control.value = usual(control);
  }
  if (text || !$("text").value) $("text").value = text;
  readText();
  const unknown = [...parameters].filter(([name]) => !["text", "packet"].includes(name)).map((pair) => pair.join("="));
  if (unknown.length) say("settings-problem", `The address has what this page does not know: ${unknown.join(", ")}.`);
  $("settings-box").open = innerWidth >= 750 || controls().some((control) => control.value !== usual(control));
}

function start({ instance }) {
  crate = instance.exports;
  room = crate.memory.grow((LONGEST >> 16) + 1) << 16;
  const on = (target, event, handle) => target.addEventListener(event, handle);
  on($("text"), "input", readText);
  const again = () => (source.blob && !source.isTyped ? show(source.blob, source.problem, false) : readText());
  ["input", "change"].forEach((event) => on($("settings"), event, again));
  on($("file"), "change", ({ target }) => readFile(target.files[0]));
  on($("only"), "change", () => showList(0));
  on($("previous"), "click", () => showList(source.from - PER_LIST));
  on($("next"), "click", () => showList(source.from + PER_LIST));
  on($("list"), "change", ({ target }) => select(Number(target.value)));
  const markField = ({ target }) => mark(target.closest("[data-field]")?.dataset.field ?? "");
  on($("detail"), "mouseover", markField);
  on(window, "hashchange", readAddress);
  on(window, "dragover", (event) => event.preventDefault());
  on(window, "drop", (event) => event.preventDefault() || readFile(event.dataTransfer.files[0]));
  document.querySelectorAll("[data-example]").forEach((button) => on(button, "click", () => {
    $("text").select(); // as if typed: the browser can undo it
    document.execCommand("insertText", false, button.dataset.example);
  }));
  readAddress();
}

WebAssembly.instantiate(Uint8Array.from(atob($("wasm").textContent), (digit) => digit.charCodeAt(0))).then(start);
