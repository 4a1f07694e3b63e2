/* Arguments that a mistake in C brings: null pointers, impossible lengths, numbers that are not defined. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcp_reset.h>

static const unsigned char SYN[] = {
    0x45, 0x00, 0x00, 0x28, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0x3c, 0x65, 0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02,
    0x8c, 0xd2, 0x00, 0x50, 0x1f, 0x20, 0x83, 0xe8, 0x53, 0xd9, 0x73, 0x64, 0x50, 0x02, 0xfa, 0xf0, 0xd1, 0x51, 0x00, 0x00,
};
static const unsigned char *const TCP = SYN + 20;

static void check(int holds, int line, const char *what)
{
    if (!holds) {
        fprintf(stderr, "arguments.c:%d: not so: %s\n", line, what);
        exit(EXIT_FAILURE);
    }
}

#define CHECK(condition) check(condition, __LINE__, #condition)

/* The call returns 0 with this reason, and leaves the buffer alone. */
#define GETS(expected, call)                                \
    do {                                                    \
        reason = UINT32_MAX;                                \
        memset(reply, 0xa5, sizeof reply);                  \
        CHECK((call) == 0);                                 \
        CHECK(reason == (expected));                        \
        CHECK(memcmp(reply, untouched, sizeof reply) == 0); \
    } while (0)

int main(void)
{
    static unsigned char untouched[TCP_RESET_FRAME_MAX_LEN];
    unsigned char reply[TCP_RESET_FRAME_MAX_LEN], frame[14 + sizeof SYN] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    const size_t impossible[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX - 1, SIZE_MAX};
    const tcp_reset_reason ARGUMENT = TCP_RESET_REASON_ARGUMENT;
    struct tcp_reset_config config = TCP_RESET_CONFIG_INIT, zero = {0};
    struct tcp_reset_numbers numbers;
    tcp_reset_reason reason;
    size_t i;

    memset(untouched, 0xa5, sizeof untouched);
    memcpy(frame + 14, SYN, sizeof SYN);

    /* The same in memory, whatever the compiler's flags are. */
    CHECK(sizeof reason == 4 && sizeof config == 16 && sizeof numbers == 12);

    /* Null pointers. */
    GETS(ARGUMENT, tcp_reset_packet(NULL, sizeof SYN, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_packet(NULL, 0, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_packet(SYN, sizeof SYN, NULL, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_packet(SYN, sizeof SYN, NULL, 0, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_ipv4_packet(NULL, sizeof SYN, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_ipv4_packet(SYN, sizeof SYN, NULL, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_frame(NULL, sizeof frame, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_frame(frame, sizeof frame, NULL, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_tcp_segment(NULL, 20, SYN + 12, SYN + 16, 4, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_tcp_segment(TCP, 20, NULL, SYN + 16, 4, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_tcp_segment(TCP, 20, SYN + 12, NULL, 4, reply, sizeof reply, NULL, &reason));
    GETS(ARGUMENT, tcp_reset_tcp_segment(TCP, 20, SYN + 12, SYN + 16, 4, NULL, sizeof reply, NULL, &reason));
    CHECK(tcp_reset_packet(NULL, 0, NULL, 0, NULL, NULL) == 0);
    CHECK(tcp_reset_tcp_header(NULL, 20, &numbers, NULL) == ARGUMENT);
    CHECK(tcp_reset_tcp_header(TCP, 20, NULL, NULL) == ARGUMENT);
    CHECK(tcp_reset_parsed_segment(1, 2, 0, 3, 0, NULL) == ARGUMENT);

    /* Lengths: more than half of the address space, or past its end. */
    for (i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        GETS(ARGUMENT, tcp_reset_packet(SYN, impossible[i], reply, sizeof reply, NULL, &reason));
        GETS(ARGUMENT, tcp_reset_packet(SYN, sizeof SYN, reply, impossible[i], NULL, &reason));
        GETS(ARGUMENT, tcp_reset_ipv4_packet(SYN, impossible[i], reply, sizeof reply, NULL, &reason));
        GETS(ARGUMENT, tcp_reset_frame(frame, impossible[i], reply, sizeof reply, NULL, &reason));
        GETS(ARGUMENT, tcp_reset_tcp_segment(TCP, impossible[i], SYN, SYN, 4, reply, sizeof reply, NULL, &reason));
    }
    GETS(ARGUMENT, tcp_reset_packet((void *)(UINTPTR_MAX - 10), 40, reply, sizeof reply, NULL, &reason));
    for (i = 0; i < 64; i++)
        if (i != 4 && i != 16)
            GETS(ARGUMENT, tcp_reset_tcp_segment(TCP, 20, SYN + 12, SYN + 16, i, reply, sizeof reply, NULL, &reason));

    for (i = 0; i < 20; i++)
        CHECK(tcp_reset_tcp_header(TCP, i, &numbers, NULL) == TCP_RESET_REASON_TCP_HEADER);
    /* More than 32 bits. */
    if (SIZE_MAX > UINT32_MAX) {
        CHECK(tcp_reset_tcp_header(TCP, SIZE_MAX, &numbers, NULL) == TCP_RESET_REASON_TOO_LONG);
        CHECK(tcp_reset_parsed_segment(1, 2, 0, SIZE_MAX, 0, &numbers) == TCP_RESET_REASON_TOO_LONG);
    }

    /* A length of 0 is allowed. */
    GETS(TCP_RESET_REASON_TRUNCATED, tcp_reset_packet(SYN, 0, reply, sizeof reply, NULL, &reason));
    GETS(TCP_RESET_REASON_TRUNCATED, tcp_reset_frame(frame, 0, reply, sizeof reply, NULL, &reason));
    GETS(TCP_RESET_REASON_REPLY_SIZE, tcp_reset_packet(SYN, sizeof SYN, reply, 0, NULL, &reason));

    /* Settings. */
    for (i = 0; i < 256; i++) {
        config.profile = (uint8_t)i;
        CHECK((tcp_reset_packet(SYN, sizeof SYN, reply, sizeof reply, &config, &reason) == 0) == (i > 1));
        CHECK(reason == (i > 1 ? ARGUMENT : TCP_RESET_REASON_NONE));
        config = zero;
        config.flags = (uint8_t)i;
        CHECK((tcp_reset_packet(SYN, sizeof SYN, reply, sizeof reply, &config, &reason) == 0) == (i > 15));
        CHECK(reason == (i > 15 ? ARGUMENT : TCP_RESET_REASON_NONE));
        config = zero;
        config.towards = (uint8_t)i;
        CHECK((tcp_reset_frame(frame, sizeof frame, reply, sizeof reply, &config, &reason) == 0) == (i != 0 && i != 2));
        CHECK(reason == (i == 1 ? TCP_RESET_REASON_NO_CONNECTION : i > 2 ? ARGUMENT : TCP_RESET_REASON_NONE));
        CHECK((tcp_reset_tcp_header(TCP, 20, &numbers, &config) == ARGUMENT) == (i > 2));
        CHECK((tcp_reset_parsed_segment(1, 2, 0, 3, (uint32_t)i, &numbers) == ARGUMENT) == (i > 2));
        config = zero;
        config.hop_limit = (uint8_t)i;
        CHECK(tcp_reset_packet(SYN, sizeof SYN, reply, sizeof reply, &config, NULL) == 40);
        CHECK(reply[8] == (i == 0 ? 64 : i));
        config = zero;
    }
    for (i = offsetof(struct tcp_reset_config, reserved); i < sizeof config; i++) {
        ((unsigned char *)&config)[i] = 1;
        GETS(ARGUMENT, tcp_reset_packet(SYN, sizeof SYN, reply, sizeof reply, &config, &reason));
        config = zero;
    }

    /* The segment of numbers that are known. */
    numbers.seq = 7, numbers.ack = 9, numbers.flags = TCP_RESET_RST;
    CHECK(tcp_reset_write_segment(&numbers, 80, 36050, SYN + 12, SYN + 16, 4, reply, TCP_RESET_TCP_LEN, NULL) == 20);
    CHECK(memcmp(reply, "\0\x50\x8c\xd2\0\0\0\7\0\0\0\0\x50\x04\0\0", 16) == 0);
    GETS(ARGUMENT, tcp_reset_write_segment(NULL, 1, 2, SYN, SYN, 4, reply, sizeof reply, &reason));
    GETS(ARGUMENT, tcp_reset_write_segment(&numbers, 1, 2, NULL, SYN, 4, reply, sizeof reply, &reason));
    GETS(ARGUMENT, tcp_reset_write_segment(&numbers, 1, 2, SYN, NULL, 4, reply, sizeof reply, &reason));
    GETS(ARGUMENT, tcp_reset_write_segment(&numbers, 1, 2, SYN, SYN, 6, reply, sizeof reply, &reason));
    GETS(ARGUMENT, tcp_reset_write_segment(&numbers, 1, 2, SYN, SYN, 4, NULL, sizeof reply, &reason));
    GETS(TCP_RESET_REASON_REPLY_SIZE, tcp_reset_write_segment(&numbers, 1, 2, SYN, SYN, 4, reply, 19, &reason));
    for (i = 0; i < 256; i++) {
        numbers.flags = (uint8_t)i;
        if (i != TCP_RESET_RST && i != (TCP_RESET_RST | TCP_RESET_ACK))
            GETS(ARGUMENT, tcp_reset_write_segment(&numbers, 1, 2, SYN, SYN, 4, reply, sizeof reply, &reason));
    }

    /* Each flag does what it says. */
    memcpy(untouched, SYN, sizeof SYN);
    untouched[10] ^= 1;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 0);
    CHECK(reason == TCP_RESET_REASON_HEADER_CHECKSUM);
    config.flags = TCP_RESET_TRUST_IPV4_CHECKSUM;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 40);
    untouched[37] ^= 1;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 0);
    CHECK(reason == TCP_RESET_REASON_TCP_CHECKSUM);
    config.flags |= TCP_RESET_TRUST_TCP_CHECKSUM;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 40);
    config.flags = TCP_RESET_LEAVE_TCP_CHECKSUM_PARTIAL;
    CHECK(tcp_reset_packet(SYN, sizeof SYN, reply, sizeof reply, &config, &reason) == 40);
    /* The sum of c000 0201 c633 6402, of 0006 and of 0014, folded. */
    CHECK(reply[36] == 0xec && reply[37] == 0x51);
    /* The SYN has the same sum, as it is 20 bytes long too. */
    memcpy(untouched, SYN, sizeof SYN);
    untouched[36] = 0xec;
    untouched[37] = 0x51;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, NULL, &reason) == 0);
    CHECK(reason == TCP_RESET_REASON_TCP_CHECKSUM);
    config.flags = TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 40);
    CHECK(tcp_reset_packet(SYN, sizeof SYN, reply, sizeof reply, &config, &reason) == 40);
    untouched[37] ^= 1;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 0);
    CHECK(reason == TCP_RESET_REASON_TCP_CHECKSUM);
    /* Before segmentation offload: total length 0, and the header checksum that goes with it. */
    memcpy(untouched, SYN, sizeof SYN);
    untouched[3] = 0;
    untouched[11] += 0x28;
    config.flags = TCP_RESET_TRUST_TCP_CHECKSUM;
    CHECK(tcp_reset_packet(untouched, sizeof SYN, reply, sizeof reply, &config, &reason) == 0);
    CHECK(reason == TCP_RESET_REASON_UNKNOWN_LENGTH);

    /* A SYN that was dropped has opened nothing; the reset for one that was delivered counts its SYN. */
    CHECK(tcp_reset_parsed_segment(7, 9, TCP_RESET_SYN, 0, TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED, &numbers) ==
          TCP_RESET_REASON_NO_CONNECTION);
    CHECK(tcp_reset_parsed_segment(7, 9, TCP_RESET_SYN, 0, TCP_RESET_TOWARDS_DESTINATION_OF_DELIVERED, &numbers) == 0);
    CHECK(numbers.seq == 8 && numbers.ack == 0 && numbers.flags == TCP_RESET_RST);
    CHECK(tcp_reset_parsed_segment(7, 9, 0x5010, 10, TCP_RESET_TOWARDS_DESTINATION_OF_DELIVERED, &numbers) == 0);
    CHECK(numbers.seq == 17 && numbers.ack == 9 && numbers.flags == (TCP_RESET_RST | TCP_RESET_ACK));
    CHECK(tcp_reset_parsed_segment(7, 9, TCP_RESET_SYN, 0, TCP_RESET_TOWARDS_SOURCE, &numbers) == TCP_RESET_REASON_NONE);
    CHECK(numbers.seq == 0 && numbers.ack == 8 && numbers.flags == (TCP_RESET_RST | TCP_RESET_ACK));
    CHECK(tcp_reset_parsed_segment(7, 9, TCP_RESET_RST, 0, TCP_RESET_TOWARDS_SOURCE, &numbers) == TCP_RESET_REASON_RST);
    CHECK(tcp_reset_parsed_segment(7, 9, TCP_RESET_SYN, 0, 256, &numbers) == ARGUMENT);

    CHECK(tcp_reset_version() == TCP_RESET_VERSION);
    CHECK(strcmp(tcp_reset_reason_name(TCP_RESET_REASON_NONE), "a reset was written") == 0);
    CHECK(strcmp(tcp_reset_reason_name(TCP_RESET_REASON_ARGUMENT), "bad argument") == 0);
    CHECK(strcmp(tcp_reset_reason_name(TCP_RESET_REASON_REPLY_SIZE), "reply buffer too small") == 0);
    CHECK(strcmp(tcp_reset_reason_name(22), "unknown reason") == 0);
    CHECK(strcmp(tcp_reset_reason_name(UINT32_MAX), "unknown reason") == 0);
    puts("arguments: each mistake gets its reason");
    return EXIT_SUCCESS;
}
