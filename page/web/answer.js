// The crate's answer to a frame, and the fields of headers.

let crate; // its exports
let room; // where output and frame are in its memory
const OUTPUT = 1024;
const [UNKNOWN_LINK, IP, TCP, RST] = [0, 2, 3, 13]; // kinds of frames: ../src/lib.rs; a reason: ../../src/no_reset.rs

// `settings` are numbers, in the order of the form. Without text, the resets last until the next call.
function answer(frame, { link, isCut }, settings, withText) {
  const { buffer } = crate.memory, words = new Uint32Array(buffer, room, 10);
  new Uint8Array(buffer, room + OUTPUT).set(frame);
  crate.answer(room + OUTPUT, frame.length, room, link, isCut, withText, ...settings);
  const [kind, packetAt, tcpAt, segmentLength, checksum, reason, textLength, ...lengths] = words;
  const bytes = (at, length) => length && new Uint8Array(buffer, room + at, length);
  const lines = textLength ? new TextDecoder().decode(bytes(220, textLength)).split("\n") : [];
  const resets = lengths.map((length, index) => bytes(40 + 60 * index, length)), packet = frame.subarray(packetAt);
  const reset = withText && resets[0] ? resets[0].slice() : resets[0], at = tcpAt - packetAt;
  return { kind, packetAt, packet, at, segmentLength, checksum, reason, reset, ours: resets.slice(1), lines };
}

// Name, offset in the header, bits in the 32-bit word there; an IPv6 address has four words.
const fields = (text, isTcp) => text.split("; ").map((field) => {
  const [, name, offset, bits, words] = /^(.+) (\d+) (\w+)(?:\*(\d))?$/.exec(field);
  const mask = parseInt(bits, 16), shift = 31 - Math.clz32(mask & -mask);
  return { name, offset: Number(offset), mask, shift, words: Number(words ?? 1), isTcp };
});
const NUMBERS = fields("flags 12 ff0000; sequence number 4 ffffffff; acknowledgment number 8 ffffffff", true);
const OF_TCP = fields("source port 0 ffff0000; destination port 0 ffff; data offset 12 f0000000; reserved bits 12 f000000; \
window 12 ffff; TCP checksum 16 ffff0000; urgent pointer 16 ffff", true);
const OF_IPV4 = fields("source address 12 ffffffff; destination address 16 ffffffff; version 0 f0000000; \
header length 0 f000000; type of service 0 ff0000; total length 0 ffff; identification 4 ffff0000; fragment field 4 ffff; \
TTL 8 ff000000; protocol 8 ff0000; IPv4 header checksum 8 ffff", false);
const OF_IPV6 = fields("source address 8 ffffffff*4; destination address 24 ffffffff*4; version 0 f0000000; \
traffic class 0 ff00000; flow label 0 fffff; payload length 4 ffff0000; next header 4 ff00; hop limit 4 ff", false);
const isIpv6 = (packet) => packet[0] >> 4 === 6;
// The numbers first.
const fieldsOf = (packet) => [...NUMBERS, ...(isIpv6(packet) ? OF_IPV6 : OF_IPV4), ...OF_TCP];
// A reset as `answer` returns what it has read: the packet, and where its TCP header is.
const parsed = (reset) => ({ packet: reset, at: isIpv6(reset) ? 40 : 20 });

// A field's bytes, from and until; its number, or NaN where the packet ends before it.
const bytesOf = ({ offset, mask, shift, words, isTcp }, at) =>
  [(Math.clz32(mask) >> 3), 4 * words - (shift >> 3)].map((byte) => byte + offset + (isTcp ? at : 0));
function valueOf({ packet, at }, { offset, mask, shift, isTcp }) {
  const start = offset + (isTcp ? at : 0);
  const word = (packet[start] << 24) | (packet[start + 1] << 16) | (packet[start + 2] << 8) | packet[start + 3];
  return start + 4 <= packet.length ? (word & mask) >>> shift : NaN;
}
