/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libslirp on a TAP device. It connects a guest's segments to the host's sockets: give the host the addresses of the
 * vectors (stacks/slirp.sh does), and every port is closed. */
#include "tun.h"
#include <errno.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <time.h>
#include <unistd.h>

static int tap;
static struct pollfd fds[1024] = {{.events = POLLIN}};
static int fd_count;

static ssize_t send_packet(const void *frame, size_t len, void *opaque) {
    (void)opaque;
    return write(tap, frame, len);
}

static void guest_error(const char *message, void *opaque) { (void)message, (void)opaque; }

static int64_t clock_ns(void *opaque) {
    struct timespec now;
    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The only timer is that of router advertisements, which nobody here listens to. */
static void *timer_new(SlirpTimerCb callback, void *callback_opaque, void *opaque) {
    (void)callback, (void)callback_opaque, (void)opaque;
    return &tap;
}

static void timer_free(void *timer, void *opaque) { (void)timer, (void)opaque; }

static void timer_mod(void *timer, int64_t expires, void *opaque) { (void)timer, (void)expires, (void)opaque; }

static void poll_fd(int fd, void *opaque) { (void)fd, (void)opaque; }

static void notify(void *opaque) { (void)opaque; }

static int add_poll(int fd, int events, void *opaque) {
    (void)opaque;
    if (fd_count == sizeof fds / sizeof *fds) {
        fprintf(stderr, "slirp: too many sockets\n");
        exit(1);
    }
    fds[fd_count].fd = fd;
    fds[fd_count].events = (short)((events & SLIRP_POLL_IN ? POLLIN : 0) | (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                                   (events & SLIRP_POLL_PRI ? POLLPRI : 0));
    return fd_count++;
}

static int get_revents(int at, void *opaque) {
    short events = fds[at].revents;
    (void)opaque;
    return (events & POLLIN ? SLIRP_POLL_IN : 0) | (events & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & POLLPRI ? SLIRP_POLL_PRI : 0) | (events & POLLERR ? SLIRP_POLL_ERR : 0) |
           (events & POLLHUP ? SLIRP_POLL_HUP : 0);
}

int main(int argc, char **argv) {
    static uint8_t frame[1 << 16];
    SlirpCb callbacks = {
        .send_packet = send_packet, .guest_error = guest_error, .clock_get_ns = clock_ns, .timer_new = timer_new,
        .timer_free = timer_free, .timer_mod = timer_mod, .register_poll_fd = poll_fd,
        .unregister_poll_fd = poll_fd, .notify = notify,
    };
    SlirpConfig config = {.version = 1, .in_enabled = true, .in6_enabled = true, .vprefix_len = 64};
    Slirp *slirp;
    if (argc != 2) {
        fprintf(stderr, "usage: slirp DEVICE\n");
        return 2;
    }
    inet_pton(AF_INET, "192.0.2.0", &config.vnetwork);
    inet_pton(AF_INET, "255.255.255.0", &config.vnetmask);
    inet_pton(AF_INET, "192.0.2.254", &config.vhost);
    inet_pton(AF_INET, "192.0.2.253", &config.vnameserver);
    inet_pton(AF_INET, "192.0.2.15", &config.vdhcp_start);
    inet_pton(AF_INET6, "2001:db8:1::", &config.vprefix_addr6);
    inet_pton(AF_INET6, "2001:db8:1::fe", &config.vhost6);
    inet_pton(AF_INET6, "2001:db8:1::fd", &config.vnameserver6);
    tap = open_tun(argv[1], IFF_TAP);
    slirp = slirp_new(&config, &callbacks, NULL);
    if (!slirp)
        return 1;
    fds[0].fd = tap;
    for (;;) {
        uint32_t timeout = 1000;
        int ready;
        fd_count = 1;
        slirp_pollfds_fill(slirp, &timeout, add_poll, NULL);
        ready = poll(fds, (nfds_t)fd_count, (int)timeout);
        if (ready < 0 && errno != EINTR)
            return 1;
        slirp_pollfds_poll(slirp, ready < 0, get_revents, NULL);
        if (ready > 0 && fds[0].revents & POLLIN) {
            ssize_t len = read(tap, frame, sizeof frame);
            if (len < 0)
                return 1;
            slirp_input(slirp, frame, (int)len);
        }
    }
}
