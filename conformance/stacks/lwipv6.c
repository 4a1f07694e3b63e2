/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* LWIPv6 on a TUN device, with the addresses of the vectors and no port open. */
#include <lwipv6.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct stack *stack;
    struct netif *netif;
    struct ip_addr address, mask, any;
    if (argc != 2) {
        fprintf(stderr, "usage: lwipv6 DEVICE\n");
        return 2;
    }
    stack = lwip_add_stack(0);
    netif = stack ? lwip_add_tunif(stack, argv[1], NETIF_STD_FLAGS) : NULL;
    if (!netif) {
        fprintf(stderr, "lwipv6: no stack on %s\n", argv[1]);
        return 1;
    }
    /* Everything is on the link. */
    IP64_ADDR(&address, 198, 51, 100, 2);
    IP64_MASKADDR(&mask, 0, 0, 0, 0);
    lwip_add_addr(netif, &address, &mask);
    IP6_ADDR(&address, 0x2001, 0xdb8, 2, 0, 0, 0, 0, 2);
    IP6_ADDR(&mask, 0, 0, 0, 0, 0, 0, 0, 0);
    lwip_add_addr(netif, &address, &mask);
    IP6_ADDR(&any, 0, 0, 0, 0, 0, 0, 0, 0);
    lwip_add_route(stack, &any, &mask, &address, netif, 0);
    lwip_ifup(netif);
    for (;;)
        pause();
}
