//! A client, a gateway and a server, each in a network namespace of its own.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::cable::{Cable, Quality};
use crate::namespace::{Namespace, add_address};
use crate::tools::run;

/// What connects the hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Link {
    Veth,
    Cable,
}

/// Each cable of the two, in each direction.
const QUALITY: Quality = Quality { delay: Duration::from_millis(10), jitter: Duration::from_millis(10), loss: 2 };

/// The server's address.
#[derive(Clone, Copy)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) server: &'static str,
}

pub(crate) const IPV4: Family = Family { name: "ipv4", server: "198.51.100.2" };
pub(crate) const IPV6: Family = Family { name: "ipv6", server: "2001:db8:2::2" };

/// The gateway's devices are `link1`, to the client, and `link2`, to the server.
pub(crate) struct Network {
    pub(crate) client: Namespace,
    pub(crate) gateway: Namespace,
    pub(crate) server: Namespace,
    _cables: Vec<Cable>,
}

impl Network {
    pub(crate) fn new(link: Link) -> Self {
        let [client, server, gateway] = [(); 3].map(|()| Namespace::new());
        let mut cables = Vec::new();
        for (host, net) in [(&client, 1), (&server, 2)] {
            let device = format!("link{net}");
            gateway.enter();
            match link {
                Link::Veth => {
                    run(&format!("ip link add {device} type veth peer name eth0 netns {}", host.path()));
                }
                Link::Cable => cables.push(Cable::new([(&gateway, &device), (host, "eth0")], QUALITY)),
            }
            gateway.enter();
            let [v4, v6] = [["192.0.2", "198.51.100"][net - 1], ["2001:db8:1:", "2001:db8:2:"][net - 1]];
            connect_to(&device, &[&format!("{v4}.1/24"), &format!("{v6}:1/64"), "fe80::1/64"]);
            host.enter();
            connect_to("eth0", &[&format!("{v4}.2/24"), &format!("{v6}:2/64"), "fe80::2/64"]);
            run(&format!("ip route add default via {v4}.1"));
            run(&format!("ip route add default via {v6}:1"));
        }
        gateway.enter();
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
        Self { client, gateway, server, _cables: cables }
    }

    /// A listener on the server, whose port the kernel chooses.
    pub(crate) fn listen(&self, family: Family) -> TcpListener {
        self.server.enter();
        let address: IpAddr = family.server.parse().unwrap();
        TcpListener::bind((address, 0)).unwrap()
    }

    /// Client and server of so many connections, in each of which both have spoken.
    pub(crate) fn connections(&self, family: Family, count: usize) -> Vec<[TcpStream; 2]> {
        let listener = self.listen(family);
        self.client.enter();
        let address = listener.local_addr().unwrap();
        let connect = || {
            // A neighbour may not be found at first, if the question is lost.
            let mut attempts = (0..5).map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(20)));
            attempts.find_map(Result::ok).unwrap()
        };
        thread::scope(|scope| {
            let connecting: Vec<_> = (0..count).map(|_| scope.spawn(connect)).collect();
            let clients = connecting.into_iter().map(|client| client.join().unwrap());
            let clients: Vec<_> = clients.collect();
            let accepted = (0..count).map(|_| listener.accept().unwrap());
            let mut servers: HashMap<_, _> = accepted.map(|(server, client)| (client, server)).collect();
            let ends = clients.into_iter().map(|client| {
                let server = servers.remove(&client.local_addr().unwrap()).unwrap();
                [client, server]
            });
            ends.map(|ends| scope.spawn(|| speak(ends)))
                .collect::<Vec<_>>()
                .into_iter()
                .map(|ends| ends.join().unwrap())
                .collect()
        })
    }
}

fn speak([mut client, mut server]: [TcpStream; 2]) -> [TcpStream; 2] {
    for end in [&client, &server] {
        end.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }
    // So often that a lost SYN, after which the kernel thinks that the way is slow, is forgotten: what is lost later is sent
    // again soon.
    for _ in 0..16 {
        client.write_all(b"?").unwrap();
        server.read_exact(&mut [0]).unwrap();
        server.write_all(b"!").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
    [client, server]
}

fn connect_to(device: &str, addresses: &[&str]) {
    // Link-local addresses come below: neighbours cannot be found until duplicate address detection has ended.
    fs::write(format!("/proc/sys/net/ipv6/conf/{device}/addr_gen_mode"), "1").unwrap();
    run(&format!("ip link set {device} up"));
    for address in addresses {
        add_address(address, device);
    }
}

/// Queues the TCP segments that the current namespace forwards, with both versions of iptables' NFQUEUE.
pub(crate) fn queue_forwarded(options: &str) {
    for iptables in ["iptables-nft", "ip6tables-nft"] {
        run(&format!("{iptables} -A FORWARD -p tcp -m mark ! --mark 0x7273 -j NFQUEUE {options}"));
    }
}
