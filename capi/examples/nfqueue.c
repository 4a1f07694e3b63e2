/*
 * Rejects the packets of a netfilter queue: each is dropped, and answered with a reset.
 *
 * With a pattern, only matching segments are dropped; with --both-ends, their destination is reset as well. The resets
 * carry a mark, so that the rule that fills the queue can exclude them. It answers each packet alone: linux/src/bin/queue.rs,
 * some of whose tests run it too, also remembers the connections that it cuts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#include <tcp_reset.h>

static const char USAGE[] =
    "usage: nfqueue [--payload REGEX] [--both-ends] [--mark MARK] NUMBER\n"
    "Drops the packets of netfilter queue NUMBER and answers them with TCP resets.\n"
    "  --payload REGEX  drop only the TCP segments whose data matches (regex(7)), and accept all other packets\n"
    "  --both-ends      reset the destination of what is dropped as well, not its source alone\n"
    "  --mark MARK      the firewall mark of the resets, 29299 (0x7273) unless given; do not queue what carries it\n";

struct firewall {
    uint32_t mark;
    int both_ends;
    regex_t *payload; /* null: whatever is queued */
    int raw4, raw6;
};

static void fail(const char *format, ...)
{
    va_list arguments;

    fputs("queue: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* A socket that sends whole packets, headers included, with the mark. */
static int open_raw(int family, uint32_t mark)
{
    int raw = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

    if (raw < 0 || setsockopt(raw, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
        fail("cannot open a raw socket, which takes CAP_NET_RAW and CAP_NET_ADMIN: %s", strerror(errno));
    return raw;
}

/* `device` is where the offender was seen: a link-local address needs it. */
static void send_reset(const struct firewall *firewall, const unsigned char *reset, size_t len, uint32_t device)
{
    struct sockaddr_in to4 = {.sin_family = AF_INET};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
    ssize_t sent;

    if (reset[0] >> 4 == 4) {
        memcpy(&to4.sin_addr, reset + 16, 4);
        sent = sendto(firewall->raw4, reset, len, 0, (struct sockaddr *)&to4, sizeof to4);
    } else {
        memcpy(&to6.sin6_addr, reset + 24, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&to6.sin6_addr))
            to6.sin6_scope_id = device;
        sent = sendto(firewall->raw6, reset, len, 0, (struct sockaddr *)&to6, sizeof to6);
    }
    /* A lost reset is like any lost packet: the peer retransmits, and is answered again. */
    if (sent < 0)
        fprintf(stderr, "queue: cannot send a reset: %s\n", strerror(errno));
}

/* Whether the packet is a TCP segment without extension headers whose data matches. */
static int matches(const regex_t *payload, const unsigned char *packet, size_t len)
{
    size_t tcp = len == 0 ? 0 : packet[0] >> 4 == 4 ? (packet[0] & 15) * 4u : 40, data;
    regmatch_t range = {.rm_eo = (regoff_t)len};

    if (len < tcp + 20 || packet[packet[0] >> 4 == 4 ? 9 : 6] != IPPROTO_TCP)
        return 0;
    data = tcp + (packet[tcp + 12] >> 4) * 4u;
    if (data > len)
        return 0;
    range.rm_so = (regoff_t)data;
    return regexec(payload, (const char *)packet, 1, &range, REG_STARTEND) == 0;
}

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data, void *argument)
{
    const struct firewall *firewall = argument;
    struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
    struct tcp_reset_config config = TCP_RESET_CONFIG_INIT;
    unsigned char to_source[TCP_RESET_MAX_LEN], to_destination[TCP_RESET_MAX_LEN], *packet;
    size_t source_len = 0, destination_len = 0;
    uint32_t device = nfq_get_indev(data) != 0 ? nfq_get_indev(data) : nfq_get_outdev(data);
    int len = nfq_get_payload(data, &packet);
    /* A mark of 0 is on every packet that has none. */
    int ours = firewall->mark != 0 && nfq_get_nfmark(data) == firewall->mark;
    int accepted = ours || (firewall->payload != NULL && (len < 0 || !matches(firewall->payload, packet, (size_t)len)));

    (void)message;
    if (header == NULL)
        return 0;
    if (!accepted && len > 0) {
        /*
         * A packet of a local or virtual sender may wait for its network card to fill in the checksum. The kernel says so,
         * and then nothing is on the wire yet that could have been damaged.
         */
        if (nfq_get_skbinfo(data) & NFQA_SKB_CSUMNOTREADY)
            config.flags = TCP_RESET_TRUST_TCP_CHECKSUM;
        source_len = tcp_reset_packet(packet, (size_t)len, to_source, sizeof to_source, &config, NULL);
        config.towards = TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED;
        if (firewall->both_ends)
            destination_len = tcp_reset_packet(packet, (size_t)len, to_destination, sizeof to_destination, &config, NULL);
    }
    /* A packet that gets no reset is dropped too, as by REJECT: the rule that queued it has already rejected it. */
    if (nfq_set_verdict(queue, ntohl(header->packet_id), accepted ? NF_ACCEPT : NF_DROP, 0, NULL) < 0)
        fprintf(stderr, "queue: cannot decide on a packet: %s\n", strerror(errno));
    if (source_len > 0)
        send_reset(firewall, to_source, source_len, device);
    if (destination_len > 0)
        send_reset(firewall, to_destination, destination_len, device);
    return 0;
}

/* Runs until a signal or an error ends it and releases the queue. */
static void reject(struct firewall *firewall, uint16_t number)
{
    static char buffer[0x20000];
    const int room = 8 << 20, yes = 1;
    struct nfq_handle *handle;
    struct nfq_q_handle *queue;
    ssize_t len;

    firewall->raw4 = open_raw(AF_INET, firewall->mark);
    firewall->raw6 = open_raw(AF_INET6, firewall->mark);
    handle = nfq_open();
    if (handle == NULL)
        fail("cannot open a netfilter socket: %s", strerror(errno));
    queue = nfq_create_queue(handle, number, decide, firewall);
    if (queue == NULL)
        fail("cannot bind queue %u: this needs CAP_NET_ADMIN, and no other program may use the queue: %s", number,
             strerror(errno));
    /* Large packets of many segments as they are: each is one packet and gets one reset, as from REJECT. */
    if (nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff) < 0 ||
        nfq_set_queue_flags(queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
        fail("cannot configure queue %u: %s", number, strerror(errno));
    /* Packets that find the socket's buffer full are dropped; that is no error of ours. */
    if (setsockopt(nfq_fd(handle), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        setsockopt(nfq_fd(handle), SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof yes) != 0)
        fail("cannot configure the netfilter socket: %s", strerror(errno));
    printf("queue: answering queue %u, resets are marked %#x\n", number, firewall->mark);
    fflush(stdout);

    for (;;) {
        len = recv(nfq_fd(handle), buffer, sizeof buffer, 0);
        if (len >= 0)
            nfq_handle_packet(handle, buffer, (int)len);
        else if (errno == EBADF || errno == ENOTSOCK)
            fail("cannot read from queue %u: %s", number, strerror(errno));
    }
}

static unsigned long parse_number(const char *text, unsigned long most)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > most)
        fail("cannot parse argument \"%s\"", text);
    return number;
}

static regex_t *parse_payload(const char *pattern)
{
    static regex_t payload;
    char error[200];
    int code = regcomp(&payload, pattern, REG_EXTENDED);

    if (code != 0) {
        regerror(code, &payload, error, sizeof error);
        fail("bad REGEX \"%s\": %s", pattern, error);
    }
    return &payload;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"payload", required_argument, NULL, 'p'},
        {"both-ends", no_argument, NULL, 'b'},
        {"mark", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct firewall firewall = {.mark = 0x7273};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'p':
            firewall.payload = parse_payload(optarg);
            break;
        case 'b':
            firewall.both_ends = 1;
            break;
        case 'm':
            firewall.mark = (uint32_t)parse_number(optarg, UINT32_MAX);
            break;
        case 'h':
            fputs(USAGE, stdout);
            return EXIT_SUCCESS;
        default:
            fail("invalid option '%s'", argv[optind - 1]);
        }
    }
    if (optind == argc)
        fail("no queue NUMBER given, see --help");
    if (optind + 1 < argc)
        fail("unexpected argument \"%s\"", argv[optind + 1]);
    reject(&firewall, (uint16_t)parse_number(argv[optind], UINT16_MAX));
}
