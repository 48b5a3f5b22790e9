//! Living the story, a day at a time: everything that happens goes through the operations that pages use, at the
//! moment the story says.

use std::sync::Arc;

use anyhow::{Context, bail};
use domain::{
    attribution::Visit,
    clock::{DAY, Day, HOUR, SECOND, Timestamp},
    money::Money,
    payment::needs_two,
    permission::Role,
    rate::Rate,
    referral_code::{Reading, ReferralCode},
    source::Source,
    support::TicketKind,
    text::{Email, Message, Name},
    wallet::WalletKind,
};
use store::{Tx, deals::PartnerDeals, programme::Programme};

use super::{
    addresses::Addresses,
    cast,
    clicks::{self, Linked},
    crowd::Crowd,
    desk,
    random::{Rng, SeededIds},
    size::Made,
    story::{Came, Event, Fate, HOLD_DAYS, Story},
    words,
};
use crate::{
    app::Env,
    ops::{
        Actor,
        accounts::{self, SignUp},
        clients::{self, Contact},
        deals, feedback, partners, programme, recovery, sessions, staff,
        support::{self, Seen, SignedIn, Way},
        wallets,
        withdrawals::{self, Ask},
    },
};

/// What has become of the story so far. Cloned for each day, because a day's transaction may run again.
#[derive(Debug, Clone)]
pub struct World {
    programme: Arc<Programme>,
    password_hash: Arc<str>,
    staff: Vec<(Role, Actor)>,
    /// By place in the cast.
    partners: Vec<Option<Joined>>,
    /// Client and transaction numbers by place in the story; 0 before the client has come.
    pub clients: Vec<i64>,
    deals: Vec<i64>,
    waiting: Vec<Waiting>,
    /// Withdrawals that are paid together.
    pub(super) batch: Vec<String>,
    pub(super) addresses: Addresses,
    payments: i64,
    /// Everybody beside the people of the story, in a demo that is larger than it.
    pub(super) crowd: Option<Crowd>,
    /// Who and what there is so far.
    pub made: Made,
    /// Visits through links so far.
    pub clicks: i64,
}

/// A partner who has signed up.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The account's identifier.
    pub id: String,
    /// The referral code.
    pub code: ReferralCode,
    at: Timestamp,
}

/// A withdrawal on which finance will decide.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub(super) due: Timestamp,
    pub(super) id: String,
    pub(super) kind: WalletKind,
    pub(super) rejected: Option<&'static str>,
}

impl World {
    /// Before the first day, with a crowd or the people of the story alone.
    pub fn new(story: &Story, password_hash: &str, crowd: Option<Crowd>) -> World {
        World {
            programme: Arc::new(Programme::standard()),
            password_hash: password_hash.into(),
            staff: Vec::new(),
            partners: vec![None; story.cast.len()],
            clients: vec![0; story.clients.len()],
            deals: vec![0; story.deals],
            waiting: Vec::new(),
            batch: Vec::new(),
            addresses: Addresses::default(),
            payments: 0,
            crowd,
            made: Made::default(),
            clicks: 0,
        }
    }

    /// Lives one day of the story.
    ///
    /// # Errors
    /// When an operation refuses what the story wants: a defect of the story.
    pub fn live(&mut self, tx: &mut Tx, story: &Story, number: usize) -> anyhow::Result<()> {
        let stream = u64::try_from(number)?;
        let day = Day(story.first.0 + i64::try_from(number)?);
        let ids = Arc::new(SeededIds::new(Rng::new(story.seed, 10_000 + stream)));
        let mut today = Today { tx, story, world: self, rng: Rng::new(story.seed, 20_000 + stream), ids };
        if number == 0 {
            today.open_office(day.start())?;
        }
        today.crowd_wakes(number)?;
        for (at, event) in &story.days[number] {
            today.by_itself(*at)?;
            today.happen(*at, event).with_context(|| format!("{event:?} on {}", at.rfc3339()))?;
        }
        let end = Timestamp::from_micros(day.start().plus(DAY).micros().min(story.now.micros()));
        today.by_itself(end)?;
        today.visits(day, i64::try_from(number)?, end)?;
        today.crowd_visits(number, end)
    }

    /// The partner with a place in the cast.
    ///
    /// # Errors
    /// Before the partner has signed up.
    pub fn partner(&self, place: usize) -> anyhow::Result<&Joined> {
        self.partners[place].as_ref().context("the partner has not signed up yet")
    }

    /// Whether a partner is one of the story's.
    pub(super) fn is_of_story(&self, partner_id: &str) -> bool {
        self.partners.iter().flatten().any(|joined| joined.id == partner_id)
    }

    /// Everybody's password, hashed.
    pub(super) fn password_hash(&self) -> String {
        self.password_hash.to_string()
    }

    /// Somebody of the office with a role; of several the one whose turn it is.
    ///
    /// # Errors
    /// When nobody has the role.
    pub fn actor(&self, role: Role, turn: usize) -> anyhow::Result<Actor> {
        let fitting: Vec<&Actor> =
            self.staff.iter().filter(|(has, _)| *has == role).map(|(_, actor)| actor).collect();
        let actor = fitting.get(turn % fitting.len().max(1)).context("nobody has the role")?;
        Ok((*actor).clone())
    }
}

/// What the story calls a request.
fn submission(line: usize) -> String {
    format!("demo-{line}")
}

/// A day that is being lived.
pub(super) struct Today<'a, 'tx, 'db> {
    pub(super) tx: &'a mut Tx<'db>,
    pub(super) story: &'tx Story,
    pub(super) world: &'a mut World,
    pub(super) rng: Rng,
    ids: Arc<SeededIds>,
}

impl Today<'_, '_, '_> {
    pub(super) fn env(&self, now: Timestamp) -> Env {
        // Nobody is sent these messages, so it doesn't matter where their links lead.
        Env::alone(now, self.ids.clone(), self.world.programme.clone(), "http://127.0.0.1:8080")
    }

    /// Somebody asks support; of partners' numbers the newest client's deal is named.
    fn request(&mut self, env: &Env, partner: Option<usize>, line: usize) -> anyhow::Result<()> {
        let request = &words::REQUESTS[line];
        // The guest is a partner whose mailbox is gone; anybody could say so.
        let who = &self.story.cast[partner.unwrap_or(cast::OSCAR)];
        let email = if partner.is_some() { who.email.as_str() } else { "oscar.l@example.net" };
        let signed_in = match partner {
            Some(place) => {
                Some(SignedIn { id: self.world.partner(place)?.id.clone(), email: who.email.clone() })
            }
            None => None,
        };
        let newest = match &signed_in {
            Some(is) if request.concerns => {
                store::deals::of_partner(self.tx, &is.id, &PartnerDeals::default(), None, 1)?.pop()
            }
            _ => None,
        };
        let ask = support::Ask {
            partner: signed_in,
            name: Name::parse(who.name)?,
            email: Email::parse(email)?,
            kind: if request.financial { TicketKind::Financial } else { TicketKind::Technical },
            concerns: newest.map(|(deal, _)| format!("T-{}", deal.number)).unwrap_or_default(),
            message: Message::parse(request.message)?,
            submission: Some(submission(line)),
        };
        support::ask(self.tx, env, &ask)?;
        Ok(())
    }

    /// Whoever answers a request, and the request as it stands.
    fn answering(&mut self, line: usize) -> anyhow::Result<(Actor, Seen)> {
        let role = if words::REQUESTS[line].financial { Role::Finance } else { Role::Support };
        let number = self.request_number(line)?;
        Ok((self.world.actor(role, line)?, Seen { number, version: None }))
    }

    fn request_number(&mut self, line: usize) -> anyhow::Result<i64> {
        let ticket = store::support::by_submission(self.tx, &submission(line))?;
        Ok(ticket.context("the request wasn't sent yet")?.number)
    }

    fn set_up(&mut self, at: Timestamp, change: impl FnOnce(&mut Programme)) -> anyhow::Result<()> {
        let mut changed = store::programme::load_or_create(self.tx)?;
        change(&mut changed);
        programme::save(self.tx, &self.env(at), &Actor::server(), &changed)?;
        self.world.programme = Arc::new(store::programme::load(self.tx)?);
        Ok(())
    }

    fn open_office(&mut self, at: Timestamp) -> anyhow::Result<()> {
        self.set_up(at, |programme| {
            programme.name = "Northwind Partners".into();
            programme.support_email = "partners@northwind.example".into();
            programme.support_telegram = "@northwind_demo".into();
            programme.hold_days = HOLD_DAYS;
            programme.approval_from = Some(programme.currency.major(desk::TWO_PEOPLE_FROM));
        })?;
        let env = self.env(at);
        let hash = self.world.password_hash.clone();
        for (name, email, role) in cast::staff() {
            let (parsed, email) = (Name::parse(name)?, Email::parse(&email)?);
            let id = staff::add(self.tx, &env, &Actor::server(), &parsed, &email, role, Some(&*hash))?;
            self.world.staff.push((role, Actor { id, name: name.to_owned(), role: role.as_str() }));
        }
        Ok(())
    }

    /// What happens without a line in the story until a moment: the crowd, hold periods end, finance decides.
    fn by_itself(&mut self, until: Timestamp) -> anyhow::Result<()> {
        self.crowd_lives(until)?;
        while deals::release_due(self.tx, &self.env(until))? > 0 {}
        while let Some(next) = (0..self.world.waiting.len())
            .filter(|place| self.world.waiting[*place].due <= until)
            .min_by_key(|place| self.world.waiting[*place].due)
        {
            let waiting = self.world.waiting.swap_remove(next);
            self.decide(&self.env(waiting.due), &waiting)?;
        }
        Ok(())
    }

    /// Finance decides about a withdrawal.
    pub(super) fn decide(&mut self, env: &Env, waiting: &Waiting) -> anyhow::Result<()> {
        let finance = self.world.actor(Role::Finance, 0)?;
        if let Some(reason) = waiting.rejected {
            return Ok(withdrawals::reject(self.tx, env, &finance, &waiting.id, reason)?);
        }
        let reference = self.reference(waiting.kind);
        let found = store::withdrawals::by_id(self.tx, &waiting.id)?;
        let amount = found.context("the withdrawal exists")?.amount;
        if needs_two(amount, env.programme.approval_from) {
            let admin = self.world.actor(Role::Admin, 0)?;
            withdrawals::approve(self.tx, env, &admin, &waiting.id, "")?;
        }
        Ok(withdrawals::pay(self.tx, env, &finance, &waiting.id, &reference, None)?)
    }

    fn reference(&mut self, kind: WalletKind) -> String {
        self.world.payments += 1;
        match kind {
            WalletKind::Iban | WalletKind::Paypal | WalletKind::Other => {
                format!("NW-{:04}", self.world.payments)
            }
            // What stands on the blockchain: 32 bytes in hexadecimal.
            _ => (0..4).map(|_| format!("{:016x}", self.rng.draw())).collect(),
        }
    }

    fn happen(&mut self, at: Timestamp, event: &Event) -> anyhow::Result<()> {
        let env = self.env(at);
        let sales = |world: &World, deal: usize| world.actor(Role::Sales, deal);
        match *event {
            Event::Join(partner) => self.join(&env, partner)?,
            Event::Wallets(partner) => self.add_wallets(&env, partner)?,
            Event::Contact(client) => self.contact(&env, client)?,
            Event::FurtherDeal { client, deal, title } => {
                let by = sales(self.world, client)?;
                self.world.deals[deal] =
                    clients::add_deal(self.tx, &env, &by, self.world.clients[client], title)?;
                self.world.made.deals += 1;
            }
            Event::Win { deal, amount } => {
                deals::win(self.tx, &env, &sales(self.world, deal)?, self.world.deals[deal], amount)?;
            }
            Event::Lose { deal, reason } => {
                deals::lose(self.tx, &env, &sales(self.world, deal)?, self.world.deals[deal], reason)?;
            }
            Event::Reopen { deal, reason } => {
                deals::reopen(self.tx, &env, &sales(self.world, deal)?, self.world.deals[deal], reason)?;
            }
            Event::Refund { deal, amount, reason } => {
                let by = sales(self.world, deal)?;
                deals::refund(self.tx, &env, &by, self.world.deals[deal], amount, reason)?;
            }
            Event::Note { client, text } => {
                let by = sales(self.world, client)?;
                clients::add_note(self.tx, &env, &by, self.world.clients[client], &Message::parse(text)?)?;
            }
            Event::Ask { partner, percent, fate } => self.ask(&env, partner, percent, fate)?,
            Event::Feedback { partner, line } => {
                let (mood, page, message) = words::FEEDBACK[line];
                let id = self.world.partner(partner)?.id.clone();
                feedback::send(self.tx, &env, &id, &Message::parse(message)?, page, mood)?;
            }
            Event::FeedbackDone => {
                let support = self.world.actor(Role::Support, 0)?;
                let open = store::feedback::list(self.tx, false, None, 100)?;
                let oldest = open.last().context("no feedback is open")?;
                feedback::set_done(self.tx, &env, &support, &oldest.id, true)?;
            }
            Event::Request { partner, line } => self.request(&env, partner, line)?,
            Event::Answer { line } => {
                let (by, seen) = self.answering(line)?;
                support::answer(self.tx, &env, &by, seen, &Message::parse(words::REQUESTS[line].answer)?)?;
            }
            Event::Close { line } => {
                let (by, seen) = self.answering(line)?;
                support::set_closed(self.tx, &env, &by, seen, true)?;
            }
            Event::Thanks { partner, line } => {
                let way = Way::Partner {
                    actor: Actor::partner(&self.world.partner(partner)?.id, self.story.cast[partner].name),
                    number: self.request_number(line)?,
                };
                support::reply(self.tx, &env, &way, &Message::parse(words::REQUESTS[line].reply)?, None)?;
                // The person's words and what follows them need a moment each, to stand in order.
                support::close(self.tx, &Env { now: env.now.plus(60 * SECOND), ..env.clone() }, &way)?;
            }
            Event::Forgot(partner) => {
                let email = Email::parse(&self.story.cast[partner].email)?;
                recovery::ask(self.tx, &env, &email.key())?;
            }
            Event::Helped(partner) => {
                let (support, id) =
                    (self.world.actor(Role::Support, 0)?, self.world.partner(partner)?.id.clone());
                recovery::issue(self.tx, &env, &support, false, &id)?;
            }
            Event::Agree(partner, basis_points) => {
                let id = self.world.partner(partner)?.id.clone();
                let by = self.world.actor(Role::Finance, 0)?;
                partners::agree_rate(self.tx, &env, &by, &id, Rate::from_basis_points(basis_points))?;
            }
            Event::Suspend(partner, reason) => {
                let id = self.world.partner(partner)?.id.clone();
                let by = self.world.actor(Role::Finance, 0)?;
                partners::suspend(self.tx, &env, &by, &id, reason)?;
            }
            Event::LiftHold => self.set_up(at, |programme| programme.hold_days = 0)?,
            Event::Lost(step) => step.happen(self.tx, &env, self.world)?,
            Event::Desk(scene) => self.desk(&env, scene)?,
        }
        Ok(())
    }

    fn join(&mut self, env: &Env, partner: usize) -> anyhow::Result<()> {
        let who = &self.story.cast[partner];
        let input = SignUp {
            name: Name::parse(who.name)?,
            email: Email::parse(&who.email)?,
            password_hash: self.world.password_hash(),
            user_agent: String::new(),
        };
        let joined = accounts::sign_up(self.tx, env, &input)?;
        // Whoever knows the seed knows this session's secret.
        sessions::close(self.tx, &joined.token)?;
        self.world.made.partners += 1;
        self.world.partners[partner] = Some(Joined { id: joined.partner_id, code: joined.code, at: env.now });
        Ok(())
    }

    fn add_wallets(&mut self, env: &Env, partner: usize) -> anyhow::Result<()> {
        let who = &self.story.cast[partner];
        let mut changes = Vec::new();
        for kind in who.wallets {
            let (kind, label, address) = self.world.addresses.next(*kind, &who.email);
            let address = domain::wallet::check(kind, &address)?.as_str().to_owned();
            changes.push(wallets::Change::Add { kind, label: label.to_owned(), address });
        }
        let by = Actor::partner(&self.world.partner(partner)?.id, who.name);
        let account = store::accounts::by_id(self.tx, &by.id)?.context("the partner has an account")?;
        Ok(wallets::save(self.tx, env, &by, &changes, account.password_hash.as_deref())?)
    }

    fn contact(&mut self, env: &Env, place: usize) -> anyhow::Result<()> {
        let client = &self.story.clients[place];
        let [email, phone, telegram] = client.contacts;
        let kept = |given: bool, text: &str| if given { text.to_owned() } else { String::new() };
        let mut contact = Contact {
            name: client.person.name.clone(),
            email: kept(email, &client.person.email),
            phone: kept(phone, &client.person.phone),
            telegram: kept(telegram, &client.person.telegram),
            message: client.message.to_owned(),
            submission: Some(env.ids.secret()),
            ..Contact::default()
        };
        if let Some((partner, came)) = client.sent {
            let (code, joined) = self.world.partner(partner).map(|joined| (joined.code, joined.at))?;
            self.sent_by(env, &mut contact, came, code, joined);
        }
        let received = clients::receive(self.tx, env, &contact)?;
        self.world.made.clients += 1;
        self.world.made.deals += 1;
        self.world.clients[place] = received.client_number;
        self.world.deals[place] = received.deal_number.context("a client comes with a deal")?;
        Ok(())
    }

    /// What a client brings who was sent by the partner of a code.
    pub(super) fn sent_by(
        &mut self,
        env: &Env,
        contact: &mut Contact,
        came: Came,
        code: ReferralCode,
        joined: Timestamp,
    ) {
        let exact = Reading { code, repaired_from: None };
        match came {
            Came::Link(ago) => {
                let at = env.now.plus(-ago).max(joined);
                let site = words::SOURCES[usize::try_from(at.micros() / SECOND % 10).unwrap_or(0)];
                contact.cookie = Some(Visit { code, at, source: Source::named(words::place(at, site)) });
                contact.carried = Some(exact);
            }
            Came::MisspeltLink => contact.carried = Some(misread(code, &mut self.rng)),
            Came::Code => contact.typed = Some(exact),
            Came::MisspeltCode => contact.typed = Some(misread(code, &mut self.rng)),
        }
    }

    fn ask(&mut self, env: &Env, partner: usize, percent: i64, fate: Fate) -> anyhow::Result<()> {
        let partner_id = self.world.partner(partner)?.id.clone();
        let Some((id, kind)) = self.ask_for(env, &partner_id, percent)? else {
            return match fate {
                Fate::Usual => Ok(()),
                _ => bail!("{} has too little available", self.story.cast[partner].name),
            };
        };
        let (hours, rejected) = match fate {
            Fate::Waits => return Ok(()),
            Fate::Rejected => (26, Some(words::rejected(kind))),
            Fate::Usual => (self.rng.between(3, 40), self.rng.percent(7).then(|| words::rejected(kind))),
        };
        let due = env.now.plus(hours * HOUR + self.rng.between(0, HOUR));
        self.world.waiting.push(Waiting { due, id, kind, rejected });
        Ok(())
    }

    /// Asks for so many hundredths of what a partner has available, if that is enough and there is a wallet.
    pub(super) fn ask_for(
        &mut self,
        env: &Env,
        partner_id: &str,
        percent: i64,
    ) -> anyhow::Result<Option<(String, WalletKind)>> {
        let currency = env.programme.currency;
        let available = store::ledger::balances(self.tx, partner_id, currency)?.available;
        let minimum = env.programme.minimum_withdrawal;
        if available < minimum {
            return Ok(None);
        }
        let wallets = store::wallets::of_partner(self.tx, partner_id)?;
        if wallets.is_empty() {
            return Ok(None);
        }
        let round = currency.major(10).minor();
        let amount = match percent {
            100 => available,
            _ => Money::from_minor(available.minor() / 100 * percent / round * round).max(minimum),
        };
        let wallet = &wallets[self.rng.index(wallets.len())];
        let ask = Ask {
            partner_id: partner_id.to_owned(),
            amount,
            wallet_id: wallet.id.clone(),
            request: env.ids.secret(),
        };
        Ok(Some((withdrawals::ask(self.tx, env, &ask)?, wallet.kind)))
    }

    fn visits(&mut self, day: Day, number: i64, until: Timestamp) -> anyhow::Result<()> {
        let mut rng = self.rng.clone();
        let mut linked: Vec<Linked> = Vec::new();
        for (who, joined) in self.story.cast.iter().zip(&self.world.partners) {
            // From the day after signing up, so that no visit is earlier than its link.
            let Some(joined) = joined.as_ref().filter(|joined| joined.at.day() < day) else { continue };
            let misread = misread(joined.code, &mut rng).repaired_from.unwrap_or_default();
            // The last ones, without a weight in the story, have some visitors too; the newest has none yet.
            linked.push(Linked { id: &joined.id, misread, weight: who.weight.max(1) });
        }
        self.world.clicks += clicks::live(self.tx, &mut rng, day, number, until, &mut linked)?;
        Ok(())
    }
}

/// The code as somebody copied it who got one symbol wrong.
pub(super) fn misread(code: ReferralCode, rng: &mut Rng) -> Reading {
    let mut symbols: Vec<char> = code.to_string().chars().collect();
    let place = rng.index(symbols.len());
    let others: Vec<char> = "3479ACEHKRTX".chars().filter(|other| *other != symbols[place]).collect();
    symbols[place] = rng.pick(&others);
    let typed: String = symbols.into_iter().collect();
    ReferralCode::read(&typed).expect("one wrong symbol is repaired")
}
