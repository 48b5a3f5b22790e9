//! Lost referrals in the demo: claims in each of their states, a client whom staff gave to a partner, and a damaged code
//! that somebody followed.

use anyhow::Context;
use domain::{
    attribution::Method,
    clock::{DAY, HOUR, SECOND},
    money::Money,
    permission::Role,
    referral_code::{Reading, ReferralCode},
};
use store::{Tx, claims::NewClaim};

use super::{
    cast::{ADAEZE, CHIARA, DMITRI, GRETA, HANNAH, MARA, PRIYA, THOMAS},
    life::World,
    story::{Came, Event, Plot},
};
use crate::{
    app::Env,
    ops::{
        attribution::{self, Decision},
        claims, clicks,
    },
};

/// Something that happens to a client whose link was lost.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Somebody follows a partner's link in which two neighbouring letters were swapped.
    Swapped(usize),
    /// A partner files the claim of a line, to a client of the story.
    File { line: usize, client: usize },
    /// Sales accepts it.
    Accept { line: usize, client: usize },
    /// Sales rejects it.
    Reject { line: usize },
    /// The partner takes it back.
    Withdraw { line: usize },
    /// Sales gives a client to a partner.
    Assign { client: usize, to: usize },
    /// A client says a partner's code on the telephone.
    Said { client: usize, code: usize },
}

/// A claim: who files it, what is said, and what sales says to it.
struct Line {
    partner: usize,
    how: &'static str,
    evidence: &'static str,
    ruling: &'static str,
}

const ACCEPTED: usize = 0;
const REJECTED: usize = 1;
const WITHDRAWN: usize = 2;
const OVERDUE: usize = 3;
const OPEN: usize = 4;

const LINES: [Line; 5] = [
    Line {
        partner: MARA,
        how: "By mail, after a talk at the trade fair",
        evidence: "We spoke after my talk and I mailed the link the same evening. They answered: \"We have just written to \
                   your agency, thank you.\" I can forward both mails.",
        ruling: "The mails of that evening show it: the client was sent by the partner who claims, and clicked another \
                 link later only to find our address again.",
    },
    Line {
        partner: MARA,
        how: "In my newsletter",
        evidence: "I wrote about you in my newsletter that week, and they read it.",
        ruling: "What you write doesn't show yet that this contact came through you. If you have a message in which \
                 they say so, please file the claim again and put its words into it.",
    },
    Line {
        partner: PRIYA,
        how: "By Telegram",
        evidence: "Sent her the link, she said that she filled in the form.",
        ruling: "",
    },
    Line {
        partner: CHIARA,
        how: "By WhatsApp, typed from my phone",
        evidence: "I typed the link by hand and may have got it wrong. She told me the same day that the page asked her \
                   who had recommended you, and that she didn't know what to write.",
        ruling: "",
    },
    Line {
        partner: MARA,
        how: "On the telephone, then the link on LinkedIn",
        evidence: "He told me on the telephone that he would write to you, and the day after that he had. He may have \
                   searched for you instead of following my link.",
        ruling: "",
    },
];

/// How many minutes after the damaged link was followed the client left the contact.
const MINUTES: i64 = 12;

impl Plot {
    /// Plans what happens to clients whose link was lost.
    pub fn lost_referrals(&mut self) {
        let step = Event::Lost;
        // Came by Dmitri's link, was won, and goes to Mara with the commission.
        let at = self.at(250, 9, 18);
        let client = self.client(at, Some((DMITRI, Came::Link(2 * HOUR))));
        let (won, filed, ruled) = (self.office(262), self.office(285), self.office(289));
        self.add(won, Event::Win { deal: client, amount: Money::from_minor(840_000) });
        self.add(filed, step(Step::File { line: ACCEPTED, client }));
        self.add(ruled, step(Step::Accept { line: ACCEPTED, client }));
        // Nothing shows that this one is Mara's.
        let at = self.at(312, 9, 18);
        let client = self.client(at, Some((ADAEZE, Came::Link(26 * HOUR))));
        let (filed, ruled) = (self.office(318), self.office(321));
        self.add(filed, step(Step::File { line: REJECTED, client }));
        self.add(ruled, step(Step::Reject { line: REJECTED }));
        // Priya has claimed somebody who was hers already, and has noticed.
        let at = self.at(226, 9, 18);
        let client = self.client(at, Some((PRIYA, Came::Code)));
        let filed = self.office(229);
        self.add(filed, step(Step::File { line: WITHDRAWN, client }));
        self.add(filed.plus(2 * HOUR), step(Step::Withdraw { line: WITHDRAWN }));
        // A damaged link leads to the form, and nobody has answered Chiara's claim in time.
        let now = self.now;
        let came = now.plus(-13 * DAY - 3 * HOUR);
        self.events.push((came, step(Step::Swapped(CHIARA))));
        let client = self.client(came.plus(MINUTES * 60 * SECOND), None);
        self.clients[client].contacts = [true, true, false];
        self.events.push((now.plus(-11 * DAY - HOUR), step(Step::File { line: OVERDUE, client })));
        // Came by Hannah's link; whether Mara's word weighs more is still open.
        let client = self.client(now.plus(-3 * DAY - 5 * HOUR), Some((HANNAH, Came::Link(40 * 60 * SECOND))));
        self.clients[client].contacts = [true, true, false];
        self.events.push((now.plus(-DAY - 2 * HOUR), step(Step::File { line: OPEN, client })));
        // Came alone, was given to Thomas on his word, and then had a code of Greta's in the hand.
        let at = self.at(270, 9, 18);
        let client = self.client(at, None);
        let (assigned, said, won) = (self.office(272), self.office(277), self.office(295));
        self.add(assigned, step(Step::Assign { client, to: THOMAS }));
        self.add(said, step(Step::Said { client, code: GRETA }));
        self.add(won, Event::Win { deal: client, amount: Money::from_minor(520_000) });
    }
}

impl Step {
    /// Does it.
    ///
    /// # Errors
    /// When an operation refuses what the story wants: a defect of the story.
    pub fn happen(self, tx: &mut Tx, env: &Env, world: &World) -> anyhow::Result<()> {
        match self {
            Step::Swapped(partner) => {
                let letters = swapped(world.partner(partner)?.code)?;
                clicks::keep_damaged(tx, env, &letters, "web.whatsapp.com")?;
            }
            Step::File { line, client } => file(tx, env, world, line, client)?,
            Step::Accept { line, client } => {
                let (by, number) = (world.actor(Role::Sales, line)?, number(tx, world, line)?);
                let client = world.clients[client];
                let evidence = claims::evidence(tx, number, client)?;
                claims::accept(tx, env, &by, number, client, &evidence, LINES[line].ruling)?;
            }
            Step::Reject { line } => {
                let (by, number) = (world.actor(Role::Sales, line)?, number(tx, world, line)?);
                claims::reject(tx, env, &by, number, LINES[line].ruling)?;
            }
            Step::Withdraw { line } => {
                let number = number(tx, world, line)?;
                claims::withdraw(tx, env, &world.partner(LINES[line].partner)?.id, number)?;
            }
            Step::Assign { client, to } => {
                let reason =
                    "The partner called before the client wrote, and described the project in detail.";
                let decision = decision(world, client, to, Method::Staff, reason)?;
                attribution::assign(tx, env, &world.actor(Role::Sales, client)?, &decision)?;
            }
            Step::Said { client, code } => {
                let reading = Reading { code: world.partner(code)?.code, repaired_from: None };
                let reason =
                    "The client gave a partner's code. It stands on a card that the partner had handed out.";
                let decision =
                    Decision { code: Some(reading), ..decision(world, client, code, Method::Code, reason)? };
                attribution::assign(tx, env, &world.actor(Role::Sales, client)?, &decision)?;
            }
        }
        Ok(())
    }
}

fn decision(
    world: &World,
    client: usize,
    to: usize,
    method: Method,
    reason: &str,
) -> anyhow::Result<Decision> {
    Ok(Decision {
        client: world.clients[client],
        to: Some(world.partner(to)?.id.clone()),
        method,
        code: None,
        claim: None,
        evidence: String::new(),
        reason: reason.to_owned(),
    })
}

/// What the story calls the form of a claim.
fn submission(line: usize) -> String {
    format!("demo-{line}")
}

fn number(tx: &mut Tx, world: &World, line: usize) -> anyhow::Result<i64> {
    let partner = &world.partner(LINES[line].partner)?.id;
    store::claims::by_submission(tx, partner, &submission(line))?.context("the claim was not filed yet")
}

/// Partners know their clients nearly: the name without the company, an address with other capitals.
fn file(tx: &mut Tx, env: &Env, world: &World, line: usize, client: usize) -> anyhow::Result<()> {
    let found = store::clients::by_number(tx, world.clients[client])?.context("the client has come")?;
    let name = found.name.split(',').next().unwrap_or(&found.name).to_owned();
    // Without the country, as people say it.
    let phone = found.phone.split_once(' ').map_or("", |(_, number)| number).to_owned();
    let contact = match line {
        OVERDUE | OPEN => phone,
        // A mailbox that nobody has written from.
        REJECTED => "office@harbour-and-sons.example".to_owned(),
        _ => found.email.to_uppercase(),
    };
    let Line { partner, how, evidence, .. } = LINES[line];
    let claim = NewClaim {
        partner_id: world.partner(partner)?.id.clone(),
        submission: submission(line),
        client_name: name,
        client_contact: contact,
        sent_on: found.created_at.day(),
        how: how.into(),
        evidence: evidence.into(),
    };
    claims::file(tx, env, &claim)?;
    Ok(())
}

/// A code as somebody typed it whose fingers were faster than the eyes.
fn swapped(code: ReferralCode) -> anyhow::Result<String> {
    let mut letters: Vec<char> = code.to_string().chars().collect();
    let place = letters.windows(2).position(|two| two[0] != two[1]).context("eight equal letters")?;
    letters.swap(place, place + 1);
    Ok(letters.into_iter().collect())
}
