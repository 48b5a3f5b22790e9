//! The CRMs that may tell something, and a new one.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::permission::Permission;
use store::{crm, outbox::COUNTED};

use super::parts::{Asked, Moment};
use crate::{
    app::App,
    ops::crm::{
        self as acts, SourceName,
        presets::{PRESETS, Preset},
    },
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, show_with},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/crm.html")]
struct CrmPage {
    shell: OfficeShell,
    may_manage: bool,
    may_reconcile: bool,
    made: Option<Made>,
    rows: Vec<Row>,
    /// Word, label, whether it is chosen.
    presets: Vec<(&'static str, &'static str, bool)>,
    form: Fields,
}

/// An address that is shown this once.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    address: String,
    href: String,
}

struct Row {
    href: String,
    name: String,
    hint: String,
    made: Moment,
    closed: Option<Moment>,
    waiting: i64,
}

/// What the page is shown for.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    made: Option<Made>,
    form: Fields,
}

async fn render(app: &App, staff: Staff, status: StatusCode, occasion: Occasion) -> Page {
    let done = occasion.done;
    let may_manage = staff.role.may(Permission::ManageCrm);
    let may_reconcile = staff.role.may(Permission::Reconcile);
    let (shell, rows) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CRM, done.as_deref())?;
            let mut rows = Vec::new();
            for source in crm::sources(tx)? {
                let waiting = crm::waiting(tx, Some(&source.id), COUNTED)?;
                rows.push(Row {
                    href: paths::office_crm(&source.id),
                    name: source.name,
                    hint: source.hint,
                    made: Moment::day(source.created_at),
                    closed: source.closed_at.map(Moment::exact),
                    waiting,
                });
            }
            Ok((shell, rows))
        })
        .await?;
    let form = occasion.form;
    let presets =
        PRESETS.map(|preset| (preset.word, preset.label, preset.word == form.value("preset"))).to_vec();
    show_with(status, &CrmPage { shell, may_manage, may_reconcile, made: occasion.made, rows, presets, form })
}

/// `GET /office/crm`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, StatusCode::OK, Occasion { done: asked.done(), ..Occasion::default() }).await
}

/// `POST /office/crm/make`: makes an address. The answer is the page itself, not a redirect: it shows the address, whose secret
/// is kept nowhere in readable form.
///
/// # Errors
/// When the database says no.
pub async fn make(State(app): State<App>, staff: Staff, mut form: Fields) -> Page {
    let name = form.check("name", |typed| SourceName::parse_as("name", typed));
    let preset = form.check("preset", |typed| Preset::from_word(typed).ok_or("Choose one."));
    let (Some(name), Some(preset)) = (name, preset) else {
        let occasion = Occasion { form, ..Occasion::default() };
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    };
    let (by, called, mapping) = (staff.actor.clone(), name.to_string(), preset.mapping());
    let (id, secret) = app.write(move |tx, env| acts::make(tx, env, &by, &name, &mapping)).await?;
    let address = format!("{}{}/{secret}", app.public_url, paths::HOOKS);
    let made = Some(Made { name: called, address, href: paths::office_crm(&id) });
    render(&app, staff, StatusCode::CREATED, Occasion { made, ..Occasion::default() }).await
}
