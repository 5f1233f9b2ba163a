//! A message's columns, and back.

use bytes::Bytes;
use carnet_exchange::{Digest, Direction, Event, Held, Key, Message, MessageId, Part, Party, Place, State, StoreError};
use jiff::Timestamp;
use rusqlite::Row;

use super::error::{damaged, engine};

/// Columns in the order [`message`] reads them.
pub(super) const COLUMNS: &str = "id, direction, message_id, sender, sender_type, recipient, recipient_type, \
    conversation, ref_to, pmode, service, action, state, attempts, due, created, changed, digests, pull";

/// A message from [`COLUMNS`].
pub(super) fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        key: Key(at(row, 0)?),
        direction: direction(at(row, 1)?)?,
        id: id(at(row, 2)?)?,
        from: Party { id: at(row, 3)?, kind: at(row, 4)? },
        to: Party { id: at(row, 5)?, kind: at(row, 6)? },
        conversation: at(row, 7)?,
        ref_to: at::<Option<String>>(row, 8)?.map(id).transpose()?,
        pmode: at(row, 9)?,
        service: at(row, 10)?,
        action: at(row, 11)?,
        pull: at::<i64>(row, 18)? != 0,
        state: state(at(row, 12)?)?,
        attempts: at(row, 13)?,
        due: at::<Option<i64>>(row, 14)?.map(time).transpose()?,
        created: time(at(row, 15)?)?,
        changed: time(at(row, 16)?)?,
        digests: row
            .get_ref(17)
            .map_err(engine)?
            .as_blob()
            .ok()
            .and_then(Digest::split)
            .ok_or_else(|| damaged("digests"))?,
    })
}

/// A part from `cid, media_type, properties, digest, length, sha256, file, octets`.
pub(super) fn part(row: &Row<'_>) -> Result<Part, StoreError> {
    let properties: String = at(row, 2)?;
    let length: i64 = at(row, 4)?;
    let file: Option<String> = at(row, 6)?;
    let octets: Option<Vec<u8>> = at(row, 7)?;
    let place = match (file, octets) {
        (Some(name), _) => Place::File(name),
        (None, Some(octets)) => Place::Inline(Bytes::from(octets)),
        (None, None) => return Err(damaged("part octets")),
    };
    Ok(Part {
        cid: at(row, 0)?,
        media_type: at(row, 1)?,
        properties: serde_json::from_str(&properties).map_err(|_| damaged("part properties"))?,
        digest: digest(at(row, 3)?)?,
        held: Held {
            length: u64::try_from(length).map_err(|_| damaged("part length"))?,
            sha256: digest(at(row, 5)?)?,
            place,
        },
    })
}

/// A step from `at, state, note`.
pub(super) fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    Ok(Event { at: time(at(row, 0)?)?, state: state(at(row, 1)?)?, note: at(row, 2)? })
}

/// One column.
pub(super) fn at<T: rusqlite::types::FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(engine)
}

/// A MessageId that was valid when stored.
pub(super) fn id(text: String) -> Result<MessageId, StoreError> {
    MessageId::new(text).map_err(|_| damaged("message id"))
}

/// Microseconds since 1970.
pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The moment of so many microseconds.
pub(super) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| damaged("time"))
}

/// The stored number of a state.
pub(super) const fn state_code(state: State) -> i64 {
    match state {
        State::Received => 0,
        State::Submitted => 1,
        State::Retrying => 2,
        State::Delivered => 3,
        State::Failed => 4,
    }
}

/// The state of a stored number.
pub(super) fn state(code: i64) -> Result<State, StoreError> {
    State::ALL.into_iter().find(|state| state_code(*state) == code).ok_or_else(|| damaged("state"))
}

/// The stored number of a direction.
pub(super) const fn direction_code(direction: Direction) -> i64 {
    match direction {
        Direction::In => 0,
        Direction::Out => 1,
    }
}

/// The direction of a stored number.
pub(super) fn direction(code: i64) -> Result<Direction, StoreError> {
    match code {
        0 => Ok(Direction::In),
        1 => Ok(Direction::Out),
        _ => Err(damaged("direction")),
    }
}

fn digest(octets: Vec<u8>) -> Result<Digest, StoreError> {
    octets.try_into().map(Digest).map_err(|_| damaged("digest"))
}
