// Packets in hexadecimal, as programs print them.

const hex = (bytes) => bytes.toHex?.() ?? Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// A line of tcpdump -x or -X, Wireshark, xxd, hexdump -C: offset, at most 16 bytes, perhaps the same as text.
const DUMP = /^\s*(?:0x)?([0-9a-f]{4,8})(?::\s*|\s{2,}|\s*$)((?:[0-9a-f]{2} {0,2}){0,16})(\w*)/i;
const NOISE = /[\s,:;.{}[\]()"'\\-]+|^b(?=["'])/;

// The packets in a text, and how many of its lines were left out. In a dump offset 0 begins a packet, otherwise an empty line.
function parse(text) {
  const lines = text.split(/\r?\n/), packets = [[]];
  const isDump = lines.some((line) => parseInt(DUMP.exec(line)?.[1], 16) === 0);
  let leftOut = 0;
  lines.forEach((line, index) => {
    const wrong = (what) => new Error(`Line ${index + 1}: ${what}.`);
    const [, offset, digits, rest] = (isDump && DUMP.exec(line)) || [];
    const at = parseInt(offset, 16);
    if ((isDump ? at === 0 : line.trim() === "") && packets.at(-1).length > 0) packets.push([]);
    const packet = packets.at(-1);
    if (isDump && !offset) return void (leftOut += line.trim() !== "");
    if (isDump && at !== packet.length) throw wrong(`its offset is ${at}, but ${packet.length} bytes are before it`);
    const words = isDump ? digits.split(/\s+/) : line.trim().replace(/\\x|0x|\\(?=0)/gi, " 0x").split(NOISE);
    if (isDump && packet.length + digits.replace(/\s/g, "").length / 2 < at + 16) words.push(rest);
    for (const word of words.filter(Boolean)) {
      const all = word.replace(/^0x/i, ""), pairs = all.length % 2 && all !== word ? `0${all}` : all;
      if (/[^0-9a-f]/i.test(pairs)) throw wrong(`“${word}” is not hexadecimal`);
      if (pairs.length % 2) throw wrong(`“${word.slice(-12)}” has an odd number of digits`);
      for (const pair of pairs.match(/../g)) packet.push(parseInt(pair, 16));
    }
  });
  return { packets: packets.filter(({ length }) => length).map((packet) => Uint8Array.from(packet)), leftOut };
}

// A capture file with these packets: all else is the same for both.
function toCapture(packets, link) {
  const words = (...numbers) => Uint32Array.from(numbers);
  const records = packets.flatMap((packet) => [words(0, 0, packet.length, packet.length), packet]);
  return new Blob([words(0xa1b2c3d4, 0x40002, 0, 0, LONGEST, link), ...records]);
}

// The link type that the first byte, the lengths and the EtherType speak for: raw IP or Ethernet.
function guessLink(packet) {
  const [total, payload, type] = [2, 4, 12].map((at) => (packet[at] << 8) | packet[at + 1]);
  const isIp = isIpv6(packet) ? payload + 40 <= packet.length : /^4[5-f]/.test(hex(packet)) && total <= packet.length;
  return !isIp && [0x800, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8848, 0x8864].includes(type) ? 1 : 101;
}
