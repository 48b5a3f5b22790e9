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
};
use store::programme::{self, Programme};
use url::Url;

use super::parts::Asked;
use crate::{
    app::App,
    ops::programme::{self as acts, SettingsError},
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
const FIELDS: [(&str, &str); 9] = [
    ("name", "Name"),
    ("currency", "Currency"),
    ("site_url", "Company site"),
    ("support_email", "Support email"),
    ("support_telegram", "Support on Telegram"),
    ("minimum_withdrawal", "Minimum withdrawal"),
    ("hold_days", "Hold period"),
    ("window_days", "Attribution window"),
    ("link_rule", "Link rule"),
];

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
        ("support_email", &programme.support_email),
        ("support_telegram", &programme.support_telegram),
        ("minimum_withdrawal", &currency.format(programme.minimum_withdrawal)),
        ("hold_days", &programme.hold_days.to_string()),
        ("window_days", &programme.window_days.to_string()),
        ("link_rule", programme.link_rule.as_str()),
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
    let support_email = form.check("support_email", |typed| optional(typed, Email::parse));
    let support_telegram = form.check("support_telegram", |typed| optional(typed, Telegram::parse));
    let minimum_withdrawal = form.check("minimum_withdrawal", |typed| amounts.parse_or_zero(typed));
    let hold_days = form.check("hold_days", |typed| days(typed, 0, MAX_HOLD_DAYS));
    let window_days = form.check("window_days", |typed| days(typed, 1, MAX_WINDOW_DAYS));
    let link_rule = form.check("link_rule", |typed| {
        LinkRule::from_word(typed).ok_or("Choose whether the last link or the first link wins.")
    });
    let tiers = read_tiers(form, amounts);
    if form.is_refused() {
        return None;
    }
    Some(Programme {
        name: name?.into_string(),
        currency: currency?,
        site_url: site_url?,
        support_email: support_email?.map(Email::into_string).unwrap_or_default(),
        support_telegram: support_telegram?.map(Telegram::into_string).unwrap_or_default(),
        minimum_withdrawal: minimum_withdrawal?,
        hold_days: hold_days?,
        window_days: window_days?,
        link_rule: link_rule?,
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
    let url = Url::parse(text.as_str()).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty())
    });
    match url {
        Some(url) => Ok(url.to_string()),
        None => Err("Write the whole address, like https://example.com, or leave it empty.".into()),
    }
}

/// A number of days within bounds.
fn days(typed: &str, least: i64, most: i64) -> Result<i64, String> {
    let text = typed.trim();
    Some(text)
        .filter(|text| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|days| (least..=most).contains(days))
        .ok_or_else(|| format!("Write a whole number of days from {least} to {most}."))
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
    let Some(changed) = read(&mut form) else {
        return render(&app, staff, None, StatusCode::UNPROCESSABLE_ENTITY, Some(form), Vec::new()).await;
    };
    match app.write(move |tx, _| acts::save(tx, &changed)).await {
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
