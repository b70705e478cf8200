//! Field values as bytes.

use super::numbers::{Reader, put, put_signed, put_text};
use crate::record::ValueRef;
use crate::store::StoreError;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const STR: u8 = 5;
/// A float that is a whole number of thousandths, as durations usually are.
const THOUSANDTHS: u8 = 6;

pub fn put_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push(NULL),
        ValueRef::Bool(b) => out.push(if b { TRUE } else { FALSE }),
        ValueRef::Int(n) => {
            out.push(INT);
            put_signed(out, n);
        }
        ValueRef::Float(n) => put_float(out, n),
        ValueRef::Str(text) => {
            out.push(STR);
            put_text(out, text);
        }
    }
}

fn put_float(out: &mut Vec<u8>, n: f64) {
    match thousandths(n) {
        Some(whole) => {
            out.push(THOUSANDTHS);
            put_signed(out, whole);
        }
        None => {
            out.push(FLOAT);
            out.extend_from_slice(&n.to_le_bytes());
        }
    }
}

pub fn take_value<'a>(reader: &mut Reader<'a>) -> Result<ValueRef<'a>, StoreError> {
    Ok(match reader.byte()? {
        NULL => ValueRef::Null,
        FALSE => ValueRef::Bool(false),
        TRUE => ValueRef::Bool(true),
        INT => ValueRef::Int(reader.signed()?),
        FLOAT => ValueRef::Float(take_f64(reader)?),
        THOUSANDTHS => ValueRef::Float(reader.signed()? as f64 / 1000.0),
        STR => ValueRef::Str(reader.text()?),
        _ => return Err(StoreError::Block("a value has an unknown type")),
    })
}

/// The number times 1000, when dividing by 1000 gives exactly the number back.
pub fn thousandths(n: f64) -> Option<i64> {
    let scaled = (n * 1000.0).round();
    let exact = scaled.abs() < 9e15 && (scaled / 1000.0).to_bits() == n.to_bits();
    exact.then_some(scaled as i64)
}

/// A duration: 0 absent, 1 thousandths, 2 the bits of an f64.
pub fn put_duration(out: &mut Vec<u8>, duration: Option<f64>) {
    match duration.map(|n| (n, thousandths(n))) {
        None => put(out, 0),
        Some((_, Some(whole))) => {
            put(out, 1);
            put_signed(out, whole);
        }
        Some((n, None)) => {
            put(out, 2);
            out.extend_from_slice(&n.to_le_bytes());
        }
    }
}

pub fn take_duration(reader: &mut Reader<'_>) -> Result<Option<f64>, StoreError> {
    Ok(match reader.size(2)? {
        0 => None,
        1 => Some(reader.signed()? as f64 / 1000.0),
        _ => Some(take_f64(reader)?),
    })
}

fn take_f64(reader: &mut Reader<'_>) -> Result<f64, StoreError> {
    let bytes = reader.bytes(8)?;
    let array = <[u8; 8]>::try_from(bytes).map_err(|_| StoreError::Block("a float ends early"))?;
    Ok(f64::from_le_bytes(array))
}
