/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* lwIP on a TUN device, with the addresses of the vectors and no port open. */
#include "tun.h"
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <unistd.h>

static int tun;

static err_t send_packet(struct pbuf *packet) {
    char bytes[1 << 16];
    u16_t len = pbuf_copy_partial(packet, bytes, sizeof bytes - 1, 0);
    return write(tun, bytes, len) == len ? ERR_OK : ERR_IF;
}

static err_t output_ip4(struct netif *netif, struct pbuf *packet, const ip4_addr_t *to) {
    (void)netif, (void)to;
    return send_packet(packet);
}

static err_t output_ip6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *to) {
    (void)netif, (void)to;
    return send_packet(packet);
}

static err_t init(struct netif *netif) {
    netif->name[0] = 't', netif->name[1] = 'n';
    netif->mtu = 1500;
    netif->output = output_ip4, netif->output_ip6 = output_ip6;
    netif->flags |= NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void start(void *argument) {
    static struct netif netif;
    ip4_addr_t address, mask = {0}, gateway = {0};
    ip6_addr_t address6;
    ip4addr_aton("198.51.100.2", &address);
    ip6addr_aton("2001:db8:2::2", &address6);
    netif_add(&netif, &address, &mask, &gateway, NULL, init, tcpip_input);
    netif_ip6_addr_set(&netif, 0, &address6);
    netif_ip6_addr_set_state(&netif, 0, IP6_ADDR_PREFERRED);
    netif_set_default(&netif);
    netif_set_up(&netif);
    *(struct netif **)argument = &netif;
}

int main(int argc, char **argv) {
    static struct netif *volatile netif;
    static char bytes[1 << 16];
    if (argc != 2) {
        fprintf(stderr, "usage: lwip DEVICE\n");
        return 2;
    }
    tun = open_tun(argv[1], IFF_TUN);
    tcpip_init(start, (void *)&netif);
    while (!netif)
        usleep(1000);
    fprintf(stderr, "lwIP %s\n", LWIP_VERSION_STRING);
    for (;;) {
        ssize_t len = read(tun, bytes, sizeof bytes - 1);
        struct pbuf *packet;
        if (len < 0) {
            perror("read");
            return 1;
        }
        if (len == 0 || !(packet = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM)))
            continue;
        pbuf_take(packet, bytes, (u16_t)len);
        if (netif->input(packet, netif) != ERR_OK)
            pbuf_free(packet);
    }
}
