"use strict";
// One packet beside its reset: field by field, with the rule that made each, and the bytes.

const BYTES_SHOWN = 256;

async function select(index) {
  const shown = source, packet = shown.packets[index], theirs = shown.packets[shown.answers.get(index)];
  shown.selected = index;
  const frames = await Promise.all([packet, theirs].filter(Boolean).map((packet) => load(packet, shown.blob)));
  if (shown !== source || shown.selected !== index) return;
  const [found, reset] = [packet, theirs].filter(Boolean).map(({ on, isCut }, which) => {
    const found = answer(frames[which], on.link, isCut, settings(), true);
    return { ...found, packet: frames[which].subarray(found.packetAt) };
  });
  const columns = { packet: found, ...(found.reset && { reset: parsed(found.reset) }) };
  if (theirs) columns[`reset in the capture, packet ${theirs.number}`] = reset;
  const reason = reasonRow(found.reason), [what, reply, ...notes] = found.lines;
  const say = (text, kind = "") => make("p", { class: kind }, text);
  const parts = [make("h2", {}, found.reset ? "Answered by a reset" : "No reset"), say(what, "line")];
  parts.push(say(reply.replace(/^\w+: /, ""), `line verdict ${found.reset ? "reset" : "silence"}`));
  if (!found.reset) parts.push(say(`${reason.cells[1].textContent}: ${reason.cells[2].textContent}.`));
  if (notes.length) parts.push(say(`Note: ${notes.join("; ")}.`));
  if (theirs) parts.push(say(`In the capture, packet ${theirs.number} answers it${describe(theirs.outcome)}.`));
  const { outcome } = packet;
  if (outcome) parts.push(say(`It answers packet ${shown.packets[outcome.index].number}${describe(outcome)}.`));
  const known = found.kind < NO_IP_HEADER ? [] : fieldsOf(found.packet).filter(({ isTcp }) => found.kind === TCP || !isTcp);
  if (known.length) parts.push(table(known, columns, found, found.reset ? "" : reason.dataset.field));
  if (found.reset) parts.push(dump("The reset", found.reset, known, columns.reset));
  parts.push(dump(found.packetAt ? "The frame" : "The packet", frames[0], known, found));
  $("detail").replaceChildren(...parts);
  if (shown.isTyped) return;
  const trust = packet.isCut && $("strict").selectedIndex === 0 ? { tcp: "trust" } : {};
  setAddress({ link: packet.on.link, packet: frames.map(hex).join("."), ...trust });
}

function table(known, columns, found, named = "") {
  const rules = found.reset ? rulesOf(found) : {};
  const rows = known.map((field) => {
    const texts = Object.values(columns).map((parsed) => textOf(parsed, field));
    const cells = texts.map((text, at) => make("td", { class: at === 2 && text !== texts[1] ? "differs" : "" }, text));
    if (found.reset) cells.push(make("td", { class: "rule" }, rules[field.name] ?? ""));
    const kind = named.split("|").includes(field.name) ? "named" : "";
    return make("tr", { "data-field": field.name, class: kind }, make("th", { scope: "row" }, field.name), ...cells);
  });
  const head = ["field", ...Object.keys(columns), ...(found.reset ? ["rule"] : [])];
  const headRow = make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)));
  const kind = `fields columns-${Object.keys(columns).length}`;
  return make("table", { class: kind }, make("thead", {}, headRow), make("tbody", {}, ...rows));
}

// The rules of the page that apply, with this packet's numbers.
function rulesOf(found) {
  const [profile, towards, , , , partial] = settings().map(String);
  const [flags, seq, ack, offset] = [...NUMBERS, OF_TCP[2]].map((field) => valueOf(found, field));
  const [syn, fin, header, segment] = [(flags >> 1) & 1, flags & 1, offset * 4, found.segmentLength];
  const data = (segment - header) >>> 0, length = (data + syn + fin) >>> 0, end = (seq + length) >>> 0;
  const [ip, version] = isIpv6(found.packet) ? [found.at - 40, "6"] : [found.at, "4"];
  const wrapped = segment < header || seq + length > end ? ", modulo 2³²" : "";
  const numbers = { seq, ack, syn, fin, header, data, length, end, ip, total: segment + ip, wrapped };
  const fill = (text) => text.replace(/\{(\w+)\}/g, (_, name) => numbers[name]);
  const applies = { profile, partial, version, towards, ack: String((flags >> 4) & 1) };
  const rules = [...$("rules").content.children].filter(({ dataset }) =>
    Object.entries(applies).every(([name, value]) => (dataset[name] ?? value).includes(value)));
  return Object.fromEntries(rules.map((rule) => [rule.dataset.field, fill(rule.textContent)]));
}

function textOf(parsed, field) {
  const value = valueOf(parsed, field), { name, mask, shift } = field;
  if (Number.isNaN(value)) return "–";
  if (name.endsWith("address")) return addressText(parsed.packet.subarray(...bytesOf(field, 0)));
  if (name === "flags") return flagsOf(value).join(", ") || "none";
  const digits = (mask >>> shift).toString(16).length;
  return /fragment|checksum|service|class|label/.test(name) ? `0x${value.toString(16).padStart(digits, "0")}` : String(value);
}

function addressText(bytes) {
  if (bytes.length === 4) return bytes.join(".");
  const groups = hex(bytes).match(/..../g).map((group) => parseInt(group, 16).toString(16)).join(":");
  const [zeros] = [...groups.matchAll(/\b0(:0)+\b/g)].map(([run]) => run).sort((a, b) => b.length - a.length);
  return zeros ? groups.replace(new RegExp(`(^|:)${zeros}(:|$)`), "::") : groups;
}

// The bytes; the field under the pointer is marked here and in the table. The arrow keys go from field to field.
function dump(title, bytes, known, { packetAt = 0, at }) {
  const places = known.map((field) => [field.name, bytesOf(field, at).map((byte) => byte + packetAt)]);
  const spans = [];
  bytes.subarray(0, BYTES_SHOWN).forEach((byte, index) => {
    const names = places.filter(([, [from, until]]) => from <= index && index < until).map(([name]) => name).join("|");
    if (spans.at(-1)?.dataset.field !== names) spans.push(make("span", { "data-field": names }));
    spans.at(-1).append(make("b", {}, hex([byte])));
  });
  const label = `${title}, ${bytes.length} bytes${bytes.length > BYTES_SHOWN ? `, the first ${BYTES_SHOWN} of them` : ""}`;
  const box = make("div", { class: "bytes", tabindex: 0, role: "group", "aria-label": label }, ...spans);
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", () => navigator.clipboard.writeText(hex(bytes)).then(() => (copy.textContent = "Copied"), () => {
    getSelection().selectAllChildren(box);
    copy.textContent = "Not allowed to copy: selected below";
  }));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const named = spans.filter(({ dataset }) => dataset.field);
    if (!step || !named.length) return;
    event.preventDefault();
    const marked = named.findIndex(({ classList }) => classList.contains("marked"));
    mark(named.at((Math.max(marked, step > 0 ? -1 : 0) + step) % named.length).dataset.field);
  });
  return make("section", { class: "packet" }, make("h3", {}, label), copy, box, make("output", {}));
}

// Marks fields by their names, in the table and in the bytes.
function mark(names) {
  for (const element of document.querySelectorAll("#detail [data-field]")) {
    element.classList.toggle("marked", names.split("|").some((name) => element.dataset.field.split("|").includes(name)));
  }
  document.querySelectorAll("#detail output").forEach((output) => (output.textContent = names.replaceAll("|", ", ")));
}
