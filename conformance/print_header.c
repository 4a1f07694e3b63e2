/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints one set of vectors.h in the form of the text files. */
#include "vectors.h"
#include <stdio.h>
#include <string.h>

static void hex(const uint8_t *bytes, uint16_t len) {
    for (uint16_t at = 0; at < len; at++)
        printf("%02x", bytes[at]);
}

int main(int argc, char **argv) {
    for (size_t set = 0; set < sizeof tcp_reset_vector_sets / sizeof *tcp_reset_vector_sets; set++) {
        if (argc != 2 || strcmp(argv[1], tcp_reset_vector_sets[set].name))
            continue;
        for (uint16_t nth = 0; nth < tcp_reset_vector_sets[set].count; nth++) {
            const struct tcp_reset_vector *vector = &tcp_reset_vector_sets[set].vectors[nth];
            printf("%s ", vector->name);
            hex(vector->offender, vector->offender_len);
            if (vector->reset) {
                printf(" reset ");
                hex(vector->reset, vector->reset_len);
                putchar('\n');
            } else {
                printf(" silence %s\n", vector->silence);
            }
        }
        return 0;
    }
    fprintf(stderr, "usage: print_header SET\n");
    return 2;
}
