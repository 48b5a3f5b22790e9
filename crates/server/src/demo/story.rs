//! What happens in the year of the demo, planned before anything is done: who signs up when, which client comes to
//! whom, how each deal ends. What depends on balances (withdrawals) is decided when the day has come.

use domain::{
    clock::{DAY, Day, HOUR, SECOND, Timestamp},
    money::Money,
};

use super::{
    cast::{self, AMARA, Character, ELIF, HANNAH, JONAS, KENJI, LUCAS, MARA, OSCAR, PRIYA, SOFIA},
    claims::Step,
    desk,
    names::{People, Person},
    random::Rng,
    words,
};

/// How many clients there are in the end.
pub const CLIENTS: usize = 600;
/// The day of the story that is today: a year less a day has gone before it.
pub const TODAY: i64 = 364;
/// Days between winning a deal and its commission becoming available, until the office lifts it this morning: so
/// that there is something on hold, and what is won from now on can be withdrawn at once.
pub const HOLD_DAYS: i64 = 7;

/// How a client found the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// By the link, so many microseconds before.
    Link(i64),
    /// By a link with a wrong symbol in it.
    MisspeltLink,
    /// With the code, typed.
    Code,
    /// With the code, one symbol of it wrong.
    MisspeltCode,
}

/// A client of the story.
#[derive(Debug, Clone)]
pub struct Client {
    /// Who it is.
    pub person: Person,
    /// Which partner has sent the client, and how; none: came alone.
    pub sent: Option<(usize, Came)>,
    /// What the client wrote.
    pub message: &'static str,
    /// Which contacts the client left: email, phone, Telegram.
    pub contacts: [bool; 3],
}

/// What becomes of a withdrawal that the story asks for.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// Finance pays or, now and then, rejects within 48 hours.
    Usual,
    /// Nobody has looked at it yet.
    Waits,
    /// Finance rejects it a day later.
    Rejected,
}

/// Something that happens. Partners, clients and deals are places in the story's lists; the deals of the first
/// contact have their client's place.
#[derive(Debug, Clone)]
pub enum Event {
    /// A partner signs up.
    Join(usize),
    /// A partner adds wallets.
    Wallets(usize),
    /// A client sends the contact form.
    Contact(usize),
    /// Sales opens another deal with a client.
    FurtherDeal { client: usize, deal: usize, title: &'static str },
    /// Sales wins a deal.
    Win { deal: usize, amount: Money },
    /// Sales loses a deal.
    Lose { deal: usize, reason: &'static str },
    /// Sales opens a closed deal again.
    Reopen { deal: usize, reason: &'static str },
    /// A client is given money back.
    Refund { deal: usize, amount: Money, reason: &'static str },
    /// Sales notes something about a client.
    Note { client: usize, text: &'static str },
    /// A partner asks for so many hundredths of what is available, if that is enough.
    Ask { partner: usize, percent: i64, fate: Fate },
    /// A partner writes to the company.
    Feedback { partner: usize, line: usize },
    /// Support deals with the oldest message.
    FeedbackDone,
    /// A partner, or somebody who can't sign in, asks support.
    Request { partner: Option<usize>, line: usize },
    /// The office answers a request.
    Answer { line: usize },
    /// The office closes a request that nobody has replied to.
    Close { line: usize },
    /// The partner thanks, and closes the request.
    Thanks { partner: usize, line: usize },
    /// A partner has forgotten the password.
    Forgot(usize),
    /// Support helps with the forgotten password.
    Helped(usize),
    /// The office agrees on a rate (basis points).
    Agree(usize, i64),
    /// The office suspends a partner.
    Suspend(usize, &'static str),
    /// The office lifts the hold period.
    LiftHold,
    /// Something happens to a client whose link was lost.
    Lost(Step),
    /// Something at the withdrawal desk.
    Desk(desk::Scene),
}

/// The whole plan.
#[derive(Debug)]
pub struct Story {
    /// What everything follows from.
    pub seed: u64,
    /// When the story ends.
    pub now: Timestamp,
    /// Its first day.
    pub first: Day,
    /// The partners.
    pub cast: Vec<Character>,
    /// The clients.
    pub clients: Vec<Client>,
    /// How many deals there are.
    pub deals: usize,
    /// What happens, in order, a list for each day.
    pub days: Vec<Vec<(Timestamp, Event)>>,
}

impl Story {
    /// Makes a story up that ends now.
    pub fn new(seed: u64, now: Timestamp) -> Story {
        let mut plot = Plot {
            rng: Rng::new(seed, 1),
            people: People::default(),
            now,
            first: Day(now.day().0 - TODAY),
            cast: cast::partners(),
            clients: Vec::new(),
            further: 0,
            closed: Vec::new(),
            events: Vec::new(),
        };
        plot.sign_ups();
        plot.followed();
        plot.lost_referrals();
        plot.by_chance();
        plot.turns();
        plot.paydays();
        plot.letters();
        plot.requests();
        plot.events.extend(desk::scenes(plot.first, now));
        plot.events.sort_by_key(|(at, _)| *at);
        let mut days: Vec<Vec<(Timestamp, Event)>> = (0..=TODAY).map(|_| Vec::new()).collect();
        for (at, event) in plot.events {
            let day =
                usize::try_from(at.day().0 - plot.first.0).expect("nothing happens before the first day");
            days[day].push((at, event));
        }
        Story {
            seed,
            now,
            first: plot.first,
            cast: plot.cast,
            deals: plot.clients.len() + plot.further,
            clients: plot.clients,
            days,
        }
    }
}

/// 0 is Monday.
pub fn weekday(day: Day) -> usize {
    // 1970-01-01 was a Thursday.
    usize::try_from((day.0 + 3).rem_euclid(7)).expect("0 to 6")
}

/// Many small orders, few large ones: $300 to $60,000.
pub fn amount(rng: &mut Rng) -> Money {
    let (low, high, step) = match rng.between(1, 100) {
        1..=35 => (30, 200, 1_000),
        36..=76 => (40, 160, 5_000),
        77..=95 => (32, 100, 25_000),
        _ => (50, 120, 50_000),
    };
    let amount = rng.between(low, high) * step;
    // Some prices come with cents, and some commissions with half a cent to be rounded.
    let cents = if rng.percent(15) { rng.pick(&[10, 50, 5]) } else { 0 };
    Money::from_minor(if amount > 30_000 { amount - cents } else { amount })
}

/// How many days until somebody in the office: none, or to the Monday after a weekend.
pub fn until_office(day: Day) -> i64 {
    match weekday(day) {
        5 => 2,
        6 => 1,
        _ => 0,
    }
}

/// A story that is being made up.
pub struct Plot {
    rng: Rng,
    people: People,
    /// When it ends.
    pub now: Timestamp,
    first: Day,
    cast: Vec<Character>,
    /// The clients so far.
    pub clients: Vec<Client>,
    further: usize,
    /// Deals closed by chance: place, when, and the amount of those won.
    closed: Vec<(usize, Timestamp, Option<Money>)>,
    /// What happens, in any order.
    pub events: Vec<(Timestamp, Event)>,
}

impl Plot {
    /// A moment of a day between two hours.
    pub fn at(&mut self, day: i64, from_hour: i64, to_hour: i64) -> Timestamp {
        let second = self.rng.between(from_hour * 3_600, to_hour * 3_600 - 1);
        Day(self.first.0 + day).start().plus(second * SECOND)
    }

    /// A moment in the office: the day itself, or the Monday after it.
    pub fn office(&mut self, day: i64) -> Timestamp {
        self.at(day + until_office(Day(self.first.0 + day)), 8, 17)
    }

    /// Adds what has happened by now; returns whether it has.
    pub fn add(&mut self, at: Timestamp, event: Event) -> bool {
        let happened = at <= self.now.plus(-HOUR / 6);
        if happened {
            self.events.push((at, event));
        }
        happened
    }

    fn sign_ups(&mut self) {
        for partner in 0..self.cast.len() {
            let joins = self.cast[partner].joins;
            let at = self.at(joins, 8, 20);
            self.add(at, Event::Join(partner));
            if !self.cast[partner].wallets.is_empty() {
                let later = self.rng.between(1, 12);
                let at = self.at(joins + later, 8, 20);
                self.add(at, Event::Wallets(partner));
            }
        }
    }

    /// A client comes, and a deal with the client; returns the place of both.
    pub fn client(&mut self, at: Timestamp, sent: Option<(usize, Came)>) -> usize {
        let phone = self.rng.percent(55);
        let telegram = self.rng.percent(25);
        let email = self.rng.percent(90) || !(phone || telegram);
        let client = Client {
            person: self.people.somebody(&mut self.rng),
            sent,
            message: self.rng.pick(&words::CONTACTS),
            contacts: [email, phone, telegram],
        };
        self.clients.push(client);
        self.events.push((at, Event::Contact(self.clients.len() - 1)));
        self.clients.len() - 1
    }

    /// Clients of the partners whom the story follows, so that what is promised about them comes true.
    fn followed(&mut self) {
        let win = |amount: i64| Money::from_minor(amount * 100);
        let lines = [
            (KENJI, 325, Some((344, win(14_200)))),
            (MARA, 330, Some((348, win(22_500)))),
            (MARA, 340, Some((360, win(7_300)))),
            (AMARA, 320, Some((341, win(9_800)))),
            (LUCAS, 318, Some((340, win(12_400)))),
            (HANNAH, 322, Some((342, win(11_000)))),
            (ELIF, 300, Some((318, win(3_600)))),
            (ELIF, 350, None),
            (SOFIA, 212, Some((226, win(9_400)))),
            (SOFIA, 352, None),
        ];
        for (partner, day, won) in lines {
            let at = self.at(day, 8, 20);
            let client = self.client(at, Some((partner, Came::Link(3 * HOUR))));
            if let Some((day, amount)) = won {
                let at = self.office(day);
                self.add(at, Event::Win { deal: client, amount });
                if partner == SOFIA {
                    let asks = self.at(day + 12, 9, 20);
                    self.add(asks, Event::Ask { partner, percent: 100, fate: Fate::Usual });
                    let at = self.office(300);
                    let reason = "The client has used the right to step back; the whole amount was returned.";
                    self.add(at, Event::Refund { deal: client, amount, reason });
                }
            }
        }
        for (partner, hours, percent, fate) in [
            (AMARA, 150, 60, Fate::Rejected),
            (KENJI, 99, 80, Fate::Waits),
            (LUCAS, 60, 100, Fate::Waits),
            (HANNAH, 20, 70, Fate::Waits),
            (MARA, 5, 55, Fate::Waits),
        ] {
            self.events.push((self.now.plus(-hours * HOUR), Event::Ask { partner, percent, fate }));
        }
        let agreed = self.office(150);
        self.add(agreed, Event::Agree(PRIYA, 1_800));
        let suspended = self.office(320);
        self.add(suspended, Event::Suspend(JONAS, words::SUSPENDED));
        self.events.push((self.now.plus(-HOUR / 3), Event::LiftHold));
    }

    /// Everybody else's clients: more each month, few at the weekend.
    fn by_chance(&mut self) {
        let weights: Vec<u64> = (0..TODAY)
            .map(|day| {
                let busy = [110, 115, 112, 105, 90, 40, 35][weekday(Day(self.first.0 + day))];
                busy * u64::try_from(120 + day).expect("days count up")
            })
            .collect();
        while self.clients.len() < CLIENTS {
            let Some(day) = self.rng.weighted(&weights) else { return };
            let day = i64::try_from(day).expect("a day of the year");
            // Some hours back for clients of last evening, so that nobody comes tomorrow.
            let at =
                Timestamp::from_micros(self.at(day, 7, 22).micros().min(self.now.plus(-2 * HOUR).micros()));
            let sent = self.sender(day);
            let client = self.client(at, sent);
            self.outcome(client, day, true);
            if self.rng.percent(45) {
                let later = self.rng.between(1, 4);
                let (at, text) = (self.office(day + later), self.rng.pick(&words::NOTES));
                self.add(at, Event::Note { client, text });
            }
        }
    }

    fn sender(&mut self, day: i64) -> Option<(usize, Came)> {
        if self.rng.percent(6) {
            return None;
        }
        let weights: Vec<u64> =
            self.cast.iter().map(|who| if who.joins < day { who.weight } else { 0 }).collect();
        let partner = self.rng.weighted(&weights)?;
        let came = match self.rng.between(1, 100) {
            1..=78 => Came::Link(self.rng.between(60, 12 * 86_400) * SECOND),
            79..=80 => Came::MisspeltLink,
            81..=97 => Came::Code,
            _ => Came::MisspeltCode,
        };
        Some((partner, came))
    }

    /// How a deal ends, if it has ended by now; a happy client may come again.
    fn outcome(&mut self, deal: usize, day: i64, may_come_again: bool) {
        let days = self.rng.between(2, 18) + self.rng.between(0, 20);
        let at = self.office(day + days);
        if self.rng.percent(54) {
            let reason = self.rng.pick(&words::LOST);
            if self.add(at, Event::Lose { deal, reason }) {
                self.closed.push((deal, at, None));
            }
            return;
        }
        let amount = amount(&mut self.rng);
        if !self.add(at, Event::Win { deal, amount }) {
            return;
        }
        self.closed.push((deal, at, Some(amount)));
        if may_come_again && self.rng.percent(18) {
            let later = self.rng.between(40, 110);
            let day = day + days + later;
            let at = self.office(day);
            // The deals after the first ones stand behind all clients in the list.
            let further = CLIENTS + self.further;
            let title = self.rng.pick(&words::TITLES);
            if self.add(at, Event::FurtherDeal { client: deal, deal: further, title }) {
                self.further += 1;
                self.outcome(further, day + 2, false);
            }
        }
    }

    /// Refunds, and deals that are opened again.
    fn turns(&mut self) {
        let until = self.now.plus(-45 * DAY);
        let mut closed = std::mem::take(&mut self.closed);
        closed.retain(|(_, at, _)| *at < until);
        self.rng.shuffle(&mut closed);
        let (won, lost): (Vec<_>, Vec<_>) = closed.into_iter().partition(|(.., amount)| amount.is_some());
        for (place, (deal, at, amount)) in won.into_iter().enumerate().take(22) {
            let Some(amount) = amount else { continue };
            let day = at.day().0 - self.first.0;
            let (soon, late) = (self.rng.between(2, 6), self.rng.between(8, 24));
            match place {
                0..=11 => {
                    let at = self.office(day + late);
                    // Some within the hold period: those take from what is on hold.
                    let at = if place < 3 { self.office(day + 2) } else { at };
                    let share = Money::from_minor(amount.minor() * self.rng.between(2, 12) / 2_000 * 100);
                    let reason = self.rng.pick(&words::REFUNDS);
                    self.add(at, Event::Refund { deal, amount: share.max(Money::from_minor(100)), reason });
                }
                12..=15 => {
                    let at = self.office(day + late);
                    let reason = "The order was cancelled; everything was paid back.";
                    self.add(at, Event::Refund { deal, amount, reason });
                }
                _ => {
                    let (at, again) = (self.office(day + soon), self.office(day + late + 3));
                    let reason = self.rng.pick(&words::REOPENED);
                    self.add(at, Event::Reopen { deal, reason });
                    let amount = Money::from_minor(amount.minor() / 10_000 * 9_000 + 1_000);
                    self.add(again, Event::Win { deal, amount });
                }
            }
        }
        for (deal, at, _) in lost.into_iter().take(4) {
            let day = at.day().0 - self.first.0;
            let (reopened, won) = (self.office(day + 9), self.office(day + 27));
            self.add(
                reopened,
                Event::Reopen { deal, reason: "They came back: the other offer fell through." },
            );
            let amount = amount(&mut self.rng);
            self.add(won, Event::Win { deal, amount });
        }
    }

    /// About once a month each partner looks whether there is enough to be paid.
    fn paydays(&mut self) {
        for partner in 0..self.cast.len() {
            let until = match partner {
                MARA | KENJI | AMARA | LUCAS | HANNAH => 335,
                JONAS => 315,
                SOFIA | ELIF => 0,
                _ => 361,
            };
            let mut day = self.cast[partner].joins + self.rng.between(30, 60);
            while day < until {
                let at = self.at(day, 8, 21);
                let percent = if self.rng.percent(65) { 100 } else { self.rng.between(50, 90) };
                self.add(at, Event::Ask { partner, percent, fate: Fate::Usual });
                day += self.rng.between(24, 40);
            }
        }
    }

    /// Feedback, and forgotten passwords.
    fn letters(&mut self) {
        for letter in 0..44 {
            // The last ones of the last days have not been dealt with yet.
            let open = letter >= 37;
            let day = if open { self.rng.between(359, 363) } else { self.rng.between(40, 355) };
            let weights: Vec<u64> =
                self.cast.iter().map(|who| if who.joins < day { who.weight } else { 0 }).collect();
            let partner = self.rng.weighted(&weights).unwrap_or(MARA);
            let line = letter % words::FEEDBACK.len();
            let at = self.at(day, 7, 22).micros().min(self.now.plus(-3 * HOUR).micros());
            self.add(Timestamp::from_micros(at), Event::Feedback { partner, line });
            if !open {
                let done = self.office(day + 1);
                self.add(done, Event::FeedbackDone);
            }
        }
        let forgot = self.office(205);
        self.add(forgot, Event::Forgot(OSCAR));
        self.add(forgot.plus(HOUR / 2), Event::Helped(OSCAR));
        self.events.push((self.now.plus(-26 * HOUR), Event::Forgot(LUCAS)));
        self.events.push((self.now.plus(-HOUR / 2), Event::Forgot(OSCAR)));
    }

    /// What partners ask support; the last ones wait: one too long, one since just now, and a guest's.
    fn requests(&mut self) {
        let asked = [(KENJI, 96), (HANNAH, 150), (PRIYA, 214), (LUCAS, 260), (AMARA, 318), (MARA, 352)];
        for (line, (partner, day)) in asked.into_iter().enumerate() {
            let at = self.office(day);
            self.add(at, Event::Request { partner: Some(partner), line });
            self.add(at.plus(HOUR / 2), Event::Answer { line });
            if !words::REQUESTS[line].reply.is_empty() {
                self.add(at.plus(5 * HOUR), Event::Thanks { partner, line });
            } else if partner != MARA {
                self.add(at.plus(7 * DAY), Event::Close { line });
            }
        }
        for (partner, line, waits) in
            [(Some(MARA), 6, 3 * HOUR), (Some(HANNAH), 7, HOUR / 3), (None, 8, HOUR / 2)]
        {
            self.events.push((self.now.plus(-waits), Event::Request { partner, line }));
        }
    }
}
