/*
 * Turns an IP packet, IPv4 or IPv6, into the TCP reset that answers it, or says why none is sent. The reset is, bit for
 * bit, the one that Linux sends for `iptables -j REJECT --reject-with tcp-reset`.
 *
 *     uint8_t reply[TCP_RESET_MAX_LEN];
 *     tcp_reset_reason reason;
 *     size_t len = tcp_reset_packet(packet, packet_len, reply, sizeof reply, NULL, &reason);
 *     if (len > 0)
 *         send_it(reply, len);
 *     else
 *         log_it(tcp_reset_reason_name(reason));
 *
 * What all functions have in common:
 *
 * - A function that writes a reply returns its length or, if none is sent, 0; the reply buffer is then untouched. `reason`
 *   may be null; otherwise it is always set, to TCP_RESET_REASON_NONE for a reply.
 * - The reply buffer may be the offending packet itself or overlap it: nothing is written before everything has been read.
 *   A reply is never longer than its offender.
 * - `config` may be null, which is the same as TCP_RESET_CONFIG_INIT.
 * - Null pointers, impossible lengths, and numbers that are not defined here return TCP_RESET_REASON_ARGUMENT. A length is
 *   impossible if it is more than half of the address space or goes past its end; the length of an address, if it is
 *   neither 4 nor 16. Otherwise a pointer has to point to as many bytes as the length beside it says.
 * - There is no state and no allocation: any thread, signal handler or interrupt may call.
 */


#ifndef TCP_RESET_H
#define TCP_RESET_H

/* Made by cbindgen (capi/header.sh) of capi/src/. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/** Settings as Linux's REJECT target has them; all zero is the same. */
#define TCP_RESET_CONFIG_INIT { TCP_RESET_PROFILE_NETFILTER, 64, 0, 0 }


/**
 * The length in bytes of the longest reset, which is IPv6's.
 */
#define TCP_RESET_MAX_LEN 60

/**
 * The length in bytes of a reset over IPv4.
 */
#define TCP_RESET_IPV4_LEN 40

/**
 * The length in bytes of the longest Ethernet frame with a reset: two VLAN tags and IPv6.
 */
#define TCP_RESET_FRAME_MAX_LEN 82

/**
 * The length in bytes of a reset's TCP segment.
 */
#define TCP_RESET_TCP_LEN 20

/**
 * A flag of `struct tcp_reset_config`: the offender's IPv4 header checksum is not read.
 */
#define TCP_RESET_TRUST_IPV4_CHECKSUM 1

/**
 * A flag of `struct tcp_reset_config`: the offender's TCP checksum is not read, because somebody else has verified it or
 * the sender's network card has still to fill it in. The packet then need only hold the headers, up to the twentieth byte
 * of TCP's.
 */
#define TCP_RESET_TRUST_TCP_CHECKSUM 2

/**
 * A flag of `struct tcp_reset_config`: the reset's TCP checksum is left to the network card or to the kernel. The field
 * then holds the folded sum of the pseudo-header, as for Linux's CHECKSUM_PARTIAL and VIRTIO_NET_HDR_F_NEEDS_CSUM.
 */
#define TCP_RESET_PARTIAL_CHECKSUM 4

/**
 * FIN, a bit of the TCP flags.
 */
#define TCP_RESET_FIN 1

/**
 * SYN, a bit of the TCP flags.
 */
#define TCP_RESET_SYN 2

/**
 * RST, a bit of the TCP flags.
 */
#define TCP_RESET_RST 4

/**
 * ACK, a bit of the TCP flags.
 */
#define TCP_RESET_ACK 16

/**
 * Why no reset was written. The numbers never change, and new reasons get new ones.
 */
enum tcp_reset_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A reset was written.
     */
    TCP_RESET_REASON_NONE = 0,
    /**
     * The packet is shorter than its headers say or, under TCP_RESET_TRUST_TCP_CHECKSUM, than its headers are.
     */
    TCP_RESET_REASON_TRUNCATED = 1,
    /**
     * The IP version is neither 4 nor 6, or not the one asked for.
     */
    TCP_RESET_REASON_VERSION = 2,
    /**
     * The IPv4 header length is below 20 bytes.
     */
    TCP_RESET_REASON_HEADER_LENGTH = 3,
    /**
     * The IPv4 total length is below the header length, or a TCP segment is longer than an IP packet can carry.
     */
    TCP_RESET_REASON_TOTAL_LENGTH = 4,
    /**
     * The IPv4 header checksum is wrong.
     */
    TCP_RESET_REASON_HEADER_CHECKSUM = 5,
    /**
     * The IPv6 payload length is zero, as in a jumbogram.
     */
    TCP_RESET_REASON_JUMBOGRAM = 6,
    /**
     * An IPv6 extension header runs past the packet.
     */
    TCP_RESET_REASON_EXTENSION_HEADER = 7,
    /**
     * A fragment other than the first: it holds no TCP header.
     */
    TCP_RESET_REASON_FRAGMENT = 8,
    /**
     * The protocol is not TCP.
     */
    TCP_RESET_REASON_NOT_TCP = 9,
    /**
     * The source address is not unicast.
     */
    TCP_RESET_REASON_SOURCE = 10,
    /**
     * The destination address is not unicast.
     */
    TCP_RESET_REASON_DESTINATION = 11,
    /**
     * The packet ends before a TCP header does.
     */
    TCP_RESET_REASON_TCP_HEADER = 12,
    /**
     * The segment is a reset itself, which is never answered.
     */
    TCP_RESET_REASON_RST = 13,
    /**
     * The TCP checksum is wrong.
     */
    TCP_RESET_REASON_TCP_CHECKSUM = 14,
    /**
     * The TCP data offset is below 5 or past the segment; only TCP_RESET_PROFILE_TCP_STACK checks it.
     */
    TCP_RESET_REASON_DATA_OFFSET = 15,
    /**
     * A SYN that was dropped: its destination has no connection to reset.
     */
    TCP_RESET_REASON_NO_CONNECTION = 16,
    /**
     * An address of the Ethernet frame is broadcast or multicast.
     */
    TCP_RESET_REASON_GROUP_ADDRESS = 17,
    /**
     * The Ethernet frame has more than two VLAN tags.
     */
    TCP_RESET_REASON_VLAN_TAGS = 18,
    /**
     * The Ethernet frame holds neither IPv4 nor IPv6.
     */
    TCP_RESET_REASON_ETHER_TYPE = 19,
    /**
     * One that this header does not know.
     */
    TCP_RESET_REASON_OTHER = 999,
    /**
     * The caller's mistake: a null pointer, an impossible length, or a number that is not defined here.
     */
    TCP_RESET_REASON_ARGUMENT = 1000,
    /**
     * The reply does not fit into the buffer.
     */
    TCP_RESET_REASON_REPLY_SIZE = 1001,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tcp_reset_reason tcp_reset_reason;
#else
typedef uint32_t tcp_reset_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Linux has two reset generators: which one to follow.
 */
enum tcp_reset_profile
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A firewall's: `iptables -j REJECT --reject-with tcp-reset`.
     */
    TCP_RESET_PROFILE_NETFILTER = 0,
    /**
     * A host's, for a port on which nobody listens. It is silent on an impossible data offset, and reflects the type of
     * service or traffic class without its ECN bits.
     */
    TCP_RESET_PROFILE_TCP_STACK = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tcp_reset_profile tcp_reset_profile;
#else
typedef uint8_t tcp_reset_profile;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What became of the offending packet: it decides which sequence number its destination expects next.
 */
enum tcp_reset_fate
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It was dropped, as by a firewall.
     */
    TCP_RESET_FATE_DROPPED = 0,
    /**
     * It was delivered, as past a passive monitor.
     */
    TCP_RESET_FATE_DELIVERED = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tcp_reset_fate tcp_reset_fate;
#else
typedef uint8_t tcp_reset_fate;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Settings. All zero is the default; a null pointer is the same. New settings will be zero by default too.
 */
struct tcp_reset_config {
    /**
     * Whose reset to send: TCP_RESET_PROFILE_NETFILTER or TCP_RESET_PROFILE_TCP_STACK.
     */
    uint8_t profile;
    /**
     * The reset's time to live (IPv4) or hop limit (IPv6); 0 stands for 64.
     */
    uint8_t hop_limit;
    /**
     * TCP_RESET_TRUST_IPV4_CHECKSUM and the like, joined by `|`.
     */
    uint8_t flags;
    /**
     * Zero.
     */
    uint8_t reserved;
};

/**
 * What the reset rule has to know of an offending segment. All numbers are in the machine's byte order.
 */
struct tcp_reset_segment {
    /**
     * SEG.SEQ, the sequence number.
     */
    uint32_t seq;
    /**
     * SEG.ACK, the acknowledgment number; it counts only with TCP_RESET_ACK.
     */
    uint32_t ack;
    /**
     * How many bytes of data follow the header, without SYN and FIN.
     */
    uint32_t data_len;
    /**
     * The port it came from.
     */
    uint16_t source_port;
    /**
     * The port it went to.
     */
    uint16_t destination_port;
    /**
     * The eight flag bits from CWR down to FIN.
     */
    uint8_t flags;
};

/**
 * The numbers of a reset, in the machine's byte order. Window and urgent pointer are 0, and there are no options.
 */
struct tcp_reset_numbers {
    /**
     * The sequence number.
     */
    uint32_t seq;
    /**
     * The acknowledgment number: 0 without TCP_RESET_ACK.
     */
    uint32_t ack;
    /**
     * The port it comes from.
     */
    uint16_t source_port;
    /**
     * The port it goes to.
     */
    uint16_t destination_port;
    /**
     * TCP_RESET_RST, or TCP_RESET_RST | TCP_RESET_ACK.
     */
    uint8_t flags;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Writes the reset that answers a packet, IPv4 or IPv6, and returns its length: TCP_RESET_MAX_LEN at most.
 *
 * The packet begins with its IP header. Bytes past the length that this header states, such as Ethernet padding, are
 * ignored.
 */
size_t tcp_reset_packet(const void *packet,
                        size_t packet_len,
                        void *reply,
                        size_t reply_size,
                        const struct tcp_reset_config *config,
                        tcp_reset_reason *reason);

/**
 * Writes the reset that ends the connection of a packet, IPv4 or IPv6, at the packet's destination, in the name of its
 * source. `fate` is TCP_RESET_FATE_DROPPED or TCP_RESET_FATE_DELIVERED. To end both sides, call tcp_reset_packet() too.
 *
 * One segment does not show the whole state: the documentation of reset_for_destination() in the Rust crate explains when
 * a destination ignores such a reset.
 */
size_t tcp_reset_packet_for_destination(const void *packet,
                                        size_t packet_len,
                                        uint8_t fate,
                                        void *reply,
                                        size_t reply_size,
                                        const struct tcp_reset_config *config,
                                        tcp_reset_reason *reason);

/**
 * The same as tcp_reset_packet() for IPv4 alone, a third less code: TCP_RESET_IPV4_LEN bytes.
 */
size_t tcp_reset_ipv4_packet(const void *packet,
                             size_t packet_len,
                             void *reply,
                             size_t reply_size,
                             const struct tcp_reset_config *config,
                             tcp_reset_reason *reason);

/**
 * Writes the Ethernet frame that answers a frame, addresses swapped, VLAN tags copied, and returns its length:
 * TCP_RESET_FRAME_MAX_LEN at most. Padding to the least length of a frame is left to the driver or the network card.
 */
size_t tcp_reset_frame(const void *frame,
                       size_t frame_len,
                       void *reply,
                       size_t reply_size,
                       const struct tcp_reset_config *config,
                       tcp_reset_reason *reason);

/**
 * Writes the Ethernet frame that ends the connection at the frame's destination: see tcp_reset_packet_for_destination().
 */
size_t tcp_reset_frame_for_destination(const void *frame,
                                       size_t frame_len,
                                       uint8_t fate,
                                       void *reply,
                                       size_t reply_size,
                                       const struct tcp_reset_config *config,
                                       tcp_reset_reason *reason);

/**
 * Writes the TCP segment that answers a segment whose IP header the caller has dealt with: TCP_RESET_TCP_LEN bytes.
 *
 * `segment` is the whole segment, as long as the IP header says. `source` and `destination` are its addresses as in the
 * packet, of `address_len` bytes each: 4 or 16. Of the settings, the profile and TCP_RESET_TRUST_TCP_CHECKSUM count; the
 * reset's checksum is complete.
 */
size_t tcp_reset_tcp_segment(const void *segment,
                             size_t segment_len,
                             const void *source,
                             const void *destination,
                             size_t address_len,
                             void *reply,
                             size_t reply_size,
                             const struct tcp_reset_config *config,
                             tcp_reset_reason *reason);

/**
 * Writes the TCP segment that ends the connection at the segment's destination, ports not swapped: see
 * tcp_reset_packet_for_destination().
 */
size_t tcp_reset_tcp_segment_for_destination(const void *segment,
                                             size_t segment_len,
                                             uint8_t fate,
                                             const void *source,
                                             const void *destination,
                                             size_t address_len,
                                             void *reply,
                                             size_t reply_size,
                                             const struct tcp_reset_config *config,
                                             tcp_reset_reason *reason);

/**
 * The rule alone, for a stack that has parsed the segment and writes its own headers: fills in the numbers of the reset
 * that answers it, and returns TCP_RESET_REASON_NONE or why there is none.
 */
tcp_reset_reason tcp_reset_numbers(const struct tcp_reset_segment *segment,
                                   struct tcp_reset_numbers *numbers);

/**
 * The same, for the reset that goes to the segment's destination: see tcp_reset_packet_for_destination().
 */
tcp_reset_reason tcp_reset_numbers_for_destination(const struct tcp_reset_segment *segment,
                                                   uint8_t fate,
                                                   struct tcp_reset_numbers *numbers);

/**
 * The reason in a few words, as strerror() does it: "wrong TCP checksum". Never null; the text is constant.
 */
const char *tcp_reset_reason_name(uint32_t reason);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TCP_RESET_H */
