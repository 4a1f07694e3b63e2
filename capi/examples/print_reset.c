/*
 * Prints the reset that answers a packet, both in hexadecimal, or the reason for silence.
 *
 *     print_reset [PACKET]
 */
#include <stdio.h>
#include <string.h>

#include <tcp_reset.h>

/* A SYN from 192.0.2.1 to port 80 of 198.51.100.2. */
#define SYN "450000281234400040063c65c0000201c63364028cd200501f2083e853d973645002faf0d1510000"

int main(int argc, char **argv)
{
    const char *hex = argc > 1 ? argv[1] : SYN;
    unsigned char packet[65535], reply[TCP_RESET_MAX_LEN];
    size_t packet_len = 0, len, i;
    tcp_reset_reason reason;
    unsigned value;

    for (; *hex != '\0'; hex += 2) {
        if (packet_len == sizeof packet || strspn(hex, "0123456789abcdefABCDEF") < 2 || sscanf(hex, "%2x", &value) != 1) {
            fputs("print_reset: PACKET is not a packet in hexadecimal\n", stderr);
            return 1;
        }
        packet[packet_len++] = (unsigned char)value;
    }

    len = tcp_reset_packet(packet, packet_len, reply, sizeof reply, NULL, &reason);
    if (len == 0) {
        printf("no reset: %s\n", tcp_reset_reason_name(reason));
        return 0;
    }
    for (i = 0; i < len; i++)
        printf("%02x", reply[i]);
    putchar('\n');
    return 0;
}
