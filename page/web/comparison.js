// Compares the resets that a capture holds with ours, as ../../tcp-reset-capture/src/comparison.rs does.

const DIRECTIONS = 1 << 15; // that are remembered, with so many offenders each:
const OFFENDERS = 4;
const CLASSES = ["same bytes", "same to a receiver", "other numbers", "ours is silence"];
// Known to be the same, lengths, and checksums.
const isCompared = ({ name }) => !/address|port|version|length|offset|protocol|checksum/.test(name);
const COMPARED = [OF_IPV4, OF_IPV6].map((ofIp) => [...NUMBERS, ...ofIp, ...OF_TCP].filter(isCompared));

// The fields in which their reset differs from ours. `isSeen`: its receiver takes it for another reset, or for none.
function differences(theirs, reset, trustsChecksums) {
  const ours = parsed(reset), found = [];
  const compare = (name, a, b, isSeen) => a !== b && found.push({ name, theirs: a, ours: b, isSeen });
  for (const field of COMPARED[Number(isIpv6(reset))]) {
    const b = valueOf(ours, field);
    compare(field.name, valueOf(theirs, field), b, field === NUMBERS[2] ? b !== 0 : NUMBERS.includes(field));
  }
  const header = 4 * valueOf(theirs, OF_TCP[2]);
  compare("length of IP options", isIpv6(reset) ? 0 : Math.max(0, (theirs.packet[0] & 15) * 4 - 20), 0);
  compare("length of TCP options", Math.max(0, header - 20), 0);
  compare("length of data", Math.max(0, theirs.segmentLength - header), 0);
  // Of the checksum, a wrong one; another one if nothing else differs. A partial one is completed later.
  const isWrong = theirs.checksum === 1;
  if (!trustsChecksums && (isWrong || (theirs.checksum !== 2 && found.length === 0))) {
    compare("TCP checksum", ...[theirs, ours].map((one) => valueOf(one, OF_TCP[5])), isWrong);
  }
  return found;
}

// From and to which address and port a segment goes, and the reverse.
function directions({ packet, at }) {
  const [from, middle, until] = isIpv6(packet) ? [8, 24, 40] : [12, 16, 20];
  const text = (from, until) => String.fromCharCode(...packet.subarray(from, until));
  const ends = [text(from, middle) + text(at, at + 2), text(middle, until) + text(at + 2, at + 4)];
  return [ends.join(), ends.reverse().join()];
}

class Comparison {
  sent = new Map(); // the last offenders of each direction; the direction used last is at the end

  // Remembers what was sent, and our resets for it: a firewall's and a closed port's. A retransmission is answered by the same.
  offender(index, direction, resets) {
    const key = resets.map((reset) => reset && hex(reset)).join();
    const offenders = this.sent.get(direction) ?? [], known = offenders.find((known) => known.key === key);
    if (known) known.index = index;
    else offenders.unshift({ index, resets: resets.map((reset) => reset && reset.slice()), key });
    this.sent.delete(direction);
    this.sent.set(direction, offenders.slice(0, OFFENDERS));
    if (this.sent.size > DIRECTIONS) this.sent.delete(this.sent.keys().next().value);
  }

  // Compares their reset with the most similar of ours. An end that aborts its connection sends a reset as well: it has sent
  // something before, and its numbers are not those of an answer.
  reset([direction, reverse], theirs, trustsChecksums) {
    const offenders = this.sent.get(reverse), hasSent = this.sent.has(direction);
    const all = (offenders ?? []).flatMap(({ index, resets }) => resets.map((reset, isStack) => ({ index, reset, isStack })));
    const compared = all.filter(({ reset }) => reset).map(({ index, reset, isStack }) => {
      const list = differences(theirs, reset, trustsChecksums), seen = list.filter(({ isSeen }) => isSeen);
      return { index, isStack, list, seen, rank: (seen.length > 0) * 1000 + list.length * 2 + isStack };
    });
    const [{ index, isStack, list, seen } = {}] = compared.sort((a, b) => a.rank - b.rank);
    if (!list) return offenders && !hasSent ? { class: 3, index: offenders[0].index, list: [] } : undefined;
    if (hasSent && seen.some(({ name }) => name !== "TCP checksum")) return undefined;
    return { index, isStack, list, class: seen.length ? 2 : Math.min(1, list.length) };
  }
}

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
const flagsOf = (bits) => FLAGS.filter((_, bit) => (bits >> bit) & 1);

// In words: the class, and each field that differs.
function describe({ class: number, list, isStack }) {
  const text = (name, value) => name === "flags" ? flagsOf(value).join(" ") || "none" : String(value);
  const each = list.map(({ name, theirs, ours }) => `${name} ${text(name, theirs)} (ours ${text(name, ours)})`);
  return `; ${CLASSES[number]}${isStack ? " for a closed port" : ""}${list.length ? ": " : ""}${each.join(", ")}`;
}
