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

const settings = () => [...$("settings").elements].slice(1).map((control) => control.selectedIndex ?? Number(control.value));
const reasonRow = (reason) => document.querySelector(`#reasons [data-reason="${reason}"]`);
const REASONS = Object.fromEntries(Array.from($("reasons").tBodies[0].rows, ({ dataset, cells }) => [dataset.reason, cells[0].textContent]));
const say = (id, text) => ($(id).textContent = text);
const load = async ({ from, length }, blob) => new Uint8Array((await readBytes(blob, from, from + length)).buffer);

function readText() {
  show();
  try {
    const { packets, leftOut } = parse($("text").value);
    setAddress({ packet: packets.map(hex).join(".") });
    if (packets.length === 0) return;
    const link = Number($("link").value) || guessLink(packets[0]);
    const lines = leftOut ? `; lines without an offset were left out: ${leftOut}` : "";
    show(toCapture(packets, link), "text-problem", true);
    say("text-note", `Read with ${$("link").querySelector(`[value="${link}"]`).textContent}${lines}.`);
  } catch (error) {
    say("text-problem", error.message);
    setAddress({ text: $("text").value });
  }
}

// Answers all packets of a capture; without one, shows nothing. Problems go to an element of the page.
async function show(blob, problem, isTyped) {
  const mine = { blob, problem, isTyped, packets: [], total: 0, leftOut: new Set(), selected: 0, answers: new Map() };
  source = Object.assign(mine, { counts: new Map(), sent: new Comparison() });
  document.querySelectorAll("#list, #detail, #summary, #text-note, .problem").forEach((old) => old.replaceChildren());
  say("file-name", blob?.name ?? "");
  $("packets").hidden = $("progress").hidden = true;
  if (!$("settings").checkValidity()) say("settings-problem", "The hop limit has to be a whole number from 0 to 255.");
  if (!blob || $("settings-problem").textContent) return;
  const numbers = settings();
  try {
    await scan(blob, (packet, frame) => add(mine, packet, frame, numbers), (share) => {
      if (mine === source) Object.assign($("progress"), { value: share, hidden: false });
      return mine === source;
    });
    if (mine.leftOut.size) throw new Error(`Packets left out: ${[...mine.leftOut].join(", ")}.`);
    if (mine.packets.length === 0) throw new Error("The capture holds no packets.");
  } catch (error) {
    if (mine === source) say(problem, error.message);
  }
  if (mine !== source) return;
  $("progress").hidden = true;
  $("packets").hidden = mine.packets.length === (isTyped ? 1 : 0);
  const counts = [...mine.counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  say("summary", [["packets", mine.packets.length], ...counts].map((count) => count.join(": ")).join("\n"));
  if (mine.packets.length) await showList(1);
}

// Answers one packet, and counts it.
function add(to, packet, frame, numbers) {
  packet.number = ++to.total;
  const found = frame && answer(frame, packet, numbers, false);
  if (found?.kind === UNKNOWN_LINK) packet.leftOut = `unknown link type ${packet.link}`;
  if (packet.leftOut) return void to.leftOut.add(packet.leftOut);
  const count = (name) => to.counts.set(name, (to.counts.get(name) ?? 0) + 1);
  const index = (packet.index = to.packets.push(packet) - 1), { reset, reason } = found;
  packet.isAnswered = Boolean(reset);
  count(reset ? `answered by RST${valueOf(parsed(reset), NUMBERS[0]) & 16 ? "/ACK" : ""}` : `not answered, ${REASONS[reason]}`);
  if (found.kind !== TCP) return;
  if (!(valueOf(found, NUMBERS[0]) & 4)) return to.sent.offender(index, directions(found)[0], found.ours);
  if (reason === RST) packet.outcome = to.sent.reset(directions(found), found, $("tcp").value === "trust");
  if (!packet.outcome) return;
  count(`resets in the capture, ${CLASSES[packet.outcome.class]}`);
  to.answers.set(packet.outcome.index, index);
}

// At most a hundred packets, from the one with this number in the list on.
async function showList(from) {
  const mine = source, only = $("only").value;
  const kindOf = ({ outcome, isAnswered }) => (outcome?.class > 0 ? "different" : isAnswered ? "resets" : "silences");
  const rows = only === "all" ? mine.packets : mine.packets.filter((packet) => kindOf(packet) === only);
  const part = rows.slice(from - 1, from - 1 + PER_LIST);
  const frames = await Promise.all(part.map((packet) => load(packet, mine.blob)));
  if (mine !== source) return;
  Object.assign($("from"), { value: from, max: rows.length || 1 });
  say("range", part.length ? `to ${from - 1 + part.length} of ${rows.length}` : "none");
  // A packet's two lines, as the capture tool prints them.
  $("list").replaceChildren(...part.map((packet, row) => {
    const [what, reply, ...notes] = answer(frames[row], packet, settings(), true).lines;
    const more = [packet.outcome ? describe(packet.outcome) : "", ...notes.map((note) => `  (${note})`)].join("");
    const radio = make("input", { type: "radio", name: "packet", value: packet.index });
    radio.checked = row === 0;
    const lines = [`${packet.number} ${what}`, `-> ${reply}${more}`].map((line) => make("span", {}, line));
    return make("label", { class: kindOf(packet) }, radio, ...lines);
  }));
  if (part.length) await select(part[0].index);
}

function setAddress(what) {
  const parameters = new URLSearchParams(new FormData($("settings")));
  for (const [name, value] of Object.entries(what)) parameters.set(name, value);
  history.replaceState(null, "", `#${parameters}`);
}

function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const fits = ({ options }, value) => !options || [...options].some((option) => option.value === value);
  $("settings").reset();
  const unknown = [...parameters].filter(([name, value]) => {
    const control = $("settings").elements.namedItem(name), isKnown = control && fits(control, value);
    if (isKnown) control.value = value;
    return !isKnown && !["text", "packet"].includes(name);
  });
  $("text").value = parameters.get("text") ?? parameters.get("packet")?.replaceAll(".", "\n\n") ?? $("text").value;
  readText();
  if (unknown.length) say("settings-problem", `The address has what this page does not know: ${new URLSearchParams(unknown)}.`);
  $("settings-box").open = innerWidth >= 750;
}

function start({ instance }) {
  crate = instance.exports;
  room = crate.memory.grow((LONGEST >> 16) + 1) << 16;
  const on = (target, event, handle) => target.addEventListener(event, handle);
  on($("text"), "input", readText);
  on($("settings"), "input", () => (source.blob && !source.isTyped ? show(source.blob, source.problem, false) : readText()));
  const showFile = ({ files: [file] }) => file && show(file, "file-problem", false);
  on($("file"), "change", ({ target }) => showFile(target));
  on($("only"), "change", () => showList(1));
  on($("from"), "input", ({ target }) => target.checkValidity() && showList(Number(target.value)));
  on($("list"), "change", ({ target }) => select(Number(target.value)));
  ["mouseover", "focusin"].forEach((event) => on($("detail"), event, mark));
  on(window, "hashchange", readAddress);
  on(window, "dragover", (event) => event.preventDefault());
  on(window, "drop", (event) => event.preventDefault() || showFile(event.dataTransfer));
  readAddress();
}

WebAssembly.instantiate(Uint8Array.from(atob($("wasm").textContent), (digit) => digit.charCodeAt(0))).then(start);
