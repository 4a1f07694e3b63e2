/*
 * What newlib's start code leaves to the board: the vector table of a Cortex-M, with the stack at the end of the 4 MiB that
 * QEMU's mps2-an386 has at 0x20000000.
 */
extern void _start(void);

__attribute__((section(".vectors"), used)) static void (*const VECTORS[])(void) = {(void (*)(void))0x20400000, _start};
