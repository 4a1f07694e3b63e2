/* A deliberate overflow, which the memory checkers have to find: the packet has one byte less than the library is told. */
#include <stdlib.h>
#include <string.h>

#include <tcp_reset.h>

int main(void)
{
    const size_t len = 64;
    const struct tcp_reset_config config = {.flags = TCP_RESET_TRUST_IPV4_CHECKSUM};
    unsigned char *packet = calloc(1, len - 1), reply[TCP_RESET_MAX_LEN];

    if (packet == NULL)
        return 1;
    /* IPv4, 64 bytes, TCP, from 10.0.0.1 to 10.0.0.2. Its TCP checksum is computed over all of it. */
    memcpy(packet, "\x45\0\0\x40\0\0\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02", 20);
    return tcp_reset_packet(packet, len, reply, sizeof reply, &config, NULL) == 40;
}
