//! A cable between two TAP devices, with delay, jitter that reorders frames, and loss.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tcp_reset_linux::namespace::receive;
use tcp_reset_linux::realtime::become_realtime;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::namespace::Namespace;

/// What each frame suffers, in each direction.
#[derive(Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) delay: Duration,
    /// Up to so much more, for each frame alone: later frames overtake.
    pub(crate) jitter: Duration,
    /// Of a hundred frames, how many are lost.
    pub(crate) loss: u8,
}

/// Carries frames until it is dropped.
pub(crate) struct Cable {
    ends: Arc<AtomicBool>,
    directions: Vec<JoinHandle<()>>,
}

impl Cable {
    /// Makes a TAP device at each end, down.
    pub(crate) fn new([(a, a_name), (b, b_name)]: [(&Namespace, &str); 2], quality: Quality) -> Self {
        let [a, b] = [(a, a_name), (b, b_name)].map(|(host, name)| {
            host.enter();
            let device = DeviceBuilder::new().name(name).layer(Layer::L2).enable(false).build_sync().unwrap();
            device.set_nonblocking(true).unwrap();
            Arc::new(device)
        });
        let ends = Arc::new(AtomicBool::new(false));
        let carry = |from: &Arc<SyncDevice>, to: &Arc<SyncDevice>| {
            let (from, to, ends) = (from.clone(), to.clone(), ends.clone());
            thread::spawn(move || carry(&from, &to, quality, &ends))
        };
        let directions = vec![carry(&a, &b), carry(&b, &a)];
        Self { ends, directions }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.directions.drain(..).for_each(|direction| direction.join().unwrap());
    }
}

fn carry(from: &SyncDevice, to: &SyncDevice, quality: Quality, ends: &AtomicBool) {
    // A wire does not wait for a processor. Without the right to this, it may.
    let _ = become_realtime();
    let (mut rng, mut buffer) = (Rng::new(), vec![0; 1 << 16]);
    let mut on_the_way = BinaryHeap::<Reverse<(Instant, Vec<u8>)>>::new();
    while !ends.load(Ordering::Relaxed) {
        let now = Instant::now();
        let mut deadline = now + Duration::from_millis(20);
        while let Some(Reverse((due, _))) = on_the_way.peek() {
            if *due > now {
                deadline = deadline.min(*due);
                break;
            }
            let Some(Reverse((_, frame))) = on_the_way.pop() else { break };
            // A device that is down loses what it is sent.
            let _lost = to.send(&frame);
        }
        match receive(from, &mut buffer, deadline) {
            Ok(Some(len)) if rng.u8(..100) >= quality.loss => {
                let jitter = quality.jitter.mul_f64(rng.f64());
                on_the_way.push(Reverse((Instant::now() + quality.delay + jitter, buffer[..len].to_vec())));
            }
            Ok(_) => {}
            // A device that is down.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}
