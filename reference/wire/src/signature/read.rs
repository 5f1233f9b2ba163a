//! Reading.
use super::{Policy, Reference, SignatureError, Unverified};
use crate::xml::{Document, Element, NodeId};

pub(super) fn signature<'d>(
    document: &'d Document<'_>,
    security: NodeId,
    policy: &Policy,
) -> Result<Unverified<'d>, SignatureError> {
    todo!("{document:?}{security:?}{policy:?}")
}

pub(super) fn reference(
    element: Element<'_>,
    policy: &Policy,
) -> Result<Reference, SignatureError> {
    todo!("{element:?}{policy:?}")
}
