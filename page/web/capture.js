"use strict";
// Reads captures, pcap and pcapng, piece by piece, so that the page never stands still.

const CHUNK = 1 << 20;
const LONGEST = 1 << 24; // no packet is that long: such a record is damaged
const SLICE = 8; // milliseconds, then the browser has its turn
const COMPRESSED = { "1f8b": "gzip", "28b52ffd": "zstd", fd377a585a: "xz" };
const NANOSECONDS = 10n ** 9n;

const readBytes = async (blob, from, to) => new DataView(await blob.slice(from, to).arrayBuffer());

// Where the first record begins, and what the header says. An interface is what packets were recorded on.
async function open(blob) {
  const start = await readBytes(blob, 0, 24);
  const digits = hex(new Uint8Array(start.buffer));
  const compression = Object.keys(COMPRESSED).find((magic) => digits.startsWith(magic));
  if (blob.size === 0) throw new Problem("The file is empty.");
  if (compression) throw new Problem(`The file is compressed by ${COMPRESSED[compression]}: decompress it first.`);
  if (/^0a0d0d0a.{8}(1a2b3c4d|4d3c2b1a)/.test(digits)) return { at: 0, section: { interfaces: [] } };
  const little = /^(d4c3|4d3c|34cd)b2a1/.test(digits);
  if (digits.length < 48 || !(little || /^a1b2(c3d4|3c4d)/.test(digits))) throw new Problem("This is no pcap or pcapng capture.");
  // The upper bits of the link type give the length of a frame check sequence, which is ignored like padding.
  const link = start.getUint32(20, little) & 0x3ffffff;
  const resolution = /^(4d3c|a1b23c4d)/.test(digits) ? NANOSECONDS : 1000000n;
  const recordHeader = digits.startsWith("34cd") ? 24 : 16;
  return { at: 24, section: { recordHeader, little, interfaces: [{ link, little, resolution, offset: 0n }] } };
}

// The length of the record or block at an offset; `undefined` if its header is not there yet.
function lengthAt(view, at, section) {
  if (view.byteLength - at < (section.recordHeader ?? 12)) return undefined;
  if (section.recordHeader) return section.recordHeader + view.getUint32(at + 8, section.little);
  if (view.getUint32(at) === 0x0a0d0d0a) section.little = view.getUint32(at + 8, true) === 0x1a2b3c4d;
  const length = view.getUint32(at + 4, section.little);
  return length < 12 ? Infinity : length;
}

// What is in it: the packet's place, whether it is cut, its interface, and how far before it its time is, 0 without one; a reason
// to leave it out; or nothing.
// `undefined` if it is damaged.
function contentAt(view, at, length, section) {
  const u32 = (offset) => view.getUint32(at + offset, section.little);
  const packet = (from, length, original, on, timeBefore) =>
    on ? { from, length, isCut: length < original, on, timeBefore } : { leftOut: "interface without description" };
  const [first] = section.interfaces;
  if (section.recordHeader) return packet(section.recordHeader, u32(8), u32(12), first, section.recordHeader);
  if (u32(length - 4) !== length) return undefined;
  switch (u32(0)) {
    case 0x0a0d0d0a:
      section.interfaces = []; // they belong to a section
      break;
    case 1:
      section.interfaces.push(interfaceAt(view, at, length, section.little));
      break;
    case 2:
      return { leftOut: "obsolete Packet Block" };
    case 3:
      return packet(12, Math.min(length - 16, u32(8), first?.snapLength || LONGEST), u32(8), first, 0);
    case 6:
      if (length < 32 || u32(20) > length - 32) return undefined;
      return packet(28, u32(20), u32(24), section.interfaces[u32(8)], 16);
  }
  return {};
}

function interfaceAt(view, at, length, little) {
  const found = { link: view.getUint16(at + 8, little), snapLength: view.getUint32(at + 12, little) };
  Object.assign(found, { isPcapng: true, little, resolution: 1000000n, offset: 0n });
  for (let option = at + 16; option + 8 < at + length; ) {
    const [code, size] = [view.getUint16(option, little), view.getUint16(option + 2, little)];
    const value = view.getUint8(option + 4);
    if (code === 9) found.resolution = (value & 0x80 ? 2n : 10n) ** BigInt(value & 0x7f);
    if (code === 14 && size === 8) found.offset = view.getBigInt64(option + 4, little);
    option += 4 + ((size + 3) & ~3);
  }
  return found;
}

// In nanoseconds since 1970.
async function timeOf({ from, timeBefore, on }, blob) {
  const view = await readBytes(blob, from - timeBefore, from - timeBefore + 8);
  const [high, low] = [0, 4].map((at) => BigInt(view.getUint32(at, on.little)));
  const units = on.isPcapng ? (high << 32n) | low : high * on.resolution + low;
  return (units * NANOSECONDS) / on.resolution + on.offset * NANOSECONDS;
}

// In seconds, with six decimals; `-` where the capture does not say.
async function sinceFirst(packet, { packets, blob }) {
  if (!packet.timeBefore) return "-";
  const first = packets.find(({ timeBefore }) => timeBefore);
  const passed = (await timeOf(packet, blob)) - (await timeOf(first, blob)), size = passed < 0n ? -passed : passed;
  const microseconds = String(size / 1000n).padStart(7, "0");
  return `${passed < 0n ? "-" : ""}${microseconds.slice(0, -6)}.${microseconds.slice(-6)}`;
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
    const frame = content.on && new Uint8Array(view.buffer, at - base + content.from, content.length);
    if (content.on || content.leftOut) {
      const { length, isCut, on, timeBefore, leftOut } = content; // all properties from the start: a small object
      handle({ from: at + content.from, length, isCut, on, timeBefore, leftOut, number: 0, index: 0, isAnswered: false, outcome: undefined }, frame);
    }
    at += length;
    if (performance.now() > until) {
      await new Promise((resolve) => setTimeout(resolve));
      until = performance.now() + SLICE;
      if (!goOn(at / blob.size)) return;
    }
  }
}

const damaged = (at) => new Problem(`The capture is cut off or damaged at byte ${at}; what is before it is shown.`);
