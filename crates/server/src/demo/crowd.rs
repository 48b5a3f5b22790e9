//! Everybody beside the people of the story: as many partners and clients as a demo is to have, who come, buy, ask and
//! are paid in the same year and through the same operations. Nobody knows them by name, so they are made up as the
//! days go by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    clock::{DAY, Day, SECOND, Timestamp},
    money::Money,
    referral_code::ReferralCode,
};

use super::{
    life::Waiting,
    names,
    random::Rng,
    size::{Quota, Size},
    story::{Came, Story, TODAY, amount, until_office, weekday},
};

/// A partner of the crowd.
#[derive(Debug, Clone)]
pub struct Member {
    /// First and last name.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// The day of the story on which the partner signs up.
    joins: i64,
    /// How much of what happens by chance happens to this partner.
    weight: u64,
}

/// A member who has signed up.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Who it is, by place among the members.
    pub place: usize,
    /// The account's identifier.
    pub id: Arc<str>,
    /// The referral code.
    pub code: ReferralCode,
    /// When.
    pub at: Timestamp,
    /// The weights of all who have signed up by then, with this one.
    weights: u64,
}

/// Something that happens in the crowd. Members are places among those who have signed up.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A member signs up, by place among all.
    Join(usize),
    /// A client sends the contact form, sent by a member or by nobody.
    Contact(Option<(usize, Came)>),
    /// Sales opens another deal with a client who came some time ago.
    FurtherDeal,
    /// Sales wins a deal.
    Win(i64),
    /// Sales loses a deal.
    Lose(i64),
    /// A client is given a part of the money back.
    Refund(i64, Money),
    /// A member asks for what is available, if that is enough.
    Ask(usize),
    /// Finance decides about a withdrawal.
    Decide(Waiting),
    /// A member writes to the company.
    Feedback(usize),
    /// Support deals with a message.
    FeedbackDone(String),
    /// A member asks support.
    Request(usize, usize),
    /// The office answers, or closes, a request.
    Answer(i64, usize),
    /// A member claims a client.
    Claim(usize),
    /// The office refuses a claim.
    RejectClaim(i64),
    /// The office suspends a member.
    Suspend(usize),
}

/// What everybody is to do, and where that stands. Cloned for each day, because a day's transaction may run again.
#[derive(Debug, Clone)]
pub struct Crowd {
    plan: Arc<Plan>,
    /// In the order in which they signed up.
    pub linked: Vec<Linked>,
    /// What is still to happen, in order; the number keeps apart what happens at one moment.
    queue: BTreeMap<(Timestamp, u64), Happening>,
    queued: u64,
    /// Client numbers as they stood at the beginning of each day.
    numbers: Vec<i64>,
    /// Members who are suspended.
    pub suspended: BTreeSet<usize>,
    /// The day's chance, apart from the story's, which is the same with a crowd and without.
    pub rng: Rng,
}

/// What doesn't change.
#[derive(Debug)]
struct Plan {
    seed: u64,
    first: Day,
    now: Timestamp,
    members: Vec<Member>,
    clients: Quota,
    further: Quota,
    /// Of all visits, the story's own included.
    clicks: Quota,
}

/// For how many days a client is left alone before another deal.
const COME_AGAIN: usize = 40;
/// What happens in the last minutes (in microseconds) is left to the story.
const LATELY: i64 = 10 * 60 * SECOND;

impl Crowd {
    /// Makes up a crowd that fills a story up to a size.
    pub fn new(story: &Story, size: Size) -> Crowd {
        let mut rng = Rng::new(story.seed, 30_000);
        let count = size.partners.saturating_sub(story.cast.len());
        let members = (0..count).map(|rank| Member::new(&mut rng, rank, count)).collect();
        let clients = size.clients.saturating_sub(story.clients.len());
        let further = size.deals.saturating_sub(story.deals + clients);
        // The last day is as long as the hour says.
        let part = |day: i64| {
            if day < TODAY { 100 } else { (story.now.since(story.now.day().start()) * 100 / DAY).max(1) }
        };
        let busy = |days: [u64; 7], from: i64| {
            let first = story.first;
            (0..=TODAY).map(move |day| {
                let weekday = days[weekday(Day(first.0 + day))];
                let part = part(day);
                if day < from {
                    0
                } else {
                    weekday * u64::try_from((120 + day) * part).expect("days count up")
                }
            })
        };
        let plan = Plan {
            seed: story.seed,
            first: story.first,
            now: story.now,
            members,
            clients: Quota::new(busy([110, 115, 112, 105, 90, 40, 35], 1), clients),
            further: Quota::new(busy([110, 115, 112, 105, 90, 0, 0], COME_AGAIN as i64 + 20), further),
            clicks: Quota::new(
                busy([108, 114, 112, 106, 92, 58, 54], 1),
                usize::try_from(size.clicks).unwrap_or(0),
            ),
        };
        let (linked, queue, numbers) = (Vec::with_capacity(count), BTreeMap::new(), Vec::new());
        let suspended = BTreeSet::new();
        Crowd { plan: Arc::new(plan), linked, queue, queued: 0, numbers, suspended, rng }
    }

    /// The member with a place.
    pub fn member(&self, place: usize) -> &Member {
        &self.plan.members[place]
    }

    /// The member to whom most happens.
    pub fn largest(&self) -> Option<&Member> {
        self.plan.members.first()
    }

    /// Makes up what begins on a day. `next_number` is the number that the next client will have.
    pub fn plan_day(&mut self, number: usize, next_number: i64) {
        let plan = self.plan.clone();
        let mut rng = Rng::new(plan.seed, 40_000 + number as u64);
        self.rng = Rng::new(plan.seed, 50_000 + number as u64);
        self.numbers.push(next_number);
        let day = number as i64;
        for (place, _) in plan.members.iter().enumerate().filter(|(_, member)| member.joins == day) {
            self.add(plan.moment(&mut rng, day, 8, 20), Happening::Join(place));
        }
        for _ in 0..plan.clients.of(number) {
            let sender = self.sender(&mut rng);
            self.add(plan.moment(&mut rng, day, 6, 23), Happening::Contact(sender));
        }
        for _ in 0..plan.further.of(number) {
            self.add(plan.moment(&mut rng, day, 8, 17), Happening::FurtherDeal);
        }
        for place in 0..self.linked.len() {
            // About once a month each member looks whether there is enough to be paid.
            let since = day - plan.members[self.linked[place].place].joins - 30;
            if since >= 0 && since % 30 == (place % 30) as i64 {
                self.add(plan.moment(&mut rng, day, 8, 21), Happening::Ask(place));
            }
        }
        self.plan_letters(&mut rng, &plan, day);
    }

    /// Feedback, requests, claims and suspensions: in the same proportion whatever the size.
    fn plan_letters(&mut self, rng: &mut Rng, plan: &Plan, day: i64) {
        for place in 0..self.linked.len() {
            let at = plan.moment(rng, day, 7, 22);
            match rng.index(20_000) {
                0..=19 => self.add(at, Happening::Feedback(place)),
                20..=49 => {
                    let line = rng.index(6);
                    self.add(at, Happening::Request(place, line));
                }
                50..=54 => self.add(at, Happening::Claim(place)),
                // The largest ones are looked after too well for that.
                55 if rng.percent(30) && place > 100 => self.add(at, Happening::Suspend(place)),
                _ => {}
            }
        }
    }

    fn add(&mut self, at: Timestamp, happening: Happening) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happening);
    }

    /// Adds what follows some days from a moment on, on a working day; not at all if that is still to come.
    pub fn later(&mut self, rng: &mut Rng, now: Timestamp, days: i64, happening: Happening) {
        let plan = self.plan.clone();
        let day = Day(now.day().0 + days);
        let number = day.0 + until_office(day) - plan.first.0;
        let at = plan.moment_unbound(rng, number, 8, 17);
        self.at(at.max(now.plus(SECOND)), happening);
    }

    /// Adds what happens at a moment; not at all if that is still to come.
    pub fn at(&mut self, at: Timestamp, happening: Happening) {
        if at <= self.plan.now.plus(-LATELY) {
            self.add(at, happening);
        }
    }

    /// The next thing that has happened by a moment.
    pub fn next(&mut self, until: Timestamp) -> Option<(Timestamp, Happening)> {
        let first = self.queue.first_entry().filter(|first| first.key().0 <= until)?;
        let at = first.key().0;
        Some((at, first.remove()))
    }

    /// A member has signed up.
    pub fn joined(&mut self, place: usize, id: &str, code: ReferralCode, at: Timestamp) {
        let before = self.linked.last().map_or(0, |last| last.weights);
        let weights = before + self.plan.members[place].weight;
        self.linked.push(Linked { place, id: id.into(), code, at, weights });
    }

    /// One of those who have signed up, as likely as their weight says.
    pub fn pick(&self, rng: &mut Rng) -> Option<usize> {
        let all = self.linked.last()?.weights;
        let drawn = rng.draw() % all.max(1);
        Some(self.linked.partition_point(|linked| linked.weights <= drawn).min(self.linked.len() - 1))
    }

    /// The number of a client who may come again.
    pub fn comes_again(&self, rng: &mut Rng) -> Option<i64> {
        let until = *self.numbers.get(self.numbers.len().checked_sub(COME_AGAIN)?)?;
        let from = *self.numbers.first()?;
        (until > from).then(|| rng.between(from, until - 1))
    }

    /// How many visits there are to have been by the end of a day.
    pub fn clicks_up_to(&self, number: usize) -> i64 {
        i64::try_from(self.plan.clicks.up_to(number)).unwrap_or(i64::MAX)
    }

    fn sender(&self, rng: &mut Rng) -> Option<(usize, Came)> {
        if rng.percent(6) {
            return None;
        }
        let partner = self.pick(rng)?;
        let came = match rng.between(1, 100) {
            1..=78 => Came::Link(rng.between(60, 12 * 86_400) * SECOND),
            79..=80 => Came::MisspeltLink,
            81..=97 => Came::Code,
            _ => Came::MisspeltCode,
        };
        Some((partner, came))
    }
}

impl Member {
    /// The member of a rank: the first ones bring most, as everywhere (each as much as its rank says, 1, 1/2, 1/3).
    fn new(rng: &mut Rng, rank: usize, count: usize) -> Member {
        let (first, last) = names::first_and_last(rng);
        let joins = match rank * 20 < count {
            true => rng.between(0, 14),
            // Fewer in the first months than later.
            false => rng.between(0, TODAY - 1).max(rng.between(0, TODAY - 1)),
        };
        Member {
            name: format!("{first} {last}"),
            email: format!("{}{}@example.com", names::handle(first, last), rank + 1),
            joins,
            weight: 1_000_000_000 / (rank as u64 + 1),
        }
    }
}

impl Plan {
    /// A moment of a day between two hours; of today one that has gone by.
    fn moment(&self, rng: &mut Rng, day: i64, from_hour: i64, to_hour: i64) -> Timestamp {
        let at = self.moment_unbound(rng, day, from_hour, to_hour);
        let latest = self.now.plus(-LATELY);
        if at <= latest {
            return at;
        }
        let start = Day(self.first.0 + day).start();
        let passed = latest.since(start) / SECOND;
        if passed > 0 { start.plus(rng.between(0, passed) * SECOND) } else { latest }
    }

    fn moment_unbound(&self, rng: &mut Rng, day: i64, from_hour: i64, to_hour: i64) -> Timestamp {
        let second = rng.between(from_hour * 3_600, to_hour * 3_600 - 1);
        // Not all in the same microsecond of a second.
        Day(self.first.0 + day).start().plus(second * SECOND + rng.between(0, SECOND - 1))
    }
}

/// When a deal ends and whether it is won, as a story's deals do.
pub fn outcome(crowd: &mut Crowd, rng: &mut Rng, now: Timestamp, deal: i64) {
    let days = rng.between(2, 18) + rng.between(0, 20);
    let happening = if rng.percent(54) { Happening::Lose(deal) } else { Happening::Win(deal) };
    crowd.later(rng, now, days, happening);
}

/// What a won deal comes to, and perhaps a refund some weeks later.
pub fn price(crowd: &mut Crowd, rng: &mut Rng, now: Timestamp, deal: i64) -> Money {
    let amount = amount(rng);
    if rng.per_mille(15) {
        let share = Money::from_minor(amount.minor() * rng.between(2, 12) / 2_000 * 100);
        let days = rng.between(8, 24);
        crowd.later(rng, now, days, Happening::Refund(deal, share.max(Money::from_minor(100))));
    }
    amount
}
