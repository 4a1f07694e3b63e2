/*
 * An lwIP host on a TAP device, with an echo service on one port and every other port closed. A filter before lwIP answers
 * for the closed ports as Linux would; without it lwIP answers itself, and gets some of them wrong (README.md).
 *
 *     ip tuntap add dev lwip0 mode tap
 *     ip address add 192.0.2.1/24 dev lwip0
 *     ip link set lwip0 up
 *     host lwip0 192.0.2.2 2001:db8::2
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>

#include <tcp_reset.h>

enum { ECHO = 7, FRAME_LEN = 1514 };

static int tap;
static int filtered = 1;

static void fail(const char *what)
{
    fprintf(stderr, "host: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Whether the port is closed: no socket listens on it, and no connection has it. */
static int is_closed(u16_t port)
{
    const struct tcp_pcb_listen *listener;
    const struct tcp_pcb *connection;
    int open = 0;

    LOCK_TCPIP_CORE();
    for (listener = tcp_listen_pcbs.listen_pcbs; listener != NULL; listener = listener->next)
        open |= listener->local_port == port;
    for (connection = tcp_active_pcbs; connection != NULL; connection = connection->next)
        open |= connection->local_port == port;
    for (connection = tcp_tw_pcbs; connection != NULL; connection = connection->next)
        open |= connection->local_port == port;
    UNLOCK_TCPIP_CORE();
    return !open;
}

/* Whether a reset comes from an address of ours. The reset is an IP packet. */
static int is_ours(const struct netif *netif, const unsigned char *reset)
{
    int i, ours = 0;

    LOCK_TCPIP_CORE();
    if (reset[0] >> 4 == 4)
        ours = memcmp(netif_ip4_addr(netif), reset + 12, 4) == 0;
    else
        for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
            ours |= ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) && memcmp(netif_ip6_addr(netif, i), reset + 8, 16) == 0;
    UNLOCK_TCPIP_CORE();
    return ours;
}

/* Answers a frame in lwIP's place if it was sent to a closed port of ours. */
static int answer(const struct netif *netif, const unsigned char *frame, size_t len)
{
    const struct tcp_reset_config config = {.profile = TCP_RESET_PROFILE_TCP_STACK};
    unsigned char reply[TCP_RESET_FRAME_MAX_LEN];
    size_t reply_len = tcp_reset_frame(frame, len, reply, sizeof reply, &config, NULL);
    /* The reset's TCP header is its last 20 bytes; an IP header of 20 or 40 bytes stands before it. */
    const unsigned char *tcp = reply + reply_len - TCP_RESET_TCP_LEN;

    if (reply_len == 0 || !is_closed((u16_t)(tcp[0] << 8 | tcp[1])) || !is_ours(netif, reply + 14))
        return 0;
    if (write(tap, reply, reply_len) < 0)
        perror("host: cannot send a reset");
    return 1;
}

static err_t send_frame(struct netif *netif, struct pbuf *frame)
{
    unsigned char buffer[FRAME_LEN];
    u16_t len = pbuf_copy_partial(frame, buffer, sizeof buffer, 0);

    (void)netif;
    return write(tap, buffer, len) == len ? ERR_OK : ERR_IF;
}

static err_t start_device(struct netif *netif)
{
    static const u8_t ADDRESS[ETH_HWADDR_LEN] = {0x02, 0, 0, 0, 0, 2};

    memcpy(netif->hwaddr, ADDRESS, ETH_HWADDR_LEN);
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->name[0] = 't';
    netif->name[1] = 'p';
    netif->mtu = 1500;
    netif->flags |= NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP | NETIF_FLAG_MLD6;
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = send_frame;
    return ERR_OK;
}

/* Sends back what has come. */
static err_t echo(void *argument, struct tcp_pcb *connection, struct pbuf *data, err_t error)
{
    struct pbuf *part;

    (void)argument;
    (void)error;
    if (data == NULL)
        return tcp_close(connection);
    for (part = data; part != NULL; part = part->next)
        tcp_write(connection, part->payload, part->len, TCP_WRITE_FLAG_COPY);
    tcp_recved(connection, data->tot_len);
    pbuf_free(data);
    return tcp_output(connection);
}

static err_t accept_echo(void *argument, struct tcp_pcb *connection, err_t error)
{
    (void)argument;
    if (error == ERR_OK)
        tcp_recv(connection, echo);
    return error;
}

static void open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

    if (strlen(name) >= IFNAMSIZ) {
        errno = ENAMETOOLONG;
        fail(name);
    }
    strcpy(request.ifr_name, name);
    tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tap < 0)
        fail("cannot open /dev/net/tun");
    if (ioctl(tap, TUNSETIFF, &request) != 0)
        fail("cannot attach to the TAP device, which takes CAP_NET_ADMIN");
}

int main(int argc, char **argv)
{
    static struct netif netif;
    ip4_addr_t address, mask, none = {0};
    ip6_addr_t address6;
    struct tcp_pcb *service;
    unsigned char frame[FRAME_LEN];
    s8_t place = -1;
    ssize_t len;

    if (argc == 5 && strcmp(argv[4], "--no-filter") == 0)
        filtered = 0;
    else if (argc != 4)
        argc = 0;
    if (argc == 0 || !ip4addr_aton(argv[2], &address) || !ip6addr_aton(argv[3], &address6)) {
        fputs("usage: host DEVICE IPV4-ADDRESS IPV6-ADDRESS [--no-filter]\n", stderr);
        return EXIT_FAILURE;
    }
    open_tap(argv[1]);

    tcpip_init(NULL, NULL);
    LOCK_TCPIP_CORE();
    IP4_ADDR(&mask, 255, 255, 255, 0);
    netif_add(&netif, &address, &mask, &none, NULL, start_device, tcpip_input);
    netif_set_default(&netif);
    netif_set_up(&netif);
    netif_add_ip6_address(&netif, &address6, &place);
    if (place >= 0)
        netif_ip6_addr_set_state(&netif, place, IP6_ADDR_PREFERRED);
    service = tcp_new_ip_type(IPADDR_TYPE_ANY);
    if (place < 0 || service == NULL || tcp_bind(service, IP_ANY_TYPE, ECHO) != ERR_OK ||
        (service = tcp_listen(service)) == NULL) {
        fputs("host: lwIP cannot start the service\n", stderr);
        return EXIT_FAILURE;
    }
    tcp_accept(service, accept_echo);
    UNLOCK_TCPIP_CORE();
    puts("host: up");
    fflush(stdout);

    while ((len = read(tap, frame, sizeof frame)) >= 0 || errno == EINTR) {
        struct pbuf *packet;

        if (len <= 0 || (filtered && answer(&netif, frame, (size_t)len)))
            continue;
        packet = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
        if (packet == NULL)
            continue; /* lost, as any frame may be */
        pbuf_take(packet, frame, (u16_t)len);
        if (netif.input(packet, &netif) != ERR_OK)
            pbuf_free(packet);
    }
    fail("cannot read from the TAP device");
}
