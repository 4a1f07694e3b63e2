//! Connections in motion: what their ends do until they are cut, and how long it takes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// Who sends bulk before the forbidden byte and after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Traffic {
    Idle,
    Client,
    Server,
    Both,
}

impl Traffic {
    pub(crate) const ALL: [Self; 4] = [Self::Idle, Self::Client, Self::Server, Self::Both];
}

/// The byte that no allowed data has.
pub(crate) const FORBIDDEN: u8 = b'#';

/// How soon both ends have to be cut.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// How long an end that is not cut is waited for, after the forbidden byte and in all.
const PATIENCE: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(15);

/// A writer that may not send so fast as the memory of one machine waits so long after each 16 KiB: 16 MB/s at most.
const PAUSE: Duration = Duration::from_millis(1);

/// How long after the forbidden byte client and server were cut; `None` for one that was not.
pub(crate) type Times = [Option<Duration>; 2];

/// Has the client write the forbidden byte in the middle of the traffic, which has begun so long before.
pub(crate) fn cut(ends: &[TcpStream; 2], traffic: Traffic, before: Duration, is_throttled: bool) -> Times {
    for end in ends {
        // What is written goes out soon.
        SockRef::from(end).set_send_buffer_size(1 << 15).unwrap();
        end.set_nodelay(true).unwrap();
        end.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        end.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    }
    let (start, written, cut) = (Instant::now(), OnceLock::new(), [const { OnceLock::new() }; 2]);
    let waits = || start.elapsed() < LONGEST && written.get().is_none_or(|at: &Instant| at.elapsed() < PATIENCE);
    // Until the end is cut, or nobody waits for it any longer.
    let repeat = |end: usize, mut step: Box<dyn FnMut() -> io::Result<usize>>| {
        while cut[end].get().is_none() && waits() {
            match step() {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    cut[end].get_or_init(Instant::now);
                }
                // The error has been reported to the other thread of this end.
                Ok(0) => thread::sleep(Duration::from_millis(1)),
                result => drop(result.unwrap()),
            }
        }
    };
    thread::scope(|scope| {
        for (number, mut end) in ends.iter().enumerate() {
            let (written, repeat) = (&written, &repeat);
            let mut buffer = vec![0; 1 << 16];
            scope.spawn(move || repeat(number, Box::new(move || end.read(&mut buffer))));
            let bulk = match number {
                0 => matches!(traffic, Traffic::Client | Traffic::Both),
                _ => matches!(traffic, Traffic::Server | Traffic::Both),
            };
            let step = move || {
                if number == 0 && start.elapsed() >= before && written.get().is_none() {
                    let len = end.write(&[FORBIDDEN])?;
                    written.get_or_init(Instant::now);
                    Ok(len)
                } else if bulk {
                    if is_throttled {
                        thread::sleep(PAUSE);
                    }
                    end.write(&[b'.'; 1 << 14])
                } else {
                    thread::sleep(Duration::from_millis(1));
                    Ok(1)
                }
            };
            scope.spawn(move || repeat(number, Box::new(step)));
        }
    });
    let written = written.get().expect("the forbidden byte was not written");
    cut.map(|at| at.get().map(|at| at.saturating_duration_since(*written)))
}
