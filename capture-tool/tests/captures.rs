//! Captures, written and read byte by byte, so that no reader of captures judges itself.

/// A byte order to write captures in.
#[derive(Clone, Copy)]
pub enum Order {
    Big,
    Little,
}

impl Order {
    pub fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }

    pub fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }
}

/// A pcap file in the making.
pub struct Pcap {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Pcap {
    /// Little-endian, with microseconds.
    pub fn new(link: u32) -> Self {
        Self::with(Order::Little, 0xa1b2_c3d4, link)
    }

    pub fn with(order: Order, magic: u32, link: u32) -> Self {
        let mut bytes = order.u32(magic).to_vec();
        bytes.extend([2, 4].map(|version| order.u16(version)).concat());
        bytes.extend([0, 0, 65535, link].map(|field| order.u32(field)).concat());
        Self { order, bytes }
    }

    /// Adds a whole frame, at no particular time.
    pub fn frame(self, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        self.record([0, 0, length, length], data)
    }

    /// Adds a record by the fields of its header: both halves of the time, captured and original length.
    pub fn record(mut self, header: [u32; 4], data: &[u8]) -> Self {
        self.bytes.extend(header.map(|field| self.order.u32(field)).concat());
        self.bytes.extend(data);
        self
    }
}

/// A pcapng file in the making.
pub struct Pcapng {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Pcapng {
    pub fn new(order: Order) -> Self {
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend([1, 0].map(|version| order.u16(version)).concat());
        body.extend(order.u64(u64::MAX));
        Self { order, bytes: Vec::new() }.block(0x0a0d_0d0a, &body)
    }

    /// An interface with options, which no end-of-options option ends: none is needed.
    pub fn interface(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = [order.u16(link), order.u16(0)].concat();
        body.extend(order.u32(snap_len));
        for (code, value) in options {
            let length = u16::try_from(value.len()).unwrap();
            body.extend([order.u16(*code), order.u16(length)].concat());
            body.extend(padded(value));
        }
        self.block(1, &body)
    }

    /// An enhanced packet, whole.
    pub fn enhanced(self, interface: u32, time: u64, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        let [high, low] = [time >> 32, time & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        let fields = [interface, high, low, length, length].map(|field| self.order.u32(field));
        self.block(6, &[fields.as_flattened(), data].concat())
    }

    /// A simple packet.
    pub fn simple(self, original_len: u32, data: &[u8]) -> Self {
        let length = self.order.u32(original_len);
        self.block(3, &[&length, data].concat())
    }

    pub fn block(mut self, number: u32, body: &[u8]) -> Self {
        let body = padded(body);
        let length = self.order.u32(u32::try_from(body.len()).unwrap() + 12);
        self.bytes.extend([&self.order.u32(number), &length, &body[..], &length].concat());
        self
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The records of a little-endian pcap file: both halves of the time, and the data.
pub fn records(capture: &[u8]) -> Vec<([u32; 2], &[u8])> {
    let mut rest = &capture[24..];
    let mut records = Vec::new();
    while let Some((header, data)) = rest.split_first_chunk::<16>() {
        let [seconds, fraction, length, _] =
            [0, 4, 8, 12].map(|at| u32::from_le_bytes(header[at..at + 4].try_into().unwrap()));
        let (data, next) = data.split_at(usize::try_from(length).unwrap());
        records.push(([seconds, fraction], data));
        rest = next;
    }
    assert_eq!(rest, b"");
    records
}
