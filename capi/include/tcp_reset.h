/* SPDX-License-Identifier: MIT OR Apache-2.0 */
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


/* Made by cbindgen (cargo xtask header) of capi/src/. Do not edit. */
#ifndef TCP_RESET_H
#define TCP_RESET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Settings as Linux's REJECT target has them; all zero is the same. */
#define TCP_RESET_CONFIG_INIT { TCP_RESET_PROFILE_NETFILTER, 64, 0, TCP_RESET_TOWARDS_SOURCE, {0, 0, 0} }


/**
 * A reset was written.
 */
#define TCP_RESET_REASON_NONE 0

/**
 * The packet is shorter than its headers say or, under TCP_RESET_TRUST_TCP_CHECKSUM, than its headers are.
 */
#define TCP_RESET_REASON_TRUNCATED 1

/**
 * The IP version is neither 4 nor 6, or not the one asked for.
 */
#define TCP_RESET_REASON_VERSION 2

/**
 * The IPv4 header length is below 20 bytes.
 */
#define TCP_RESET_REASON_HEADER_LENGTH 3

/**
 * The IPv4 total length is below the header length.
 */
#define TCP_RESET_REASON_TOTAL_LENGTH 4

/**
 * The IPv4 header checksum is wrong.
 */
#define TCP_RESET_REASON_HEADER_CHECKSUM 5

/**
 * The IPv6 payload length is zero, as in a jumbogram.
 */
#define TCP_RESET_REASON_JUMBOGRAM 6

/**
 * An IPv6 extension header runs past the packet.
 */
#define TCP_RESET_REASON_EXTENSION_HEADER 7

/**
 * A fragment other than the first: it holds no TCP header.
 */
#define TCP_RESET_REASON_FRAGMENT 8

/**
 * The protocol is not TCP.
 */
#define TCP_RESET_REASON_NOT_TCP 9

/**
 * The source address is not unicast.
 */
#define TCP_RESET_REASON_SOURCE 10

/**
 * The destination address is not unicast.
 */
#define TCP_RESET_REASON_DESTINATION 11

/**
 * The packet ends before a TCP header does.
 */
#define TCP_RESET_REASON_TCP_HEADER 12

/**
 * The segment is a reset itself, which is never answered.
 */
#define TCP_RESET_REASON_RST 13

/**
 * The TCP checksum is wrong.
 */
#define TCP_RESET_REASON_TCP_CHECKSUM 14

/**
 * The TCP data offset is below 5 or past the segment; only TCP_RESET_PROFILE_TCP_STACK checks it.
 */
#define TCP_RESET_REASON_DATA_OFFSET 15

/**
 * A SYN that was dropped: its destination has no connection to reset.
 */
#define TCP_RESET_REASON_NO_CONNECTION 16

/**
 * An address of the Ethernet frame is broadcast or multicast.
 */
#define TCP_RESET_REASON_GROUP_ADDRESS 17

/**
 * The Ethernet frame has more than two VLAN tags.
 */
#define TCP_RESET_REASON_VLAN_TAGS 18

/**
 * The Ethernet frame holds neither IPv4 nor IPv6.
 */
#define TCP_RESET_REASON_ETHER_TYPE 19

/**
 * The IP header does not state the packet's length (it is 0, as before segmentation offload), and the numbers of the reset
 * depend on it. Only under TCP_RESET_TRUST_TCP_CHECKSUM or TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM.
 */
#define TCP_RESET_REASON_UNKNOWN_LENGTH 20

/**
 * More than 65,535 bytes of TCP, whose checksum would have to be verified.
 */
#define TCP_RESET_REASON_TOO_LONG 21

/**
 * The caller's mistake: a null pointer, an impossible length, or a number that is not defined here.
 */
#define TCP_RESET_REASON_ARGUMENT 1000

/**
 * The reply does not fit into the buffer.
 */
#define TCP_RESET_REASON_REPLY_SIZE 1001

/**
 * The version of this header: 10000 for each major version, 100 for each minor one, 1 for each patch.
 */
#define TCP_RESET_VERSION 100

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
 * The length in bytes of a reset's TCP segment, and of a TCP header without options.
 */
#define TCP_RESET_TCP_LEN 20

/**
 * A `profile`: a firewall's reset, as `iptables -j REJECT --reject-with tcp-reset` sends it.
 */
#define TCP_RESET_PROFILE_NETFILTER 0

/**
 * A `profile`: a host's reset, for a port on which nobody listens. It is silent on an impossible data offset, and reflects
 * the type of service or traffic class without its ECN bits.
 */
#define TCP_RESET_PROFILE_TCP_STACK 1

/**
 * A flag: the offender's IPv4 header checksum is not read.
 */
#define TCP_RESET_TRUST_IPV4_CHECKSUM 1

/**
 * A flag: the offender's TCP checksum is not read, because somebody else has verified it or the sender's network card has
 * still to fill it in. The packet then need only hold the headers, up to the twentieth byte of TCP's.
 */
#define TCP_RESET_TRUST_TCP_CHECKSUM 2

/**
 * A flag: the reset's TCP checksum is left to the network card or to the kernel. The field then holds the folded sum of the
 * pseudo-header, as for Linux's CHECKSUM_PARTIAL and VIRTIO_NET_HDR_F_NEEDS_CSUM.
 */
#define TCP_RESET_LEAVE_TCP_CHECKSUM_PARTIAL 4

/**
 * A flag: the offender's TCP checksum is verified, but one that its network card has still to complete is accepted too. The
 * field then holds the folded sum of the pseudo-header, as in captures of the sending host. TCP_RESET_TRUST_TCP_CHECKSUM
 * takes precedence.
 */
#define TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM 8

/**
 * A value of `towards`: the reset answers the packet, and goes to its source.
 */
#define TCP_RESET_TOWARDS_SOURCE 0

/**
 * A value of `towards`: the reset goes to the destination of a packet that was dropped, as by a firewall.
 */
#define TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED 1

/**
 * A value of `towards`: the reset goes to the destination of a packet that was delivered, as past a passive monitor.
 */
#define TCP_RESET_TOWARDS_DESTINATION_OF_DELIVERED 2

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
 * Settings. All zero is the default; a null pointer is the same. New settings will take the place of reserved bytes, and zero
 * will be their default.
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
     * Which end of the connection the reset goes to: TCP_RESET_TOWARDS_SOURCE or the like. To end both sides, call twice.
     *
     * One segment does not show the whole state of a connection: the documentation of Config::towards() in the Rust crate
     * explains when a destination ignores a reset.
     */
    uint8_t towards;
    /**
     * Zero.
     */
    uint32_t reserved[3];
};

/**
 * Why no reset was written: TCP_RESET_REASON_TRUNCATED and the like. The numbers never change, and new reasons get new ones.
 */
typedef uint32_t tcp_reset_reason;

/**
 * The numbers of a reset, in the machine's byte order. Window and urgent pointer are 0, and there are no options. The ports
 * are the offender's, exchanged; towards the destination, as they are.
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
     * TCP_RESET_RST, or TCP_RESET_RST | TCP_RESET_ACK.
     */
    uint8_t flags;
};

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
 * The same as tcp_reset_packet() for IPv4 alone, a third less code: TCP_RESET_IPV4_LEN bytes.
 */
size_t tcp_reset_ipv4_packet(const void *packet,
                             size_t packet_len,
                             void *reply,
                             size_t reply_size,
                             const struct tcp_reset_config *config,
                             tcp_reset_reason *reason);

/**
 * Writes the Ethernet frame that answers a frame and returns its length: TCP_RESET_FRAME_MAX_LEN at most. VLAN tags are
 * copied; the addresses are swapped, unless the reset goes to the destination. Padding to the least length of a frame is left
 * to the driver or the network card.
 */
size_t tcp_reset_frame(const void *frame,
                       size_t frame_len,
                       void *reply,
                       size_t reply_size,
                       const struct tcp_reset_config *config,
                       tcp_reset_reason *reason);

/**
 * Writes the TCP segment that answers a segment whose IP header the caller has dealt with: TCP_RESET_TCP_LEN bytes.
 *
 * `segment` is the whole segment, as long as the IP header says. `source` and `destination` are its addresses as in the
 * packet, of `address_len` bytes each: 4 or 16. Of the settings, `profile`, `towards` and the flags for the offender's TCP
 * checksum count; the reset's checksum is complete.
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
 * The numbers of the reset that answers a segment, from its TCP header of 20 bytes, options left out: for buffers that do not
 * hold the segment in one piece. `segment_len` is its length with header, options and data, by the IP header. Fills in
 * `numbers` and returns TCP_RESET_REASON_NONE, or returns why there is no reset.
 *
 * The checksum is the caller's to verify. Of the settings, `profile` and `towards` count.
 */
tcp_reset_reason tcp_reset_tcp_header(const void *header,
                                      size_t segment_len,
                                      struct tcp_reset_numbers *numbers,
                                      const struct tcp_reset_config *config);

/**
 * The same for a stack that has parsed the segment: the rule of TCP (RFC 9293, 3.10.7.1) and nothing else. `seq` and `ack`
 * are the segment's, in the machine's byte order; `ack` counts only with TCP_RESET_ACK. `flags` has the segment's flags; only
 * FIN, SYN, RST and ACK are looked at. `data_len` is the length of its data: SYN and FIN are counted here. `towards` is
 * TCP_RESET_TOWARDS_SOURCE or the like.
 */
tcp_reset_reason tcp_reset_parsed_segment(uint32_t seq,
                                          uint32_t ack,
                                          uint32_t flags,
                                          size_t data_len,
                                          uint32_t towards,
                                          struct tcp_reset_numbers *numbers);

/**
 * Writes the TCP segment of a reset whose numbers are known, by tcp_reset_tcp_header() or tcp_reset_parsed_segment():
 * TCP_RESET_TCP_LEN bytes, with a complete checksum.
 *
 * The ports are the reset's own, in the machine's byte order. `source` and `destination` are the addresses of both ends, in
 * either order, of `address_len` bytes each: 4 or 16. `flags` of the numbers has to be TCP_RESET_RST, alone or with
 * TCP_RESET_ACK.
 */
size_t tcp_reset_write_segment(const struct tcp_reset_numbers *numbers,
                               uint16_t source_port,
                               uint16_t destination_port,
                               const void *source,
                               const void *destination,
                               size_t address_len,
                               void *reply,
                               size_t reply_size,
                               tcp_reset_reason *reason);

/**
 * The reason in a few words, as strerror() does it: "wrong TCP checksum". Never null; the text is constant.
 */
const char *tcp_reset_reason_name(uint32_t reason);

/**
 * The version of the library, in the form of TCP_RESET_VERSION, which is the header's.
 */
uint32_t tcp_reset_version(void);

#ifdef __cplusplus
}
#endif

#endif /* TCP_RESET_H */
