// SPDX-License-Identifier: MIT OR Apache-2.0
// gVisor's netstack on a TUN device, with the addresses of the vectors and no port open.
package main

import (
	"fmt"
	"net"
	"os"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func fail(what string, why interface{}) {
	fmt.Fprintf(os.Stderr, "gvisor: %s: %v\n", what, why)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gvisor DEVICE")
		os.Exit(2)
	}
	fd, err := tun.Open(os.Args[1])
	if err != nil {
		fail(os.Args[1], err)
	}
	link, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: 1500})
	if err != nil {
		fail(os.Args[1], err)
	}
	host := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := host.CreateNIC(1, link); err != nil {
		fail("interface", err)
	}
	add := func(protocol tcpip.NetworkProtocolNumber, address string, raw net.IP) {
		local := tcpip.ProtocolAddress{Protocol: protocol, AddressWithPrefix: tcpip.Address(raw).WithPrefix()}
		if err := host.AddProtocolAddress(1, local, stack.AddressProperties{}); err != nil {
			fail(address, err)
		}
	}
	add(ipv4.ProtocolNumber, "198.51.100.2", net.ParseIP("198.51.100.2").To4())
	add(ipv6.ProtocolNumber, "2001:db8:2::2", net.ParseIP("2001:db8:2::2"))
	host.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: 1},
		{Destination: header.IPv6EmptySubnet, NIC: 1},
	})
	link.Wait()
}
