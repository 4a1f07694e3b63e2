/* Loads the XDP program by libbpf and the skeleton that bpftool generates of it, and answers until a signal comes:
 *
 *   bpftool gen skeleton xdp/target/program/bpfel-unknown-none/release/tcp-reset-xdp name xdp_reset >xdp_reset.skel.h
 *   cc -I. xdp/c-loader/xdp-reset.c -lbpf -o xdp-reset-c
 *   ./xdp-reset-c DEVICE PORT...
 */
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "xdp_reset.skel.h"

/* A value of the map SETTINGS: `Slot` in xdp/tcp-reset-xdp/src/shared.rs, which describes it. */
struct slot {
    uint64_t interval, burst, total_interval, total_burst, factor;
    uint32_t trust, dry_run, syn, to;
    uint64_t ports[65536 / 64];
};

/* The value of the map ACTIVE. */
struct active {
    uint32_t slot;
    uint8_t station[6], padding[2];
};

/* The counter of answered frames in the map COUNTERS. */
#define ANSWERED 0

static int fail(const char *what) {
    fprintf(stderr, "xdp-reset-c: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

static int read_ports(char **texts, struct slot *slot) {
    for (; *texts; texts++) {
        char *end;
        unsigned long port = strtoul(*texts, &end, 10);
        if (end == *texts || *end || port > 65535)
            return -1;
        slot->ports[port / 64] |= UINT64_C(1) << port % 64;
    }
    return 0;
}

static uint64_t answered(const struct bpf_map *counters) {
    int cpus = libbpf_num_possible_cpus();
    uint32_t key = ANSWERED;
    uint64_t sum = 0, *values = cpus > 0 ? calloc((size_t)cpus, sizeof *values) : NULL;
    if (values && !bpf_map__lookup_elem(counters, &key, sizeof key, values, (size_t)cpus * sizeof *values, 0))
        for (int cpu = 0; cpu < cpus; cpu++)
            sum += values[cpu];
    free(values);
    return sum;
}

int main(int argc, char **argv) {
    static struct slot slot; /* Nothing but ports: no limit, the checksum is verified. */
    uint32_t zero = 0;
    sigset_t signals;
    int signal;

    if (argc < 3 || read_ports(argv + 2, &slot)) {
        fprintf(stderr, "usage: xdp-reset-c DEVICE PORT...\n");
        return EXIT_FAILURE;
    }
    unsigned int interface = if_nametoindex(argv[1]);
    if (!interface)
        return fail(argv[1]);
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", argv[1]);
    int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (socket_fd < 0 || ioctl(socket_fd, SIOCGIFHWADDR, &request))
        return fail("cannot read the address of the device");
    close(socket_fd);

    /* What this process holds ends with it, the attachment too: it is a link. */
    struct xdp_reset *program = xdp_reset__open_and_load();
    if (!program)
        return fail("cannot load the program");
    if (bpf_map__value_size(program->maps.SETTINGS) != sizeof slot) {
        fprintf(stderr, "xdp-reset-c: the program is of another version\n");
        return EXIT_FAILURE;
    }
    struct active active = {0};
    memcpy(active.station, request.ifr_hwaddr.sa_data, sizeof active.station);
    if (bpf_map__update_elem(program->maps.SETTINGS, &zero, sizeof zero, &slot, sizeof slot, 0) ||
        bpf_map__update_elem(program->maps.ACTIVE, &zero, sizeof zero, &active, sizeof active, 0))
        return fail("cannot write the settings");

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!bpf_program__attach_xdp(program->progs.xdp_reset, (int)interface))
        return fail("cannot attach the program");
    printf("answering on %s\n", argv[1]);
    fflush(stdout);
    sigwait(&signals, &signal);
    printf("answered: %llu\n", (unsigned long long)answered(program->maps.COUNTERS));
    return EXIT_SUCCESS;
}
