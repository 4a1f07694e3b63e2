// One packet beside its reset: field by field, with the rule that made each, and the bytes.

const BYTES_SHOWN = 256;

async function select(index) {
  const shown = source, packet = shown.packets[index], theirs = shown.packets[shown.answers.get(index)];
  shown.selected = index;
  const both = [packet, theirs].filter(Boolean);
  const frames = await Promise.all(both.map((packet) => load(packet, shown.blob)));
  if (shown !== source || shown.selected !== index) return;
  const [found, reset] = both.map((packet, which) => answer(frames[which], packet, settings(), true));
  const columns = { packet: found, ...(found.reset && { reset: parsed(found.reset) }) };
  if (theirs) columns[`reset in the capture, packet ${theirs.number}`] = reset;
  const known = found.kind < IP ? [] : fieldsOf(found.packet).filter(({ isTcp }) => found.kind === TCP || !isTcp);
  const reason = reasonRow(found.reason), [what, reply, ...notes] = found.lines, { outcome } = packet;
  const say = (text, kind = "") => make("p", { class: kind }, text);
  $("detail").replaceChildren(...[
    make("h2", {}, found.reset ? "Answered by a reset" : "No reset"),
    say(what, "line"),
    say(reply.replace(/^\w+: /, ""), `line verdict ${found.reset ? "reset" : "silence"}`),
    !found.reset && say(`${reason.cells[1].textContent}: ${reason.cells[2].textContent}.`),
    notes.length && say(`Note: ${notes.join("; ")}.`),
    theirs && say(`In the capture, packet ${theirs.number} answers it${describe(theirs.outcome)}.`),
    outcome && say(`It answers packet ${shown.packets[outcome.index].number}${describe(outcome)}.`),
    known.length && table(known, columns, found, found.reset ? "" : reason.dataset.field),
    found.reset && dump("The reset", found.reset, known, columns.reset),
    dump(found.packetAt ? "The frame" : "The packet", frames[0], known, found),
  ].filter(Boolean));
  if (!shown.isTyped) setAddress({ link: packet.link, packet: frames.map(hex).join("."), ...(packet.isCut && { tcp: "trust" }) });
}

function table(known, columns, found, named = "") {
  const rules = found.reset ? rulesOf(found) : {}, last = found.reset ? ["rule"] : [];
  const row = (field) => {
    const texts = Object.values(columns).map((parsed) => textOf(parsed, field));
    const cells = texts.map((text, at) => make("td", { class: at === 2 && text !== texts[1] ? "differs" : "" }, text));
    cells.push(...last.map((kind) => make("td", { class: kind }, rules[field.name] ?? "")));
    const kind = named.split("|").includes(field.name) ? "named" : "";
    return make("tr", { "data-field": field.name, class: kind }, make("th", { scope: "row" }, field.name), ...cells);
  };
  const head = ["field", ...Object.keys(columns), ...last].map((name) => make("th", { scope: "col" }, name));
  const body = make("tbody", {}, ...known.map(row));
  return make("table", { class: `fields columns-${Object.keys(columns).length}` }, make("thead", {}, make("tr", {}, ...head)), body);
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
  const applies = { profile, partial, version, towards, ack: String((flags >> 4) & 1) };
  const rules = [...$("rules").content.children].filter(({ dataset }) =>
    Object.entries(applies).every(([name, value]) => (dataset[name] ?? value).includes(value)));
  const text = (rule) => rule.textContent.replace(/\{(\w+)\}/g, (_, name) => numbers[name]);
  return Object.fromEntries(rules.map((rule) => [rule.dataset.field, text(rule)]));
}

function textOf(parsed, field) {
  const value = valueOf(parsed, field), { name, mask, shift } = field;
  if (Number.isNaN(value)) return "–";
  if (name.endsWith("address")) return addressText(parsed.packet.subarray(...bytesOf(field, 0)));
  if (name === "flags") return flagsOf(value).join(", ") || "none";
  const digits = (mask >>> shift).toString(16).length;
  return /fragment|checksum|service|class|label/.test(name) ? `0x${value.toString(16).padStart(digits, "0")}` : String(value);
}

// An IPv6 address as RFC 5952 has it: so a browser writes one.
const addressText = (bytes) => bytes.length === 4 ? bytes.join(".")
  : new URL(`http://[${hex(bytes).match(/..../g).join(":")}]`).hostname.slice(1, -1);

// The bytes; the field under the pointer, or with the focus, is marked here and in the table.
function dump(title, bytes, known, { packetAt = 0, at }) {
  const places = known.map((field) => [field.name, bytesOf(field, at).map((byte) => byte + packetAt)]);
  const spans = [];
  bytes.subarray(0, BYTES_SHOWN).forEach((byte, index) => {
    const names = places.filter(([, [from, until]]) => from <= index && index < until).map(([name]) => name).join("|");
    if (spans.at(-1)?.dataset.field !== names) spans.push(make("span", { "data-field": names, ...(names && { tabindex: 0 }) }));
    spans.at(-1).append(make("b", {}, hex([byte])));
  });
  const label = `${title}, ${bytes.length} bytes${bytes.length > BYTES_SHOWN ? `, the first ${BYTES_SHOWN} of them` : ""}`;
  const box = make("div", { class: "bytes", role: "group", "aria-label": label }, ...spans);
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", () => navigator.clipboard.writeText(hex(bytes)).then(() => (copy.textContent = "Copied"), () => {
    getSelection().selectAllChildren(box);
    copy.textContent = "Not allowed to copy: selected below";
  }));
  return make("section", { class: "packet" }, make("h3", {}, label), copy, box, make("output", {}));
}

// Marks the fields of an element, in the table and in the bytes.
function mark({ target }) {
  const names = target.closest("[data-field]")?.dataset.field.split("|") ?? [];
  for (const element of document.querySelectorAll("#detail [data-field]")) {
    element.classList.toggle("marked", element.dataset.field.split("|").some((name) => names.includes(name)));
  }
  document.querySelectorAll("#detail output").forEach((output) => (output.textContent = names.join(", ")));
}
