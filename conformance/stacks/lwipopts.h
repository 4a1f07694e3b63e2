/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* lwIP's settings. */
#define LWIP_IPV6 1
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define TCPIP_MBOX_SIZE 64
#define TCPIP_THREAD_STACKSIZE 65536
#define IPV6_FRAG_COPYHEADER 1 /* as 64-bit machines need it */
#define LWIP_STATS 0
