// Reads captures, pcap and pcapng, piece by piece, so that the page never stands still.

const CHUNK = 1 << 20;
const LONGEST = 1 << 24; // no packet is that long: such a record is damaged
const SLICE = 8; // milliseconds, then the browser has its turn
const NO_CAPTURE = "This is no pcap or pcapng capture; a compressed one has to be decompressed first.";
// What a packet has later: with all properties from the start, it is a small object.
const STATE = { number: 0, index: 0, isAnswered: false, outcome: undefined, leftOut: undefined };
const SECTION = 0x0a0d0d0a; // a pcapng block's type

const readBytes = async (blob, from, to) => new DataView(await blob.slice(from, to).arrayBuffer());
const damaged = (at) => new Error(`The capture is cut off or damaged at byte ${at}; what is before it is shown.`);

// Where the first record begins, and what the header says. An interface is what packets were recorded on.
async function open(blob) {
  const start = await readBytes(blob, 0, 24), digits = hex(new Uint8Array(start.buffer));
  if (/^0a0d0d0a.{8}(1a2b3c4d|4d3c2b1a)/.test(digits)) return { at: 0, section: { interfaces: [] } };
  const little = /^(d4c3|4d3c|34cd)b2a1/.test(digits);
  if (digits.length < 48 || !(little || /^a1b2(c3d4|3c4d)/.test(digits))) throw new Error(NO_CAPTURE);
  // The upper bits of the link type give the length of a frame check sequence, which is ignored like padding.
  const link = start.getUint32(20, little) & 0x3ffffff, recordHeader = digits.startsWith("34cd") ? 24 : 16;
  return { at: 24, section: { recordHeader, little, interfaces: [{ link }] } };
}

// The length of the record or block at an offset; `undefined` if its header is not there yet.
function lengthAt(view, at, section) {
  if (view.byteLength - at < (section.recordHeader ?? 12)) return undefined;
  if (section.recordHeader) return section.recordHeader + view.getUint32(at + 8, section.little);
  if (view.getUint32(at) === SECTION) section.little = view.getUint32(at + 8, true) === 0x1a2b3c4d;
  const length = view.getUint32(at + 4, section.little);
  return length < 12 ? Infinity : length;
}

// What is in it: the packet's place, its link type, and whether it is cut; a reason to leave it out; or nothing. `undefined` if
// it is damaged.
function contentAt(view, at, length, section) {
  const u32 = (offset) => view.getUint32(at + offset, section.little), [first] = section.interfaces;
  const packet = (from, length, original, on) =>
    on ? { from: at + from, length, isCut: length < original, link: on.link, ...STATE } : { leftOut: "interface without description" };
  if (section.recordHeader) return packet(section.recordHeader, u32(8), u32(12), first);
  if (u32(length - 4) !== length) return undefined;
  const type = u32(0);
  if (type === SECTION) section.interfaces = []; // they belong to a section
  if (type === 1) section.interfaces.push({ link: view.getUint16(at + 8, section.little), snapLength: u32(12) });
  if (type === 2) return { leftOut: "obsolete Packet Block" };
  if (type === 3) return packet(12, Math.min(length - 16, u32(8), first?.snapLength || LONGEST), u32(8), first);
  if (type === 6 && (length < 32 || u32(20) > length - 32)) return undefined;
  return type === 6 ? packet(28, u32(20), u32(24), section.interfaces[u32(8)]) : {};
}

// Hands over every packet: where it is in the file, and its bytes. Ends early if `goOn`, which is told the share read, says so.
async function scan(blob, handle, goOn) {
  let { at, section } = await open(blob);
  let [base, view, until] = [at, await readBytes(blob, at, at + CHUNK), performance.now() + SLICE];
  while (at < blob.size) {
    const length = lengthAt(view, at - base, section);
    if (length > LONGEST || at + (length ?? 1) > blob.size || (length === undefined && base === at)) throw damaged(at);
    if (length === undefined || at - base + length > view.byteLength) {
      [base, view] = [at, await readBytes(blob, at, at + Math.max(CHUNK, length ?? 0))];
      continue;
    }
    const content = contentAt(view, at - base, length, section);
    if (!content) throw damaged(at);
    const frame = content.from && new Uint8Array(view.buffer, content.from, content.length);
    content.from += base;
    if (frame || content.leftOut) handle(content, frame);
    at += length;
    if (performance.now() > until) {
      await new Promise((resolve) => setTimeout(resolve));
      until = performance.now() + SLICE;
      if (!goOn(at / blob.size)) return;
    }
  }
}
