//! Compares another stack with this crate: smoltcp's answer for a closed port is Linux's, or differs in a known way. Each
//! known difference is reported once, with a packet that shows it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::collections::BTreeSet;
use tcp_reset_fuzz::comparison::{Class, Offender, compare};
use tcp_reset_fuzz::stack::Stack;

thread_local! {
    static STACK: RefCell<Stack> = RefCell::default();
    static SEEN: RefCell<BTreeSet<Class>> = RefCell::default();
}

fuzz_target!(|offender: Offender| {
    let packet = offender.bytes();
    let theirs = STACK.with_borrow_mut(|stack| stack.answer(&packet));
    let answer = theirs.clone();
    match compare(&offender, theirs) {
        Ok(classes) => SEEN.with_borrow_mut(|seen| {
            for class in classes {
                if seen.insert(class) {
                    let answer = answer.as_ref().map_or("-".into(), hex::encode);
                    eprintln!("smoltcp: {class}: {} -> {answer}", hex::encode(&packet));
                }
            }
        }),
        Err(unclassified) => panic!("smoltcp answers as nothing known predicts: {unclassified}"),
    }
});
