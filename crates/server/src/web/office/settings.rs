//! The programme's settings: one form, saved as a whole or not at all, and never over somebody else's change.

use std::collections::BTreeSet;

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    attribution::LinkRule,
    money::Currency,
    rate::Rate,
    text::{Email, Line, Telegram, optional},
    tier::{Tier, Tiers},
    wallet::{self, WalletKind},
};
use store::programme::{self, Programme};
use url::Url;

use super::parts::Asked;
use crate::{
    app::App,
    ops::programme::{self as acts, SettingsError},
    sites,
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

/// How many characters the programme's name may have.
const NAME_CHARS: usize = 100;

/// How many characters the address of the company's site may have.
const SITE_CHARS: usize = 1_000;

/// The longest hold period, in days.
const MAX_HOLD_DAYS: i64 = 365;

/// The longest attribution window, in days.
const MAX_WINDOW_DAYS: i64 = 730;

/// The fields beside the tiers, with what they are called.
const FIELDS: [(&str, &str); 18] = [
    ("name", "Name"),
    ("currency", "Currency"),
    ("site_url", "Company site"),
    ("more_sites", "Further sites"),
    ("support_email", "Support email"),
    ("support_telegram", "Support on Telegram"),
    ("minimum_withdrawal", "Minimum withdrawal"),
    ("hold_days", "Hold period"),
    ("window_days", "Attribution window"),
    ("link_rule", "Link rule"),
    ("click_days", "How long clicks are kept"),
    ("claim_days", "Days for a claim"),
    ("approval_from", "Two people from"),
    ("cooling_hours", "Cooling time of wallets"),
    ("payer_name", "Account holder"),
    ("payer_iban", "IBAN"),
    ("payer_bic", "BIC"),
    ("staff_chat", "Telegram group of staff"),
];

/// The shortest and the longest time for which single clicks are kept, in days: claims are looked into with their help.
const MIN_CLICK_DAYS: i64 = 30;
const MAX_CLICK_DAYS: i64 = 3_650;

/// The longest time for a claim, in working days.
const MAX_CLAIM_DAYS: i64 = 60;

/// The longest cooling time of a changed wallet, in hours.
const MAX_COOLING_HOURS: i64 = 720;

/// How many characters the holder of an account may have in a payment file (ISO 20022, Max70Text in SEPA).
const PAYER_CHARS: usize = 70;

#[derive(Template)]
#[template(path = "office/settings.html")]
struct SettingsPage {
    shell: OfficeShell,
    form: Fields,
    currencies: &'static [Currency],
    /// The code that follows amounts.
    currency: String,
    tiers: Vec<TierRow>,
    next_tier: usize,
    /// What somebody else has set meanwhile where it differs from what was typed: the field and its value.
    differs: Vec<(String, String)>,
}

/// A row of the table of tiers.
struct TierRow {
    number: usize,
    from: String,
    rate: String,
}

fn from_field(index: usize) -> String {
    format!("tier[{index}].from")
}

fn rate_field(index: usize) -> String {
    format!("tier[{index}].rate")
}

/// The rows of tiers that a form has, in order.
fn tier_indices(form: &Fields) -> BTreeSet<usize> {
    form.names()
        .filter_map(|name| name.strip_prefix("tier[")?.split_once(']')?.0.parse().ok())
        .filter(|index: &usize| *index < usize::MAX)
        .collect()
}

/// The settings as the form shows them.
fn filled(programme: &Programme) -> Fields {
    let currency = programme.currency;
    let mut form = Fields::filled([
        ("version", &programme.version.to_string()),
        ("name", &programme.name),
        ("currency", currency.code()),
        ("site_url", &programme.site_url),
        ("more_sites", &programme.more_sites),
        ("support_email", &programme.support_email),
        ("support_telegram", &programme.support_telegram),
        ("minimum_withdrawal", &currency.format(programme.minimum_withdrawal)),
        ("hold_days", &programme.hold_days.to_string()),
        ("window_days", &programme.window_days.to_string()),
        ("link_rule", programme.link_rule.as_str()),
        ("click_days", &programme.click_days.to_string()),
        ("claim_days", &programme.claim_days.to_string()),
        ("approval_from", &programme.approval_from.map(|from| currency.format(from)).unwrap_or_default()),
        ("cooling_hours", &programme.cooling_hours.to_string()),
        ("payer_name", &programme.payer_name),
        ("payer_iban", &wallet::display(WalletKind::Iban, &programme.payer_iban)),
        ("payer_bic", &programme.payer_bic),
        ("staff_chat", &programme.staff_chat),
    ]);
    for (index, tier) in programme.tiers.as_slice().iter().enumerate() {
        form.set(&from_field(index), currency.format(tier.from));
        form.set(&rate_field(index), tier.rate.percent());
    }
    form
}

/// Reads the form; what is wrong is kept beside the fields.
fn read(form: &mut Fields) -> Option<Programme> {
    let version = form.typed("version").parse::<i64>().ok();
    if version.is_none() {
        form.refuse_form("This form is broken. Load the page again and make your changes once more.");
    }
    let currency = form.check("currency", |typed| {
        Currency::from_code(typed).ok_or("Choose one of the currencies in the list.")
    });
    // Amounts are read in the currency chosen here, which decides how many decimals they have.
    let amounts = currency.unwrap_or(Currency::USD);
    let name = form.check("name", |typed| Line::<NAME_CHARS>::parse_as("name", typed));
    let site_url = form.check("site_url", parse_site);
    let more_sites = form.check("more_sites", sites::read);
    let support_email = form.check("support_email", |typed| optional(typed, Email::parse));
    let support_telegram = form.check("support_telegram", |typed| optional(typed, Telegram::parse));
    let minimum_withdrawal = form.check("minimum_withdrawal", |typed| amounts.parse_or_zero(typed));
    let hold_days = form.check("hold_days", |typed| whole(typed, 0, MAX_HOLD_DAYS, "days"));
    let window_days = form.check("window_days", |typed| whole(typed, 1, MAX_WINDOW_DAYS, "days"));
    let link_rule = form.check("link_rule", |typed| {
        LinkRule::from_word(typed).ok_or("Choose whether the last link or the first link wins.")
    });
    let click_days = form.check("click_days", |typed| whole(typed, MIN_CLICK_DAYS, MAX_CLICK_DAYS, "days"));
    let claim_days = form.check("claim_days", |typed| whole(typed, 1, MAX_CLAIM_DAYS, "days"));
    let approval_from = form.check("approval_from", |typed| match typed.trim() {
        "" => Ok(None),
        typed => amounts.parse_or_zero(typed).map(Some),
    });
    let cooling_hours = form.check("cooling_hours", |typed| whole(typed, 0, MAX_COOLING_HOURS, "hours"));
    let payer_name = form.check("payer_name", |typed| {
        optional(typed, |typed| Line::<PAYER_CHARS>::parse_as("account holder", typed))
    });
    let payer_iban =
        form.check("payer_iban", |typed| optional(typed, |typed| wallet::check(WalletKind::Iban, typed)));
    let payer_bic = form.check("payer_bic", |typed| optional(typed, wallet::Bic::parse));
    let staff_chat = form.check("staff_chat", parse_chat);
    let tiers = read_tiers(form, amounts);
    if form.is_refused() {
        return None;
    }
    Some(Programme {
        // Kept with the webhooks, and not saved from here.
        hook_events: domain::webhook::HookEvents::NONE,
        name: name?.into_string(),
        currency: currency?,
        site_url: site_url?,
        more_sites: more_sites?,
        support_email: support_email?.map(Email::into_string).unwrap_or_default(),
        support_telegram: support_telegram?.map(Telegram::into_string).unwrap_or_default(),
        minimum_withdrawal: minimum_withdrawal?,
        hold_days: hold_days?,
        window_days: window_days?,
        link_rule: link_rule?,
        click_days: click_days?,
        claim_days: claim_days?,
        approval_from: approval_from?,
        cooling_hours: cooling_hours?,
        payer_name: payer_name?.map(Line::into_string).unwrap_or_default(),
        payer_iban: payer_iban?.map(|iban| iban.as_str().to_owned()).unwrap_or_default(),
        payer_bic: payer_bic?.map(wallet::Bic::into_string).unwrap_or_default(),
        staff_chat: staff_chat?,
        tiers: tiers?,
        version: version?,
    })
}

/// The address of the company's site: empty, or a whole one that a browser may be sent to.
fn parse_site(typed: &str) -> Result<String, String> {
    if typed.trim().is_empty() {
        return Ok(String::new());
    }
    let text = Line::<SITE_CHARS>::parse_as("address", typed).map_err(|error| error.to_string())?;
    let url = Url::parse(text.as_str()).ok().filter(|_| sites::origin(text.as_str()).is_some());
    match url {
        Some(url) => Ok(url.to_string()),
        None => Err("Write the whole address, like https://example.com, or leave it empty.".into()),
    }
}

/// A Telegram group: the number that Telegram gives it, which is below zero, or nothing.
fn parse_chat(typed: &str) -> Result<String, &'static str> {
    let text = typed.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if text.is_empty() {
        return Ok(String::new());
    }
    if digits.is_empty() || digits.len() > 18 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return Err("Write the number of the group, like -1001234567890, or leave it empty.");
    }
    Ok(text.to_owned())
}

/// A number within bounds.
fn whole(typed: &str, least: i64, most: i64, unit: &str) -> Result<i64, String> {
    let text = typed.trim();
    Some(text)
        .filter(|text| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("Write a whole number of {unit} from {least} to {most}."))
}

/// The tiers; rows left empty are passed over.
fn read_tiers(form: &mut Fields, currency: Currency) -> Option<Tiers> {
    let mut tiers = Vec::new();
    let mut first = None;
    for index in tier_indices(form) {
        let (from, rate) = (from_field(index), rate_field(index));
        if form.typed(&from).trim().is_empty() && form.typed(&rate).trim().is_empty() {
            continue;
        }
        first.get_or_insert(index);
        let from = form.check(&from, |typed| currency.parse_or_zero(typed));
        let rate = form.check(&rate, Rate::parse_percent);
        tiers.extend(from.zip(rate).map(|(from, rate)| Tier { from, rate }));
    }
    let wrong = form.errors().any(|(name, _)| name.starts_with("tier["));
    if wrong {
        return None;
    }
    match Tiers::new(tiers) {
        Ok(tiers) => Some(tiers),
        Err(error) => {
            form.refuse(&from_field(first.unwrap_or(0)), error);
            None
        }
    }
}

/// What is set now where it differs from what was typed.
fn differences(form: &Fields, current: &Programme) -> Vec<(String, String)> {
    let now = filled(current);
    let mut differences: Vec<(String, String)> = FIELDS
        .into_iter()
        .filter(|(name, _)| form.value(name) != now.value(name))
        .map(|(name, label)| (label.to_owned(), now.value(name).to_owned()))
        .collect();
    let written = |form: &Fields| -> Vec<String> {
        let tier =
            |index| format!("{} % from {}", form.value(&rate_field(index)), form.value(&from_field(index)));
        let empty = |index: &usize| form.value(&from_field(*index)).trim().is_empty();
        tier_indices(form).into_iter().filter(|index| !empty(index)).map(tier).collect()
    };
    if written(form) != written(&now) {
        differences.push(("Tiers".into(), written(&now).join(", ")));
    }
    differences
}

impl SettingsPage {
    fn new(shell: OfficeShell, mut form: Fields, differs: Vec<(String, String)>) -> SettingsPage {
        let indices = tier_indices(&form);
        // The error of a list without any row stands beside the first one.
        let fresh = indices.last().map_or(0, |last| last + 1);
        let last_is_empty = indices.last().is_some_and(|last| {
            form.value(&from_field(*last)).is_empty() && form.value(&rate_field(*last)).is_empty()
        });
        if !last_is_empty {
            form.set(&from_field(fresh), "");
            form.set(&rate_field(fresh), "");
        }
        let indices = tier_indices(&form);
        SettingsPage {
            shell,
            currency: form.value("currency").to_owned(),
            currencies: Currency::all(),
            next_tier: indices.last().map_or(0, |last| last + 1),
            tiers: indices
                .into_iter()
                .enumerate()
                .map(|(place, index)| TierRow {
                    number: place + 1,
                    from: from_field(index),
                    rate: rate_field(index),
                })
                .collect(),
            form,
            differs,
        }
    }
}

async fn render(
    app: &App,
    staff: Staff,
    done: Option<String>,
    status: StatusCode,
    form: Option<Fields>,
    differs: Vec<(String, String)>,
) -> Page {
    let (shell, current) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_SETTINGS, done.as_deref())?;
            Ok((shell, programme::load(tx)?))
        })
        .await?;
    show_with(status, &SettingsPage::new(shell, form.unwrap_or_else(|| filled(&current)), differs))
}

/// `GET /office/settings`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, asked.done(), StatusCode::OK, None, Vec::new()).await
}

/// `POST /office/settings`
///
/// # Errors
/// When the database says no.
pub async fn save(State(app): State<App>, staff: Staff, mut form: Fields) -> Page {
    // A page that was loaded before this field was there leaves it as it is.
    if !form.has("click_days") {
        form.set("click_days", app.programme().click_days.to_string());
    }
    let Some(changed) = read(&mut form) else {
        return render(&app, staff, None, StatusCode::UNPROCESSABLE_ENTITY, Some(form), Vec::new()).await;
    };
    let by = staff.actor.clone();
    match app.write(move |tx, env| acts::save(tx, env, &by, &changed)).await {
        Ok(()) => {
            app.reload_programme().await?;
            go_to(&paths::with_query(paths::OFFICE_SETTINGS, &[("done", "settings")]))
        }
        Err(refusal @ SettingsError::CurrencyFixed(_)) => {
            form.refuse("currency", refusal);
            render(&app, staff, None, StatusCode::UNPROCESSABLE_ENTITY, Some(form), Vec::new()).await
        }
        Err(refusal @ SettingsError::Changed) => {
            let current = app.read(|tx, _| programme::load(tx)).await?;
            let differs = differences(&form, &current);
            // Whoever saves again has seen what the other one has set.
            form.set("version", current.version.to_string());
            form.refuse_form(refusal);
            render(&app, staff, None, StatusCode::CONFLICT, Some(form), differs).await
        }
        Err(SettingsError::Db(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Fields) -> String {
        SettingsPage::new(OfficeShell::sample(), form, vec![("Name".into(), "Other <name>".into())])
            .render()
            .unwrap()
    }

    #[test]
    fn what_is_shown_is_read_back_as_it_was() {
        let standard = Programme { site_url: "https://example.com/".into(), ..Programme::standard() };
        assert_eq!(read(&mut filled(&standard)), Some(standard));
    }

    #[test]
    fn rows_left_empty_are_passed_over_and_order_does_not_matter() {
        let mut form = filled(&Programme::standard());
        form.set("tier[1].from", " ");
        form.set("tier[1].rate", "");
        form.set("tier[10].from", "50,000");
        form.set("tier[10].rate", "13.5 %");
        let programme = read(&mut form).unwrap();
        let rates: Vec<String> =
            programme.tiers.as_slice().iter().map(|tier| tier.rate.to_string()).collect();
        assert_eq!(rates, ["10 %", "13.5 %", "15 %"]);
    }

    #[test]
    fn every_field_has_its_own_sentence_and_what_was_typed_is_kept() {
        for (name, typed) in [
            ("name", ""),
            ("name", "a\0b"),
            ("currency", "XXX"),
            ("site_url", "javascript:alert(1)"),
            ("site_url", "example.com"),
            ("support_email", "nobody"),
            ("support_telegram", "https://t.me/+invite"),
            ("minimum_withdrawal", "-1"),
            ("minimum_withdrawal", "1,5"),
            ("hold_days", "366"),
            ("hold_days", "soon"),
            ("window_days", "0"),
            ("click_days", "29"),
            ("claim_days", "0"),
            ("approval_from", "lots"),
            ("cooling_hours", "-1"),
            ("payer_name", "a\0b"),
            ("payer_iban", "DE89 3704 0044 0532 0130 01"),
            ("payer_bic", "DEUT"),
            ("staff_chat", "@group"),
            ("link_rule", "both"),
            ("tier[0].from", "5"),
            ("tier[0].rate", "101"),
            ("tier[1].from", "100,000"),
            ("tier[2].rate", ""),
        ] {
            let mut form = filled(&Programme::standard());
            form.set(name, typed);
            assert_eq!(read(&mut form), None, "{name} {typed:?}");
            let said: Vec<(&str, &str)> = form.errors().collect();
            assert_eq!(said.len(), 1, "{name} {typed:?}: {said:?}");
            let beside = if typed == "100,000" { "tier[0].from" } else { name };
            assert_eq!(said[0].0, beside, "{typed:?}");
            let page = text(form);
            assert!(page.contains(&format!("id=\"settings-{beside}-error\"")), "{name} {typed:?}");
        }
    }

    #[test]
    fn there_is_always_one_empty_row_and_it_has_a_free_index() {
        let page = text(filled(&Programme::standard()));
        assert!(page.contains("name=\"tier[3].from\" value=\"\"") && !page.contains("tier[4].from"));
        let mut form = filled(&Programme::standard());
        form.set("tier[3].from", "");
        form.set("tier[3].rate", "");
        assert!(!text(form).contains("tier[4].from"), "the row that was empty serves again");
        assert!(text(Fields::default()).contains("tier[0].from"));
    }

    #[test]
    fn what_somebody_else_has_set_is_told() {
        let mut form = filled(&Programme::standard());
        form.set("hold_days", "7");
        form.set("tier[2].rate", "20");
        assert_eq!(
            differences(&form, &Programme::standard()),
            [
                ("Hold period".to_owned(), "0".to_owned()),
                ("Tiers".to_owned(), "10 % from 0.00, 12 % from 25,000.00, 15 % from 100,000.00".to_owned()),
            ]
        );
        assert!(text(form).contains("Other &#60;name&#62;"));
    }
}
