//! Notices: which ones a partner gets and where, and the connection with Telegram.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use domain::{
    clock::Timestamp,
    notice::{Channel, Choice, NoticeKind},
};
use store::{
    DbError,
    notices::{self, TelegramLink},
};

use super::Done;
use crate::{
    app::App,
    ops::telegram as ops,
    qr,
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::PortalShell,
        show::{Page, go_to, show_with},
        visitor::Partner,
    },
};

/// The notices that a partner decides about, in the order of the page. What isn't named here comes last, so that no
/// notice is forgotten.
const GROUPS: [(&str, &[NoticeKind]); 3] = {
    use NoticeKind::*;
    [
        ("Your clients", &[NewClient, DealWon, DealLost, DealChanged, RateRaised, ClientMoved, ClaimRuled]),
        (
            "Your money",
            &[
                WithdrawalRequested,
                WithdrawalPaid,
                WithdrawalRejected,
                PaymentReturned,
                Adjusted,
                WalletChanged,
            ],
        ),
        ("Your account", &[NewSignIn, AccountChanged]),
    ]
};

#[derive(Template)]
#[template(path = "portal/notices.html")]
struct NoticesPage {
    shell: PortalShell,
    email: String,
    groups: Vec<Group>,
    telegram: Telegram,
    offer: Option<Offer>,
    /// Why no link could be made.
    problem: Option<&'static str>,
}

struct Group {
    title: &'static str,
    rows: Vec<Row>,
}

struct Row {
    label: &'static str,
    mail: Tick,
    telegram: Tick,
}

/// A box to be ticked.
struct Tick {
    name: String,
    is_ticked: bool,
    /// It can't be changed.
    is_fixed: bool,
}

/// How it stands with Telegram.
enum Telegram {
    /// This installation has no bot.
    Absent,
    /// Nothing is connected.
    Open,
    /// Notices go there.
    Connected { title: String, since: Timestamp },
    /// Nothing goes there any more.
    Broken { title: String, since: Timestamp, why: String },
}

/// A link that connects.
struct Offer {
    link: String,
    qr: String,
    bot: String,
}

impl Telegram {
    fn new(is_set_up: bool, link: Option<TelegramLink>) -> Telegram {
        match link {
            _ if !is_set_up => Telegram::Absent,
            None => Telegram::Open,
            Some(link) if link.broken.is_empty() => {
                Telegram::Connected { title: link.title, since: link.linked_at }
            }
            Some(link) => Telegram::Broken { title: link.title, since: link.linked_at, why: link.broken },
        }
    }
}

impl NoticesPage {
    fn is_set_up(&self) -> bool {
        !matches!(self.telegram, Telegram::Absent)
    }

    fn is_connected(&self) -> bool {
        matches!(self.telegram, Telegram::Connected { .. })
    }
}

/// The name of a box in the form.
fn field(kind: NoticeKind, channel: Channel) -> String {
    format!("notice[{}].{}", kind.as_str(), channel.as_str())
}

/// The notices for partners, but for those that come by mail alone.
fn decided(kind: NoticeKind) -> bool {
    !kind.is_for_staff() && kind.choice() != Choice::MailOnly
}

fn groups(choices: &[ops::Choice], has_telegram: bool) -> Vec<Group> {
    let row = |kind: NoticeKind| Row {
        label: kind.label(),
        mail: Tick {
            name: field(kind, Channel::Mail),
            is_ticked: kind.comes_by(Channel::Mail, choices),
            is_fixed: kind.choice() == Choice::AlwaysMail,
        },
        telegram: Tick {
            name: field(kind, Channel::Telegram),
            is_ticked: kind.comes_by(Channel::Telegram, choices),
            is_fixed: !has_telegram,
        },
    };
    let mut groups: Vec<Group> = GROUPS
        .iter()
        .map(|(title, kinds)| Group { title, rows: kinds.iter().copied().map(row).collect() })
        .collect();
    let named = |kind: &NoticeKind| GROUPS.iter().any(|(_, kinds)| kinds.contains(kind));
    let others = NoticeKind::ALL.iter().copied().filter(|kind| decided(*kind) && !named(kind));
    groups[2].rows.extend(others.map(row));
    groups
}

/// What the form says, for every box that could be changed.
fn read(form: &Fields) -> Vec<ops::Choice> {
    // The boxes of a column that could not be changed aren't sent, which must not count as taken off.
    let has_telegram = form.typed("telegram") == "connected";
    let mut chosen = Vec::new();
    for kind in NoticeKind::ALL.iter().copied().filter(|kind| decided(*kind)) {
        if kind.choice() == Choice::Free {
            chosen.push((kind, Channel::Mail, form.has(&field(kind, Channel::Mail))));
        }
        if has_telegram {
            chosen.push((kind, Channel::Telegram, form.has(&field(kind, Channel::Telegram))));
        }
    }
    chosen
}

async fn render(
    app: &App,
    partner: &Partner,
    done: Option<&str>,
    offer: Option<Offer>,
    problem: Option<&'static str>,
) -> Page {
    let id = partner.id.clone();
    let (choices, link) = app
        .read(move |tx, _| -> Result<_, DbError> {
            Ok((notices::choices(tx, &id)?, notices::telegram(tx, &id)?))
        })
        .await
        .map_err(PageError::from)?;
    let telegram = Telegram::new(app.bot.is_some(), link);
    let has_telegram = matches!(telegram, Telegram::Connected { .. });
    let status = if problem.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let page = NoticesPage {
        shell: PortalShell::new(&app.env(), partner, paths::ACCOUNT_NOTICES, done),
        email: partner.email.clone(),
        groups: groups(&choices, has_telegram),
        telegram,
        offer,
        problem,
    };
    show_with(status, &page)
}

/// `GET /account/notices`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, partner: Partner, Query(done): Query<Done>) -> Page {
    render(&app, &partner, done.done.as_deref(), None, None).await
}

/// `POST /account/notices`
///
/// # Errors
/// When the database says no.
pub async fn save(State(app): State<App>, partner: Partner, form: Fields) -> Page {
    let chosen = read(&form);
    let saved: Result<(), DbError> = app.write(move |tx, _| ops::choose(tx, &partner.id, &chosen)).await;
    saved.map_err(PageError::from)?;
    go_to(&paths::with_query(paths::ACCOUNT_NOTICES, &[("done", "notices")]))
}

/// `POST /account/telegram`. The answer is the page itself, not a redirect: it shows the one-time link, which is kept
/// nowhere in readable form.
///
/// # Errors
/// 404 when there is no bot; 503 when Telegram doesn't answer; or the database says no.
pub async fn connect(State(app): State<App>, partner: Partner) -> Page {
    let bot = app.bot.as_ref().ok_or_else(PageError::not_found)?;
    let name = match bot.username().await {
        Ok(name) => name.to_owned(),
        Err(trouble) => {
            tracing::warn!(%trouble, "the link to the Telegram bot could not be made");
            let problem = "Telegram can't be reached right now. Please try again in a minute.";
            return render(&app, &partner, None, None, Some(problem)).await;
        }
    };
    let id = partner.id.clone();
    let secret: Result<String, DbError> = app.write(move |tx, env| ops::offer(tx, env, &id)).await;
    let link = paths::telegram_start(&name, &secret.map_err(PageError::from)?);
    let offer = Offer { qr: qr::svg(&link), link, bot: name };
    render(&app, &partner, None, Some(offer), None).await
}

/// `POST /account/telegram/disconnect`
///
/// # Errors
/// When the database says no.
pub async fn disconnect(State(app): State<App>, partner: Partner) -> Page {
    let by = partner.actor();
    let ended: Result<bool, DbError> = app.write(move |tx, env| ops::disconnect(tx, env, &by)).await;
    ended.map_err(PageError::from)?;
    go_to(&paths::with_query(paths::ACCOUNT_NOTICES, &[("done", "telegram-off")]))
}

#[cfg(test)]
mod tests {
    use super::{super::samples::shell, *};

    const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn link(broken: &str) -> TelegramLink {
        TelegramLink {
            chat_id: "7".into(),
            title: "<Mara> (@mara)".into(),
            linked_at: AT,
            broken: broken.into(),
        }
    }

    fn text(is_set_up: bool, link: Option<TelegramLink>, offer: Option<Offer>) -> String {
        let telegram = Telegram::new(is_set_up, link);
        let has_telegram = matches!(telegram, Telegram::Connected { .. });
        let page = NoticesPage {
            shell: shell(paths::ACCOUNT_NOTICES),
            email: "mara@example.com".into(),
            groups: groups(&[(NoticeKind::DealLost, Channel::Telegram, false)], has_telegram),
            telegram,
            offer,
            problem: None,
        };
        page.render().unwrap()
    }

    fn input<'a>(page: &'a str, name: &str) -> &'a str {
        let from = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name} in {page}"));
        page[from..].split('>').next().unwrap()
    }

    #[test]
    fn the_page_says_how_it_stands_with_telegram() {
        let absent = text(false, Some(link("")), None);
        assert!(absent.contains("has no Telegram bot") && !absent.contains("by Telegram</span>"));
        let open = text(true, None, None);
        assert!(open.contains("href=\"/account\" aria-current=\"true\""), "the page belongs to Account");
        assert!(open.contains("Connect Telegram") && open.contains("Connect Telegram above"));
        assert!(!open.contains("value=\"connected\"") && !open.contains("notice[new_client].telegram"));
        let connected = text(true, Some(link("")), None);
        assert!(connected.contains("&#60;Mara&#62; (@mara)") && connected.contains("Disconnect"));
        assert!(connected.contains("value=\"connected\""));
        let broken = text(true, Some(link("the bot was blocked")), None);
        assert!(broken.contains("the bot was blocked") && broken.contains("Connect again"));
        let offer =
            Offer { link: "https://t.me/b?start=x".into(), qr: "<svg></svg>".into(), bot: "b".into() };
        let offered = text(true, None, Some(offer));
        assert!(offered.contains("href=\"https://t.me/b?start=x\"") && offered.contains("<svg>"));
    }

    #[test]
    fn the_boxes_show_what_was_decided() {
        let page = text(true, Some(link("")), None);
        assert!(input(&page, "notice[new_client].mail").contains("checked"));
        assert!(!input(&page, "notice[deal_lost].telegram").contains("checked"));
        assert!(input(&page, "notice[deal_lost].mail").contains("checked"));
        assert!(!page.contains("notice[recovery]") && !page.contains("notice[office_due]"));
        assert!(page.contains("notice[wallet_changed].telegram"));
        assert!(!page.contains("name=\"notice[wallet_changed].mail\""), "always comes, so it is no field");
    }

    #[test]
    fn every_notice_for_partners_stands_on_the_page_once() {
        let rows: Vec<&str> =
            groups(&[], true).into_iter().flat_map(|group| group.rows).map(|row| row.label).collect();
        for kind in NoticeKind::ALL.iter().filter(|kind| !kind.is_for_staff()) {
            let times = rows.iter().filter(|label| **label == kind.label()).count();
            assert_eq!(times, usize::from(kind.choice() != Choice::MailOnly), "{kind:?}");
        }
    }

    #[test]
    fn a_column_that_could_not_be_changed_is_left_as_it_is() {
        let form = Fields::filled([("notice[new_client].mail", "1")]);
        let chosen = read(&form);
        assert!(chosen.contains(&(NoticeKind::NewClient, Channel::Mail, true)));
        assert!(chosen.contains(&(NoticeKind::DealWon, Channel::Mail, false)));
        assert!(
            chosen
                .iter()
                .all(|(kind, channel, _)| { *channel == Channel::Mail && kind.choice() == Choice::Free })
        );
        let form = Fields::filled([("telegram", "connected"), ("notice[wallet_changed].telegram", "1")]);
        let chosen = read(&form);
        assert!(chosen.contains(&(NoticeKind::WalletChanged, Channel::Telegram, true)));
        assert!(chosen.contains(&(NoticeKind::NewSignIn, Channel::Telegram, false)));
    }
}
