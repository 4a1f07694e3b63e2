/* One job an image, chosen by -DJOB: what a C program links that does it. The images are measured, not run. */
#include <tcp_reset.h>

extern unsigned char packet[];
extern size_t packet_len;
unsigned char packet[1500], reply[TCP_RESET_FRAME_MAX_LEN];
size_t packet_len;

#define DESTINATION packet, packet_len, TCP_RESET_FATE_DROPPED, reply, sizeof reply, NULL, NULL
#define SOURCE packet, packet_len, reply, sizeof reply, NULL, NULL

int main(void)
{
#if JOB == 0
    return 0;
#elif JOB == 1
    return (int)tcp_reset_ipv4_packet(SOURCE);
#elif JOB == 2
    return (int)tcp_reset_packet(SOURCE);
#elif JOB == 3
    return (int)(tcp_reset_packet(SOURCE) + tcp_reset_packet_for_destination(DESTINATION));
#elif JOB == 4
    return (int)tcp_reset_frame(SOURCE);
#elif JOB == 5
    return (int)tcp_reset_tcp_segment(packet, packet_len, packet + 100, packet + 104, 4, reply, sizeof reply, NULL, NULL);
#elif JOB == 6
    return (int)tcp_reset_numbers((struct tcp_reset_segment *)(void *)packet, (struct tcp_reset_numbers *)(void *)reply);
#endif
}
