//! What a check looks at: the execution, the case, and the few things most checks ask for.

use carnet_catalogue::case::{Case, Check};
use carnet_catalogue::profile::RSA;
use carnet_catalogue::step::{Awaited, FaultKind, Step};
use carnet_catalogue::subject::Agreement;
use carnet_wire::signature::SignatureAlgorithm;

use super::{Deviation, Outcome};
use crate::arrival::{Arrival, take};
use crate::evidence::Side;
use crate::judge::Judge;
use crate::judge::answer::Answer;
use crate::judge::ebms::{Ebms, Signature};
use crate::judge::run::ByteRange;
use crate::judge::view::{Attempt, Bytes, Exchange};
use crate::root::Package;

/// A check's view of one execution.
pub struct Look<'l> {
    /// What does not change from case to case.
    pub judge: &'l Judge,
    /// The execution.
    pub attempt: &'l Attempt,
    /// The case.
    pub case: &'l Case,
    /// The check with its arguments.
    pub check: &'l Check,
}

/// A push of the subject, read.
pub(crate) struct Push<'l> {
    pub(crate) exchange: &'l Exchange,
    pub(crate) ebms: Ebms,
    pub(crate) package: Package,
}

impl<'l> Look<'l> {
    /// An argument of the check.
    pub(crate) fn with(&self, name: &str) -> Option<&'l str> {
        self.check.with.get(name).map(String::as_str)
    }

    /// The step the check names, or the one that an implied check stands at.
    pub(crate) fn step(&self) -> Option<usize> {
        if let Some(at) = self.with("at").and_then(|at| at.parse().ok()) {
            return Some(at);
        }
        let name = self.check.step.as_deref()?;
        self.case.step_named(name).map(|(index, _)| index)
    }

    /// The agreement that the case runs under.
    pub(crate) fn agreed(&self) -> &'l Agreement {
        self.judge.subject.agreed(self.case.agreement.as_deref())
    }

    /// Why a signature does not hold, or is made in another way than agreed.
    pub(crate) fn fault(&self, signature: &Signature) -> Option<String> {
        let agreed: &[SignatureAlgorithm] = match self.agreed().secured().signing {
            RSA => &[SignatureAlgorithm::RsaSha256],
            _ => &[SignatureAlgorithm::Ed25519, SignatureAlgorithm::EcdsaP256Sha256],
        };
        signature.fault_under(agreed)
    }

    /// The exchange in question: the named step's, else the last one that the suite opened before the named await.
    pub(crate) fn exchange(&self) -> Result<&'l Exchange, Outcome> {
        let found = match (self.step(), self.with("at")) {
            (Some(at), Some(_)) => {
                // A connection that is held open is recorded when it ends, after later ones.
                let before = |e: &&Exchange| e.side == Side::Suite && e.step < at;
                self.attempt.exchanges.iter().filter(before).max_by_key(|e| e.step)
            }
            (step, _) => self.attempt.sent_at(step),
        };
        let found = found.ok_or_else(|| Outcome::Unclear("nothing was sent that could be answered".to_owned()))?;
        Ok(self.copy_of(found))
    }

    /// Of two copies that were sent at once, the one with a receipt: which of them is taken is left to the subject.
    fn copy_of(&self, exchange: &'l Exchange) -> &'l Exchange {
        let fault = self.case.step.get(exchange.step).and_then(|step| step.fault.as_ref());
        if fault.is_none_or(|fault| fault.kind != FaultKind::Duplicate) {
            return exchange;
        }
        let mut copies = self.attempt.exchanges.iter().filter(|e| e.side == Side::Suite && e.step == exchange.step);
        let receipted = |exchange: &&Exchange| matches!(exchange.answer(), Answer::Receipt(_));
        copies.rfind(receipted).unwrap_or(exchange)
    }

    /// The receipt on that exchange; for what the subject pulled, the one that it sent by itself.
    pub(crate) fn receipt(&self) -> Result<(&'l Exchange, Box<Ebms>), Outcome> {
        if self.offer().is_some() {
            return self.receipt_for_pulled();
        }
        let exchange = self.exchange()?;
        match exchange.answer() {
            Answer::Receipt(receipt) => Ok((exchange, receipt.clone())),
            other => Err(self.deviation(exchange, "a receipt on the same connection", other.describe())),
        }
    }

    /// The error signal on that exchange.
    pub(crate) fn error(&self) -> Result<(&'l Exchange, Box<Ebms>), Outcome> {
        let exchange = self.exchange()?;
        match exchange.answer() {
            Answer::Refusal(refusal) => match &refusal.signal {
                Some(signal) => Ok((exchange, signal.clone())),
                // Another layer refused: there is no error signal to look at, and none was promised.
                None => Err(Outcome::Holds),
            },
            // That it was not refused is the finding of `refusal.allowed`; once is enough.
            _ if self.case.is_negative() => Err(Outcome::Holds),
            other => Err(self.deviation(exchange, "an ebMS error on the same connection", other.describe())),
        }
    }

    /// The step with the offer that the check is about: the named one, the one before the `await`, else the last.
    fn offer(&self) -> Option<usize> {
        let offers = |(_, step): &(usize, &Step)| step.offer.is_some();
        let about = match (self.step(), self.with("at")) {
            (Some(at), Some(_)) => self.case.awaited_from(at),
            (Some(step), None) => self.case.step.get(step).map(|found| (step, found)),
            (None, _) => self.case.awaited_from(self.case.step.len()),
        };
        about.filter(offers).map(|(index, _)| index)
    }

    /// The exchange in which the subject pulled what the suite offered.
    fn handed_out(&self) -> Result<&'l Exchange, Outcome> {
        let holds = |exchange: &&Exchange| {
            let read = || exchange.sent(&self.judge.known)?.ebms.as_ref().ok()?.user.as_ref();
            exchange.side == Side::Subject && read().is_some()
        };
        let found = self.attempt.exchanges.iter().find(holds);
        found.ok_or_else(|| super::broken("a pull request from the subject", "none came in time", self.wait_events()))
    }

    fn receipt_for_pulled(&self) -> Result<(&'l Exchange, Box<Ebms>), Outcome> {
        let handed_out = self.handed_out()?;
        let (sent, _) = self.sent(handed_out)?;
        let read = |exchange: &'l Exchange| {
            let ebms = exchange.pushed(&self.judge.known)?.ebms.as_ref().ok()?;
            let fits = ebms.receipt.is_some() && !ebms.refuses() && ebms.refers_to.as_deref() == Some(&sent.message_id);
            fits.then(|| (exchange, Box::new(ebms.clone())))
        };
        let found = self.attempt.pushes().filter_map(read).last();
        found.ok_or_else(|| self.deviation(handed_out, "a receipt for what was pulled", "none came in time"))
    }

    /// The first pull request of the subject, read.
    pub(crate) fn pull_request(&self) -> Result<Push<'l>, Outcome> {
        let pull = |exchange| self.read_push(exchange).ok().filter(|push| push.ebms.pull.is_some());
        let found = self.attempt.pushes().find_map(pull);
        found.ok_or_else(|| super::broken("a pull request from the subject", "none came in time", self.wait_events()))
    }

    /// Whether the suite pulled on an exchange.
    pub(crate) fn is_pull(&self, exchange: &Exchange) -> bool {
        let step = self.case.step.get(exchange.step);
        exchange.side == Side::Suite && step.and_then(|step| step.send.as_ref()).is_some_and(|send| send.pull)
    }

    /// The user messages of the subject in order: what it pushed, and what pull requests of the suite got in the end.
    pub(crate) fn messages(&self) -> Vec<&'l Exchange> {
        // A pull request that got what belongs to another case was made again.
        let over = |exchange: &Exchange| match self.case.step.get(exchange.step).and_then(|step| step.send.as_ref()) {
            Some(send) if !send.twice => {
                self.attempt.sent_at(Some(exchange.step)).is_some_and(|last| last.seq != exchange.seq)
            }
            _ => false,
        };
        let got = |exchange: &Exchange| {
            self.is_pull(exchange) && !over(exchange) && matches!(exchange.answer(), Answer::Message(_))
        };
        let pushed = |exchange: &Exchange| {
            exchange.side == Side::Subject && exchange.received.is_some() && exchange.arrival().is(Awaited::Message)
        };
        self.attempt.exchanges.iter().filter(|exchange| pushed(exchange) || got(exchange)).collect()
    }

    /// What the suite sent on an exchange, read; on a connection of the subject, what it pulled from there.
    pub(crate) fn sent(&self, exchange: &Exchange) -> Result<(Ebms, Package), Outcome> {
        let pulled = exchange.side == Side::Subject && self.offer().is_some();
        let exchange = if pulled { self.handed_out()? } else { exchange };
        let read = exchange.sent(&self.judge.known);
        let read = read.ok_or_else(|| Outcome::Unclear("the request carried no envelope".to_owned()))?;
        let ebms = read.ebms.clone().map_err(|error| Outcome::Unclear(format!("the request: {error}")))?;
        Ok((ebms, read.package.clone()))
    }

    /// What the suite sent in the step of that name, or last; what it offered there, when the subject pulled it.
    pub(crate) fn sent_in(&self, name: Option<&str>) -> Result<(Ebms, Package), Outcome> {
        let named = name.and_then(|name| self.case.step_named(name));
        if named.is_some_and(|(_, step)| step.offer.is_some()) {
            // That nothing was pulled is the finding of `await.pull`; once is enough.
            let handed_out = self.handed_out().map_err(|_| Outcome::Unclear("nothing was pulled".to_owned()))?;
            return self.sent(handed_out);
        }
        let exchange = self.attempt.sent_at(named.map(|(index, _)| index));
        self.sent(exchange.ok_or_else(|| Outcome::Unclear("nothing was sent".to_owned()))?)
    }

    /// The push that the named `await` took, else the last one that was awaited as a message or with a connection.
    pub(crate) fn push(&self) -> Result<Push<'l>, Outcome> {
        let awaited = self.awaited();
        let awaits = |index: usize| self.case.step.get(index).and_then(|step| step.awaits);
        let message = |index: usize| matches!(awaits(index), Some(Awaited::Message | Awaited::Connection));
        let chosen = match self.step() {
            Some(step) => awaited.iter().find(|(index, _)| *index == step).and_then(|(_, push)| *push),
            None => awaited.iter().rev().filter(|(index, _)| message(*index)).find_map(|(_, push)| *push),
        };
        let exchange = chosen
            .ok_or_else(|| super::broken("a message from the subject", "none came in time", self.wait_events()))?;
        self.read_push(exchange)
    }

    /// A push, read.
    pub(crate) fn read_push(&self, exchange: &'l Exchange) -> Result<Push<'l>, Outcome> {
        let unreadable = |what: String| self.deviation(exchange, "a SOAP envelope with a user message", what);
        let read = exchange.pushed(&self.judge.known);
        let read = read.ok_or_else(|| unreadable("a body that is neither SOAP nor multipart".to_owned()))?;
        let ebms = read.ebms.clone().map_err(|error| unreadable(error.to_string()))?;
        Ok(Push { exchange, ebms, package: read.package.clone() })
    }

    /// The pushes that each `await` of the case took, in the order of the steps.
    pub(crate) fn awaited(&self) -> Vec<(usize, Option<&'l Exchange>)> {
        let pushes: Vec<&Exchange> = self.attempt.pushes().collect();
        let mut arrivals: Vec<Arrival> = pushes.iter().map(|push| push.arrival().clone()).collect();
        let mut taken = Vec::new();
        for (index, step) in self.case.step.iter().enumerate() {
            let Some(awaited) = step.awaits else { continue };
            let since = self.case.awaited_from(index).map(|(since, _)| since);
            if self.case.comes_by_itself(index, awaited) {
                let found = take(&mut arrivals, awaited, index, since);
                taken.push((index, found.and_then(|found| pushes.get(found).copied())));
            } else if awaited == Awaited::Message {
                let got = |e: &&Exchange| Some(e.step) == since && self.is_pull(e);
                taken.push((index, self.messages().into_iter().find(got)));
            }
        }
        taken
    }

    /// The events in which waiting ended.
    pub(crate) fn wait_events(&self) -> Vec<u64> {
        self.attempt.waits.values().map(|(seq, _)| *seq).collect()
    }

    /// A deviation that points at an exchange and the bytes that came.
    pub(crate) fn deviation(
        &self,
        exchange: &Exchange,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Outcome {
        self.at(exchange, expected, actual, None, None)
    }

    /// As [`Look::deviation`], with an element and the text that shows it in the received bytes.
    pub(crate) fn at(
        &self,
        exchange: &Exchange,
        expected: impl Into<String>,
        actual: impl Into<String>,
        xpath: Option<&str>,
        shows: Option<&str>,
    ) -> Outcome {
        let mut events = vec![exchange.seq];
        events.extend(exchange.received.as_ref().map(|bytes| bytes.seq));
        events.extend([exchange.last]);
        events.dedup();
        let range = shows.and_then(|text| exchange.received.as_ref().and_then(|bytes| locate(bytes, text)));
        Outcome::Broken(vec![Deviation {
            expected: expected.into(),
            actual: actual.into(),
            events,
            range,
            xpath: xpath.map(str::to_owned),
        }])
    }
}

/// Where a text stands in recorded bytes.
pub(crate) fn locate(bytes: &Bytes, text: &str) -> Option<ByteRange> {
    let start = crate::http::find(&bytes.bytes, text.as_bytes())?;
    Some(ByteRange { event: bytes.seq, start, end: start + text.len() })
}

/// Turns the early end of a check into its outcome.
pub(crate) fn settle(result: Result<Outcome, Outcome>) -> Outcome {
    result.unwrap_or_else(|early| early)
}
