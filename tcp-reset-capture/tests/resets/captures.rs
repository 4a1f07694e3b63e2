//! Captures, written and read byte by byte: independent of the crate that reads them in the program.

/// A byte order to write captures in.
#[derive(Clone, Copy)]
pub enum Order {
    Big,
    Little,
}

impl Order {
    /// The fields, each of `N` bytes, given in network byte order.
    pub fn fields<const N: usize>(self, mut fields: impl AsMut<[[u8; N]]>) -> Vec<u8> {
        let fields = fields.as_mut();
        if let Self::Little = self {
            for field in &mut *fields {
                field.reverse();
            }
        }
        fields.as_flattened().to_vec()
    }

    fn words(self, words: &[u32]) -> Vec<u8> {
        self.fields(words.iter().map(|word| word.to_be_bytes()).collect::<Vec<_>>())
    }

    fn halves(self, halves: [u16; 2]) -> Vec<u8> {
        self.fields(halves.map(u16::to_be_bytes))
    }
}

fn len(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap()
}

/// A pcap file.
pub struct Pcap {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Pcap {
    /// A little-endian file with times in microseconds.
    pub fn new(link: u32) -> Self {
        Self::with(Order::Little, 0xa1b2_c3d4, link)
    }

    pub fn with(order: Order, magic: u32, link: u32) -> Self {
        let bytes = [order.words(&[magic]), order.halves([2, 4]), order.words(&[0, 0, 65535, link])].concat();
        Self { order, bytes }
    }

    /// Adds a whole frame.
    pub fn frame(self, data: &[u8]) -> Self {
        self.record([0, 0, len(data), len(data)], data)
    }

    /// Adds a record by the fields of its header: both parts of the time, captured length and original length.
    pub fn record(mut self, header: [u32; 4], data: &[u8]) -> Self {
        self.bytes.extend(self.order.words(&header));
        self.bytes.extend(data);
        self
    }
}

/// A pcap file of raw IP packets.
pub fn raw<'a>(packets: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    packets.into_iter().fold(Pcap::new(101), |capture, packet| capture.frame(packet)).bytes
}

/// A pcapng file.
pub struct Pcapng {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Pcapng {
    pub fn new(order: Order) -> Self {
        let body = [order.words(&[0x1a2b_3c4d]), order.halves([1, 0]), vec![0xff; 8]].concat();
        Self { order, bytes: Vec::new() }.block(0x0a0d_0d0a, &body)
    }

    /// Adds an interface. The end-of-options option is left out: it is optional.
    pub fn interface(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = [order.halves([link, 0]), order.words(&[snap_len])].concat();
        for (code, value) in options {
            body.extend(order.halves([*code, u16::try_from(value.len()).unwrap()]));
            body.extend(padded(value));
        }
        self.block(1, &body)
    }

    /// Adds an enhanced packet.
    pub fn enhanced(self, interface: u32, time: u64, data: &[u8]) -> Self {
        let [high, low] = [time >> 32, time & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        let body = [&self.order.words(&[interface, high, low, len(data), len(data)]), data].concat();
        self.block(6, &body)
    }

    /// Adds a simple packet.
    pub fn simple(self, original_len: u32, data: &[u8]) -> Self {
        let body = [&self.order.words(&[original_len]), data].concat();
        self.block(3, &body)
    }

    pub fn block(mut self, number: u32, body: &[u8]) -> Self {
        let body = padded(body);
        let length = len(&body) + 12;
        self.bytes.extend([self.order.words(&[number, length]), body, self.order.words(&[length])].concat());
        self
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The records of a little-endian pcap file: both parts of the time, and the data.
pub fn records(capture: &[u8]) -> Vec<([u32; 2], &[u8])> {
    let mut rest = &capture[24..];
    let mut records = Vec::new();
    while let Some((header, data)) = rest.split_first_chunk::<16>() {
        let [seconds, fraction, length, _] = *header.as_chunks().0 else { panic!() };
        let [seconds, fraction, length] = [seconds, fraction, length].map(u32::from_le_bytes);
        let (data, next) = data.split_at(usize::try_from(length).unwrap());
        records.push(([seconds, fraction], data));
        rest = next;
    }
    assert_eq!(rest, b"");
    records
}
