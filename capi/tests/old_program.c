/*
 * A program of version 0.1.0, as its compiler saw the header then: structures, numbers and functions are written down here,
 * and the header is not included. A library with the same SONAME must serve it, so this file changes only with the SONAME.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct config_of_0_1 {
    uint8_t profile, hop_limit, flags, towards;
    uint32_t reserved[3];
};

struct numbers_of_0_1 {
    uint32_t seq, ack;
    uint8_t flags;
};

size_t tcp_reset_packet(const void *, size_t, void *, size_t, const struct config_of_0_1 *, uint32_t *);
size_t tcp_reset_ipv4_packet(const void *, size_t, void *, size_t, const struct config_of_0_1 *, uint32_t *);
size_t tcp_reset_frame(const void *, size_t, void *, size_t, const struct config_of_0_1 *, uint32_t *);
size_t tcp_reset_tcp_segment(const void *, size_t, const void *, const void *, size_t, void *, size_t,
                             const struct config_of_0_1 *, uint32_t *);
uint32_t tcp_reset_tcp_header(const void *, size_t, struct numbers_of_0_1 *, const struct config_of_0_1 *);
uint32_t tcp_reset_parsed_segment(uint32_t, uint32_t, uint32_t, size_t, uint32_t, struct numbers_of_0_1 *);
const char *tcp_reset_reason_name(uint32_t);
uint32_t tcp_reset_version(void);

/* A frame with an ACK from 192.0.2.1 to port 80 of 198.51.100.2, type of service 0x10. */
static const unsigned char FRAME[] = {
    0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x08, 0x00, 0x45, 0x10, 0x00, 0x28,
    0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0x3c, 0x55, 0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02, 0x8c, 0xd2,
    0x00, 0x50, 0x1f, 0x20, 0x83, 0xe8, 0x53, 0xd9, 0x73, 0x64, 0x50, 0x10, 0xfa, 0xf0, 0xd1, 0x43, 0x00, 0x00,
};

static int failed;

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "old_program: not so: %s\n", what);
        failed = 1;
    }
}

#define CHECK(condition) check(condition, #condition)

int main(void)
{
    /* What follows the settings on the stack of a program must not be read as a setting. */
    struct {
        struct config_of_0_1 config;
        unsigned char after[64];
    } memory;
    struct {
        struct numbers_of_0_1 numbers;
        unsigned char after[64];
    } answer;
    const unsigned char *packet = FRAME + 14, *tcp = FRAME + 34;
    unsigned char reply[82], untouched[64];
    uint32_t reason = UINT32_MAX;

    memset(&memory, 0xff, sizeof memory);
    memset(&answer, 0xff, sizeof answer);
    memset(untouched, 0xff, sizeof untouched);
    memset(&memory.config, 0, sizeof memory.config);

    CHECK(tcp_reset_version() >= 100);
    CHECK(tcp_reset_packet(packet, 40, reply, 60, &memory.config, &reason) == 40 && reason == 0);
    CHECK(reply[1] == 0 && reply[8] == 64 && reply[33] == 0x04);
    CHECK(tcp_reset_ipv4_packet(packet, 40, reply, 40, &memory.config, &reason) == 40 && reason == 0);
    CHECK(tcp_reset_frame(FRAME, sizeof FRAME, reply, 82, &memory.config, &reason) == 54 && reason == 0);
    CHECK(tcp_reset_tcp_segment(tcp, 20, packet + 12, packet + 16, 4, reply, 20, &memory.config, &reason) == 20);
    CHECK(reply[13] == 0x04 && reason == 0);

    memory.config.profile = 1;
    memory.config.hop_limit = 7;
    memory.config.flags = 1 | 2 | 4 | 8;
    memory.config.towards = 2;
    CHECK(tcp_reset_packet(packet, 40, reply, 60, &memory.config, &reason) == 40 && reason == 0);
    CHECK(reply[1] == 0x10 && reply[8] == 7 && memcmp(reply + 12, packet + 12, 8) == 0);
    CHECK(tcp_reset_tcp_header(tcp, 30, &answer.numbers, &memory.config) == 0);
    CHECK(answer.numbers.seq == 0x1f2083f2 && answer.numbers.ack == 0x53d97364 && answer.numbers.flags == 0x14);
    CHECK(tcp_reset_parsed_segment(7, 9, 0x10, 10, 0, &answer.numbers) == 0);
    CHECK(answer.numbers.seq == 9 && answer.numbers.ack == 0 && answer.numbers.flags == 0x04);
    CHECK(memcmp(memory.after, untouched, 64) == 0 && memcmp(answer.after, untouched, 64) == 0);

    CHECK(tcp_reset_packet(packet, 19, reply, 60, NULL, &reason) == 0 && reason == 1);
    CHECK(tcp_reset_packet(NULL, 40, reply, 60, NULL, &reason) == 0 && reason == 1000);
    CHECK(tcp_reset_packet(packet, 40, reply, 39, NULL, &reason) == 0 && reason == 1001);
    CHECK(strcmp(tcp_reset_reason_name(14), "wrong TCP checksum") == 0);
    if (!failed)
        printf("a program of version 0.1.0 works with version %u\n", (unsigned)tcp_reset_version());
    return failed;
}
