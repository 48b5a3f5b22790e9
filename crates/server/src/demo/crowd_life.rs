//! Living with the crowd: what its people do, each through the operation that a page would use.

use anyhow::Context;
use domain::{
    clock::{DAY, Day, HOUR, SECOND, Timestamp},
    permission::Role,
    support::TicketKind,
    text::{Email, Message, Name},
    wallet::WalletKind,
};
use store::{claims::NewClaim, clicks::Click, params};

use super::{
    clicks::HOURS,
    crowd::{self, Crowd, Happening, Linked},
    life::{Today, Waiting, misread},
    names,
    random::Rng,
    story::Came,
    words,
};
use crate::{
    app::Env,
    ops::{
        Actor,
        accounts::{self, SignUp},
        claims,
        clients::{self, Contact},
        deals, feedback, partners, sessions,
        support::{self, Seen, SignedIn},
        wallets,
    },
};

/// The days of which the crowd's letters are written, before those that would still wait to be sent.
const TOLD: (i64, i64) = (10 * DAY, 2 * DAY);
/// How many visits are kept at once.
const VISITS: usize = 5_000;
/// How often somebody who comes again is looked for.
const LOOKS: usize = 200;

impl Today<'_, '_, '_> {
    /// Makes up what begins today in the crowd.
    pub(super) fn crowd_wakes(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(crowd) = &mut self.world.crowd else { return Ok(()) };
        let newest = self.tx.opt("SELECT number FROM client ORDER BY number DESC LIMIT 1", params![])?;
        let next = newest.map_or(Ok(1_001), |row| row.get::<i64>(0).map(|number| number + 1))?;
        crowd.plan_day(number, next);
        Ok(())
    }

    /// Lets everything happen that has happened in the crowd by a moment.
    pub(super) fn crowd_lives(&mut self, until: Timestamp) -> anyhow::Result<()> {
        let Some(mut crowd) = self.world.crowd.take() else { return Ok(()) };
        std::mem::swap(&mut self.rng, &mut crowd.rng);
        while let Some((at, happening)) = crowd.next(until) {
            let passed = self.story.now.since(at);
            let quiet = passed > TOLD.0 || passed < TOLD.1;
            let env = Env { quiet, ..self.env(at) };
            self.crowd_does(&mut crowd, &env, &happening)
                .with_context(|| format!("{happening:?} on {}", at.rfc3339()))?;
        }
        std::mem::swap(&mut self.rng, &mut crowd.rng);
        self.world.crowd = Some(crowd);
        Ok(())
    }

    fn crowd_does(&mut self, crowd: &mut Crowd, env: &Env, happening: &Happening) -> anyhow::Result<()> {
        let sales = |today: &Self, deal: i64| today.world.actor(Role::Sales, usize::try_from(deal)?);
        match happening {
            Happening::Join(place) => self.member_joins(crowd, env, *place)?,
            Happening::Contact(sender) => self.somebody_comes(crowd, env, *sender)?,
            Happening::FurtherDeal => self.somebody_comes_again(crowd, env)?,
            Happening::Win(deal) => {
                let amount = crowd::price(crowd, &mut self.rng, env.now, *deal);
                deals::win(self.tx, env, &sales(self, *deal)?, *deal, amount)?;
            }
            Happening::Lose(deal) => {
                let reason = self.rng.pick(&words::LOST);
                deals::lose(self.tx, env, &sales(self, *deal)?, *deal, reason)?;
            }
            Happening::Refund(deal, amount) => {
                let reason = self.rng.pick(&words::REFUNDS);
                deals::refund(self.tx, env, &sales(self, *deal)?, *deal, *amount, reason)?;
            }
            Happening::Ask(place) if crowd.suspended.contains(place) => {}
            Happening::Ask(place) => {
                let percent = if self.rng.percent(65) { 100 } else { self.rng.between(50, 90) };
                if let Some((id, kind)) = self.ask_for(env, &crowd.linked[*place].id, percent)? {
                    let due = env.now.plus(self.rng.between(3, 40) * HOUR + self.rng.between(0, HOUR));
                    let rejected = self.rng.percent(4).then(|| words::rejected(kind));
                    crowd.at(due, Happening::Decide(Waiting { due, id, kind, rejected }));
                }
            }
            Happening::Decide(waiting) => self.decide(env, waiting)?,
            Happening::Feedback(place) => self.member_writes(crowd, env, *place)?,
            Happening::FeedbackDone(id) => {
                let support = self.world.actor(Role::Support, 0)?;
                feedback::set_done(self.tx, env, &support, id, true)?;
            }
            Happening::Request(place, line) => self.member_asks(crowd, env, *place, *line)?,
            Happening::Answer(number, line) => {
                let request = &words::REQUESTS[*line];
                let role = if request.financial { Role::Finance } else { Role::Support };
                let by = self.world.actor(role, *line)?;
                let seen = Seen { number: *number, version: None };
                support::answer(self.tx, env, &by, seen, &Message::parse(request.answer)?)?;
                if self.rng.percent(80) {
                    let later = Env { now: env.now.plus(60 * SECOND), ..env.clone() };
                    support::set_closed(self.tx, &later, &by, seen, true)?;
                }
            }
            Happening::Claim(place) if crowd.suspended.contains(place) => {}
            Happening::Claim(place) => self.member_claims(crowd, env, *place)?,
            Happening::RejectClaim(number) => {
                let by = self.world.actor(Role::Sales, usize::try_from(*number)?)?;
                claims::reject(self.tx, env, &by, *number, words::CLAIM_REFUSED)?;
            }
            Happening::Suspend(place) => {
                let by = self.world.actor(Role::Finance, 0)?;
                if crowd.suspended.insert(*place) {
                    partners::suspend(self.tx, env, &by, &crowd.linked[*place].id, words::SUSPENDED)?;
                }
            }
        }
        Ok(())
    }

    fn member_joins(&mut self, crowd: &mut Crowd, env: &Env, place: usize) -> anyhow::Result<()> {
        let member = crowd.member(place).clone();
        let input = SignUp {
            name: Name::parse(&member.name)?,
            email: Email::parse(&member.email)?,
            password_hash: self.world.password_hash(),
            user_agent: String::new(),
        };
        let joined = accounts::sign_up(self.tx, env, &input)?;
        sessions::close(self.tx, &joined.token)?;
        if self.rng.percent(85) || place == 0 {
            // Addresses of other kinds that belong to nobody are few.
            let (kind, label, address) = if self.rng.percent(80) {
                (WalletKind::Paypal, "PayPal", member.email.clone())
            } else {
                (
                    WalletKind::Other,
                    "Credit note",
                    "Please set it off against our invoices with you.".to_owned(),
                )
            };
            let by = Actor::partner(&joined.partner_id, &member.name);
            let add = wallets::Change::Add { kind, label: label.to_owned(), address };
            wallets::save(self.tx, env, &by, &[add], None)?;
        }
        crowd.joined(place, &joined.partner_id, joined.code, env.now);
        self.world.made.partners += 1;
        Ok(())
    }

    fn somebody_comes(
        &mut self,
        crowd: &mut Crowd,
        env: &Env,
        sender: Option<(usize, Came)>,
    ) -> anyhow::Result<()> {
        let person = names::one_of_many(&mut self.rng);
        let (phone, telegram) = (self.rng.percent(55), self.rng.percent(25));
        let email = self.rng.percent(90) || !(phone || telegram);
        let kept = |given: bool, text: String| if given { text } else { String::new() };
        let mut contact = Contact {
            name: person.name,
            email: kept(email, person.email),
            phone: kept(phone, person.phone),
            telegram: kept(telegram, person.telegram),
            message: self.rng.pick(&words::CONTACTS).to_owned(),
            submission: Some(env.ids.secret()),
            ..Contact::default()
        };
        if let Some((place, came)) = sender {
            let Linked { code, at, .. } = crowd.linked[place];
            self.sent_by(env, &mut contact, came, code, at);
        }
        let received = clients::receive(self.tx, env, &contact)?;
        let deal = received.deal_number.context("a client comes with a deal")?;
        crowd::outcome(crowd, &mut self.rng, env.now, deal);
        self.world.made.clients += 1;
        self.world.made.deals += 1;
        Ok(())
    }

    /// Another deal with a client of the crowd, if one is found.
    fn somebody_comes_again(&mut self, crowd: &mut Crowd, env: &Env) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            let Some(number) = crowd.comes_again(&mut self.rng) else { return Ok(()) };
            let found = store::clients::by_number(self.tx, number)?;
            let Some(partner) = found.and_then(|client| client.partner) else { continue };
            // What is told about the people of the story stays true.
            if self.world.is_of_story(&partner.id) {
                continue;
            }
            let by = self.world.actor(Role::Sales, usize::try_from(number)?)?;
            let title = self.rng.pick(&words::TITLES);
            let deal = clients::add_deal(self.tx, env, &by, number, title)?;
            crowd::outcome(crowd, &mut self.rng, env.now, deal);
            self.world.made.deals += 1;
            return Ok(());
        }
        Ok(())
    }

    fn member_writes(&mut self, crowd: &mut Crowd, env: &Env, place: usize) -> anyhow::Result<()> {
        let (mood, page, message) = words::FEEDBACK[self.rng.index(words::FEEDBACK.len())];
        let id = crowd.linked[place].id.clone();
        feedback::send(self.tx, env, &id, &Message::parse(message)?, page, mood)?;
        let newest = store::feedback::list(self.tx, false, None, 1)?;
        let done = Happening::FeedbackDone(newest.first().context("it was just kept")?.id.clone());
        crowd.later(&mut self.rng, env.now, 1, done);
        Ok(())
    }

    fn member_asks(&mut self, crowd: &mut Crowd, env: &Env, place: usize, line: usize) -> anyhow::Result<()> {
        let linked = crowd.linked[place].clone();
        let member = crowd.member(linked.place);
        let request = &words::REQUESTS[line];
        let ask = support::Ask {
            partner: Some(SignedIn { id: linked.id.to_string(), email: member.email.clone() }),
            name: Name::parse(&member.name)?,
            email: Email::parse(&member.email)?,
            kind: if request.financial { TicketKind::Financial } else { TicketKind::Technical },
            concerns: String::new(),
            message: Message::parse(request.message)?,
            submission: Some(env.ids.secret()),
        };
        let number = support::ask(self.tx, env, &ask)?;
        let soon = env.now.plus(self.rng.between(600, 7_200) * SECOND);
        crowd.at(soon, Happening::Answer(number, line));
        Ok(())
    }

    fn member_claims(&mut self, crowd: &mut Crowd, env: &Env, place: usize) -> anyhow::Result<()> {
        let person = names::one_of_many(&mut self.rng);
        let claim = NewClaim {
            partner_id: crowd.linked[place].id.to_string(),
            submission: env.ids.secret(),
            client_name: person.name,
            client_contact: person.email,
            sent_on: Day(env.now.day().0 - self.rng.between(1, 20)),
            how: words::CLAIM_HOW.to_owned(),
            evidence: String::new(),
        };
        let number = claims::file(self.tx, env, &claim)?;
        crowd.later(&mut self.rng, env.now, 2, Happening::RejectClaim(number));
        Ok(())
    }

    /// The day's visits through the links of the crowd, up to a moment.
    pub(super) fn crowd_visits(&mut self, number: usize, until: Timestamp) -> anyhow::Result<()> {
        let Some(crowd) = &self.world.crowd else { return Ok(()) };
        let mut rng = crowd.rng.clone();
        let day = Day(until.plus(-1).day().0);
        let mut people = crowd.clicks_up_to(number) - self.world.clicks;
        let mut visits = Vec::new();
        while people > 0 {
            let Some(place) = crowd.pick(&mut rng) else { return Ok(()) };
            let automatic = rng.percent(7);
            people -= i64::from(!automatic);
            visits.push(Visited {
                at: moment(&mut rng, day, until).max(crowd.linked[place].at.plus(SECOND)),
                place,
                repaired_from: rng
                    .per_mille(5)
                    .then(|| misread(crowd.linked[place].code, &mut rng).repaired_from)
                    .flatten(),
                source: rng.pick(&words::SOURCES),
                automatic,
            });
        }
        visits.sort_by_key(|visit| visit.at);
        // Those of the story are a few hundred a day: no two clicks of a day get the same number.
        let mut draw = 10_000;
        for visits in visits.chunks(VISITS) {
            let clicks: Vec<Click> = visits.iter().map(|visit| visit.click(&crowd.linked)).collect();
            store::clicks::insert_many(self.tx, &clicks, draw)?;
            draw += u32::try_from(visits.len())?;
            self.world.clicks += visits.iter().map(|visit| i64::from(!visit.automatic)).sum::<i64>();
        }
        Ok(())
    }
}

/// A visit through the link of a member.
struct Visited {
    at: Timestamp,
    place: usize,
    repaired_from: Option<String>,
    source: &'static str,
    automatic: bool,
}

impl Visited {
    fn click<'a>(&'a self, linked: &'a [Linked]) -> Click<'a> {
        Click {
            partner_id: &linked[self.place].id,
            repaired_from: self.repaired_from.as_deref(),
            source: self.source,
            place: "",
            automatic: self.automatic,
            at: self.at,
        }
    }
}

/// A moment of a day, at some hours likelier than at others; of today one that has gone by.
fn moment(rng: &mut Rng, day: Day, until: Timestamp) -> Timestamp {
    let hour = rng.weighted(&HOURS).and_then(|hour| i64::try_from(hour).ok()).unwrap_or(12);
    let at = day.start().plus(hour * HOUR + rng.between(0, HOUR - 1));
    if at < until { at } else { day.start().plus(rng.between(0, until.since(day.start()) - 1)) }
}
