/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Opens a TUN or TAP device for a stack; ends the program where it cannot. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static int open_tun(const char *name, int kind) {
    struct ifreq request;
    int fd = open("/dev/net/tun", O_RDWR);
    memset(&request, 0, sizeof request);
    request.ifr_flags = (short)(kind | IFF_NO_PI);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        perror(name);
        exit(1);
    }
    return fd;
}
