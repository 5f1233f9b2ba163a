//! `carnet explain CASE`: what a case asks, why, how it is tried, what counts as right, and how to mend a node.

use std::process::ExitCode;

use carnet_catalogue::case::{Case, CaseId};
use carnet_catalogue::step::{Action, AnswerKind, Awaited, Connect, Listen, Prompt, Publish, PublishKind, Send, Step};
use carnet_catalogue::{Catalogue, RequirementId};

use crate::catalogue::{self, Own};
use crate::failure::Failure;
use crate::out;

/// Explain one case: requirement and clause, steps, accepted outcomes, how to fix a node that fails it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the case, as `carnet list` shows it.
    case: String,
    #[command(flatten)]
    own: Own,
}

/// Runs `carnet explain`.
///
/// # Errors
/// A case that does not exist, with the nearest that does.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let catalogue = catalogue::load(&args.own)?;
    let (id, case) = catalogue::case(&catalogue, &args.case)?;
    out::print!("{}", text(&catalogue, id, case));
    Ok(ExitCode::SUCCESS)
}

/// The whole explanation.
fn text(catalogue: &Catalogue, id: &CaseId, case: &Case) -> String {
    let mut page = Page::default();
    page.line(0, &format!("{id}"));
    page.line(1, &case.title);
    page.line(1, &format!("{}, the subject as {}", case.level, case.role));
    if !case.tags.is_empty() {
        page.line(1, &format!("tags: {}", case.tags.join(", ")));
    }

    page.head("Verifies");
    for requirement in &case.verifies {
        verifies(&mut page, catalogue, requirement);
    }
    if !case.needs.is_empty() {
        page.head("Needs that the subject claims");
        for need in &case.needs {
            let means = catalogue.capabilities.get(need).map_or("", |capability| capability.means.as_str());
            page.line(1, &format!("{need}: {means}"));
        }
    }
    page.head("Steps");
    for (number, step) in case.step.iter().enumerate() {
        page.line(1, &format!("{}. {}", number + 1, describe(step)));
        for forge in &step.forge {
            let what = toml::to_string(forge).unwrap_or_default().replace('\n', ", ");
            page.line(2, &format!("forged: {}", what.trim_end_matches(", ")));
        }
    }
    for (axis, values) in &case.matrix {
        page.line(1, &format!("once for each {axis}: {}", values.join(", ")));
    }
    page.head("Right is");
    for check in &case.check {
        let level = check.level.map_or_else(String::new, |level| format!(" ({level})"));
        page.line(1, &format!("check {}{level}", check.name));
    }
    for allow in &case.allow {
        page.line(1, &format!("a refusal at layer {}: {} [{}]", allow.layer, allow.code.join(", "), allow.clause));
    }
    if let Some(clause) = &case.either {
        let open = "either is allowed, and reported: a refusal as above, or it is taken and the other checks hold";
        page.line(1, &format!("{open} [{clause}]"));
    }
    if let Some(control) = &case.control {
        page.line(1, &format!("counts only if {control} passes before and after"));
    }
    page.head("Why");
    page.line(1, &case.explain.why);
    page.head("Fix");
    page.line(1, &case.explain.fix);
    page.head("Seen");
    page.line(1, &case.explain.seen);
    if !case.kills.is_empty() {
        page.head("Catches these known-bad nodes");
        for mutant in &case.kills {
            let title = catalogue.mutants.get(mutant).map_or("", |mutant| mutant.title.as_str());
            page.line(1, &format!("{mutant}: {title}"));
        }
    }
    page.0
}

fn verifies(page: &mut Page, catalogue: &Catalogue, id: &RequirementId) {
    let Some(row) = catalogue.requirements.get(id) else { return };
    page.line(1, &format!("{id} ({}, {} {})", row.level, row.source, row.clause));
    page.line(2, &row.statement);
    if let Some(assertion) = &row.assertion {
        page.line(2, &format!("EC test assertion {assertion}"));
    }
    if let Some(ambiguity) = &row.ambiguity {
        page.line(2, &format!("read as: {ambiguity}"));
    }
}

fn describe(step: &Step) -> String {
    let Ok(action) = step.action() else { return String::new() };
    let mut text = match action {
        Action::Send(send) => describe_send(send),
        Action::Offer(offer) => format!("offer, for the subject to pull: {}", describe_send(offer)),
        Action::Connect(connect) => describe_connect(connect),
        Action::Listen(listen) => describe_listen(listen),
        Action::Answer(answer) => {
            let what = match answer.with {
                AnswerKind::Receipt => "a signed receipt".to_owned(),
                AnswerKind::Error => format!("an error {}", answer.code.as_deref().unwrap_or_default()),
                AnswerKind::Nothing => "nothing, and hold the connection".to_owned(),
                AnswerKind::Close => "by closing the connection".to_owned(),
                AnswerKind::Http => format!("with HTTP status {}", answer.status.unwrap_or_default()),
            };
            format!(
                "answer the subject's next {} with {what}",
                if answer.times == 1 { "push".to_owned() } else { format!("{} pushes", answer.times) }
            )
        }
        Action::Publish(publish) => describe_publish(publish),
        Action::Await(awaited) => format!(
            "await {}",
            match awaited {
                Awaited::Receipt => "a receipt",
                Awaited::Error => "an ebMS error",
                Awaited::Answer => "whatever comes",
                Awaited::Message => "a message from the subject",
                Awaited::Pull => "a pull request of the subject",
                Awaited::Connection => "a connection of the subject, however it ends",
                Awaited::Alert => "a TLS alert",
                Awaited::Close => "the end of the connection",
                Awaited::HttpStatus => "an HTTP status",
                Awaited::Nothing => "that no further push comes",
            }
        ),
        Action::Hook(hook) => format!("run the hook {hook:?}").to_lowercase(),
        Action::Prompt(prompt) => match prompt {
            Prompt::Push => {
                "get the subject to send: a message that obliges an answer, else the hook, else the operator"
            }
            Prompt::Submit => "get the subject to submit a message: by hooks.submit, else the operator",
            Prompt::Reply => "get the subject to reply: by hooks.reply, else the operator",
            Prompt::Pull => "get the subject to pull: by hooks.pull, else the operator",
        }
        .to_owned(),
        Action::Restart => "restart the subject".to_owned(),
        Action::Wait(wait) => format!("wait {wait:?}").to_lowercase(),
    };
    if let Some(under) = step.under {
        text += &format!(", of the exchange {}", under.as_str());
    }
    if let Some(speaker) = &step.speaker {
        text += &format!(", as {speaker}");
    }
    if let Some(identity) = step.tls.as_ref().and_then(|tls| tls.identity.as_ref()) {
        text += &format!(", TLS certificate: {identity}");
    }
    if let Some(tls) = &step.tls
        && !tls.versions.is_empty()
    {
        text += &format!(", TLS {}", tls.versions.join(", "));
    }
    if let Some(sign) = &step.sign {
        let choice = toml::to_string(sign).unwrap_or_default().replace('\n', ", ");
        text += &format!(", signature: {}", choice.trim_end_matches(", "));
    }
    if let Some(fault) = &step.fault {
        let fault = toml::to_string(fault).unwrap_or_default().replace('\n', ", ");
        text += &format!(", on the line: {}", fault.trim_end_matches(", "));
    }
    text
}

fn describe_publish(publish: &Publish) -> String {
    let who = if publish.elsewhere { "the other publisher" } else { "the suite's publisher" };
    let what = match publish.with {
        PublishKind::Metadata => {
            let whose = publish.certificate.as_deref().unwrap_or("partner");
            format!("names the suite's endpoint, with the certificate of {whose}")
        }
        PublishKind::Redirect => "names another publisher".to_owned(),
        PublishKind::Http => format!("answers HTTP status {}", publish.status.unwrap_or(404)),
        PublishKind::Nothing => "closes the connection without an answer".to_owned(),
    };
    let padding = publish.padding.map(|padding| format!(", and {padding} spaces after it")).unwrap_or_default();
    format!("from here on {who} {what}{padding}")
}

fn describe_listen(listen: &Listen) -> String {
    if !listen.accept {
        return "close the suite's endpoint".to_owned();
    }
    let presents = listen.identity.as_deref().unwrap_or("its own certificate");
    let mut text = format!("from here on the suite's endpoint presents {presents}");
    for (what, values) in [("TLS", &listen.versions), ("the suites", &listen.suites)] {
        if !values.is_empty() {
            text += &format!(", with {what} {} only", values.join(", "));
        }
    }
    text
}

fn describe_send(send: &Send) -> String {
    if send.ping {
        return "send the ebMS test message".to_owned();
    }
    if let Some(step) = &send.again {
        return format!("send the request of step {step} again, byte for byte");
    }
    if send.pull {
        let channel = send.mpc.as_deref().unwrap_or("the agreed channel");
        return format!(
            "send {} for {channel}",
            if send.twice { "two pull requests at once" } else { "a pull request" }
        );
    }
    if let Some(step) = &send.receipt_of {
        return format!("send the receipt for what step {step} pulled");
    }
    if let Some(step) = &send.reply_to {
        return format!("send the subject's sample document in reply to the message of step {step}");
    }
    match (&send.pack, &send.message) {
        (Some(pack), Some(message)) => format!("send {pack} {message}"),
        _ => "send the subject's sample document".to_owned(),
    }
}

fn describe_connect(connect: &Connect) -> String {
    match (&connect.hello, &connect.text, &connect.hex, connect.zeros) {
        (Some(hello), ..) => format!("send a raw ClientHello: {hello}"),
        (None, None, None, None) => "make a TLS handshake and nothing more".to_owned(),
        _ => format!("connect over {:?} and send bytes of the case's own", connect.over).to_lowercase(),
    }
}

/// Wrapped, indented text.
#[derive(Default)]
struct Page(String);

impl Page {
    const WIDTH: usize = 100;

    fn head(&mut self, title: &str) {
        self.0 += "\n";
        self.line(0, title);
    }

    fn line(&mut self, depth: usize, text: &str) {
        let indent = "  ".repeat(depth);
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > Self::WIDTH {
                self.0 += &format!("{indent}{line}\n");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        self.0 += &format!("{indent}{line}\n");
    }
}
