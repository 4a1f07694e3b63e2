/* One job an image, chosen by -DJOB: what a C program links that does it. The images are measured, not run. */
#include <tcp_reset.h>

extern unsigned char packet[];
extern size_t packet_len;
unsigned char packet[1500], reply[TCP_RESET_FRAME_MAX_LEN];
size_t packet_len;

#define FROM_PACKET packet, packet_len, reply, sizeof reply
#define NUMBERS (struct tcp_reset_numbers *)(void *)reply

int main(void)
{
    static const struct tcp_reset_config TO_DESTINATION = {.towards = TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED};

    (void)TO_DESTINATION;
#if JOB == 0
    return 0;
#elif JOB == 1
    return (int)tcp_reset_ipv4_packet(FROM_PACKET, NULL, NULL);
#elif JOB == 2
    return (int)tcp_reset_packet(FROM_PACKET, NULL, NULL);
#elif JOB == 3
    return (int)(tcp_reset_packet(FROM_PACKET, NULL, NULL) + tcp_reset_packet(FROM_PACKET, &TO_DESTINATION, NULL));
#elif JOB == 4
    return (int)tcp_reset_frame(FROM_PACKET, NULL, NULL);
#elif JOB == 5
    return (int)tcp_reset_tcp_segment(packet, packet_len, packet + 100, packet + 104, 4, reply, sizeof reply, NULL, NULL);
#elif JOB == 6
    return (int)tcp_reset_tcp_header(packet, packet_len, NUMBERS, NULL);
#elif JOB == 7
    return (int)tcp_reset_parsed_segment(packet[0], packet[1], packet[2], packet_len, TCP_RESET_TOWARDS_SOURCE, NUMBERS);
#elif JOB == 8
    return (int)tcp_reset_write_segment(NUMBERS, packet[0], packet[1], packet + 100, packet + 104, 4, packet, packet_len, NULL);
#endif
}
