//! One webhook: what it is told, its secrets, its deliveries, and what can be done.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    webhook::{MOST_OVERLAP_HOURS, OVERLAP_HOURS},
};
use store::{
    webhook_deliveries::{self, Delivery, DeliveryStatus},
    webhooks::{self, HookKind, Webhook},
};

use super::{
    hook_form::{self, EventBox, METHODS},
    parts::{Asked, Badge, Id, Link, Moment, Pager, ROWS_AND_ONE, Refused, page_of},
    webhooks::{Made, badge},
};
use crate::{
    app::App,
    ops::webhooks::{self as acts, HookError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
    webhooks::template::FIELDS,
};

#[derive(Template)]
#[template(path = "office/webhook.html")]
struct WebhookPage {
    shell: OfficeShell,
    conflict: Option<String>,
    made: Option<Made>,
    id: String,
    name: String,
    place: String,
    is_request: bool,
    active: bool,
    off_why: String,
    status: Badge,
    last_error: String,
    added: Moment,
    success: Option<Moment>,
    failure: Option<Moment>,
    /// How many secrets sign, and until when the older one does.
    old_secret_until: Option<Moment>,
    events: Vec<EventBox>,
    fields: &'static [(&'static str, &'static str)],
    methods: [&'static str; 3],
    filters: Vec<Filter>,
    rows: Vec<Row>,
    whole: bool,
    pager: Pager,
    retried_hours: i64,
    kept_days: i64,
    refused: Refused,
    form: Fields,
}

/// An entry of a select.
struct Filter {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

/// A delivery in the log.
pub struct Row {
    href: String,
    event: String,
    subject: Option<Link>,
    status: Badge,
    note: String,
    at: Moment,
}

/// Where a delivery stands.
pub fn delivery_badge(status: DeliveryStatus) -> Badge {
    let class = match status {
        DeliveryStatus::Waiting => "pending",
        DeliveryStatus::Done => "done",
        DeliveryStatus::Parked => "overdue",
    };
    Badge::new(class, status.label())
}

/// What a delivery is about, with the page of that.
pub fn subject(delivery: &Delivery) -> Option<Link> {
    let id = &delivery.subject_id;
    match delivery.subject.as_str() {
        "client" => Some(Link { href: format!("{}/{id}", paths::OFFICE_CLIENTS), text: format!("C-{id}") }),
        "deal" => Some(Link { href: format!("{}/{id}", paths::OFFICE_DEALS), text: format!("T-{id}") }),
        "withdrawal" => Some(Link { href: paths::office_withdrawal(id), text: "The withdrawal".into() }),
        "partner" => Some(Link { href: paths::office_partner(id), text: "The partner".into() }),
        _ => None,
    }
}

impl Row {
    fn new(delivery: Delivery) -> Row {
        let note = match delivery.status {
            DeliveryStatus::Waiting if delivery.attempts > 0 => {
                format!("{} Next try {}", delivery.last_error, Moment::exact(delivery.next_at).text)
            }
            _ => delivery.last_error.clone(),
        };
        Row {
            href: paths::office_delivery(&delivery.id),
            subject: subject(&delivery),
            status: delivery_badge(delivery.status),
            note,
            at: Moment::exact(delivery.created_at),
            event: delivery.event,
        }
    }
}

/// What the page is shown for.
#[derive(Default)]
struct Occasion {
    conflict: Option<String>,
    made: Option<Made>,
    refused: Refused,
}

struct Loaded {
    shell: OfficeShell,
    hook: Webhook,
    old_secret_until: Option<Timestamp>,
    deliveries: Vec<Delivery>,
}

async fn render(
    app: &App,
    staff: Staff,
    id: String,
    asked: &Asked,
    status: StatusCode,
    occasion: Occasion,
) -> Page {
    let wanted = DeliveryStatus::from_word(asked.0.value("status"));
    let (before, done) = (asked.id("before"), asked.done());
    let loaded = app
        .read(move |tx, env| -> Result<_, PageError> {
            let hook = webhooks::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WEBHOOKS, done.as_deref())?;
            let secrets = webhooks::secrets(tx, &id, env.now)?;
            let deliveries = webhook_deliveries::list(tx, &id, wanted, before.as_deref(), ROWS_AND_ONE)?;
            let old_secret_until = secrets.iter().find_map(|secret| secret.ends_at);
            Ok(Loaded { shell, hook, old_secret_until, deliveries })
        })
        .await?;
    show_with(status, &WebhookPage::new(loaded, asked, wanted, occasion))
}

impl WebhookPage {
    fn new(loaded: Loaded, asked: &Asked, wanted: Option<DeliveryStatus>, occasion: Occasion) -> WebhookPage {
        let Loaded { shell, hook, old_secret_until, deliveries } = loaded;
        let word = wanted.map_or("", DeliveryStatus::as_str);
        let address = paths::with_query(&paths::office_webhook(&hook.id), &[("status", word)]);
        let whole = wanted.is_none() && !asked.0.has("before");
        let (deliveries, pager) =
            page_of(deliveries, asked, "before", &address, |delivery| delivery.id.clone());
        let all = std::iter::once(("", "All"));
        let each = DeliveryStatus::ALL.iter().map(|status| (status.as_str(), status.label()));
        let refused = occasion.refused;
        let form =
            if refused.is("change") { refused.form("change").clone() } else { hook_form::filled(&hook) };
        WebhookPage {
            shell,
            conflict: occasion.conflict,
            made: occasion.made,
            place: acts::place(&hook.url),
            is_request: hook.kind == HookKind::Request,
            active: hook.active,
            status: badge(&hook),
            added: Moment::day(hook.created_at),
            success: hook.last_success_at.map(Moment::exact),
            failure: hook.last_failure_at.map(Moment::exact),
            old_secret_until: old_secret_until.map(Moment::exact),
            events: hook_form::boxes(&form),
            fields: FIELDS,
            methods: METHODS,
            filters: all
                .chain(each)
                .map(|(value, label)| Filter { value, label, chosen: value == word })
                .collect(),
            rows: deliveries.into_iter().map(Row::new).collect(),
            whole,
            pager,
            retried_hours: acts::retried_for_hours(),
            kept_days: webhook_deliveries::KEPT / domain::clock::DAY,
            refused,
            form,
            id: hook.id,
            name: hook.name,
            off_why: hook.off_why,
            last_error: hook.last_error,
        }
    }

    /// The hours in the form for a new secret.
    fn overlap(&self) -> Fields {
        if self.refused.is("secret") {
            return self.refused.form("secret").clone();
        }
        Fields::filled([("hours", &*OVERLAP_HOURS.to_string())])
    }
}

/// `GET /office/webhooks/{id}`
///
/// # Errors
/// 404 when there is no such one.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    render(&app, staff, id, &asked, StatusCode::OK, Occasion::default()).await
}

/// The page with why something can't be done, or the next page.
async fn after(
    app: &App,
    staff: Staff,
    id: String,
    result: Result<(), HookError>,
    done: &'static str,
    next: Option<String>,
) -> Page {
    match result {
        Ok(()) => {
            app.reload_programme().await?;
            go_to(&paths::with_query(&next.unwrap_or_else(|| paths::office_webhook(&id)), &[("done", done)]))
        }
        Err(HookError::Unknown) => Err(PageError::not_found()),
        Err(HookError::Db(error)) => Err(error.into()),
        Err(refusal) => {
            let occasion = Occasion { conflict: Some(refusal.to_string()), ..Occasion::default() };
            render(app, staff, id, &Asked::default(), StatusCode::CONFLICT, occasion).await
        }
    }
}

/// `POST /office/webhooks/{id}/change`
///
/// # Errors
/// 404 when there is no such one.
pub async fn change(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let of = id.clone();
    let before = app
        .read(move |tx, _| webhooks::by_id(tx, &of).map_err(PageError::from))
        .await?
        .ok_or_else(PageError::not_found)?;
    let Some(given) = hook_form::read(&mut form, before.kind, Some(&before), app.hooks.allow_private) else {
        let occasion = Occasion { refused: Refused::act("change", form), ..Occasion::default() };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return render(&app, staff, id, &Asked::default(), status, occasion).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let changed = app.write(move |tx, env| acts::change(tx, env, &by, &of, &given)).await;
    after(&app, staff, id, changed, "hook-saved", None).await
}

/// `POST /office/webhooks/{id}/on`
///
/// # Errors
/// 404 when there is no such one.
pub async fn on(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let switched = app.write(move |tx, env| acts::switch(tx, env, &by, &of, true)).await;
    after(&app, staff, id, switched, "hook-on", None).await
}

/// `POST /office/webhooks/{id}/off`
///
/// # Errors
/// 404 when there is no such one.
pub async fn off(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let switched = app.write(move |tx, env| acts::switch(tx, env, &by, &of, false)).await;
    after(&app, staff, id, switched, "hook-off", None).await
}

/// `POST /office/webhooks/{id}/remove`
///
/// # Errors
/// 404 when there is no such one.
pub async fn remove(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let removed = app.write(move |tx, env| acts::remove(tx, env, &by, &of)).await;
    after(&app, staff, id, removed, "hook-removed", Some(paths::OFFICE_WEBHOOKS.into())).await
}

/// `POST /office/webhooks/{id}/test`
///
/// # Errors
/// 404 when there is no such one.
pub async fn test(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let (tested, next) = match app.write(move |tx, env| acts::test(tx, env, &by, &of)).await {
        Ok(delivery) => (Ok(()), Some(paths::office_delivery(&delivery))),
        Err(error) => (Err(error), None),
    };
    after(&app, staff, id, tested, "hook-tested", next).await
}

/// `POST /office/webhooks/{id}/secret`: makes a new secret, which the answer shows once.
///
/// # Errors
/// 404 when there is no such one.
pub async fn secret(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let hours = form.check("hours", |typed| {
        let hours = typed.trim().parse().ok().filter(|hours| (0..=MOST_OVERLAP_HOURS).contains(hours));
        hours.ok_or_else(|| format!("Write a number of hours from 0 to {MOST_OVERLAP_HOURS}."))
    });
    let Some(hours) = hours else {
        let occasion = Occasion { refused: Refused::act("secret", form), ..Occasion::default() };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return render(&app, staff, id, &Asked::default(), status, occasion).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let made = app.write(move |tx, env| acts::rotate(tx, env, &by, &of, hours)).await;
    match made {
        Ok(secret) => {
            let made = Some(Made { name: "this webhook".into(), secret });
            let occasion = Occasion { made, ..Occasion::default() };
            render(&app, staff, id, &Asked::default(), StatusCode::CREATED, occasion).await
        }
        Err(error) => after(&app, staff, id, Err(error), "", None).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::office::webhooks::sample;

    fn page(kind: HookKind, occasion: Occasion) -> String {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        let hook = Webhook { off_why: "It answered <410>.".into(), active: false, ..sample(kind) };
        let delivery = Delivery {
            id: "0193a1b2-0000-7000-8000-0000000000bb".into(),
            webhook_id: hook.id.clone(),
            event: "deal.won".into(),
            subject: "deal".into(),
            subject_id: "2077".into(),
            body: "{}".into(),
            status: DeliveryStatus::Waiting,
            attempts: 2,
            tries: 2,
            created_at: at,
            next_at: at,
            done_at: None,
            last_error: "It answered 500.".into(),
        };
        let loaded = Loaded {
            shell: OfficeShell::sample(),
            hook,
            old_secret_until: Some(at),
            deliveries: vec![delivery],
        };
        WebhookPage::new(loaded, &Asked::default(), None, occasion).render().unwrap()
    }

    #[test]
    fn the_page_shows_how_it_stands_and_its_deliveries() {
        let text = page(HookKind::Standard, Occasion::default());
        for part in ["It answered &#60;410&#62;.", "/on\"", "T-2077", "Next try", "goes on signing until"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_request_shows_no_secret_and_keeps_what_was_typed() {
        let text = page(HookKind::Request, Occasion::default());
        assert!(text.contains("{{client.name}}") && text.contains("Authorization: ••••"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("key=1"));
        let mut form = Fields::filled([("name", "x"), ("template", "{<oops>")]);
        form.refuse("template", "This is not JSON.");
        let occasion = Occasion { refused: Refused::act("change", form), ..Occasion::default() };
        let text = page(HookKind::Request, occasion);
        assert!(text.contains("{&#60;oops&#62;") && text.contains("change-template-error"));
    }
}
