/*
 * Replays the conformance vectors (testdata/vectors/README.md, testdata/vectors-destination/README.md) on every level of the interface: packet, frame, segment,
 * numbers; into a buffer of its own, into every buffer that is too small, and over the offender.
 *
 * Every buffer is a block of its own on the heap, exactly as long as the library is told: valgrind and AddressSanitizer
 * find what goes over its end.
 *
 *     vectors FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcp_reset.h>

#define JUNK 0xa5

/* Stands for any reason; no reason has this number. */
#define ANY UINT32_MAX

struct reason {
    const char *rust;
    tcp_reset_reason reason;
    unsigned number;
    const char *text;
};

/* Made by cargo xtask capi of src/no_reset.rs: the reasons, by the names that the vectors have. */
static const struct reason REASONS[] = {
#include "reasons.h"
};
enum { REASON_COUNT = sizeof REASONS / sizeof REASONS[0] };

/* What a file asks. */
struct file {
    const char *path;
    int version; /* 4 or 6 */
    int to_destination;
    uint8_t profile;
};

struct vector {
    char name[128];
    unsigned char *offender;
    size_t offender_len;
    uint8_t towards;
    unsigned char reply[TCP_RESET_MAX_LEN];
    size_t reply_len; /* 0 for silence */
    tcp_reset_reason reason;
};

static unsigned long calls;

static void fail(const struct vector *vector, const char *what)
{
    fprintf(stderr, "vectors: %s: %s\n", vector->name, what);
    exit(EXIT_FAILURE);
}

static void *allocate(size_t size)
{
    /* malloc(0) may return a null pointer, which the library refuses. */
    unsigned char *block = malloc(size + (size == 0));

    if (block == NULL) {
        fputs("vectors: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    memset(block, JUNK, size);
    return block;
}

static int is_junk(const unsigned char *bytes, size_t len)
{
    while (len > 0)
        if (bytes[--len] != JUNK)
            return 0;
    return 1;
}

/* One of the library's functions, with what it takes besides the offender and the reply. */
struct job {
    enum { PACKET, IPV4_PACKET, FRAME, SEGMENT } level;
    const struct file *file;
    struct tcp_reset_config config;
    const unsigned char *addresses;
};

static size_t run(const struct job *job, const void *offender, size_t len, void *reply, size_t size,
                  tcp_reset_reason *reason)
{
    size_t address_len = job->file->version == 4 ? 4 : 16;

    calls++;
    switch (job->level) {
    case PACKET:
        return tcp_reset_packet(offender, len, reply, size, &job->config, reason);
    case IPV4_PACKET:
        return tcp_reset_ipv4_packet(offender, len, reply, size, &job->config, reason);
    case FRAME:
        return tcp_reset_frame(offender, len, reply, size, &job->config, reason);
    default:
        return tcp_reset_tcp_segment(offender, len, job->addresses, job->addresses + address_len, address_len, reply, size,
                                     &job->config, reason);
    }
}

/* The reply lies in one block with the offender, so many bytes before or after its start. */
static void overlap(const struct vector *vector, const struct job *job, const unsigned char *offender, size_t len,
                    const unsigned char *expected, size_t expected_len, int distance)
{
    size_t packet_at = distance < 0 ? (size_t)-distance : 0, reply_at = distance > 0 ? (size_t)distance : 0;
    unsigned char *block = allocate(len + packet_at + reply_at), *packet = block + packet_at;
    size_t written;

    memcpy(packet, offender, len);
    written = run(job, packet, len, block + reply_at, len, NULL);
    if (written != expected_len || memcmp(block + reply_at, expected, expected_len) != 0)
        fail(vector, "not the same reply over the offender");
    if (expected_len == 0 && memcmp(packet, offender, len) != 0)
        fail(vector, "the offender was touched on silence");
    if (expected_len > 0 && distance == 0 && memcmp(packet + written, offender + written, len - written) != 0)
        fail(vector, "something after the reply was touched");
    free(block);
}

/* Asks for a reply, or for silence with this reason. */
static void ask(const struct vector *vector, const struct job *job, const unsigned char *offender, size_t len,
                const unsigned char *expected, size_t expected_len, tcp_reset_reason why)
{
    unsigned char *copy = allocate(len), *reply = allocate(TCP_RESET_FRAME_MAX_LEN);
    tcp_reset_reason reason = ANY;
    size_t size, written;

    memcpy(copy, offender, len);
    written = run(job, copy, len, reply, TCP_RESET_FRAME_MAX_LEN, &reason);
    if (written != expected_len || memcmp(reply, expected, expected_len) != 0)
        fail(vector, "not the expected reply");
    if (!is_junk(reply + written, TCP_RESET_FRAME_MAX_LEN - written))
        fail(vector, "something after the reply was written");
    if (reason == ANY || (why != ANY && reason != why))
        fail(vector, tcp_reset_reason_name(reason));
    free(reply);

    for (size = 0; size < expected_len; size++) {
        reply = allocate(size);
        if (run(job, copy, len, reply, size, &reason) != 0 || reason != TCP_RESET_REASON_REPLY_SIZE || !is_junk(reply, size))
            fail(vector, "a reply in a buffer that is too small");
        free(reply);
    }
    if (memcmp(copy, offender, len) != 0)
        fail(vector, "the offender was touched");
    overlap(vector, job, offender, len, expected, expected_len, 0);
    overlap(vector, job, offender, len, expected, expected_len, 7);
    overlap(vector, job, offender, len, expected, expected_len, -7);
    free(copy);
}

/* The same in Ethernet frames with so many VLAN tags. */
static void ask_in_frame(const struct vector *vector, struct job job, int tags, tcp_reset_reason why)
{
    static const unsigned char HEADER[22] = {0x02, 1, 2, 3, 4, 5, 0x06, 6, 7, 8, 9, 10, 0x88, 0xa8, 0x20, 0x64, 0x81, 0, 0, 7};
    size_t header_len = 14 + 4 * (size_t)tags;
    unsigned char *frame = allocate(header_len + vector->offender_len), expected[TCP_RESET_FRAME_MAX_LEN];

    memcpy(frame, HEADER, 12 + 4 * (size_t)tags);
    memcpy(frame + header_len - 2, job.file->version == 4 ? "\x08\x00" : "\x86\xdd", 2);
    memcpy(frame + header_len, vector->offender, vector->offender_len);
    memcpy(expected, frame, header_len);
    if (!job.file->to_destination) {
        memcpy(expected, frame + 6, 6);
        memcpy(expected + 6, frame, 6);
    }
    memcpy(expected + header_len, vector->reply, vector->reply_len);
    job.level = FRAME;
    ask(vector, &job, frame, header_len + vector->offender_len, expected,
        vector->reply_len > 0 ? header_len + vector->reply_len : 0, why);
    free(frame);
}

static uint32_t big_endian(const unsigned char *bytes, int len)
{
    uint32_t value = 0;

    while (len-- > 0)
        value = value << 8 | *bytes++;
    return value;
}

/* Whether a call returned this reason or, for a reply, its numbers. */
static int is_answer(const struct vector *vector, tcp_reset_reason reason, const struct tcp_reset_numbers *numbers)
{
    const unsigned char *reset = vector->reply + vector->reply_len - TCP_RESET_TCP_LEN;

    calls++;
    if (reason != vector->reason)
        return 0;
    if (vector->reply_len == 0)
        return is_junk((const unsigned char *)numbers, sizeof *numbers);
    return numbers->seq == big_endian(reset + 4, 4) && numbers->ack == big_endian(reset + 8, 4) &&
           numbers->flags == reset[13];
}

/* The numbers, from the header alone and from the parsed segment. */
static void ask_for_numbers(const struct vector *vector, const struct job *job, const unsigned char *tcp, size_t len)
{
    unsigned char *header = allocate(TCP_RESET_TCP_LEN);
    struct tcp_reset_numbers *numbers = allocate(sizeof *numbers);

    memcpy(header, tcp, TCP_RESET_TCP_LEN);
    if (!is_answer(vector, tcp_reset_tcp_header(header, len, numbers, &job->config), numbers))
        fail(vector, "not the expected answer to its TCP header");
    memset(numbers, JUNK, sizeof *numbers);
    /* As the header says: data past the segment's end has a length below zero, modulo 2^32, as in Linux. */
    len = (uint32_t)(len - (tcp[12] >> 4) * 4u);
    if (vector->reason != TCP_RESET_REASON_DATA_OFFSET &&
        !is_answer(vector,
                   tcp_reset_parsed_segment(big_endian(tcp + 4, 4), big_endian(tcp + 8, 4), big_endian(tcp + 12, 2), len,
                                            vector->towards, numbers),
                   numbers))
        fail(vector, "not the expected answer to its numbers");
    free(numbers);
    free(header);
}

/* The segment, from the numbers of the reset. */
static void ask_for_bytes(const struct vector *vector, const unsigned char *addresses, size_t address_len,
                          const unsigned char *expected)
{
    struct tcp_reset_numbers *numbers = allocate(sizeof *numbers);
    unsigned char *reply = allocate(TCP_RESET_TCP_LEN);
    tcp_reset_reason reason = UINT32_MAX;

    numbers->seq = big_endian(expected + 4, 4);
    numbers->ack = big_endian(expected + 8, 4);
    numbers->flags = expected[13];
    calls++;
    if (tcp_reset_write_segment(numbers, (uint16_t)big_endian(expected, 2), (uint16_t)big_endian(expected + 2, 2), addresses,
                                addresses + address_len, address_len, reply, TCP_RESET_TCP_LEN,
                                &reason) != TCP_RESET_TCP_LEN ||
        reason != TCP_RESET_REASON_NONE || memcmp(reply, expected, TCP_RESET_TCP_LEN) != 0)
        fail(vector, "not the expected segment from its numbers");
    free(reply);
    free(numbers);
}

/* The segment alone; only if the packet was answered, or refused because of its segment, and has no extension header. */
static int ask_for_segment(const struct vector *vector, struct job job)
{
    const unsigned char *packet = vector->offender;
    size_t header_len = job.file->version == 4 ? (packet[0] & 15) * 4u : 40;
    size_t len = job.file->version == 4 ? big_endian(packet + 2, 2) : 40 + big_endian(packet + 4, 2);
    unsigned char expected[TCP_RESET_TCP_LEN];

    if (job.file->version == 6 && packet[6] != 6)
        return 0;
    if (vector->reply_len > 0) {
        memcpy(expected, vector->reply + vector->reply_len - TCP_RESET_TCP_LEN, TCP_RESET_TCP_LEN);
        if (expected[16] == 0xff && expected[17] == 0xff)
            expected[16] = expected[17] = 0; /* the header says so: the other form of the same checksum */
    }
    /* A checksum is the caller's to verify. */
    if (vector->reason != TCP_RESET_REASON_TCP_HEADER && vector->reason != TCP_RESET_REASON_TCP_CHECKSUM)
        ask_for_numbers(vector, &job, packet + header_len, len - header_len);
    job.level = SEGMENT;
    job.addresses = packet + (job.file->version == 4 ? 12 : 8);
    if (vector->reply_len > 0)
        ask_for_bytes(vector, job.addresses, job.file->version == 4 ? 4 : 16, expected);
    ask(vector, &job, packet + header_len, len - header_len, expected, vector->reply_len > 0 ? TCP_RESET_TCP_LEN : 0,
        vector->reason);
    return 1;
}

static int replay(const struct vector *vector, const struct file *file)
{
    struct job job = {.level = PACKET, .file = file, .config = {.profile = file->profile, .towards = vector->towards}};
    int other_version = vector->offender_len > 0 && vector->offender[0] >> 4 == (file->version == 4 ? 6 : 4), tags;

    /* A packet of the other IP version is refused for another reason by a function that takes both. */
    ask(vector, &job, vector->offender, vector->offender_len, vector->reply, vector->reply_len,
        other_version ? ANY : vector->reason);
    if (file->version == 4) {
        job.level = IPV4_PACKET;
        ask(vector, &job, vector->offender, vector->offender_len, vector->reply, vector->reply_len, vector->reason);
    }
    for (tags = 0; tags <= 2; tags++)
        ask_in_frame(vector, job, tags, vector->reason);
    switch (vector->reason) {
    case TCP_RESET_REASON_NONE:
    case TCP_RESET_REASON_TCP_HEADER:
    case TCP_RESET_REASON_RST:
    case TCP_RESET_REASON_TCP_CHECKSUM:
    case TCP_RESET_REASON_DATA_OFFSET:
    case TCP_RESET_REASON_NO_CONNECTION:
        return ask_for_segment(vector, job);
    default:
        return 0;
    }
}

/* Reads hex digits; returns the number of bytes. */
static size_t unhex(const struct vector *vector, const char *hex, unsigned char *bytes, size_t size)
{
    size_t len = 0;
    unsigned value;

    for (; *hex != '\0'; hex += 2, len++) {
        if (len == size || sscanf(hex, "%2x", &value) != 1 || hex[1] == '\0')
            fail(vector, "not a vector");
        bytes[len] = (unsigned char)value;
    }
    return len;
}

static tcp_reset_reason reason_of(const struct vector *vector, const char *rust)
{
    int i;

    for (i = 0; i < REASON_COUNT; i++)
        if (strcmp(REASONS[i].rust, rust) == 0)
            return REASONS[i].reason;
    fail(vector, "an unknown reason");
    return 0;
}

static void parse(struct vector *vector, const struct file *file, const char *line)
{
    static char offender[140000], kind[16], answer[256];

    if (sscanf(line, "%127s %139999s %15s %255s", vector->name, offender, kind, answer) != 4)
        fail(vector, "not a vector");
    vector->offender_len = strlen(offender) / 2;
    vector->offender = allocate(vector->offender_len);
    unhex(vector, offender, vector->offender, vector->offender_len);
    vector->reply_len = 0;
    vector->reason = TCP_RESET_REASON_NONE;
    if (strcmp(kind, "reset") == 0)
        vector->reply_len = unhex(vector, answer, vector->reply, sizeof vector->reply);
    else if (strcmp(kind, "silence") == 0)
        vector->reason = reason_of(vector, answer);
    else
        fail(vector, "neither reset nor silence");
    if (!file->to_destination)
        vector->towards = TCP_RESET_TOWARDS_SOURCE;
    else if (strncmp(vector->name, "dropped-", 8) == 0)
        vector->towards = TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED;
    else if (strncmp(vector->name, "delivered-", 10) == 0)
        vector->towards = TCP_RESET_TOWARDS_DESTINATION_OF_DELIVERED;
    else
        fail(vector, "neither dropped nor delivered");
}

/* Returns the number of vectors. */
static unsigned long replay_file(const char *path)
{
    static char line[150000];
    const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    struct file file = {.path = path, .version = strncmp(name, "ipv6-", 5) == 0 ? 6 : 4};
    struct vector vector = {.name = "?"};
    unsigned long vectors = 0, segments = 0, resets = 0;
    FILE *input = fopen(path, "r");

    if (input == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    file.to_destination = strstr(name, "-destination") != NULL;
    if (strstr(name, "-tcp-stack") != NULL)
        file.profile = TCP_RESET_PROFILE_TCP_STACK;
    calls = 0;
    while (fgets(line, sizeof line, input) != NULL) {
        if (line[0] == '#')
            continue;
        parse(&vector, &file, line);
        segments += (unsigned long)replay(&vector, &file);
        vectors++;
        resets += vector.reply_len > 0;
        free(vector.offender);
    }
    if (ferror(input) || vectors < 1000 || resets < 500 || segments < 500) {
        fprintf(stderr, "vectors: %s: too few: %lu vectors, %lu resets, %lu segments\n", path, vectors, resets, segments);
        exit(EXIT_FAILURE);
    }
    fclose(input);
    printf("%s: %lu vectors, %lu resets, %lu segments alone; %lu calls\n", name, vectors, resets, segments, calls);
    return vectors;
}

int main(int argc, char **argv)
{
    unsigned long vectors = 0;
    int i;

    for (i = 0; i < REASON_COUNT; i++) {
        if (REASONS[i].reason != REASONS[i].number ||
            strcmp(tcp_reset_reason_name(REASONS[i].reason), REASONS[i].text) != 0) {
            fprintf(stderr, "vectors: %s: another number or text than in Rust\n", REASONS[i].rust);
            return EXIT_FAILURE;
        }
    }
    if (argc < 2) {
        fputs("usage: vectors FILE...\n", stderr);
        return EXIT_FAILURE;
    }
    for (i = 1; i < argc; i++)
        vectors += replay_file(argv[i]);
    printf("%lu vectors as Linux answers them\n", vectors);
    return EXIT_SUCCESS;
}
