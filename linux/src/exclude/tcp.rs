//! What the TCP stack decides before it answers.

/// Whether the options of `segment` sign it (TCP MD5, TCP-AO), or are malformed. A kernel built with signatures does not
/// answer such segments (`tcp_do_parse_auth_options`).
pub(super) fn is_signed(segment: &[u8]) -> bool {
    let Some(&offset) = segment.get(12) else { return false };
    let header_len = usize::from(offset >> 4) * 4;
    let Some(mut options) = segment.get(20..header_len) else { return false };
    // Fewer bytes hold no signature, and are not looked at.
    while let [kind, rest @ ..] = options
        && options.len() >= 5
    {
        options = match (*kind, rest) {
            (0, _) => return false,
            (1, rest) => rest,
            (19 | 29, _) => return true,
            (_, [len, ..]) if *len >= 2 && usize::from(*len) <= options.len() => &options[usize::from(*len)..],
            _ => return true,
        };
    }
    false
}
