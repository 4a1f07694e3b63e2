"use strict";
// Compares the resets that a capture holds with ours, as ../../tcp-reset-capture/src/comparison.rs does.

const DIRECTIONS = 1 << 15; // that are remembered, with so many offenders each:
const OFFENDERS = 4;
const CLASSES = ["same bytes", "same to a receiver", "other numbers", "ours is silence"];
// Known to be the same, lengths, and checksums.
const NOT_COMPARED = /address|port|version|length|offset|protocol|checksum/;

// The fields in which their reset differs from ours. `isSeen`: its receiver takes it for another reset, or for none.
function differences(theirs, reset, trustsChecksums) {
  const ours = parsed(reset), found = [];
  const compare = (name, a, b, isSeen) => a !== b && found.push({ name, theirs: a, ours: b, isSeen });
  for (const field of fieldsOf(reset).filter(({ name }) => !NOT_COMPARED.test(name))) {
    const [a, b] = [theirs, ours].map((one) => valueOf(one, field));
    compare(field.name, a, b, field === NUMBERS[2] ? b !== 0 : NUMBERS.includes(field));
  }
  const header = 4 * numberOf(theirs, "data offset");
  compare("length of IP options", isIpv6(reset) ? 0 : Math.max(0, (theirs.packet[0] & 15) * 4 - 20), 0);
  compare("length of TCP options", Math.max(0, header - 20), 0);
  compare("length of data", Math.max(0, theirs.segmentLength - header), 0);
  // Of the checksum, a wrong one; another one if nothing else differs. A partial one is completed later.
  const isWrong = theirs.checksum === 1;
  if (!trustsChecksums && (isWrong || (theirs.checksum !== 2 && found.length === 0))) {
    compare("TCP checksum", ...[theirs, ours].map((one) => numberOf(one, "TCP checksum")), isWrong);
  }
  return found;
}

// The two ends of a segment, as keys.
function directions({ packet, at }) {
  const [from, middle, until] = isIpv6(packet) ? [8, 24, 40] : [12, 16, 20];
  const end = (...bytes) => String.fromCharCode(...bytes);
  const ports = packet.subarray(at, at + 4);
  return [end(...packet.subarray(from, middle), ports[0], ports[1]), end(...packet.subarray(middle, until), ports[2], ports[3])];
}

class Comparison {
  sent = new Map(); // the last offenders of each direction; the direction used last is at the end
  unmatched = 0;

  // Remembers what was sent, and our resets for it. A retransmission is answered by the same.
  offender(index, direction, { netfilter, tcpStack }) {
    const offenders = this.use(direction) ?? [];
    const resets = [netfilter, tcpStack].map((reset) => (reset ? hex(reset) : "")).join();
    let known = offenders.find((known) => known.resets === resets);
    if (!known) {
      known = { netfilter: netfilter && netfilter.slice(), tcpStack: tcpStack && tcpStack.slice(), resets, unmatched: 0 };
      offenders.unshift(known);
    }
    known.index = index;
    [known, this].forEach((counter) => (counter.unmatched += netfilter ? 1 : 0));
    this.sent.set(direction, offenders.slice(0, OFFENDERS));
    if (this.sent.size > DIRECTIONS) this.sent.delete(this.sent.keys().next().value);
  }

  // Compares their reset with the most similar of ours. An end that aborts its connection sends a reset as well: it has sent
  // something before, and its numbers are not those of an answer.
  reset(direction, reverse, theirs, trustsChecksums) {
    const offenders = this.use(reverse), hasSent = this.sent.has(direction);
    const all = (offenders ?? []).flatMap((offender) => ["netfilter", "tcpStack"].map((profile) => ({ offender, profile })));
    const compared = all.filter(({ offender, profile }) => offender[profile]).map(({ offender, profile }) => {
      const list = differences(theirs, offender[profile], trustsChecksums);
      return { offender, profile, list, isOther: list.some(({ isSeen }) => isSeen) };
    });
    const rank = ({ isOther, list, profile }) => isOther * 1000 + list.length * 2 + (profile === "tcpStack");
    const [best] = compared.sort((a, b) => rank(a) - rank(b));
    if (!best) return offenders && !hasSent ? { class: 3, index: offenders[0].index, list: [] } : undefined;
    const { offender, profile, list, isOther } = best;
    if (hasSent && list.some(({ isSeen, name }) => isSeen && name !== "TCP checksum")) return undefined;
    if (offender.unmatched > 0) [offender, this].forEach((counter) => counter.unmatched--);
    return { class: isOther ? 2 : Math.min(1, list.length), index: offender.index, list, profile };
  }

  use(direction) {
    const offenders = this.sent.get(direction);
    if (offenders) this.sent.delete(direction) && this.sent.set(direction, offenders);
    return offenders;
  }
}

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
const flagsOf = (bits) => FLAGS.filter((_, bit) => (bits >> bit) & 1);

// In the capture tool's words.
function describe({ class: number, list, profile }) {
  const letters = (bits) => `[${flagsOf(bits).map((name) => ({ ACK: ".", ECE: "E", CWR: "W" })[name] ?? name[0]).join("") || "none"}]`;
  const four = (value) => `0x${value.toString(16).padStart(4, "0")}`;
  const print = (name) => (name === "flags" ? letters : /fragment|checksum/.test(name) ? four : String);
  const same = `; the same bytes as ours${profile === "tcpStack" ? " for a closed port" : ""}`;
  const start = [same, "; to a receiver the same as ours, but", "; not ours:", "; ours is silence"][number];
  return start + list.map(({ name, theirs, ours }) => ` ${name} ${print(name)(theirs)} (ours ${print(name)(ours)})`).join();
}
