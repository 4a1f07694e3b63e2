use core::ptr;

use aya_ebpf::helpers::generated::{bpf_csum_diff, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::programs::XdpContext;
use tcp_reset::checksum::Sum;

use crate::Reason;

/// How many bytes [`Frame::sum`] takes at most, one less than a power of two. Where a page has 4 KiB, a buffer does not hold
/// more.
pub const MAX_SUM: usize = 4095;

/// The most that `bpf_csum_diff` takes before Linux 6.13.
const MAX_DIFF: usize = 512;

/// A received frame. It is the only access to the bytes, so the compiler sees that a reference to them ends before they are
/// written or cut.
pub struct Frame(XdpContext);

impl Frame {
    /// The frame of this run.
    #[must_use]
    #[inline(always)]
    pub fn new(context: XdpContext) -> Self {
        Self(context)
    }

    /// Its first bytes, in place.
    #[inline(always)]
    pub fn first<const LEN: usize>(&self) -> Result<&[u8; LEN], Reason> {
        // SAFETY: these bytes are there, and nobody has a `&mut` to them: that borrows the frame.
        Ok(unsafe { &*self.at::<LEN>(0).ok_or(Reason::OTHER)? })
    }

    /// Its first bytes, in place, to write them.
    #[inline(always)]
    pub fn first_mut<const LEN: usize>(&mut self) -> Result<&mut [u8; LEN], Reason> {
        // SAFETY: as above, and nobody else has a reference to them.
        Ok(unsafe { &mut *self.at::<LEN>(0).ok_or(Reason::OTHER)? })
    }

    /// `LEN` bytes, if they are in the first buffer of the frame. The verifier sees this check.
    #[inline(always)]
    fn at<const LEN: usize>(&self, at: usize) -> Option<*mut [u8; LEN]> {
        let (start, end) = (self.0.data() + at, self.0.data_end());
        if start + LEN > end { None } else { Some(start as *mut [u8; LEN]) }
    }

    /// Its length, all buffers together.
    #[must_use]
    #[inline(always)]
    #[expect(clippy::len_without_is_empty, reason = "a frame has an Ethernet header")]
    pub fn len(&self) -> usize {
        // SAFETY: the context is the kernel's.
        unsafe { bpf_xdp_get_buff_len(self.0.ctx) as usize }
    }

    /// Cuts it from `len`, its length, to `to` bytes.
    #[inline(always)]
    pub fn cut(&mut self, len: usize, to: usize) -> Result<(), Reason> {
        // SAFETY: the context is the kernel's, and nothing refers to the bytes: that would borrow the frame.
        let cut = unsafe { bpf_xdp_adjust_tail(self.0.ctx, to as i32 - len as i32) };
        if cut == 0 { Ok(()) } else { Err(Reason::FAILED) }
    }

    /// The ones'-complement sum of `len` bytes from `at` on, for an Internet checksum. `len` may be any number that is only
    /// known at run time, up to [`MAX_SUM`]; `at` has to be a constant for the verifier.
    ///
    /// The verifier permits only accesses of constant length. So the bytes are summed where they are, in blocks, one for each
    /// bit that is set in their length, the longest first.
    #[inline(always)]
    pub fn sum(&self, at: usize, len: usize) -> Result<Sum, Reason> {
        if len > MAX_SUM {
            return Err(Reason::LEFT_TO_THE_KERNEL);
        }
        let mut sum = Sum::of_words(&[]);
        self.add::<2048>(at, len, &mut sum)?;
        self.add::<1024>(at, len, &mut sum)?;
        self.add::<512>(at, len, &mut sum)?;
        self.add::<256>(at, len, &mut sum)?;
        self.add::<128>(at, len, &mut sum)?;
        self.add::<64>(at, len, &mut sum)?;
        self.add::<32>(at, len, &mut sum)?;
        self.add::<16>(at, len, &mut sum)?;
        self.add::<8>(at, len, &mut sum)?;
        self.add::<4>(at, len, &mut sum)?;
        self.add::<2>(at, len, &mut sum)?;
        self.add::<1>(at, len, &mut sum)?;
        Ok(sum)
    }

    #[inline(always)]
    fn add<const N: usize>(&self, at: usize, len: usize, sum: &mut Sum) -> Result<(), Reason> {
        if len & N != 0 {
            // The blocks before this one are those of the higher bits.
            *sum = sum.plus(self.sum_of::<N>(at + (len & (MAX_SUM & !(2 * N - 1))))?);
        }
        Ok(())
    }

    /// The same for a constant length, which is faster.
    #[inline(always)]
    pub fn sum_of<const N: usize>(&self, at: usize) -> Result<Sum, Reason> {
        // What lies in the next buffer of the frame cannot be read in place.
        let block = self.at::<N>(at).ok_or(Reason::LEFT_TO_THE_KERNEL)?;
        // SAFETY: as in `first`.
        Ok(sum_of_block(unsafe { &*block }))
    }
}

/// Sums a block: a short one here, a longer one by the kernel.
#[inline(always)]
fn sum_of_block<const N: usize>(block: &[u8; N]) -> Sum {
    match *block.as_slice() {
        [a] => Sum::of_words(&[[a, 0, 0, 0]]),
        [a, b] => Sum::of_words(&[[a, b, 0, 0]]),
        [a, b, c, d] => Sum::of_words(&[[a, b, c, d]]),
        _ if N <= 40 => Sum::of(block),
        _ => {
            let whole = sum_by_the_kernel(block);
            if whole >= 0 {
                return Sum::of_words(&[(whole as u32).to_ne_bytes()]);
            }
            block.chunks(MAX_DIFF).fold(Sum::of_words(&[]), |sum, part| {
                sum.plus(Sum::of_words(&[(sum_by_the_kernel(part) as u32).to_ne_bytes()]))
            })
        }
    }
}

/// Negative if the block is longer than this kernel takes.
#[inline(always)]
fn sum_by_the_kernel(block: &[u8]) -> i64 {
    // SAFETY: it reads the block.
    unsafe { bpf_csum_diff(ptr::null_mut(), 0, block.as_ptr().cast_mut().cast(), block.len() as u32, 0) }
}
